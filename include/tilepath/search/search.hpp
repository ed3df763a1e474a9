// The search: the best mapping of a layer, with a proof that none in the mapspace is better. docs/search.md tells how.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/mapping/nest.hpp"
#include "tilepath/model/evaluation.hpp"
#include "tilepath/search/constraint.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath {

/// What is to be least: energy; cycles (of equals, the one of least energy); energy x cycles; energy x cycles^2; energy^a x
/// cycles^b.
enum class Objective : std::uint8_t { energy, latency, edp, ed2p, product };
inline constexpr int kObjectives = 5;
std::string_view name_of(Objective objective);

/// An objective, and what may not be exceeded.
struct Aim {
  Objective objective = Objective::edp;
  double energy_exponent = 1, cycles_exponent = 1;  ///< of Objective::product; positive
  double max_energy = std::numeric_limits<double>::infinity();
  double max_cycles = std::numeric_limits<double>::infinity();

  Aim() = default;
  Aim(Objective least) : objective(least) {}  // NOLINT(google-explicit-constructor): an objective alone is an aim
};

/// What an aim makes of a mapping; smaller is better, the first figure before the second. Past a ceiling it is infinite.
struct Score {
  double value = std::numeric_limits<double>::infinity();
  double tie = 0;
  friend auto operator<=>(const Score&, const Score&) = default;
};
Score score_of(const Aim& aim, double energy, double cycles);
inline Score score_of(const Aim& aim, const Evaluation& evaluation) {
  return score_of(aim, evaluation.energy.value(), static_cast<double>(evaluation.cycles.value()));
}

/// Which counts need not divide (R9). None: perfect factors. Lanes: a fanout may deal a tile of a dimension in parts of unequal
/// size to its lanes, or take the dimension step by step with some lanes idle in the last; all other counts divide. Loops:
/// besides, a loop in time may leave a remainder; cut_rule.hpp says which.
enum class Remainders : std::uint8_t { none, lanes, loops };
inline constexpr int kRemainders = 3;
std::string_view name_of(Remainders remainders);

/// Which levels keep which tensors where the architecture and the constraints leave it open. Free: all choices. Fixed: every
/// level keeps every tensor that it has room for.
enum class Bypass : std::uint8_t { free, fixed };

/// Which nests are searched. In all of them: every dimension free to be unrolled on any axis that takes it, two
/// or more on one axis and one on both allowed; all loop orders. The spatial loops of a
/// fanout stand directly outside the storage nodes of the level below; a level that keeps nothing has no loops of its own.
/// A tensor whose delivery crosses two fanouts at once, with lanes of one of its halo ranks on the outer, has no loop of that
/// rank between the two. A part dealt to lanes is run through inside all storage nodes below them; one dimension is dealt over
/// one fanout, and one of a halo rank only where tiles are not kept sliding, have no boxes around them, and multicast is not
/// `equal`. With a last chunk that is short: one that lies along no halo, where no tiles slide and no bandwidth is limited.
struct Mapspace {
  /// Even: the storage nodes of a level stand together. Uneven: they may stand apart, loops between them.
  bool uneven = true;
  Remainders remainders = Remainders::lanes;
  Bypass bypass = Bypass::free;
};

/// What a level does with tensors of a role before constraints: what the architecture says, or with a fixed bypass what it has
/// room for.
Keep keep_of(const Level& level, Role role, Bypass bypass);

/// Whether level `l` of the mapspace keeps, can keep or never keeps a tensor: what the architecture says, then the mapspace, then
/// the constraints.
Keep keep_of(const Tensor& tensor, int t, const Hierarchy& hierarchy, int l, const Mapspace& mapspace,
             const std::vector<Constraint>& constraints);

struct Certificate {
  bool proved = false;
  double lower_bound = 0;     ///< no mapping in the mapspace has an objective value below this
  double gap = 0;             ///< (value - lower_bound) / value
  std::string mapspace_size;  ///< how many nests the mapspace has before constraints, legal or not: an exact integer
  std::int64_t labels_kept = 0, labels_pruned = 0;
  /// Choices of lanes that were looked at, all their choices of keeps together, and of both where they had to be told apart
  /// (where a bandwidth is limited); those of them not excluded by a bound of their parts.
  std::int64_t jobs = 0, jobs_solved = 0;
  double seconds = 0;
};

