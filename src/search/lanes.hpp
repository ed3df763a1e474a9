// Which lanes a mapping may use: the factors of each dimension that are unrolled over each fanout.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <vector>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/mapping/nest.hpp"
#include "tilepath/search/constraint.hpp"
#include "tilepath/search/search.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath::search_detail {

/// Per dimension, the lanes over both axes of one fanout. What is paid depends on these alone: the axes only decide what fits.
using LaneFactors = Extents;

/// Remainders at the lanes of one fanout (R9). `whole` iterations of a dimension come in chunks of `chunk`, the last perhaps
/// shorter; each chunk is dealt to x * y lanes in parts of `part`, the last perhaps shorter too. A lane runs through its part
/// inside all storage nodes below, so that its tiles there are its whole part; loops outside the lanes run over chunks.
struct Deal {
  std::int32_t fanout = -1;  ///< -1: this dimension is not dealt
  std::int32_t chunk = 1, part = 1;
  std::int32_t x = 1, y = 1;
  std::int32_t whole = 1;  ///< what lanes further out leave of the bound

  friend auto operator<=>(const Deal&, const Deal&) = default;
  [[nodiscard]] bool dealt() const { return fanout >= 0; }
  [[nodiscard]] std::int32_t chunks() const { return whole / chunk + (whole % chunk > 0 ? 1 : 0); }
  /// Iterations of the last chunk.
  [[nodiscard]] std::int32_t last_chunk() const { return whole - (chunks() - 1) * chunk; }
  [[nodiscard]] bool ends_short() const { return last_chunk() < chunk; }
  /// Iterations of the longest lane, in all chunks together.
  [[nodiscard]] std::int32_t steps() const { return (chunks() - 1) * part + std::min(part, last_chunk()); }
  /// Lanes that have work in a step, on average; 1 where it is not dealt.
  [[nodiscard]] double lanes_at_work() const { return static_cast<double>(whole) / static_cast<double>(steps()); }
  /// Lanes that have work in a full chunk, and in the last one.
  [[nodiscard]] std::int32_t lanes() const { return lanes_of(chunk); }
  [[nodiscard]] std::int32_t lanes_at_last() const { return lanes_of(last_chunk()); }
  /// Some lanes have nothing to do in the last chunk.
  [[nodiscard]] bool idles() const { return lanes_at_last() < lanes(); }
  /// Iterations of each lane in a chunk of so many, x outermost; 0 = idle.
  [[nodiscard]] std::vector<std::int64_t> parts(std::int64_t iterations) const;

 private:
  [[nodiscard]] std::int32_t lanes_of(std::int32_t iterations) const;
};

/// A way to use the lanes of one fanout: factors that divide, and dimensions that are dealt (factor 1).
struct LaneChoice {
  LaneFactors factors{};
  std::array<Deal, kMaxDimensions> deals{};
};

/// Ascending divisors of n.
std::vector<std::int64_t> divisors(std::int64_t n);

/// All ways to deal what is left of a bound over the lanes of one fanout, where parts are unequal, or of at most so many
/// iterations and the last chunk is shorter than the others.
std::vector<Deal> deals_of(std::int64_t left, int fanout, std::int64_t most_x, std::int64_t most_y,
                           std::int64_t most_part_if_short);

/// Whether the mapspace deals dimension `d` over the fanout of a level, under these constraints: not along a halo whose tiles are
/// kept sliding, have boxes around them or are joined only where equal (no closed form of their words); and not one named in an
/// order of loops, since its parts are run through innermost.
bool may_deal(const Layer& layer, const Hierarchy& hierarchy, const std::vector<Constraint>& constraints, int d, int fanout);

/// If the last chunk of a dimension may be shorter than the others: the longest parts. 0: it may not, without remainders, and
/// where tiles are kept sliding or a bandwidth is limited (the lattice has no closed form of these). With remainders at the lanes
/// alone a part is one iteration: the lanes take the dimension step by step, and some of them are idle in the last; and there it
/// does not lie along a halo, where there would be many more lanes to try, and next to none better.
std::int64_t most_part_if_short(const Layer& layer, const Hierarchy& hierarchy, Remainders remainders, int d);

/// Whether the mapspace cuts dimension `d` with a remainder in time: not where tiles of a tensor with a halo are kept sliding.
bool may_cut(const Layer& layer, const Hierarchy& hierarchy, int d);

/// A choice of lanes that is made for some dimensions: what is known of all that go on from it.
struct LanesBegun {
  double steps = 1;  ///< that one lane takes at least, of what is left
  /// Per tensor, lanes that need the same word of it at once, at most: all of dimensions irrelevant to it, and along a halo rank
  /// all but those of its widest dimension. In those steps in which lanes have work, on average.
  std::array<double, kMaxTensors> sharing{};
  double idle = 1;  ///< how many times as many lanes there are as have work in a step, on average
};

/// What lane choices are wanted for a fanout.
struct LaneWish {
  Extents left{};                                                 ///< what outer fanouts leave of each bound
  std::array<bool, kMaxDimensions> deals{};                       ///< dimensions that may be dealt
  std::array<std::int64_t, kMaxDimensions> most_part_if_short{};  ///< … in chunks of which the last is shorter; 0 = not so
  /// Whether any choice that goes on so is worth visiting. More steps, less sharing, or more idle lanes beside the same lanes
  /// with work, are worth no more.
  std::function<bool(const LanesBegun&)> worth = [](const LanesBegun&) { return true; };
};

/// Visits all lane choices that fit the fanout of level `index`, each once, in a fixed order, with what is known of it. One
/// without lanes (all ones) is among them.
void for_each_lane_choice(const Layer& layer, const Hierarchy& hierarchy, int index, const LaneWish& wish,
                          const std::function<void(const LaneChoice&, const LanesBegun&)>& visit);

/// The spatial loops of one way to lay a choice on the axes of the fanout of level `index`; x takes what it can first.
std::vector<SpatialLoop> lay_out(const Layer& layer, const Hierarchy& hierarchy, int index, const LaneFactors& factors,
                                 const std::array<Deal, kMaxDimensions>& deals);

}  // namespace tilepath::search_detail
