// The tree of jobs, best bound first.
//
// A job is a choice of lanes for every fanout and of the levels that keep each tensor. Jobs form a tree: fanout by fanout, then,
// only where a bandwidth is limited, the keeps; each knot has a bound that no mapping below it undercuts. The knot of least bound
// is opened next; all jobs of the same lanes are solved exactly at once (lattice.hpp). When the least bound reaches the
// incumbent, nothing left can be better: that is the proof.
#include "tilepath/search/search.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "findings.hpp"
#include "lanes_bound.hpp"
#include "lattice.hpp"
#include "rivals.hpp"
#include "symmetry.hpp"
#include "tilepath/mapping/legal.hpp"
#include "tilepath/mapping/tile.hpp"
#include "tilepath/model/evaluate.hpp"
#include "tilepath/model/schedule.hpp"

namespace tilepath {

using search_detail::Cost;
using search_detail::Deal;
using search_detail::Job;
using search_detail::Keeping;
using search_detail::LaneChoice;
using search_detail::LaneFactors;
using search_detail::LanesBound;
using search_detail::LatticeOutcome;
using search_detail::Least;
using search_detail::Look;
using search_detail::Nearest;
using search_detail::Outer;
using search_detail::OuterEnergy;
using search_detail::OuterNodes;
using search_detail::Parts;
using search_detail::Patience;
using search_detail::Prices;
using search_detail::Problem;
using search_detail::symmetries;
using search_detail::Symmetry;
using search_detail::Tiles;
using search_detail::Workspace;

std::string_view name_of(Objective objective) {
  constexpr std::array<std::string_view, kObjectives> kNames = {"energy", "latency", "edp", "ed2p", "product"};
  return kNames.at(static_cast<std::size_t>(objective));
}

std::string_view name_of(Remainders remainders) {
  constexpr std::array<std::string_view, kRemainders> kNames = {"none", "lanes", "loops"};
  return kNames.at(static_cast<std::size_t>(remainders));
}

Score score_of(const Aim& aim, double energy, double cycles) {
  if (energy > aim.max_energy || cycles > aim.max_cycles) return {};
  switch (aim.objective) {
    case Objective::energy:
      return {energy, cycles};
    case Objective::latency:
      return {cycles, energy};
    case Objective::edp:
      return {energy * cycles, 0};
    case Objective::ed2p:
      return {energy * cycles * cycles, 0};
    case Objective::product:
      break;
  }
  return {std::pow(energy, aim.energy_exponent) * std::pow(cycles, aim.cycles_exponent), 0};
}

Keep keep_of(const Level& level, Role role, Bypass bypass) {
  const Keep keep = at(level.keeps, role);
  if (bypass == Bypass::free || keep != Keep::can) return keep;
  const Partition* room = level.partition(role);
  return room != nullptr && room->capacity_words == 0 ? Keep::never : Keep::must;
}

Keep keep_of(const Tensor& tensor, int t, const Hierarchy& hierarchy, int l, const Mapspace& mapspace,
             const std::vector<Constraint>& constraints) {
  Keep keep = keep_of(hierarchy.level(l), tensor.role, mapspace.bypass);
  for (const Constraint& constraint : constraints) {
    if (constraint.level != l) continue;
    if (std::find(constraint.tensors.begin(), constraint.tensors.end(), t) == constraint.tensors.end()) continue;
    if (constraint.kind == Constraint::Kind::keep) keep = Keep::must;
    if (constraint.kind == Constraint::Kind::never) keep = Keep::never;
  }
  return keep;
}

namespace {

constexpr std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

/// How far above a knot's bound lanes are listed at first, and how much further each time.
constexpr double kFirstSlack = 1.1;
constexpr double kWiden = 1.5;

constexpr Score kNothing{-std::numeric_limits<double>::infinity(), 0};

/// A knot of the job tree.
struct Knot {
  Score bound;
  std::int64_t number = 0;           ///< in order of creation: of equal bounds, the older first
  int fanouts = 0;                   ///< levels whose fanout is decided
  int look = 0;                      ///< the next one to take: see Looks
  Least least;                       ///< as the first look has it
  bool remainders = false;           ///< some dimension is to be dealt in parts that do not divide (R9)
  Score listed = kNothing;           ///< of the lanes of the next fanout, all with bounds below this
  bool wide = false;                 ///< these bounds know of wide nodes
  Score listed_narrowly = kNothing;  ///< before they did
  double slack = kFirstSlack;        ///< how far above its bound the next ones are listed
  std::shared_ptr<const Job> lanes = std::make_shared<const Job>();  ///< shared by the knots below it; without keeps
  std::array<std::uint32_t, kMaxTensors> kept{};                     ///< of a job
};

using KnotPointer = std::unique_ptr<Knot>;

struct Later {
  bool operator()(const KnotPointer& a, const KnotPointer& b) const {
    return a->bound != b->bound ? a->bound > b->bound : a->number > b->number;
  }
};

class Searcher {
 public:
  Searcher(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options, Patience patience)
      : options_(options),
        whole_(hierarchy),
        narrowed_(narrowed(hierarchy, options.constraints, layer)),
        problem_{layer, narrowed_, Parts(layer, narrowed_), options.objective, options.mapspace, options.constraints},
        patience_(std::move(patience)),
        hasty_{patience_.stop, patience_.deadline, options.labels_before_wide} {
    problem_.outer_level = hierarchy.level_count() - 1;
    for (int l = hierarchy.level_count(); l-- > 0;)
      if (hierarchy.level(l).fanout_size() > 1) problem_.outer_level = l;
    problem_.outer_level = std::min(problem_.outer_level, kMostOuterLevels);
    problem_.symmetries = symmetries(layer, hierarchy);
    problem_.feeding = search_detail::feeding_tensors(layer, hierarchy, problem_.outer_level);
    wide_ = problem_.feeding == 0 || options.labels_before_wide < 0;
    for (int t = 0; t < layer.tensor_count(); ++t)
      for (int l = 0; l < hierarchy.level_count(); ++l) {
        const Keep keep = l == 0 ? Keep::must : keep_of(t, l);
        if (keep != Keep::never) keeping_.may[index(t)] |= 1U << l;
        if (keep == Keep::must) keeping_.must[index(t)] |= 1U << l;
      }
    // Bounds and labels are sums that may round up past a ceiling which the mapping itself keeps; `take` holds it exactly.
    constexpr double kRounding = 1 + 1e-12;
    problem_.objective.max_energy *= kRounding;
    remainders_to_come_ = options.mapspace.remainders != Remainders::none;
    if (remainders_to_come_) set_remainders();
    for (int l = 0; l < hierarchy.level_count(); ++l)
      problem_.leakage += hierarchy.level(l).leakage * static_cast<double>(hierarchy.instances(l));
  }

