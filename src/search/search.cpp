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
using search_detail::Job;
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
    for (int l = 0; l < hierarchy.level_count(); ++l)
      problem_.leakage += hierarchy.level(l).leakage * static_cast<double>(hierarchy.instances(l));
  }

  SearchResult run() {
    take_simplest();
    plant();
    while (!tree_.empty() && !(tree_.top().bound >= incumbent_) && !patience_.over()) {
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
    if (knot.bound >= incumbent_) {
      lowest_excluded_ = std::min(lowest_excluded_, knot.bound);
      return;
    }
    knot.number = ++knots_;
    tree_.push(std::move(knot));
  }

  /// With the lanes of the outer fanouts chosen and the inner ones as wide as they are.
  [[nodiscard]] Score lanes_bound(const Knot& knot) const {
    double steps = 1;
    for (int d = 0; d < problem_.layer.dimension_count(); ++d) {
      std::int64_t left = problem_.layer.dimensions[index(d)].bound;
      for (const LaneFactors& lanes : knot.job.lanes) left /= lanes[index(d)];
      steps *= static_cast<double>(left);
    }
    double lanes = 1;
    for (int l = knot.fanouts; l < problem_.hierarchy.level_count(); ++l)
      lanes *= static_cast<double>(problem_.hierarchy.level(l).fanout_size());
    return problem_.score(floor_, problem_.compute_cycles(std::max(1.0, std::ceil(steps / lanes))));
  }

  void branch_lanes(const Knot& knot) {
    const Level& level = problem_.hierarchy.level(knot.fanouts);
    LaneFactors none{};
    none.fill(1);
    std::vector<LaneFactors> choices = {none};
    if (level.fanout) {
      Extents left = bounds_of(problem_.layer);
      for (const LaneFactors& lanes : knot.job.lanes)
        for (std::size_t d = 0; d < left.size(); ++d) left[d] /= lanes[d];
      choices = search_detail::lane_choices(problem_.layer, level, left);
    }
    for (const LaneFactors& lanes : choices) {
      Knot next = knot;
      next.job.lanes.push_back(lanes);
      ++next.fanouts;
      push(std::move(next));
    }
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
    for (int t = 0; t < problem_.layer.tensor_count(); ++t) {
      choices.push_back(keep_choices(t));
      least.emplace_back();
      for (const std::uint32_t keeps : choices.back()) least.back().push_back(least_of(knot.job, t, keeps));
    }
    Job job = knot.job;
    for (std::uint32_t& of : job.keeps) of = 1;
    const Prices bare(problem_.layer, problem_.hierarchy, problem_.parts, job);
    join_keeps(knot, choices, least, 0, bare.fixed(), problem_.compute_cycles(bare.steps()), job);
  }

  [[nodiscard]] Cost least_of(Job job, int t, std::uint32_t keeps) const {
    for (std::uint32_t& of : job.keeps) of = 1;
    const Cost bare = Prices(problem_.layer, problem_.hierarchy, problem_.parts, job).fixed();
    job.keeps[index(t)] = keeps;
    const Prices prices(problem_.layer, problem_.hierarchy, problem_.parts, job);
    Cost cost = prices.fixed();
    for (std::size_t p = 0; p < cost.size(); ++p) cost[p] -= bare[p];
    for (int l = 1; l < problem_.hierarchy.level_count(); ++l)
      if (prices.kept(t, l)) search_detail::add(cost, prices.least(t, l));
    if (!problem_.layer.is_output(t) && prices.mac_fanout(t) >= 0) search_detail::add(cost, prices.least_mac_reads(t));
    return cost;
  }

  void join_keeps(const Knot& knot, const std::vector<std::vector<std::uint32_t>>& choices,
                  const std::vector<std::vector<Cost>>& least, std::size_t t, const Cost& cost, double compute_cycles, Job& job) {
    if (t == choices.size()) {
      Knot next;
      next.fanouts = knot.fanouts;
      next.keeps = true;
      next.job = job;
      next.bound = std::max(problem_.score(cost, compute_cycles), knot.bound);
      ++result_.certificate.jobs;
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
  Score incumbent_;
  Score lowest_excluded_;
  std::optional<Score> unfinished_;
  SearchResult result_;
};

}  // namespace

SearchResult search(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options, const std::stop_token& stop) {
  return Searcher(layer, hierarchy, options, stop).run();
}

}  // namespace tilepath
