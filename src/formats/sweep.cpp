#include "tilepath/formats/sweep.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <set>

#include "tilepath/base/error.hpp"
#include "tilepath/base/suggest.hpp"
#include "tilepath/explore/expression.hpp"
#include "tilepath/formats/architecture.hpp"
#include "tilepath/formats/dataflow.hpp"
#include "tilepath/formats/estimator.hpp"
#include "tilepath/formats/result.hpp"
#include "tilepath/formats/workload.hpp"

namespace tilepath {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostValues = 1'000'000;
constexpr double kExact = 9007199254740992.0;  // 2^53: whole doubles below it are the integers that they seem
const std::string kFree = "free";

std::vector<std::string> tokens_of(const std::string& pointer) {
  std::vector<std::string> tokens;
  for (std::size_t at = 0; at < pointer.size();) {
    const std::size_t next = std::min(pointer.find('/', at + 1), pointer.size());
    tokens.push_back(pointer.substr(at + 1, next - at - 1));
    at = next;
  }
  return tokens;
}

/// An element of a list that may name a file: opened, or as it stands.
Json inlined(const Cursor& cursor, const std::string& folder, const std::string& home, const Library& library,
             const std::function<void(const Document&)>& check) {
  Document document{"", cursor.json()};
  if (cursor.json().is_string()) {
    const std::string given = cursor.text();
    std::error_code none;
    const fs::path beside = fs::path(home) / given;
    const bool is_path = given.find('/') != std::string::npos || given.ends_with(".json") || given.ends_with(".onnx");
    try {
      document = library.open(folder, is_path && fs::exists(beside, none) ? beside.string() : given);
    } catch (const InputError& error) {
      cursor.fail(error.what());
    }
    check(document);
    return document.root;
  }
  if (!cursor.json().is_object()) cursor.fail("expected a file, a ready-made name or an object");
  document.name = "in " + cursor.pointer();
  try {
    check(document);
  } catch (const InputError& error) {
    cursor.fail(error.what());
  }
  return document.root;
}

std::vector<Json> range_of(const Cursor& cursor) {
  const auto number = [&](const char* key) {
    const Json& value = cursor.at(key).json();
    if (!value.is_number()) cursor.at(key).fail("expected a number");
    return value;
  };
  const Json from = number("from");
  const Json to = number("to");
  const bool adds = cursor.has("step");
  const Json by = number(adds ? "step" : "times");
  const bool whole = from.is_number_integer() && by.is_number_integer();
  const auto low = from.get<double>();
  const auto high = to.get<double>();
  const auto factor = by.get<double>();
  if (adds ? !(factor > 0) : !(factor > 1))
    cursor.at(adds ? "step" : "times").fail(adds ? "expected a number above 0" : "expected a number above 1");
  if (!adds && !(low > 0)) cursor.at("from").fail("expected a number above 0, to be multiplied");
  if (high < low) cursor.at("to").fail("expected at least 'from'");
  std::vector<Json> values;
  double value = low;
  // A whole range stays whole; another allows for what adding fractions loses.
  const double slack = whole ? 0 : 1e-9 * std::abs(high);
  for (std::int64_t k = 1; value <= high + slack; ++k) {
    if (value == std::floor(value) && std::abs(value) < kExact)
      values.emplace_back(static_cast<std::int64_t>(value));
    else
      values.emplace_back(value);
    if (static_cast<std::int64_t>(values.size()) > kMostValues) cursor.fail("expected 1,000,000 values at most");
    value = adds ? low + static_cast<double>(k) * factor : value * factor;
  }
  return values;
}

/// Throws where the architecture has nothing at `pointer` and could have nothing there.
void expect_place(const Cursor& cursor, const Json& arch, const std::string& pointer, const Json& value) {
  Json changed = arch;
  try {
    const Json::json_pointer place(pointer);
    // A key that an object lacks can be added; an element that a list lacks, or what holds the key, cannot.
    const bool there = arch.contains(place) ||
                       (!place.empty() && arch.contains(place.parent_pointer()) && arch[place.parent_pointer()].is_object());
    if (!there || place.empty()) cursor.fail("'" + pointer + "' is no place in the architecture");
    changed[place] = value;
  } catch (const Json::exception&) {
    cursor.fail("'" + pointer + "' is no place in the architecture");
  }
  try {
    (void)read_architecture({"the architecture", changed});
  } catch (const InputError& error) {
    // Values may go together: a single one that cannot stand alone is found out point by point. A key that nobody knows is a
    // slip.
    if (std::string(error.what()).find("unknown key") != std::string::npos) cursor.fail(error.what());
  }
}

SweepParameter parameter_of(const Cursor& cursor, const Json& arch) {
  cursor.expect_object({"name", "description", "pointer", "pointers", "values", "from", "to", "step", "times"});
  SweepParameter parameter;
  if (cursor.has("pointer") == cursor.has("pointers")) cursor.fail("expected either 'pointer' or 'pointers'");
  std::vector<Cursor> places;
  if (cursor.has("pointer"))
    places.push_back(cursor.at("pointer"));
  else
    places = cursor.at("pointers").elements(1);
  for (const Cursor& place : places) parameter.pointers.push_back(place.text());
  if (cursor.has("values") == cursor.has("from")) cursor.fail("expected either 'values' or 'from' and 'to'");
  if (cursor.has("values")) {
    for (const char* key : {"to", "step", "times"})
      if (cursor.has(key)) cursor.at(key).fail("goes with 'from', not with 'values'");
    for (const Cursor& value : cursor.at("values").elements(1)) parameter.values.push_back(value.json());
  } else {
    if (cursor.has("step") == cursor.has("times")) cursor.fail("expected either 'step' or 'times' with 'from' and 'to'");
    parameter.values = range_of(cursor);
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    const Json& first = parameter.values.front();
    const bool dealt = places.size() > 1 && first.is_array();
    if (dealt && first.size() != places.size())
      cursor.at("values").fail("expected lists of " + std::to_string(places.size()) + " values, one for each pointer");
    expect_place(places[i], arch, parameter.pointers[i], dealt ? first[i] : first);
  }
  for (const Json& value : parameter.values)
    if (places.size() > 1 &&
        (value.is_array() != parameter.values.front().is_array() || (value.is_array() && value.size() != places.size())))
      cursor.at("values").fail("expected lists of " + std::to_string(places.size()) + " values, one for each pointer");
  parameter.name = cursor.has("name") ? cursor.at("name").text() : name_of_place(arch, parameter.pointers.front());
  if (as_name(parameter.name) != parameter.name)
    (cursor.has("name") ? cursor.at("name") : cursor).fail("expected a name of letters, digits and _");
  return parameter;
}

SweepExpression expression_of(const Cursor& cursor) {
  SweepExpression expression{cursor.pointer(), cursor.json().is_number() ? cursor.json().dump() : cursor.text()};
  try {
    const Expression checked(expression.text);
  } catch (const InputError& error) {
    cursor.fail(error.what());
  }
  return expression;
}

SweepEstimate estimate_of(const Cursor& cursor, const Hierarchy& hierarchy) {
  cursor.expect_object({"table", "node", "extrapolate", "what", "mac_pj", "levels"});
  SweepEstimate estimate;
  estimate.table = read_estimator({"in " + cursor.at("table").pointer(), cursor.at("table").json()});
  estimate.node = cursor.at("node").text();
  if (!estimate.table.scaling.energy.contains(estimate.node)) {
    std::vector<std::string> nodes;
    for (const auto& [node, unused] : estimate.table.scaling.energy) nodes.push_back(node);
    cursor.at("node").fail("no process of " + estimate.node + " nm" + hint(estimate.node, nodes));
  }
  if (cursor.has("extrapolate")) estimate.extrapolate = cursor.at("extrapolate").boolean();
  if (cursor.has("what")) {
    estimate.energy = estimate.area = false;
    for (const Cursor& what : cursor.at("what").elements(1))
      (what.one_of({"energy", "area"}) == 0 ? estimate.energy : estimate.area) = true;
  }
  if (cursor.has("mac_pj")) estimate.mac_pj = cursor.at("mac_pj").number(true);
  if (estimate.energy && hierarchy.energy_unit == "mac" && estimate.mac_pj == 0)
    cursor.fail(R"(the architecture's energies are in MACs and the table's in pJ: expected 'mac_pj', or "what": ["area"])");
  std::vector<std::string> names;
  for (const Level& level : hierarchy.levels) names.push_back(level.name);
  for (const auto& [level, memory] : cursor.at("levels").members()) {
    if (hierarchy.find_level(level) < 0) memory.fail("the architecture has no level '" + level + "'" + hint(level, names));
    memory.expect_object({"kind", "width_bits", "ports"});
    SweepEstimate::Memory one{level, memory.at("kind").text()};
    std::vector<std::string> kinds;
    for (const auto& [kind, unused] : estimate.table.kinds) kinds.push_back(kind);
    if (!estimate.table.kinds.contains(one.kind))
      memory.at("kind").fail("the table has no kind '" + one.kind + "'" + hint(one.kind, kinds));
    if (memory.has("width_bits")) one.width_bits = static_cast<int>(memory.at("width_bits").integer(1, 1 << 16));
    if (memory.has("ports")) one.ports = static_cast<int>(memory.at("ports").integer(1, 64));
    estimate.memories.push_back(one);
  }
  return estimate;
}

void read_mapspace(const Cursor& cursor, Mapspace& mapspace) {
  cursor.expect_object({"nests", "remainders", "bypass"});
  if (cursor.has("nests")) mapspace.uneven = cursor.at("nests").one_of({"uneven", "even"}) == 0;
  if (cursor.has("remainders")) mapspace.remainders = remainders_of(cursor.at("remainders"));
  if (cursor.has("bypass")) mapspace.bypass = cursor.at("bypass").one_of({"free", "fixed"}) == 0 ? Bypass::free : Bypass::fixed;
}

/// What expressions can speak of.
std::vector<std::string> known_names(const Sweep& sweep, const Hierarchy& hierarchy) {
  std::set<std::string> names = {"area", "units"};
  for (const Level& level : hierarchy.levels) {
    names.insert("area_" + as_name(level.name));
    names.insert("instances_" + as_name(level.name));
  }
  for (const auto& [name, pointer] : named_places(sweep.arch)) names.insert(name);
  for (const SweepParameter& parameter : sweep.parameters) {
    names.insert(parameter.name);
    for (const std::string& pointer : parameter.pointers) names.insert(name_of_place(sweep.arch, pointer));
  }
  for (const SweepSetting& setting : sweep.settings) names.insert(name_of_place(sweep.arch, setting.pointer));
  return {names.begin(), names.end()};
}

void expect_known(const Document& document, const SweepExpression& expression, const std::vector<std::string>& known) {
  const Expression parsed(expression.text);
  for (const std::string& name : parsed.names())
    if (!std::binary_search(known.begin(), known.end(), name))
      throw InputError(document.name + ": " + expression.place + ": nothing is called '" + name + "'" + hint(name, known));
}

void read_networks(const Cursor& cursor, Sweep& sweep) {
  for (const Cursor& workload : cursor.elements(1)) {
    sweep.networks.push_back(read_workload({"in " + workload.pointer(), workload.json()}));
    std::vector<std::size_t> indices;
    for (const Layer& layer : sweep.networks.back().layers) {
      const auto equal = [&](const Layer& other) { return same_problem(layer, other); };
      const auto it = std::find_if(sweep.layers.begin(), sweep.layers.end(), equal);
      indices.push_back(static_cast<std::size_t>(it - sweep.layers.begin()));
      if (it == sweep.layers.end()) sweep.layers.push_back(layer);
    }
    sweep.layer_of.push_back(std::move(indices));
  }
  std::set<std::string> names;
  for (const Network& network : sweep.networks)
    if (!names.insert(network.name).second) cursor.fail("two workloads are named '" + network.name + "'");
}

}  // namespace

