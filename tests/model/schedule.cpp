// The schedule: what a closed form cannot say of time, and that it need not play every iteration.
#include "tilepath/model/schedule.hpp"

#include <doctest/doctest.h>

#include "tilepath/execute/execute.hpp"
#include "tilepath/model/evaluate.hpp"
#include "tilepath/workload/conv.hpp"

namespace tilepath::testing {

namespace {

/// DRAM, of which so many words a cycle can be read, and double-buffered register files.
Hierarchy with_bandwidth(double words) {
  Hierarchy hierarchy;
  hierarchy.name = "two";
  hierarchy.levels.resize(2);
  hierarchy.levels[0].name = "DRAM";
  hierarchy.levels[0].read_bandwidth = words;
  hierarchy.levels[1].name = "RF";
  hierarchy.levels[1].double_buffered = true;
  return hierarchy;
}

constexpr int kM = 2;  ///< dimensions of conv
constexpr int kC = 3;

/// M tiles of C weights, one after the other; inputs and outputs stay.
Nest tile_by_tile(std::int64_t m, std::int64_t c) {
  return {{Store{{0, 1, 2}, 0}, Store{{1, 2}, 1}, Loop{kM, m}, Store{{0}, 1}, Loop{kC, c}, Compute{}}};
}

}  // namespace

TEST_CASE("R8: the schedule of a double buffer hides a fetch that takes as long as the tile before it is used") {
  const Layer layer = conv("fc", {.m = 4, .c = 8});
  // 8 inputs and 8 weights arrive, then four tiles are used 8 cycles each.
  CHECK(schedule(tile_by_tile(4, 8), layer, with_bandwidth(1))->total() == doctest::Approx(8 + 8 + 4 * 8));
}

TEST_CASE("R8: … and waits for one that takes longer") {
  const Layer layer = conv("fc", {.m = 4, .c = 8});
  // Two tiles are there after 16 + 2 * 16 cycles, the others after 16 more each; the last is used 8 cycles.
  const CycleSplit played = *schedule(tile_by_tile(4, 8), layer, with_bandwidth(0.5));
  CHECK(played.total() == doctest::Approx(16 + 4 * 16 + 8));
  CHECK(played.first_fill == doctest::Approx(32));
  CHECK(played.compute == doctest::Approx(32));
  CHECK(played.read_bandwidth[0] == doctest::Approx(3 * 8));
}

TEST_CASE("R8: a port that is idle while psums start and too slow when they come back sets the pace in part of the time") {
  const Layer layer = conv("fc", {.m = 64, .c = 8});
  Hierarchy hierarchy = with_bandwidth(0.25);
  // Each of 64 psums is worked on for two cycles, four times; to come back takes it four cycles.
  const Nest nest{{Store{{0, 1, 2}, 0}, Store{{0, 1}, 1}, Loop{kC, 4}, Loop{kM, 64}, Store{{2}, 1}, Loop{kC, 2}, Compute{}}};
  const double kept = execute(nest, layer, hierarchy, make_operands(layer, 1)).cycles.total();
  CHECK(schedule(nest, layer, hierarchy)->total() == doctest::Approx(kept));
  CHECK(static_cast<double>(evaluate(nest, layer, hierarchy).cycles.value()) < 0.96 * kept);
}

TEST_CASE("schedule: iterations that begin alike are played once") {
  const Hierarchy hierarchy = with_bandwidth(0.5);
  for (const std::int64_t tiles : {10, 1000, 100'000'000}) {
    const Layer layer = conv("fc", {.m = tiles, .c = 8});
    CHECK(schedule(tile_by_tile(tiles, 8), layer, hierarchy, 10)->total() ==
          doctest::Approx(16 + 16 * static_cast<double>(tiles) + 8).epsilon(1e-12));
  }
}

TEST_CASE("schedule: so are rounds of several iterations, and those of tiles that a loop of one iteration does not move") {
  // Three channels, two at a time: the inner loop has two iterations, then one.
  const Nest nest{{Store{{0, 1, 2}, 0}, Loop{kM, 30'000}, Loop{kC, 2}, Store{{0, 1}, 1}, Loop{kC, 2}, Compute{}}};
  const Layer layer = conv("fc", {.m = 30'000, .c = 3});
  const Hierarchy hierarchy = with_bandwidth(3);
  CHECK(schedule(nest, layer, hierarchy, 50)->total() ==
        doctest::Approx(execute(nest, layer, hierarchy, make_operands(layer, 1)).cycles.total()));
}

TEST_CASE("schedule: any bandwidth") {
  const Layer layer = conv("fc", {.m = 4, .c = 8});
  for (const double words : {1e-7, 1e-3, 0.3, 1e4, 1e9}) {
    CAPTURE(words);
    Hierarchy hierarchy = with_bandwidth(words);
    for (const bool doubled : {true, false}) {
      hierarchy.levels[1].double_buffered = doubled;
      for (const double writes : {1e-4, 0.0, 1e6}) {
        hierarchy.levels[1].write_bandwidth = writes;
        CHECK(schedule(tile_by_tile(4, 8), layer, hierarchy)->total() ==
              doctest::Approx(execute(tile_by_tile(4, 8), layer, hierarchy, make_operands(layer, 1)).cycles.total()));
      }
    }
  }
}

TEST_CASE("schedule: says so when it would have to play too much") {
  CHECK_FALSE(schedule(tile_by_tile(4, 8), conv("fc", {.m = 4, .c = 8}), with_bandwidth(1), 1));
}

TEST_CASE("schedule: without a limited bandwidth nothing but the MACs takes time") {
  const CycleSplit played = *schedule(tile_by_tile(4, 8), conv("fc", {.m = 4, .c = 8}), with_bandwidth(0));
  CHECK(played.total() == doctest::Approx(32));
  CHECK(played.compute == doctest::Approx(32));
}

}  // namespace tilepath::testing
