// Real layers, whose nests nobody can list: a random walk over legal nests, whatever their remainders, begins at the optimum.
// What it finds better must lie outside the mapspace, by a rule that `why_outside` names. (A walk found the last chunk that is
// short: mappings up to 4 % better than the optimum of a mapspace without.)
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "support/generate.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/base/quantity.hpp"
#include "tilepath/formats/architecture.hpp"
#include "tilepath/mapping/legal.hpp"
#include "tilepath/model/evaluate.hpp"
#include "tilepath/search/search.hpp"
#include "tilepath/workload/conv.hpp"

namespace tilepath::testing {

namespace {

/// A nest that changes at random: loops and lanes come, go, move and get other counts; the innermost loop of each dimension
/// covers what the others leave.
class Walk {
 public:
  Walk(const Layer& layer, const Hierarchy& hierarchy, std::uint64_t seed) : layer_(layer), random_(seed) {
    while (!hierarchy.level(fanout_).fanout) ++fanout_;
  }

  [[nodiscard]] Nest changed(Nest nest) {
    std::vector<Node>& nodes = nest.nodes;
    for (std::int64_t changes = draw(1, 3); changes-- > 0;) {
      const std::size_t at = inner_place(nodes);
      switch (draw(0, 4)) {
        case 0:
          recount(nodes[at]);
          break;
        case 1:
          insert(nodes, at, Loop{dimension(), draw(2, 8)});
          break;
        case 2:
          insert(nodes, at, SpatialLoop{dimension(), draw(2, 14), fanout_, random_() % 2 == 0 ? Axis::x : Axis::y});
          break;
        case 3:
          if (std::get_if<Store>(&nodes[at]) == nullptr && at + 1 < nodes.size())
            nodes.erase(nodes.begin() + static_cast<std::ptrdiff_t>(at));
          break;
        default:
          move(nodes, at, inner_place(nodes));
      }
    }
    cover(nodes);
    return nest;
  }

  /// Whether a step that makes a score so many times as large is taken, at this temperature.
  [[nodiscard]] bool takes(double times, double temperature) {
    return times <= 1 || std::uniform_real_distribution<double>()(random_) < std::exp(-std::log(times) / temperature);
  }

 private:
  std::int64_t draw(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random_);
  }
  int dimension() { return static_cast<int>(draw(0, layer_.dimension_count() - 1)); }
  /// Any but that of the outermost level's nodes, and of the MAC.
  std::size_t inner_place(const std::vector<Node>& nodes) {
    return nodes.size() < 3 ? 1 : static_cast<std::size_t>(draw(1, static_cast<std::int64_t>(nodes.size()) - 2));
  }
  static void insert(std::vector<Node>& nodes, std::size_t at, const Node& node) {
    nodes.insert(nodes.begin() + static_cast<std::ptrdiff_t>(at), node);
  }
  static void move(std::vector<Node>& nodes, std::size_t from, std::size_t to) {
    if (from + 1 >= nodes.size()) return;
    const Node node = nodes[from];
    nodes.erase(nodes.begin() + static_cast<std::ptrdiff_t>(from));
    insert(nodes, std::min(to, nodes.size() - 1), node);
  }
  void recount(Node& node) {
    const auto other = [&](std::int64_t count) {
      return std::max<std::int64_t>(1, random_() % 2 == 0 ? count + draw(-1, 1) : draw(1, 16));
    };
    if (auto* loop = std::get_if<Loop>(&node)) loop->count = other(loop->count);
    if (auto* lanes = std::get_if<SpatialLoop>(&node)) lanes->count = other(lanes->count);
  }

