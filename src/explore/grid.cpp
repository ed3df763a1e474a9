#include "tilepath/explore/grid.hpp"

#include "tilepath/base/quantity.hpp"

namespace tilepath {

Grid::Grid(std::vector<std::int64_t> radices) : radices_(std::move(radices)), strides_(radices_.size(), 1) {
  constexpr std::int64_t kMost = std::int64_t{1} << 53;
  for (std::size_t p = radices_.size(); p-- > 0;) {
    strides_[p] = points_;
    points_ = checked_multiply(points_, radices_[p]);
    if (points_ > kMost) throw Overflow("a sweep can have 2^53 points at most");
  }
}

std::vector<std::int64_t> Grid::digits(std::int64_t point) const {
  std::vector<std::int64_t> digits;
  for (std::size_t p = 0; p < radices_.size(); ++p) digits.push_back(digit(point, p));
  return digits;
}

std::int64_t Grid::with(std::int64_t point, std::size_t p, std::int64_t digit) const {
  return point + (digit - this->digit(point, p)) * strides_[p];
}

}  // namespace tilepath
