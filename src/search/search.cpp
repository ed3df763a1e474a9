// The tree of jobs, best bound first.
//
// A job is a choice of lanes for every fanout and of the levels that keep each tensor. Jobs form a tree: fanout by fanout,
// then the keeps; each knot has a bound that no mapping below it undercuts. The knot of least bound is opened next; a job is
// solved exactly (lattice.hpp). When the least bound reaches the incumbent, nothing left can be better: that is the proof.
#include "tilepath/search/search.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <queue>

#include "lattice.hpp"
#include "tilepath/mapping/legal.hpp"
#include "tilepath/mapping/tile.hpp"
#include "tilepath/model/evaluate.hpp"

namespace tilepath {

using search_detail::Cost;
using search_detail::Deal;
using search_detail::Job;
using search_detail::LaneChoice;
using search_detail::LaneFactors;
using search_detail::LatticeOutcome;
using search_detail::Parts;
using search_detail::Patience;
using search_detail::Prices;
using search_detail::Problem;

std::string_view name_of(Objective objective) {
  constexpr std::array<std::string_view, kObjectives> kNames = {"energy", "latency", "edp", "ed2p"};
  return kNames.at(static_cast<std::size_t>(objective));
}

Score score_of(Objective objective, double energy, double cycles) {
  switch (objective) {
    case Objective::energy:
      return {energy, cycles};
    case Objective::latency:
      return {cycles, energy};
    case Objective::edp:
      return {energy * cycles, 0};
    case Objective::ed2p:
      break;
  }
  return {energy * cycles * cycles, 0};
}

namespace {

constexpr std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

/// A knot of the job tree.
struct Knot {
  Score bound;
  std::int64_t number = 0;  ///< in order of creation: of equal bounds, the older first
  int fanouts = 0;          ///< levels whose fanout is decided
  bool keeps = false;       ///< the keeps are decided too: a job
  bool remainders = false;  ///< some dimension is to be dealt in parts that do not divide (R9)
  Job job;
};

struct Later {
  bool operator()(const Knot& a, const Knot& b) const { return a.bound != b.bound ? a.bound > b.bound : a.number > b.number; }
};

class Searcher {
 public:
  Searcher(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options, const std::stop_token& stop)
      : options_(options), problem_{layer, hierarchy, Parts(hierarchy), options.objective, options.mapspace} {
    patience_.stop = stop;
    start_ = std::chrono::steady_clock::now();
    if (options.time_limit > 0)
      patience_.deadline = start_ + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                        std::chrono::duration<double>(options.time_limit));
    remainders_to_come_ = options.mapspace.remainders == Remainders::lanes;
    for (int l = 0; l < hierarchy.level_count(); ++l)
      problem_.leakage += hierarchy.level(l).leakage * static_cast<double>(hierarchy.instances(l));
  }

  SearchResult run() {
    take_simplest();
    plant();
    while (true) {
      // Mappings without remainders first: a few of them solved make an incumbent that rules out most remainders unlisted.
      if (remainders_to_come_ && (result_.certificate.jobs_solved >= kSolvedBeforeRemainders || !open())) plant_remainders();
      if (!open() || patience_.over()) break;
      const Knot knot = tree_.top();
      tree_.pop();
      if (knot.keeps) {
        if (!solve_job(knot)) break;
      } else if (knot.fanouts < problem_.hierarchy.level_count()) {
        branch_lanes(knot);
      } else {
        branch_keeps(knot);
      }
    }
    return result();
  }

 private:
  static constexpr std::int64_t kSolvedBeforeRemainders = 3;

  [[nodiscard]] bool open() const { return !tree_.empty() && !(tree_.top().bound >= incumbent_); }

