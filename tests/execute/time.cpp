// The model's cycles against the time that the executor keeps, on random mappings.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "support/generate.hpp"
#include "tilepath/execute/execute.hpp"
#include "tilepath/model/evaluate.hpp"

namespace tilepath::testing {

namespace {

enum class Buffers : std::uint8_t { single_only, double_only, double_above_single, any };

/// Drawn as `any`, or changed to what is wanted.
void rebuffer(Hierarchy& hierarchy, Buffers buffers) {
  if (buffers == Buffers::any) return;
  bool doubled = buffers != Buffers::single_only;
  for (Level& level : hierarchy.levels) {
    if (buffers == Buffers::double_above_single && level.name != "L0") doubled = doubled && level.double_buffered;
    level.double_buffered = doubled;
  }
}

/// How far the model is off, as shares of the time kept, ascending.
struct Errors {
  std::vector<double> of;
  int exact = 0;
  [[nodiscard]] double share(double quantile) const {
    return of[std::min(of.size() - 1, static_cast<std::size_t>(quantile * static_cast<double>(of.size())))];
  }
};

/// Fewer tell nothing of a quantile.
int enough_cases(int standing) { return std::max(60, cases(standing)); }

Errors errors_of(int count, Buffers buffers, bool remainders, std::int64_t least_macs, std::int64_t most_macs) {
  Errors errors;
  for (int seed = 1; seed <= count; ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    const Sizes sizes{.max_macs = most_macs};
    Layer layer = random_layer(random, sizes);
    while (macs(layer) < least_macs) layer = random_layer(random, sizes);
    Hierarchy hierarchy = random_hierarchy(random, sizes);
    rebuffer(hierarchy, buffers);
    const Nest nest = random_nest(random, layer, hierarchy, remainders);
    const Evaluation model = evaluate(nest, layer, hierarchy);
    const CycleSplit kept = execute(nest, layer, hierarchy, make_operands(layer, 1)).cycles;
    const auto cycles = static_cast<double>(model.cycles.value());
    CAPTURE(seed);
    CAPTURE(to_text(nest, layer, hierarchy));
    CHECK(model.split.total() == doctest::Approx(cycles));
    CHECK(model.split.compute + model.split.idle_lanes ==
          doctest::Approx(std::ceil((kept.compute + kept.idle_lanes) * (1 - 1e-9))));
    CHECK(model.split.idle_lanes == doctest::Approx(kept.idle_lanes));
    // With every tile full the model never says more than is kept.
    if (!remainders) CHECK(cycles <= std::ceil(kept.total() * (1 - 1e-9)));
    const double error = std::abs(cycles - kept.total());
    errors.exact += static_cast<int>(error < 1);
    errors.of.push_back(error < 1 ? 0 : error / kept.total());
  }
  std::sort(errors.of.begin(), errors.of.end());
  MESSAGE(errors.of.size() << " mappings: " << 100.0 * errors.exact / static_cast<double>(errors.of.size())
                           << " % exact; off by at most " << 100 * errors.share(0.9) << " % in 90 of 100, "
                           << 100 * errors.share(0.95) << " % in 95, " << 100 * errors.share(0.99) << " % in 99; worst "
                           << 100 * errors.of.back() << " %");
  return errors;
}

}  // namespace

TEST_CASE("time: with single buffers the model's cycles are those that the executor takes") {
  const int count = enough_cases(1000);
  CHECK(errors_of(count, Buffers::single_only, false, 1, 3000).exact == count);
  CHECK(errors_of(count, Buffers::single_only, true, 1, 3000).share(0.98) < 0.02);
}

TEST_CASE("time: with double buffers the model's cycles are a close lower bound") {
  CHECK(errors_of(enough_cases(1000), Buffers::double_above_single, false, 1, 3000).share(0.95) < 0.02);
  CHECK(errors_of(enough_cases(1000), Buffers::double_only, false, 1, 3000).share(0.9) < 0.02);
  CHECK(errors_of(enough_cases(1000), Buffers::any, false, 1, 3000).share(0.9) < 0.02);
  CHECK(errors_of(enough_cases(1000), Buffers::any, true, 1, 3000).share(0.9) < 0.02);
}

TEST_CASE("time: the same for mappings of up to three million MACs") {
  CHECK(errors_of(enough_cases(100), Buffers::double_above_single, false, 100000, 3000000).share(0.9) < 0.02);
  CHECK(errors_of(enough_cases(100), Buffers::any, false, 100000, 3000000).share(0.9) < 0.02);
}

}  // namespace tilepath::testing
