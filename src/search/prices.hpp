// What one visit costs, once the lanes and the keeps of a job are chosen.
//
// A job fixes the lanes of every fanout and which levels keep which tensor, and with them the parent of every transfer and
// the cycles of compute. What remains open is the temporal nest. What one tensor's nodes cost depends on its own keeps alone: of
// an operand's node on its level and its parent's, of the output's on the levels further in too. The cost of a tensor at a
// storage node is then
//
//   once + per_visit x visits + first_visit x first visits      visits: how often a tile arrives there, in one instance
//
// and all three depend on the tile alone. Psums fit the same form: let v(n) be the words that visit node n, g(n) the lanes that
// hold the same outputs below its parent; z(n), the words that start from zero, is z(n-1) + v(n) (1 - 1/g(n)) (R4), so every
// count is linear in the v(n). A visit can then have a negative price: starting from zero saves reads further in.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "lanes.hpp"
#include "model/traffic.hpp"
#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/mapping/index_set.hpp"
#include "tilepath/mapping/nest.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath::search_detail {

/// What is added up along a path, besides energy only what can bind: cycles of waiting and of first and last deliveries, and the
/// words (over bandwidth) of each port that has a limit: all that it carries, and of read ports also what the MACs ask for.
inline constexpr int kMaxParts = 3 + 3 * kMaxLevels;
/// And, in a label: what a tensor's double buffers owe whenever the single one around them has a new tile, fills and drains.
inline constexpr int kMaxLabelParts = kMaxParts + (kMaxTensors + 1) * kMaxLevels;
enum Part : std::uint8_t { kEnergy = 0, kWaiting = 1, kEdge = 2, kFirstPort = 3 };

using Cost = std::array<double, kMaxParts>;

inline void add(Cost& sum, const Cost& more) {
  for (std::size_t p = 0; p < sum.size(); ++p) sum[p] += more[p];
}

/// Which parts a hierarchy has. With no bandwidth limit there is energy alone.
struct Parts {
  Parts(const Layer& layer, const Hierarchy& hierarchy);
  int count = 1;                                          ///< of a cost
  int label_count = 1;                                    ///< of a label
  std::array<int, kMaxLevels> read_port{}, write_port{};  ///< -1 = unlimited
  std::array<int, kMaxLevels> mac_port{};                 ///< what the MACs read through the read port
  std::array<double, kMaxParts> bandwidth{};              ///< of each port
  /// Cycles of a tensor's double buffers that the single one of a level owes at each of its tiles; -1: it has none inside.
  std::array<std::array<int, kMaxLevels>, kMaxTensors> fill_anew{}, drain_anew{};
};

/// A choice of lanes (per level) and keeps (per tensor, a bit per level).
struct Job {
  std::vector<LaneFactors> lanes;
  std::array<Deal, kMaxDimensions> deals{};
  std::array<std::uint32_t, kMaxTensors> keeps{};
  friend auto operator<=>(const Job&, const Job&) = default;

  /// Whether the last chunk of some dimension is short.
  [[nodiscard]] bool ends_short() const {
    return std::any_of(deals.begin(), deals.end(), [](const Deal& deal) { return deal.ends_short(); });
  }
};

/// Iterations that the fanouts from `level` inwards, and the parts dealt further out, cover before any temporal loop.
Extents inside(const Job& job, const Hierarchy& hierarchy, int level);

/// How long the MACs take. Of a job whose keeps are chosen all is known; else at least how many cycles.
struct Pace {
  double compute = 0;                          ///< cycles of all steps
  const model_detail::Steps* steps = nullptr;  ///< null: not known
};

struct Price {
  Cost per_visit{};
  Cost once{};
  Cost first_visit{};                    ///< of psums, what each visit that starts from zero saves
  double fill_anew = 0, drain_anew = 0;  ///< what the single buffer around a double one owes at each of its tiles, in cycles
  std::int64_t words = 0;                ///< that the level must hold (R6), its own width and double buffering included
};

class Prices {
 public:
  Prices(const Layer& layer, const Hierarchy& hierarchy, const Parts& parts, Job job);

  [[nodiscard]] const Job& job() const { return job_; }
  [[nodiscard]] bool relevant(int t, int d) const { return (relevant_[static_cast<std::size_t>(t)] >> d & 1U) != 0; }
  /// Keep a tensor at these levels from now on.
  void keep(int tensor, std::uint32_t levels);
  [[nodiscard]] bool kept(int tensor, int level) const {
    return (job_.keeps[static_cast<std::size_t>(tensor)] >> level & 1U) != 0;
  }
  /// The innermost level that keeps a tensor and lies above `level`.
  [[nodiscard]] int parent(int tensor, int level) const;
  /// Iterations of all temporal loops of the longest lane together.
  [[nodiscard]] double steps() const { return steps_; }
  /// Per dimension: what the lanes leave to temporal loops outside them.
  [[nodiscard]] const Extents& temporal() const { return temporal_; }
  [[nodiscard]] Extents inside(int level) const { return search_detail::inside(job_, hierarchy_, level); }

