// The rules one by one, on nests small enough to count by hand.
#include <doctest/doctest.h>

#include "tilepath/mapping/index_set.hpp"
#include "tilepath/mapping/legal.hpp"
#include "tilepath/model/evaluate.hpp"
#include "tilepath/verify/verify.hpp"
#include "tilepath/workload/conv.hpp"

namespace tilepath::testing {

namespace {

enum Dim : std::uint8_t { N, G, M, C, P, Q, R, S };
enum T : std::uint8_t { W, I, O };

Level level(const char* name, std::int64_t capacity = 0) {
  Level result;
  result.name = name;
  result.read_energy = result.write_energy = 1;
  if (capacity > 0) result.partitions = {{{true, true, true}, capacity}};
  return result;
}

/// DRAM, a fanout of 4, RF.
Hierarchy two_levels(std::int64_t capacity = 100) {
  Hierarchy hierarchy;
  hierarchy.name = "two";
  hierarchy.levels = {level("DRAM"), level("RF", capacity)};
  hierarchy.levels[0].fanout = Fanout{.x = 4};
  hierarchy.compute.mac_energy = 1;
  return hierarchy;
}

Nest nest(std::vector<Node> inner) {
  Nest result;
  result.nodes.emplace_back(Store{{W, I, O}, 0});
  result.nodes.insert(result.nodes.end(), inner.begin(), inner.end());
  result.nodes.emplace_back(Compute{});
  return result;
}

/// Evaluates, and has the executor confirm the counts.
Evaluation confirmed(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy) {
  REQUIRE(why_illegal(nest, layer, hierarchy) == "");
  Evaluation evaluation = evaluate(nest, layer, hierarchy);
  const Verification verification = verify(nest, layer, hierarchy, evaluation.counts);
  CHECK_MESSAGE(verification.passed(), verification.difference);
  return evaluation;
}

}  // namespace

TEST_CASE("R2: a tile that does not move costs nothing, one that moves is delivered whole") {
  const Layer layer = conv("fc", {.m = 3, .c = 4});
  const auto stays = confirmed(nest({Loop{C, 4}, Store{{I}, 1}, Loop{M, 3}}), layer, two_levels());
  CHECK(stays.counts.levels[1][I].fills == Words(4));
  const auto moves = confirmed(nest({Loop{M, 3}, Loop{C, 4}, Store{{I}, 1}}), layer, two_levels());
  CHECK(moves.counts.levels[1][I].fills == Words(12));
}

TEST_CASE("R2: with H = P + R, a step of P by two undoes three steps of R: the tile stays") {
  const Layer layer = conv("c", {.p = 4, .r = 3});
  const auto evaluation = confirmed(nest({Loop{P, 2}, Loop{R, 3}, Store{{I}, 1}, Loop{P, 2}}), layer, two_levels());
  // Tiles of two rows begin at 0,1,2 and 2,3,4: five deliveries, not six.
  CHECK(evaluation.counts.levels[1][I].fills == Words(10));
}

TEST_CASE("R2: a sliding level keeps the overlap of a tile that moved along one rank") {
  const Layer layer = conv("c", {.p = 6, .r = 3});
  Hierarchy hierarchy = two_levels();
  const Nest slides = nest({Loop{P, 6}, Store{{I}, 1}, Loop{R, 3}});
  CHECK(confirmed(slides, layer, hierarchy).counts.levels[1][I].fills == Words(18));
  hierarchy.levels[1].retention = Retention::sliding;
  CHECK(confirmed(slides, layer, hierarchy).counts.levels[1][I].fills == Words(8));
}

TEST_CASE("R3: the parent reads the union of neighbouring tiles once, halo included") {
  const Layer layer = conv("c", {.p = 4, .r = 3});
  Hierarchy hierarchy = two_levels();
  const Nest neighbours = nest({SpatialLoop{P, 4, 0, Axis::x}, Store{{I}, 1}, Loop{R, 3}});
  CHECK(confirmed(neighbours, layer, hierarchy).counts.levels[0][I].reads == Words(6));
  hierarchy.levels[0].fanout->multicast.fill(Multicast::equal);
  CHECK(confirmed(neighbours, layer, hierarchy).counts.levels[0][I].reads == Words(12));
  const Nest equals = nest({SpatialLoop{M, 4, 0, Axis::x}, Store{{I}, 1}, Loop{R, 3}, Loop{P, 4}});
  const Layer wide = conv("c", {.m = 4, .p = 4, .r = 3});
  CHECK(confirmed(equals, wide, hierarchy).counts.levels[0][I].reads == Words(6));
  hierarchy.levels[0].fanout->multicast.fill(Multicast::none);
  CHECK(confirmed(equals, wide, hierarchy).counts.levels[0][I].reads == Words(24));
}

TEST_CASE("R4: a psum that comes back is read once, not once per reducing PE") {
  const Layer layer = conv("fc", {.m = 2, .c = 8});
  const Nest revisits = nest({Loop{C, 2}, Loop{M, 2}, SpatialLoop{C, 4, 0, Axis::x}, Store{{O}, 1}});
  Hierarchy hierarchy = two_levels();
  const auto reduced = confirmed(revisits, layer, hierarchy);
  CHECK(reduced.counts.levels[1][O].drains == Words(16));  // four lanes, two outputs, two visits
  CHECK(reduced.counts.levels[0][O].updates == Words(4));  // added on the way
  CHECK(reduced.counts.levels[1][O].fills == Words(2));    // each output comes back once, into one lane
  CHECK(reduced.counts.levels[0][O].reads == Words(2));
  hierarchy.levels[0].fanout->reduction = false;
  const auto apart = confirmed(revisits, layer, hierarchy);
  CHECK(apart.counts.levels[0][O].updates == Words(16));
  CHECK(apart.counts.levels[0][O].reads == Words(2 + 12));  // and three of four arrivals are accumulated
}

TEST_CASE("R5: the first update of a visit that starts from zero only writes") {
  const Layer layer = conv("fc", {.m = 3, .c = 4});
  const auto evaluation = confirmed(nest({Store{{O}, 1}, Loop{M, 3}, Loop{C, 4}}), layer, two_levels());
  CHECK(evaluation.counts.levels[1][O].updates == Words(12));
  CHECK(evaluation.counts.levels[1][O].reads == Words(9));
}

TEST_CASE("R6: a tile of 12 words fits an RF of 12 words, one of 13 does not") {
  const Nest whole = nest({Store{{W}, 1}, Loop{M, 12}});
  CHECK(legal(whole, conv("fc", {.m = 12}), two_levels(12)));
  const Nest larger = nest({Store{{W}, 1}, Loop{M, 13}});
  CHECK(why_illegal(larger, conv("fc", {.m = 13}), two_levels(12)) ==
        "'RF' would keep 13 words (weights 13, inputs 0, outputs 0); it has 12");
  Hierarchy doubled = two_levels(24);
  doubled.levels[1].double_buffered = true;
  CHECK(legal(whole, conv("fc", {.m = 12}), doubled));
  doubled.levels[1].partitions[0].capacity_words = 23;
  CHECK(!legal(whole, conv("fc", {.m = 12}), doubled));
}

TEST_CASE("R7: blocks share an access, wide words need several, networks are paid per receiving instance") {
  Hierarchy hierarchy = two_levels();
  hierarchy.levels[0].block_words = 4;
  hierarchy.levels[0].fanout->energy_per_word.fill(10);
  ConvShape shape{.m = 4, .p = 8};
  const Nest nodes = nest({SpatialLoop{M, 4, 0, Axis::x}, Store{{I}, 1}, Loop{P, 8}});
  const auto plain = confirmed(nodes, conv("c", shape), hierarchy);
  CHECK(plain.level_energy[0][I] == Energy(2));  // 8 words, 4 an access
  CHECK(plain.counts.network[0][I].down == Words(32));
  shape.bits = {0, 32, 0};
  const auto wide = confirmed(nodes, conv("c", shape), hierarchy);
  CHECK(wide.level_energy[0][I] == Energy(4));
}

TEST_CASE("R8: a single buffer waits, a double buffer hides all but the first delivery, the slowest port limits") {
  Hierarchy hierarchy = two_levels();
  hierarchy.levels[0].read_bandwidth = 2;
  const Layer layer = conv("fc", {.m = 8, .c = 4});
  const Nest nodes = nest({Loop{M, 8}, Store{{W, I, O}, 1}, Loop{C, 4}});
  const auto waits = confirmed(nodes, layer, hierarchy);
  CHECK(waits.compute_cycles == Cycles(32));
  CHECK(waits.cycles == Cycles(32 + 8 * 2 + 2));  // four weights eight times, four inputs once, two words a cycle
  hierarchy.levels[1].double_buffered = true;
  const auto hides = confirmed(nodes, layer, hierarchy);
  CHECK(hides.cycles == Cycles(32 + 2 + 2));
  hierarchy.levels[0].read_bandwidth = 0.5;
  const auto slow = confirmed(nodes, layer, hierarchy);
  CHECK(slow.limit.kind == Limit::Kind::read_bandwidth);
  CHECK(slow.cycles == Cycles(72 + 4));  // 36 words at half a word a cycle, and the last weights are used for four steps
  CHECK(slow.split.read_bandwidth[0] == 76 - 32 - 8 - 8);
}

TEST_CASE("R8: a double buffer inside a single one begins anew with each of its tiles, and rests while that is filled") {
  Hierarchy hierarchy = two_levels();
  hierarchy.levels[0].fanout.reset();
  hierarchy.levels.push_back(hierarchy.levels[1]);
  hierarchy.levels[2].name = "inner";
  hierarchy.levels[0].read_bandwidth = 2;
  hierarchy.levels[1].read_bandwidth = 1;
  hierarchy.levels[2].double_buffered = true;
  const Layer layer = conv("fc", {.m = 8, .c = 4});
  // Four weights at a time, then one by one.
  const Nest nodes = nest({Loop{M, 8}, Store{{W}, 1}, Loop{C, 4}, Store{{W}, 2}});
  const auto slow = confirmed(nodes, layer, hierarchy);
  CHECK(slow.split.waiting[1] == 8 * 2 + 7 * 1);  // filled eight times; the first of four weights is waited for each time
  CHECK(slow.split.first_fill == 1);
  CHECK(slow.cycles == Cycles(32 + 8 * 2 + 8 * 1));
  hierarchy.levels[1].read_bandwidth = 0.5;  // 32 words in 64 cycles, none while the outer buffer is filled
  const auto limited = confirmed(nodes, layer, hierarchy);
  CHECK(limited.limit.kind == Limit::Kind::read_bandwidth);
  CHECK(limited.cycles == Cycles(64 + 8 * 2 + 1));  // the last weight is used for one step
}

TEST_CASE("R8: the last tile that a port carries is still to be used, the first tile of psums comes late") {
  Hierarchy hierarchy = two_levels();
  hierarchy.levels[1].double_buffered = true;
  hierarchy.levels[0].write_bandwidth = 0.25;
  const Layer layer = conv("fc", {.m = 8, .c = 4});
  const auto drained = confirmed(nest({Loop{M, 2}, Store{{W, I, O}, 1}, Loop{C, 4}, Loop{M, 4}}), layer, hierarchy);
  CHECK(drained.cycles == Cycles(16 + 32));  // the first four outputs are there after 16 steps; eight in 32 cycles
}

TEST_CASE("footprint: a stride wider than the filter leaves holes, the box fills them") {
  const Layer layer = conv("c", {.p = 4, .stride_h = 3});
  Hierarchy hierarchy = two_levels();
  const Nest nodes = nest({Store{{I}, 1}, Loop{P, 4}});
  CHECK(confirmed(nodes, layer, hierarchy).counts.levels[1][I].fills == Words(4));
  hierarchy.footprint = Footprint::box;
  CHECK(confirmed(nodes, layer, hierarchy).counts.levels[1][I].fills == Words(10));
}

TEST_CASE("index sets: closed forms equal enumeration") {
  for (std::int64_t a = 1; a <= 6; ++a)
    for (std::int64_t b = 1; b <= 6; ++b)
      for (std::int64_t m = 1; m <= 5; ++m)
        for (std::int64_t n = 1; n <= 5; ++n) {
          IndexSet set;
          set.add(a, m);
          set.add(b, n);
          CHECK(set.size() == static_cast<std::int64_t>(set.elements().size()));
          CHECK(set.extent() == set.elements().back() + 1);
        }
}

}  // namespace tilepath::testing
