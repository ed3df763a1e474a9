#include "tilepath/mapping/tile.hpp"

#include "tilepath/base/quantity.hpp"

namespace tilepath {

IndexSet rank_indices(const Rank& rank, const Extents& extents, Footprint footprint) {
  IndexSet touched;
  for (const Term& term : rank) touched.add(term.coefficient, extents[static_cast<std::size_t>(term.dimension)]);
  if (footprint == Footprint::touched) return touched;
  IndexSet box;
  box.add(1, touched.extent());
  return box;
}

std::int64_t tile_words(const Tensor& tensor, const Extents& extents, Footprint footprint) {
  std::int64_t words = 1;
  for (const Rank& rank : tensor.ranks)
    words = checked_multiply(words, is_plain(rank, footprint) ? extents[static_cast<std::size_t>(rank.front().dimension)]
                                                              : rank_indices(rank, extents, footprint).size());
  return words;
}

Extents bounds_of(const Layer& layer) {
  Extents extents{};
  extents.fill(1);
  for (int d = 0; d < layer.dimension_count(); ++d)
    extents[static_cast<std::size_t>(d)] = layer.dimensions[static_cast<std::size_t>(d)].bound;
  return extents;
}

}  // namespace tilepath
