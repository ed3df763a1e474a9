// The cost model: rules R1-R8 and R10 of docs/model.md in closed form.
#pragma once

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/mapping/nest.hpp"
#include "tilepath/model/evaluation.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath {

/// Cost of one nest on one layer: words per level and tensor in totals over all instances, energy in the hierarchy's unit,
/// cycles. The search's cost of a finished nest equals this one; `execute` counts the same words.
/// Requires legal(nest, layer, hierarchy). Throws Overflow when a count passes 2^63. Pure; safe from any thread.
/// O(nodes x tensors x levels).
Evaluation evaluate(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy);

}  // namespace tilepath
