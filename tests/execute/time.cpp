// The model's cycles, in closed form and played through (schedule), against the time that the executor keeps, on random mappings.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "support/generate.hpp"
#include "tilepath/execute/execute.hpp"
#include "tilepath/formats/architecture.hpp"
#include "tilepath/formats/library.hpp"
#include "tilepath/formats/workload.hpp"
#include "tilepath/model/evaluate.hpp"
#include "tilepath/model/schedule.hpp"
#include "tilepath/workload/conv.hpp"

namespace tilepath::testing {

namespace {

enum class Buffers : std::uint8_t { single_only, double_only, double_above_single, any, odd };

/// Very slow ports beside very fast ones, fractions, MACs of any pace.
void make_odd(Random& random, Hierarchy& hierarchy) {
  constexpr std::array<double, 9> kBandwidths = {0, 0.01, 0.3, 0.5, 0.7, 1.5, 3, 64, 1000};
  constexpr std::array<double, 4> kPaces = {0.5, 1, 2, 3};
  for (Level& level : hierarchy.levels) {
    level.read_bandwidth = kBandwidths.at(random() % kBandwidths.size());
    level.write_bandwidth = kBandwidths.at(random() % kBandwidths.size());
  }
  hierarchy.compute.macs_per_cycle = kPaces.at(random() % kPaces.size());
}

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
  int exact = 0;  ///< to the cycle
  int above = 0;  ///< the model says more than is kept

