#include "lattice.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tilepath/mapping/tile.hpp"

namespace tilepath::search_detail {

namespace {

template <class Integer>
constexpr std::size_t index(Integer i) {
  return static_cast<std::size_t>(i);
}

/// Ten bits a tensor: the levels at which it is open.
using Open = std::uint64_t;
Open open_bit(int tensor, int level) { return Open{1} << (tensor * kMaxLevels + level); }
Open open_mask(int tensor) { return ((Open{1} << kMaxLevels) - 1U) << (tensor * kMaxLevels); }
/// The bits above say how far out an ordered level's loops have come: the place in the order of the last one placed, 0 = none
/// yet.
constexpr int kOrderBit = kMaxLevels * kMaxTensors;
constexpr Open kNodes = (Open{1} << kOrderBit) - 1U;
static_assert(kOrderBit + 4 <= 64 && kMaxDimensions < 16);

/// Every role lies in at most one partition.
constexpr int kMaxPartitions = kRoles;

/// How a tensor is kept, as far as what comes further out can tell: a bit for the level of its next node and, of the output,
/// whose visits save reads further in, for all levels inside that keep it; of an operand, whether any does.
using Chain = std::uint16_t;
constexpr Chain kInside = 1U << 15U;
using Chains = std::array<Chain, kMaxTensors>;
int next_of(Chain chain) { return std::countr_zero(chain); }

/// A node whose tile has moved along halo ranks only: it may yet stay in place, or keep an overlap.
struct Slide {
  int tensor = 0, level = 0;
  std::size_t table = 0;                         ///< of its prices
  std::int64_t tile = 0;                         ///< the tensor's own part of the shape at which the node stands
  std::array<std::int64_t, kMaxRanks> resets{};  ///< by how much the loops since then move back, per rank, when they start anew
  friend auto operator<=>(const Slide&, const Slide&) = default;
};

/// For what a label remembers of several of them.
struct SlidesHash {
  std::size_t operator()(const std::vector<Slide>& slides) const {
    std::uint64_t hash = 0;
    const auto add = [&](std::int64_t number) { hash = (hash ^ static_cast<std::uint64_t>(number)) * 0x9e3779b97f4a7c15U; };
    for (const Slide& slide : slides) {
      add(slide.tensor * kMaxLevels + slide.level);
      add(static_cast<std::int64_t>(slide.table));
      add(slide.tile);
      for (const std::int64_t reset : slide.resets) add(reset);
      hash ^= hash >> 32U;
    }
    return hash;
  }
};

/// The levels whose nodes are placed; what is known of those further out.
struct Scope {
  int innermost = kMaxLevels;
  const OuterEnergy* outer = nullptr;  ///< of the nodes of levels up to `Problem::outer_level`; null: nothing known
  Nearest from{};                      ///< where the nodes of each tensor start; with `innermost`
  const std::array<Ladder, kMaxDimensions>* bands = nullptr;  ///< by which dimensions go, instead of tiles: for a bound
  bool tells_keeps = false;                                   ///< labels tell apart which levels keep each tensor
  std::optional<Least> rated = {};  ///< what is known to be least; energy counts for more by what waiting costs
};

/// Which parts of a cost labels count: energy alone (or with it the waiting, at a rate); besides, waiting and the ports that are
/// watched; or all that there are.
enum class Counted : std::uint8_t { energy, waiting, all };

/// Grows by blocks that stay where they are: millions of labels are never copied, nor kept twice meanwhile.
template <class T>
class Blocks {
 public:
  T& operator[](std::size_t at) { return blocks_[at / kBlock][at % kBlock]; }
  const T& operator[](std::size_t at) const { return blocks_[at / kBlock][at % kBlock]; }
  [[nodiscard]] std::size_t size() const { return size_; }
  void push_back(const T& one) {
    if (size_ == blocks_.size() * kBlock) blocks_.push_back(std::make_unique_for_overwrite<T[]>(kBlock));
    (*this)[size_++] = one;
  }
  /// Keeps the memory.
  void clear() { size_ = 0; }

 private:
  static constexpr std::size_t kBlock = 256;
  std::vector<std::unique_ptr<T[]>> blocks_;
  std::size_t size_ = 0;
};

/// `K`: at most so many parts.
template <Counted kCounted, std::size_t K>
class Lattice : public Look {
  static constexpr bool kWaits = kCounted == Counted::waiting;
  static constexpr bool kAll = kCounted == Counted::all;

 public:
  Lattice(const Problem& problem, const Prices& prices, const Keeping& keeping, const Scope& scope, const Patience& patience,
          Workspace& workspace)
      : scope_(scope),
        problem_(problem),
        layer_(problem.layer),
        hierarchy_(problem.hierarchy),
        prices_(prices),
        keeping_(keeping),
        fixed_(keeping.fixed()),
        patience_(patience),
        workspace_(workspace) {
    if constexpr (kAll) {
      scored_ = static_cast<std::size_t>(problem.parts.count);
      parts_ = static_cast<std::size_t>(problem.parts.label_count);
    }
    if constexpr (kWaits) {
      part_ = {kEnergy, kWaiting};
      for (const int port : problem.watched) part_[parts_++] = static_cast<std::size_t>(port);
      scored_ = parts_;
    }
    pace_ = kAll ? prices.pace() : problem.pace(prices.steps());
    left_.fill(1);
    for (int d = 0; d < layer_.dimension_count(); ++d)
      for (int t = 0; t < layer_.tensor_count(); ++t)
        if (prices.relevant(t, d)) {
          relevant_[index(d)] |= 1U << t;
          moves_[index(d)] |= open_mask(t);
        }
    for (const Tensor& tensor : layer_.tensors)
      for (const Rank& rank : tensor.ranks)
        for (const Term& term : rank)
          if (rank.size() > 1) along_halos_ |= 1U << term.dimension;
    steps_of_parts_ = prices.steps();
    for (const std::int64_t left : prices.temporal()) steps_of_parts_ /= static_cast<double>(left);
    set_dimensions();
    set_tables();
    set_relaxed();
    least_cycles_ = problem_.score_cycles(relaxed_, pace_);
    if (scope_.rated) set_rate();
    blocks_per_phase_ = index(shapes_ + 63) / 64;
    commutes_ = std::none_of(problem_.constraints.begin(), problem_.constraints.end(), [](const Constraint& constraint) {
      return constraint.kind == Constraint::Kind::order || constraint.kind == Constraint::Kind::tile;
    });
  }

  /// With Scope::innermost: where the nodes of each tensor start from now on.
  void start_from(const Nearest& nearest) {
    scope_.from = nearest;
    for (auto& of_tensor : least_by_nearest_) of_tensor.clear();
  }

  LatticeOutcome below(const Score& limit) override {
    begin(limit);
    start();
    // Nodes lead to phases further on, loops to shapes of higher numbers.
    for (const std::vector<std::uint32_t>& phases : agenda_)
      for (const std::uint32_t phase : phases)
        for (std::size_t block = 0; block < blocks_per_phase_; ++block)
          for (std::uint64_t done = 0;;) {
            const std::int32_t at = block_of(phase, block);
            const std::uint64_t left = at < 0 ? 0 : workspace_.blocks[index(at)].occupied & ~done;
            if (left == 0) break;
            const int bit = std::countr_zero(left);
            done |= (std::uint64_t{2} << bit) - 1U;
            if (!expand_all(phase, static_cast<std::int64_t>(block) * 64 + bit)) {
              outcome_.finished = false;
              return finish();
            }
          }
    return finish();
  }

  Least apart() override {
    begin({});
    const bool whole = scope_.innermost == kMaxLevels;
    std::array<ByLevel, kMaxTensors> inner;
    for (int t = 0; t < layer_.tensor_count(); ++t) {
      ByLevel& least = inner[index(t)];
      least.fill(std::numeric_limits<double>::infinity());
      if (!whole) least = least_by_nearest(t, first_chain(t));
      for (int level = 0; whole && level < hierarchy_.level_count(); ++level) {  // the innermost that keeps it
        if (!may_follow(t, hierarchy_.level_count(), level)) continue;
        const auto chain = static_cast<Chain>(1U << level);
        const double first = least_at_macs(t, level);
        const ByLevel& further = least_by_nearest(t, chain);
        for (std::size_t n = 0; n < least.size(); ++n) least[n] = std::min(least[n], first + further[n]);
      }
    }
    return {(whole ? prices_.mac_energy() : 0) + least_together(inner), least_cycles_};
  }

  /// The least energy when all nodes stand together, if they are of one level and wide ones: no less than that of all nests.
  double least_even() {
    begin({});
    double best = std::numeric_limits<double>::infinity();
    each_start([&](const Label& label) {
      std::vector<std::uint32_t> phases = {label.phase};
      if (const Phase& first = phase_of(label.phase); wide(first.level)) {
        Chains chains = first.chains;
        for (int t = 0; t < layer_.tensor_count(); ++t)
          if ((first.missing >> t & 1U) != 0)
            chains[index(t)] = chain_after(t, chains[index(t)], problem_.level_of(scope_.from[index(t)]));
        phases.push_back(enter(chains));
      }
      const Phase& last = phase_of(phases.back());
      for (int t = 0; t < layer_.tensor_count(); ++t)
        if (const int level = next_of(last.chains[index(t)]); level > 0 && (level < last.level || !may_follow(t, level, 0)))
          return;
      for (std::int64_t shape = 0; shape < shapes_; ++shape) {
        if (++visited_ % 1024 == 0 && patience_.over()) return;
        set_shape(shape);
        double sum = 0;
        Waiting waiting;
        for (const std::uint32_t number : phases) {
          const Phase& phase = phase_of(number);
          if (room_left(phase) < 0) sum = std::numeric_limits<double>::infinity();
          waiting.tensors |= phase.missing;
          for (std::uint32_t left = phase.missing; left != 0; left &= left - 1) {
            const int t = std::countr_zero(left);
            const int parent = wide(phase.level) ? problem_.level_of(scope_.from[index(t)]) : 0;
            const NodePrice& price = node_price(t, phase.level, table_of(t, phase.level, parent, phase.chains[index(t)]));
            sum += price.once[kEnergy];
            waiting.owed[index(t)] += price.energy;
          }
        }
        if (sum < best) best = std::min(best, sum + least_of(waiting));
      }
    });
    return best;
  }

 private:
  /// Forgets the labels; prices stay as they are.
  void begin(const Score& limit) {
    best_ = limit;
    set_limit();
    phases_.clear();
    phase_blocks_.clear();
    phase_number_.clear();
    agenda_.assign(index((hierarchy_.level_count() + 1) * (kMaxTensors + 1)), {});
    labels_.clear();
    memories_.assign(1, {});
    memory_of_.clear();
    best_label_ = -1;
    best_order_.clear();
    least_with_.clear();
    outcome_ = {};
    workspace_.used = 0;
  }

  /// The labels of one phase and shape; false when patience runs out.
  bool expand_all(std::uint32_t phase, std::int64_t shape) {
    set_shape(shape);
    const std::int32_t first = head(phase, shape).label();
    const std::int64_t left = room_left(phase_of(phase));
    for (std::int32_t at = first; at >= 0; at = labels_[index(at)].next) {
      if (++visited_ % 1024 == 0) {
        outcome_.too_many = outcome_.labels_kept > patience_.most_labels;
        if (outcome_.too_many || patience_.over()) return false;
      }
      if (labels_[index(at)].used > left || outdone(at, first))
        ++outcome_.labels_pruned;
      else
        expand(phase, at);
    }
    return true;
  }

  using Vector = std::array<double, K>;

  /// With one cost it fills a cache line.
  struct alignas(K == 1 ? 64 : alignof(double)) Label {
    Vector cost{};
    Open open = 0;
    std::int64_t used = 0;     ///< words of the level's shared partition that the nodes placed so far take
    std::uint32_t slides = 0;  ///< index into memories_; 0 = none
    std::int32_t next = -1;    ///< of the same phase and shape
    std::int64_t shape = 0;
    std::int32_t from = -1;  ///< the label it was built from
    std::uint32_t phase = 0;
    std::int32_t count = 0;  ///< what was placed: a loop of so many iterations …
    std::int16_t dimension = -1;
    std::uint16_t stored = 0;  ///< … or nodes: a bit per tensor
    std::uint16_t even = 0;    ///< dimensions, a bit each, of which no loop may leave a remainder
    std::uint16_t settled_dimensions = 0, settled_tensors = 0;  ///< what need not be placed next, a bit each: see commute
  };
  static_assert(K != 1 || sizeof(Label) == 64);

  /// What every look at a label reads stands first.
  struct NodePrice {
    bool known = false;
    double energy = 0;  ///< of one visit, on average, now or once more chunks stand inside: at least
    std::int64_t words = 0;
    double tiles = 1;  ///< where remainders make the tiles uneven: `per_visit` is for so many of them together
    Vector per_visit{}, once{};
    double fill_anew = 0, drain_anew = 0, first_visits = 0;
  };

  /// See Prices::uses.
  struct Use {
    std::size_t part = 0;
    Open nodes = 0;
    double words_per_step = 0;  ///< that the port could carry
  };

  /// What one node costs at each tile, given its parent (and of an output the nodes inside).
  struct Table {
    const Prices* prices = nullptr;
    Cost least{};  ///< whatever the tile
    std::vector<NodePrice> entries;
  };