  /// `known`: a good mapping of the mapspace, if one is known.
  SearchResult run(const std::optional<Nest>& known = {}) {
    take_simplest();
    known_ = known.has_value();
    if (known) take(*known);
    plant(false);
    while (!patience_.over() && !(options_.any && !result_.nest.nodes.empty())) {
      // Mappings without remainders first: a few of them solved make an incumbent that rules out most remainders unlisted.
      const bool idle = !open() && due_.empty();
      if (remainders_to_come_ && (known_ || solves_ >= kSolvedBeforeRemainders || idle)) {
        remainders_to_come_ = false;
        plant(true);
      }
      if (!(open() ? step() : take_up())) break;
    }
    for (KnotPointer& knot : due_) push(std::move(*knot));
    return result();
  }

 private:
  void set_remainders() {
    const bool in_time = options_.mapspace.remainders == Remainders::loops;
    for (int d = 0; d < problem_.layer.dimension_count(); ++d) {
      const std::int64_t bound = problem_.layer.dimensions[index(d)].bound;
      const std::int64_t part = search_detail::most_part_if_short(problem_.layer, whole_, options_.mapspace.remainders, d);
      const bool cut = in_time && search_detail::may_cut(problem_.layer, whole_, d);
      most_part_if_short_[index(d)] = part;
      if (part > 0) problem_.bands_of_chunks[index(d)] = search_detail::banded_ladder(bound, kWideBands);
      if (cut) problem_.bands[index(d)] = search_detail::banded_ladder(bound, kBands);
      for (const std::int64_t left : search_detail::divisors(bound))
        if (cut) problem_.ragged[index(d)].emplace(left, search_detail::ragged_ladder(left));
    }
  }

  /// How these lanes may cut the tiles outside them.
  [[nodiscard]] Tiles tiles(const Job& lanes) const {
    if (lanes.ends_short()) return Tiles::chunks;
    return options_.mapspace.remainders == Remainders::loops ? Tiles::any : Tiles::even;
  }
  /// … and what goes on from them, with the fanouts outside level `fanouts` chosen, in the tree of jobs with remainders or
  /// without.
  [[nodiscard]] Tiles tiles(bool remainders, const Job& lanes, int fanouts) const {
    const auto may = [](std::int64_t part) { return part > 0; };
    const bool more = remainders && fanouts < problem_.hierarchy.level_count() &&
                      std::any_of(most_part_if_short_.begin(), most_part_if_short_.end(), may);
    return more && tiles(lanes) == Tiles::even ? Tiles::chunks : tiles(lanes);
  }
  [[nodiscard]] LanesBound& lanes_bound(Tiles tiles, bool wide) {
    std::optional<LanesBound>& bound = lanes_bounds_[static_cast<std::size_t>(tiles)][wide ? 1 : 0];
    if (!bound)
      bound.emplace(problem_, keeping_, [this, of = Outer{outer(keeping_), tiles}, wide](const Nearest& nearest) {
        return outer_energy(of, nearest, wide);
      });
    return *bound;
  }

  static constexpr double kBands = 1.5, kWideBands = 3;              ///< see banded_ladder; solves of chunks are cheap
  static constexpr int kMostOuterLevels = 1;                         ///< solved on their own: more take longer than they save
  static constexpr double kFewestCycles = 1.3, kCyclesApart = 0.01;  ///< see narrowing
  static constexpr std::size_t kBatch = 4;                           ///< knots looked at at once
  static constexpr std::int64_t kSolvedBeforeRemainders = 3;

  /// Opens the knot of least bound. Whether the search goes on.
  bool step() {
    KnotPointer knot = pop();
    if (knot->fanouts < problem_.hierarchy.level_count())
      branch_lanes(std::move(knot));
    else if (knot->look == kApart)
      return look_apart(std::move(knot));
    else
      return look(std::move(knot));
    return true;
  }

