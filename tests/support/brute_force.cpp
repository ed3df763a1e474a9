#include "support/brute_force.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "tilepath/mapping/cut_rule.hpp"
#include "tilepath/mapping/halo_rule.hpp"
#include "tilepath/mapping/legal.hpp"
#include "tilepath/model/evaluate.hpp"
#include "tilepath/model/schedule.hpp"

namespace tilepath::testing {

namespace {

bool has(const Rank& rank, int dimension) {
  return std::any_of(rank.begin(), rank.end(), [&](const Term& term) { return term.dimension == dimension; });
}

class Enumeration {
 public:
  Enumeration(const Layer& layer, const Hierarchy& hierarchy, const Aim& objective, const Mapspace& mapspace, std::int64_t most,
              const std::vector<Constraint>& constraints, bool play)
      : constraints_(constraints),
        layer_(layer),
        hierarchy_(hierarchy),
        objective_(objective),
        mapspace_(mapspace),
        most_(most),
        play_(play) {
    for (const Dimension& dimension : layer.dimensions) left_.push_back(dimension.bound);
    uneven_.resize(left_.size());
    chunks_.resize(left_.size());
    in_chunks_.resize(left_.size());
  }

  BruteForce run() {
    choose_keeps(0, 1);
    return result_;
  }

 private:
  void choose_keeps(int tensor, int level) {
    if (tensor == layer_.tensor_count()) {
      inside_out_.assign(1, Compute{});
      fanout(hierarchy_.level_count() - 1);
      return;
    }
    if (level == hierarchy_.level_count()) {
      choose_keeps(tensor + 1, 1);
      return;
    }
    for (const bool keep : {false, true}) {
      if (!keep && mapspace_.bypass == Bypass::fixed && has_room(tensor, level) && !never(tensor, level)) continue;
      keeps_[{tensor, level}] = keep;
      choose_keeps(tensor, level + 1);
    }
  }

  [[nodiscard]] bool has_room(int tensor, int level) const {
    const Level& at_level = hierarchy_.level(level);
    const Role role = layer_.tensors[static_cast<std::size_t>(tensor)].role;
    const Partition* part = at_level.partition(role);
    return at(at_level.keeps, role) != Keep::never && (part == nullptr || part->capacity_words > 0);
  }
  [[nodiscard]] bool never(int tensor, int level) const {
    return std::any_of(constraints_.begin(), constraints_.end(), [&](const Constraint& constraint) {
      return constraint.kind == Constraint::Kind::never && constraint.level == level &&
             std::find(constraint.tensors.begin(), constraint.tensors.end(), tensor) != constraint.tensors.end();
    });
  }

  /// All ways to unroll over the fanout of `level`, then its loops.
  void fanout(int level) { lanes(level, 0); }

  void lanes(int level, int dimension) {
    if (!result_.complete) return;
    if (dimension == layer_.dimension_count() || !hierarchy_.level(level).fanout) {
      std::vector<int> kept;
      for (int t = 0; t < layer_.tensor_count(); ++t)
        if (level > 0 && keeps_[{t, level}]) kept.push_back(t);
      if (level > 0 && kept.empty())
        fanout(level - 1);
      else
        loops(level, kept);
      return;
    }
    if (uneven_[static_cast<std::size_t>(dimension)] != 0 || in_chunks_[static_cast<std::size_t>(dimension)]) {
      lanes(level, dimension + 1);
      return;
    }
    auto& left = left_[static_cast<std::size_t>(dimension)];
    const std::int64_t whole = left;
    for (std::int64_t x = 1; x <= whole; ++x)
      for (std::int64_t y = 1; x * y <= whole; ++y) {
        if (whole % (x * y) != 0) continue;
        const std::size_t before = inside_out_.size();
        if (x > 1) inside_out_.emplace_back(SpatialLoop{dimension, x, level, Axis::x});
        if (y > 1) inside_out_.emplace_back(SpatialLoop{dimension, y, level, Axis::y});
        left = whole / (x * y);
        lanes(level, dimension + 1);
        inside_out_.resize(before);
      }
    left = whole;
    if (mapspace_.remainders != Remainders::none && may_deal(level, dimension)) deals(level, dimension);
  }

