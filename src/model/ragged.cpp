// Traffic where some tiles are remainders (R9): the last tile of a dimension is shorter, and the last lanes do less or nothing.
//
// Each lane lives in its own nest: what it does not work on it does not need, and a lane that idles keeps what it holds. So a
// lane's tile moves from the last step in which it had work to the next one. Whether a rank of the tile moved depends on the
// dimensions of that rank alone, and these go through their tiles independently of the others. For each loop k, over all its
// steps, all that moves is
//
//   prod total(g) - prod stays(g) - sum_r partly(r) prod_{g != r} stays(g)
//
// over the groups g of dimensions: one for each rank of the tensor and one for each irrelevant dimension, each summed
// over its own tiles and lanes. total: indices of the new tiles; stays: those needed only by lanes whose tile did not move along
// this rank; partly (R2, sliding): those that some lane moved but had already, and none needs anew. Lanes whose words are joined
// (R3) count as a union.
#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>

#include "tilepath/mapping/tile.hpp"
#include "traffic.hpp"

namespace tilepath::model_detail {

namespace {

constexpr std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

/// What becomes of the lanes of a fanout when words are added up: each counts; equal tiles are joined; words are joined; or only
/// lane 0 is looked at.
enum class Count : std::uint8_t { each, equal, joined, first };
using Counting = std::array<Count, kMaxLevels>;  ///< per fanout

/// Which steps of the temporal loops outside a node.
struct Some {
  enum class Kind : std::uint8_t {
    start,     ///< the first: every loop at its beginning
    loop,      ///< all steps of one loop
    all,       ///< every iteration
    distinct,  ///< those that first meet a tile of the tensor: irrelevant loops at their beginning
  };
  Kind kind = Kind::start;
  std::size_t loop = 0;  ///< its position
  /// If given, only the one in which the temporal loops stand there; per node.
  const std::vector<std::int64_t>* at = nullptr;
};

/// One lane of one dimension in one step: where its tile starts and how much it holds, now and when the lane last had work.
struct Track {
  std::vector<std::int64_t> at;  ///< coordinates on the dimension's lane loops
  std::int64_t start = 0, size = 0;
  std::int64_t moved_by = 0, size_before = 0;
  bool taken_along = false;  ///< of psums: a tile around this one moved meanwhile
  [[nodiscard]] bool moved() const { return moved_by != 0 || size != size_before || taken_along; }
};

/// Some of one dimension that look alike.
struct Alike {
  std::int64_t times = 0;
  std::vector<Track> lanes;  ///< those with work
};

/// What a group of dimensions contributes in steps that look alike, for each of several ways of counting.
struct Part {
  std::int64_t total = 0, stays = 0, partly = 0;
};
struct Contribution {
  std::int64_t times = 0;
  std::vector<Part> parts;
};

class Ragged {
 public:
  Ragged(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy, const std::vector<Extents>& inside)
      : nest_(nest), layer_(layer), hierarchy_(hierarchy), inside_(inside) {
    set_loops();
    set_groups();
    for (int t = 0; t < layer.tensor_count(); ++t) chains_[index(t)] = chain_of(nest, t, hierarchy);
  }

  Moved run() {
    result_.counts.macs = macs(layer_);
    for (const Node& node : nest_.nodes)
      if (const auto* lanes = std::get_if<SpatialLoop>(&node))
        result_.steps.lanes = checked_multiply(result_.steps.lanes, lanes->count);
    const Stop macs{nest_.nodes.size(), 0};
    for (int d = 0; d < layer_.dimension_count(); ++d) {
      const bool of_psums = layer_.relevant(layer_.output(), d);
      result_.steps.all = checked_multiply(result_.steps.all, times_of(alike_steps(d, macs, {Some::Kind::all}, true)));
      result_.steps.starting =
          checked_multiply(result_.steps.starting, times_of(alike_steps(d, macs, {Some::Kind::distinct}, of_psums)));
    }
    for (int t = 0; t < layer_.tensor_count(); ++t)
      layer_.is_output(t) ? output_traffic(t, chains_[index(t)]) : operand_traffic(t, chains_[index(t)]);
    if (!hierarchy_.limited()) return result_;
    set_edges(result_, nest_, layer_, hierarchy_,
              {[this](int t, std::size_t position) { return visits(t, position); },
               [this](int t, std::size_t position) { return first_visits(t, position); },
               [this](std::size_t position) { return steps_inside(position); }});
    return result_;
  }

  /// The same of single steps: see StepTraffic.
  [[nodiscard]] Arrival arrival(int t, std::size_t k, const Step& step) const {
    const Stop& parent = chains_[index(t)][k - 1];
    const Stop& child = chains_[index(t)][k];
    const Some steps = step.loop == Step::kNone ? Some{} : Some{Some::Kind::loop, step.loop, &step.at};
    const bool output = layer_.is_output(t);
    Arrival arrival;
    const std::vector<Counting> counted = {
        output ? agreed_from(parent.level, Count::first) : joined_from(t, parent.level, Count::first), all_lanes(Count::first),
        added_from(parent.level, Count::first, Count::each)};
    for_each_step(t, child, steps, counted, [&](std::int64_t, const std::vector<std::int64_t>& words) {
      arrival = {true, words[0], words[1], {}};
      if (output) arrival.departure = {words[2], words[2] - words[0], words[1]};
    });
    return arrival;
  }

