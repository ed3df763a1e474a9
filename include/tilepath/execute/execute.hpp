// The executor: an independent witness. It knows nothing of the model's formulas.
#pragma once

#include <stop_token>
#include <vector>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/execute/operands.hpp"
#include "tilepath/mapping/counts.hpp"
#include "tilepath/mapping/cycles.hpp"
#include "tilepath/mapping/nest.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath {

struct Execution {
  Counts counts;
  CycleSplit cycles;
  Values outputs;  ///< row-major over the output's ranks
};

/// Runs `nest` on real values: every instance of every level has a buffer of its own that holds what its storage nodes keep and
/// never more than its capacity; a tile is moved word by word from the parent's buffer when what is needed differs from
/// what is resident; MACs multiply only what is in the innermost buffers; every word moved is counted; outputs are drained
/// to the outermost level. Requires legal(nest, layer, hierarchy). Throws std::logic_error when a word that is needed is not
/// where it must be or a buffer overflows (then the nest was not legal, or there is a bug), Interrupted on request.
Execution execute(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy, const std::vector<Values>& operands,
                  const std::stop_token& stop = {});

}  // namespace tilepath