  /// Cost of a tensor's node at `level` when `tile` iterations per dimension lie inside it, lanes included. `last_chunks`: the
  /// dimensions, a bit each, whose lanes lie further out and have the last chunk.
  [[nodiscard]] Price node(int tensor, int level, const Extents& tile, std::uint32_t last_chunks = 0) const;
  /// Words that such a node takes of its level (R6).
  [[nodiscard]] std::int64_t room(int tensor, int level, const Extents& tile) const;
  /// Cost of one visit that slides by `shift` along `rank` (R2).
  [[nodiscard]] Cost slide(int tensor, int level, const Extents& tile, std::size_t rank, std::int64_t shift) const;
  /// The single buffer of a tensor around its double one at `level`; 0: there is none.
  [[nodiscard]] int single_around(int tensor, int level) const;
  /// Whose tiles a port carries, so that the use of the first or the last of them is time in which it has nothing to do.
  struct Use {
    int part = 0;                                    ///< the port
    std::array<std::uint32_t, kMaxTensors> nodes{};  ///< per tensor: levels, a bit each
  };
  /// One for the tiles that come last through a port, one for those that come first; ports without are left out.
  [[nodiscard]] std::vector<Use> uses() const;
  [[nodiscard]] double mac_energy() const { return macs_ * hierarchy_.compute.mac_energy; }
  /// How long the MACs take, once the keeps are chosen.
  [[nodiscard]] Pace pace() const;
  /// Cost of what no temporal nest changes for a tensor: the MACs' reads and updates, zeros of the outputs. It depends on the
  /// innermost level that keeps it alone.
  [[nodiscard]] const Cost& fixed_of(int tensor) const { return fixed_of_[static_cast<std::size_t>(tensor)]; }
  /// The fanout at which the MACs' reads of an operand become known, because neighbouring lanes share words of a halo there;
  /// -1: they are in `fixed_of`.
  [[nodiscard]] int mac_fanout(int tensor) const { return mac_fanout_[static_cast<std::size_t>(tensor)]; }
  /// Cost of those reads, when one lane of that fanout covers `tile` iterations.
  [[nodiscard]] Cost mac_reads(int tensor, const Extents& tile) const;

  /// Whether lanes of the fanout of `level` unroll a dimension of this halo rank (a rank of more than one term).
  [[nodiscard]] bool halo_lanes(const Rank& rank, int level) const;
  /// Whether more visits of the output's node at `level` cost less.
  [[nodiscard]] bool visits_pay(int level) const { return output_price_[static_cast<std::size_t>(level)] < 0; }
  /// Least that the node of a tensor at `level` can cost, whatever its tile: every word arrives at least once.
  [[nodiscard]] Cost least(int tensor, int level) const;
  /// Least cost of the MACs' reads where they are not in `fixed_of`.
  [[nodiscard]] Cost least_mac_reads(int tensor) const;
  /// Least that all of a tensor costs, whatever its tiles.
  [[nodiscard]] Cost least(int tensor) const;

 private:
  /// Whose words are counted: all lanes', or those of the busiest instance of the parent: lane 0 of all that lies above it.
  enum class Whose : std::uint8_t { all, busiest };
  /// The fresh indices of a rank along which a tile slides.
  struct Partial {
    std::size_t rank = 0;
    std::vector<std::int64_t> fresh;
  };