  /// The nodes that are placed, as far as what comes further out can tell.
  struct Phase {
    int level = 0;  ///< whose nodes are being placed; 0: none are left
    /// The partition of the level in which two or more kept tensors share room, if there is exactly one such; -1 none, -2
    /// several.
    int shared = -1;
    Chains chains{};
    std::uint32_t missing = 0;  ///< tensors whose node at this level is still to come
    std::uint32_t barred = 0;   ///< dimensions, a bit each, that no loop may take here
    Open placed_so_far = 0;     ///< nodes, where the keeping is fixed
    Cost rest{};                ///< least cost of all that is not placed yet
    std::array<std::array<std::uint32_t, kMaxLevels>, kMaxTensors>
        after{};  ///< phase when one node is placed, by its parent; 0 = not known
  };

  // -- the lattice --------------------------------------------------------------------------------------------------------

  struct Axis {
    int dimension = 0;
    const Ladder* ladder = nullptr;    ///< of what the lanes leave
    const Deal* short_deal = nullptr;  ///< of a dimension whose last chunk is short; rungs are numbers of chunks
    std::int64_t stride = 1;           ///< of the shape number
    std::size_t at = 0;                ///< rung of the current shape

    [[nodiscard]] const Rung& rung(std::size_t number) const { return (*ladder)[number]; }
    [[nodiscard]] const Rung& rung() const { return rung(at); }
  };

  /// That of the problem for dimension `d`; null: its tiles divide, or it is dealt.
  [[nodiscard]] const Ladder* shared_ladder(int d) const {
    if (scope_.bands != nullptr) return (*scope_.bands)[index(d)].empty() ? nullptr : &(*scope_.bands)[index(d)];
    if (prices_.job().deals[index(d)].dealt() || prices_.job().ends_short()) return nullptr;
    const auto& ladders = problem_.ragged[index(d)];
    const auto found = ladders.find(prices_.temporal()[index(d)]);
    return found == ladders.end() ? nullptr : &found->second;
  }

  void set_dimensions() {
    const Extents& temporal = prices_.temporal();
    for (int d = 0; d < layer_.dimension_count(); ++d) {
      if (temporal[index(d)] == 1) continue;
      Axis axis;
      axis.dimension = d;
      const Deal& deal = prices_.job().deals[index(d)];
      axis.ladder = shared_ladder(d);
      if (axis.ladder == nullptr) {
        own_ladders_[index(d)] = deal.dealt() ? chunk_ladder(deal) : perfect_ladder(temporal[index(d)]);
        axis.ladder = &own_ladders_[index(d)];
        if (deal.ends_short()) {
          axis.short_deal = &deal;
          ends_short_ = true;
        }
      } else {
        ragged_at_all_ = true;
        bands_along_halos_ = bands_along_halos_ || (scope_.bands != nullptr && has(along_halos_, d));
      }
      axis.stride = shapes_;
      shapes_ *= static_cast<std::int64_t>(axis.ladder->size());
      axes_.push_back(std::move(axis));
    }
    for (const Symmetry& symmetry : problem_.symmetries) {
      auto& strides = image_strides_.emplace_back();
      for (const Axis& axis : axes_)
        for (const Axis& image : axes_)
          if (image.dimension == symmetry[index(axis.dimension)]) strides.push_back(image.stride);
    }
    for (int t = 0; t < layer_.tensor_count(); ++t) {
      auto& strides = tile_strides_[index(t)];
      std::int64_t tiles = 1;
      for (const Axis& axis : axes_) {
        const bool relevant = (relevant_[index(axis.dimension)] >> t & 1U) != 0;
        strides.push_back(relevant ? tiles : 0);
        if (relevant) tiles *= static_cast<std::int64_t>(axis.ladder->size());
      }
      // Whether all lanes still have work depends on whether a chunk stands alone, even where it is irrelevant.
      auto& alone = chunk_strides_[index(t)];
      for (const Axis& axis : axes_) {
        const bool told = tells_chunks_apart(axis, t);
        alone.push_back(told ? tiles : 0);
        if (told) tiles *= 2;
      }
      tiles_[index(t)] = tiles;
      visits_[index(t)].resize(index(tiles));
      slidable_[index(t)].resize(index(tiles));
    }
  }

  /// Whether the nodes of a tensor inside the lanes of a dimension have fewer copies in the last chunk.
  [[nodiscard]] bool tells_chunks_apart(const Axis& axis, int t) const {
    return axis.short_deal != nullptr && axis.short_deal->idles() && (relevant_[index(axis.dimension)] >> t & 1U) == 0;
  }
  /// … and a node at `level`, open at the current shape, is such a one, with chunks that stand alone.
  [[nodiscard]] bool has_idle_copies(const Axis& axis, int t, int level) const {
    return axis.at == 0 && tells_chunks_apart(axis, t) && level > axis.short_deal->fanout;
  }

  /// Make `shape` the current one: extents, iterations outside, each tensor's own part.
  void set_shape(std::int64_t shape) {
    shape_ = shape;
    extents_.fill(1);
    outside_ = 1;
    steps_inside_ = steps_of_parts_;
    tile_.fill(0);
    for (std::size_t a = axes_.size(); a-- > 0;) {
      Axis& axis = axes_[a];
      axis.at = index(shape / axis.stride);
      shape -= static_cast<std::int64_t>(axis.at) * axis.stride;
      extents_[index(axis.dimension)] = axis.rung().extent;
      left_[index(axis.dimension)] = static_cast<double>(axis.rung().tiles);
      outside_ *= left_[index(axis.dimension)];
      steps_inside_ *= static_cast<double>(axis.rung().extent);
      for (std::uint32_t tensors = relevant_[index(axis.dimension)]; tensors != 0; tensors &= tensors - 1) {
        const auto t = index(std::countr_zero(tensors));
        tile_[t] += static_cast<std::int64_t>(axis.at) * tile_strides_[t][a];
      }
      if (axis.short_deal != nullptr && axis.at > 0)
        for (std::size_t t = 0; t < index(layer_.tensor_count()); ++t) tile_[t] += chunk_strides_[t][a];
    }
  }

  /// How often a tensor's tile of the current shape arrives: once for each iteration of its own loops; at least, if it may stay
  /// in place or slide.
  struct Visits {
    double own = 0, least = 0;  ///< 0: not known
  };
  [[nodiscard]] const Visits& visits(int t) {
    Visits& visits = visits_[index(t)][index(tile_[index(t)])];
    if (visits.own == 0) {
      visits.own = 1;
      for (const Axis& axis : axes_)
        if ((relevant_[index(axis.dimension)] >> t & 1U) != 0) visits.own *= left_[index(axis.dimension)];
      visits.least = least_visits(t);
    }
    return visits;
  }

  /// Each distinct tile arrives at least once; along a halo rank at least as many as along its longer dimension.
  [[nodiscard]] double least_visits(int t) const {
    double visits = 1;
    for (const Rank& rank : layer_.tensors[index(t)].ranks) {
      if (rank.size() > 1 && slides_at_all_) continue;
      double most = 1;
      for (const Term& term : rank) most = std::max(most, left_[index(term.dimension)]);
      visits *= most;
    }
    return visits;
  }

  // -- phases -------------------------------------------------------------------------------------------------------------

  /// Whether the next node of a tensor can stand at `to` when the one inside it stands at `from` (the MACs: below all levels).
  [[nodiscard]] bool may_follow(int t, int from, int to) const {
    if (wide(from)) return to == problem_.level_of(scope_.from[index(t)]);
    const std::uint32_t between = ((1U << from) - 1U) & ~((2U << to) - 1U);
    return (keeping_.may[index(t)] >> to & 1U) != 0 && (keeping_.must[index(t)] & between) == 0;
  }

  /// Whether nodes of this level are wide ones, that outer nodes feed.
  [[nodiscard]] bool wide(int level) const { return level > scope_.innermost; }
  /// With Scope::innermost: of the innermost node of a tensor.
  [[nodiscard]] Chain first_chain(int t) const {
    const std::uint8_t from = scope_.from[index(t)];
    return static_cast<Chain>(1U << (problem_.feeds(from) ? problem_.outer_level + 1 : problem_.level_of(from)));
  }

  [[nodiscard]] Chain chain_after(int t, Chain chain, int next) const {
    const auto bit = static_cast<Chain>(1U << next);
    if (layer_.is_output(t)) return static_cast<Chain>(chain | bit);
    return static_cast<Chain>((scope_.tells_keeps ? chain : 0) | kInside | bit);
  }
  [[nodiscard]] bool at_macs(int t, Chain chain) const {
    return layer_.is_output(t) ? std::has_single_bit(chain) : (chain & kInside) == 0;
  }

  [[nodiscard]] int shared_partition(int level, std::uint32_t kept) const {
    int shared = -1;
    const auto& parts = hierarchy_.level(level).partitions;
    for (std::size_t p = 0; p < parts.size(); ++p) {
      int here = 0;
      for (int t = 0; t < layer_.tensor_count(); ++t)
        here += static_cast<int>((kept >> t & 1U) != 0 && at(parts[p].holds, layer_.tensors[index(t)].role));
      if (here > 1) shared = shared == -1 ? static_cast<int>(p) : -2;
    }
    return shared;
  }

  [[nodiscard]] std::uint32_t next_at(int level, const Chains& chains) const {
    std::uint32_t tensors = 0;
    for (int t = 0; t < layer_.tensor_count(); ++t)
      if (next_of(chains[index(t)]) == level) tensors |= 1U << t;
    return tensors;
  }

  /// All nodes of a level are placed: the phase further out.
  std::uint32_t enter(const Chains& chains) {
    int level = 0;
    for (int t = 0; t < layer_.tensor_count(); ++t) level = std::max(level, next_of(chains[index(t)]));
    return phase_at(level, level == 0 ? -1 : shared_partition(level, next_at(level, chains)), chains);
  }

  [[nodiscard]] Phase& phase_of(std::uint32_t number) const { return *phases_[number]; }
  /// Of 64 shapes of a phase, in the workspace; -1: none of them has labels.
  [[nodiscard]] std::int32_t& block_of(std::uint32_t phase, std::size_t block) {
    return phase_blocks_[phase * blocks_per_phase_ + block];
  }
  std::uint32_t phase_at(int level, int shared, const Chains& chains) {
    const auto [it, fresh] = phase_number_.try_emplace({level, shared, chains}, static_cast<std::uint32_t>(phases_.size()));
    if (!fresh) return it->second;
    Phase phase;
    phase.level = level;
    phase.shared = shared;
    phase.chains = chains;
    if (level > 0) phase.missing = next_at(level, chains);
    for (int d = 0; d < layer_.dimension_count(); ++d)
      if (barred(phase, d)) phase.barred |= 1U << d;
    if constexpr (kAll) {  // the keeping is fixed
      for (int t = 0; t < layer_.tensor_count(); ++t)
        for (int l = std::max(level, 1); l < hierarchy_.level_count(); ++l)
          if (prices_.kept(t, l) && (l > level || (phase.missing >> t & 1U) == 0)) phase.placed_so_far |= open_bit(t, l);
    }
    phase.rest = rest_of(phase);
    phases_.push_back(std::make_unique<Phase>(phase));
    phase_blocks_.resize(phases_.size() * blocks_per_phase_, -1);
    const int still = level == 0 ? 0 : layer_.tensor_count() - std::popcount(phase.missing);
    agenda_[index((hierarchy_.level_count() - level) * (kMaxTensors + 1) + still)].push_back(it->second);
    return it->second;
  }

  /// The price of a node with lanes along a halo above it holds only while no loop of that rank stands in between; and a part
  /// dealt to lanes is run through inside all nodes below them.
  [[nodiscard]] bool barred(const Phase& phase, int dimension) {
    const int level = phase.level;
    if (const Deal& deal = prices_.job().deals[index(dimension)]; deal.dealt() && deal.fanout < level) return true;
    for (int t = 0; t < layer_.output(); ++t)
      for (const Rank& rank : layer_.tensors[index(t)].ranks) {
        if (std::none_of(rank.begin(), rank.end(), [&](const Term& term) { return term.dimension == dimension; })) continue;
        const Chain chain = phase.chains[index(t)];
        if (to_come_at_macs(t, chain, level)) continue;
        for (int f = next_of(chain); f < level; ++f)  // none: its next node stands before any fanout
          if (prices_.halo_lanes(rank, f)) return true;
      }
    return false;
  }

  /// Whether what the MACs read of an operand is not known yet (Prices::mac_fanout).
  [[nodiscard]] bool to_come_at_macs(int t, Chain chain, int level) {
    if (layer_.is_output(t) || !at_macs(t, chain)) return false;
    const int known = variant(t, 1U << next_of(chain)).mac_fanout(t);
    return known >= 0 && known < level;
  }

  // -- what is least still to pay -----------------------------------------------------------------------------------------

  [[nodiscard]] int outer_level() const { return scope_.outer != nullptr && *scope_.outer ? problem_.outer_level : 0; }

  using ByLevel = std::array<double, kMaxLevels>;

  /// Least energy of a tensor's nodes still to come that lie further in than the outer levels, by where the outer ones begin
  /// (Nearest), a wide one being among those still to come or not.
  const ByLevel& least_by_nearest(int t, Chain chain) {
    auto& known = least_by_nearest_[index(t)];
    const auto found = std::find_if(known.begin(), known.end(), [&](const auto& of) { return of.first == chain; });
    if (found != known.end()) return found->second;
    const int outer = outer_level();
    ByLevel least = least_by_next(t, chain, outer);
    if (next_of(chain) > outer && (problem_.feeding >> t & 1U) != 0)
      std::swap_ranges(least.begin(), least.begin() + outer, least.begin() + outer + 1);
    return known.emplace_back(chain, least).second;
  }
  /// … further in than level `until` and its own, by the first that does not.
  ByLevel least_by_next(int t, Chain chain, int until) {
    ByLevel least;
    least.fill(std::numeric_limits<double>::infinity());
    const int level = next_of(chain);
    if (level <= until) {
      least[index(level)] = 0;
      return least;
    }
    for (int next = 0; next < level; ++next) {
      if (!may_follow(t, level, next)) continue;
      const double here = worth(tables_[table_of(t, level, next, chain)].least);
      const ByLevel further = least_by_next(t, chain_after(t, chain, next), until);
      for (int l = 0; l <= until; ++l) least[index(l)] = std::min(least[index(l)], here + further[index(l)]);
    }
    return least;
  }

