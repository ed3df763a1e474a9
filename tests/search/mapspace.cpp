// What mapspaces promise: their size, and that a larger one is never worse than those it contains.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/brute_force.hpp"
#include "support/generate.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/mapping/halo_rule.hpp"
#include "tilepath/mapping/legal.hpp"
#include "tilepath/search/search.hpp"
#include "tilepath/workload/conv.hpp"

namespace tilepath::testing {

namespace {

/// Counts by visiting: per dimension every tuple of lanes per axis and iterations per level whose product is the bound, and every
/// way to deal; then orders, keeps and places.
class Visitor {
 public:
  Visitor(const Layer& layer, const Hierarchy& hierarchy, const Mapspace& mapspace)
      : layer_(layer), hierarchy_(hierarchy), mapspace_(mapspace) {
    for (int l = 0; l < hierarchy.level_count(); ++l) used_.insert(used_.end(), {1, 1});
    dimension(0);
  }

  [[nodiscard]] std::int64_t size() const {
    std::int64_t size = splits_;
    const auto loops =
        std::count_if(layer_.dimensions.begin(), layer_.dimensions.end(), [](const Dimension& d) { return d.bound > 1; });
    for (int l = 0; l < hierarchy_.level_count(); ++l) {
      for (std::int64_t i = 2; i <= loops; ++i) size *= i;
      for (const Tensor& tensor : layer_.tensors) {
        if (l == 0) continue;
        const Keep keep = at(hierarchy_.level(l).keeps, tensor.role);
        const std::int64_t places = mapspace_.uneven ? loops + 1 : 1;
        if (keep == Keep::can) size *= places + 1;
        if (keep == Keep::must) size *= places;
      }
    }
    return size;
  }

 private:
  void dimension(std::size_t d) {
    if (d == layer_.dimensions.size())
      splits_ += static_cast<std::int64_t>(in_short_chunks_ == 0 || in_time_ == 0);
    else
      axis(d, 0, layer_.dimensions[d].bound, 0);
  }

  /// `outside`: levels whose loops stand outside lanes of d.
  void axis(std::size_t d, std::size_t a, std::int64_t left, int outside) {
    if (a == used_.size()) {
      if (mapspace_.remainders == Remainders::loops && may_cut(layer_, hierarchy_, static_cast<int>(d)))
        tiles(d, 0, {left, left}, {outside, left});
      else
        levels(d, 0, hierarchy_.level_count(), left);
      return;
    }
    const auto& fanout = hierarchy_.level(static_cast<int>(a / 2)).fanout;
    if (a % 2 == 0 && fanout && mapspace_.remainders != Remainders::none && dealt(d, *fanout)) deal(d, a, left);
    for (std::int64_t lanes = 1; lanes <= left; ++lanes)
      if (left % lanes == 0 && room(d, a, lanes)) {
        used_[a] *= lanes;
        axis(d, a + 1, left / lanes, lanes > 1 ? static_cast<int>(a / 2) + 1 : outside);
        used_[a] /= lanes;
      }
  }

  [[nodiscard]] bool room(std::size_t d, std::size_t a, std::int64_t lanes) const {
    const auto& fanout = hierarchy_.level(static_cast<int>(a / 2)).fanout;
    const Axis axis = a % 2 == 0 ? Axis::x : Axis::y;
    return lanes == 1 || (fanout && fanout->unrolls(axis, layer_.dimensions[d].name) && used_[a] * lanes <= fanout->size(axis));
  }

  [[nodiscard]] bool dealt(std::size_t d, const Fanout& fanout) const {
    for (const Tensor& tensor : layer_.tensors)
      for (const Rank& rank : tensor.ranks)
        for (const Term& term : rank)
          if (rank.size() > 1 && term.dimension == static_cast<int>(d) &&
              (hierarchy_.footprint == Footprint::box || at(fanout.multicast, tensor.role) == Multicast::equal ||
               std::any_of(hierarchy_.levels.begin(), hierarchy_.levels.end(),
                           [](const Level& level) { return level.retention == Retention::sliding; })))
            return false;
    return true;
  }

