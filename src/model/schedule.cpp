// The schedule. Time is kept as a machine would keep it, event by event; but an iteration that begins as an earlier one began
// also ends as that one ended, so that it need not be played again.
//
//   for M in 64             1st tile    2nd         3rd         4th … 64th: as the 3rd
//     store I at GLB        |===|       =====       =====
//     for P in 14               |--|--|-...--|--|--|-...--|
//
// "Begins as" means: the tiles have the same shapes, and what the iteration can see of the past is the same, counted from now.
// It sees only tiles that its own loops move (R2) and of the ports what is left of their time since the oldest of these could
// have been fetched. What a port has left before that is kept for the tiles further out, whose fetches may use it later: with
// means in place of what is short and long ago, for fetches that large do not ask when in it.
#include "tilepath/model/schedule.hpp"

#include <algorithm>
#include <bit>
#include <boost/container/static_vector.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tilepath/mapping/tile.hpp"
#include "traffic.hpp"

namespace tilepath {

using model_detail::Arrival;
using model_detail::MacStep;
using model_detail::Step;
using model_detail::StepTraffic;

namespace {

constexpr std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }
constexpr double kNever = -std::numeric_limits<double>::infinity();
constexpr double kForever = std::numeric_limits<double>::infinity();

/// Times are kept to this part of a cycle, or what a double can tell of them: coarse enough to find iterations alike whose times
/// differ by rounding.
double grain_at(double time) {
  constexpr int kFinest = -20;
  constexpr int kBits = 48;
  return std::ldexp(1, std::max(kFinest, time > 0 ? std::ilogb(time) - kBits : kFinest));
}
/// Whole cycles of a time that rounding may have put a little above them.
double whole(double time, double grain) { return std::ceil(time - 4 * grain); }

double rounded(double time, double grain) { return std::isinf(time) ? time : std::round(time / grain) * grain; }

/// How much of its time a port has left, from each moment to the next.
class Line {
 public:
  struct Piece {
    double from = 0;  ///< cycles
    double left = 1;  ///< share of the port's time
  };

  /// Takes `work` cycles of its time from `start` on, spread over `least` cycles at least; returns when that is done, but for
  /// `grain` of it.
  double carry(double work, double start, double least, double grain) {
    const double most = least > 0 ? work / least : kForever;
    std::size_t i = split(std::max(start, pieces_.front().from));
    while (true) {
      const double rate = std::min(most, pieces_[i].left);
      if (pieces_[i].left > kNothing) {
        const double end = pieces_[i].from + work / rate;
        if (i + 1 == pieces_.size() || end <= pieces_[i + 1].from) {
          if (split(end) > i) take(i, rate);
          return end;
        }
        work -= rate * (pieces_[i + 1].from - pieces_[i].from);
        take(i, rate);
        if (work < grain) return pieces_[i + 1].from;
      }
      ++i;
    }
  }

  /// Nothing is carried from one time to another.
  void rest(double from, double to) {
    if (!(from < to)) return;
    for (std::size_t i = split(from), end = split(to); i < end; ++i) pieces_[i].left = 0;
  }

  /// What is left from `time` on.
  [[nodiscard]] Line since(double time) const {
    Line line;
    line.forget(kNever);
    for (std::size_t i = 0; i < pieces_.size(); ++i)
      if (i + 1 == pieces_.size() || pieces_[i + 1].from > time) line.append({std::max(pieces_[i].from, time), pieces_[i].left});
    return line;
  }
  /// The mean of what is left between two times.
  [[nodiscard]] double mean(double from, double to) const {
    double sum = 0;
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      const double end = i + 1 == pieces_.size() ? to : std::min(to, pieces_[i + 1].from);
      const double begin = std::max(from, pieces_[i].from);
      if (end > begin) sum += pieces_[i].left * (end - begin);
    }
    return sum / (to - from);
  }
  /// What follows from `time` on is still to be said.
  void forget(double time) {
    while (!pieces_.empty() && pieces_.back().from >= time) pieces_.pop_back();
  }
  void append(const Piece& piece) {
    if (!pieces_.empty() && pieces_.back().from >= piece.from)
      pieces_.back().left = piece.left;
    else if (pieces_.empty() || std::abs(pieces_.back().left - piece.left) > kNothing)
      pieces_.push_back(piece);
  }
  /// Times from now on count from `now`.
  void count_from(double now, double grain) {
    for (Piece& piece : pieces_) piece.from = rounded(piece.from - now, grain);
  }
  /// No more pieces than these, as far as they lie before `time`: of neighbours the shortest become one, with their mean.
  void blur(double time) {
    constexpr std::size_t kPieces = 100;
    while (pieces_.size() > kPieces) {
      std::size_t shortest = 0;
      double least = kForever;
      for (std::size_t i = 0; i + 2 < pieces_.size() && pieces_[i + 2].from <= time; ++i)
        if (const double both = pieces_[i + 2].from - pieces_[i].from; both < least) {
          least = both;
          shortest = i;
        }
      if (least == kForever) return;
      pieces_[shortest].left = mean(pieces_[shortest].from, pieces_[shortest + 2].from);
      pieces_.erase(pieces_.begin() + static_cast<std::ptrdiff_t>(shortest) + 1);
    }
  }
  [[nodiscard]] const std::vector<Piece>& pieces() const { return pieces_; }

