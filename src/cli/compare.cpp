// tilepath compare: networks on architectures within dataflows, side by side.
#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "at_once.hpp"
#include "solve.hpp"
#include "tilepath/base/error.hpp"

namespace tilepath::cli {

namespace {

const std::string kFree = "free";

struct Options {
  std::vector<std::string> workloads, archs, dataflows = {kFree};
  std::vector<Objective> objectives = {Objective::edp};
  SolveRequest request;  ///< what all have in common
  std::string output;
  bool json = false, no_seconds = false;
  int threads = 0;
};

/// A result, or why there is none.
struct Outcome {
  std::string workload, arch, dataflow;
  std::string objective;  ///< of the result
  std::optional<NetworkResult> result;
  std::string reason;
};

/// One for each objective; one alone where there is no mapping.
std::vector<Outcome> outcomes_of(const Options& options, const std::string& workload, const std::string& arch,
                                 const std::string& dataflow, const Context& context) {
  SolveRequest request = options.request;
  request.workload = workload;
  request.arch = arch;
  if (dataflow != kFree) request.dataflows = {dataflow};
  std::vector<Outcome> outcomes;
  try {
    for (NetworkResult& result : solve_each(request, options.objectives, context)) {
      const std::string objective(name_of(result.options.objective.objective));
      outcomes.push_back({result.workload, result.hierarchy.name, dataflow, objective, std::move(result), ""});
    }
  } catch (const NoLegalMapping& error) {  // one that cannot be does not keep the others from being compared
    outcomes.push_back({workload, arch, dataflow, "", {}, error.what()});
  }
  return outcomes;
}

/// Energies compare where they have one unit.
bool one_unit(const std::vector<Outcome>& outcomes) {
  std::string unit;
  for (const Outcome& each : outcomes) {
    if (!each.result) continue;
    if (!unit.empty() && unit != each.result->hierarchy.energy_unit) return false;
    unit = each.result->hierarchy.energy_unit;
  }
  return true;
}

std::string summary(const std::vector<Outcome>& outcomes, bool objectives) {
  const bool energies = one_unit(outcomes);
  std::vector<std::vector<std::string>> rows = {
      {"workload", "arch", "dataflow", "least", "energy/MAC", "unit", "cycles", "utilization", "energy", "cycles", "edp", ""}};
  std::optional<Totals> first;
  std::string workload;
  for (const Outcome& each : outcomes) {
    if (workload != each.workload) first.reset();
    workload = each.workload;
    if (!each.result) {
      rows.push_back({each.workload, each.arch, each.dataflow, each.objective, "", "", "", "", "", "", "", "no legal mapping"});
      continue;
    }
    const Totals totals = totals_of(*each.result);
    if (!first) first = totals;
    double units = 0;
    bool proved = true;
    for (const LayerResult& layer : each.result->layers) proved = proved && layer.found.certificate.proved;
    const Hierarchy& hierarchy = each.result->hierarchy;
    units = static_cast<double>(hierarchy.instances(hierarchy.level_count())) * hierarchy.compute.macs_per_cycle;
    const auto times = [](double value, double of) { return fmt::format("x {:.3f}", value / of); };
    rows.push_back(
        {each.workload, each.arch, each.dataflow, each.objective,
         fmt::format("{:.4f}", totals.energy / static_cast<double>(totals.macs)), hierarchy.energy_unit == "mac" ? "MAC" : "pJ",
         grouped(totals.cycles),
         fmt::format("{:.1f} %", 100 * static_cast<double>(totals.macs) / (static_cast<double>(totals.cycles) * units)),
         energies ? times(totals.energy, first->energy) : "-",
         times(static_cast<double>(totals.cycles), static_cast<double>(first->cycles)),
         energies ? times(totals.edp(), first->edp()) : "-", proved ? "proved" : "with gaps"});
  }
  std::vector<bool> right = {false, false, false, false, true, false, true, true, true, true, true, false};
  if (!objectives) {  // the same in all rows
    constexpr int kColumn = 3;
    for (auto& row : rows) row.erase(row.begin() + kColumn);
    right.erase(right.begin() + kColumn);
  }
  std::string text = table(rows, right);
  if (!energies) text += "energies have different units (pJ and MACs): they do not compare\n";
  return text;
}

Json to_json(const std::vector<Outcome>& outcomes, bool seconds) {
  Json json = {{"schema_version", 1}, {"tilepath", {{"version", TILEPATH_VERSION}}}, {"results", Json::array()}};
  for (const Outcome& each : outcomes) {
    Json one = {{"workload", each.workload}, {"arch", each.arch}, {"dataflow", each.dataflow}};
    if (each.result) {
      one["objective"] = each.objective;
      one["result"] = tilepath::to_json(*each.result, TILEPATH_VERSION, seconds);
    } else {
      one["reason"] = each.reason;
    }
    json["results"].push_back(std::move(one));
  }
  return json;
}

int run(const Options& options, const Context& context) {
  expect_writable(options.output);
  const auto limit = limit_threads(options.threads);
  std::vector<Outcome> outcomes;
  for (const std::string& workload : options.workloads)
    for (const std::string& arch : options.archs)
      for (const std::string& dataflow : options.dataflows) {
        if (context.stop.stop_requested()) break;
        for (Outcome& each : outcomes_of(options, workload, arch, dataflow, context)) outcomes.push_back(std::move(each));
      }
  const std::string output = options.output.empty() && options.json ? "-" : options.output;
  if (!output.empty()) write_file(output, to_json(outcomes, !options.no_seconds).dump(1) + "\n");
  fmt::print(output == "-" ? stderr : stdout, "{}", summary(outcomes, options.objectives.size() > 1));
  for (const Outcome& each : outcomes)
    if (!each.result) fmt::print(stderr, "tilepath: {} on {}, {}: {}\n", each.workload, each.arch, each.dataflow, each.reason);
  if (context.stop.stop_requested()) {
    fmt::print(stderr, "tilepath: interrupted; what was found is reported\n");
    return kInterrupted;
  }
  const bool none = std::none_of(outcomes.begin(), outcomes.end(), [](const Outcome& each) { return each.result.has_value(); });
  return none ? kNoMapping : kDone;
}

}  // namespace

void add_compare(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("compare", "Networks on architectures within dataflows, side by side");
  command->add_option("workloads", options->workloads, "Workloads: files, ready-made names or ONNX models")
      ->required()
      ->type_name("WORKLOAD");
  command->add_option("-a,--arch", options->archs, "Architectures: files or ready-made names (may be given several times)")
      ->required()
      ->expected(1)
      ->take_all()
      ->type_name("ARCH");
  command
      ->add_option("--dataflow", options->dataflows,
                   "Dataflows to compare: files, ready-made names, or free for no constraints (may be given several times)")
      ->expected(1)
      ->take_all()
      ->type_name("DATAFLOW");
  command->add_option("-l,--layer", options->request.layers, "Only this layer (may be given several times)")
      ->expected(1)
      ->take_all()
      ->type_name("LAYER");
  add_choices<Objective>(
      *command, "--objective", options->objectives, objective_names(),
      "What is to be least, as in `tilepath search` (default: edp); given several times they are compared, and "
      "share what they find out");
  add_search_options(*command, options->request.search);
  command->add_flag("--pareto", options->request.pareto, "Also the exact energy-latency front of each layer");
  command->add_flag("--verify", options->request.verify, "Execute each mapping and compare counts and outputs");
  command->add_option("--threads", options->threads, "Threads (default: all cores); the answer does not depend on them")
      ->check(above_zero());
  command->add_option("-o,--output", options->output, "Write all results here as JSON; - is standard output")->type_name("FILE");
  command->add_flag("--json", options->json, "Results as JSON on standard output, the table on standard error");
  command->add_flag("--no-seconds", options->no_seconds, "Leave out the fields that differ between two runs");
  command->footer(
      "Examples:\n"
      "  tilepath compare resnet50 vgg16 --arch eyeriss-3level --arch eyeriss\n"
      "  tilepath compare alexnet --arch eyeriss-3level --dataflow free --dataflow row-stationary --dataflow weight-stationary\n"
      "  tilepath compare resnet50 --arch eyeriss-3level --objective edp --objective energy --objective latency\n"
      "Factors (x) are relative to the first line of the same workload.");
  command->callback([options, &action] { action = [options](const Context& context) { return run(*options, context); }; });
}

}  // namespace tilepath::cli
