#include "tilepath/formats/mapping.hpp"

#include <algorithm>

#include "tilepath/base/error.hpp"
#include "tilepath/base/suggest.hpp"
#include "tilepath/mapping/legal.hpp"

namespace tilepath {

int level_of(const Cursor& cursor, const Hierarchy& hierarchy) {
  const std::string name = cursor.text();
  if (const int level = hierarchy.find_level(name); level >= 0) return level;
  std::vector<std::string> names;
  for (const Level& level : hierarchy.levels) names.push_back(level.name);
  cursor.fail("'" + hierarchy.name + "' has no level '" + name + "'" + hint(name, names));
}

int dimension_of(const Cursor& cursor, const Layer& layer) {
  const std::string name = cursor.text();
  if (const int dimension = layer.find_dimension(name); dimension >= 0) return dimension;
  std::vector<std::string> names;
  for (const Dimension& dimension : layer.dimensions) names.push_back(dimension.name);
  cursor.fail("layer '" + layer.name + "' has no dimension '" + name + "'" + hint(name, names));
}

int tensor_of(const Cursor& cursor, const Layer& layer) {
  const std::string name = cursor.text();
  if (const int tensor = layer.find_tensor(name); tensor >= 0) return tensor;
  std::vector<std::string> names;
  for (const Tensor& tensor : layer.tensors) names.push_back(tensor.name);
  cursor.fail("layer '" + layer.name + "' has no tensor '" + name + "'" + hint(name, names));
}

SpatialLoop read_lanes(const Cursor& cursor, const Layer& layer, const Hierarchy& hierarchy) {
  SpatialLoop loop;
  loop.dimension = dimension_of(cursor.at("spatial"), layer);
  loop.count = cursor.at("count").integer(1, kMaxBound);
  loop.fanout = level_of(cursor.at("fanout"), hierarchy);
  loop.axis = cursor.at("axis").one_of({"x", "y"}) == 0 ? Axis::x : Axis::y;
  return loop;
}

namespace {

Node node_of(const Cursor& cursor, const Layer& layer, const Hierarchy& hierarchy) {
  if (cursor.has("store")) {
    cursor.expect_object({"store", "at"});
    Store store;
    for (const Cursor& tensor : cursor.at("store").elements(1)) store.tensors.push_back(tensor_of(tensor, layer));
    std::sort(store.tensors.begin(), store.tensors.end());
    store.level = level_of(cursor.at("at"), hierarchy);
    return store;
  }
  if (cursor.has("for")) {
    cursor.expect_object({"for", "count"});
    return Loop{dimension_of(cursor.at("for"), layer), cursor.at("count").integer(1, kMaxBound)};
  }
  if (cursor.has("spatial")) {
    cursor.expect_object({"spatial", "count", "fanout", "axis"});
    return read_lanes(cursor, layer, hierarchy);
  }
  if (cursor.has("compute")) {
    cursor.expect_object({"compute"});
    if (const std::string name = cursor.at("compute").text(); name != hierarchy.compute.name)
      cursor.at("compute").fail("'" + hierarchy.name + "' computes on '" + hierarchy.compute.name + "', not on '" + name + "'");
    return Compute{};
  }
  cursor.fail(
      "expected a node: {\"store\": …, \"at\": …}, {\"for\": …, \"count\": …}, {\"spatial\": …, \"count\": …, \"fanout\": …, "
      "\"axis\": …} or {\"compute\": …}");
}

}  // namespace

MappingFile read_mapping_header(const Document& document) {
  MappingFile header;
  if (!document.root.is_object()) return header;
  const Cursor root(document);
  root.expect_object({"schema_version", "name", "description", "sources", "workload", "layer", "arch", "mapping"});
  root.expect_version();
  if (root.has("workload")) header.workload = root.at("workload").text();
  if (root.has("layer")) header.layer = root.at("layer").text();
  if (root.has("arch")) header.arch = root.at("arch").text();
  return header;
}

Nest read_nodes(const Cursor& cursor, const Layer& layer, const Hierarchy& hierarchy) {
  Nest nest;
  for (const Cursor& node : cursor.elements(1)) nest.nodes.push_back(node_of(node, layer, hierarchy));
  const std::string why = why_illegal(nest, layer, hierarchy);
  if (!why.empty()) cursor.fail("no mapping of '" + layer.name + "' on '" + hierarchy.name + "': " + why);
  return nest;
}

Nest read_mapping(const Document& document, const Layer& layer, const Hierarchy& hierarchy) {
  (void)read_mapping_header(document);
  const Cursor root(document);
  return read_nodes(document.root.is_array() ? root : root.at("mapping"), layer, hierarchy);
}

Json to_json(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy) {
  const auto dimension = [&](int d) { return layer.dimensions[static_cast<std::size_t>(d)].name; };
  Json nodes = Json::array();
  for (const Node& node : nest.nodes) {
    if (const auto* store = std::get_if<Store>(&node)) {
      Json tensors = Json::array();
      for (const int t : store->tensors) tensors.push_back(layer.tensors[static_cast<std::size_t>(t)].name);
      nodes.push_back({{"store", tensors}, {"at", hierarchy.level(store->level).name}});
    } else if (const auto* loop = std::get_if<Loop>(&node)) {
      nodes.push_back({{"for", dimension(loop->dimension)}, {"count", loop->count}});
    } else if (const auto* lanes = std::get_if<SpatialLoop>(&node)) {
      nodes.push_back({{"spatial", dimension(lanes->dimension)},
                       {"count", lanes->count},
                       {"fanout", hierarchy.level(lanes->fanout).name},
                       {"axis", lanes->axis == Axis::x ? "x" : "y"}});
    } else {
      nodes.push_back({{"compute", hierarchy.compute.name}});
    }
  }
  return nodes;
}

}  // namespace tilepath
