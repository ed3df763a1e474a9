// All jobs of one choice of lanes solved exactly: the cheapest path through the lattice of temporal tile shapes.
//
//                                                 4x3          the whole of what one lane has to do (M=4, P=3)
//                                                / \.
// A tile shape is a point; one loop of           2x3  4x1
// a prime count is an edge: 2x1 -> 2x3 is        | \  |
// `for P in 3`. A nest, read from the inside,    1x3  2x1
// is a path from 1x1; storage nodes are          \ /
// placed on the way.                             1x1          one multiply-accumulate
//
// With a node the level of its parent is chosen, and so, node by node, which levels keep each tensor. A visit of a node then
// costs what its tile costs (prices.hpp); the number of visits is known as soon as the first relevant loop outside the node is
// placed: it is the number of iterations still outside, whatever their order. Until then the tensor is *open* there. What an open
// node owes per visit is a function of the shape (no relevant loop moved since), so a label is
//
//   (phase: at which level each tensor's next node stands, shape, which nodes are open)  ->  cost so far
//
// and of two labels with the same left side, the one that costs no less can go: whatever is built outside adds the same to
// both. With bandwidth limits a cost has several parts and labels of one left side form a Pareto set.
//
// A loop over one dimension of a halo rank (H = P + R) may leave the tile in place, or with overlap to keep (R2). Nodes for
// which that can still happen are remembered one by one in the label (`Slide`), until the loops of other ranks rule it out.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "ladder.hpp"
#include "prices.hpp"
#include "symmetry.hpp"
#include "tilepath/search/search.hpp"

namespace tilepath::search_detail {

/// When to give up.
struct Patience {
  std::stop_token stop;
  std::optional<std::chrono::steady_clock::time_point> deadline;
  std::int64_t most_labels = std::numeric_limits<std::int64_t>::max();  ///< kept in one solve
  [[nodiscard]] bool over() const { return stop.stop_requested() || (deadline && std::chrono::steady_clock::now() >= *deadline); }
};

/// What jobs cost at least: energy, leakage apart, and cycles.
struct Least {
  double energy = -std::numeric_limits<double>::infinity();
  double cycles = 0;
};

/// Per tensor, where its outer nodes begin: the innermost of the outer levels that keeps it, and whether it feeds a wide node;
/// see Problem::nearest.
using Nearest = std::array<std::uint8_t, kMaxTensors>;

/// How many ports relaxed solves count at most.
inline constexpr std::size_t kMostWatched = 6;

/// What all jobs of one search share.
struct Problem {
  const Layer& layer;
  const Hierarchy& hierarchy;
  Parts parts;
  Aim objective;
  Mapspace mapspace;
  std::vector<Constraint> constraints;
  double leakage = 0;                     ///< energy per cycle of all instances together
  int outer_level = 0;                    ///< no lanes lie above it: at most that of the outermost fanout of more than one lane
  std::uint32_t feeding = 0;              ///< see feeding_tensors
  std::vector<Symmetry> symmetries = {};  ///< of the layer and all fanouts
  std::vector<int> watched = {};          ///< ports whose words relaxed solves count; of the others each carries its least
  /// Of the dimensions whose loops in time may leave remainders, by what lanes leave of the bound; others have none.
  std::array<std::map<std::int64_t, Ladder>, kMaxDimensions> ragged{};
  /// Of dimensions that may be uneven outside all lanes, with any remainders or in chunks alone; others have none.
  std::array<Ladder, kMaxDimensions> bands{}, bands_of_chunks{};

  /// What stands in a Nearest.
  [[nodiscard]] std::uint8_t nearest(int level, bool feeds) const {
    return static_cast<std::uint8_t>(feeds ? level + outer_level + 1 : level);
  }
  [[nodiscard]] int level_of(std::uint8_t nearest) const { return nearest % (outer_level + 1); }
  [[nodiscard]] bool feeds(std::uint8_t nearest) const { return nearest > outer_level; }
  /// The same levels, with no wide nodes.
  [[nodiscard]] Nearest levels_of(Nearest nearest) const;

