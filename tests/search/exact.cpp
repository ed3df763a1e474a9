// Does the search find the true optimum? Every nest of many small random problems is scored, and the best compared.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "support/brute_force.hpp"
#include "support/generate.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/certify/recheck.hpp"
#include "tilepath/mapping/cut_rule.hpp"
#include "tilepath/mapping/legal.hpp"
#include "tilepath/model/evaluate.hpp"
#include "tilepath/search/search.hpp"
#include "tilepath/workload/conv.hpp"

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

/// The front, and that no objective is less than on the front.
void check_front(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options, const BruteForce& truth) {
  const Front front = pareto_front(layer, hierarchy, options);
  CHECK(front.complete);
  std::vector<std::pair<double, std::int64_t>> found;
  for (const FrontPoint& point : front.points) {
    CHECK(legal(point.nest, layer, hierarchy));
    found.emplace_back(point.energy, point.cycles);
  }
  const auto text = [](const std::vector<std::pair<double, std::int64_t>>& points) {
    std::string line;
    for (const auto& [energy, cycles] : points) line += " (" + std::to_string(energy) + ", " + std::to_string(cycles) + ")";
    return line;
  };
  CHECK_MESSAGE(found == truth.front, "found" << text(found) << "; true" << text(truth.front));
}

/// One objective after the other, each going on from what those before have found out, and each at its best: that of the front.
void check_objectives(const Layer& layer, const Hierarchy& hierarchy, SearchOptions options, const BruteForce& truth) {
  Findings findings;
  options.findings = &findings;
  const auto first = truth.nests % kObjectives;
  for (int k = 0; k < kObjectives; ++k) {
    options.objective.objective = static_cast<Objective>((first + k) % kObjectives);
    options.labels_before_wide = k - 2;
    Score best;
    for (const auto& [energy, cycles] : truth.front)
      best = std::min(best, score_of(options.objective, energy, static_cast<double>(cycles)));
    const SearchResult found = search(layer, hierarchy, options);
    CAPTURE(std::string(name_of(options.objective.objective)));
    CHECK(found.certificate.proved);
    const Score score = score_of(options.objective, found.evaluation);
    CHECK_MESSAGE(score == best,
                  score.value << " (" << score.tie << ") found, " << best.value << " (" << best.tie << ") is best");
    CHECK(found.certificate.lower_bound == best.value);
  }
  const Front front = pareto_front(layer, hierarchy, options);
  CHECK(front.points.size() == truth.front.size());
  // A point of the front is what its own energy or cycles as a ceiling leave.
  const auto& [energy, cycles] = truth.front[static_cast<std::size_t>(truth.nests) % truth.front.size()];
  options.objective = Objective::latency;
  options.objective.max_energy = energy;
  CHECK(search(layer, hierarchy, options).evaluation.cycles.value() == cycles);
  options.objective = Objective::energy;
  options.objective.max_cycles = static_cast<double>(cycles);
  CHECK(search(layer, hierarchy, options).evaluation.energy.value() == energy);
}

/// The bound proved is the best that there is, whether wide nodes are known (later on, or at once) or not.
void check_bound(const Layer& layer, const Hierarchy& hierarchy, SearchOptions options, const BruteForce& truth) {
  CAPTURE("best\n" + to_text(truth.nest, layer, hierarchy));
  const std::int64_t soon = truth.nests % 2 == 0 ? 20 : -1;
  for (const std::int64_t labels : {options.labels_before_wide, soon}) {
    options.labels_before_wide = labels;
    const SearchResult found = search(layer, hierarchy, options);
    CAPTURE("found\n" + to_text(found.nest, layer, hierarchy));
    CHECK(found.certificate.lower_bound == truth.best.value);
  }
}

/// The second proof finds nothing below the optimum, and the optimum itself once a worse value is claimed.
void check_second_proof(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options, double optimum) {
  CHECK(!recheck(layer, hierarchy, options, optimum).better);
  CHECK(recheck(layer, hierarchy, options, optimum * 1.001).better);
}

std::int64_t one_of(Random& random, const std::array<std::int64_t, 4>& values) { return values.at(random() % values.size()); }