  [[nodiscard]] bool open() const { return !tree_.empty() && !(tree_.front()->bound >= incumbent_); }

  /// The root of a tree of jobs: of those with some remainder, or of those without.
  void plant(bool remainders) {
    solve_outer_at_once(tiles(remainders, {}, 0));
    Knot root;
    root.remainders = remainders;
    root.bound = root_bound(remainders);
    push(std::move(root));
  }
  [[nodiscard]] Score root_bound(bool remainders) { return lanes_bound(tiles(remainders, {}, 0), wide_).of({}, 0); }

  /// The first incumbent: no lanes, every loop at the outermost level, and what must be kept, kept word by word.
  void take_simplest() {
    const Layer& layer = problem_.layer;
    Nest nest;
    Store all{{}, 0};
    for (int t = 0; t < layer.tensor_count(); ++t) all.tensors.push_back(t);
    nest.nodes.emplace_back(all);
    for (int d = 0; d < layer.dimension_count(); ++d)
      if (layer.dimensions[index(d)].bound > 1) nest.nodes.emplace_back(Loop{d, layer.dimensions[index(d)].bound});
    for (int l = 1; l < problem_.hierarchy.level_count(); ++l) {
      Store store{{}, l};
      for (int t = 0; t < layer.tensor_count(); ++t)
        if (keep_of(t, l) == Keep::must) store.tensors.push_back(t);
      if (!store.tensors.empty()) nest.nodes.emplace_back(store);
    }
    nest.nodes.emplace_back(Compute{});
    const std::string why = why_illegal(nest, layer, problem_.hierarchy);
    // Every other mapping keeps at least these words at these levels: if this one does not fit, none does.
    if (!why.empty())
      throw NoLegalMapping("no legal mapping of '" + layer.name + "' on '" + problem_.hierarchy.name +
                           "': even with one word of each tile, " + why);
    for (int l = 1; l < problem_.hierarchy.level_count(); ++l) fit_demanded_tiles(l);
    if (std::all_of(options_.constraints.begin(), options_.constraints.end(),
                    [&](const Constraint& constraint) { return obeys(nest, constraint, layer); }))
      take(nest);
  }

  /// Tiles whose extents the constraints give, of tensors that a level must keep, fit or nothing does: that is known unsearched.
  void fit_demanded_tiles(int l) const {
    const Level& level = problem_.hierarchy.level(l);
    for (const Partition& part : level.partitions) {
      std::int64_t words = 0;
      for (int t = 0; t < problem_.layer.tensor_count(); ++t) {
        const Tensor& tensor = problem_.layer.tensors[index(t)];
        if (keep_of(t, l) != Keep::must || !at(part.holds, tensor.role)) continue;
        Extents tile{};
        tile.fill(1);
        for (const Constraint& constraint : options_.constraints)
          for (std::size_t k = 0; k < constraint.extents.size(); ++k)
            if (constraint.kind == Constraint::Kind::tile && constraint.level == l && concerns(constraint, t, k, problem_.layer))
              tile[index(constraint.dimensions[k])] = constraint.extents[k];
        words = checked_add(
            words, checked_multiply(tile_words(tensor, tile, problem_.hierarchy.footprint), room_per_word(level, tensor)));
      }
      if (words > part.capacity_words)
        throw NoLegalMapping("no legal mapping of '" + problem_.layer.name + "' on '" + problem_.hierarchy.name +
                             "': the tiles asked for take " + std::to_string(words) + " words of '" + level.name +
                             "', which has " + std::to_string(part.capacity_words));
    }
  }

  /// Returns the evaluation in closed form.
  Evaluation take(const Nest& nest) {
    const Evaluation evaluation = evaluate(nest, problem_.layer, problem_.hierarchy);
    const Score foretold = score_of(options_.objective, evaluation);
    least_foretold_ = std::min(least_foretold_, foretold);
    if (!(foretold < incumbent_)) return evaluation;
    Evaluation taken = evaluation;
    if (options_.play && whole_.limited()) {
      const std::optional<CycleSplit> split = schedule(nest, problem_.layer, problem_.hierarchy);
      if (!split) return evaluation;
      taken = played(evaluation, *split);
    }
    const Score score = score_of(options_.objective, taken);
    if (!(score < incumbent_)) return evaluation;
    incumbent_ = score;
    result_.nest = nest;
    result_.evaluation = taken;
    return evaluation;
  }

  void push(Knot knot) {
    if (knot.bound >= incumbent_) return;
    knot.number = ++knots_;
    tree_.push_back(std::make_unique<Knot>(std::move(knot)));
    std::push_heap(tree_.begin(), tree_.end(), Later());
  }
  KnotPointer pop() {
    std::pop_heap(tree_.begin(), tree_.end(), Later());
    KnotPointer knot = std::move(tree_.back());
    tree_.pop_back();
    return knot;
  }

