// Constraints: what a mapping must look like, any part left open. Several of them are a dataflow.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/mapping/nest.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath {

struct Constraint {
  enum class Kind : std::uint8_t {
    keep,   ///< `level` keeps each of `tensors`
    never,  ///< `level` keeps none of `tensors`
    lanes,  ///< over the fanout of `level` (on `axis` alone, if given) only `dimensions` are unrolled
    count,  ///< dimensions[0] has `count` lanes over the fanout of `level`; with an axis, all of them on that one
    tile,   ///< each storage node of `level` covers extents[i] iterations of dimensions[i], where that is relevant to its tensor;
            ///< with `tensors`: the nodes of these alone, relevant or not
    order,  ///< of the loops inside the outermost node of `level` and outside those of the next level inwards, those over
            ///< `dimensions` stand in this order, outermost first
  };
  enum class On : std::uint8_t { any, x, y };

  Kind kind = Kind::keep;
  int level = 0;
  std::vector<int> tensors;
  std::vector<int> dimensions;
  std::vector<std::int64_t> extents;
  std::int64_t count = 0;
  On axis = On::any;
  std::string text;  ///< as the user wrote it
  friend bool operator==(const Constraint&, const Constraint&) = default;
};

/// Whether a constraint on tiles says something of the node of tensor `t` along its k-th dimension.
bool concerns(const Constraint& tile, int t, std::size_t k, const Layer& layer);

/// Whether a mapping obeys a constraint. Requires legal(nest, layer, hierarchy).
bool obeys(const Nest& nest, const Constraint& constraint, const Layer& layer);

/// Two constraints that no mapping can obey both, or one that the architecture forbids, in words; empty if there are none that
/// are seen without a search.
std::string contradiction(const std::vector<Constraint>& constraints, const Layer& layer, const Hierarchy& hierarchy);

/// The hierarchy whose fanouts unroll only what the constraints allow.
Hierarchy narrowed(const Hierarchy& hierarchy, const std::vector<Constraint>& constraints, const Layer& layer);

}  // namespace tilepath