 private:
  static constexpr double kNothing = 1e-9;

  /// The piece that begins at `time`, made if need be.
  std::size_t split(double time) {
    std::size_t i = pieces_.size();
    while (i > 0 && pieces_[i - 1].from > time) --i;
    if (i > 0 && pieces_[i - 1].from == time) return i - 1;
    pieces_.insert(pieces_.begin() + static_cast<std::ptrdiff_t>(i), {time, i == 0 ? 0 : pieces_[i - 1].left});
    return i;
  }
  void take(std::size_t i, double rate) { pieces_[i].left = pieces_[i].left - rate < kNothing ? 0 : pieces_[i].left - rate; }

  std::vector<Piece> pieces_{{0, 1}};  ///< ascending; the last has no end
};

/// What a transfer needs of each port that it crosses.
struct Transfer {
  struct Share {
    int port = 0;
    double work = 0;  ///< cycles, if it had the port to itself
    friend bool operator==(const Share&, const Share&) = default;
  };
  boost::container::static_vector<Share, index(kMaxTensors + 1)> shares;  ///< at most: the MACs read all tensors and write one
  int slowest = -1;  ///< the port that takes longest; -1: none takes any time
  double longest = 0;

  void cross(int port, double words, double bandwidth) {
    if (bandwidth == 0 || words == 0) return;
    const auto known = std::find_if(shares.begin(), shares.end(), [&](const Share& share) { return share.port == port; });
    Share& share = known != shares.end() ? *known : (shares.push_back({port, 0}), shares.back());
    share.work += words / bandwidth;
    if (share.work > longest) {
      longest = share.work;
      slowest = port;
    }
  }
};

/// A storage node of one tensor.
struct Site {
  int tensor = 0;
  std::size_t in_chain = 0;  ///< its place in the tensor's chain
  std::size_t position = 0;  ///< in the nest
  int level = 0;
  int parent = -1;  ///< the site further out
  bool doubled = false;
  bool innermost = false;
  int single = 0;  ///< level of the innermost single buffer from here outwards; the outermost level counts as one
};

/// How a site stands.
struct Standing {
  bool anew = true;      ///< nothing is there that would hide the next delivery
  bool begun = false;    ///< a tile has arrived
  double ready = 0;      ///< the current tile is there
  double used = 0;       ///< until when it has been in use
  double free = 0;       ///< since when the next one can come
  double emptied = 0;    ///< when the last words of the one before leave
  int slowest = -1;      ///< port of the last delivery
  int held = -1;         ///< of psums: the transfer that the tile will leave by, if one is held
  int drain_number = 0;  ///< the last tile's drain has been put off: the how manieth; 0: it has not
  int on_its_way = -1;   ///< that drain's transfer
  double left = 0;       ///< from when on it can be

  [[nodiscard]] std::array<double*, 5> times() { return {&ready, &used, &free, &emptied, &left}; }
};

struct State {
  double now = 0;  ///< the MACs have done all so far
  std::vector<Standing> sites;
  std::vector<Line> ports;  ///< [level * 2 + writes]
  int drains = 0;           ///< put off so far
  CycleSplit split;
};

/// Per dimension: the number of the sizes of its tiles on its lanes (Numbers).
using Tiles = std::array<int, kMaxDimensions>;

/// The tiles that an iteration runs through.
struct Context {
  Tiles tiles{};
  std::size_t step = Step::kNone;  ///< the loop that stepped last
  int tiles_at_step = 0;           ///< number of the tiles with which it did
  bool again = false;              ///< psums have been here: a loop over a reduced dimension is past its beginning
};

/// Gives equal things equal numbers.
template <class Thing>
class Numbers {
 public:
  int of(const Thing& thing) {
    const auto [it, fresh] = numbers_.try_emplace(thing, static_cast<int>(things_.size()));
    if (fresh) things_.push_back(thing);
    return it->second;
  }
  [[nodiscard]] const Thing& operator[](int number) const { return things_[index(number)]; }

