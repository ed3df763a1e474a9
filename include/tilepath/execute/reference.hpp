// The layer computed without a mapping: what every execution is compared with.
#pragma once

#include <stop_token>
#include <vector>

#include "tilepath/execute/operands.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath {

/// The output of `layer`, row-major over its ranks, in 32-bit integers that wrap. Plain loops over the dimensions in order;
/// shares no code with `execute`. Throws Interrupted when `stop` is requested.
Values reference(const Layer& layer, const std::vector<Values>& operands, const std::stop_token& stop = {});

}  // namespace tilepath
