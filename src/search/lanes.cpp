#include "lanes.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <stdexcept>
#include <utility>

#include "tilepath/base/quantity.hpp"
#include "tilepath/mapping/halo_rule.hpp"

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

using Room = std::pair<std::int64_t, std::int64_t>;  // what is left of x and y

class Choices {
 public:
  Choices(const Layer& layer, const Hierarchy& hierarchy, int index, const LaneWish& wish,
          const std::function<void(const LaneChoice&, const LanesBegun&)>& visit)
      : layer_(layer), fanout_(*hierarchy.level(index).fanout), wish_(wish), visit_(visit) {
    choice_.factors.fill(1);
    iterations_after_.assign(layer.dimensions.size() + 1, 1);
    for (std::size_t d = layer.dimensions.size(); d-- > 0;)
      iterations_after_[d] = iterations_after_[d + 1] * static_cast<double>(wish.left[d]);
    rooms_.resize(layer.dimensions.size() + 1);
    rooms_[0] = {{fanout_.x, fanout_.y}};
    for (int d = 0; d < layer.dimension_count(); ++d) {
      const auto at = static_cast<std::size_t>(d);
      factors_.emplace_back();
      for (const std::int64_t factor : divisors(wish.left[at]))
        if (factor <= fanout_.x * fanout_.y) factors_.back().push_back({factor, divisors(factor)});
      const std::string& name = layer.dimensions[at].name;
      on_x_.push_back(fanout_.unrolls(Axis::x, name));
      on_y_.push_back(fanout_.unrolls(Axis::y, name));
      deals_.emplace_back();
      if (wish.deals[at]) set_deals(d, index);
      irrelevant_.push_back(0);
      for (int t = 0; t < layer.tensor_count(); ++t)
        if (!layer.relevant(t, d)) irrelevant_.back() |= 1U << t;
    }
    for (int t = 0; t < layer.tensor_count(); ++t)
      for (const Rank& rank : layer.tensors[static_cast<std::size_t>(t)].ranks)
        if (rank.size() > 1) halos_.emplace_back(t, &rank);
    lanes_.fill(1);
  }

  void run() {
    std::array<double, kMaxTensors> sharing{};
    sharing.fill(1);
    extend(0, 1, sharing, 1);
  }

 private:
  void set_deals(int d, int index) {
    const auto at = static_cast<std::size_t>(d);
    std::map<std::pair<std::int32_t, std::int32_t>, std::vector<Deal>> by_lanes;
    for (const Deal& deal :
         deals_of(wish_.left[at], index, on_x_[at] ? fanout_.x : 1, on_y_[at] ? fanout_.y : 1, wish_.most_part_if_short[at]))
      by_lanes[{deal.x, deal.y}].push_back(deal);
    for (auto& [lanes, deals] : by_lanes) {
      std::stable_sort(deals.begin(), deals.end(),
                       [](const Deal& a, const Deal& b) { return a.lanes_at_work() > b.lanes_at_work(); });
      deals_[at].push_back(std::move(deals));
    }
  }

  [[nodiscard]] LanesBegun begun(std::size_t at, double steps, const std::array<double, kMaxTensors>& sharing,
                                 double idle) const {
    std::int64_t most = 1;  // lanes that the dimensions to come may have
    for (const Room& room : rooms_[at]) most = std::max(most, room.first * room.second);
    const double more = std::min(static_cast<double>(most), iterations_after_[at]);
    LanesBegun begun{steps * iterations_after_[at] / more, sharing, idle};
    for (const auto& [t, rank] : halos_) begun.sharing[static_cast<std::size_t>(t)] *= shared_along(*rank);
    for (double& lanes : begun.sharing) lanes *= more;
    return begun;
  }

