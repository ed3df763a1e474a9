// The cost model. It walks a nest once per storage node and asks, for each temporal loop outside the node, by how much the
// node's tile moves when that loop steps (R2). For a loop over d with tiles of E iterations, rank H = a*d + …, that is
//
//   displacement(H) = a*E - sum over the loops between node and loop of coefficient*E*(count - 1)
//
// for the loops in between start anew. Zero on every rank: the tile stayed, nothing moves. All else is a product of counts.
#include "tilepath/model/evaluate.hpp"

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <cmath>
#include <span>

#include "tilepath/mapping/tile.hpp"
#include "tilepath/model/delivery.hpp"
#include "traffic.hpp"

namespace tilepath {

using model_detail::Chain;
using model_detail::chain_of;
using model_detail::comes_after;
using model_detail::comes_before;
using model_detail::drain_cycles;
using model_detail::mac_cycles;
using model_detail::Meeting;
using model_detail::Moved;
using model_detail::Port;
using model_detail::rests;
using model_detail::set_edges;
using model_detail::Steps;
using model_detail::Stop;
using model_detail::transfer_cycles;

namespace {

constexpr std::size_t at_(int index) { return static_cast<std::size_t>(index); }

/// R1-R5 where every tile divides the one around it.
class Perfect {
 public:
  Perfect(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy, const std::vector<Extents>& inside, Moved& result)
      : nest_(nest), layer_(layer), hierarchy_(hierarchy), inside_(inside), result_(result) {
    for (const Rank& rank : tensor(layer.output()).ranks)
      for (const Term& term : rank) of_outputs_ |= 1U << term.dimension;
  }

  void run() {
    set_outside();
    result_.steps.all = temporal_iterations(nest_.nodes.size());
    result_.steps.lanes = instances(nest_.nodes.size());
    result_.counts.macs = macs(layer_);
    for (int t = 0; t < layer_.tensor_count(); ++t) {
      const Chain chain = chain_of(nest_, t, hierarchy_);
      if (layer_.is_output(t))
        output_traffic(t, chain);
      else
        operand_traffic(t, chain);
    }
    if (!hierarchy_.limited()) return;
    set_edges(result_, nest_, layer_, hierarchy_,
              {[this](int t, std::size_t position) { return visits_of(t, position); },
               [this](int, std::size_t position) { return first_visits(position); },
               [this](std::size_t position) { return result_.steps.all / temporal_iterations(position + 1); }});
  }

 private:
  [[nodiscard]] const Tensor& tensor(int t) const { return layer_.tensors[at_(t)]; }
  Traffic& traffic(int level, int t) { return result_.counts.levels[at_(level)][at_(t)]; }
  NetworkTraffic& network(int fanout, int t) { return result_.counts.network[at_(fanout)][at_(t)]; }

  /// Products of the loops outside one node.
  struct Outside {
    std::int64_t iterations = 1;  ///< of the temporal loops
    std::int64_t instances = 1;   ///< in use of what stands here: lanes of the spatial loops
    std::size_t lanes = 0;        ///< how many spatial loops there are
  };
  void set_outside() {
    Outside outside;
    for (std::size_t i = 0; i < nest_.nodes.size(); ++i) {
      outside_.push_back(outside);
      if (const auto* loop = std::get_if<Loop>(&nest_.nodes[i]))
        outside.iterations = checked_multiply(outside.iterations, loop->count);
      if (const auto* lanes = std::get_if<SpatialLoop>(&nest_.nodes[i])) {
        outside.instances = checked_multiply(outside.instances, lanes->count);
        lanes_.push_back({lanes->dimension, lanes->count, inside_[i][at_(lanes->dimension)], lanes->fanout});
        ++outside.lanes;
      }
    }
    outside_.push_back(outside);
  }
  [[nodiscard]] std::int64_t temporal_iterations(std::size_t position) const { return outside_[position].iterations; }
  [[nodiscard]] std::int64_t instances(std::size_t position) const { return outside_[position].instances; }