  /// Lanes x and y of a chunk that leave none idle, in parts of which at least one is shorter; or with a last chunk that is.
  void deal(std::size_t d, std::size_t a, std::int64_t left) {
    for (std::int64_t chunk = 1; chunk <= left; ++chunk)
      for (std::int64_t x = 1; x <= chunk; ++x)
        for (std::int64_t y = 1; y <= chunk; ++y) {
          if (!room(d, a, x) || !room(d, a + 1, y)) continue;
          const std::int64_t column = (chunk + x - 1) / x;
          const std::int64_t part = (column + y - 1) / y;
          if ((x - 1) * column >= chunk || (y - 1) * part >= column) continue;
          const bool ends_short = left % chunk != 0;
          if (ends_short ? x * y == 1 || !may_end_short(d, left, part) : part * x * y == chunk) continue;
          used_[a] *= x;
          used_[a + 1] *= y;
          const int levels_outside = static_cast<int>(a / 2) + 1;
          in_short_chunks_ += static_cast<int>(ends_short);
          if (ends_short)
            chunks(d, levels_outside, 1, {left, chunk, lanes_idle(left % chunk, column, part) > lanes_idle(chunk, column, part)});
          else
            levels(d, 0, levels_outside, left / chunk);
          in_short_chunks_ -= static_cast<int>(ends_short);
          used_[a] /= x;
          used_[a + 1] /= y;
        }
  }
  /// Of 64 columns of as many lanes, those that have nothing to do.
  static std::int64_t lanes_idle(std::int64_t iterations, std::int64_t column, std::int64_t part) {
    std::int64_t idle = 0;
    for (std::int64_t i = 0; i < 64; ++i)
      for (std::int64_t j = 0; j * part < column; ++j) idle += static_cast<std::int64_t>(i * column + j * part >= iterations);
    return idle;
  }
  [[nodiscard]] bool may_end_short(std::size_t d, std::int64_t left, std::int64_t part) const {
    return (mapspace_.remainders == Remainders::loops || (part == 1 && !along_halo(layer_, static_cast<int>(d)))) &&
           left == layer_.dimensions[d].bound && !hierarchy_.limited() &&
           std::none_of(hierarchy_.levels.begin(), hierarchy_.levels.end(),
                        [](const Level& level) { return level.retention == Retention::sliding; });
  }
  struct Chunks {
    std::int64_t whole = 1, chunk = 1;
    bool idles = false;  ///< lanes, in the last one
  };
  /// Loops at each of these levels, outermost first, whose tiles are whole chunks. Where lanes idle, the innermost of several
  /// iterations has three.
  void chunks(std::size_t d, int levels_left, std::int64_t outside, const Chunks& of) {
    const std::int64_t all = (of.whole + of.chunk - 1) / of.chunk;
    if (levels_left == 0) {
      if (outside == all) dimension(d + 1);
      return;
    }
    for (std::int64_t count = 1; outside * count <= all; ++count) {
      const std::int64_t tiles = outside * count;
      if (all % tiles != 0) continue;
      if (tiles > 1 && (of.whole + tiles - 1) / tiles != all / tiles * of.chunk) continue;
      if (tiles == all && of.idles && count == 2) continue;
      chunks(d, levels_left - 1, tiles, of);
    }
  }

  /// Tiles of `extent` that cover each chunk, the last of them perhaps short.
  struct Tiles {
    std::int64_t extent = 1, chunk = 1;
    [[nodiscard]] bool even() const { return extent == chunk; }
    [[nodiscard]] std::int64_t shorter() const { return chunk - (chunk - 1) / extent * extent; }
  };
  /// Whether loops may cut these tiles into those.
  static bool cuts(const Tiles& tile, const Tiles& into) {
    if (tile.extent == into.extent && tile.chunk == into.chunk) return true;
    if (!tile.even() && tile.chunk == into.chunk) return tile.extent % into.extent == 0 && tile.shorter() > into.extent;
    // A chunk of `into` is a whole number of tiles, or divides them, the short ones too.
    return tile.extent % into.chunk == 0 && (tile.even() || (tile.chunk % into.chunk == 0 && tile.shorter() > into.chunk));
  }
  struct Inside {
    int outside = 0;
    std::int64_t bound = 1;  ///< of one lane
  };
  void tiles(std::size_t d, int level, const Tiles& tile, const Inside& lanes) {
    if (level == hierarchy_.level_count()) {
      if (tile.extent == 1) dimension(d + 1);
      return;
    }
    const std::int64_t bound = lanes.bound;
    for (std::int64_t chunk = 1; chunk <= bound; ++chunk)
      for (std::int64_t extent = 1; extent <= chunk && bound % chunk == 0; ++extent) {
        const Tiles into{extent, chunk};
        const std::int64_t count = (chunk + extent - 1) / extent;
        const bool least = (chunk + count - 1) / count == extent && chunk % extent != 0 && into.shorter() > 1;
        if (!(into.even() || (least && level >= lanes.outside)) || !cuts(tile, into)) continue;
        in_time_ += static_cast<int>(!into.even());
        tiles(d, level + 1, into, lanes);
        in_time_ -= static_cast<int>(!into.even());
      }
  }

