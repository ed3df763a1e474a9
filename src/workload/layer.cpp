#include "tilepath/workload/layer.hpp"

#include <algorithm>
#include <set>

#include "tilepath/base/quantity.hpp"

namespace tilepath {

std::string_view name_of(Role role) {
  constexpr std::array<std::string_view, kRoles> kNames = {"weights", "inputs", "outputs"};
  return kNames.at(static_cast<std::size_t>(role));
}

bool Layer::relevant(int tensor, int dimension) const {
  const auto& ranks = tensors[static_cast<std::size_t>(tensor)].ranks;
  return std::any_of(ranks.begin(), ranks.end(), [dimension](const Rank& rank) {
    return std::any_of(rank.begin(), rank.end(), [dimension](const Term& term) { return term.dimension == dimension; });
  });
}

int Layer::find_dimension(std::string_view wanted) const {
  for (int d = 0; d < dimension_count(); ++d)
    if (dimensions[static_cast<std::size_t>(d)].name == wanted) return d;
  return -1;
}

int Layer::find_tensor(std::string_view wanted) const {
  for (int t = 0; t < tensor_count(); ++t)
    if (tensors[static_cast<std::size_t>(t)].name == wanted) return t;
  return -1;
}

std::int64_t macs(const Layer& layer) {
  std::int64_t product = 1;
  for (const Dimension& dimension : layer.dimensions) product = checked_multiply(product, dimension.bound);
  return product;
}

std::int64_t rank_extent(const Layer& layer, const Rank& rank) {
  std::int64_t extent = 1;
  for (const Term& term : rank) {
    const std::int64_t last = layer.dimensions[static_cast<std::size_t>(term.dimension)].bound - 1;
    extent = checked_add(extent, checked_multiply(term.coefficient, last));
  }
  return extent;
}

bool same_problem(const Layer& a, const Layer& b) { return a.dimensions == b.dimensions && a.tensors == b.tensors; }

namespace {

[[noreturn]] void reject(const Layer& layer, const std::string& why) { throw InputError("layer '" + layer.name + "': " + why); }

void check_dimensions(const Layer& layer) {
  if (layer.dimensions.empty()) reject(layer, "has no dimensions");
  if (layer.dimension_count() > kMaxDimensions)
    reject(layer, "has " + std::to_string(layer.dimension_count()) + " dimensions; at most " + std::to_string(kMaxDimensions));
  std::set<std::string_view> names;
  for (const Dimension& dimension : layer.dimensions) {
    if (!names.insert(dimension.name).second) reject(layer, "names dimension '" + dimension.name + "' twice");
    if (dimension.bound < 1 || dimension.bound > kMaxBound)
      reject(layer, "dimension " + dimension.name + " is " + std::to_string(dimension.bound) + "; allowed is 1 to " +
                        std::to_string(kMaxBound));
  }
}

void check_tensor(const Layer& layer, const Tensor& tensor, bool output) {
  const std::string who = "tensor '" + tensor.name + "' ";
  if ((tensor.role == Role::outputs) != output)
    reject(layer,
           who + (output ? "is the output and must have the role outputs" : "is an operand and cannot have the role outputs"));
  if (static_cast<int>(tensor.ranks.size()) > kMaxRanks)
    reject(layer, who + "has more than " + std::to_string(kMaxRanks) + " ranks");
  std::set<int> seen;
  for (const Rank& rank : tensor.ranks) {
    if (rank.empty()) reject(layer, who + "has an empty rank");
    if (output && (rank.size() != 1 || rank.front().coefficient != 1))
      reject(layer, who + "is the output: each of its ranks must be one plain dimension");
    for (const Term& term : rank) {
      if (term.dimension < 0 || term.dimension >= layer.dimension_count()) reject(layer, who + "names no known dimension");
      if (term.coefficient < 1 || term.coefficient > kMaxBound)
        reject(layer, who + "has coefficient " + std::to_string(term.coefficient) + "; it must be a positive integer below 2^31");
      if (!seen.insert(term.dimension).second)
        reject(layer, who + "uses dimension " + layer.dimensions[static_cast<std::size_t>(term.dimension)].name +
                          " twice; each may occur once in a tensor");
    }
  }
}

}  // namespace

void check(const Layer& layer) {
  check_dimensions(layer);
  if (layer.tensor_count() < 2) reject(layer, "needs at least one operand and an output");
  if (layer.tensor_count() > kMaxTensors) reject(layer, "has more than " + std::to_string(kMaxTensors) + " tensors");
  std::set<std::string_view> names;
  for (int t = 0; t < layer.tensor_count(); ++t) {
    const Tensor& tensor = layer.tensors[static_cast<std::size_t>(t)];
    if (!names.insert(tensor.name).second) reject(layer, "names tensor '" + tensor.name + "' twice");
    check_tensor(layer, tensor, layer.is_output(t));
  }
  if (layer.repeat < 1) reject(layer, "repeat must be at least 1");
  try {
    if (macs(layer) >= (std::int64_t{1} << 62)) throw Overflow("");
    for (const Tensor& tensor : layer.tensors) {
      std::int64_t words = 1;
      for (const Rank& rank : tensor.ranks) words = checked_multiply(words, rank_extent(layer, rank));
    }
  } catch (const Overflow&) {
    throw Overflow("layer '" + layer.name + "': the product of its dimensions passes 2^62; the problem is too large");
  }
}

}  // namespace tilepath
