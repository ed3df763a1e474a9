#include "tilepath/formats/result.hpp"

#include <cmath>

#include "tilepath/base/error.hpp"
#include "tilepath/formats/architecture.hpp"
#include "tilepath/formats/dataflow.hpp"
#include "tilepath/formats/mapping.hpp"
#include "tilepath/formats/workload.hpp"
#include "tilepath/model/evaluate.hpp"
#include "tilepath/model/schedule.hpp"

namespace tilepath {

namespace {

/// A layer as often as it is repeated.
void add(Totals& totals, const Layer& layer, const Evaluation& evaluation) {
  totals.energy += evaluation.energy.value() * static_cast<double>(layer.repeat);
  totals.cycles = checked_add(totals.cycles, checked_multiply(evaluation.cycles.value(), layer.repeat));
  totals.macs = checked_add(totals.macs, checked_multiply(macs(layer), layer.repeat));
}

}  // namespace

Totals totals_of(const NetworkResult& result) {
  Totals totals;
  for (const LayerResult& each : result.layers) add(totals, each.layer, each.found.evaluation);
  return totals;
}

Json to_json(const Evaluation& evaluation, const Layer& layer, const Hierarchy& hierarchy) {
  Json levels = Json::array();
  Json network = Json::array();
  for (int l = 0; l < hierarchy.level_count(); ++l)
    for (int t = 0; t < layer.tensor_count(); ++t) {
      const auto level = static_cast<std::size_t>(l);
      const auto tensor = static_cast<std::size_t>(t);
      const Traffic& moved = evaluation.counts.levels[level][tensor];
      if (moved != Traffic{})
        levels.push_back({{"level", hierarchy.level(l).name},
                          {"tensor", layer.tensors[tensor].name},
                          {"reads", moved.reads.value()},
                          {"fills", moved.fills.value()},
                          {"updates", moved.updates.value()},
                          {"drains", moved.drains.value()},
                          {"energy", evaluation.level_energy[level][tensor].value()}});
      const NetworkTraffic& crossed = evaluation.counts.network[level][tensor];
      if (crossed != NetworkTraffic{})
        network.push_back({{"fanout", hierarchy.level(l).name},
                           {"tensor", layer.tensors[tensor].name},
                           {"down", crossed.down.value()},
                           {"up", crossed.up.value()}});
    }
  return {{"energy", evaluation.energy.value()},
          {"cycles", evaluation.cycles.value()},
          {"cycles_by_cause", to_json(evaluation.split, hierarchy)},
          {"edp", evaluation.edp()},
          {"utilization", evaluation.utilization},
          {"limit", to_text(evaluation.limit, hierarchy)},
          {"levels", levels},
          {"network", network},
          {"compute_energy", evaluation.compute_energy.value()},
          {"network_energy", evaluation.network_energy.value()},
          {"leakage_energy", evaluation.leakage_energy.value()}};
}

Json to_json(const CycleSplit& split, const Hierarchy& hierarchy) {
  Json json = Json::object();
  const auto add = [](Json& to, const char* cause, double cycles) {
    if (cycles != 0) to[cause] = cycles;
  };
  add(json, "compute", split.compute);
  add(json, "idle_lanes", split.idle_lanes);
  add(json, "first_fill", split.first_fill);
  add(json, "last_drain", split.last_drain);
  for (std::size_t l = 0; l < hierarchy.levels.size(); ++l) {
    Json level = {{"level", hierarchy.levels[l].name}};
    add(level, "read_bandwidth", split.read_bandwidth[l]);
    add(level, "write_bandwidth", split.write_bandwidth[l]);
    add(level, "waiting", split.waiting[l]);
    if (level.size() > 1) json["levels"].push_back(level);
  }
  return json;
}

Json schedule_to_json(const CycleSplit& schedule, const Hierarchy& hierarchy) {
  return {{"cycles", schedule.total()}, {"cycles_by_cause", to_json(schedule, hierarchy)}};
}

Json to_json(const Verification& verification, const Hierarchy& hierarchy, bool seconds) {
  Json json = {{"outputs_match", verification.outputs_match}, {"counts_match", verification.counts_match}};
  json.update(schedule_to_json(verification.cycles, hierarchy));
  if (!verification.difference.empty()) json["difference"] = verification.difference;
  if (seconds) json["seconds"] = verification.seconds;
  return json;
}

namespace {

Json to_json(const Certificate& certificate, bool seconds) {
  Json json = {{"proved", certificate.proved},
               {"lower_bound", certificate.lower_bound},
               {"gap", certificate.gap},
               {"mapspace_size", certificate.mapspace_size},
               {"jobs", certificate.jobs},
               {"jobs_solved", certificate.jobs_solved},
               {"labels_kept", certificate.labels_kept},
               {"labels_pruned", certificate.labels_pruned}};
  if (seconds) json["seconds"] = certificate.seconds;
  return json;
}

/// The fronts of all runs of all layers combined; null where one is missing. `choice` has one index into a layer's `pareto` for
/// each run, layers in order, a layer's runs one after the other.
Json network_front(const NetworkResult& result) {
  std::vector<std::vector<FrontPoint>> parts;
  for (const LayerResult& each : result.layers) {
    if (!each.front || !each.front->complete) return {};
    std::vector<FrontPoint> points;
    for (const FrontPoint& point : each.front->points) points.push_back({point.energy, point.cycles, {}});
    for (std::int64_t run = 0; run < each.layer.repeat; ++run) parts.push_back(points);
  }
  Json json = Json::array();
  for (const CombinedPoint& point : combined_front(parts))
    json.push_back({{"energy", point.energy}, {"cycles", point.cycles}, {"choice", point.choice}});
  return json;
}

Json objective_json(const Aim& aim) {
  Json json;
  if (aim.objective == Objective::product) json["exponents"] = {aim.energy_exponent, aim.cycles_exponent};
  if (std::isfinite(aim.max_energy)) json["max_energy"] = aim.max_energy;
  if (std::isfinite(aim.max_cycles)) json["max_cycles"] = aim.max_cycles;
  return json;
}

Json mapspace_json(const Mapspace& mapspace) {
  return {{"remainders", name_of(mapspace.remainders)},
          {"nodes", mapspace.uneven ? "uneven" : "even"},
          {"bypass", mapspace.bypass == Bypass::free ? "free" : "fixed"}};
}

/// What follows from layer and mapping alone, without a model.
Json facts_of(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy) {
  Json facts = {{"name", layer.name}, {"repeat", layer.repeat}, {"macs", macs(layer)}};
  for (const Dimension& dimension : layer.dimensions) facts["dimensions"][dimension.name] = dimension.bound;
  facts["layer"] = to_json(layer);
  facts["mapping"] = to_json(nest, layer, hierarchy);
  facts["dataflow"] = dataflow_in_words(nest, layer, hierarchy);
  return facts;
}

Json to_json(const Totals& totals) {
  return {{"energy", totals.energy}, {"cycles", totals.cycles}, {"edp", totals.edp()}, {"macs", totals.macs}};
}

}  // namespace

Json to_json(const NetworkResult& result, std::string_view version, bool seconds) {
  Json json = {{"schema_version", 1},
               {"tilepath", {{"version", version}}},
               {"workload", result.workload},
               {"arch", result.hierarchy.name},
               {"objective", name_of(result.options.objective.objective)},
               {"limits", objective_json(result.options.objective)},
               {"mapspace", mapspace_json(result.options.mapspace)},
               {"architecture", result.architecture},
               {"layers", Json::array()}};
  if (json["limits"].is_null()) json.erase("limits");
  if (result.options.play) json["played"] = true;
  if (!result.constraints.empty()) json["constraints"] = result.constraints;
  for (const LayerResult& each : result.layers) {
    Json layer = facts_of(each.found.nest, each.layer, result.hierarchy);
    layer["evaluation"] = to_json(each.found.evaluation, each.layer, result.hierarchy);
    if (each.schedule) layer["schedule"] = schedule_to_json(*each.schedule, result.hierarchy);
    layer["certificate"] = to_json(each.found.certificate, seconds);
    for (const ConstraintPrice& price : each.prices)
      layer["constraint_prices"].push_back({{"constraint", price.constraint},
                                            {"value_without", price.value_without},
                                            {"factor", price.factor},
                                            {"proved", price.proved}});
    if (each.front) {
      layer["pareto"] = Json::array();
      for (const FrontPoint& point : each.front->points)
        layer["pareto"].push_back(
            {{"energy", point.energy}, {"cycles", point.cycles}, {"mapping", to_json(point.nest, each.layer, result.hierarchy)}});
      layer["pareto_complete"] = each.front->complete;
    }
    if (each.verification) layer["verification"] = to_json(*each.verification, result.hierarchy, seconds);
    json["layers"].push_back(std::move(layer));
  }
  json["total"] = to_json(totals_of(result));
  if (const Json front = network_front(result); !front.is_null()) json["pareto"] = front;
  return json;
}

namespace {

/// The one of an enumeration's first `count` values whose name stands there.
template <class Named>
Named named(const Cursor& cursor, int count) {
  std::vector<std::string> names;
  for (int n = 0; n < count; ++n) names.emplace_back(name_of(static_cast<Named>(n)));
  return static_cast<Named>(cursor.one_of(names));
}

Objective objective_of(const Cursor& cursor) { return named<Objective>(cursor, kObjectives); }

/// What was asked for: everything of the options but the time limit.
SearchOptions read_asked(const Cursor& root) {
  SearchOptions options;
  if (root.has("objective")) options.objective.objective = objective_of(root.at("objective"));
  if (root.has("limits")) {
    const Cursor limits = root.at("limits");
    limits.expect_object({"exponents", "max_energy", "max_cycles"});
    if (limits.has("exponents")) {
      const std::vector<Cursor> exponents = limits.at("exponents").elements(2);
      options.objective.energy_exponent = exponents[0].number(true);
      options.objective.cycles_exponent = exponents[1].number(true);
    }
    if (limits.has("max_energy")) options.objective.max_energy = limits.at("max_energy").number(true);
    if (limits.has("max_cycles")) options.objective.max_cycles = limits.at("max_cycles").number(true);
  }
  if (root.has("played")) options.play = root.at("played").boolean();
  if (root.has("mapspace")) {
    const Cursor mapspace = root.at("mapspace");
    mapspace.expect_object({"remainders", "nodes", "bypass"});
    options.mapspace.remainders = remainders_of(mapspace.at("remainders"));
    options.mapspace.uneven = mapspace.at("nodes").one_of({"even", "uneven"}) == 1;
    options.mapspace.bypass = mapspace.at("bypass").one_of({"free", "fixed"}) == 0 ? Bypass::free : Bypass::fixed;
  }
  return options;
}

}  // namespace

Remainders remainders_of(const Cursor& cursor) { return named<Remainders>(cursor, kRemainders); }

std::vector<Claim> read_result(const Document& document) {
  const Cursor root(document);
  if (root.has("results"))
    root.fail("a comparison, not a result: `tilepath report` takes it whole; the results themselves are under /results");
  if (!root.has("layers") || !root.has("architecture"))
    root.fail("not a result of `tilepath search`: it has no 'layers' with an 'architecture'");
  root.expect_version();
  const Hierarchy hierarchy = read_architecture({document.name + ": /architecture", root.at("architecture").json()});
  const SearchOptions asked = read_asked(root);
  std::vector<Claim> claims;
  for (const Cursor& each : root.at("layers").elements(1)) {
    Claim claim{read_layer(each.at("layer")), hierarchy, asked, {}, {}, {}, each.json()};
    claim.nest = read_nodes(each.at("mapping"), claim.layer, hierarchy);
    claim.evaluation = each.at("evaluation").json();
    if (each.has("certificate")) claim.certificate = each.at("certificate").json();
    if (root.has("constraints"))
      claim.options.constraints =
          read_dataflow({document.name + ": /constraints", root.at("constraints").json()}, claim.layer, hierarchy);
    claims.push_back(std::move(claim));
  }
  return claims;
}

std::optional<CycleSplit> schedule_of(const Claim& claim) {
  if (!claim.options.play && !claim.as_given.contains("schedule")) return std::nullopt;
  return schedule(claim.nest, claim.layer, claim.hierarchy);
}

Evaluation evaluation_of(const Claim& claim, const std::optional<CycleSplit>& schedule) {
  const Evaluation closed_form = evaluate(claim.nest, claim.layer, claim.hierarchy);
  return claim.options.play && schedule ? played(closed_form, *schedule) : closed_form;
}

std::string false_fact(const Claim& claim) {
  const Json facts = facts_of(claim.nest, claim.layer, claim.hierarchy);
  for (const auto& [key, value] : facts.items())
    if (!claim.as_given.contains(key))
      return key + " is missing";
    else if (std::string wrong = key == "layer" || key == "mapping" ? "" : false_claim(claim.as_given[key], value, key);
             !wrong.empty())
      return wrong;
  if (claim.as_given.contains("verification"))
    for (const char* key : {"outputs_match", "counts_match"})
      if (!claim.as_given["verification"].is_object() || claim.as_given["verification"].value(key, Json()) != true)
        return std::string("verification/") + key + " is not true";
  return "";
}

std::string false_cost(const Claim& claim, const Evaluation& evaluation, const std::optional<CycleSplit>& schedule) {
  std::string wrong = false_claim(claim.evaluation, to_json(evaluation, claim.layer, claim.hierarchy), "evaluation");
  if (!wrong.empty() || !claim.as_given.contains("schedule")) return wrong;
  if (!schedule) return "schedule: it cannot be played through";
  return false_claim(claim.as_given["schedule"], schedule_to_json(*schedule, claim.hierarchy), "schedule");
}

std::string false_total(const Document& document, const std::vector<Claim>& claims) {
  Totals totals;
  for (const Claim& claim : claims) add(totals, claim.layer, evaluation_of(claim, schedule_of(claim)));
  if (!document.root.contains("total")) return "total is missing";
  return false_claim(document.root["total"], to_json(totals), "total");
}

std::string false_claim(const Json& claimed, const Json& is, const std::string& where) {
  if (is.is_object() || is.is_array()) {
    if (claimed.type() != is.type() || claimed.size() != is.size()) return where;
    for (const auto& [key, value] : is.items()) {
      if (is.is_object() && !claimed.contains(key)) return where + "/" + key;
      const Json& theirs = is.is_object() ? claimed.at(key) : claimed.at(static_cast<std::size_t>(std::stoul(key)));
      if (std::string wrong = false_claim(theirs, value, where + "/" + key); !wrong.empty()) return wrong;
    }
    return "";
  }
  return claimed == is ? "" : where + " is claimed to be " + claimed.dump() + ", and is " + is.dump();
}

}  // namespace tilepath
