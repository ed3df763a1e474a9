// The slow, obvious engine: every nest of a mapspace, one by one, scored by `evaluate`. For tests alone.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "tilepath/search/search.hpp"

namespace tilepath::testing {

struct BruteForce {
  Score best;
  Score best_played;  ///< of the nests played through; with `play`
  Nest nest;
  std::vector<std::pair<double, std::int64_t>> front;  ///< (energy, cycles) that no nest beats in both; most cycles first
  std::int64_t nests = 0;                              ///< that were legal and scored
  bool complete = true;                                ///< false: more than `most` nests, legal or not: given up
};

BruteForce brute_force(const Layer& layer, const Hierarchy& hierarchy, const Aim& objective, const Mapspace& mapspace,
                       std::int64_t most, const std::vector<Constraint>& constraints = {}, bool play = false);

/// Whether loops in time may leave a remainder of a dimension: not where tiles of a tensor with a halo are kept sliding.
bool may_cut(const Layer& layer, const Hierarchy& hierarchy, int dimension);

}  // namespace tilepath::testing
