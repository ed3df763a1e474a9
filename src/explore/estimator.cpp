#include "tilepath/explore/estimator.hpp"

#include <algorithm>
#include <cmath>

#include "tilepath/base/error.hpp"
#include "tilepath/base/suggest.hpp"

namespace tilepath {

namespace {

std::string in_words(double number) {
  std::string text = std::to_string(number);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

/// The value at `x` of a curve through (x_of(point), y_of(point)), a power between each two.
template <class Point, class X, class Y>
double on_curve(const std::vector<Point>& points, double x, const X& x_of, const Y& y_of) {
  if (points.size() == 1) return y_of(points.front());
  std::size_t above = 1;
  while (above + 1 < points.size() && x_of(points[above]) < x) ++above;
  const Point& a = points[above - 1];
  const Point& b = points[above];
  if (x == x_of(a)) return y_of(a);
  if (x == x_of(b)) return y_of(b);
  const double slope = std::log(y_of(b) / y_of(a)) / std::log(x_of(b) / x_of(a));
  return y_of(a) * std::pow(x / x_of(a), slope);
}

template <class Point>
void expect_inside(const std::vector<Point>& points, const MemoryShape& shape, const char* what) {
  const std::string memory = "a " + shape.kind + " of " + in_words(shape.bytes) + " bytes";
  if (points.empty()) throw InputError("the table has no " + std::string(what) + " of a " + shape.kind);
  if (!(shape.bytes > 0)) throw InputError(memory + " has no " + what);
  if (!shape.extrapolate && (shape.bytes < points.front().bytes || shape.bytes > points.back().bytes))
    throw InputError("the table has the " + std::string(what) + " of a " + shape.kind + " from " +
                     in_words(points.front().bytes) + " to " + in_words(points.back().bytes) + " bytes, not of " +
                     in_words(shape.bytes) + " (\"extrapolate\": true goes beyond)");
}

const MemoryKind& kind_of(const EstimatorTable& table, const MemoryShape& shape) {
  const auto kind = table.kinds.find(shape.kind);
  if (kind == table.kinds.end()) {
    std::vector<std::string> names;
    for (const auto& [name, unused] : table.kinds) names.push_back(name);
    throw InputError("'" + table.name + "' has no kind of memory '" + shape.kind + "'" + hint(shape.kind, names));
  }
  for (const MemoryKind& each : kind->second)
    if (each.ports == shape.ports) return each;
  throw InputError("'" + table.name + "' has no " + shape.kind + " of " + std::to_string(shape.ports) + " ports");
}

template <class Value>
const Value& at_node(const std::map<std::string, Value>& values, const std::string& node) {
  const auto found = values.find(node);
  if (found != values.end()) return found->second;
  std::string nodes;
  for (const auto& [name, unused] : values) nodes += (nodes.empty() ? "" : ", ") + name;
  throw InputError("no process of " + node + " nm; known: " + nodes);
}

}  // namespace

AccessEnergy access_energy(const EstimatorTable& table, const MemoryShape& shape) {
  const MemoryKind& kind = kind_of(table, shape);
  expect_inside(kind.energies, shape, "energy");
  if (!shape.extrapolate && (shape.width_bits < kind.width_low || shape.width_bits > kind.width_high))
    throw InputError("the table has a " + shape.kind + " whose accesses are " + std::to_string(kind.width_low) + " to " +
                     std::to_string(kind.width_high) + " bits wide, not " + std::to_string(shape.width_bits) +
                     " (\"extrapolate\": true goes beyond)");
  const double factor = static_cast<double>(shape.width_bits) / kind.width_bits * at_node(table.scaling.energy, shape.node) /
                        at_node(table.scaling.energy, kind.energy_node);
  const auto bytes = [](const MemoryKind::Energy& each) { return each.bytes; };
  return {on_curve(kind.energies, shape.bytes, bytes, [](const auto& each) { return each.read_pj; }) * factor,
          on_curve(kind.energies, shape.bytes, bytes, [](const auto& each) { return each.write_pj; }) * factor};
}

double area_mm2(const EstimatorTable& table, const MemoryShape& shape) {
  constexpr double kMm2PerUm2 = 1e-6;
  const MemoryKind& kind = kind_of(table, shape);
  expect_inside(kind.areas, shape, "area");
  const double per_byte = on_curve(
      kind.areas, shape.bytes, [](const auto& each) { return each.bytes; }, [](const auto& each) { return each.um2_per_byte; });
  return per_byte * shape.bytes * at_node(at_node(table.scaling.area, kind.area_node), shape.node) * kMm2PerUm2;
}

}  // namespace tilepath
