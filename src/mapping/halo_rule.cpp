#include "tilepath/mapping/halo_rule.hpp"

#include <algorithm>

namespace tilepath {

namespace {

bool has(const Rank& rank, int dimension) {
  return std::any_of(rank.begin(), rank.end(), [&](const Term& term) { return term.dimension == dimension; });
}

bool stores(const Node& node, int tensor) {
  const auto* store = std::get_if<Store>(&node);
  return store != nullptr && std::find(store->tensors.begin(), store->tensors.end(), tensor) != store->tensors.end();
}

}  // namespace

bool along_halo(const Layer& layer, int dimension) {
  for (int t = 0; t < layer.output(); ++t)
    for (const Rank& rank : layer.tensors[static_cast<std::size_t>(t)].ranks) {
      const auto other = [&](const Term& term) {
        return term.dimension != dimension && layer.dimensions[static_cast<std::size_t>(term.dimension)].bound > 1;
      };
      if (has(rank, dimension) && std::any_of(rank.begin(), rank.end(), other)) return true;
    }
  return false;
}

bool within_halo_rule(const Nest& nest, const Layer& layer) {
  const auto& nodes = nest.nodes;
  for (int t = 0; t < layer.output(); ++t)
    for (const Rank& rank : layer.tensors[static_cast<std::size_t>(t)].ranks) {
      if (rank.size() < 2) continue;
      for (std::size_t child = 1; child < nodes.size(); ++child) {
        const bool mac = std::holds_alternative<Compute>(nodes[child]);
        if (!mac && !stores(nodes[child], t)) continue;
        bool looped = false;    // a loop of the rank since the node, or since the MAC's first lanes of it
        int first_fanout = -1;  // of the MAC
        for (std::size_t i = child; i-- > 0 && !stores(nodes[i], t);) {
          if (const auto* loop = std::get_if<Loop>(&nodes[i]);
              loop != nullptr && has(rank, loop->dimension) && (!mac || first_fanout >= 0))
            looped = true;
          if (const auto* lanes = std::get_if<SpatialLoop>(&nodes[i]); lanes != nullptr && has(rank, lanes->dimension)) {
            if (looped) return false;
            first_fanout = lanes->fanout;
          }
        }
      }
    }
  return true;
}

}  // namespace tilepath
