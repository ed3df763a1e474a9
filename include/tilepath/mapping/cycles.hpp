// Where the time of a mapping goes. The model predicts it, the executor keeps it, the tests hold one against the other.
#pragma once

#include <array>

#include "tilepath/arch/hierarchy.hpp"

namespace tilepath {

/// Cycles of one execution by what the MACs do or wait for; they add up to all of them. In cycles, of which the fluid ports of
/// the executor can take fractions.
struct CycleSplit {
  double compute = 0;                                ///< the MACs that are in use work, at the rate of the compute unit
  double idle_lanes = 0;                             ///< R9: part of the lanes in use has nothing to do
  double first_fill = 0;                             ///< first deliveries into double buffers, which nothing hides
  double last_drain = 0;                             ///< last drains from double buffers
  std::array<double, kMaxLevels> read_bandwidth{};   ///< for words that a level cannot send any faster
  std::array<double, kMaxLevels> write_bandwidth{};  ///< for words that a level cannot take in any faster
  /// For deliveries into a level's single buffer and drains from it, and for the first ones of double buffers inside it.
  std::array<double, kMaxLevels> waiting{};

  [[nodiscard]] double total() const {
    double sum = compute + idle_lanes + first_fill + last_drain;
    for (std::size_t l = 0; l < kMaxLevels; ++l) sum += read_bandwidth[l] + write_bandwidth[l] + waiting[l];
    return sum;
  }
};

}  // namespace tilepath
