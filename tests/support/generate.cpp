#include "support/generate.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "tilepath/base/quantity.hpp"
#include "tilepath/mapping/legal.hpp"
#include "tilepath/mapping/tile.hpp"
#include "tilepath/workload/conv.hpp"

namespace tilepath::testing {

namespace {

std::int64_t draw(Random& random, std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(high - low + 1));
}
bool coin(Random& random, int one_in) { return draw(random, 1, one_in) == 1; }
template <class T>
const T& pick(Random& random, const std::vector<T>& from) {
  return from[random() % from.size()];
}

std::int64_t bound(Random& random, bool odd = false) {
  return odd ? pick<std::int64_t>(random, {1, 1, 2, 3, 5, 7, 11, 13})
             : pick<std::int64_t>(random, {1, 1, 2, 2, 3, 4, 4, 5, 6, 8, 9, 12});
}

Layer random_einsum(Random& random) {
  Layer layer;
  layer.name = "einsum";
  layer.type = "einsum";
  const int dimensions = static_cast<int>(draw(random, 2, 5));
  for (int d = 0; d < dimensions; ++d) layer.dimensions.push_back({std::string(1, static_cast<char>('A' + d)), bound(random)});
  const int operands = static_cast<int>(draw(random, 1, 3));
  for (int t = 0; t <= operands; ++t) {
    Tensor tensor;
    const bool output = t == operands;
    tensor.name = "T" + std::to_string(t);
    tensor.role = output ? Role::outputs : t == 0 ? Role::weights : Role::inputs;
    for (int d = 0; d < dimensions; ++d) {
      if (coin(random, 2)) continue;
      if (!output && !tensor.ranks.empty() && coin(random, 4))
        tensor.ranks.back().push_back({d, draw(random, 1, 3)});
      else
        tensor.ranks.push_back({{d, output ? 1 : draw(random, 1, 2)}});
    }
    layer.tensors.push_back(tensor);
  }
  check(layer);
  return layer;
}

}  // namespace

int cases(int standing) {
  const char* wanted = std::getenv("TILEPATH_CASES");
  return wanted == nullptr ? standing : std::atoi(wanted);
}

Layer random_layer(Random& random, const Sizes& sizes) {
  while (true) {
    Layer layer;
    if (coin(random, 4)) {
      layer = random_einsum(random);
    } else {
      ConvShape shape;
      shape.n = coin(random, 3) ? bound(random, sizes.odd) : 1;
      shape.g = coin(random, 4) ? bound(random, sizes.odd) : 1;
      shape.m = bound(random, sizes.odd);
      shape.c = bound(random, sizes.odd);
      shape.p = bound(random, sizes.odd);
      shape.q = coin(random, 2) ? bound(random, sizes.odd) : 1;
      shape.r = draw(random, 1, 4);
      shape.s = coin(random, 2) ? draw(random, 1, 3) : 1;
      shape.stride_h = draw(random, 1, 3);
      shape.stride_w = draw(random, 1, 2);
      shape.dilation_h = coin(random, 3) ? draw(random, 2, 3) : 1;
      if (sizes.odd && coin(random, 2)) shape.stride_h = shape.r + draw(random, 1, 2);
      if (coin(random, 4)) shape.bits = {8, 8, static_cast<int>(draw(random, 8, 40))};
      layer = conv("random", shape);
    }
    if (macs(layer) <= sizes.max_macs) return layer;
  }
}

