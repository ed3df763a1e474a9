// tilepath search: a network in, proven mappings out.
#include <fmt/core.h>
#include <oneapi/tbb/parallel_for.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <numeric>

#include "at_once.hpp"
#include "context.hpp"
#include "progress.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/formats/dataflow.hpp"
#include "tilepath/formats/proof.hpp"
#include "tilepath/formats/result.hpp"

namespace tilepath::cli {

namespace {

struct Options {
  std::string workload, arch, output, proof;
  std::vector<std::string> layers, dataflows;
  SearchOptions search;
  bool verify = false, pareto = false, price = false, json = false, no_seconds = false;
  int threads = 0;
};

/// An output that cannot be written is found out before the long work, not after.
void expect_writable(const std::string& path) {
  if (path.empty() || path == "-") return;
  const std::string probe = path + ".tmp" + std::to_string(getpid());
  std::FILE* file = std::fopen(probe.c_str(), "w");
  if (file == nullptr) throw InputError(path + ": cannot be written");
  (void)std::fclose(file);
  (void)std::remove(probe.c_str());
}

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
    without.constraints.erase(without.constraints.begin() + static_cast<std::ptrdiff_t>(c));
    const SearchResult free = search(layer, hierarchy, without, stop);
    prices.push_back({options.constraints[c].text, value(free), value(found) / value(free), free.certificate.proved});
  }
  return prices;
}

NetworkResult solve(const Options& options, const Context& context) {
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
  // Layers side by side first; where there are fewer than threads, several jobs of each.
  const auto threads = tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism);
  const std::size_t spare = threads / distinct.size();
  std::vector<LayerResult> solved(layers.size());
  {
    Progress progress(network.name, distinct.size());
    tbb::parallel_for(std::size_t{0}, distinct.size(), [&](std::size_t k) {
      const std::size_t i = distinct[k];
      LayerResult& each = solved[i];
      SearchOptions wanted = options.search;
      wanted.at_once = at_once(spare);
      wanted.record_jobs = !options.proof.empty();
      for (const Document& dataflow : dataflows) {
        const std::vector<Constraint> more = read_dataflow(dataflow, layers[i], result.hierarchy);
        wanted.constraints.insert(wanted.constraints.end(), more.begin(), more.end());
      }
      if (const std::string why = contradiction(wanted.constraints, layers[i], result.hierarchy); !why.empty())
        throw InputError("--dataflow: for layer '" + layers[i].name + "', " + why);
      try {
        each.found = search(layers[i], result.hierarchy, wanted, context.stop);
      } catch (const NoLegalMapping&) {
        const std::string why = conflict(layers[i], result.hierarchy, wanted);
        if (why.empty()) throw;
        throw NoLegalMapping("no legal mapping of '" + layers[i].name + "' on '" + result.hierarchy.name + "': " + why);
      }
      if (options.pareto) each.front = pareto_front(layers[i], result.hierarchy, wanted, context.stop);
      if (options.price) each.prices = prices_of(each.found, layers[i], result.hierarchy, wanted, context.stop);
      if (options.verify && !context.stop.stop_requested()) {
        try {
          each.verification = verify(each.found.nest, layers[i], result.hierarchy, each.found.evaluation.counts, 1, context.stop);
        } catch (const Interrupted&) {  // what is found is kept; it is not verified
        }
      }
      progress.done(layers[i].name);
    });
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    result.layers.push_back(solved[first[i]]);
    result.layers.back().layer = layers[i];
  }
  return result;
}

std::string verdict(const LayerResult& each, bool asked) {
  if (!asked) return "";
  if (!each.verification) return "no";
  return each.verification->passed() ? "verified" : "FAILED";
}

std::string summary(const NetworkResult& result, bool verified) {
  std::vector<std::vector<std::string>> rows = {
      {"layer", "MACs", "energy/MAC", "cycles", "utilization", "dataflow", "optimum", verified ? "execution" : ""}};
  for (const LayerResult& each : result.layers) {
    const auto& evaluation = each.found.evaluation;
    const auto& certificate = each.found.certificate;
    const std::string times = each.layer.repeat > 1 ? fmt::format(" x{}", each.layer.repeat) : "";
    rows.push_back({each.layer.name + times, grouped(macs(each.layer)),
                    fmt::format("{:.4f}", evaluation.energy.value() / static_cast<double>(macs(each.layer))),
                    grouped(evaluation.cycles.value()), fmt::format("{:.1f} %", 100 * evaluation.utilization),
                    dataflow_in_words(each.found.nest, each.layer, result.hierarchy),
                    certificate.proved ? "proved" : fmt::format("gap {:.2f} %", 100 * certificate.gap), verdict(each, verified)});
  }
  const Totals totals = totals_of(result);
  rows.push_back({"total", grouped(totals.macs), fmt::format("{:.4f}", totals.energy / static_cast<double>(totals.macs)),
                  grouped(totals.cycles), "", "", "", ""});
  return table(rows, {false, true, true, true, true, false, false, false});
}