  /// … of all nodes of a tensor when its nearest outer one stands at `level`.
  double least_further(int t, int level) {
    double& least = least_further_[index(t)][index(level)];
    if (least < 0) least = least_by_next(t, static_cast<Chain>(1U << level), 0)[0];
    return least;
  }

  /// Least of a part other than energy of a tensor's nodes still to come.
  double least_to_come(std::size_t part, int t, Chain chain) {
    const int level = next_of(chain);
    if (level == 0) return 0;
    double least = std::numeric_limits<double>::infinity();
    for (int next = 0; next < level; ++next)
      if (may_follow(t, level, next))
        least = std::min(
            least, tables_[table_of(t, level, next, chain)].least[part] + least_to_come(part, t, chain_after(t, chain, next)));
    return least;
  }

  /// Energy of what the MACs read and write of a tensor at least, when `level` is the innermost that keeps it.
  double least_at_macs(int t, int level) {
    const Prices& prices = variant(t, 1U << level);
    const double energy = prices.fixed_of(t)[kEnergy];
    return layer_.is_output(t) || prices.mac_fanout(t) < 0 ? energy : energy + prices.least_mac_reads(t)[kEnergy];
  }

  /// Where the nearest outer nodes stand: the least of the inner ones then, and with the outer ones each at its least.
  struct OuterChoice {
    double inner = 0, apart = 0;
    Nearest nearest{};
  };
  /// How many kinds of beginnings there are: see Nearest.
  [[nodiscard]] std::uint8_t nearests() const { return static_cast<std::uint8_t>(2 * outer_level() + 1); }
  /// Of one tensor, given the least of its inner nodes by its nearest outer one: the outer ones each at its least.
  double least_apart(int t, const ByLevel& inner) {
    double least = std::numeric_limits<double>::infinity();
    for (std::uint8_t n = 0; n < nearests(); ++n)
      if (std::isfinite(inner[n])) least = std::min(least, inner[n] + least_further(t, problem_.level_of(n)));
    return least;
  }
  /// Of all tensors, each node still to come at its least.
  double least_apart(const Chains& chains) {
    double sum = 0;
    for (int t = 0; t < layer_.tensor_count(); ++t) sum += least_apart(t, least_by_nearest(t, chains[index(t)]));
    return sum;
  }
  /// Of all tensors, given the least of each one's inner nodes by its nearest outer one: the outer ones each at its least too, or
  /// together.
  double least_together(const std::array<ByLevel, kMaxTensors>& inner) {
    const int outer = outer_level();
    double apart = 0;
    for (int t = 0; t < layer_.tensor_count(); ++t) apart += least_apart(t, inner[index(t)]);
    if (outer == 0 || floor_ + apart >= limit_) return apart;  // well enough
    std::vector<OuterChoice>& choices = choices_;
    std::vector<OuterChoice>& longer = longer_;
    choices.assign(1, {});
    for (int t = 0; t < layer_.tensor_count(); ++t) {
      longer.clear();
      for (std::uint8_t n = 0; n < nearests(); ++n) {
        const double more = inner[index(t)][n];
        if (!std::isfinite(more)) continue;
        const double further = least_further(t, problem_.level_of(n));
        for (OuterChoice choice : choices) {
          choice.inner += more;
          choice.apart += more + further;
          choice.nearest[index(t)] = n;
          longer.push_back(choice);
        }
      }
      std::swap(choices, longer);
    }
    std::stable_sort(choices.begin(), choices.end(),
                     [](const OuterChoice& a, const OuterChoice& b) { return a.apart < b.apart; });
    double least = std::numeric_limits<double>::infinity();
    for (const OuterChoice& choice : choices) {
      if (choice.apart >= least) break;
      const bool known = floor_ + choice.apart >= limit_;  // well enough
      least = std::min(least, known ? choice.apart : std::max(choice.apart, choice.inner + (*scope_.outer)(choice.nearest)));
    }
    return least;
  }

  Cost rest_of(const Phase& phase) {
    Cost rest{};
    if constexpr (kAll)  // the keeping is fixed
      for (int t = 0; t < layer_.tensor_count(); ++t)
        for (int l = 1; l <= next_of(phase.chains[index(t)]); ++l)
          if (prices_.kept(t, l)) search_detail::add(rest, prices_.least(t, l));
    std::array<ByLevel, kMaxTensors> inner;
    for (int t = 0; t < layer_.tensor_count(); ++t) inner[index(t)] = least_by_nearest(t, phase.chains[index(t)]);
    rest[kEnergy] = least_together(inner);
    if constexpr (kWaits)
      for (std::size_t p = kWaiting; p < scored(); ++p)
        for (int t = 0; t < layer_.tensor_count(); ++t) rest[part(p)] += least_to_come(part(p), t, phase.chains[index(t)]);
    if (scope_.innermost < kMaxLevels) return rest;
    for (int t = 0; t < layer_.tensor_count(); ++t)
      if (to_come_at_macs(t, phase.chains[index(t)], phase.level)) {
        const Cost reads = variant(t, 1U << next_of(phase.chains[index(t)])).least_mac_reads(t);
        for (std::size_t p = 0; p < scored(); ++p) rest[part(p)] += reads[part(p)];
      }
    return rest;
  }

  /// What every label has paid at least, and of what the labels do not count, the least whichever levels keep the tensors.
  void set_relaxed() {
    if (scope_.innermost < kMaxLevels) return;
    floor_ = prices_.mac_energy();
    for (int t = 0; t < layer_.tensor_count(); ++t) {
      double least = std::numeric_limits<double>::infinity();
      for (int level = 0; level < hierarchy_.level_count(); ++level)
        if (may_follow(t, hierarchy_.level_count(), level)) least = std::min(least, least_at_macs(t, level));
      floor_ += least;
    }
    if (problem_.parts.count == 1) return;
    for (int t = 0; t < layer_.tensor_count(); ++t) {
      Cost least;
      least.fill(std::numeric_limits<double>::infinity());
      for (const std::uint32_t kept : keeping_.choices(t)) {
        const Cost cost = variant(t, kept).least(t);
        for (std::size_t p = 0; p < least.size(); ++p) least[p] = std::min(least[p], cost[p]);
      }
      search_detail::add(relaxed_, least);
    }
  }

  // -- tables -------------------------------------------------------------------------------------------------------------

  void set_tables() {
    for (auto& of_tensor : table_at_) of_tensor.fill(-1);
    for (ByLevel& of_tensor : least_further_) of_tensor.fill(-1);
    for (const Level& level : hierarchy_.levels) slides_at_all_ |= level.retention == Retention::sliding;
    for (int l = 0; l <= hierarchy_.level_count(); ++l) lanes_inside_.push_back(prices_.inside(l));
    if constexpr (!kAll) return;
    for (const Prices::Use& of : prices_.uses()) {
      Use use{index(of.part), 0, problem_.parts.bandwidth[index(of.part)] / hierarchy_.compute.macs_per_cycle};
      for (int t = 0; t < layer_.tensor_count(); ++t)
        for (int l = 1; l < hierarchy_.level_count(); ++l)
          if ((of.nodes[index(t)] >> l & 1U) != 0) use.nodes |= open_bit(t, l);
      uses_.push_back(use);
    }
  }

  /// Prices when these levels keep a tensor; of other tensors they say nothing.
  const Prices& variant(int t, std::uint32_t kept) {
    if (fixed_) return prices_;
    auto& variants = variants_[index(t)];
    if (variants.empty()) variants.resize(std::size_t{1} << hierarchy_.level_count());
    std::unique_ptr<Prices>& variant = variants[kept | 1U];
    if (!variant) {
      variant = std::make_unique<Prices>(prices_);
      variant->keep(t, kept | 1U);
    }
    return *variant;
  }

  /// Of the node of a tensor at `level`, its parent at level `parent`.
  [[nodiscard]] std::size_t table_of(int t, int level, int parent, Chain chain) {
    const std::uint32_t inside = layer_.is_output(t) ? chain & ~((1U << level) - 1U) : 1U << level;
    const std::uint32_t kept = inside | 1U << parent;
    const std::int16_t at = table_at_[index(t)][kept];
    return at >= 0 ? index(at) : add_table(t, level, kept);
  }

  [[gnu::cold]] std::size_t add_table(int t, int level, std::uint32_t kept) {
    table_at_[index(t)][kept] = static_cast<std::int16_t>(tables_.size());
    Table table;
    table.prices = &variant(t, kept);
    if (!wide(level)) table.least = table.prices->least(t, level);
    visits_pay_ |= layer_.is_output(t) && table.prices->visits_pay(level);
    tables_.push_back(std::move(table));
    return tables_.size() - 1;
  }

  /// Iterations inside the current shape when all fanouts from `level` inwards are placed.
  [[nodiscard]] Extents tile_at(int level) const {
    Extents tile = extents_;
    for (int d = 0; d < layer_.dimension_count(); ++d) tile[index(d)] *= lanes_inside_[index(level)][index(d)];
    if (ends_short_)
      for (const Axis& axis : axes_)
        if (axis.short_deal != nullptr)
          tile[index(axis.dimension)] = std::min<std::int64_t>(tile[index(axis.dimension)], axis.short_deal->whole);
    return tile;
  }

  const NodePrice& node_price(int t, int level, std::size_t table) {
    std::vector<NodePrice>& entries = tables_[table].entries;
    const std::size_t tile = index(tile_[index(t)]);
    if (entries.empty() || !entries[tile].known) set_price(tables_[table], t, level);
    return entries[tile];
  }

  /// Calls `each(t, level, table, price)` for every node of a label that is open (and of `among`), at the current shape.
  template <class Each>
  void for_each_open(const Label& label, const Each& each, Open among = kNodes) {
    const Phase& phase = phase_of(label.phase);
    for (Open open = label.open & among; open != 0;) {
      const int t = std::countr_zero(open) / kMaxLevels;
      const Chain chain = phase.chains[index(t)];
      // Open nodes are the outermost of those placed, so each is the parent of the next one inside it.
      int parent = next_of(chain);
      for (Open own = open & open_mask(t); own != 0; own &= own - 1) {
        const int level = std::countr_zero(own) % kMaxLevels;
        const std::size_t table = table_of(t, level, parent, chain);
        each(t, level, table, node_price(t, level, table));
        parent = level;
      }
      open &= ~open_mask(t);
    }
  }

  /// Apart from node_price, so that a price that is known is found in place.
  [[gnu::cold]] void set_price(Table& table, int t, int level) {
    if (table.entries.empty()) table.entries.resize(index(tiles_[index(t)]));
    NodePrice& entry = table.entries[index(tile_[index(t)])];
    const Prices& prices = *table.prices;
    const Price price = price_of(t, level, tile_at(level), 0, prices);
    Cost once = price.once;
    if constexpr (!kAll)  // What a single buffer's tiles owe anew may come to nothing, and when ports rest depends on other
                          // tensors.
      once = {once[kEnergy], once[kWaiting] + once[kEdge] + (layer_.is_output(t) ? price.drain_anew : price.fill_anew)};
    entry.once = counted(once);
    entry.fill_anew = price.fill_anew;
    entry.drain_anew = price.drain_anew;
    entry.first_visits = visits(t).own;
    entry.words = price.words;
    if (ragged_at_all_ || ends_short_)
      sum_uneven(entry, t, level, price, prices);
    else
      add_tiles(entry, price, 1);
    if (scope_.bands != nullptr) relax(entry, t, level);
    const double average = entry.per_visit[kEnergy] / entry.tiles;
    entry.energy = ends_short_ ? std::min(average, entry.energy) : average;
    entry.known = true;
  }

  /// Of a wide node: the energy of what it reads beyond every word once.
  [[nodiscard]] Price price_of(int t, int level, const Extents& tile, std::uint32_t last_chunks, const Prices& prices) const {
    if (!wide(level)) return prices.node(t, level, tile, last_chunks);
    const Tensor& tensor = layer_.tensors[index(t)];
    const Level& parent = hierarchy_.level(problem_.level_of(scope_.from[index(t)]));
    const double word = parent.read_energy * accesses_per_word(parent, tensor);
    Price price;
    price.per_visit[kEnergy] = static_cast<double>(tile_words(tensor, tile, Footprint::touched)) * word;
    price.once[kEnergy] = -static_cast<double>(tile_words(tensor, bounds_of(layer_), Footprint::touched)) * word;
    price.words = wide_room(t, level, tile);
    return price;
  }
  /// That a wide node takes of its level: none, unless no inner level has room for its tile in all instances together.
  [[nodiscard]] std::int64_t wide_room(int t, int level, const Extents& tile) const {
    const Tensor& tensor = layer_.tensors[index(t)];
    const std::int64_t words = tile_words(tensor, tile, Footprint::touched);
    for (int l = level; l < hierarchy_.level_count(); ++l) {
      const Partition* room = hierarchy_.level(l).partition(tensor.role);
      if (room == nullptr || static_cast<double>(words) * static_cast<double>(room_per_word(hierarchy_.level(l), tensor)) <=
                                 static_cast<double>(room->capacity_words) * static_cast<double>(hierarchy_.instances(l)))
        return 0;
    }
    return std::numeric_limits<std::int64_t>::max() / kMaxTensors;
  }

