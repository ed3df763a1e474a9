#include "tilepath/explore/neighbours.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "tilepath/base/error.hpp"
#include "tilepath/mapping/legal.hpp"
#include "tilepath/model/evaluate.hpp"

namespace tilepath {

namespace {

/// Words per cycle; 0 stands for no limit.
double pace(double bandwidth) { return bandwidth > 0 ? bandwidth : std::numeric_limits<double>::infinity(); }

bool relaxes(const Partition& large, const Partition& small) {
  // A part of no words is not one of few: it decides which tensors a level can keep.
  return large.holds == small.holds && large.capacity_words >= small.capacity_words &&
         (large.capacity_words == 0) == (small.capacity_words == 0);
}

bool relaxes(const Fanout& large, const Fanout& small) {
  return large.x >= small.x && large.y >= small.y && large.multicast == small.multicast && large.reduction == small.reduction &&
         std::equal(large.energy_per_word.begin(), large.energy_per_word.end(), small.energy_per_word.begin(),
                    std::less_equal<>()) &&
         large.x_dimensions == small.x_dimensions && large.y_dimensions == small.y_dimensions;
}

bool relaxes(const Level& large, const Level& small) {
  return large.name == small.name && large.word_bits == small.word_bits && large.block_words == small.block_words &&
         large.keeps == small.keeps && large.double_buffered == small.double_buffered && large.retention == small.retention &&
         large.drain_reads == small.drain_reads && large.read_energy <= small.read_energy &&
         large.write_energy <= small.write_energy && pace(large.read_bandwidth) >= pace(small.read_bandwidth) &&
         pace(large.write_bandwidth) >= pace(small.write_bandwidth) && large.leakage <= small.leakage &&
         std::equal(large.partitions.begin(), large.partitions.end(), small.partitions.begin(), small.partitions.end(),
                    [](const Partition& a, const Partition& b) { return relaxes(a, b); }) &&
         large.fanout.has_value() == small.fanout.has_value() && (!large.fanout || relaxes(*large.fanout, *small.fanout));
}

bool leaks(const Hierarchy& hierarchy) {
  return std::any_of(hierarchy.levels.begin(), hierarchy.levels.end(), [](const Level& level) { return level.leakage > 0; });
}

/// Does something with all energies of a design. What a mapping costs is linear in them.
template <class Design, class Do>
void each_energy(Design& hierarchy, const Do& one) {
  one(hierarchy.compute.mac_energy);
  for (auto& level : hierarchy.levels) {
    one(level.read_energy);
    one(level.write_energy);
    one(level.leakage);
    if (level.fanout)
      for (auto& energy : level.fanout->energy_per_word) one(energy);
  }
}

std::vector<double> energies_of(const Hierarchy& hierarchy) {
  std::vector<double> energies;
  each_energy(hierarchy, [&](double energy) { energies.push_back(energy); });
  return energies;
}

/// Whether two designs differ in energies at most.
bool alike_but_for_energies(Hierarchy a, Hierarchy b) {
  for (Hierarchy* hierarchy : {&a, &b}) each_energy(*hierarchy, [](double& energy) { energy = 0; });
  return relaxes(a, b) && relaxes(b, a);
}

/// Whether the energies of a design lie on the line from those of `a` to those of `b`, to rounding. All are alike otherwise.
bool between(const Hierarchy& a, const Hierarchy& b, const Hierarchy& design) {
  const std::vector<double> from = energies_of(a);
  const std::vector<double> to = energies_of(b);
  const std::vector<double> at = energies_of(design);
  std::size_t widest = 0;
  for (std::size_t k = 0; k < from.size(); ++k)
    if (std::abs(to[k] - from[k]) > std::abs(to[widest] - from[widest])) widest = k;
  if (to[widest] == from[widest]) return false;
  const double part = (at[widest] - from[widest]) / (to[widest] - from[widest]);
  if (part < 0 || part > 1) return false;
  for (std::size_t k = 0; k < from.size(); ++k) {
    constexpr double kRounding = 1e-13;
    const double expected = from[k] + part * (to[k] - from[k]);
    if (std::abs(at[k] - expected) > kRounding * std::max(std::abs(from[k]), std::abs(to[k]))) return false;
  }
  return true;
}

/// What another design found holds here: its mapping is legal, and costs the same.
bool holds(const Solution& solution, const Layer& layer, const Hierarchy& hierarchy) {
  if (!legal(solution.nest, layer, hierarchy)) return false;
  const Evaluation evaluation = evaluate(solution.nest, layer, hierarchy);
  return evaluation.energy.value() == solution.energy && evaluation.cycles.value() == solution.cycles;
}

}  // namespace

bool relaxes(const Hierarchy& large, const Hierarchy& small) {
  if (large.footprint != small.footprint || large.compute.bits != small.compute.bits ||
      large.compute.mac_energy > small.compute.mac_energy || large.compute.macs_per_cycle < small.compute.macs_per_cycle)
    return false;
  if (!std::equal(large.levels.begin(), large.levels.end(), small.levels.begin(), small.levels.end(),
                  [](const Level& a, const Level& b) { return relaxes(a, b); }))
    return false;
  // More instances leak more, used or not.
  for (int level = 0; level < large.level_count() && leaks(large); ++level)
    if (large.instances(level) != small.instances(level)) return false;
  return true;
}

struct Neighbours::Row {
  std::mutex mutex;
  std::unordered_map<std::int64_t, PosedPointer> posed;
  std::map<std::pair<std::int64_t, std::size_t>, std::shared_future<SolutionPointer>> solved;  ///< by point and layer
};

Neighbours::Neighbours(Grid grid, const std::vector<Layer>& layers, std::function<PosedPointer(std::int64_t)> pose,
                       Solutions& solutions)
    : grid_(std::move(grid)), layers_(layers), pose_(std::move(pose)), solutions_(solutions) {}

std::shared_ptr<Neighbours::Row> Neighbours::row_of(std::int64_t point) {
  // Points are asked for in order or nearly so: the last few rows are enough, and some thousand designs.
  constexpr std::int64_t kMostPoints = 4096;
  const auto most =
      static_cast<std::size_t>(std::max<std::int64_t>(4, kMostPoints / std::min(grid_.radices().back(), kLongestRow)));
  const std::int64_t first = point - point % grid_.radices().back() % kLongestRow;
  const std::lock_guard lock(mutex_);
  auto& row = rows_[first];
  if (!row) row = std::make_shared<Row>();
  std::shared_ptr<Row> wanted = row;
  while (rows_.size() > most) rows_.erase(rows_.begin()->second == wanted ? std::prev(rows_.end()) : rows_.begin());
  return wanted;
}

PosedPointer Neighbours::posed(std::int64_t point) { return posed(*row_of(point), point); }

PosedPointer Neighbours::posed(Row& row, std::int64_t point) {
  {
    const std::lock_guard lock(row.mutex);
    if (const auto it = row.posed.find(point); it != row.posed.end()) return it->second;
  }
  PosedPointer posed = pose_(point);
  const std::lock_guard lock(row.mutex);
  return row.posed.emplace(point, std::move(posed)).first->second;
}

SolutionPointer Neighbours::solve(std::int64_t point, std::size_t layer, const std::stop_token& stop) {
  return solve(*row_of(point), point, layer, stop);
}

SolutionPointer Neighbours::solve(Row& row, std::int64_t point, std::size_t layer, const std::stop_token& stop) {
  std::promise<SolutionPointer> promise;
  {
    std::unique_lock lock(row.mutex);
    const auto [it, fresh] = row.solved.try_emplace({point, layer});
    if (!fresh) {
      const auto future = it->second;
      lock.unlock();
      return future.get();  // who is at work on it waits for larger designs or the ends of a row: nobody waits in a circle
    }
    it->second = promise.get_future().share();
  }
  try {
    SolutionPointer solution = find(row, point, layer, stop);
    promise.set_value(solution);
    return solution;
  } catch (...) {
    promise.set_exception(std::current_exception());
    throw;
  }
}

/// A mapping that is best at two designs which differ in energies alone is best at all between them: its score (of latency, the
/// energy of equals) is linear in the energies, and the least of linear functions lies nowhere below the line between two of its
/// points. So the ends of a row are solved first, then the middle if they differ, and so on. Null: this point is such an end.
SolutionPointer Neighbours::between_ends(Row& row, std::int64_t point, std::size_t layer, const std::stop_token& stop) {
  const std::size_t last = grid_.radices().size() - 1;
  const PosedPointer mine = posed(row, point);
  const Aim& aim = mine->options[layer].objective;
  const std::int64_t digit = grid_.digit(point, last);
  std::int64_t first = digit / kLongestRow * kLongestRow;
  std::int64_t end = std::min(first + kLongestRow, grid_.radices()[last]) - 1;
  if (last == 0 || std::isfinite(aim.max_energy)) return nullptr;  // with a ceiling other mappings may be allowed between
  while (first < digit && digit < end) {
    const std::array<std::int64_t, 2> ends = {grid_.with(point, last, first), grid_.with(point, last, end)};
    std::array<PosedPointer, 2> theirs;
    for (std::size_t e = 0; e < ends.size(); ++e) {
      theirs[e] = posed(row, ends[e]);
      if (!theirs[e] || theirs[e]->options[layer].constraints != mine->options[layer].constraints ||
          !alike_but_for_energies(theirs[e]->hierarchy, mine->hierarchy))
        return nullptr;
    }
    if (!between(theirs[0]->hierarchy, theirs[1]->hierarchy, mine->hierarchy)) return nullptr;
    std::array<SolutionPointer, 2> best;
    for (std::size_t e = 0; e < ends.size(); ++e) best[e] = solve(row, ends[e], layer, stop);
    if (!best[0]->found) return best[0];  // what is legal does not depend on energies
    const auto score_at = [&](const Solution& solution, const Hierarchy& hierarchy) {
      return score_of(aim, evaluate(solution.nest, layers_[layer], hierarchy));
    };
    for (std::size_t e = 0; e < ends.size(); ++e) {
      const Hierarchy& other = theirs[1 - e]->hierarchy;
      if (score_at(*best[e], other) != score_at(*best[1 - e], other)) continue;
      const Evaluation here = evaluate(best[e]->nest, layers_[layer], mine->hierarchy);
      return std::make_shared<const Solution>(Solution{true, here.energy.value(), here.cycles.value(), best[e]->nest});
    }
    const std::int64_t middle = (first + end) / 2;
    if (digit == middle) return nullptr;
    (digit < middle ? end : first) = middle;
  }
  return nullptr;
}

SolutionPointer Neighbours::find(Row& row, std::int64_t point, std::size_t layer, const std::stop_token& stop) {
  if (SolutionPointer solution = between_ends(row, point, layer, stop)) return solution;
  const std::size_t last = grid_.radices().size() - 1;
  const PosedPointer mine = posed(row, point);
  const std::int64_t digit = grid_.digit(point, last);
  for (const std::int64_t other : {digit + 1, digit - 1}) {
    if (last == 0 || other < 0 || other >= grid_.radices()[last] || other / kLongestRow != digit / kLongestRow) continue;
    const std::int64_t neighbour = grid_.with(point, last, other);
    const PosedPointer theirs = posed(row, neighbour);
    if (!theirs || theirs->options[layer].constraints != mine->options[layer].constraints) continue;
    if (!relaxes(theirs->hierarchy, mine->hierarchy)) continue;
    // Of those the ones between wait for the ends: nobody waits in a circle.
    if (!std::isfinite(mine->options[layer].objective.max_energy) && alike_but_for_energies(theirs->hierarchy, mine->hierarchy))
      continue;
    if (other < digit && relaxes(mine->hierarchy, theirs->hierarchy)) continue;  // equals: the one before looks at this one
    SolutionPointer solution = solve(row, neighbour, layer, stop);
    if (!solution->found || holds(*solution, layers_[layer], mine->hierarchy)) return solution;
    break;
  }
  return solutions_.solve(layers_[layer], mine->hierarchy, mine->options[layer], stop);
}

std::int64_t Neighbours::corner(std::int64_t point) {
  for (std::size_t p = grid_.radices().size(); p-- > 1;) {  // not the dataflow
    for (const std::int64_t end : {grid_.radices()[p] - 1, std::int64_t{0}}) {
      const std::int64_t other = grid_.with(point, p, end);
      const PosedPointer theirs = pose_(other);
      if (!theirs || !relaxes(theirs->hierarchy, posed(point)->hierarchy)) continue;
      point = other;
      break;
    }
  }
  return point;
}

}  // namespace tilepath
