// What a nest has that no nest of a mapspace has: the statement of docs/search.md, rule by rule.
#include <algorithm>
#include <string>
#include <vector>

#include "lanes.hpp"
#include "tilepath/mapping/cut_rule.hpp"
#include "tilepath/mapping/halo_rule.hpp"
#include "tilepath/mapping/tile.hpp"
#include "tilepath/search/search.hpp"

namespace tilepath {

namespace {

constexpr std::size_t at(int index) { return static_cast<std::size_t>(index); }

class Rules {
 public:
  Rules(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy, const Mapspace& mapspace,
        const std::vector<Constraint>& constraints)
      : nest_(simplified(nest, layer)),
        layer_(layer),
        hierarchy_(hierarchy),
        mapspace_(mapspace),
        constraints_(constraints),
        inside_(extents_inside(nest_, layer)) {}

  std::string broken() const {
    for (const std::string& why : {keeps(), places(), remainders(), parts(), lanes()})
      if (!why.empty()) return why;
    if (!within_halo_rule(nest_, layer_)) return "it breaks the halo rule";
    if (!within_cut_rule(nest_, layer_)) return "it breaks the rule of remainders";
    return "";
  }

 private:
  template <class Node>
  [[nodiscard]] const Node* node(std::size_t i) const {
    return std::get_if<Node>(&nest_.nodes[i]);
  }
  [[nodiscard]] const std::string& name(int d) const { return layer_.dimensions[at(d)].name; }

  [[nodiscard]] std::string keeps() const {
    for (int l = 1; l < hierarchy_.level_count(); ++l)
      for (int t = 0; t < layer_.tensor_count(); ++t) {
        const bool kept = std::any_of(nest_.nodes.begin(), nest_.nodes.end(), [&](const Node& of) {
          const auto* store = std::get_if<Store>(&of);
          return store != nullptr && store->level == l && std::count(store->tensors.begin(), store->tensors.end(), t) > 0;
        });
        const Keep keep = keep_of(layer_.tensors[at(t)], t, hierarchy_, l, mapspace_, constraints_);
        if (kept ? keep == Keep::never : keep == Keep::must)
          return hierarchy_.level(l).name + (kept ? " never keeps " : " always keeps ") + layer_.tensors[at(t)].name;
      }
    return "";
  }

  /// Levels inside levels; with even nests, the nodes of one side by side.
  [[nodiscard]] std::string places() const {
    int level = 0;
    bool apart = false;  // something stands inside the last node of the level
    for (std::size_t i = 0; i < nest_.nodes.size(); ++i) {
      const auto* store = node<Store>(i);
      if (store == nullptr) {
        apart = true;
        continue;
      }
      if (store->level < level)
        return "storage nodes of " + hierarchy_.level(store->level).name + " stand inside those of " +
               hierarchy_.level(level).name;
      if (!mapspace_.uneven && store->level == level && level > 0 && apart)
        return "storage nodes of " + hierarchy_.level(level).name + " stand apart, and its nests are even";
      level = store->level;
      apart = false;
    }
    return "";
  }

  /// Whether a loop, in time or over lanes, divides what it runs over.
  [[nodiscard]] bool divides(std::size_t i, int d, std::int64_t count) const {
    std::int64_t around = layer_.dimensions[at(d)].bound;
    for (std::size_t outer = 0; outer < i; ++outer) {
      const auto* loop = node<Loop>(outer);
      const auto* lanes = node<SpatialLoop>(outer);
      if ((loop != nullptr && loop->dimension == d) || (lanes != nullptr && lanes->dimension == d))
        around = inside_[outer][at(d)];
    }
    return around == count * inside_[i][at(d)];
  }

  [[nodiscard]] bool may_cut(int d) const {
    return mapspace_.remainders == Remainders::loops && search_detail::may_cut(layer_, hierarchy_, d);
  }

