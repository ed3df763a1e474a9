// Searches that score mappings played through: the bound holds for every mapping, and what is found is no worse than the optimum
// of the closed form.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>

#include "support/brute_force.hpp"
#include "support/generate.hpp"
#include "tilepath/model/evaluate.hpp"
#include "tilepath/model/schedule.hpp"
#include "tilepath/search/search.hpp"

namespace tilepath::testing {

namespace {

/// A problem whose every nest is scored; how far what was found is above the best nest, and above the bound.
struct Played {
  bool drawn = false;
  double above_best = 0, gap = 0;
};

Played play(Random& random) {
  const Sizes sizes{.max_macs = 400, .max_levels = 3};
  const Layer layer = random_layer(random, sizes);
  Hierarchy hierarchy = random_hierarchy(random, sizes);
  for (Level& level : hierarchy.levels) level.double_buffered = &level != hierarchy.levels.data();
  SearchOptions options;
  options.objective.objective = static_cast<Objective>(random() % kObjectives);
  options.mapspace.remainders = random() % 2 == 0 ? Remainders::none : Remainders::lanes;
  const BruteForce truth = brute_force(layer, hierarchy, options.objective, options.mapspace, 20000, {}, true);
  if (!hierarchy.limited() || !truth.complete || truth.nests == 0) return {};
  const SearchResult closed_form = search(layer, hierarchy, options);
  options.play = true;
  const SearchResult found = search(layer, hierarchy, options);
  const auto score = [&](const Evaluation& evaluation) { return score_of(options.objective, evaluation).value; };
  CAPTURE(to_text(found.nest, layer, hierarchy));
  const auto play_again = [&](const Nest& nest) {
    return played(evaluate(nest, layer, hierarchy), schedule(nest, layer, hierarchy).value());
  };
  const Evaluation again = play_again(found.nest);
  CHECK(found.evaluation.cycles == again.cycles);
  CHECK(found.evaluation.energy.value() == again.energy.value());
  CHECK(found.certificate.lower_bound == closed_form.certificate.lower_bound);
  CHECK(found.certificate.lower_bound <= truth.best_played.value);
  CHECK(score(found.evaluation) >= truth.best_played.value);
  CHECK(score(found.evaluation) <= score(play_again(closed_form.nest)));
  CHECK(found.certificate.proved == (found.certificate.gap == 0));
  return {true, score(found.evaluation) / truth.best_played.value - 1, found.certificate.gap};
}

}  // namespace

TEST_CASE("search: mappings played through are never below the bound, and what is found is hardly ever above the best") {
  int drawn = 0;
  int best = 0;
  int proved = 0;
  double worst = 0;
  for (std::uint64_t seed = 1; drawn < cases(100); ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Played found = play(random);
    if (!found.drawn) continue;
    ++drawn;
    best += static_cast<int>(found.above_best == 0);
    proved += static_cast<int>(found.gap == 0);
    worst = std::max(worst, found.above_best);
  }
  MESSAGE(drawn << " problems: the best mapping found in " << best << ", proved in " << proved << "; at most " << 100 * worst
                << " % above the best");
  CHECK(10 * best >= 9 * drawn);
}

}  // namespace tilepath::testing
