// The parts of a Timeloop specification, and what they share. One file a part: problem, architecture, directives (constraints and
// mappings are lists of them).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tilepath/formats/document.hpp"
#include "tilepath/formats/timeloop.hpp"

namespace tilepath::timeloop {

using Remarks = std::vector<std::string>;
/// A key that is not among `known` is refused where it looks like a slip of one of them, and named in the remarks where not.
void expect_known(const Cursor& cursor, const std::vector<std::string>& known, Remarks& remarks);

/// A problem as a layer of ours, and what its data spaces are called there.
struct Problem {
  Json layer;
  std::map<std::string, std::string> tensors;  ///< data space -> tensor
  std::map<std::string, std::int64_t> bounds;
  std::map<std::string, std::string> renamed;  ///< dimension there -> here
};
/// `shape` is where the problem's own is missing, say in the file of a common shape.
Problem read_problem(const Cursor& problem, const std::optional<Cursor>& shape, const std::string& name, Remarks& remarks);
Json problem_of(const Layer& layer);
/// What a tensor is called in problem_of.
std::string space_of(const Layer& layer, int tensor);

/// What a directive's target is here: a level (-1: a spatial container or dummy level), and the level whose fanout its lanes are
/// (-1: none), on which axis if there is but one.
struct Target {
  int level = -1;
  int fanout = -1;
  std::string axis;
};
struct Architecture {
  Json json;
  std::vector<std::string> levels;
  std::map<std::string, Target> targets;
  std::vector<std::pair<std::string, Cursor>> constraints;  ///< of v0.4 components: target, its `constraints`
  std::vector<std::string> alone;                           ///< components side by side in a !Parallel: each keeps only its own
  std::string called;                                       ///< what the files call it
};
struct EnergyTables {
  std::optional<Cursor> energies, areas;  ///< ERT, ART
};
Architecture read_architecture(const Cursor& architecture, const EnergyTables& tables, const TimeloopImportOptions& options,
                               Remarks& remarks);
/// The name of a fanout's container, and its target's.
std::string lanes_below(const Level& level);
std::string lanes_target(const Level& level, TimeloopVersion version);
/// Keys: architecture, ERT, ART.
Json architecture_of(const Hierarchy& hierarchy, TimeloopVersion version);

/// One entry of a mapping or of constraints.
struct Directive {
  enum class Kind : std::uint8_t { temporal, spatial, keeps };
  Kind kind = Kind::temporal;
  std::string target;
  std::vector<std::pair<std::string, std::int64_t>> factors;  ///< 0: what is left
  std::vector<std::string> permutation;                       ///< innermost first
  std::optional<std::int64_t> split;                          ///< so many of the permutation on x, the rest on y
  std::vector<std::string> keep, bypass;                      ///< data spaces
  Cursor where;

  [[nodiscard]] std::optional<std::int64_t> factor(const std::string& dimension) const;
};
/// A list of directives, or an object with them under `targets`.
std::vector<Directive> read_directives(const Cursor& list, Remarks& remarks);
/// Those of v0.4 components.
std::vector<Directive> read_node_constraints(const Architecture& architecture, Remarks& remarks);

/// The nodes of a mapping.
Json mapping_of(std::vector<Directive> directives, const Architecture& architecture, const Problem& problem);
/// Statements of a dataflow.
Json statements_of(const std::vector<Directive>& directives, const Architecture& architecture, const Problem& problem,
                   Remarks& remarks);

/// A mapping as directives; throws InputError where Timeloop cannot say it.
Json directives_of(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy, TimeloopVersion version);
/// Statements as directives, and those that Timeloop cannot say.
struct Constraints {
  Json directives = Json::array(), unsaid = Json::array();
};
Constraints directives_of(const Json& statements, const Layer& layer, const Hierarchy& hierarchy, TimeloopVersion version);
/// What the levels must and must not keep.
Json keeps_of(const Hierarchy& hierarchy, const Layer* layer);

}  // namespace tilepath::timeloop
