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
  Words mac_reads;      ///< those of them that are operands of the MACs
  Cycles waiting;       ///< for deliveries into this level's single buffers, and drains from them
  Cycles first_fill;    ///< first deliveries into this level's double buffers, which nothing hides
  Cycles last_drain;    ///< last drains from them
};

/// The steps of the MACs, and the psums that the busiest instance takes from them.
struct Steps {
  std::int64_t all = 1;       ///< iterations of all temporal loops of the longest lane
  std::int64_t starting = 1;  ///< of them, those that first meet their psums
  std::int64_t lanes = 1;     ///< in use
  int level = 0;              ///< where the psums are
  Words updates, started;     ///< in words of the level's width: all updates, and those of them that start from zero
};

struct Moved {
  Counts counts;
  std::array<Port, kMaxLevels> ports{};
  Steps steps;
};

/// Whole cycles for `words` at `bandwidth` a cycle; 0 = unlimited.
std::int64_t transfer_cycles(std::int64_t words, double bandwidth);

/// How long one delivery takes, of words that the busiest instances read at the parent and write into the child: as long as the
/// slower of the two ports.
Cycles delivery_cycles(const Tensor& tensor, const Level& parent, const Level& child, std::int64_t read, std::int64_t written);

/// What one departure of psums moves, at the busiest instances: words that arrive at the parent, those of them that are added to
/// what has arrived before (R4), and the words of the child's tile.
struct Departure {
  std::int64_t arrive = 0, accumulate = 0, tile = 0;
};
/// How long it takes: as long as the slowest of the ports that it crosses.
Cycles drain_cycles(const Tensor& tensor, const Level& parent, const Level& child, const Departure& words);

/// Whether the first fill of a double buffer at `level` is over before a port of level `of` has anything to do, or its last drain
/// begins when that port has nothing to do any more.
bool comes_before(int level, int of, bool writes);
bool comes_after(int level, int of, bool writes, bool drain_reads);

/// Whole cycles of a time that rounding may have put a little above them.
double whole_cycles(double time);

/// Cycles of all steps of the MACs: each lasts as long as the MACs, or the slowest port for its words. `operands`: words of them
/// that each level reads in all steps.
double mac_cycles(const Steps& steps, const std::array<double, kMaxLevels>& operands, const Hierarchy& hierarchy);

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
