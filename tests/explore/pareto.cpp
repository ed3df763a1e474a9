// Fronts, against the definition.
#include "tilepath/explore/pareto.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/generate.hpp"

namespace tilepath::testing {

namespace {

/// By the definition, in quadratic time.
std::vector<std::int64_t> plain_front(const std::vector<Figures3>& designs) {
  std::vector<std::int64_t> points;
  for (const Figures3& a : designs)
    if (std::none_of(designs.begin(), designs.end(), [&](const Figures3& b) { return dominates(b, a); }))
      points.push_back(a.point);
  std::sort(points.begin(), points.end());
  return points;
}

std::vector<std::int64_t> points_of(const std::vector<Figures3>& front) {
  std::vector<std::int64_t> points;
  for (const Figures3& design : front) points.push_back(design.point);
  std::sort(points.begin(), points.end());
  return points;
}

}  // namespace

TEST_CASE("front: of two or three figures, equals included, it is what the definition says, grown one by one as well") {
  Random random(2);
  for (int k = 0; k < 200; ++k) {
    const std::uint64_t range = 1 + random() % 30;
    const bool flat = k % 3 == 0;
    std::vector<Figures3> designs;
    GrowingFront growing;
    for (std::int64_t point = 0; point < static_cast<std::int64_t>(1 + random() % 60); ++point) {
      const auto draw = [&] { return static_cast<double>(random() % range); };
      designs.push_back({draw(), draw(), flat ? 0 : draw(), point});
      growing.add(designs.back());
    }
    const std::vector<std::int64_t> plain = plain_front(designs);
    CHECK(points_of(pareto_front(designs)) == plain);
    CHECK(points_of(growing.designs()) == plain);
    for (const Figures3& design : designs)
      CHECK(growing.dominates(design) == !std::binary_search(plain.begin(), plain.end(), design.point));
  }
}

TEST_CASE("front: one that grows past what it holds at once stays exact") {
  Random random(3);
  std::vector<Figures3> designs;
  GrowingFront growing;
  for (std::int64_t point = 0; point < 5000; ++point) {
    const auto x = static_cast<double>(1 + random() % 5000);
    designs.push_back({x, 1e6 / x + static_cast<double>(random() % 100), 0, point});
    growing.add(designs.back());
  }
  CHECK(points_of(growing.designs()) == plain_front(designs));
}

TEST_CASE("knee: the point near the best of both, not one of the ends") {
  const std::vector<Figures3> front = {{1, 1000, 0, 0}, {2, 20, 0, 1}, {1000, 1, 0, 2}};
  CHECK(knee(front) == 1);
  CHECK(knee(std::vector<Figures3>{{5, 5, 5, 9}}) == 0);
}

}  // namespace tilepath::testing