/// What searches have found out of one layer on one hierarchy, in one mapspace within the same constraints, whatever is to be
/// least: later ones with other aims go on from there. One search at a time.
class Findings {
 public:
  Findings();
  ~Findings();
  Findings(const Findings&) = delete;
  Findings& operator=(const Findings&) = delete;
  struct State;
  [[nodiscard]] State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

struct SearchOptions {
  Aim objective = {};
  Mapspace mapspace = {};
  double time_limit = 0;  ///< seconds; 0 = none
  bool any = false;       ///< any mapping will do: stop at the first
  /// Calls its second argument for 0 … n-1, at the same time if it can. Without it, one after the other. The answer is the same.
  std::function<void(std::size_t n, const std::function<void(std::size_t)>&)> at_once = {};
  /// Mappings are scored by their cycles when played through (model/schedule.hpp). Bounds stay those of the closed form, which
  /// are no higher, so that a gap may be left. Fronts are of the closed form.
  bool play = false;
  bool record_jobs = false;                  ///< keep what was proved of each solved job
  std::vector<Constraint> constraints = {};  ///< all are obeyed; without a contradiction
  Findings* findings = nullptr;              ///< of searches before this one, which adds to them
  /// After so many labels bounds are taken that are better, and dearer (docs/search.md, V); negative: from the first on. The
  /// answer is the same.
  std::int64_t labels_before_wide = 1 << 18;
};

/// A choice of lanes for every fanout, solved exactly: no mapping with these lanes scores below `bound`, whichever levels keep
/// the tensors.
struct SolvedJob {
  std::vector<SpatialLoop> lanes;                     ///< outermost first
  std::array<std::int64_t, kMaxDimensions> chunks{};  ///< per dimension, the iterations that are dealt in unequal parts; 0 = none
  double bound = 0;
};

struct SearchResult {
  Nest nest;
  Evaluation evaluation;
  Certificate certificate;
  std::vector<SolvedJob> solved;  ///< with SearchOptions::record_jobs, in the order in which they were solved
};

/// The mapping of least objective in the mapspace. With a time limit or a requested stop: the best found so far, not proved, with
/// its honest gap. The same answer whatever else runs. Throws NoLegalMapping with the reason when there is none.
SearchResult search(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options,
                    const std::stop_token& stop = {});

/// Why a layer has no mapping: the smallest set of constraints and capacities found that conflict (without any one of them there
/// is a mapping), and for each capacity among them the least that would do. One paragraph; for when `search` throws
/// NoLegalMapping. Looks for perfect factors; spends a few seconds at most on each question. Throws Interrupted when asked to
/// stop.
std::string conflict(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options,
                     const std::stop_token& stop = {});

/// One point of an energy-latency front.
struct FrontPoint {
  double energy = 0;
  std::int64_t cycles = 0;
  Nest nest;
};

/// The exact energy-latency front of a layer: every mapping in the mapspace is matched or beaten in both energy and cycles by one
/// of these, none of which beats another. Most cycles first. Ceilings of the aim hold; its objective does not matter. Not
/// `complete` when the time limit (for each point) or a requested stop cut it short: then the points found so far.
struct Front {
  std::vector<FrontPoint> points;
  bool complete = true;
};
Front pareto_front(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options,
                   const std::stop_token& stop = {});

/// A choice of one point for each part of a whole: what they come to together.
struct CombinedPoint {
  double energy = 0;
  std::int64_t cycles = 0;
  std::vector<std::int32_t> choice;  ///< per part, the index of its point
};
/// The front of the sums: each part's points combined in all ways, and of these those that none beats. Most cycles first.
std::vector<CombinedPoint> combined_front(const std::vector<std::vector<FrontPoint>>& parts);

/// The number of nests in the mapspace before constraints, in decimal. Exact; loops of one iteration count as placed.
std::string mapspace_size(const Layer& layer, const Hierarchy& hierarchy, const Mapspace& mapspace);

/// Which rule of the mapspace a legal nest breaks, in words; empty: it is one of its nests. `constraints` are those of the
/// search, for what they say of keeps and of dimensions that are ordered; whether the nest obeys them is not asked.
std::string why_outside(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy, const Mapspace& mapspace,
                        const std::vector<Constraint>& constraints = {});

}  // namespace tilepath