  /// What is known with a way to lay lanes of these dimensions, each dealt so that the fewest are idle; then the ways to deal.
  void extend(int d, double steps, const std::array<double, kMaxTensors>& sharing, double idle) {
    const auto at = static_cast<std::size_t>(d);
    const LanesBegun begun = this->begun(at, steps, sharing, idle);
    if (!wish_.worth(begun)) return;
    if (d == layer_.dimension_count()) {
      choose_deals(0, begun);
      return;
    }
    const auto go_on = [&](double lanes, double lanes_at_all, std::int64_t steps_of_it) {
      lanes_[at] = lanes;
      std::array<double, kMaxTensors> more = sharing;
      for (std::uint32_t tensors = irrelevant_[at]; tensors != 0; tensors &= tensors - 1)
        more[static_cast<std::size_t>(std::countr_zero(tensors))] *= lanes;
      extend(d + 1, steps * static_cast<double>(steps_of_it), more, idle * lanes_at_all / lanes);
      lanes_[at] = 1;
    };
    std::vector<Room>& after = rooms_[at + 1];
    for (const Factor& factor : factors_[at]) {
      after.clear();
      for (const std::int64_t x : factor.splits) take(x, factor.lanes / x, at);
      keep_largest(after);
      if (after.empty()) continue;
      choice_.factors[at] = factor.lanes;
      go_on(static_cast<double>(factor.lanes), static_cast<double>(factor.lanes), wish_.left[at] / factor.lanes);
    }
    choice_.factors[at] = 1;
    for (const std::vector<Deal>& deals : deals_[at]) {
      const Deal& least_idle = deals.front();
      after.clear();
      take(least_idle.x, least_idle.y, at);
      keep_largest(after);
      if (after.empty()) continue;
      ways_[at] = &deals;
      choice_.deals[at] = least_idle;
      go_on(least_idle.lanes_at_work(), static_cast<double>(least_idle.x) * least_idle.y, least_idle.steps());
    }
    choice_.deals[at] = {};
    ways_[at] = nullptr;
  }

  /// All ways to deal the dimensions from `d` on over the lanes chosen. `begun`: of those chosen so far, the others with the
  /// least idle.
  void choose_deals(std::size_t d, const LanesBegun& begun) {
    while (d < ways_.size() && (ways_[d] == nullptr || ways_[d]->size() == 1)) ++d;
    if (d == ways_.size()) {
      visit_(choice_, begun);
      return;
    }
    const std::vector<Deal>& deals = *ways_[d];
    for (const Deal& deal : deals) {
      choice_.deals[d] = deal;
      const LanesBegun with_it = dealt_so(begun, d, deals.front(), deal);
      // The others take more steps and share less.
      if (!wish_.worth(with_it)) break;
      choose_deals(d + 1, with_it);
    }
    choice_.deals[d] = deals.front();
    lanes_[d] = deals.front().lanes_at_work();
  }

  /// What is known when dimension `d` is dealt otherwise over the same lanes.
  [[nodiscard]] LanesBegun dealt_so(LanesBegun begun, std::size_t d, const Deal& before, const Deal& now) {
    const double more = now.lanes_at_work() / before.lanes_at_work();
    begun.steps = begun.steps / before.steps() * now.steps();  // whole numbers
    begun.idle /= more;
    for (std::uint32_t tensors = irrelevant_[d]; tensors != 0; tensors &= tensors - 1)
      begun.sharing[static_cast<std::size_t>(std::countr_zero(tensors))] *= more;
    lanes_[d] = before.lanes_at_work();
    for (const auto& [t, rank] : halos_) begun.sharing[static_cast<std::size_t>(t)] /= shared_along(*rank);
    lanes_[d] = now.lanes_at_work();
    for (const auto& [t, rank] : halos_) begun.sharing[static_cast<std::size_t>(t)] *= shared_along(*rank);
    return begun;
  }

  /// Lanes that may need the same word along a halo rank: all but those of its widest dimension.
  [[nodiscard]] double shared_along(const Rank& rank) const {
    double all = 1;
    double widest = 1;
    for (const Term& term : rank) {
      const double lanes = lanes_[static_cast<std::size_t>(term.dimension)];
      all *= lanes;
      widest = std::max(widest, lanes);
    }
    return all / widest;
  }