  [[nodiscard]] MacStep mac_step(const std::vector<std::int64_t>& at) const {
    const Some here{Some::Kind::all, 0, &at};
    MacStep step;
    for (int t = 0; t < layer_.tensor_count(); ++t) {
      const Stop& macs = chains_[index(t)].back();
      const int from = std::prev(chains_[index(t)].end(), 2)->level;
      const std::int64_t width = level_words(hierarchy_.level(from), tensor(t));
      const bool output = layer_.is_output(t);
      const std::vector<Counting> counted = {
          output ? added_from(from, Count::first, Count::each) : joined_from(t, from, Count::first),
          agreed_from(from, Count::first)};
      for_each_step(t, macs, here, counted, [&](std::int64_t, const std::vector<std::int64_t>& words) {
        (output ? step.updates : step.operands[index(from)]) += checked_multiply(words[0], width);
        if (output) step.psums = checked_multiply(words[1], width);
      });
      if (output) step.level = from;
    }
    return step;
  }

 private:
  [[nodiscard]] const Tensor& tensor(int t) const { return layer_.tensors[index(t)]; }
  Traffic& traffic(int level, int t) { return result_.counts.levels[index(level)][index(t)]; }
  NetworkTraffic& network(int fanout, int t) { return result_.counts.network[index(fanout)][index(t)]; }
  Port& port(int level) { return result_.ports[index(level)]; }

  // -- the tiles of one dimension -----------------------------------------------------------------------------------------

  struct DimensionLoop {
    std::size_t position = 0;
    std::int64_t count = 1, extent = 1;
    int fanout = -1;  ///< -1: temporal
  };

  void set_loops() {
    for (std::size_t i = 0; i < nest_.nodes.size(); ++i) {
      if (const auto* loop = std::get_if<Loop>(&nest_.nodes[i]))
        loops_[index(loop->dimension)].push_back({i, loop->count, inside_[i][index(loop->dimension)], -1});
      if (const auto* lanes = std::get_if<SpatialLoop>(&nest_.nodes[i]))
        loops_[index(lanes->dimension)].push_back({i, lanes->count, inside_[i][index(lanes->dimension)], lanes->fanout});
    }
  }

  [[nodiscard]] std::vector<DimensionLoop> loops_of(int d, std::size_t position) const {
    const std::vector<DimensionLoop>& all = loops_[index(d)];
    const auto inside = [&](const DimensionLoop& loop) { return loop.position >= position; };
    return {all.begin(), std::find_if(all.begin(), all.end(), inside)};
  }

  static std::int64_t cut(std::int64_t size, std::int64_t i, std::int64_t extent) {
    return std::clamp<std::int64_t>(size - i * extent, 0, extent);
  }

  using Sizes = std::vector<std::int64_t>;  ///< of the tile of each lane so far
  using Tiles = std::map<Sizes, std::int64_t>;

  /// The tiles of iterations first … of a loop, alike ones together. They change only where a lane comes to its end.
  static Tiles iterate(const Tiles& before, const DimensionLoop& loop, std::int64_t first) {
    Tiles after;
    for (const auto& [sizes, times] : before) {
      std::set<std::int64_t> changes = {first, loop.count};
      for (const std::int64_t size : sizes)
        for (const std::int64_t i : {size / loop.extent, size / loop.extent + 1})
          if (i > first && i < loop.count) changes.insert(i);
      for (auto from = changes.begin(); std::next(from) != changes.end(); ++from) {
        Sizes next;
        for (const std::int64_t size : sizes) next.push_back(cut(size, *from, loop.extent));
        if (next.front() == 0) break;  // lane 0 is the last to finish
        after[next] += checked_multiply(times, *std::next(from) - *from);
      }
    }
    return after;
  }

  /// The tiles of one iteration.
  static Tiles step_to(const Tiles& before, const DimensionLoop& loop, std::int64_t i) {
    Tiles after;
    for (const auto& [sizes, times] : before) {
      Sizes next;
      for (const std::int64_t size : sizes) next.push_back(cut(size, i, loop.extent));
      after[next] += times;
    }
    return after;
  }

  static Tiles deal(const Tiles& before, const DimensionLoop& loop) {
    Tiles after;
    for (const auto& [sizes, times] : before) {
      Sizes next;
      for (const std::int64_t size : sizes)
        for (std::int64_t i = 0; i < loop.count; ++i) next.push_back(cut(size, i, loop.extent));
      after[next] += times;
    }
    return after;
  }

  /// Some of dimension d at the loops outside `node`, alike ones together. Of a loop of another dimension, d's own loops inside
  /// it go from their end to their beginning. `relevant`: to the tensor whose distinct tiles are meant. `around`: positions of
  /// the nodes whose moves take this one's tile along.
  [[nodiscard]] const std::vector<Alike>& alike_steps(int d, const Stop& node, const Some& steps, bool relevant,
                                                      const std::vector<std::size_t>& around = {}) const {
    Sizes stands;
    for (const DimensionLoop& loop : loops_[index(d)])
      if (loop.fanout < 0 && steps.at != nullptr) stands.push_back((*steps.at)[loop.position]);
    const auto [it, fresh] = alike_.try_emplace({d, node.position, steps.kind, steps.loop, relevant, around, stands});
    if (fresh) it->second = find_alike_steps(d, node, steps, relevant, around);
    return it->second;
  }

