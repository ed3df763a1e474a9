#include "tilepath/formats/workload.hpp"

#include <algorithm>

#include "tilepath/base/error.hpp"
#include "tilepath/base/suggest.hpp"
#include "tilepath/workload/conv.hpp"

namespace tilepath {

namespace {

const std::vector<std::string> kRoleNames = {"weights", "inputs", "outputs"};
constexpr std::int64_t kMaxStep = 1 << 20;  // of a stride or dilation

/// A number or [vertical, horizontal].
std::array<std::int64_t, 2> pair_of(const Cursor& cursor, std::int64_t low) {
  if (!cursor.json().is_array()) {
    const std::int64_t both = cursor.integer(low, kMaxStep);
    return {both, both};
  }
  const auto elements = cursor.elements(2);
  if (elements.size() != 2) cursor.fail("expected an integer or [vertical, horizontal]");
  return {elements[0].integer(low, kMaxStep), elements[1].integer(low, kMaxStep)};
}

Padding padding_of(const Cursor& cursor) {
  if (cursor.json().is_array() && cursor.json().size() == 4) {
    const auto e = cursor.elements();
    return {e[0].integer(0, kMaxStep), e[1].integer(0, kMaxStep), e[2].integer(0, kMaxStep), e[3].integer(0, kMaxStep)};
  }
  const auto [vertical, horizontal] = pair_of(cursor, 0);
  return {vertical, horizontal, vertical, horizontal};
}

std::array<int, kRoles> bits_of(const Cursor& cursor) {
  constexpr std::int64_t kMaxBits = 1024;
  std::array<int, kRoles> bits{};
  if (!cursor.json().is_object()) {
    bits.fill(static_cast<int>(cursor.integer(1, kMaxBits)));
    return bits;
  }
  cursor.expect_object(kRoleNames);
  for (std::size_t r = 0; r < bits.size(); ++r)
    if (cursor.has(kRoleNames[r])) bits[r] = static_cast<int>(cursor.at(kRoleNames[r]).integer(1, kMaxBits));
  return bits;
}

/// One rank: "P", "2*P + R".
Rank rank_of(const Cursor& cursor, const Layer& layer) {
  const std::string text = cursor.text();
  std::vector<std::string> names;
  for (const Dimension& dimension : layer.dimensions) names.push_back(dimension.name);
  Rank rank;
  std::string term;
  const auto take = [&] {
    const std::size_t star = term.find('*');
    const std::string name = star == std::string::npos ? term : term.substr(star + 1);
    const std::string factor = star == std::string::npos ? "1" : term.substr(0, star);
    const bool digits = !factor.empty() && factor.size() < 10 &&
                        std::all_of(factor.begin(), factor.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits || name.empty()) cursor.fail("expected terms like P or 2*P joined by +, found \"" + text + "\"");
    const int dimension = layer.find_dimension(name);
    if (dimension < 0) cursor.fail("no dimension '" + name + "'" + hint(name, names));
    rank.push_back({dimension, std::stoll(factor)});
    term.clear();
  };
  for (const char c : text) {
    if (c == '+')
      take();
    else if (c != ' ')
      term += c;
  }
  take();
  return rank;
}

Layer einsum(const Cursor& cursor) {
  cursor.expect_object({"name", "type", "dimensions", "tensors", "repeat", "description"});
  Layer layer;
  layer.name = cursor.at("name").text();
  layer.type = "einsum";
  for (const auto& [name, bound] : cursor.at("dimensions").members())
    layer.dimensions.push_back({name, bound.integer(1, kMaxBound)});
  Tensor output;
  bool has_output = false;
  for (const Cursor& each : cursor.at("tensors").elements(2)) {
    each.expect_object({"name", "ranks", "role", "output", "bits"});
    Tensor tensor;
    tensor.name = each.at("name").text();
    for (const Cursor& rank : each.at("ranks").elements()) tensor.ranks.push_back(rank_of(rank, layer));
    if (each.has("bits")) tensor.bits = static_cast<int>(each.at("bits").integer(1, 1024));
    const bool is_output = each.has("output") && each.at("output").boolean();
    tensor.role = is_output ? Role::outputs : Role::inputs;
    if (each.has("role")) tensor.role = static_cast<Role>(each.at("role").one_of(kRoleNames));
    if (!is_output) {
      layer.tensors.push_back(tensor);
      continue;
    }
    if (has_output) each.fail("a second output; an einsum has one");
    has_output = true;
    output = tensor;
  }
  if (!has_output) cursor.at("tensors").fail("one of the tensors must have \"output\": true");
  layer.tensors.push_back(output);
  return layer;
}

Layer usual(const Cursor& cursor, const std::string& type) {
  const std::vector<std::string> dimensions = {"N", "G", "M", "C", "P", "Q", "R", "S"};
  std::vector<std::string> known = {"name", "type", "description", "repeat", "bits"};
  const bool slides = type == "conv" || type == "depthwise";
  for (const std::string& d : dimensions)
    if (slides || (d != "R" && d != "S")) known.push_back(d);
  if (slides) known.insert(known.end(), {"stride", "dilation", "padding", "groups"});
  cursor.expect_object(known);
  const auto dimension = [&](const char* name) { return cursor.has(name) ? cursor.at(name).integer(1, kMaxBound) : 1; };
  if (std::none_of(dimensions.begin(), dimensions.end(), [&](const std::string& d) { return cursor.has(d); }))
    cursor.fail("has none of the dimensions N, G, M, C, P, Q, R, S");
  ConvShape shape{dimension("N"), dimension("G"), dimension("M"), dimension("C"),
                  dimension("P"), dimension("Q"), dimension("R"), dimension("S")};
  std::int64_t groups = cursor.has("groups") ? cursor.at("groups").integer(1, kMaxBound) : 1;
  if (cursor.has("groups") && cursor.has("G"))
    cursor.at("groups").fail("give either 'groups' (M and C are totals) or 'G' (they are per group)");
  if (type == "depthwise" && !cursor.has("G")) {  // M and C are totals: one group per input channel
    if (!cursor.has("C")) cursor.fail("a depthwise layer needs its channels as 'G' (or 'C')");
    if (groups != 1 && groups != shape.c)
      cursor.at("groups").fail("a depthwise layer has as many groups as input channels, " + std::to_string(shape.c));
    groups = shape.c;
    if (!cursor.has("M")) shape.m = shape.c;
  } else if (type == "depthwise" && shape.c != 1) {
    cursor.at("C").fail("a depthwise layer with 'G' channels has one input channel a group; leave 'C' out");
  }
  if (groups > 1) {
    if (shape.m % groups != 0 || shape.c % groups != 0)
      cursor.fail(std::to_string(groups) + " groups must divide M = " + std::to_string(shape.m) +
                  " and C = " + std::to_string(shape.c));
    shape.g = groups;
    shape.m /= groups;
    shape.c /= groups;
  }
  if (cursor.has("stride")) std::tie(shape.stride_h, shape.stride_w) = std::tuple_cat(pair_of(cursor.at("stride"), 1));
  if (cursor.has("dilation")) std::tie(shape.dilation_h, shape.dilation_w) = std::tuple_cat(pair_of(cursor.at("dilation"), 1));
  if (cursor.has("bits")) shape.bits = bits_of(cursor.at("bits"));
  Layer layer = conv(cursor.at("name").text(), shape, type);
  if (cursor.has("padding")) {
    layer.padding = padding_of(cursor.at("padding"));
    const std::int64_t rows = rank_extent(layer, layer.tensors[1].ranks[3]);
    const std::int64_t columns = rank_extent(layer, layer.tensors[1].ranks[4]);
    if (layer.padding.top + layer.padding.bottom >= rows || layer.padding.left + layer.padding.right >= columns)
      cursor.at("padding").fail("leaves nothing of the padded input of " + std::to_string(rows) + "x" + std::to_string(columns));
  }
  return layer;
}

}  // namespace

Layer read_layer(const Cursor& cursor) {
  const std::vector<std::string> types = {"conv", "depthwise", "fc", "matmul", "einsum"};
  (void)cursor.at("name").text();
  const std::string& type = types[cursor.at("type").one_of(types)];
  try {
    Layer layer = type == "einsum" ? einsum(cursor) : usual(cursor, type);
    if (cursor.has("repeat")) layer.repeat = cursor.at("repeat").integer(1, kMaxBound);
    check(layer);
    return layer;
  } catch (const Overflow& error) {
    cursor.fail(error.what());
  } catch (const InputError& error) {
    if (std::string_view(error.what()).starts_with("layer '")) cursor.fail(error.what());
    throw;
  }
}

Network read_workload(const Document& document) {
  const Cursor root(document);
  root.expect_object({"schema_version", "name", "description", "sources", "layers"});
  root.expect_version();
  Network network;
  network.name = root.at("name").text();
  std::vector<std::string> names;
  for (const Cursor& cursor : root.at("layers").elements(1)) {
    network.layers.push_back(read_layer(cursor));
    const std::string& name = network.layers.back().name;
    if (std::find(names.begin(), names.end(), name) != names.end()) cursor.at("name").fail("a second layer '" + name + "'");
    names.push_back(name);
  }
  return network;
}

Json to_json(const Layer& layer) {
  Json json = {{"name", layer.name}, {"type", layer.type}};
  if (layer.type == "einsum") {
    for (const Dimension& dimension : layer.dimensions) json["dimensions"][dimension.name] = dimension.bound;
    for (int t = 0; t < layer.tensor_count(); ++t) {
      const Tensor& tensor = layer.tensors[static_cast<std::size_t>(t)];
      Json each = {{"name", tensor.name}, {"role", name_of(tensor.role)}, {"ranks", Json::array()}};
      for (const Rank& rank : tensor.ranks) {
        std::string text;
        for (const Term& term : rank)
          text += (text.empty() ? "" : " + ") + (term.coefficient == 1 ? "" : std::to_string(term.coefficient) + "*") +
                  layer.dimensions[static_cast<std::size_t>(term.dimension)].name;
        each["ranks"].push_back(text);
      }
      if (tensor.bits != 0) each["bits"] = tensor.bits;
      if (layer.is_output(t)) each["output"] = true;
      json["tensors"].push_back(each);
    }
  } else {
    for (const Dimension& dimension : layer.dimensions)
      if (dimension.bound > 1 || dimension.name == "M") json[dimension.name] = dimension.bound;
    if (layer.type == "depthwise") json["G"] = layer.dimensions[1].bound;
    const Rank& rows = layer.tensors[1].ranks[3];
    const Rank& columns = layer.tensors[1].ranks[4];
    if (rows[0].coefficient != 1 || columns[0].coefficient != 1) json["stride"] = {rows[0].coefficient, columns[0].coefficient};
    if (rows[1].coefficient != 1 || columns[1].coefficient != 1) json["dilation"] = {rows[1].coefficient, columns[1].coefficient};
    const Padding& pad = layer.padding;
    if (pad != Padding{}) json["padding"] = {pad.top, pad.left, pad.bottom, pad.right};
    for (const Tensor& tensor : layer.tensors)
      if (tensor.bits != 0) json["bits"][tensor.name] = tensor.bits;
  }
  if (layer.repeat != 1) json["repeat"] = layer.repeat;
  return json;
}

}  // namespace tilepath