  [[nodiscard]] std::int64_t most_part_if_short(int d) const {
    return search_detail::most_part_if_short(layer_, hierarchy_, mapspace_.remainders, d);
  }
  /// What one lane has of a chunk.
  [[nodiscard]] std::int64_t part_of(int d) const {
    std::int64_t part = layer_.dimensions[at(d)].bound;
    for (std::size_t i = 0; i < nest_.nodes.size(); ++i)
      if (const auto* lanes = node<SpatialLoop>(i); lanes != nullptr && lanes->dimension == d) part = inside_[i][at(d)];
    return part;
  }

  [[nodiscard]] std::string remainders() const {
    for (std::size_t i = 0; i < nest_.nodes.size(); ++i) {
      if (const auto* loop = node<Loop>(i); loop != nullptr && !divides(i, loop->dimension, loop->count)) {
        const bool outside_lanes = ends_in_short_chunk(nest_, layer_, loop->dimension);
        if (outside_lanes ? part_of(loop->dimension) > most_part_if_short(loop->dimension) : !may_cut(loop->dimension))
          return "a loop over " + name(loop->dimension) + " leaves a remainder" + (outside_lanes ? " outside its lanes" : "");
      }
      const auto* lanes = node<SpatialLoop>(i);
      if (lanes != nullptr && mapspace_.remainders == Remainders::none && !divides(i, lanes->dimension, lanes->count))
        return "lanes over " + name(lanes->dimension) + " leave a remainder";
    }
    return "";
  }

  /// The fanout over which a dimension is dealt in parts that do not divide, or in chunks of which the last is short; -1: it is
  /// not.
  [[nodiscard]] int dealt_over(int d) const {
    const bool ends_short = ends_in_short_chunk(nest_, layer_, d);
    for (std::size_t i = 0; i < nest_.nodes.size(); ++i)
      if (const auto* lanes = node<SpatialLoop>(i);
          lanes != nullptr && lanes->dimension == d && (ends_short || !divides(i, d, lanes->count)))
        return lanes->fanout;
    return -1;
  }

  /// A dimension is dealt over one fanout, and its parts are run through inside all storage nodes below.
  [[nodiscard]] std::string parts() const {
    for (int d = 0; d < layer_.dimension_count(); ++d) {
      const int fanout = dealt_over(d);
      if (fanout < 0) continue;
      if (!search_detail::may_deal(layer_, hierarchy_, constraints_, d, fanout))
        return "lanes over " + name(d) + " leave a remainder";
      bool dealt = false;
      bool in_part = false;
      for (std::size_t i = 0; i < nest_.nodes.size(); ++i) {
        const auto* lanes = node<SpatialLoop>(i);
        const auto* loop = node<Loop>(i);
        if (lanes != nullptr && lanes->dimension == d && lanes->fanout > fanout)
          return name(d) + " has lanes inside those of a part";
        dealt = dealt || (lanes != nullptr && lanes->dimension == d && lanes->fanout == fanout);
        in_part = in_part || (dealt && loop != nullptr && loop->dimension == d);
        if (in_part && node<Store>(i) != nullptr) return "storage nodes stand inside a part of " + name(d);
      }
    }
    return "";
  }

  /// Directly inside lanes stand the storage nodes of a level below, or the MAC and the loops through parts.
  [[nodiscard]] std::string lanes() const {
    const SpatialLoop* last = nullptr;
    for (std::size_t i = 0; i < nest_.nodes.size(); ++i) {
      if (const auto* here = node<SpatialLoop>(i)) last = here;
      if (node<Store>(i) != nullptr) last = nullptr;
      const auto* loop = node<Loop>(i);
      if (last != nullptr && loop != nullptr && dealt_over(loop->dimension) < 0)
        return "a loop over " + name(loop->dimension) + " stands directly inside lanes over " + name(last->dimension);
    }
    return "";
  }

  Nest nest_;
  const Layer& layer_;
  const Hierarchy& hierarchy_;
  const Mapspace& mapspace_;
  const std::vector<Constraint>& constraints_;
  std::vector<Extents> inside_;
};

}  // namespace

std::string why_outside(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy, const Mapspace& mapspace,
                        const std::vector<Constraint>& constraints) {
  return Rules(nest, layer, hierarchy, mapspace, constraints).broken();
}

}  // namespace tilepath