  void levels(std::size_t d, int level, int end, std::int64_t left) {
    if (level == end) {
      if (left == 1) dimension(d + 1);
      return;
    }
    for (std::int64_t count = 1; count <= left; ++count)
      if (left % count == 0) levels(d, level + 1, end, left / count);
  }

  const Layer& layer_;
  const Hierarchy& hierarchy_;
  Mapspace mapspace_;
  std::vector<std::int64_t> used_;  ///< lanes of each axis
  std::int64_t splits_ = 0;
  int in_short_chunks_ = 0, in_time_ = 0;  ///< dimensions that have such remainders: there are never both
};

}  // namespace

TEST_CASE("mapspace: its size is what visiting counts") {
  for (int seed = 0; seed < 300; ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    const Sizes sizes{.max_macs = 120, .max_levels = 3};
    const Layer layer = random_layer(random, sizes);
    if (layer.dimension_count() > 5) continue;
    const Hierarchy hierarchy = random_hierarchy(random, sizes);
    Mapspace mapspace;
    mapspace.uneven = random() % 2 == 0;
    mapspace.remainders = static_cast<Remainders>(random() % kRemainders);
    CAPTURE(seed);
    CHECK(mapspace_size(layer, hierarchy, mapspace) == std::to_string(Visitor(layer, hierarchy, mapspace).size()));
  }
}

TEST_CASE("mapspace: a larger one is never worse than those it contains") {
  int checked = 0;
  for (int seed = 0; seed < 60; ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    const Sizes sizes{.max_macs = 20000, .max_levels = 3};
    const Layer layer = random_layer(random, sizes);
    const Hierarchy hierarchy = random_hierarchy(random, sizes);
    const auto value = [&](const Mapspace& mapspace) {
      SearchOptions options;
      options.mapspace = mapspace;
      const SearchResult found = search(layer, hierarchy, options);
      CHECK(found.certificate.proved);
      return found.evaluation.edp();
    };
    CAPTURE(seed);
    try {
      for (const Bypass bypass : {Bypass::fixed, Bypass::free}) {
        const double least = value({true, Remainders::lanes, bypass});
        const double uneven = value({true, Remainders::none, bypass});
        const double even = value({false, Remainders::none, bypass});
        CHECK(least <= uneven);
        CHECK(uneven <= even);
        CHECK(least <= value({false, Remainders::lanes, bypass}));
        ++checked;
        if (hierarchy.limited()) continue;
        const double loops = value({true, Remainders::loops, bypass});
        CHECK(loops <= least);
        CHECK(loops <= value({false, Remainders::loops, bypass}));
      }
      CHECK(value({}) <= value({true, Remainders::lanes, Bypass::fixed}));
    } catch (const NoLegalMapping&) {
    }
  }
  CHECK(checked > 30);
}

TEST_CASE("mapspace: a nest outside it is told by the rule that it breaks") {
  const Layer layer = conv("c", {.m = 7, .c = 4, .p = 13, .r = 3});  // dimensions N G M C P Q R S; weights, inputs, outputs
  Hierarchy hierarchy;
  for (const char* name : {"L0", "L1", "L2"}) {
    Level level;
    level.name = name;
    hierarchy.levels.push_back(level);
  }
  hierarchy.levels[1].fanout = Fanout{.x = 4, .y = 4};
  constexpr int m = 2;
  constexpr int c = 3;
  constexpr int p = 4;
  constexpr int r = 6;
  const auto why = [&](std::vector<Node> nodes, const Mapspace& mapspace) {
    nodes.insert(nodes.begin(), Store{{0, 1, 2}, 0});
    nodes.emplace_back(Compute{});
    const Nest nest{std::move(nodes)};
    REQUIRE(legal(nest, layer, hierarchy));
    return why_outside(nest, layer, hierarchy, mapspace);
  };
  const Mapspace even{false, Remainders::none, Bypass::free};
  const Mapspace none{true, Remainders::none, Bypass::free};
  const Mapspace lanes{true, Remainders::lanes, Bypass::free};
  const Mapspace loops{true, Remainders::loops, Bypass::free};
  const Loop all_p{p, 13};
  const Loop all_r{r, 3};
  const Store weights{{0}, 1};
  const Store inputs{{1}, 1};
  CHECK(why({weights, Loop{m, 7}, Loop{c, 4}, inputs, all_p, all_r}, none).empty());
  CHECK(why({weights, Loop{m, 7}, Loop{c, 4}, inputs, all_p, all_r}, even) ==
        "storage nodes of L1 stand apart, and its nests are even");
  CHECK(why({weights, inputs, Loop{m, 7}, Loop{c, 4}, all_p, all_r}, even).empty());
  CHECK(why({Store{{0}, 2}, Loop{m, 7}, inputs, Loop{c, 4}, all_p, all_r}, none) ==
        "storage nodes of L1 stand inside those of L2");
  CHECK(why({Store{{0, 1, 2}, 1}, Store{{0, 1}, 2}, Loop{m, 7}, Loop{c, 4}, all_p, all_r},
            {true, Remainders::none, Bypass::fixed}) == "L2 always keeps outputs");
  const std::vector<Node> in_time = {Loop{c, 4}, Loop{p, 2}, weights, Loop{m, 7}, Loop{p, 7}, all_r};
  CHECK(why(in_time, lanes) == "a loop over P leaves a remainder");
  CHECK(why(in_time, loops).empty());
  const std::vector<Node> at_lanes = {Loop{c, 4}, SpatialLoop{m, 4, 1, Axis::x}, all_p, all_r, Loop{m, 2}};
  CHECK(why(at_lanes, none) == "lanes over M leave a remainder");
  CHECK(why(at_lanes, loops) == "a loop over P stands directly inside lanes over M");
  const Store near{{0, 1, 2}, 2};
  CHECK(why({Loop{c, 4}, SpatialLoop{m, 4, 1, Axis::x}, near, all_p, all_r, Loop{m, 2}}, lanes).empty());
  CHECK(why({Loop{c, 4}, SpatialLoop{m, 4, 1, Axis::x}, Store{{1}, 2}, Loop{m, 2}, Store{{0}, 2}, all_p, all_r}, lanes) ==
        "storage nodes stand inside a part of M");
  CHECK(why({Loop{c, 4}, SpatialLoop{p, 4, 1, Axis::x}, near, Loop{m, 7}, Loop{p, 4}, all_r}, lanes).empty());
  // One iteration in the short tile.
  CHECK(why({Loop{c, 4}, Loop{p, 7}, weights, Loop{m, 7}, Loop{p, 2}, all_r}, loops) == "it breaks the rule of remainders");
  // Outside lanes: whole chunks of them, the last short.
  CHECK(why({Loop{m, 3}, SpatialLoop{m, 3, 1, Axis::x}, near, Loop{c, 4}, all_p, all_r}, loops).empty());
  CHECK(why({Loop{m, 3}, SpatialLoop{m, 3, 1, Axis::x}, near, Loop{c, 4}, all_p, all_r}, lanes).empty());
  CHECK(why({Loop{m, 3}, SpatialLoop{m, 3, 1, Axis::x}, near, Loop{c, 4}, all_p, all_r}, none) ==
        "a loop over M leaves a remainder outside its lanes");
  CHECK(why({Loop{m, 2}, SpatialLoop{m, 4, 1, Axis::x}, near, Loop{c, 4}, all_p, all_r}, loops) ==
        "it breaks the rule of remainders");  // the fourth lane has but one iteration of the loop outside
  const std::vector<Node> in_parts = {Loop{m, 2}, SpatialLoop{m, 2, 1, Axis::x}, near, Loop{c, 4}, all_p, all_r, Loop{m, 2}};
  CHECK(why(in_parts, loops).empty());
  CHECK(why(in_parts, lanes) == "a loop over M leaves a remainder outside its lanes");
  CHECK(why({Loop{p, 2}, Loop{m, 3}, SpatialLoop{m, 3, 1, Axis::x}, near, Loop{c, 4}, Loop{p, 7}, all_r}, loops) ==
        "it breaks the rule of remainders");  // another dimension leaves one inside all its lanes
  CHECK(why({Loop{m, 2}, SpatialLoop{m, 2, 1, Axis::x}, Store{{0, 2}, 2}, Loop{m, 2}, Store{{1}, 2}, Loop{c, 4}, all_p, all_r},
            loops) == "storage nodes stand inside a part of M");
  // Along a halo too, unless a step of R could be undone by those of P.
  const std::vector<Node> rows = {Loop{p, 4}, SpatialLoop{p, 4, 1, Axis::x}, near, Loop{m, 7}, Loop{c, 4}, all_r};
  CHECK(why(rows, lanes) == "a loop over P leaves a remainder outside its lanes");
  CHECK(why(rows, loops).empty());
  CHECK(why({all_r, Loop{p, 4}, Loop{c, 4}, SpatialLoop{p, 4, 1, Axis::x}, near, Loop{m, 7}}, loops).empty());
  CHECK(why({all_r, Loop{p, 4}, SpatialLoop{p, 4, 1, Axis::x}, near, Loop{m, 7}, Loop{c, 4}}, loops) ==
        "it breaks the rule of remainders");
  hierarchy.levels[2].retention = Retention::sliding;
  CHECK(why(in_time, loops) == "a loop over P leaves a remainder");
  CHECK(why(rows, loops) == "a loop over P leaves a remainder outside its lanes");
}

}  // namespace tilepath::testing
