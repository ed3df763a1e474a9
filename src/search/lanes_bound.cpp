#include "lanes_bound.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "tilepath/mapping/tile.hpp"

namespace tilepath::search_detail {

namespace {

constexpr std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }
constexpr double kNone = std::numeric_limits<double>::infinity();

/// Lanes of a dimension over the fanout of a level that have work in a step, on average.
double lanes_at_work(const Job& job, int level, int d) {
  const Deal& deal = job.deals[index(d)];
  return (deal.fanout == level ? deal.lanes_at_work() : 1) * static_cast<double>(job.lanes[index(level)][index(d)]);
}

}  // namespace

Extents left_by(const Layer& layer, const Job& job) {
  Extents left = bounds_of(layer);
  for (std::size_t d = 0; d < left.size(); ++d) {
    for (const LaneFactors& lanes : job.lanes) left[d] /= lanes[d];
    if (job.deals[d].dealt()) left[d] = 1;
  }
  return left;
}

double dealt_steps(const Layer& layer, const Job& job) {
  double steps = 1;
  for (int d = 0; d < layer.dimension_count(); ++d) {
    if (const Deal& deal = job.deals[index(d)]; deal.dealt()) steps *= static_cast<double>(deal.steps());
  }
  return steps;
}

LanesBound::LanesBound(const Problem& problem, const Keeping& keeping, OuterEnergy outer)
    : problem_(problem),
      layer_(problem.layer),
      hierarchy_(problem.hierarchy),
      keeping_(keeping),
      outer_(std::move(outer)),
      macs_(static_cast<double>(macs(problem.layer))) {
  floor_[kEnergy] = macs_ * hierarchy_.compute.mac_energy;
  for (int t = 0; t < layer_.tensor_count(); ++t) {
    const Tensor& tensor = layer_.tensors[index(t)];
    for (int d = 0; d < layer_.dimension_count(); ++d) relevant_[index(t)][index(d)] = layer_.relevant(t, d);
    words_[index(t)] = static_cast<double>(tile_words(tensor, bounds_of(layer_), Footprint::touched));
    if (const int port = layer_.is_output(t) ? problem_.parts.write_port[0] : problem_.parts.read_port[0]; port >= 0)
      floor_[index(port)] += words_[index(t)] * static_cast<double>(level_words(hierarchy_.level(0), tensor));
    for (int l = 0; l < hierarchy_.level_count(); ++l) set_mac_access(t, l);
    set_ways(t);
  }
  set_psum_visits();
}

double LanesBound::access_energy(int t, int level, bool write) const {
  const Level& of = hierarchy_.level(level);
  return accesses_per_word(of, layer_.tensors[index(t)]) * (write ? of.write_energy : of.read_energy);
}

// -- each word once -------------------------------------------------------------------------------------------------------

void LanesBound::set_ways(int t) {
  std::vector<Standing> standings;
  const auto stand_at = [&](std::uint8_t nearest, int level) {
    for (Standing standing : standings_) {
      standing.nearest[index(t)] = nearest;
      standing.energy += words_[index(t)] * least_way(t, 0, level);
      standings.push_back(standing);
    }
  };
  for (int level = 0; level <= problem_.outer_level; ++level) {
    if (!may_end(t, level, problem_.outer_level)) continue;
    std::array<bool, 2> known{};  // feeding a node further in, or not
    for (int l = level; l < hierarchy_.level_count(); l = std::max(l, problem_.outer_level) + 1) {
      if (!may_end(t, l, hierarchy_.level_count() - 1)) continue;
      const bool feeds = l > problem_.outer_level && level < problem_.outer_level && (problem_.feeding >> t & 1U) != 0;
      const std::uint8_t nearest = problem_.nearest(level, feeds);
      // What the MACs move past the outermost level, all words pass it once.
      const double word = l == 0 ? access_energy(t, 0, layer_.is_output(t)) : least_way(t, level, l);
      ways_[index(t)].push_back({nearest, l, words_[index(t)] * word});
      if (!std::exchange(known[feeds ? 1 : 0], true)) stand_at(nearest, level);
    }
  }
  standings_ = std::move(standings);
}