 private:
  std::map<Thing, int> numbers_;
  std::vector<Thing> things_;
};

struct KeyHash {
  std::size_t operator()(const std::vector<double>& key) const {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const double value : key) {
      hash ^= std::bit_cast<std::uint64_t>(value + 0.0);  // no negative zeros
      hash *= 0x9e3779b97f4a7c15U;
      hash ^= hash >> 32U;
    }
    return hash;
  }
};

class TooMany {};

constexpr std::size_t kLongestRound = 128;      ///< of iterations that come round in turns
constexpr std::int64_t kMostTurns = 50;         ///< for each event
constexpr std::int64_t kMostKept = 32'000'000;  ///< numbers, eight bytes each

class Player {
 public:
  Player(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy, std::int64_t most_events)
      : nest_(nest),
        layer_(layer),
        hierarchy_(hierarchy),
        inside_(extents_inside(nest, layer)),
        moves_(nest, layer, hierarchy, inside_),
        at_(nest.nodes.size(), 0),
        most_events_(most_events) {
    for (std::size_t i = 0; i < nest.nodes.size(); ++i)
      if (const auto* store = std::get_if<Store>(&nest.nodes[i])) {
        macs_ = i + 1;
        for (const int t : store->tensors) add_site(t, store->level, i);
      }
    state_.sites.resize(sites_.size());
    state_.ports.resize(2 * index(hierarchy.level_count()));
    for (const Node& node : nest.nodes)
      if (const auto* loop = std::get_if<SpatialLoop>(&node)) lanes_ *= static_cast<double>(loop->count);
  }

  CycleSplit run() {
    Context all;
    for (int d = 0; d < layer_.dimension_count(); ++d) all.tiles[index(d)] = sizes_.of({layer_.dimensions[index(d)].bound});
    all.tiles_at_step = entries_.of(all.tiles);
    play(0, all);
    for (std::size_t s = sites_.size(); s-- > 0;)
      if (state_.sites[s].held >= 0) drain(static_cast<int>(s), true);
    const double busy = state_.split.compute;
    const double at_work = static_cast<double>(macs(layer_)) / (busy * hierarchy_.compute.macs_per_cycle * lanes_);
    state_.split.compute = busy * at_work;
    state_.split.idle_lanes = std::max(0.0, busy - state_.split.compute);
    return state_.split;
  }

 private:
  using Sizes = std::vector<std::int64_t>;  ///< of the tiles on the lanes of one dimension

  void add_site(int t, int level, std::size_t position) {
    Site site;
    site.tensor = t;
    site.position = position;
    site.level = level;
    site.doubled = hierarchy_.level(level).double_buffered;
    site.innermost = true;
    for (int s = 0; s < static_cast<int>(sites_.size()); ++s)
      if (sites_[index(s)].tensor == t) {
        site.parent = s;
        site.in_chain = sites_[index(s)].in_chain + 1;
        sites_[index(s)].innermost = false;
      }
    site.single = site.doubled && site.parent >= 0 ? sites_[index(site.parent)].single : level;
    sites_.push_back(site);
  }

  // -- the nest -----------------------------------------------------------------------------------------------------------

  void play(std::size_t position, Context context) {
    if (++events_ > most_events_) throw TooMany();
    for (; position < macs_; ++position) {
      const Node& node = nest_.nodes[position];
      if (const auto* lanes = std::get_if<SpatialLoop>(&node)) deal(*lanes, position, context);
      if (const auto* loop = std::get_if<Loop>(&node))
        return for_each_alike(*loop, position, context,
                              [&](const Context& inner, std::int64_t times) { repeat(position + 1, inner, times); });
      if (!std::holds_alternative<Store>(node)) continue;
      for (int s = 0; s < static_cast<int>(sites_.size()); ++s)
        if (sites_[index(s)].position == position && sites_[index(s)].parent >= 0) arrive(s, context);
    }
    compute(context);
  }

  void deal(const SpatialLoop& lanes, std::size_t position, Context& context) {
    int& tile = context.tiles[index(lanes.dimension)];
    const std::int64_t extent = inside_[position][index(lanes.dimension)];
    Sizes dealt;
    for (const std::int64_t size : sizes_[tile])
      for (std::int64_t i = 0; i < lanes.count; ++i) dealt.push_back(std::clamp<std::int64_t>(size - i * extent, 0, extent));
    tile = sizes_.of(dealt);
  }