/// Energy or energy x delay, even or uneven, as drawn; and the score of every nest.
struct Drawn {
  SearchOptions options;
  BruteForce truth;
};

/// Nothing where there are more than `nests` of them, or none is legal.
std::optional<Drawn> draw(Random& random, const Layer& layer, const Hierarchy& hierarchy, std::int64_t nests) {
  Drawn drawn;
  SearchOptions& options = drawn.options;
  options.objective = random() % 2 == 0 ? Objective::energy : Objective::edp;
  options.mapspace.uneven = random() % 2 == 0;
  drawn.truth = brute_force(layer, hierarchy, options.objective, options.mapspace, nests);
  if (!drawn.truth.complete || drawn.truth.nests == 0) return std::nullopt;
  return drawn;
}

/// Whether a loop inside lanes of its dimension leaves a remainder.
bool cut_inside_lanes(const Nest& nest, const Layer& layer) {
  const std::vector<Extents> inside = extents_inside(nest, layer);
  for (std::size_t d = 0; d < layer.dimensions.size(); ++d) {
    std::int64_t around = layer.dimensions[d].bound;
    bool unrolled = false;
    for (std::size_t i = 0; i < nest.nodes.size(); ++i) {
      const auto* lanes = std::get_if<SpatialLoop>(&nest.nodes[i]);
      unrolled = unrolled || (lanes != nullptr && lanes->dimension == static_cast<int>(d) && around % lanes->count == 0);
      const auto* loop = std::get_if<Loop>(&nest.nodes[i]);
      if (loop != nullptr && loop->dimension == static_cast<int>(d) && unrolled && around % inside[i][d] != 0) return true;
      around = inside[i][d];
    }
  }
  return false;
}

struct Limits {
  int first_seed = 1;
  int cases = 0;
  int levels = 3;
  int primes = 4;
  std::int64_t nests = 20000;
  bool loops = false;  ///< remainders at loops in time
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
    if (options.objective.objective == Objective::product) {
      options.objective.energy_exponent = 0.5;
      options.objective.cycles_exponent = 2;
    }
    options.mapspace.uneven = random() % 2 == 0;
    options.mapspace.remainders = random() % 2 == 0 ? Remainders::none : Remainders::lanes;
    if (limits.loops) options.mapspace.remainders = Remainders::loops;
    options.mapspace.bypass = random() % 4 == 0 ? Bypass::fixed : Bypass::free;
    options.constraints = random_constraints(random, layer, hierarchy);
    if (seed % 4 != 0) options.labels_before_wide = seed % 4 - 2;
    const BruteForce truth =
        brute_force(layer, hierarchy, options.objective, options.mapspace, limits.nests, options.constraints);
    if (!truth.complete) continue;
    if (truth.nests == 0) {
      CAPTURE(seed);
      try {
        const SearchResult found = search(layer, hierarchy, options);
        FAIL_CHECK("no nest obeys, but found\n" << to_text(found.nest, layer, hierarchy));
        for (const Constraint& constraint : options.constraints)
          MESSAGE(static_cast<int>(constraint.kind) << " level " << constraint.level);
      } catch (const NoLegalMapping&) {
      }
      continue;
    }
    ++checked;
    const SearchResult found = search(layer, hierarchy, options);
    const Score score = score_of(options.objective, found.evaluation);
    CAPTURE(seed);
    CAPTURE(options.mapspace.uneven);
    CAPTURE((options.mapspace.remainders == Remainders::lanes));
    CAPTURE(std::string(name_of(options.objective.objective)));
    CAPTURE("found\n" + to_text(found.nest, layer, hierarchy));
    CAPTURE("best\n" + to_text(truth.nest, layer, hierarchy));
    CHECK(legal(found.nest, layer, hierarchy));
    for (const Constraint& constraint : options.constraints) CHECK(obeys(found.nest, constraint, layer));
    CHECK(why_outside(found.nest, layer, hierarchy, options.mapspace, options.constraints).empty());
    CHECK(why_outside(truth.nest, layer, hierarchy, options.mapspace, options.constraints).empty());
    CHECK(found.certificate.proved);
    CHECK(found.certificate.lower_bound == score.value);
    CHECK_MESSAGE(score == truth.best,
                  score.value << " (" << score.tie << ") found, " << truth.best.value << " (" << truth.best.tie << ") is best");
    if (!(score == truth.best)) break;
    check_front(layer, hierarchy, options, truth);
    if (limits.loops && (limits.levels > 3 || checked % 3 != 0)) continue;  // with tiles of two sizes all takes longest
    check_objectives(layer, hierarchy, options, truth);
    // The second proof finds nothing below the optimum, and the optimum itself once a worse value is claimed.
    const Recheck agrees = recheck(layer, hierarchy, options, score.value);
    CHECK(agrees.finished);
    CHECK(!agrees.better);
    CHECK(recheck(layer, hierarchy, options, score.value * 1.001).better);
  }
  return checked;
}

}  // namespace

