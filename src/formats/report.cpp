#include "tilepath/formats/report.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include "tilepath/base/error.hpp"
#include "tilepath/explore/pareto.hpp"
#include "tilepath/formats/mapping.hpp"
#include "tilepath/formats/result.hpp"
#include "tilepath/mapping/tile.hpp"
#include "tilepath/model/evaluate.hpp"

namespace tilepath {

namespace {

/// The nodes of a nest with the shape of each tile: what the page draws.
Json drawing(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy) {
  const std::vector<Extents> inside = extents_inside(nest, layer);
  Json nodes = to_json(nest, layer, hierarchy);
  for (std::size_t i = 0; i < nest.nodes.size(); ++i) {
    const auto* store = std::get_if<Store>(&nest.nodes[i]);
    if (store == nullptr) continue;
    Json tiles = Json::array();
    for (const int t : store->tensors) {
      const Tensor& tensor = layer.tensors[static_cast<std::size_t>(t)];
      Json shape = Json::array();
      for (const Rank& rank : tensor.ranks)
        if (const std::int64_t size = rank_indices(rank, inside[i], hierarchy.footprint).size(); size > 1) shape.push_back(size);
      tiles.push_back({{"tensor", tensor.name},
                       {"role", name_of(tensor.role)},
                       {"shape", shape},
                       {"words", tile_words(tensor, inside[i], hierarchy.footprint)}});
    }
    nodes[i] = {{"store", hierarchy.level(store->level).name}, {"tiles", tiles}};
  }
  return nodes;
}

std::string read_part(const Library& library, const std::string& name) {
  for (const auto& root : library.roots) {
    std::ifstream in(root / "report" / name, std::ios::binary);
    if (in) return {std::istreambuf_iterator<char>(in), {}};
  }
  throw InputError("report/" + name + ": not among the ready-made files; set TILEPATH_DATA to the folder that holds them");
}

/// JSON that may stand inside a script element.
std::string embedded(const Json& json) {
  std::string text;
  for (const char c : json.dump()) text += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return text;
}

std::string html(const std::string& text) {
  std::string result;
  for (const char c : text) result += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
  return result;
}

/// A label for each result that tells it from the others.
void set_labels(Json& results) {
  std::set<std::string> workloads;
  std::set<std::string> archs;
  std::set<std::string> dataflows;
  std::set<std::string> objectives;
  for (const Json& each : results) {
    objectives.insert(each["objective"]);
    workloads.insert(each["workload"]);
    archs.insert(each["arch"]);
    dataflows.insert(each["dataflow"]);
  }
  std::set<std::string> taken;
  for (Json& each : results) {
    std::string label = workloads.size() > 1 || archs.size() == 1 ? each["workload"].get<std::string>() : "";
    if (archs.size() > 1 || dataflows.size() == 1) label += (label.empty() ? "" : " on ") + each["arch"].get<std::string>();
    if (dataflows.size() > 1) label += (label.empty() ? "" : ", ") + each["dataflow"].get<std::string>();
    if (objectives.size() > 1) label += ", least " + each["objective"].get<std::string>();
    std::string distinct = label;
    for (int k = 2; !taken.insert(distinct).second; ++k) distinct = label + " (" + std::to_string(k) + ")";
    each["label"] = distinct;
  }
}

}  // namespace

void Report::add_one(const Document& document, const std::string& dataflow) {
  const std::vector<Claim> claims = read_result(document);
  const Cursor root(document);
  Json result = {{"workload", root.at("workload").text()}, {"arch", root.at("arch").text()}, {"dataflow", dataflow}};
  for (const char* key : {"objective", "mapspace", "total", "architecture"}) result[key] = root.at(key).json();
  if (dataflow.empty()) result["dataflow"] = root.has("constraints") ? "constrained" : "free";
  if (root.has("pareto"))
    for (const Cursor& point : root.at("pareto").elements())
      result["pareto"].push_back({{"energy", point.at("energy").number()}, {"cycles", point.at("cycles").number()}});
  if (const std::string wrong = false_total(document, claims); !wrong.empty()) root.fail(wrong);
  const std::vector<Cursor> cursors = root.at("layers").elements();
  for (std::size_t i = 0; i < claims.size(); ++i) {
    const Claim& claim = claims[i];
    const Evaluation evaluation = evaluation_of(claim, schedule_of(claim));  // not as claimed: as it is
    const Json& given = cursors[i].json();
    Json layer = {{"name", claim.layer.name},
                  {"repeat", claim.layer.repeat},
                  {"macs", macs(claim.layer)},
                  {"dataflow", dataflow_in_words(claim.nest, claim.layer, claim.hierarchy)},
                  {"evaluation", to_json(evaluation, claim.layer, claim.hierarchy)},
                  {"drawing", drawing(claim.nest, claim.layer, claim.hierarchy)}};
    for (const Tensor& tensor : claim.layer.tensors) layer["roles"][tensor.name] = name_of(tensor.role);
    for (const char* key : {"certificate", "verification"})
      if (given.contains(key)) layer[key] = given[key];
    if (given.contains("pareto"))
      for (const Cursor& point : cursors[i].at("pareto").elements())
        layer["pareto"].push_back(
            {{"energy", point.at("energy").number()},
             {"cycles", point.at("cycles").number()},
             {"drawing", drawing(read_nodes(point.at("mapping"), claim.layer, claim.hierarchy), claim.layer, claim.hierarchy)}});
    result["layers"].push_back(std::move(layer));
  }
  data_["results"].push_back(std::move(result));
  set_labels(data_["results"]);
}

void Report::add_result(const Document& document) {
  const Cursor root(document);
  if (!root.has("results")) {
    add_one(document, "");
    return;
  }
  for (const Cursor& each : root.at("results").elements(1)) {
    const std::string dataflow = each.at("dataflow").text();
    if (each.has("result"))
      add_one({document.name + ": " + each.pointer() + "/result", each.at("result").json()}, dataflow);
    else
      data_["without"].push_back(each.json());
  }
}

void Report::add_sweep(const std::string& name, const std::vector<std::string>& files, std::size_t most) {
  std::int64_t all = 0;
  std::int64_t done = 0;
  GrowingFront growing;
  for (Records records(files); const auto record = records.next();) {
    ++all;
    if (record->status != Record::Status::done) continue;
    ++done;
    growing.add({record->energy, static_cast<double>(record->cycles), 0, record->point});
  }
  if (done == 0) throw NoLegalMapping(name + ": no point has a result");
  std::set<std::int64_t> front;
  for (const Figures3& design : growing.designs()) front.insert(design.point);
  const std::int64_t every = (done + static_cast<std::int64_t>(most) - 1) / static_cast<std::int64_t>(most);
  Json points = Json::array();
  std::int64_t place = 0;
  for (Records records(files); const auto record = records.next();) {
    if (record->status != Record::Status::done) continue;
    if (place++ % every != 0 && !front.contains(record->point)) continue;
    points.push_back({{"point", record->point},
                      {"dataflow", record->dataflow},
                      {"parameters", record->parameters},
                      {"energy", record->energy},
                      {"cycles", record->cycles},
                      {"area", record->area}});
  }
  data_["sweeps"].push_back({{"name", name}, {"records", all}, {"done", done}, {"points", points}});
}

std::string Report::page(const std::string& title, std::string_view version, const Library& library) const {
  Json data = data_;
  data["version"] = version;
  const std::vector<std::pair<std::string, std::string>> parts = {{"title", html(title)},
                                                                  {"style", read_part(library, "page.css")},
                                                                  {"data", embedded(data)},
                                                                  {"echarts", read_part(library, "echarts.min.js")},
                                                                  {"script", read_part(library, "page.js")}};
  // Once over the page, so that nothing that is put in is taken for a place.
  const std::string page = read_part(library, "page.html");
  std::string text;
  for (std::size_t at = 0; at < page.size();) {
    const std::size_t open = page.find("{{", at);
    if (open == std::string::npos) {
      text += page.substr(at);
      break;
    }
    const std::size_t close = page.find("}}", open);
    const std::string key = page.substr(open + 2, close - open - 2);
    const auto part = std::find_if(parts.begin(), parts.end(), [&](const auto& each) { return each.first == key; });
    text += page.substr(at, open - at) + part->second;
    at = close + 2;
  }
  return text;
}

}  // namespace tilepath
