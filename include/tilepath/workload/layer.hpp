// A layer is an Einsum: an iteration space (dimensions with bounds), operands and one output, each rank of which is an
// affine sum of dimensions. A convolution, say, is
//
//   O[n,g,m,p,q] += W[g,m,c,r,s] * I[n,g,c, stride*p + dilation*r, stride*q + dilation*s]
//
// and nothing below this header knows that it is one: conv.hpp builds it, the model, the search and the executor see
// dimensions, tensors and ranks only. Vocabulary: docs/model.md.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tilepath {

inline constexpr int kMaxDimensions = 12;
inline constexpr int kMaxTensors = 6;
inline constexpr int kMaxRanks = 8;
/// The largest bound of a dimension: products of two stay far inside 64 bits.
inline constexpr std::int64_t kMaxBound = (std::int64_t{1} << 31) - 1;

/// What a hierarchy's per-tensor attributes (`keeps`, `partitions`, `word_bits`, …) call a tensor.
enum class Role : std::uint8_t { weights, inputs, outputs };
inline constexpr int kRoles = 3;
std::string_view name_of(Role role);

/// One axis of the iteration space; bound >= 1.
struct Dimension {
  std::string name;
  std::int64_t bound = 1;
  friend bool operator==(const Dimension&, const Dimension&) = default;
};

/// coefficient * dimension, a term of a rank; coefficient >= 1.
struct Term {
  int dimension = 0;
  std::int64_t coefficient = 1;
  friend bool operator==(const Term&, const Term&) = default;
};

/// One rank (axis) of a tensor: the sum of its terms.
using Rank = std::vector<Term>;

struct Tensor {
  std::string name;
  Role role = Role::inputs;
  std::vector<Rank> ranks;
  /// Bits of a word of this tensor; 0 = as wide as the level that holds it.
  int bits = 0;
  friend bool operator==(const Tensor&, const Tensor&) = default;
};

/// Rows and columns of zeros around a convolution's input: they are words of the input tensor like any other; only the
/// reference convolution and importers care where they lie.
struct Padding {
  std::int64_t top = 0, left = 0, bottom = 0, right = 0;
  friend bool operator==(const Padding&, const Padding&) = default;
};

struct Layer {
  std::string name;
  std::string type;  ///< conv, depthwise, fc, matmul or einsum: how the user wrote it
  std::vector<Dimension> dimensions;
  std::vector<Tensor> tensors;  ///< the operands, then the one output
  std::int64_t repeat = 1;      ///< how often the network runs it
  Padding padding;

  [[nodiscard]] int tensor_count() const { return static_cast<int>(tensors.size()); }
  [[nodiscard]] int dimension_count() const { return static_cast<int>(dimensions.size()); }
  /// The output's index: the last tensor.
  [[nodiscard]] int output() const { return tensor_count() - 1; }
  [[nodiscard]] bool is_output(int tensor) const { return tensor == output(); }
  /// Whether `dimension` occurs in a rank of `tensor`.
  [[nodiscard]] bool relevant(int tensor, int dimension) const;
  /// Index by name, or -1.
  [[nodiscard]] int find_dimension(std::string_view wanted) const;
  [[nodiscard]] int find_tensor(std::string_view wanted) const;
};

/// Multiply-accumulates of one run: the product of all bounds. Throws Overflow past 2^63.
std::int64_t macs(const Layer& layer);

/// The layer's extent along a rank of a tensor, holes included: 1 + sum of coefficient * (bound - 1).
std::int64_t rank_extent(const Layer& layer, const Rank& rank);

/// Whether two layers pose the same problem: all but name, type, repeat and padding are equal.
bool same_problem(const Layer& a, const Layer& b);

/// Throws InputError unless the layer keeps the invariants that everything below relies on: 1..kMaxDimensions dimensions
/// with distinct names and bounds in 1..kMaxBound; at least one operand; the output last and alone with role outputs;
/// every rank non-empty with positive coefficients; no dimension twice in one tensor; each rank of the output one plain
/// dimension; MACs below 2^62.
void check(const Layer& layer);

/// A network: layers in the order in which they run.
struct Network {
  std::string name;
  std::vector<Layer> layers;
};

}  // namespace tilepath