int run(const Options& options, const Context& context) {
  expect_writable(options.output);
  expect_writable(options.proof);
  const auto limit = limit_threads(options.threads);
  const NetworkResult result = solve(options, context);
  const std::string output = options.output.empty() && options.json ? "-" : options.output;
  if (!output.empty()) write_file(output, to_json(result, TILEPATH_VERSION, !options.no_seconds).dump(1) + "\n");
  if (!options.proof.empty()) write_file(options.proof, proof_to_json(result).dump(1) + "\n");
  const bool json_on_stdout = output == "-";
  fmt::print(json_on_stdout ? stderr : stdout, "{} on {}, least {} ({} nests, energies in {})\n{}", result.workload,
             result.hierarchy.name, name_of(options.search.objective.objective),
             options.search.mapspace.uneven ? "uneven" : "even", result.hierarchy.energy_unit == "mac" ? "MACs" : "pJ",
             summary(result, options.verify));
  for (const LayerResult& each : result.layers)
    for (const ConstraintPrice& price : each.prices)
      fmt::print(json_on_stdout ? stderr : stdout, "{}: {} costs a factor of {:.4f}{}\n", each.layer.name, price.constraint,
                 price.factor, price.proved ? "" : " or more");
  int code = kDone;
  for (const LayerResult& each : result.layers)
    if (each.verification && !each.verification->passed()) {
      fmt::print(stderr, "tilepath: {}: verification failed: {}\n", each.layer.name, each.verification->difference);
      code = kCheckFailed;
    }
  if (context.stop.stop_requested()) {
    fmt::print(stderr, "tilepath: interrupted; what was found is reported with its gap\n");
    code = kInterrupted;
  }
  return code;
}

}  // namespace

void add_search(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("search", "Find the best mapping of every layer, proved");
  command->add_option("workload", options->workload, "Workload: a file, a ready-made name, or -")
      ->required()
      ->type_name("WORKLOAD");
  command->add_option("-a,--arch", options->arch, "Architecture: a file or a ready-made name")->required()->type_name("ARCH");
  command->add_option("-l,--layer", options->layers, "Only this layer (may be given several times)")
      ->expected(1)
      ->take_all()
      ->type_name("LAYER");
  add_choice<Objective>(*command, "--objective", options->search.objective.objective,
                        {{"edp", Objective::edp},
                         {"energy", Objective::energy},
                         {"latency", Objective::latency},
                         {"ed2p", Objective::ed2p},
                         {"product", Objective::product}},
                        "What is to be least: edp (default), energy, latency (of equals, least energy), ed2p, product (see "
                        "--exponents)");
  command
      ->add_option_function<std::pair<double, double>>(
          "--exponents",
          [options](const std::pair<double, double>& given) {
            if (!(given.first > 0) || !(given.second > 0)) throw CLI::ValidationError("--exponents", "both must be above 0");
            options->search.objective.energy_exponent = given.first;
            options->search.objective.cycles_exponent = given.second;
          },
          "A,B of the objective `product`: energy^A x cycles^B")
      ->delimiter(',')
      ->type_name("A,B");
  command->add_option("--max-cycles", options->search.objective.max_cycles, "No layer may take more cycles than this")
      ->check(above_zero());
  command->add_option("--max-energy", options->search.objective.max_energy, "No layer may take more energy than this")
      ->check(above_zero());
  command->add_flag("--pareto", options->pareto,
                    "Also the exact energy-latency front of each layer, and of the whole network (their sums)");
  command
      ->add_option("--dataflow", options->dataflows,
                   "Constraints: a file or a ready-made name; all are obeyed (may be given several times)")
      ->expected(1)
      ->take_all()
      ->type_name("DATAFLOW");
  command->add_flag("--price-constraints", options->price, "Also the optimum without each constraint in turn: what it costs");
  add_choice<bool>(*command, "--mapspace", options->search.mapspace.uneven, {{"uneven", true}, {"even", false}},
                   "uneven (default): each storage node of a level on its own; even: a level's nodes stand together, as in most "
                   "other tools");
  add_choice<Remainders>(
      *command, "--remainders", options->search.mapspace.remainders, {{"lanes", Remainders::lanes}, {"none", Remainders::none}},
      "lanes (default): a tile may be dealt to lanes in parts that do not divide it; none: perfect factors only");
  add_choice<Bypass>(*command, "--bypass", options->search.mapspace.bypass, {{"free", Bypass::free}, {"fixed", Bypass::fixed}},
                     "free (default): every level may keep a tensor or pass it on; fixed: every level keeps all that it has room "
                     "for");
  command->add_flag("--verify", options->verify, "Execute each mapping on real values; compare outputs and counts");
  command->add_option("--time-limit", options->search.time_limit, "Seconds per layer; past them the best found, with its gap")
      ->check(above_zero());
  command->add_option("--threads", options->threads, "Threads (default: all cores); the answer does not depend on them")
      ->check(above_zero());
  command->add_option("-o,--output", options->output, "Write the result here as JSON; - is standard output")->type_name("FILE");
  command->add_option("--proof", options->proof, "Write the jobs that had to be solved here, for `tilepath certify --proof`")
      ->type_name("FILE");
  command->add_flag("--json", options->json, "Result as JSON on standard output, the table on standard error");
  command->add_flag("--no-seconds", options->no_seconds, "Leave out the fields that differ between two runs");
  command->footer(
      "Examples:\n"
      "  tilepath search alexnet --arch eyeriss --verify -o alexnet.json\n"
      "  tilepath search resnet50 --arch eyeriss-3level --layer conv1 --objective energy\n"
      "  tilepath search resnet50 --arch eyeriss-3level --dataflow row-stationary --price-constraints\n"
      "  tilepath search bert-base --arch tpu-v1 --pareto -o front.json\n"
      "  tilepath search my-net.json --arch my-chip.json --time-limit 10 --json | jq .total");
  command->callback([options, &action] { action = [options](const Context& context) { return run(*options, context); }; });
}

}  // namespace tilepath::cli
