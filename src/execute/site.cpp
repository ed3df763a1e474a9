#include "site.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace tilepath::execution {

Pattern pattern_of(const Rank& rank, const Extents& extents, Footprint footprint) {
  std::int64_t last = 0;
  for (const Term& term : rank) last += term.coefficient * (extents[static_cast<std::size_t>(term.dimension)] - 1);
  std::vector<std::uint8_t> touched(static_cast<std::size_t>(last) + 1, footprint == Footprint::box ? 1 : 0);
  touched[0] = 1;
  for (const Term& term : rank) {  // shift what is touched so far by each multiple of the coefficient
    const std::vector<std::uint8_t> before = touched;
    for (std::int64_t i = 1; i < extents[static_cast<std::size_t>(term.dimension)]; ++i) {
      const auto shift = static_cast<std::size_t>(i * term.coefficient);
      for (std::size_t at = 0; at + shift < touched.size(); ++at) touched[at + shift] |= before[at];
    }
  }
  Pattern pattern;
  pattern.place.assign(touched.size(), -1);
  for (std::size_t at = 0; at < touched.size(); ++at)
    if (touched[at] != 0) {
      pattern.place[at] = static_cast<std::int32_t>(pattern.indices.size());
      pattern.indices.push_back(static_cast<std::int64_t>(at));
    }
  if (pattern.indices.size() > 1) {
    pattern.step = pattern.indices[1];
    for (std::size_t k = 0; k < pattern.indices.size(); ++k)
      if (pattern.indices[k] != static_cast<std::int64_t>(k) * pattern.indices[1]) pattern.step = 0;
  }
  return pattern;
}

void chart(Site& child, const Site& parent) {
  const std::size_t ranks = child.patterns.size();
  std::vector<std::int64_t> places = {0};
  std::vector<std::int64_t> lanes(child.buffers.size(), 0);
  child.spread.assign(ranks, 0);
  for (std::size_t r = 0; r < ranks; ++r) {
    const Pattern& inner = child.patterns[r];
    const Pattern& outer = parent.patterns[r];
    const bool one = inner.indices.size() == 1;
    if (outer.step == 0 || inner.step == 0 || (!one && inner.step % outer.step != 0)) return;
    const std::int64_t apart = one ? 0 : inner.step / outer.step * parent.strides[r];
    std::vector<std::int64_t> next;
    next.reserve(places.size() * inner.indices.size());
    for (const std::int64_t place : places)
      for (std::size_t e = 0; e < inner.indices.size(); ++e) next.push_back(place + static_cast<std::int64_t>(e) * apart);
    places = std::move(next);
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      const std::size_t first = i / static_cast<std::size_t>(child.per_parent) * static_cast<std::size_t>(child.per_parent);
      const std::int64_t from = child.lane_origin[i * ranks + r] - child.lane_origin[first * ranks + r];
      if (from % outer.step != 0) return;
      lanes[i] += from / outer.step * parent.strides[r];
      child.spread[r] = std::max(child.spread[r], from + inner.indices.back());
    }
  }
  child.in_parent = std::move(places);
  child.lane_place = std::move(lanes);
}

std::vector<LaneLoop> lane_loops(const Nest& nest, const std::vector<Extents>& inside) {
  std::vector<LaneLoop> lanes;
  for (std::size_t i = 0; i < nest.nodes.size(); ++i)
    if (const auto* loop = std::get_if<SpatialLoop>(&nest.nodes[i]))
      lanes.push_back({loop->dimension, loop->count, inside[i][static_cast<std::size_t>(loop->dimension)], loop->fanout, i});
  return lanes;
}

std::vector<std::int64_t> coordinates(std::int64_t instance, const std::vector<LaneLoop>& lanes, std::size_t loops) {
  std::vector<std::int64_t> result(loops, 0);
  for (std::size_t l = loops; l-- > 0;) {
    result[l] = instance % lanes[l].count;
    instance /= lanes[l].count;
  }
  return result;
}

std::vector<std::int64_t> lane_origins(const Tensor& tensor, const std::vector<LaneLoop>& lanes, std::size_t loops) {
  std::int64_t instances = 1;
  for (std::size_t l = 0; l < loops; ++l) instances *= lanes[l].count;
  const std::size_t ranks = tensor.ranks.size();
  std::vector<std::int64_t> origins(static_cast<std::size_t>(instances) * ranks, 0);
  for (std::int64_t i = 0; i < instances; ++i) {
    const std::vector<std::int64_t> at = coordinates(i, lanes, loops);
    for (std::size_t r = 0; r < ranks; ++r)
      for (const Term& term : tensor.ranks[r])
        for (std::size_t l = 0; l < loops; ++l)
          if (lanes[l].dimension == term.dimension)
            origins[static_cast<std::size_t>(i) * ranks + r] += term.coefficient * lanes[l].extent * at[l];
  }
  return origins;
}

std::int64_t count_joined(const std::vector<Request>& requests, const std::vector<LaneLoop>& lanes, std::size_t first,
                          std::size_t last, int above, const Hierarchy& hierarchy, Role role) {
  using Coordinates = std::vector<std::int64_t>;
  // A lane's coordinates, by what its fanout does with equal words.
  struct Place {
    Coordinates apart;  ///< above `above`, or without multicast: never joined
    Coordinates whole;  ///< joined when the deliveries are equal as wholes
    Coordinates by_word;
  };
  const auto place_of = [&](std::int64_t instance) {
    const Coordinates all = coordinates(instance, lanes, last);
    Place place;
    for (std::size_t l = first; l < last; ++l) {
      const Multicast mode = at(hierarchy.level(lanes[l].fanout).fanout->multicast, role);
      const bool outside = lanes[l].fanout < above;
      (outside || mode == Multicast::none ? place.apart
       : mode == Multicast::equal         ? place.whole
                                          : place.by_word)
          .push_back(all[l]);
    }
    return place;
  };
  // The first lane of `whole` coordinates that asks for the same words, all other coordinates alike, stands for its equals.
  std::map<std::tuple<Coordinates, Coordinates, std::vector<std::int64_t>>, Coordinates> stands_for;
  std::set<std::tuple<Coordinates, Coordinates, std::int64_t>> joined;
  for (const Request& request : requests) {
    Place place = place_of(request.instance);
    const auto [it, fresh] = stands_for.try_emplace({place.apart, place.by_word, request.words}, place.whole);
    for (const std::int64_t word : request.words) joined.insert({place.apart, it->second, word});
  }
  return static_cast<std::int64_t>(joined.size());
}

std::int64_t count_sent(const std::vector<Request>& requests, const std::vector<LaneLoop>& lanes, std::size_t last, int at,
                        const Hierarchy& hierarchy) {
  std::set<std::pair<std::vector<std::int64_t>, std::int64_t>> sent;
  for (const Request& request : requests) {
    std::vector<std::int64_t> apart = coordinates(request.instance, lanes, last);
    for (std::size_t l = 0; l < last; ++l)
      if (lanes[l].fanout > at && hierarchy.level(lanes[l].fanout).fanout->reduction) apart[l] = -1;  // added below
    for (const std::int64_t word : request.words) sent.insert({apart, word});
  }
  return static_cast<std::int64_t>(sent.size());
}

}  // namespace tilepath::execution
