// What a neighbour found is what a search finds.
#include "tilepath/explore/neighbours.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/generate.hpp"
#include "tilepath/base/error.hpp"

namespace tilepath::testing {

namespace {

/// The designs of a row: the last level or the one above it grows.
std::vector<Hierarchy> row_of(Random& random, Hierarchy hierarchy, std::int64_t length) {
  std::vector<Hierarchy> designs;
  const auto l = static_cast<std::size_t>(random() % static_cast<std::uint64_t>(hierarchy.level_count()));
  const bool falls = random() % 2 == 0;
  for (std::int64_t i = 0; i < length; ++i) {
    designs.push_back(hierarchy);
    for (Partition& part : hierarchy.levels[l].partitions) part.capacity_words = part.capacity_words * 2 + 1;
    if (hierarchy.levels[l].partitions.empty()) hierarchy.levels[l].read_bandwidth = hierarchy.levels[l].read_bandwidth * 2 + 1;
  }
  if (falls) std::reverse(designs.begin(), designs.end());
  return designs;
}

/// Each of the designs, with what is asked of it per layer.
std::function<PosedPointer(std::int64_t)> posing(const std::vector<Hierarchy>& designs,
                                                 const std::vector<SearchOptions>& options) {
  return [&designs, options](std::int64_t point) {
    return std::make_shared<const Posed>(Posed{designs[static_cast<std::size_t>(point)], options});
  };
}

}  // namespace

TEST_CASE("neighbours: whatever is asked first, the optimum of a point is that of a search of its own") {
  Random random(4);
  std::int64_t searched = 0;
  std::int64_t asked = 0;
  for (int k = 0; k < cases(40); ++k) {
    const Sizes sizes{.max_macs = 400, .max_levels = 3};
    const std::vector<Layer> layers = {random_layer(random, sizes), random_layer(random, sizes)};
    constexpr std::int64_t kLength = 5;
    const std::vector<Hierarchy> designs = row_of(random, random_hierarchy(random, sizes), kLength);
    SearchOptions options;
    options.mapspace.remainders = Remainders::none;
    Solutions solutions("test");
    Neighbours neighbours(Grid({1, kLength}), layers, posing(designs, {options, options}), solutions);
    for (std::int64_t i = 0; i < 2 * kLength; ++i) {
      const auto point = static_cast<std::int64_t>(random() % kLength);
      const auto layer = static_cast<std::size_t>(random() % 2);
      const SolutionPointer got = neighbours.solve(point, layer, {});
      ++asked;
      try {
        const SearchResult own = search(layers[layer], designs[static_cast<std::size_t>(point)], options);
        REQUIRE(got->found);
        CHECK(got->energy * static_cast<double>(got->cycles) == doctest::Approx(own.evaluation.edp()).epsilon(1e-12));
      } catch (const NoLegalMapping&) {
        CHECK(!got->found);
      }
    }
    searched += solutions.searched();
  }
  CHECK(searched < asked);
}

TEST_CASE("neighbours: where energies alone differ, what is best at both ends is best between them") {
  Random random(6);
  std::int64_t searched = 0;
  std::int64_t asked = 0;
  for (int k = 0; k < cases(60); ++k) {
    const Sizes sizes{.max_macs = 400, .max_levels = 3};
    const std::vector<Layer> layers = {random_layer(random, sizes)};
    constexpr std::int64_t kLength = 9;
    std::vector<Hierarchy> designs(kLength, random_hierarchy(random, sizes));
    const std::size_t l = random() % designs[0].levels.size();
    const bool network = designs[0].levels[l].fanout && random() % 2 == 0;
    for (std::size_t i = 0; i < designs.size(); ++i) {
      Level& level = designs[i].levels[l];
      level.read_energy += 2 * static_cast<double>(i);
      level.write_energy += static_cast<double>(i);
      if (network) level.fanout->energy_per_word[0] += static_cast<double>(i);
    }
    if (random() % 3 == 0) designs[4].levels[0].read_energy += 1;  // off the line: it is searched
    SearchOptions options;
    options.objective = static_cast<Objective>(random() % 4);
    options.mapspace.remainders = random() % 2 == 0 ? Remainders::none : Remainders::lanes;
    Solutions solutions("test");
    Neighbours neighbours(Grid({1, kLength}), layers, posing(designs, {options}), solutions);
    const auto start = static_cast<std::int64_t>(random() % kLength);
    for (std::int64_t i = 0; i < kLength; ++i) {
      const std::int64_t point = (start + 4 * i) % kLength;
      CAPTURE(k);
      CAPTURE(point);
      const SolutionPointer got = neighbours.solve(point, 0, {});
      ++asked;
      try {
        const SearchResult own = search(layers[0], designs[static_cast<std::size_t>(point)], options);
        REQUIRE(got->found);
        const Score score = score_of(options.objective, got->energy, static_cast<double>(got->cycles));
        const Score best = score_of(options.objective, own.evaluation);
        CHECK(score.value == doctest::Approx(best.value).epsilon(1e-12));
        CHECK(score.tie == doctest::Approx(best.tie).epsilon(1e-12));
      } catch (const NoLegalMapping&) {
        CHECK(!got->found);
      }
    }
    searched += solutions.searched();
  }
  MESSAGE(searched << " searched of " << asked);
  CHECK(searched < asked * 2 / 3);
}

TEST_CASE("neighbours: a design that is better in one figure and worse in another relaxes nothing") {
  Hierarchy plain;
  plain.levels.resize(2);
  plain.levels[0].name = "DRAM";
  plain.levels[0].fanout = Fanout{.x = 4};
  plain.levels[1].name = "GLB";
  plain.levels[1].partitions = {{{true, true, true}, 100}};
  plain.levels[1].read_energy = plain.levels[1].write_energy = 1;
  Hierarchy other = plain;
  CHECK(relaxes(other, plain));
  other.levels[1].partitions[0].capacity_words = 200;
  CHECK(relaxes(other, plain));
  CHECK(!relaxes(plain, other));
  other.levels[1].read_energy = 2;
  CHECK(!relaxes(other, plain));
  CHECK(!relaxes(plain, other));
  other = plain;
  other.levels[0].fanout->x = 8;
  CHECK(relaxes(other, plain));
  other.levels[1].leakage = plain.levels[1].leakage = 1;  // twice the instances leak twice
  CHECK(!relaxes(other, plain));
  other = plain;
  other.levels[1].read_bandwidth = 3;
  CHECK(!relaxes(other, plain));
  CHECK(relaxes(plain, other));
}

TEST_CASE("problems are named by all that a search looks at, and by nothing else") {
  Random random(5);
  const Layer layer = random_layer(random, {});
  const Hierarchy hierarchy = random_hierarchy(random, {});
  const SearchOptions options;
  const std::string key = fingerprint(layer, hierarchy, options, "1");
  CHECK(key.size() == 32);
  Hierarchy other = hierarchy;
  other.name = "another";
  other.levels[0].area = 7;
  other.clock_mhz = 3;
  Layer renamed = layer;
  renamed.name = "another";
  renamed.repeat = 9;
  CHECK(fingerprint(renamed, other, options, "1") == key);
  CHECK(fingerprint(layer, hierarchy, options, "2") != key);
  other = hierarchy;
  other.levels[0].read_energy += 1;
  CHECK(fingerprint(layer, other, options, "1") != key);
  other = hierarchy;
  other.levels.back().retention = other.levels.back().retention == Retention::none ? Retention::sliding : Retention::none;
  CHECK(fingerprint(layer, other, options, "1") != key);
  SearchOptions asked = options;
  asked.mapspace.bypass = Bypass::fixed;
  CHECK(fingerprint(layer, hierarchy, asked, "1") != key);
  Layer larger = layer;
  ++larger.dimensions[0].bound;
  CHECK(fingerprint(larger, hierarchy, options, "1") != key);
}

}  // namespace tilepath::testing
