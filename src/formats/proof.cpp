#include "tilepath/formats/proof.hpp"

#include <algorithm>

#include "tilepath/formats/mapping.hpp"

namespace tilepath {

Json proof_to_json(const NetworkResult& result) {
  Json json = {{"schema_version", 1}, {"workload", result.workload}, {"arch", result.hierarchy.name}, {"layers", Json::array()}};
  for (const LayerResult& each : result.layers) {
    Json jobs = Json::array();
    for (const SolvedJob& solved : each.found.solved) {
      const Nest lanes{{solved.lanes.begin(), solved.lanes.end()}};
      Json job = {{"lanes", to_json(lanes, each.layer, result.hierarchy)}};
      for (std::size_t k = 0; k < solved.lanes.size(); ++k)
        if (const std::int64_t chunk = solved.chunks[static_cast<std::size_t>(solved.lanes[k].dimension)]; chunk > 0)
          job["lanes"][k]["of"] = chunk;
      job["bound"] = solved.bound;
      jobs.push_back(std::move(job));
    }
    json["layers"].push_back({{"name", each.layer.name}, {"jobs", std::move(jobs)}});
  }
  return json;
}

namespace {

SolvedJob read_job(const Cursor& cursor, const Claim& claim) {
  cursor.expect_object({"lanes", "bound"});
  SolvedJob job;
  for (const Cursor& each : cursor.at("lanes").elements()) {
    each.expect_object({"spatial", "count", "fanout", "axis", "of"});
    const SpatialLoop loop = read_lanes(each, claim.layer, claim.hierarchy);
    if (each.has("of")) job.chunks[static_cast<std::size_t>(loop.dimension)] = each.at("of").integer(1, kMaxBound);
    job.lanes.push_back(loop);
  }
  job.bound = cursor.at("bound").number(true);
  return job;
}

}  // namespace

std::map<std::string, std::vector<SolvedJob>> read_proof(const Document& document, const std::vector<Claim>& claims) {
  const Cursor root(document);
  root.expect_object({"schema_version", "workload", "arch", "layers"});
  root.expect_version();
  std::map<std::string, std::vector<SolvedJob>> proof;
  for (const Cursor& each : root.at("layers").elements()) {
    each.expect_object({"name", "jobs"});
    const std::string name = each.at("name").text();
    const auto claim = std::find_if(claims.begin(), claims.end(), [&](const Claim& of) { return of.layer.name == name; });
    if (claim == claims.end()) continue;
    std::vector<SolvedJob>& jobs = proof[name];  // there may be none: all excluded by their bounds
    for (const Cursor& job : each.at("jobs").elements()) jobs.push_back(read_job(job, *claim));
  }
  return proof;
}

}  // namespace tilepath