  [[nodiscard]] const Tensor& tensor(int t) const { return layer_.tensors[static_cast<std::size_t>(t)]; }
  [[nodiscard]] double read_energy(int level, int t) const;
  [[nodiscard]] double write_energy(int level, int t) const;
  [[nodiscard]] double network_energy(int fanout, int t) const;  ///< 0 where the level has no fanout
  [[nodiscard]] Multicast mode(int fanout, int t) const;
  [[nodiscard]] std::int64_t factor(int fanout, int d) const {
    return job_.lanes[static_cast<std::size_t>(fanout)][static_cast<std::size_t>(d)];
  }
  [[nodiscard]] const Deal& deal(int d) const { return job_.deals[static_cast<std::size_t>(d)]; }
  /// Parts of the lanes that have work, in a full chunk or the last one.
  [[nodiscard]] const std::vector<std::int64_t>& parts_of(int d, std::uint32_t last_chunks) const {
    return (last_chunks >> d & 1U) != 0 ? last_parts_[static_cast<std::size_t>(d)] : dealt_[static_cast<std::size_t>(d)];
  }
  /// Whether a dimension is dealt over one of the fanouts of levels `from` … `to`-1.
  [[nodiscard]] bool dealt_over(int d, int from, int to) const {
    return deal(d).dealt() && deal(d).fanout >= from && deal(d).fanout < to;
  }
  [[nodiscard]] double lanes_that_divide(int d, int from, int to) const;
  /// Lanes of a dimension over these that have work at all.
  [[nodiscard]] double lanes_with_work(int d, int from, int to, std::uint32_t last_chunks = 0) const;
  /// … that have it in a step, on average.
  [[nodiscard]] double lanes_at_work(int d, int from, int to) const;
  /// Of all dimensions irrelevant to a tensor.
  [[nodiscard]] double irrelevant_lanes(int t, int from, int to, std::uint32_t last_chunks = 0) const;
  [[nodiscard]] double irrelevant_lanes_at_macs(int t, int from, int to) const;
  /// The dimension of a rank of which all others have one iteration; -1: there are several.
  [[nodiscard]] int only_dimension(const Rank& rank) const;
  [[nodiscard]] double crossing(int t, int parent, int child, int level, const Extents& tile, Whose whose, const Partial* partial,
                                std::uint32_t last_chunks) const;
  /// Fanouts from `innermost` out to `outermost`; words are joined over those of level `joining` and further in.
  struct Fanouts {
    int innermost = 0, outermost = 0, joining = 0;
  };
  double join_lanes(int t, const Term& term, std::int64_t extent, const Fanouts& fanouts, IndexSet& joined,
                    IndexSet& equal) const;
  [[nodiscard]] double halo_crossing(int t, const Rank& rank, int parent, int child, int level, const Extents& tile, Whose whose,
                                     const Partial* partial, std::uint32_t last_chunks) const;
  [[nodiscard]] double mac_crossing(int t, int parent, int level, const Extents& tile, Whose whose) const;
  [[nodiscard]] double mac_halo(int t, const Rank& rank, int parent, int level, const Extents& tile, Whose whose) const;
  [[nodiscard]] Cost operand_cost(int t, int parent, int child, const Extents& tile, const Partial* partial,
                                  std::uint32_t last_chunks) const;
  [[nodiscard]] model_detail::Meeting meeting_at(int level) const;
  void rest(Cost& cost, int level, bool drains, double cycles) const;
  void owe_anew(Price& price, int t, int level, double fill, double drain) const;
  template <class Idle>
  void add_edge(Cost& once, double cycles, const Idle& idle) const;
  [[nodiscard]] double delivery_cycles(int t, int parent, int child, double read, double written) const;
  [[nodiscard]] Price output_node(int level, const Extents& tile, std::uint32_t last_chunks) const;
  [[nodiscard]] double psums_up(int parent, int child, std::uint32_t last_chunks) const;
  [[nodiscard]] double psums_back(int parent, int child) const;
  [[nodiscard]] double psum_visit(int level, std::uint32_t last_chunks) const;
  /// Words of a tensor that one instance of a level meets at least, whichever iterations the lanes give it.
  [[nodiscard]] double words_per_instance(int t, int level) const;
  void price_macs_of(int t);
  void price_outputs();

  const Layer& layer_;
  const Hierarchy& hierarchy_;
  const Parts& parts_;
  Job job_;
  std::array<std::uint32_t, kMaxTensors> relevant_{};  ///< dimensions, a bit each
  Extents temporal_{};
  double steps_ = 1;
  double outside_ = 1;  ///< iterations of the temporal loops of the dimensions that are not dealt
  double macs_ = 1;
  std::array<std::vector<std::int64_t>, kMaxDimensions> dealt_;       ///< parts of each lane with work
  std::array<std::vector<std::int64_t>, kMaxDimensions> last_parts_;  ///< … in the last chunk, where that is short
  std::array<Cost, kMaxTensors> fixed_of_{};
  model_detail::Steps mac_steps_;
  std::array<model_detail::Meeting, kMaxLevels> meetings_{};  ///< at the ports of each level, where a bandwidth is given
  std::array<int, kMaxTensors> mac_fanout_{};
  std::array<double, kMaxTensors> words_{};        ///< of the whole tensor, touched
  std::array<double, kMaxLevels> output_price_{};  ///< energy per word of a visit, in full chunks
  std::array<double, kMaxLevels> output_saved_{};  ///< energy that a word which starts from zero saves further in
  std::array<double, kMaxLevels> output_zeros_{};  ///< energy that first visits save: they start from zero
};

}  // namespace tilepath::search_detail
