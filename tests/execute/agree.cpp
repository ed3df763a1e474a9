// Does the execution move exactly the words that the model predicts, and compute the right outputs? On random layers,
// hierarchies and mappings, none of them chosen to be good.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>

#include "model/traffic.hpp"
#include "support/generate.hpp"
#include "support/run.hpp"
#include "support/shrink.hpp"
#include "tilepath/mapping/legal.hpp"
#include "tilepath/model/evaluate.hpp"
#include "tilepath/verify/verify.hpp"

namespace tilepath::testing {

namespace {

bool disagree(const Case& one) {
  return !verify(one.nest, one.layer, one.hierarchy, evaluate(one.nest, one.layer, one.hierarchy).counts).passed();
}

/// Model and execution on `count` random problems. A failing one is made small and left as files.
void agree_on_all(int count, bool remainders, const Sizes& sizes = {}) {
  for (int seed = 1; seed <= count; ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    const Layer layer = random_layer(random, sizes);
    Hierarchy hierarchy = random_hierarchy(random, sizes);
    const Nest nest = random_nest(random, layer, hierarchy, remainders);
    CAPTURE(seed);
    CAPTURE(to_text(nest, layer, hierarchy));
    REQUIRE_MESSAGE(legal(nest, layer, hierarchy), "an illegal mapping was drawn: " << why_illegal(nest, layer, hierarchy));
    const Evaluation evaluation = evaluate(nest, layer, hierarchy);
    const Verification verification = verify(nest, layer, hierarchy, evaluation.counts, static_cast<std::uint64_t>(seed));
    if (!verification.passed()) {
      const Case small = shrunk({layer, hierarchy, nest}, disagree);
      FAIL(verification.difference << "\nmade small: " << to_text(small.nest, small.layer, small.hierarchy)
                                   << "to see it again: " << written(small, std::to_string(seed)));
    }
    CHECK(evaluation.counts == evaluate(simplified(nest, layer), layer, hierarchy).counts);
  }
}

}  // namespace

TEST_CASE("model and execution agree to the word on random mappings") { agree_on_all(cases(4000), false); }

TEST_CASE("model and execution agree to the word on random mappings with remainders") { agree_on_all(cases(4000), true); }

TEST_CASE("model and execution agree to the word on odd problems: primes, strides past the filter, levels passed by") {
  agree_on_all(cases(4000), true, {.odd = true});
}

TEST_CASE("a failing case is made small, and its files reproduce it") {
  // A fault that shows where a strided input is dealt to lanes: what is left of it should be little more than that.
  const auto faulty = [](const Case& one) {
    bool strided = false;
    for (const Tensor& tensor : one.layer.tensors)
      for (const Rank& rank : tensor.ranks) strided = strided || (rank.size() > 1 && rank[0].coefficient > 1);
    return strided && std::any_of(one.nest.nodes.begin(), one.nest.nodes.end(),
                                  [](const Node& node) { return std::holds_alternative<SpatialLoop>(node); });
  };
  int shown = 0;
  for (std::uint64_t seed = 1; shown < 5; ++seed) {
    Random random(seed);
    Case one{random_layer(random, {}), random_hierarchy(random, {}), {}};
    one.nest = random_nest(random, one.layer, one.hierarchy, true);
    if (!faulty(one)) continue;
    const Case small = shrunk(one, faulty);
    CHECK(faulty(small));
    CHECK(legal(small.nest, small.layer, small.hierarchy));
    CHECK(macs(small.layer) <= 2);
    CHECK(small.hierarchy.level_count() <= 2);  // the fanout may be that of the second
    CHECK(small.nest.nodes.size() <= 4);
    const std::string command = written(small, "test");
    const Ran ran = run(command.substr(command.find(' ') + 1));
    CHECK_MESSAGE(ran.code == 0, ran.err);  // the fault is not one of the program
    std::filesystem::remove_all(std::filesystem::temp_directory_path() / "tilepath-failing-test");
    ++shown;
  }
}

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
    const Evaluation summed = model_detail::evaluation_of(
        model_detail::ragged_traffic(nest, layer, hierarchy, extents_inside(nest, layer)), layer, hierarchy);
    REQUIRE(closed.counts == summed.counts);
    REQUIRE(closed.cycles == summed.cycles);
  }
}

}  // namespace tilepath::testing
