// Halos: ranks of several dimensions, such as H = P + R; and a rule of every mapspace that is searched, docs/search.md.
#pragma once

#include "tilepath/mapping/nest.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath {

/// Whether a dimension lies along a halo: a rank of an operand sums it and another of more than one iteration.
bool along_halo(const Layer& layer, int dimension);

/// Whether no loop over a dimension of a halo rank (one of two terms or more, such as H = P + R) stands between a storage node of
/// that tensor and lanes of the rank further out that its deliveries cross; for a MAC, from the first such lanes outwards.
bool within_halo_rule(const Nest& nest, const Layer& layer);

}  // namespace tilepath