  void take(std::int64_t x, std::int64_t y, std::size_t at) {
    if ((x > 1 && !on_x_[at]) || (y > 1 && !on_y_[at])) return;
    for (const Room& room : rooms_[at])
      if (room.first >= x && room.second >= y) rooms_[at + 1].emplace_back(room.first / x, room.second / y);
  }

  static void keep_largest(std::vector<Room>& rooms) {
    std::sort(rooms.begin(), rooms.end(), std::greater<>());
    std::size_t kept = 0;
    for (const Room& room : rooms)
      if (kept == 0 || room.second > rooms[kept - 1].second) rooms[kept++] = room;
    rooms.resize(kept);
  }

  /// Lanes of one dimension that divide it, and how many of them may lie on x.
  struct Factor {
    std::int64_t lanes = 1;
    std::vector<std::int64_t> splits;
  };

  const Layer& layer_;
  const Fanout& fanout_;
  const LaneWish& wish_;
  std::vector<double> iterations_after_;  ///< of this and the later dimensions together
  std::vector<bool> on_x_, on_y_;
  std::vector<std::vector<Factor>> factors_;           ///< per dimension
  std::vector<std::vector<std::vector<Deal>>> deals_;  ///< per dimension and lanes, those that leave the least idle first
  std::vector<std::uint32_t> irrelevant_;              ///< per dimension, to which tensors, a bit each
  std::vector<std::pair<int, const Rank*>> halos_;     ///< tensor and rank
  std::array<double, kMaxDimensions> lanes_{};         ///< chosen so far: those with work
  std::array<const std::vector<Deal>*, kMaxDimensions> ways_{};  ///< to deal a dimension over the lanes chosen; null: it is not
  /// Per dimension, what the splits of the choices before it may leave of the axes; a larger room makes a smaller one needless.
  std::vector<std::vector<Room>> rooms_;
  const std::function<void(const LaneChoice&, const LanesBegun&)>& visit_;
  LaneChoice choice_;
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

bool slides(const Hierarchy& hierarchy) {
  return std::any_of(hierarchy.levels.begin(), hierarchy.levels.end(),
                     [](const Level& level) { return level.retention == Retention::sliding; });
}

}  // namespace

std::vector<Deal> deals_of(std::int64_t left, int fanout, std::int64_t most_x, std::int64_t most_y,
                           std::int64_t most_part_if_short) {
  std::vector<Deal> deals;
  const auto narrow = [](std::int64_t n) { return static_cast<std::int32_t>(n); };  // bounds and fanouts fit
  const auto deal_chunk = [&](std::int64_t chunk) {
    for (std::int64_t x = 1; x <= std::min(most_x, chunk); ++x) {
      const std::int64_t column = ceil_divide(chunk, x);
      if (ceil_divide(chunk, column) != x) continue;  // fewer lanes do the same
      for (std::int64_t y = 1; y <= std::min(most_y, column); ++y) {
        const std::int64_t part = ceil_divide(column, y);
        if (x * y == 1 || ceil_divide(column, part) != y) continue;
        const Deal deal{fanout, narrow(chunk), narrow(part), narrow(x), narrow(y), narrow(left)};
        const bool dead_end = deal.idles() && deal.chunks() == 2;  // see chunk_ladder
        if (deal.ends_short() ? part > most_part_if_short || dead_end : part * x * y == chunk) continue;
        deals.push_back(deal);
      }
    }
  };
  for (const std::int64_t chunk : divisors(left)) deal_chunk(chunk);
  // Chunks of 2 and more, each the least that are so few.
  const std::int64_t most = std::min(left - 1, most_part_if_short * most_x * most_y);
  for (std::int64_t chunk = 2; chunk <= most; chunk = ceil_divide(left, ceil_divide(left, chunk) - 1))
    if (left % chunk != 0 && ceil_divide(left, ceil_divide(left, chunk)) == chunk) deal_chunk(chunk);
  return deals;
}