/// Whether a level may be the innermost of those up to `last` that keep a tensor.
bool LanesBound::may_end(int t, int level, int last) const {
  const std::uint32_t further_in = (2U << last) - (2U << level);
  return (keeping_.may[index(t)] >> level & 1U) != 0 && (keeping_.must[index(t)] & further_in) == 0;
}

/// Energy of one word's way between the nodes of a tensor at two levels, through those that must keep it; others would add to it.
double LanesBound::least_way(int t, int from, int to) const {
  const bool output = layer_.is_output(t);
  double energy = 0;
  int parent = from;
  for (int l = from + 1; l <= to; ++l) {
    if (l < to && (keeping_.must[index(t)] >> l & 1U) == 0) continue;
    energy += access_energy(t, parent, output);
    if (!output || hierarchy_.level(l).drain_reads) energy += access_energy(t, l, !output);  // R7
    parent = l;
  }
  return energy;
}

double LanesBound::least_energy(const std::array<ByLevel, kMaxTensors>& accesses) {
  std::array<ByLevel, kMaxTensors> inner;  // by the level of the nearest outer node
  for (int t = 0; t < layer_.tensor_count(); ++t) {
    inner[index(t)].fill(kNone);
    for (const Way& way : ways_[index(t)]) {
      double& least = inner[index(t)][index(way.nearest)];
      least = std::min(least, way.energy + accesses[index(t)][index(way.innermost)]);
    }
  }
  while (true) {
    double least = kNone;
    Standing* best = &standings_.front();
    for (Standing& standing : standings_) {
      double energy = standing.energy;
      for (int t = 0; t < layer_.tensor_count(); ++t) energy += inner[index(t)][standing.nearest[index(t)]];
      if (!(energy < least)) continue;
      least = energy;
      best = &standing;
    }
    if (best->solved) return least;
    best->solved = true;
    best->energy = std::max(best->energy, outer_(best->nearest));
  }
}

// -- what the MACs read and update ----------------------------------------------------------------------------------------

/// An update reads what it adds to, but for words that start from zero (R4). Where no lanes lie further out each word does so
/// once; elsewhere see least_psum_reads.
void LanesBound::set_mac_access(int t, int level) {
  const bool output = layer_.is_output(t);
  MacAccess& access = mac_access_[index(t)][index(level)];
  access.energy = access_energy(t, level, output);
  if (level == 0) access.once = words_[index(t)] * access.energy;
  if (!output || level > problem_.outer_level) return;
  access.energy += access_energy(t, level, false);
  access.once += words_[index(t)] * access_energy(t, level, false);
}

/// Further in than the outer levels.
void LanesBound::set_psum_visits() {
  const int out = layer_.output();
  double saved = 0;
  for (int l = hierarchy_.level_count(); l-- > problem_.outer_level + 1;) {
    if ((keeping_.may[index(out)] >> l & 1U) == 0) continue;
    double cheapest = kNone;
    double dearest = 0;
    double network = 0;
    for (int parent = l; parent-- > 0;) {
      if (const auto& fanout = hierarchy_.level(parent).fanout) network += at(fanout->energy_per_word, Role::outputs);
      if ((keeping_.may[index(out)] >> parent & 1U) == 0) continue;
      const double visit = access_energy(out, parent, false) + access_energy(out, parent, true) + access_energy(out, l, true);
      cheapest = std::min(cheapest, visit);
      dearest = std::max(dearest, visit + network);
    }
    psum_visits_[index(l)] = {cheapest, dearest + access_energy(out, l, false), saved};
    saved += dearest;
  }
}

/// Energy of the updates' reads, if a level is the innermost that keeps psums, less what is saved by words that start from zero
/// more than once: in each of a group of lanes that hold the same outputs, but one. Words visit once, or, where a visit saves
/// more than it costs, at each MAC.
double LanesBound::least_psum_reads(int level, double updates, double group) const {
  const int out = layer_.output();
  const double read = access_energy(out, level, false);
  double energy = (updates - words_[index(out)]) * read;
  for (int node = problem_.outer_level + 1; node <= level; ++node) {
    if ((keeping_.may[index(out)] >> node & 1U) == 0) continue;
    const PsumVisit& visit = psum_visits_[index(node)];
    const double saved = read + visit.saved_further_in;
    const double price = visit.cheapest / group - (1 - 1 / group) * saved;
    energy -= price >= 0 ? words_[index(out)] * (group - 1) * saved : words_[index(out)] * visit.dearest - macs_ * price;
  }
  return std::max(0.0, energy);
}

