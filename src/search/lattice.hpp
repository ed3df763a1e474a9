// One job solved exactly: the cheapest path through the lattice of temporal tile shapes.
//
//                                                 4x3          the whole of what one lane has to do (M=4, P=3)
//                                                / \.
// A tile shape is a point; one loop of           2x3  4x1
// a prime count is an edge: 2x1 -> 2x3 is        | \  |
// `for P in 3`. A nest, read from the inside,    1x3  2x1
// is a path from 1x1; storage nodes are          \ /
// placed on the way.                             1x1          one multiply-accumulate
//
// A visit of a node costs what its tile costs (prices.hpp); the number of visits is known as soon as the first relevant loop
// outside the node is placed: it is the number of iterations still outside, whatever their order. Until then the tensor is
// *open* there. What an open node owes per visit is a function of the shape (no relevant loop moved since), so a label is
//
//   (phase: which nodes are placed, shape, which nodes are open)  ->  cost so far
//
// and of two labels with the same left side, the one that costs no less can go: whatever is built outside adds the same to
// both. With bandwidth limits a cost has several parts and labels of one left side form a Pareto set.
//
// A loop over one dimension of a halo rank (H = P + R) may leave the tile in place, or with overlap to keep (R2). Nodes for
// which that can still happen are remembered one by one in the label (`Slide`), until the loops of other ranks rule it out.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <vector>

#include "ladder.hpp"
#include "prices.hpp"
#include "tilepath/search/search.hpp"

namespace tilepath::search_detail {

/// When to give up.
struct Patience {
  std::stop_token stop;
  std::optional<std::chrono::steady_clock::time_point> deadline;
  [[nodiscard]] bool over() const { return stop.stop_requested() || (deadline && std::chrono::steady_clock::now() >= *deadline); }
};

/// What all jobs of one search share.
struct Problem {
  const Layer& layer;
  const Hierarchy& hierarchy;
  Parts parts;
  Aim objective;
  Mapspace mapspace;
  std::vector<Constraint> constraints;
  double leakage = 0;   ///< energy per cycle of all instances together
  int outer_level = 0;  ///< no lanes lie above it: at most that of the outermost fanout of more than one lane
  /// Of the dimensions whose loops in time may leave remainders, where no lanes unroll them; of the others empty.
  std::array<Ladder, kMaxDimensions> ragged{}, banded{};

  /// At least that of so many steps.
  [[nodiscard]] Pace pace(double steps) const;
  /// Score of a cost vector whose MACs take this long. Monotone in every part: of a lower bound it is one.
  [[nodiscard]] Score score(const Cost& cost, const Pace& pace) const;
  /// The cycles of it.
  [[nodiscard]] double score_cycles(const Cost& cost, const Pace& pace) const;
  /// The least energy (leakage apart) that does not beat the incumbent in so many cycles.
  [[nodiscard]] double energy_limit(const Score& incumbent, double cycles) const;
};

/// Memory that one solve after the other uses; one at a time.
struct Workspace {
  struct Head {
    std::uint32_t solve = 0;  ///< in which solve it was set; else it is empty
    std::int32_t label = -1;
  };
  std::uint32_t solves = 0;
  std::vector<Head> heads;              ///< first label per phase and shape
  std::vector<std::uint64_t> occupied;  ///< a bit per phase and shape: it has labels
};

struct LatticeOutcome {
  std::optional<Nest> nest;  ///< the best of the job, if it beats the incumbent
  Score score;               ///< of that nest
  bool finished = true;      ///< false: patience ran out
  std::int64_t labels_kept = 0, labels_pruned = 0;
};

/// The best nest of a job that is strictly better than `incumbent`. Deterministic. `outer`: as below, 0 = nothing known.
LatticeOutcome solve(const Problem& problem, const Prices& prices, const Score& incumbent, double outer, const Patience& patience,
                     Workspace& workspace);

/// The same with bandwidths relaxed: each port carries its least, whatever the nest. Much cheaper, since a label has one cost.
/// `score` is then a bound: no nest of the job scores less. Without a nest, none of the job beats the incumbent.
LatticeOutcome solve_relaxed(const Problem& problem, const Prices& prices, const Score& incumbent, double outer,
                             const Patience& patience, Workspace& workspace);

/// A good nest of a job, quickly: of all labels of one phase and shape the most promising alone goes on. Proves nothing.
LatticeOutcome solve_roughly(const Problem& problem, const Prices& prices, const Score& incumbent, double outer,
                             const Patience& patience, Workspace& workspace);

// The nodes of a job fall in two parts: those of levels up to Problem::outer_level, whose prices no lanes change, and the others.
// Each part alone, over all nests, bounds the job from below, and the outer one is shared by all jobs that keep the same there.

/// Least energy of the outer nodes, of prices without lanes.
double least_outer(const Problem& problem, const Prices& prices, const Patience& patience, Workspace& workspace);

/// A bound on the score of a job: its inner nodes on their own, `outer` for the energy of the others.
LatticeOutcome bound_inner(const Problem& problem, const Prices& prices, const Score& incumbent, double outer,
                           const Patience& patience, Workspace& workspace);

}  // namespace tilepath::search_detail
