#include "tilepath/mapping/nest.hpp"

#include <algorithm>

#include "tilepath/base/quantity.hpp"

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

void multiply_count(Node& node, std::int64_t by) {
  if (auto* loop = std::get_if<Loop>(&node)) loop->count *= by;
  if (auto* loop = std::get_if<SpatialLoop>(&node)) loop->count *= by;
}

}  // namespace

std::vector<Extents> extents_inside(const Nest& nest, const Layer& layer) {
  Extents outside{};
  outside.fill(1);
  std::vector<Extents> result;
  result.reserve(nest.nodes.size());
  for (const Node& node : nest.nodes) {
    const auto [dimension, count] = loop_of(node);
    if (dimension >= 0 && count > 0) {
      auto& product = outside[static_cast<std::size_t>(dimension)];
      product = checked_multiply(product, count);
    }
    Extents inside{};
    inside.fill(1);
    for (int d = 0; d < layer.dimension_count(); ++d) {
      const auto at = static_cast<std::size_t>(d);
      inside[at] = ceil_divide(layer.dimensions[at].bound, outside[at]);
    }
    result.push_back(inside);
  }
  return result;
}

Nest simplified(const Nest& nest) {
  Nest result;
  for (const Node& node : nest.nodes) {
    const auto [dimension, count] = loop_of(node);
    if (dimension >= 0 && count == 1) continue;
    if (!result.nodes.empty() && joins(result.nodes.back(), node))
      multiply_count(result.nodes.back(), count);
    else
      result.nodes.push_back(node);
  }
  return result;
}

}  // namespace tilepath
