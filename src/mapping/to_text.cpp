// A nest as a person reads it.
#include <algorithm>
#include <string>

#include "tilepath/mapping/nest.hpp"
#include "tilepath/mapping/tile.hpp"

namespace tilepath {

namespace {

/// "weights 64x3x7x7 = 9408 words".
std::string tile_text(const Tensor& tensor, const Extents& extents, Footprint footprint) {
  std::string shape;
  for (const Rank& rank : tensor.ranks) {
    const std::int64_t size = rank_indices(rank, extents, footprint).size();
    if (size > 1) shape += (shape.empty() ? "" : "x") + std::to_string(size);
  }
  const std::int64_t words = tile_words(tensor, extents, footprint);
  const std::string unit = words == 1 ? " word" : " words";
  if (shape.empty() || shape.find('x') == std::string::npos) return tensor.name + " " + std::to_string(words) + unit;
  return tensor.name + " " + shape + " = " + std::to_string(words) + unit;
}

}  // namespace

std::string to_text(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy) {
  const std::vector<Extents> inside = extents_inside(nest, layer);
  const auto dimension = [&](int d) { return layer.dimensions[static_cast<std::size_t>(d)].name; };
  std::string text;
  std::size_t depth = 0;
  for (std::size_t i = 0; i < nest.nodes.size(); ++i) {
    text += std::string(2 * depth, ' ');
    const Node& node = nest.nodes[i];
    if (const auto* store = std::get_if<Store>(&node)) {
      text += "store at " + hierarchy.level(store->level).name + ": ";
      for (std::size_t k = 0; k < store->tensors.size(); ++k)
        text += (k == 0 ? "" : ", ") +
                tile_text(layer.tensors[static_cast<std::size_t>(store->tensors[k])], inside[i], hierarchy.footprint);
    } else if (const auto* loop = std::get_if<Loop>(&node)) {
      text += "for " + dimension(loop->dimension) + " in " + std::to_string(loop->count);
      ++depth;
    } else if (const auto* lanes = std::get_if<SpatialLoop>(&node)) {
      text += "spatial-for " + dimension(lanes->dimension) + " in " + std::to_string(lanes->count) + " on " +
              (lanes->axis == Axis::x ? "x" : "y") + " of " + hierarchy.level(lanes->fanout).name;
      ++depth;
    } else {
      text += "compute " + hierarchy.compute.name;
    }
    text += '\n';
  }
  return text;
}

namespace {

/// Where a tensor's innermost storage node stands, and for how many of the temporal iterations around it its tile stays put.
struct Innermost {
  int level = 0;
  double uses_per_word = 0;  ///< MACs of one instance per word delivered to it
};

Innermost innermost_of(int tensor, const Nest& nest, const Layer& layer, const Hierarchy& hierarchy,
                       const std::vector<Extents>& inside) {
  std::size_t at = 0;
  Innermost result;
  for (std::size_t i = 0; i < nest.nodes.size(); ++i)
    if (const auto* store = std::get_if<Store>(&nest.nodes[i]))
      if (std::find(store->tensors.begin(), store->tensors.end(), tensor) != store->tensors.end()) {
        at = i;
        result.level = store->level;
      }
  double iterations = 1;
  for (std::size_t i = at; i < nest.nodes.size(); ++i)
    if (const auto* loop = std::get_if<Loop>(&nest.nodes[i])) iterations *= static_cast<double>(loop->count);
  for (std::size_t i = at; i-- > 0;) {
    const auto* loop = std::get_if<Loop>(&nest.nodes[i]);
    if (loop == nullptr) continue;
    if (layer.relevant(tensor, loop->dimension)) break;
    iterations *= static_cast<double>(loop->count);
  }
  const auto& held = layer.tensors[static_cast<std::size_t>(tensor)];
  result.uses_per_word = iterations / static_cast<double>(tile_words(held, inside[at], hierarchy.footprint));
  return result;
}

std::string lanes_in_words(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy) {
  std::string lanes;
  int fanout = -1;
  for (const Node& node : nest.nodes)
    if (const auto* loop = std::get_if<SpatialLoop>(&node)) {
      if (fanout != loop->fanout) lanes += (lanes.empty() ? "" : "; ") + hierarchy.level(loop->fanout).name + ":";
      lanes += (fanout == loop->fanout ? " x " : " ") + layer.dimensions[static_cast<std::size_t>(loop->dimension)].name +
               std::to_string(loop->count);
      fanout = loop->fanout;
    }
  return lanes;
}

}  // namespace

std::string dataflow_in_words(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy) {
  const std::vector<Extents> inside = extents_inside(nest, layer);
  int lowest_fanout = -1;
  for (int l = 0; l < hierarchy.level_count(); ++l)
    if (hierarchy.level(l).fanout) lowest_fanout = l;
  std::string stationary = "no local reuse";
  double best = 1;
  for (int t = 0; t < layer.tensor_count(); ++t) {
    const Innermost innermost = innermost_of(t, nest, layer, hierarchy, inside);
    if (innermost.level <= lowest_fanout || innermost.uses_per_word <= best) continue;
    best = innermost.uses_per_word;
    const Tensor& tensor = layer.tensors[static_cast<std::size_t>(t)];
    std::string_view name = tensor.name;
    if (name.size() > 1 && name.ends_with('s')) name.remove_suffix(1);
    stationary = std::string(name) + "-stationary";
  }
  const std::string lanes = lanes_in_words(nest, layer, hierarchy);
  return stationary + (lanes.empty() ? "" : ", " + lanes);
}

}  // namespace tilepath
