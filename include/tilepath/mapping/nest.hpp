// A mapping is one loop nest with storage nodes: a list of nodes, outermost first.
//
//   store weights, inputs, outputs at DRAM
//   for M in 4
//     store inputs at GLB                      everything inside reuses this tile
//     spatial-for Q in 14 on x of GLB          across the instances of GLB's fanout
//       store weights at RF
//       for R in 7
//         compute
//
// Nothing else: per-level tilings, bypass, uneven nests and every dataflow are such lists.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath {

/// `store TENSORS at LEVEL`: the point at which a level keeps a tile of each of these tensors.
struct Store {
  std::vector<int> tensors;  ///< indices into Layer::tensors, ascending
  int level = 0;             ///< index into Hierarchy::levels
  friend bool operator==(const Store&, const Store&) = default;
};

/// `for DIM in COUNT`.
struct Loop {
  int dimension = 0;
  std::int64_t count = 1;
  friend bool operator==(const Loop&, const Loop&) = default;
};

/// `spatial-for DIM in COUNT on AXIS of FANOUT`.
struct SpatialLoop {
  int dimension = 0;
  std::int64_t count = 1;
  int fanout = 0;  ///< index of the level whose fanout it unrolls over
  Axis axis = Axis::x;
  friend bool operator==(const SpatialLoop&, const SpatialLoop&) = default;
};

/// `compute`: the multiply-accumulate, always last.
struct Compute {
  friend bool operator==(const Compute&, const Compute&) = default;
};

using Node = std::variant<Store, Loop, SpatialLoop, Compute>;

struct Nest {
  std::vector<Node> nodes;
  friend bool operator==(const Nest&, const Nest&) = default;
};

/// Extents of the iteration space per dimension.
using Extents = std::array<std::int64_t, kMaxDimensions>;

/// The extents inside each node: result[i][d] = what the loops after node i cover of dimension d; result[i] of a loop is the
/// extent of one iteration of it. ceil(bound / product of the counts up to and including i) (DESIGN: a tile extent).
std::vector<Extents> extents_inside(const Nest& nest, const Layer& layer);

/// The nest without loops of one iteration and with neighbouring loops of one dimension (temporal, or on one axis of one
/// fanout) joined where the outer one's tile is a whole number of the inner one's. That changes no count.
Nest simplified(const Nest& nest, const Layer& layer);

/// One line a node, indented, with each stored tile's shape and words: what `tilepath show` prints.
std::string to_text(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy);

/// What stays put where, in the field's words: "weight-stationary (RF), C x M on GLB", from the innermost storage nodes.
std::string dataflow_in_words(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy);

}  // namespace tilepath
