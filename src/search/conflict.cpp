// Why there is no mapping: a smallest set of demands that cannot all be met, found by dropping one after the other.
#include <algorithm>
#include <cmath>
#include <optional>

#include "tilepath/base/error.hpp"
#include "tilepath/base/quantity.hpp"
#include "tilepath/mapping/tile.hpp"
#include "tilepath/search/search.hpp"

namespace tilepath {

namespace {

constexpr double kSecondsPerQuestion = 3;

/// Something that may be dropped: a constraint, a capacity, the width of a fanout, that a level must keep a tensor.
struct Demand {
  enum class Kind : std::uint8_t { constraint, capacity, fanout, must };
  Kind kind = Kind::constraint;
  std::size_t level = 0;
  std::size_t item = 0;  ///< the constraint, the partition, the role
};

class Conflict {
 public:
  Conflict(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options, const std::stop_token& stop)
      : layer_(layer), hierarchy_(hierarchy), options_(options), stop_(stop) {
    for (std::size_t l = 0; l < hierarchy.levels.size(); ++l) {
      const Level& level = hierarchy.levels[l];
      for (std::size_t p = 0; p < level.partitions.size(); ++p) demands_.push_back({Demand::Kind::capacity, l, p});
      if (level.fanout && counted(l)) demands_.push_back({Demand::Kind::fanout, l, 0});
      for (std::size_t r = 0; l > 0 && r < kRoles; ++r)
        if (must_keep(l, r)) demands_.push_back({Demand::Kind::must, l, r});
    }
    for (std::size_t c = 0; c < options.constraints.size(); ++c) demands_.push_back({Demand::Kind::constraint, 0, c});
  }

  std::string explain() {
    if (mapping(demands_)) return ceilings();
    for (std::size_t d = 0; d < demands_.size();) {
      std::vector<Demand> rest = demands_;
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(d));
      if (mapping(rest))
        ++d;
      else
        demands_ = std::move(rest);
    }
    if (demands_.empty()) return {};
    std::string text = demands_.size() == 1 ? "" : "these conflict, and without any one of them there is a mapping: ";
    for (std::size_t d = 0; d < demands_.size(); ++d) text += (d == 0 ? "" : "; ") + in_words(demands_[d]);
    return text;
  }

 private:
  [[nodiscard]] bool must_keep(std::size_t level, std::size_t role) const {
    return keep_of(hierarchy_.levels[level], static_cast<Role>(role), options_.mapspace.bypass) == Keep::must;
  }

  /// A fanout conflicts only with constraints that count its lanes: unrolling is never forced otherwise.
  [[nodiscard]] bool counted(std::size_t level) const {
    return std::any_of(options_.constraints.begin(), options_.constraints.end(), [&](const Constraint& c) {
      return c.kind == Constraint::Kind::count && static_cast<std::size_t>(c.level) == level;
    });
  }

  /// Lanes of an axis that limits no constraint: what all of them count, or what there is if that is more. No wider, as the
  /// instances of nested fanouts multiply.
  [[nodiscard]] std::int64_t lanes_wanted(std::size_t level) const {
    std::int64_t lanes = 1;
    for (const Constraint& c : options_.constraints)
      if (c.kind == Constraint::Kind::count && static_cast<std::size_t>(c.level) == level)
        lanes = checked_multiply(lanes, c.count);
    return std::max(lanes, hierarchy_.levels[level].fanout_size());
  }

  /// A mapping that meets these demands; where a partition is not among them it has no limit, and so on. `widened`: this
  /// partition has `capacity` instead.
  [[nodiscard]] std::optional<Nest> mapping(const std::vector<Demand>& demands, const Demand* widened = nullptr,
                                            std::int64_t capacity = 0) const {
    Hierarchy hierarchy = hierarchy_;
    SearchOptions options;
    options.mapspace = {options_.mapspace.uneven, Remainders::none, Bypass::free};
    options.any = true;
    options.time_limit = kSecondsPerQuestion;
    for (std::size_t l = 0; l < hierarchy.levels.size(); ++l) {
      Level& level = hierarchy.levels[l];
      for (Partition& part : level.partitions) part.capacity_words = kUnbounded;
      if (level.fanout && counted(l)) level.fanout->x = level.fanout->y = lanes_wanted(l);
      for (std::size_t r = 0; l > 0 && r < kRoles; ++r)
        if (must_keep(l, r)) level.keeps[r] = Keep::can;
    }
    for (const Demand& demand : demands) {
      Level& level = hierarchy.levels[demand.level];
      const Level& given = hierarchy_.levels[demand.level];
      switch (demand.kind) {
        case Demand::Kind::constraint:
          options.constraints.push_back(options_.constraints[demand.item]);
          break;
        case Demand::Kind::capacity: {
          const bool this_one = widened != nullptr && widened->level == demand.level && widened->item == demand.item;
          level.partitions[demand.item].capacity_words = this_one ? capacity : given.partitions[demand.item].capacity_words;
          break;
        }
        case Demand::Kind::fanout:
          level.fanout = given.fanout;
          break;
        case Demand::Kind::must:
          level.keeps[demand.item] = Keep::must;
          break;
      }
    }
    try {
      return search(layer_, hierarchy, options, stop_).nest;
    } catch (const NoLegalMapping&) {
      return std::nullopt;
    } catch (const Interrupted&) {  // not known in time: taken as part of the conflict
      if (stop_.stop_requested()) throw;
      return std::nullopt;
    }
  }