  [[nodiscard]] std::vector<Alike> find_alike_steps(int d, const Stop& node, const Some& steps, bool relevant,
                                                    const std::vector<std::size_t>& around) const {
    const std::vector<DimensionLoop> loops = loops_of(d, node.position);
    Tiles tiles = {{{layer_.dimensions[index(d)].bound}, 1}};
    std::size_t inner = 0;  // the first loop that starts anew
    bool own = false;       // the loop that steps is d's
    for (; inner < loops.size() && !own; ++inner) {
      const DimensionLoop& loop = loops[inner];
      if (steps.kind == Some::Kind::loop && loop.position > steps.loop) break;
      if (loop.fanout >= 0) {
        tiles = deal(tiles, loop);
      } else if (steps.at != nullptr) {
        own = steps.kind == Some::Kind::loop && loop.position == steps.loop;
        tiles = step_to(tiles, loop, (*steps.at)[loop.position]);
      } else if (steps.kind == Some::Kind::start || (steps.kind == Some::Kind::distinct && !relevant)) {
        DimensionLoop once = loop;
        once.count = 1;
        tiles = iterate(tiles, once, 0);
      } else {
        own = steps.kind == Some::Kind::loop && loop.position == steps.loop;
        tiles = iterate(tiles, loop, own ? 1 : 0);
      }
    }
    std::vector<Alike> result;
    for (const auto& [sizes, times] : tiles) {
      Alike alike{times, {}};
      const std::int64_t step = own ? loops[inner - 1].extent : 0;
      for (std::size_t lane = 0; lane < sizes.size(); ++lane)
        if (sizes[lane] > 0) add_lanes(loops, inner, lane, sizes[lane], step, around, alike.lanes);
      result.push_back(std::move(alike));
    }
    return result;
  }

  static std::int64_t times_of(const std::vector<Alike>& steps) {
    std::int64_t times = 0;
    for (const Alike& alike : steps) times = checked_add(times, alike.times);
    return times;
  }

  /// The lanes inside one lane of the first `inner` loops.
  static void add_lanes(const std::vector<DimensionLoop>& loops, std::size_t inner, std::size_t lane, std::int64_t size,
                        std::int64_t step, const std::vector<std::size_t>& around, std::vector<Track>& lanes) {
    Track track;
    auto number = static_cast<std::int64_t>(lane);
    for (std::size_t l = inner; l-- > 0;) {
      if (loops[l].fanout < 0) continue;
      track.at.insert(track.at.begin(), number % loops[l].count);
      track.start += number % loops[l].count * loops[l].extent;
      number /= loops[l].count;
    }
    const std::function<void(std::size_t, std::int64_t)> place = [&](std::size_t l, std::int64_t left) {
      if (left == 0) return;
      if (l < loops.size() && loops[l].fanout >= 0) {
        for (std::int64_t i = 0; i < loops[l].count; ++i) {
          track.at.push_back(i);
          track.start += i * loops[l].extent;
          place(l + 1, cut(left, i, loops[l].extent));
          track.start -= i * loops[l].extent;
          track.at.pop_back();
        }
      } else if (l < loops.size()) {
        place(l + 1, cut(left, 0, loops[l].extent));
      } else {
        std::size_t coordinate = track.at.size();
        for (std::size_t of = inner; of < loops.size(); ++of) coordinate -= static_cast<std::size_t>(loops[of].fanout >= 0);
        const std::int64_t before_all = step > 0 ? step : size;
        const auto [start, before] = last_tile(loops, inner, loops.size(), before_all, track.at, coordinate);
        lanes.push_back(track);
        for (const std::size_t node : around) {
          std::size_t end = inner;
          while (end < loops.size() && loops[end].position < node) ++end;
          lanes.back().taken_along |= last_tile(loops, inner, end, before_all, track.at, coordinate).first != step;
        }
        lanes.back().size = left;
        lanes.back().size_before = before;
        lanes.back().moved_by = step - start;
      }
    };
    place(inner, size);
  }

  /// The last tile with work for a lane, of those that loops l … end run through: where it starts, its size (0: none).
  static std::pair<std::int64_t, std::int64_t> last_tile(const std::vector<DimensionLoop>& loops, std::size_t l, std::size_t end,
                                                         std::int64_t size, const std::vector<std::int64_t>& at,
                                                         std::size_t coordinate) {
    if (l == end || size == 0) return {0, size};
    const std::int64_t extent = loops[l].extent;
    if (loops[l].fanout >= 0) return last_tile(loops, l + 1, end, cut(size, at[coordinate], extent), at, coordinate + 1);
    for (std::int64_t i = ceil_divide(size, extent) - 1; i >= 0; --i) {
      const auto [start, left] = last_tile(loops, l + 1, end, cut(size, i, extent), at, coordinate);
      if (left > 0) return {start + i * extent, left};
    }
    return {0, 0};
  }

  // -- groups of dimensions -----------------------------------------------------------------------------------------------

  /// A rank of the tensor, or (no rank) one irrelevant dimension.
  struct Group {
    const Rank* rank = nullptr;
    int dimension = 0;  ///< of a halo, one of them
    bool halo = false;  ///< the rank has several dimensions of more than one iteration
  };
  void set_groups() {
    for (int t = 0; t < layer_.tensor_count(); ++t) {
      for (const Rank& rank : tensor(t).ranks) {
        Group& group = groups_[index(t)].emplace_back(Group{&rank, rank.front().dimension});
        const auto iterates = [&](const Term& term) { return layer_.dimensions[index(term.dimension)].bound > 1; };
        group.halo = std::count_if(rank.begin(), rank.end(), iterates) > 1;
        if (const auto first = std::find_if(rank.begin(), rank.end(), iterates); first != rank.end())
          group.dimension = first->dimension;
      }
      for (int d = 0; d < layer_.dimension_count(); ++d)
        if (!layer_.relevant(t, d)) groups_[index(t)].push_back({nullptr, d});
    }
  }

