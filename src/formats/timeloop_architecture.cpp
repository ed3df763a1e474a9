// Timeloop's architecture and our hierarchy. Both ways of writing one, v0.3's subtrees and v0.4's nodes, are a chain of
// components, each with a number of instances and a mesh; what lies between two neighbours' meshes is a fanout:
//
//   GLB, 1                        level GLB
//   inter_PE_column_spatial, 1    a dummy or container: no level; its lanes are GLB's  \.  fanout of GLB: 14 x 12
//   inter_PE_spatial, 14          the same                                            /
//   RF, 168 (meshX 14)            level RF
//   MAC, 168                      compute
#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "tilepath/base/error.hpp"
#include "tilepath/base/quantity.hpp"
#include "tilepath/base/suggest.hpp"
#include "tilepath/formats/yaml.hpp"
#include "timeloop_parts.hpp"

namespace tilepath::timeloop {

namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 52;  // words, bits, instances: products of two are checked

struct Component {
  std::string name, type;
  Cursor where;
  std::optional<Cursor> attributes;
  std::int64_t instances = 1;
  std::int64_t mesh_x = 1, mesh_y = 1;
  bool dummy = false;  ///< no memory: its lanes are part of the fanout around it
};

/// "PE[0..167]": the name, and how many.
std::pair<std::string, std::int64_t> name_and_count(const Cursor& cursor) {
  const std::string text = cursor.text();
  const std::size_t open = text.find('[');
  if (open == std::string::npos) return {text, 1};
  const std::size_t dots = text.find("..", open);
  std::int64_t first = 0;
  std::int64_t last = 0;
  const char* end = text.data() + text.size();
  if (dots == std::string::npos || text.back() != ']' ||
      std::from_chars(text.data() + open + 1, end, first).ptr != text.data() + dots ||
      std::from_chars(text.data() + dots + 2, end, last).ptr != end - 1 || last < first || last - first > (1 << 20))
    cursor.fail("expected a name, or NAME[FIRST..LAST], found \"" + text + "\"");
  return {text.substr(0, open), last - first + 1};
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

class Reader {
 public:
  Reader(const Cursor& root, const EnergyTables& tables, const TimeloopImportOptions& options, Remarks& remarks)
      : root_(root), tables_(tables), options_(options), remarks_(remarks) {}

  Architecture architecture() {
    expect_known(root_, {"version", "subtree", "nodes", "name", "attributes"}, remarks_);
    if (root_.has("version"))
      if (const Json version = root_.at("version").json();
          version != 0.2 && version != 0.3 && version != 0.4 && version != "0.2" && version != "0.3" && version != "0.4")
        root_.at("version").fail("expected 0.3 or 0.4, found " + version.dump());
    if (root_.has("nodes"))
      for (const Cursor& node : root_.at("nodes").elements(1)) walk_node(node, false);
    else if (root_.has("subtree"))
      walk_subtrees(root_.at("subtree"), 1);
    else
      root_.fail("expected 'subtree' (v0.3) or 'nodes' (v0.4)");
    if (chain_.size() < 2) root_.fail("expected at least one memory and a compute unit");
    build();
    return std::move(result_);
  }

 private:
  // ---- the chain

  void walk_subtrees(const Cursor& list, std::int64_t times) {
    const std::vector<Cursor> nodes = list.elements();
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (i > 0) nodes[i].fail("a second subtree beside the first: a hierarchy is a chain here");
      expect_known(nodes[i], {"name", "attributes", "local", "subtree"}, remarks_);
      const auto [name, count] = name_and_count(nodes[i].at("name"));
      const std::int64_t inside = checked_multiply(times, count);
      if (name_.empty()) name_ = name;
      if (nodes[i].has("attributes")) inherit(nodes[i].at("attributes"));
      if (nodes[i].has("local"))
        for (const Cursor& each : nodes[i].at("local").elements()) local(each, inside);
      if (nodes[i].has("subtree")) walk_subtrees(nodes[i].at("subtree"), inside);
    }
  }

  void local(const Cursor& cursor, std::int64_t times) {
    expect_known(cursor, kOfComponent, remarks_);
    const auto [name, count] = name_and_count(cursor.at("name"));
    Component component = component_of(cursor, name, checked_multiply(times, count));
    const auto mesh = [&](const char* key) {
      return component.attributes && component.attributes->has(key) && !component.attributes->at(key).json().is_null()
                 ? component.attributes->at(key).integer(1, kMost)
                 : 0;
    };
    component.mesh_x = mesh("meshX");
    component.mesh_y = mesh("meshY");
    if (component.mesh_x == 0) component.mesh_x = component.instances / std::max<std::int64_t>(1, component.mesh_y);
    if (component.mesh_y == 0) component.mesh_y = component.instances / component.mesh_x;
    if (component.mesh_x * component.mesh_y != component.instances)
      cursor.fail(std::to_string(component.instances) + " instances are no mesh of " + std::to_string(component.mesh_x) + " x " +
                  std::to_string(component.mesh_y));
    add(std::move(component));
  }

  void walk_node(const Cursor& node, bool beside) {
    const std::string kind = node.has(kYamlTag) ? node.at(kYamlTag).text() : "Component";
    if (kind == "Parallel" || kind == "Pipelined" || kind == "Hierarchical") {
      expect_known(node, {kYamlTag, "nodes", "name"}, remarks_);
      if (kind == "Pipelined") node.fail("!Pipelined has no counterpart: a hierarchy is a chain here");
      for (const Cursor& each : node.at("nodes").elements(1)) walk_node(each, kind == "Parallel");
      return;
    }
    if (kind != "Component" && kind != "Container")
      node.fail("expected !Component, !Container, !Parallel or !Hierarchical, found !" + kind);
    expect_known(node, kOfComponent, remarks_);
    if (node.has("spatial")) expect_known(node.at("spatial"), {"meshX", "meshY"}, remarks_);
    const auto [name, count] = name_and_count(node.at("name"));
    if (name_.empty()) name_ = name;
    if (node.has("enabled") && node.at("enabled").json() == false) {
      remarks_.push_back(node.said("'" + name + "' left out: it is not enabled"));
      return;
    }
    if (node.has("attributes") && kind == "Container") inherit(node.at("attributes"));
    spatial(node, name, count);
    if (node.has("constraints")) result_.constraints.emplace_back(name, node.at("constraints"));
    if (kind == "Container") return;
    Component component = component_of(node, name, x_ * y_);
    component.mesh_x = x_;
    component.mesh_y = y_;
    if (beside) result_.alone.push_back(name);
    add(std::move(component));
  }

  /// `spatial: {meshX, meshY}`: a container of lanes, known to directives as inter_NAME_spatial.
  void spatial(const Cursor& node, const std::string& name, std::int64_t count) {
    const auto mesh = [&](const char* key) {
      return node.has("spatial") && node.at("spatial").has(key) ? node.at("spatial").at(key).integer(1, kMost) : 1;
    };
    const std::int64_t x = checked_multiply(mesh("meshX"), count);
    const std::int64_t y = mesh("meshY");
    if (x * y == 1) return;
    add({"inter_" + name + "_spatial", "", node, {}, x_ * y_, x_, y_, true});
    x_ = checked_multiply(x_, x);
    y_ = checked_multiply(y_, y);
  }

  void inherit(const Cursor& attributes) {
    for (const auto& [key, value] : attributes.members()) {
      if (key == "technology" && value.json() != "SET ME" && value.json() != -1)
        technology_ = value.json().is_string() ? value.text() : value.json().dump();
      if (key == "global_cycle_seconds") cycle_seconds_ = value.number(true);
    }
  }

  Component component_of(const Cursor& cursor, const std::string& name, std::int64_t instances) {
    Component component{name, cursor.at("class").text(), cursor, {}, instances, 1, 1};
    if (cursor.has("attributes")) {
      component.attributes = cursor.at("attributes");
      inherit(*component.attributes);
    }
    component.dummy = lower(component.type).find("dummy") != std::string::npos;
    return component;
  }

  void add(Component component) {
    if (const std::string type = lower(component.type); type.find("network") != std::string::npos) {
      remarks_.push_back(component.where.said("network '" + component.name +
                                              "' left out: a fanout's energy_per_word says what crossing it costs"));
      return;
    }
    chain_.push_back(std::move(component));
  }

  // ---- tables

  /// The table of a component in ERT or ART: its path ends in the name.
  [[nodiscard]] static std::optional<Cursor> table(const std::optional<Cursor>& tables, const std::string& name) {
    std::optional<Cursor> found;
    if (!tables) return found;
    for (const Cursor& each : tables->at("tables").elements()) {
      std::string path = each.at("name").text();
      const std::size_t range = path.rfind('[');
      if (range != std::string::npos && path.back() == ']' && path.find('.', range) != std::string::npos &&
          path.find("..", range) == path.find('.', range))
        path.erase(range);
      if (path.substr(path.rfind('.') + 1) != name) continue;
      if (found) each.fail("a second table of '" + name + "'");
      found = each;
    }
    return found;
  }

  [[nodiscard]] static std::optional<double> action(const Cursor& table, const std::string& action) {
    std::optional<double> energy;
    for (const Cursor& each : table.at("actions").elements())
      if (each.at("name").text() == action) {
        if (energy) each.fail("a second action '" + action + "'");
        energy = each.at("energy").number();
      }
    return energy;
  }
  /// An action that there must be, under one of these names.
  [[nodiscard]] static double needed(const Cursor& table, const std::vector<std::string>& actions) {
    for (const std::string& each : actions)
      if (const auto energy = action(table, each)) return *energy;
    std::vector<std::string> known;
    for (const Cursor& each : table.at("actions").elements()) known.push_back(each.at("name").text());
    table.at("actions").fail("has no action '" + actions.front() + "'" + hint(actions.front(), known));
  }

  std::optional<Cursor> energies(const Component& component) {
    std::optional<Cursor> found = table(tables_.energies, component.name);
    if (!found && !options_.without_energies)
      component.where.fail("no ERT has energies of '" + component.name +
                           "': give Accelergy's ERT too, or take 0 for latency alone (--without-energies)");
    if (!found) remarks_.push_back(component.where.said("no ERT has energies of '" + component.name + "': they are 0"));
    return found;
  }

  [[nodiscard]] std::optional<double> area(const Component& component) const {
    const std::optional<Cursor> found = table(tables_.areas, component.name);
    constexpr double kMm2OfUm2 = 1e-6;
    return found ? std::optional(found->at("area").number() * kMm2OfUm2) : std::nullopt;
  }

  // ---- levels

  /// An attribute under any of its spellings; nothing where it is absent or null.
  std::optional<Cursor> attribute(const Component& component, std::initializer_list<const char*> spellings) {
    std::optional<Cursor> found;
    if (!component.attributes) return found;
    for (const char* key : spellings) {
      known_.insert(key);
      if (component.attributes->has(key) && !component.attributes->at(key).json().is_null())
        found = component.attributes->at(key);
    }
    return found;
  }
  std::int64_t count(const Component& component, std::initializer_list<const char*> spellings, std::int64_t otherwise) {
    const auto found = attribute(component, spellings);
    return found ? found->integer(1, kMost) : otherwise;
  }

  Json level(const Component& component) {
    constexpr std::int64_t kDefaultBits = 16;  // Timeloop's
    const std::int64_t bits = count(component, {"word-bits", "word_bits", "datawidth", "data_width"}, kDefaultBits);
    const std::int64_t cluster = count(component, {"cluster-size", "cluster_size"}, 1);
    const std::int64_t width = count(component, {"width"}, bits * cluster);
    const std::int64_t block =
        count(component, {"block-size", "block_size"}, std::max<std::int64_t>(1, width / checked_multiply(bits, cluster)));
    if (cluster > 1)
      remarks_.push_back(component.where.said("cluster size " + std::to_string(cluster) +
                                              " left out: here an instance has accesses of its own"));
    Json level = {{"name", component.name}, {"word_bits", bits}, {"block_words", block}};
    if (const auto words = attribute(component, {"entries"}))
      level["capacity_words"] = words->integer(1, kMost);
    else if (const auto depth = attribute(component, {"depth"}))
      level["capacity_words"] = checked_multiply(depth->integer(1, kMost), block);
    else if (const auto kilobytes = attribute(component, {"sizeKB", "size_KB"}))
      level["capacity_words"] = kilobytes->integer(1, kMost >> 13) * 8192 / bits;
    else if (lower(component.type).find("dram") == std::string::npos)
      remarks_.push_back(component.where.said("'" + component.name + "' has no depth: it is unbounded"));
    for (const char* key : {"read_bandwidth", "write_bandwidth"})
      if (const auto words = attribute(component, {key})) {
        level[key] = words->number(true);
        limited_ = true;
      }
    if (const auto shared = attribute(component, {"shared_bandwidth"}))
      remarks_.push_back(shared->said("left out: reads and writes have a bandwidth each here"));
    if (const auto copies = attribute(component, {"multiple-buffering", "multiple_buffering"})) {
      const double times = copies->number(true);
      if (times == 2)
        level["double_buffered"] = true;
      else if (times != 1)
        remarks_.push_back(copies->said("taken as 1: a buffer is single or double here"));
    }
    const std::optional<Cursor> costs = energies(component);
    level["read_energy"] = costs ? needed(*costs, {"read"}) : 0;
    level["write_energy"] = costs ? needed(*costs, {"write"}) : 0;
    if (costs) {
      const double update = action(*costs, "update").value_or(level["write_energy"].get<double>());
      if (update != level["write_energy"])
        remarks_.push_back(costs->said("an update costs what a write costs here, " + level["write_energy"].dump() + " pJ, not " +
                                       Json(update).dump()));
      if (const double leak = action(*costs, "leak").value_or(0); leak > 0) level["leakage"] = leak;
    }
    if (const auto mm2 = area(component)) level["area"] = *mm2;
    level["retention"] = "none";
    unread(component);
    return level;
  }

  /// Attributes that say nothing of mappings go by name.
  void unread(const Component& component) {
    static const std::set<std::string> kElsewhere = {"meshX", "meshY", "technology", "global_cycle_seconds", "version"};
    std::vector<std::string> meant(known_.begin(), known_.end());
    meant.insert(meant.end(), kElsewhere.begin(), kElsewhere.end());
    static const std::set<std::string> kPlain = {"1", "0", "null", "false", "true"};
    if (!component.attributes) return;
    for (const auto& [key, value] : component.attributes->members()) {
      if (known_.contains(key) || kElsewhere.contains(key)) continue;
      if (const std::string near = nearest(key, meant); near.size() + 1 >= key.size() && near.size() <= key.size() + 1)
        value.fail("unknown attribute; did you mean '" + near + "'?");
      if (!kPlain.contains(value.json().dump()) || key == "reduction_supported") estimators_.insert(key);
    }
  }

  Json compute(const Component& component) {
    const std::string type = lower(component.type);
    static const std::vector<std::string> kComputes = {"mac", "compute", "alu", "mult", "add", "fpu", "pe"};
    const auto computes = [&](const std::string& part) { return type.find(part) != std::string::npos; };
    if (attribute(component, {"depth"}) || attribute(component, {"entries"}) ||
        std::none_of(kComputes.begin(), kComputes.end(), computes))
      component.where.fail("expected a compute unit (of class intmac, fpmac, …) as the last component, found '" + component.name +
                           "' of class '" + component.type + "'");
    Json compute = {{"name", component.name}};
    compute["bits"] = count(component, {"datawidth", "word-bits", "word_bits", "multiplier_width"}, 16);
    const std::optional<Cursor> costs = energies(component);
    compute["mac_energy"] = costs ? needed(*costs, {"compute", "mac_random", "mac"}) : 0;
    if (const auto mm2 = area(component)) compute["area"] = *mm2;
    if (const double leak = costs ? action(*costs, "leak").value_or(0) : 0; leak > 0) {
      Json& above = result_.json["levels"].back();
      const double units =
          above.contains("fanout") ? above["fanout"]["x"].get<double>() * above["fanout"]["y"].get<double>() : 1.0;
      above["leakage"] = above.value("leakage", 0.0) + leak * units;
      remarks_.push_back(
          costs->said("leakage of '" + component.name + "' is counted with that of '" + above["name"].get<std::string>() + "'"));
    }
    unread(component);
    return compute;
  }

  void build() {
    Json& json = result_.json;
    result_.called = name_;
    json = {{"schema_version", 1}, {"name", options_.name.empty() ? name_ : options_.name}};
    json["levels"] = Json::array();
    for (std::size_t i = 0; i < chain_.size(); ++i) {
      const Component& each = chain_[i];
      const bool last = i + 1 == chain_.size();
      if (last && each.dummy) each.where.fail("expected a compute unit as the last component");
      if (!last && !each.dummy) {
        if (std::find(result_.levels.begin(), result_.levels.end(), each.name) != result_.levels.end())
          each.where.fail("a second component '" + each.name + "'");
        json["levels"].push_back(level(each));
        result_.levels.push_back(each.name);
      }
      if (last) {
        json["compute"] = compute(each);
        break;
      }
      const int here = static_cast<int>(result_.levels.size()) - 1;
      if (here < 0) each.where.fail("expected a memory before the first fanout");
      Target target{each.dummy ? -1 : here, here, ""};
      if (each.dummy && chain_[i + 1].mesh_y == each.mesh_y) target.axis = "x";
      if (each.dummy && chain_[i + 1].mesh_x == each.mesh_x) target.axis = "y";
      if (each.dummy) joined_[result_.levels.back()].push_back(each.name);
      widen(json["levels"].back(), each, chain_[i + 1]);
      result_.targets[each.name] = target;
      // v0.4 names the container itself, v0.4's processed form what it made of it.
      if (each.name.starts_with("inter_") && each.name.ends_with("_spatial"))
        result_.targets.emplace(each.name.substr(6, each.name.size() - 14), target);
    }
    finish(json);
  }

  /// What lies between two neighbours' meshes is part of the fanout.
  static void widen(Json& level, const Component& outer, const Component& inner) {
    if (inner.mesh_x % outer.mesh_x != 0 || inner.mesh_y % outer.mesh_y != 0)
      inner.where.fail("its mesh of " + std::to_string(inner.mesh_x) + " x " + std::to_string(inner.mesh_y) +
                       " is no multiple of '" + outer.name + "'s " + std::to_string(outer.mesh_x) + " x " +
                       std::to_string(outer.mesh_y));
    const std::int64_t x = inner.mesh_x / outer.mesh_x;
    const std::int64_t y = inner.mesh_y / outer.mesh_y;
    if (x * y == 1) return;
    if (!level.contains("fanout")) level["fanout"] = {{"x", 1}, {"y", 1}, {"multicast", "equal"}, {"reduction", true}};
    level["fanout"]["x"] = checked_multiply(level["fanout"]["x"].get<std::int64_t>(), x);
    level["fanout"]["y"] = checked_multiply(level["fanout"]["y"].get<std::int64_t>(), y);
  }

  void finish(Json& json) {
    json["energy_unit"] = "pJ";
    json["footprint"] = "box";
    if (!technology_.empty()) json["technology"] = technology_;
    constexpr double kHzOfMhz = 1e6;
    if (cycle_seconds_ > 0) json["clock_mhz"] = std::round(1 / cycle_seconds_) / kHzOfMhz;
    for (Json& level : json["levels"]) {
      if (!limited_ || !level.contains("capacity_words")) continue;
      // Timeloop's transfers overlap with work in a buffer that is not doubled.
      if (!level.contains("double_buffered")) level["capacity_words"] = 2 * level["capacity_words"].get<std::int64_t>();
      level["double_buffered"] = true;
    }
    if (limited_ && !options_.patched)
      remarks_.push_back(root_.said(
          "in Timeloop transfers always overlap with work; so that they do here, buffers are double ones of twice the words"));
    for (const auto& [level, containers] : joined_) {
      std::string names;
      for (const std::string& each : containers) names += (names.empty() ? "" : ", ") + each;
      if (containers.size() > 1)
        remarks_.push_back(root_.said("lanes of " + names + " are one fanout of '" + level +
                                      "': words that several of them need are found across all, in Timeloop below each alone"));
    }
    if (!estimators_.empty()) {
      std::string names;
      for (const std::string& each : estimators_) names += (names.empty() ? "" : ", ") + each;
      remarks_.push_back(root_.said("attributes that say nothing of mappings left out: " + names));
    }
  }

  /// Of those nobody but estimators reads the last ones.
  static inline const std::vector<std::string> kOfComponent = {
      kYamlTag,           "name",       "class",        "attributes",      "constraints", "spatial",    "enabled",
      "required_actions", "area_scale", "energy_scale", "component_class", "subclass",    "area_share", "energy_share"};
  const Cursor& root_;
  const EnergyTables& tables_;
  const TimeloopImportOptions& options_;
  Remarks& remarks_;
  Architecture result_;
  std::vector<Component> chain_;
  std::int64_t x_ = 1, y_ = 1;  ///< the mesh so far, of v0.4 nodes
  std::string name_, technology_;
  double cycle_seconds_ = 0;
  bool limited_ = false;  ///< a bandwidth is declared
  std::map<std::string, std::vector<std::string>> joined_;
  std::set<std::string> known_, estimators_;
};

}  // namespace

