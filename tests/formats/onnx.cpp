// ONNX models against known totals, and single nodes against what ONNX says they do.
#include "tilepath/formats/onnx.hpp"

#include <doctest/doctest.h>

#include "support/run.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/formats/workload.hpp"

#ifdef TILEPATH_HAS_ONNX
#include <onnx/onnx_pb.h>

#include <filesystem>
#include <fstream>
#include <functional>

namespace tilepath::testing {

namespace {

using Shape = std::vector<std::int64_t>;

/// A model of one node.
class Model {
 public:
  Model(const std::string& type, const std::vector<Shape>& inputs) {
    model_.set_ir_version(8);
    auto& opset = *model_.add_opset_import();
    opset.set_version(13);
    auto& graph = *model_.mutable_graph();
    graph.set_name("one");
    node_ = graph.add_node();
    node_->set_op_type(type);
    node_->set_name("node");
    node_->add_output("out");
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::string name = "in" + std::to_string(i);
      node_->add_input(name);
      auto& input = *graph.add_input();
      input.set_name(name);
      auto& tensor = *input.mutable_type()->mutable_tensor_type();
      tensor.set_elem_type(onnx::TensorProto::FLOAT);
      for (const std::int64_t size : inputs[i]) {
        auto& dimension = *tensor.mutable_shape()->add_dim();
        if (size > 0)
          dimension.set_dim_value(size);
        else
          dimension.set_dim_param("batch");
      }
    }
    auto& output = *graph.add_output();
    output.set_name("out");
    output.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
  }
  Model& ints(const std::string& name, const Shape& values) {
    auto& attribute = *node_->add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) attribute.add_ints(value);
    return *this;
  }
  Model& integer(const std::string& name, std::int64_t value) {
    auto& attribute = *node_->add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::INT);
    attribute.set_i(value);
    return *this;
  }
  Model& text(const std::string& name, const std::string& value) {
    auto& attribute = *node_->add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::STRING);
    attribute.set_s(value);
    return *this;
  }
  [[nodiscard]] OnnxImport imported(const OnnxOptions& options = {}) const {
    const Scratch scratch;
    return import_onnx(scratch.file("one.onnx", model_.SerializeAsString()), options);
  }
  /// Its one layer.
  [[nodiscard]] Json layer() const {
    const OnnxImport result = imported();
    REQUIRE(result.workload["layers"].size() == 1);
    return result.workload["layers"][0];
  }

 private:
  onnx::ModelProto model_;
  onnx::NodeProto* node_ = nullptr;
};

/// Multiplications that a transposed convolution of one axis does, counted one by one.
std::int64_t transposed_macs(std::int64_t in, std::int64_t taps, std::int64_t stride, std::int64_t before, std::int64_t out) {
  std::int64_t count = 0;
  // Every output has the taps of its phase, at the edges as well: there they meet zeros of the padded input.
  for (std::int64_t o = 0; o < out; ++o)
    for (std::int64_t r = 0; r < taps; ++r) count += static_cast<std::int64_t>((o + before - r) % stride == 0 && in > 0);
  return count;
}

}  // namespace

TEST_CASE("onnx: MACs of published networks") {
  struct Known {
    const char* model;
    double macs;
  };
  // torchvision's and the papers' own totals for these input sizes; AlexNet's is Caffe's at 224 rows instead of 227.
  for (const Known& known : {Known{"light_resnet50", 4'089'184'256.0}, Known{"light_vgg19", 19'632'062'464.0},
                             Known{"light_squeezenet", 349'151'936.0}, Known{"light_bvlc_alexnet", 654'560'384.0}}) {
    const OnnxImport imported = import_onnx(std::string(TILEPATH_SOURCE_DATA) + "/tests/data/onnx/" + known.model + ".onnx", {});
    CHECK(imported.macs == known.macs);
    const Network network = read_workload({"imported", imported.workload});
    double all = 0;
    for (const Layer& layer : network.layers)
      if (layer.type != "einsum") all += static_cast<double>(macs(layer));
    CHECK(all == known.macs);
  }
}

TEST_CASE("onnx: ResNet-50 is the ready-made one, layer by layer") {
  const OnnxImport imported = import_onnx(std::string(TILEPATH_SOURCE_DATA) + "/tests/data/onnx/light_resnet50.onnx", {{}, true});
  const Network network = read_workload({"imported", imported.workload});
  const Network ours = read_workload(read_document(std::string(TILEPATH_SOURCE_DATA) + "/workloads/resnet50.json"));
  // Caffe's ResNet-50 has its strides in the 1x1 convolutions, torchvision's in the 3x3: the same number of layers.
  std::int64_t count = 0;
  for (const Layer& layer : ours.layers) count += layer.repeat;
  CHECK(static_cast<std::int64_t>(network.layers.size()) == count);
}

