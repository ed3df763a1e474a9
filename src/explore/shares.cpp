#include "tilepath/explore/shares.hpp"

#include <numeric>

namespace tilepath {

PointCosts::PointCosts(Grid grid) : grid_(std::move(grid)) {
  for (const std::int64_t radix : grid_.radices()) factors_.emplace_back(static_cast<std::size_t>(radix), 1.0);
}

PointCosts::PointCosts(Grid grid, const std::vector<Sample>& samples) : PointCosts(std::move(grid)) {
  if (samples.empty()) return;
  // One parameter after the other: each value's factor becomes what its samples took over what the others' factors foretell,
  // drawn towards 1 as if it had been seen kPrior times more at no difference. A few rounds settle it.
  constexpr int kRounds = 8;
  constexpr double kPrior = 1;
  const auto count = static_cast<double>(samples.size());
  double mean = 0;
  for (const Sample& each : samples) mean += each.seconds / count;
  if (!(mean > 0)) return;
  scale_ = mean;
  for (int round = 0; round < kRounds; ++round)
    for (std::size_t p = 0; p < factors_.size(); ++p) {
      std::vector<double> took(factors_[p].size(), kPrior * mean);
      std::vector<double> foretold(factors_[p].size(), kPrior * mean);
      for (const Sample& each : samples) {
        const auto value = static_cast<std::size_t>(grid_.digit(each.point, p));
        took[value] += each.seconds;
        foretold[value] += of(each.point) / factors_[p][value];
      }
      for (std::size_t value = 0; value < took.size(); ++value) factors_[p][value] = took[value] / foretold[value];
    }
}

PointCosts PointCosts::times(const PointCosts& other) const {
  PointCosts product = *this;
  product.scale_ *= other.scale_;
  for (std::size_t p = 0; p < factors_.size(); ++p)
    for (std::size_t value = 0; value < factors_[p].size(); ++value) product.factors_[p][value] *= other.factors_[p][value];
  return product;
}

double PointCosts::of(std::int64_t point) const {
  double cost = scale_;
  for (std::size_t p = 0; p < factors_.size(); ++p) cost *= factors_[p][static_cast<std::size_t>(grid_.digit(point, p))];
  return cost;
}

double PointCosts::before(std::int64_t point) const {
  // As digits are read from the left: what is before (d0, d1, …) has a first digit below d0, or the same and a second below d1, …
  double inside = scale_;
  std::vector<double> sums;
  for (const auto& factors : factors_) {
    sums.push_back(std::accumulate(factors.begin(), factors.end(), 0.0));
    inside *= sums.back();
  }
  if (point >= grid_.points()) return inside;
  double before = 0;
  double prefix = scale_;
  double rest = inside / scale_;
  for (std::size_t p = 0; p < factors_.size(); ++p) {
    rest /= sums[p];
    const auto digit = static_cast<std::ptrdiff_t>(grid_.digit(point, p));
    before += prefix * std::accumulate(factors_[p].begin(), factors_[p].begin() + digit, 0.0) * rest;
    prefix *= factors_[p][static_cast<std::size_t>(digit)];
  }
  return before;
}

std::vector<std::int64_t> cut(const Grid& grid, const PointCosts& costs, std::int64_t shares) {
  std::vector<std::int64_t> bounds = {0};
  for (std::int64_t s = 1; s < shares; ++s) {
    const double wanted = costs.total() * static_cast<double>(s) / static_cast<double>(shares);
    std::int64_t low = bounds.back();
    std::int64_t high = grid.points();
    while (low < high) {
      const std::int64_t middle = low + (high - low) / 2;
      if (costs.before(middle) < wanted)
        low = middle + 1;
      else
        high = middle;
    }
    bounds.push_back(low);
  }
  bounds.push_back(grid.points());
  return bounds;
}

}  // namespace tilepath