  /// Lists choices of lanes for the next fanout, those with the least bounds first; the knot stays for the others, most of which
  /// need never be listed.
  void branch_lanes(KnotPointer of) {
    Knot& knot = *of;
    if (wide_ && !knot.wide) {
      knot.wide = true;
      knot.listed_narrowly = std::exchange(knot.listed, kNothing);
    }
    const double above = knot.bound.value * knot.slack;
    const Score limit = above > knot.bound.value ? std::min(incumbent_, Score{above, 0}) : incumbent_;
    const Level& level = problem_.hierarchy.level(knot.fanouts);
    LaneChoice none;
    none.factors.fill(1);
    Job job = *knot.lanes;
    int fanouts = knot.fanouts + 1;
    while (fanouts < problem_.hierarchy.level_count() && !problem_.hierarchy.level(fanouts).fanout) ++fanouts;
    job.lanes.resize(index(fanouts), none.factors);
    Score beyond;  // the least of those that are not listed yet
    std::vector<std::optional<Knot>> listed;
    search_detail::Rivals rivals(problem_, keeping_, knot.fanouts);
    const auto take_choice = [&](const LaneChoice& choice, const auto& least) {
      job.lanes[index(knot.fanouts)] = choice.factors;
      bool dealt = false;
      for (std::size_t d = 0; d < choice.deals.size(); ++d) {
        job.deals[d] = choice.deals[d].dealt() ? choice.deals[d] : knot.lanes->deals[d];
        dealt = dealt || job.deals[d].dealt();
      }

      if (knot.remainders && !dealt && fanouts == problem_.hierarchy.level_count()) return;  // in the tree without remainders
      if (!counts_obey(choice, knot.fanouts) || mirrored(job)) return;
      const auto bound_of = [&](bool wide) {
        return std::max(least(wide), lanes_bound(tiles(knot.remainders, job, fanouts), wide).of(job, fanouts));
      };
      const Score bound = bound_of(knot.wide);
      if (bound >= limit) {
        beyond = std::min(beyond, bound);
        return;
      }
      if (bound < knot.listed || (kNothing < knot.listed_narrowly && bound_of(false) < knot.listed_narrowly)) return;
      if (dealt && !rivals.enter(job, listed.size())) return;
      Knot next;
      next.bound = std::max(knot.bound, bound);
      next.fanouts = fanouts;
      next.remainders = knot.remainders;
      next.lanes = std::make_shared<const Job>(job);
      listed.emplace_back(std::move(next));
    };
    if (level.fanout)
      beyond = std::min(beyond, visit_choices(knot, limit, take_choice));
    else
      take_choice(none, [](bool) { return Score{0, 0}; });
    for (const std::size_t needless : rivals.outdone()) listed[needless].reset();
    for (std::optional<Knot>& next : listed)
      if (next) push(std::move(*next));
    knot.listed = limit;
    knot.bound = beyond;
    if (!listed.empty()) knot.slack = 1 + (knot.slack - 1) * kWiden;
    push(std::move(knot));
  }

  /// Calls `visit` with at least those choices of lanes for the next fanout whose bounds are below the limit, and the bound. The
  /// least bound of the others.
  template <class Visit>
  [[nodiscard]] Score visit_choices(const Knot& knot, const Score& limit, const Visit& visit) {
    search_detail::LaneWish wish;
    wish.left = search_detail::left_by(problem_.layer, *knot.lanes);
    for (int d = 0; d < problem_.layer.dimension_count(); ++d) {
      wish.deals[index(d)] =
          knot.remainders && search_detail::may_deal(problem_.layer, problem_.hierarchy, options_.constraints, d, knot.fanouts);
      if (wish.left[index(d)] == problem_.layer.dimensions[index(d)].bound)
        wish.most_part_if_short[index(d)] = most_part_if_short_[index(d)];
    }
    const auto begin = [&](bool wide) {
      return lanes_bound(tiles(knot.remainders, *knot.lanes, knot.fanouts), wide).begin(*knot.lanes, knot.fanouts);
    };
    const auto bound = begin(knot.wide);
    const auto narrow = knot.wide ? begin(false) : bound;
    // Rounding may put the bound of a choice that is begun a little above that of the whole.
    constexpr double kRounding = 1 + 1e-9;
    const Score far{limit.value * kRounding, limit.tie};
    Score beyond;
    wish.worth = [&](const search_detail::LanesBegun& begun) {
      const Score least = bound(begun);
      if (least < far) return true;
      beyond = std::min(beyond, least);
      return false;
    };
    search_detail::for_each_lane_choice(problem_.layer, problem_.hierarchy, knot.fanouts, wish,
                                        [&](const LaneChoice& choice, const search_detail::LanesBegun& begun) {
                                          visit(choice, [&](bool wide) { return wide ? bound(begun) : narrow(begun); });
                                        });
    return beyond;
  }

  /// Whether exchanging dimensions that the layer does not tell apart makes an earlier choice of lanes: then that one's mappings
  /// cost the same.
  [[nodiscard]] bool mirrored(const Job& job) const {
    if (!options_.constraints.empty()) return false;
    return std::any_of(problem_.symmetries.begin(), problem_.symmetries.end(), [&](const Symmetry& symmetry) {
      for (std::size_t l = 0; l < job.lanes.size(); ++l)
        for (std::size_t d = 0; d < symmetry.size(); ++d) {
          const std::size_t other = index(symmetry[d]);
          const auto mine = std::make_tuple(job.lanes[l][d], dealt_at(job, d, l));
          const auto theirs = std::make_tuple(job.lanes[l][other], dealt_at(job, other, l));
          if (mine != theirs) return mine < theirs;
        }
      return false;
    });
  }
  [[nodiscard]] static std::tuple<std::int32_t, std::int32_t, std::int32_t> dealt_at(const Job& job, std::size_t d,
                                                                                     std::size_t level) {
    const Deal& deal = job.deals[d];
    return deal.fanout == static_cast<int>(level) ? std::make_tuple(deal.chunk, deal.x, deal.y) : std::make_tuple(0, 0, 0);
  }

