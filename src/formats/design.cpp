#include "tilepath/formats/design.hpp"

#include <algorithm>
#include <cmath>

#include "tilepath/base/error.hpp"
#include "tilepath/formats/architecture.hpp"

namespace tilepath {

namespace {

double bytes_of(const Level& level) {
  constexpr double kBitsPerByte = 8;
  if (level.partitions.empty()) throw InputError("'" + level.name + "' has no capacity to estimate from");
  double bits = 0;
  for (const Partition& part : level.partitions) {
    int widest = 0;
    for (std::size_t r = 0; r < part.holds.size(); ++r)
      if (part.holds[r]) widest = std::max(widest, level.word_bits[r]);
    bits += static_cast<double>(part.capacity_words) * widest;
  }
  return bits / kBitsPerByte;
}

MemoryShape shape_of(const Level& level, const SweepEstimate& estimate, const SweepEstimate::Memory& memory) {
  const int widest = *std::max_element(level.word_bits.begin(), level.word_bits.end());
  const int width = memory.width_bits > 0 ? memory.width_bits : widest * static_cast<int>(level.block_words);
  return {memory.kind, bytes_of(level), width, memory.ports, estimate.node, estimate.extrapolate};
}

}  // namespace

Designer::Designer(const Sweep& sweep) : sweep_(sweep), grid_(sweep.grid()) {
  for (const SweepSetting& setting : sweep.settings) settings_.push_back({setting.value.place, Expression(setting.value.text)});
  for (const SweepExpression& condition : sweep.conditions) conditions_.push_back({condition.place, Expression(condition.text)});
  if (sweep.fill) fill_.push_back({sweep.fill->area.place, Expression(sweep.fill->area.text)});
}

Design Designer::operator()(std::int64_t point) {
  Design design;
  design.point = point;
  design.dataflow = static_cast<std::size_t>(grid_.digit(point, 0));
  design.architecture = sweep_.arch;
  try {
    vary(design);
    settle(design);
  } catch (const InputError& error) {
    design.fault = error.what();
  } catch (const Json::exception& error) {
    design.fault = error.what();
  }
  return design;
}

void Designer::vary(Design& design) const {
  design.parameters = Json::object();
  for (std::size_t p = 0; p < sweep_.parameters.size(); ++p) {
    const SweepParameter& parameter = sweep_.parameters[p];
    const Json& value = parameter.values[static_cast<std::size_t>(grid_.digit(design.point, p + 1))];
    design.parameters[parameter.name] = value;
    const bool dealt = parameter.pointers.size() > 1 && value.is_array();
    for (std::size_t i = 0; i < parameter.pointers.size(); ++i)
      design.architecture[Json::json_pointer(parameter.pointers[i])] = dealt ? value[i] : value;
  }
}

void Designer::settle(Design& design) {
  for (std::size_t s = 0; s < settings_.size(); ++s) {
    design.hierarchy = read_architecture({"the architecture", design.architecture});  // for instances and units
    const double value = this->value(settings_[s], design);
    Json& place = design.architecture[Json::json_pointer(sweep_.settings[s].pointer)];
    constexpr double kExact = 9007199254740992.0;  // 2^53
    if (value == std::floor(value) && std::abs(value) < kExact)
      place = static_cast<std::int64_t>(value);
    else
      place = value;
  }
  design.hierarchy = read_architecture({"the architecture", design.architecture});
  if (sweep_.estimate)
    for (const SweepEstimate::Memory& memory : sweep_.estimate->memories)
      if (!sweep_.fill || memory.level != sweep_.fill->level) estimate(design, memory);
  if (sweep_.fill) fill(design);
  design.area = design.hierarchy.area();
  for (Rule& condition : conditions_) design.wanted = design.wanted && value(condition, design) != 0;
}

void Designer::estimate(Design& design, const SweepEstimate::Memory& memory) const {
  const auto l = static_cast<std::size_t>(design.hierarchy.find_level(memory.level));
  Level& level = design.hierarchy.levels[l];
  Json& json = design.architecture["levels"][l];
  const SweepEstimate& estimate = *sweep_.estimate;
  const MemoryShape shape = shape_of(level, estimate, memory);
  try {
    if (estimate.energy) {
      const AccessEnergy energy = access_energy(estimate.table, shape);
      const double unit = design.hierarchy.energy_unit == "mac" ? estimate.mac_pj : 1;
      json["read_energy"] = level.read_energy = energy.read_pj / unit;
      json["write_energy"] = level.write_energy = energy.write_pj / unit;
    }
    if (estimate.area) json["area"] = level.area = area_mm2(estimate.table, shape);
  } catch (const InputError& error) {
    throw InputError("level '" + level.name + "': " + error.what());
  }
}

void Designer::fill(Design& design) {
  // The level takes the most words that keep the area: more words take no less.
  const SweepEstimate::Memory& memory = *std::find_if(sweep_.estimate->memories.begin(), sweep_.estimate->memories.end(),
                                                      [&](const auto& m) { return m.level == sweep_.fill->level; });
  const double budget = value(fill_.front(), design);
  const auto l = static_cast<std::size_t>(design.hierarchy.find_level(memory.level));
  Level& level = design.hierarchy.levels[l];
  level.area = 0;
  const double others = design.hierarchy.area();
  const auto instances = static_cast<double>(design.hierarchy.instances(static_cast<int>(l)));
  const auto fits = [&](std::int64_t words) {
    level.partitions.front().capacity_words = words;
    MemoryShape shape = shape_of(level, *sweep_.estimate, memory);
    shape.extrapolate = true;  // while looking; what is found is asked for as the sweep says
    return others + area_mm2(sweep_.estimate->table, shape) * instances <= budget;
  };
  std::int64_t low = 0;
  std::int64_t high = std::int64_t{1} << 40;
  while (low < high) {
    const std::int64_t middle = low + (high - low + 1) / 2;
    if (fits(middle))
      low = middle;
    else
      high = middle - 1;
  }
  if (low == 0)
    throw InputError("no area is left for '" + level.name + "': the rest takes " + std::to_string(others) + " mm2 of " +
                     std::to_string(budget));
  level.partitions.front().capacity_words = low;
  design.architecture["levels"][l]["capacity_words"] = low;
  estimate(design, memory);
}

double Designer::value(Rule& rule, const Design& design) const {
  try {
    return rule.expression([&](const std::string& name) { return value_of(name, design); });
  } catch (const InputError& error) {
    throw InputError(rule.place + ": " + error.what());
  }
}

double Designer::value_of(const std::string& name, const Design& design) const {
  const auto number = [&](const Json& value) {
    if (value.is_boolean()) return value.get<bool>() ? 1.0 : 0.0;
    if (!value.is_number()) throw InputError("'" + name + "' is not a number");
    return value.get<double>();
  };
  const Hierarchy& hierarchy = design.hierarchy;
  if (design.parameters.contains(name)) return number(design.parameters[name]);
  if (name == "area") return hierarchy.area();
  if (name == "units") return static_cast<double>(hierarchy.instances(hierarchy.level_count()));
  for (int l = 0; l < hierarchy.level_count(); ++l) {
    if (name == "area_" + as_name(hierarchy.level(l).name)) return hierarchy.level(l).area;
    if (name == "instances_" + as_name(hierarchy.level(l).name)) return static_cast<double>(hierarchy.instances(l));
  }
  for (const auto& [known, pointer] : named_places(design.architecture))
    if (known == name) return number(design.architecture[Json::json_pointer(pointer)]);
  throw InputError("this design has no '" + name + "'");
}

}  // namespace tilepath