  void add(double cycles, double kept) {
    const double error = std::abs(cycles - kept);
    exact += static_cast<int>(error < 1);
    above += static_cast<int>(cycles > std::ceil(kept * (1 - 1e-9)) + 0.5);
    const double off = error < 1 ? 0 : error / kept;
    of.insert(std::upper_bound(of.begin(), of.end(), off), off);
  }
  [[nodiscard]] double share(double quantile) const {
    return of[std::min(of.size() - 1, static_cast<std::size_t>(quantile * static_cast<double>(of.size())))];
  }
  [[nodiscard]] std::string text() const {
    std::ostringstream text;
    text << 100.0 * exact / static_cast<double>(of.size()) << " % exact; off by at most " << 100 * share(0.9)
         << " % in 90 of 100, " << 100 * share(0.95) << " % in 95, " << 100 * share(0.99) << " % in 99; worst " << 100 * of.back()
         << " %; too high in " << above;
    return text.str();
  }
};
struct Held {
  Errors closed_form, schedule;
};

/// Fewer tell nothing of a quantile.
int enough_cases(int standing) { return std::max(60, cases(standing)); }

/// Whether a double buffer lies inside a single one. The model takes whole tiles there, though words may stay (sliding), and
/// whole cycles for each drain of a chain, though they may share one.
bool begins_anew(const Hierarchy& hierarchy) {
  const auto single = std::find_if(hierarchy.levels.begin() + 1, hierarchy.levels.end(),
                                   [](const Level& level) { return !level.double_buffered; });
  return std::any_of(single, hierarchy.levels.end(), [](const Level& level) { return level.double_buffered; });
}

/// One case more.
void hold_against_clock(Held& held, const Nest& nest, const Layer& layer, const Hierarchy& hierarchy, bool remainders) {
  const Evaluation model = evaluate(nest, layer, hierarchy);
  const std::optional<CycleSplit> played = schedule(nest, layer, hierarchy);
  const CycleSplit kept = execute(nest, layer, hierarchy, make_operands(layer, 1)).cycles;
  const auto cycles = static_cast<double>(model.cycles.value());
  CAPTURE(to_text(nest, layer, hierarchy));
  REQUIRE(played);
  CHECK(model.split.total() == doctest::Approx(cycles));
  CHECK(model.split.compute + model.split.idle_lanes ==
        doctest::Approx(std::ceil((kept.compute + kept.idle_lanes) * (1 - 1e-9))));
  const auto idle_share = [](const CycleSplit& split) { return split.idle_lanes / (split.compute + split.idle_lanes); };
  CHECK(idle_share(model.split) == doctest::Approx(idle_share(kept)));  // of whole cycles and of fractions
  CHECK(played->compute == doctest::Approx(kept.compute));
  CHECK(played->idle_lanes == doctest::Approx(kept.idle_lanes));
  held.schedule.add(played->total(), kept.total());
  const int above = held.closed_form.above;
  held.closed_form.add(cycles, kept.total());
  // With every tile full the closed form never says more than is kept, unless something begins anew: see begins_anew.
  if (!remainders && !begins_anew(hierarchy)) CHECK(held.closed_form.above == above);
}

/// The schedule stays within 2 % of the clock in 99 of 100 mappings, whatever they are.
void tell(const Held& held) {
  MESSAGE(held.schedule.of.size() << " mappings, closed form: " << held.closed_form.text());
  MESSAGE("schedule: " << held.schedule.text());
  CHECK(held.schedule.share(0.99) < 0.02);
}

Errors errors_of(int count, Buffers buffers, bool remainders, std::int64_t least_macs, std::int64_t most_macs) {
  Held held;
  for (int seed = 1; seed <= count; ++seed) {
    CAPTURE(seed);
    Random random(static_cast<std::uint64_t>(seed));
    const Sizes sizes{.max_macs = most_macs};
    Layer layer = random_layer(random, sizes);
    while (macs(layer) < least_macs) layer = random_layer(random, sizes);
    Hierarchy hierarchy = random_hierarchy(random, sizes);
    buffers == Buffers::odd ? make_odd(random, hierarchy) : rebuffer(hierarchy, buffers);
    const Nest nest = random_nest(random, layer, hierarchy, remainders);
    hold_against_clock(held, nest, layer, hierarchy, remainders);
  }
  tell(held);
  if (!remainders) CHECK(100 * held.closed_form.above <= count);
  return held.closed_form;
}

/// Layers of real networks, their longest dimension halved until they have at most `most_macs`.
std::vector<Layer> real_layers(const Library& library, std::int64_t most_macs) {
  std::vector<Layer> layers;
  for (const char* network : {"alexnet", "bert-base", "googlenet", "mobilenet_v2", "resnet50", "vgg16"})
    for (Layer layer : read_workload(library.open("workloads", network)).layers) {
      while (macs(layer) > most_macs) {
        auto& bound =
            std::max_element(layer.dimensions.begin(), layer.dimensions.end(), [](const Dimension& a, const Dimension& b) {
              return a.bound < b.bound;
            })->bound;
        bound = (bound + 1) / 2;
      }
      layers.push_back(layer);
    }
  return layers;
}

/// Random mappings of them; with `drawn`, on any bandwidths and buffers.
Errors errors_on(const std::vector<const char*>& architectures, int count, bool drawn) {
  const Library library = standard_library({TILEPATH_SOURCE_DATA});
  const std::vector<Layer> layers = real_layers(library, 100000);
  Held held;
  for (int seed = 1; seed <= count; ++seed) {
    CAPTURE(seed);
    Random random(static_cast<std::uint64_t>(seed));
    Hierarchy hierarchy = read_architecture(library.open("arch", architectures[random() % architectures.size()]));
    if (drawn) draw_bandwidths(random, hierarchy);
    const Layer& layer = layers[random() % layers.size()];
    hold_against_clock(held, random_legal_nest(random, layer, hierarchy), layer, hierarchy, false);
  }
  tell(held);
  CHECK(100 * held.closed_form.above <= count);
  return held.closed_form;
}

}  // namespace

TEST_CASE("time: with single buffers the model's cycles are those that the executor takes") {
  const int count = enough_cases(1000);
  CHECK(errors_of(count, Buffers::single_only, false, 1, 3000).exact == count);
  CHECK(errors_of(count, Buffers::single_only, true, 1, 3000).share(0.98) < 0.02);
}

