#include "tilepath/formats/onnx.hpp"

#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <set>

#include "tilepath/base/error.hpp"
#include "tilepath/base/quantity.hpp"
#include "tilepath/base/suggest.hpp"
#include "tilepath/formats/workload.hpp"

namespace tilepath {

namespace {

using Shape = std::vector<std::int64_t>;

std::int64_t product(const Shape& shape, std::size_t first = 0, std::size_t end = SIZE_MAX) {
  std::int64_t all = 1;
  for (std::size_t i = first; i < std::min(end, shape.size()); ++i) all = checked_multiply(all, shape[i]);
  return all;
}

onnx::ModelProto read_model(const std::string& path) {
  const google::protobuf::LogSilencer quiet;  // what is wrong is said once, by us
  std::ifstream in(path, std::ios::binary);
  if (!in) throw InputError(path + ": cannot be read");
  google::protobuf::io::IstreamInputStream stream(&in);
  onnx::ModelProto model;
  if (!model.ParseFromZeroCopyStream(&stream) || !model.has_graph() || model.graph().node_size() == 0)
    throw InputError(path + ": is no ONNX model");
  return model;
}

/// Puts sizes in place of the model's open dimensions; throws where one has none.
void close_dimensions(onnx::ModelProto& model, const std::string& path, const OnnxOptions& options) {
  std::set<std::string> weights;
  for (const auto& tensor : model.graph().initializer()) weights.insert(tensor.name());
  std::set<std::string> used;
  std::vector<std::string> open;
  for (auto& input : *model.mutable_graph()->mutable_input()) {
    if (weights.contains(input.name()) || !input.type().has_tensor_type()) continue;
    auto& type = *input.mutable_type()->mutable_tensor_type();
    for (int axis = 0; axis < type.shape().dim_size(); ++axis) {
      auto& dimension = *type.mutable_shape()->mutable_dim(axis);
      if (dimension.has_dim_value() && dimension.dim_value() > 0) continue;
      const std::string name = dimension.has_dim_param() && !dimension.dim_param().empty()
                                   ? dimension.dim_param()
                                   : input.name() + "." + std::to_string(axis);
      if (const auto given = options.dimensions.find(name); given != options.dimensions.end()) {
        dimension.set_dim_value(given->second);
        used.insert(name);
      } else if (std::find(open.begin(), open.end(), name) == open.end()) {
        open.push_back(name);
      }
    }
  }
  if (!open.empty()) {
    std::string all;
    for (const std::string& name : open) all += " --dim " + name + "=N";
    throw InputError(path + ": the model leaves dimensions open; say how large they are: tilepath import onnx " + path + all);
  }
  for (const auto& [name, size] : options.dimensions)
    if (!used.contains(name)) throw InputError("--dim " + name + ": '" + path + "' has no open dimension of this name");
}

/// Shapes of all tensors that the inference knows.
std::map<std::string, Shape> shapes_of(const onnx::GraphProto& graph) {
  std::map<std::string, Shape> shapes;
  const auto add = [&](const onnx::ValueInfoProto& value) {
    if (!value.type().has_tensor_type() || !value.type().tensor_type().has_shape()) return;
    Shape shape;
    for (const auto& dimension : value.type().tensor_type().shape().dim()) {
      if (!dimension.has_dim_value()) return;
      shape.push_back(dimension.dim_value());
    }
    shapes[value.name()] = std::move(shape);
  };
  for (const auto& value : graph.input()) add(value);
  for (const auto& value : graph.value_info()) add(value);
  for (const auto& value : graph.output()) add(value);
  for (const auto& tensor : graph.initializer()) shapes[tensor.name()] = Shape(tensor.dims().begin(), tensor.dims().end());
  return shapes;
}

/// One node, with the shapes of what goes in and out.
class Node {
 public:
  Node(const onnx::NodeProto& node, const std::map<std::string, Shape>& shapes) : node_(node), shapes_(shapes) {}

