#include "support/shrink.hpp"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "tilepath/base/quantity.hpp"
#include "tilepath/formats/architecture.hpp"
#include "tilepath/formats/mapping.hpp"
#include "tilepath/formats/workload.hpp"
#include "tilepath/mapping/legal.hpp"

namespace tilepath::testing {

namespace {

using Candidates = std::vector<Case>;

int dimension_of(const Node& node) {
  if (const auto* loop = std::get_if<Loop>(&node)) return loop->dimension;
  if (const auto* loop = std::get_if<SpatialLoop>(&node)) return loop->dimension;
  return -1;
}

std::int64_t* count_of(Node& node) {
  if (auto* loop = std::get_if<Loop>(&node)) return &loop->count;
  if (auto* loop = std::get_if<SpatialLoop>(&node)) return &loop->count;
  return nullptr;
}

/// The loops over a dimension made to cover another bound: from the outermost, each as many as are left at most, the last the
/// rest.
void fit(Case& one, int d, std::int64_t bound) {
  one.layer.dimensions[static_cast<std::size_t>(d)].bound = bound;
  std::vector<std::int64_t*> counts;
  for (Node& node : one.nest.nodes)
    if (dimension_of(node) == d) counts.push_back(count_of(node));
  for (std::size_t k = 0; k < counts.size(); ++k) {
    if (k + 1 == counts.size()) {
      *counts[k] = bound;
    } else {
      *counts[k] = std::min(*counts[k], bound);
      bound = ceil_divide(bound, *counts[k]);
    }
  }
}

void smaller_layers(const Case& from, Candidates& to) {
  for (int d = 0; d < from.layer.dimension_count(); ++d) {
    const std::int64_t bound = from.layer.dimensions[static_cast<std::size_t>(d)].bound;
    for (const std::int64_t less : {std::int64_t{1}, bound / 2, bound - 1}) {
      if (less < 1 || less >= bound) continue;
      to.push_back(from);
      fit(to.back(), d, less);
    }
  }
  for (std::size_t t = 0; t < from.layer.tensors.size(); ++t) {
    if (from.layer.tensors[t].bits != 0) {
      to.push_back(from);
      to.back().layer.tensors[t].bits = 0;
    }
    for (std::size_t r = 0; r < from.layer.tensors[t].ranks.size(); ++r)
      for (std::size_t k = 0; k < from.layer.tensors[t].ranks[r].size(); ++k) {
        if (from.layer.tensors[t].ranks[r][k].coefficient > 1) {
          to.push_back(from);
          --to.back().layer.tensors[t].ranks[r][k].coefficient;
        }
        if (from.layer.tensors[t].ranks[r].size() > 1) {
          to.push_back(from);
          Rank& rank = to.back().layer.tensors[t].ranks[r];
          rank.erase(rank.begin() + static_cast<std::ptrdiff_t>(k));
        }
      }
  }
}

/// Without a dimension that has one iteration.
void fewer_dimensions(const Case& from, Candidates& to) {
  for (int d = 0; d < from.layer.dimension_count(); ++d) {
    if (from.layer.dimensions[static_cast<std::size_t>(d)].bound != 1 || from.layer.dimension_count() == 1) continue;
    Case one = from;
    std::erase_if(one.nest.nodes, [&](const Node& node) { return dimension_of(node) == d; });
    for (Node& node : one.nest.nodes) {
      if (auto* loop = std::get_if<Loop>(&node)) loop->dimension -= static_cast<int>(loop->dimension > d);
      if (auto* loop = std::get_if<SpatialLoop>(&node)) loop->dimension -= static_cast<int>(loop->dimension > d);
    }
    one.layer.dimensions.erase(one.layer.dimensions.begin() + d);
    for (Tensor& tensor : one.layer.tensors) {
      for (Rank& rank : tensor.ranks) {
        std::erase_if(rank, [&](const Term& term) { return term.dimension == d; });
        for (Term& term : rank) term.dimension -= static_cast<int>(term.dimension > d);
      }
      std::erase_if(tensor.ranks, [](const Rank& rank) { return rank.empty(); });
    }
    to.push_back(std::move(one));
  }
}

void shorter_nests(const Case& from, Candidates& to) {
  for (std::size_t i = 0; i < from.nest.nodes.size(); ++i) {
    const auto at = static_cast<std::ptrdiff_t>(i);
    const Node& node = from.nest.nodes[i];
    if (const int d = dimension_of(node); d >= 0) {
      // Without the loop: the others cover the dimension, or the dimension is smaller.
      Case one = from;
      one.nest.nodes.erase(one.nest.nodes.begin() + at);
      const std::int64_t bound = from.layer.dimensions[static_cast<std::size_t>(d)].bound;
      for (const std::int64_t covered : {ceil_divide(bound, *count_of(Case(from).nest.nodes[i])), bound}) {
        to.push_back(one);
        fit(to.back(), d, covered);
      }
    } else if (const auto* store = std::get_if<Store>(&node); store != nullptr && store->level > 0) {
      for (std::size_t k = 0; k < store->tensors.size(); ++k) {
        to.push_back(from);
        auto& tensors = std::get<Store>(to.back().nest.nodes[i]).tensors;
        tensors.erase(tensors.begin() + static_cast<std::ptrdiff_t>(k));
        if (tensors.empty()) to.back().nest.nodes.erase(to.back().nest.nodes.begin() + at);
      }
    }
  }
}

/// Without a level at which nothing happens.
void fewer_levels(const Case& from, Candidates& to) {
  for (int l = 1; l < from.hierarchy.level_count(); ++l) {
    Case one = from;
    bool used = false;
    for (Node& node : one.nest.nodes) {
      if (auto* store = std::get_if<Store>(&node)) {
        used = used || store->level == l;
        store->level -= static_cast<int>(store->level > l);
      }
      if (auto* loop = std::get_if<SpatialLoop>(&node)) {
        used = used || loop->fanout == l;
        loop->fanout -= static_cast<int>(loop->fanout > l);
      }
    }
    if (used) continue;
    one.hierarchy.levels.erase(one.hierarchy.levels.begin() + l);
    to.push_back(std::move(one));
  }
}

void plainer_levels(const Case& from, Candidates& to) {
  const Level plain;
  const Fanout one_to_one;
  const auto with = [&](std::size_t l, const auto& change) {
    Case one = from;
    change(one.hierarchy.levels[l]);
    if (one.hierarchy != from.hierarchy) to.push_back(std::move(one));
  };
  for (std::size_t l = 0; l < from.hierarchy.levels.size(); ++l) {
    with(l, [&](Level& level) { level.word_bits = plain.word_bits; });
    with(l, [&](Level& level) { level.block_words = 1; });
    with(l, [&](Level& level) { level.partitions.clear(); });
    with(l, [&](Level& level) { level.read_energy = level.write_energy = 0; });
    with(l, [&](Level& level) { level.read_bandwidth = 0; });
    with(l, [&](Level& level) { level.write_bandwidth = 0; });
    with(l, [&](Level& level) { level.keeps = plain.keeps; });
    with(l, [&](Level& level) { level.double_buffered = false; });
    with(l, [&](Level& level) { level.retention = Retention::none; });
    with(l, [&](Level& level) { level.drain_reads = false; });
    with(l, [&](Level& level) { level.leakage = 0; });
    with(l, [&](Level& level) { level.fanout.reset(); });
    if (!from.hierarchy.levels[l].fanout) continue;
    with(l, [&](Level& level) { level.fanout->multicast = one_to_one.multicast; });
    with(l, [&](Level& level) { level.fanout->reduction = true; });
    with(l, [&](Level& level) { level.fanout->energy_per_word = one_to_one.energy_per_word; });
    with(l, [&](Level& level) { level.fanout->x = std::max<std::int64_t>(1, level.fanout->x - 1); });
    with(l, [&](Level& level) { level.fanout->y = std::max<std::int64_t>(1, level.fanout->y - 1); });
  }
  if (from.hierarchy.footprint != Footprint::touched) {
    to.push_back(from);
    to.back().hierarchy.footprint = Footprint::touched;
  }
}

bool sound(const Case& one) {
  try {
    check(one.layer);
    check(one.hierarchy);
    return legal(one.nest, one.layer, one.hierarchy);
  } catch (const InputError&) {
    return false;
  }
}

}  // namespace

Case shrunk(Case failing, const std::function<bool(const Case&)>& fails) {
  const auto still_fails = [&](const Case& one) {
    if (!sound(one)) return false;
    try {
      return fails(one);
    } catch (const std::exception&) {
      return true;
    }
  };
  for (bool smaller = true; smaller;) {
    Candidates candidates;
    smaller_layers(failing, candidates);
    shorter_nests(failing, candidates);
    fewer_levels(failing, candidates);
    fewer_dimensions(failing, candidates);
    plainer_levels(failing, candidates);
    const auto found = std::find_if(candidates.begin(), candidates.end(), still_fails);
    smaller = found != candidates.end();
    if (smaller) failing = Case(*found);
  }
  return failing;
}

std::string written(const Case& failing, const std::string& name) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("tilepath-failing-" + name);
  std::filesystem::create_directories(folder);
  Layer layer = failing.layer;
  layer.name = "failing";
  layer.type = "einsum";  // whatever it was: it has lost dimensions, or terms of ranks
  Json layer_json = to_json(layer);
  write_file((folder / "workload.json").string(),
             Json{{"schema_version", 1}, {"name", "failing"}, {"layers", Json::array({layer_json})}}.dump(1) + "\n");
  write_file((folder / "arch.json").string(), to_json(failing.hierarchy).dump(1) + "\n");
  write_file((folder / "mapping.json").string(), to_json(failing.nest, failing.layer, failing.hierarchy).dump(1) + "\n");
  const auto path = [&](const char* file) { return (folder / file).string(); };
  return "tilepath verify " + path("workload.json") + " --arch " + path("arch.json") + " --mapping " + path("mapping.json");
}

}  // namespace tilepath::testing
