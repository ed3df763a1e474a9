// tilepath sweep: plan and run.
#include "sweep.hpp"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <memory>

#include "at_once.hpp"
#include "progress.hpp"
#include "sweep_run.hpp"
#include "tilepath/base/error.hpp"

namespace tilepath::cli {

namespace fs = std::filesystem;

bool is_sweep_folder(const std::string& given) {
  std::error_code none;
  return fs::exists(fs::path(given) / "sweep.json", none);
}

Sweep open_sweep(const std::string& given, bool front_only, const Context& context) {
  Document document =
      is_sweep_folder(given) ? read_document((fs::path(given) / "sweep.json").string()) : context.library.open("sweeps", given);
  document = resolved(document, context.library);
  if (front_only) document.root["front_only"] = true;
  return read_sweep(document);
}

namespace {

struct RunArguments {
  std::string sweep, folder, shard;
  RunOptions options;
  bool front_only = false;
};

/// "3/8": share 3 of 8, from 0.
std::pair<std::int64_t, std::int64_t> shard_of(const std::string& text) {
  std::int64_t share = 0;
  std::int64_t shares = 0;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, share);
  if (first.ec == std::errc() && first.ptr != end && *first.ptr == '/') {
    const auto second = std::from_chars(first.ptr + 1, end, shares);
    if (second.ec == std::errc() && second.ptr == end && share >= 0 && share < shares) return {share, shares};
  }
  throw InputError("--shard: expected i/n with i from 0 to n-1, found '" + text + "'");
}

int run(const RunArguments& arguments, const Context& context) {
  const bool continues = arguments.folder.empty() && is_sweep_folder(arguments.sweep);
  if (arguments.folder.empty() && !continues) throw InputError("-o: a folder for the results is needed");
  const auto limit = limit_threads(arguments.options.threads);
  SweepFolder folder(continues ? arguments.sweep : arguments.folder, open_sweep(arguments.sweep, arguments.front_only, context));
  const auto [share, shares] = arguments.shard.empty() ? std::pair<std::int64_t, std::int64_t>{0, 1} : shard_of(arguments.shard);
  folder.expect_shares(shares);
  const Grid grid = folder.sweep().grid();
  if (!folder.is_cut()) {
    constexpr double kSampleSeconds = 10;
    folder.cut(shares == 1 ? std::vector<std::int64_t>{0, grid.points()}
                           : cut(grid, forecast(folder.sweep(), kSampleSeconds, context).costs, shares));
  }
  const RunSummary summary = run_share(folder, share, arguments.options, context);
  const std::string where = folder.records(share).string();
  if (summary.left > 0) {
    fmt::print(stderr, "tilepath: interrupted with {} points to go; the same command goes on\n", grouped(summary.left));
    return kInterrupted;
  }
  fmt::print(
      "{}: {}{}complete; {} records written in {}{}\n", folder.sweep().name,
      shares > 1 ? fmt::format("share {} of {} ", share, shares) : "", "", grouped(summary.records),
      duration_in_words(summary.seconds),
      summary.seconds > 0 ? fmt::format(" ({:.4g} a second)", static_cast<double>(summary.records) / summary.seconds) : "");
  if (summary.records > 0)
    fmt::print("searched {} problems; {} answers were known, {} came from the cache\n", grouped(summary.searched),
               grouped(summary.known), grouped(summary.archived));
  if (summary.faults > 0)
    fmt::print("{} points have no result; their records say why, the first: {}\n", grouped(summary.faults), summary.first_fault);
  fmt::print("written: {}\n", where);
  return kDone;
}

struct PlanArguments {
  std::string sweep;
  double seconds = 10;
  int threads = 0;
  std::int64_t tasks = 1;
  bool json = false;
};

int plan(const PlanArguments& arguments, const Context& context) {
  const Sweep sweep = open_sweep(arguments.sweep, false, context);
  const Grid grid = sweep.grid();
  if (arguments.json) {
    const Forecast forecast = tilepath::cli::forecast(sweep, arguments.seconds, context);
    Json json = {{"schema_version", 1},
                 {"name", sweep.name},
                 {"points", grid.points()},
                 {"distinct_layers", sweep.layers.size()},
                 {"looked_at", forecast.looked_at},
                 {"legal", forecast.wanted},
                 {"timed", forecast.timed},
                 {"given_up", forecast.given_up}};
    if (forecast.timed > 0) json["seconds_on_one_thread"] = forecast.costs.total();
    fmt::print("{}\n", json.dump(1));
    return context.stop.stop_requested() ? kInterrupted : kDone;
  }
  fmt::print("{}: {} points", sweep.name, grouped(grid.points()));
  std::vector<std::vector<std::string>> rows;
  rows.push_back({"dataflow", std::to_string(sweep.dataflows.size()), ""});
  for (const SweepDataflow& dataflow : sweep.dataflows) rows.back()[2] += (rows.back()[2].empty() ? "" : ", ") + dataflow.name;
  for (const SweepParameter& parameter : sweep.parameters) {
    constexpr std::size_t kShown = 60;
    std::string values;
    for (const Json& value : parameter.values) {
      if (values.size() > kShown) {
        values += ", … " + parameter.values.back().dump();
        break;
      }
      values += (values.empty() ? "" : ", ") + value.dump();
    }
    rows.push_back({parameter.name, std::to_string(parameter.values.size()), values});
  }
  fmt::print("\n{}", table(rows, {false, true, false}));
  for (const Network& network : sweep.networks) fmt::print("network {}: {} layers\n", network.name, network.layers.size());
  fmt::print("{} different layers in all\n", sweep.layers.size());
  if (context.stop.stop_requested()) return kInterrupted;
  const Forecast forecast = tilepath::cli::forecast(sweep, arguments.seconds, context);
  if (context.stop.stop_requested()) return kInterrupted;
  const double share = static_cast<double>(forecast.wanted) / static_cast<double>(std::max<std::int64_t>(1, forecast.looked_at));
  const bool exact = forecast.looked_at == grid.points();
  if (sweep.conditions.empty())
    fmt::print("legal: all {}, no condition leaves one out\n", grouped(grid.points()));
  else if (exact)
    fmt::print("legal: {} of {} points obey the conditions\n", grouped(forecast.wanted), grouped(grid.points()));
  else
    fmt::print("legal: about {} ({:.2f} % of a sample of {} points, give or take {:.2f} %)\n",
               grouped(static_cast<std::int64_t>(share * static_cast<double>(grid.points()))), 100 * share,
               grouped(forecast.looked_at), 200 * std::sqrt(share * (1 - share) / static_cast<double>(forecast.looked_at)));
  if (forecast.timed == 0) {
    fmt::print("time: not known, {}\n", forecast.given_up ? "no point was solved in " + duration_in_words(forecast.seconds)
                                                          : std::string("no point of the sample is legal"));
    return kDone;
  }
  RunOptions options;
  options.threads = arguments.threads;
  const auto threads = static_cast<double>(threads_of(options));
  fmt::print("time: about {} on {:.0f} thread{}{}, from {} points that took {} on one\n",
             duration_in_words(forecast.costs.total() / threads / static_cast<double>(arguments.tasks)), threads,
             threads > 1 ? "s" : "", arguments.tasks > 1 ? fmt::format(" in each of {} tasks", arguments.tasks) : "",
             grouped(forecast.timed), duration_in_words(forecast.seconds));
  if (forecast.given_up) fmt::print("a point of the sample was given up: some take far longer\n");
  return kDone;
}

}  // namespace