std::string name_of_place(const Json& arch, const std::string& pointer) {
  std::string name;
  const std::vector<std::string> tokens = tokens_of(pointer);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i == 0 && tokens[i] == "levels") continue;
    std::string token = tokens[i];
    if (i == 1 && tokens[0] == "levels") {
      const Json::json_pointer place("/levels/" + token + "/name");
      if (arch.contains(place) && arch[place].is_string()) token = arch[place].get<std::string>();
    }
    name += (name.empty() ? "" : "_") + token;
  }
  return as_name(name);
}

std::vector<std::pair<std::string, std::string>> named_places(const Json& arch) {
  std::vector<std::pair<std::string, std::string>> places;
  const auto walk = [&](const auto& self, const Json& value, const std::string& pointer) -> void {
    if (value.is_number() || value.is_boolean()) places.emplace_back(name_of_place(arch, pointer), pointer);
    if (value.is_object())
      for (const auto& [key, inner] : value.items())
        if (key != "sources" && key != "schema_version") self(self, inner, pointer + "/" + key);
    if (value.is_array())
      for (std::size_t i = 0; i < value.size(); ++i) self(self, value[i], pointer + "/" + std::to_string(i));
  };
  walk(walk, arch, "");
  return places;
}

Grid Sweep::grid() const {
  std::vector<std::int64_t> radices = {static_cast<std::int64_t>(dataflows.size())};
  for (const SweepParameter& parameter : parameters) radices.push_back(static_cast<std::int64_t>(parameter.values.size()));
  return Grid(std::move(radices));
}

