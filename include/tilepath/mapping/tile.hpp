// Tiles: the words of a tensor that a block of iterations touches.
#pragma once

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/mapping/index_set.hpp"
#include "tilepath/mapping/nest.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath {

/// The indices of one rank that a block of `extents` iterations touches; with Footprint::box, the whole box around them.
IndexSet rank_indices(const Rank& rank, const Extents& extents, Footprint footprint);

/// Whether a rank has one index per iteration of its one dimension: blocks next to each other share none and leave no gap.
inline bool is_plain(const Rank& rank, Footprint footprint) {
  return rank.size() == 1 && (footprint == Footprint::touched || rank.front().coefficient == 1);
}

/// Words of `tensor` in a block of `extents` iterations: the product over its ranks. Throws Overflow.
std::int64_t tile_words(const Tensor& tensor, const Extents& extents, Footprint footprint);

/// The extents of the whole layer: its bounds.
Extents bounds_of(const Layer& layer);

}  // namespace tilepath
