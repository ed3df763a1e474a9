// The Pareto front of many designs, and its knee.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tilepath {

/// A design by its figures, all to be small. A figure that is not looked at is 0 in all designs.
struct Figures3 {
  double x = 0, y = 0, z = 0;
  std::int64_t point = 0;
};

/// a is nowhere worse than b, and somewhere better.
bool dominates(const Figures3& a, const Figures3& b);

/// Those that none dominates, designs of equal figures all among them; by x, then y, z, point. Holds two copies of what it is
/// given at most; O(n log n).
std::vector<Figures3> pareto_front(std::vector<Figures3> designs);

/// A front that grows. What is not on it need not be kept: memory is that of the front, and some new designs.
class GrowingFront {
 public:
  void add(const Figures3& design);
  /// Whether some design that was added dominates this one.
  [[nodiscard]] bool dominates(const Figures3& design) const;
  [[nodiscard]] std::vector<Figures3> designs() const;

 private:
  std::vector<Figures3> front_, recent_;
};

/// The index of the design nearest to the best of each figure, on logarithmic axes scaled to the front's extent (a figure of 0
/// anywhere: on a plain axis). Of equals the first. Requires a front of at least one.
std::size_t knee(std::span<const Figures3> front);

}  // namespace tilepath