  /// Whether the lanes of a choice are as many as the constraints say.
  [[nodiscard]] bool counts_obey(const LaneChoice& choice, int level) const {
    return std::none_of(options_.constraints.begin(), options_.constraints.end(), [&](const Constraint& constraint) {
      if (constraint.kind != Constraint::Kind::count || constraint.level != level) return false;
      const auto d = index(constraint.dimensions[0]);
      const std::int64_t lanes =
          choice.deals[d].dealt() ? std::int64_t{choice.deals[d].x} * choice.deals[d].y : choice.factors[d];
      return lanes != constraint.count;
    });
  }

  [[nodiscard]] Keep keep_of(int t, int l) const {
    return tilepath::keep_of(problem_.layer.tensors[index(t)], t, problem_.hierarchy, l, options_.mapspace, options_.constraints);
  }

  // Looks at all jobs of the same lanes together, each look dearer and better than the one before. All but the first are taken at
  // several knots at once, of a number that does not depend on the threads: each starts from the incumbent as it was, and they
  // are settled in their order.

  enum Looks : std::int8_t {
    kApart,      ///< each node at its least, the outer ones together
    kRated,      ///< with bandwidths: solved, with energy and waiting as one
    kRelaxed,    ///< solved; with bandwidths, each port that is not watched carries its least. Without, that is all.
    kTellKeeps,  ///< the same with the keeps told apart: those left become jobs
    kJob,        ///< one of them, solved as it is
    kLooks
  };
  [[nodiscard]] int after(int look) const {
    if (look != kApart) return look + 1;
    const Aim& aim = options_.objective;
    const bool rated = problem_.parts.count > 1 && aim.objective != Objective::latency && !std::isfinite(aim.max_cycles);
    return rated ? kRated : kRelaxed;
  }

  bool look(KnotPointer knot) {
    // The first of a kind shows how far above the bound to look, and makes an incumbent.
    const bool first = reached_[index(knot->look)] == 0 && !known_;
    due_.push_back(std::move(knot));
    return (!first && due_.size() < kBatch) || take_up();
  }

  /// Takes the looks that are due. Whether the search goes on: not when none are, or patience runs out.
  bool take_up() {
    if (due_.empty()) return false;
    std::vector<KnotPointer> batch = std::exchange(due_, {});
    std::erase_if(batch, [&](const KnotPointer& knot) { return knot->bound >= incumbent_; });
    std::vector<LatticeOutcome> outcomes(batch.size());
    at_once(batch, [&](std::size_t k, const Prices& prices, const OuterEnergy& outer, Workspace& workspace) {
      Knot& knot = *batch[k];
      const std::unique_ptr<Look> look = start(knot, prices, outer, workspace);
      if (knot.look == kTellKeeps) {
        outcomes[k] = look->below(incumbent_);
        return;
      }
      if (problem_.parts.count == 1) {
        const Least least = look->apart();
        knot.bound = std::max(knot.bound, problem_.score(least));
        if (knot.bound >= incumbent_) {
          outcomes[k].least = least;
          outcomes[k].excluded = true;
          return;
        }
      }
      outcomes[k] = narrowing(knot, [&](const Score& limit) { return look->below(limit); });
    });
    bool finished = true;
    for (std::size_t k = 0; k < batch.size(); ++k) {
      count(outcomes[k]);
      if (outcomes[k].finished) {
        settle(std::move(batch[k]), outcomes[k]);
        continue;
      }
      if (outcomes[k].nest) take(*outcomes[k].nest);
      if (outcomes[k].too_many) {  // again, with wide nodes
        push(std::move(*batch[k]));
        continue;
      }
      finished = false;
      unfinished_ = std::min(unfinished_.value_or(batch[k]->bound), batch[k]->bound);
    }
    if (!wide_ && result_.certificate.labels_kept > options_.labels_before_wide) widen();
    return finished;
  }

  [[nodiscard]] std::unique_ptr<Look> start(const Knot& knot, const Prices& prices, const OuterEnergy& outer,
                                            Workspace& workspace) const {
    const Patience& patience = wide_ ? patience_ : hasty_;
    switch (knot.look) {
      case kRated:
        return solve_rated(problem_, prices, keeping(knot), knot.least, outer, patience, workspace);
      case kRelaxed:
        return solve_relaxed(problem_, prices, keeping(knot), outer, patience, workspace);
      case kTellKeeps:
        return tell_keeps(problem_, prices, keeping(knot), outer, patience, workspace);
      default:
        return search_detail::solve(problem_, prices, outer, patience, workspace);
    }
  }

  /// Bounds know of wide nodes from now on: they are dearer, and pay where many labels have to be made.
  void widen() {
    wide_ = true;
    for (const Tiles tiles : {Tiles::even, Tiles::chunks, Tiles::any})
      if (lanes_bounds_[static_cast<std::size_t>(tiles)][0]) solve_outer_at_once(tiles);
  }