  [[nodiscard]] std::string in_words(const Demand& demand) const {
    const Level& level = hierarchy_.levels[demand.level];
    switch (demand.kind) {
      case Demand::Kind::constraint:
        return "the constraint " + options_.constraints[demand.item].text;
      case Demand::Kind::capacity:
        return capacity_in_words(demand);
      case Demand::Kind::fanout:
        return "the fanout of '" + level.name + "' is " + std::to_string(level.fanout->x) + " x " +
               std::to_string(level.fanout->y);
      case Demand::Kind::must:
        break;
    }
    return "'" + level.name + "' must keep " + std::string(name_of(static_cast<Role>(demand.item)));
  }

  /// What there is, and the least that would do while all else is as demanded: what each tensor needs of it.
  [[nodiscard]] std::string capacity_in_words(const Demand& demand) const {
    const Level& level = hierarchy_.levels[demand.level];
    const Partition& part = level.partitions[demand.item];
    std::string roles;
    for (std::size_t r = 0; r < kRoles; ++r)
      if (part.holds[r]) roles += (roles.empty() ? "" : ", ") + std::string(name_of(static_cast<Role>(r)));
    std::string text = "'" + level.name + "' has " + std::to_string(part.capacity_words) + " words for " + roles;
    std::optional<Nest> fits = mapping(demands_, &demand, kUnbounded);
    if (!fits) return text;
    std::int64_t low = part.capacity_words;  // too small
    std::int64_t high = words_kept(*fits, demand);
    // A word less than what fits is too little more often than not, and then the least is found.
    for (bool halve = false; high - low > 1; halve = !halve) {
      const std::int64_t tried = halve ? low + (high - low) / 2 : high - 1;
      if (std::optional<Nest> smaller = mapping(demands_, &demand, tried)) {
        fits = std::move(smaller);
        high = words_kept(*fits, demand);
      } else {
        low = tried;
      }
    }
    return text + ", the least that fits is " + std::to_string(high) + " (" + kept_in_words(*fits, demand) + ")";
  }

  /// Words that each tensor takes of a partition, its level's double buffering not included.
  [[nodiscard]] std::vector<std::pair<std::string, std::int64_t>> kept(const Nest& nest, const Demand& demand) const {
    const Level& level = hierarchy_.levels[demand.level];
    const std::vector<Extents> inside = extents_inside(nest, layer_);
    std::vector<std::pair<std::string, std::int64_t>> words;
    for (std::size_t i = 0; i < nest.nodes.size(); ++i) {
      const auto* store = std::get_if<Store>(&nest.nodes[i]);
      if (store == nullptr || static_cast<std::size_t>(store->level) != demand.level) continue;
      for (const int t : store->tensors) {
        const Tensor& tensor = layer_.tensors[static_cast<std::size_t>(t)];
        if (level.partitions[demand.item].holds[static_cast<std::size_t>(tensor.role)])
          words.emplace_back(tensor.name, tile_words(tensor, inside[i], hierarchy_.footprint) * level_words(level, tensor));
      }
    }
    return words;
  }
  [[nodiscard]] std::int64_t words_kept(const Nest& nest, const Demand& demand) const {
    std::int64_t sum = 0;
    for (const auto& [tensor, words] : kept(nest, demand)) sum += words;
    return hierarchy_.levels[demand.level].double_buffered ? 2 * sum : sum;
  }
  /// "weights 1, inputs 3; twice, as it is double-buffered"
  [[nodiscard]] std::string kept_in_words(const Nest& nest, const Demand& demand) const {
    std::string text;
    for (const auto& [tensor, words] : kept(nest, demand))
      text += (text.empty() ? "" : ", ") + tensor + " " + std::to_string(words);
    return text + (hierarchy_.levels[demand.level].double_buffered ? "; twice, as it is double-buffered" : "");
  }

  /// All else can be met: the least that the ceilings of energy and cycles would have to allow.
  [[nodiscard]] std::string ceilings() const {
    const Aim& aim = options_.objective;
    const auto least = [&](Objective objective) {
      SearchOptions options = options_;
      options.objective = objective;
      options.time_limit = kSecondsPerQuestion;
      const SearchResult found = search(layer_, hierarchy_, options, stop_);
      return (found.certificate.proved ? "the least is " : "the least is no less than ") + shown(found.certificate.lower_bound);
    };
    std::string text;
    if (std::isfinite(aim.max_energy)) text = "energy may be at most " + shown(aim.max_energy) + ", " + least(Objective::energy);
    if (std::isfinite(aim.max_cycles))
      text += (text.empty() ? "" : "; ") + ("cycles may be at most " + shown(aim.max_cycles)) + ", " + least(Objective::latency);
    if (std::isfinite(aim.max_energy) && std::isfinite(aim.max_cycles)) text += "; --pareto shows what they cost each other";
    return text;
  }

  static std::string shown(double value) {
    return value < 1e15 && value == std::floor(value) ? std::to_string(static_cast<std::int64_t>(value)) : std::to_string(value);
  }

  const Layer& layer_;
  const Hierarchy& hierarchy_;
  const SearchOptions& options_;
  const std::stop_token& stop_;
  std::vector<Demand> demands_;
};

}  // namespace

std::string conflict(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options, const std::stop_token& stop) {
  return Conflict(layer, hierarchy, options, stop).explain();
}

}  // namespace tilepath