Hierarchy random_hierarchy(Random& random, const Sizes& sizes) {
  Hierarchy hierarchy;
  hierarchy.name = "random";
  hierarchy.footprint = coin(random, 4) ? Footprint::box : Footprint::touched;
  const int levels = static_cast<int>(draw(random, 1, sizes.max_levels));
  for (int l = 0; l < levels; ++l) {
    Level level;
    level.name = "L" + std::to_string(l);
    level.read_energy = static_cast<double>(draw(random, 0, l == 0 ? 200 : 20));
    level.write_energy = static_cast<double>(draw(random, 0, l == 0 ? 200 : 20));
    level.block_words = pick<std::int64_t>(random, {1, 1, 2, 4});
    if (l > 0) {
      if (coin(random, 3)) {
        for (int r = 0; r < kRoles; ++r) {
          Partition part{{}, pick<std::int64_t>(random, {1, 2, 4, 8, 16, 40, 100})};
          part.holds[static_cast<std::size_t>(r)] = true;
          level.partitions.push_back(part);
        }
      } else if (!coin(random, 5)) {
        level.partitions.push_back({{true, true, true}, pick<std::int64_t>(random, {3, 6, 12, 24, 60, 200, 800})});
      }
      for (Keep& keep : level.keeps) keep = coin(random, 6) ? Keep::never : Keep::can;
      if (sizes.odd && coin(random, 2)) {
        level.keeps.fill(Keep::never);
        level.keeps[random() % level.keeps.size()] = Keep::can;
      }
      level.double_buffered = coin(random, 3);
      if (sizes.sliding && coin(random, 3)) level.retention = Retention::sliding;
      level.drain_reads = coin(random, 4);
    }
    if (sizes.bandwidths && coin(random, 3)) level.read_bandwidth = pick<double>(random, {0.5, 1, 2, 3});
    if (sizes.bandwidths && coin(random, 3)) level.write_bandwidth = pick<double>(random, {0.5, 1, 2, 3});
    if (coin(random, 4)) level.leakage = static_cast<double>(draw(random, 1, 3));
    if (coin(random, 2)) {
      Fanout fanout;
      fanout.x = draw(random, 1, 6);
      fanout.y = coin(random, 2) ? draw(random, 1, 4) : 1;
      for (Multicast& mode : fanout.multicast)
        mode = pick<Multicast>(random, {Multicast::all, Multicast::all, Multicast::equal, Multicast::none});
      fanout.reduction = !coin(random, 3);
      for (double& energy : fanout.energy_per_word) energy = static_cast<double>(draw(random, 0, 3));
      level.fanout = fanout;
    }
    hierarchy.levels.push_back(level);
  }
  hierarchy.compute.mac_energy = 1;
  check(hierarchy);
  return hierarchy;
}

namespace {

/// A divisor of n, at most `most`.
std::int64_t divisor(Random& random, std::int64_t n, std::int64_t most) {
  std::vector<std::int64_t> divisors;
  for (std::int64_t d = 1; d <= std::min(n, most); ++d)
    if (n % d == 0) divisors.push_back(d);
  return pick(random, divisors);
}

/// Grow partitions until the nest fits.
void widen(const Nest& nest, const Layer& layer, Hierarchy& hierarchy) {
  for (Level& level : hierarchy.levels)
    for (Partition& part : level.partitions)
      while (!legal(nest, layer, hierarchy) && part.capacity_words < (std::int64_t{1} << 40)) {
        const std::string why = why_illegal(nest, layer, hierarchy);
        if (why.find("'" + level.name + "' would keep") == std::string::npos) break;
        part.capacity_words *= 2;
      }
}

}  // namespace

void draw_bandwidths(Random& random, Hierarchy& hierarchy) {
  constexpr std::array<double, 8> kBandwidths = {0, 1, 2, 4, 8, 16, 32, 64};
  for (Level& level : hierarchy.levels) {
    level.read_bandwidth = kBandwidths.at(random() % kBandwidths.size());
    level.write_bandwidth = kBandwidths.at(random() % kBandwidths.size());
    level.double_buffered = &level != hierarchy.levels.data() && random() % 2 == 0;
  }
}

