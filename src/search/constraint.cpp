#include "tilepath/search/constraint.hpp"

#include <algorithm>

namespace tilepath {

namespace {

bool has(const std::vector<int>& list, int value) { return std::find(list.begin(), list.end(), value) != list.end(); }

bool kept_at(const Nest& nest, int tensor, int level) {
  return std::any_of(nest.nodes.begin(), nest.nodes.end(), [&](const Node& node) {
    const auto* store = std::get_if<Store>(&node);
    return store != nullptr && store->level == level && has(store->tensors, tensor);
  });
}

bool on_axis(const Constraint& constraint, Axis axis) {
  return constraint.axis == Constraint::On::any || (constraint.axis == Constraint::On::x) == (axis == Axis::x);
}

bool lanes_obey(const Nest& nest, const Constraint& constraint) {
  std::int64_t lanes = 1;
  for (const Node& node : nest.nodes) {
    const auto* loop = std::get_if<SpatialLoop>(&node);
    if (loop == nullptr || loop->fanout != constraint.level || loop->count == 1) continue;
    if (constraint.kind == Constraint::Kind::lanes) {
      if (on_axis(constraint, loop->axis) && !has(constraint.dimensions, loop->dimension)) return false;
    } else if (loop->dimension == constraint.dimensions[0]) {
      if (!on_axis(constraint, loop->axis)) return false;
      lanes *= loop->count;
    }
  }
  return constraint.kind == Constraint::Kind::lanes || lanes == constraint.count;
}

bool tiles_obey(const Nest& nest, const Constraint& constraint, const Layer& layer) {
  const std::vector<Extents> inside = extents_inside(nest, layer);
  for (std::size_t i = 0; i < nest.nodes.size(); ++i) {
    const auto* store = std::get_if<Store>(&nest.nodes[i]);
    if (store == nullptr || store->level != constraint.level) continue;
    for (const int t : store->tensors)
      for (std::size_t k = 0; k < constraint.dimensions.size(); ++k)
        if (concerns(constraint, t, k, layer) &&
            inside[i][static_cast<std::size_t>(constraint.dimensions[k])] != constraint.extents[k])
          return false;
  }
  return true;
}

bool order_obeys(const Nest& nest, const Constraint& constraint) {
  bool here = false;
  std::ptrdiff_t last = 0;
  for (const Node& node : nest.nodes) {
    if (const auto* store = std::get_if<Store>(&node)) {
      if (store->level == constraint.level) here = true;
      if (store->level > constraint.level) here = false;
    }
    const auto* loop = std::get_if<Loop>(&node);
    if (loop == nullptr || !here || loop->count == 1) continue;
    const auto at = std::find(constraint.dimensions.begin(), constraint.dimensions.end(), loop->dimension);
    if (at == constraint.dimensions.end()) continue;
    if (at - constraint.dimensions.begin() < last) return false;
    last = at - constraint.dimensions.begin();
  }
  return true;
}

}  // namespace

bool concerns(const Constraint& tile, int t, std::size_t k, const Layer& layer) {
  return tile.tensors.empty() ? layer.relevant(t, tile.dimensions[k]) : has(tile.tensors, t);
}

bool obeys(const Nest& nest, const Constraint& constraint, const Layer& layer) {
  switch (constraint.kind) {
    case Constraint::Kind::keep:
      return std::all_of(constraint.tensors.begin(), constraint.tensors.end(),
                         [&](int t) { return kept_at(nest, t, constraint.level); });
    case Constraint::Kind::never:
      return std::none_of(constraint.tensors.begin(), constraint.tensors.end(),
                          [&](int t) { return kept_at(nest, t, constraint.level); });
    case Constraint::Kind::lanes:
    case Constraint::Kind::count:
      return lanes_obey(nest, constraint);
    case Constraint::Kind::tile:
      return tiles_obey(nest, constraint, layer);
    case Constraint::Kind::order:
      break;
  }
  return order_obeys(nest, constraint);
}

namespace {

/// Why one constraint cannot be obeyed on this hierarchy; empty if it may.
std::string impossible(const Constraint& c, const Layer& layer, const Hierarchy& hierarchy) {
  const Level& level = hierarchy.level(c.level);
  const auto where = "'" + level.name + "'";
  if (c.kind == Constraint::Kind::keep || c.kind == Constraint::Kind::never)
    for (const int t : c.tensors) {
      const Tensor& tensor = layer.tensors[static_cast<std::size_t>(t)];
      const Keep keep = at(level.keeps, tensor.role);
      if (c.kind == Constraint::Kind::keep && keep == Keep::never)
        return where + " of the architecture never keeps " + tensor.name;
      if (c.kind == Constraint::Kind::never && (keep == Keep::must || c.level == 0))
        return where + " of the architecture must keep " + tensor.name;
    }
  if ((c.kind == Constraint::Kind::lanes || c.kind == Constraint::Kind::count) && !level.fanout) return where + " has no fanout";
  if (c.kind == Constraint::Kind::count) {
    const std::int64_t most = c.axis == Constraint::On::x   ? level.fanout->x
                              : c.axis == Constraint::On::y ? level.fanout->y
                                                            : level.fanout_size();
    if (c.count > most)
      return "the fanout of " + where + " has " + std::to_string(most) + " instances there, not " + std::to_string(c.count);
  }
  if (c.kind == Constraint::Kind::tile)
    for (std::size_t k = 0; k < c.dimensions.size(); ++k) {
      const Dimension& dimension = layer.dimensions[static_cast<std::size_t>(c.dimensions[k])];
      if (c.extents[k] > dimension.bound)
        return "a tile cannot cover " + std::to_string(c.extents[k]) + " of the " + std::to_string(dimension.bound) +
               " iterations of " + dimension.name;
      if (c.level == 0 && c.extents[k] != dimension.bound)
        return "the tiles of " + where + ", the outermost level, cover all " + std::to_string(dimension.bound) +
               " iterations of " + dimension.name;
    }
  return {};
}

bool contradict(const Constraint& a, const Constraint& b) {
  if (a.level != b.level) return false;
  if (a.kind == Constraint::Kind::keep && b.kind == Constraint::Kind::never)
    return std::any_of(a.tensors.begin(), a.tensors.end(), [&](int t) { return has(b.tensors, t); });
  if (a.kind == Constraint::Kind::count && b.kind == Constraint::Kind::count)
    return a.dimensions == b.dimensions &&
           (a.count != b.count ||
            (a.count > 1 && a.axis != b.axis && a.axis != Constraint::On::any && b.axis != Constraint::On::any));
  if (a.kind == Constraint::Kind::count && b.kind == Constraint::Kind::lanes)
    return a.count > 1 && !has(b.dimensions, a.dimensions[0]) && (b.axis == Constraint::On::any || a.axis == b.axis);
  if (a.kind == Constraint::Kind::order && b.kind == Constraint::Kind::order) return &a != &b;  // one order says it all
  if (a.kind == Constraint::Kind::tile && b.kind == Constraint::Kind::tile &&
      (a.tensors == b.tensors || std::any_of(a.tensors.begin(), a.tensors.end(), [&](int t) { return has(b.tensors, t); })))
    for (std::size_t i = 0; i < a.dimensions.size(); ++i)
      for (std::size_t k = 0; k < b.dimensions.size(); ++k)
        if (a.dimensions[i] == b.dimensions[k] && a.extents[i] != b.extents[k]) return true;
  return false;
}

}  // namespace

std::string contradiction(const std::vector<Constraint>& constraints, const Layer& layer, const Hierarchy& hierarchy) {
  for (const Constraint& c : constraints)
    if (const std::string why = impossible(c, layer, hierarchy); !why.empty()) return c.text + ": " + why;
  for (const Constraint& a : constraints)
    for (const Constraint& b : constraints)
      if (contradict(a, b)) return a.text + " contradicts " + b.text;
  return {};
}

Hierarchy narrowed(const Hierarchy& hierarchy, const std::vector<Constraint>& constraints, const Layer& layer) {
  Hierarchy result = hierarchy;
  const auto keep_only = [&](int level, Axis axis, const auto& allowed) {
    Fanout& fanout = *result.levels[static_cast<std::size_t>(level)].fanout;
    std::vector<std::string> names;
    for (int d = 0; d < layer.dimension_count(); ++d) {
      const std::string& name = layer.dimensions[static_cast<std::size_t>(d)].name;
      if (fanout.unrolls(axis, name) && allowed(d)) names.push_back(name);
    }
    if (names.empty()) names.emplace_back();  // no dimension has this name: none is allowed
    (axis == Axis::x ? fanout.x_dimensions : fanout.y_dimensions) = names;
  };
  for (const Constraint& c : constraints)
    for (const Axis axis : {Axis::x, Axis::y}) {
      if (c.kind == Constraint::Kind::lanes && on_axis(c, axis))
        keep_only(c.level, axis, [&](int d) { return has(c.dimensions, d); });
      if (c.kind == Constraint::Kind::count && !on_axis(c, axis))
        keep_only(c.level, axis, [&](int d) { return d != c.dimensions[0]; });
    }
  return result;
}

}  // namespace tilepath