  [[nodiscard]] std::vector<int> fanouts_of(int d, std::size_t position) const {
    std::vector<int> fanouts;
    for (const DimensionLoop& loop : loops_of(d, position))
      if (loop.fanout >= 0) fanouts.push_back(loop.fanout);
    return fanouts;
  }

  /// Splits the coordinates of lanes by what their fanout does; false where only lane 0 is looked at and this is another.
  struct Place {
    std::vector<std::int64_t> each, equal, joined;
  };
  static bool add_place(const Track& lane, const std::vector<int>& fanouts, const Counting& counting, Place& place) {
    for (std::size_t l = 0; l < fanouts.size(); ++l) {
      const Count count = counting[index(fanouts[l])];
      if (count == Count::first && lane.at[l] != 0) return false;
      if (count == Count::each) place.each.push_back(lane.at[l]);
      if (count == Count::equal) place.equal.push_back(lane.at[l]);
      if (count == Count::joined) place.joined.push_back(lane.at[l]);
    }
    return true;
  }

  std::vector<Contribution> contributions(int t, const Group& group, const Stop& node, const Some& steps,
                                          const std::vector<Counting>& countings) const {
    std::vector<Contribution> result;
    if (group.halo) {
      sum_halo(t, *group.rank, node, steps, countings, result);
      return result;
    }
    const int d = group.dimension;
    const std::vector<int> fanouts = fanouts_of(d, node.position);
    const std::vector<std::size_t> around = taken_along_by(t, group, node, steps);
    for (const Alike& alike : alike_steps(d, node, steps, group.rank != nullptr, around)) {
      Contribution contribution{alike.times, {}};
      for (const Counting& counting : countings)
        contribution.parts.push_back(group.rank == nullptr ? lanes_at_work(alike, fanouts, counting)
                                                           : words_at_work(group, alike, fanouts, counting));
      result.push_back(std::move(contribution));
    }
    return result;
  }

  /// Nodes whose moves take this one's tile along: psums cannot outlast the tile that they drain into.
  [[nodiscard]] std::vector<std::size_t> taken_along_by(int t, const Group& group, const Stop& node, const Some& steps) const {
    std::vector<std::size_t> around;
    if (!layer_.is_output(t) || group.rank == nullptr || steps.kind != Some::Kind::loop) return around;
    for (const Stop& stop : chains_[index(t)])
      if (stop.position > steps.loop && stop.position < node.position) around.push_back(stop.position);
    return around;
  }

  /// An irrelevant dimension multiplies words by the lanes that have work, once where they are joined.
  static Part lanes_at_work(const Alike& alike, const std::vector<int>& fanouts, const Counting& counting) {
    std::set<std::vector<std::int64_t>> counted;
    for (const Track& lane : alike.lanes)
      if (Place place; add_place(lane, fanouts, counting, place)) counted.insert(place.each);
    const auto lanes = static_cast<std::int64_t>(counted.size());
    return {lanes, lanes, 0};
  }

  /// Lanes of a plain rank share no index.
  [[nodiscard]] Part words_at_work(const Group& group, const Alike& alike, const std::vector<int>& fanouts,
                                   const Counting& counting) const {
    Part part;
    for (const Track& lane : alike.lanes) {
      Place place;
      if (!add_place(lane, fanouts, counting, place)) continue;
      Extents size{};
      size.fill(1);
      size[index(group.dimension)] = lane.size;
      const std::int64_t words = rank_indices(*group.rank, size, hierarchy_.footprint).size();
      part.total += words;
      if (!lane.moved()) part.stays += words;
    }
    return part;
  }

  void sum_halo(int t, const Rank& rank, const Stop& node, const Some& steps, const std::vector<Counting>& countings,
                std::vector<Contribution>& result) const {
    std::vector<const std::vector<Alike>*> of_term;
    for (const Term& term : rank) of_term.push_back(&alike_steps(term.dimension, node, steps, true));
    std::vector<const Alike*> chosen(rank.size(), nullptr);
    const std::function<void(std::size_t, std::int64_t)> choose = [&](std::size_t term, std::int64_t times) {
      if (term == rank.size()) {
        Contribution contribution{times, {}};
        for (const Counting& counting : countings) contribution.parts.push_back(halo_at_work(t, rank, node, chosen, counting));
        result.push_back(std::move(contribution));
        return;
      }
      for (const Alike& alike : *of_term[term]) {
        chosen[term] = &alike;
        choose(term + 1, checked_multiply(times, alike.times));
      }
    };
    choose(0, 1);
  }