bool may_cut(const Layer& layer, const Hierarchy& hierarchy, int d) {
  if (!slides(hierarchy)) return true;
  for (int t = 0; t < layer.output(); ++t) {
    const auto& ranks = layer.tensors[static_cast<std::size_t>(t)].ranks;
    if (layer.relevant(t, d) && std::any_of(ranks.begin(), ranks.end(), [](const Rank& rank) { return rank.size() > 1; }))
      return false;
  }
  return true;
}

bool may_deal(const Layer& layer, const Hierarchy& hierarchy, const std::vector<Constraint>& constraints, int d, int fanout) {
  for (const Constraint& constraint : constraints)
    if (constraint.kind == Constraint::Kind::order &&
        std::find(constraint.dimensions.begin(), constraint.dimensions.end(), d) != constraint.dimensions.end())
      return false;
  for (const Tensor& tensor : layer.tensors)
    for (const Rank& rank : tensor.ranks)
      if (rank.size() > 1 && std::any_of(rank.begin(), rank.end(), [&](const Term& term) { return term.dimension == d; }) &&
          (slides(hierarchy) || hierarchy.footprint == Footprint::box ||
           at(hierarchy.level(fanout).fanout->multicast, tensor.role) == Multicast::equal))
        return false;
  return true;
}

std::int64_t most_part_if_short(const Layer& layer, const Hierarchy& hierarchy, Remainders remainders, int d) {
  if (remainders == Remainders::none || slides(hierarchy) || hierarchy.limited()) return 0;
  if (remainders == Remainders::loops) return layer.dimensions[static_cast<std::size_t>(d)].bound;
  return along_halo(layer, d) ? 0 : 1;
}

std::int32_t Deal::lanes_of(std::int32_t iterations) const {
  const auto column = static_cast<std::int32_t>(ceil_divide(chunk, x));
  const auto of = [this](std::int32_t of_column) { return static_cast<std::int32_t>(ceil_divide(of_column, part)); };
  return iterations / column * of(column) + of(iterations % column);
}

std::vector<std::int64_t> Deal::parts(std::int64_t iterations) const {
  std::vector<std::int64_t> result;
  const std::int64_t column = ceil_divide(chunk, x);
  for (std::int64_t i = 0; i < x; ++i) {
    const std::int64_t of_column = std::clamp<std::int64_t>(iterations - i * column, 0, column);
    for (std::int64_t j = 0; j < y; ++j) result.push_back(std::clamp<std::int64_t>(of_column - j * part, 0, part));
  }
  return result;
}

void for_each_lane_choice(const Layer& layer, const Hierarchy& hierarchy, int index, const LaneWish& wish,
                          const std::function<void(const LaneChoice&, const LanesBegun&)>& visit) {
  Choices(layer, hierarchy, index, wish, visit).run();
}

std::vector<SpatialLoop> lay_out(const Layer& layer, const Hierarchy& hierarchy, int index, const LaneFactors& factors,
                                 const std::array<Deal, kMaxDimensions>& deals) {
  std::vector<SpatialLoop> loops;
  const Fanout& fanout = *hierarchy.level(index).fanout;
  Room room = {fanout.x, fanout.y};
  for (int d = 0; d < layer.dimension_count(); ++d) {
    const Deal& deal = deals[static_cast<std::size_t>(d)];
    if (deal.fanout != index) continue;
    room = {room.first / deal.x, room.second / deal.y};
    if (deal.x > 1) loops.push_back({d, deal.x, index, Axis::x});
    if (deal.y > 1) loops.push_back({d, deal.y, index, Axis::y});
  }
  if (!lay(layer, fanout, index, factors, 0, room, loops)) throw std::logic_error("lanes that do not fit were searched");
  return loops;
}

}  // namespace tilepath::search_detail
