// Sweep files: which designs, networks and dataflows to explore. docs/sweeps.md; sweeps/sweep.schema.json.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tilepath/explore/estimator.hpp"
#include "tilepath/explore/grid.hpp"
#include "tilepath/formats/document.hpp"
#include "tilepath/formats/library.hpp"
#include "tilepath/search/search.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath {

/// What varies: places in the architecture, and the values that they have together.
struct SweepParameter {
  std::string name;
  std::vector<std::string> pointers;
  std::vector<Json> values;  ///< with several pointers, a list deals one value to each; any other value goes to all
};

/// An expression and where it stands in the file.
struct SweepExpression {
  std::string place, text;
};
/// A place in the architecture that follows from others.
struct SweepSetting {
  std::string pointer;
  SweepExpression value;
};

struct SweepDataflow {
  std::string name;
  std::optional<Document> constraints;  ///< none: mappings are free
};

/// Which levels' energy and area come from a table.
struct SweepEstimate {
  struct Memory {
    std::string level, kind;
    int width_bits = 0;  ///< of an access; 0: what the level says, word_bits x block_words
    int ports = 1;
  };
  EstimatorTable table;
  std::string node;
  bool extrapolate = false, energy = true, area = true;
  double mac_pj = 0;  ///< where the architecture counts in MACs
  std::vector<Memory> memories;
};

/// A level that is given all of the area that the rest leaves.
struct SweepFill {
  std::string level;
  SweepExpression area;
};

struct Sweep {
  Document file;  ///< resolved: it names no other file
  std::string name;
  Json arch;
  std::vector<Network> networks;
  std::vector<Layer> layers;                       ///< of all networks, equal problems once
  std::vector<std::vector<std::size_t>> layer_of;  ///< per network and layer, its index in `layers`
  std::vector<SweepDataflow> dataflows;
  SearchOptions options;
  std::vector<SweepParameter> parameters;
  std::vector<SweepSetting> settings;
  std::vector<SweepExpression> conditions;
  std::optional<SweepEstimate> estimate;
  std::optional<SweepFill> fill;
  bool front_only = false;

  /// Dataflows, then the parameters in the file's order; the last runs fastest.
  [[nodiscard]] Grid grid() const;
};

/// The sweep with every file that it names in its place. Paths are relative to the sweep's own folder, or to where tilepath runs.
Document resolved(const Document& sweep, const Library& library);

/// Reads a resolved sweep. Throws InputError with the place.
Sweep read_sweep(const Document& document);

/// What an architecture's numbers are called in expressions and records: /levels/1/fanout/x is GLB_fanout_x, where level 1 is
/// named GLB.
std::string name_of_place(const Json& arch, const std::string& pointer);
/// Every number of an architecture that has a name so: (name, pointer).
std::vector<std::pair<std::string, std::string>> named_places(const Json& arch);

}  // namespace tilepath