  [[nodiscard]] std::span<const Lanes> lanes_between(std::size_t parent, std::size_t child) const {
    if (outside_[parent].instances == outside_[child].instances) return {};
    return {lanes_.data() + outside_[parent].lanes, outside_[child].lanes - outside_[parent].lanes};
  }

  template <class Visit>
  void for_each_move(int t, std::size_t position, const Visit& visit) const {
    const auto iterations = [&](std::size_t i) { return temporal_iterations(i); };
    model_detail::for_each_move(nest_, layer_, inside_, t, position, iterations, visit);
  }
  [[nodiscard]] std::int64_t visits_of(int t, std::size_t position) const {
    return model_detail::visits_of(nest_, layer_, inside_, t, position, [&](std::size_t i) { return temporal_iterations(i); });
  }

  [[nodiscard]] bool of_outputs(int dimension) const { return (of_outputs_ >> dimension & 1U) != 0; }
  /// Visits of an output's tile kept at `position` that start from zero, in an instance that takes psums back: one per distinct
  /// tile.
  [[nodiscard]] std::int64_t first_visits(std::size_t position) const {
    std::int64_t tiles = 1;
    for (std::size_t i = 0; i < position; ++i)
      if (const auto* loop = std::get_if<Loop>(&nest_.nodes[i]); loop != nullptr && of_outputs(loop->dimension))
        tiles = checked_multiply(tiles, loop->count);
    return tiles;
  }

  // -- operands: R1-R3, R5 ------------------------------------------------------------------------------------------------

  void operand_traffic(int t, const Chain& chain) {
    for (std::size_t k = 1; k < chain.size(); ++k) {
      const Stop& parent = chain[k - 1];
      const Stop& child = chain[k];
      const std::span<const Lanes> lanes = lanes_between(parent.position, child.position);
      if (child.level == hierarchy_.level_count()) {
        Extents one{};
        one.fill(1);
        const Delivery word = whole_delivery(tensor(t), one, lanes, hierarchy_, parent.level, child.level);
        deliver(t, parent, child, word, result_.steps.all);  // R5: every MAC reads its operand at every step
        continue;
      }
      const Extents& tile = inside_[child.position];
      const Delivery whole = whole_delivery(tensor(t), tile, lanes, hierarchy_, parent.level, child.level);
      std::int64_t whole_times = 1;
      if (hierarchy_.level(child.level).double_buffered) {
        Cycles& fill = result_.ends[at_(t)][at_(child.level)].fill;
        fill = delivery_cycles(t, parent, child, whole);
        port(child.level).first_fill += fill;
      }
      for_each_move(t, child.position, [&](std::int64_t times, const auto& displacement) {
        const auto moved = [](std::int64_t by) { return by != 0; };
        const bool slides = hierarchy_.level(child.level).retention == Retention::sliding &&
                            std::count_if(displacement.begin(), displacement.end(), moved) == 1;
        if (!slides) {
          whole_times = checked_add(whole_times, times);
          return;
        }
        const auto rank = std::find_if(displacement.begin(), displacement.end(), moved);
        deliver(t, parent, child,
                sliding_delivery(tensor(t), tile, at_(static_cast<int>(rank - displacement.begin())), *rank, lanes, hierarchy_,
                                 parent.level, child.level),
                times);
      });
      deliver(t, parent, child, whole, whole_times);
    }
  }

  void deliver(int t, const Stop& parent, const Stop& child, const Delivery& delivery, std::int64_t times) {
    const std::int64_t parents = checked_multiply(instances(parent.position), times);
    traffic(parent.level, t).reads += Words(delivery.parent_reads) * parents;
    const Words read =
        Words(delivery.parent_reads) * checked_multiply(times, level_words(hierarchy_.level(parent.level), tensor(t)));
    port(parent.level).reads += read;
    if (child.level == hierarchy_.level_count()) port(parent.level).mac_reads += read;
    for (int f = parent.level; f < child.level; ++f) network(f, t).down += Words(delivery.network_words[at_(f)]) * parents;
    if (child.level == hierarchy_.level_count()) return;
    const Level& level = hierarchy_.level(child.level);
    traffic(child.level, t).fills += Words(delivery.child_words) * checked_multiply(instances(child.position), times);
    port(child.level).writes += Words(delivery.child_words) * checked_multiply(times, level_words(level, tensor(t)));
    if (!level.double_buffered) port(child.level).filling += delivery_cycles(t, parent, child, delivery) * times;
  }