  /// All iterations of a loop: visit(context of one, how many are like it). They are the first, and those between two ends of a
  /// lane's work.
  template <class Visit>
  void for_each_alike(const Loop& loop, std::size_t position, const Context& context, const Visit& visit) {
    const std::int64_t extent = inside_[position][index(loop.dimension)];
    const Sizes around = sizes_[context.tiles[index(loop.dimension)]];
    std::vector<std::int64_t> changes = {0, 1, loop.count};
    for (const std::int64_t size : around)
      for (const std::int64_t i : {size / extent, size / extent + 1})
        if (i < loop.count) changes.push_back(i);
    std::sort(changes.begin(), changes.end());
    changes.erase(std::unique(changes.begin(), changes.end()), changes.end());
    for (std::size_t c = 0; c + 1 < changes.size(); ++c) {
      const std::int64_t first = changes[c];
      Sizes tile;
      for (const std::int64_t size : around) tile.push_back(std::clamp<std::int64_t>(size - first * extent, 0, extent));
      if (tile.front() == 0) break;  // lane 0 is the last to finish
      Context inner = context;
      inner.tiles[index(loop.dimension)] = sizes_.of(tile);
      if (first > 0) {
        inner.step = position;
        inner.tiles_at_step = entries_.of(inner.tiles);
        inner.again = inner.again || !layer_.relevant(layer_.output(), loop.dimension);
      }
      at_[position] = first;
      visit(inner, changes[c + 1] - first);
    }
    at_[position] = 0;
  }

  // -- iterations that are alike ------------------------------------------------------------------------------------------

  /// The sites whose tiles move in what follows: a loop over one of their dimensions has stepped, or will.
  [[nodiscard]] std::vector<bool> moving(std::size_t position, const Context& context) const {
    const bool first = context.step == Step::kNone;  // then all arrive
    std::vector<bool> moves;
    std::array<bool, kMaxDimensions> steps{};
    Extents size{};  // of lane 0's tile, which has the most iterations
    for (int d = 0; d < layer_.dimension_count(); ++d) size[index(d)] = sizes_[entries_[context.tiles_at_step][index(d)]].front();
    for (std::size_t i = 0; i < macs_; ++i) {
      if (const auto* lanes = std::get_if<SpatialLoop>(&nest_.nodes[i]))
        size[index(lanes->dimension)] = std::min(size[index(lanes->dimension)], inside_[i][index(lanes->dimension)]);
      if (const auto* loop = std::get_if<Loop>(&nest_.nodes[i]); loop != nullptr && !first && i >= context.step) {
        std::int64_t& around = size[index(loop->dimension)];
        const std::int64_t extent = inside_[i][index(loop->dimension)];
        steps[index(loop->dimension)] = steps[index(loop->dimension)] || i == context.step || around > extent;
        around = std::min(around, extent);
      }
      for (std::size_t s = moves.size(); s < sites_.size() && sites_[s].position == i; ++s) {
        bool moved = first;
        for (int d = 0; d < layer_.dimension_count(); ++d)
          moved = moved || (steps[index(d)] && layer_.relevant(sites_[s].tensor, d));
        moves.push_back(moved && i >= position && sites_[s].parent >= 0);
      }
    }
    return moves;
  }

  void repeat(std::size_t position, const Context& context, std::int64_t times) {
    const std::vector<bool> moves = moving(position, context);
    std::vector<const State*> turns;  // how the last iterations ended
    while (times > 0) {
      State seen = state_;
      const double horizon = look_back(seen, moves);
      std::vector<double> key = key_of(seen, moves, position, context);
      auto found = played_.find(key);
      if (found == played_.end()) {
        std::swap(seen, state_);
        play(position, context);
        std::swap(seen, state_);
        keep_within_memory(key, seen);
        found = played_.emplace(std::move(key), std::move(seen)).first;
      }
      const State* end = &found->second;
      // They come round again: all whole rounds but the last at once.
      if (const auto before = std::find(turns.rbegin(), turns.rend(), end); before != turns.rend()) {
        const auto round = std::distance(turns.rbegin(), before) + 1;
        if (const std::int64_t rounds = times / round; rounds > 1) {
          leap({turns.end() - round, turns.end()}, moves, horizon, rounds - 1);
          times -= (rounds - 1) * round;
        }
      }
      go_on(*end, moves, horizon);
      if (++turns_ > kMostTurns * most_events_) throw TooMany();
      if (turns.size() == kLongestRound) turns.erase(turns.begin());
      turns.push_back(end);
      --times;
    }
  }

