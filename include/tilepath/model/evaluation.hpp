// What a mapping costs: the result of `evaluate`.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/base/quantity.hpp"
#include "tilepath/mapping/counts.hpp"
#include "tilepath/mapping/cycles.hpp"

namespace tilepath {

/// What keeps a mapping from running faster.
struct Limit {
  enum class Kind : std::uint8_t { compute, read_bandwidth, write_bandwidth, waiting, edges };
  Kind kind = Kind::compute;
  int level = 0;  ///< whose bandwidth it is, or whose single buffer is waited for; of edges none
};

struct Evaluation {
  Counts counts;
  std::array<std::array<Energy, kMaxTensors>, kMaxLevels> level_energy{};
  Energy compute_energy;
  Energy network_energy;
  Energy leakage_energy;
  Energy energy;  ///< the sum of all of them (R7)
  Cycles cycles;  ///< R8
  Cycles compute_cycles;
  CycleSplit split;        ///< where the cycles go
  double utilization = 0;  ///< MACs / (cycles x the MACs that the hierarchy could do in one)
  Limit limit;

  [[nodiscard]] double edp() const { return energy.value() * static_cast<double>(cycles.value()); }
};

/// "compute", "read bandwidth of DRAM", "waiting for the single buffer of GLB".
std::string to_text(const Limit& limit, const Hierarchy& hierarchy);

}  // namespace tilepath