  /// A visit of each of so many tiles, of the `entry.tiles` that there are along its uneven dimensions.
  void add_tiles(NodePrice& entry, const Price& price, double count) const {
    const Vector per_visit = counted(price.per_visit);
    const Vector first_visit = counted(price.first_visit);
    for (std::size_t p = 0; p < scored(); ++p) {
      entry.per_visit[p] += per_visit[p] * count;
      entry.once[p] += first_visit[p] * count * entry.first_visits / entry.tiles;
    }
  }

  /// An axis along which the tiles of the current shape are uneven: the last ones are short.
  struct Uneven {
    const Axis* axis = nullptr;
    std::int64_t short_extent = 0;  ///< iterations
    std::int64_t short_tiles = 1;
    bool last_chunk = false;  ///< they are inside the lanes, which have the last chunk
    bool may_join = false;    ///< once there is more than one chunk in a tile, no lane is idle any more
  };
  [[nodiscard]] std::optional<Uneven> uneven_along(const Axis& axis, int t, int level) const {
    const bool relevant = prices_.relevant(t, axis.dimension);
    const Rung& rung = axis.rung();
    const std::int64_t inside = lanes_inside_[index(level)][index(axis.dimension)];
    if (axis.short_deal == nullptr) {
      if (!relevant || rung.divides()) return std::nullopt;
      return Uneven{&axis, rung.short_extent * inside, rung.short_tiles};
    }
    const Deal& deal = *axis.short_deal;
    if (level > deal.fanout) {
      const bool joins = has_idle_copies(axis, t, level);
      if (!joins && (!relevant || axis.at > 0)) return std::nullopt;
      return Uneven{&axis, inside, 1, true, joins};
    }
    if (!relevant || rung.tiles == 1) return std::nullopt;
    return Uneven{&axis, deal.whole - (rung.tiles - 1) * rung.extent * deal.chunk};
  }

  /// Where remainders make the tiles of the current shape uneven: what one visit of each of them costs together.
  void sum_uneven(NodePrice& entry, int t, int level, const Price& full, const Prices& prices) {
    std::vector<Uneven> uneven;
    std::uint32_t may_join = 0;
    for (const Axis& axis : axes_)
      if (const auto along = uneven_along(axis, t, level)) {
        if (along->may_join) may_join |= 1U << uneven.size();
        uneven.push_back(*along);
        entry.tiles *= static_cast<double>(axis.rung().tiles);
      }
    std::vector<double> joined(std::size_t{1} << uneven.size());              // energy of a visit, by the axes that are joined
    for (std::uint32_t shorts = 0; shorts < 1U << uneven.size(); ++shorts) {  // axes along which the tile is short
      Extents tile = tile_at(level);
      std::uint32_t last_chunks = 0;
      double count = 1;
      for (std::size_t a = 0; a < uneven.size(); ++a) {
        const Uneven& along = uneven[a];
        const bool is_short = (shorts >> a & 1U) != 0;
        if (is_short) tile[index(along.axis->dimension)] = along.short_extent;
        if (is_short && along.last_chunk) last_chunks |= 1U << along.axis->dimension;
        count *= static_cast<double>(is_short ? along.short_tiles : along.axis->rung().tiles - along.short_tiles);
      }
      const Price price = shorts == 0 ? full : price_of(t, level, tile, last_chunks, prices);
      add_tiles(entry, price, count);
      for (std::uint32_t joins = may_join; joins != 0; joins = (joins - 1) & may_join) {
        if ((joins & shorts) != 0) continue;
        double share = count / entry.tiles;
        for (std::size_t a = 0; a < uneven.size(); ++a)
          if (const auto tiles = static_cast<double>(uneven[a].axis->rung().tiles); (joins >> a & 1U) != 0)
            share *= tiles / (tiles - 1);
        joined[joins] += share * worth(price.per_visit);
      }
    }
    entry.energy = std::numeric_limits<double>::infinity();
    for (std::uint32_t joins = may_join; joins != 0; joins = (joins - 1) & may_join)
      entry.energy = std::min(entry.energy, joined[joins]);
  }

  /// Of a band, the least room; and no more visits than if all steps along a halo were undone that can be.
  void relax(NodePrice& entry, int t, int level) const {
    Extents least = tile_at(level);
    for (const Axis& axis : axes_)
      least[index(axis.dimension)] = axis.rung().least * lanes_inside_[index(level)][index(axis.dimension)];
    entry.words = wide(level) ? wide_room(t, level, least) : prices_.room(t, level, least);
    if (layer_.is_output(t) || !bands_along_halos_) return;
    for (const Rank& rank : layer_.tensors[index(t)].ranks) {
      double all = 1;
      double most = 1;
      for (const Term& term : rank) {
        all *= left_[index(term.dimension)];
        most = std::max(most, left_[index(term.dimension)]);
      }
      entry.tiles *= all / most;
    }
  }

  [[nodiscard]] std::size_t parts() const {
    if constexpr (K == 1) return 1;
    return parts_;
  }
  [[nodiscard]] std::size_t scored() const {
    if constexpr (K == 1) return 1;
    return scored_;
  }
  /// Which part of a cost it is.
  [[nodiscard]] std::size_t part(std::size_t counted) const {
    if constexpr (kWaits) return part_[counted];
    return counted;
  }
  [[nodiscard]] Vector counted(const Cost& cost) const {
    Vector vector{};
    for (std::size_t p = 0; p < scored(); ++p) vector[p] = cost[part(p)];
    if constexpr (K == 1) vector[kEnergy] = worth(cost);
    return vector;
  }
  /// Energy, and what waiting counts for.
  [[nodiscard]] double worth(const Cost& cost) const { return cost[kEnergy] + rate_ * cost[kWaiting]; }
  void add(Vector& cost, const Vector& more, double times) const {
    for (std::size_t p = 0; p < scored(); ++p) cost[p] += more[p] * times;
  }

  /// Tiles arrive at a node so many times; what is filled and drained anew inside a single buffer goes with them.
  void arrive(Vector& cost, int t, int level, const NodePrice& price, double times) const {
    add(cost, price.per_visit, times / price.tiles);
    if constexpr (kAll) cost[kWaiting] += anew(cost, t, level) * times;
  }
  /// Cycles of that at each tile.
  [[nodiscard]] double anew(const Vector& cost, int t, int level) const {
    double cycles = 0;
    for (const auto* owed : {&problem_.parts.fill_anew, &problem_.parts.drain_anew})
      if (const int part = (*owed)[index(t)][index(level)]; part >= 0) cycles += cost[index(part)];
    return cycles;
  }

  /// A node is placed. First visits of psums take nothing back.
  void owe_anew(Vector& cost, int t, int level, const NodePrice& price) const {
    const auto& parts = problem_.parts;
    if (const int single = prices_.single_around(t, level); single > 0 && hierarchy_.level(level).double_buffered) {
      cost[index(parts.fill_anew[index(t)][index(single)])] += price.fill_anew;
      if (layer_.is_output(t)) cost[index(parts.drain_anew[index(t)][index(single)])] += price.drain_anew;
    }
    if (const int part = parts.fill_anew[index(t)][index(level)]; part >= 0 && layer_.is_output(t))
      cost[kWaiting] -= cost[index(part)] * price.first_visits;
  }

  // -- labels -------------------------------------------------------------------------------------------------------------

  using Block = Workspace::Block;

  /// The place of the first label of a phase and shape, and which bit of the block says that there is one.
  struct Head {
    Block* block = nullptr;
    std::size_t at = 0;
    [[nodiscard]] std::int32_t label() const { return block->occupied >> at & 1U ? block->first[at] : -1; }
    void set(std::int32_t label) const {
      block->occupied |= std::uint64_t{1} << at;
      block->first[at] = label;
    }
  };

  /// Good until the next call.
  Head head(std::uint32_t phase, std::int64_t shape) {
    std::int32_t& block = block_of(phase, index(shape) / 64);
    if (block < 0) {
      if (workspace_.used == workspace_.blocks.size()) workspace_.blocks.resize(2 * workspace_.used + 64);
      workspace_.blocks[workspace_.used].occupied = 0;
      block = static_cast<std::int32_t>(workspace_.used++);
    }
    return {&workspace_.blocks[index(block)], index(shape) % 64};
  }

  /// Calls `each` with every label that paths start from.
  template <class Each>
  void each_start(const Each& each) {
    set_shape(0);
    Label label;
    Chains chains{};
    if (scope_.innermost == kMaxLevels) {
      Cost at_macs{};
      at_macs[kEnergy] = prices_.mac_energy();
      start_with(label, 0, at_macs, chains, each);
      return;
    }
    for (int t = 0; t < layer_.tensor_count(); ++t) chains[index(t)] = first_chain(t);
    label.phase = enter(chains);
    each(label);
  }

  /// … of tensors from `t` on, the innermost level that keeps each. `at_macs`: what the MACs read and update of the others.
  template <class Each>
  void start_with(Label& label, int t, const Cost& at_macs, Chains& chains, const Each& each) {
    if (t == layer_.tensor_count()) {
      Cost cost = at_macs;
      if (kWaits || rate_ > 0) cost[kWaiting] = slowed(at_macs, chains);
      label.cost = counted(cost);
      if constexpr (K == 1) {  // before the phase, which costs more to make
        if (label.cost[0] + least_apart(chains) >= limit_) return;
      }
      label.phase = enter(chains);
      pass_fanouts(label, hierarchy_.level_count(), chains);
      each(label);
      return;
    }
    for (int level = 0; level < hierarchy_.level_count(); ++level) {
      if (!may_follow(t, hierarchy_.level_count(), level)) continue;
      chains[index(t)] = static_cast<Chain>(1U << level);
      Cost sum = at_macs;
      search_detail::add(sum, variant(t, 1U << level).fixed_of(t));
      start_with(label, t + 1, sum, chains, each);
    }
  }

  /// By how many cycles the MACs' own reads and updates slow them down, at least.
  [[nodiscard]] double slowed(Cost at_macs, const Chains& chains) {
    for (int t = 0; t < layer_.output(); ++t)
      if (const Prices& prices = variant(t, 1U << next_of(chains[index(t)])); prices.mac_fanout(t) >= 0)
        search_detail::add(at_macs, prices.least_mac_reads(t));
    const int out = layer_.output();
    const Pace pace = variant(out, 1U << next_of(chains[index(out)])).pace();
    std::array<double, kMaxLevels> operands{};
    for (std::size_t l = 0; l < operands.size(); ++l)
      if (const int port = problem_.parts.mac_port[l]; port >= 0) operands[l] = at_macs[index(port)];
    return model_detail::mac_cycles(*pace.steps, operands, hierarchy_) - pace_.compute;
  }

  void start() {
    each_start([&](const Label& start) {
      Label label = start;
      if (!hopeless(label)) insert(label);
    });
  }

  /// The lanes of the fanouts from `below`-1 up to that of the label's level are placed: reads of the MACs become known there.
  void pass_fanouts(Label& label, int below, const Chains& chains) {
    if (scope_.innermost < kMaxLevels) return;
    for (int t = 0; t < layer_.output(); ++t) {
      const Chain chain = chains[index(t)];
      if (!at_macs(t, chain)) continue;
      const Prices& prices = variant(t, 1U << next_of(chain));
      const int known = prices.mac_fanout(t);
      if (known < phase_of(label.phase).level || known >= below) continue;
      auto& reads = mac_reads_[index(t)][index(next_of(chain))];
      if (reads.empty()) reads.resize(index(tiles_[index(t)]));
      NodePrice& price = reads[index(tile_[index(t)])];
      if (!price.known) {
        price.once = counted(prices.mac_reads(t, tile_at(known + 1)));
        price.known = true;
      }
      add(label.cost, price.once, 1);
    }
  }

  enum class Order : std::uint8_t { no, worse, better };

  /// Whether `a` makes `b` needless, or the other way round; both stand at one phase and shape with the same nodes open.
  [[nodiscard]] Order compare(const Label& a, const Label& b) const {
    bool a_no_worse = a.used <= b.used && (a.even & ~b.even) == 0;
    bool b_no_worse = b.used <= a.used && (b.even & ~a.even) == 0;
    for (std::size_t p = 0; p < parts(); ++p) {
      a_no_worse = a_no_worse && a.cost[p] <= b.cost[p];
      b_no_worse = b_no_worse && b.cost[p] <= a.cost[p];
    }
    return a_no_worse ? Order::better : b_no_worse ? Order::worse : Order::no;
  }

  void insert(Label& label) {
    const Head place = head(label.phase, label.shape);
    const std::int32_t first = place.label();
    std::int32_t before = -1;
    bool replaced = false;
    for (std::int32_t at = first; at >= 0;) {
      Label& other = labels_[index(at)];
      if (other.open == label.open && other.slides == label.slides) {
        const Order order = compare(other, label);
        if (order == Order::better) {
          ++outcome_.labels_pruned;
          return;
        }
        if (order == Order::worse) {
          ++outcome_.labels_pruned;
          if (replaced) {
            labels_[index(before)].next = other.next;
            at = other.next;
            continue;
          }
          label.next = other.next;
          other = label;
          replaced = true;
        }
      }
      before = at;
      at = other.next;
    }
    if (replaced) return;
    ++outcome_.labels_kept;
    label.next = first;
    place.set(static_cast<std::int32_t>(labels_.size()));
    labels_.push_back(label);
  }

