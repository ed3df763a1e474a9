// tilepath search: a network in, proven mappings out.
#include <fmt/core.h>

#include <cmath>
#include <memory>

#include "at_once.hpp"
#include "context.hpp"
#include "solve.hpp"
#include "tilepath/formats/proof.hpp"
#include "tilepath/formats/result.hpp"

namespace tilepath::cli {

namespace {

struct Options {
  SolveRequest request;
  std::string output, proof;
  bool json = false, no_seconds = false;
  int threads = 0;
};

std::string verdict(const LayerResult& each, bool asked) {
  if (!asked) return "";
  if (!each.verification) return "no";
  return each.verification->passed() ? "verified" : "FAILED";
}

/// How much longer the mapping takes when it is played through than the closed form says.
std::string longer(const LayerResult& each) {
  if (!each.schedule) return "";
  const double cycles = each.schedule->total();
  const auto said = static_cast<double>(each.found.evaluation.cycles.value());
  return std::abs(cycles - said) < 1 ? "same" : fmt::format("{:+.2f} %", 100 * (cycles / said - 1));
}

std::string summary(const NetworkResult& result, bool verified) {
  std::vector<std::vector<std::string>> rows = {
      {"layer", "MACs", "energy/MAC", "cycles", "schedule", "utilization", "dataflow", "optimum", verified ? "execution" : ""}};
  for (const LayerResult& each : result.layers) {
    const auto& evaluation = each.found.evaluation;
    const auto& certificate = each.found.certificate;
    const std::string times = each.layer.repeat > 1 ? fmt::format(" x{}", each.layer.repeat) : "";
    rows.push_back({each.layer.name + times, grouped(macs(each.layer)),
                    fmt::format("{:.4f}", evaluation.energy.value() / static_cast<double>(macs(each.layer))),
                    grouped(evaluation.cycles.value()), longer(each), fmt::format("{:.1f} %", 100 * evaluation.utilization),
                    dataflow_in_words(each.found.nest, each.layer, result.hierarchy),
                    certificate.proved ? "proved" : fmt::format("gap {:.2f} %", 100 * certificate.gap), verdict(each, verified)});
  }
  const Totals totals = totals_of(result);
  rows.push_back({"total", grouped(totals.macs), fmt::format("{:.4f}", totals.energy / static_cast<double>(totals.macs)),
                  grouped(totals.cycles), "", "", "", "", ""});
  std::vector<bool> right = {false, true, true, true, true, true, false, false, false};
  if (!result.hierarchy.limited()) {  // then both are the same
    for (auto& row : rows) row.erase(row.begin() + 4);
    right.erase(right.begin() + 4);
  }
  return table(rows, right);
}

int run(const Options& options, const Context& context) {
  expect_writable(options.output);
  expect_writable(options.proof);
  SolveRequest request = options.request;
  request.record_jobs = !options.proof.empty();
  const auto limit = limit_threads(options.threads);
  const NetworkResult result = solve(request, context);
  const std::string output = options.output.empty() && options.json ? "-" : options.output;
  if (!output.empty()) write_file(output, to_json(result, TILEPATH_VERSION, !options.no_seconds).dump(1) + "\n");
  if (!options.proof.empty()) write_file(options.proof, proof_to_json(result).dump(1) + "\n");
  const bool json_on_stdout = output == "-";
  fmt::print(json_on_stdout ? stderr : stdout, "{} on {}, least {} ({} nests, energies in {})\n{}", result.workload,
             result.hierarchy.name, name_of(options.request.search.objective.objective),
             options.request.search.mapspace.uneven ? "uneven" : "even", result.hierarchy.energy_unit == "mac" ? "MACs" : "pJ",
             summary(result, options.request.verify));
  for (const LayerResult& each : result.layers)
    for (const ConstraintPrice& price : each.prices)
      fmt::print(json_on_stdout ? stderr : stdout, "{}: {} costs a factor of {:.4f}{}\n", each.layer.name, price.constraint,
                 price.factor, price.proved ? "" : " or more");
  int code = kDone;
  for (const LayerResult& each : result.layers)
    if (each.verification && !each.verification->passed()) {
      fmt::print(stderr, "tilepath: {}: verification failed: {}\n", each.layer.name, each.verification->difference);
      code = kCheckFailed;
    }
  if (context.stop.stop_requested()) {
    fmt::print(stderr, "tilepath: interrupted; what was found is reported with its gap\n");
    code = kInterrupted;
  }
  return code;
}

}  // namespace

void add_search(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("search", "Find the best mapping of every layer, proved");
  command->add_option("workload", options->request.workload, "Workload: a file, a ready-made name, or -")
      ->required()
      ->type_name("WORKLOAD");
  command->add_option("-a,--arch", options->request.arch, "Architecture: a file or a ready-made name")
      ->required()
      ->type_name("ARCH");
  command->add_option("-l,--layer", options->request.layers, "Only this layer (may be given several times)")
      ->expected(1)
      ->take_all()
      ->type_name("LAYER");
  add_objective(*command, options->request.search.objective.objective);
  add_search_options(*command, options->request.search);
  command->add_flag("--pareto", options->request.pareto,
                    "Also the exact energy-latency front of each layer, and of the whole network (their sums)");
  command
      ->add_option("--dataflow", options->request.dataflows,
                   "Constraints: a file or a ready-made name; all are obeyed (may be given several times)")
      ->expected(1)
      ->take_all()
      ->type_name("DATAFLOW");
  command->add_flag("--price-constraints", options->request.price,
                    "Also the optimum without each constraint in turn: what it costs");
  command->add_flag("--verify", options->request.verify, "Execute each mapping on real values; compare outputs and counts");
  command->add_option("--threads", options->threads, "Threads (default: all cores); the answer does not depend on them")
      ->check(above_zero());
  command->add_option("-o,--output", options->output, "Write the result here as JSON; - is standard output")->type_name("FILE");
  command->add_option("--proof", options->proof, "Write the jobs that had to be solved here, for `tilepath certify --proof`")
      ->type_name("FILE");
  command->add_flag("--json", options->json, "Result as JSON on standard output, the table on standard error");
  command->add_flag("--no-seconds", options->no_seconds, "Leave out the fields that differ between two runs");
  command->footer(
      "Examples:\n"
      "  tilepath search alexnet --arch eyeriss --verify -o alexnet.json\n"
      "  tilepath search resnet50 --arch eyeriss-3level --layer conv1 --objective energy\n"
      "  tilepath search resnet50 --arch eyeriss-3level --dataflow row-stationary --price-constraints\n"
      "  tilepath search bert-base --arch tpu-v1 --pareto -o front.json\n"
      "  tilepath search my-net.json --arch my-chip.json --time-limit 10 --json | jq .total");
  command->callback([options, &action] { action = [options](const Context& context) { return run(*options, context); }; });
}

}  // namespace tilepath::cli
