#include "lattice.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>
#include <tuple>
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

/// A node whose tile has moved along halo ranks only: it may yet stay in place, or keep an overlap.
struct Slide {
  int tensor = 0, level = 0;
  std::int64_t tile = 0;                         ///< the tensor's own part of the shape at which the node stands
  std::array<std::int64_t, kMaxRanks> resets{};  ///< by how much the loops since then move back, per rank, when they start anew
  friend auto operator<=>(const Slide&, const Slide&) = default;
};

/// The levels whose nodes are placed; what is known of those further out.
struct Scope {
  int innermost = kMaxLevels, outermost = 1;
  double outer = 0;      ///< least energy of the nodes up to level `outer_level`
  int outer_level = -1;  ///< -1: nothing known
  bool beam = false;     ///< only the most promising label of each phase and shape goes on
  bool banded = false;   ///< dimensions that may leave remainders go by bands of extents: for a bound
};

template <std::size_t K>
class Lattice {
 public:
  Lattice(const Problem& problem, const Prices& prices, const Score& incumbent, const Scope& scope, const Patience& patience,
          Workspace& workspace)
      : scope_(scope),
        problem_(problem),
        layer_(problem.layer),
        hierarchy_(problem.hierarchy),
        prices_(prices),
        patience_(patience),
        workspace_(workspace),
        best_(incumbent) {
    scored_ = static_cast<std::size_t>(problem.parts.count);
    parts_ = static_cast<std::size_t>(problem.parts.label_count);
    pace_ = prices.pace();
    left_.fill(1);
    for (int d = 0; d < layer_.dimension_count(); ++d)
      for (int t = 0; t < layer_.tensor_count(); ++t)
        if (prices.relevant(t, d)) relevant_[index(d)] |= 1U << t;
    set_dimensions();
    set_phases();
    set_tables();
    set_limit();
  }

  LatticeOutcome run() {
    start();
    for (std::size_t phase = 0; phase < phases_.size(); ++phase)
      for (std::size_t word = 0; word < words_per_phase_; ++word)
        // Loops lead to shapes of higher numbers, perhaps in this very word.
        for (std::uint64_t done = 0;;) {
          const std::uint64_t left = workspace_.occupied[phase * words_per_phase_ + word] & ~done;
          if (left == 0) break;
          const int bit = std::countr_zero(left);
          done |= (std::uint64_t{2} << bit) - 1U;
          if (!expand_all(phase, static_cast<std::int64_t>(word) * 64 + bit)) {
            outcome_.finished = false;
            return finish();
          }
        }
    return finish();
  }

 private:
  /// The labels of one phase and shape; false when patience runs out.
  bool expand_all(std::size_t phase, std::int64_t shape) {
    set_shape(shape);
    const std::int32_t first = head(phase, shape);
    for (std::int32_t at = first; at >= 0; at = labels_[index(at)].next) {
      if (++visited_ % 1024 == 0 && patience_.over()) return false;
      if (outdone(at, first))
        ++outcome_.labels_pruned;
      else
        expand(phase, at);
    }
    return true;
  }

  using Vector = std::array<double, K>;

  struct Label {
    Vector cost{};
    Open open = 0;
    std::uint32_t slides = 0;  ///< index into memories_; 0 = none
    std::uint16_t even = 0;    ///< dimensions, a bit each, of which no loop may leave a remainder
    std::int64_t used = 0;     ///< words of the level's shared partition that the nodes placed so far take
    std::int32_t next = -1;    ///< of the same phase and shape
    std::int32_t from = -1;    ///< the label it was built from
    std::uint16_t phase = 0;
    std::int16_t dimension = -1;  ///< what was placed: a loop (dimension, count) …
    std::int32_t count = 0;
    std::uint32_t stored = 0;  ///< … or nodes: a bit per tensor
    std::int64_t shape = 0;
  };

  /// What every look at a label reads stands first.
  struct NodePrice {
    bool known = false;
    double energy = 0;  ///< of one visit, on average
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

  struct Phase {
    int level = 0;
    Open placed_so_far = 0;    ///< nodes
    std::uint32_t placed = 0;  ///< tensors whose node at this level is placed
    std::vector<bool> barred;  ///< dimensions that no loop may take here
    Cost rest{};               ///< least cost of all that is not placed yet
  };

  // -- the lattice --------------------------------------------------------------------------------------------------------

  struct Axis {
    int dimension = 0;
    const Ladder* ladder = nullptr;  ///< of what the lanes leave
    std::int64_t stride = 1;         ///< of the shape number
    std::size_t at = 0;              ///< rung of the current shape

    [[nodiscard]] const Rung& rung(std::size_t number) const { return (*ladder)[number]; }
    [[nodiscard]] const Rung& rung() const { return rung(at); }
  };

  void set_dimensions() {
    const Extents& temporal = prices_.temporal();
    for (int d = 0; d < layer_.dimension_count(); ++d) {
      if (temporal[index(d)] == 1) continue;
      Axis axis;
      axis.dimension = d;
      axis.ladder = &(scope_.banded ? problem_.banded : problem_.ragged)[index(d)];
      if (axis.ladder->empty() || temporal[index(d)] != layer_.dimensions[index(d)].bound) {  // lanes unroll it
        perfect_[index(d)] = perfect_ladder(temporal[index(d)]);
        axis.ladder = &perfect_[index(d)];
      } else {
        ragged_at_all_ = true;
      }
      axis.stride = shapes_;
      shapes_ *= static_cast<std::int64_t>(axis.ladder->size());
      axes_.push_back(std::move(axis));
    }
    for (int t = 0; t < layer_.tensor_count(); ++t) {
      auto& strides = tile_strides_[index(t)];
      std::int64_t tiles = 1;
      for (const Axis& axis : axes_) {
        const bool relevant = (relevant_[index(axis.dimension)] >> t & 1U) != 0;
        strides.push_back(relevant ? tiles : 0);
        if (relevant) tiles *= static_cast<std::int64_t>(axis.ladder->size());
      }
      tiles_[index(t)] = tiles;
    }
  }

