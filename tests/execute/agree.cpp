// Does the execution move exactly the words that the model predicts, and compute the right outputs? On random layers,
// hierarchies and mappings, none of them chosen to be good.
#include <doctest/doctest.h>

#include <cstdlib>

#include "model/traffic.hpp"
#include "support/generate.hpp"
#include "tilepath/mapping/legal.hpp"
#include "tilepath/model/evaluate.hpp"
#include "tilepath/verify/verify.hpp"

namespace tilepath::testing {

namespace {

/// Model and execution on `count` random problems.
void agree_on_all(int count, bool remainders) {
  for (int seed = 1; seed <= count; ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    const Layer layer = random_layer(random, {});
    Hierarchy hierarchy = random_hierarchy(random, {});
    const Nest nest = random_nest(random, layer, hierarchy, remainders);
    CAPTURE(seed);
    CAPTURE(to_text(nest, layer, hierarchy));
    REQUIRE_MESSAGE(legal(nest, layer, hierarchy), "an illegal mapping was drawn: " << why_illegal(nest, layer, hierarchy));
    const Evaluation evaluation = evaluate(nest, layer, hierarchy);
    const Verification verification = verify(nest, layer, hierarchy, evaluation.counts, static_cast<std::uint64_t>(seed));
    CHECK_MESSAGE(verification.passed(), verification.difference);
    CHECK(evaluation.counts == evaluate(simplified(nest, layer), layer, hierarchy).counts);
    if (!verification.passed()) break;
  }
}

}  // namespace

TEST_CASE("model and execution agree to the word on random mappings") { agree_on_all(cases(4000), false); }

TEST_CASE("model and execution agree to the word on random mappings with remainders") { agree_on_all(cases(4000), true); }

TEST_CASE("the sums over remainder tiles are the closed form where there are none") {
  const int count = cases(1000);
  for (int seed = 1; seed <= count; ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    const Layer layer = random_layer(random, {});
    Hierarchy hierarchy = random_hierarchy(random, {});
    const Nest nest = random_nest(random, layer, hierarchy);
    CAPTURE(seed);
    CAPTURE(to_text(nest, layer, hierarchy));
    const Evaluation closed = evaluate(nest, layer, hierarchy);
    const Evaluation summed = model_detail::evaluation_of(model_detail::ragged_traffic(nest, layer, hierarchy), layer, hierarchy);
    REQUIRE(closed.counts == summed.counts);
    REQUIRE(closed.cycles == summed.cycles);
  }
}

}  // namespace tilepath::testing