Document resolved(const Document& sweep, const Library& library) {
  const Cursor root(sweep);
  root.expect_version();
  const std::string home = fs::path(sweep.name).parent_path().string();
  Json whole = sweep.root;
  whole["arch"] = inlined(root.at("arch"), "arch", home, library, [](const Document& d) { (void)read_architecture(d); });
  Json workloads = Json::array();
  for (const Cursor& each : root.at("workloads").elements(1))
    workloads.push_back(inlined(each, "workloads", home, library, [](const Document& d) { (void)read_workload(d); }));
  whole["workloads"] = std::move(workloads);
  if (root.has("dataflows")) {
    Json dataflows = Json::array();
    for (const Cursor& each : root.at("dataflows").elements(1)) {
      if (each.json() == kFree)
        dataflows.push_back(kFree);
      else
        dataflows.push_back(inlined(each, "mappings", home, library, [](const Document& d) {
          (void)statements_of(d);
          (void)Cursor(d).at("name").text();
        }));
    }
    whole["dataflows"] = std::move(dataflows);
  }
  if (root.has("estimate"))
    whole["estimate"]["table"] =
        inlined(root.at("estimate").at("table"), "estimators", home, library, [](const Document& d) { (void)read_estimator(d); });
  return {sweep.name, std::move(whole)};
}

