// Energy-latency fronts.
//
// The front of a layer is walked from its end of least energy: the least energy within a ceiling of cycles, then within one cycle
// less than that took, until nothing fits. Each step is a proven search, so no point is missed.
#include <algorithm>
#include <tuple>

#include "tilepath/base/error.hpp"
#include "tilepath/base/quantity.hpp"
#include "tilepath/search/search.hpp"

namespace tilepath {

Front pareto_front(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options, const std::stop_token& stop) {
  Front front;
  SearchOptions next = options;
  next.objective.objective = Objective::energy;  // of equal energies the search takes the fewest cycles
  next.play = false;                             // played through, that has no bound
  Findings findings;
  if (next.findings == nullptr) next.findings = &findings;
  while (true) {
    SearchResult found;
    try {
      found = search(layer, hierarchy, next, stop);
    } catch (const NoLegalMapping&) {
      if (front.points.empty()) throw;
      return front;
    } catch (const Interrupted&) {
      front.complete = false;
      return front;
    }
    if (!found.certificate.proved) {
      front.complete = false;
      return front;
    }
    const std::int64_t cycles = found.evaluation.cycles.value();
    while (!front.points.empty() && front.points.back().energy >= found.evaluation.energy.value()) front.points.pop_back();
    front.points.push_back({found.evaluation.energy.value(), cycles, std::move(found.nest)});
    next.objective.max_cycles = static_cast<double>(cycles - 1);
  }
}

namespace {

/// Points so far, each with how it came about: a point of the sums before and one of the part added.
struct Sum {
  double energy = 0;
  std::int64_t cycles = 0;
  std::int32_t before = -1, added = -1;
};

/// Of points in any order, those that none beats; most cycles first.
void keep_front(std::vector<Sum>& sums) {
  std::sort(sums.begin(), sums.end(), [](const Sum& a, const Sum& b) {
    return std::tie(a.cycles, a.energy, a.before, a.added) < std::tie(b.cycles, b.energy, b.before, b.added);
  });
  std::vector<Sum> kept;
  for (const Sum& sum : sums)
    if (kept.empty() || sum.energy < kept.back().energy) kept.push_back(sum);
  std::reverse(kept.begin(), kept.end());
  sums = std::move(kept);
}

}  // namespace

std::vector<CombinedPoint> combined_front(const std::vector<std::vector<FrontPoint>>& parts) {
  std::vector<std::vector<Sum>> steps = {{Sum{}}};
  for (const auto& part : parts) {
    std::vector<Sum> sums;
    for (std::size_t b = 0; b < steps.back().size(); ++b)
      for (std::size_t a = 0; a < part.size(); ++a)
        sums.push_back({steps.back()[b].energy + part[a].energy, checked_add(steps.back()[b].cycles, part[a].cycles),
                        static_cast<std::int32_t>(b), static_cast<std::int32_t>(a)});
    keep_front(sums);
    steps.push_back(std::move(sums));
  }
  std::vector<CombinedPoint> result;
  for (const Sum& last : steps.back()) {
    CombinedPoint point{last.energy, last.cycles, std::vector<std::int32_t>(parts.size())};
    const Sum* sum = &last;
    for (std::size_t p = parts.size(); p-- > 0;) {
      point.choice[p] = sum->added;
      sum = &steps[p][static_cast<std::size_t>(sum->before)];
    }
    result.push_back(std::move(point));
  }
  return result;
}

}  // namespace tilepath
