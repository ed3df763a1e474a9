// One delivery: what moves when the storage node of an operand takes a tile from its parent, the next storage node outwards.
//
//   parent: inputs at GLB
//     spatial P 7, spatial C 16        lanes: the instances below the fanouts between the two move in lockstep (R3)
//       child: inputs at RF            each takes its own tile; neighbours' tiles overlap in their halos
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/mapping/index_set.hpp"
#include "tilepath/mapping/nest.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath {

/// A spatial loop between a child and its parent: lane i starts i * extent iterations of `dimension` after lane 0.
struct Lanes {
  int dimension = 0;
  std::int64_t count = 1;
  std::int64_t extent = 1;
  int fanout = 0;
};

/// Words of one delivery to all the lanes below one instance of the parent.
struct Delivery {
  std::int64_t child_words = 0;                          ///< written into each child
  std::int64_t parent_reads = 0;                         ///< read from the parent: joined over the lanes as R3 says
  std::array<std::int64_t, kMaxLevels> network_words{};  ///< received below each fanout crossed, over all its instances
};

/// The delivery of a whole tile of `tensor` that covers `tile` iterations, from level `parent` to level `child`
/// (`child` = level_count() for the MACs). O(lanes x fanouts).
Delivery whole_delivery(const Tensor& tensor, const Extents& tile, std::span<const Lanes> lanes, const Hierarchy& hierarchy,
                        int parent, int child);

/// The same when the tile moved by `shift` indices along `rank` alone and the words still needed were kept (R2, sliding).
Delivery sliding_delivery(const Tensor& tensor, const Extents& tile, std::size_t rank, std::int64_t shift,
                          std::span<const Lanes> lanes, const Hierarchy& hierarchy, int parent, int child);

/// The indices of the new tile along `rank` that the old one, `shift` indices before it, did not hold; as places in the tile.
std::vector<std::int64_t> fresh_indices(const Rank& rank, const Extents& tile, std::int64_t shift, Footprint footprint);

/// |{index + offset}|.
std::int64_t union_size(const std::vector<std::int64_t>& indices, const IndexSet& offsets);

}  // namespace tilepath
