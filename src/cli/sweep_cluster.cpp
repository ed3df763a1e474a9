// tilepath sweep: submit, status and merge.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <memory>

#include "progress.hpp"
#include "slurm.hpp"
#include "sweep.hpp"
#include "sweep_run.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/explore/pareto.hpp"
#include "tilepath/formats/record.hpp"

namespace tilepath::cli {

namespace fs = std::filesystem;

namespace {

struct SubmitArguments {
  std::string sweep, folder, cache;
  std::int64_t tasks = 0;
  bool resume = false, front_only = false;
  std::vector<std::string> options;
};

std::string quoted(const std::string& word) {
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

std::vector<ShareArray> arrays_of(const fs::path& folder) {
  std::vector<ShareArray> arrays;
  std::ifstream in(folder / "jobs");
  ShareArray array;
  while (in >> array.job >> array.offset) arrays.push_back(array);
  return arrays;
}

/// What each task runs. The folder knows sweep and shares; the task says only which.
std::string script_of(const SweepFolder& folder, const std::string& cache) {
  const std::string program = fs::read_symlink("/proc/self/exe").string();
  return fmt::format(
      "#!/bin/sh\n"
      "# One share of the sweep '{}', as a task of a job array: share $SLURM_ARRAY_TASK_ID + $1.\n"
      "exec {} sweep run {} --shard \"$((SLURM_ARRAY_TASK_ID + $1))/{}\" --threads \"${{SLURM_CPUS_PER_TASK:-1}}\"{}\n",
      folder.sweep().name, quoted(program), quoted(fs::absolute(folder.path()).string()), folder.shares(),
      cache.empty() ? "" : " --cache " + quoted(fs::absolute(cache).string()));
}

/// Shares that are neither complete nor with Slurm, in arrays of no more tasks than it takes.
int submit_shares(const SweepFolder& folder, const std::vector<std::string>& options) {
  const auto queue = queued(arrays_of(folder.path()));
  std::vector<std::int64_t> open;
  for (std::int64_t share = 0; share < folder.shares(); ++share)
    if (!fs::exists(folder.done(share)) && !queue.contains(share) && folder.begin(share) < folder.begin(share + 1))
      open.push_back(share);
  if (open.empty()) {
    fmt::print("nothing to submit: every share is complete, or with Slurm already\n");
    return kDone;
  }
  fs::create_directories(folder.path() / "slurm");
  std::vector<std::string> all = {"--job-name=" + folder.sweep().name,
                                  "--output=" + (folder.path() / "slurm" / "%A_%a.txt").string(), "--open-mode=append",
                                  "--requeue"};
  all.insert(all.end(), options.begin(), options.end());
  const std::int64_t most = most_tasks();
  for (std::size_t i = 0; i < open.size();) {
    const std::int64_t offset = open[i] / most * most;
    std::vector<std::int64_t> shares;
    for (; i < open.size() && open[i] < offset + most; ++i) shares.push_back(open[i]);
    const ShareArray array = submit_array(folder.path() / "job.sh", shares, offset, all);
    std::ofstream(folder.path() / "jobs", std::ios::app) << array.job << ' ' << array.offset << '\n';
    fmt::print("submitted: job {}, shares {}\n", array.job, ranges(shares));
  }
  return kDone;
}

int submit(SubmitArguments arguments, const Context& context) {
  // `submit -o DIR --resume -- OPTIONS` has no sweep before its options.
  if (arguments.sweep.starts_with("-") && arguments.sweep != "-") {
    arguments.options.insert(arguments.options.begin(), arguments.sweep);
    arguments.sweep.clear();
  }
  if (arguments.sweep.empty() || (arguments.folder.empty() && is_sweep_folder(arguments.sweep))) {
    if (!arguments.resume) throw InputError("expected a sweep to submit; --resume goes on with one that was submitted");
    if (arguments.folder.empty()) arguments.folder = arguments.sweep;
  }
  if (arguments.folder.empty()) throw InputError("-o: a folder for the results is needed");
  arguments.folder = fs::absolute(arguments.folder).string();
  SweepFolder folder = arguments.sweep.empty() || arguments.resume
                           ? SweepFolder(arguments.folder)
                           : SweepFolder(arguments.folder, open_sweep(arguments.sweep, arguments.front_only, context));
  const fs::path remembered = folder.path() / "submit.json";
  if (arguments.resume) {
    if (!folder.is_cut() || !fs::exists(remembered)) throw InputError(arguments.folder + ": nothing was submitted here");
    if (arguments.tasks != 0) folder.expect_shares(arguments.tasks);
    const Document before = read_document(remembered.string());
    if (arguments.options.empty())
      for (const Cursor& option : Cursor(before).at("options").elements()) arguments.options.push_back(option.text());
    if (arguments.cache.empty()) arguments.cache = Cursor(before).at("cache").text();
  } else {
    if (arguments.tasks == 0) throw InputError("--tasks: in how many tasks?");
    if (!arrays_of(folder.path()).empty())
      throw InputError(arguments.folder + ": has been submitted; --resume submits again what is not complete");
    folder.expect_shares(arguments.tasks);
    if (!folder.is_cut()) {
      constexpr double kSampleSeconds = 10;
      folder.cut(cut(folder.sweep().grid(), forecast(folder.sweep(), kSampleSeconds, context).costs, arguments.tasks));
    }
  }
  write_file(remembered.string(), Json{{"options", arguments.options}, {"cache", arguments.cache}}.dump(1) + "\n");
  write_file((folder.path() / "job.sh").string(), script_of(folder, arguments.cache));
  return submit_shares(folder, arguments.options);
}

enum class Stage : std::uint8_t { done, running, waiting, failed, idle };
constexpr int kStages = 5;
constexpr std::array<const char*, kStages> kStageNames = {"done", "running", "waiting", "failed", "not started"};

Stage stage_of(const ShareState& state, const std::string& queued) {
  if (state.done) return Stage::done;
  if (queued == "PENDING" || queued == "REQUEUED" || queued == "SUSPENDED") return Stage::waiting;
  if (state.locked || !queued.empty()) return Stage::running;
  return state.started ? Stage::failed : Stage::idle;
}

int status(const std::string& path, bool json, const Context& /*context*/) {
  const SweepFolder folder{fs::path(path)};
  if (!folder.is_cut()) throw InputError(path + ": nothing has been run or submitted here yet");
  std::map<std::int64_t, std::string> queue;
  try {
    queue = queued(arrays_of(folder.path()));
  } catch (const InputError& error) {
    fmt::print(stderr, "tilepath: {}; only what the folder says is known\n", error.what());
  }
  std::array<std::int64_t, kStages> count{};
  std::int64_t points = 0;
  std::int64_t left = 0;
  double rate = 0;
  double longest = 0;
  std::string failures;
  Json shares = Json::array();
  for (std::int64_t share = 0; share < folder.shares(); ++share) {
    const ShareState state = folder.state(share);
    const auto it = queue.find(share);
    const Stage stage = stage_of(state, it == queue.end() ? "" : it->second);
    ++count[static_cast<std::size_t>(stage)];
    const std::int64_t open = folder.begin(share + 1) - state.next;
    points += state.next - folder.begin(share);
    left += open;
    if (stage == Stage::running && state.points_per_second > 0) {
      rate += state.points_per_second;
      longest = std::max(longest, static_cast<double>(open) / state.points_per_second);
    }
    if (stage == Stage::failed)
      failures += fmt::format("  share {}: stopped at point {}{}\n", share, state.next,
                              !state.why.empty()     ? ": " + state.why
                              : state.last == "stop" ? ": interrupted"
                                                     : ": killed or lost");
    shares.push_back({{"share", share},
                      {"state", kStageNames[static_cast<std::size_t>(stage)]},
                      {"points", folder.begin(share + 1) - folder.begin(share)},
                      {"points_done", state.next - folder.begin(share)}});
  }
  const bool all_run = count[static_cast<std::size_t>(Stage::waiting)] + count[static_cast<std::size_t>(Stage::failed)] +
                           count[static_cast<std::size_t>(Stage::idle)] ==
                       0;
  const double seconds_left = left == 0 ? 0 : rate > 0 ? (all_run ? longest : static_cast<double>(left) / rate) : NAN;
  if (json) {
    Json whole = {{"name", folder.sweep().name}, {"points", points + left}, {"points_done", points}};
    for (std::size_t s = 0; s < count.size(); ++s) whole[kStageNames[s]] = count[s];
    if (std::isfinite(seconds_left)) whole["seconds_left"] = seconds_left;
    whole["shares"] = shares;
    fmt::print("{}\n", whole.dump(1));
    return kDone;
  }
  fmt::print("{}: {} of {} points are past ({:.1f} %)\nshares:", folder.sweep().name, grouped(points), grouped(points + left),
             100 * static_cast<double>(points) / static_cast<double>(points + left));
  for (std::size_t s = 0; s < count.size(); ++s)
    if (count[s] > 0) fmt::print(" {} {}", grouped(count[s]), kStageNames[s]);
  fmt::print(" of {}\n{}", folder.shares(), failures);
  if (left == 0)
    fmt::print("complete; `tilepath sweep merge {} -o FILE` joins the records\n", path);
  else if (std::isfinite(seconds_left))
    fmt::print("time left: about {}, at {:.3g} points a second{}\n", duration_in_words(seconds_left), rate,
               all_run ? "" : " of the shares that run now");
  else
    fmt::print("time left: not known{}\n", count[static_cast<std::size_t>(Stage::running)] > 0 ? " yet" : ", nothing runs");
  if (count[static_cast<std::size_t>(Stage::failed)] > 0 && fs::exists(folder.path() / "jobs"))
    fmt::print("`tilepath sweep submit -o {} --resume` submits what is not complete\n", path);
  return kDone;
}

/// Writes lines to a file that appears when all are there.
class Output {
 public:
  explicit Output(std::string path) : path_(std::move(path)) {
    if (path_ == "-") return;
    temporary_ = path_ + ".tmp" + std::to_string(getpid());
    out_.open(temporary_, std::ios::binary | std::ios::trunc);
    if (!out_) throw InputError(path_ + ": cannot be written");
  }
  ~Output() {
    std::error_code none;
    if (!temporary_.empty()) fs::remove(temporary_, none);
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void line(const std::string& text) {
    if (path_ == "-")
      fmt::print("{}\n", text);
    else if (!(out_ << text << '\n'))
      throw InputError(path_ + ": cannot be written");
  }
  void finish() {
    if (path_ == "-") return;
    out_.close();
    std::error_code error;
    if (out_) fs::rename(temporary_, path_, error);
    if (!out_ || error) throw InputError(path_ + ": cannot be written");
    temporary_.clear();
  }

 private:
  std::string path_, temporary_;
  std::ofstream out_;
};

/// The points of a sweep for the front that are on it.
std::vector<std::int64_t> front_points(const std::vector<std::string>& files) {
  GrowingFront front;
  Records records(files);
  while (const auto record = records.next())
    if (record->status == Record::Status::done)
      front.add({record->energy, static_cast<double>(record->cycles), record->area, record->point});
  std::vector<std::int64_t> points;
  for (const Figures3& design : front.designs()) points.push_back(design.point);
  std::sort(points.begin(), points.end());
  return points;
}

/// Shares are ranges of points in their order, and records in a share are in order: one file after the other is all in order.
/// That is checked, line by line; nothing is held but a line (in a sweep for the front, also the front).
int merge(const std::string& path, const std::string& output, bool partial) {
  const SweepFolder folder{fs::path(path)};
  if (!folder.is_cut()) throw InputError(path + ": nothing has been run or submitted here yet");
  std::vector<std::int64_t> unfinished;
  std::vector<std::string> files;
  for (std::int64_t share = 0; share < folder.shares(); ++share) {
    if (folder.begin(share) == folder.begin(share + 1)) continue;
    if (!fs::exists(folder.done(share))) unfinished.push_back(share);
    if (fs::exists(folder.records(share))) files.push_back(folder.records(share).string());
  }
  if (!unfinished.empty() && !partial) {
    fmt::print(stderr, "tilepath: {}: shares {} of {} are not complete; --partial merges what there is\n", path,
               ranges(unfinished), folder.shares());
    return kCheckFailed;
  }
  const std::vector<std::int64_t> front = folder.sweep().front_only ? front_points(files) : std::vector<std::int64_t>();
  Output out(output);
  Records records(files);
  std::int64_t last = -1;
  std::int64_t count = 0;
  while (const auto line = records.line()) {
    const auto point = point_of(*line);
    if (!point) throw InputError(records.where() + ": is no record; delete the line and all after it, and run the share again");
    if (*point <= last)
      throw InputError(records.where() + ": point " + std::to_string(*point) + " comes after " + std::to_string(last));
    last = *point;
    if (folder.sweep().front_only && !std::binary_search(front.begin(), front.end(), *point)) continue;
    out.line(*line);
    ++count;
  }
  out.finish();
  fmt::print(stderr, "{} records{}\n", grouped(count), output == "-" ? "" : " written: " + output);
  return kDone;
}

}  // namespace

void add_submit(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<SubmitArguments>();
  CLI::App* command = app.add_subcommand("submit", "Run it on a Slurm cluster, as a job array");
  command->add_option("sweep", arguments->sweep, "Sweep: a file or a ready-made name (not with --resume)")->type_name("SPEC");
  command->add_option("sbatch", arguments->options, "After --: options for sbatch, say --partition=cpu --time=2:00:00")
      ->type_name("-- OPTIONS");
  command->add_option("-o,--output", arguments->folder, "Folder for the results, on a file system that all nodes see")
      ->type_name("DIR");
  command->add_option("--tasks", arguments->tasks, "In how many tasks: shares of about equal time")->check(above_zero());
  command->add_option("--cache", arguments->cache, "Folder of solved problems, shared by all tasks")->type_name("FOLDER");
  command->add_flag("--resume", arguments->resume,
                    "Submit again the shares that are neither complete nor with Slurm, with the options of the first time");
  command->add_flag("--front-only", arguments->front_only, "As for `sweep run`");
  command->footer(
      "Examples:\n"
      "  tilepath sweep submit my-sweep.json -o /shared/out --tasks 100 -- --partition=cpu --cpus-per-task=4\n"
      "  tilepath sweep submit -o /shared/out --resume\n"
      "Each task uses the cores that --cpus-per-task gives it, one by default.");
  command->callback(
      [arguments, &action] { action = [arguments](const Context& context) { return submit(*arguments, context); }; });
}

void add_status(CLI::App& app, Action& action) {
  struct Arguments {
    std::string folder;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("status", "Done, running, failed, time left");
  command->add_option("folder", arguments->folder, "Folder of a sweep")->required()->type_name("DIR");
  command->add_flag("--json", arguments->json, "As JSON, share by share");
  command->callback([arguments, &action] {
    action = [arguments](const Context& context) { return status(arguments->folder, arguments->json, context); };
  });
}

void add_merge(CLI::App& app, Action& action) {
  struct Arguments {
    std::string folder, output;
    bool partial = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("merge", "All records in one file, the same whatever the shares were");
  command->add_option("folder", arguments->folder, "Folder of a sweep")->required()->type_name("DIR");
  command->add_option("-o,--output", arguments->output, "File of records (JSON Lines); - is standard output")
      ->required()
      ->type_name("FILE");
  command->add_flag("--partial", arguments->partial, "Merge what there is although shares are not complete");
  command->callback([arguments, &action] {
    action = [arguments](const Context&) { return merge(arguments->folder, arguments->output, arguments->partial); };
  });
}

}  // namespace tilepath::cli
