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
      for (int l = 1; !solved.any_keeps() && l < result.hierarchy.level_count(); ++l) {
        Json& kept = job["keeps"][result.hierarchy.level(l).name] = Json::array();
        for (int t = 0; t < each.layer.tensor_count(); ++t)
          if ((solved.keeps[static_cast<std::size_t>(t)] >> l & 1U) != 0)
            kept.push_back(each.layer.tensors[static_cast<std::size_t>(t)].name);
      }
      job["bound"] = solved.bound;
      jobs.push_back(std::move(job));
    }
    json["layers"].push_back({{"name", each.layer.name}, {"jobs", std::move(jobs)}});
  }
  return json;
}

namespace {

SolvedJob read_job(const Cursor& cursor, const Claim& claim) {
  cursor.expect_object({"lanes", "keeps", "bound"});
  SolvedJob job;
  for (const Cursor& each : cursor.at("lanes").elements()) {
    each.expect_object({"spatial", "count", "fanout", "axis", "of"});
    const SpatialLoop loop = read_lanes(each, claim.layer, claim.hierarchy);
    if (each.has("of")) job.chunks[static_cast<std::size_t>(loop.dimension)] = each.at("of").integer(1, kMaxBound);
    job.lanes.push_back(loop);
  }
  job.bound = cursor.at("bound").number(true);
  if (!cursor.has("keeps")) return job;
  job.keeps.fill(1);
  for (const auto& [name, tensors] : cursor.at("keeps").members()) {
    const int level = claim.hierarchy.find_level(name);
    if (level < 0) tensors.fail("'" + claim.hierarchy.name + "' has no level '" + name + "'");
    for (const Cursor& tensor : tensors.elements())
      job.keeps[static_cast<std::size_t>(tensor_of(tensor, claim.layer))] |= 1U << level;
  }
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