  /// At least that of so many steps.
  [[nodiscard]] Pace pace(double steps) const;
  /// Score of a cost vector whose MACs take this long. Monotone in every part: of a lower bound it is one.
  [[nodiscard]] Score score(const Cost& cost, const Pace& pace) const;
  [[nodiscard]] Score score(const Least& least) const;
  /// The cycles of it.
  [[nodiscard]] double score_cycles(const Cost& cost, const Pace& pace) const;
  /// The least energy (leakage apart) that does not beat the incumbent in so many cycles.
  [[nodiscard]] double energy_limit(const Score& incumbent, double cycles) const;
};

/// Tensors, a bit each, of which wide nodes are known: operands of which every inner level keeps whole tiles.
std::uint32_t feeding_tensors(const Layer& layer, const Hierarchy& hierarchy, int outer_level);

/// Which levels may and which must keep each tensor, a bit per level; the outermost (bit 0) keeps them all. A lattice chooses
/// among what it may along with everything else, unless that is `fixed`.
struct Keeping {
  std::array<std::uint32_t, kMaxTensors> may{}, must{};
  [[nodiscard]] bool fixed() const { return may == must; }
  /// The sets of levels that may keep a tensor.
  [[nodiscard]] std::vector<std::uint32_t> choices(int tensor) const;
  friend auto operator<=>(const Keeping&, const Keeping&) = default;
};

/// The least energy of the outer nodes, by where the nearest of each tensor stands. Empty: nothing is known.
using OuterEnergy = std::function<double(const Nearest&)>;

/// Memory that one solve after the other uses, one at a time: the first label of each phase and shape, for 64 shapes together.
struct Workspace {
  struct Block {
    std::uint64_t occupied = 0;  ///< a bit per shape: it has labels
    std::array<std::int32_t, 64> first{};
  };
  std::size_t used = 0;
  std::vector<Block> blocks;
};

/// Levels that keep each tensor, a bit each, and what no nest that keeps them so scores less than.
struct Kept {
  std::array<std::uint32_t, kMaxTensors> keeps{};
  Score least;
};

struct LatticeOutcome {
  std::optional<Nest> nest;  ///< the best of the job, if it beats the incumbent
  Score score;               ///< of that nest
  bool finished = true;      ///< false: patience ran out …
  bool too_many = false;     ///< … because of Patience::most_labels
  bool excluded = false;     ///< by `Look::apart`: it was not solved
  Least least;               ///< of solves with bandwidths relaxed, and bounds: what they are of costs no less
  std::vector<Kept> kept;    ///< by tell_keeps: all that may beat the limit
  std::int64_t labels_kept = 0, labels_pruned = 0;
};

/// How many limits narrowing tries before the incumbent.
inline constexpr int kTries = 14;

/// Solves with a limit not far above a bound first, then further away, at last with `most`: most labels die at once where the
/// limit is tight, and each time about so many times as many are to be made. `above(slack)`: the bound, so many times as much;
/// `solve_below(limit)`: what is to be solved. At most `tries` limits below `most`.
template <class Above, class Solve>
LatticeOutcome narrowing(const Score& most, const Above& above, const Solve& solve_below, int tries = kTries) {
  constexpr double kFirst = 1.02;
  constexpr double kLast = 3.0;
  constexpr double kLeast = 1.03;  // from one limit to the next, at least
  constexpr double kMost = 1.1;
  constexpr double kMoreLabels = 2.5;
  LatticeOutcome all;
  const auto finds = [&](const Score& limit) {
    LatticeOutcome outcome = solve_below(limit);
    outcome.labels_kept += all.labels_kept;
    outcome.labels_pruned += all.labels_pruned;
    all = std::move(outcome);
    return all.score < limit || !all.finished;
  };
  double step = 1.08;
  double labels = 0;  // of the last limit
  for (double slack = kFirst; tries-- > 0 && slack < kLast && above(slack * kLeast) < most; slack *= step) {
    const std::int64_t before = all.labels_kept;
    if (finds(above(slack))) return all;
    const auto now = static_cast<double>(all.labels_kept - before);
    if (labels > 0) {
      if (now < labels * 17 / 16) break;  // all the way costs little
      step = std::clamp(std::pow(kMoreLabels, std::log(step) / std::log(now / labels)), kLeast, kMost);
    }
    labels = now;
  }
  finds(most);
  return all;
}

/// A lattice that is solved with one limit after the other.
class Look {
 public:
  virtual ~Look() = default;
  /// What is strictly better than the limit. Deterministic.
  virtual LatticeOutcome below(const Score& limit) = 0;
  /// A bound that is cheaper: each node at its least, the outer ones together.
  virtual Least apart() = 0;
};

// All that they are given must outlive them; of those with one workspace, one at a time.

/// The best nest of a job, of a hierarchy with bandwidths.
std::unique_ptr<Look> solve(const Problem& problem, const Prices& prices, const OuterEnergy& outer, const Patience& patience,
                            Workspace& workspace);

/// The same for all jobs of these lanes that `keeping` allows together, with bandwidths relaxed: each port that is not watched
/// carries its least, whatever the nest. `score` is then a bound: no nest scores less; where no bandwidth is limited, a label has
/// one cost, and it is what the nest scores. Without a nest, none beats the limit.
std::unique_ptr<Look> solve_relaxed(const Problem& problem, const Prices& prices, const Keeping& keeping,
                                    const OuterEnergy& outer, const Patience& patience, Workspace& workspace);

/// A bound that is cheaper where bandwidths are limited: with energy and waiting as one. `known`: what the jobs cost at least.
std::unique_ptr<Look> solve_rated(const Problem& problem, const Prices& prices, const Keeping& keeping, const Least& known,
                                  const OuterEnergy& outer, const Patience& patience, Workspace& workspace);

/// Which keeps may beat the limit: the same with the jobs told apart.
std::unique_ptr<Look> tell_keeps(const Problem& problem, const Prices& prices, const Keeping& keeping, const OuterEnergy& outer,
                                 const Patience& patience, Workspace& workspace);

// No lanes change the prices of nodes of levels up to Problem::outer_level. Alone, over all nests, they bound a job from below
// together with each other node at its least; what they cost is shared by all jobs that keep the same there.
//
// Where an operand passes the innermost outer level by, the node further in that reads from above it is among them: as a *wide*
// one, with the tiles of all its lanes as one, for which all instances of some inner level together have room. It costs what it
// reads beyond every word once, which is what it costs at its least. Else a nest of outer nodes would be cheap that has that
// operand read over and over.

/// The outer nodes alone, of what `keeping` allows.
class OuterNodes {
 public:
  virtual ~OuterNodes() = default;
  /// Their least energy, from `nearest` on. One call at a time.
  virtual double least(const Nearest& nearest) = 0;
};
/// What tiles outside all lanes there are: of perfect factors; of chunks, the last of which may be short; with any remainders.
enum class Tiles : std::uint8_t { even, chunks, any };
/// Which of the outer nodes.
struct Outer {
  Keeping keeping;
  Tiles tiles = Tiles::even;
  friend auto operator<=>(const Outer&, const Outer&) = default;
};
std::unique_ptr<OuterNodes> outer_nodes(const Problem& problem, const Outer& outer, const Patience& patience);

}  // namespace tilepath::search_detail