  [[nodiscard]] const std::string& type() const { return node_.op_type(); }
  [[nodiscard]] std::string name() const {
    return !node_.name().empty() ? node_.name() : node_.output_size() > 0 ? node_.output(0) : type();
  }
  [[nodiscard]] const Shape* input(int i) const { return i < node_.input_size() ? shape(node_.input(i)) : nullptr; }
  [[nodiscard]] const Shape* output() const { return node_.output_size() > 0 ? shape(node_.output(0)) : nullptr; }
  [[nodiscard]] std::int64_t integer(const char* key, std::int64_t otherwise) const {
    const auto* found = attribute(key);
    return found == nullptr ? otherwise : found->i();
  }
  [[nodiscard]] std::string text(const char* key) const {
    const auto* found = attribute(key);
    return found == nullptr ? "" : found->s();
  }
  /// A list of `count` integers.
  [[nodiscard]] Shape integers(const char* key, std::size_t count, std::int64_t otherwise) const {
    const auto* found = attribute(key);
    Shape values = found == nullptr ? Shape() : Shape(found->ints().begin(), found->ints().end());
    values.resize(count, otherwise);
    return values;
  }
  [[nodiscard]] double words() const {
    double all = 0;
    for (const auto& name : node_.input())
      if (const Shape* each = shape(name)) all += static_cast<double>(product(*each));
    for (const auto& name : node_.output())
      if (const Shape* each = shape(name)) all += static_cast<double>(product(*each));
    return all;
  }

 private:
  [[nodiscard]] const Shape* shape(const std::string& tensor) const {
    const auto found = shapes_.find(tensor);
    return found == shapes_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] const onnx::AttributeProto* attribute(const char* key) const {
    for (const auto& each : node_.attribute())
      if (each.name() == key) return &each;
    return nullptr;
  }

