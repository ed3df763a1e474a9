#include "tilepath/mapping/cut_rule.hpp"

#include <algorithm>
#include <vector>

#include "tilepath/base/quantity.hpp"
#include "tilepath/mapping/tile.hpp"

namespace tilepath {

namespace {

constexpr std::size_t at(int index) { return static_cast<std::size_t>(index); }

class Cuts {
 public:
  Cuts(const Nest& nest, const Layer& layer)
      : nest_(simplified(nest, layer)), layer_(layer), inside_(extents_inside(nest_, layer)), bounds_(bounds_of(layer)) {}

  bool within_rule() {
    bool in_time = false;
    bool in_chunks = false;
    for (int d = 0; d < layer_.dimension_count(); ++d) {
      const Cut here = cut(d, nest_.nodes.size());
      if (!here.allowed) return false;
      in_chunks = in_chunks || here.dealt;
      in_time = in_time || (here.remainders && !here.dealt);
    }
    if (in_time && in_chunks) return false;
    for (int t = 0; t < layer_.output(); ++t)
      for (std::size_t i = 1; i < nest_.nodes.size(); ++i)
        if (stores(i, t) && !moves_in_short_tiles(t, i)) return false;
    return true;
  }

 private:
  /// The loop in time of this dimension at a node; null: none.
  [[nodiscard]] const Loop* loop_at(std::size_t i) const {
    const auto* loop = std::get_if<Loop>(&nest_.nodes[i]);
    return loop != nullptr && loop->count > 1 ? loop : nullptr;
  }
  [[nodiscard]] bool unrolled_at(std::size_t i, int d) const {
    const auto* lanes = std::get_if<SpatialLoop>(&nest_.nodes[i]);
    return lanes != nullptr && lanes->dimension == d && lanes->count > 1;
  }
  [[nodiscard]] bool stores(std::size_t i, int t) const {
    const auto* store = std::get_if<Store>(&nest_.nodes[i]);
    return store != nullptr && std::find(store->tensors.begin(), store->tensors.end(), t) != store->tensors.end();
  }

  /// How the loops in time outside node `end` cut a dimension.
  struct Cut {
    bool allowed = true;
    bool remainders = false;  ///< some loop leaves one
    bool dealt = false;       ///< outside lanes: the last chunk that they are dealt is short
    std::int64_t tiles = 1;
  };
  [[nodiscard]] Cut cut(int d, std::size_t end) const {
    Cut cut;
    std::int64_t around = bounds_[at(d)];
    std::int64_t chunk = 0;   // what the last loop that left a remainder runs over; 0 once all tiles are full again
    std::int64_t chunks = 1;  // how many of these there are
    bool unrolled = false;
    for (std::size_t i = 0; i < end; ++i) {
      if (unrolled_at(i, d)) {
        if (cut.remainders && !cut.dealt) {
          cut.allowed = cut.allowed && !unrolled && whole_chunks(d, i);
          cut.dealt = true;
          chunk = 0;
        }
        unrolled = true;
        around = inside_[i][at(d)];
      }
      const Loop* loop = loop_at(i);
      if (loop == nullptr || loop->dimension != d) continue;
      const std::int64_t tile = inside_[i][at(d)];
      if (cut.dealt) cut.allowed = cut.allowed && tile == 1;  // a lane runs through its part
      if (chunk > 0) {
        const std::int64_t shorter = chunk - (ceil_divide(chunk, around) - 1) * around;
        cut.allowed = cut.allowed && around % tile == 0 && shorter > tile;
      } else if (around % tile != 0) {
        chunk = around;
        chunks = cut.tiles;
        cut.remainders = true;
      }
      around = tile;
      cut.tiles *= loop->count;
      if (chunk == 0) continue;
      cut.tiles = chunks * ceil_divide(chunk, tile);
      if (chunk % tile == 0) chunk = 0;
    }
    return cut;
  }

  /// Lanes that have work in so many iterations, which are dealt in such parts along one axis, these along the next, and so on.
  static std::int64_t lanes_with_work(std::int64_t iterations, const std::vector<std::int64_t>& parts, std::size_t axis = 0) {
    if (iterations == 0 || axis == parts.size()) return iterations > 0 ? 1 : 0;
    return iterations / parts[axis] * lanes_with_work(parts[axis], parts, axis + 1) +
           lanes_with_work(iterations % parts[axis], parts, axis + 1);
  }

