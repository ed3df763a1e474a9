// Front ends: the usual layers as Einsums.
#pragma once

#include "tilepath/workload/layer.hpp"

namespace tilepath {

/// The numbers of a convolution, fully connected layer or matmul. All dimensions default to 1; M and C are per group.
/// A fully connected layer is M x C; a matmul has P rows, M columns, C to reduce and G independent batches.
struct ConvShape {
  std::int64_t n = 1, g = 1, m = 1, c = 1, p = 1, q = 1, r = 1, s = 1;
  std::int64_t stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  std::array<int, kRoles> bits = {0, 0, 0};  ///< precision per role; 0 = the level's
};

/// Dimensions N G M C P Q R S, in this order; tensors weights[G,M,C,R,S], inputs[N,G,C,H,W] with H = stride*P + dilation*R
/// (the padded input), outputs[N,G,M,P,Q]. Throws InputError when a number is out of range (see check(Layer)).
Layer conv(std::string name, const ConvShape& shape, std::string type = "conv");

}  // namespace tilepath
