// What a nest moves, before it is turned into energy and cycles.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/base/quantity.hpp"
#include "tilepath/mapping/counts.hpp"
#include "tilepath/mapping/nest.hpp"
#include "tilepath/model/evaluation.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath::model_detail {

/// The ports of a level's busiest instance: the one that takes the psums back.
struct Port {
  Words reads, writes;  ///< in words of the level's width
  Cycles waiting;       ///< for deliveries into this level, and for drains from it, that nothing hides
};

struct Moved {
  Counts counts;
  std::array<Port, kMaxLevels> ports{};
  Cycles edges;            ///< first deliveries and last drains that a double buffer does not hide
  std::int64_t steps = 1;  ///< of the MACs: iterations of all temporal loops of the longest lane
};

/// Whole cycles for `words` at `bandwidth` a cycle; 0 = unlimited.
std::int64_t transfer_cycles(std::int64_t words, double bandwidth);

/// A storage node of one tensor, or the MAC at the end of its chain.
struct Stop {
  std::size_t position = 0;  ///< index into Nest::nodes
  int level = 0;             ///< Hierarchy::level_count() for the MAC
};
std::vector<Stop> chain_of(const Nest& nest, int tensor, const Hierarchy& hierarchy);

/// R1-R5 for nests with remainders (R9): sums over the tiles as they are. Holds for perfect factors too, more slowly.
Moved ragged_traffic(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy);

/// R1-R5 of any nest. Requires legal(nest, layer, hierarchy).
Moved traffic_of(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy);

/// R7 and R8: energy and cycles of what moves.
Evaluation evaluation_of(const Moved& moved, const Layer& layer, const Hierarchy& hierarchy);

}  // namespace tilepath::model_detail