Architecture read_architecture(const Cursor& architecture, const EnergyTables& tables, const TimeloopImportOptions& options,
                               Remarks& remarks) {
  return Reader(architecture, tables, options, remarks).architecture();
}

std::string lanes_below(const Level& level) { return "below_" + level.name; }

std::string lanes_target(const Level& level, TimeloopVersion version) {
  return version == TimeloopVersion::v03 ? level.name : "inter_" + lanes_below(level) + "_spatial";
}

namespace {

Json attributes_of(const Level& level) {
  const int bits = level.word_bits[0];
  Json attributes = {{"width", bits * level.block_words}, {"word-bits", bits}, {"block-size", level.block_words}};
  std::int64_t words = 0;
  for (const Partition& part : level.partitions) words = checked_add(words, part.capacity_words);
  if (words > 0 && words % level.block_words == 0) attributes["depth"] = words / level.block_words;
  if (words > 0 && words % level.block_words != 0) attributes["entries"] = words;
  if (level.double_buffered) attributes["multiple-buffering"] = 2;
  if (level.read_bandwidth > 0) attributes["read_bandwidth"] = level.read_bandwidth;
  if (level.write_bandwidth > 0) attributes["write_bandwidth"] = level.write_bandwidth;
  return attributes;
}

std::string class_of(const Hierarchy& hierarchy, int l) {
  const Level& level = hierarchy.level(l);
  if (level.partitions.empty()) return "DRAM";
  return l + 1 == hierarchy.level_count() && l > 0 ? "regfile" : "SRAM";
}

}  // namespace