TEST_CASE("onnx: convolutions with groups, dilation, uneven and automatic padding") {
  Json layer = Model("Conv", {{2, 8, 20, 30}, {12, 4, 3, 5}})
                   .integer("group", 2)
                   .ints("strides", {2, 1})
                   .ints("dilations", {1, 2})
                   .ints("pads", {1, 0, 0, 3})
                   .layer();
  CHECK(layer["N"] == 2);
  CHECK(layer["G"] == 2);
  CHECK(layer["M"] == 6);
  CHECK(layer["C"] == 4);
  CHECK(layer["P"] == 10);
  CHECK(layer["Q"] == 25);
  CHECK(layer["padding"] == Json({1, 0, 0, 3}));
  layer = Model("Conv", {{1, 3, 7, 7}, {8, 3, 4, 4}}).text("auto_pad", "SAME_UPPER").ints("strides", {2, 2}).layer();
  CHECK(layer["P"] == 4);
  CHECK(layer["padding"] == Json({1, 1, 2, 2}));
  layer = Model("Conv", {{1, 3, 7, 7}, {8, 3, 4, 4}}).text("auto_pad", "SAME_LOWER").ints("strides", {2, 2}).layer();
  CHECK(layer["padding"] == Json({2, 2, 1, 1}));
  layer = Model("Conv", {{1, 16, 100}, {32, 16, 9}}).layer();
  CHECK(layer["P"] == 1);
  CHECK(layer["Q"] == 92);
  CHECK(layer["S"] == 9);
  layer = Model("Conv", {{1, 2, 8, 8, 8}, {4, 2, 3, 3, 3}}).layer();
  CHECK(layer["type"] == "einsum");
  CHECK(macs(read_layer(Cursor(Document{"layer", layer}))) == 4 * 2 * 6 * 6 * 6 * 27);
}

TEST_CASE("onnx: a transposed convolution is a convolution per phase, with no zeros between its inputs") {
  for (const std::int64_t stride : {1, 2, 3})
    for (const std::int64_t taps : {1, 2, 3, 4, 5})
      for (const std::int64_t before : {0, 1, 2}) {
        constexpr std::int64_t kIn = 6;
        const std::int64_t out = stride * (kIn - 1) + taps - 2 * before;
        if (out < 1) continue;
        const OnnxImport imported = Model("ConvTranspose", {{1, 3, kIn, kIn}, {3, 5, taps, taps}})
                                        .ints("strides", {stride, stride})
                                        .ints("pads", {before, before, before, before})
                                        .imported();
        const auto one = transposed_macs(kIn, taps, stride, before, out);
        CHECK(imported.macs == static_cast<double>(15 * one * one));
      }
}

TEST_CASE("onnx: products of matrices, plain, transposed, batched and broadcast") {
  Json layer = Model("Gemm", {{4, 100}, {10, 100}}).integer("transB", 1).layer();
  CHECK(layer["type"] == "fc");
  CHECK(layer["N"] == 4);
  CHECK(layer["M"] == 10);
  CHECK(layer["C"] == 100);
  layer = Model("MatMul", {{2, 12, 64, 32}, {2, 12, 32, 64}}).layer();
  CHECK(layer["G"] == 24);
  CHECK(layer["P"] == 64);
  CHECK(layer["M"] == 64);
  CHECK(layer["C"] == 32);
  layer = Model("MatMul", {{2, 128, 768}, {768, 3072}}).layer();
  CHECK(layer["P"] == 256);
  CHECK(!layer.contains("G"));
  layer = Model("MatMul", {{8, 16}, {5, 16, 4}}).layer();
  CHECK(layer["type"] == "einsum");
  CHECK(macs(read_layer(Cursor(Document{"layer", layer}))) == 5 * 8 * 16 * 4);
}

TEST_CASE("onnx: pooling and sums are Einsums that move words, what is skipped is named") {
  Json layer = Model("MaxPool", {{1, 8, 10, 10}}).ints("kernel_shape", {3, 3}).ints("strides", {2, 2}).layer();
  CHECK(layer["dimensions"]["P"] == 4);
  CHECK(layer["dimensions"]["R"] == 3);
  layer = Model("Add", {{1, 8, 10, 10}, {8, 1, 1}}).layer();
  CHECK(layer["tensors"][1]["ranks"] == Json({"B"}));
  CHECK(layer["tensors"][0]["ranks"] == Json({"B", "C", "D"}));
  CHECK_THROWS_AS((void)Model("Relu", {{1, 8}}).imported(), InputError);
  CHECK_THROWS_AS((void)Model("Add", {{1, 8}, {1, 8}}).imported({{}, true}), InputError);
}

TEST_CASE("onnx: an open dimension is asked for by its name, and a file that is no model is refused") {
  const Model model = Model("MatMul", {{0, 64}, {64, 32}});
  CHECK(model.imported({{{"batch", 7}}, false}).macs == 7 * 64 * 32);
  CHECK_THROWS_AS((void)model.imported(), InputError);
  CHECK_THROWS_AS((void)model.imported({{{"batch", 7}, {"other", 7}}, false}), InputError);
  const Scratch scratch;
  Ran ran = run("import onnx " + scratch.file("no.onnx", "this is no model"));
  CHECK(ran.code == 2);
  CHECK(ran.err == "tilepath: " + scratch.path("no.onnx") + ": is no ONNX model\n");
  ran = run("search " + std::string(TILEPATH_SOURCE_DATA) +
            "/tests/data/onnx/light_squeezenet.onnx --arch eyeriss-3level --remainders none");
  CHECK(ran.code == 0);
  CHECK(ran.out.find("light_squeezenet on eyeriss-3level") == 0);
  // A sweep names a model beside itself.
  std::filesystem::copy_file(std::string(TILEPATH_SOURCE_DATA) + "/tests/data/onnx/light_squeezenet.onnx",
                             scratch.path("net.onnx"));
  const std::string sweep = scratch.file("sweep.json", R"({"schema_version": 1, "name": "s", "arch": "eyeriss-3level",
 "workloads": ["net.onnx"], "mapspace": {"remainders": "none"}, "parameters": []})");
  CHECK(run("sweep run " + sweep + " -o " + scratch.path("out")).code == 0);
  CHECK(read_text(scratch.path("out/results.jsonl")).find("\"status\":\"done\"") != std::string::npos);
}

}  // namespace tilepath::testing
#endif
