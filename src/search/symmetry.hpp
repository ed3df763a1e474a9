// Dimensions that a layer does not tell apart: rows and columns of a square convolution, say.
#pragma once

#include <vector>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath::search_detail {

/// symmetry[d] = the dimension that d is exchanged with; d itself for one that stays.
using Symmetry = std::vector<int>;

/// All exchanges of pairs of dimensions (but the empty one) that map the layer onto itself, and that every fanout allows: mapping
/// by mapping, costs are the same.
std::vector<Symmetry> symmetries(const Layer& layer, const Hierarchy& hierarchy);

}  // namespace tilepath::search_detail
