#include "explorer.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "at_once.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/base/hash.hpp"
#include "tilepath/base/quantity.hpp"
#include "tilepath/formats/dataflow.hpp"

namespace tilepath::cli {

namespace {

std::vector<std::int64_t> runs_of(const Sweep& sweep) {
  std::vector<std::int64_t> runs(sweep.layers.size(), 0);
  for (std::size_t n = 0; n < sweep.networks.size(); ++n)
    for (std::size_t i = 0; i < sweep.networks[n].layers.size(); ++i)
      runs[sweep.layer_of[n][i]] = checked_add(runs[sweep.layer_of[n][i]], sweep.networks[n].layers[i].repeat);
  return runs;
}

}  // namespace

Explorer::Explorer(const Sweep& sweep, Solutions& solutions, std::size_t threads_inside)
    : sweep_(sweep),
      solutions_(solutions),
      threads_inside_(threads_inside),
      runs_(runs_of(sweep)),
      neighbours_(
          sweep.grid(), sweep.layers,
          [this](std::int64_t point) -> PosedPointer {
            const Design found = design(point);
            try {
              return found.sound() && found.wanted ? pose(found) : nullptr;
            } catch (const InputError&) {
              return nullptr;
            }
          },
          solutions) {
  Json fixed = sweep.file.root;
  for (const char* key :
       {"name", "description", "sources", "arch", "dataflows", "parameters", "set", "estimate", "fill", "where", "front_only"})
    fixed.erase(key);
  fixed_inputs_ = fixed.dump();
}

Design Explorer::design(std::int64_t point) {
  std::unique_ptr<Designer> designer;
  {
    const std::lock_guard lock(mutex_);
    if (!designers_.empty()) {
      designer = std::move(designers_.back());
      designers_.pop_back();
    }
  }
  if (!designer) designer = std::make_unique<Designer>(sweep_);
  Design design = (*designer)(point);
  const std::lock_guard lock(mutex_);
  designers_.push_back(std::move(designer));
  return design;
}

bool Explorer::wanted(std::int64_t point) { return design(point).wanted; }

/// What a design is asked: each layer, within the dataflow. Throws InputError where the dataflow and the design contradict.
PosedPointer Explorer::pose(const Design& design) {
  auto posed = std::make_shared<Posed>();
  posed->hierarchy = design.hierarchy;
  const SweepDataflow& dataflow = sweep_.dataflows[design.dataflow];
  for (const Layer& layer : sweep_.layers) {
    SearchOptions options = sweep_.options;
    options.at_once = at_once(threads_inside_);
    if (dataflow.constraints) options.constraints = read_dataflow(*dataflow.constraints, layer, design.hierarchy);
    posed->options.push_back(std::move(options));
  }
  return posed;
}

std::string Explorer::inputs_of(const Design& design) const {
  const SweepDataflow& dataflow = sweep_.dataflows[design.dataflow];
  return content_hash(fixed_inputs_ + '\n' + design.architecture.dump() + '\n' +
                      (dataflow.constraints ? dataflow.constraints->root.dump() : "free"));
}

std::optional<Record> Explorer::record(std::int64_t point, const std::stop_token& stop) {
  const Design design = this->design(point);
  if (!design.wanted) return {};
  Record record;
  record.point = point;
  record.inputs = inputs_of(design);
  record.dataflow = sweep_.dataflows[design.dataflow].name;
  record.parameters = design.parameters;
  record.area = design.area;
  if (!design.sound()) {
    record.status = Record::Status::invalid;
    record.reason = design.fault;
    return record;
  }
  try {
    const PosedPointer posed = neighbours_.posed(point);
    if (!posed) (void)pose(design);  // throws, with the reason
    solve(record, *posed, stop);
  } catch (const Interrupted&) {
    throw;
  } catch (const Overflow& error) {
    record.status = Record::Status::failed;
    record.reason = error.what();
  } catch (const InputError& error) {
    record.status = Record::Status::no_mapping;
    record.reason = error.what();
  } catch (const std::exception& error) {  // one point's fault is not the sweep's
    record.status = Record::Status::failed;
    record.reason = error.what();
  }
  if (record.status != Record::Status::done) record.networks.clear();
  return record;
}

void Explorer::solve(Record& record, const Posed& posed, const std::stop_token& stop) {
  const std::size_t layers = sweep_.layers.size();
  std::vector<SolutionPointer> solved(layers);
  std::vector<Figures3> least;
  if (sweep_.front_only) least = least_of(record.point, posed, stop);
  // Each point begins with another layer: threads at neighbouring points then wait less for each other.
  for (std::size_t k = 0; k < layers; ++k) {
    if (sweep_.front_only && left_out(record, solved, least)) return;
    const std::size_t i = (k + static_cast<std::size_t>(record.point)) % layers;
    solved[i] = neighbours_.solve(record.point, i, stop);
  }
  for (std::size_t i = 0; i < layers; ++i)
    if (!solved[i]->found) {
      record.status = Record::Status::no_mapping;
      record.reason = fmt::format("no legal mapping of '{}'{}", sweep_.layers[i].name,
                                  posed.options[i].constraints.empty() ? "" : " obeys '" + record.dataflow + "'");
      return;
    }
  Cycles all;
  for (std::size_t n = 0; n < sweep_.networks.size(); ++n) {
    Record::Network network{sweep_.networks[n].name};
    Cycles cycles;
    for (std::size_t l = 0; l < sweep_.layer_of[n].size(); ++l) {
      const Solution& solution = *solved[sweep_.layer_of[n][l]];
      const std::int64_t repeat = sweep_.networks[n].layers[l].repeat;
      network.energy += solution.energy * static_cast<double>(repeat);
      cycles += Cycles(solution.cycles) * repeat;
    }
    network.cycles = cycles.value();
    record.energy += network.energy;
    all += cycles;
    record.networks.push_back(std::move(network));
  }
  record.cycles = all.value();
}

/// Per layer, energy and cycles that no mapping of it undercuts on this design: optima of a design that relaxes it and many
/// others.
std::vector<Figures3> Explorer::least_of(std::int64_t point, const Posed& posed, const std::stop_token& stop) {
  const PosedPointer relaxed = neighbours_.posed(neighbours_.corner(point));
  std::vector<Figures3> least(sweep_.layers.size());
  for (std::size_t i = 0; i < least.size(); ++i) {
    if (relaxed->options[i].constraints != posed.options[i].constraints) continue;
    SearchOptions options = relaxed->options[i];
    options.objective.objective = Objective::energy;
    const SolutionPointer cheapest = solutions_.solve(sweep_.layers[i], relaxed->hierarchy, options, stop);
    options.objective.objective = Objective::latency;
    const SolutionPointer fastest = solutions_.solve(sweep_.layers[i], relaxed->hierarchy, options, stop);
    if (cheapest->found) least[i].x = cheapest->energy;
    if (fastest->found) least[i].y = static_cast<double>(fastest->cycles);
  }
  return least;
}

/// With the layers that are solved and the least of the others: is the point off the front whatever these turn out to be?
bool Explorer::left_out(Record& record, const std::vector<SolutionPointer>& solved, const std::vector<Figures3>& least) const {
  Figures3 bound{0, 0, record.area, record.point};
  bool whole = true;
  for (std::size_t i = 0; i < solved.size(); ++i) {
    if (solved[i] && !solved[i]->found) return false;
    const double energy = solved[i] ? solved[i]->energy : least[i].x;
    whole = whole && energy == std::floor(energy);
    bound.x += static_cast<double>(runs_[i]) * energy;
    bound.y += static_cast<double>(runs_[i]) * (solved[i] ? static_cast<double>(solved[i]->cycles) : least[i].y);
  }
  // Whole numbers add up exactly, as cycles do. Of others the bound is taken as a little less: sums depend on their order.
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (!whole || bound.x > kExact) bound.x *= 1 - 1e-9;
  if (bound.y > kExact) return false;
  const std::lock_guard lock(front_mutex_);
  if (!front_.dominates(bound)) return false;
  record.status = Record::Status::dominated;
  record.reason = fmt::format(
      "no less than {} energy and {} cycles: another design has less of something and no more of the rest", bound.x, bound.y);
  return true;
}

void Explorer::recorded(const Record& record) {
  if (!sweep_.front_only || record.status != Record::Status::done) return;
  const std::lock_guard lock(front_mutex_);
  front_.add({record.energy, static_cast<double>(record.cycles), record.area, record.point});
}

}  // namespace tilepath::cli