  /// A tile of `chunk` iterations in parts that do not divide it, each run through innermost; or with a last such tile that is
  /// shorter.
  void deals(int level, int dimension) {
    auto& left = left_[static_cast<std::size_t>(dimension)];
    const std::int64_t whole = left;
    const Fanout& fanout = *hierarchy_.level(level).fanout;
    for (std::int64_t chunk = 1; chunk <= whole; ++chunk)
      for (std::int64_t x = 1; x <= fanout.x; ++x)
        for (std::int64_t y = 1; y <= fanout.y; ++y) {
          const std::int64_t column = (chunk + x - 1) / x;
          const std::int64_t part = (column + y - 1) / y;
          const bool ends_short = whole % chunk != 0;
          const std::int64_t chunks = (whole + chunk - 1) / chunk;
          if (ends_short ? x * y == 1 || !may_end_short(dimension, part) || (whole + chunks - 1) / chunks != chunk
                         : part * x * y == chunk)
            continue;
          if ((x - 1) * column >= chunk || (y - 1) * part >= column) continue;  // the last would have nothing to do
          const std::vector<Node> before = inside_out_;
          if (part > 1) inside_out_.insert(inside_out_.begin() + 1, Loop{dimension, part});
          if (y > 1) inside_out_.emplace_back(SpatialLoop{dimension, y, level, Axis::y});
          if (x > 1) inside_out_.emplace_back(SpatialLoop{dimension, x, level, Axis::x});
          left = chunks;
          in_chunks_[static_cast<std::size_t>(dimension)] = ends_short;
          lanes(level, dimension + 1);
          in_chunks_[static_cast<std::size_t>(dimension)] = false;
          inside_out_ = before;
        }
    left = whole;
  }

  /// Nothing of the dimension lies further in, and the rules of the mapspace allow it.
  [[nodiscard]] bool may_deal(int level, int dimension) const {
    if (left_[static_cast<std::size_t>(dimension)] != layer_.dimensions[static_cast<std::size_t>(dimension)].bound) return false;
    for (const Constraint& constraint : constraints_)
      if (constraint.kind == Constraint::Kind::order &&
          std::find(constraint.dimensions.begin(), constraint.dimensions.end(), dimension) != constraint.dimensions.end())
        return false;
    for (const Tensor& tensor : layer_.tensors)
      for (const Rank& rank : tensor.ranks)
        if (rank.size() > 1 && has(rank, dimension) &&
            (hierarchy_.footprint == Footprint::box ||
             at(hierarchy_.level(level).fanout->multicast, tensor.role) == Multicast::equal ||
             std::any_of(hierarchy_.levels.begin(), hierarchy_.levels.end(),
                         [](const Level& of) { return of.retention == Retention::sliding; })))
          return false;
    return true;
  }

  [[nodiscard]] bool may_end_short(int dimension, std::int64_t part) const {
    return (mapspace_.remainders == Remainders::loops || (part == 1 && !along_halo(layer_, dimension))) &&
           !hierarchy_.limited() && std::none_of(hierarchy_.levels.begin(), hierarchy_.levels.end(), [](const Level& of) {
             return of.retention == Retention::sliding;
           });
  }

  /// At each point: one more loop of a prime count (over chunks: of any), or a storage node, or (all placed) the next fanout.
  void loops(int level, const std::vector<int>& missing) {
    if (!result_.complete) return;
    for (std::size_t d = 0; d < left_.size(); ++d) {
      if (mapspace_.remainders == Remainders::loops) cuts(d, level, missing);
      for (std::int64_t p = 2; uneven_[d] == 0 && p <= left_[d]; ++p) {
        const bool prime = (p <= 2 || p % 2 != 0) && (p <= 3 || p % 3 != 0);  // bounds are below 25
        if (left_[d] % p != 0 || !(prime || in_chunks_[d])) continue;
        left_[d] /= p;
        inside_out_.emplace_back(Loop{static_cast<int>(d), p});
        loops(level, missing);
        inside_out_.pop_back();
        left_[d] *= p;
      }
    }
    if (level == 0) {
      if (std::all_of(left_.begin(), left_.end(), [](std::int64_t n) { return n == 1; }) &&
          std::all_of(uneven_.begin(), uneven_.end(), [](std::int64_t n) { return n == 0; }))
        finish();
      return;
    }
    if (!mapspace_.uneven) {
      inside_out_.emplace_back(Store{missing, level});
      fanout(level - 1);
      inside_out_.pop_back();
      return;
    }
    for (std::size_t k = 0; k < missing.size(); ++k) {
      std::vector<int> rest = missing;
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(k));
      inside_out_.emplace_back(Store{{missing[k]}, level});
      if (rest.empty())
        fanout(level - 1);
      else
        loops(level, rest);
      inside_out_.pop_back();
    }
  }

