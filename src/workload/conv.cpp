#include "tilepath/workload/conv.hpp"

#include <utility>

namespace tilepath {

Layer conv(std::string name, const ConvShape& shape, std::string type) {
  enum Dim : std::uint8_t { N, G, M, C, P, Q, R, S };
  Layer layer;
  layer.name = std::move(name);
  layer.type = std::move(type);
  layer.dimensions = {{"N", shape.n}, {"G", shape.g}, {"M", shape.m}, {"C", shape.c},
                      {"P", shape.p}, {"Q", shape.q}, {"R", shape.r}, {"S", shape.s}};
  const auto plain = [](Dim d) { return Rank{{d, 1}}; };
  const Rank height = {{P, shape.stride_h}, {R, shape.dilation_h}};
  const Rank width = {{Q, shape.stride_w}, {S, shape.dilation_w}};
  layer.tensors = {
      {"weights", Role::weights, {plain(G), plain(M), plain(C), plain(R), plain(S)}, shape.bits[0]},
      {"inputs", Role::inputs, {plain(N), plain(G), plain(C), height, width}, shape.bits[1]},
      {"outputs", Role::outputs, {plain(N), plain(G), plain(M), plain(P), plain(Q)}, shape.bits[2]},
  };
  check(layer);
  return layer;
}

}  // namespace tilepath
