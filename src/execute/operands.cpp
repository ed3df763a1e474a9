#include "tilepath/execute/operands.hpp"

#include "tilepath/base/quantity.hpp"

namespace tilepath {

namespace {

/// splitmix64 (Steele, Lea, Flood 2014): a full-period mix of a counter.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

/// The last two ranks of a padded convolution input are its rows and columns.
void zero_padding(const Layer& layer, const Tensor& tensor, Values& values) {
  if (layer.padding == Padding{} || tensor.ranks.size() < 2) return;
  const std::int64_t rows = rank_extent(layer, tensor.ranks[tensor.ranks.size() - 2]);
  const std::int64_t columns = rank_extent(layer, tensor.ranks.back());
  const Padding& pad = layer.padding;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto word = static_cast<std::int64_t>(i);
    const std::int64_t column = word % columns;
    const std::int64_t row = word / columns % rows;
    if (row < pad.top || row >= rows - pad.bottom || column < pad.left || column >= columns - pad.right) values[i] = 0;
  }
}

}  // namespace

std::int64_t box_words(const Layer& layer, const Tensor& tensor) {
  std::int64_t words = 1;
  for (const Rank& rank : tensor.ranks) words = checked_multiply(words, rank_extent(layer, rank));
  return words;
}

std::vector<Values> make_operands(const Layer& layer, std::uint64_t seed) {
  std::vector<Values> operands(layer.tensors.size());
  for (int t = 0; t < layer.output(); ++t) {
    const Tensor& tensor = layer.tensors[static_cast<std::size_t>(t)];
    Values& values = operands[static_cast<std::size_t>(t)];
    values.resize(static_cast<std::size_t>(box_words(layer, tensor)));
    const std::uint64_t stream = mix(seed + static_cast<std::uint64_t>(t));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int8_t>(mix(stream + i) & 0xffU);
    if (tensor.role == Role::inputs) zero_padding(layer, tensor, values);
  }
  return operands;
}

}  // namespace tilepath