Nest random_nest(Random& random, const Layer& layer, Hierarchy& hierarchy, bool remainders) {
  const auto some_count = [&](std::int64_t n, std::int64_t most) {
    if (!remainders || coin(random, 2)) return divisor(random, n, most);
    const std::int64_t each = ceil_divide(n, draw(random, 1, std::min(n, most)));
    return ceil_divide(n, each);
  };
  std::vector<std::int64_t> left;
  for (const Dimension& dimension : layer.dimensions) left.push_back(dimension.bound);
  Nest nest;
  const auto some_loops = [&](bool rest) {
    std::vector<int> order(layer.dimensions.size());
    for (std::size_t d = 0; d < order.size(); ++d) order[d] = static_cast<int>(d);
    std::shuffle(order.begin(), order.end(), random);
    for (const int d : order) {
      auto& remaining = left[static_cast<std::size_t>(d)];
      const std::int64_t count = rest ? remaining : coin(random, 2) ? some_count(remaining, remaining) : 1;
      if (count > 1 || coin(random, 20)) nest.nodes.emplace_back(Loop{d, count});
      remaining = ceil_divide(remaining, count);
    }
  };
  Store all{{}, 0};
  for (int t = 0; t < layer.tensor_count(); ++t) all.tensors.push_back(t);
  nest.nodes.emplace_back(all);
  for (int l = 0; l < hierarchy.level_count(); ++l) {
    const Level& level = hierarchy.level(l);
    if (l > 0) {
      std::vector<int> kept;
      for (int t = 0; t < layer.tensor_count(); ++t)
        if (at(level.keeps, layer.tensors[static_cast<std::size_t>(t)].role) != Keep::never && !coin(random, 3))
          kept.push_back(t);
      if (coin(random, 2)) {
        if (!kept.empty()) nest.nodes.emplace_back(Store{kept, l});
      } else {
        std::shuffle(kept.begin(), kept.end(), random);
        for (const int t : kept) {
          nest.nodes.emplace_back(Store{{t}, l});
          some_loops(false);
        }
      }
    }
    some_loops(false);
    if (!level.fanout) continue;
    std::int64_t x = level.fanout->x;
    std::int64_t y = level.fanout->y;
    for (int k = 0; k < 3; ++k) {
      const int d = static_cast<int>(random() % layer.dimensions.size());
      const Axis axis = coin(random, 2) ? Axis::y : Axis::x;
      auto& room = axis == Axis::x ? x : y;
      const std::int64_t count = some_count(left[static_cast<std::size_t>(d)], room);
      if (count == 1) continue;
      nest.nodes.emplace_back(SpatialLoop{d, count, l, axis});
      room /= count;
      left[static_cast<std::size_t>(d)] = ceil_divide(left[static_cast<std::size_t>(d)], count);
    }
    if (coin(random, 3)) some_loops(false);
  }
  some_loops(true);
  nest.nodes.emplace_back(Compute{});
  widen(nest, layer, hierarchy);
  return nest;
}

namespace {

/// The loops and nodes of one level, its fanout below them.
struct Shelf {
  std::vector<int> kept;   ///< tensors
  std::vector<int> order;  ///< of the dimensions, outermost first
  std::vector<std::int64_t> counts;
  std::vector<SpatialLoop> lanes;
};

Nest nest_of(const std::vector<Shelf>& shelves) {
  Nest nest;
  for (std::size_t l = 0; l < shelves.size(); ++l) {
    const Shelf& shelf = shelves[l];
    if (!shelf.kept.empty()) nest.nodes.emplace_back(Store{shelf.kept, static_cast<int>(l)});
    for (const int d : shelf.order)
      if (shelf.counts[static_cast<std::size_t>(d)] > 1)
        nest.nodes.emplace_back(Loop{d, shelf.counts[static_cast<std::size_t>(d)]});
    for (const SpatialLoop& lanes : shelf.lanes) nest.nodes.emplace_back(lanes);
  }
  nest.nodes.emplace_back(Compute{});
  return nest;
}

}  // namespace

