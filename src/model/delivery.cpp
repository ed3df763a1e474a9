#include "tilepath/model/delivery.hpp"

#include <algorithm>
#include <functional>
#include <optional>

#include "tilepath/base/quantity.hpp"
#include "tilepath/mapping/tile.hpp"

namespace tilepath {

namespace {

/// A rank that takes part of a tile only: the indices that are new after a shift.
struct Partial {
  std::size_t rank = 0;
  std::vector<std::int64_t> fresh;
};

const Term* term_of(const Rank& rank, int dimension) {
  for (const Term& term : rank)
    if (term.dimension == dimension) return &term;
  return nullptr;
}

/// Words that leave one instance above `above` (a level) for the lanes of the fanouts from `above` inwards (R3). Lanes split per
/// fanout: those of a multicast `all` widen the tile to the union, those of `equal` count each distinct offset once, those
/// of `none` count each lane.
std::int64_t joined_words(const Tensor& tensor, const Extents& tile, const std::optional<Partial>& partial,
                          std::span<const Lanes> lanes, const Hierarchy& hierarchy, int above) {
  const auto mode = [&](const Lanes& l) { return at(hierarchy.level(l.fanout).fanout->multicast, tensor.role); };
  std::int64_t words = 1;
  for (const Lanes& l : lanes)
    if (l.fanout >= above && mode(l) == Multicast::none) words = checked_multiply(words, l.count);
  for (std::size_t r = 0; r < tensor.ranks.size(); ++r) {
    const Rank& rank = tensor.ranks[r];
    const bool part = partial && partial->rank == r;
    if (!part && is_plain(rank, hierarchy.footprint)) {
      const int dimension = rank.front().dimension;
      words = checked_multiply(words, tile[static_cast<std::size_t>(dimension)]);
      for (const Lanes& l : lanes)
        if (l.fanout >= above && l.dimension == dimension && mode(l) != Multicast::none) words = checked_multiply(words, l.count);
      continue;
    }
    IndexSet joined = part ? IndexSet{} : rank_indices(rank, tile, hierarchy.footprint);
    IndexSet equal;
    for (const Lanes& l : lanes) {
      const Term* term = term_of(rank, l.dimension);
      if (l.fanout < above || term == nullptr || mode(l) == Multicast::none) continue;
      (mode(l) == Multicast::all ? joined : equal).add(checked_multiply(term->coefficient, l.extent), l.count);
    }
    words = checked_multiply(words, checked_multiply(equal.size(), part ? union_size(partial->fresh, joined) : joined.size()));
  }
  return words;
}

Delivery delivery(const Tensor& tensor, const Extents& tile, const std::optional<Partial>& partial, std::span<const Lanes> lanes,
                  const Hierarchy& hierarchy, int parent, int child) {
  Delivery result;
  std::int64_t words = joined_words(tensor, tile, partial, lanes, hierarchy, child);
  result.child_words = words;
  std::int64_t instances = 1;
  for (const Lanes& l : lanes) instances = checked_multiply(instances, l.count);
  for (int f = child - 1; f >= parent; --f) {  // from the inside: `words` leave one instance above level f + 1
    if (hierarchy.level(f).fanout) result.network_words[static_cast<std::size_t>(f)] = checked_multiply(instances, words);
    bool joins = false;
    for (const Lanes& l : lanes)
      if (l.fanout == f) {
        instances /= l.count;
        joins = true;
      }
    if (joins) words = joined_words(tensor, tile, partial, lanes, hierarchy, f);
  }
  result.parent_reads = words;
  return result;
}

}  // namespace

std::vector<std::int64_t> fresh_indices(const Rank& rank, const Extents& tile, std::int64_t shift, Footprint footprint) {
  const std::vector<std::int64_t> held = rank_indices(rank, tile, footprint).elements();
  std::vector<std::int64_t> fresh;
  for (const std::int64_t index : held)
    if (!std::binary_search(held.begin(), held.end(), index + shift)) fresh.push_back(index);
  return fresh;
}

std::int64_t union_size(const std::vector<std::int64_t>& indices, const IndexSet& offsets) {
  std::vector<std::int64_t> all;
  for (const std::int64_t offset : offsets.elements())
    for (const std::int64_t index : indices) all.push_back(index + offset);
  std::sort(all.begin(), all.end());
  return std::unique(all.begin(), all.end()) - all.begin();
}

Delivery whole_delivery(const Tensor& tensor, const Extents& tile, std::span<const Lanes> lanes, const Hierarchy& hierarchy,
                        int parent, int child) {
  return delivery(tensor, tile, std::nullopt, lanes, hierarchy, parent, child);
}

Delivery sliding_delivery(const Tensor& tensor, const Extents& tile, std::size_t rank, std::int64_t shift,
                          std::span<const Lanes> lanes, const Hierarchy& hierarchy, int parent, int child) {
  const Partial partial{rank, fresh_indices(tensor.ranks[rank], tile, shift, hierarchy.footprint)};
  return delivery(tensor, tile, partial, lanes, hierarchy, parent, child);
}

}  // namespace tilepath
