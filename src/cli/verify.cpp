// tilepath verify: execute mappings and compare.
#include <fmt/core.h>

#include <cmath>
#include <memory>

#include "at_once.hpp"
#include "context.hpp"
#include "progress.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/formats/result.hpp"
#include "tilepath/model/evaluate.hpp"
#include "tilepath/model/schedule.hpp"

namespace tilepath::cli {

namespace {

struct Outcome {
  Verification verification;
  Cycles closed_form;                  ///< the model's cycles (R8) …
  std::optional<CycleSplit> schedule;  ///< … and played through
  std::string false_claim;
  [[nodiscard]] bool passed() const { return verification.passed() && false_claim.empty(); }
};

/// One verified layer.
struct Named {
  const Layer& layer;
  const Hierarchy& hierarchy;
};

Json to_json(const std::vector<Named>& subjects, const std::vector<Outcome>& outcomes) {
  Json json = {{"schema_version", 1}, {"verified", true}, {"layers", Json::array()}};
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    const Outcome& outcome = outcomes[i];
    Json layer = {{"name", subjects[i].layer.name},
                  {"verification", tilepath::to_json(outcome.verification, subjects[i].hierarchy, true)},
                  {"model_cycles", outcome.closed_form.value()}};
    if (outcome.schedule) layer["scheduled_cycles"] = outcome.schedule->total();
    if (!outcome.false_claim.empty()) layer["wrong"] = outcome.false_claim;
    json["verified"] = json["verified"].get<bool>() && outcome.passed();
    json["layers"].push_back(std::move(layer));
  }
  return json;
}

int report(const std::vector<Named>& subjects, const std::vector<Outcome>& outcomes, bool json) {
  std::vector<std::vector<std::string>> rows = {
      {"layer", "outputs", "counts", "cycles", "schedule", "closed form", "difference"}};
  int code = kDone;
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    const Outcome& outcome = outcomes[i];
    const double kept = outcome.verification.cycles.total();
    const auto off = [&](double cycles) { return fmt::format("{:+.2f} %", 100 * (cycles / kept - 1)); };
    rows.push_back({subjects[i].layer.name, outcome.verification.outputs_match ? "match" : "DIFFER",
                    outcome.verification.counts_match ? "match" : "DIFFER", grouped(static_cast<std::int64_t>(std::ceil(kept))),
                    outcome.schedule ? off(outcome.schedule->total()) : "", off(static_cast<double>(outcome.closed_form.value())),
                    outcome.false_claim.empty() ? outcome.verification.difference : outcome.false_claim});
    if (!outcome.passed()) code = kCheckFailed;
  }
  if (json) fmt::print("{}\n", to_json(subjects, outcomes).dump(1));
  fmt::print(json ? stderr : stdout, "{}{}\n", table(rows, {false, false, false, true, true, true, false}),
             code == kDone ? "verified" : "FAILED");
  return code;
}

int verify_result(const std::string& path, bool json, const Context& context) {
  const std::vector<Claim> claims = read_result(read_document(path));
  std::vector<Named> subjects;
  std::vector<Outcome> outcomes(claims.size());
  for (const Claim& claim : claims) subjects.push_back({claim.layer, claim.hierarchy});
  {
    Progress progress("verify", claims.size());
    each_at_once(claims.size(), [&](std::size_t i) {
      const Claim& claim = claims[i];
      const Evaluation evaluation = evaluate(claim.nest, claim.layer, claim.hierarchy);
      outcomes[i].schedule = schedule(claim.nest, claim.layer, claim.hierarchy);
      outcomes[i].false_claim = false_cost(claim, evaluation_of(claim, outcomes[i].schedule), outcomes[i].schedule);
      outcomes[i].closed_form = evaluation.cycles;
      outcomes[i].verification = verify(claim.nest, claim.layer, claim.hierarchy, evaluation.counts, 1, context.stop);
      progress.done(claim.layer.name);
    });
  }
  return report(subjects, outcomes, json);
}

int verify_mapping(const MappingArguments& arguments, bool json, const Context& context) {
  const Subject subject = load(arguments, context.library);
  const Evaluation evaluation = evaluate(subject.nest, subject.layer, subject.hierarchy);
  const Outcome outcome{verify(subject.nest, subject.layer, subject.hierarchy, evaluation.counts, 1, context.stop),
                        evaluation.cycles, schedule(subject.nest, subject.layer, subject.hierarchy), ""};
  return report({{subject.layer, subject.hierarchy}}, {outcome}, json);
}

}  // namespace

void add_verify(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<MappingArguments>();
  auto json = std::make_shared<bool>(false);
  CLI::App* command =
      app.add_subcommand("verify", "Execute a result's mappings, or one that you wrote, and compare outputs and counts");
  arguments->add_to(*command);
  command->get_option("workload")->description("A result of `tilepath search`; with --mapping: the workload");
  command->add_flag("--json", *json, "JSON on standard output, the table on standard error");
  command->footer(
      "Examples:\n"
      "  tilepath verify alexnet.json\n"
      "  tilepath verify --mapping alexnet-conv2-rs\n"
      "  tilepath verify resnet50 --layer conv1 --arch eyeriss-3level --mapping mine.json");
  command->callback([=, &action] {
    if (arguments->workload.empty() && arguments->mapping.empty()) throw CLI::RequiredError("a result file or --mapping");
    if (arguments->mapping.empty() && !arguments->arch.empty()) throw CLI::RequiredError("--mapping (or a result file alone)");
    action = [=](const Context& context) {
      return arguments->mapping.empty() ? verify_result(arguments->workload, *json, context)
                                        : verify_mapping(*arguments, *json, context);
    };
  });
}

}  // namespace tilepath::cli