TEST_CASE("search: fronts of parts combine to the front of the sums") {
  Random random(7);
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<std::vector<FrontPoint>> parts(1 + random() % 4);
    for (auto& part : parts)
      for (std::size_t k = 1 + random() % 4; k-- > 0;)
        part.push_back({static_cast<double>(random() % 20), static_cast<std::int64_t>(random() % 20), {}});
    std::vector<std::pair<double, std::int64_t>> sums = {{0, 0}};
    for (const auto& part : parts) {
      std::vector<std::pair<double, std::int64_t>> next;
      for (const auto& [energy, cycles] : sums)
        for (const FrontPoint& point : part) next.emplace_back(energy + point.energy, cycles + point.cycles);
      sums = next;
    }
    const std::vector<CombinedPoint> front = combined_front(parts);
    for (const CombinedPoint& point : front) {
      double energy = 0;
      std::int64_t cycles = 0;
      for (std::size_t p = 0; p < parts.size(); ++p) {
        energy += parts[p][static_cast<std::size_t>(point.choice[p])].energy;
        cycles += parts[p][static_cast<std::size_t>(point.choice[p])].cycles;
      }
      CHECK(energy == point.energy);
      CHECK(cycles == point.cycles);
    }
    for (const auto& [energy, cycles] : sums)
      CHECK(std::count_if(front.begin(), front.end(), [&, e = energy, c = cycles](const CombinedPoint& point) {
              return point.energy <= e && point.cycles <= c;
            }) > 0);
    for (std::size_t k = 1; k < front.size(); ++k) {
      CHECK(front[k].cycles < front[k - 1].cycles);
      CHECK(front[k].energy > front[k - 1].energy);
    }
  }
}

TEST_CASE("search: brute force finds nothing better on random problems of up to three levels") {
  const int checked = agree_on_all({.cases = cases(500)});
  MESSAGE("random problems enumerated to the end: " << checked);
  CHECK(checked > 0);
}

TEST_CASE("search: brute force finds nothing better with remainders at loops in time") {
  const int checked = agree_on_all({.first_seed = 2000000, .cases = cases(200), .nests = 60000, .loops = true});
  MESSAGE("random problems enumerated to the end: " << checked);
  CHECK(checked > 0);
  const int deep = static_cast<int>(ceil_divide(cases(200), 5));
  CHECK(agree_on_all({.first_seed = 3000000, .cases = deep, .levels = 5, .primes = 3, .nests = 60000, .loops = true}) > 0);
}

