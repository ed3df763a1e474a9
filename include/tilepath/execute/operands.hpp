// The values that a verification runs on.
#pragma once

#include <cstdint>
#include <vector>

#include "tilepath/workload/layer.hpp"

namespace tilepath {

/// A tensor's values, row-major over the box of its ranks (rank_extent of each), holes of a stride included.
using Values = std::vector<std::int32_t>;

/// Pseudo-random values in -128..127 for each operand (index = tensor), the same on every machine; zeros in the padding of a
/// convolution's input. The output's entry is empty.
std::vector<Values> make_operands(const Layer& layer, std::uint64_t seed);

/// Words of a tensor's box.
std::int64_t box_words(const Layer& layer, const Tensor& tensor);

}  // namespace tilepath