  /// Lanes of a halo rank overlap: mark every index with what its lanes make of it.
  [[nodiscard]] Part halo_at_work(int t, const Rank& rank, const Stop& node, const std::vector<const Alike*>& chosen,
                                  const Counting& counting) const {
    const bool sliding = !layer_.is_output(t) && node.level < hierarchy_.level_count() &&
                         hierarchy_.level(node.level).retention == Retention::sliding;
    enum Mark : std::uint8_t { kStays = 1, kPartly = 2, kFresh = 4 };
    struct Lane {
      Place place;
      std::vector<std::int64_t> indices;
      std::vector<std::uint8_t> marks;
    };
    std::vector<Lane> lanes;
    Place place;
    Extents size{};
    Extents before{};
    size.fill(1);
    before.fill(1);
    const std::function<void(std::size_t, std::int64_t, std::int64_t)> walk = [&](std::size_t term, std::int64_t start,
                                                                                  std::int64_t moved_by) {
      if (term == rank.size()) {
        Lane lane{place, rank_indices(rank, size, hierarchy_.footprint).elements(), {}};
        const std::vector<std::int64_t> old = rank_indices(rank, before, hierarchy_.footprint).elements();
        const bool stays = moved_by == 0 && old == lane.indices;
        for (std::int64_t& i : lane.indices) {
          const bool held = std::binary_search(old.begin(), old.end(), i + moved_by);
          lane.marks.push_back(stays ? kStays : sliding && held ? kPartly : kFresh);
          i += start;
        }
        lanes.push_back(std::move(lane));
        return;
      }
      const int d = rank[term].dimension;
      const std::vector<int> fanouts = fanouts_of(d, node.position);
      const Place outer = place;
      for (const Track& lane : chosen[term]->lanes) {
        place = outer;
        if (!add_place(lane, fanouts, counting, place)) continue;
        size[index(d)] = lane.size;
        before[index(d)] = lane.size_before;
        walk(term + 1, start + rank[term].coefficient * lane.start, moved_by + rank[term].coefficient * lane.moved_by);
      }
      place = outer;
    };
    if (!sliding && std::all_of(chosen.begin(), chosen.end(), [](const Alike* of) { return of->lanes.size() == 1; })) {
      std::int64_t moved_by = 0;  // nothing to join
      for (std::size_t term = 0; term < rank.size(); ++term) {
        const Track& lane = chosen[term]->lanes.front();
        size[index(rank[term].dimension)] = lane.size;
        before[index(rank[term].dimension)] = lane.size_before;
        moved_by += rank[term].coefficient * lane.moved_by;
      }
      const std::int64_t words = rank_indices(rank, size, hierarchy_.footprint).size();
      if (moved_by != 0 || size == before) return {words, moved_by == 0 ? words : 0, 0};
    }
    walk(0, 0, 0);
    Part part;
    // Of lanes that ask for equal tiles, all else alike, the first stands for the others.
    std::map<std::tuple<std::vector<std::int64_t>, std::vector<std::int64_t>, std::vector<std::int64_t>>,
             std::vector<std::int64_t>>
        stands_for;
    std::map<std::tuple<std::vector<std::int64_t>, std::vector<std::int64_t>, std::int64_t>, std::uint8_t> marks;
    for (const Lane& lane : lanes) {
      const auto& name =
          stands_for.try_emplace({lane.place.each, lane.place.joined, lane.indices}, lane.place.equal).first->second;
      for (std::size_t i = 0; i < lane.indices.size(); ++i) marks[{lane.place.each, name, lane.indices[i]}] |= lane.marks[i];
    }
    for (const auto& [word, mark] : marks) {
      ++part.total;
      part.stays += static_cast<std::int64_t>(mark == kStays);
      part.partly += static_cast<std::int64_t>((mark & kFresh) == 0 && (mark & kPartly) != 0);
    }
    return part;
  }

  // -- sums over steps ----------------------------------------------------------------------------------------------------

  /// The words that move in all of `steps`, counted in one way.
  [[nodiscard]] Words words(int t, const Stop& node, const Some& steps, const Counting& counting) const {
    std::vector<Part> sums;
    sums.reserve(groups_[index(t)].size());
    for (std::size_t g = 0; g < groups_[index(t)].size(); ++g) sums.push_back(sum_of(t, g, node, steps, counting));
    return Words(moving(sums, node, steps));
  }

  /// What a group contributes in all of `steps`; found once for all that are alike to it.
  [[nodiscard]] Part sum_of(int t, std::size_t g, const Stop& node, const Some& steps, const Counting& counting) const {
    const Group& group = groups_[index(t)][g];
    const auto [it, fresh] = sums_.try_emplace(alike_to(t, g, node, steps, counting));
    Part& sum = it->second;
    if (!fresh) return sum;
    if (!group.halo && divides(group.dimension)) return sum = sum_of_full(group, node, steps, counting);
    for (const Contribution& each : contributions(t, group, node, steps, {counting})) {
      sum.total = checked_add(sum.total, checked_multiply(each.times, each.parts[0].total));
      sum.stays = checked_add(sum.stays, checked_multiply(each.times, each.parts[0].stays));
      sum.partly = checked_add(sum.partly, checked_multiply(each.times, each.parts[0].partly));
    }
    return sum;
  }

  /// Whether every loop of a dimension divides what it runs over: no tile of it is short.
  [[nodiscard]] bool divides(int d) const {
    std::int64_t around = layer_.dimensions[index(d)].bound;
    for (const DimensionLoop& loop : loops_[index(d)]) {
      if (around != loop.count * loop.extent) return false;
      around = loop.extent;
    }
    return true;
  }

