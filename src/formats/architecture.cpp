#include "tilepath/formats/architecture.hpp"

#include "tilepath/base/error.hpp"

namespace tilepath {

namespace {

const std::vector<std::string> kRoleNames = {"weights", "inputs", "outputs"};
constexpr std::int64_t kMaxWords = std::int64_t{1} << 50;
constexpr std::int64_t kMaxLanes = 1 << 20;

/// Sums of counts times this stay finite.
constexpr double kMostEnergy = 1e15;
double energy_of(const Cursor& cursor) {
  const double energy = cursor.number();
  if (energy > kMostEnergy) cursor.fail("expected an energy of at most 1e15, found " + cursor.json().dump());
  return energy;
}

/// One value for all roles, or an object with some of them.
template <class T, class Read>
void per_role(const Cursor& cursor, PerRole<T>& values, const Read& read) {
  if (!cursor.json().is_object()) {
    values.fill(read(cursor));
    return;
  }
  cursor.expect_object(kRoleNames);
  for (std::size_t r = 0; r < kRoleNames.size(); ++r)
    if (cursor.has(kRoleNames[r])) values[r] = read(cursor.at(kRoleNames[r]));
}

Multicast multicast_of(const Cursor& cursor) {
  if (cursor.json().is_boolean()) return cursor.boolean() ? Multicast::all : Multicast::none;
  if (cursor.json().is_string() && cursor.text() == "equal") return Multicast::equal;
  cursor.fail("expected true, false or \"equal\"");
}

std::vector<std::string> names_of(const Cursor& cursor) {
  std::vector<std::string> names;
  for (const Cursor& each : cursor.elements(1)) names.push_back(each.text());
  return names;
}

Fanout fanout_of(const Cursor& cursor) {
  cursor.expect_object({"x", "y", "multicast", "reduction", "energy_per_word", "x_dimensions", "y_dimensions"});
  Fanout fanout;
  if (cursor.has("x")) fanout.x = cursor.at("x").integer(1, kMaxLanes);
  if (cursor.has("y")) fanout.y = cursor.at("y").integer(1, kMaxLanes);
  if (!cursor.has("x") && !cursor.has("y")) cursor.fail("needs 'x', 'y' or both");
  if (cursor.has("multicast")) per_role(cursor.at("multicast"), fanout.multicast, multicast_of);
  if (cursor.has("reduction")) fanout.reduction = cursor.at("reduction").boolean();
  if (cursor.has("energy_per_word")) per_role(cursor.at("energy_per_word"), fanout.energy_per_word, energy_of);
  if (cursor.has("x_dimensions")) fanout.x_dimensions = names_of(cursor.at("x_dimensions"));
  if (cursor.has("y_dimensions")) fanout.y_dimensions = names_of(cursor.at("y_dimensions"));
  return fanout;
}

/// {"weights": 224, …}: one partition a role; or a list of {"tensors": […], "capacity_words": n}.
std::vector<Partition> partitions_of(const Cursor& cursor) {
  std::vector<Partition> parts;
  if (cursor.json().is_object()) {
    cursor.expect_object(kRoleNames);
    for (std::size_t r = 0; r < kRoleNames.size(); ++r)
      if (cursor.has(kRoleNames[r])) {
        Partition part{{}, cursor.at(kRoleNames[r]).integer(0, kMaxWords)};
        part.holds[r] = true;
        parts.push_back(part);
      }
    return parts;
  }
  PerRole<bool> held = {false, false, false};
  for (const Cursor& each : cursor.elements(1)) {
    each.expect_object({"tensors", "capacity_words"});
    Partition part;
    for (const Cursor& tensor : each.at("tensors").elements(1)) {
      const std::size_t r = tensor.one_of(kRoleNames);
      if (held[r]) tensor.fail("'" + kRoleNames[r] + "' already has a partition");
      held[r] = part.holds[r] = true;
    }
    part.capacity_words = each.at("capacity_words").integer(0, kMaxWords);
    parts.push_back(part);
  }
  return parts;
}

Level level_of(const Cursor& cursor) {
  cursor.expect_object({"name", "description", "word_bits", "capacity_words", "partitions", "block_words", "read_energy",
                        "write_energy", "read_bandwidth", "write_bandwidth", "keeps", "double_buffered", "retention", "leakage",
                        "area", "drain_reads", "fanout"});
  Level level;
  level.name = cursor.at("name").text();
  constexpr std::int64_t kMaxBits = 4096;
  if (cursor.has("word_bits"))
    per_role(cursor.at("word_bits"), level.word_bits, [](const Cursor& c) { return static_cast<int>(c.integer(1, kMaxBits)); });
  if (cursor.has("capacity_words") && cursor.has("partitions"))
    cursor.at("partitions").fail("give either 'capacity_words' or 'partitions'");
  if (cursor.has("capacity_words")) level.partitions = {{{true, true, true}, cursor.at("capacity_words").integer(0, kMaxWords)}};
  if (cursor.has("partitions")) level.partitions = partitions_of(cursor.at("partitions"));
  if (cursor.has("block_words")) level.block_words = cursor.at("block_words").integer(1, kMaxLanes);
  level.read_energy = energy_of(cursor.at("read_energy"));
  level.write_energy = energy_of(cursor.at("write_energy"));
  if (cursor.has("read_bandwidth")) level.read_bandwidth = cursor.at("read_bandwidth").number(true);
  if (cursor.has("write_bandwidth")) level.write_bandwidth = cursor.at("write_bandwidth").number(true);
  if (cursor.has("keeps"))
    per_role(cursor.at("keeps"), level.keeps, [](const Cursor& c) {
      return static_cast<Keep>(c.one_of({"can", "must", "never"}));
    });
  if (cursor.has("double_buffered")) level.double_buffered = cursor.at("double_buffered").boolean();
  if (cursor.has("retention")) level.retention = static_cast<Retention>(cursor.at("retention").one_of({"none", "sliding"}));
  if (cursor.has("drain_reads")) level.drain_reads = cursor.at("drain_reads").boolean();
  if (cursor.has("leakage")) level.leakage = energy_of(cursor.at("leakage"));
  if (cursor.has("area")) level.area = cursor.at("area").number();
  if (cursor.has("fanout")) level.fanout = fanout_of(cursor.at("fanout"));
  for (std::size_t r = 0; r < kRoleNames.size(); ++r) {
    const Partition* part = level.partition(static_cast<Role>(r));
    if (part != nullptr && part->capacity_words == 0 && level.keeps[r] == Keep::must)
      cursor.at("keeps").fail("'" + level.name + "' must keep " + kRoleNames[r] + " but has room for 0 words of them");
  }
  for (const Partition& part : level.partitions)
    if (part.capacity_words == 0 && cursor.has("capacity_words"))
      cursor.at("capacity_words")
          .fail("a level needs room for at least one word; leave the level out, or 'capacity_words' for one without bound");
  return level;
}

/// A value per role, or one for all where they are equal.
template <class T, class Write>
Json roles_to_json(const PerRole<T>& values, const Write& write) {
  if (values[0] == values[1] && values[1] == values[2]) return write(values[0]);
  Json json;
  for (std::size_t r = 0; r < values.size(); ++r) json[kRoleNames[r]] = write(values[r]);
  return json;
}

Json as_it_is(double value) { return value; }

Json to_json(const Fanout& fanout) {
  Json json = {{"x", fanout.x}, {"y", fanout.y}};
  json["multicast"] = roles_to_json(
      fanout.multicast, [](Multicast mode) { return mode == Multicast::equal ? Json("equal") : Json(mode == Multicast::all); });
  json["reduction"] = fanout.reduction;
  json["energy_per_word"] = roles_to_json(fanout.energy_per_word, as_it_is);
  if (!fanout.x_dimensions.empty()) json["x_dimensions"] = fanout.x_dimensions;
  if (!fanout.y_dimensions.empty()) json["y_dimensions"] = fanout.y_dimensions;
  return json;
}

Json to_json(const Level& level) {
  Json json = {{"name", level.name}, {"read_energy", level.read_energy}, {"write_energy", level.write_energy}};
  json["word_bits"] = roles_to_json(level.word_bits, [](int bits) { return Json(bits); });
  json["block_words"] = level.block_words;
  const bool one_for_all = level.partitions.size() == 1 && level.partitions[0].holds == PerRole<bool>{true, true, true} &&
                           level.partitions[0].capacity_words > 0;
  if (one_for_all) {
    json["capacity_words"] = level.partitions[0].capacity_words;
  } else if (!level.partitions.empty()) {
    json["partitions"] = Json::array();
    for (const Partition& part : level.partitions) {
      Json tensors = Json::array();
      for (std::size_t r = 0; r < part.holds.size(); ++r)
        if (part.holds[r]) tensors.push_back(kRoleNames[r]);
      json["partitions"].push_back({{"tensors", tensors}, {"capacity_words", part.capacity_words}});
    }
  }
  if (level.read_bandwidth > 0) json["read_bandwidth"] = level.read_bandwidth;
  if (level.write_bandwidth > 0) json["write_bandwidth"] = level.write_bandwidth;
  json["keeps"] = roles_to_json(level.keeps, [](Keep keep) {
    return Json(keep == Keep::can ? "can" : keep == Keep::must ? "must" : "never");
  });
  json["double_buffered"] = level.double_buffered;
  json["retention"] = level.retention == Retention::none ? "none" : "sliding";
  json["drain_reads"] = level.drain_reads;
  json["leakage"] = level.leakage;
  json["area"] = level.area;
  if (level.fanout) json["fanout"] = to_json(*level.fanout);
  return json;
}

}  // namespace

Json to_json(const Hierarchy& hierarchy) {
  Json json = {{"schema_version", 1}, {"name", hierarchy.name}};
  if (!hierarchy.technology.empty()) json["technology"] = hierarchy.technology;
  json["energy_unit"] = hierarchy.energy_unit;
  if (hierarchy.clock_mhz > 0) json["clock_mhz"] = hierarchy.clock_mhz;
  json["footprint"] = hierarchy.footprint == Footprint::touched ? "touched" : "box";
  json["levels"] = Json::array();
  for (const Level& level : hierarchy.levels) json["levels"].push_back(to_json(level));
  json["compute"] = {{"name", hierarchy.compute.name},
                     {"mac_energy", hierarchy.compute.mac_energy},
                     {"macs_per_cycle", hierarchy.compute.macs_per_cycle},
                     {"bits", hierarchy.compute.bits},
                     {"area", hierarchy.compute.area}};
  return json;
}

Hierarchy read_architecture(const Document& document) {
  const Cursor root(document);
  root.expect_object({"schema_version", "name", "description", "technology", "energy_unit", "clock_mhz", "footprint", "sources",
                      "levels", "compute"});
  root.expect_version();
  Hierarchy hierarchy;
  hierarchy.name = root.at("name").text();
  if (root.has("technology")) hierarchy.technology = root.at("technology").text();
  if (root.has("energy_unit")) hierarchy.energy_unit = root.at("energy_unit").one_of({"pJ", "mac"}) == 0 ? "pJ" : "mac";
  if (root.has("clock_mhz")) hierarchy.clock_mhz = root.at("clock_mhz").number(true);
  if (root.has("footprint")) hierarchy.footprint = static_cast<Footprint>(root.at("footprint").one_of({"touched", "box"}));
  if (root.has("sources"))
    for (const auto& [key, source] : root.at("sources").members()) (void)source.text();
  for (const Cursor& cursor : root.at("levels").elements(1)) hierarchy.levels.push_back(level_of(cursor));
  const Cursor compute = root.at("compute");
  compute.expect_object({"name", "mac_energy", "macs_per_cycle", "bits", "area"});
  if (compute.has("name")) hierarchy.compute.name = compute.at("name").text();
  hierarchy.compute.mac_energy = energy_of(compute.at("mac_energy"));
  if (compute.has("macs_per_cycle")) hierarchy.compute.macs_per_cycle = compute.at("macs_per_cycle").number(true);
  if (compute.has("bits")) hierarchy.compute.bits = static_cast<int>(compute.at("bits").integer(1, 1024));
  if (compute.has("area")) hierarchy.compute.area = compute.at("area").number();
  try {
    check(hierarchy);
  } catch (const InputError& error) {
    root.at("levels").fail(error.what());
  }
  return hierarchy;
}

}  // namespace tilepath