  void plant_remainders() {
    remainders_to_come_ = false;
    Knot root;
    root.remainders = true;
    push(std::move(root));
  }

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
        if (at(problem_.hierarchy.level(l).keeps, layer.tensors[index(t)].role) == Keep::must) store.tensors.push_back(t);
      if (!store.tensors.empty()) nest.nodes.emplace_back(store);
    }
    nest.nodes.emplace_back(Compute{});
    const std::string why = why_illegal(nest, layer, problem_.hierarchy);
    // Every other mapping keeps at least these words at these levels: if this one does not fit, none does.
    if (!why.empty())
      throw NoLegalMapping("no legal mapping of '" + layer.name + "' on '" + problem_.hierarchy.name +
                           "': even with one word of each tile, " + why);
    take(nest);
  }

  void take(const Nest& nest) {
    const Evaluation evaluation = evaluate(nest, problem_.layer, problem_.hierarchy);
    const Score score = score_of(options_.objective, evaluation.energy.value(), static_cast<double>(evaluation.cycles.value()));
    if (!(score < incumbent_)) return;
    incumbent_ = score;
    result_.nest = nest;
    result_.evaluation = evaluation;
  }

  void plant() {
    // Compulsory: every MAC, and every word of each tensor once past the outermost level.
    const Hierarchy& hierarchy = problem_.hierarchy;
    floor_[search_detail::kEnergy] = static_cast<double>(macs(problem_.layer)) * hierarchy.compute.mac_energy;
    for (int t = 0; t < problem_.layer.tensor_count(); ++t) {
      const Tensor& tensor = problem_.layer.tensors[index(t)];
      const double words = static_cast<double>(tile_words(tensor, bounds_of(problem_.layer), Footprint::touched));
      const Level& outermost = hierarchy.level(0);
      const bool output = problem_.layer.is_output(t);
      floor_[search_detail::kEnergy] +=
          words * accesses_per_word(outermost, tensor) * (output ? outermost.write_energy : outermost.read_energy);
      if (const int port = output ? problem_.parts.write_port[0] : problem_.parts.read_port[0]; port >= 0)
        floor_[index(port)] += words * static_cast<double>(level_words(outermost, tensor));
    }
    Knot root;
    push(std::move(root));
  }

  void push(Knot knot) {
    if (!knot.keeps) knot.bound = lanes_bound(knot);
    if (knot.bound >= incumbent_) return;
    knot.number = ++knots_;
    tree_.push(std::move(knot));
  }

  /// What the lanes chosen so far leave of each bound to fanouts further in; a dimension that is dealt is done.
  [[nodiscard]] Extents left_by(const Job& job) const {
    Extents left = bounds_of(problem_.layer);
    for (std::size_t d = 0; d < left.size(); ++d) {
      for (const LaneFactors& lanes : job.lanes) left[d] /= lanes[d];
      if (job.deals[d].dealt()) left[d] = 1;
    }
    return left;
  }
  /// Steps of the dimensions that are dealt.
  [[nodiscard]] double dealt_steps(const Job& job) const {
    double steps = 1;
    for (int d = 0; d < problem_.layer.dimension_count(); ++d) {
      const Deal& deal = job.deals[index(d)];
      if (!deal.dealt()) continue;
      std::int64_t left = problem_.layer.dimensions[index(d)].bound / deal.chunk * deal.part;
      for (const LaneFactors& lanes : job.lanes) left /= lanes[index(d)];
      steps *= static_cast<double>(left);
    }
    return steps;
  }

  /// With the lanes of the outer fanouts chosen and the inner ones as wide as they are.
  [[nodiscard]] Score lanes_bound(const Knot& knot) const {
    double steps = dealt_steps(knot.job);
    for (const std::int64_t left : left_by(knot.job)) steps *= static_cast<double>(left);
    return problem_.score(floor_, problem_.compute_cycles(std::max(1.0, std::ceil(steps / lanes_from(knot.fanouts)))));
  }
  /// Physical lanes of the fanouts from `level` inwards.
  [[nodiscard]] double lanes_from(int level) const {
    double lanes = 1;
    for (int l = level; l < problem_.hierarchy.level_count(); ++l)
      lanes *= static_cast<double>(problem_.hierarchy.level(l).fanout_size());
    return lanes;
  }

  void branch_lanes(const Knot& knot) {
    const Level& level = problem_.hierarchy.level(knot.fanouts);
    LaneChoice none;
    none.factors.fill(1);
    std::vector<LaneChoice> choices = {none};
    if (level.fanout) {
      search_detail::LaneWish wish;
      wish.left = left_by(knot.job);
      for (int d = 0; d < problem_.layer.dimension_count(); ++d) wish.deals[index(d)] = knot.remainders && may_deal(d, knot.fanouts);
      const double dealt = dealt_steps(knot.job);
      const double inner = lanes_from(knot.fanouts + 1);
      wish.worth = [&, dealt, inner](double steps) {
        return problem_.score(floor_, problem_.compute_cycles(std::max(1.0, std::ceil(dealt * steps / inner)))) < incumbent_;
      };
      choices = search_detail::lane_choices(problem_.layer, problem_.hierarchy, knot.fanouts, wish);
    }
    for (const LaneChoice& choice : choices) {
      Knot next = knot;
      next.job.lanes.push_back(choice.factors);
      for (std::size_t d = 0; d < choice.deals.size(); ++d)
        if (choice.deals[d].dealt()) next.job.deals[d] = choice.deals[d];
      ++next.fanouts;
      if (next.remainders && next.fanouts == problem_.hierarchy.level_count() &&
          std::none_of(next.job.deals.begin(), next.job.deals.end(), [](const Deal& deal) { return deal.dealt(); }))
        continue;  // in the tree without remainders
      push(std::move(next));
    }
  }

  /// Lanes of unequal parts along a halo: their tiles are counted in closed form where words are joined or each counts, and tiles move
  /// whole.
  [[nodiscard]] bool may_deal(int d, int fanout) const {
    for (const Tensor& tensor : problem_.layer.tensors)
      for (const Rank& rank : tensor.ranks) {
        if (rank.size() < 2 || std::none_of(rank.begin(), rank.end(), [&](const Term& term) { return term.dimension == d; }))
          continue;
        if (problem_.hierarchy.footprint == Footprint::box) return false;
        if (at(problem_.hierarchy.level(fanout).fanout->multicast, tensor.role) == Multicast::equal) return false;
        for (const Level& level : problem_.hierarchy.levels)
          if (level.retention == Retention::sliding) return false;
      }
    return true;
  }

  /// The sets of levels that may keep a tensor, a bit per level; the outermost always does.
  [[nodiscard]] std::vector<std::uint32_t> keep_choices(int t) const {
    std::vector<std::uint32_t> choices = {1};
    for (int l = 1; l < problem_.hierarchy.level_count(); ++l) {
      const Keep keep = at(problem_.hierarchy.level(l).keeps, problem_.layer.tensors[index(t)].role);
      std::vector<std::uint32_t> next;
      for (const std::uint32_t choice : choices) {
        if (keep != Keep::must) next.push_back(choice);
        if (keep != Keep::never) next.push_back(choice | 1U << l);
      }
      choices = std::move(next);
    }
    return choices;
  }

  /// What a tensor costs at least with these keeps does not depend on how the others are kept: bound each alone, then join.
  void branch_keeps(const Knot& knot) {
    std::vector<std::vector<std::uint32_t>> choices;
    std::vector<std::vector<Cost>> least;
    Job job = knot.job;
    for (std::uint32_t& of : job.keeps) of = 1;
    Prices prices(problem_.layer, problem_.hierarchy, problem_.parts, job);
    for (int t = 0; t < problem_.layer.tensor_count(); ++t) {
      choices.push_back(keep_choices(t));
      least.emplace_back();
      for (const std::uint32_t keeps : choices.back()) {
        prices.keep(t, keeps);
        least.back().push_back(least_of(prices, t));
      }
    }
    Cost base{};
    base[search_detail::kEnergy] = static_cast<double>(macs(problem_.layer)) * problem_.hierarchy.compute.mac_energy;
    join_keeps(knot, choices, least, 0, base, problem_.compute_cycles(prices.steps()), job);
  }

  [[nodiscard]] Cost least_of(const Prices& prices, int t) const {
    Cost cost = prices.fixed_of(t);
    for (int l = 1; l < problem_.hierarchy.level_count(); ++l)
      if (prices.kept(t, l)) search_detail::add(cost, prices.least(t, l));
    if (!problem_.layer.is_output(t) && prices.mac_fanout(t) >= 0) search_detail::add(cost, prices.least_mac_reads(t));
    return cost;
  }

  void join_keeps(const Knot& knot, const std::vector<std::vector<std::uint32_t>>& choices,
                  const std::vector<std::vector<Cost>>& least, std::size_t t, const Cost& cost, double compute_cycles, Job& job) {
    if (t == choices.size()) {
      ++result_.certificate.jobs;
      const Score bound = std::max(problem_.score(cost, compute_cycles), knot.bound);
      if (bound >= incumbent_) return;
      Knot next;
      next.fanouts = knot.fanouts;
      next.keeps = true;
      next.job = job;
      next.bound = bound;
      push(std::move(next));
      return;
    }
    for (std::size_t c = 0; c < choices[t].size(); ++c) {
      job.keeps[t] = choices[t][c];
      Cost sum = cost;
      search_detail::add(sum, least[t][c]);
      join_keeps(knot, choices, least, t + 1, sum, compute_cycles, job);
    }
  }

  bool solve_job(const Knot& knot) {
    const Prices prices(problem_.layer, problem_.hierarchy, problem_.parts, knot.job);
    ++result_.certificate.jobs_solved;
    bool open = true;  // the job may hold something better than the incumbent
    if (problem_.parts.count > 1) {
      const LatticeOutcome relaxed = solve_relaxed(problem_, prices, incumbent_, patience_);
      if (!settle(knot, relaxed)) return false;
      open = relaxed.nest && relaxed.score < incumbent_;
    }
    return !open || settle(knot, solve(problem_, prices, incumbent_, patience_));
  }

  bool settle(const Knot& knot, const LatticeOutcome& outcome) {
    result_.certificate.labels_kept += outcome.labels_kept;
    result_.certificate.labels_pruned += outcome.labels_pruned;
    if (outcome.nest) take(*outcome.nest);
    if (!outcome.finished) unfinished_ = knot.bound;
    return outcome.finished;
  }

  SearchResult result() {
    Certificate& certificate = result_.certificate;
    Score lower = incumbent_;
    if (!tree_.empty()) lower = std::min(lower, tree_.top().bound);
    if (remainders_to_come_) lower = std::min(lower, lanes_bound(Knot{}));
    if (unfinished_) lower = std::min(lower, *unfinished_);
    certificate.lower_bound = lower.value;
    certificate.gap = incumbent_.value > 0 ? (incumbent_.value - lower.value) / incumbent_.value : 0;
    certificate.proved = !(lower < incumbent_);
    certificate.mapspace_size = mapspace_size(problem_.layer, problem_.hierarchy, options_.mapspace);
    certificate.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    return std::move(result_);
  }

  const SearchOptions& options_;
  Problem problem_;
  Patience patience_;
  std::chrono::steady_clock::time_point start_;
  Cost floor_{};
  std::priority_queue<Knot, std::vector<Knot>, Later> tree_;
  std::int64_t knots_ = 0;
  bool remainders_to_come_ = false;
  Score incumbent_;
  std::optional<Score> unfinished_;
  SearchResult result_;
};

}  // namespace

SearchResult search(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options, const std::stop_token& stop) {
  return Searcher(layer, hierarchy, options, stop).run();
}

}  // namespace tilepath