  bool look_apart(KnotPointer knot) {
    ++result_.certificate.jobs;
    if (recall(knot)) return true;
    if (problem_.parts.count == 1) {  // as the first step of the next look
      knot->look = after(kApart);
      return look(std::move(knot));
    }
    const Prices prices(problem_.layer, problem_.hierarchy, problem_.parts, job(*knot));
    const OuterEnergy outer = outer_energy(*knot);
    const Least least = solve_relaxed(problem_, prices, keeping(*knot), outer, patience_, workspaces_[0])->apart();
    remember(*knot, least);
    knot->least = least;
    look_again(std::move(knot), problem_.score(least), after(kApart));
    return true;
  }

  /// What searches before this one found out of a choice of lanes. Whether they did.
  bool recall(KnotPointer& knot) {
    if (options_.findings == nullptr) return false;
    const auto found = options_.findings->state().jobs.find(*knot->lanes);
    if (found == options_.findings->state().jobs.end()) return false;
    const Finding& finding = found->second;
    if (finding.best) {
      take(*finding.best);
      ++result_.certificate.jobs_solved;
      record(*knot);
      return true;
    }
    knot->least = finding.least;
    const Score bound = std::isfinite(finding.least.energy) ? problem_.score(finding.least) : knot->bound;
    look_again(std::move(knot), bound, after(kApart));
    return true;
  }

  /// For searches to come.
  void remember(const Knot& knot, const Least& least) const {
    if (options_.findings == nullptr) return;
    Finding& finding = options_.findings->state().jobs[*knot.lanes];
    if (least.energy > finding.least.energy) finding.least = least;
  }
  void remember(const Knot& knot, const Nest& best, const Evaluation& evaluation) const {
    if (options_.findings == nullptr) return;
    Finding& finding = options_.findings->state().jobs[*knot.lanes];
    finding.best = best;
    finding.energy = evaluation.energy.value();
  }

  /// With all keeps that it may have.
  [[nodiscard]] Job job(const Knot& knot) const {
    Job job = *knot.lanes;
    job.keeps = keeping(knot).may;
    return job;
  }
  [[nodiscard]] Keeping keeping(const Knot& knot) const { return knot.look == kJob ? Keeping{knot.kept, knot.kept} : keeping_; }

  /// Does something with each job of a batch, at the same time where the caller can.
  template <class Do>
  void at_once(const std::vector<KnotPointer>& batch, const Do& one) {
    if (workspaces_.size() < batch.size()) workspaces_.resize(batch.size());
    const auto each = [&](std::size_t k) {
      one(k, Prices(problem_.layer, problem_.hierarchy, problem_.parts, job(*batch[k])), outer_energy(*batch[k]), workspaces_[k]);
    };
    if (options_.at_once && batch.size() > 1)
      options_.at_once(batch.size(), each);
    else
      for (std::size_t k = 0; k < batch.size(); ++k) each(k);
  }

  void look_again(KnotPointer knot, const Score& bound, int look) {
    knot->bound = std::max(knot->bound, bound);
    knot->look = look;
    push(std::move(*knot));
  }

  /// Least energy of the nodes above the lanes, of jobs that keep the same there.
  [[nodiscard]] OuterEnergy outer_energy(const Knot& knot) {
    return [this, of = Outer{outer(keeping(knot)), tiles(*knot.lanes)}](const Nearest& nearest) {
      return outer_energy(of, nearest, wide_);
    };
  }
  /// At the outer levels alone.
  [[nodiscard]] Keeping outer(Keeping keeping) const {
    for (auto* levels : {&keeping.may, &keeping.must})
      for (std::uint32_t& kept : *levels) kept &= (2U << problem_.outer_level) - 1U;
    return keeping;
  }
  double outer_energy(const Outer& outer, const Nearest& fed, bool wide) {
    const Nearest nearest = wide ? fed : problem_.levels_of(fed);
    const std::lock_guard lock(outer_mutex_);
    auto& known = known_outer_energy();
    if (const auto it = known.find({outer, nearest}); it != known.end()) return it->second;
    if (!outer_nodes_ || outer_nodes_of_ != outer) outer_nodes_ = search_detail::outer_nodes(problem_, outer, patience_);
    outer_nodes_of_ = outer;
    const double energy = outer_nodes_->least(nearest);
    if (!patience_.over()) known.emplace(std::pair(outer, nearest), energy);  // else it may be 0 for want of time
    return energy;
  }
  [[nodiscard]] std::map<std::pair<Outer, Nearest>, double>& known_outer_energy() {
    return options_.findings != nullptr ? options_.findings->state().outer_energy : outer_energy_;
  }
  /// All of them side by side, where the caller has threads to spare: nearly all will be asked for.
  void solve_outer_at_once(Tiles tiles) {
    if (!options_.at_once) return;
    const Outer outer{this->outer(keeping_), tiles};
    std::set<Nearest> nearests;
    for (const Nearest& nearest : lanes_bound(tiles, wide_).nearests())
      nearests.insert(wide_ ? nearest : problem_.levels_of(nearest));
    std::vector<Nearest> unknown(nearests.begin(), nearests.end());
    std::erase_if(unknown, [&](const Nearest& nearest) { return known_outer_energy().contains({outer, nearest}); });
    std::vector<double> energies(unknown.size());
    std::mutex mutex;
    std::vector<std::unique_ptr<OuterNodes>> idle;
    options_.at_once(unknown.size(), [&](std::size_t k) {
      std::unique_lock lock(mutex);
      std::unique_ptr<OuterNodes> nodes = idle.empty() ? nullptr : std::move(idle.back());
      if (nodes) idle.pop_back();
      lock.unlock();
      if (!nodes) nodes = search_detail::outer_nodes(problem_, outer, patience_);
      energies[k] = nodes->least(unknown[k]);
      lock.lock();
      idle.push_back(std::move(nodes));
    });
    if (patience_.over()) return;
    for (std::size_t k = 0; k < unknown.size(); ++k) known_outer_energy().emplace(std::pair(outer, unknown[k]), energies[k]);
  }

