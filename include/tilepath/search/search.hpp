// The search: the best mapping of a layer, with a proof that none in the mapspace is better. docs/search.md tells how.
#pragma once

#include <cstdint>
#include <limits>
#include <stop_token>
#include <string>
#include <vector>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/mapping/nest.hpp"
#include "tilepath/model/evaluation.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath {

/// What is to be least: energy; cycles (of equals, the one of least energy); energy x cycles; energy x cycles^2.
enum class Objective : std::uint8_t { energy, latency, edp, ed2p };
inline constexpr int kObjectives = 4;
std::string_view name_of(Objective objective);

/// What an objective makes of a mapping; smaller is better, the first figure before the second.
struct Score {
  double value = std::numeric_limits<double>::infinity();
  double tie = 0;
  friend auto operator<=>(const Score&, const Score&) = default;
};
Score score_of(Objective objective, double energy, double cycles);

/// Which counts need not divide (R9). None: perfect factors. Lanes: a fanout may deal a tile of a dimension in parts of unequal size to
/// its lanes, the last doing less or nothing; all other counts divide.
enum class Remainders : std::uint8_t { none, lanes };

/// Which nests are searched. In all of them: every dimension free to be unrolled on any axis that takes it, two
/// or more on one axis and one on both allowed; bypass free where `keeps` leaves it so; all loop orders. The spatial loops of a
/// fanout stand directly outside the storage nodes of the level below; a level that keeps nothing has no loops of its own.
/// A tensor whose delivery crosses two fanouts at once, with lanes of one of its halo ranks on the outer, has no loop of that
/// rank between the two. A part dealt to lanes is run through inside all storage nodes below them; one dimension is dealt over one fanout, and
/// one of a halo rank only where tiles are not kept sliding, have no boxes around them, and multicast is not `equal`.
struct Mapspace {
  /// Even: the storage nodes of a level stand together. Uneven: they may stand apart, loops between them.
  bool uneven = true;
  Remainders remainders = Remainders::lanes;
};

struct Certificate {
  bool proved = false;
  double lower_bound = 0;     ///< no mapping in the mapspace has an objective value below this
  double gap = 0;             ///< (value - lower_bound) / value
  std::string mapspace_size;  ///< how many nests the mapspace has, legal or not: an exact integer
  std::int64_t labels_kept = 0, labels_pruned = 0;
  std::int64_t jobs = 0, jobs_solved = 0;  ///< choices of lanes and keeps that were met; those not excluded by their bound alone
  double seconds = 0;
};

struct SearchOptions {
  Objective objective = Objective::edp;
  Mapspace mapspace;
  double time_limit = 0;  ///< seconds; 0 = none
};

struct SearchResult {
  Nest nest;
  Evaluation evaluation;
  Certificate certificate;
};

/// The mapping of least objective in the mapspace. With a time limit or a requested stop: the best found so far, not proved, with
/// its honest gap. The same answer whatever else runs. Throws NoLegalMapping with the reason when there is none.
SearchResult search(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options,
                    const std::stop_token& stop = {});

/// The number of nests in the mapspace, in decimal. Exact; loops of one iteration count as placed. O(dimensions x lanes).
std::string mapspace_size(const Layer& layer, const Hierarchy& hierarchy, const Mapspace& mapspace);

}  // namespace tilepath