  const onnx::NodeProto& node_;
  const std::map<std::string, Shape>& shapes_;
};

/// A window that slides: filter or pool.
struct Window {
  Shape size, stride, dilation, before, after;  ///< per spatial axis; zeros before and after
};

/// ONNX's `pads` and `auto_pad`. SAME pads for outputs of ceil(input / stride).
Window window_of(const Node& node, const Shape& in, const Shape& size) {
  const std::size_t axes = size.size();
  Window window{size, node.integers("strides", axes, 1), node.integers("dilations", axes, 1), Shape(axes, 0), Shape(axes, 0)};
  const std::string automatic = node.text("auto_pad");
  const Shape pads = node.integers("pads", 2 * axes, 0);
  for (std::size_t a = 0; a < axes; ++a) {
    if (automatic.empty() || automatic == "NOTSET") {
      window.before[a] = pads[a];
      window.after[a] = pads[axes + a];
    } else if (automatic.starts_with("SAME")) {
      const std::int64_t out = ceil_divide(in[2 + a], window.stride[a]);
      const std::int64_t covered = (out - 1) * window.stride[a] + (size[a] - 1) * window.dilation[a] + 1;
      const std::int64_t all = std::max<std::int64_t>(0, covered - in[2 + a]);
      window.before[a] = automatic == "SAME_LOWER" ? all - all / 2 : all / 2;
      window.after[a] = all - window.before[a];
    }
  }
  return window;
}

/// What a node becomes: layers, or a reason why not.
struct Made {
  std::vector<Json> layers;
  std::string why;
};

Made no(std::string why) { return {{}, std::move(why)}; }

Json pair_or_one(const Shape& values) { return values.size() == 1 ? Json::array({1, values[0]}) : Json(values); }

/// The last two axes of a shape of two or more spatial ones; of a single one, a row.
Json conv_layer(const std::string& name, const Shape& out, std::int64_t groups, std::int64_t c_per_group, const Window& window) {
  const std::size_t axes = window.size.size();
  Json layer = {{"name", name}, {"type", "conv"}, {"N", out[0]}, {"G", groups}, {"M", out[1] / groups}, {"C", c_per_group}};
  layer["P"] = axes == 1 ? 1 : out[2];
  layer["Q"] = out.back();
  layer["R"] = axes == 1 ? 1 : window.size[0];
  layer["S"] = window.size.back();
  layer["stride"] = pair_or_one(window.stride);
  layer["dilation"] = pair_or_one(window.dilation);
  if (axes == 1)
    layer["padding"] = {0, window.before[0], 0, window.after[0]};
  else
    layer["padding"] = {window.before[0], window.before[1], window.after[0], window.after[1]};
  return layer;
}

/// One with three spatial axes: an Einsum.
Json volume_layer(const std::string& name, const Shape& out, std::int64_t groups, std::int64_t c, const Window& window) {
  Json dimensions = {{"N", out[0]}, {"G", groups}, {"M", out[1] / groups}, {"C", c}};
  Json in = {"N", "G", "C"};
  Json weights = {"G", "M", "C"};
  Json outputs = {"N", "G", "M"};
  const char* places[] = {"O", "P", "Q"};
  const char* taps[] = {"T", "R", "S"};
  for (std::size_t a = 0; a < 3; ++a) {
    dimensions[places[a]] = out[2 + a];
    dimensions[taps[a]] = window.size[a];
    in.push_back(std::to_string(window.stride[a]) + "*" + places[a] + " + " + std::to_string(window.dilation[a]) + "*" + taps[a]);
    weights.push_back(taps[a]);
    outputs.push_back(places[a]);
  }
  return {{"name", name},
          {"type", "einsum"},
          {"dimensions", dimensions},
          {"tensors",
           {{{"name", "weights"}, {"role", "weights"}, {"ranks", weights}},
            {{"name", "inputs"}, {"role", "inputs"}, {"ranks", in}},
            {{"name", "outputs"}, {"role", "outputs"}, {"ranks", outputs}, {"output", true}}}}};
}

Made conv(const Node& node) {
  const Shape* in = node.input(0);
  const Shape* weights = node.input(1);
  const Shape* out = node.output();
  if (in == nullptr || weights == nullptr || out == nullptr) return no("its shapes are not known");
  const std::size_t axes = weights->size() - 2;
  const std::int64_t groups = node.integer("group", 1);
  const Window window = window_of(node, *in, Shape(weights->begin() + 2, weights->end()));
  if (axes == 1 || axes == 2) return {{conv_layer(node.name(), *out, groups, (*weights)[1], window)}, ""};
  if (axes == 3) return {{volume_layer(node.name(), *out, groups, (*weights)[1], window)}, ""};
  return no("it has " + std::to_string(axes) + " spatial axes");
}

/// What ONNX crops of a transposed convolution's output before its first word: its pads, or what `auto_pad` leaves to crop.
Shape zeros_before_transposed(const Node& node, const Shape& in, const Shape& weights, const Shape& out) {
  const std::size_t axes = weights.size() - 2;
  Shape before = node.integers("pads", 2 * axes, 0);
  before.resize(axes);
  const std::string automatic = node.text("auto_pad");
  const Shape stride = node.integers("strides", axes, 1);
  const Shape more = node.integers("output_padding", axes, 0);
  for (std::size_t a = 0; a < axes && automatic.starts_with("SAME"); ++a) {
    const std::int64_t all = std::max<std::int64_t>(0, stride[a] * (in[2 + a] - 1) + more[a] + weights[2 + a] - out[2 + a]);
    before[a] = automatic == "SAME_LOWER" ? all - all / 2 : all / 2;
  }
  return before;
}

/// Outputs of one phase of the stride see the same taps of the filter: each phase is a plain convolution, with no zeros
/// multiplied.
Made conv_transpose(const Node& node) {
  const Shape* in = node.input(0);
  const Shape* weights = node.input(1);  // C x M/groups x taps
  const Shape* out = node.output();
  if (in == nullptr || weights == nullptr || out == nullptr) return no("its shapes are not known");
  const std::size_t axes = weights->size() - 2;
  if (axes != 1 && axes != 2) return no("it has " + std::to_string(axes) + " spatial axes");
  const std::int64_t groups = node.integer("group", 1);
  const Shape stride = node.integers("strides", axes, 1);
  for (const std::int64_t each : node.integers("dilations", axes, 1))
    if (each != 1) return no("it is dilated");
  // Output o gets tap r of input i where o + before = stride * i + r: the outputs of one phase, (o + before) mod stride, share
  // taps.
  struct Phase {
    std::int64_t taps, outputs;
  };
  const Shape before = zeros_before_transposed(node, *in, *weights, *out);
  std::vector<std::vector<Phase>> phases;
  for (std::size_t a = 0; a < axes; ++a) {
    phases.emplace_back();
    for (std::int64_t phase = 0; phase < stride[a]; ++phase) {
      const std::int64_t first = (phase + stride[a] * before[a] - before[a]) % stride[a];
      const std::int64_t taps = (*weights)[2 + a] - phase;
      const std::int64_t outputs = (*out)[2 + a] - first;
      if (taps > 0 && outputs > 0) phases.back().push_back({ceil_divide(taps, stride[a]), ceil_divide(outputs, stride[a])});
    }
  }
  Made made;
  if (axes == 1) phases.insert(phases.begin(), {{1, 1}});
  for (std::size_t i = 0; i < phases[0].size(); ++i)
    for (std::size_t j = 0; j < phases[1].size(); ++j)
      made.layers.push_back({{"name", node.name() + ".phase" + std::to_string(i) + "." + std::to_string(j)},
                             {"type", "conv"},
                             {"N", (*out)[0]},
                             {"G", groups},
                             {"M", (*weights)[1]},
                             {"C", (*weights)[0] / groups},
                             {"P", phases[0][i].outputs},
                             {"Q", phases[1][j].outputs},
                             {"R", phases[0][i].taps},
                             {"S", phases[1][j].taps}});
  return made;
}

Made gemm(const Node& node) {
  const Shape* a = node.input(0);
  const Shape* out = node.output();
  if (a == nullptr || out == nullptr || a->size() != 2 || out->size() != 2) return no("its shapes are not known");
  return {{{{"name", node.name()},
            {"type", "fc"},
            {"N", (*out)[0]},
            {"M", (*out)[1]},
            {"C", node.integer("transA", 0) != 0 ? (*a)[0] : (*a)[1]}}},
          ""};
}

/// A (batches) x P x C times B (batches) x C x M. Batches that B lacks are more rows; those that A lacks are an Einsum's.
Made matmul(const Node& node) {
  const Shape* a = node.input(0);
  const Shape* b = node.input(1);
  if (a == nullptr || b == nullptr || a->empty() || b->empty()) return no("its shapes are not known");
  Shape left = *a;
  Shape right = *b;
  if (left.size() == 1) left.insert(left.begin(), 1);
  if (right.size() == 1) right.push_back(1);
  const std::int64_t rows = left[left.size() - 2];
  const std::int64_t inner = left.back();
  const std::int64_t columns = right.back();
  const std::int64_t left_batches = product(left, 0, left.size() - 2);
  const std::int64_t right_batches = product(right, 0, right.size() - 2);
  Json layer = {{"name", node.name()}, {"type", "matmul"}};
  if (right_batches == 1) {
    layer.update({{"P", checked_multiply(left_batches, rows)}, {"M", columns}, {"C", inner}});
  } else if (left_batches == right_batches) {
    layer.update({{"G", left_batches}, {"P", rows}, {"M", columns}, {"C", inner}});
  } else if (left_batches == 1) {
    layer = {{"name", node.name()},
             {"type", "einsum"},
             {"dimensions", {{"G", right_batches}, {"P", rows}, {"M", columns}, {"C", inner}}},
             {"tensors",
              {{{"name", "inputs"}, {"ranks", {"P", "C"}}},
               {{"name", "weights"}, {"role", "weights"}, {"ranks", {"G", "C", "M"}}},
               {{"name", "outputs"}, {"role", "outputs"}, {"ranks", {"G", "P", "M"}}, {"output", true}}}}};
  } else {
    return no("its batches are broadcast both ways");
  }
  return {{layer}, ""};
}

/// Sums and maxima over windows: an Einsum of one operand.
Made pool(const Node& node) {
  const Shape* in = node.input(0);
  const Shape* out = node.output();
  if (in == nullptr || out == nullptr || in->size() != 4 || out->size() != 4)
    return no("it is not over rows and columns of known shape");
  const bool global = node.type().starts_with("Global");
  const Shape size = global ? Shape{(*in)[2], (*in)[3]} : node.integers("kernel_shape", 2, 1);
  const Window window = window_of(node, *in, size);
  const auto rank = [&](std::size_t a, const char* place, const char* tap) {
    return std::to_string(window.stride[a]) + "*" + place + " + " + std::to_string(window.dilation[a]) + "*" + tap;
  };
  return {
      {{{"name", node.name()},
        {"type", "einsum"},
        {"dimensions", {{"N", (*out)[0]}, {"G", (*out)[1]}, {"P", (*out)[2]}, {"Q", (*out)[3]}, {"R", size[0]}, {"S", size[1]}}},
        {"tensors",
         {{{"name", "inputs"}, {"ranks", {"N", "G", rank(0, "P", "R"), rank(1, "Q", "S")}}},
          {{"name", "outputs"}, {"role", "outputs"}, {"ranks", {"N", "G", "P", "Q"}}, {"output", true}}}}}},
      ""};
}

/// Two operands, element by element; an operand that is broadcast over an axis lacks it.
Made elementwise(const Node& node) {
  const Shape* a = node.input(0);
  const Shape* b = node.input(1);
  const Shape* out = node.output();
  if (a == nullptr || b == nullptr || out == nullptr) return no("its shapes are not known");
  if (out->empty() || out->size() > 6 || node.input(2) != nullptr) return no("it has no element by element form of two operands");
  Json dimensions;
  Json all = Json::array();
  for (std::size_t i = 0; i < out->size(); ++i) {
    const std::string name(1, static_cast<char>('A' + i));
    dimensions[name] = (*out)[i];
    all.push_back(name);
  }
  const auto ranks = [&](const Shape& shape) {
    Json names = Json::array();
    for (std::size_t i = 0; i < shape.size(); ++i)
      if (shape[i] != 1) names.push_back(all[out->size() - shape.size() + i]);
    if (names.empty()) names.push_back(all[0]);  // a single number: as if it were one an axis
    return names;
  };
  return {{{{"name", node.name()},
            {"type", "einsum"},
            {"dimensions", dimensions},
            {"tensors",
             {{{"name", "left"}, {"ranks", ranks(*a)}},
              {{"name", "right"}, {"ranks", ranks(*b)}},
              {{"name", "outputs"}, {"role", "outputs"}, {"ranks", all}, {"output", true}}}}}},
          ""};
}

using Maker = Made (*)(const Node&);
const std::map<std::string, Maker> kMultiplying = {
    {"Conv", conv}, {"ConvTranspose", conv_transpose}, {"Gemm", gemm}, {"MatMul", matmul}};
const std::map<std::string, Maker> kMoving = {
    {"MaxPool", pool},    {"AveragePool", pool}, {"GlobalAveragePool", pool}, {"GlobalMaxPool", pool}, {"LpPool", pool},
    {"Add", elementwise}, {"Mul", elementwise},  {"Sub", elementwise},        {"Div", elementwise},    {"Sum", elementwise}};
/// They make constants and shapes; nothing is computed of the input.
const std::set<std::string> kSilent = {"Constant", "ConstantOfShape", "Shape", "Identity"};

std::string distinct(std::string name, std::set<std::string>& taken) {
  std::replace(name.begin(), name.end(), '\n', ' ');
  std::string wanted = name;
  for (int k = 2; !taken.insert(wanted).second; ++k) wanted = name + "#" + std::to_string(k);
  return wanted;
}

}  // namespace

bool has_onnx() { return true; }

OnnxImport import_onnx(const std::string& path, const OnnxOptions& options) {
  onnx::ModelProto model = read_model(path);
  close_dimensions(model, path, options);
  try {
    onnx::ShapeInferenceOptions inference;
    inference.enable_data_propagation = true;
    onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), inference);
  } catch (const std::exception& error) {
    throw InputError(path + ": ONNX's shape inference failed: " + error.what());
  }
  const std::map<std::string, Shape> shapes = shapes_of(model.graph());
  OnnxImport result;
  Json layers = Json::array();
  std::set<std::string> taken;
  for (const auto& proto : model.graph().node()) {
    const Node node(proto, shapes);
    if (kSilent.contains(node.type())) continue;
    const bool multiplies = kMultiplying.contains(node.type());
    const bool moves = kMoving.contains(node.type()) && !options.macs_only;
    Made made;
    if (multiplies) made = kMultiplying.at(node.type())(node);
    if (moves) made = kMoving.at(node.type())(node);
    if (!made.why.empty()) result.why[node.type()] = "'" + node.name() + "': " + made.why;
    OnnxShare& share = (made.layers.empty() ? result.skipped : result.layers)[node.type()];
    ++share.nodes;
    share.words += node.words();
    if (made.layers.empty() && node.output() != nullptr) share.operations += static_cast<double>(product(*node.output()));
    for (Json& layer : made.layers) {
      layer["name"] = distinct(layer["name"].get<std::string>(), taken);
      Document document{path + ": node '" + node.name() + "'", layer};
      const auto operations = static_cast<double>(macs(read_layer(Cursor(document))));
      share.operations += operations;
      if (multiplies) result.macs += operations;
      layers.push_back(std::move(layer));
    }
  }
  if (layers.empty()) throw InputError(path + ": nothing in the model multiplies or moves words in a way that can be mapped");
  result.workload = {{"schema_version", 1},
                     {"name", std::filesystem::path(path).stem().string()},
                     {"description", "from the ONNX model '" + model.graph().name() + "', opset " +
                                         (model.opset_import_size() > 0 ? std::to_string(model.opset_import(0).version()) : "?")},
                     {"layers", std::move(layers)}};
  return result;
}

}  // namespace tilepath
