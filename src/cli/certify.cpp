// tilepath certify: is what a result claims true?
#include <fmt/core.h>

#include <cmath>
#include <map>
#include <memory>

#include "at_once.hpp"
#include "context.hpp"
#include "progress.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/certify/recheck.hpp"
#include "tilepath/formats/proof.hpp"
#include "tilepath/formats/result.hpp"
#include "tilepath/model/evaluate.hpp"

namespace tilepath::cli {

namespace {

constexpr double kRounding = 1e-9;

struct Options {
  std::string result, proof;
  std::vector<std::string> layers;
  bool bound = false, json = false;
  double time_limit = 0;
  int threads = 0;
};

struct Finding {
  std::string wrong;  ///< the first claim that is false; empty: none is
  double value = 0, lower_bound = 0;
  std::optional<Recheck> recheck;
};

/// Everything but the bound: the mapping's cost, its place in the mapspace, what the certificate says of itself.
std::string wrong_claim(const Claim& claim, Finding& finding) {
  if (std::string wrong = false_fact(claim); !wrong.empty()) return wrong;
  const std::optional<CycleSplit> schedule = schedule_of(claim);
  const Evaluation evaluation = evaluation_of(claim, schedule);
  if (std::string wrong = false_cost(claim, evaluation, schedule); !wrong.empty()) return wrong;
  for (const Constraint& constraint : claim.options.constraints)
    if (!obeys(claim.nest, constraint, claim.layer)) return "the mapping does not obey " + constraint.text;
  if (const std::string why =
          why_outside(claim.nest, claim.layer, claim.hierarchy, claim.options.mapspace, claim.options.constraints);
      !why.empty())
    return "the mapping is outside the mapspace: " + why;
  finding.value = score_of(claim.options.objective, evaluation).value;
  if (std::isinf(finding.value)) return "the mapping exceeds a ceiling of energy or cycles";
  const Json& certificate = claim.certificate;
  for (const char* key : {"proved", "lower_bound", "gap", "mapspace_size"})
    if (!certificate.is_object() || !certificate.contains(key)) return std::string("certificate/") + key + " is missing";
  if (!certificate["proved"].is_boolean() || !certificate["lower_bound"].is_number() || !certificate["gap"].is_number())
    return "certificate: 'proved' must be true or false, 'lower_bound' and 'gap' numbers";
  finding.lower_bound = certificate["lower_bound"].get<double>();
  const double slack = kRounding * finding.value;
  if (finding.lower_bound > finding.value + slack)
    return fmt::format("certificate/lower_bound {} is above the mapping's own value {}", finding.lower_bound, finding.value);
  if (certificate["proved"].get<bool>() && finding.lower_bound < finding.value - slack)
    return fmt::format("certificate/proved: the lower bound {} does not reach the value {}", finding.lower_bound, finding.value);
  const double gap = finding.value > 0 ? (finding.value - finding.lower_bound) / finding.value : 0;
  if (std::abs(gap - certificate["gap"].get<double>()) > kRounding)
    return fmt::format("certificate/gap is claimed to be {}, and is {}", certificate["gap"].dump(), gap);
  return false_claim(certificate["mapspace_size"], mapspace_size(claim.layer, claim.hierarchy, claim.options.mapspace),
                     "certificate/mapspace_size");
}

void recheck_bound(const Claim& claim, const Options& options, const std::stop_token& stop, Finding& finding) {
  SearchOptions asked = claim.options;
  asked.time_limit = options.time_limit;
  finding.recheck = recheck(claim.layer, claim.hierarchy, asked, finding.lower_bound, stop);
  if (!finding.recheck->better) return;
  const Evaluation better = evaluate(*finding.recheck->better, claim.layer, claim.hierarchy);
  finding.wrong = fmt::format("certificate/lower_bound {} is not one: this mapping's value is {}\n{}", finding.lower_bound,
                              score_of(claim.options.objective, better).value,
                              to_text(*finding.recheck->better, claim.layer, claim.hierarchy));
}

/// The bound of each job that a proof lists, by the second method.
void recheck_jobs(const Claim& claim, const std::vector<SolvedJob>& jobs, const Options& options, const std::stop_token& stop,
                  Finding& finding) {
  SearchOptions asked = claim.options;
  asked.time_limit = options.time_limit;
  Recheck all;
  for (std::size_t j = 0; j < jobs.size() && finding.wrong.empty(); ++j) {
    const Recheck one = recheck(claim.layer, claim.hierarchy, asked, jobs[j], stop);
    all.finished = all.finished && one.finished;
    all.jobs += one.jobs;
    all.solved += one.solved;
    all.labels += one.labels;
    if (one.better)
      finding.wrong = fmt::format("proof: job {} has a mapping below its bound {}\n{}", j, jobs[j].bound,
                                  to_text(*one.better, claim.layer, claim.hierarchy));
  }
  finding.recheck = all;
}

std::string bound_text(const Finding& finding) {
  if (!finding.wrong.empty()) return "";
  if (!finding.recheck) return "not rechecked (--bound)";
  if (!finding.recheck->finished) return "no answer in time";
  return fmt::format("holds: {} jobs, {} solved anew", grouped(finding.recheck->jobs), grouped(finding.recheck->solved));
}

Json to_json(const Claim& claim, const Finding& finding) {
  Json json = {{"name", claim.layer.name},
               {"certified", finding.wrong.empty()},
               {"value", finding.value},
               {"lower_bound", finding.lower_bound},
               {"bound_rechecked", finding.recheck && finding.recheck->finished}};
  if (!finding.wrong.empty()) json["wrong"] = finding.wrong;
  if (finding.recheck)
    json["recheck"] = {
        {"jobs", finding.recheck->jobs}, {"jobs_solved", finding.recheck->solved}, {"labels", finding.recheck->labels}};
  return json;
}

int run(const Options& options, const Context& context) {
  const auto limit = limit_threads(options.threads);
  const Document document = read_document(options.result);
  std::vector<Claim> claims = read_result(document);
  const std::string wrong_total = false_total(document, claims);
  if (!options.layers.empty()) {
    for (const std::string& name : options.layers)
      if (std::none_of(claims.begin(), claims.end(), [&](const Claim& claim) { return claim.layer.name == name; }))
        throw InputError(options.result + ": no layer '" + name + "'");
    std::erase_if(claims, [&](const Claim& claim) {
      return std::find(options.layers.begin(), options.layers.end(), claim.layer.name) == options.layers.end();
    });
  }
  std::map<std::string, std::vector<SolvedJob>> proof;
  if (!options.proof.empty()) proof = read_proof(read_document(options.proof), claims);
  std::vector<Finding> findings(claims.size());
  {
    Progress progress("certify", claims.size());
    each_at_once(claims.size(), [&](std::size_t i) {
      findings[i].wrong = wrong_claim(claims[i], findings[i]);
      if (!options.proof.empty() && findings[i].wrong.empty()) {
        const auto jobs = proof.find(claims[i].layer.name);
        if (jobs == proof.end())
          findings[i].wrong = options.proof + " lists no jobs of this layer";
        else
          recheck_jobs(claims[i], jobs->second, options, context.stop, findings[i]);
      }
      if (options.bound && findings[i].wrong.empty()) recheck_bound(claims[i], options, context.stop, findings[i]);
      progress.done(claims[i].layer.name);
    });
  }
  int code = kDone;
  bool unanswered = false;
  if (!wrong_total.empty()) {
    code = kCheckFailed;
    fmt::print(stderr, "tilepath: {}\n", wrong_total);
  }
  std::vector<std::vector<std::string>> rows = {{"layer", "claims", "optimum", "bound"}};
  Json json = {{"schema_version", 1}, {"layers", Json::array()}};
  for (std::size_t i = 0; i < claims.size(); ++i) {
    const Finding& finding = findings[i];
    if (!finding.wrong.empty()) {
      code = kCheckFailed;
      fmt::print(stderr, "tilepath: {}: {}\n", claims[i].layer.name, finding.wrong);
    }
    unanswered = unanswered || (finding.recheck && !finding.recheck->finished);
    const double gap = finding.value > 0 ? 100 * (finding.value - finding.lower_bound) / finding.value : 0;
    const std::string optimum = gap < 100 * kRounding ? "claimed proved" : fmt::format("claimed gap {:.2f} %", gap);
    rows.push_back({claims[i].layer.name, finding.wrong.empty() ? "true" : "FALSE", optimum, bound_text(finding)});
    json["layers"].push_back(to_json(claims[i], finding));
  }
  json["certified"] = code == kDone && !unanswered;
  if (options.json) fmt::print("{}\n", json.dump(1));
  fmt::print(options.json ? stderr : stdout, "{}{}\n", table(rows, {false, false, false, false}),
             code != kDone ? "FAILED"
             : unanswered  ? "certified, but for bounds without an answer"
                           : "certified");
  if (context.stop.stop_requested()) return kInterrupted;
  return unanswered && code == kDone ? kCheckFailed : code;
}

}  // namespace

void add_certify(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("certify", "Check what a result claims: mappings, costs, constraints, bounds");
  command->add_option("result", options->result, "A result of `tilepath search`, or -")->required()->type_name("RESULT");
  command->add_option("-l,--layer", options->layers, "Only this layer (may be given several times)")->expected(1)->take_all();
  command->add_flag(
      "--bound", options->bound,
      "Also prove again that no mapping is below the lower bound, by a second, slower method that shares no code with "
      "the search");
  command
      ->add_option(
          "--proof", options->proof,
          "Check by the same method the jobs that `tilepath search --proof` wrote; quicker, but it takes the search's word "
          "for the jobs that it excluded")
      ->type_name("FILE");
  command->add_option("--time-limit", options->time_limit, "Seconds per layer for --bound, per job for --proof")
      ->check(above_zero());
  command->add_option("--threads", options->threads, "Threads (default: all cores)")->check(above_zero());
  command->add_flag("--json", options->json, "Findings as JSON on standard output, the table on standard error");
  command->footer(
      "Exit code: 0 all claims are true, 1 one is false or a bound had no answer in time.\n"
      "Examples:\n"
      "  tilepath certify alexnet.json\n"
      "  tilepath certify alexnet.json --layer conv3 --bound\n"
      "  tilepath search alexnet --arch eyeriss -o a.json --proof p.json && tilepath certify a.json --proof p.json");
  command->callback([options, &action] { action = [options](const Context& context) { return run(*options, context); }; });
}

}  // namespace tilepath::cli