  /// Whether the loops outside the first lanes of a dimension, at node `lanes`, run over whole chunks for these, the last of all
  /// being short.
  [[nodiscard]] bool whole_chunks(int d, std::size_t lanes) const {
    std::vector<std::int64_t> tiles;  // outermost first; the last one is the chunk
    std::int64_t innermost = 1;       // iterations of the innermost loop
    for (std::size_t i = 0; i < lanes; ++i)
      if (const Loop* loop = loop_at(i); loop != nullptr && loop->dimension == d) {
        tiles.push_back(inside_[i][at(d)]);
        innermost = loop->count;
      }
    const std::int64_t chunk = tiles.back();
    std::int64_t around = 0;
    for (const std::int64_t tile : tiles) {
      if (tile % chunk != 0 || around % tile != 0) return false;
      around = tile;
    }
    const std::int64_t last = bounds_[at(d)] - (ceil_divide(bounds_[at(d)], chunk) - 1) * chunk;
    const int fanout = std::get<SpatialLoop>(nest_.nodes[lanes]).fanout;
    std::vector<std::int64_t> parts;  // of the lanes along each axis
    for (std::size_t i = lanes; i < nest_.nodes.size(); ++i) {
      if (!unrolled_at(i, d)) continue;
      if (std::get<SpatialLoop>(nest_.nodes[i]).fanout != fanout) return false;
      parts.push_back(inside_[i][at(d)]);
    }
    const bool all_work = lanes_with_work(last, parts) == lanes_with_work(chunk, parts);
    return last < chunk && (all_work || innermost >= 3);
  }

  /// One term of a halo rank, seen from a storage node.
  struct Run {
    std::int64_t step = 0;  ///< indices from one tile to the next
    Cut cut;                ///< by the loops outside the node
  };

  /// Whether the tile kept at node `i` moves in every step, remainders or not, if a loop along a halo is the first to move it.
  [[nodiscard]] bool moves_in_short_tiles(int t, std::size_t i) const {
    std::size_t first = i;
    while (first > 0 && (loop_at(first) == nullptr || !layer_.relevant(t, loop_at(first)->dimension))) --first;
    if (first == 0) return true;  // it never moves
    for (const Rank& rank : layer_.tensors[at(t)].ranks) {
      const auto on = [&](const Term& term) { return term.dimension == loop_at(first)->dimension; };
      if (rank.size() > 1 && std::any_of(rank.begin(), rank.end(), on) && !moves_along(rank, i)) return false;
    }
    return true;
  }

  [[nodiscard]] bool moves_along(const Rank& rank, std::size_t i) const {
    std::vector<Run> runs;
    bool lanes_outside = false;  // of this rank, above the tile's own level
    for (const Term& term : rank) {
      const Run run{checked_multiply(term.coefficient, inside_[i][at(term.dimension)]), cut(term.dimension, i)};
      for (std::size_t j = 0; j < i; ++j) lanes_outside = lanes_outside || unrolled_at(j, term.dimension);
      if (run.cut.tiles > 1) runs.push_back(run);
    }
    if (runs.size() < 2) return true;
    // As they are, without remainders: whether some step is undone by all steps of another loop.
    const auto undone = [](const Run& a, const Run& by) {
      return a.step % by.step == 0 && by.cut.tiles % (a.step / by.step + 1) == 0;
    };
    const bool undone_at_all = lanes_outside || runs.size() > 2 || undone(runs[0], runs[1]) || undone(runs[1], runs[0]);
    for (const Run& a : runs)
      for (const Run& by : runs)
        if (&a != &by && by.cut.remainders && (undone_at_all || (a.step % by.step == 0 && a.step / by.step < by.cut.tiles)))
          return false;
    return true;
  }

  Nest nest_;
  const Layer& layer_;
  std::vector<Extents> inside_;
  Extents bounds_;
};

}  // namespace

bool ends_in_short_chunk(const Nest& nest, const Layer& layer, int dimension) {
  const std::vector<Extents> inside = extents_inside(nest, layer);
  const std::int64_t bound = layer.dimensions[at(dimension)].bound;
  std::int64_t around = bound;
  for (std::size_t i = 0; i < nest.nodes.size(); ++i) {
    const auto* lanes = std::get_if<SpatialLoop>(&nest.nodes[i]);
    if (lanes != nullptr && lanes->dimension == dimension && lanes->count > 1) return bound % around != 0;
    around = inside[i][at(dimension)];
  }
  return false;
}

bool within_cut_rule(const Nest& nest, const Layer& layer) { return Cuts(nest, layer).within_rule(); }

}  // namespace tilepath