  /// The same in closed form, of one such dimension that is irrelevant or alone in its rank.
  [[nodiscard]] Part sum_of_full(const Group& group, const Stop& node, const Some& steps, const Counting& counting) const {
    const bool relevant = group.rank != nullptr;
    std::int64_t words = 1;
    std::int64_t times = 1;
    std::int64_t extent = layer_.dimensions[index(group.dimension)].bound;
    bool moved = false;
    for (const DimensionLoop& loop : loops_[index(group.dimension)]) {
      if (loop.position >= node.position) break;
      extent = loop.extent;
      if (loop.fanout >= 0) {
        const Count count = counting[index(loop.fanout)];
        if (count == Count::each || (relevant && count != Count::first)) words = checked_multiply(words, loop.count);
        continue;
      }
      const bool counts = steps.kind == Some::Kind::all || (steps.kind == Some::Kind::distinct && relevant) ||
                          (steps.kind == Some::Kind::loop && loop.position <= steps.loop);
      const bool steps_itself = steps.kind == Some::Kind::loop && loop.position == steps.loop;
      if (counts) times = checked_multiply(times, steps_itself ? loop.count - 1 : loop.count);
      moved = moved || steps_itself || (steps.kind == Some::Kind::loop && loop.position > steps.loop && loop.count > 1);
    }
    if (relevant) {
      Extents size{};
      size.fill(1);
      size[index(group.dimension)] = extent;
      words = checked_multiply(words, rank_indices(*group.rank, size, hierarchy_.footprint).size());
    }
    const std::int64_t total = checked_multiply(times, words);
    return {total, relevant && moved ? 0 : total, 0};
  }

  /// All that a group's contribution depends on: of the steps, which of the group's own loops stand inside; of the counting, what
  /// becomes of the group's own lanes. A letter each.
  [[nodiscard]] std::u16string alike_to(int t, std::size_t g, const Stop& node, const Some& steps,
                                        const Counting& counting) const {
    std::u16string name;
    const auto add = [&](std::size_t value) { name.push_back(static_cast<char16_t>(value)); };
    const auto add_loops = [&](int d) {
      std::size_t outside = 0;
      bool own = false;
      for (const DimensionLoop& loop : loops_[index(d)]) {
        if (loop.position >= node.position) break;
        outside += static_cast<std::size_t>(loop.position <= steps.loop);
        own = own || loop.position == steps.loop;
        if (loop.fanout >= 0) add(static_cast<std::size_t>(counting[index(loop.fanout)]));
      }
      if (steps.kind == Some::Kind::loop) add(2 * outside + static_cast<std::size_t>(own));
    };
    const Group& group = groups_[index(t)][g];
    constexpr std::size_t kKinds = 4;
    constexpr std::size_t kGroups = kMaxRanks + kMaxDimensions;
    add((index(t) * kGroups + g) * kKinds + static_cast<std::size_t>(steps.kind));
    add(node.position);
    if (group.rank == nullptr)
      add_loops(group.dimension);
    else
      for (const Term& term : *group.rank) add_loops(term.dimension);
    for (const std::size_t position : taken_along_by(t, group, node, steps)) add(position);
    return name;
  }

  /// How many of the words that a step needs have to move.
  [[nodiscard]] std::int64_t moving(const std::vector<Part>& groups, const Stop& node, const Some& steps) const {
    std::int64_t all = 1;
    std::int64_t stay = 1;
    for (const Part& group : groups) {
      all = checked_multiply(all, group.total);
      stay = checked_multiply(stay, group.stays);
    }
    if (steps.kind != Some::Kind::loop || node.level == hierarchy_.level_count()) return all;
    std::int64_t words = all - stay;
    for (std::size_t r = 0; r < groups.size(); ++r) {
      std::int64_t kept = groups[r].partly;  // one rank moved alone
      for (std::size_t g = 0; g < groups.size(); ++g)
        if (g != r) kept = checked_multiply(kept, groups[g].stays);
      words -= kept;
    }
    return words;
  }

  /// Over all arrivals at a node.
  [[nodiscard]] Words arrivals(int t, const Stop& node, const Counting& counting) const {
    if (node.level == hierarchy_.level_count()) return words(t, node, {Some::Kind::all}, counting);
    Words sum = words(t, node, {Some::Kind::start}, counting);
    for (const Some& steps : steps_outside(node)) sum += words(t, node, steps, counting);
    return sum;
  }

  [[nodiscard]] std::vector<Some> steps_outside(const Stop& node) const {
    std::vector<Some> result;
    for (std::size_t i = 0; i < node.position; ++i)
      if (const auto* loop = std::get_if<Loop>(&nest_.nodes[i]); loop != nullptr && loop->count > 1)
        result.push_back({Some::Kind::loop, i});
    return result;
  }

  /// visit(times, words in each way of counting) for steps that look alike and move anything.
  void for_each_step(int t, const Stop& node, const Some& steps, const std::vector<Counting>& countings,
                     const std::function<void(std::int64_t, const std::vector<std::int64_t>&)>& visit) const {
    std::vector<std::vector<Contribution>> of_group;
    for (const Group& group : groups_[index(t)]) of_group.push_back(contributions(t, group, node, steps, countings));
    std::vector<std::vector<Part>> chosen(countings.size(), std::vector<Part>(of_group.size()));
    std::vector<std::int64_t> moved(countings.size());
    const std::function<void(std::size_t, std::int64_t)> choose = [&](std::size_t g, std::int64_t times) {
      if (g == of_group.size()) {
        for (std::size_t c = 0; c < countings.size(); ++c) moved[c] = moving(chosen[c], node, steps);
        if (std::any_of(moved.begin(), moved.end(), [](std::int64_t words) { return words > 0; })) visit(times, moved);
        return;
      }
      for (const Contribution& each : of_group[g]) {
        for (std::size_t c = 0; c < countings.size(); ++c) chosen[c][g] = each.parts[c];
        choose(g + 1, checked_multiply(times, each.times));
      }
    };
    choose(0, 1);
  }

  // -- how often: R8 ------------------------------------------------------------------------------------------------------

  [[nodiscard]] Stop stop_at(std::size_t position) const { return {position, std::get<Store>(nest_.nodes[position]).level}; }

