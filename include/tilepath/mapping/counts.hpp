// What an execution of a mapping moves, in words. The model predicts it, the executor counts it, `verify` compares.
#pragma once

#include <array>
#include <cstdint>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/base/quantity.hpp"

namespace tilepath {

/// Words of one tensor at one level, in totals over all instances.
struct Traffic {
  Words reads;    ///< read from it: to fill the level below, by MACs, and those of updates (R5, R7)
  Words fills;    ///< written into it from above, psums that come back included
  Words updates;  ///< written into it from below: psums
  Words drains;   ///< sent up from it: psums
  friend bool operator==(const Traffic&, const Traffic&) = default;
};

/// Words of one tensor over the network of one fanout: one per receiving instance on the way down, one per sending on the way up.
struct NetworkTraffic {
  Words down;
  Words up;
  friend bool operator==(const NetworkTraffic&, const NetworkTraffic&) = default;
};

/// All counts of one execution of a layer, [level][tensor]. The model predicts them, the executor counts them.
struct Counts {
  std::array<std::array<Traffic, kMaxTensors>, kMaxLevels> levels{};
  std::array<std::array<NetworkTraffic, kMaxTensors>, kMaxLevels> network{};  ///< of the fanout below each level
  std::int64_t macs = 0;
  friend bool operator==(const Counts&, const Counts&) = default;
};

}  // namespace tilepath
