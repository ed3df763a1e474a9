// What a nest moves, before it is turned into energy and cycles.
#pragma once

#include <array>
#include <boost/container/static_vector.hpp>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <vector>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/base/quantity.hpp"
#include "tilepath/mapping/counts.hpp"
#include "tilepath/mapping/nest.hpp"
#include "tilepath/model/evaluation.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath::model_detail {

/// What meets at the ports of a level: it decides what is over before their first word and what begins after their last.
struct Meeting {
  bool operands = false;          ///< tiles of operands arrive through the write port
  bool psums = false;             ///< psums arrive there
  bool adds = false;              ///< … and some are added to what has arrived, which takes reads (R4)
  bool sends = false;             ///< psums leave through the read port
  double used_after_reads = 0;    ///< steps of the MACs at least, after the last word that the read port sends …
  double used_after_writes = 0;   ///< … after the last that the write port takes in
  double used_before_writes = 0;  ///< … and before its first
};

/// The ports of a level's busiest instance: the one that takes the psums back.
struct Port {
  Words reads, writes;       ///< in words of the level's width
  Words mac_reads;           ///< those of them that are operands of the MACs
  Cycles filling, draining;  ///< deliveries into this level's single buffers, and drains from them
  Cycles anew;               ///< first deliveries into the double buffers inside them and last drains, at all tiles but the first
  Cycles first_fill;         ///< first deliveries into this level's double buffers, which nothing hides
  Cycles last_drain;         ///< last drains from them
  Meeting meeting;

  [[nodiscard]] Cycles waiting() const { return filling + draining + anew; }
};

/// What a tensor's double buffer cannot hide where it begins and where it ends.
struct Ends {
  Cycles fill;   ///< of an operand's tile, or of psums that come back
  Cycles drain;  ///< of psums
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
  std::array<std::array<Ends, kMaxLevels>, kMaxTensors> ends{};  ///< of double buffers, per tensor and level
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
/// takes place when that port has nothing to do any more.
bool comes_before(int level, int of, bool writes, const Meeting& meeting);
bool comes_after(int level, int of, bool writes, const Meeting& meeting);

/// Whether a port of level `of` carries nothing while a single buffer at `level` is filled, or drained.
bool rests(int level, int of, bool writes, bool drains, bool drain_reads);

/// How often what happens in one instance: the one that takes psums back.
struct Often {
  std::function<std::int64_t(int tensor, std::size_t position)> visits;  ///< of the tile kept there
  std::function<std::int64_t(int tensor, std::size_t position)>
      first_visits;                                                ///< of an output's tile, those that start from zero
  std::function<std::int64_t(std::size_t position)> steps_inside;  ///< of the MACs, in one full iteration of the loop there
};

/// Sets what double buffers do not hide (R8): meetings, and deliveries that begin anew inside single buffers. For hierarchies
/// with a limited bandwidth; in others all of it takes no time.
void set_edges(Moved& moved, const Nest& nest, const Layer& layer, const Hierarchy& hierarchy, const Often& often);

/// R2, the visitor of every step that moves the tile of tensor `t` kept at `position`: called with how often it happens and the
/// displacement per rank. The first delivery is not a step. `iterations(i)`: of the temporal loops outside node i.
template <class Iterations, class Visit>
void for_each_move(const Nest& nest, const Layer& layer, const std::vector<Extents>& inside, int t, std::size_t position,
                   const Iterations& iterations, const Visit& visit) {
  const auto& ranks = layer.tensors[static_cast<std::size_t>(t)].ranks;
  std::array<std::int64_t, kMaxRanks> reset{};  // by how much the loops between node and loop move back when they start anew
  for (std::size_t i = position; i-- > 0;) {
    const auto* loop = std::get_if<Loop>(&nest.nodes[i]);
    if (loop == nullptr || loop->count == 1) continue;
    std::array<std::int64_t, kMaxRanks> displacement{};
    bool moved = false;
    for (std::size_t r = 0; r < ranks.size(); ++r) {
      displacement[r] = -reset[r];
      for (const Term& term : ranks[r])
        if (term.dimension == loop->dimension) {
          const std::int64_t stride = checked_multiply(term.coefficient, inside[i][static_cast<std::size_t>(loop->dimension)]);
          displacement[r] += stride;
          reset[r] += stride * (loop->count - 1);
        }
      moved |= displacement[r] != 0;
    }
    if (moved) visit(checked_multiply(loop->count - 1, iterations(i)), displacement);
  }
}

/// How often a tile arrives there, in one instance.
template <class Iterations>
std::int64_t visits_of(const Nest& nest, const Layer& layer, const std::vector<Extents>& inside, int t, std::size_t position,
                       const Iterations& iterations) {
  std::int64_t visits = 1;
  for_each_move(nest, layer, inside, t, position, iterations,
                [&](std::int64_t times, const auto&) { visits = checked_add(visits, times); });
  return visits;
}

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
/// Of one tensor, from the outermost inwards. It never allocates: evaluating a nest takes a microsecond or two.
using Chain = boost::container::static_vector<Stop, kMaxLevels + 1>;
Chain chain_of(const Nest& nest, int tensor, const Hierarchy& hierarchy);

/// R1-R5 for nests with remainders (R9): sums over the tiles as they are. Holds for perfect factors too, more slowly. `inside`:
/// extents of full tiles, per node; the bounds may be those of a short tile around them.
Moved ragged_traffic(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy, const std::vector<Extents>& inside);

/// One step of the temporal loops: of `loop` to where it stands, when the loops inside it begin anew.
struct Step {
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  std::size_t loop = kNone;             ///< its position; none: everything begins
  const std::vector<std::int64_t>& at;  ///< per node: where the loops from there outwards stand
};

/// A tile that arrives, by the words of the busiest instances.
struct Arrival {
  bool moves = false;        ///< if not, the step leaves the tile where it is
  std::int64_t read = 0;     ///< from the parent; of psums if they come back
  std::int64_t written = 0;  ///< into the child; likewise
  Departure departure;       ///< of psums: what leaves when this tile does, if the same lanes work on
};

/// What the MACs move in one step, by the busiest instances, in words of the levels' widths.
struct MacStep {
  std::array<std::int64_t, kMaxLevels> operands{};  ///< read, per level
  int level = 0;                                    ///< where the psums are
  std::int64_t updates = 0, psums = 0;              ///< updates of how many psums: of these none is read if they start
};

/// R1-R5 and R9 step by step, where `traffic_of` has the sums.
class StepTraffic {
 public:
  StepTraffic(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy, const std::vector<Extents>& inside);
  ~StepTraffic();
  StepTraffic(const StepTraffic&) = delete;
  StepTraffic& operator=(const StepTraffic&) = delete;

  /// At the k-th node of a tensor's chain (k > 0, not the MACs).
  [[nodiscard]] Arrival arrival(int t, std::size_t k, const Step& step) const;
  /// Of the MACs, where all loops stand at `at`.
  [[nodiscard]] MacStep mac_step(const std::vector<std::int64_t>& at) const;

 private:
  struct Lanes;
  std::unique_ptr<Lanes> lanes_;
};

/// R1-R5 of any nest. Requires legal(nest, layer, hierarchy).
Moved traffic_of(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy);

/// R7 and R8: energy and cycles of what moves.
Evaluation evaluation_of(const Moved& moved, const Layer& layer, const Hierarchy& hierarchy);

}  // namespace tilepath::model_detail