  [[nodiscard]] std::int64_t visits(int t, std::size_t position) const {
    std::int64_t visits = 1;
    for (const Some& steps : steps_outside(stop_at(position)))
      for_each_step(t, stop_at(position), steps, {all_lanes(Count::first)},
                    [&](std::int64_t times, const std::vector<std::int64_t>&) { visits = checked_add(visits, times); });
    return visits;
  }

  [[nodiscard]] std::int64_t first_visits(int t, std::size_t position) const {
    std::int64_t visits = 1;
    for (int d = 0; d < layer_.dimension_count(); ++d)
      visits =
          checked_multiply(visits, times_of(alike_steps(d, stop_at(position), {Some::Kind::distinct}, layer_.relevant(t, d))));
    return visits;
  }

  /// Of lane 0, which has the most.
  [[nodiscard]] std::int64_t steps_inside(std::size_t position) const {
    std::int64_t steps = 1;
    for (int d = 0; d < layer_.dimension_count(); ++d) {
      Tiles tiles = {{{inside_[position][index(d)]}, 1}};
      for (const DimensionLoop& loop : loops_of(d, nest_.nodes.size())) {
        if (loop.position <= position) continue;
        if (loop.fanout < 0) {
          tiles = iterate(tiles, loop, 0);
          continue;
        }
        Tiles dealt;
        for (const auto& [sizes, times] : tiles) dealt[{cut(sizes.front(), 0, loop.extent)}] += times;
        tiles = std::move(dealt);
      }
      std::int64_t own = 0;
      for (const auto& [sizes, times] : tiles) own = checked_add(own, times);
      steps = checked_multiply(steps, own);
    }
    return steps;
  }

  // -- operands: R1-R3, R5 ------------------------------------------------------------------------------------------------

  /// `outer` for lanes above level `from`, R3's joining for those from there inwards.
  [[nodiscard]] Counting joined_from(int t, int from, Count outer) const {
    Counting counting{};
    for (int f = 0; f < hierarchy_.level_count(); ++f) {
      const auto& fanout = hierarchy_.level(f).fanout;
      const Multicast mode = fanout ? at(fanout->multicast, tensor(t).role) : Multicast::none;
      counting[index(f)] = f < from                   ? outer
                           : mode == Multicast::all   ? Count::joined
                           : mode == Multicast::equal ? Count::equal
                                                      : Count::each;
    }
    return counting;
  }
  static Counting all_lanes(Count count) {
    Counting counting{};
    counting.fill(count);
    return counting;
  }

  void operand_traffic(int t, const Chain& chain) {
    for (std::size_t k = 1; k < chain.size(); ++k) {
      const Stop& parent = chain[k - 1];
      const Stop& child = chain[k];
      const Level& above = hierarchy_.level(parent.level);
      const Counting reads_of_one = joined_from(t, parent.level, Count::first);
      traffic(parent.level, t).reads += arrivals(t, child, joined_from(t, parent.level, Count::each));
      if (above.read_bandwidth != 0) {
        const Words reads = arrivals(t, child, reads_of_one) * level_words(above, tensor(t));
        port(parent.level).reads += reads;
        if (child.level == hierarchy_.level_count()) port(parent.level).mac_reads += reads;
      }
      for (int f = parent.level; f < child.level; ++f)
        if (hierarchy_.level(f).fanout) network(f, t).down += arrivals(t, child, joined_from(t, f + 1, Count::each));
      if (child.level == hierarchy_.level_count()) continue;
      const Level& below = hierarchy_.level(child.level);
      traffic(child.level, t).fills += arrivals(t, child, all_lanes(Count::each));
      if (below.write_bandwidth != 0)
        port(child.level).writes += arrivals(t, child, all_lanes(Count::first)) * level_words(below, tensor(t));
      if (above.read_bandwidth == 0 && below.write_bandwidth == 0) continue;
      std::vector<Some> waited = {{Some::Kind::start}};
      if (!below.double_buffered)
        for (const Some& steps : steps_outside(child)) waited.push_back(steps);
      Cycles& waiting = below.double_buffered ? result_.ends[index(t)][index(child.level)].fill : port(child.level).filling;
      for (const Some& steps : waited)
        for_each_step(t, child, steps, {reads_of_one, all_lanes(Count::first)},
                      [&](std::int64_t times, const std::vector<std::int64_t>& words) {
                        waiting += delivery_cycles(tensor(t), above, below, words[0], words[1]) * times;
                      });
      if (below.double_buffered) port(child.level).first_fill += waiting;
    }
  }

  // -- outputs: R4, R5 ----------------------------------------------------------------------------------------------------
  //
  // Lanes that hold the same outputs move together whenever both have work, and lane 0 of them always has, so `joined`, the words
  // that a group of them agrees on, are those of its lane 0.

  /// Lanes outside `parent` by `outer`; further in those whose psums are added on the way (R4) are joined, the others by `inner`.
  [[nodiscard]] Counting added_from(int parent, Count outer, Count inner) const {
    Counting counting{};
    for (int f = 0; f < hierarchy_.level_count(); ++f) {
      const auto& fanout = hierarchy_.level(f).fanout;
      counting[index(f)] = f < parent ? outer : fanout && fanout->reduction ? Count::joined : inner;
    }
    return counting;
  }
  /// Lanes outside `parent` by `outer`, all others joined.
  static Counting agreed_from(int parent, Count outer) {
    Counting counting = all_lanes(Count::joined);
    std::fill_n(counting.begin(), parent, outer);
    return counting;
  }

