// How many nests a mapspace has. Per dimension, a way to split its bound over the axes of the fanouts and the levels; per level,
// the orders of its loops and the places of its storage nodes; per tensor and level, kept or not.
#include <boost/multiprecision/cpp_int.hpp>
#include <map>
#include <vector>

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

/// What is left of each axis of each fanout.
using Rooms = std::vector<std::int64_t>;

/// All splits of `n` over the axes from `axis` on; what remains is split over the levels.
template <class Visit>
void for_each_split(const Rooms& rooms, const std::vector<bool>& takes, std::size_t axis, std::int64_t n, Rooms& after,
                    const Visit& visit) {
  if (axis == rooms.size()) {
    visit(n);
    return;
  }
  for (const std::int64_t lanes : search_detail::divisors(n)) {
    if (lanes > rooms[axis] || (lanes > 1 && !takes[axis])) break;
    after[axis] = rooms[axis] / lanes;
    for_each_split(rooms, takes, axis + 1, n / lanes, after, visit);
  }
}

Integer factorial(int n) {
  Integer product = 1;
  for (int i = 2; i <= n; ++i) product *= i;
  return product;
}

}  // namespace

std::string mapspace_size(const Layer& layer, const Hierarchy& hierarchy, const Mapspace& mapspace) {
  Rooms rooms;
  for (const Level& level : hierarchy.levels)
    if (level.fanout) rooms.insert(rooms.end(), {level.fanout->x, level.fanout->y});
  std::map<Rooms, Integer> ways = {{rooms, 1}};
  int loops = 0;
  for (const Dimension& dimension : layer.dimensions) {
    if (dimension.bound == 1) continue;
    ++loops;
    std::vector<bool> takes;
    for (const Level& level : hierarchy.levels)
      if (level.fanout)
        takes.insert(takes.end(),
                     {level.fanout->unrolls(Axis::x, dimension.name), level.fanout->unrolls(Axis::y, dimension.name)});
    std::map<std::int64_t, Integer> over_levels;
    std::map<Rooms, Integer> next;
    for (const auto& each : ways) {
      const Rooms& room = each.first;
      const Integer& count = each.second;
      Rooms after = room;
      for_each_split(room, takes, 0, dimension.bound, after, [&](std::int64_t left) {
        Integer& splits = over_levels[left];
        if (splits == 0) splits = factorizations(left, hierarchy.level_count());
        next[after] += count * splits;
      });
    }
    ways = std::move(next);
  }
  Integer size = 0;
  for (const auto& [room, count] : ways) size += count;
  for (int l = 0; l < hierarchy.level_count(); ++l) {
    size *= factorial(loops);
    if (l == 0) continue;
    for (const Tensor& tensor : layer.tensors) {
      const Keep keep = at(hierarchy.level(l).keeps, tensor.role);
      const int places = mapspace.uneven ? loops + 1 : 1;
      size *= keep == Keep::never ? 1 : keep == Keep::must ? places : places + 1;
    }
  }
  return size.str();
}

}  // namespace tilepath
