// The Eyeriss chip's own mappings of AlexNet (Chen et al., JSSC 2017, Table III), batch 4: active PEs and global buffer traffic
// (Table V). The traffic is that between the buffer and the array, and of finished outputs out of the buffer; 16-bit words.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <string>

#include "tilepath/formats/architecture.hpp"
#include "tilepath/formats/mapping.hpp"
#include "tilepath/formats/workload.hpp"
#include "tilepath/mapping/legal.hpp"
#include "tilepath/model/evaluate.hpp"

namespace tilepath::testing {

namespace {

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

}  // namespace

TEST_CASE("model: the Eyeriss chip's mappings of AlexNet give its active PEs and its buffer traffic") {
  Hierarchy hierarchy = read_architecture(read_document(std::string(TILEPATH_SOURCE_DATA) + "/arch/eyeriss.json"));
  hierarchy.levels[static_cast<std::size_t>(hierarchy.find_level("RF"))].retention = Retention::sliding;  // a row slides by
  int layers = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(TILEPATH_SOURCE_DATA) + "/tests/data/eyeriss-chip")) {
    const Document document = read_document(entry.path().string());
    const Cursor root(document);
    CAPTURE(document.name);
    const Layer layer = read_layer(root.at("layer"));
    const Nest nest = read_nodes(root.at("mapping"), layer, hierarchy);
    REQUIRE(why_illegal(nest, layer, hierarchy).empty());
    CHECK(active_lanes(nest, layer) == root.at("active_pes").json().get<std::int64_t>());
    const auto buffer = static_cast<std::size_t>(hierarchy.find_level("GLB"));
    const Counts counts = evaluate(nest, layer, hierarchy).counts;
    const Traffic& inputs = counts.levels[buffer][static_cast<std::size_t>(layer.find_tensor("inputs"))];
    const Traffic& psums = counts.levels[buffer][static_cast<std::size_t>(layer.find_tensor("outputs"))];
    const double megabytes = 2e-6 * static_cast<double>((inputs.reads + psums.reads + psums.updates + psums.drains).value());
    const double published = root.at("glb_megabytes").json().get<double>();
    CHECK_MESSAGE(std::abs(megabytes - published) < 0.01 * published, megabytes << " MB, published " << published);
    ++layers;
  }
  CHECK(layers == 6);
}

}  // namespace tilepath::testing