  /// Of a look that was taken to its end.
  void settle(KnotPointer knot, const LatticeOutcome& found) {
    if (found.excluded) {
      remember(*knot, found.least);
      return;
    }
    std::optional<Evaluation> evaluation;
    if (found.nest) {
      reach(*knot, found.score);
      evaluation = take(*found.nest);
    }
    if (knot->look == kTellKeeps) {
      add_jobs(*knot, found.kept);
    } else {
      ++solves_;
      if (problem_.parts.count == 1) {
        remember(*knot, found.least);
        if (evaluation) remember(*knot, *found.nest, *evaluation);
      } else if (evaluation && knot->look != kJob) {
        const bool again = knot->look == kRelaxed && watch_more(*evaluation, found.score);
        const int look = again ? knot->look : after(knot->look);
        look_again(std::move(knot), found.score, look);
        return;
      }
    }
    ++result_.certificate.jobs_solved;
    record(*knot);
  }

  /// Whether a port makes a mapping much worse than a relaxed solve has foretold, and is watched from now on.
  bool watch_more(const Evaluation& evaluation, const Score& foretold) {
    constexpr double kMuch = 1.001;
    if (!(foretold.value * kMuch < score_of(options_.objective, evaluation).value)) return false;
    const auto& limit = evaluation.limit;
    int port = -1;
    if (limit.kind == Limit::Kind::read_bandwidth) port = problem_.parts.read_port[index(limit.level)];
    if (limit.kind == Limit::Kind::write_bandwidth) port = problem_.parts.write_port[index(limit.level)];
    auto& watched = problem_.watched;
    if (port < 0 || watched.size() == search_detail::kMostWatched) return false;
    if (std::find(watched.begin(), watched.end(), port) != watched.end()) return false;
    watched.push_back(port);
    return true;
  }

  /// Those keeps of a choice of lanes that may be better than the incumbent become jobs.
  void add_jobs(const Knot& lanes, const std::vector<search_detail::Kept>& all) {
    for (const search_detail::Kept& kept : all) {
      Knot job;
      job.fanouts = lanes.fanouts;
      job.lanes = lanes.lanes;
      job.kept = kept.keeps;
      job.look = kJob;
      job.bound = std::max(lanes.bound, kept.least);
      push(std::move(job));
    }
    result_.certificate.jobs += static_cast<std::int64_t>(all.size());
  }

  /// What a proof has to show again: of a choice of lanes that its bounds alone do not exclude, all keeps.
  void record(const Knot& knot) {
    if (!options_.record_jobs || knot.look == kJob) return;
    const Job& job = *knot.lanes;
    SolvedJob solved;
    for (int l = 0; l < problem_.hierarchy.level_count(); ++l)
      if (problem_.hierarchy.level(l).fanout)
        for (const SpatialLoop& loop :
             search_detail::lay_out(problem_.layer, problem_.hierarchy, l, job.lanes[index(l)], job.deals))
          solved.lanes.push_back(loop);
    for (std::size_t d = 0; d < job.deals.size(); ++d)
      if (job.deals[d].dealt()) solved.chunks[d] = job.deals[d].chunk;
    result_.solved.push_back(std::move(solved));
  }

  /// search_detail::narrowing of one look at a knot, from where the ones before have ended.
  template <class Solve>
  LatticeOutcome narrowing(const Knot& knot, const Solve& solve_below) const {
    const double reach = reach_[index(knot.look)];
    const auto above = [&](double slack) {
      if (options_.objective.objective != Objective::latency) return Score{knot.bound.value * reach * slack, 0};
      // As few cycles as the bound, with more and more energy; else somewhat more cycles, with any.
      return slack < kFewestCycles ? Score{knot.bound.value, knot.bound.tie * reach * slack}
                                   : Score{knot.bound.value * (1 + (slack - 1) * kCyclesApart), 0};
    };
    return search_detail::narrowing(incumbent_, above, solve_below);
  }

  /// A look has raised a bound: the next ones of its kind may do as much.
  void reach(const Knot& knot, const Score& found) {
    const bool latency = options_.objective.objective == Objective::latency;
    const double before = latency ? knot.bound.tie : knot.bound.value;
    const double after = latency ? found.tie : found.value;
    if (!(before > 0) || !std::isfinite(after) || (latency && knot.bound.value != found.value)) return;
    double& reach = reach_[index(knot.look)];
    reach = reached_[index(knot.look)]++ == 0 ? after / before : std::min(reach, after / before);
  }

  void count(const LatticeOutcome& outcome) {
    result_.certificate.labels_kept += outcome.labels_kept;
    result_.certificate.labels_pruned += outcome.labels_pruned;
  }

