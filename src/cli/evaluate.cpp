// tilepath evaluate: what a mapping costs, level by level and tensor by tensor.
#include "tilepath/model/evaluate.hpp"

#include <fmt/core.h>

#include <cmath>
#include <memory>

#include "context.hpp"
#include "tilepath/formats/result.hpp"
#include "tilepath/model/schedule.hpp"

namespace tilepath::cli {

namespace {

std::string levels_table(const Evaluation& evaluation, const Subject& subject) {
  std::vector<std::vector<std::string>> rows = {{"level", "tensor", "reads", "fills", "updates", "drains", "energy", "share"}};
  const auto row = [&](const std::string& level, const std::string& tensor, const Traffic* moved, double energy) {
    const auto words = [&](Words w) { return moved == nullptr ? "" : grouped(w.value()); };
    rows.push_back({level, tensor, words(moved == nullptr ? Words{} : moved->reads),
                    words(moved == nullptr ? Words{} : moved->fills), words(moved == nullptr ? Words{} : moved->updates),
                    words(moved == nullptr ? Words{} : moved->drains), fmt::format("{:.6g}", energy),
                    fmt::format("{:.1f} %", evaluation.energy.value() > 0 ? 100 * energy / evaluation.energy.value() : 0)});
  };
  for (int l = 0; l < subject.hierarchy.level_count(); ++l)
    for (int t = 0; t < subject.layer.tensor_count(); ++t) {
      const auto level = static_cast<std::size_t>(l);
      const auto tensor = static_cast<std::size_t>(t);
      const Traffic& moved = evaluation.counts.levels[level][tensor];
      if (moved != Traffic{})
        row(subject.hierarchy.level(l).name, subject.layer.tensors[tensor].name, &moved,
            evaluation.level_energy[level][tensor].value());
    }
  row("network", "", nullptr, evaluation.network_energy.value());
  row(subject.hierarchy.compute.name, "", nullptr, evaluation.compute_energy.value());
  if (evaluation.leakage_energy.value() > 0) row("leakage", "", nullptr, evaluation.leakage_energy.value());
  return table(rows, {false, false, true, true, true, true, true, true});
}

/// Cycles by cause, where there is more than one.
std::string causes_table(const CycleSplit& split, const Hierarchy& hierarchy) {
  std::vector<std::vector<std::string>> rows = {{"", "cycles", "share"}};
  const auto row = [&](const std::string& cause, double cycles) {
    if (cycles != 0)
      rows.push_back({cause, fmt::format("{:.6g}", cycles), fmt::format("{:.1f} %", 100 * cycles / split.total())});
  };
  row("compute", split.compute);
  row("idle lanes", split.idle_lanes);
  row("first fill", split.first_fill);
  row("last drain", split.last_drain);
  for (std::size_t l = 0; l < hierarchy.levels.size(); ++l) {
    row("read bandwidth of " + hierarchy.levels[l].name, split.read_bandwidth[l]);
    row("write bandwidth of " + hierarchy.levels[l].name, split.write_bandwidth[l]);
    row("waiting for " + hierarchy.levels[l].name, split.waiting[l]);
  }
  return rows.size() < 3 ? "" : "\n" + table(rows, {false, true, true});
}

int run(const MappingArguments& arguments, bool json, const Context& context) {
  const Subject subject = load(arguments, context.library);
  const Evaluation evaluation = evaluate(subject.nest, subject.layer, subject.hierarchy);
  const auto played =
      subject.hierarchy.limited() ? schedule(subject.nest, subject.layer, subject.hierarchy) : std::optional<CycleSplit>();
  if (json) {
    Json result = {{"schema_version", 1}, {"arch", subject.hierarchy.name}, {"layer", to_json(subject.layer)}};
    result["evaluation"] = to_json(evaluation, subject.layer, subject.hierarchy);
    if (played) result["schedule"] = schedule_to_json(*played, subject.hierarchy);
    fmt::print("{}\n", result.dump(1));
    return kDone;
  }
  const std::string unit = subject.hierarchy.energy_unit == "mac" ? "MACs" : "pJ";
  fmt::print("{} on {}: {}\n\n{}\n{}\n", subject.layer.name, subject.hierarchy.name,
             dataflow_in_words(subject.nest, subject.layer, subject.hierarchy),
             to_text(subject.nest, subject.layer, subject.hierarchy), levels_table(evaluation, subject));
  fmt::print(
      "energy       {:.6g} {} ({:.4f} per MAC)\ncycles       {} (compute {}{})\nEDP          {:.6g}\nutilization  {:.1f} "
      "%\nlimited by   {}\n{}",
      evaluation.energy.value(), unit, evaluation.energy.value() / static_cast<double>(evaluation.counts.macs),
      grouped(evaluation.cycles.value()), grouped(evaluation.compute_cycles.value()),
      played ? "; played through " + grouped(static_cast<std::int64_t>(std::ceil(played->total()))) : "", evaluation.edp(),
      100 * evaluation.utilization, to_text(evaluation.limit, subject.hierarchy),
      causes_table(evaluation.split, subject.hierarchy));
  return kDone;
}

}  // namespace

void add_evaluate(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<MappingArguments>();
  auto json = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("evaluate", "Score a mapping that you wrote");
  arguments->add_to(*command);
  command->get_option("--mapping")->required();
  command->add_flag("--json", *json, "JSON on standard output");
  command->footer(
      "Examples:\n"
      "  tilepath evaluate --mapping alexnet-conv2-rs\n"
      "  tilepath evaluate resnet50 --layer conv1 --arch eyeriss-3level --mapping mine.json --json | jq .evaluation.cycles");
  command->callback([=, &action] { action = [=](const Context& context) { return run(*arguments, *json, context); }; });
}

}  // namespace tilepath::cli
