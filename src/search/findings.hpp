// What searches of one layer on one hierarchy have found out that holds whatever is to be least.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "lattice.hpp"
#include "prices.hpp"
#include "tilepath/search/search.hpp"

namespace tilepath {

/// What is known of all jobs of one choice of lanes.
struct Finding {
  search_detail::Least least;
  std::optional<Nest> best;  ///< the mapping of least energy, where all of them take the same cycles
  double energy = 0;         ///< of it
};

struct Findings::State {
  std::map<search_detail::Job, Finding> jobs;  ///< by their lanes
  std::map<std::pair<search_detail::Outer, search_detail::Nearest>, double> outer_energy;
  std::vector<Nest> nests;  ///< what searches came to, proved or not
};

}  // namespace tilepath