  /// What can be seen of a state from now on, counted from now. Returns since when the ports' past matters, counted from now.
  double look_back(State& state, const std::vector<bool>& moves) {
    const double now = state.now;
    grain_ = std::max(grain_, grain_at(now));
    double horizon = 0;
    std::vector<std::pair<int, std::size_t>> leaving;
    for (std::size_t s = 0; s < sites_.size(); ++s) {
      Standing& here = state.sites[s];
      for (double* time : here.times()) *time = rounded(*time - now, grain_);
      if (here.drain_number > 0) leaving.emplace_back(here.drain_number, s);
      if (!moves[s]) continue;
      if (sites_[s].doubled && !here.anew) horizon = std::min(horizon, here.free);
      if (here.drain_number > 0) horizon = std::min(horizon, here.left);
    }
    std::sort(leaving.begin(), leaving.end());
    state.drains = 0;
    for (const auto& [number, s] : leaving) state.sites[s].drain_number = ++state.drains;
    for (std::size_t s = 0; s < sites_.size(); ++s) {
      Standing& here = state.sites[s];
      here.ready = std::max(here.ready, sites_[s].innermost ? 0 : horizon);
      if (moves[s]) {
        here.used = std::max(here.used, horizon);
        here.emptied = std::max(here.emptied, horizon);
        here.free = std::max(here.free, horizon);
        here.left = here.drain_number > 0 ? std::max(here.left, horizon) : 0;
      } else {
        here.used = here.left = kNever;
      }
    }
    for (Line& port : state.ports) {
      port = port.since(now + horizon);
      port.count_from(now, grain_);
    }
    state.now = 0;
    state.split = {};
    return horizon;
  }

  /// All that what follows depends on.
  [[nodiscard]] std::vector<double> key_of(const State& seen, const std::vector<bool>& moves, std::size_t position,
                                           const Context& context) const {
    std::vector<double> key = {static_cast<double>(position), static_cast<double>(context.step),
                               static_cast<double>(context.tiles_at_step), static_cast<double>(context.again)};
    for (int d = 0; d < layer_.dimension_count(); ++d) key.push_back(context.tiles[index(d)]);
    for (std::size_t s = 0; s < sites_.size(); ++s) {
      const Standing& here = seen.sites[s];
      key.insert(key.end(), {here.ready, static_cast<double>(here.drain_number), static_cast<double>(here.slowest)});
      if (!moves[s]) continue;
      key.insert(key.end(), {static_cast<double>(here.anew), static_cast<double>(here.begun), here.used, here.free, here.emptied,
                             static_cast<double>(here.held), static_cast<double>(here.on_its_way), here.left});
    }
    for (const Line& port : seen.ports) {
      key.push_back(static_cast<double>(port.pieces().size()));
      for (const Line::Piece& piece : port.pieces()) key.insert(key.end(), {piece.from, piece.left});
    }
    return key;
  }

  /// An iteration that took the state as far as `end`.
  void go_on(const State& end, const std::vector<bool>& moves, double horizon) {
    const double begin = state_.now;
    for (std::size_t p = 0; p < state_.ports.size(); ++p) {
      Line& port = state_.ports[p];
      port.forget(begin + horizon);
      for (const Line::Piece& piece : end.ports[p].pieces()) port.append({piece.from + begin, piece.left});
      port.blur(begin + horizon);
    }
    for (std::size_t s = 0; s < sites_.size(); ++s) {
      Standing& here = state_.sites[s];
      const Standing& there = end.sites[s];
      if (moves[s]) {
        here = there;
        for (double* time : here.times()) *time += begin;
      } else {
        here.used = std::max(here.used, there.used + begin);
        here.left = std::max(here.left, there.left + begin);
        here.drain_number = there.drain_number;
      }
    }
    state_.drains = end.drains;
    state_.now = begin + end.now;
    add(end.split, 1);
  }

  /// So many rounds of iterations after which all is as it was, but later.
  void leap(const std::vector<const State*>& round, const std::vector<bool>& moves, double horizon, std::int64_t rounds) {
    double lasts = 0;
    for (const State* end : round) lasts += end->now;
    const double from = state_.now + horizon;
    const double ahead = lasts * static_cast<double>(rounds);
    for (Line& port : state_.ports) {
      const Line now = port.since(from);
      const double left = port.mean(from - lasts, from);
      port.forget(from);
      port.append({from, left});
      for (const Line::Piece& piece : now.pieces()) port.append({piece.from + ahead, piece.left});
    }
    for (std::size_t s = 0; s < sites_.size(); ++s)
      if (moves[s])
        for (double* time : state_.sites[s].times()) *time += ahead;
    state_.now += ahead;
    for (const State* end : round) add(end->split, static_cast<double>(rounds));
  }

