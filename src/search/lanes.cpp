#include "lanes.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

namespace tilepath::search_detail {

std::vector<std::int64_t> divisors(std::int64_t n) {
  std::vector<std::int64_t> low;
  std::vector<std::int64_t> high;
  for (std::int64_t d = 1; d * d <= n; ++d)
    if (n % d == 0) {
      low.push_back(d);
      if (d != n / d) high.push_back(n / d);
    }
  low.insert(low.end(), high.rbegin(), high.rend());
  return low;
}

namespace {

/// Products of lanes reachable on (x, y) for the dimensions so far, one set of pairs per choice of factors.
using Room = std::pair<std::int64_t, std::int64_t>;  // what is left of x and y

class Choices {
 public:
  Choices(const Layer& layer, const Level& level, const Extents& left) : layer_(layer), fanout_(*level.fanout), left_(left) {
    factors_.fill(1);
  }

  std::vector<LaneFactors> all() {
    extend(0, {{fanout_.x, fanout_.y}});
    return std::move(found_);
  }

 private:
  /// `rooms`: what the splits of the factors so far may leave of the axes; a larger room makes a smaller one needless.
  void extend(int d, const std::vector<Room>& rooms) {
    if (d == layer_.dimension_count()) {
      found_.push_back(factors_);
      return;
    }
    const auto at = static_cast<std::size_t>(d);
    const std::string& name = layer_.dimensions[at].name;
    const bool on_x = fanout_.unrolls(Axis::x, name);
    const bool on_y = fanout_.unrolls(Axis::y, name);
    for (const std::int64_t factor : divisors(left_[at])) {
      if (factor > fanout_.x * fanout_.y) break;
      std::vector<Room> after;
      for (const std::int64_t x : divisors(factor)) {
        const std::int64_t y = factor / x;
        if ((x > 1 && !on_x) || (y > 1 && !on_y)) continue;
        for (const Room& room : rooms)
          if (room.first >= x && room.second >= y) after.emplace_back(room.first / x, room.second / y);
      }
      keep_largest(after);
      if (after.empty()) continue;
      factors_[at] = factor;
      extend(d + 1, after);
    }
    factors_[at] = 1;
  }

  static void keep_largest(std::vector<Room>& rooms) {
    std::sort(rooms.begin(), rooms.end(), std::greater<>());
    std::vector<Room> kept;
    for (const Room& room : rooms)
      if (kept.empty() || room.second > kept.back().second) kept.push_back(room);
    rooms = std::move(kept);
  }

  const Layer& layer_;
  const Fanout& fanout_;
  const Extents& left_;
  LaneFactors factors_{};
  std::vector<LaneFactors> found_;
};

bool lay(const Layer& layer, const Fanout& fanout, int index, const LaneFactors& factors, int d, Room room,
         std::vector<SpatialLoop>& loops) {
  if (d == layer.dimension_count()) return true;
  const auto at = static_cast<std::size_t>(d);
  const std::string& name = layer.dimensions[at].name;
  const std::vector<std::int64_t> splits = divisors(factors[at]);
  for (auto x = splits.rbegin(); x != splits.rend(); ++x) {
    const std::int64_t y = factors[at] / *x;
    if (*x > room.first || y > room.second) continue;
    if ((*x > 1 && !fanout.unrolls(Axis::x, name)) || (y > 1 && !fanout.unrolls(Axis::y, name))) continue;
    const std::size_t before = loops.size();
    if (*x > 1) loops.push_back({d, *x, index, Axis::x});
    if (y > 1) loops.push_back({d, y, index, Axis::y});
    if (lay(layer, fanout, index, factors, d + 1, {room.first / *x, room.second / y}, loops)) return true;
    loops.resize(before);
  }
  return false;
}

}  // namespace

std::vector<LaneFactors> lane_choices(const Layer& layer, const Level& level, const Extents& left) {
  return Choices(layer, level, left).all();
}

std::vector<SpatialLoop> lay_out(const Layer& layer, const Hierarchy& hierarchy, int index, const LaneFactors& factors) {
  std::vector<SpatialLoop> loops;
  const Fanout& fanout = *hierarchy.level(index).fanout;
  if (!lay(layer, fanout, index, factors, 0, {fanout.x, fanout.y}, loops))
    throw std::logic_error("lanes that do not fit were searched");
  return loops;
}

}  // namespace tilepath::search_detail
