#include "tilepath/formats/estimator.hpp"

#include <algorithm>

namespace tilepath {

namespace {

constexpr int kMostBits = 1 << 16;

template <class Point>
void expect_ascending(const Cursor& cursor, const std::vector<Point>& points) {
  const auto descends = [](const Point& a, const Point& b) { return a.bytes >= b.bytes; };
  if (std::adjacent_find(points.begin(), points.end(), descends) != points.end()) cursor.fail("expected 'bytes' to ascend");
}

MemoryKind kind_of(const Cursor& cursor) {
  cursor.expect_object({"ports", "energy", "area", "sources"});
  MemoryKind kind;
  if (cursor.has("ports")) kind.ports = static_cast<int>(cursor.at("ports").integer(1, 64));
  if (cursor.has("energy")) {
    const Cursor energy = cursor.at("energy");
    energy.expect_object({"node", "width_bits", "width_range", "points"});
    kind.energy_node = energy.at("node").text();
    kind.width_bits = static_cast<int>(energy.at("width_bits").integer(1, kMostBits));
    kind.width_low = kind.width_high = kind.width_bits;
    if (energy.has("width_range")) {
      const std::vector<Cursor> range = energy.at("width_range").elements(2);
      kind.width_low = static_cast<int>(range[0].integer(1, kMostBits));
      kind.width_high = static_cast<int>(range[1].integer(kind.width_low, kMostBits));
    }
    for (const Cursor& point : energy.at("points").elements(1)) {
      point.expect_object({"bytes", "read_pj", "write_pj"});
      const double read = point.at("read_pj").number(true);
      kind.energies.push_back(
          {point.at("bytes").number(true), read, point.has("write_pj") ? point.at("write_pj").number(true) : read});
    }
    expect_ascending(energy.at("points"), kind.energies);
  }
  if (cursor.has("area")) {
    const Cursor area = cursor.at("area");
    area.expect_object({"node", "points"});
    kind.area_node = area.at("node").text();
    for (const Cursor& point : area.at("points").elements(1)) {
      point.expect_object({"bytes", "um2_per_byte"});
      kind.areas.push_back({point.at("bytes").number(true), point.at("um2_per_byte").number(true)});
    }
    expect_ascending(area.at("points"), kind.areas);
  }
  return kind;
}

std::map<std::string, double> factors_of(const Cursor& cursor) {
  std::map<std::string, double> factors;
  for (const auto& [node, factor] : cursor.members()) factors[node] = factor.number(true);
  return factors;
}

}  // namespace

EstimatorTable read_estimator(const Document& document) {
  const Cursor root(document);
  root.expect_object({"schema_version", "name", "description", "sources", "kinds", "scaling"});
  root.expect_version();
  EstimatorTable table;
  table.name = root.at("name").text();
  for (const auto& [name, kinds] : root.at("kinds").members())
    for (const Cursor& kind : kinds.elements(1)) table.kinds[name].push_back(kind_of(kind));
  const Cursor scaling = root.at("scaling");
  scaling.expect_object({"energy", "area"});
  table.scaling.energy = factors_of(scaling.at("energy"));
  for (const auto& [node, to] : scaling.at("area").members()) table.scaling.area[node] = factors_of(to);
  for (const auto& [name, kinds] : root.at("kinds").members())
    for (const Cursor& kind : kinds.elements())
      for (const char* what : {"energy", "area"}) {
        if (!kind.has(what)) continue;
        const Cursor node = kind.at(what).at("node");
        if (!(std::string(what) == "energy" ? table.scaling.energy.contains(node.text())
                                            : table.scaling.area.contains(node.text())))
          node.fail("'scaling' does not know this process");
      }
  return table;
}

}  // namespace tilepath