  void cover(std::vector<Node>& nodes) const {
    for (int d = 0; d < layer_.dimension_count(); ++d) {
      Loop* innermost = nullptr;
      std::int64_t others = 1;
      for (Node& node : nodes) {
        if (const auto* lanes = std::get_if<SpatialLoop>(&node); lanes != nullptr && lanes->dimension == d)
          others *= lanes->count;
        auto* loop = std::get_if<Loop>(&node);
        if (loop == nullptr || loop->dimension != d) continue;
        if (innermost != nullptr) others *= innermost->count;
        innermost = loop;
      }
      const std::int64_t left = ceil_divide(layer_.dimensions[static_cast<std::size_t>(d)].bound, others);
      if (innermost != nullptr)
        innermost->count = left;
      else if (left > 1)
        insert(nodes, nodes.size() - 1, Loop{d, left});
    }
    std::erase_if(nodes, [](const Node& node) {
      const auto* loop = std::get_if<Loop>(&node);
      const auto* lanes = std::get_if<SpatialLoop>(&node);
      return (loop != nullptr && loop->count == 1) || (lanes != nullptr && lanes->count == 1);
    });
  }

  const Layer& layer_;
  int fanout_ = 0;
  Random random_;
};

struct Met {
  std::int64_t legal = 0;
  std::int64_t better = 0;  ///< outside the mapspace
};

/// Walks so many steps from the optimum of the mapspace.
Met walk(const Layer& layer, const Hierarchy& hierarchy, const Mapspace& mapspace, int steps) {
  constexpr double kTemperature = 0.03;
  SearchOptions options;
  options.mapspace = mapspace;
  const SearchResult optimum = search(layer, hierarchy, options);
  REQUIRE(optimum.certificate.proved);
  const double least = optimum.evaluation.edp();
  Walk walk(layer, hierarchy, 1);
  Met met;
  Nest here = optimum.nest;
  double score = least;
  for (int step = 0; step < steps; ++step) {
    const Nest next = walk.changed(here);
    try {
      if (!legal(next, layer, hierarchy)) continue;
      ++met.legal;
      const double edp = evaluate(next, layer, hierarchy).edp();
      if (edp < least * (1 - 1e-12)) {
        ++met.better;
        const std::string why = why_outside(next, layer, hierarchy, mapspace);
        const double share = edp / least;
        CHECK_MESSAGE(!why.empty(), share << " times the optimum:\n" << to_text(next, layer, hierarchy));
      }
      if (!walk.takes(edp / score, kTemperature * (steps - step) / steps)) continue;
      here = next;
      score = edp;
    } catch (const Overflow&) {  // counts past 2^63
    }
  }
  return met;
}

}  // namespace

TEST_CASE("search: a random walk from the optimum of a real layer finds nothing better in the mapspace") {
  const Layer layers[] = {
      conv("AlexNet conv4", {.g = 2, .m = 192, .c = 192, .p = 13, .q = 13, .r = 3, .s = 3}),
      conv("ResNet-50 layer2.1.conv1", {.m = 128, .c = 512, .p = 28, .q = 28}),
      conv("ResNet-50 layer3.0.conv2", {.m = 256, .c = 256, .p = 14, .q = 14, .r = 3, .s = 3, .stride_h = 2, .stride_w = 2}),
      conv("MobileNet v2 b3.dw", {.g = 144, .p = 56, .q = 56, .r = 3, .s = 3}),
      conv("BERT attention output", {.m = 768, .c = 768, .p = 128}),
  };
  Met met;
  const Hierarchy hierarchy = read_architecture(read_document(std::string(TILEPATH_SOURCE_DATA) + "/arch/eyeriss-3level.json"));
  for (const Layer& layer : layers)
    for (const Remainders remainders : {Remainders::none, Remainders::lanes, Remainders::loops}) {
      CAPTURE(layer.name);
      CAPTURE(std::string(name_of(remainders)));
      const Met here = walk(layer, hierarchy, {true, remainders, Bypass::free}, 25 * cases(60));
      met.legal += here.legal;
      met.better += here.better;
    }
  MESSAGE(met.legal << " legal nests met, " << met.better << " of them better, outside the mapspace");
  CHECK(met.better > 0);  // than perfect factors
}

}  // namespace tilepath::testing
