// An application is one matrix product with as many weights (to whole 256x256 tiles) and as many MACs a weight. Activations
// stay on the chip or come from the host, as the roofline counts weights alone: a level of its own keeps the weights.
#include <fmt/core.h>

#include "figures.hpp"
#include "tilepath/formats/architecture.hpp"
#include "tilepath/formats/workload.hpp"
#include "tilepath/search/search.hpp"

namespace tilepath::validation {

namespace {

/// The TPU with its activations in a host's memory of unlimited bandwidth, and weights alone in its DRAM.
Hierarchy tpu_with_host() {
  Hierarchy hierarchy = read_architecture(read_document(in_project("arch/tpu-v1.json")));
  Level host = hierarchy.levels[0];
  host.name = "HOST";
  host.read_bandwidth = host.write_bandwidth = 0;  // unlimited
  hierarchy.levels[0].write_bandwidth = 0;
  hierarchy.levels[0].keeps = {Keep::must, Keep::never, Keep::never};
  hierarchy.levels.insert(hierarchy.levels.begin(), host);
  return hierarchy;
}

}  // namespace

Figures tpu_roofline() {
  const Hierarchy hierarchy = tpu_with_host();
  const Document document = read_document(in_project("tests/data/tpu-v1/applications.json"));
  SearchOptions options;
  options.objective = Objective::latency;
  Figures figures;
  figures.table =
      "| application | MACs a weight | roof, published | ours, least latency | difference | limited by "
      "|\n|---|---|---|---|---|---|\n";
  for (const Cursor& application : Cursor(document).at("applications").elements(1)) {
    const Layer layer = read_layer(application.at("layer"));
    const double published = application.at("roof_tops").number();
    const Evaluation best = search(layer, hierarchy, options).evaluation;
    const double seconds = static_cast<double>(best.cycles.value()) / (hierarchy.clock_mhz * 1e6);
    const double tops = 2e-12 * static_cast<double>(best.counts.macs) / seconds;
    figures.table += fmt::format("| {} | {} | {} TOPS | {:.2f} | {} | {} |\n", layer.name,
                                 application.at("layer").at("N").json().get<std::int64_t>(), published, tops,
                                 difference(tops, published), to_text(best.limit, hierarchy));
    if (tops < 0.98 * published || tops > 1.02 * published)
      figures.off.push_back(layer.name + ": the roof is off by more than 2 %");
  }
  return figures;
}

}  // namespace tilepath::validation
