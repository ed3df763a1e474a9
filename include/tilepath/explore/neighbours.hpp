// An optimum that a larger design does not need its size for is the optimum of the smaller one as well.
//
//   capacity of the buffer   4 K   8 K   16 K   32 K   64 K
//   searched for                          x             x       the optimum at 64 K fits in 32 K too: no mapping of 32 K is
//   taken from the right      x     x            x             better, since all of them are mappings of 64 K
//
// A mapping that is best at two designs which differ in energies alone is best at all designs on the line between them.
//
//   energy of a DRAM access  100   150   200   250   300
//   searched for              x           x           x     the same mapping is best at 200 and 300, and so at 250
//
// Neighbours are points that differ in the last parameter only: by one step, or in energies alone by any. What is found for a
// point is the same whatever was asked for before, and by whom: which neighbour a point looks at depends on the designs alone.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tilepath/explore/grid.hpp"
#include "tilepath/explore/solutions.hpp"

namespace tilepath {

/// Whether every mapping that is legal on `small` is legal on `large` too and costs no more of anything there: capacities,
/// bandwidths and fanouts no smaller, energies no larger, all else equal. True of equals.
bool relaxes(const Hierarchy& large, const Hierarchy& small);

/// A design and what is asked of it, per layer.
struct Posed {
  Hierarchy hierarchy;
  std::vector<SearchOptions> options;
};
using PosedPointer = std::shared_ptr<const Posed>;

class Neighbours {
 public:
  /// `pose` gives the design at a point, or null where there is none. It must be safe from any thread.
  Neighbours(Grid grid, const std::vector<Layer>& layers, std::function<PosedPointer(std::int64_t)> pose, Solutions& solutions);

  /// The optimum of a layer on the design at `point`, which must exist. Throws as Solutions::solve does. Safe from any thread.
  SolutionPointer solve(std::int64_t point, std::size_t layer, const std::stop_token& stop);

  /// A design that relaxes that at `point`: of each parameter the first or last value where that does, one after the other.
  /// `point` itself where none does.
  [[nodiscard]] std::int64_t corner(std::int64_t point);

  [[nodiscard]] PosedPointer posed(std::int64_t point);

 private:
  /// Points that differ in the last parameter, up to so many of them: a share of a sweep that begins inside a row needs the rest
  /// of it as well.
  static constexpr std::int64_t kLongestRow = 1024;
  struct Row;
  std::shared_ptr<Row> row_of(std::int64_t point);
  SolutionPointer solve(Row& row, std::int64_t point, std::size_t layer, const std::stop_token& stop);
  SolutionPointer find(Row& row, std::int64_t point, std::size_t layer, const std::stop_token& stop);
  SolutionPointer between_ends(Row& row, std::int64_t point, std::size_t layer, const std::stop_token& stop);
  PosedPointer posed(Row& row, std::int64_t point);

  Grid grid_;
  const std::vector<Layer>& layers_;
  std::function<PosedPointer(std::int64_t)> pose_;
  Solutions& solutions_;
  std::mutex mutex_;
  std::map<std::int64_t, std::shared_ptr<Row>> rows_;  ///< the last few, by their first point
};

}  // namespace tilepath
