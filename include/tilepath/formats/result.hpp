// Result files: what `search` writes, and plots, scripts and `verify` read. docs/formats.md.
//
// A result holds all that it takes to check it: the architecture and each layer in full, beside the mapping found. Counts are
// totals over all instances of a level, because that is what energy is paid for and what another tool's totals compare with.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tilepath/formats/document.hpp"
#include "tilepath/mapping/nest.hpp"
#include "tilepath/model/evaluation.hpp"
#include "tilepath/search/search.hpp"
#include "tilepath/verify/verify.hpp"

namespace tilepath {

/// What one constraint costs: the optimum without it, and how many times as much the optimum with it is.
struct ConstraintPrice {
  std::string constraint;
  double value_without = 0, factor = 1;
  bool proved = false;
};

struct LayerResult {
  Layer layer;
  SearchResult found;
  std::optional<CycleSplit> schedule;  ///< where a bandwidth is limited: without one it is `found`'s cycles
  std::optional<Verification> verification;
  std::optional<Front> front;
  std::vector<ConstraintPrice> prices;
};

struct NetworkResult {
  std::string workload;  ///< its name
  Json architecture;     ///< as read
  Hierarchy hierarchy;
  SearchOptions options;
  Json constraints;  ///< as read
  std::vector<LayerResult> layers;
};

struct Totals {
  double energy = 0;
  std::int64_t cycles = 0;
  std::int64_t macs = 0;
  [[nodiscard]] double edp() const { return energy * static_cast<double>(cycles); }
};
/// Sums over the layers, each as often as it is repeated; one after the other.
Totals totals_of(const NetworkResult& result);

/// `seconds`: with the fields that differ between runs.
Json to_json(const NetworkResult& result, std::string_view version, bool seconds);
Json to_json(const Evaluation& evaluation, const Layer& layer, const Hierarchy& hierarchy);
Json to_json(const Verification& verification, const Hierarchy& hierarchy, bool seconds);
/// {"cycles", "cycles_by_cause"} of a schedule.
Json schedule_to_json(const CycleSplit& schedule, const Hierarchy& hierarchy);
/// Cycles by cause; causes that cost nothing are left out.
Json to_json(const CycleSplit& split, const Hierarchy& hierarchy);

/// Which counts need not divide, by name.
Remainders remainders_of(const Cursor& cursor);

/// A layer and its mapping as a result file holds them, and what is claimed of it.
struct Claim {
  Layer layer;
  Hierarchy hierarchy;
  SearchOptions options;  ///< what was asked: objective, ceilings, mapspace, constraints
  Nest nest;
  Json evaluation, certificate;  ///< as claimed
  Json as_given;                 ///< the layer's whole entry
};
/// The schedule of a claim's mapping, if anything claimed depends on it.
std::optional<CycleSplit> schedule_of(const Claim& claim);
/// What the mapping costs, by the cycles that were asked for: those of its schedule (see schedule_of), or in closed form.
Evaluation evaluation_of(const Claim& claim, const std::optional<CycleSplit>& schedule);

/// The claims of a result file; throws InputError where it is not one or a mapping is not legal.
std::vector<Claim> read_result(const Document& document);

/// What a layer's entry says falsely of its layer and mapping (MACs, dimensions, dataflow, a verification that failed); empty
/// where all is true.
std::string false_fact(const Claim& claim);
/// Likewise of what the mapping costs, and of its schedule if one is claimed.
std::string false_cost(const Claim& claim, const Evaluation& evaluation, const std::optional<CycleSplit>& schedule);
/// Likewise of the totals over all layers.
std::string false_total(const Document& document, const std::vector<Claim>& claims);

/// The first key whose value is claimed otherwise than it is, in words that start with `where`; empty where all agree.
std::string false_claim(const Json& claimed, const Json& is, const std::string& where);

}  // namespace tilepath
