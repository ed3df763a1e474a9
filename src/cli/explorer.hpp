// From a point of a sweep to its record.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "tilepath/explore/neighbours.hpp"
#include "tilepath/explore/pareto.hpp"
#include "tilepath/explore/solutions.hpp"
#include "tilepath/formats/design.hpp"
#include "tilepath/formats/record.hpp"
#include "tilepath/formats/sweep.hpp"

namespace tilepath::cli {

class Explorer {
 public:
  /// `threads_inside`: for one search. `sweep` and `solutions` must outlive it.
  Explorer(const Sweep& sweep, Solutions& solutions, std::size_t threads_inside);

  /// The record of a point; none where a condition leaves it out. The same whatever was asked before, except that in a sweep for
  /// the front a point may be `dominated` by what was recorded. Throws Interrupted. Safe from any thread.
  std::optional<Record> record(std::int64_t point, const std::stop_token& stop);
  /// Tells a sweep for the front of a record, its own or one from before.
  void recorded(const Record& record);

  /// Whether the conditions want a point (a design with a fault is wanted: its record says so).
  bool wanted(std::int64_t point);

 private:
  Design design(std::int64_t point);
  PosedPointer pose(const Design& design);
  [[nodiscard]] std::string inputs_of(const Design& design) const;
  void solve(Record& record, const Posed& posed, const std::stop_token& stop);
  bool left_out(Record& record, const std::vector<SolutionPointer>& solved, const std::vector<Figures3>& least) const;
  std::vector<Figures3> least_of(std::int64_t point, const Posed& posed, const std::stop_token& stop);

  const Sweep& sweep_;
  Solutions& solutions_;
  std::size_t threads_inside_;
  std::string fixed_inputs_;
  std::vector<std::int64_t> runs_;  ///< per layer, how often all networks run it
  std::mutex mutex_;
  std::vector<std::unique_ptr<Designer>> designers_;  ///< those that no thread uses
  Neighbours neighbours_;
  mutable std::mutex front_mutex_;
  GrowingFront front_;
};

}  // namespace tilepath::cli