  // -- outputs: R4, R5 ----------------------------------------------------------------------------------------------------
  //
  // Per storage node, in words over all instances: `visits` (tiles that arrive, whatever they start from) and `zeros` (those of
  // them that start from zero). Of the g lanes that hold the same outputs below one parent, one takes the psum back and the
  // others start from zero; all start from zero where the parent has nothing yet, that is, once per word that the parent
  // itself started from zero:   zeros = zeros(parent) + visits * (1 - 1/g).

  void output_traffic(int t, const Chain& chain) {
    Words zeros(tile_words(tensor(t), inside_[chain.front().position], hierarchy_.footprint));
    for (std::size_t k = 1; k < chain.size(); ++k) {
      const Stop& parent = chain[k - 1];
      const Stop& child = chain[k];
      const std::span<const Lanes> lanes = lanes_between(parent.position, child.position);
      const bool at_mac = child.level == hierarchy_.level_count();
      const std::int64_t tile = at_mac ? 1 : tile_words(tensor(t), inside_[child.position], hierarchy_.footprint);
      const std::int64_t arrivals = at_mac ? result_.steps.all : visits_of(t, child.position);
      const Words visits = Words(tile) * checked_multiply(instances(child.position), arrivals);

      const Group group = group_of(lanes);
      const Words joined(visits.value() / group.lanes);         // words that the lanes of a group agree on
      const Words up(visits.value() / group.added_on_the_way);  // words that arrive at the parent
      Traffic& above = traffic(parent.level, t);
      above.updates += up;
      if (at_mac) {
        above.reads += up - zeros;  // R5: an update reads and writes; the first of a visit that starts from zero only writes
      } else {
        const Words back = joined - zeros;    // R4: psums that come back, into one lane of each group
        above.reads += back + (up - joined);  // without reduction all arrivals but the first are accumulated (read and write)
        traffic(child.level, t).fills += back;
        traffic(child.level, t).drains += visits;
        for (int f = parent.level; f < child.level; ++f)
          if (hierarchy_.level(f).fanout) network(f, t).down += back;
        zeros += visits - joined;
      }
      network_up(t, parent, child, lanes, visits);
      output_ports(t, parent, child, lanes, group, tile, arrivals);
    }
  }

  /// The lanes below one parent that hold the same outputs, and how many of them are added before they arrive.
  struct Group {
    std::int64_t lanes = 1;
    std::int64_t added_on_the_way = 1;
  };
  [[nodiscard]] Group group_of(std::span<const Lanes> lanes) const {
    Group group;
    for (const Lanes& l : lanes)
      if (!of_outputs(l.dimension)) {
        group.lanes *= l.count;
        if (hierarchy_.level(l.fanout).fanout->reduction) group.added_on_the_way *= l.count;
      }
    return group;
  }

  /// Psums on their way up: each fanout carries what is left after the reductions below it.
  void network_up(int t, const Stop& parent, const Stop& child, std::span<const Lanes> lanes, Words visits) {
    for (int f = child.level - 1; f >= parent.level; --f) {
      if (!hierarchy_.level(f).fanout) continue;
      network(f, t).up += visits;
      if (!hierarchy_.level(f).fanout->reduction) continue;
      for (const Lanes& l : lanes)
        if (l.fanout == f && !of_outputs(l.dimension)) visits = Words(visits.value() / l.count);
    }
  }

  // -- ports: R8 ----------------------------------------------------------------------------------------------------------

