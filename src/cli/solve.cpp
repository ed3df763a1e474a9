#include "solve.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "at_once.hpp"
#include "progress.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/formats/dataflow.hpp"
#include "tilepath/model/schedule.hpp"

namespace tilepath::cli {

/// An output that cannot be written is found out before the long work, not after.
void expect_writable(const std::string& path) {
  if (path.empty() || path == "-") return;
  const std::string probe = path + ".tmp" + std::to_string(getpid());
  std::FILE* file = std::fopen(probe.c_str(), "w");
  if (file == nullptr) throw InputError(path + ": cannot be written");
  (void)std::fclose(file);
  (void)std::remove(probe.c_str());
}

namespace {

/// For each layer, the first that poses the same problem.
std::vector<std::size_t> first_equal(const std::vector<Layer>& layers) {
  std::vector<std::size_t> first(layers.size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    first[i] = i;
    for (std::size_t j = 0; j < i && first[i] == i; ++j)
      if (first[j] == j && same_problem(layers[i], layers[j]) && layers[i].padding == layers[j].padding) first[i] = j;
  }
  return first;
}

/// What the optimum would be without each constraint.
std::vector<ConstraintPrice> prices_of(const SearchResult& found, const Layer& layer, const Hierarchy& hierarchy,
                                       const SearchOptions& options, const std::stop_token& stop) {
  const auto value = [&](const SearchResult& result) { return score_of(options.objective, result.evaluation).value; };
  std::vector<ConstraintPrice> prices;
  for (std::size_t c = 0; c < options.constraints.size(); ++c) {
    SearchOptions without = options;
    without.findings = nullptr;  // they are of another mapspace
    without.constraints.erase(without.constraints.begin() + static_cast<std::ptrdiff_t>(c));
    const SearchResult free = search(layer, hierarchy, without, stop);
    prices.push_back({options.constraints[c].text, value(free), value(found) / value(free), free.certificate.proved});
  }
  return prices;
}

/// All that is asked of a layer but its front. Throws NoLegalMapping with what conflicts.
LayerResult solve_layer(const Layer& layer, const Hierarchy& hierarchy, const SolveRequest& options, const SearchOptions& wanted,
                        const std::stop_token& stop) {
  LayerResult each;
  try {
    each.found = search(layer, hierarchy, wanted, stop);
  } catch (const NoLegalMapping&) {
    const std::string why = conflict(layer, hierarchy, wanted, stop);
    if (why.empty()) throw;
    throw NoLegalMapping("no legal mapping of '" + layer.name + "' on '" + hierarchy.name + "': " + why);
  }
  if (hierarchy.limited()) each.schedule = schedule(each.found.nest, layer, hierarchy);
  if (options.price) each.prices = prices_of(each.found, layer, hierarchy, wanted, stop);
  if (options.verify && !stop.stop_requested()) {
    try {
      each.verification = verify(each.found.nest, layer, hierarchy, each.found.evaluation.counts, 1, stop);
    } catch (const Interrupted&) {  // what is found is kept; it is not verified
    }
  }
  return each;
}

}  // namespace

NetworkResult solve(const SolveRequest& options, const Context& context) {
  return std::move(solve_each(options, {options.search.objective.objective}, context).front());
}

std::vector<NetworkResult> solve_each(const SolveRequest& options, const std::vector<Objective>& objectives,
                                      const Context& context) {
  if (options.search.play && (options.pareto || std::isfinite(options.search.objective.max_cycles) ||
                              std::isfinite(options.search.objective.max_energy)))
    throw InputError("--play: not with --pareto, --max-cycles or --max-energy, which hold for the closed form");
  const Document arch = context.library.open("arch", options.arch);
  const Network network = read_workload(context.library.open("workloads", options.workload));
  NetworkResult result{network.name, arch.root, read_architecture(arch), options.search, Json::array(), {}};
  std::vector<Document> dataflows;
  for (const std::string& name : options.dataflows) {
    dataflows.push_back(context.library.open("mappings", name));
    for (const Cursor& each : statements_of(dataflows.back()).elements()) result.constraints.push_back(each.json());
  }
  std::vector<Layer> layers = network.layers;
  if (!options.layers.empty()) {
    layers.clear();
    for (const std::string& name : options.layers) layers.push_back(find_layer(network, name));
  }
  const std::vector<std::size_t> first = first_equal(layers);
  std::vector<std::size_t> distinct;
  for (std::size_t i = 0; i < layers.size(); ++i)
    if (first[i] == i) distinct.push_back(i);
  // Least energy looks at most choices of lanes: what it finds out serves the others.
  std::vector<std::size_t> order(objectives.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_partition(order.begin(), order.end(), [&](std::size_t o) { return objectives[o] == Objective::energy; });
  // Layers side by side first; where there are fewer than threads, several jobs of each.
  const auto threads = thread_limit();
  const std::size_t spare = threads / distinct.size();
  std::vector<std::vector<LayerResult>> solved(objectives.size(), std::vector<LayerResult>(layers.size()));
  {
    Progress progress(network.name, distinct.size());
    each_at_once(distinct.size(), [&](std::size_t k) {
      const std::size_t i = distinct[k];
      SearchOptions wanted = options.search;
      wanted.at_once = at_once(spare);
      wanted.record_jobs = options.record_jobs;
      for (const Document& dataflow : dataflows) {
        const std::vector<Constraint> more = read_dataflow(dataflow, layers[i], result.hierarchy);
        wanted.constraints.insert(wanted.constraints.end(), more.begin(), more.end());
      }
      if (const std::string why = contradiction(wanted.constraints, layers[i], result.hierarchy); !why.empty())
        throw InputError("--dataflow: for layer '" + layers[i].name + "', " + why);
      Findings findings;
      if (options.pareto || objectives.size() > 1) wanted.findings = &findings;
      for (const std::size_t o : order) {
        wanted.objective.objective = objectives[o];
        solved[o][i] = solve_layer(layers[i], result.hierarchy, options, wanted, context.stop);
      }
      if (options.pareto) {
        const Front front = pareto_front(layers[i], result.hierarchy, wanted, context.stop);
        for (auto& of_objective : solved) of_objective[i].front = front;
      }
      progress.done(layers[i].name);
    });
  }
  std::vector<NetworkResult> results(objectives.size(), result);
  for (std::size_t o = 0; o < objectives.size(); ++o) {
    results[o].options.objective.objective = objectives[o];
    for (std::size_t i = 0; i < layers.size(); ++i) {
      results[o].layers.push_back(solved[o][first[i]]);
      results[o].layers.back().layer = layers[i];
    }
  }
  return results;
}

const Choices<Objective>& objective_names() {
  static const Choices<Objective> kNames = {{"edp", Objective::edp},
                                            {"energy", Objective::energy},
                                            {"latency", Objective::latency},
                                            {"ed2p", Objective::ed2p},
                                            {"product", Objective::product}};
  return kNames;
}

void add_objective(CLI::App& command, Objective& objective) {
  add_choice<Objective>(command, "--objective", objective, objective_names(),
                        "What is to be least: edp (default), energy, latency (of equals, least energy), ed2p, product (see "
                        "--exponents)");
}

void add_search_options(CLI::App& command, SearchOptions& options) {
  command
      .add_option_function<std::pair<double, double>>(
          "--exponents",
          [&options](const std::pair<double, double>& given) {
            if (!(given.first > 0) || !(given.second > 0)) throw CLI::ValidationError("--exponents", "both must be above 0");
            options.objective.energy_exponent = given.first;
            options.objective.cycles_exponent = given.second;
          },
          "A,B of the objective `product`: energy^A x cycles^B")
      ->delimiter(',')
      ->type_name("A,B");
  command.add_option("--max-cycles", options.objective.max_cycles, "No layer may take more cycles than this")
      ->check(above_zero());
  command.add_option("--max-energy", options.objective.max_energy, "No layer may take more energy than this")
      ->check(above_zero());
  add_choice<bool>(command, "--mapspace", options.mapspace.uneven, {{"uneven", true}, {"even", false}},
                   "uneven (default): each storage node of a level on its own; even: a level's nodes stand together, as in most "
                   "other tools");
  add_choice<Remainders>(command, "--remainders", options.mapspace.remainders,
                         {{"lanes", Remainders::lanes}, {"none", Remainders::none}, {"loops", Remainders::loops}},
                         "lanes (default): a dimension may be dealt to lanes in chunks or parts that do not divide it; loops: "
                         "besides, a loop in time "
                         "may leave a remainder; none: perfect factors only");
  add_choice<Bypass>(command, "--bypass", options.mapspace.bypass, {{"free", Bypass::free}, {"fixed", Bypass::fixed}},
                     "free (default): every level may keep a tensor or pass it on; fixed: every level keeps all that it has room "
                     "for");
  command.add_flag(
      "--play", options.play,
      "Score each mapping by the cycles that it takes when it is played through, not by their closed form; no mapping "
      "takes less than the bound, but the best found may leave a gap to it");
  command.add_option("--time-limit", options.time_limit, "Seconds per layer; past them the best found, with its gap")
      ->check(above_zero());
}

}  // namespace tilepath::cli
