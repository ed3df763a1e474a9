// How many nests a mapspace has. Per dimension, a way to split its bound over the axes of the fanouts and the levels, or to deal
// it over one fanout, or to cut it with remainders over the levels inside its lanes; per level, the orders of its loops and the
// places of its storage nodes; per tensor and level, kept or not.
#include <algorithm>
#include <boost/multiprecision/cpp_int.hpp>
#include <map>
#include <vector>

#include "ladder.hpp"
#include "lanes.hpp"
#include "tilepath/search/search.hpp"

namespace tilepath {

namespace {

using Integer = boost::multiprecision::cpp_int;

/// Ordered factorizations of n into `parts` factors.
Integer factorizations(std::int64_t n, int parts) {
  Integer ways = 1;
  for (std::int64_t p = 2; n > 1; ++p) {
    if (p * p > n) p = n;
    std::int64_t exponent = 0;
    for (; n % p == 0; n /= p) ++exponent;
    for (std::int64_t k = 1; k <= exponent; ++k)
      ways = ways * (parts - 1 + k) / k;  // C(exponent + parts - 1, exponent), exact at each k
  }
  return ways;
}

/// Ways to go from tiles of one iteration to the whole over so many levels, each from one rung to any that its loops may lead to.
Integer climbs(const search_detail::Ladder& ladder, int levels) {
  const std::size_t rungs = ladder.size();
  std::vector<std::vector<bool>> leads(rungs, std::vector<bool>(rungs));
  for (std::size_t from = rungs; from-- > 0;) {
    leads[from][from] = true;
    for (const search_detail::Step& step : ladder[from].up)
      for (std::size_t to = step.to; to < rungs; ++to) leads[from][to] = leads[from][to] || leads[step.to][to];
  }
  std::vector<Integer> ways(rungs);
  ways.front() = 1;
  for (int level = 0; level < levels; ++level) {
    std::vector<Integer> next(rungs);
    for (std::size_t from = 0; from < rungs; ++from)
      for (std::size_t to = from; to < rungs; ++to)
        if (leads[from][to]) next[to] += ways[from];
    ways = std::move(next);
  }
  return ways.back();
}

/// Lanes of each axis of each fanout: of one dimension, or what is left for those to come.
using Lanes = std::vector<std::int64_t>;

/// Which remainders there are besides those of parts.
struct Kinds {
  bool in_time = false, in_short_chunks = false;
};

/// The ways to split one dimension: how many there are for each choice of its lanes.
class Splits {
 public:
  Splits(const Layer& layer, const Hierarchy& hierarchy, const Mapspace& mapspace, const Kinds& kinds, int dimension)
      : layer_(layer), hierarchy_(hierarchy), mapspace_(mapspace), kinds_(kinds), dimension_(dimension) {
    lanes_.assign(2 * static_cast<std::size_t>(hierarchy.level_count()), 1);
    split(0, layer.dimensions[static_cast<std::size_t>(dimension)].bound);
  }
  [[nodiscard]] const std::map<Lanes, Integer>& ways() const { return ways_; }

 private:
  /// Lanes that divide on the axes from `axis` on; what remains is split over the levels. Or dealt over the fanout of this axis:
  /// then there are loops at the levels above it alone, and the part inside.
  void split(std::size_t axis, std::int64_t left) {
    const int level = static_cast<int>(axis / 2);
    if (level == hierarchy_.level_count()) {
      Integer& splits = over_levels_[{left, levels_outside_lanes()}];
      if (splits == 0) splits = over_levels(left);
      ways_[lanes_] += splits;
      return;
    }
    if (axis % 2 == 0 && may_deal(level))
      for (const search_detail::Deal& deal :
           search_detail::deals_of(left, level, most(axis), most(axis + 1), most_part_if_short(left))) {
        Lanes lanes = lanes_;
        lanes[axis] = deal.x;
        lanes[axis + 1] = deal.y;
        ways_[lanes] +=
            deal.ends_short() ? climbs(search_detail::chunk_ladder(deal), level + 1) : factorizations(deal.chunks(), level + 1);
      }
    for (const std::int64_t lanes : search_detail::divisors(left)) {
      if (lanes > most(axis)) break;
      lanes_[axis] = lanes;
      split(axis + 1, left / lanes);
    }
    lanes_[axis] = 1;
  }

