// The proof by another road.
//
// A partial nest (all nodes from the MAC outwards to some point) is a whole mapping of a smaller layer: of the iterations that it
// covers, times the lanes still to come, with the storage nodes still to come right around it. What that mapping costs, the model
// says. Where a loop still to come will leave a remainder, tiles are full or short: a smaller layer for each. Of two partial
// nests of one *state* (the same nodes placed, the same extents, the same nodes whose tiles have not moved yet) whatever is
// placed around them multiplies and adds the same, so the dearer can go. States are visited from the MAC outwards; at the end
// stand whole mappings, which are compared with the value.
#include "tilepath/certify/recheck.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "model/traffic.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/mapping/cut_rule.hpp"
#include "tilepath/mapping/halo_rule.hpp"
#include "tilepath/mapping/legal.hpp"
#include "tilepath/mapping/tile.hpp"
#include "tilepath/model/evaluate.hpp"

namespace tilepath {

namespace {

using model_detail::Moved;

constexpr double kRounding = 1 - 1e-9;

constexpr std::size_t at_(std::int64_t index) { return static_cast<std::size_t>(index); }

/// Lanes of one dimension on one fanout; parts of a dealt dimension do not divide its chunk, or chunks do not divide it (R9).
struct Unrolled {
  std::int64_t x = 1, y = 1;
  std::int64_t chunk = 0;  ///< 0: not dealt

  [[nodiscard]] std::int64_t column() const { return ceil_divide(chunk, x); }
  [[nodiscard]] std::int64_t part() const { return ceil_divide(column(), y); }
  /// Lanes that have work in so many iterations of a chunk.
  [[nodiscard]] std::int64_t with_work(std::int64_t iterations) const {
    std::int64_t lanes = 0;
    for (std::int64_t start = 0; start < iterations; start += column())
      lanes += ceil_divide(std::min(column(), iterations - start), part());
    return lanes;
  }
};

/// A choice of lanes and keeps.
struct Job {
  std::vector<std::array<Unrolled, kMaxDimensions>> lanes;  ///< per level
  std::array<std::uint32_t, kMaxTensors> keeps{};           ///< per tensor, a bit per level
};

/// A storage node whose tile has not moved along two ranks since it was placed: by how much the loops since then moved it.
struct OpenNode {
  int tensor = 0, level = 0;
  std::vector<std::int64_t> tile;   ///< extents of the tensor's dimensions where it stands
  std::vector<std::int64_t> moved;  ///< per rank
  friend auto operator<=>(const OpenNode&, const OpenNode&) = default;
};

/// What whatever is placed around a partial nest can see of it.
struct State {
  int level = 0;             ///< whose nodes are being placed; 0: none are left
  std::uint32_t placed = 0;  ///< tensors that have theirs
  Extents extents{};         ///< iterations inside, lanes included
  Extents left{};            ///< iterations of the loops in time still to come
  Extents cut{};             ///< what a loop still to come cuts into tiles of `extents`, the last one short; 0 = tiles divide
  std::uint32_t even = 0;    ///< dimensions of which no loop still to come may leave a remainder
  std::vector<OpenNode> open;
  std::vector<std::int64_t>
      order;  ///< per ordered level under construction, the place in its order that its loops have come out to
};

struct Partial {
  State state;
  std::vector<Node> inside_out;
  std::vector<double> room;   ///< words that the placed nodes of the level under construction take, per partition
  std::vector<double> costs;  ///< energy, words of ports and of them the MACs', waiting, edges, room
};

/// Tiles of equal extents, and what one of them moves.
struct Tiles {
  double count = 1;
  Moved moved;
};
/// All tiles of a state: full ones first.
using Scored = std::vector<Tiles>;

class Rechecker {
 public:
  Rechecker(const Layer& layer, Hierarchy hierarchy, const SearchOptions& options, double value, const std::stop_token& stop)
      : layer_(layer),
        smaller_(layer),
        hierarchy_(std::move(hierarchy)),
        options_(options),
        value_(value * kRounding),
        stop_(stop),
        start_(Clock::now()) {
    for (int t = 0; t < layer.tensor_count(); ++t)
      words_.push_back(static_cast<double>(tile_words(layer.tensors[at_(t)], bounds_of(layer), Footprint::touched)));
    for (const Constraint& constraint : options.constraints)
      if (constraint.kind == Constraint::Kind::order) orders_.push_back(constraint);
    limited_ = hierarchy_.limited();
    compulsory_ = static_cast<double>(macs(layer)) * hierarchy_.compute.mac_energy;
    for (int t = 0; t < layer.tensor_count(); ++t)
      compulsory_ += words_[at_(t)] * (layer.is_output(t) ? write_energy(0, t) : read_energy(0, t));
    for (int l = 0; l < hierarchy_.level_count(); ++l)
      leakage_ += hierarchy_.level(l).leakage * static_cast<double>(hierarchy_.instances(l));
  }

  Recheck run() {
    job_.lanes.resize(at_(hierarchy_.level_count()));
    choose_lanes(0, 0, bounds_of(layer_), 1);
    return std::move(result_);
  }