Json architecture_of(const Hierarchy& hierarchy, TimeloopVersion version) {
  const bool nodes = version == TimeloopVersion::v04;
  std::vector<Json> components;  // one per level, then the compute unit
  Json energies = Json::array();
  Json areas = Json::array();
  constexpr double kUm2OfMm2 = 1e6;
  const auto action = [](const char* name, double energy) {
    return Json{{"name", name}, {"arguments", Json::object()}, {"energy", energy}};
  };
  for (int l = 0; l < hierarchy.level_count(); ++l) {
    const Level& level = hierarchy.level(l);
    components.push_back({{"name", level.name}, {"class", class_of(hierarchy, l)}, {"attributes", attributes_of(level)}});
    energies.push_back({{"name", hierarchy.name + "." + level.name},
                        {"actions",
                         {action("read", level.read_energy), action("write", level.write_energy),
                          action("update", level.write_energy), action("leak", level.leakage)}}});
    if (level.area > 0) areas.push_back({{"name", hierarchy.name + "." + level.name}, {"area", level.area * kUm2OfMm2}});
  }
  const ComputeUnit& unit = hierarchy.compute;
  components.push_back({{"name", unit.name}, {"class", "intmac"}, {"attributes", {{"datawidth", unit.bits}}}});
  energies.push_back(
      {{"name", hierarchy.name + "." + unit.name}, {"actions", {action("compute", unit.mac_energy), action("leak", 0)}}});
  if (unit.area > 0) areas.push_back({{"name", hierarchy.name + "." + unit.name}, {"area", unit.area * kUm2OfMm2}});

  Json container = {{"name", hierarchy.name}, {"attributes", Json::object()}};
  if (!hierarchy.technology.empty()) container["attributes"]["technology"] = hierarchy.technology;
  constexpr double kHzOfMhz = 1e6;
  if (hierarchy.clock_mhz > 0) container["attributes"]["global_cycle_seconds"] = 1 / (hierarchy.clock_mhz * kHzOfMhz);
  Json architecture = {{"version", nodes ? 0.4 : 0.3}};
  if (nodes) {
    container[kYamlTag] = "Container";
    Json list = {container};
    for (std::size_t i = 0; i < components.size(); ++i) {
      components[i][kYamlTag] = "Component";
      list.push_back(components[i]);
      if (i >= hierarchy.levels.size() || hierarchy.levels[i].fanout_size() == 1) continue;
      const Fanout& fanout = *hierarchy.levels[i].fanout;
      list.push_back({{kYamlTag, "Container"},
                      {"name", lanes_below(hierarchy.levels[i])},
                      {"spatial", {{"meshX", fanout.x}, {"meshY", fanout.y}}}});
    }
    architecture["nodes"] = list;
  } else {
    // From the inside out: a subtree begins below each fanout.
    Json inner;
    std::int64_t mesh_x = 1;
    for (const Level& level : hierarchy.levels) mesh_x = checked_multiply(mesh_x, level.fanout ? level.fanout->x : 1);
    Json local = Json::array();
    for (std::size_t i = components.size(); i-- > 0;) {
      components[i]["attributes"]["meshX"] = mesh_x;
      local.insert(local.begin(), components[i]);
      if (i == 0) break;
      const Level& above = hierarchy.levels[i - 1];
      if (above.fanout_size() == 1) continue;
      Json subtree = {{"name", lanes_below(above) + "[0.." + std::to_string(above.fanout_size() - 1) + "]"}, {"local", local}};
      if (!inner.is_null()) subtree["subtree"] = Json::array({inner});
      inner = subtree;
      local = Json::array();
      mesh_x /= above.fanout->x;
    }
    container["local"] = local;
    if (!inner.is_null()) container["subtree"] = Json::array({inner});
    architecture["subtree"] = Json::array({container});
  }
  Json all = {{"architecture", architecture}, {"ERT", {{"version", nodes ? 0.4 : 0.3}, {"tables", energies}}}};
  if (!areas.empty()) all["ART"] = {{"version", nodes ? 0.4 : 0.3}, {"tables", areas}};
  return all;
}

}  // namespace tilepath::timeloop
