// Which lanes a mapping may use: the factors of each dimension that are unrolled over each fanout.
#pragma once

#include <cstdint>
#include <vector>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/mapping/nest.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath::search_detail {

/// Per dimension, the lanes over both axes of one fanout. What is paid depends on these alone: the axes only decide what fits.
using LaneFactors = Extents;

/// Ascending divisors of n.
std::vector<std::int64_t> divisors(std::int64_t n);

/// All lane factors that fit the fanout of `level` and divide `left` (what outer fanouts leave of each bound), each once, in a
/// fixed order. One without lanes (all ones) is among them.
std::vector<LaneFactors> lane_choices(const Layer& layer, const Level& level, const Extents& left);

/// The spatial loops of one way to lay `factors` on the axes of the fanout of level `index`; x takes what it can first.
std::vector<SpatialLoop> lay_out(const Layer& layer, const Hierarchy& hierarchy, int index, const LaneFactors& factors);

}  // namespace tilepath::search_detail