  SearchResult result() {
    if (result_.nest.nodes.empty()) {
      if (!tree_.empty() || remainders_to_come_ || unfinished_) throw Interrupted();
      const bool ceilings = std::isfinite(options_.objective.max_energy) || std::isfinite(options_.objective.max_cycles);
      throw NoLegalMapping("no mapping of '" + problem_.layer.name + "' on '" + problem_.hierarchy.name + "' " +
                           (options_.constraints.empty() ? ""
                            : ceilings                   ? "obeys the constraints and "
                                                         : "obeys the constraints") +
                           (ceilings ? "keeps within the ceilings of energy and cycles" : ""));
    }
    Certificate& certificate = result_.certificate;
    Score lower = std::min(incumbent_, least_foretold_);
    if (!tree_.empty()) lower = std::min(lower, tree_.front()->bound);
    if (remainders_to_come_) lower = std::min(lower, root_bound(true));
    if (unfinished_) lower = std::min(lower, *unfinished_);
    certificate.lower_bound = lower.value;
    certificate.gap = incumbent_.value > 0 ? (incumbent_.value - lower.value) / incumbent_.value : 0;
    // Played through, what comes second (the cycles of least energy, say) has no bound.
    certificate.proved = options_.play ? lower.value >= incumbent_.value : lower >= incumbent_;
    certificate.mapspace_size = mapspace_size(problem_.layer, whole_, options_.mapspace);
    for (SolvedJob& solved : result_.solved) solved.bound = lower.value;
    certificate.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    return std::move(result_);
  }

  const SearchOptions& options_;
  const Hierarchy& whole_;
  Hierarchy narrowed_;  ///< to what the constraints unroll
  Problem problem_;
  Patience patience_;
  Patience hasty_;  ///< until bounds are widened
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  Keeping keeping_;                                                ///< what the mapspace and the constraints leave
  std::array<std::int64_t, kMaxDimensions> most_part_if_short_{};  ///< see search_detail::most_part_if_short
  std::array<std::array<std::optional<LanesBound>, 2>, 3>
      lanes_bounds_;   ///< by the tiles outside the lanes, without wide nodes and with
  bool wide_ = false;  ///< see widen
  std::mutex outer_mutex_;
  std::map<std::pair<Outer, Nearest>, double> outer_energy_;
  std::unique_ptr<OuterNodes> outer_nodes_;  ///< the last ones asked for
  Outer outer_nodes_of_;
  std::vector<Workspace> workspaces_ = std::vector<Workspace>(1);  ///< one per job looked at at once
  std::vector<KnotPointer> tree_;                                  ///< a heap, least bound first
  std::vector<KnotPointer> due_;                                   ///< taken from it, to be looked at
  std::int64_t knots_ = 0;
  std::int64_t solves_ = 0;                             ///< relaxed ones included
  std::array<double, kLooks> reach_ = {1, 1, 1, 1, 1};  ///< per look, the least that it has raised a bound by
  std::array<std::int64_t, kLooks> reached_{};          ///< per look, how often
  bool known_ = false;                                  ///< a good mapping was, when the search began
  bool remainders_to_come_ = false;
  Score incumbent_;
  Score least_foretold_;  ///< of the mappings taken, in closed form
  std::optional<Score> unfinished_;
  SearchResult result_;
};

/// The best mapping of those found before.
std::optional<Nest> best_of(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options) {
  if (options.findings == nullptr) return {};
  const Nest* best = nullptr;
  Score least;
  const auto consider = [&](const Nest& nest, const Score& score) {
    if (!(score < least)) return;
    least = score;
    best = &nest;
  };
  const Findings::State& state = options.findings->state();
  for (const auto& [lanes, finding] : state.jobs)
    if (finding.best) consider(*finding.best, score_of(options.objective, finding.energy, finding.least.cycles));
  for (const Nest& nest : state.nests) consider(nest, score_of(options.objective, evaluate(nest, layer, hierarchy)));
  return best != nullptr ? std::optional(*best) : std::nullopt;
}

/// For searches to come.
SearchResult remembered(SearchResult result, const SearchOptions& options) {
  if (options.findings != nullptr) options.findings->state().nests.push_back(result.nest);
  return result;
}

}  // namespace

SearchResult search(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options, const std::stop_token& stop) {
  Patience patience{stop, {}};
  if (options.time_limit > 0)
    patience.deadline = std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                                               std::chrono::duration<double>(options.time_limit));
  std::optional<Nest> known = best_of(layer, hierarchy, options);
  if (options.mapspace.remainders != Remainders::loops || options.any || known)
    return remembered(Searcher(layer, hierarchy, options, patience).run(known), options);
  // With perfect factors a search takes a fraction of the time, and its best leaves much less to be looked at with remainders.
  SearchOptions perfect = options;
  perfect.mapspace.remainders = Remainders::none;
  perfect.record_jobs = false;
  perfect.findings = nullptr;  // they are of another mapspace
  Certificate before;
  try {
    SearchResult found = Searcher(layer, hierarchy, perfect, patience).run();
    known = std::move(found.nest);
    before = found.certificate;
  } catch (const NoLegalMapping&) {  // there may be one with remainders
  }
  SearchResult result = Searcher(layer, hierarchy, options, patience).run(known);
  result.certificate.labels_kept += before.labels_kept;
  result.certificate.labels_pruned += before.labels_pruned;
  result.certificate.seconds += before.seconds;
  return remembered(std::move(result), options);
}

}  // namespace tilepath
