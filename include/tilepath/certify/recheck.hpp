// A second proof of an optimum, by another road than the search's: slower, plainer, and with the cost model as its only source of
// prices. docs/search.md tells both.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>

#include "tilepath/search/search.hpp"

namespace tilepath {

struct Recheck {
  bool finished = true;        ///< false: stopped, or past the time limit
  std::optional<Nest> better;  ///< a mapping in the mapspace that scores less: the bound is wrong
  std::int64_t jobs = 0;       ///< choices of lanes and keeps whose bound was recomputed one by one
  std::int64_t solved = 0;     ///< those that their bound did not exclude
  std::int64_t labels = 0;     ///< partial nests that were evaluated in them
};

/// Looks through the whole mapspace of `options` for a mapping whose objective value is less than `value`, up to rounding (one
/// part in 10^9). Uses neither the search's prices nor its lattice nor its bounds: a partial nest is scored by what `evaluate`
/// makes of it alone.
Recheck recheck(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options, double value,
                const std::stop_token& stop = {});

/// The same for one job alone, `solved.bound` being the value. Throws InputError also where it is no job of the mapspace.
Recheck recheck(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options, const SolvedJob& solved,
                const std::stop_token& stop = {});

}  // namespace tilepath
