// Does the search find the true optimum? Every nest of many small random problems is scored, and the best compared.
#include <doctest/doctest.h>

#include <cstdlib>

#include "support/brute_force.hpp"
#include "support/generate.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/mapping/legal.hpp"
#include "tilepath/model/evaluate.hpp"
#include "tilepath/search/search.hpp"

namespace tilepath::testing {

namespace {

/// Prime factors of all bounds together: what the number of nests is exponential in.
int prime_factors(const Layer& layer) {
  int count = 0;
  for (const Dimension& dimension : layer.dimensions)
    for (std::int64_t n = dimension.bound, p = 2; n > 1; ++p)
      for (; n % p == 0; n /= p) ++count;
  return count;
}

struct Limits {
  int first_seed = 1;
  int cases = 0;
  int levels = 3;
  int primes = 4;
  std::int64_t nests = 20000;
};

/// Search and brute force on `limits.cases` random problems; returns how many were enumerated to the end.
int agree_on_all(const Limits& limits) {
  int checked = 0;
  for (int seed = limits.first_seed; checked < limits.cases && seed < limits.first_seed + 200 * limits.cases; ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    const Sizes sizes{.max_macs = 400, .max_levels = limits.levels};
    const Layer layer = random_layer(random, sizes);
    if (prime_factors(layer) > limits.primes) continue;
    Hierarchy hierarchy = random_hierarchy(random, sizes);
    SearchOptions options;
    options.objective = static_cast<Objective>(random() % kObjectives);
    options.mapspace.uneven = random() % 2 == 0;
    options.mapspace.remainders = random() % 2 == 0 ? Remainders::none : Remainders::lanes;
    const BruteForce truth = brute_force(layer, hierarchy, options.objective, options.mapspace, limits.nests);
    if (!truth.complete || truth.nests == 0) continue;
    ++checked;
    const SearchResult found = search(layer, hierarchy, options);
    const Score score =
        score_of(options.objective, found.evaluation.energy.value(), static_cast<double>(found.evaluation.cycles.value()));
    CAPTURE(seed);
    CAPTURE(options.mapspace.uneven);
    CAPTURE((options.mapspace.remainders == Remainders::lanes));
    CAPTURE(std::string(name_of(options.objective)));
    CAPTURE("found\n" + to_text(found.nest, layer, hierarchy));
    CAPTURE("best\n" + to_text(truth.nest, layer, hierarchy));
    CHECK(legal(found.nest, layer, hierarchy));
    CHECK(within_halo_rule(found.nest, layer, hierarchy));
    CHECK(found.certificate.proved);
    CHECK(found.certificate.lower_bound == score.value);
    CHECK_MESSAGE(score == truth.best,
                  score.value << " (" << score.tie << ") found, " << truth.best.value << " (" << truth.best.tie << ") is best");
    if (!(score == truth.best)) break;
  }
  return checked;
}

int cases(int standing) {
  const char* wanted = std::getenv("TILEPATH_CASES");
  return wanted == nullptr ? standing : std::atoi(wanted);
}

}  // namespace

TEST_CASE("search: brute force finds nothing better on random problems of up to three levels") {
  const int checked = agree_on_all({.cases = cases(500)});
  MESSAGE("random problems enumerated to the end: " << checked);
  CHECK(checked > 0);
}

TEST_CASE("search: brute force finds nothing better on random problems of up to five levels") {
  const int checked = agree_on_all({.first_seed = 1000000, .cases = cases(100), .levels = 5, .primes = 3});
  CHECK(checked > 0);
}

}  // namespace tilepath::testing