TEST_CASE("time: with double buffers the model's cycles are close, and hardly ever above") {
  CHECK(errors_of(enough_cases(1000), Buffers::double_above_single, false, 1, 3000).share(0.98) < 0.02);
  CHECK(errors_of(enough_cases(1000), Buffers::double_only, false, 1, 3000).share(0.9) < 0.02);
  CHECK(errors_of(enough_cases(1000), Buffers::any, false, 1, 3000).share(0.95) < 0.02);
  CHECK(errors_of(enough_cases(1000), Buffers::any, true, 1, 3000).share(0.9) < 0.02);
}

TEST_CASE("time: the same for mappings of up to three million MACs") {
  CHECK(errors_of(enough_cases(100), Buffers::double_above_single, false, 100000, 3000000).share(0.98) < 0.02);
  CHECK(errors_of(enough_cases(100), Buffers::any, false, 100000, 3000000).share(0.95) < 0.02);
}

TEST_CASE("time: the same with odd bandwidths and paces of the MACs") {
  CHECK(errors_of(enough_cases(300), Buffers::odd, false, 1, 3000).share(0.9) < 0.02);
  CHECK(errors_of(enough_cases(300), Buffers::odd, true, 1, 3000).share(0.9) < 0.02);
}

TEST_CASE("time: layers of real networks on the ready-made architectures that have bandwidths") {
  CHECK(errors_on({"cpu-x86", "nvdla-large", "tpu-v1"}, enough_cases(200), false).share(0.98) < 0.02);
}

TEST_CASE("time: the same on all of them, with bandwidths and buffers drawn") {
  CHECK(errors_on({"cpu-x86", "eyeriss", "eyeriss-3level", "nvdla-large", "tpu-v1"}, enough_cases(200), true).share(0.9) < 0.02);
}

TEST_CASE("time: what takes whole cycles takes no further one because of rounding") {
  REQUIRE(21 / 0.7 > 30);  // as a double
  const Layer layer = conv("fc", {.m = 3, .c = 21});
  Hierarchy hierarchy;
  hierarchy.name = "two";
  for (const char* name : {"DRAM", "RF"}) hierarchy.levels.emplace_back().name = name;
  hierarchy.levels[0].read_bandwidth = 0.7;
  const Nest nest{{Store{{0, 1, 2}, 0}, Store{{1, 2}, 1}, Loop{2, 3}, Store{{0}, 1}, Loop{3, 21}, Compute{}}};
  const double cycles = 30 + 3 * (30 + 21);
  CHECK(evaluate(nest, layer, hierarchy).cycles.value() == cycles);
  CHECK(schedule(nest, layer, hierarchy)->total() == doctest::Approx(cycles));
  CHECK(execute(nest, layer, hierarchy, make_operands(layer, 1)).cycles.total() == doctest::Approx(cycles));
}

TEST_CASE("time: a drain that is put off until after the next one's beginning finds its port's past") {
  const Layer layer = conv("fc", {.m = 256, .c = 256});
  Hierarchy hierarchy;
  hierarchy.name = "five";
  for (const auto& [reads, writes] : {std::pair{1, 64}, {4, 8}, {4, 2}, {4, 32}, {64, 64}}) {
    Level level;
    level.name = "L" + std::to_string(hierarchy.levels.size());
    level.read_bandwidth = reads;
    level.write_bandwidth = writes;
    level.double_buffered = !hierarchy.levels.empty();
    hierarchy.levels.push_back(level);
  }
  const Nest nest{{Store{{0, 1, 2}, 0}, Loop{2, 256}, Store{{2}, 1}, Loop{3, 2}, Store{{0, 1}, 2}, Loop{3, 128},
                   Store{{0, 1, 2}, 3}, Store{{0, 1, 2}, 4}, Compute{}}};
  CHECK(execute(nest, layer, hierarchy, make_operands(layer, 1)).cycles.total() > 65536);
}

}  // namespace tilepath::testing
