// Does the execution move exactly the words that the model predicts, and compute the right outputs? On random layers,
// hierarchies and mappings, none of them chosen to be good.
#include <doctest/doctest.h>

#include <cstdlib>

#include "support/generate.hpp"
#include "tilepath/mapping/legal.hpp"
#include "tilepath/model/evaluate.hpp"
#include "tilepath/verify/verify.hpp"

namespace tilepath::testing {

namespace {

/// The number of cases; TILEPATH_CASES asks for more than the standing run's.
int cases(int standing) {
  const char* wanted = std::getenv("TILEPATH_CASES");
  return wanted == nullptr ? standing : std::atoi(wanted);
}

}  // namespace

TEST_CASE("model and execution agree to the word on random mappings") {
  const int count = cases(4000);
  int legal_cases = 0;
  for (int seed = 1; seed <= count; ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    const Layer layer = random_layer(random, {});
    Hierarchy hierarchy = random_hierarchy(random, {});
    const Nest nest = random_nest(random, layer, hierarchy);
    CAPTURE(seed);
    CAPTURE(to_text(nest, layer, hierarchy));
    if (!legal(nest, layer, hierarchy)) {
      FAIL_CHECK("the generator made an illegal mapping: " << why_illegal(nest, layer, hierarchy));
      break;
    }
    ++legal_cases;
    const Evaluation evaluation = evaluate(nest, layer, hierarchy);
    const Verification verification = verify(nest, layer, hierarchy, evaluation.counts, static_cast<std::uint64_t>(seed));
    CHECK_MESSAGE(verification.passed(), verification.difference);
    CHECK(evaluation.counts == evaluate(simplified(nest), layer, hierarchy).counts);
    if (!verification.passed()) break;
  }
  MESSAGE("random cases checked: " << legal_cases);
}

}  // namespace tilepath::testing