void add_plan(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<PlanArguments>();
  CLI::App* command = app.add_subcommand("plan", "How many points, how many are legal, how long it takes");
  command->add_option("sweep", arguments->sweep, "Sweep: a file, a ready-made name, or -")->required()->type_name("SPEC");
  command->add_option("--seconds", arguments->seconds, "How long to time a sample (default: 10)")->check(above_zero());
  command->add_option("--threads", arguments->threads, "Threads to reckon with (default: all cores)")->check(above_zero());
  command->add_option("--tasks", arguments->tasks, "Tasks of a cluster to reckon with")->check(above_zero());
  command->add_flag("--json", arguments->json, "As JSON");
  command->footer("Example:\n  tilepath sweep plan buffer-sizes");
  command->callback([arguments, &action] { action = [arguments](const Context& context) { return plan(*arguments, context); }; });
}

void add_run(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App* command = app.add_subcommand("run", "Run it here, or one share of it; run again, it goes on where it was");
  command->add_option("sweep", arguments->sweep, "Sweep: a file, a ready-made name, -, or the folder of one that was begun")
      ->required()
      ->type_name("SPEC");
  command->add_option("-o,--output", arguments->folder, "Folder for the results")->type_name("DIR");
  command
      ->add_option("--shard", arguments->shard,
                   "Only share i of n, from 0/n to (n-1)/n, of about equal time; `sweep merge` joins them")
      ->type_name("i/n");
  command
      ->add_option("--cache", arguments->options.cache,
                   "Folder of solved problems, for other runs and other processes as well; may be on a shared file system")
      ->type_name("FOLDER");
  command->add_flag("--front-only", arguments->front_only,
                    "Leave out points that a bound proves to be off the front of energy, cycles and area");
  command->add_option("--threads", arguments->options.threads, "Threads (default: all cores); the records do not depend on them")
      ->check(above_zero());
  command->footer(
      "Examples:\n"
      "  tilepath sweep run buffer-sizes -o sizes\n"
      "  tilepath sweep run my-sweep.json -o out --shard 3/16 --cache /shared/solved\n"
      "  tilepath sweep run out                     (go on with what was begun)\n"
      "Killed at any moment and run again, it continues: no point is lost, none done twice.");
  command->callback([arguments, &action] { action = [arguments](const Context& context) { return run(*arguments, context); }; });
}

void add_sweep(CLI::App& app, Action& action) {
  CLI::App* sweep = app.add_subcommand("sweep", "Explore hardware designs: every point exact, on one machine or a cluster");
  sweep->require_subcommand(1);
  add_plan(*sweep, action);
  add_run(*sweep, action);
  add_submit(*sweep, action);
  add_status(*sweep, action);
  add_merge(*sweep, action);
  add_front(*sweep, action);
  add_best(*sweep, action);
  add_sensitivity(*sweep, action);
  add_table_export(*sweep, action);
  add_design(*sweep, action);
  sweep->footer(
      "Examples:\n"
      "  tilepath sweep plan buffer-sizes\n"
      "  tilepath sweep run buffer-sizes -o sizes\n"
      "  tilepath sweep front sizes --x energy --y cycles --z area\n"
      "  tilepath sweep submit my-sweep.json -o /shared/out --tasks 100 -- --partition=cpu\n"
      "docs/sweeps.md tells the whole story.");
}

}  // namespace tilepath::cli
