// The schedule of a nest: when everything happens, where `evaluate` has a sum in closed form.
#pragma once

#include <cstdint>
#include <optional>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/mapping/cycles.hpp"
#include "tilepath/mapping/nest.hpp"
#include "tilepath/model/evaluation.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath {

/// R8 played through: the cycles that a machine takes which books every transfer on the ports that it crosses as soon as the
/// words are there, the buffer has room and the port has time (docs/model.md, "The schedule"). The closed form of `evaluate`
/// takes each port's mean; here it may be too slow in one phase and idle in another. Iterations that begin alike are played once:
/// as a rule the work grows with the loops and not with their counts. `execute` keeps the same time, transfer by transfer.
/// None if more than `most_events` would have to be played, or told apart in more than a quarter of a gigabyte. Requires
/// legal(nest, layer, hierarchy). Pure.
std::optional<CycleSplit> schedule(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy,
                                   std::int64_t most_events = 20'000);

/// `evaluation` with the whole cycles of its nest's schedule, and leakage for as long; as it is where the closed form says as
/// much or more, so that no cycles are below it.
Evaluation played(const Evaluation& evaluation, const CycleSplit& schedule);

}  // namespace tilepath