TEST_CASE("search: the same where tiles that divide fit badly") {
  int checked = 0;
  int better = 0;
  for (int seed = 0; seed < cases(40); ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    const bool halo = random() % 2 == 0;
    const Layer layer = conv("odd", {.m = halo ? 3 : one_of(random, {9, 11, 13, 14}),
                                     .c = halo ? 1 : 2,
                                     .p = one_of(random, {11, 13, 14, 33}),
                                     .r = halo ? one_of(random, {1, 2, 3, 3}) : 1,
                                     .stride_h = static_cast<std::int64_t>(1 + random() % 2)});
    Hierarchy hierarchy;
    for (const char* name : {"far", "near"}) {
      Level level;
      level.name = name;
      level.read_energy = level.write_energy = hierarchy.levels.empty() ? 100 : 1;
      if (!hierarchy.levels.empty()) level.partitions = {{{true, true, true}, one_of(random, {12, 24, 40, 60})}};
      level.keeps.fill(Keep::must);
      hierarchy.levels.push_back(level);
    }
    SearchOptions options;
    options.objective = Objective::energy;
    options.mapspace = {false, Remainders::loops, Bypass::free};
    const BruteForce truth = brute_force(layer, hierarchy, options.objective, options.mapspace, 150000);
    if (!truth.complete || truth.nests == 0) continue;
    ++checked;
    CAPTURE(seed);
    check_bound(layer, hierarchy, options, truth);
    options.mapspace.remainders = Remainders::lanes;
    better += static_cast<int>(truth.best < score_of(options.objective, search(layer, hierarchy, options).evaluation));
  }
  MESSAGE(checked << " enumerated to the end, " << better << " of them better with remainders");
  CHECK(checked > 0);
  CHECK(better > 0);
}

TEST_CASE("search: the same where tiles inside lanes fit badly") {
  int checked = 0;
  int better = 0;
  constexpr int kShowsGain = 20;  // cases at least, so that some are better
  for (int seed = 0; seed < std::max(kShowsGain, cases(60) / 2); ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    const bool halo = random() % 2 == 0;
    const Layer layer = conv("odd", {.m = halo ? 1 : one_of(random, {10, 10, 14, 22}),
                                     .c = halo ? 1 : one_of(random, {3, 5, 5, 7}),
                                     .p = halo ? one_of(random, {10, 10, 14, 22}) : 1,
                                     .r = halo ? one_of(random, {2, 3, 5, 7}) : 1,
                                     .stride_h = halo ? one_of(random, {1, 1, 2, 2}) : 1});
    Hierarchy hierarchy;
    for (const std::int64_t energy : {100, 20, 1}) {
      Level level;
      level.name = "L" + std::to_string(hierarchy.levels.size());
      level.read_energy = level.write_energy = static_cast<double>(energy);
      level.keeps.fill(Keep::must);
      if (hierarchy.levels.empty()) level.fanout = Fanout{.x = 2};
      if (hierarchy.levels.size() == 2) level.partitions = {{{true, true, true}, one_of(random, {6, 8, 10, 12})}};
      if (random() % 4 == 0) level.read_bandwidth = 1;
      level.double_buffered = !hierarchy.levels.empty() && random() % 3 == 0;
      hierarchy.levels.push_back(level);
    }
    SearchOptions options;
    options.objective = random() % 2 == 0 ? Objective::energy : Objective::edp;
    options.mapspace = {random() % 4 == 0, Remainders::loops, Bypass::fixed};
    const BruteForce truth = brute_force(layer, hierarchy, options.objective, options.mapspace, 60000);
    if (!truth.complete || truth.nests == 0) continue;
    ++checked;
    CAPTURE(seed);
    check_bound(layer, hierarchy, options, truth);
    check_second_proof(layer, hierarchy, options, truth.best.value);
    options.mapspace.remainders = Remainders::lanes;
    better += static_cast<int>(cut_inside_lanes(truth.nest, layer) &&
                               truth.best < score_of(options.objective, search(layer, hierarchy, options).evaluation));
  }
  MESSAGE(checked << " enumerated to the end, " << better << " of them better with remainders");
  CHECK(checked > 0);
  CHECK(better > 0);
}

namespace {

/// Whose dimensions have few divisors.
Layer odd_layer(Random& random, bool small) {
  return conv("odd", {.m = small ? one_of(random, {2, 3, 5, 7}) : one_of(random, {1, 2, 4, 11}),
                      .c = small ? one_of(random, {3, 5, 7, 8}) : one_of(random, {7, 10, 11, 14}),
                      .p = random() % 2 == 0 ? 2 : 1,
                      .r = small && random() % 2 == 0 ? 2 : 1});
}

/// … along a halo.
Layer odd_halo(Random& random) {
  return conv("halo", {.m = one_of(random, {1, 1, 1, 2}),
                       .p = one_of(random, {3, 5, 7, 11}),
                       .r = one_of(random, {2, 3, 3, 5}),
                       .stride_h = one_of(random, {1, 1, 2, 3}),
                       .dilation_h = one_of(random, {1, 1, 2, 3})});
}

}  // namespace