Sweep read_sweep(const Document& document) {
  const Cursor root(document);
  root.expect_object({"schema_version", "name", "description", "sources", "arch", "workloads", "dataflows", "objective",
                      "exponents", "max_energy", "max_cycles", "mapspace", "parameters", "set", "estimate", "fill", "where",
                      "front_only"});
  root.expect_version();
  Sweep sweep;
  sweep.file = document;
  sweep.name = root.at("name").text();
  sweep.arch = root.at("arch").json();
  const Hierarchy hierarchy = read_architecture({"in /arch", sweep.arch});
  read_networks(root.at("workloads"), sweep);
  if (root.has("dataflows")) {
    std::set<std::string> names;
    for (const Cursor& each : root.at("dataflows").elements(1)) {
      SweepDataflow dataflow{kFree, {}};
      if (each.json() != kFree) dataflow = {each.at("name").text(), Document{"in " + each.pointer(), each.json()}};
      if (!names.insert(dataflow.name).second) each.fail("'" + dataflow.name + "' is there twice");
      sweep.dataflows.push_back(std::move(dataflow));
    }
  } else {
    sweep.dataflows.push_back({kFree, {}});
  }
  Aim& aim = sweep.options.objective;
  if (root.has("objective"))
    aim.objective = static_cast<Objective>(root.at("objective").one_of({"energy", "latency", "edp", "ed2p", "product"}));
  if (root.has("exponents")) {
    if (aim.objective != Objective::product) root.at("exponents").fail("goes with the objective 'product'");
    const std::vector<Cursor> exponents = root.at("exponents").elements(2);
    aim.energy_exponent = exponents[0].number(true);
    aim.cycles_exponent = exponents[1].number(true);
  }
  if (root.has("max_energy")) aim.max_energy = root.at("max_energy").number(true);
  if (root.has("max_cycles")) aim.max_cycles = root.at("max_cycles").number(true);
  if (root.has("mapspace")) read_mapspace(root.at("mapspace"), sweep.options.mapspace);
  std::set<std::string> names;
  for (const Cursor& each : root.at("parameters").elements(0)) {
    sweep.parameters.push_back(parameter_of(each, sweep.arch));
    if (!names.insert(sweep.parameters.back().name).second)
      each.fail("two parameters are named '" + sweep.parameters.back().name + "'; give one a 'name'");
  }
  if (root.has("set"))
    for (const Cursor& each : root.at("set").elements(0)) {
      each.expect_object({"pointer", "value"});
      sweep.settings.push_back({each.at("pointer").text(), expression_of(each.at("value"))});
      expect_place(each.at("pointer"), sweep.arch, sweep.settings.back().pointer, 1);
    }
  if (root.has("where"))
    for (const Cursor& each : root.at("where").elements(0)) sweep.conditions.push_back(expression_of(each));
  if (root.has("estimate")) sweep.estimate = estimate_of(root.at("estimate"), hierarchy);
  if (root.has("fill")) {
    const Cursor fill = root.at("fill");
    fill.expect_object({"level", "area"});
    sweep.fill = SweepFill{fill.at("level").text(), expression_of(fill.at("area"))};
    const bool estimated = sweep.estimate && sweep.estimate->area &&
                           std::any_of(sweep.estimate->memories.begin(), sweep.estimate->memories.end(),
                                       [&](const auto& memory) { return memory.level == sweep.fill->level; });
    if (!estimated) fill.at("level").fail("'fill' needs a level whose area 'estimate' gives");
    if (hierarchy.levels[static_cast<std::size_t>(hierarchy.find_level(sweep.fill->level))].partitions.size() != 1)
      fill.at("level").fail("'fill' needs a level with one capacity, 'capacity_words'");
  }
  if (root.has("front_only")) sweep.front_only = root.at("front_only").boolean();
  const std::vector<std::string> known = known_names(sweep, hierarchy);
  for (const SweepSetting& setting : sweep.settings) expect_known(document, setting.value, known);
  for (const SweepExpression& condition : sweep.conditions) expect_known(document, condition, known);
  if (sweep.fill) expect_known(document, sweep.fill->area, known);
  (void)sweep.grid();
  return sweep;
}

}  // namespace tilepath