  void add(const CycleSplit& split, double times) {
    CycleSplit& sum = state_.split;
    sum.compute += split.compute * times;
    sum.first_fill += split.first_fill * times;
    sum.last_drain += split.last_drain * times;
    for (std::size_t l = 0; l < kMaxLevels; ++l) {
      sum.read_bandwidth[l] += split.read_bandwidth[l] * times;
      sum.write_bandwidth[l] += split.write_bandwidth[l] * times;
      sum.waiting[l] += split.waiting[l] * times;
    }
  }

  void keep_within_memory(const std::vector<double>& key, const State& end) {
    kept_ += static_cast<std::int64_t>(key.size());
    for (const Line& port : end.ports) kept_ += 2 * static_cast<std::int64_t>(port.pieces().size());
    kept_ += static_cast<std::int64_t>(end.sites.size() * sizeof(Standing) / sizeof(double));
    if (kept_ > kMostKept) throw TooMany();
  }

  // -- events -------------------------------------------------------------------------------------------------------------

  void arrive(int s, const Context& context) {
    const Site& site = sites_[index(s)];
    const Arrived& arrived = arrived_at(s, context);
    if (!arrived.moves) return;
    const bool psums = layer_.is_output(site.tensor);
    if (psums)  // what is below departs first
      for (int inner = static_cast<int>(sites_.size()) - 1; inner >= s; --inner)
        if (sites_[index(inner)].tensor == site.tensor && state_.sites[index(inner)].held >= 0) drain(inner, false);
    deliver(s, transfers_[index(psums && !context.again ? kEmpty : arrived.delivery)]);
    state_.sites[index(s)].held = arrived.departure;
  }

  /// Numbers of the transfers that bring a tile and take it away; -1: none.
  struct Arrived {
    bool moves = false;
    int delivery = kEmpty, departure = -1;
  };
  static constexpr int kEmpty = 0;

  const Arrived& arrived_at(int s, const Context& context) {
    const Site& site = sites_[index(s)];
    const auto [it, fresh] = arrived_.try_emplace({s, context.step, context.tiles_at_step, context.tiles});
    if (!fresh) return it->second;
    const Arrival moved = moves_.arrival(site.tensor, site.in_chain, {context.step, at_});
    it->second.moves = moved.moves;
    if (!moved.moves) return it->second;
    const Tensor& tensor = layer_.tensors[index(site.tensor)];
    const int from = sites_[index(site.parent)].level;
    const auto cross = [&](Transfer& transfer, int level, bool writes, std::int64_t words) {
      const Level& at = hierarchy_.level(level);
      transfer.cross(2 * level + static_cast<int>(writes), static_cast<double>(checked_multiply(words, level_words(at, tensor))),
                     writes ? at.write_bandwidth : at.read_bandwidth);
    };
    Transfer delivery;
    cross(delivery, from, false, moved.read);
    cross(delivery, site.level, true, moved.written);
    it->second.delivery = static_cast<int>(transfers_.size());
    transfers_.push_back(delivery);
    if (!layer_.is_output(site.tensor)) return it->second;
    Transfer departure;
    cross(departure, from, true, moved.departure.arrive);
    cross(departure, from, false, moved.departure.accumulate);
    if (hierarchy_.level(site.level).drain_reads) cross(departure, site.level, false, moved.departure.tile);
    for (std::size_t known = 0; known < transfers_.size(); ++known)
      if (transfers_[known].shares == departure.shares) it->second.departure = static_cast<int>(known);
    if (it->second.departure < 0) {
      it->second.departure = static_cast<int>(transfers_.size());
      transfers_.push_back(departure);
    }
    return it->second;
  }

  double& lost_to(int port) {
    auto& ports = port % 2 == 1 ? state_.split.write_bandwidth : state_.split.read_bandwidth;
    return ports[index(std::max(port, 0) / 2)];
  }

  double book(const Transfer& transfer, double start, double least) {
    double end = start + least;
    for (const Transfer::Share& share : transfer.shares)
      end = std::max(end, state_.ports[index(share.port)].carry(share.work, start, least, grain_));
    return end;
  }
  /// The same into or out of a single buffer, or when nothing else goes on: in whole cycles.
  double book_whole(const Transfer& transfer, double start) {
    const double end = start + whole(book(transfer, start, 0) - start, grain_);
    return transfer.slowest < 0 ? end : std::max(end, start + 1);
  }

  /// The double buffers inside a single one start once more.
  void fill_anew(int site) {
    for (std::size_t inner = 0; inner < sites_.size(); ++inner)
      if (sites_[inner].parent == site && sites_[inner].doubled) {
        state_.sites[inner].anew = true;
        fill_anew(static_cast<int>(inner));
      }
  }
  void rest_from(int level, double from, double to) {
    for (std::size_t p = 2 * index(level); p < state_.ports.size(); ++p) state_.ports[p].rest(from, to);
  }
  void use(int site, double until) {
    Standing& used = state_.sites[index(site)];
    used.used = std::max(used.used, until);
  }