  Port& port(int level) { return result_.ports[at_(level)]; }

  [[nodiscard]] Cycles delivery_cycles(int t, const Stop& parent, const Stop& child, const Delivery& delivery) const {
    return model_detail::delivery_cycles(tensor(t), hierarchy_.level(parent.level), hierarchy_.level(child.level),
                                         delivery.parent_reads, delivery.child_words);
  }

  void output_ports(int t, const Stop& parent, const Stop& child, std::span<const Lanes> lanes, const Group& group,
                    std::int64_t tile, std::int64_t arrivals) {
    std::int64_t distinct = tile;  // words per parent and visit that differ
    for (const Lanes& l : lanes)
      if (of_outputs(l.dimension)) distinct = checked_multiply(distinct, l.count);
    const std::int64_t up = checked_multiply(distinct, group.lanes / group.added_on_the_way);
    const Level& above = hierarchy_.level(parent.level);
    const std::int64_t width = level_words(above, tensor(t));
    port(parent.level).writes += Words(up) * checked_multiply(arrivals, width);
    if (child.level == hierarchy_.level_count()) {
      const Words zeros =
          Words(tile_words(tensor(t), inside_[parent.position], hierarchy_.footprint)) * first_visits(parent.position);
      port(parent.level).reads += (Words(up) * arrivals - zeros) * width;
      result_.steps.starting = first_visits(child.position);
      result_.steps.level = parent.level;
      result_.steps.updates = Words(up) * checked_multiply(arrivals, width);
      result_.steps.started = zeros * width;
      return;
    }
    const Level& below = hierarchy_.level(child.level);
    const std::int64_t back = arrivals - first_visits(child.position);
    port(parent.level).reads += (Words(distinct) * back + Words(up - distinct) * arrivals) * width;
    port(child.level).writes += Words(tile) * checked_multiply(back, level_words(below, tensor(t)));
    if (below.drain_reads) port(child.level).reads += Words(tile) * checked_multiply(arrivals, level_words(below, tensor(t)));
    const Cycles drain = drain_cycles(tensor(t), above, below, {up, up - distinct, tile});
    const Cycles fill = model_detail::delivery_cycles(tensor(t), above, below, distinct, tile);
    if (below.double_buffered) {
      port(child.level).last_drain += drain;
      result_.ends[at_(t)][at_(child.level)] = {fill, drain};
    } else {
      port(child.level).filling += fill * back;
      port(child.level).draining += drain * arrivals;
    }
  }

  const Nest& nest_;
  const Layer& layer_;
  const Hierarchy& hierarchy_;
  const std::vector<Extents>& inside_;
  boost::container::small_vector<Outside, 48> outside_;  ///< per node, and of all loops
  boost::container::small_vector<Lanes, 8> lanes_;       ///< of all spatial loops
  Moved& result_;
  std::uint32_t of_outputs_ = 0;  ///< dimensions relevant to the outputs, a bit each
};

/// R7 and R8: energy and cycles of what moves.
class Evaluator {
 public:
  Evaluator(const Moved& moved, const Layer& layer, const Hierarchy& hierarchy, Evaluation& result)
      : moved_(moved), layer_(layer), hierarchy_(hierarchy), result_(result) {
    result_.counts = moved.counts;
  }

  void run() {
    set_latency();
    set_energy();
  }

 private:
  // The busiest instance of each level is the one that takes the psums back. Its ports must carry its words, at their
  // bandwidth; deliveries into a level with a single buffer make everything below wait; a double buffer hides all but the
  // first delivery and the last drain.

