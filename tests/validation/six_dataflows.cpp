// Six dataflows on 256 PEs of equal storage area (Chen, Emer, Sze, ISCA 2016, section VI-B), each an architecture of its own: the
// least energy of AlexNet's convolutions within each.
#include <fmt/core.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "cli/at_once.hpp"
#include "figures.hpp"
#include "tilepath/formats/architecture.hpp"
#include "tilepath/formats/dataflow.hpp"
#include "tilepath/formats/workload.hpp"
#include "tilepath/search/search.hpp"

namespace tilepath::validation {

namespace {

constexpr std::int64_t kPes = 256;

/// Weight stationary holds whole planes of a filter in the array: R rows of it, each as many PEs long as 256 / R allows, with
/// the FIFOs that keep an input line between rows for each plane.
void arrange_planes(Hierarchy& hierarchy, const Layer& layer) {
  const int r = layer.find_dimension("R");
  if (r < 0) return;
  const std::int64_t rows = layer.dimensions[static_cast<std::size_t>(r)].bound;
  std::int64_t line = 1;
  for (const Term& term : layer.tensors[static_cast<std::size_t>(layer.find_tensor("inputs"))].ranks.back())
    line += term.coefficient * (layer.dimensions[static_cast<std::size_t>(term.dimension)].bound - 1);
  Level& lines = hierarchy.levels[static_cast<std::size_t>(hierarchy.find_level("LINES"))];
  Level& row = hierarchy.levels[static_cast<std::size_t>(hierarchy.find_level("ROW"))];
  lines.fanout->x = rows;
  lines.partitions[0].capacity_words = kPes / (rows * rows) * rows * line;
  row.fanout->x = kPes / rows;
}

/// Energy a MAC by what takes it, and words of DRAM a MAC; summed over layers until divided.
struct PerMac {
  double energy = 0, dram = 0, buffer = 0, array = 0, rf = 0, dram_words = 0, macs = 0;
};

void add(PerMac& sum, const Evaluation& evaluation, const Hierarchy& hierarchy) {
  sum.energy += evaluation.energy.value();
  sum.array += evaluation.network_energy.value();
  sum.macs += static_cast<double>(evaluation.counts.macs);
  for (std::size_t l = 0; l < hierarchy.levels.size(); ++l)
    for (std::size_t t = 0; t < kMaxTensors; ++t) {
      const double energy = evaluation.level_energy[l][t].value();
      (l == 0 ? sum.dram : hierarchy.levels[l].name == "GLB" ? sum.buffer : sum.rf) += energy;
      if (l == 0)
        sum.dram_words +=
            static_cast<double>((evaluation.counts.levels[l][t].reads + evaluation.counts.levels[l][t].updates).value());
    }
}

PerMac least(const std::string& dataflow, std::int64_t batch) {
  const std::string folder = in_project("tests/data/isca16/");
  Document network = read_document(folder + "alexnet.json");
  for (Json& layer : network.root.at("layers")) layer["N"] = batch;
  std::vector<Document> constraints = {read_document(in_project("mappings/" + dataflow + ".json"))};
  if (const std::string more = folder + dataflow + ".constraints.json"; std::filesystem::exists(more))
    constraints.push_back(read_document(more));
  PerMac sum;
  for (const Layer& layer : read_workload(network).layers) {
    Hierarchy hierarchy = read_architecture(read_document(folder + dataflow + ".json"));
    if (dataflow == "weight-stationary") arrange_planes(hierarchy, layer);
    SearchOptions options;
    options.objective = Objective::energy;
    options.at_once = cli::at_once(std::thread::hardware_concurrency());
    for (const Document& each : constraints)
      for (const Constraint& constraint : read_dataflow(each, layer, hierarchy)) options.constraints.push_back(constraint);
    add(sum, search(layer, hierarchy, options).evaluation, hierarchy);
  }
  for (double* each : {&sum.energy, &sum.dram, &sum.buffer, &sum.array, &sum.rf, &sum.dram_words}) *each /= sum.macs;
  return sum;
}

}  // namespace

Figures six_dataflows() {
  const Document document = read_document(in_project("tests/data/isca16/published.json"));
  Figures figures;
  std::string energies =
      "| dataflow | batch | energy a MAC, published | ours | difference | DRAM words a MAC, published | ours |\n"
      "|---|---|---|---|---|---|---|\n";
  std::string splits =
      "| dataflow, batch 16 | DRAM, published | ours | buffer, published | ours | array, published | ours | RF, published | ours "
      "|\n"
      "|---|---|---|---|---|---|---|---|---|\n";
  std::string reasons;
  std::map<std::int64_t, std::map<double, std::string>> order_published;
  std::map<std::int64_t, std::map<double, std::string>> order;
  for (const Cursor& flow : Cursor(document).at("flows").elements(1)) {
    const std::string name = flow.at("name").text();
    for (const Cursor& point : flow.at("points").elements(1)) {
      const auto batch = point.at("batch").json().get<std::int64_t>();
      const auto published = [&](const char* what) { return point.at(what).number(); };
      const PerMac ours = least(flow.at("dataflow").text(), batch);
      energies += fmt::format("| {} | {} | {:.2f} | {:.2f} | {} | {:.5f} | {:.5f} |\n", name, batch, published("energy"),
                              ours.energy, difference(ours.energy, published("energy")), published("dram"), ours.dram_words);
      if (batch == 16)
        splits += fmt::format("| {} | {:.2f} | {:.2f} | {:.2f} | {:.2f} | {:.2f} | {:.2f} | {:.2f} | {:.2f} |\n", name,
                              200 * published("dram"), ours.dram, 6 * published("buffer"), ours.buffer, 2 * published("array"),
                              ours.array, published("rf"), ours.rf);
      order_published[batch][published("energy")] = order[batch][ours.energy] = name;
      if (std::abs(ours.energy - published("energy")) > 0.1 * published("energy"))
        figures.off.push_back(fmt::format("{}, batch {}: the energy is off by more than 10 %", name, batch));
    }
    reasons += fmt::format("- {}: {}\n", name, flow.at("why").text());
  }
  for (const auto& [batch, names] : order)
    if (!std::equal(names.begin(), names.end(), order_published[batch].begin(),
                    [](const auto& a, const auto& b) { return a.second == b.second; }))
      figures.off.push_back(fmt::format("batch {}: the dataflows come in another order", batch));
  figures.table = energies + "\n" + splits + "\n" + reasons;
  return figures;
}

}  // namespace tilepath::validation
