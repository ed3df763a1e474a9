// The reference convolution against a library that nobody here wrote. In single precision, exact: with at most 1,000 products of
// two values in -128..127 a sum, everything stays below 2^24.
#include <doctest/doctest.h>

#include <oneapi/dnnl/dnnl.hpp>

#include "tilepath/execute/reference.hpp"
#include "tilepath/workload/conv.hpp"

namespace tilepath::testing {

namespace {

Values onednn(const Layer& layer, const ConvShape& s, const std::vector<Values>& operands) {
  using dnnl::memory;
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const std::int64_t h = rank_extent(layer, layer.tensors[1].ranks[3]);
  const std::int64_t w = rank_extent(layer, layer.tensors[1].ranks[4]);
  const memory::desc inputs({s.n, s.g * s.c, h, w}, memory::data_type::f32, memory::format_tag::nchw);
  const memory::desc weights({s.g, s.m, s.c, s.r, s.s}, memory::data_type::f32, memory::format_tag::goihw);
  const memory::desc outputs({s.n, s.g * s.m, s.p, s.q}, memory::data_type::f32, memory::format_tag::nchw);
  const auto floats = [](const Values& values) { return std::vector<float>(values.begin(), values.end()); };
  std::vector<float> in = floats(operands[1]);
  std::vector<float> filter = floats(operands[0]);
  std::vector<float> out(static_cast<std::size_t>(s.n * s.g * s.m * s.p * s.q));
  const dnnl::convolution_forward::desc what(dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, inputs,
                                             weights, outputs, {s.stride_h, s.stride_w}, {s.dilation_h - 1, s.dilation_w - 1},
                                             {0, 0}, {0, 0});
  dnnl::convolution_forward(dnnl::convolution_forward::primitive_desc(what, engine))
      .execute(stream, {{DNNL_ARG_SRC, memory(inputs, engine, in.data())},
                        {DNNL_ARG_WEIGHTS, memory(weights, engine, filter.data())},
                        {DNNL_ARG_DST, memory(outputs, engine, out.data())}});
  stream.wait();
  return {out.begin(), out.end()};
}

}  // namespace

TEST_CASE("reference: convolutions equal oneDNN's, value for value") {
  const ConvShape shapes[] = {
      {.m = 16, .c = 3, .p = 28, .q = 28, .r = 7, .s = 7, .stride_h = 2, .stride_w = 2},
      {.m = 32, .c = 64, .p = 14, .q = 14, .r = 3, .s = 3},
      {.n = 2, .g = 4, .m = 3, .c = 5, .p = 9, .q = 7, .r = 3, .s = 5, .stride_h = 3, .stride_w = 1},
      {.m = 5, .c = 8, .p = 6, .q = 11, .r = 3, .s = 2, .dilation_h = 2, .dilation_w = 3},
      {.g = 32, .p = 13, .q = 13, .r = 3, .s = 3, .stride_h = 2, .stride_w = 2},  // depthwise
      {.n = 3, .m = 100, .c = 1000},                                              // fully connected
      {.m = 64, .c = 256, .p = 7, .q = 7, .stride_h = 2, .stride_w = 2},          // stride past the filter
  };
  for (const ConvShape& shape : shapes) {
    const Layer layer = conv("layer", shape);
    const std::vector<Values> operands = make_operands(layer, 7);
    CHECK(reference(layer, operands) == onednn(layer, shape, operands));
  }
}

}  // namespace tilepath::testing
