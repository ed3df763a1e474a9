// A failing case made small, and written as files that reproduce it.
//
// RapidCheck shrinks the random choices behind a case; a smaller choice is seldom a simpler mapping that is still legal. This
// shrinks the case itself: it takes one thing away at a time (a loop, a level, a stride, a bandwidth) as long as it still fails.
#pragma once

#include <functional>
#include <string>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/mapping/nest.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath::testing {

struct Case {
  Layer layer;
  Hierarchy hierarchy;
  Nest nest;
};

/// A case of which no simplification still fails; legal as the given one is. `fails` may throw: that is a failure too.
Case shrunk(Case failing, const std::function<bool(const Case&)>& fails);

/// Writes workload.json, arch.json and mapping.json to a new folder below the system's temporary one; the command that runs them.
std::string written(const Case& failing, const std::string& name);

}  // namespace tilepath::testing