/// Whether a level holds what its lanes and the parts dealt further out need of a tensor at once.
bool LanesBound::fits(int t, int level, const Extents& inside) const {
  const Level& of = hierarchy_.level(level);
  const Tensor& tensor = layer_.tensors[index(t)];
  const Partition* room = of.partition(tensor.role);
  return room == nullptr || tile_words(tensor, inside, hierarchy_.footprint) * room_per_word(of, tensor) <= room->capacity_words;
}

/// By the level of a tensor's innermost node: a word read once serves all lanes of irrelevant dimensions below the node, and
/// along a halo rank all but those of its widest dimension.
LanesBound::ByLevel LanesBound::least_accesses(const Job& job, int t, const std::array<Extents, kMaxLevels>& inside) const {
  const Tensor& tensor = layer_.tensors[index(t)];
  ByLevel least{};
  ByLevel updates{};
  double sharing = 1;
  double network = 0;
  std::array<double, kMaxDimensions> below{};  // lanes of each dimension over the fanouts so far
  below.fill(1);
  for (int l = hierarchy_.level_count() - 1; l >= 0; --l) {
    const Level& level = hierarchy_.level(l);
    if (level.fanout) {
      network += at(level.fanout->energy_per_word, tensor.role) / sharing;
      for (int d = 0; d < layer_.dimension_count(); ++d) below[index(d)] *= lanes_at_work(job, l, d);
      sharing = 1;
      for (int d = 0; d < layer_.dimension_count(); ++d)
        if (!relevant_[index(t)][index(d)]) sharing *= below[index(d)];
      for (const Rank& rank : tensor.ranks) {
        if (rank.size() < 2) continue;
        double all = 1;
        double widest = 1;
        for (const Term& term : rank) {
          all *= below[index(term.dimension)];
          widest = std::max(widest, below[index(term.dimension)]);
        }
        sharing *= all / widest;
      }
    }
    const MacAccess& access = mac_access_[index(t)][index(l)];
    least[index(l)] = std::max(0.0, macs_ * (access.energy / sharing + network) - access.once);
    if (!fits(t, l, inside[index(l)])) least[index(l)] = kNone;
    updates[index(l)] = macs_ / sharing;
  }
  if (!layer_.is_output(t)) return least;
  double group = 1;
  for (int l = 0; l < hierarchy_.level_count(); ++l) {
    if (l > problem_.outer_level) least[index(l)] += least_psum_reads(l, updates[index(l)], group);
    if (hierarchy_.level(l).fanout) group *= most_group(job, l);
  }
  return least;
}

/// Lanes over the fanout of a level that hold the same outputs, at most.
double LanesBound::most_group(const Job& job, int level) const {
  double group = 1;
  for (int d = 0; d < layer_.dimension_count(); ++d) {
    if (relevant_[index(layer_.output())][index(d)]) continue;
    const Deal& deal = job.deals[index(d)];
    group *= static_cast<double>(job.lanes[index(level)][index(d)]);
    if (deal.fanout == level) group *= static_cast<double>(deal.lanes());
  }
  return group;
}

/// Lanes over the fanout of a level that may need the same word of a tensor: those of irrelevant dimensions and of halos.
double LanesBound::most_sharing(const Job& job, int t, int level) const {
  double sharing = 1;
  for (int d = 0; d < layer_.dimension_count(); ++d)
    if (!relevant_[index(t)][index(d)]) sharing *= lanes_at_work(job, level, d);
  for (const Rank& rank : layer_.tensors[index(t)].ranks)
    for (const Term& term : rank)
      if (rank.size() > 1) sharing *= lanes_at_work(job, level, term.dimension);
  return sharing;
}

// -- bounds ---------------------------------------------------------------------------------------------------------------