  /// Levels whose loops stand outside some lanes of the dimension.
  [[nodiscard]] int levels_outside_lanes() const {
    int levels = 0;
    for (std::size_t axis = 0; axis < lanes_.size(); ++axis)
      if (lanes_[axis] > 1) levels = static_cast<int>(axis / 2) + 1;
    return levels;
  }
  /// Loops outside lanes divide, those inside may leave remainders.
  [[nodiscard]] Integer over_levels(std::int64_t left) {
    const int levels = hierarchy_.level_count();
    const int outside = levels_outside_lanes();
    if (!kinds_.in_time || !search_detail::may_cut(layer_, hierarchy_, dimension_)) return factorizations(left, levels);
    Integer sum = 0;
    for (const std::int64_t inside : search_detail::divisors(left)) {
      const auto [ways, fresh] = climbs_.try_emplace({inside, levels - outside});
      if (fresh) ways->second = climbs(search_detail::ragged_ladder(inside), levels - outside);
      sum += ways->second * factorizations(left / inside, outside);
    }
    return sum;
  }

  [[nodiscard]] bool may_deal(int level) const {
    return mapspace_.remainders != Remainders::none && hierarchy_.level(level).fanout &&
           search_detail::may_deal(layer_, hierarchy_, {}, dimension_, level);
  }
  [[nodiscard]] std::int64_t most_part_if_short(std::int64_t left) const {
    const bool whole = left == layer_.dimensions[static_cast<std::size_t>(dimension_)].bound;
    return whole && kinds_.in_short_chunks
               ? search_detail::most_part_if_short(layer_, hierarchy_, mapspace_.remainders, dimension_)
               : 0;
  }
  [[nodiscard]] std::int64_t most(std::size_t axis) const {
    const auto& fanout = hierarchy_.level(static_cast<int>(axis / 2)).fanout;
    const Axis which = axis % 2 == 0 ? Axis::x : Axis::y;
    const std::string& name = layer_.dimensions[static_cast<std::size_t>(dimension_)].name;
    return fanout && fanout->unrolls(which, name) ? fanout->size(which) : 1;
  }

  const Layer& layer_;
  const Hierarchy& hierarchy_;
  const Mapspace& mapspace_;
  Kinds kinds_;
  int dimension_;
  Lanes lanes_;
  std::map<std::pair<std::int64_t, int>, Integer> over_levels_;  ///< by what is left, and levels_outside_lanes
  std::map<std::pair<std::int64_t, int>, Integer> climbs_;       ///< of ladders, by the whole and the levels
  std::map<Lanes, Integer> ways_;
};

Integer factorial(int n) {
  Integer product = 1;
  for (int i = 2; i <= n; ++i) product *= i;
  return product;
}

/// Ways to split all dimensions.
Integer splits(const Layer& layer, const Hierarchy& hierarchy, const Mapspace& mapspace, const Kinds& kinds) {
  Lanes all;
  for (const Level& level : hierarchy.levels) {
    all.push_back(level.fanout ? level.fanout->x : 1);
    all.push_back(level.fanout ? level.fanout->y : 1);
  }
  std::map<Lanes, Integer> ways = {{all, 1}};  // by the lanes left
  for (int d = 0; d < layer.dimension_count(); ++d) {
    if (layer.dimensions[static_cast<std::size_t>(d)].bound == 1) continue;
    const Splits splits(layer, hierarchy, mapspace, kinds, d);
    std::map<Lanes, Integer> next;
    Lanes after(all.size());
    for (const auto& [left, count] : ways)
      for (const auto& [lanes, more] : splits.ways()) {
        for (std::size_t axis = 0; axis < all.size(); ++axis) after[axis] = left[axis] / lanes[axis];
        if (std::find(after.begin(), after.end(), 0) == after.end()) next[after] += count * more;
      }
    ways = std::move(next);
  }
  Integer sum = 0;
  for (const auto& [left, count] : ways) sum += count;
  return sum;
}

}  // namespace

std::string mapspace_size(const Layer& layer, const Hierarchy& hierarchy, const Mapspace& mapspace) {
  const auto loops = static_cast<int>(std::count_if(layer.dimensions.begin(), layer.dimensions.end(),
                                                    [](const Dimension& dimension) { return dimension.bound > 1; }));
  const auto ways = [&](const Kinds& kinds) { return splits(layer, hierarchy, mapspace, kinds); };
  Integer size = ways({.in_short_chunks = true});
  if (mapspace.remainders == Remainders::loops) size += ways({.in_time = true}) - ways({});  // never both
  for (int l = 0; l < hierarchy.level_count(); ++l) {
    size *= factorial(loops);
    if (l == 0) continue;
    for (int t = 0; t < layer.tensor_count(); ++t) {
      const Keep keep = keep_of(layer.tensors[static_cast<std::size_t>(t)], t, hierarchy, l, mapspace, {});
      const int places = mapspace.uneven ? loops + 1 : 1;
      size *= keep == Keep::never ? 1 : keep == Keep::must ? places : places + 1;
    }
  }
  return size.str();
}

}  // namespace tilepath
