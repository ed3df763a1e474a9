// The witness against the model: the only room that sees both.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/mapping/cycles.hpp"
#include "tilepath/mapping/nest.hpp"
#include "tilepath/model/evaluation.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath {

struct Verification {
  bool outputs_match = false;  ///< bit for bit with the reference
  bool counts_match = false;   ///< every count of `evaluate` with every count of `execute`
  CycleSplit cycles;           ///< the time that the executor kept
  std::string difference;      ///< the first difference, in one line; empty when both match
  double seconds = 0;

  [[nodiscard]] bool passed() const { return outputs_match && counts_match; }
};

/// Executes `nest` on pseudo-random operands and compares outputs with `reference` and counts with `expected`.
/// Requires legal(nest, layer, hierarchy). Throws Interrupted on request.
Verification verify(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy, const Counts& expected,
                    std::uint64_t seed = 1, const std::stop_token& stop = {});

/// The first difference between two sets of counts ("GLB inputs reads: model 12, execution 13"), or empty.
std::string first_difference(const Counts& model, const Counts& execution, const Layer& layer, const Hierarchy& hierarchy);

}  // namespace tilepath