  /// With one cost, the cycles are the job's: the energy at which the incumbent is met.
  void set_limit() {
    if constexpr (K > 1) return;
    limit_ = scope_.rated ? rated_limit() : problem_.energy_limit(best_, least_cycles_);
  }

  // Where waiting is rated, a path's worth is at most the energy of its nest, leakage apart, and rate x (its cycles - those of
  // compute): a line in the plane of energy and cycles. What beats the incumbent lies below a hyperbola, of energy x cycles,
  // right of the least cycles and above the least energy; and so below the chord between the points where the hyperbola meets
  // these. The other way round, what is worth so much scores least at one end of its line. The same holds for the other
  // objectives that are products of powers. Near the optimum chord and hyperbola are close: 1 % apart in cycles, a part in 80,000
  // in energy.

  /// As the incumbent would weigh cycles if it were the least that is known.
  void set_rate() {
    constexpr double kStep = 1.001;
    constexpr double kPorts = 1.01;
    const double cycles = std::max(least_cycles_, scope_.rated->cycles);
    least_cycles_ = cycles;
    const Score at = problem_.score({scope_.rated->energy, cycles});
    rate_ = (problem_.energy_limit(at, cycles) - problem_.energy_limit(at, cycles * kStep)) / (cycles * (kStep - 1));
    // Where ports take longer than compute, waiting is free as long as they do.
    if (!(rate_ >= 0) || !std::isfinite(rate_) || cycles > kPorts * pace_.compute) rate_ = 0;
  }
  /// What a path may be worth that is to beat the incumbent.
  [[nodiscard]] double rated_limit() const {
    constexpr double kNone = std::numeric_limits<double>::infinity();
    const double energy = scope_.rated->energy;
    const double most = problem_.energy_limit(best_, least_cycles_);
    if (!(most > energy)) return -kNone;
    if (most == kNone) return kNone;
    if (rate_ == 0) return most;
    // A rate means that the least energy is above 0, or leakage is: the hyperbola comes down to it.
    double fewest = least_cycles_;  // cycles at which even the least energy only meets the incumbent, between these
    double many = 2 * fewest;
    while (problem_.energy_limit(best_, many) > energy) many = 2 * std::exchange(fewest, many);
    while (many - fewest > fewest * 1e-12) {
      const double cycles = (fewest + many) / 2;
      (problem_.energy_limit(best_, cycles) > energy ? fewest : many) = cycles;
    }
    return std::max(most + rate_ * (least_cycles_ - pace_.compute), energy + rate_ * (many - pace_.compute));
  }
  /// What a nest scores at least whose path is worth so much.
  [[nodiscard]] Score rated_score(double worth) const {
    const double energy = scope_.rated->energy;
    const double left = worth - rate_ * (least_cycles_ - pace_.compute);
    if (left <= energy) return problem_.score({energy, least_cycles_});
    const Score fewest = problem_.score({left, least_cycles_});
    return rate_ == 0 ? fewest : std::min(fewest, problem_.score({energy, pace_.compute + (worth - energy) / rate_}));
  }

  /// Energy that the open nodes owe at least, whatever is placed outside: the first loop to come, over whichever dimension, moves
  /// all tensors that it concerns at every iteration; what it does not concern can wait for the next. `much`: it need not be
  /// told how far it is above or below this.
  [[nodiscard]] double least_owed(const Label& label, double much = std::numeric_limits<double>::infinity()) {
    double sum = 0;
    Waiting waiting;
    for_each_open(label, [&](int t, int level, std::size_t, const NodePrice& price) {
      if (price.energy < 0) {  // of psums
        sum += price.energy * outside_;
      } else if (slides(t, level)) {
        sum += price.energy * visits(t).least;
      } else {
        waiting.owed[index(t)] += price.energy;
        waiting.tensors |= 1U << t;
      }
    });
    if (waiting.tensors == 0) return sum;
    double least = sum;
    double most = sum;
    for (std::uint32_t left = waiting.tensors; left != 0; left &= left - 1) {
      const int t = std::countr_zero(left);
      least += waiting.owed[index(t)] * visits(t).own;
      most += waiting.owed[index(t)] * outside_;
    }
    if (std::has_single_bit(waiting.tensors) || least >= much) return least;  // alone, all other loops can come first
    if (most < much && std::isfinite(much)) return most;
    return sum + least_of(waiting);
  }

  struct Waiting;
  [[nodiscard]] double least_of(Waiting& waiting) const {
    for (const Axis& axis : axes_) {
      const double left = left_[index(axis.dimension)];
      if (left > 1) waiting.add(relevant_[index(axis.dimension)], left);
    }
    return waiting.least(waiting.tensors, (1U << waiting.count) - 1U, outside_);
  }

  /// Open nodes, and the loops to come by the tensors that they move.
  struct Waiting {
    std::array<double, kMaxTensors> owed{};
    std::uint32_t tensors = 0;
    std::array<std::uint32_t, kMaxDimensions> moved{};
    std::array<double, kMaxDimensions> iterations{};
    std::size_t count = 0;

    void add(std::uint32_t moves, double times) {
      moves &= tensors;
      for (std::size_t k = 0; k < count; ++k)
        if (moved[k] == moves) {
          iterations[k] *= times;
          return;
        }
      moved[count] = moves;
      iterations[count++] = times;
    }

    [[nodiscard]] double least(std::uint32_t open, std::uint32_t loops, double outside) const {
      for (std::uint32_t rest = loops; rest != 0; rest &= rest - 1)
        if (const auto k = static_cast<std::size_t>(std::countr_zero(rest)); (moved[k] & open) == 0) {
          outside /= iterations[k];
          loops &= ~(1U << k);
        }
      if (loops == 0) return sum(open);
      double best = std::numeric_limits<double>::infinity();
      for (std::uint32_t rest = loops; rest != 0; rest &= rest - 1) {
        const auto k = static_cast<std::size_t>(std::countr_zero(rest));
        const double now = sum(open & moved[k]) * outside;
        if (now >= best) continue;
        const std::uint32_t still = open & ~moved[k];
        best = std::min(best, now + (still == 0 ? 0 : least(still, loops & ~(1U << k), outside / iterations[k])));
      }
      return best;
    }
    [[nodiscard]] double sum(std::uint32_t of) const {
      double all = 0;
      for (; of != 0; of &= of - 1) all += owed[static_cast<std::size_t>(std::countr_zero(of))];
      return all;
    }
  };

  /// Whether a tensor's node at `level`, open at the current shape, can stay in place or slide.
  [[nodiscard]] bool slides(int t, int level) {
    if (layer_.is_output(t)) return false;
    Slidable& of = slidable_[index(t)][index(tile_[index(t)])];
    if ((of.known >> level & 1U) == 0) {
      const auto& ranks = layer_.tensors[index(t)].ranks;
      const bool can =
          std::any_of(ranks.begin(), ranks.end(), [&](const Rank& rank) { return rank.size() > 1 && may_slide(level, rank); });
      of.known |= 1U << level;
      of.can |= static_cast<std::uint32_t>(can) << level;
    }
    return (of.can >> level & 1U) != 0;
  }

  /// Whether what the label's path costs at least, all told, is not below the incumbent.
  [[nodiscard]] bool hopeless(const Label& label) {
    if constexpr (K > 1) return hopeless_in_parts(label);
    const double paid = label.cost[0] + phase_of(label.phase).rest[kEnergy];
    if (paid >= limit_ && !visits_pay_) return true;
    return paid + least_owed(label, limit_ - paid) >= limit_;
  }

  [[nodiscard]] bool hopeless_in_parts(const Label& label) {
    Vector sum = with_rest(label, label.cost);
    if (!visits_pay_ && score(sum) >= best_) return true;
    sum[kEnergy] += least_owed(label);
    for_each_open(label, [&](int t, int level, std::size_t, const NodePrice& price) {
      const double times = slides(t, level) ? visits(t).least : visits(t).own;
      for (std::size_t p = kEnergy + 1; p < scored(); ++p) sum[p] += std::max(0.0, price.per_visit[p]) * times / price.tiles;
    });
    for (const Slide& slide : memories_[label.slides]) sum[kEnergy] += slide_price(slide).energy;
    return score(sum) >= best_;
  }
  [[nodiscard]] Vector with_rest(const Label& label, Vector sum) const {
    const Cost& rest = phase_of(label.phase).rest;
    for (std::size_t p = 0; p < scored(); ++p) sum[p] += rest[part(p)];
    return sum;
  }
  /// Of all that a path costs.
  [[nodiscard]] Score score(const Vector& sum) const {
    if (scope_.rated) return rated_score(sum[kEnergy]);
    if constexpr (kWaits) {
      double cycles = std::max(least_cycles_, pace_.compute + sum[kWaiting]);
      for (std::size_t p = kWaiting + 1; p < scored(); ++p)
        cycles = std::max(cycles, model_detail::whole_cycles(sum[p] / problem_.parts.bandwidth[part(p)]));
      return problem_.score({sum[kEnergy], cycles});
    }
    Cost cost = relaxed_;
    for (std::size_t p = 0; p < scored(); ++p) cost[p] = sum[p];
    return problem_.score(cost, pace_);
  }

  /// Whether another label of the current phase and shape makes this one needless though other nodes are open: what it owes more,
  /// at most once per iteration outside, does not outweigh what it has paid less, even if the other's nodes are visited least.
  [[nodiscard]] bool outdone(std::int32_t at, std::int32_t first) {
    if constexpr (K > 1) return false;
    const Label& label = labels_[index(at)];
    for (std::int32_t other = first; other >= 0; other = labels_[index(other)].next) {
      const Label& rival = labels_[index(other)];
      if (other == at || rival.open == label.open || (rival.open >> kOrderBit) != (label.open >> kOrderBit) ||
          rival.slides != label.slides || rival.used > label.used || (rival.even & ~label.even) != 0)
        continue;
      if (rival.cost[0] + owes_more(rival, label) < label.cost[0] + owes_less(label, rival)) return true;
    }
    return false;
  }

  /// What one label owes at most, or at least, at nodes that another does not have open with the same parent.
  [[nodiscard]] double owes_more(const Label& one, const Label& two) {
    double owed = 0;
    for_each_open(one, [&](int t, int level, std::size_t table, const NodePrice& price) {
      if (!open_there(two, t, level, table))
        owed += price.energy >= 0 ? price.per_visit[kEnergy] / price.tiles * outside_ : std::numeric_limits<double>::infinity();
    });
    return owed;
  }
  [[nodiscard]] double owes_less(const Label& one, const Label& two) {
    double owed = 0;
    for_each_open(one, [&](int t, int level, std::size_t table, const NodePrice& price) {
      if (!open_there(two, t, level, table))
        owed += price.energy >= 0 ? price.energy * visits(t).least : -std::numeric_limits<double>::infinity();
    });
    return owed;
  }
  [[nodiscard]] bool open_there(const Label& label, int t, int level, std::size_t table) {
    if ((label.open & open_bit(t, level)) == 0) return false;
    const Chain chain = phase_of(label.phase).chains[index(t)];
    const Open further = label.open & open_mask(t) & (open_bit(t, level) - 1U);
    return table_of(t, level, further == 0 ? next_of(chain) : (63 - std::countl_zero(further)) % kMaxLevels, chain) == table;
  }

  const NodePrice& slide_price(const Slide& slide) { return tables_[slide.table].entries[index(slide.tile)]; }

  void expand(std::uint32_t phase, std::int32_t at) {
    const Label label = labels_[index(at)];
    if (hopeless(label)) {
      ++outcome_.labels_pruned;
      return;
    }
    if (phase_of(phase).level == 0 && finish_path(label, at)) return;
    for (std::size_t a = 0; a < axes_.size(); ++a) {
      if (has(phase_of(phase).barred | label.settled_dimensions, axes_[a].dimension)) continue;
      for (const Step& step : axes_[a].rung().up) place_loop(label, at, axes_[a], step);
    }
    place_nodes(label, at);
  }

  /// At the outermost level nothing is left but loops: once no node is open their order does not matter.
  bool finish_path(const Label& label, std::int32_t at) {
    const bool whole = shape_ == shapes_ - 1;
    if (!whole && ((label.open & kNodes) != 0 || label.slides != 0 || order_at(0) != nullptr)) return false;
    Vector sum = label.cost;
    for_each_open(label, [&](int t, int level, std::size_t, const NodePrice& price) { arrive(sum, t, level, price, 1); });
    for (const Slide& slide : memories_[label.slides]) arrive(sum, slide.tensor, slide.level, slide_price(slide), 1);
    if (const Score score = this->score(with_rest(label, sum)); betters(label, score)) {
      best_ = score;
      best_label_ = at;
      best_order_.clear();
      set_limit();
    }
    return true;
  }

  /// Whether a path that is finished is the best. Where keeps are told apart, it is noted instead with its own.
  [[nodiscard]] bool betters(const Label& label, const Score& score) {
    if (!(score < best_)) return false;
    if (!scope_.tells_keeps) return true;
    Score& least = least_with_[phase_of(label.phase).chains];
    least = std::min(least, score);
    return false;
  }

  // -- the loops of the outermost level -----------------------------------------------------------------------------------
  //
  // With all nodes placed only the order of the dimensions matters: which open nodes the first relevant loop finds at how many
  // iterations outside.

  struct Owed {
    std::array<Vector, kMaxTensors> of{};
    std::array<double, kMaxTensors> tiles{};  ///< see NodePrice
    std::uint32_t open = 0;                   ///< tensors
  };

