// The points of a sweep: every combination of one value per parameter, numbered. Points are never listed: a sweep may have
// billions.
//
//   radices {2, 3}:   point 0 = (0,0)  1 = (0,1)  2 = (0,2)  3 = (1,0)  …  5 = (1,2)
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tilepath {

class Grid {
 public:
  /// A value is chosen from `radices[p]` for each p; the last runs fastest. Throws Overflow past 2^53 points: their numbers must
  /// survive a reader whose numbers are doubles.
  explicit Grid(std::vector<std::int64_t> radices);

  [[nodiscard]] std::int64_t points() const { return points_; }
  [[nodiscard]] const std::vector<std::int64_t>& radices() const { return radices_; }
  /// Per parameter, which value `point` has.
  [[nodiscard]] std::vector<std::int64_t> digits(std::int64_t point) const;
  [[nodiscard]] std::int64_t digit(std::int64_t point, std::size_t p) const { return point / strides_[p] % radices_[p]; }
  /// `point` with another value of parameter `p`.
  [[nodiscard]] std::int64_t with(std::int64_t point, std::size_t p, std::int64_t digit) const;

 private:
  std::vector<std::int64_t> radices_, strides_;
  std::int64_t points_ = 1;
};

}  // namespace tilepath