  void output_traffic(int t, const Chain& chain) {
    Words zeros(tile_words(tensor(t), bounds_of(layer_), hierarchy_.footprint));
    for (std::size_t k = 1; k < chain.size(); ++k) {
      const Stop& parent = chain[k - 1];
      const Stop& child = chain[k];
      const Words visits = arrivals(t, child, all_lanes(Count::each));
      const Words joined = arrivals(t, child, agreed_from(parent.level, Count::each));
      const Words up = arrivals(t, child, added_from(parent.level, Count::each, Count::each));
      Traffic& above = traffic(parent.level, t);
      above.updates += up;
      if (child.level == hierarchy_.level_count()) {
        above.reads += up - zeros;
      } else {
        const Words back = joined - zeros;
        above.reads += back + (up - joined);
        traffic(child.level, t).fills += back;
        traffic(child.level, t).drains += visits;
        for (int f = parent.level; f < child.level; ++f)
          if (hierarchy_.level(f).fanout) network(f, t).down += back;
        zeros += visits - joined;
      }
      for (int f = parent.level; f < child.level; ++f)
        if (hierarchy_.level(f).fanout) network(f, t).up += arrivals(t, child, added_from(f + 1, Count::each, Count::each));
      output_ports(t, parent, child);
    }
  }

  void output_ports(int t, const Stop& parent, const Stop& child) {
    const Level& above = hierarchy_.level(parent.level);
    const std::int64_t width = level_words(above, tensor(t));
    const Counting up_of_one = added_from(parent.level, Count::first, Count::each);
    const Counting agreed_of_one = agreed_from(parent.level, Count::first);
    const Words up = arrivals(t, child, up_of_one);
    const Words first = words(t, parent, {Some::Kind::distinct}, all_lanes(Count::first));
    port(parent.level).writes += up * width;
    if (child.level == hierarchy_.level_count()) {
      port(parent.level).reads += (up - first) * width;
      result_.steps.level = parent.level;
      result_.steps.updates = up * width;
      result_.steps.started = first * width;
      return;
    }
    const Level& below = hierarchy_.level(child.level);
    const Counting own = all_lanes(Count::first);
    const Words visits = arrivals(t, child, own);
    port(parent.level).reads += (up - first) * width;  // psums that come back, and those accumulated without reduction
    port(child.level).writes += (visits - words(t, child, {Some::Kind::distinct}, own)) * level_words(below, tensor(t));
    if (below.drain_reads) port(child.level).reads += visits * level_words(below, tensor(t));
    const auto drain = [&](const std::vector<std::int64_t>& words) {  // those of `counted`
      return drain_cycles(tensor(t), above, below, {words[0], words[0] - words[1], words[2]});
    };
    const std::vector<Counting> counted = {up_of_one, agreed_of_one, own};
    if (below.double_buffered) {  // lanes that ran out of work before drain at the end too: a whole tile
      for_each_step(t, child, {Some::Kind::start}, counted, [&](std::int64_t times, const std::vector<std::int64_t>& words) {
        port(child.level).last_drain += drain(words) * times;
        result_.ends[index(t)][index(child.level)] = {delivery_cycles(tensor(t), above, below, words[1], words[2]), drain(words)};
      });
      return;
    }
    if (above.write_bandwidth == 0 && above.read_bandwidth == 0 && below.write_bandwidth == 0 && below.read_bandwidth == 0)
      return;
    Cycles& filling = port(child.level).filling;
    std::vector<Some> all = {{Some::Kind::start}};
    for (const Some& steps : steps_outside(child)) all.push_back(steps);
    for (const Some& steps : all)
      for_each_step(t, child, steps, counted, [&](std::int64_t times, const std::vector<std::int64_t>& words) {
        filling += delivery_cycles(tensor(t), above, below, words[1], words[2]) * times;
        port(child.level).draining += drain(words) * times;
      });
    for_each_step(t, child, {Some::Kind::distinct}, {agreed_of_one, own},
                  [&](std::int64_t times, const std::vector<std::int64_t>& words) {
                    const Cycles back = delivery_cycles(tensor(t), above, below, words[0], words[1]) * times;
                    filling = filling - back;  // first visits take nothing back
                  });
  }

  const Nest& nest_;
  const Layer& layer_;
  const Hierarchy& hierarchy_;
  const std::vector<Extents>& inside_;
  std::array<std::vector<DimensionLoop>, kMaxDimensions> loops_;  ///< outermost first
  std::array<std::vector<Group>, kMaxTensors> groups_;
  std::array<Chain, kMaxTensors> chains_;
  mutable std::unordered_map<std::u16string, Part> sums_;  ///< what sum_of has found
  mutable std::map<std::tuple<int, std::size_t, Some::Kind, std::size_t, bool, std::vector<std::size_t>, Sizes>,
                   std::vector<Alike>>
      alike_;  ///< what alike_steps has found
  Moved result_;
};

}  // namespace

struct StepTraffic::Lanes {
  Ragged ragged;
};

StepTraffic::StepTraffic(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy, const std::vector<Extents>& inside)
    : lanes_(new Lanes{Ragged(nest, layer, hierarchy, inside)}) {}
StepTraffic::~StepTraffic() = default;

Arrival StepTraffic::arrival(int t, std::size_t k, const Step& step) const { return lanes_->ragged.arrival(t, k, step); }

MacStep StepTraffic::mac_step(const std::vector<std::int64_t>& at) const { return lanes_->ragged.mac_step(at); }

Moved ragged_traffic(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy, const std::vector<Extents>& inside) {
  return Ragged(nest, layer, hierarchy, inside).run();
}

}  // namespace tilepath::model_detail
