// The Eyeriss chip's own mappings of AlexNet (Chen et al., JSSC 2017, Table III), batch 4: active PEs and global buffer traffic
// (Table V). The traffic is that between the buffer and the array, and of finished outputs out of the buffer; 16-bit words.
#include <fmt/core.h>

#include <cmath>
#include <string>

#include "figures.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/formats/architecture.hpp"
#include "tilepath/formats/mapping.hpp"
#include "tilepath/formats/workload.hpp"
#include "tilepath/mapping/legal.hpp"
#include "tilepath/model/evaluate.hpp"

namespace tilepath::validation {

namespace {

constexpr double kMegabytesPerWord = 2e-6;

/// Lanes that have work: per dimension, the parts that its tile outside the lanes is dealt in.
std::int64_t active_lanes(const Nest& nest, const Layer& layer) {
  const std::vector<Extents> inside = extents_inside(nest, layer);
  Extents around{};
  Extents within{};
  around.fill(0);
  for (std::size_t i = 0; i < nest.nodes.size(); ++i)
    if (const auto* lanes = std::get_if<SpatialLoop>(&nest.nodes[i])) {
      const auto d = static_cast<std::size_t>(lanes->dimension);
      if (around[d] == 0) around[d] = inside[i - 1][d];
      within[d] = inside[i][d];
    }
  std::int64_t active = 1;
  for (std::size_t d = 0; d < around.size(); ++d)
    if (around[d] > 0) active *= ceil_divide(around[d], within[d]);
  return active;
}

double buffer_megabytes(const Counts& counts, const Layer& layer, int buffer) {
  const auto& level = counts.levels[static_cast<std::size_t>(buffer)];
  const Traffic& inputs = level[static_cast<std::size_t>(layer.find_tensor("inputs"))];
  const Traffic& psums = level[static_cast<std::size_t>(layer.find_tensor("outputs"))];
  return kMegabytesPerWord * static_cast<double>((inputs.reads + psums.reads + psums.updates + psums.drains).value());
}

double dram_megabytes(const Counts& counts) {
  Words words;
  for (const Traffic& traffic : counts.levels[0]) words += traffic.reads + traffic.updates;
  return kMegabytesPerWord * static_cast<double>(words.value());
}

}  // namespace

Figures eyeriss_chip() {
  Hierarchy hierarchy = read_architecture(read_document(in_project("arch/eyeriss.json")));
  hierarchy.levels[static_cast<std::size_t>(hierarchy.find_level("RF"))].retention = Retention::sliding;  // a row slides by
  Figures figures;
  figures.table =
      "| layer | active PEs, published | ours | buffer MB, published | ours | difference | DRAM MB, published (compressed) | "
      "ours |\n"
      "|---|---|---|---|---|---|---|---|\n";
  for (const std::string name : {"conv1", "conv2", "conv3", "conv3-as-printed", "conv4", "conv5"}) {
    const Document document = read_document(in_project("tests/data/eyeriss-chip/" + name + ".json"));
    const Cursor root(document);
    const Layer layer = read_layer(root.at("layer"));
    const Nest nest = read_nodes(root.at("mapping"), layer, hierarchy);
    if (const std::string why = why_illegal(nest, layer, hierarchy); !why.empty()) root.fail(why);
    const Counts counts = evaluate(nest, layer, hierarchy).counts;
    const auto active = active_lanes(nest, layer);
    const auto active_published = root.at("active_pes").json().get<std::int64_t>();
    const double buffer = buffer_megabytes(counts, layer, hierarchy.find_level("GLB"));
    const double buffer_published = root.at("glb_megabytes").number();
    figures.table +=
        fmt::format("| {} | {} | {} | {} | {:.2f} | {} | {} | {:.2f} |\n", name, active_published, active, buffer_published,
                    buffer, difference(buffer, buffer_published), root.at("dram_megabytes").number(), dram_megabytes(counts));
    if (active != active_published) figures.off.push_back(name + ": the active PEs differ");
    if (name != "conv3-as-printed" && std::abs(buffer - buffer_published) > 0.01 * buffer_published)
      figures.off.push_back(name + ": the buffer traffic is off by more than 1 %");
  }
  return figures;
}

}  // namespace tilepath::validation
