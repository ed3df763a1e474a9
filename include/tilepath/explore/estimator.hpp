// Energy and area of a memory of any size, from figures published for a few.
//
// Between two figures both are taken as powers of the capacity (straight lines on logarithmic axes), as memories scale; beyond
// the first and the last there is no answer unless one is asked for, and the last slope goes on. From one process to another,
// energy and area are scaled as Stillmaker and Baas measured (Integration 58, 2017). Nothing here knows a figure: tables do
// (estimators/*.json).
#pragma once

#include <map>
#include <string>
#include <vector>

namespace tilepath {

/// A kind of memory, as a table describes it.
struct MemoryKind {
  struct Energy {
    double bytes = 0, read_pj = 0, write_pj = 0;
  };
  struct Area {
    double bytes = 0, um2_per_byte = 0;
  };
  int ports = 1;
  std::string energy_node;            ///< nanometres of the process that the energies are of
  int width_bits = 0;                 ///< of the accesses that they are of; an access as wide as w takes w / width_bits of them,
  int width_low = 0, width_high = 0;  ///< for w in this range
  std::vector<Energy> energies;       ///< by bytes, ascending; empty: the table has none
  std::string area_node;
  std::vector<Area> areas;  ///< by bytes, ascending; empty: the table has none
};

/// How processes compare.
struct Scaling {
  std::map<std::string, double> energy;                       ///< per node, relative to any one of them
  std::map<std::string, std::map<std::string, double>> area;  ///< area at [to] of what is 1 at [from]: area[from][to]
};

struct EstimatorTable {
  std::string name;
  std::map<std::string, std::vector<MemoryKind>> kinds;  ///< by name; one entry per number of ports
  Scaling scaling;
};

/// A memory to estimate.
struct MemoryShape {
  std::string kind;
  double bytes = 0;
  int width_bits = 0;  ///< of an access
  int ports = 1;
  std::string node;  ///< nanometres of its process
  bool extrapolate = false;
};

/// Per access, in pJ. Throws InputError outside the table, naming its range.
struct AccessEnergy {
  double read_pj = 0, write_pj = 0;
};
AccessEnergy access_energy(const EstimatorTable& table, const MemoryShape& shape);
/// In mm2. Throws InputError outside the table, naming its range.
double area_mm2(const EstimatorTable& table, const MemoryShape& shape);

}  // namespace tilepath