TEST_CASE("search: the same where the last chunk that lanes are dealt is short") {
  int checked = 0;
  int better = 0;
  constexpr int kShowsGain = 24;  // cases at least, so that some are better
  for (int seed = 0; seed < std::max(kShowsGain, cases(60) / 2); ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    const bool two = random() % 2 == 0;
    const Layer layer = random() % 2 == 0 ? odd_halo(random) : odd_layer(random, two);
    Hierarchy hierarchy;
    const std::size_t levels = two ? 2 : 2 + random() % 2;
    while (hierarchy.levels.size() < levels) {
      Level level;
      level.name = "L" + std::to_string(hierarchy.levels.size());
      level.read_energy = level.write_energy = std::pow(10, static_cast<double>(levels - hierarchy.levels.size()));
      level.drain_reads = random() % 4 == 0;
      if (hierarchy.levels.size() + 1 == levels)  // room for tiles of single words at best
        level.partitions = {{{true, true, true}, one_of(random, {2, 3, 4, 6})}};
      hierarchy.levels.push_back(level);
    }
    Fanout fanout{.x = one_of(random, {2, 3, 4, 5}), .y = one_of(random, {1, 1, 2, 3})};
    for (Multicast& mode : fanout.multicast) mode = random() % 3 == 0 ? Multicast::none : Multicast::all;
    fanout.reduction = random() % 3 != 0;
    for (double& energy : fanout.energy_per_word) energy = static_cast<double>(random() % 3);
    hierarchy.levels[levels - 1 - random() % 2].fanout = fanout;
    SearchOptions options;
    options.objective = random() % 3 == 0 ? Objective::energy : Objective::edp;
    options.mapspace = {random() % 2 == 0, random() % 2 == 0 ? Remainders::lanes : Remainders::loops, Bypass::free};
    const BruteForce truth = brute_force(layer, hierarchy, options.objective, options.mapspace, 20000);
    if (!truth.complete || truth.nests == 0) continue;
    ++checked;
    CAPTURE(seed);
    check_bound(layer, hierarchy, options, truth);
    CHECK(why_outside(truth.nest, layer, hierarchy, options.mapspace).empty());
    check_second_proof(layer, hierarchy, options, truth.best.value);
    const auto ends_short = [&](int d) { return ends_in_short_chunk(truth.nest, layer, d); };
    bool any = false;
    for (int d = 0; d < layer.dimension_count(); ++d) any = any || ends_short(d);
    options.mapspace.remainders = Remainders::none;
    better += static_cast<int>(any && truth.best < score_of(options.objective, search(layer, hierarchy, options).evaluation));
  }
  MESSAGE(checked << " enumerated to the end, " << better << " of them better with short chunks");
  CHECK(checked > 0);
  CHECK(better > 0);
}

TEST_CASE("search: the bound of lanes counts what halo lanes of several fanouts share") {
  CHECK(agree_on_all({.first_seed = 964, .cases = 1}) == 1);
}

TEST_CASE("search: boxes around strided words take more room in fewer lanes") {
  Layer layer;
  layer.name = "strided";
  layer.dimensions = {{"A", 7}};
  layer.tensors = {{.name = "W", .role = Role::weights, .ranks = {{{0, 2}}}},
                   {.name = "O", .role = Role::outputs, .ranks = {{{0, 1}}}}};
  Hierarchy hierarchy;
  hierarchy.footprint = Footprint::box;
  hierarchy.levels.resize(2);
  hierarchy.levels[0].name = "far";
  hierarchy.levels[0].read_energy = 100;
  hierarchy.levels[0].write_energy = 1;
  hierarchy.levels[0].fanout = Fanout{.x = 3, .y = 2};
  hierarchy.levels[1].name = "near";
  hierarchy.levels[1].read_energy = hierarchy.levels[1].write_energy = 1;
  hierarchy.levels[1].keeps.fill(Keep::must);
  SearchOptions options;
  const BruteForce truth = brute_force(layer, hierarchy, options.objective, options.mapspace, 60000);
  REQUIRE(truth.complete);
  check_bound(layer, hierarchy, options, truth);
  check_objectives(layer, hierarchy, options, truth);
}

