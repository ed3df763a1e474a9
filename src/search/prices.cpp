#include "prices.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "tilepath/base/quantity.hpp"
#include "tilepath/mapping/tile.hpp"
#include "tilepath/model/delivery.hpp"

namespace tilepath::search_detail {

namespace {
constexpr std::size_t index(int i) { return static_cast<std::size_t>(i); }
}  // namespace

Parts::Parts(const Layer& layer, const Hierarchy& hierarchy) {
  read_port.fill(-1);
  write_port.fill(-1);
  mac_port.fill(-1);
  int next = kFirstPort;
  for (int l = 0; l < hierarchy.level_count(); ++l) {
    const auto add = [&](double limit, int& port) {
      if (limit == 0) return;
      bandwidth[index(next)] = limit;
      port = next++;
    };
    add(hierarchy.level(l).read_bandwidth, read_port[index(l)]);
    add(hierarchy.level(l).write_bandwidth, write_port[index(l)]);
  }
  for (int l = 0; l < hierarchy.level_count(); ++l)
    if (const double limit = hierarchy.level(l).read_bandwidth; limit > 0) {
      bandwidth[index(next)] = limit;
      mac_port[index(l)] = next++;
    }
  for (auto* of : {&fill_anew, &drain_anew})
    for (auto& levels : *of) levels.fill(-1);
  if (next == kFirstPort) return;
  count = next;
  bool doubled = false;  // some level further in
  for (int l = hierarchy.level_count(); l-- > 1;) {
    if (hierarchy.level(l).double_buffered) {
      doubled = true;
      continue;
    }
    for (int t = 0; doubled && t < layer.tensor_count(); ++t) {
      fill_anew[index(t)][index(l)] = next++;
      if (layer.is_output(t)) drain_anew[index(t)][index(l)] = next++;
    }
  }
  label_count = next;
}

Extents inside(const Job& job, const Hierarchy& hierarchy, int level) {
  Extents product{};
  for (std::size_t d = 0; d < product.size(); ++d) {
    const Deal& deal = job.deals[d];
    product[d] = deal.fanout >= level ? deal.chunk : deal.part;
    for (int f = level; f < hierarchy.level_count(); ++f) product[d] *= job.lanes[index(f)][d];
  }
  return product;
}

Prices::Prices(const Layer& layer, const Hierarchy& hierarchy, const Parts& parts, Job job)
    : layer_(layer), hierarchy_(hierarchy), parts_(parts), job_(std::move(job)) {
  for (int t = 0; t < layer.tensor_count(); ++t)
    for (const Rank& rank : tensor(t).ranks)
      for (const Term& term : rank) relevant_[index(t)] |= 1U << term.dimension;
  temporal_.fill(1);
  for (int d = 0; d < layer.dimension_count(); ++d) {
    const Deal& dealt = deal(d);
    std::int64_t left = layer.dimensions[index(d)].bound;
    macs_ *= static_cast<double>(left);
    for (const LaneFactors& lanes : job_.lanes) left /= lanes[index(d)];
    temporal_[index(d)] = dealt.dealt() ? dealt.chunks() : left;
    steps_ *= static_cast<double>(dealt.dealt() ? dealt.steps() : left);
    if (!dealt.dealt()) {
      outside_ *= static_cast<double>(left);
      continue;
    }
    const auto with_work = [&](std::int64_t iterations) {
      std::vector<std::int64_t> lanes = dealt.parts(iterations);
      std::erase(lanes, 0);
      return lanes;
    };
    dealt_[index(d)] = with_work(dealt.chunk);
    if (dealt.ends_short()) last_parts_[index(d)] = with_work(dealt.last_chunk());
  }
  for (int t = 0; t < layer.tensor_count(); ++t) {
    words_[index(t)] = static_cast<double>(tile_words(tensor(t), bounds_of(layer), Footprint::touched));
    keep(t, job_.keeps[index(t)]);
  }
}

void Prices::keep(int t, std::uint32_t levels) {
  job_.keeps[index(t)] = levels;
  fixed_of_[index(t)] = {};
  if (layer_.is_output(t))
    price_outputs();
  else
    price_macs_of(t);
  for (int l = 0; parts_.count > 1 && l < hierarchy_.level_count(); ++l) meetings_[index(l)] = meeting_at(l);
}

Pace Prices::pace() const { return {model_detail::whole_cycles(steps_ / hierarchy_.compute.macs_per_cycle), &mac_steps_}; }

int Prices::parent(int t, int level) const {
  for (int l = level - 1; l > 0; --l)
    if (kept(t, l)) return l;
  return 0;
}

double Prices::read_energy(int level, int t) const {
  return hierarchy_.level(level).read_energy * accesses_per_word(hierarchy_.level(level), tensor(t));
}
double Prices::write_energy(int level, int t) const {
  return hierarchy_.level(level).write_energy * accesses_per_word(hierarchy_.level(level), tensor(t));
}

double Prices::network_energy(int fanout, int t) const {
  const auto& network = hierarchy_.level(fanout).fanout;
  return network ? at(network->energy_per_word, tensor(t).role) : 0;
}

Multicast Prices::mode(int fanout, int t) const {
  const auto& network = hierarchy_.level(fanout).fanout;
  return network ? at(network->multicast, tensor(t).role) : Multicast::none;
}

double Prices::delivery_cycles(int t, int parent, int child, double read, double written) const {
  return static_cast<double>(model_detail::delivery_cycles(tensor(t), hierarchy_.level(parent), hierarchy_.level(child),
                                                           std::llround(read), std::llround(written))
                                 .value());
}

double Prices::lanes_that_divide(int d, int from, int to) const {
  double lanes = 1;
  for (int f = from; f < to; ++f) lanes *= static_cast<double>(factor(f, d));
  return lanes;
}

double Prices::lanes_with_work(int d, int from, int to, std::uint32_t last_chunks) const {
  const double lanes = lanes_that_divide(d, from, to);
  return dealt_over(d, from, to) ? lanes * static_cast<double>(parts_of(d, last_chunks).size()) : lanes;
}

double Prices::lanes_at_work(int d, int from, int to) const {
  const double lanes = lanes_that_divide(d, from, to);
  return dealt_over(d, from, to) ? lanes * deal(d).lanes_at_work() : lanes;
}

double Prices::irrelevant_lanes(int t, int from, int to, std::uint32_t last_chunks) const {
  double product = 1;
  for (int d = 0; d < layer_.dimension_count(); ++d)
    if (!relevant(t, d)) product *= lanes_with_work(d, from, to, last_chunks);
  return product;
}

double Prices::irrelevant_lanes_at_macs(int t, int from, int to) const {
  double product = 1;
  for (int d = 0; d < layer_.dimension_count(); ++d)
    if (!relevant(t, d)) product *= lanes_at_work(d, from, to);
  return product;
}

int Prices::only_dimension(const Rank& rank) const {
  int only = rank.front().dimension;
  int several = 0;
  for (const Term& term : rank)
    if (layer_.dimensions[index(term.dimension)].bound > 1) {
      only = term.dimension;
      ++several;
    }
  return several > 1 ? -1 : only;
}

bool Prices::halo_lanes(const Rank& rank, int level) const {
  return rank.size() > 1 && std::any_of(rank.begin(), rank.end(), [&](const Term& term) {
           return factor(level, term.dimension) > 1 || deal(term.dimension).fanout == level;
         });
}

// -- operands: R1-R3 ------------------------------------------------------------------------------------------------------

/// Words that cross just below level `level` in one visit of a tile at `child` (R3): lanes of the fanouts from `level` inwards
/// are joined as their networks join them, those further out each count (of the busiest: those above `parent` not at all).
double Prices::crossing(int t, int parent, int child, int level, const Extents& tile, Whose whose, const Partial* partial,
                        std::uint32_t last_chunks) const {
  const int from = whose == Whose::busiest ? parent : 0;
  double words = 1;
  for (int d = 0; d < layer_.dimension_count(); ++d) {
    if (relevant(t, d)) continue;
    words *= lanes_with_work(d, from, std::max(from, level), last_chunks);
    for (int f = std::max(from, level); f < child; ++f)
      if (mode(f, t) == Multicast::none) words *= lanes_with_work(d, f, f + 1, last_chunks);
  }
  for (std::size_t r = 0; r < tensor(t).ranks.size(); ++r) {
    const Rank& rank = tensor(t).ranks[r];
    const Partial* along = partial != nullptr && partial->rank == r ? partial : nullptr;
    const int d = only_dimension(rank);
    if (d < 0 || along != nullptr) {
      words *= halo_crossing(t, rank, parent, child, level, tile, whose, along, last_chunks);
      continue;
    }
    // Lanes of a plain rank share nothing.
    std::int64_t gap = 1;  // indices from one word of a tile to the next
    for (const Term& term : rank)
      if (term.dimension == d && hierarchy_.footprint == Footprint::box) gap = term.coefficient;
    const auto words_of = [gap](std::int64_t extent) { return static_cast<double>((extent - 1) * gap + 1); };
    for (int f = from; f < child; ++f) words *= static_cast<double>(factor(f, d));
    if (dealt_over(d, from, child)) {
      double sum = 0;
      for (const std::int64_t part : parts_of(d, last_chunks)) sum += words_of(part);
      words *= sum;
    } else {
      words *= words_of(tile[index(d)]);
    }
  }
  return words;
}

/// Lanes of one term of a halo rank that divide, over some fanouts: those that their networks join go to `joined` (R3, the union)
/// or `equal`; returns how many times the others count. `extent`: iterations of one lane of the innermost of these fanouts.
double Prices::join_lanes(int t, const Term& term, std::int64_t extent, const Fanouts& fanouts, IndexSet& joined,
                          IndexSet& equal) const {
  double times = 1;
  for (int f = fanouts.innermost; f >= fanouts.outermost; --f) {
    if (deal(term.dimension).fanout == f) extent = deal(term.dimension).chunk;
    const std::int64_t count = factor(f, term.dimension);
    if (count == 1) continue;
    const Multicast how = f < fanouts.joining ? Multicast::none : mode(f, t);
    if (how == Multicast::none)
      times *= static_cast<double>(count);
    else
      (how == Multicast::all ? joined : equal).add(checked_multiply(term.coefficient, extent), count);
    extent *= count;
  }
  return times;
}

double Prices::halo_crossing(int t, const Rank& rank, int parent, int child, int level, const Extents& tile, Whose whose,
                             const Partial* partial, std::uint32_t last_chunks) const {
  const int from = whose == Whose::busiest ? parent : 0;
  double times = 1;
  IndexSet own;  // of one tile, or of joined parts as one
  IndexSet joined;
  IndexSet equal;
  std::vector<const Term*> each;  // terms whose parts count one by one
  for (const Term& term : rank) {
    const int d = term.dimension;
    const Deal& dealt = deal(d);
    const bool by_part = dealt.fanout >= from && dealt.fanout < child;
    const bool joins = by_part && dealt.fanout >= level && mode(dealt.fanout, t) != Multicast::none;
    const std::int64_t chunk = (last_chunks >> d & 1U) != 0 ? dealt.last_chunk() : dealt.chunk;
    if (by_part && !joins)
      each.push_back(&term);
    else if (partial == nullptr)
      own.add(term.coefficient, joins ? chunk : tile[index(d)]);
    times *= join_lanes(t, term, tile[index(d)], {child - 1, from, level}, joined, equal);
  }
  times *= static_cast<double>(equal.size());
  if (partial != nullptr) return times * static_cast<double>(union_size(partial->fresh, joined));
  if (hierarchy_.footprint == Footprint::box)
    joined.add(1, own.extent());
  else
    joined.add(own);
  const std::function<double(std::size_t, const IndexSet&)> sum = [&](std::size_t k, const IndexSet& so_far) -> double {
    if (k == each.size()) return static_cast<double>(so_far.size());
    double total = 0;
    for (const std::int64_t part : parts_of(each[k]->dimension, last_chunks)) {
      IndexSet next = so_far;
      next.add(each[k]->coefficient, part);
      total += sum(k + 1, next);
    }
    return total;
  };
  return times * sum(0, joined);
}

/// Energy and port words of one delivery to all instances (R3, R7, R8).
Cost Prices::operand_cost(int t, int parent, int child, const Extents& tile, const Partial* partial,
                          std::uint32_t last_chunks) const {
  Cost cost{};
  const auto words = [&](int level, Whose whose) { return crossing(t, parent, child, level, tile, whose, partial, last_chunks); };
  if (const double energy = read_energy(parent, t); energy != 0) cost[kEnergy] += words(parent, Whose::all) * energy;
  if (const double energy = write_energy(child, t); energy != 0) cost[kEnergy] += words(child, Whose::all) * energy;
  for (int f = parent; f < child; ++f)
    if (const double energy = network_energy(f, t); energy != 0) cost[kEnergy] += words(f + 1, Whose::all) * energy;
  if (parts_.count == 1) return cost;
  const double read = words(parent, Whose::busiest);
  // What one instance writes: its own tile.
  const double written = crossing(t, child, child, child, tile, Whose::busiest, partial, last_chunks);
  if (const int port = parts_.read_port[index(parent)]; port >= 0)
    cost[index(port)] += read * static_cast<double>(level_words(hierarchy_.level(parent), tensor(t)));
  if (const int port = parts_.write_port[index(child)]; port >= 0)
    cost[index(port)] += written * static_cast<double>(level_words(hierarchy_.level(child), tensor(t)));
  if (!hierarchy_.level(child).double_buffered) {
    cost[kWaiting] = delivery_cycles(t, parent, child, read, written);
    rest(cost, child, false, cost[kWaiting]);
  }
  return cost;
}

model_detail::Meeting Prices::meeting_at(int level) const {
  const int out = layer_.output();
  model_detail::Meeting meeting;
  for (int t = 0; t < out; ++t) meeting.operands = meeting.operands || (level > 0 && kept(t, level));
  meeting.psums = level == 0 || kept(out, level);
  meeting.sends = level > 0 && meeting.psums && hierarchy_.level(level).drain_reads;
  if (!meeting.psums) return meeting;
  int child = level + 1;
  while (child < hierarchy_.level_count() && !kept(out, child)) ++child;
  for (int f = level; f < child; ++f)
    if (const auto& fanout = hierarchy_.level(f).fanout; fanout && !fanout->reduction && irrelevant_lanes(out, f, f + 1) > 1)
      meeting.adds = true;
  return meeting;
}

/// The ports that carry nothing while a single buffer is filled or drained.
void Prices::rest(Cost& cost, int level, bool drains, double cycles) const {
  for (int l = level; l < hierarchy_.level_count(); ++l)
    for (const bool writes : {false, true})
      if (const int port = (writes ? parts_.write_port : parts_.read_port)[index(l)];
          port >= 0 && model_detail::rests(level, l, writes, drains, hierarchy_.level(level).drain_reads))
        cost[index(port)] += cycles * parts_.bandwidth[index(port)];
}

int Prices::single_around(int t, int level) const {
  for (int l = level - 1; l > 0; --l)
    if (kept(t, l) && !hierarchy_.level(l).double_buffered) return l;
  return 0;
}

/// At all tiles of the single buffer around it but the first: those are counted as edges.
void Prices::owe_anew(Price& price, int t, int level, double fill, double drain) const {
  if (single_around(t, level) == 0) return;
  price.fill_anew = fill;
  price.drain_anew = drain;
  price.once[kWaiting] -= layer_.is_output(t) ? drain : fill;
}

std::vector<Prices::Use> Prices::uses() const {
  std::vector<Use> uses;
  const auto add = [&](int part, int level, bool fills,
                       bool drains) {  // nodes filled from a level, or drained to it; else its own
    if (part < 0) return;
    Use use{part, {}};
    bool any = false;
    for (int t = 0; t < layer_.tensor_count(); ++t)
      for (int l = 1; l < hierarchy_.level_count(); ++l) {
        if (!kept(t, l) || (drains && !layer_.is_output(t)) || (fills || drains ? parent(t, l) != level : l != level)) continue;
        use.nodes[index(t)] |= 1U << l;
        any = true;
      }
    if (any) uses.push_back(use);
  };
  for (int l = 0; l < hierarchy_.level_count(); ++l) {
    const model_detail::Meeting& meets = meetings_[index(l)];
    bool macs = false;  // read or update here
    for (int t = 0; t < layer_.tensor_count(); ++t) macs = macs || parent(t, hierarchy_.level_count()) == l;
    if (!macs && !meets.sends && !meets.adds) add(parts_.read_port[index(l)], l, true, false);
    if (!meets.psums) add(parts_.write_port[index(l)], l, false, false);
    if (l == 0 && parent(layer_.output(), hierarchy_.level_count()) != 0) add(parts_.write_port[0], 0, false, true);
  }
  return uses;
}

/// Cycles at the beginning or the end, and which ports have nothing to do meanwhile.
template <class Idle>
void Prices::add_edge(Cost& once, double cycles, const Idle& idle) const {
  once[kEdge] += cycles;
  for (int l = 0; l < hierarchy_.level_count(); ++l)
    for (const bool writes : {false, true})
      if (const int port = (writes ? parts_.write_port : parts_.read_port)[index(l)]; port >= 0 && idle(l, writes))
        once[index(port)] += cycles * parts_.bandwidth[index(port)];
}

Price Prices::node(int t, int level, const Extents& tile, std::uint32_t last_chunks) const {
  Price price;
  if (layer_.is_output(t)) {
    price = output_node(level, tile, last_chunks);
  } else {
    const int above = parent(t, level);
    price.per_visit = operand_cost(t, above, level, tile, nullptr, last_chunks);
    price.words = tile_words(tensor(t), tile, hierarchy_.footprint);
    if (parts_.count > 1 && hierarchy_.level(level).double_buffered) {
      const int child = level;
      const double read = crossing(t, above, child, above, tile, Whose::busiest, nullptr, last_chunks);
      const double fill = delivery_cycles(t, above, child, read, static_cast<double>(price.words));
      owe_anew(price, t, level, fill, 0);
      add_edge(price.once, fill,
               [&](int of, bool writes) { return model_detail::comes_before(level, of, writes, meetings_[index(of)]); });
    }
  }
  price.words *= room_per_word(hierarchy_.level(level), tensor(t));
  return price;
}

std::int64_t Prices::room(int t, int level, const Extents& tile) const {
  return tile_words(tensor(t), tile, hierarchy_.footprint) * room_per_word(hierarchy_.level(level), tensor(t));
}

Cost Prices::slide(int t, int level, const Extents& tile, std::size_t rank, std::int64_t shift) const {
  const Partial partial{rank, fresh_indices(tensor(t).ranks[rank], tile, shift, hierarchy_.footprint)};
  return operand_cost(t, parent(t, level), level, tile, &partial, 0);
}

// -- MACs: R5 -------------------------------------------------------------------------------------------------------------

/// Words that the MACs ask for in all steps together, crossing just below `level`: as above, but of every step.
double Prices::mac_crossing(int t, int parent, int level, const Extents& tile, Whose whose) const {
  const int macs_level = hierarchy_.level_count();
  const int from = whose == Whose::busiest ? parent : 0;
  double words = outside_;
  for (int d = 0; d < layer_.dimension_count(); ++d) {
    if (relevant(t, d)) continue;
    const Deal& dealt = deal(d);
    for (int f = from; f < macs_level; ++f)
      if (f < level || mode(f, t) == Multicast::none) words *= static_cast<double>(factor(f, d));
    const bool each = dealt.fanout >= from && (dealt.fanout < level || mode(dealt.fanout, t) == Multicast::none);
    if (dealt.dealt()) words *= static_cast<double>(each ? dealt.whole : dealt.steps());
  }
  for (const Rank& rank : tensor(t).ranks) {
    const int d = only_dimension(rank);
    if (d < 0) {
      words *= mac_halo(t, rank, parent, level, tile, whose);
      continue;
    }
    for (int f = from; f < macs_level; ++f) words *= static_cast<double>(factor(f, d));
    if (deal(d).dealt()) words *= static_cast<double>(deal(d).fanout >= from ? deal(d).whole : deal(d).steps());
  }
  return words;
}

/// The factor of a halo rank: the union over the lanes of each step, summed over the steps inside the parts. `tile`: of one lane
/// of the innermost fanout with lanes of this rank.
double Prices::mac_halo(int t, const Rank& rank, int parent, int level, const Extents& tile, Whose whose) const {
  const int from = whose == Whose::busiest ? parent : 0;
  double times = 1;
  IndexSet joined;
  IndexSet equal;
  std::vector<const Term*> stepping;  // terms whose joined lanes drop out one after the other
  for (const Term& term : rank) {
    const int d = term.dimension;
    const Deal& dealt = deal(d);
    if (dealt.dealt()) {
      const bool joins = dealt.fanout >= std::max(from, level) && mode(dealt.fanout, t) != Multicast::none;
      if (joins)
        stepping.push_back(&term);
      else
        times *= static_cast<double>(dealt.fanout >= from ? dealt.whole : dealt.steps());
    }
    const int innermost = mac_fanout_[index(t)] < 0 ? hierarchy_.level_count() - 1 : mac_fanout_[index(t)];
    times *= join_lanes(t, term, tile[index(d)], {innermost, from, level}, joined, equal);
  }
  times *= static_cast<double>(equal.size());
  if (stepping.empty()) return times * static_cast<double>(joined.size());
  const std::function<double(std::size_t, const std::vector<std::int64_t>&)> sum =
      [&](std::size_t k, const std::vector<std::int64_t>& indices) -> double {
    if (k == stepping.size()) return static_cast<double>(union_size(indices, joined));
    const Deal& dealt = deal(stepping[k]->dimension);
    const std::int64_t column = ceil_divide(dealt.chunk, dealt.x);
    const auto in_chunk_of = [&](std::int64_t iterations) {
      const std::vector<std::int64_t> parts = dealt.parts(iterations);
      double total = 0;
      for (std::int64_t step = 0; step < parts.front();) {
        std::vector<std::int64_t> next;
        std::int64_t until = parts.front();  // the same lanes work until the next of them ends
        for (std::size_t lane = 0; lane < parts.size(); ++lane) {
          if (parts[lane] <= step) continue;
          until = std::min(until, parts[lane]);
          const std::int64_t start =
              static_cast<std::int64_t>(lane) / dealt.y * column + static_cast<std::int64_t>(lane) % dealt.y * dealt.part;
          for (const std::int64_t i : indices) next.push_back(i + stepping[k]->coefficient * start);
        }
        total += static_cast<double>(until - step) * sum(k + 1, next);
        step = until;
      }
      return total;
    };
    const double full = in_chunk_of(dealt.chunk);
    return full * (dealt.chunks() - 1) + (dealt.ends_short() ? in_chunk_of(dealt.last_chunk()) : full);
  };
  return times * sum(0, {0});
}

void Prices::price_macs_of(int t) {
  const int macs_level = hierarchy_.level_count();
  const int innermost = parent(t, macs_level);
  int& known = mac_fanout_[index(t)];
  known = -1;
  for (int f = innermost; f < macs_level; ++f)
    for (const Rank& rank : tensor(t).ranks)
      if (halo_lanes(rank, f)) known = f;
  // With the fanout directly above the MACs the lanes are one iteration wide (or a part): known at once.
  const bool at_once = known == macs_level - 1 || known < 0;
  Extents one{};
  for (int d = 0; d < layer_.dimension_count(); ++d) one[index(d)] = deal(d).part;
  if (!at_once) return;
  fixed_of_[index(t)] = mac_reads(t, one);
  known = -1;
}

Cost Prices::mac_reads(int t, const Extents& tile) const {
  const int macs_level = hierarchy_.level_count();
  const int innermost = parent(t, macs_level);
  Cost cost{};
  cost[kEnergy] = mac_crossing(t, innermost, innermost, tile, Whose::all) * read_energy(innermost, t);
  for (int f = innermost; f < macs_level; ++f)
    if (const double energy = network_energy(f, t); energy != 0)
      cost[kEnergy] += mac_crossing(t, innermost, f + 1, tile, Whose::all) * energy;
  if (const int port = parts_.read_port[index(innermost)]; port >= 0)
    cost[index(port)] = cost[index(parts_.mac_port[index(innermost)])] =
        mac_crossing(t, innermost, innermost, tile, Whose::busiest) *
        static_cast<double>(level_words(hierarchy_.level(innermost), tensor(t)));
  return cost;
}

// -- outputs: R4, R5 ------------------------------------------------------------------------------------------------------

/// Energy per word sent from `child` to `parent`: network, updates, accumulation without reduction (R4).
double Prices::psums_up(int parent, int child, std::uint32_t last_chunks) const {
  const int out = layer_.output();
  const bool at_macs = child == hierarchy_.level_count();
  double energy = 0;
  double left = 1;  // of one word sent, after the reductions so far
  double group = 1;
  for (int f = child - 1; f >= parent; --f) {
    const auto& fanout = hierarchy_.level(f).fanout;
    if (!fanout) continue;
    energy += left * network_energy(f, out);
    const double lanes = at_macs ? irrelevant_lanes_at_macs(out, f, f + 1) : irrelevant_lanes(out, f, f + 1, last_chunks);
    group *= lanes;
    if (fanout->reduction) left /= lanes;
  }
  energy += left * write_energy(parent, out);
  return energy + (at_macs ? left : left - 1 / group) * read_energy(parent, out);
}

/// Energy per word that comes back into `child`.
double Prices::psums_back(int parent, int child) const {
  const int out = layer_.output();
  double energy = read_energy(parent, out) + write_energy(child, out);
  for (int f = parent; f < child; ++f) energy += network_energy(f, out);
  return energy;
}

/// Energy per word that visits the output's node at `level`.
double Prices::psum_visit(int level, std::uint32_t last_chunks) const {
  const int out = layer_.output();
  const int above = parent(out, level);
  const double group = irrelevant_lanes(out, above, level, last_chunks);
  const double price =
      psums_back(above, level) / group + psums_up(above, level, last_chunks) - (1 - 1 / group) * output_saved_[index(level)];
  return hierarchy_.level(level).drain_reads ? price + read_energy(level, out) : price;
}

/// Prices per word that visits each node of the output, and what is fixed.
void Prices::price_outputs() {
  const int out = layer_.output();
  const int macs_level = hierarchy_.level_count();
  Cost& fixed = fixed_of_[index(out)];
  const int innermost = parent(out, macs_level);
  fixed[kEnergy] += macs_ * psums_up(innermost, macs_level, 0);
  double saved = read_energy(innermost, out);  // by one word that starts from zero, further in
  for (int level = innermost; level > 0; level = parent(out, level)) {
    output_saved_[index(level)] = saved;
    output_price_[index(level)] = psum_visit(level, 0);
    const double comes_back = psums_back(parent(out, level), level);
    saved += comes_back;
    output_zeros_[index(level)] = words_[index(out)] * comes_back;
  }
  fixed[kEnergy] -= words_[index(out)] * read_energy(innermost, out);
  if (parts_.count == 1) return;

  // Ports at the MACs: updates of a step arrive once per group that no reduction joins.
  double updates = steps_;
  double outputs =
      1;  // the first update of each word that starts from zero only writes: every output of the busiest instance, once
  for (int d = 0; d < layer_.dimension_count(); ++d) {
    if (relevant(out, d)) outputs *= static_cast<double>(temporal_[index(d)] * inside(innermost)[index(d)]);
    for (int f = innermost; f < macs_level; ++f) {
      const auto& fanout = hierarchy_.level(f).fanout;
      if (fanout && (relevant(out, d) || !fanout->reduction)) updates *= lanes_at_work(d, f, f + 1);
    }
  }
  const std::int64_t words_wide = level_words(hierarchy_.level(innermost), tensor(out));
  const auto width = static_cast<double>(words_wide);
  mac_steps_.all = static_cast<std::int64_t>(steps_);
  mac_steps_.starting = 1;
  for (int d = 0; d < layer_.dimension_count(); ++d)
    if (relevant(out, d)) mac_steps_.starting *= temporal_[index(d)] * deal(d).part;
  mac_steps_.level = innermost;
  mac_steps_.updates = Words(static_cast<std::int64_t>(updates) * words_wide);
  mac_steps_.started = Words(static_cast<std::int64_t>(outputs) * words_wide);
  if (const int port = parts_.write_port[index(innermost)]; port >= 0) fixed[index(port)] += updates * width;
  if (const int port = parts_.read_port[index(innermost)]; port >= 0) fixed[index(port)] += (updates - outputs) * width;
}

Price Prices::output_node(int level, const Extents& tile, std::uint32_t last_chunks) const {
  const int out = layer_.output();
  const int above = parent(out, level);
  Price price;
  price.words = tile_words(tensor(out), tile, hierarchy_.footprint);
  price.per_visit[kEnergy] = crossing(out, 0, level, level, tile, Whose::all, nullptr, last_chunks) *
                             (last_chunks == 0 ? output_price_[index(level)] : psum_visit(level, last_chunks));
  price.once[kEnergy] = -output_zeros_[index(level)];
  if (parts_.count == 1) return price;

  const auto words = static_cast<double>(price.words);
  double distinct = 1;           // words that one parent sends or receives in a visit
  double arrivals_per_word = 1;  // at the parent, of one departure
  for (int d = 0; d < layer_.dimension_count(); ++d) {
    if (relevant(out, d)) {
      const Deal& dealt = deal(d);
      const bool here = dealt.fanout >= above && dealt.fanout < level;
      const auto lanes = lanes_with_work(d, above, level) / (here ? static_cast<double>(dealt_[index(d)].size()) : 1);
      const auto size = static_cast<double>(tile[index(d)]);
      distinct *= lanes * (here ? static_cast<double>(dealt.chunk) : size);
      continue;
    }
    for (int f = above; f < level; ++f)
      if (const auto& fanout = hierarchy_.level(f).fanout; fanout && !fanout->reduction)
        arrivals_per_word *= lanes_with_work(d, f, f + 1);
  }
  const double up = distinct * arrivals_per_word;
  const auto width_above = static_cast<double>(level_words(hierarchy_.level(above), tensor(out)));
  const auto width = static_cast<double>(level_words(hierarchy_.level(level), tensor(out)));
  const auto add = [&](int port, double per_visit, double first_visit) {
    if (port < 0) return;
    price.per_visit[index(port)] += per_visit;
    price.first_visit[index(port)] += first_visit;
  };
  add(parts_.write_port[index(above)], up * width_above, 0);
  add(parts_.read_port[index(above)], up * width_above, -distinct * width_above);
  add(parts_.write_port[index(level)], words * width, -words * width);
  if (hierarchy_.level(level).drain_reads) add(parts_.read_port[index(level)], words * width, 0);
  const auto drain = static_cast<double>(model_detail::drain_cycles(tensor(out), hierarchy_.level(above), hierarchy_.level(level),
                                                                    {std::llround(up), std::llround(up - distinct), price.words})
                                             .value());
  const double back = delivery_cycles(out, above, level, distinct, words);
  if (hierarchy_.level(level).double_buffered) {
    owe_anew(price, out, level, back, drain);
    add_edge(price.once, drain,
             [&](int of, bool writes) { return model_detail::comes_after(level, of, writes, meetings_[index(of)]); });
  } else {
    price.per_visit[kWaiting] = back + drain;
    price.first_visit[kWaiting] = -back;  // they take nothing back
    rest(price.per_visit, level, false, back);
    rest(price.per_visit, level, true, drain);
    rest(price.first_visit, level, false, -back);
  }
  return price;
}

// -- bounds ---------------------------------------------------------------------------------------------------------------

double Prices::words_per_instance(int t, int level) const {
  double words = 1;
  for (const Rank& rank : tensor(t).ranks) {
    std::int64_t most = 1;  // indices along a rank: at least one per iteration of its longest dimension
    for (const Term& term : rank) {
      std::int64_t left = layer_.dimensions[index(term.dimension)].bound;
      const Deal& dealt = deal(term.dimension);
      for (int f = 0; f < level; ++f) left /= factor(f, term.dimension);
      most = std::max(most, std::int64_t{dealt.dealt() && dealt.fanout < level ? dealt.steps() : left});
    }
    words *= static_cast<double>(most);
  }
  return words;
}

Cost Prices::least(int t, int level) const {
  const int above = parent(t, level);
  const double words = words_[index(t)];
  Cost cost{};
  const auto pass = [&](int port, int at_level) {
    if (port >= 0)
      cost[index(port)] +=
          words_per_instance(t, at_level) * static_cast<double>(level_words(hierarchy_.level(at_level), tensor(t)));
  };
  const auto wait = [&](int port) {  // a single buffer, for all that the port carries
    if (port >= 0) cost[kWaiting] = std::max(cost[kWaiting], cost[index(port)] / parts_.bandwidth[index(port)]);
  };
  if (layer_.is_output(t)) {
    const double price = output_price_[index(level)];
    // Each word visits at least once per lane that holds it; at most every MAC is a visit.
    cost[kEnergy] = price * (price >= 0 ? words * irrelevant_lanes(t, 0, level) : macs_) - output_zeros_[index(level)];
    pass(parts_.write_port[index(above)], above);
    if (!hierarchy_.level(level).double_buffered) wait(parts_.write_port[index(above)]);
    return cost;
  }
  cost[kEnergy] = words * irrelevant_lanes(t, 0, above) * read_energy(above, t) +
                  words * irrelevant_lanes(t, 0, level) * write_energy(level, t);
  for (int f = above; f < level; ++f) cost[kEnergy] += words * irrelevant_lanes(t, 0, f + 1) * network_energy(f, t);
  pass(parts_.read_port[index(above)], above);
  pass(parts_.write_port[index(level)], level);
  if (!hierarchy_.level(level).double_buffered) {
    wait(parts_.read_port[index(above)]);
    wait(parts_.write_port[index(level)]);
  }
  return cost;
}

Cost Prices::least(int t) const {
  Cost cost = fixed_of(t);
  for (int l = 1; l < hierarchy_.level_count(); ++l)
    if (kept(t, l)) add(cost, least(t, l));
  if (!layer_.is_output(t) && mac_fanout(t) >= 0) add(cost, least_mac_reads(t));
  return cost;
}

Cost Prices::least_mac_reads(int t) const {
  const int macs_level = hierarchy_.level_count();
  const int innermost = parent(t, macs_level);
  // The lanes that ask for one word in a step are at most those of the irrelevant dimensions, and along a halo rank all but those
  // of its widest dimension.
  double sharing = 1;
  const auto lanes = [&](int d) { return lanes_at_work(d, innermost, macs_level); };
  for (int d = 0; d < layer_.dimension_count(); ++d)
    if (!relevant(t, d)) sharing *= lanes(d);
  for (const Rank& rank : tensor(t).ranks) {
    double widest = 1;
    double all = 1;
    for (const Term& term : rank) {
      widest = std::max(widest, lanes(term.dimension));
      all *= lanes(term.dimension);
    }
    sharing *= all / widest;
  }
  double outer = 1;  // lanes above the innermost node
  for (int d = 0; d < layer_.dimension_count(); ++d) outer *= lanes_at_work(d, 0, innermost);
  const double reads = macs_ / sharing;
  Cost cost{};
  cost[kEnergy] = reads * read_energy(innermost, t);
  for (int f = innermost; f < macs_level; ++f) cost[kEnergy] += reads * network_energy(f, t);
  if (const int port = parts_.read_port[index(innermost)]; port >= 0)
    cost[index(port)] = cost[index(parts_.mac_port[index(innermost)])] =
        reads / outer * static_cast<double>(level_words(hierarchy_.level(innermost), tensor(t)));
  return cost;
}

}  // namespace tilepath::search_detail