Score LanesBound::of(const Job& job, int fanouts) {
  double steps = dealt_steps(layer_, job);
  for (const std::int64_t left : left_by(layer_, job)) steps *= static_cast<double>(left);
  std::array<ByLevel, kMaxTensors> accesses{};
  if (fanouts == hierarchy_.level_count()) {
    std::array<Extents, kMaxLevels> inside;
    for (int l = 0; l < fanouts; ++l) inside[index(l)] = search_detail::inside(job, hierarchy_, l);
    for (int t = 0; t < layer_.tensor_count(); ++t) accesses[index(t)] = least_accesses(job, t, inside);
  }
  return score(accesses, steps / lanes_from(fanouts));
}

/// Given the least of the MACs' accesses by the level of each tensor's innermost node, and of their steps.
Score LanesBound::score(const std::array<ByLevel, kMaxTensors>& accesses, double steps) {
  Cost cost = floor_;
  cost[kEnergy] += least_energy(accesses);
  return problem_.score(cost, problem_.pace(std::max(1.0, std::ceil(steps))));
}

/// Physical lanes of the fanouts from `level` inwards.
double LanesBound::lanes_from(int level) const {
  double lanes = 1;
  for (int l = level; l < hierarchy_.level_count(); ++l) lanes *= static_cast<double>(hierarchy_.level(l).fanout_size());
  return lanes;
}

std::vector<Nearest> LanesBound::nearests() const {
  std::vector<Nearest> nearests;
  for (const Standing& standing : standings_) nearests.push_back(standing.nearest);
  return nearests;
}

LanesBound::Begun LanesBound::begin(const Job& job, int fanout) {
  Begun begun;
  begun.bound_ = this;
  begun.fanout_ = fanout;
  begun.steps_ = dealt_steps(layer_, job);
  begun.inner_lanes_ = lanes_from(fanout + 1);
  for (int t = 0; t < layer_.tensor_count(); ++t) {
    auto& accesses = begun.accesses_.emplace_back();
    Begun::Access network;
    double sharing = 1;  // by lanes of the other fanouts; those further in may have all that there are
    for (int l = hierarchy_.level_count() - 1; l >= 0; --l) {
      const Level& level = hierarchy_.level(l);
      if (level.fanout)
        (l < fanout ? network.shared : network.apart) +=
            macs_ * at(level.fanout->energy_per_word, layer_.tensors[index(t)].role) / sharing;
      if (l > fanout) sharing *= static_cast<double>(level.fanout_size());
      if (l < fanout) sharing *= most_sharing(job, t, l);
      const MacAccess& access = mac_access_[index(t)][index(l)];
      Begun::Access& here = accesses[index(l)] = network;
      (l <= fanout ? here.shared : here.apart) += macs_ / sharing * access.energy;
      here.apart -= access.once;
      here.updates = macs_ / sharing;
    }
    double group = 1;
    for (int l = 0; l < hierarchy_.level_count(); ++l) {
      accesses[index(l)].group = group;
      if (l < fanout) group *= most_group(job, l);
      if (l > fanout) group *= static_cast<double>(hierarchy_.level(l).fanout_size());
    }
  }
  return begun;
}

Score LanesBound::Begun::operator()(const LanesBegun& begun) const {
  std::array<ByLevel, kMaxTensors> least{};
  for (std::size_t t = 0; t < accesses_.size(); ++t) {
    const double sharing = begun.sharing[t];
    for (std::size_t l = 0; l < index(bound_->hierarchy_.level_count()); ++l)
      least[t][l] = std::max(0.0, accesses_[t][l].shared / sharing + accesses_[t][l].apart);
  }
  const auto out = index(bound_->layer_.output());
  const double sharing = begun.sharing[out];
  for (int l = bound_->problem_.outer_level + 1; l < bound_->hierarchy_.level_count(); ++l) {
    const Access& access = accesses_[out][index(l)];
    least[out][index(l)] += l > fanout_ ? bound_->least_psum_reads(l, access.updates, access.group * sharing * begun.idle)
                                        : bound_->least_psum_reads(l, access.updates / sharing, access.group);
  }
  return bound_->score(least, steps_ * begun.steps / inner_lanes_);
}

}  // namespace tilepath::search_detail
