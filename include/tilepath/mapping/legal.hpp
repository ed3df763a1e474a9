// Which nests are mappings.
#pragma once

#include <string>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/mapping/nest.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath {

/// Why `nest` is no mapping of `layer` onto `hierarchy`, in one sentence that names the node or level and the numbers; empty
/// when it is one. A mapping
/// - covers the layer: per dimension the counts multiply to the bound, or past it where the last tile is a remainder (R9); no
///   loop has an iteration that is always empty;
/// - keeps every tensor at the outermost level before its first loop, and elsewhere at most once a level, outer levels first;
/// - obeys each level's `keeps`, and R6: what a level keeps fits, twice where it is double-buffered;
/// - unrolls over a fanout only inside the storage nodes of the level above it and outside of those below, on an axis that takes
///   the dimension, no wider than the axis; fanouts outermost first;
/// - ends with its one `compute`.
std::string why_illegal(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy);

inline bool legal(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy) {
  return why_illegal(nest, layer, hierarchy).empty();
}

}  // namespace tilepath
