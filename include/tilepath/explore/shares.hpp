// A sweep cut into shares that take about as long as each other.
//
// The time of a point is estimated as a product of one factor per value of each parameter (a larger array multiplies the time of
// every point that has it). Such an estimate is fitted to a small sample, and summed over any range of points without visiting
// them: that is what cuts 10^9 points in a millisecond.
#pragma once

#include <cstdint>
#include <vector>

#include "tilepath/explore/grid.hpp"

namespace tilepath {

class PointCosts {
 public:
  /// All points alike.
  explicit PointCosts(Grid grid);
  /// `seconds` of some points, each once or more; 0 for a point that is left out.
  struct Sample {
    std::int64_t point = 0;
    double seconds = 0;
  };
  PointCosts(Grid grid, const std::vector<Sample>& samples);

  /// The product of both, point by point: how long a point takes, and how likely it is wanted.
  [[nodiscard]] PointCosts times(const PointCosts& other) const;

  [[nodiscard]] double of(std::int64_t point) const;
  /// Of all points before `point`: O(parameters x values).
  [[nodiscard]] double before(std::int64_t point) const;
  [[nodiscard]] double total() const { return before(grid_.points()); }

 private:
  Grid grid_;
  double scale_ = 1;
  std::vector<std::vector<double>> factors_;  ///< per parameter and value
};

/// Bounds of `shares` ranges: share s has the points [bounds[s], bounds[s+1]). Some are empty where there are more than points.
std::vector<std::int64_t> cut(const Grid& grid, const PointCosts& costs, std::int64_t shares);

}  // namespace tilepath
