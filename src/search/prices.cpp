#include "prices.hpp"

#include <algorithm>
#include <cmath>

#include "tilepath/mapping/tile.hpp"

namespace tilepath::search_detail {

namespace {
constexpr std::size_t index(int i) { return static_cast<std::size_t>(i); }
}  // namespace

Parts::Parts(const Hierarchy& hierarchy) {
  read_port.fill(-1);
  write_port.fill(-1);
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
  if (next > kFirstPort) count = next;
}

Prices::Prices(const Layer& layer, const Hierarchy& hierarchy, const Parts& parts, const Job& job)
    : layer_(layer), hierarchy_(hierarchy), parts_(parts), job_(job) {
  temporal_.fill(1);
  for (int d = 0; d < layer.dimension_count(); ++d) {
    std::int64_t left = layer.dimensions[index(d)].bound;
    for (const LaneFactors& lanes : job.lanes) left /= lanes[index(d)];
    temporal_[index(d)] = left;
    steps_ *= static_cast<double>(left);
  }
  instances_[0] = 1;
  for (int l = 0; l < hierarchy.level_count(); ++l) {
    double lanes = 1;
    for (int d = 0; d < layer.dimension_count(); ++d) lanes *= static_cast<double>(job.lanes[index(l)][index(d)]);
    instances_[index(l) + 1] = instances_[index(l)] * lanes;
  }
  price_macs();
  price_outputs();
}

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

double Prices::transfer_cycles(std::int64_t words, double bandwidth) const {
  return bandwidth == 0 ? 0 : std::ceil(static_cast<double>(words) / bandwidth);
}

double Prices::delivery_cycles(int t, int parent, int child, std::int64_t read, std::int64_t written) const {
  const Level& above = hierarchy_.level(parent);
  const Level& below = hierarchy_.level(child);
  return std::max(transfer_cycles(read * level_words(above, tensor(t)), above.read_bandwidth),
                  transfer_cycles(written * level_words(below, tensor(t)), below.write_bandwidth));
}

Extents Prices::lanes_of(int from, int to) const {
  Extents product{};
  product.fill(1);
  for (int f = from; f < to; ++f)
    for (int d = 0; d < layer_.dimension_count(); ++d) product[index(d)] *= job_.lanes[index(f)][index(d)];
  return product;
}

double Prices::irrelevant_lanes(int t, int from, int to) const {
  const Extents lanes = lanes_of(from, to);
  double product = 1;
  for (int d = 0; d < layer_.dimension_count(); ++d)
    if (!layer_.relevant(t, d)) product *= static_cast<double>(lanes[index(d)]);
  return product;
}

bool Prices::halo_lanes(const Rank& rank, int level) const {
  return rank.size() > 1 && std::any_of(rank.begin(), rank.end(),
                                        [&](const Term& term) { return job_.lanes[index(level)][index(term.dimension)] > 1; });
}

std::vector<Lanes> Prices::lanes_between(int parent, int child, const Extents& tile) const {
  std::vector<Lanes> lanes;
  for (int f = child - 1; f >= parent; --f)
    for (int d = 0; d < layer_.dimension_count(); ++d) {
      const std::int64_t count = job_.lanes[index(f)][index(d)];
      if (count == 1) continue;
      std::int64_t extent = tile[index(d)];
      for (int inner = f + 1; inner < child; ++inner) extent *= job_.lanes[index(inner)][index(d)];
      lanes.push_back({d, count, extent, f});
    }
  return lanes;
}

/// Energy and port words of one delivery to all instances (R3, R7, R8).
Cost Prices::operand_cost(int t, int parent, int child, const Delivery& delivery) const {
  Cost cost{};
  const double parents = instances_[index(parent)];
  cost[kEnergy] = parents * static_cast<double>(delivery.parent_reads) * read_energy(parent, t);
  for (int f = parent; f < child; ++f)
    if (const auto& fanout = hierarchy_.level(f).fanout)
      cost[kEnergy] += parents * static_cast<double>(delivery.network_words[index(f)]) * fanout->energy_per_word;
  if (const int port = parts_.read_port[index(parent)]; port >= 0)
    cost[index(port)] += static_cast<double>(delivery.parent_reads * level_words(hierarchy_.level(parent), tensor(t)));
  if (child == hierarchy_.level_count()) return cost;
  cost[kEnergy] += instances_[index(child)] * static_cast<double>(delivery.child_words) * write_energy(child, t);
  if (const int port = parts_.write_port[index(child)]; port >= 0)
    cost[index(port)] += static_cast<double>(delivery.child_words * level_words(hierarchy_.level(child), tensor(t)));
  if (!hierarchy_.level(child).double_buffered)
    cost[kWaiting] = delivery_cycles(t, parent, child, delivery.parent_reads, delivery.child_words);
  return cost;
}

Price Prices::node(int t, int level, const Extents& tile) const {
  Price price;
  if (layer_.is_output(t)) {
    price = output_node(level, tile);
  } else {
    const int above = parent(t, level);
    const Delivery whole = whole_delivery(tensor(t), tile, lanes_between(above, level, tile), hierarchy_, above, level);
    price.per_visit = operand_cost(t, above, level, whole);
    price.words = whole.child_words;
    if (hierarchy_.level(level).double_buffered)
      price.once[kEdge] = delivery_cycles(t, above, level, whole.parent_reads, whole.child_words);
  }
  price.words *= level_words(hierarchy_.level(level), tensor(t)) * (hierarchy_.level(level).double_buffered ? 2 : 1);
  return price;
}

Cost Prices::slide(int t, int level, const Extents& tile, std::size_t rank, std::int64_t shift) const {
  const int above = parent(t, level);
  return operand_cost(
      t, above, level,
      sliding_delivery(tensor(t), tile, rank, shift, lanes_between(above, level, tile), hierarchy_, above, level));
}

void Prices::price_macs() {
  const int macs_level = hierarchy_.level_count();
  fixed_[kEnergy] = steps_ * instances_[index(macs_level)] * hierarchy_.compute.mac_energy;
  for (int t = 0; t < layer_.output(); ++t) {
    const int innermost = parent(t, macs_level);
    mac_fanout_[index(t)] = -1;
    for (int f = innermost; f < macs_level; ++f)
      for (const Rank& rank : tensor(t).ranks)
        if (halo_lanes(rank, f)) mac_fanout_[index(t)] = f;
    Extents one{};
    one.fill(1);
    // With the fanout directly above the MACs the lanes are one iteration wide: known at once.
    if (mac_fanout_[index(t)] == macs_level - 1 || mac_fanout_[index(t)] < 0) {
      mac_fanout_[index(t)] = -1;
      const Cost step = operand_cost(
          t, innermost, macs_level,
          whole_delivery(tensor(t), one, lanes_between(innermost, macs_level, one), hierarchy_, innermost, macs_level));
      for (std::size_t p = 0; p < step.size(); ++p) fixed_[p] += step[p] * steps_;
    }
  }
}

Cost Prices::mac_reads(int t, const Extents& tile) const {
  const int macs_level = hierarchy_.level_count();
  const int innermost = parent(t, macs_level);
  const int known = mac_fanout_[index(t)];
  Extents one{};
  one.fill(1);
  std::vector<Lanes> lanes;
  for (const Lanes& l : lanes_between(innermost, macs_level, one)) {
    lanes.push_back(l);
    if (l.fanout > known) continue;  // lanes of no halo rank: their distance does not matter
    std::int64_t extent = tile[index(l.dimension)];
    for (int inner = l.fanout + 1; inner <= known; ++inner) extent *= job_.lanes[index(inner)][index(l.dimension)];
    lanes.back().extent = extent;
  }
  Cost cost = operand_cost(t, innermost, macs_level, whole_delivery(tensor(t), one, lanes, hierarchy_, innermost, macs_level));
  for (double& part : cost) part *= steps_;
  return cost;
}

/// Prices per word that visits each node of the output, and what is fixed.
void Prices::price_outputs() {
  const int out = layer_.output();
  const int macs_level = hierarchy_.level_count();
  std::vector<int> chain;
  for (int l = 0; l < macs_level; ++l)
    if (l == 0 || kept(out, l)) chain.push_back(l);
  const int innermost = chain.back();
  const auto words = static_cast<double>(tile_words(tensor(out), bounds_of(layer_), hierarchy_.footprint));

  /// Energy per word sent from `child` to `parent`: network, updates, accumulation without reduction (R4).
  const auto up = [&](int parent, int child) {
    double energy = 0;
    double left = 1;  // of one word sent, after the reductions so far
    double group = 1;
    for (int f = child - 1; f >= parent; --f) {
      const auto& fanout = hierarchy_.level(f).fanout;
      if (!fanout) continue;
      energy += left * fanout->energy_per_word;
      const double lanes = irrelevant_lanes(out, f, f + 1);
      group *= lanes;
      if (fanout->reduction) left /= lanes;
    }
    energy += left * write_energy(parent, out);
    if (child < macs_level)
      energy += (left - 1 / group) * read_energy(parent, out);
    else
      energy += left * read_energy(parent, out);
    return energy;
  };
  /// Energy per word that comes back into `child`.
  const auto back = [&](int parent, int child) {
    double energy = read_energy(parent, out) + write_energy(child, out);
    for (int f = parent; f < child; ++f)
      if (hierarchy_.level(f).fanout) energy += hierarchy_.level(f).fanout->energy_per_word;
    return energy;
  };

  double saved = read_energy(innermost, out);  // by one word that starts from zero, further in
  fixed_[kEnergy] += steps_ * instances_[index(macs_level)] * up(innermost, macs_level);
  for (std::size_t k = chain.size(); k-- > 1;) {
    const int child = chain[k];
    const int above = chain[k - 1];
    const double group = irrelevant_lanes(out, above, child);
    const double comes_back = back(above, child);
    double& price = output_price_[index(child)];
    price = comes_back / group + up(above, child) - (1 - 1 / group) * saved;
    if (hierarchy_.level(child).drain_reads) price += read_energy(child, out);
    saved += comes_back;
  }
  fixed_[kEnergy] -= words * saved;

  // Ports at the MACs: updates of a step arrive once per group that no reduction joins.
  double per_step = 1;
  for (int f = innermost; f < macs_level; ++f) {
    const auto& fanout = hierarchy_.level(f).fanout;
    if (!fanout) continue;
    const Extents lanes = lanes_of(f, f + 1);
    for (int d = 0; d < layer_.dimension_count(); ++d)
      if (layer_.relevant(out, d) || !fanout->reduction) per_step *= static_cast<double>(lanes[index(d)]);
  }
  const auto width = static_cast<double>(level_words(hierarchy_.level(innermost), tensor(out)));
  if (const int port = parts_.write_port[index(innermost)]; port >= 0) fixed_[index(port)] += per_step * steps_ * width;
  // The first update of each word that starts from zero only writes: every output of the busiest instance, once.
  double outputs = 1;
  const Extents lanes_outside = lanes_of(0, innermost);
  for (int d = 0; d < layer_.dimension_count(); ++d)
    if (layer_.relevant(out, d)) outputs *= static_cast<double>(layer_.dimensions[index(d)].bound / lanes_outside[index(d)]);
  if (const int port = parts_.read_port[index(innermost)]; port >= 0)
    fixed_[index(port)] += (per_step * steps_ - outputs) * width;
}

Price Prices::output_node(int level, const Extents& tile) const {
  const int out = layer_.output();
  const int above = parent(out, level);
  Price price;
  price.words = tile_words(tensor(out), tile, hierarchy_.footprint);
  const auto words = static_cast<double>(price.words);
  price.per_visit[kEnergy] = instances_[index(level)] * words * output_price_[index(level)];
  if (parts_.count == 1) return price;

  double distinct = words;
  double arrivals_per_word = 1;  // at the parent, of one departure
  double first_visits = 1;       // distinct tiles of one instance
  const Extents lanes_inside = lanes_of(level, hierarchy_.level_count());
  for (int d = 0; d < layer_.dimension_count(); ++d) {
    if (layer_.relevant(out, d))
      first_visits *= static_cast<double>(temporal_[index(d)] / (tile[index(d)] / lanes_inside[index(d)]));
    for (int f = above; f < level; ++f) {
      const auto lanes = static_cast<double>(job_.lanes[index(f)][index(d)]);
      if (layer_.relevant(out, d))
        distinct *= lanes;
      else if (lanes > 1 && !hierarchy_.level(f).fanout->reduction)
        arrivals_per_word *= lanes;
    }
  }
  const double up = distinct * arrivals_per_word;
  const auto width_above = static_cast<double>(level_words(hierarchy_.level(above), tensor(out)));
  const auto width = static_cast<double>(level_words(hierarchy_.level(level), tensor(out)));
  const auto add = [&](int port, double per_visit, double once) {
    if (port < 0) return;
    price.per_visit[index(port)] += per_visit;
    price.once[index(port)] += once;
  };
  add(parts_.write_port[index(above)], up * width_above, 0);
  add(parts_.read_port[index(above)], up * width_above, -distinct * first_visits * width_above);
  add(parts_.write_port[index(level)], words * width, -words * first_visits * width);
  if (hierarchy_.level(level).drain_reads) add(parts_.read_port[index(level)], words * width, 0);
  const double drain = transfer_cycles(static_cast<std::int64_t>(up * width_above), hierarchy_.level(above).write_bandwidth);
  if (hierarchy_.level(level).double_buffered) {
    price.once[kEdge] = drain;
  } else {
    const double back = delivery_cycles(out, above, level, static_cast<std::int64_t>(distinct), price.words);
    price.per_visit[kWaiting] = back + drain;
    price.once[kWaiting] = -back * first_visits;
  }
  return price;
}

double Prices::words_per_instance(int t, int level) const {
  const Extents lanes = lanes_of(0, level);
  double words = 1;
  for (const Rank& rank : tensor(t).ranks) {
    std::int64_t most = 1;  // indices along a rank: at least one per iteration of its longest dimension
    for (const Term& term : rank)
      most = std::max(most, layer_.dimensions[index(term.dimension)].bound / lanes[index(term.dimension)]);
    words *= static_cast<double>(most);
  }
  return words;
}

Cost Prices::least(int t, int level) const {
  const int above = parent(t, level);
  const auto words = static_cast<double>(tile_words(tensor(t), bounds_of(layer_), Footprint::touched));
  Cost cost{};
  const auto pass = [&](int port, int at_level) {
    if (port >= 0)
      cost[index(port)] +=
          words_per_instance(t, at_level) * static_cast<double>(level_words(hierarchy_.level(at_level), tensor(t)));
  };
  if (layer_.is_output(t)) {
    const double price = output_price_[index(level)];
    // Each word visits at least once per lane that holds it; at most every MAC is a visit.
    const double visits =
        price >= 0 ? words * irrelevant_lanes(t, 0, level) : steps_ * instances_[index(hierarchy_.level_count())];
    cost[kEnergy] = price * visits;
    pass(parts_.write_port[index(above)], above);
    return cost;
  }
  cost[kEnergy] = words * irrelevant_lanes(t, 0, above) * read_energy(above, t) +
                  words * irrelevant_lanes(t, 0, level) * write_energy(level, t);
  for (int f = above; f < level; ++f)
    if (hierarchy_.level(f).fanout)
      cost[kEnergy] += words * irrelevant_lanes(t, 0, f + 1) * hierarchy_.level(f).fanout->energy_per_word;
  pass(parts_.read_port[index(above)], above);
  pass(parts_.write_port[index(level)], level);
  return cost;
}

Cost Prices::least_mac_reads(int t) const {
  const int macs_level = hierarchy_.level_count();
  const int innermost = parent(t, macs_level);
  // At least one word per distinct lane of each rank's widest dimension.
  double reads = 1;
  const Extents lanes = lanes_of(innermost, macs_level);
  for (const Rank& rank : tensor(t).ranks) {
    std::int64_t widest = 1;
    for (const Term& term : rank) widest = std::max(widest, lanes[index(term.dimension)]);
    reads *= static_cast<double>(widest);
  }
  Cost cost{};
  cost[kEnergy] = steps_ * instances_[index(innermost)] * reads * read_energy(innermost, t);
  for (int f = innermost; f < macs_level; ++f)
    if (hierarchy_.level(f).fanout)
      cost[kEnergy] += steps_ * instances_[index(f) + 1] * hierarchy_.level(f).fanout->energy_per_word;
  if (const int port = parts_.read_port[index(innermost)]; port >= 0)
    cost[index(port)] = steps_ * reads * static_cast<double>(level_words(hierarchy_.level(innermost), tensor(t)));
  return cost;
}

}  // namespace tilepath::search_detail