  void set_latency() {
    result_.compute_cycles = Cycles(transfer_cycles(moved_.steps.all, hierarchy_.compute.macs_per_cycle));
    CycleSplit& split = result_.split;
    const Steps& steps = moved_.steps;
    const double at_work =
        static_cast<double>(result_.counts.macs) / (static_cast<double>(steps.all) * static_cast<double>(steps.lanes));
    const auto compute = static_cast<double>(result_.compute_cycles.value());
    split.compute = compute * at_work;
    split.idle_lanes = compute - split.compute;

    Limit limit;
    const MacTime macs = time_of_macs();
    Cycles slowest = macs.cycles;
    if (macs.cycles > result_.compute_cycles) {
      limit = macs.limit;
      lost_to(limit) += static_cast<double>((macs.cycles - result_.compute_cycles).value());
    }
    Cycles longest_wait = macs.cycles;
    for (int l = 0; l < hierarchy_.level_count(); ++l) {
      const Cycles waiting = moved_.ports[at_(l)].waiting();
      slowest += waiting;
      split.waiting[at_(l)] = static_cast<double>(waiting.value());
      if (waiting <= longest_wait) continue;
      longest_wait = waiting;
      limit = {Limit::Kind::waiting, l};
    }
    Cycles edges;
    for (const Port& port : moved_.ports) edges += port.first_fill + port.last_drain;
    if (edges > slowest) limit = {Limit::Kind::edges, 0};
    slowest += edges;
    const Cycles serial = slowest;
    for (int l = 0; l < hierarchy_.level_count(); ++l) {
      const Level& level = hierarchy_.level(l);
      const Cycles reads = port_cycles(l, false, moved_.ports[at_(l)].reads, level.read_bandwidth);
      const Cycles writes = port_cycles(l, true, moved_.ports[at_(l)].writes, level.write_bandwidth);
      if (reads > slowest) limit = {Limit::Kind::read_bandwidth, l};
      slowest = std::max(slowest, reads);
      if (writes > slowest) limit = {Limit::Kind::write_bandwidth, l};
      slowest = std::max(slowest, writes);
    }
    if (slowest > serial) lost_to(limit) += static_cast<double>((slowest - serial).value());
    for (const Port& port : moved_.ports) {
      split.first_fill += static_cast<double>(port.first_fill.value());
      split.last_drain += static_cast<double>(port.last_drain.value());
    }
    result_.cycles = slowest;
    result_.limit = limit;
    const double peak = static_cast<double>(hierarchy_.instances(hierarchy_.level_count())) * hierarchy_.compute.macs_per_cycle;
    result_.utilization = static_cast<double>(result_.counts.macs) / (static_cast<double>(result_.cycles.value()) * peak);
  }

  /// How long a port keeps everything going: its words, what is filled and used before it can start, used and drained when it is
  /// done, and while what is filled or drained it rests.
  [[nodiscard]] Cycles port_cycles(int level, bool writes, Words words, double bandwidth) const {
    if (bandwidth == 0) return {};
    const Meeting& meeting = moved_.ports[at_(level)].meeting;
    auto time = static_cast<double>(words.value());
    for (int l = 0; l < hierarchy_.level_count(); ++l) {
      const Port& of = moved_.ports[at_(l)];
      if (comes_before(l, level, writes, meeting)) time += static_cast<double>(of.first_fill.value()) * bandwidth;
      const bool drain_reads = hierarchy_.level(l).drain_reads;
      if (comes_after(l, level, writes, meeting)) time += static_cast<double>(of.last_drain.value()) * bandwidth;
      if (rests(l, level, writes, false, drain_reads)) time += static_cast<double>(of.filling.value()) * bandwidth;
      if (rests(l, level, writes, true, drain_reads)) time += static_cast<double>(of.draining.value()) * bandwidth;
    }
    const double used = writes ? meeting.used_before_writes + meeting.used_after_writes : meeting.used_after_reads;
    time += used / hierarchy_.compute.macs_per_cycle * bandwidth;
    return Cycles(static_cast<std::int64_t>(model_detail::whole_cycles(time / bandwidth)));
  }

  double& lost_to(const Limit& limit) {
    auto& ports = limit.kind == Limit::Kind::read_bandwidth ? result_.split.read_bandwidth : result_.split.write_bandwidth;
    return ports[at_(limit.level)];
  }