  /// Loops that make tiles which do not divide a chunk of a dimension without lanes, and the one that makes the chunk of them.
  void cuts(std::size_t d, int level, const std::vector<int>& missing) {
    const std::int64_t bound = layer_.dimensions[d].bound;
    const auto place = [&](std::int64_t count, std::int64_t left, std::int64_t uneven) {
      const auto before = std::make_tuple(left_[d], uneven_[d], chunks_[d]);
      left_[d] = left;
      uneven_[d] = uneven;
      inside_out_.emplace_back(Loop{static_cast<int>(d), count});
      loops(level, missing);
      inside_out_.pop_back();
      std::tie(left_[d], uneven_[d], chunks_[d]) = before;
    };
    const bool has_lanes = std::any_of(inside_out_.begin(), inside_out_.end(), [&](const Node& node) {
      const auto* lanes = std::get_if<SpatialLoop>(&node);
      return lanes != nullptr && lanes->dimension == static_cast<int>(d) && lanes->count > 1;
    });
    if (has_lanes || !may_cut(layer_, hierarchy_, static_cast<int>(d))) return;
    if (uneven_[d] != 0) {
      // Within a chunk: more tiles, or the whole of it.
      const std::int64_t chunk = chunks_[d];
      for (std::int64_t around = 2 * uneven_[d]; around < chunk; around += uneven_[d])
        if (canonical(around, chunk)) place(around / uneven_[d], left_[d], around);
      place((chunk + uneven_[d] - 1) / uneven_[d], left_[d], 0);
      return;
    }
    const std::int64_t tile = bound / left_[d];
    for (std::int64_t chunk = tile + 1; chunk <= bound; ++chunk) {
      if (bound % chunk != 0 || chunk % tile != 0) continue;
      chunks_[d] = chunk;
      for (std::int64_t around = 2 * tile; around < chunk; around += tile)
        if (canonical(around, chunk)) place(around / tile, bound / chunk, around);
    }
  }

  /// Whether tiles of this extent do not divide the chunk, and no smaller ones are as few.
  static bool canonical(std::int64_t tile, std::int64_t chunk) {
    const std::int64_t tiles = (chunk + tile - 1) / tile;
    return chunk % tile != 0 && (chunk + tiles - 1) / tiles == tile;
  }

  void finish() {
    if (++visited_ > most_) {
      result_.complete = false;
      return;
    }
    Nest nest;
    Store all{{}, 0};
    for (int t = 0; t < layer_.tensor_count(); ++t) all.tensors.push_back(t);
    nest.nodes.emplace_back(all);
    nest.nodes.insert(nest.nodes.end(), inside_out_.rbegin(), inside_out_.rend());
    if (std::any_of(constraints_.begin(), constraints_.end(),
                    [&](const Constraint& constraint) { return !obeys(nest, constraint, layer_); }))
      return;
    if (!legal(nest, layer_, hierarchy_) || !within_halo_rule(nest, layer_) || !within_cut_rule(nest, layer_)) return;
    ++result_.nests;
    const Evaluation evaluation = evaluate(nest, layer_, hierarchy_);
    const Score score = score_of(objective_, evaluation);
    if (play_ && score < result_.best_played)
      if (const auto split = schedule(nest, layer_, hierarchy_))
        result_.best_played = std::min(result_.best_played, score_of(objective_, played(evaluation, *split)));
    add_to_front(evaluation.energy.value(), evaluation.cycles.value());
    if (score < result_.best) {
      result_.best = score;
      result_.nest = nest;
    }
  }

  void add_to_front(double energy, std::int64_t cycles) {
    auto& front = result_.front;
    for (const auto& [e, c] : front)
      if (e <= energy && c <= cycles) return;
    std::erase_if(front, [&](const auto& point) { return energy <= point.first && cycles <= point.second; });
    front.emplace_back(energy, cycles);
    std::sort(front.begin(), front.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  }

  const std::vector<Constraint>& constraints_;
  const Layer& layer_;
  const Hierarchy& hierarchy_;
  Aim objective_;
  Mapspace mapspace_;
  std::int64_t most_;
  bool play_;
  std::int64_t visited_ = 0;
  std::map<std::pair<int, int>, bool> keeps_;
  std::vector<std::int64_t> left_;
  std::vector<std::int64_t> uneven_;  ///< extents of tiles that do not divide their chunk; 0 = all divides
  std::vector<std::int64_t> chunks_;  ///< those chunks
  std::vector<bool> in_chunks_;       ///< dimensions dealt in chunks of which the last is short
  std::vector<Node> inside_out_;
  BruteForce result_;
};

}  // namespace

bool may_cut(const Layer& layer, const Hierarchy& hierarchy, int dimension) {
  if (std::none_of(hierarchy.levels.begin(), hierarchy.levels.end(),
                   [](const Level& level) { return level.retention == Retention::sliding; }))
    return true;
  for (int t = 0; t < layer.output(); ++t) {
    const auto& ranks = layer.tensors[static_cast<std::size_t>(t)].ranks;
    if (layer.relevant(t, dimension) && std::any_of(ranks.begin(), ranks.end(), [](const Rank& r) { return r.size() > 1; }))
      return false;
  }
  return true;
}

BruteForce brute_force(const Layer& layer, const Hierarchy& hierarchy, const Aim& objective, const Mapspace& mapspace,
                       std::int64_t most, const std::vector<Constraint>& constraints, bool play) {
  return Enumeration(layer, hierarchy, objective, mapspace, most, constraints, play).run();
}

}  // namespace tilepath::testing
