// Random layers, hierarchies and mappings: one generator for every engine.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/mapping/nest.hpp"
#include "tilepath/search/constraint.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath::testing {

using Random = std::mt19937_64;

/// How many cases to draw: TILEPATH_CASES, or the standing run's.
int cases(int standing);

/// What to draw from.
struct Sizes {
  std::int64_t max_macs = 3000;
  int max_levels = 4;
  bool bandwidths = true;
  bool sliding = true;
  /// Prime bounds, strides above the filter's size, levels that only one kind of tensor does not pass by.
  bool odd = false;
};

/// A convolution (grouped, strided, dilated, …), matmul or general Einsum of at most `max_macs` MACs.
Layer random_layer(Random& random, const Sizes& sizes);
/// A chain of levels with random fanouts, networks, capacities, widths and buffering. Energies are small integers, so that sums
/// are exact in a double.
Hierarchy random_hierarchy(Random& random, const Sizes& sizes);
/// Bandwidths of 1 to 64 words a cycle or none, and buffers single or double, drawn anew per level.
void draw_bandwidths(Random& random, Hierarchy& hierarchy);
/// A random nest that is legal but perhaps for capacities; those of the hierarchy are widened where it does not fit. With
/// `remainders`, counts that do not divide are as likely as others.
Nest random_nest(Random& random, const Layer& layer, Hierarchy& hierarchy, bool remainders = false);

/// A random nest of perfect factors that fits the hierarchy as it is: factors move inwards, and into lanes, as long as it stays
/// legal. Requires that what must be kept fits word by word.
Nest random_legal_nest(Random& random, const Layer& layer, const Hierarchy& hierarchy);

/// Up to two constraints that do not contradict each other at sight.
std::vector<Constraint> random_constraints(Random& random, const Layer& layer, const Hierarchy& hierarchy);

}  // namespace tilepath::testing