  void deliver(int s, const Transfer& transfer) {
    const Site& site = sites_[index(s)];
    Standing& here = state_.sites[index(s)];
    const Standing& parent = state_.sites[index(site.parent)];
    if (!here.anew) {  // into the other half, as soon as that is empty
      const double end = std::max(book(transfer, std::max(here.free, parent.ready), 0), here.emptied);
      here.slowest = transfer.slowest >= 0 ? transfer.slowest : parent.slowest;
      here.free = std::max(here.used, end);
      here.ready = here.used = end;
      use(site.parent, end);
      return;
    }
    if (parent.ready > state_.now) {
      lost_to(parent.slowest) += parent.ready - state_.now;
      state_.now = parent.ready;
    }
    const double begin = state_.now;
    const double end = book_whole(transfer, begin);
    (site.doubled && !here.begun ? state_.split.first_fill : state_.split.waiting[index(site.single)]) += end - begin;
    here.ready = here.used = here.free = state_.now = end;
    here.begun = true;
    here.anew = !site.doubled;
    if (!site.doubled) {
      fill_anew(s);
      rest_from(site.level, begin, end);
    }
    use(site.parent, end);
  }

  void drain(int s, bool finishing) {
    const Site& site = sites_[index(s)];
    Standing& here = state_.sites[index(s)];
    const int transfer = std::exchange(here.held, -1);
    settle(s);
    if (site.doubled && !finishing) {
      here.drain_number = ++state_.drains;
      here.left = here.used;
      here.on_its_way = transfer;
      return;
    }
    for (int inner = 0; inner < static_cast<int>(sites_.size()); ++inner)
      if (sites_[index(inner)].parent == s) settle(inner);
    const double start = state_.now + whole(std::max(0.0, here.used - state_.now), grain_);
    const double end = book_whole(transfers_[index(transfer)], start);
    (site.doubled ? state_.split.last_drain : state_.split.waiting[index(site.level)]) += end - state_.now;
    if (!site.doubled) rest_from(site.level, state_.now, end);
    here.used = state_.now = end;
    use(site.parent, end);
  }

  /// Books the drain that a site has put off, and before it those that were put off further in until then.
  void settle(int s) {
    Standing& here = state_.sites[index(s)];
    if (here.drain_number == 0) return;
    for (int inner = 0; inner < static_cast<int>(sites_.size()); ++inner)
      if (sites_[index(inner)].parent == s && state_.sites[index(inner)].drain_number < here.drain_number) settle(inner);
    here.emptied = book(transfers_[index(here.on_its_way)], here.left, 0);
    Standing& parent = state_.sites[index(sites_[index(s)].parent)];
    double& arrives = parent.drain_number > here.drain_number ? parent.left : parent.used;
    arrives = std::max(arrives, here.emptied);
    here.drain_number = 0;
    here.on_its_way = -1;
  }

  /// The steps inside the innermost storage node.
  void compute(const Context& context) {
    const auto [it, fresh] = work_.try_emplace({context.tiles, context.again});
    if (fresh) it->second = work_of(context);
    double start = state_.now;
    int late = -1;
    for (std::size_t s = 0; s < sites_.size(); ++s)
      if (sites_[s].innermost && state_.sites[s].ready > start) {
        late = state_.sites[s].slowest;
        start = state_.sites[s].ready;
      }
    if (start > state_.now) lost_to(late) += start - state_.now;
    const Work& work = it->second;
    const double end = book(work.transfer, start, work.least);
    state_.split.compute += work.ideal;
    for (const Transfer::Share& slow : work.slowed) lost_to(slow.port) += slow.work;
    if (end > start + work.least) lost_to(work.transfer.slowest) += end - start - work.least;
    state_.now = end;
    for (std::size_t s = 0; s < sites_.size(); ++s)
      if (sites_[s].innermost) use(static_cast<int>(s), end);
  }

  struct Work {
    Transfer transfer;                    ///< all that the steps move
    double ideal = 0;                     ///< cycles at the MACs' own rate
    double least = 0;                     ///< … and where a port is slower for a step, at that
    std::vector<Transfer::Share> slowed;  ///< by which port, and how many cycles
  };
  /// Steps that are alike.
  struct Burst {
    Context context;
    std::vector<std::int64_t> at;  ///< where the loops stand in one of them
    std::int64_t times = 0;
  };
  using Bursts = std::map<std::pair<Tiles, bool>, Burst>;  ///< by the tiles, and whether psums have been there