TEST_CASE("search: a ceiling of just the energy that a mapping takes leaves it") {
  CHECK(agree_on_all({.first_seed = 8256, .cases = 1}) == 1);
  CHECK(agree_on_all({.first_seed = 8384, .cases = 1}) == 1);
  CHECK(agree_on_all({.first_seed = 9119, .cases = 1}) == 1);
  CHECK(agree_on_all({.first_seed = 1004002, .cases = 1, .levels = 5, .primes = 3}) == 1);
}

TEST_CASE("search: psums whose visits pay are counted before a path is given up") {
  CHECK(agree_on_all({.first_seed = 7196, .cases = 1}) == 1);
  CHECK(agree_on_all({.first_seed = 1010662, .cases = 1, .levels = 5, .primes = 3}) == 1);
}

TEST_CASE("search: brute force finds nothing better on random problems of up to five levels") {
  const int checked = agree_on_all({.first_seed = 1000000, .cases = cases(100), .levels = 5, .primes = 3});
  CHECK(checked > 0);
}

TEST_CASE("search: tiles that slide along two halos at once") {
  int checked = 0;
  std::vector<int> seeds = {1733, 1902, 2472};  // a step along one halo that undoes the loops of another
  for (int seed = 0; seed < cases(60); ++seed) seeds.push_back(seed);
  for (const int seed : seeds) {
    Random random(static_cast<std::uint64_t>(seed));
    const auto two_or_three = [&] { return static_cast<std::int64_t>(2 + random() % 2); };
    const Layer layer = conv("halo", {.p = two_or_three(),
                                      .q = two_or_three(),
                                      .r = two_or_three(),
                                      .s = two_or_three(),
                                      .stride_h = static_cast<std::int64_t>(1 + random() % 2),
                                      .stride_w = static_cast<std::int64_t>(1 + random() % 2)});
    Hierarchy hierarchy = random_hierarchy(random, {.max_macs = 400, .max_levels = 2});
    for (Level& level : hierarchy.levels) level.retention = Retention::sliding;
    const std::optional<Drawn> drawn = draw(random, layer, hierarchy, 400000);
    if (!drawn) continue;
    ++checked;
    CAPTURE(seed);
    check_bound(layer, hierarchy, drawn->options, drawn->truth);
    check_second_proof(layer, hierarchy, drawn->options, drawn->truth.best.value);
  }
  CHECK(checked > 10);
}

TEST_CASE("search: square layers, whose mirror images the bound of the outer nodes takes as one") {
  int checked = 0;
  for (int seed = 0; seed < cases(150); ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    const std::int64_t rows = 2 + static_cast<std::int64_t>(random() % 3);
    const std::int64_t taps = 1 + static_cast<std::int64_t>(random() % 2);
    const std::int64_t stride = 1 + static_cast<std::int64_t>(random() % 2);
    const Layer layer = conv("square", {.m = 1 + static_cast<std::int64_t>(random() % 2),
                                        .p = rows,
                                        .q = rows,
                                        .r = taps,
                                        .s = taps,
                                        .stride_h = stride,
                                        .stride_w = stride});
    const Hierarchy hierarchy = random_hierarchy(random, {.max_macs = 400, .max_levels = 4, .bandwidths = false});
    const std::optional<Drawn> drawn = draw(random, layer, hierarchy, 20000);
    if (!drawn) continue;
    ++checked;
    CAPTURE(seed);
    check_bound(layer, hierarchy, drawn->options, drawn->truth);
  }
  CHECK(checked > cases(150) / 10);
}

}  // namespace tilepath::testing