  /// The MACs' own time, and the port that makes it longer than compute.
  struct MacTime {
    Cycles cycles;
    Limit limit;
  };
  [[nodiscard]] MacTime time_of_macs() const {
    const Steps& steps = moved_.steps;
    std::array<double, kMaxLevels> operands{};
    MacTime time;
    double most = 0;
    const auto carry = [&](Limit::Kind kind, int level, double words, double bandwidth) {
      if (bandwidth == 0 || words / bandwidth <= most) return;
      most = words / bandwidth;
      time.limit = {kind, level};
    };
    for (int l = 0; l < hierarchy_.level_count(); ++l) {
      operands[at_(l)] = static_cast<double>(moved_.ports[at_(l)].mac_reads.value());
      const double psums = l == steps.level ? static_cast<double>((steps.updates - steps.started).value()) : 0;
      carry(Limit::Kind::read_bandwidth, l, operands[at_(l)] + psums, hierarchy_.level(l).read_bandwidth);
    }
    carry(Limit::Kind::write_bandwidth, steps.level, static_cast<double>(steps.updates.value()),
          hierarchy_.level(steps.level).write_bandwidth);
    time.cycles = Cycles(static_cast<std::int64_t>(mac_cycles(steps, operands, hierarchy_)));
    return time;
  }

  // -- energy: R7 ---------------------------------------------------------------------------------------------------------

  void set_energy() {
    const auto times = [](Words words, double energy) { return Energy(static_cast<double>(words.value()) * energy); };
    for (int l = 0; l < hierarchy_.level_count(); ++l) {
      const Level& level = hierarchy_.level(l);
      for (int t = 0; t < layer_.tensor_count(); ++t) {
        const Traffic& moved = result_.counts.levels[at_(l)][at_(t)];
        const double accesses = accesses_per_word(level, layer_.tensors[at_(t)]);
        const Words read = level.drain_reads ? moved.reads + moved.drains : moved.reads;
        Energy& energy = result_.level_energy[at_(l)][at_(t)];
        energy = (times(read, level.read_energy) + times(moved.fills + moved.updates, level.write_energy)) * accesses;
        result_.energy += energy;
        if (level.fanout)
          result_.network_energy += times(result_.counts.network[at_(l)][at_(t)].down + result_.counts.network[at_(l)][at_(t)].up,
                                          at(level.fanout->energy_per_word, layer_.tensors[at_(t)].role));
      }
      result_.leakage_energy +=
          Energy(level.leakage * static_cast<double>(hierarchy_.instances(l)) * static_cast<double>(result_.cycles.value()));
    }
    result_.compute_energy = Energy(static_cast<double>(result_.counts.macs) * hierarchy_.compute.mac_energy);
    result_.energy += result_.network_energy + result_.compute_energy + result_.leakage_energy;
  }