  /// Finishes a label whose nodes are all placed; false where a tile may stay in place or slide, or where more visits would be
  /// cheaper: there the lattice goes on loop by loop.
  bool finish_in_order(const Label& label) {
    if (label.slides != 0 || order_at(0) != nullptr) return false;
    Owed owed;
    bool in_order = true;
    for_each_open(label, [&](int t, int level, std::size_t, const NodePrice& price) {
      for (std::size_t p = 0; p < scored(); ++p) in_order &= price.per_visit[p] >= 0;
      in_order &= !slides(t, level);
      if (ends_short_)
        for (const Axis& axis : axes_) in_order &= !has_idle_copies(axis, t, level);
      for (const Rank& rank : layer_.tensors[index(t)].ranks)
        in_order &= rank.size() == 1 || layer_.is_output(t) || !uneven(must_be_even(level, rank));
      Vector& of = owed.of[index(t)];
      add(of, price.per_visit, 1);
      owed.tiles[index(t)] = price.tiles;  // the same at all its nodes
      if constexpr (kAll) of[kWaiting] += anew(label.cost, t, level) * price.tiles;
      owed.open |= 1U << t;
    });
    if (!in_order) return false;
    std::uint32_t left = 0;
    for (const Axis& axis : axes_)
      if (axis.at + 1 < axis.ladder->size()) left |= 1U << axis.dimension;
    order_.clear();
    close_in_order(label, owed, left, {outside_, steps_inside_}, label.cost);
    return true;
  }

  /// Of a label whose nodes are all placed: those of the tensors that no loop has moved yet.
  [[nodiscard]] static Open still_open(const Label& label, const Owed& owed) {
    Open open = 0;
    for (std::uint32_t left = owed.open; left != 0; left &= left - 1) open |= label.open & open_mask(std::countr_zero(left));
    return open;
  }

  /// Iterations outside what has been placed so far, and the steps of the MACs inside one of them.
  struct Placed {
    double outside = 1, steps_inside = 1;
  };
  [[nodiscard]] Placed with_all(int dimension, const Placed& placed) const {
    return {placed.outside / left_[index(dimension)], placed.steps_inside *
                                                          static_cast<double>(prices_.temporal()[index(dimension)]) /
                                                          static_cast<double>(extents_[index(dimension)])};
  }

  void close_in_order(const Label& label, const Owed& owed, std::uint32_t left, Placed placed, Vector cost) {
    const std::size_t before = order_.size();
    for (std::uint32_t dims = left; dims != 0; dims &= dims - 1) {  // no open node minds these
      const int d = std::countr_zero(dims);
      if ((relevant_[index(d)] & owed.open) != 0) continue;
      order_.push_back(d);
      left &= ~(1U << d);
      placed = with_all(d, placed);
    }
    if (owed.open == 0 || left == 0) {
      for (std::uint32_t open = owed.open; open != 0; open &= open - 1) {
        const auto t = index(std::countr_zero(open));
        add(cost, owed.of[t], 1 / owed.tiles[t]);
      }
      take_order(label, cost);
    } else {
      std::uint32_t tried = 0;  // sets of tensors that a dimension closes, a bit per set
      for (std::uint32_t dims = left; dims != 0; dims &= dims - 1) {
        const int d = std::countr_zero(dims);
        const std::uint32_t closes = relevant_[index(d)] & owed.open;
        if (closes < 32 && (tried >> closes & 1U) != 0) continue;
        if (closes < 32) tried |= 1U << closes;
        Vector next = cost;
        Owed rest = owed;
        rest.open &= ~closes;
        Open moved = 0;
        for (std::uint32_t open = closes; open != 0; open &= open - 1) {
          add(next, owed.of[index(std::countr_zero(open))], placed.outside / owed.tiles[index(std::countr_zero(open))]);
          moved |= label.open & open_mask(std::countr_zero(open));
        }
        if constexpr (kAll) use(next, moved, phase_of(label.phase).placed_so_far & ~still_open(label, owed), placed.steps_inside);
        order_.push_back(d);
        close_in_order(label, rest, left & ~(1U << d), with_all(d, placed), next);
        order_.pop_back();
      }
    }
    order_.resize(before);
  }

  void take_order(const Label& label, const Vector& sum) {
    if constexpr (K == 1)
      if (sum[0] + phase_of(label.phase).rest[kEnergy] >= limit_) return;
    const Score score = this->score(with_rest(label, sum));
    if (!betters(label, score)) return;
    best_ = score;
    best_label_ = static_cast<std::int32_t>(labels_.size());
    labels_.push_back(label);
    best_order_ = order_;
    set_limit();
  }

  // -- loops --------------------------------------------------------------------------------------------------------------

  void place_loop(const Label& label, std::int32_t at, const Axis& axis, const Step& step) {
    const bool remainder = !axis.rung().divides() || !axis.rung(step.to).divides();
    if (remainder && (has(label.even, axis.dimension) || lanes_within(phase_of(label.phase).level, axis.dimension))) return;
    Label next = label;
    next.from = at;
    next.dimension = static_cast<std::int16_t>(axis.dimension);
    next.count = static_cast<std::int32_t>(step.count);
    next.stored = 0;
    next.shape = shape_ + static_cast<std::int64_t>(step.to - axis.at) * axis.stride;
    if (!keep_order(next)) return;
    if (label.slides != 0) move_slides(next, axis.dimension, step.count);
    const Open moves = moves_[index(axis.dimension)];
    if constexpr (kAll) use(next.cost, label.open & moves, phase_of(label.phase).placed_so_far & ~label.open, steps_inside_);
    for_each_open(
        label,
        [&](int t, int level, std::size_t table, const NodePrice& price) {
          close(next, {t, level, table, tile_[index(t)], {}}, price, axis.dimension, step.count);
        },
        moves);
    next.open &= ~moves;
    commute(next, label, axis.dimension);
    if (next.even != label.even && (uneven(next.even) || (remainder && has(next.even, axis.dimension)))) return;
    if (!kAll && hopeless_after(next, axis, step)) {
      ++outcome_.labels_pruned;
      return;
    }
    if (scope_.innermost < kMaxLevels && next.slides == 0 && next.even == 0)
      if (const std::int64_t shape = mirrored(next.shape); shape != next.shape) {
        next.shape = shape;
        next.settled_dimensions = 0;
        next.settled_tensors = 0;
      }
    insert(next);
  }

  /// Whether a loop over this dimension next to the lanes outside a level may cost something else inside them than outside: along
  /// a halo, whose words they share, or with a remainder.
  [[nodiscard]] bool minds_lanes(int dimension, int level) const {
    return lanes_inside_[index(level)] != lanes_inside_[0] && (ragged_at_all_ || ends_short_ || has(along_halos_, dimension));
  }

  // Two steps that come to the same in either order need be tried in one only.

  /// What need not come right after a loop over `dimension`: the nodes of tensors that do not mind it, which could as well stand
  /// inside it; and loops that would have moved nothing before it. Of two such loops the dimension of lower number goes first;
  /// where the other one moves something, it had better come last, when fewer visits are left (at the price of a later last use,
  /// where ports are told apart).
  void commute(Label& next, const Label& label, int dimension) const {
    next.settled_dimensions = 0;
    next.settled_tensors = 0;
    if (!commutes_ || label.slides != 0 || next.slides != 0) return;
    const bool moved = (label.open & moves_[index(dimension)]) != 0;
    for (const Axis& axis : axes_)
      if ((label.open & moves_[index(axis.dimension)]) == 0 && (moved ? !kAll && !visits_pay_ : axis.dimension < dimension))
        next.settled_dimensions |= static_cast<std::uint16_t>(1U << axis.dimension);
    next.settled_tensors = static_cast<std::uint16_t>(~relevant_[index(dimension)]);
  }

  // No loop outside lanes of its dimension leaves a remainder.

  [[nodiscard]] bool lanes_within(int level, int dimension) const { return lanes_inside_[index(level)][index(dimension)] > 1; }
  /// Whether lanes between two levels would unroll tiles that leave a remainder.
  [[nodiscard]] bool cut_at_lanes(int inner, int outer) const {
    return std::any_of(axes_.begin(), axes_.end(), [&](const Axis& axis) {
      const auto d = index(axis.dimension);
      return !axis.rung().divides() && lanes_inside_[index(outer)][d] != lanes_inside_[index(inner)][d];
    });
  }

  /// Without lanes inside, a shape and its mirror image come to the same: the one of lower number, if it is still to come.
  [[nodiscard]] std::int64_t mirrored(std::int64_t shape) const {
    std::int64_t least = shape;
    for (const std::vector<std::int64_t>& strides : image_strides_) {
      std::int64_t image = 0;
      for (std::size_t a = 0; a < axes_.size(); ++a)
        image += shape / axes_[a].stride % static_cast<std::int64_t>(axes_[a].ladder->size()) * strides[a];
      if (image > shape_) least = std::min(least, image);
    }
    return least;
  }

  /// hopeless of a label with one loop more than the current shape: what is still open does not mind that loop.
  [[nodiscard]] bool hopeless_after(const Label& label, const Axis& axis, const Step& step) {
    double& left = left_[index(axis.dimension)];
    const double before = std::exchange(left, static_cast<double>(axis.rung(step.to).tiles));
    const double outside = std::exchange(outside_, outside_ / before * left);
    const bool is = hopeless(label);
    left = before;
    outside_ = outside;
    return is;
  }

  /// Nodes move for the first time, after so many steps: of the tiles that a port carries these are used shortest if no other has
  /// moved before.
  void use(Vector& cost, Open moved, Open moved_before, double steps) const {
    for (const Use& use : uses_)
      if ((use.nodes & moved) != 0 && (use.nodes & moved_before) == 0) cost[use.part] += steps * use.words_per_step;
  }

  [[nodiscard]] const Constraint* order_at(int level) const {
    for (const Constraint& constraint : problem_.constraints)
      if (constraint.kind == Constraint::Kind::order && constraint.level == level) return &constraint;
    return nullptr;
  }

  /// Whether the loop just placed may stand outside the others of its level; notes how far out the level's order has come.
  [[nodiscard]] bool keep_order(Label& label) const {
    for (const Constraint& constraint : problem_.constraints) {
      if (constraint.kind != Constraint::Kind::order || constraint.level != phase_of(label.phase).level) continue;
      const auto found = std::find(constraint.dimensions.begin(), constraint.dimensions.end(), label.dimension);
      if (found == constraint.dimensions.end()) continue;
      const auto place = static_cast<Open>(found - constraint.dimensions.begin()) + 1U;  // 1 = outermost
      const Open last = label.open >> kOrderBit;
      if (last != 0 && place > last) return false;
      label.open = (label.open & kNodes) | place << kOrderBit;
    }
    return true;
  }

  /// Whether a node of a tensor placed at the current shape covers what the constraints say.
  [[nodiscard]] bool tile_obeys(int t, int level) const {
    for (const Constraint& constraint : problem_.constraints) {
      if (constraint.kind != Constraint::Kind::tile || constraint.level != level) continue;
      const Extents tile = tile_at(level);
      for (std::size_t k = 0; k < constraint.dimensions.size(); ++k)
        if (concerns(constraint, t, k, layer_) && tile[index(constraint.dimensions[k])] != constraint.extents[k]) return false;
    }
    return true;
  }

  /// The first relevant loop outside an open node: its visits are known, unless the node can slide.
  void close(Label& label, Slide node, const NodePrice& price, int dimension, std::int64_t count) {
    const auto& ranks = layer_.tensors[index(node.tensor)].ranks;
    for (std::size_t r = 0; r < ranks.size(); ++r) {
      if (ranks[r].size() < 2 || layer_.is_output(node.tensor)) continue;
      for (const Term& term : ranks[r]) {
        if (term.dimension != dimension) continue;
        label.even |= must_be_even(node.level, ranks[r]);
        if (!may_slide(node.level, ranks[r])) continue;
        move(label, node, dimension, count);
        return;
      }
    }
    arrive(label.cost, node.tensor, node.level, price, outside_);
  }

  /// Dimensions, a bit each, of which no loop may leave a remainder, lest there be a step in it that leaves a tile at `level` in
  /// place: in a short tile any number of steps can be undone, not only those of the loops as they are.
  [[nodiscard]] std::uint16_t must_be_even(int level, const Rank& rank) const {
    if ((!ragged_at_all_ && !ends_short_) || scope_.bands != nullptr) return 0;
    const bool slides = may_slide(level, rank);
    std::uint32_t even = 0;
    for (const Term& undone : rank)
      for (const Term& by : rank) {
        const auto left = static_cast<std::int64_t>(left_[index(by.dimension)]);
        if (&by == &undone || left == 1 || left_[index(undone.dimension)] == 1) continue;
        const std::int64_t step = stride(level, undone);
        const std::int64_t each = stride(level, by);
        if (slides || (step % each == 0 && step / each < left)) even |= 1U << by.dimension;
      }
    return static_cast<std::uint16_t>(even);
  }

  /// Whether tiles of the current shape leave a remainder of any of these dimensions.
  [[nodiscard]] bool uneven(std::uint32_t dimensions) const {
    return std::any_of(axes_.begin(), axes_.end(), [&](const Axis& axis) {
      const bool divides = axis.rung().divides() && (axis.short_deal == nullptr || axis.rung().tiles == 1);
      return has(dimensions, axis.dimension) && !divides;
    });
  }

  /// Whether a set of dimensions, a bit each, has this one.
  [[nodiscard]] static bool has(std::uint32_t dimensions, int dimension) { return (dimensions >> dimension & 1U) != 0; }

  /// Indices that a loop over this term's dimension steps by, at the current shape and with the lanes from `level` inwards.
  [[nodiscard]] std::int64_t stride(int level, const Term& term) const {
    return term.coefficient * extents_[index(term.dimension)] * lanes_inside_[index(level)][index(term.dimension)];
  }