  /// Make `shape` the current one: extents, iterations outside, each tensor's own part.
  void set_shape(std::int64_t shape) {
    shape_ = shape;
    extents_.fill(1);
    outside_ = 1;
    tile_.fill(0);
    for (std::size_t a = axes_.size(); a-- > 0;) {
      Axis& axis = axes_[a];
      axis.at = index(shape / axis.stride);
      shape %= axis.stride;
      extents_[index(axis.dimension)] = axis.rung().extent;
      left_[index(axis.dimension)] = static_cast<double>(axis.rung().tiles);
      outside_ *= left_[index(axis.dimension)];
      for (std::uint32_t tensors = relevant_[index(axis.dimension)]; tensors != 0; tensors &= tensors - 1) {
        const auto t = index(std::countr_zero(tensors));
        tile_[t] += static_cast<std::int64_t>(axis.at) * tile_strides_[t][a];
      }
    }
    for (int t = 0; t < layer_.tensor_count(); ++t) least_visits_[index(t)] = least_visits(t);
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

  [[nodiscard]] std::uint32_t kept_at(int level) const {
    std::uint32_t kept = 0;
    for (int t = 0; t < layer_.tensor_count(); ++t)
      if (prices_.kept(t, level)) kept |= 1U << t;
    return kept;
  }

  /// The partition of a level in which two or more kept tensors share room, if there is exactly one such; -1 none, -2 several.
  [[nodiscard]] int shared_partition(int level) const {
    int shared = -1;
    const auto& parts = hierarchy_.level(level).partitions;
    for (std::size_t p = 0; p < parts.size(); ++p) {
      int kept = 0;
      for (int t = 0; t < layer_.tensor_count(); ++t)
        kept += static_cast<int>(prices_.kept(t, level) && at(parts[p].holds, layer_.tensors[index(t)].role));
      if (kept > 1) shared = shared == -1 ? static_cast<int>(p) : -2;
    }
    return shared;
  }

  void set_phases() {
    for (int l = 0; l < hierarchy_.level_count(); ++l) {
      kept_.push_back(kept_at(l));
      shared_.push_back(shared_partition(l));
    }
    for (int l = std::min(scope_.innermost, hierarchy_.level_count() - 1); l >= scope_.outermost; --l) {
      slides_at_all_ |= hierarchy_.level(l).retention == Retention::sliding;
      const std::uint32_t kept = kept_at(l);
      if (kept == 0) continue;
      const bool apart = problem_.mapspace.uneven && shared_partition(l) != -2;
      for (std::uint32_t placed = 0; placed < kept; placed = apart ? ((placed | ~kept) + 1) & kept : kept) add_phase(l, placed);
    }
    add_phase(0, 0);
    for (int l = 1; l < hierarchy_.level_count(); ++l) phase_number_.emplace_back();
    phase_number_.emplace_back();
    for (std::size_t p = 0; p < phases_.size(); ++p) {
      auto& of_level = phase_number_[index(phases_[p].level)];
      of_level.emplace(phases_[p].placed, static_cast<std::uint16_t>(p));
      of_level[kAllPlaced] = static_cast<std::uint16_t>(p + 1);
    }
    if (scope_.innermost == kMaxLevels) {
      relaxed_ = prices_.fixed();
      for (int t = 0; t < layer_.tensor_count(); ++t) {
        for (int l = 1; l < hierarchy_.level_count(); ++l)
          if (prices_.kept(t, l)) search_detail::add(relaxed_, prices_.least(t, l));
        if (!layer_.is_output(t) && prices_.mac_fanout(t) >= 0) search_detail::add(relaxed_, prices_.least_mac_reads(t));
      }
    }
    words_per_phase_ = index(shapes_ + 63) / 64;
    workspace_.occupied.assign(phases_.size() * words_per_phase_, 0);
    if (workspace_.heads.size() < phases_.size() * index(shapes_)) workspace_.heads.resize(phases_.size() * index(shapes_));
    if (++workspace_.solves == 0) {  // the number of solves wrapped
      std::fill(workspace_.heads.begin(), workspace_.heads.end(), Workspace::Head{});
      workspace_.solves = 1;
    }
  }

  void add_phase(int level, std::uint32_t placed) {
    Phase phase;
    phase.level = level;
    phase.placed = placed;
    for (int t = 0; t < layer_.tensor_count(); ++t)
      for (int l = std::max(level, 1); l < hierarchy_.level_count(); ++l)
        if (prices_.kept(t, l) && (l > level || (placed >> t & 1U) != 0)) phase.placed_so_far |= open_bit(t, l);
    for (int d = 0; d < layer_.dimension_count(); ++d) phase.barred.push_back(barred(level, placed, d));
    const bool outer_known = scope_.outer_level >= 0 && (scope_.outermost > scope_.outer_level || level > scope_.outer_level ||
                                                         (level == scope_.outer_level && placed == 0));
    double outer = 0;
    for (int t = 0; t < layer_.tensor_count(); ++t) {
      for (int l = std::max(1, outer_known ? 1 : scope_.outermost); l <= level; ++l)
        if (prices_.kept(t, l) && !(l == level && (placed >> t & 1U) != 0)) {
          const Cost least = prices_.least(t, l);
          search_detail::add(phase.rest, least);
          if (l <= scope_.outer_level) outer += least[kEnergy];
        }
      if (!layer_.is_output(t) && prices_.mac_fanout(t) >= 0 && prices_.mac_fanout(t) < level)
        search_detail::add(phase.rest, prices_.least_mac_reads(t));
    }
    if (outer_known) phase.rest[kEnergy] += std::max(0.0, scope_.outer - outer);
    phases_.push_back(phase);
  }

  /// The price of a node with lanes along a halo above it holds only while no loop of that rank stands in between; and a part
  /// dealt to lanes is run through inside all nodes below them.
  [[nodiscard]] bool barred(int level, std::uint32_t placed, int dimension) const {
    if (const Deal& deal = prices_.job().deals[index(dimension)]; deal.dealt() && deal.fanout < level) return true;
    for (int t = 0; t < layer_.output(); ++t)
      for (const Rank& rank : layer_.tensors[index(t)].ranks) {
        if (std::none_of(rank.begin(), rank.end(), [&](const Term& term) { return term.dimension == dimension; })) continue;
        int child = level + static_cast<int>((placed >> t & 1U) == 0);
        while (child < hierarchy_.level_count() && !prices_.kept(t, child)) ++child;
        if (child == hierarchy_.level_count() && prices_.mac_fanout(t) >= 0 && prices_.mac_fanout(t) < level) continue;
        if (prices_.kept(t, level) && (placed >> t & 1U) == 0) continue;  // its next node stands before any fanout
        for (int f = prices_.parent(t, level); f < level; ++f)
          if (prices_.halo_lanes(rank, f)) return true;
      }
    return false;
  }

  // -- tables -------------------------------------------------------------------------------------------------------------

  void set_tables() {
    for (int t = 0; t < layer_.tensor_count(); ++t)
      for (int l = 1; l < hierarchy_.level_count(); ++l)
        if (prices_.kept(t, l)) nodes_[index(t)][index(l)].resize(index(tiles_[index(t)]));
    for (int l = 0; l <= hierarchy_.level_count(); ++l) lanes_inside_.push_back(prices_.inside(l));
    memories_.emplace_back();
    if constexpr (K == 1) return;
    for (const Prices::Use& of : prices_.uses()) {
      Use use{index(of.part), 0, problem_.parts.bandwidth[index(of.part)] / hierarchy_.compute.macs_per_cycle};
      for (int t = 0; t < layer_.tensor_count(); ++t)
        for (int l = 1; l < hierarchy_.level_count(); ++l)
          if ((of.nodes[index(t)] >> l & 1U) != 0) use.nodes |= open_bit(t, l);
      uses_.push_back(use);
    }
  }

  /// Iterations inside the current shape when all fanouts from `level` inwards are placed.
  [[nodiscard]] Extents tile_at(int level) const {
    Extents tile = extents_;
    for (int d = 0; d < layer_.dimension_count(); ++d) tile[index(d)] *= lanes_inside_[index(level)][index(d)];
    return tile;
  }

  const NodePrice& node_price(int t, int level) {
    NodePrice& entry = nodes_[index(t)][index(level)][index(tile_[index(t)])];
    if (!entry.known) set_price(entry, t, level);
    return entry;
  }

  /// Apart from node_price, so that a price that is known is found in place.
  [[gnu::cold]] void set_price(NodePrice& entry, int t, int level) {
    const Price price = prices_.node(t, level, tile_at(level));
    for (std::size_t p = 0; p < scored(); ++p) {
      entry.per_visit[p] = price.per_visit[p];
      entry.once[p] = price.once[p];
    }
    entry.fill_anew = price.fill_anew;
    entry.drain_anew = price.drain_anew;
    entry.first_visits = price.first_visits;
    entry.words = price.words;
    if constexpr (K == 1) {
      if (ragged_at_all_) sum_uneven(entry, t, level, price);
      if (scope_.banded) relax(entry, t, level);
    }
    entry.energy = entry.per_visit[kEnergy] / entry.tiles;
    entry.known = true;
  }

  /// Where remainders make the tiles of the current shape uneven: what one visit of each of them costs together.
  void sum_uneven(NodePrice& entry, int t, int level, const Price& full) {
    std::vector<const Axis*> uneven;
    for (const Axis& axis : axes_)
      if (prices_.relevant(t, axis.dimension) && !axis.rung().divides()) {
        uneven.push_back(&axis);
        entry.tiles *= static_cast<double>(axis.rung().tiles);
      }
    if (uneven.empty()) return;
    entry.per_visit = {};
    for (std::uint32_t shorts = 0; shorts < 1U << uneven.size(); ++shorts) {  // axes along which the tile is short
      Extents tile = tile_at(level);
      double count = 1;
      for (std::size_t a = 0; a < uneven.size(); ++a) {
        const Rung& rung = uneven[a]->rung();
        const bool is_short = (shorts >> a & 1U) != 0;
        if (is_short) tile[index(uneven[a]->dimension)] = rung.short_extent;  // without lanes (set_dimensions)
        count *= static_cast<double>(is_short ? rung.short_tiles : rung.tiles - rung.short_tiles);
      }
      const double energy = shorts == 0 ? full.per_visit[kEnergy] : prices_.node(t, level, tile).per_visit[kEnergy];
      entry.per_visit[kEnergy] += energy * count;
    }
  }

  /// Of a band, the least room; and no more visits than if all steps along a halo were undone that can be.
  void relax(NodePrice& entry, int t, int level) const {
    Extents least = tile_at(level);
    for (const Axis& axis : axes_) least[index(axis.dimension)] -= axis.rung().extent - axis.rung().least;
    entry.words = prices_.room(t, level, least);
    if (layer_.is_output(t)) return;
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
  void add(Vector& cost, const Vector& more, double times) const {
    for (std::size_t p = 0; p < scored(); ++p) cost[p] += more[p] * times;
  }

  /// Tiles arrive at a node so many times; what is filled and drained anew inside a single buffer goes with them.
  void arrive(Vector& cost, int t, int level, const NodePrice& price, double times) const {
    add(cost, price.per_visit, times / price.tiles);
    if constexpr (K > 1) cost[kWaiting] += anew(cost, t, level) * times;
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

  std::int32_t& head(std::size_t phase, std::int64_t shape) {
    Workspace::Head& head = workspace_.heads[phase * index(shapes_) + index(shape)];
    if (head.solve != workspace_.solves) head = {workspace_.solves, -1};
    return head.label;
  }

  void start() {
    Label label;
    label.phase = 0;
    set_shape(0);
    if (scope_.innermost == kMaxLevels) {
      const Cost fixed = prices_.fixed();
      for (std::size_t p = 0; p < scored(); ++p) label.cost[p] = fixed[p];
      pass_fanouts(label, hierarchy_.level_count(), phases_.front().level);
    }
    insert(label);
  }

  /// The lanes of the fanouts from `below`-1 up to that of `level` are placed: reads of the MACs become known there.
  void pass_fanouts(Label& label, int below, int level) {
    for (int t = 0; t < layer_.output(); ++t) {
      const int known = prices_.mac_fanout(t);
      if (known < level || known >= below) continue;
      auto& reads = mac_reads_[index(t)];
      if (reads.empty()) reads.resize(index(tiles_[index(t)]));
      NodePrice& price = reads[index(tile_[index(t)])];
      if (!price.known) {
        const Cost cost = prices_.mac_reads(t, tile_at(known + 1));
        for (std::size_t p = 0; p < scored(); ++p) price.once[p] = cost[p];
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
    std::int32_t& first = head(label.phase, label.shape);
    if (scope_.beam && first >= 0) {
      if (promise(label) < promise(labels_[index(first)])) {
        label.next = -1;
        labels_.push_back(label);
        first = static_cast<std::int32_t>(labels_.size()) - 1;
      }
      return;
    }
    std::int32_t* link = &first;
    bool replaced = false;
    while (*link >= 0) {
      Label& other = labels_[index(*link)];
      if (other.open == label.open && other.slides == label.slides) {
        const Order order = compare(other, label);
        if (order == Order::better) {
          ++outcome_.labels_pruned;
          return;
        }
        if (order == Order::worse) {
          ++outcome_.labels_pruned;
          if (!replaced) {
            label.next = other.next;
            other = label;
            replaced = true;
            link = &other.next;
          } else {
            *link = other.next;
          }
          continue;
        }
      }
      link = &other.next;
    }
    if (replaced) return;
    ++outcome_.labels_kept;
    if (first < 0)
      workspace_.occupied[label.phase * words_per_phase_ + index(label.shape) / 64] |= std::uint64_t{1} << (label.shape % 64);
    label.next = first;
    first = static_cast<std::int32_t>(labels_.size());
    labels_.push_back(label);
  }

  /// What a label has paid, and a guess at what its open nodes will owe: between one visit each and one per iteration outside.
  [[nodiscard]] double promise(const Label& label) const {
    double energy = label.cost[0];
    for (Open open = label.open & kNodes; open != 0; open &= open - 1) {
      const int bit = std::countr_zero(open);
      const auto t = index(bit / kMaxLevels);
      const auto& prices = nodes_[t][index(bit % kMaxLevels)];
      std::int64_t tile = 0;
      std::int64_t shape = label.shape;
      double outside = 1;
      for (std::size_t a = axes_.size(); a-- > 0;) {
        const auto at = index(shape / axes_[a].stride);
        shape %= axes_[a].stride;
        tile += static_cast<std::int64_t>(at) * tile_strides_[t][a];
        outside *= static_cast<double>(axes_[a].rung(at).tiles);
      }
      energy += prices[index(tile)].energy * std::sqrt(outside);
    }
    return energy;
  }

  /// With one cost, the cycles are the job's: the energy at which the incumbent is met.
  void set_limit() {
    if constexpr (K > 1) return;
    const double cycles = problem_.score_cycles(relaxed_, pace_);
    limit_ = problem_.energy_limit(best_, cycles);
  }

  /// Whether what the label's path costs at least, all told, is not below the incumbent.
  [[nodiscard]] bool hopeless(const Label& label) {
    if constexpr (K > 1) return bound(label) >= best_;
    double energy = label.cost[0] + phases_[label.phase].rest[kEnergy];
    for (Open open = label.open & kNodes; open != 0; open &= open - 1) {  // all: what psums owe can be negative
      const int bit = std::countr_zero(open);
      const double owed = node_price(bit / kMaxLevels, bit % kMaxLevels).energy;
      energy += owed * (owed >= 0 ? least_visits_[index(bit / kMaxLevels)] : outside_);
    }
    return energy >= limit_;
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
      double paid = rival.cost[0] - label.cost[0];
      for (Open open = rival.open & ~label.open & kNodes; open != 0 && std::isfinite(paid); open &= open - 1) {
        const int bit = std::countr_zero(open);
        const double owed = node_price(bit / kMaxLevels, bit % kMaxLevels).energy;
        paid += owed >= 0 ? owed * outside_ : std::numeric_limits<double>::infinity();
      }
      for (Open open = label.open & ~rival.open & kNodes; open != 0 && std::isfinite(paid); open &= open - 1) {
        const int bit = std::countr_zero(open);
        const double owed = node_price(bit / kMaxLevels, bit % kMaxLevels).energy;
        paid -= owed >= 0 ? owed * least_visits_[index(bit / kMaxLevels)] : -std::numeric_limits<double>::infinity();
      }
      if (paid < 0) return true;
    }
    return false;
  }

  /// What the label's path costs at least, all told.
  [[nodiscard]] Score bound(const Label& label) {
    const Cost& rest = phases_[label.phase].rest;
    Cost cost = relaxed_;
    for (std::size_t p = 0; p < scored(); ++p) cost[p] = label.cost[p] + rest[p];
    for (Open open = label.open & kNodes; open != 0; open &= open - 1) {
      const int bit = std::countr_zero(open);
      const int t = bit / kMaxLevels;
      const double owed = node_price(t, bit % kMaxLevels).energy;
      cost[kEnergy] += owed * (owed >= 0 ? least_visits_[index(t)] : outside_);
    }
    for (const Slide& slide : memories_[label.slides]) cost[kEnergy] += slide_price(slide).energy;
    return problem_.score(cost, pace_);
  }

  const NodePrice& slide_price(const Slide& slide) { return nodes_[index(slide.tensor)][index(slide.level)][index(slide.tile)]; }

  void expand(std::size_t phase, std::int32_t at) {
    const Label label = labels_[index(at)];
    if (hopeless(label)) {
      ++outcome_.labels_pruned;
      return;
    }
    if (phases_[phase].level == 0 && finish_path(label, at)) return;
    for (std::size_t a = 0; a < axes_.size(); ++a) {
      if (phases_[phase].barred[index(axes_[a].dimension)]) continue;
      for (const Step& step : axes_[a].rung().up) place_loop(label, at, axes_[a], step);
    }
    place_nodes(label, at);
  }

  /// At the outermost level nothing is left but loops: once no node is open their order does not matter.
  bool finish_path(const Label& label, std::int32_t at) {
    const bool whole = shape_ == shapes_ - 1;
    if (!whole && ((label.open & kNodes) != 0 || label.slides != 0 || order_at(0) != nullptr)) return false;
    Cost cost = relaxed_;
    Vector sum = label.cost;
    for (Open open = label.open & kNodes; open != 0; open &= open - 1) {
      const int bit = std::countr_zero(open);
      const int t = bit / kMaxLevels;
      arrive(sum, t, bit % kMaxLevels, node_price(t, bit % kMaxLevels), 1);
    }
    for (const Slide& slide : memories_[label.slides]) arrive(sum, slide.tensor, slide.level, slide_price(slide), 1);
    for (std::size_t p = 0; p < scored(); ++p) cost[p] = sum[p] + phases_.back().rest[p];
    const Score score = problem_.score(cost, pace_);
    if (score < best_) {
      best_ = score;
      best_label_ = at;
      best_order_.clear();
      set_limit();
    }
    return true;
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
    for (Open open = label.open & kNodes; open != 0; open &= open - 1) {
      const int bit = std::countr_zero(open);
      const int t = bit / kMaxLevels;
      const NodePrice& price = node_price(t, bit % kMaxLevels);
      for (std::size_t p = 0; p < scored(); ++p)
        if (price.per_visit[p] < 0) return false;
      for (const Rank& rank : layer_.tensors[index(t)].ranks)
        if (rank.size() > 1 && !layer_.is_output(t) &&
            (may_slide(bit % kMaxLevels, rank) || uneven(must_be_even(bit % kMaxLevels, rank))))
          return false;
      Vector& of = owed.of[index(t)];
      add(of, price.per_visit, 1);
      owed.tiles[index(t)] = price.tiles;  // the same at all its nodes
      if constexpr (K > 1) of[kWaiting] += anew(label.cost, t, bit % kMaxLevels);
      owed.open |= 1U << t;
    }
    std::uint32_t left = 0;
    for (const Axis& axis : axes_)
      if (axis.at + 1 < axis.ladder->size()) left |= 1U << axis.dimension;
    order_.clear();
    close_in_order(label, owed, left, outside_, label.cost);
    return true;
  }

  /// Of a label whose nodes are all placed: those of the tensors that no loop has moved yet.
  [[nodiscard]] static Open still_open(const Label& label, const Owed& owed) {
    Open open = 0;
    for (std::uint32_t left = owed.open; left != 0; left &= left - 1) open |= label.open & open_mask(std::countr_zero(left));
    return open;
  }

  void close_in_order(const Label& label, const Owed& owed, std::uint32_t left, double outside, Vector cost) {
    const std::size_t before = order_.size();
    for (std::uint32_t dims = left; dims != 0; dims &= dims - 1) {  // no open node minds these
      const int d = std::countr_zero(dims);
      if ((relevant_[index(d)] & owed.open) != 0) continue;
      order_.push_back(d);
      left &= ~(1U << d);
      outside /= left_[index(d)];
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
          add(next, owed.of[index(std::countr_zero(open))], outside / owed.tiles[index(std::countr_zero(open))]);
          moved |= label.open & open_mask(std::countr_zero(open));
        }
        if constexpr (K > 1) use(next, moved, kNodes & phases_.back().placed_so_far & ~still_open(label, owed), outside);
        order_.push_back(d);
        close_in_order(label, rest, left & ~(1U << d), outside / left_[index(d)], next);
        order_.pop_back();
      }
    }
    order_.resize(before);
  }

  void take_order(const Label& label, const Vector& sum) {
    if constexpr (K == 1)
      if (sum[0] + phases_.back().rest[kEnergy] >= limit_) return;
    Cost cost = relaxed_;
    for (std::size_t p = 0; p < scored(); ++p) cost[p] = sum[p] + phases_.back().rest[p];
    const Score score = problem_.score(cost, pace_);
    if (!(score < best_)) return;
    best_ = score;
    best_label_ = static_cast<std::int32_t>(labels_.size());
    labels_.push_back(label);
    best_order_ = order_;
    set_limit();
  }

  // -- loops --------------------------------------------------------------------------------------------------------------

  void place_loop(const Label& label, std::int32_t at, const Axis& axis, const Step& step) {
    const bool remainder = !axis.rung().divides() || !axis.rung(step.to).divides();
    if (remainder && has(label.even, axis.dimension)) return;
    Label next = label;
    next.from = at;
    next.dimension = static_cast<std::int16_t>(axis.dimension);
    next.count = static_cast<std::int32_t>(step.count);
    next.stored = 0;
    next.shape = shape_ + static_cast<std::int64_t>(step.to - axis.at) * axis.stride;
    if (!keep_order(next)) return;
    if (label.slides != 0) move_slides(next, axis.dimension, step.count);
    if constexpr (K > 1) {
      Open moved = 0;
      for (int t = 0; t < layer_.tensor_count(); ++t)
        if ((relevant_[index(axis.dimension)] >> t & 1U) != 0) moved |= label.open & open_mask(t);
      use(next.cost, moved, phases_[label.phase].placed_so_far & ~label.open, outside_);
    }
    for (int t = 0; t < layer_.tensor_count(); ++t) {
      if ((next.open & open_mask(t)) == 0 || (relevant_[index(axis.dimension)] >> t & 1U) == 0) continue;
      for (Open open = next.open & open_mask(t); open != 0; open &= open - 1)
        close(next, t, std::countr_zero(open) % kMaxLevels, axis.dimension, step.count);
      next.open &= ~open_mask(t);
    }
    if (next.even != label.even && (uneven(next.even) || (remainder && has(next.even, axis.dimension)))) return;
    // What stays open looks out on the same loops as before, but for those that it does not mind.
    if (K == 1 && hopeless(next)) {
      ++outcome_.labels_pruned;
      return;
    }
    insert(next);
  }

  /// Nodes move for the first time, with so many iterations outside: of the tiles that a port carries these are used shortest if
  /// no other has moved before.
  void use(Vector& cost, Open moved, Open moved_before, double outside) const {
    for (const Use& use : uses_)
      if ((use.nodes & moved) != 0 && (use.nodes & moved_before) == 0)
        cost[use.part] += prices_.steps() / outside * use.words_per_step;
  }

  [[nodiscard]] const Constraint* order_at(int level) const {
    for (const Constraint& constraint : problem_.constraints)
      if (constraint.kind == Constraint::Kind::order && constraint.level == level) return &constraint;
    return nullptr;
  }

  /// Whether the loop just placed may stand outside the others of its level; notes how far out the level's order has come.
  [[nodiscard]] bool keep_order(Label& label) const {
    if (scope_.banded) return true;
    for (const Constraint& constraint : problem_.constraints) {
      if (constraint.kind != Constraint::Kind::order || constraint.level != phases_[label.phase].level) continue;
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
    if (scope_.banded) return true;
    for (const Constraint& constraint : problem_.constraints) {
      if (constraint.kind != Constraint::Kind::tile || constraint.level != level) continue;
      const Extents tile = tile_at(level);
      for (std::size_t k = 0; k < constraint.dimensions.size(); ++k)
        if (concerns(constraint, t, k, layer_) && tile[index(constraint.dimensions[k])] != constraint.extents[k]) return false;
    }
    return true;
  }

  /// The first relevant loop outside an open node: its visits are known, unless the node can slide.
  void close(Label& label, int t, int level, int dimension, std::int64_t count) {
    const NodePrice& price = node_price(t, level);
    const auto& ranks = layer_.tensors[index(t)].ranks;
    for (std::size_t r = 0; r < ranks.size(); ++r) {
      if (ranks[r].size() < 2 || layer_.is_output(t)) continue;
      for (const Term& term : ranks[r]) {
        if (term.dimension != dimension) continue;
        label.even |= must_be_even(level, ranks[r]);
        if (!may_slide(level, ranks[r])) continue;
        Slide slide{t, level, tile_[index(t)], {}};
        move(label, slide, dimension, count);
        return;
      }
    }
    arrive(label.cost, t, level, price, outside_);
  }

  /// Dimensions, a bit each, of which no loop may leave a remainder, lest there be a step in it that leaves a tile at `level` in
  /// place: in a short tile any number of steps can be undone, not only those of the loops as they are.
  [[nodiscard]] std::uint16_t must_be_even(int level, const Rank& rank) const {
    if (!ragged_at_all_ || scope_.banded) return 0;
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
    return std::any_of(axes_.begin(), axes_.end(),
                       [&](const Axis& axis) { return has(dimensions, axis.dimension) && !axis.rung().divides(); });
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
    if (scope_.banded) return false;                           // see relax
    std::vector<std::pair<std::int64_t, std::int64_t>> terms;  // (stride, what is left to place)
    for (const Term& term : rank) {
      const auto left = static_cast<std::int64_t>(left_[index(term.dimension)]);
      if (left > 1) terms.emplace_back(stride(level, term), left);
    }
    if (terms.size() < 2) return false;
    for (int f = 0; f < level; ++f)
      if (prices_.halo_lanes(rank, f)) return true;
    if (terms.size() > 2) return true;
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
    const auto key = std::make_tuple(slide.tensor, slide.level, slide.tile, rank, std::abs(displacement));
    auto it = shifted_.find(key);
    if (it == shifted_.end()) {
      Extents tile = lanes_inside_[index(slide.level)];
      for (std::size_t a = axes_.size(); a-- > 0;)
        if (const std::int64_t by = tile_strides_[index(slide.tensor)][a]; by != 0) {
          const Axis& axis = axes_[a];
          tile[index(axis.dimension)] *= axis.rung(index(slide.tile / by) % axis.ladder->size()).extent;
        }
      const Cost cost = prices_.slide(slide.tensor, slide.level, tile, rank, std::abs(displacement));
      NodePrice price;
      for (std::size_t p = 0; p < scored(); ++p) price.per_visit[p] = cost[p];
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
      const std::int64_t by = term == ranks[r].end() ? 0 : stride(phases_[label.phase].level, *term);
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
    const Phase& phase = phases_[label.phase];
    if (phase.level == 0) return;
    const std::uint32_t missing = kept_[index(phase.level)] & ~phase.placed;
    if (!problem_.mapspace.uneven || shared_[index(phase.level)] == -2) {
      place(label, at, missing);
      return;
    }
    for (std::uint32_t left = missing; left != 0; left &= left - 1) place(label, at, left & (0U - left));
  }

  void place(const Label& label, std::int32_t at, std::uint32_t tensors) {
    const Phase& phase = phases_[label.phase];
    const auto& of_level = phase_number_[index(phase.level)];
    Label next = label;
    next.from = at;
    next.dimension = -1;
    next.count = 0;
    next.stored = tensors;
    next.shape = shape_;
    std::array<std::int64_t, kMaxPartitions> used{};
    const int shared = shared_[index(phase.level)];
    if (shared >= 0) used[index(shared)] = label.used;
    for (int t = 0; t < layer_.tensor_count(); ++t) {
      if ((tensors >> t & 1U) == 0) continue;
      const NodePrice& price = node_price(t, phase.level);
      if (!fits(phase.level, t, price.words, used) || !tile_obeys(t, phase.level)) return;
      add(next.cost, price.once, 1);
      if constexpr (K > 1) owe_anew(next.cost, t, phase.level, price);
      next.open |= open_bit(t, phase.level);
    }
    if ((phase.placed | tensors) != kept_[index(phase.level)]) {
      next.used = shared >= 0 ? used[index(shared)] : 0;
      next.phase = of_level.at(phase.placed | tensors);
    } else {
      next.used = 0;
      next.open &= kNodes;
      next.phase = of_level.at(kAllPlaced);
      if (scope_.innermost == kMaxLevels) pass_fanouts(next, phase.level, phases_[next.phase].level);
      if (phases_[next.phase].level == 0 && !hopeless(next) && finish_in_order(next)) return;
    }
    if (!hopeless(next)) insert(next);
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
    if (best_label_ >= 0 && scope_.innermost == kMaxLevels && scope_.outermost == 1) outcome_.nest = build(best_label_);
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
      const int above = phases_[label.phase].level;
      const int below = label.from < 0 ? hierarchy_.level_count() : phases_[labels_[index(label.from)].phase].level;
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
  const Patience& patience_;
  Workspace& workspace_;
  std::size_t words_per_phase_ = 0;
  std::array<std::uint32_t, kMaxDimensions> relevant_{};  ///< per dimension: tensors, a bit each
  std::size_t scored_ = 1, parts_ = 1;                    ///< parts of a cost, of a label
  Cost relaxed_{};                                        ///< least of every part: of those that the labels do not count
  Pace pace_;
  bool slides_at_all_ = false;
  bool ragged_at_all_ = false;  ///< some dimension may be cut with a remainder

  std::vector<Axis> axes_;                        ///< dimensions with temporal loops
  std::array<Ladder, kMaxDimensions> perfect_{};  ///< of those that lanes unroll, or that leave no remainders
  std::int64_t shapes_ = 1;
  std::array<std::vector<std::int64_t>, kMaxTensors>
      tile_strides_;  ///< per tensor and axis: of the tensor's own part of the shape
  std::array<std::int64_t, kMaxTensors> tiles_{};
  std::vector<Extents> lanes_inside_;  ///< per level: lanes of its fanout and all further in

  std::vector<std::uint32_t> kept_;  ///< per level: tensors, a bit each
  std::vector<int> shared_;          ///< per level: what shared_partition says
  std::vector<Phase> phases_;
  static constexpr std::uint32_t kAllPlaced = 1U << kMaxTensors;
  std::vector<std::map<std::uint32_t, std::uint16_t>>
      phase_number_;  ///< per level, by what is placed; kAllPlaced: the next level's first
  std::vector<Label> labels_;
  std::array<std::array<std::vector<NodePrice>, kMaxLevels>, kMaxTensors> nodes_;
  std::array<std::vector<NodePrice>, kMaxTensors> mac_reads_;
  std::vector<Use> uses_;
  std::vector<std::vector<Slide>> memories_;
  std::map<std::vector<Slide>, std::uint32_t> memory_of_;
  std::map<std::tuple<int, int, std::int64_t, std::size_t, std::int64_t>, NodePrice> shifted_;

  // the current shape
  std::int64_t shape_ = 0;
  Extents extents_{};
  std::array<double, kMaxDimensions> left_{};  ///< iterations of each dimension still to be placed
  double outside_ = 1;                         ///< of all together
  std::array<std::int64_t, kMaxTensors> tile_{};
  std::array<double, kMaxTensors> least_visits_{};

  Score best_;
  double limit_ = 0;  ///< energy of a path that only meets the incumbent
  std::int32_t best_label_ = -1;
  std::vector<int> order_, best_order_;  ///< of the outermost level's dimensions, innermost first
  std::int64_t visited_ = 0;
  LatticeOutcome outcome_;
};

}  // namespace

Pace Problem::pace(double steps) const { return {std::ceil(steps / hierarchy.compute.macs_per_cycle), nullptr}; }

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

LatticeOutcome solve(const Problem& problem, const Prices& prices, const Score& incumbent, double outer, const Patience& patience,
                     Workspace& workspace) {
  const Scope scope{kMaxLevels, 1, outer, problem.outer_level};
  const int parts = problem.parts.label_count;
  if (parts == 1) return Lattice<1>(problem, prices, incumbent, scope, patience, workspace).run();
  if (parts <= kFirstPort + 4) return Lattice<kFirstPort + 4>(problem, prices, incumbent, scope, patience, workspace).run();
  if (parts <= kFirstPort + 8) return Lattice<kFirstPort + 8>(problem, prices, incumbent, scope, patience, workspace).run();
  if (parts <= kFirstPort + 16) return Lattice<kFirstPort + 16>(problem, prices, incumbent, scope, patience, workspace).run();
  if (parts <= kMaxParts) return Lattice<kMaxParts>(problem, prices, incumbent, scope, patience, workspace).run();
  return Lattice<kMaxLabelParts>(problem, prices, incumbent, scope, patience, workspace).run();
}

LatticeOutcome solve_relaxed(const Problem& problem, const Prices& prices, const Score& incumbent, double outer,
                             const Patience& patience, Workspace& workspace) {
  return Lattice<1>(problem, prices, incumbent, {kMaxLevels, 1, outer, problem.outer_level}, patience, workspace).run();
}

LatticeOutcome solve_roughly(const Problem& problem, const Prices& prices, const Score& incumbent, double outer,
                             const Patience& patience, Workspace& workspace) {
  return Lattice<1>(problem, prices, incumbent, {kMaxLevels, 1, outer, problem.outer_level, true}, patience, workspace).run();
}

namespace {

/// Whether a bound may go by bands: not where more visits of psums are cheaper, since bands have too few.
bool banded(const Problem& problem, const Prices& prices) {
  const int out = problem.layer.output();
  for (int l = 1; l < problem.hierarchy.level_count(); ++l)
    if (prices.kept(out, l) && prices.least(out, l)[kEnergy] < 0) return false;
  return std::any_of(problem.ragged.begin(), problem.ragged.end(), [](const Ladder& ladder) { return !ladder.empty(); });
}

}  // namespace

double least_outer(const Problem& problem, const Prices& prices, const Patience& patience, Workspace& workspace) {
  Problem energy = problem;
  energy.objective = Aim(Objective::energy);
  energy.leakage = 0;
  energy.constraints.clear();
  const Scope scope{problem.outer_level, 1, 0, -1, false, banded(problem, prices)};
  double least = 0;
  for (int t = 0; t < problem.layer.tensor_count(); ++t)
    for (int l = 1; l <= problem.outer_level; ++l)
      if (prices.kept(t, l)) least += prices.least(t, l)[kEnergy];
  // Limits not far above the bound first: see Searcher::narrowing.
  for (const double slack : {1.01, 1.1, 1.5, 3.0, std::numeric_limits<double>::infinity()}) {
    const Score limit{std::max(least, 1.0) * slack, 0};
    const LatticeOutcome outcome = Lattice<1>(energy, prices, limit, scope, patience, workspace).run();
    if (!outcome.finished) return 0;
    if (outcome.score < limit) return outcome.score.value;
  }
  return 0;
}

LatticeOutcome bound_inner(const Problem& problem, const Prices& prices, const Score& incumbent, double outer,
                           const Patience& patience, Workspace& workspace) {
  return Lattice<1>(problem, prices, incumbent,
                    {kMaxLevels, problem.outer_level + 1, outer, problem.outer_level, false, banded(problem, prices)}, patience,
                    workspace)
      .run();
}

}  // namespace tilepath::search_detail
