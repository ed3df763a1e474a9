// Points by number, and shares of about equal time.
#include "tilepath/explore/grid.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "support/generate.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/explore/shares.hpp"

namespace tilepath::testing {

TEST_CASE("grid: the last parameter runs fastest, and a point's digits come back") {
  const Grid grid({2, 3, 4});
  CHECK(grid.points() == 24);
  CHECK(grid.digits(0) == std::vector<std::int64_t>{0, 0, 0});
  CHECK(grid.digits(1) == std::vector<std::int64_t>{0, 0, 1});
  CHECK(grid.digits(23) == std::vector<std::int64_t>{1, 2, 3});
  CHECK(grid.with(1, 0, 1) == 13);
  CHECK_THROWS_AS(Grid({1 << 20, 1 << 20, 1 << 20}), Overflow);
}

TEST_CASE("shares: the cost of all points before one is the sum of theirs, for any sample") {
  Random random(1);
  for (int k = 0; k < 50; ++k) {
    std::vector<std::int64_t> radices;
    for (std::uint64_t p = 0; p < 1 + random() % 4; ++p) radices.push_back(1 + static_cast<std::int64_t>(random() % 5));
    const Grid grid(radices);
    std::vector<PointCosts::Sample> samples;
    for (std::uint64_t s = 0; s < random() % 10; ++s)
      samples.push_back(
          {static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(grid.points())), static_cast<double>(random() % 100)});
    const PointCosts costs(grid, samples);
    double sum = 0;
    for (std::int64_t point = 0; point < grid.points(); ++point) {
      CHECK(costs.before(point) == doctest::Approx(sum));
      sum += costs.of(point);
    }
    CHECK(costs.total() == doctest::Approx(sum));
  }
}

TEST_CASE("shares: each has every point once, and about as much to do, where one value costs a hundred times another") {
  const Grid grid({10, 100, 10});
  std::vector<PointCosts::Sample> samples;
  for (std::int64_t point = 0; point < grid.points(); point += 7)
    samples.push_back({point, grid.digit(point, 0) < 5 ? 0.01 : 1.0});
  const PointCosts costs(grid, samples);
  for (const std::int64_t shares : {1, 2, 7, 64}) {
    const std::vector<std::int64_t> bounds = cut(grid, costs, shares);
    REQUIRE(bounds.size() == static_cast<std::size_t>(shares) + 1);
    CHECK(bounds.front() == 0);
    CHECK(bounds.back() == grid.points());
    for (std::size_t s = 0; s + 1 < bounds.size(); ++s) {
      CHECK(bounds[s] <= bounds[s + 1]);
      const double took = costs.before(bounds[s + 1]) - costs.before(bounds[s]);
      CHECK(std::abs(took - costs.total() / static_cast<double>(shares)) <= 1.5);  // but for a point at either end
    }
  }
}

TEST_CASE("shares: a billion points are cut in ten thousand without a visit to each") {
  const Grid grid({10, 100, 100, 100, 100});
  const std::vector<std::int64_t> bounds = cut(grid, PointCosts(grid), 10'000);
  CHECK(bounds.size() == 10'001);
  CHECK(bounds[1] == doctest::Approx(100'000).epsilon(1e-3));
}

}  // namespace tilepath::testing