  /// Whether loops of this rank alone can leave a tile at `level` in place, or (sliding) in part. Two terms a, b and no lanes to
  /// come: only where the steps of a are undone by the reset of all of b, a = b (f - 1) for a factor f of b still to place.
  [[nodiscard]] bool may_slide(int level, const Rank& rank) const {
    if (hierarchy_.level(level).retention == Retention::sliding) return true;
    if (bands_along_halos_) return false;                        // see relax
    std::array<std::pair<std::int64_t, std::int64_t>, 2> terms;  // (stride, what is left to place)
    std::size_t count = 0;
    for (const Term& term : rank) {
      const auto left = static_cast<std::int64_t>(left_[index(term.dimension)]);
      if (left == 1) continue;
      if (count == terms.size()) return true;
      terms[count++] = {stride(level, term), left};
    }
    if (count < 2) return false;
    for (int f = 0; f < level; ++f)
      if (prices_.halo_lanes(rank, f)) return true;
    const auto undone = [&](const auto& a, const auto& b) {
      return a.first % b.first == 0 && b.second % (a.first / b.first + 1) == 0;
    };
    return undone(terms[0], terms[1]) || undone(terms[1], terms[0]);
  }

  /// Add what the steps of one loop deliver to a node whose tile they displace along a rank alone.
  void step(Label& label, const Slide& slide, std::size_t rank, std::int64_t displacement, double times) {
    if (hierarchy_.level(slide.level).retention == Retention::none) {
      arrive(label.cost, slide.tensor, slide.level, slide_price(slide), times);
      return;
    }
    const auto key = std::make_tuple(slide.table, slide.tile, rank, std::abs(displacement));
    auto it = shifted_.find(key);
    if (it == shifted_.end()) {
      Extents tile = lanes_inside_[index(slide.level)];
      for (std::size_t a = axes_.size(); a-- > 0;)
        if (const std::int64_t by = tile_strides_[index(slide.tensor)][a]; by != 0) {
          const Axis& axis = axes_[a];
          tile[index(axis.dimension)] *= axis.rung(index(slide.tile / by) % axis.ladder->size()).extent;
        }
      NodePrice price;
      price.per_visit =
          counted(tables_[slide.table].prices->slide(slide.tensor, slide.level, tile, rank, std::abs(displacement)));
      it = shifted_.emplace(key, price).first;
    }
    arrive(label.cost, slide.tensor, slide.level, it->second, times);
  }

  /// A loop is placed outside of sliding nodes.
  void move_slides(Label& label, int dimension, std::int64_t count) {
    const std::vector<Slide> before = memories_[label.slides];
    label.slides = 0;
    for (Slide slide : before) move(label, slide, dimension, count);
  }

  /// The steps of one loop outside a sliding node: each displaces the tile along the loop's rank, and along those of the loops
  /// inside, which start anew (R2). Along one rank alone it slides; along two, only a step that undoes one of them exactly can
  /// make it slide again; along a plain rank or a third one, never.
  void move(Label& label, Slide& slide, int dimension, std::int64_t count) {
    const auto& ranks = layer_.tensors[index(slide.tensor)].ranks;
    const double outer = outside_ / static_cast<double>(count);
    const double times = static_cast<double>(count - 1) * outer;
    std::size_t displaced = 0;
    std::size_t along = 0;
    std::int64_t displacement = 0;
    int halos = 0;
    bool ends = false;
    for (std::size_t r = 0; r < ranks.size(); ++r) {
      const auto term = std::find_if(ranks[r].begin(), ranks[r].end(), [&](const Term& of) { return of.dimension == dimension; });
      const std::int64_t by = term == ranks[r].end() ? 0 : stride(phase_of(label.phase).level, *term);
      if (by != slide.resets[r]) {
        ++displaced;
        along = r;
        displacement = by - slide.resets[r];
      }
      slide.resets[r] += by * (count - 1);
      if (slide.resets[r] == 0) continue;
      ends |= ranks[r].size() < 2;
      ++halos;
    }
    if (displaced == 1)
      step(label, slide, along, displacement, times);
    else if (displaced > 1)
      arrive(label.cost, slide.tensor, slide.level, slide_price(slide), times);
    ends |= halos > (hierarchy_.level(slide.level).retention == Retention::none ? 1 : 2);
    if (ends)
      arrive(label.cost, slide.tensor, slide.level, slide_price(slide), outer);
    else
      remember(label, slide);
  }

  void remember(Label& label, const Slide& slide) {
    std::vector<Slide> memory = memories_[label.slides];
    memory.insert(std::upper_bound(memory.begin(), memory.end(), slide), slide);
    const auto [it, fresh] = memory_of_.try_emplace(memory, static_cast<std::uint32_t>(memories_.size()));
    if (fresh) memories_.push_back(memory);
    label.slides = it->second;
  }

  // -- storage nodes ------------------------------------------------------------------------------------------------------

  void place_nodes(const Label& label, std::int32_t at) {
    const Phase& phase = phase_of(label.phase);
    if (phase.level == 0) return;
    Placing placing{label, phase.chains};
    placing.next.from = at;
    placing.next.dimension = -1;
    placing.next.count = 0;
    placing.next.settled_dimensions = 0;
    placing.next.shape = shape_;
    if (phase.shared >= 0) placing.used[index(phase.shared)] = label.used;
    if ((!problem_.mapspace.uneven && !wide(phase.level)) || phase.shared == -2) {
      placing.next.stored = static_cast<std::uint16_t>(phase.missing);
      place(placing, phase, phase.missing);
      return;
    }
    const bool last_after_loop = label.dimension >= 0 && (phase.missing & (phase.missing - 1)) == 0;
    const std::uint32_t settled = last_after_loop && minds_lanes(label.dimension, phase.level) ? 0U : label.settled_tensors;
    for (std::uint32_t left = phase.missing & ~settled; left != 0; left &= left - 1) {
      placing.next.stored = static_cast<std::uint16_t>(left & (0U - left));
      if (commutes_) placing.next.settled_tensors = static_cast<std::uint16_t>(settled | (placing.next.stored - 1U));
      place(placing, phase, placing.next.stored);
    }
  }

  /// A label to which nodes are being added.
  struct Placing {
    Label next;
    Chains chains{};
    std::array<std::int64_t, kMaxPartitions> used{};
  };

  /// The nodes of `tensors` at the level of `phase`, with every choice of their parents.
  void place(const Placing& placing, const Phase& phase, std::uint32_t tensors) {
    const int t = std::countr_zero(tensors);
    if (!tile_obeys(t, phase.level)) return;
    for (int parent = phase.level; parent-- > 0;) {
      if (!may_follow(t, phase.level, parent)) continue;
      const NodePrice& price = node_price(t, phase.level, table_of(t, phase.level, parent, phase.chains[index(t)]));
      Placing more = placing;
      if (!fits(phase.level, t, price.words, more.used)) return;
      more.chains[index(t)] = chain_after(t, phase.chains[index(t)], parent);
      add(more.next.cost, price.once, 1);
      if constexpr (kAll) owe_anew(more.next.cost, t, phase.level, price);
      more.next.open |= open_bit(t, phase.level);
      if (const std::uint32_t rest = tensors & (tensors - 1); rest != 0)
        place(more, phase, rest);
      else
        go_on(more, phase, parent);
    }
  }

  /// … and the last of them, with its parent, leads to the next phase.
  void go_on(Placing& placed, const Phase& phase, int parent) {
    Label& next = placed.next;
    const bool all = phase.missing == next.stored;
    const bool one = std::has_single_bit(next.stored);
    std::uint32_t known = 0;
    std::uint32_t& after = one ? phase_of(next.phase).after[index(std::countr_zero(next.stored))][index(parent)] : known;
    if (after == 0) after = (all ? enter(placed.chains) : phase_at(phase.level, phase.shared, placed.chains)) + 1;
    next.phase = after - 1;
    if (all) {
      if (cut_at_lanes(phase.level, phase_of(next.phase).level)) return;
      next.used = 0;
      next.settled_tensors = 0;
      next.open &= kNodes;
      pass_fanouts(next, phase.level, placed.chains);
      if (phase_of(next.phase).level == 0 && !hopeless(next) && finish_in_order(next)) return;
    } else {
      next.used = phase.shared >= 0 ? placed.used[index(phase.shared)] : 0;
    }
    if (!hopeless(next)) insert(next);
  }

  /// Words of a phase's shared partition that the nodes still to come there leave, at the current shape: further out their tiles
  /// only grow. Negative: those of this or a level further out do not fit in any case.
  [[nodiscard]] std::int64_t room_left(const Phase& phase) {
    std::array<std::array<std::int64_t, kMaxPartitions>, kMaxLevels> used{};
    for (int t = 0; t < layer_.tensor_count(); ++t) {
      const int level = next_of(phase.chains[index(t)]);
      if (level == 0) continue;
      int parent = level - 1;
      while (!may_follow(t, level, parent)) --parent;
      const NodePrice& price = node_price(t, level, table_of(t, level, parent, phase.chains[index(t)]));
      if (!fits(level, t, price.words, used[index(level)])) return -1;
    }
    if (phase.shared < 0) return std::numeric_limits<std::int64_t>::max();
    const auto shared = index(phase.shared);
    return hierarchy_.level(phase.level).partitions[shared].capacity_words - used[index(phase.level)][shared];
  }

  [[nodiscard]] bool fits(int level, int t, std::int64_t words, std::array<std::int64_t, kMaxPartitions>& used) const {
    const auto& parts = hierarchy_.level(level).partitions;
    for (std::size_t p = 0; p < parts.size(); ++p)
      if (at(parts[p].holds, layer_.tensors[index(t)].role)) {
        used[p] += words;
        return used[p] <= parts[p].capacity_words;
      }
    return true;
  }

  // -- the nest of the best path ------------------------------------------------------------------------------------------

  LatticeOutcome finish() {
    outcome_.score = best_;
    if (K == 1 && outcome_.finished && !scope_.rated) {
      constexpr double kRounding = 1 - 1e-9;  // the limit is reckoned back from a score
      outcome_.least = {limit_ * (limit_ > 0 ? kRounding : 1 / kRounding), least_cycles_};
    }
    for (const auto& [chains, least] : least_with_) {
      Kept kept{{}, least};
      for (int t = 0; t < layer_.tensor_count(); ++t) kept.keeps[index(t)] = chains[index(t)] & ((1U << kMaxLevels) - 1U);
      outcome_.kept.push_back(kept);
    }
    if (best_label_ >= 0 && scope_.innermost == kMaxLevels) outcome_.nest = build(best_label_);
    return std::move(outcome_);
  }

  [[nodiscard]] Nest build(std::int32_t at) {
    Nest nest;
    Store all{{}, 0};
    for (int t = 0; t < layer_.tensor_count(); ++t) all.tensors.push_back(t);
    nest.nodes.emplace_back(all);
    set_shape(labels_[index(at)].shape);
    std::vector<int> order = best_order_;  // innermost first
    for (const Axis& axis : axes_)
      if (std::find(order.begin(), order.end(), axis.dimension) == order.end()) order.push_back(axis.dimension);
    for (auto d = order.rbegin(); d != order.rend(); ++d) {
      const auto axis = std::find_if(axes_.begin(), axes_.end(), [&](const Axis& of) { return of.dimension == *d; });
      const Rung& rung = axis->rung();
      const std::int64_t chunks = std::max<std::int64_t>(rung.short_tiles, 1);
      for (const std::int64_t count : {chunks, rung.tiles / chunks})
        if (count > 1) nest.nodes.emplace_back(Loop{*d, count});
    }
    while (at >= 0) {
      const Label& label = labels_[index(at)];
      const int above = phase_of(label.phase).level;
      const int below = label.from < 0 ? hierarchy_.level_count() : phase_of(labels_[index(label.from)].phase).level;
      for (int f = above; f < below; ++f)
        if (hierarchy_.level(f).fanout)
          for (const SpatialLoop& loop : lay_out(layer_, hierarchy_, f, prices_.job().lanes[index(f)], prices_.job().deals))
            nest.nodes.emplace_back(loop);
      if (label.dimension >= 0) nest.nodes.emplace_back(Loop{label.dimension, label.count});
      if (label.stored != 0) {
        Store store{{}, below};
        for (int t = 0; t < layer_.tensor_count(); ++t)
          if ((label.stored >> t & 1U) != 0) store.tensors.push_back(t);
        nest.nodes.emplace_back(store);
      }
      at = label.from;
    }
    for (int d = 0; d < layer_.dimension_count(); ++d)
      if (const std::int64_t part = prices_.job().deals[index(d)].part; part > 1) nest.nodes.emplace_back(Loop{d, part});
    nest.nodes.emplace_back(Compute{});
    return simplified(nest, layer_);
  }

  Scope scope_;
  const Problem& problem_;
  const Layer& layer_;
  const Hierarchy& hierarchy_;
  const Prices& prices_;
  const Keeping keeping_;
  const bool fixed_;  ///< the keeping leaves no choice: that of the prices
  const Patience& patience_;
  Workspace& workspace_;
  std::size_t blocks_per_phase_ = 0;
  std::array<std::uint32_t, kMaxDimensions> relevant_{};  ///< per dimension: tensors, a bit each
  std::array<Open, kMaxDimensions> moves_{};              ///< per dimension: all their nodes
  std::size_t scored_ = 2, parts_ = 2;                    ///< parts of a cost, of a label
  std::array<std::size_t, K> part_{};                     ///< see part
  Cost relaxed_{};                                        ///< least of every part: of those that the labels do not count
  Pace pace_;
  double least_cycles_ = 0;  ///< whatever the nest
  double rate_ = 0;          ///< energy that a cycle of waiting counts for
  bool slides_at_all_ = false;
  bool visits_pay_ = false;         ///< more visits of some node can cost less
  bool ragged_at_all_ = false;      ///< some dimension may be cut with a remainder
  bool bands_along_halos_ = false;  ///< dimensions along halos go by bands
  bool ends_short_ = false;         ///< some dimension is dealt in chunks of which the last is shorter
  std::uint32_t along_halos_ = 0;   ///< dimensions, a bit each, of ranks of several
  bool commutes_ = true;            ///< see commute; not where constraints say what stands where