  const Moved& moved_;
  const Layer& layer_;
  const Hierarchy& hierarchy_;
  Evaluation& result_;
};

/// Whether every tile divides the one around it: no remainders.
bool perfect(const Nest& nest, const Layer& layer, const std::vector<Extents>& inside) {
  Extents around = bounds_of(layer);
  for (std::size_t i = 0; i < nest.nodes.size(); ++i) {
    int dimension = -1;
    if (const auto* loop = std::get_if<Loop>(&nest.nodes[i])) dimension = loop->dimension;
    if (const auto* lanes = std::get_if<SpatialLoop>(&nest.nodes[i])) dimension = lanes->dimension;
    if (dimension < 0) continue;
    if (around[at_(dimension)] % inside[i][at_(dimension)] != 0) return false;
    around[at_(dimension)] = inside[i][at_(dimension)];
  }
  return true;
}

}  // namespace

namespace model_detail {

std::int64_t transfer_cycles(std::int64_t words, double bandwidth) {
  return bandwidth == 0 ? 0 : static_cast<std::int64_t>(whole_cycles(static_cast<double>(words) / bandwidth));
}

Cycles delivery_cycles(const Tensor& tensor, const Level& parent, const Level& child, std::int64_t read, std::int64_t written) {
  return Cycles(std::max(transfer_cycles(checked_multiply(read, level_words(parent, tensor)), parent.read_bandwidth),
                         transfer_cycles(checked_multiply(written, level_words(child, tensor)), child.write_bandwidth)));
}

Cycles drain_cycles(const Tensor& tensor, const Level& parent, const Level& child, const Departure& words) {
  const std::int64_t above = level_words(parent, tensor);
  std::int64_t cycles = std::max(transfer_cycles(checked_multiply(words.arrive, above), parent.write_bandwidth),
                                 transfer_cycles(checked_multiply(words.accumulate, above), parent.read_bandwidth));
  if (child.drain_reads)
    cycles = std::max(cycles, transfer_cycles(checked_multiply(words.tile, level_words(child, tensor)), child.read_bandwidth));
  return Cycles(cycles);
}

double whole_cycles(double time) {
  constexpr double kRounding = 1e-12;
  return std::ceil(time * (1 - kRounding));
}

double mac_cycles(const Steps& steps, const std::array<double, kMaxLevels>& operands, const Hierarchy& hierarchy) {
  const auto all = static_cast<double>(steps.all);
  const auto starting = static_cast<double>(steps.starting);
  const double updates = static_cast<double>(steps.updates.value()) / all;
  const auto pace = [&](double started) {  // cycles of a step in which so many psums start
    double cycles = 1 / hierarchy.compute.macs_per_cycle;
    const auto carry = [&](double words, double bandwidth) {
      if (bandwidth > 0) cycles = std::max(cycles, words / bandwidth);
    };
    for (int l = 0; l < hierarchy.level_count(); ++l)
      carry(operands[at_(l)] / all + (l == steps.level ? updates - started : 0), hierarchy.level(l).read_bandwidth);
    carry(updates, hierarchy.level(steps.level).write_bandwidth);
    return cycles;
  };
  return whole_cycles(starting * pace(static_cast<double>(steps.started.value()) / starting) + (all - starting) * pace(0));
}

Chain chain_of(const Nest& nest, int tensor, const Hierarchy& hierarchy) {
  Chain chain;
  for (std::size_t i = 0; i < nest.nodes.size(); ++i)
    if (const auto* store = std::get_if<Store>(&nest.nodes[i]))
      if (std::find(store->tensors.begin(), store->tensors.end(), tensor) != store->tensors.end())
        chain.push_back({i, store->level});
  chain.push_back({nest.nodes.size() - 1, hierarchy.level_count()});
  return chain;
}

Moved traffic_of(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy) {
  const std::vector<Extents> inside = extents_inside(nest, layer);
  if (!perfect(nest, layer, inside)) return ragged_traffic(nest, layer, hierarchy, inside);
  Moved moved;
  Perfect(nest, layer, hierarchy, inside, moved).run();
  return moved;
}

Evaluation evaluation_of(const Moved& moved, const Layer& layer, const Hierarchy& hierarchy) {
  Evaluation evaluation;
  Evaluator(moved, layer, hierarchy, evaluation).run();
  return evaluation;
}

}  // namespace model_detail

Evaluation evaluate(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy) {
  return model_detail::evaluation_of(model_detail::traffic_of(nest, layer, hierarchy), layer, hierarchy);
}

std::string to_text(const Limit& limit, const Hierarchy& hierarchy) {
  const std::string& level = hierarchy.level(limit.level).name;
  switch (limit.kind) {
    case Limit::Kind::read_bandwidth:
      return "read bandwidth of " + level;
    case Limit::Kind::write_bandwidth:
      return "write bandwidth of " + level;
    case Limit::Kind::waiting:
      return "waiting for the single buffer of " + level;
    case Limit::Kind::edges:
      return "first fills and last drains";
    case Limit::Kind::compute:
      break;
  }
  return "compute";
}

}  // namespace tilepath