  Work work_of(const Context& context) {
    Work work;
    for (const auto& [alike, burst] : bursts_of(context)) {
      const MacStep step = moves_.mac_step(burst.at);
      const std::int64_t back = step.updates - (alike.second ? 0 : step.psums);  // updates that read a psum
      const auto cross_each = [&](Transfer& transfer, double times) {
        for (int l = 0; l < hierarchy_.level_count(); ++l)
          transfer.cross(2 * l, static_cast<double>(step.operands[index(l)]) * times, hierarchy_.level(l).read_bandwidth);
        const Level& level = hierarchy_.level(step.level);
        transfer.cross(2 * step.level, static_cast<double>(back) * times, level.read_bandwidth);
        transfer.cross(2 * step.level + 1, static_cast<double>(step.updates) * times, level.write_bandwidth);
      };
      const auto times = static_cast<double>(burst.times);
      const double own = 1 / hierarchy_.compute.macs_per_cycle;
      Transfer each;
      cross_each(each, 1);
      cross_each(work.transfer, times);
      work.ideal += own * times;
      work.least += std::max(own, each.longest) * times;
      if (each.longest > own) work.slowed.push_back({each.slowest, (each.longest - own) * times});
    }
    return work;
  }

  /// The steps inside the innermost storage node, from its first loop inwards.
  Bursts bursts_of(const Context& context) {
    const std::vector<std::int64_t> here = at_;
    Bursts bursts;
    const auto add = [&](Bursts& to, const Context& of, std::int64_t times) {
      Burst& burst = to.try_emplace({of.tiles, of.again}, Burst{of, at_, 0}).first->second;
      burst.times = checked_add(burst.times, times);
    };
    add(bursts, context, 1);
    for (std::size_t position = macs_; position < nest_.nodes.size(); ++position) {
      Bursts inner;
      for (auto& entry : bursts) {
        Burst& burst = entry.second;
        at_ = burst.at;
        if (const auto* lanes = std::get_if<SpatialLoop>(&nest_.nodes[position])) deal(*lanes, position, burst.context);
        if (const auto* loop = std::get_if<Loop>(&nest_.nodes[position]))
          for_each_alike(*loop, position, burst.context,
                         [&](const Context& of, std::int64_t count) { add(inner, of, checked_multiply(burst.times, count)); });
        else
          add(inner, burst.context, burst.times);
      }
      bursts = std::move(inner);
    }
    at_ = here;
    return bursts;
  }

  const Nest& nest_;
  const Layer& layer_;
  const Hierarchy& hierarchy_;
  const std::vector<Extents> inside_;
  const StepTraffic moves_;
  std::vector<Site> sites_;
  std::size_t macs_ = 0;          ///< position of the loops inside all storage nodes
  std::vector<std::int64_t> at_;  ///< per node: where the temporal loops stand
  double lanes_ = 1;
  State state_;
  std::int64_t events_ = 0, most_events_ = 0;
  std::int64_t turns_ = 0;      ///< iterations gone on by, played or not
  std::int64_t kept_ = 0;       ///< numbers in `played_`
  double grain_ = grain_at(0);  ///< of the longest time so far

  Numbers<Sizes> sizes_;
  Numbers<Tiles> entries_;
  std::vector<Transfer> transfers_{1};  ///< the first: nothing moves
  std::map<std::tuple<int, std::size_t, int, Tiles>, Arrived> arrived_;
  std::map<std::pair<Tiles, bool>, Work> work_;
  std::unordered_map<std::vector<double>, State, KeyHash> played_;
};

}  // namespace

Evaluation played(const Evaluation& evaluation, const CycleSplit& schedule) {
  constexpr double kRounding = 1e-3;
  const Cycles cycles(static_cast<std::int64_t>(std::floor(schedule.total() + kRounding)));
  if (cycles <= evaluation.cycles) return evaluation;
  Evaluation longer = evaluation;
  const double times = static_cast<double>(cycles.value()) / static_cast<double>(evaluation.cycles.value());
  longer.cycles = cycles;
  longer.split = schedule;
  longer.utilization = evaluation.utilization / times;
  longer.leakage_energy = evaluation.leakage_energy * times;
  longer.energy += evaluation.leakage_energy * (times - 1);
  return longer;
}

std::optional<CycleSplit> schedule(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy, std::int64_t most_events) {
  try {
    return Player(nest, layer, hierarchy, most_events).run();
  } catch (const TooMany&) {
    return std::nullopt;
  }
}

}  // namespace tilepath