  double steps_of_parts_ = 1;  ///< of what is dealt to lanes, innermost

  std::vector<Axis> axes_;                                ///< dimensions with temporal loops
  std::array<Ladder, kMaxDimensions> own_ladders_{};      ///< of those that no ladder of the problem is for
  std::vector<std::vector<std::int64_t>> image_strides_;  ///< per symmetry and axis: of the axis that it is exchanged with
  std::int64_t shapes_ = 1;
  std::array<std::vector<std::int64_t>, kMaxTensors>
      tile_strides_,   ///< per tensor and axis: of the tensor's own part of the shape
      chunk_strides_;  ///< … and of whether there is more than one chunk of an irrelevant dimension; see tells_chunks_apart
  std::array<std::int64_t, kMaxTensors> tiles_{};
  std::array<std::vector<Visits>, kMaxTensors> visits_;  ///< by tile
  struct Slidable {
    std::uint32_t known = 0, can = 0;  ///< a bit per level
  };
  std::array<std::vector<Slidable>, kMaxTensors> slidable_;  ///< by tile
  std::vector<Extents> lanes_inside_;                        ///< per level: lanes of its fanout and all further in

  std::vector<std::unique_ptr<Phase>> phases_;
  std::vector<std::int32_t> phase_blocks_;                                            ///< of all phases, see block_of
  std::array<std::vector<std::pair<Chain, ByLevel>>, kMaxTensors> least_by_nearest_;  ///< by chain: what is known of them
  std::array<ByLevel, kMaxTensors> least_further_{};                                  ///< below 0: not known
  std::vector<OuterChoice> choices_, longer_;                                         ///< of least_together
  std::map<std::tuple<int, int, Chains>, std::uint32_t> phase_number_;                ///< by level, shared partition and chains
  std::vector<std::vector<std::uint32_t>> agenda_;  ///< phases in the order in which they are gone through
  Blocks<Label> labels_;
  std::vector<Table> tables_;
  std::array<std::array<std::int16_t, 1U << kMaxLevels>, kMaxTensors>
      table_at_{};                                                          ///< per tensor, by table_of's levels; -1 = none
  std::array<std::vector<std::unique_ptr<Prices>>, kMaxTensors> variants_;  ///< by the levels that keep the tensor
  std::array<std::array<std::vector<NodePrice>, kMaxLevels>, kMaxTensors> mac_reads_;
  std::vector<Use> uses_;
  std::vector<std::vector<Slide>> memories_;
  std::unordered_map<std::vector<Slide>, std::uint32_t, SlidesHash> memory_of_;
  std::map<std::tuple<std::size_t, std::int64_t, std::size_t, std::int64_t>, NodePrice> shifted_;

  // the current shape
  std::int64_t shape_ = 0;
  Extents extents_{};
  std::array<double, kMaxDimensions> left_{};  ///< iterations of each dimension still to be placed
  double outside_ = 1;                         ///< of all together
  double steps_inside_ = 1;                    ///< of the MACs, in a full tile
  std::array<std::int64_t, kMaxTensors> tile_{};

  Score best_;
  double limit_ = std::numeric_limits<double>::infinity();  ///< energy of a path that only meets the incumbent
  double floor_ = 0;                                        ///< energy that is paid in any case
  std::int32_t best_label_ = -1;
  std::map<Chains, Score> least_with_;   ///< where keeps are told apart: of each
  std::vector<int> order_, best_order_;  ///< of the outermost level's dimensions, innermost first
  std::int64_t visited_ = 0;
  LatticeOutcome outcome_;
};

}  // namespace

std::vector<std::uint32_t> Keeping::choices(int tensor) const {
  std::vector<std::uint32_t> choices = {0};
  for (int l = 0; l < kMaxLevels; ++l) {
    std::vector<std::uint32_t> next;
    for (const std::uint32_t choice : choices) {
      if ((must[index(tensor)] >> l & 1U) == 0) next.push_back(choice);
      if ((may[index(tensor)] >> l & 1U) != 0) next.push_back(choice | 1U << l);
    }
    choices = std::move(next);
  }
  return choices;
}

std::uint32_t feeding_tensors(const Layer& layer, const Hierarchy& hierarchy, int outer_level) {
  if (outer_level == 0 || outer_level + 1 >= hierarchy.level_count()) return 0;
  const bool slides = std::any_of(hierarchy.levels.begin() + outer_level + 1, hierarchy.levels.end(),
                                  [](const Level& level) { return level.retention == Retention::sliding; });
  std::uint32_t feeding = 0;
  for (int t = 0; t < layer.output(); ++t) {
    const auto& ranks = layer.tensors[index(t)].ranks;
    const bool halo = std::any_of(ranks.begin(), ranks.end(), [](const Rank& rank) { return rank.size() > 1; });
    if (!halo || !slides) feeding |= 1U << t;
  }
  return feeding;
}

Nearest Problem::levels_of(Nearest nearest) const {
  for (std::uint8_t& of : nearest) of = this->nearest(level_of(of), false);
  return nearest;
}

Pace Problem::pace(double steps) const { return {model_detail::whole_cycles(steps / hierarchy.compute.macs_per_cycle), nullptr}; }

double Problem::score_cycles(const Cost& cost, const Pace& pace) const {
  if (parts.count == 1) return pace.compute;
  double macs = pace.compute;
  std::array<double, kMaxLevels> operands{};
  for (std::size_t l = 0; l < operands.size(); ++l)
    if (const int port = parts.mac_port[l]; port >= 0) {
      operands[l] = cost[static_cast<std::size_t>(port)];
      macs = std::max(macs, model_detail::whole_cycles(operands[l] / parts.bandwidth[static_cast<std::size_t>(port)]));
    }
  if (pace.steps != nullptr) macs = model_detail::mac_cycles(*pace.steps, operands, hierarchy);
  double cycles = macs + cost[kWaiting] + cost[kEdge];
  for (int p = kFirstPort; p < parts.count; ++p)
    cycles = std::max(
        cycles, model_detail::whole_cycles(cost[static_cast<std::size_t>(p)] / parts.bandwidth[static_cast<std::size_t>(p)]));
  return cycles;
}

Score Problem::score(const Cost& cost, const Pace& pace) const {
  const double cycles = score_cycles(cost, pace);
  return score_of(objective, cost[kEnergy] + leakage * cycles, cycles);
}

Score Problem::score(const Least& least) const {
  return score_of(objective, least.energy + leakage * least.cycles, least.cycles);
}

double Problem::energy_limit(const Score& incumbent, double cycles) const {
  constexpr double kNone = std::numeric_limits<double>::infinity();
  if (cycles > objective.max_cycles) return -kNone;
  double limit = kNone;
  switch (objective.objective) {
    case Objective::energy:
      limit = incumbent.value;
      if (cycles < incumbent.tie) limit = std::nextafter(limit, kNone);  // of equal energy, fewer cycles are better
      break;
    case Objective::latency:
      limit = cycles < incumbent.value ? kNone : cycles > incumbent.value ? -kNone : incumbent.tie;
      break;
    case Objective::edp:
      limit = incumbent.value / cycles;
      break;
    case Objective::ed2p:
      limit = incumbent.value / cycles / cycles;
      break;
    case Objective::product: {
      constexpr double kRounding = 1 + 1e-12;  // of the powers: what is nearly as good is looked at
      limit = std::pow(incumbent.value / std::pow(cycles, objective.cycles_exponent), 1 / objective.energy_exponent) * kRounding;
      break;
    }
  }
  return std::min(limit, std::nextafter(objective.max_energy, kNone)) - leakage * cycles;
}

namespace {

template <std::size_t K>
std::unique_ptr<Look> solve_fixed(const Problem& problem, const Prices& prices, const Scope& scope, const Patience& patience,
                                  Workspace& workspace) {
  const auto& keeps = prices.job().keeps;
  return std::make_unique<Lattice<Counted::all, K>>(problem, prices, Keeping{keeps, keeps}, scope, patience, workspace);
}

std::unique_ptr<Look> solve_waiting(const Problem& problem, const Prices& prices, const Keeping& keeping, const Scope& scope,
                                    const Patience& patience, Workspace& workspace) {
  const auto by = [&](auto parts) -> std::unique_ptr<Look> {
    return std::make_unique<Lattice<Counted::waiting, parts()>>(problem, prices, keeping, scope, patience, workspace);
  };
  if (problem.watched.empty()) return by(std::integral_constant<std::size_t, 2>());
  if (problem.watched.size() <= 2) return by(std::integral_constant<std::size_t, 4>());
  return by(std::integral_constant<std::size_t, 2 + kMostWatched>());
}

/// By the lattice, whose prices all calls share.
class SolvedOuterNodes : public OuterNodes {
 public:
  SolvedOuterNodes(const Problem& problem, const Outer& outer, const Patience& patience)
      : problem_(problem),
        keeping_(outer.keeping),
        prices_(problem.layer, problem.hierarchy, problem.parts, without_lanes()),
        lattice_(for_energy(), prices_, keeping_, {.innermost = problem.outer_level, .bands = bands_of(problem_, outer.tiles)},
                 patience, workspace_) {}

  double least(const Nearest& nearest) override {
    if (keeping_.fixed())  // known where none of the nodes is placed
      for (int t = 0; t < problem_.layer.tensor_count(); ++t)
        if (keeping_.may[index(t)] >> problem_.level_of(nearest[index(t)]) > 1) return 0;
    lattice_.start_from(nearest);
    const double least = lattice_.apart().energy;
    const double most = lattice_.least_even();
    constexpr double kRounding = 1 + 1e-12;
    if (most <= least * kRounding) return least;
    const auto above = [&](double slack) { return Score{std::max(least, 1.0) * slack, 0}; };
    // Mostly it is the bound; else often what the nodes cost together, and most labels are there under any limit.
    const LatticeOutcome outcome = narrowing(
        {most, 0}, above, [&](const Score& limit) { return lattice_.below(limit); }, std::isfinite(most) ? 1 : kTries);
    return outcome.finished ? outcome.score.value : 0;
  }

 private:
  static const std::array<Ladder, kMaxDimensions>* bands_of(const Problem& problem, Tiles tiles) {
    if (tiles == Tiles::even) return nullptr;
    return tiles == Tiles::chunks ? &problem.bands_of_chunks : &problem.bands;
  }
  const Problem& for_energy() {
    problem_.objective = Aim(Objective::energy);
    problem_.leakage = 0;
    problem_.constraints.clear();
    return problem_;
  }
  [[nodiscard]] Job without_lanes() const {
    Job none;
    LaneFactors one{};
    one.fill(1);
    none.lanes.assign(index(problem_.hierarchy.level_count()), one);
    none.keeps = keeping_.may;
    return none;
  }

  Problem problem_;
  Keeping keeping_;
  Prices prices_;
  Workspace workspace_;
  Lattice<Counted::energy, 1> lattice_;
};

}  // namespace

std::unique_ptr<Look> solve(const Problem& problem, const Prices& prices, const OuterEnergy& outer, const Patience& patience,
                            Workspace& workspace) {
  const Scope scope{.outer = &outer};
  const auto by = [&](auto solves) { return solves(problem, prices, scope, patience, workspace); };
  const int parts = problem.parts.label_count;
  if (parts <= kFirstPort + 4) return by(solve_fixed<kFirstPort + 4>);
  if (parts <= kFirstPort + 8) return by(solve_fixed<kFirstPort + 8>);
  if (parts <= kFirstPort + 16) return by(solve_fixed<kFirstPort + 16>);
  if (parts <= kMaxParts) return by(solve_fixed<kMaxParts>);
  return by(solve_fixed<kMaxLabelParts>);
}

std::unique_ptr<Look> solve_rated(const Problem& problem, const Prices& prices, const Keeping& keeping, const Least& known,
                                  const OuterEnergy& outer, const Patience& patience, Workspace& workspace) {
  return std::make_unique<Lattice<Counted::energy, 1>>(problem, prices, keeping, Scope{.outer = &outer, .rated = known}, patience,
                                                       workspace);
}

std::unique_ptr<Look> solve_relaxed(const Problem& problem, const Prices& prices, const Keeping& keeping,
                                    const OuterEnergy& outer, const Patience& patience, Workspace& workspace) {
  const Scope scope{.outer = &outer};
  if (problem.parts.count > 1) return solve_waiting(problem, prices, keeping, scope, patience, workspace);
  return std::make_unique<Lattice<Counted::energy, 1>>(problem, prices, keeping, scope, patience, workspace);
}

std::unique_ptr<Look> tell_keeps(const Problem& problem, const Prices& prices, const Keeping& keeping, const OuterEnergy& outer,
                                 const Patience& patience, Workspace& workspace) {
  return solve_waiting(problem, prices, keeping, {.outer = &outer, .tells_keeps = true}, patience, workspace);
}

std::unique_ptr<OuterNodes> outer_nodes(const Problem& problem, const Outer& outer, const Patience& patience) {
  return std::make_unique<SolvedOuterNodes>(problem, outer, patience);
}

}  // namespace tilepath::search_detail