Nest random_legal_nest(Random& random, const Layer& layer, const Hierarchy& hierarchy) {
  std::vector<Shelf> shelves(static_cast<std::size_t>(hierarchy.level_count()));
  const auto keep = [&](bool all_that_can) {
    for (int l = 0; l < hierarchy.level_count(); ++l) {
      auto& kept = shelves[static_cast<std::size_t>(l)].kept;
      kept.clear();
      for (int t = 0; t < layer.tensor_count(); ++t) {
        const Keep how = at(hierarchy.level(l).keeps, layer.tensors[static_cast<std::size_t>(t)].role);
        if (l == 0 || how == Keep::must || (how == Keep::can && all_that_can && !coin(random, 4))) kept.push_back(t);
      }
    }
  };
  for (Shelf& shelf : shelves) {
    for (int d = 0; d < layer.dimension_count(); ++d) shelf.order.push_back(d);
    std::shuffle(shelf.order.begin(), shelf.order.end(), random);
    shelf.counts.assign(layer.dimensions.size(), 1);
  }
  for (std::size_t d = 0; d < layer.dimensions.size(); ++d) shelves[0].counts[d] = layer.dimensions[d].bound;
  keep(true);
  if (!legal(nest_of(shelves), layer, hierarchy)) keep(false);
  constexpr int kTries = 60;
  for (int tries = 0; tries < kTries; ++tries) {
    const auto d = static_cast<std::size_t>(random() % layer.dimensions.size());
    const auto l = static_cast<std::size_t>(random() % shelves.size());
    const std::int64_t factor = divisor(random, shelves[0].counts[d], shelves[0].counts[d]);
    std::vector<Shelf> next = shelves;
    next[0].counts[d] /= factor;
    if (factor == 1) continue;
    if (hierarchy.levels[l].fanout && coin(random, 2))
      next[l].lanes.push_back({static_cast<int>(d), factor, static_cast<int>(l), coin(random, 2) ? Axis::y : Axis::x});
    else
      next[l].counts[d] *= factor;
    if (legal(nest_of(next), layer, hierarchy)) shelves = std::move(next);
  }
  return nest_of(shelves);
}

std::vector<Constraint> random_constraints(Random& random, const Layer& layer, const Hierarchy& hierarchy) {
  std::vector<Constraint> constraints;
  const auto some_dimension = [&] { return static_cast<int>(random() % layer.dimensions.size()); };
  for (auto wanted = draw(random, 0, 2); wanted > 0; --wanted) {
    Constraint c;
    c.kind = static_cast<Constraint::Kind>(random() % 6);
    c.level = static_cast<int>(draw(random, 0, hierarchy.level_count() - 1));
    c.axis = static_cast<Constraint::On>(random() % 3);
    c.text = "constraint";
    c.tensors = {static_cast<int>(random() % layer.tensors.size())};
    if (c.kind == Constraint::Kind::order || c.kind == Constraint::Kind::lanes) {
      for (int d = 0; d < layer.dimension_count(); ++d)
        if (coin(random, 2)) c.dimensions.push_back(d);
      std::shuffle(c.dimensions.begin(), c.dimensions.end(), random);
    } else {
      c.dimensions = {some_dimension()};
      const std::int64_t bound = layer.dimensions[static_cast<std::size_t>(c.dimensions[0])].bound;
      c.extents = {divisor(random, bound, bound)};
      c.count = divisor(random, bound, bound);
    }
    const bool of_one = c.kind == Constraint::Kind::tile && c.axis == Constraint::On::x;
    if (c.kind != Constraint::Kind::keep && c.kind != Constraint::Kind::never && !of_one) c.tensors.clear();
    constraints.push_back(c);
    const bool orders = std::count_if(constraints.begin(), constraints.end(), [&](const Constraint& other) {
                          return other.kind == Constraint::Kind::order && other.level == c.level;
                        }) > 1;
    if (orders || !contradiction(constraints, layer, hierarchy).empty()) constraints.pop_back();
  }
  return constraints;
}

}  // namespace tilepath::testing
