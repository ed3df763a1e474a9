#include "symmetry.hpp"

#include <algorithm>
#include <utility>

namespace tilepath::search_detail {

namespace {

using Terms = std::vector<std::pair<int, std::int64_t>>;  // (dimension, coefficient), ascending

/// The ranks of a tensor after the exchange, in an order that does not depend on theirs.
std::vector<Terms> ranks_of(const Tensor& tensor, const Symmetry& symmetry) {
  std::vector<Terms> ranks;
  for (const Rank& rank : tensor.ranks) {
    Terms terms;
    for (const Term& term : rank) terms.emplace_back(symmetry[static_cast<std::size_t>(term.dimension)], term.coefficient);
    std::sort(terms.begin(), terms.end());
    ranks.push_back(std::move(terms));
  }
  std::sort(ranks.begin(), ranks.end());
  return ranks;
}

bool alike(const Layer& layer, const Hierarchy& hierarchy, int a, int b) {
  const Dimension& one = layer.dimensions[static_cast<std::size_t>(a)];
  const Dimension& other = layer.dimensions[static_cast<std::size_t>(b)];
  return one.bound == other.bound && std::all_of(hierarchy.levels.begin(), hierarchy.levels.end(), [&](const Level& level) {
           return !level.fanout || (level.fanout->unrolls(Axis::x, one.name) == level.fanout->unrolls(Axis::x, other.name) &&
                                    level.fanout->unrolls(Axis::y, one.name) == level.fanout->unrolls(Axis::y, other.name));
         });
}

void extend(const Layer& layer, const Hierarchy& hierarchy, const Symmetry& same, Symmetry& symmetry, int d,
            std::vector<Symmetry>& found) {
  if (d == layer.dimension_count()) {
    const bool maps_onto_itself = std::all_of(layer.tensors.begin(), layer.tensors.end(), [&](const Tensor& tensor) {
      return ranks_of(tensor, symmetry) == ranks_of(tensor, same);
    });
    Symmetry visible = symmetry;  // dimensions of one iteration have no loops
    for (std::size_t k = 0; k < visible.size(); ++k)
      if (layer.dimensions[k].bound == 1) visible[k] = static_cast<int>(k);
    if (maps_onto_itself && visible != same && std::find(found.begin(), found.end(), visible) == found.end())
      found.push_back(visible);
    return;
  }
  extend(layer, hierarchy, same, symmetry, d + 1, found);
  auto& mine = symmetry[static_cast<std::size_t>(d)];
  if (mine != d) return;
  for (int other = d + 1; other < layer.dimension_count(); ++other) {
    auto& theirs = symmetry[static_cast<std::size_t>(other)];
    if (theirs != other || !alike(layer, hierarchy, d, other)) continue;
    std::swap(mine, theirs);
    extend(layer, hierarchy, same, symmetry, d + 1, found);
    std::swap(mine, theirs);
  }
}

}  // namespace

std::vector<Symmetry> symmetries(const Layer& layer, const Hierarchy& hierarchy) {
  Symmetry same;
  for (int d = 0; d < layer.dimension_count(); ++d) same.push_back(d);
  Symmetry symmetry = same;
  std::vector<Symmetry> found;
  extend(layer, hierarchy, same, symmetry, 0, found);
  return found;
}

}  // namespace tilepath::search_detail