  Recheck run(const SolvedJob& solved) {
    job_.lanes.resize(at_(hierarchy_.level_count()));
    for (const SpatialLoop& loop : solved.lanes) {
      Unrolled& mine = job_.lanes[at_(loop.fanout)][at_(loop.dimension)];
      (loop.axis == Axis::x ? mine.x : mine.y) *= loop.count;
      mine.chunk = solved.chunks[at_(loop.dimension)];
    }
    Extents left = bounds_of(layer_);
    for (const auto& level : job_.lanes)
      for (int d = 0; d < layer_.dimension_count(); ++d) {
        const Unrolled& of = level[at_(d)];
        const std::int64_t covered = of.chunk > 0 ? of.chunk : of.x * of.y;
        if (left[at_(d)] % covered != 0 && !(of.chunk > 0 && may_end_short(d, left[at_(d)], of)))
          throw InputError("the lanes over " + layer_.dimensions[at_(d)].name + " do not divide its bound");
        left[at_(d)] = ceil_divide(left[at_(d)], covered);
      }
    choose_keeps(left, steps_of(left));
    return std::move(result_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] bool done() {
    if (stop_.stop_requested() ||
        (options_.time_limit > 0 && std::chrono::duration<double>(Clock::now() - start_).count() > options_.time_limit))
      result_.finished = false;
    return !result_.finished || result_.better;
  }

  [[nodiscard]] bool excluded(double energy, double steps) const {
    const double cycles = model_detail::whole_cycles(steps / hierarchy_.compute.macs_per_cycle);
    return !(score_of(options_.objective, energy + leakage_ * cycles, cycles).value < value_);
  }

  // -- lanes: fanout by fanout, dimension by dimension ----------------------------------------------------------------------

  /// `left`: of each bound to inner fanouts and loops; `dealt`: steps that the dimensions dealt so far take.
  void choose_lanes(int level, int d, const Extents& left, double dealt) {
    if (done()) return;
    if (level == hierarchy_.level_count()) {
      double steps = dealt;
      for (const std::int64_t each : left) steps *= static_cast<double>(each);
      if (excluded(least_energy(), steps)) return;
      if (seen_.insert(signature()).second) choose_keeps(left, steps);
      return;
    }
    if (!hierarchy_.level(level).fanout || d == layer_.dimension_count()) {
      choose_lanes(level + 1, 0, left, dealt);
      return;
    }
    // As if all that the axes leave were used by the dimensions from this one on.
    const auto most = static_cast<double>(axis_left(level, d, Axis::x) * axis_left(level, d, Axis::y));
    if (excluded(compulsory_, dealt * product(left) / (most * instances_below(level + 1)))) return;
    Unrolled& mine = job_.lanes[at_(level)][at_(d)];
    for (std::int64_t x = 1; x <= room(level, d, Axis::x); ++x)
      for (std::int64_t y = 1; y <= room(level, d, Axis::y); ++y) {
        if (!counted(level, d, x, y)) continue;
        Extents after = left;
        if (left[at_(d)] % (x * y) == 0) {
          after[at_(d)] /= x * y;
          mine = {x, y, 0};
          choose_lanes(level, d + 1, after, dealt);
          mine = {};
        }
        if (options_.mapspace.remainders != Remainders::none && may_deal(d, level)) deal(level, d, x, y, left, dealt);
      }
  }

  /// A chunk of the dimension in x * y parts, the last shorter, or several, the last shorter; nothing of it is left to inner
  /// fanouts and loops.
  void deal(int level, int d, std::int64_t x, std::int64_t y, const Extents& left, double dealt) {
    const std::int64_t whole = left[at_(d)];
    Unrolled& mine = job_.lanes[at_(level)][at_(d)];
    for (std::int64_t chunk = 2; chunk <= whole; ++chunk) {
      const Unrolled of{x, y, chunk};
      const bool all_work = (x - 1) * of.column() < chunk && (y - 1) * of.part() < of.column();
      const bool uneven = whole % chunk == 0 ? of.part() * x * y != chunk : may_end_short(d, whole, of);
      if (!all_work || !uneven) continue;
      Extents after = left;
      after[at_(d)] = 1;
      mine = of;
      choose_lanes(level, d + 1, after, dealt * dealt_steps(whole, of));
      mine = {};
    }
  }
  /// Of the longest lane.
  static double dealt_steps(std::int64_t whole, const Unrolled& of) {
    return static_cast<double>(whole / of.chunk * of.part() + std::min(of.part(), whole % of.chunk));
  }

  /// The mapspace's rule of a last chunk that is shorter: no lanes of the dimension further out, nothing that slides, no
  /// bandwidth; with remainders at the lanes alone parts of one iteration, and no halo; as many chunks as tiles of their size
  /// take; and three at least if lanes are idle in the last.
  [[nodiscard]] bool may_end_short(int d, std::int64_t whole, const Unrolled& of) const {
    if (limited_ || slides()) return false;
    if (options_.mapspace.remainders == Remainders::lanes && (of.part() > 1 || along_halo(layer_, d))) return false;
    const std::int64_t chunks = ceil_divide(whole, of.chunk);
    return whole == layer_.dimensions[at_(d)].bound && whole % of.chunk != 0 && of.x * of.y > 1 &&
           ceil_divide(whole, chunks) == of.chunk && (chunks > 2 || !idles(whole, of));
  }
  static bool idles(std::int64_t whole, const Unrolled& of) {
    return whole % of.chunk != 0 && of.with_work(whole % of.chunk) < of.with_work(of.chunk);
  }
  [[nodiscard]] bool slides() const {
    return std::any_of(hierarchy_.levels.begin(), hierarchy_.levels.end(),
                       [](const Level& of) { return of.retention == Retention::sliding; });
  }

  [[nodiscard]] std::int64_t room(int level, int d, Axis axis) const {
    if (!hierarchy_.level(level).fanout->unrolls(axis, layer_.dimensions[at_(d)].name)) return 1;
    return std::min(axis_left(level, d, axis), layer_.dimensions[at_(d)].bound);
  }
  [[nodiscard]] std::int64_t axis_left(int level, int d, Axis axis) const {
    std::int64_t lanes = hierarchy_.level(level).fanout->size(axis);
    for (int other = 0; other < d; ++other) {
      const Unrolled& of = job_.lanes[at_(level)][at_(other)];
      lanes /= axis == Axis::x ? of.x : of.y;
    }
    return lanes;
  }
  [[nodiscard]] bool counted(int level, int d, std::int64_t x, std::int64_t y) const {
    return std::all_of(options_.constraints.begin(), options_.constraints.end(), [&](const Constraint& c) {
      const bool mine = c.level == level && c.kind == Constraint::Kind::count && c.dimensions[0] == d;
      return !mine || c.count == x * y;
    });
  }
  /// The mapspace's rules (search.hpp): one fanout a dimension, no halo with sliding, boxes or `equal`, none that is ordered.
  [[nodiscard]] bool may_deal(int d, int level) const {
    for (const Constraint& order : orders_)
      if (std::find(order.dimensions.begin(), order.dimensions.end(), d) != order.dimensions.end()) return false;
    for (const Tensor& tensor : layer_.tensors)
      for (const Rank& rank : tensor.ranks)
        for (const Term& term : rank)
          if (rank.size() > 1 && term.dimension == d &&
              (hierarchy_.footprint == Footprint::box ||
               at(hierarchy_.level(level).fanout->multicast, tensor.role) == Multicast::equal || slides()))
            return false;
    return true;
  }
  [[nodiscard]] double instances_below(int level) const {
    double lanes = 1;
    for (int l = level; l < hierarchy_.level_count(); ++l) lanes *= static_cast<double>(hierarchy_.level(l).fanout_size());
    return lanes;
  }
  [[nodiscard]] static double product(const Extents& left) {
    double all = 1;
    for (const std::int64_t each : left) all *= static_cast<double>(each);
    return all;
  }
  /// MACs; every word once past the outermost level; and what the MACs read or update, wherever each tensor's innermost node is:
  /// a word read once serves at most all lanes that need the same (along a halo: all but those of its widest dimension).
  [[nodiscard]] double least_energy() const {
    double energy = static_cast<double>(macs(layer_)) * hierarchy_.compute.mac_energy;
    for (int t = 0; t < layer_.tensor_count(); ++t) {
      const auto access = [&](int l) { return layer_.is_output(t) ? write_energy(l, t) : read_energy(l, t); };
      const double once = words_[at_(t)] * access(0);
      double least = std::max(once, static_cast<double>(macs(layer_)) * access(0) / most_shared(t, 0));
      for (int l = 1; l < hierarchy_.level_count(); ++l)
        if (keep_of(layer_.tensors[at_(t)], t, hierarchy_, l, options_.mapspace, options_.constraints) != Keep::never)
          least = std::min(least, once + static_cast<double>(macs(layer_)) * access(l) / most_shared(t, l));
      energy += least;
    }
    return energy;
  }
  /// Lanes below `level` that may share one word of a tensor.
  [[nodiscard]] double most_shared(int t, int level) const {
    double shared = 1;
    std::array<double, kMaxDimensions> lanes{};
    lanes.fill(1);
    for (int l = level; l < hierarchy_.level_count(); ++l)
      for (int d = 0; d < layer_.dimension_count(); ++d)
        lanes[at_(d)] *= static_cast<double>(job_.lanes[at_(l)][at_(d)].x * job_.lanes[at_(l)][at_(d)].y);
    for (int d = 0; d < layer_.dimension_count(); ++d)
      if (!layer_.relevant(t, d)) shared *= lanes[at_(d)];
    for (const Rank& rank : layer_.tensors[at_(t)].ranks) {
      double all = 1;
      double widest = 1;
      for (const Term& term : rank) {
        all *= lanes[at_(term.dimension)];
        widest = std::max(widest, lanes[at_(term.dimension)]);
      }
      shared *= all / widest;
    }
    return shared;
  }
  [[nodiscard]] double read_energy(int level, int t) const {
    return hierarchy_.level(level).read_energy * accesses_per_word(hierarchy_.level(level), layer_.tensors[at_(t)]);
  }
  [[nodiscard]] double write_energy(int level, int t) const {
    return hierarchy_.level(level).write_energy * accesses_per_word(hierarchy_.level(level), layer_.tensors[at_(t)]);
  }
  /// What is paid does not depend on the axis that lanes lie on.
  [[nodiscard]] std::vector<std::int64_t> signature() const {
    std::vector<std::int64_t> all;
    for (const auto& level : job_.lanes)
      for (const Unrolled& of : level) {
        all.push_back(of.chunk);
        all.push_back(of.chunk > 0 ? of.x : of.x * of.y);
        all.push_back(of.chunk > 0 ? of.y : 1);
      }
    return all;
  }

  // -- keeps ----------------------------------------------------------------------------------------------------------------

  using Choices = std::vector<std::vector<std::pair<std::uint32_t, double>>>;

  /// Steps of the longest lane, when the lanes leave so much of each bound to loops outside all parts.
  [[nodiscard]] double steps_of(const Extents& left) const {
    double steps = product(left);
    for (int d = 0; d < layer_.dimension_count(); ++d)
      if (const Unrolled* of = dealt(d)) steps *= dealt_steps(whole_of(d), *of) / static_cast<double>(left[at_(d)]);
    return steps;
  }
  /// How a dimension is dealt, if it is.
  [[nodiscard]] const Unrolled* dealt(int d) const {
    for (const auto& level : job_.lanes)
      if (level[at_(d)].chunk > 0) return &level[at_(d)];
    return nullptr;
  }
  /// What lanes further out leave of a dimension that is dealt.
  [[nodiscard]] std::int64_t whole_of(int d) const {
    std::int64_t whole = layer_.dimensions[at_(d)].bound;
    for (const auto& level : job_.lanes) {
      if (level[at_(d)].chunk > 0) break;
      whole /= level[at_(d)].x * level[at_(d)].y;
    }
    return whole;
  }
  /// … if its last chunk is short, else 0.
  [[nodiscard]] std::int64_t cut_in_chunks(int d) const {
    const Unrolled* of = dealt(d);
    return of != nullptr && whole_of(d) % of->chunk != 0 ? whole_of(d) : 0;
  }

  /// What a tensor costs at least depends on its own keeps alone: bound each alone, then all choices together.
  void choose_keeps(const Extents& left, double steps) {
    set_temporal(left);
    Choices choices(at_(layer_.tensor_count()));
    for (int t = 0; t < layer_.tensor_count(); ++t)
      for (std::uint32_t mask = 1; mask < 1U << hierarchy_.level_count(); mask += 2)
        if (allowed(t, mask)) {
          job_.keeps.fill(1);
          job_.keeps[at_(t)] = mask;
          const Partial first = innermost();
          choices[at_(t)].emplace_back(mask, least_of(t, first.state, scored(first, complete(first)), hierarchy_.level_count()));
        }
    join(choices, 0, static_cast<double>(macs(layer_)) * hierarchy_.compute.mac_energy, steps);
  }

  void join(const Choices& choices, std::size_t t, double energy, double steps) {
    if (done()) return;
    if (t < choices.size()) {
      for (const auto& [mask, least] : choices[t]) {
        job_.keeps[t] = mask;
        join(choices, t + 1, energy + least, steps);
      }
      return;
    }
    ++result_.jobs;
    if (excluded(energy, steps)) return;
    ++result_.solved;
    solve();
  }

  [[nodiscard]] bool allowed(int t, std::uint32_t mask) const {
    for (int l = 1; l < hierarchy_.level_count(); ++l) {
      const Keep keep = keep_of(layer_.tensors[at_(t)], t, hierarchy_, l, options_.mapspace, options_.constraints);
      const bool kept = (mask >> l & 1U) != 0;
      if ((kept && keep == Keep::never) || (!kept && keep == Keep::must)) return false;
    }
    return true;
  }
  [[nodiscard]] bool kept(int t, int level) const { return (job_.keeps[at_(t)] >> level & 1U) != 0; }
  [[nodiscard]] std::uint32_t kept_at(int level) const {
    std::uint32_t tensors = 0;
    for (int t = 0; t < layer_.tensor_count(); ++t)
      if (kept(t, level)) tensors |= 1U << t;
    return tensors;
  }

  // -- the partial nests of a job -------------------------------------------------------------------------------------------

  /// What the lanes leave to loops in time.
  void set_temporal(const Extents& left) {
    temporal_ = left;
    for (int d = 0; d < layer_.dimension_count(); ++d)
      if (const Unrolled* of = dealt(d)) temporal_[at_(d)] = ceil_divide(whole_of(d), of->chunk);
  }

  /// Lanes of the fanout of `level`, from the inside.
  void add_lanes(int level, Partial& partial) const {
    for (int d = layer_.dimension_count(); d-- > 0;) {
      const Unrolled& of = job_.lanes[at_(level)][at_(d)];
      if (of.y > 1) partial.inside_out.emplace_back(SpatialLoop{d, of.y, level, Axis::y});
      if (of.x > 1) partial.inside_out.emplace_back(SpatialLoop{d, of.x, level, Axis::x});
      // Outside lanes of their dimension loops run over whole chunks, or leave no remainder.
      if (of.x * of.y > 1 && cut_in_chunks(d) == 0) partial.state.even |= 1U << d;
      std::int64_t& extent = partial.state.extents[at_(d)];
      extent = of.chunk > 0 ? of.chunk : extent * of.x * of.y;
    }
  }

  /// From `level` out, lanes included, to the next level that keeps something, or to level 0.
  void go_out(Partial& partial, int level) const {
    State& state = partial.state;
    for (state.level = level;; --state.level) {
      add_lanes(state.level, partial);
      if (state.level == 0 || kept_at(state.level) != 0) break;
    }
    state.placed = 0;
    partial.room.assign(hierarchy_.level(state.level).partitions.size(), 0);
    for (std::size_t o = 0; o < orders_.size(); ++o)
      state.order[o] = orders_[o].level == state.level ? static_cast<std::int64_t>(orders_[o].dimensions.size()) : 0;
  }

  [[nodiscard]] Partial innermost() const {
    Partial partial;
    partial.state.extents.fill(1);
    partial.state.left = temporal_;
    partial.state.order.resize(orders_.size());
    partial.inside_out.emplace_back(Compute{});
    for (const auto& level : job_.lanes)
      for (int d = 0; d < layer_.dimension_count(); ++d)
        if (const Unrolled& of = level[at_(d)]; of.chunk > 0) {
          if (of.part() > 1) partial.inside_out.emplace_back(Loop{d, of.part()});
          partial.state.extents[at_(d)] = of.part();
          partial.state.cut[at_(d)] = cut_in_chunks(d);
        }
    go_out(partial, hierarchy_.level_count() - 1);
    return partial;
  }

  /// The nodes still to come right around a partial nest, outermost first.
  [[nodiscard]] Nest complete(Partial partial) const {
    while (partial.state.level > 0) {
      Store missing{{}, partial.state.level};
      for (int t = 0; t < layer_.tensor_count(); ++t)
        if (kept(t, missing.level) && (partial.state.placed >> t & 1U) == 0) missing.tensors.push_back(t);
      partial.inside_out.emplace_back(missing);
      go_out(partial, missing.level - 1);
    }
    Store all{{}, 0};
    for (int t = 0; t < layer_.tensor_count(); ++t) all.tensors.push_back(t);
    partial.inside_out.emplace_back(all);
    return {{partial.inside_out.rbegin(), partial.inside_out.rend()}};
  }

  /// Tiles of one dimension at a state: full ones and the last, where a loop still to come leaves it short.
  struct Sizes {
    int dimension = 0;
    std::int64_t full = 0, last = 0;  ///< of the smaller layer
    double tiles = 1;
    bool in_chunks = false;  ///< a chunk that is dealt, or several; else all that the lanes still to come have of it
  };
  [[nodiscard]] Sizes sizes_of(int d, const State& state) const {
    if (cut_in_chunks(d) == 0) {
      std::int64_t lanes = 1;  // to come
      for (int l = 0; l < state.level; ++l) lanes *= job_.lanes[at_(l)][at_(d)].x * job_.lanes[at_(l)][at_(d)].y;
      return {d, lanes * state.extents[at_(d)], lanes * last_tile(state.cut[at_(d)], state.extents[at_(d)]),
              static_cast<double>(ceil_divide(state.cut[at_(d)], state.extents[at_(d)])), false};
    }
    const std::int64_t full = dealt_further_out(d, state.level) ? dealt(d)->chunk : state.extents[at_(d)];
    return {d, full, last_tile(whole_of(d), full), static_cast<double>(ceil_divide(whole_of(d), full)), true};
  }

  /// What the completed nest moves, as a mapping of the iterations that it covers.
  [[nodiscard]] Scored scored(const Partial& partial, const Nest& nest) {
    const State& state = partial.state;
    std::vector<Sizes> cut;
    for (int d = 0; d < layer_.dimension_count(); ++d) {
      smaller_.dimensions[at_(d)].bound = layer_.dimensions[at_(d)].bound / state.left[at_(d)];
      if (state.cut[at_(d)] == 0) continue;
      cut.push_back(sizes_of(d, state));
      smaller_.dimensions[at_(d)].bound = cut.back().full;
    }
    if (cut.empty()) return {{product(state.left), model_detail::traffic_of(nest, smaller_, hierarchy_)}};
    const std::vector<Extents> inside = extents_inside(nest, smaller_);
    Scored all;
    for (std::uint32_t shorts = 0; shorts < 1U << cut.size(); ++shorts) {  // dimensions along which the tile is short
      double count = product(state.left);
      for (std::size_t k = 0; k < cut.size(); ++k) {
        const bool is_short = (shorts >> k & 1U) != 0;
        smaller_.dimensions[at_(cut[k].dimension)].bound = is_short ? cut[k].last : cut[k].full;
        count *= (is_short ? 1 : cut[k].tiles - 1) / cut[k].tiles;
      }
      // Lanes still to come have equal parts, short ones too; further in, and in the lanes of a chunk, the tiles are those of
      // full ones.
      std::vector<Extents> extents = extents_inside(nest, smaller_);
      std::copy(inside.end() - static_cast<std::ptrdiff_t>(partial.inside_out.size()), inside.end(),
                extents.end() - static_cast<std::ptrdiff_t>(partial.inside_out.size()));
      for (const Sizes& of : cut)
        if (of.in_chunks) as_in_full(nest, of.dimension, inside, extents);
      all.push_back({std::round(count), model_detail::ragged_traffic(nest, smaller_, hierarchy_, extents)});
    }
    return all;
  }

  /// From the lanes of a dimension inwards its tiles are those of a full chunk.
  static void as_in_full(const Nest& nest, int d, const std::vector<Extents>& full, std::vector<Extents>& extents) {
    bool lanes = false;
    for (std::size_t i = 0; i < nest.nodes.size(); ++i) {
      const auto* here = std::get_if<SpatialLoop>(&nest.nodes[i]);
      lanes = lanes || (here != nullptr && here->dimension == d);
      if (lanes) extents[i][at_(d)] = full[i][at_(d)];
    }
  }

  /// Whether a tensor's node at a level is still to come, or its tile has not moved for good.
  [[nodiscard]] bool unsettled(int t, int level, const State& state) const {
    if (!kept(t, level)) return false;
    if (level < state.level || (level == state.level && (state.placed >> t & 1U) == 0)) return true;
    return std::any_of(state.open.begin(), state.open.end(),
                       [&](const OpenNode& node) { return node.tensor == t && node.level == level; });
  }

  /// Energy that one tensor costs at least, whatever is placed around a partial nest: what is paid inside its innermost unsettled
  /// node recurs with every iteration outside; further out every word passes once. Psums: what starts from zero is no more than
  /// once per iteration outside, so reads are no fewer. `lanes_to_come`: those of fanouts of levels below this.
  [[nodiscard]] double least_of(int t, const State& state, const Scored& scored, int lanes_to_come) const {
    int settled = 0;
    for (int l = 1; l < hierarchy_.level_count(); ++l)
      if (unsettled(t, l, state)) settled = l;
    double least = 0;
    for (const Tiles& tiles : scored) {
      double recurs = 0;
      for (int l = settled; l < hierarchy_.level_count(); ++l) {
        const Traffic& traffic = tiles.moved.counts.levels[at_(l)][at_(t)];
        const double reads = static_cast<double>(traffic.reads.value()) * (l == settled ? least_shared(t, l, lanes_to_come) : 1);
        recurs += reads * read_energy(l, t) + static_cast<double>(traffic.updates.value()) * write_energy(l, t);
        if (l == settled) continue;
        recurs += static_cast<double>(traffic.fills.value()) * write_energy(l, t);
        if (hierarchy_.level(l).drain_reads) recurs += static_cast<double>(traffic.drains.value()) * read_energy(l, t);
      }
      least += recurs * tiles.count;
    }
    int parent = 0;
    for (int l = 1; l <= settled; ++l) {
      if (!kept(t, l)) continue;
      least += words_[at_(t)] * (layer_.is_output(t) ? write_energy(parent, t) : read_energy(parent, t) + write_energy(l, t));
      parent = l;
    }
    return least;
  }

  /// Lanes along a halo share words of the MACs' reads; loops that come between them can make that more: all lanes but the widest
  /// dimension's at most.
  [[nodiscard]] double least_shared(int t, int parent, int lanes_to_come) const {
    double factor = 1;
    if (layer_.is_output(t)) return factor;
    for (const Rank& rank : layer_.tensors[at_(t)].ranks) {
      if (rank.size() < 2) continue;
      double all = 1;
      double widest = 1;
      bool to_come = false;
      for (const Term& term : rank) {
        double lanes = 1;
        for (int l = parent; l < hierarchy_.level_count(); ++l) {
          const Unrolled& of = job_.lanes[at_(l)][at_(term.dimension)];
          lanes *= static_cast<double>(of.x * of.y);
          to_come = to_come || (l < lanes_to_come && of.x * of.y > 1);
        }
        all *= lanes;
        widest = std::max(widest, lanes);
      }
      if (to_come) factor *= widest / all;
    }
    return factor;
  }

  // -- the states of a job, from the MAC outwards ---------------------------------------------------------------------------

  using Key = std::vector<std::int64_t>;

  void solve() {
    agenda_.clear();
    visit(innermost());
    while (!agenda_.empty() && !done()) {
      const std::vector<Partial> partials = std::move(agenda_.begin()->second);
      agenda_.erase(agenda_.begin());
      for (const Partial& partial : partials) {
        place_loops(partial);
        place_nodes(partial);
      }
    }
  }

  /// States that come later have greater keys.
  [[nodiscard]] Key key_of(const State& state) const {
    Key key = {hierarchy_.level_count() - state.level, state.placed, static_cast<std::int64_t>(-product(state.left))};
    key.insert(key.end(), state.left.begin(), state.left.begin() + layer_.dimension_count());
    key.insert(key.end(), state.extents.begin(), state.extents.begin() + layer_.dimension_count());
    key.insert(key.end(), state.cut.begin(), state.cut.begin() + layer_.dimension_count());
    key.push_back(state.even);
    key.insert(key.end(), state.order.begin(), state.order.end());
    for (const OpenNode& node : state.open) {
      key.push_back(node.tensor * kMaxLevels + node.level);
      if (std::all_of(node.moved.begin(), node.moved.end(), [](std::int64_t by) { return by == 0; })) continue;
      key.insert(key.end(), node.moved.begin(), node.moved.end());
      key.insert(key.end(), node.tile.begin(), node.tile.end());
    }
    return key;
  }

  void visit(Partial partial) {
    const State& state = partial.state;
    const Nest nest = complete(partial);
    if (!within_halo_rule(nest, layer_)) return;
    if (state.level == 0 && product(state.left) == 1) {
      finish(nest);
      return;
    }
    ++result_.labels;
    const Scored tiles = scored(partial, nest);
    double energy = static_cast<double>(macs(layer_)) * hierarchy_.compute.mac_energy;
    for (int t = 0; t < layer_.tensor_count(); ++t) energy += least_of(t, state, tiles, state.level);
    double steps = 0;
    for (const Tiles& of : tiles) steps += static_cast<double>(of.moved.steps.all) * of.count;
    if (excluded(energy, steps)) return;
    partial.costs = costs_of(partial, tiles);
    std::vector<Partial>& equals = agenda_[key_of(state)];
    for (const Partial& other : equals)
      if (no_dearer(other, partial)) return;
    std::erase_if(equals, [&](const Partial& other) { return no_dearer(partial, other); });
    equals.push_back(std::move(partial));
  }

  static bool no_dearer(const Partial& a, const Partial& b) {
    for (std::size_t i = 0; i < a.costs.size(); ++i)
      if (a.costs[i] > b.costs[i]) return false;
    return true;
  }

  [[nodiscard]] std::vector<double> costs_of(const Partial& partial, const Scored& scored) const {
    std::vector<double> costs;
    for (const Tiles& tiles : scored) {
      const std::vector<double> each = recurring_costs(tiles.moved);
      costs.resize(each.size());
      for (std::size_t i = 0; i < each.size(); ++i) costs[i] += each[i] * tiles.count;
    }
    if (limited_) {  // at the beginning and the end, where tiles are full
      const Moved& full = scored.front().moved;
      for (const model_detail::Port& port : full.ports) {
        costs.push_back(static_cast<double>(port.first_fill.value()));
        costs.push_back(static_cast<double>(port.last_drain.value()));
        costs.push_back(port.meeting.used_after_reads);
        costs.push_back(port.meeting.used_after_writes);
        costs.push_back(port.meeting.used_before_writes);
      }
      // What single buffers still to be placed, or moved, will owe at each of their tiles.
      for (const auto& of_tensor : full.ends)
        for (const model_detail::Ends& ends : of_tensor) {
          costs.push_back(static_cast<double>(ends.fill.value()));
          costs.push_back(static_cast<double>(ends.drain.value()));
        }
    }
    costs.insert(costs.end(), partial.room.begin(), partial.room.end());
    return costs;
  }

  /// Of one tile: energy, words and waiting.
  [[nodiscard]] std::vector<double> recurring_costs(const Moved& moved) const {
    const Evaluation evaluation = model_detail::evaluation_of(moved, layer_, hierarchy_);
    std::vector<double> costs = {evaluation.energy.value() - evaluation.leakage_energy.value()};
    if (!limited_) return costs;
    for (const model_detail::Port& port : moved.ports) {
      for (const Words words : {port.reads, port.writes, port.mac_reads}) costs.push_back(static_cast<double>(words.value()));
      for (const Cycles cycles : {port.filling, port.draining, port.anew}) costs.push_back(static_cast<double>(cycles.value()));
    }
    return costs;
  }

  void finish(const Nest& nest) {
    if (!legal(nest, layer_, hierarchy_) || !within_cut_rule(nest, layer_)) return;
    for (const Constraint& constraint : options_.constraints)
      if (!obeys(nest, constraint, layer_)) return;
    const Evaluation evaluation = evaluate(nest, layer_, hierarchy_);
    if (score_of(options_.objective, evaluation).value < value_) result_.better = nest;
  }

  // -- one node more --------------------------------------------------------------------------------------------------------

  void place_loops(const Partial& partial) {
    for (int d = 0; d < layer_.dimension_count(); ++d) {
      const std::int64_t left = partial.state.left[at_(d)];
      if (left == 1 || dealt_further_out(d, partial.state.level)) continue;
      if (cut_in_chunks(d) > 0) {
        place_chunks(partial, d);
        continue;
      }
      for (std::int64_t p = 2; p <= left && partial.state.cut[at_(d)] == 0; ++p)
        if (left % p == 0 && prime(p)) place_loop(partial, d, p, {});
      if ((partial.state.even >> d & 1U) == 0 && may_cut(d)) place_cuts(partial, d);
    }
  }

  /// The mapspace's rule: not beside short chunks, and not where tiles of a tensor with a halo are kept sliding.
  [[nodiscard]] bool may_cut(int d) const {
    if (options_.mapspace.remainders != Remainders::loops) return false;
    for (int other = 0; other < layer_.dimension_count(); ++other)
      if (cut_in_chunks(other) > 0) return false;
    for (const auto& level : job_.lanes)
      if (level[at_(d)].chunk > 0) return false;
    const auto& levels = hierarchy_.levels;
    if (std::none_of(levels.begin(), levels.end(), [](const Level& of) { return of.retention == Retention::sliding; }))
      return true;
    for (int t = 0; t < layer_.output(); ++t) {
      const auto& ranks = layer_.tensors[at_(t)].ranks;
      if (layer_.relevant(t, d) && std::any_of(ranks.begin(), ranks.end(), [](const Rank& rank) { return rank.size() > 1; }))
        return false;
    }
    return true;
  }

  /// Iterations of the last tile of those that a chunk is cut into.
  static std::int64_t last_tile(std::int64_t chunk, std::int64_t tile) { return chunk - (ceil_divide(chunk, tile) - 1) * tile; }

  /// Loops that make tiles which do not divide a chunk, or the one that makes the chunk of them.
  void place_cuts(const Partial& partial, int d) {
    const std::int64_t tile = partial.state.extents[at_(d)];
    const std::int64_t bound = temporal_[at_(d)];  // of one lane
    const auto cut = [&](std::int64_t chunk) {
      for (std::int64_t around = 2 * tile; around < chunk; around += tile) {
        const std::int64_t tiles = ceil_divide(chunk, around);
        const bool as_few = ceil_divide(chunk, tiles) == around;
        if (chunk % around != 0 && as_few && last_tile(chunk, around) > tile)
          place_loop(partial, d, around / tile, {around, bound / chunk * tiles, chunk});
      }
    };
    if (const std::int64_t chunk = partial.state.cut[at_(d)]; chunk > 0) {
      cut(chunk);
      place_loop(partial, d, ceil_divide(chunk, tile), {chunk, bound / chunk, 0});
      return;
    }
    for (std::int64_t chunk = 2 * tile; chunk <= bound; chunk += tile)
      if (bound % chunk == 0) cut(chunk);
  }
  /// Loops over chunks, the last of which is short: of so many that tiles are whole chunks.
  void place_chunks(const Partial& partial, int d) {
    const std::int64_t whole = whole_of(d);
    const std::int64_t chunk = dealt(d)->chunk;
    const std::int64_t chunks = ceil_divide(whole, chunk);
    const std::int64_t before = chunks / partial.state.left[at_(d)];  // in a tile
    for (std::int64_t after = 2 * before; after <= chunks; after += before) {
      if (chunks % after != 0 || (before == 1 && after == 2 && idles(whole, *dealt(d)))) continue;
      if (after == chunks)
        place_loop(partial, d, after / before, {whole, 1, 0});
      else if (ceil_divide(whole, chunks / after) == after * chunk)
        place_loop(partial, d, after / before, {after * chunk, chunks / after, whole});
    }
  }
  static bool prime(std::int64_t n) {
    for (std::int64_t p = 2; p * p <= n; ++p)
      if (n % p == 0) return false;
    return true;
  }
  [[nodiscard]] bool dealt_further_out(int d, int level) const {
    for (int l = 0; l < level; ++l)
      if (job_.lanes[at_(l)][at_(d)].chunk > 0) return true;
    return false;
  }

  /// What a loop makes of its dimension.
  struct After {
    std::int64_t extent = 0;  ///< 0: so many times as much as before
    std::int64_t left = 0, cut = 0;
  };

  void place_loop(Partial partial, int d, std::int64_t count, const After& after) {
    State& state = partial.state;
    for (std::size_t o = 0; o < orders_.size(); ++o) {
      const std::vector<int>& order = orders_[o].dimensions;
      const auto place = std::find(order.begin(), order.end(), d) - order.begin();
      if (orders_[o].level != state.level || place == static_cast<std::ptrdiff_t>(order.size())) continue;
      if (place > state.order[o]) return;
      state.order[o] = place;
    }
    partial.inside_out.emplace_back(Loop{d, count});
    for (const OpenNode& node : state.open)
      if (std::all_of(node.moved.begin(), node.moved.end(), [](std::int64_t by) { return by == 0; })) keep_even(node, d, state);
    if (has_cut(state)) return;
    for (OpenNode& node : state.open) {
      const Tensor& tensor = layer_.tensors[at_(node.tensor)];
      for (std::size_t r = 0; r < tensor.ranks.size(); ++r)
        for (const Term& term : tensor.ranks[r])
          if (term.dimension == d) node.moved[r] += term.coefficient * state.extents[at_(d)] * (count - 1);
    }
    state.left[at_(d)] = after.extent > 0 ? after.left : state.left[at_(d)] / count;
    state.extents[at_(d)] = after.extent > 0 ? after.extent : state.extents[at_(d)] * count;
    state.cut[at_(d)] = after.cut;
    if (has_cut(state)) return;
    std::erase_if(state.open, [&](const OpenNode& node) { return moves_for_good(node, state); });
    visit(std::move(partial));
  }

  /// Whether tiles do not divide along a dimension where they must.
  [[nodiscard]] bool has_cut(const State& state) const {
    for (int d = 0; d < layer_.dimension_count(); ++d)
      if ((state.even >> d & 1U) != 0 && (state.cut[at_(d)] > 0 || (cut_in_chunks(d) > 0 && state.left[at_(d)] > 1))) return true;
    return false;
  }

  /// The cut rule along halos, for a node that a loop over `d` is the first to move: no loop from here on may leave a remainder
  /// of a dimension whose loops could, in a short tile, undo a step of another.
  void keep_even(const OpenNode& node, int d, State& state) const {
    if (layer_.is_output(node.tensor) || options_.mapspace.remainders != Remainders::loops) return;
    for (const Rank& rank : layer_.tensors[at_(node.tensor)].ranks) {
      if (rank.size() < 2 || std::none_of(rank.begin(), rank.end(), [&](const Term& term) { return term.dimension == d; }))
        continue;
      std::vector<Term> runs;  // by how much each step moves the tile
      bool lanes_outside = false;
      for (const Term& term : rank) {
        for (int l = 0; l < node.level; ++l) {
          const Unrolled& of = job_.lanes[at_(l)][at_(term.dimension)];
          lanes_outside = lanes_outside || of.x * of.y > 1;
        }
        if (state.left[at_(term.dimension)] > 1)
          runs.push_back({term.dimension, term.coefficient * state.extents[at_(term.dimension)]});
      }
      const auto undone = [&](const Term& a, const Term& by) {
        return a.coefficient % by.coefficient == 0 && state.left[at_(by.dimension)] % (a.coefficient / by.coefficient + 1) == 0;
      };
      for (const Term& a : runs)
        for (const Term& by : runs) {
          if (&a == &by) continue;
          const bool at_all = lanes_outside || runs.size() > 2 || undone(a, by) || undone(by, a);
          const bool in_short =
              a.coefficient % by.coefficient == 0 && a.coefficient / by.coefficient < state.left[at_(by.dimension)];
          if (at_all || in_short) state.even |= 1U << by.dimension;
        }
    }
  }

  /// Whether every iteration outside brings a whole new tile: no loop to come can leave it in place, or (R2) in part.
  [[nodiscard]] bool moves_for_good(const OpenNode& node, const State& state) const {
    const Tensor& tensor = layer_.tensors[at_(node.tensor)];
    const bool sliding = hierarchy_.level(node.level).retention == Retention::sliding;
    int moved = 0;
    bool undone = false;  // by loops to come along the same rank
    for (std::size_t r = 0; r < tensor.ranks.size(); ++r) {
      if (node.moved[r] == 0) continue;
      if (tensor.ranks[r].size() == 1) return true;
      ++moved;
      for (const Term& term : tensor.ranks[r]) undone = undone || state.left[at_(term.dimension)] > 1;
    }
    return moved > 0 && !sliding && (moved > 1 || !undone);
  }

  void place_nodes(const Partial& partial) {
    const State& state = partial.state;
    if (state.level == 0) return;
    const std::uint32_t missing = kept_at(state.level) & ~state.placed;
    if (!options_.mapspace.uneven) {
      place(partial, missing);
      return;
    }
    for (int t = 0; t < layer_.tensor_count(); ++t)
      if ((missing >> t & 1U) != 0) place(partial, 1U << t);
  }

  void place(Partial partial, std::uint32_t tensors) {
    State& state = partial.state;
    const Level& level = hierarchy_.level(state.level);
    Store store{{}, state.level};
    for (int t = 0; t < layer_.tensor_count(); ++t) {
      if ((tensors >> t & 1U) == 0) continue;
      const Tensor& tensor = layer_.tensors[at_(t)];
      store.tensors.push_back(t);
      for (const Constraint& c : options_.constraints)
        for (std::size_t k = 0; k < c.extents.size(); ++k)
          if (c.kind == Constraint::Kind::tile && c.level == state.level && concerns(c, t, k, layer_) &&
              state.extents[at_(c.dimensions[k])] != c.extents[k])
            return;
      const double words = static_cast<double>(tile_words(tensor, state.extents, hierarchy_.footprint)) *
                           static_cast<double>(room_per_word(level, tensor));
      for (std::size_t p = 0; p < level.partitions.size(); ++p) {
        if (!at(level.partitions[p].holds, tensor.role)) continue;
        partial.room[p] += words;
        if (partial.room[p] > static_cast<double>(level.partitions[p].capacity_words)) return;
      }
      OpenNode node{t, state.level, {}, std::vector<std::int64_t>(tensor.ranks.size(), 0)};
      for (int d = 0; d < layer_.dimension_count(); ++d)
        if (layer_.relevant(t, d)) node.tile.push_back(state.extents[at_(d)]);
      state.open.insert(std::upper_bound(state.open.begin(), state.open.end(), node), node);
    }
    partial.inside_out.emplace_back(store);
    state.placed |= tensors;
    if (state.placed == kept_at(state.level)) go_out(partial, state.level - 1);
    if (has_cut(state)) return;
    visit(std::move(partial));
  }

  const Layer& layer_;
  Layer smaller_;  ///< of the iterations that a partial nest covers
  Hierarchy hierarchy_;
  const SearchOptions& options_;
  double value_;
  const std::stop_token& stop_;
  Clock::time_point start_;
  std::vector<double> words_;  ///< of each tensor
  std::vector<Constraint> orders_;
  bool limited_ = false;  ///< some bandwidth is
  double leakage_ = 0;
  double compulsory_ = 0;  ///< energy of the MACs, and of every word once past the outermost level
  Job job_;
  Extents temporal_{};
  std::set<std::vector<std::int64_t>> seen_;
  std::map<Key, std::vector<Partial>> agenda_;
  Recheck result_;
};

}  // namespace

Recheck recheck(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options, double value,
                const std::stop_token& stop) {
  return Rechecker(layer, narrowed(hierarchy, options.constraints, layer), options, value, stop).run();
}

Recheck recheck(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options, const SolvedJob& solved,
                const std::stop_token& stop) {
  return Rechecker(layer, narrowed(hierarchy, options.constraints, layer), options, solved.bound, stop).run(solved);
}

}  // namespace tilepath
