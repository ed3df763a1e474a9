#include "tilepath/mapping/nest.hpp"

#include <algorithm>

#include "tilepath/base/quantity.hpp"
#include "tilepath/mapping/tile.hpp"

namespace tilepath {

namespace {

/// (dimension, count) of a temporal or spatial loop; {-1, 1} of another node.
std::pair<int, std::int64_t> loop_of(const Node& node) {
  if (const auto* loop = std::get_if<Loop>(&node)) return {loop->dimension, loop->count};
  if (const auto* loop = std::get_if<SpatialLoop>(&node)) return {loop->dimension, loop->count};
  return {-1, 1};
}

bool joins(const Node& a, const Node& b) {
  if (const auto* x = std::get_if<Loop>(&a)) {
    const auto* y = std::get_if<Loop>(&b);
    return y != nullptr && x->dimension == y->dimension;
  }
  if (const auto* x = std::get_if<SpatialLoop>(&a)) {
    const auto* y = std::get_if<SpatialLoop>(&b);
    return y != nullptr && x->dimension == y->dimension && x->fanout == y->fanout && x->axis == y->axis;
  }
  return false;
}

void set_count(Node& node, std::int64_t count) {
  if (auto* loop = std::get_if<Loop>(&node)) loop->count = count;
  if (auto* loop = std::get_if<SpatialLoop>(&node)) loop->count = count;
}

}  // namespace

std::vector<Extents> extents_inside(const Nest& nest, const Layer& layer) {
  Extents outside{};
  outside.fill(1);
  Extents inside = bounds_of(layer);
  std::vector<Extents> result;
  result.reserve(nest.nodes.size());
  for (const Node& node : nest.nodes) {
    const auto [dimension, count] = loop_of(node);
    if (dimension >= 0 && count > 1) {
      const auto at = static_cast<std::size_t>(dimension);
      outside[at] = checked_multiply(outside[at], count);
      inside[at] = ceil_divide(layer.dimensions[at].bound, outside[at]);
    }
    result.push_back(inside);
  }
  return result;
}

Nest simplified(const Nest& nest, const Layer& layer) {
  const std::vector<Extents> inside = extents_inside(nest, layer);
  Nest result;
  std::int64_t around = 1;  // iterations that the last loop of the result runs over
  std::int64_t each = 1;    // and those of one iteration of it
  Extents left = bounds_of(layer);
  for (std::size_t i = 0; i < nest.nodes.size(); ++i) {
    const auto [dimension, count] = loop_of(nest.nodes[i]);
    if (dimension >= 0) {
      const std::int64_t within = inside[i][static_cast<std::size_t>(dimension)];
      if (count == 1) continue;
      if (!result.nodes.empty() && joins(result.nodes.back(), nest.nodes[i]) && each % within == 0) {
        set_count(result.nodes.back(), ceil_divide(around, within));
      } else {
        around = left[static_cast<std::size_t>(dimension)];
        result.nodes.push_back(nest.nodes[i]);
      }
      each = left[static_cast<std::size_t>(dimension)] = within;
      continue;
    }
    result.nodes.push_back(nest.nodes[i]);
  }
  return result;
}

}  // namespace tilepath
