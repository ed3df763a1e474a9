#include "tilepath/formats/dataflow.hpp"

#include <algorithm>

#include "tilepath/base/error.hpp"
#include "tilepath/base/suggest.hpp"
#include "tilepath/formats/mapping.hpp"

namespace tilepath {

namespace {

class Reader {
 public:
  Reader(const Layer& layer, const Hierarchy& hierarchy) : layer_(layer), hierarchy_(hierarchy) {}

  [[nodiscard]] Constraint constraint(const Cursor& cursor) const {
    Constraint c;
    c.text = cursor.json().dump();
    if (cursor.has("store") || cursor.has("never")) {
      const std::string key = cursor.has("store") ? "store" : "never";
      cursor.expect_object({key, "at"});
      c.kind = key == "store" ? Constraint::Kind::keep : Constraint::Kind::never;
      for (const Cursor& tensor : cursor.at(key).elements(1)) c.tensors.push_back(tensor_of(tensor, layer_));
      c.level = level_of(cursor.at("at"), hierarchy_);
    } else if (cursor.has("spatial")) {
      cursor.expect_object({"spatial", "count", "fanout", "axis"});
      c.level = level_of(cursor.at("fanout"), hierarchy_);
      if (cursor.has("axis")) c.axis = cursor.at("axis").one_of({"x", "y"}) == 0 ? Constraint::On::x : Constraint::On::y;
      if (cursor.has("count")) {
        c.kind = Constraint::Kind::count;
        const int d = dimension(cursor.at("spatial"));
        c.count = iterations(cursor.at("count"), d);
        if (d < 0 && c.count > 1) cursor.at("spatial").fail("layer '" + layer_.name + "' has no such dimension to unroll");
        c.dimensions = {d};
      } else {
        c.kind = Constraint::Kind::lanes;
        c.dimensions = dimensions(cursor.at("spatial"));
      }
    } else if (cursor.has("tile")) {
      cursor.expect_object({"tile", "of", "at"});
      c.kind = Constraint::Kind::tile;
      if (cursor.has("of"))
        for (const Cursor& tensor : cursor.at("of").elements(1)) c.tensors.push_back(tensor_of(tensor, layer_));
      c.level = level_of(cursor.at("at"), hierarchy_);
      for (const auto& [name, extent] : cursor.at("tile").members()) tile(c, name, extent);
    } else if (cursor.has("order")) {
      cursor.expect_object({"order", "at"});
      c.kind = Constraint::Kind::order;
      c.level = level_of(cursor.at("at"), hierarchy_);
      c.dimensions = dimensions(cursor.at("order"));
    } else {
      cursor.fail("expected a constraint: an object with store, never, spatial, tile or order");
    }
    return c;
  }

 private:
  static bool usual(const std::string& name) {
    return name.size() == 1 && std::string("NGMCPQRS").find(name) != std::string::npos;
  }

  /// A dimension's index; -1 where this layer lacks one that convolutions have: it has no loops then.
  [[nodiscard]] int dimension(const Cursor& cursor) const {
    const std::string name = cursor.text();
    if (layer_.find_dimension(name) < 0 && usual(name)) return -1;
    return dimension_of(cursor, layer_);
  }
  [[nodiscard]] std::vector<int> dimensions(const Cursor& cursor) const {
    std::vector<int> found;
    for (const Cursor& each : cursor.elements()) {
      const int d = dimension(each);
      if (d < 0) continue;
      if (std::find(found.begin(), found.end(), d) != found.end()) each.fail("'" + each.text() + "' is there twice");
      found.push_back(d);
    }
    return found;
  }

  /// A number of iterations of a dimension (-1: of one that the layer lacks), or "all".
  [[nodiscard]] std::int64_t iterations(const Cursor& cursor, int d) const {
    if (!cursor.json().is_string()) return cursor.integer(1, kMaxBound);
    (void)cursor.one_of({"all"});
    return d < 0 ? 1 : layer_.dimensions[static_cast<std::size_t>(d)].bound;
  }

  void tile(Constraint& c, const std::string& name, const Cursor& extent) const {
    const int d = layer_.find_dimension(name);
    if (d < 0 && !usual(name)) {
      std::vector<std::string> names;
      for (const Dimension& dimension : layer_.dimensions) names.push_back(dimension.name);
      extent.fail("layer '" + layer_.name + "' has no dimension '" + name + "'" + hint(name, names));
    }
    const std::int64_t wanted = iterations(extent, d);
    if (d < 0 && wanted != 1) extent.fail("layer '" + layer_.name + "' has no dimension '" + name + "'");
    if (d < 0) return;
    c.dimensions.push_back(d);
    c.extents.push_back(wanted);
  }

  const Layer& layer_;
  const Hierarchy& hierarchy_;
};

}  // namespace

Cursor statements_of(const Document& document) {
  Cursor root(document);
  if (root.json().is_array()) return root;
  root.expect_object({"schema_version", "name", "description", "sources", "constraints"});
  root.expect_version();
  return root.at("constraints");
}

std::vector<Constraint> read_dataflow(const Document& document, const Layer& layer, const Hierarchy& hierarchy) {
  const Reader reader(layer, hierarchy);
  std::vector<Constraint> constraints;
  for (const Cursor& each : statements_of(document).elements()) {
    Constraint c = reader.constraint(each);
    if (c.kind == Constraint::Kind::count && c.dimensions[0] < 0) continue;  // one lane of a dimension of one iteration
    constraints.push_back(std::move(c));
    if (const std::string why = contradiction(constraints, layer, hierarchy); !why.empty()) each.fail(why);
  }
  return constraints;
}

}  // namespace tilepath
