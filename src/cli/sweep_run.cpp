#include "sweep_run.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <map>
#include <thread>
#include <utility>

#include "at_once.hpp"
#include "explorer.hpp"
#include "progress.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/formats/archive.hpp"

namespace tilepath::cli {

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Appends to a file of records, after taking away what an earlier run left torn.
class Appender {
 public:
  /// `sync_seconds`: how much of its work a machine that is cut off may lose.
  Appender(const std::filesystem::path& path, double sync_seconds) : path_(path), sync_seconds_(sync_seconds) {
    const std::uint64_t whole = whole_records(path).bytes;
    descriptor_ = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0 || ftruncate(descriptor_, static_cast<off_t>(whole)) != 0 || lseek(descriptor_, 0, SEEK_END) < 0) fail();
  }
  ~Appender() {
    if (descriptor_ >= 0) (void)close(descriptor_);
  }
  Appender(const Appender&) = delete;
  Appender& operator=(const Appender&) = delete;

  void add(const std::string& line) {
    for (std::size_t at = 0; at < line.size();) {
      const ssize_t written = write(descriptor_, line.data() + at, line.size() - at);
      if (written < 0 && errno != EINTR) fail();
      at += static_cast<std::size_t>(std::max<ssize_t>(written, 0));
    }
    // A process that is killed loses nothing that it wrote.
    if (since(synced_) > sync_seconds_) sync();
  }
  void sync() {
    if (fdatasync(descriptor_) != 0 && errno != EINVAL) fail();
    synced_ = Clock::now();
  }

 private:
  [[noreturn]] void fail() const { throw InputError(path_.string() + ": cannot be written: " + std::strerror(errno)); }

  std::filesystem::path path_;
  double sync_seconds_;
  int descriptor_ = -1;
  Clock::time_point synced_ = Clock::now();
};

/// Hands out points in order to several threads, some at a time, and takes what they made of them back in that order.
class InOrder {
 public:
  /// `some`: what a thread gets at a time ends at multiples of it.
  InOrder(std::int64_t first, std::int64_t end, std::int64_t some, std::int64_t ahead)
      : next_(first), settled_(first), end_(end), some_(some), ahead_(ahead) {}

  /// The next points, from first to before second; none at the end or once stopped. Waits while they would run too far ahead of
  /// the slowest.
  std::optional<std::pair<std::int64_t, std::int64_t>> take() {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [&] { return stopped_ || next_ >= end_ || next_ < settled_ + ahead_; });
    if (stopped_ || next_ >= end_) return {};
    const std::int64_t first = next_;
    next_ = std::min(end_, (next_ / some_ + 1) * some_);
    return std::pair(first, next_);
  }
  /// Calls `settle(point, record)` for this point and those that waited for it, one call at a time, in order.
  template <class Settle>
  void give(std::int64_t point, std::optional<Record> record, const Settle& settle) {
    const std::lock_guard lock(mutex_);
    waiting_.emplace(point, std::move(record));
    for (auto it = waiting_.begin(); !stopped_ && it != waiting_.end() && it->first == settled_; it = waiting_.erase(it)) {
      settle(it->first, it->second);
      ++settled_;
    }
    moved_.notify_all();
  }
  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    moved_.notify_all();
  }
  [[nodiscard]] bool stopped() {
    const std::lock_guard lock(mutex_);
    return stopped_;
  }
  [[nodiscard]] std::int64_t settled() {
    const std::lock_guard lock(mutex_);
    return settled_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable moved_;
  std::int64_t next_, settled_, end_, some_, ahead_;
  bool stopped_ = false;
  std::map<std::int64_t, std::optional<Record>> waiting_;
};

std::string host() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

/// The front of what an earlier run recorded is worth as much as one's own.
void recall(const std::filesystem::path& path, Explorer& explorer) {
  std::error_code none;
  if (!std::filesystem::exists(path, none)) return;
  Records records({path.string()});
  while (const auto record = records.next()) explorer.recorded(*record);
}

/// 0, n/2, n/4, 3n/4, …: the first few of them lie far apart, whichever few they are.
std::vector<std::int64_t> spread(std::int64_t n, std::int64_t most) {
  std::vector<std::int64_t> order;
  for (std::int64_t parts = 1; static_cast<std::int64_t>(order.size()) < std::min(n, most); parts *= 2)
    for (std::int64_t k = 0; k < parts && static_cast<std::int64_t>(order.size()) < std::min(n, most); ++k) {
      // Of numbers past 2^53 no exact share is needed; of small n each number comes once.
      const auto at = static_cast<std::int64_t>(static_cast<double>(n) * (static_cast<double>(k) + (parts == 1 ? 0.0 : 0.5)) /
                                                static_cast<double>(parts));
      if (n > 4 * most || std::find(order.begin(), order.end(), at) == order.end()) order.push_back(std::min(at, n - 1));
    }
  return order;
}

/// A sweep for the front leaves out more if it knows good designs from the start: some that lie far apart are solved first. The
/// front does not depend on which.
void scout(const SweepFolder& folder, std::int64_t points, Explorer& explorer, std::size_t threads, const std::stop_token& stop) {
  // A point may need the whole of its row: scouts take an eighth of the time at most.
  constexpr std::int64_t kMost = 16;
  constexpr std::int64_t kOneIn = 8;
  const std::int64_t row = folder.sweep().grid().radices().back();
  const std::vector<std::int64_t> scouts = spread(folder.sweep().grid().points(), std::min(kMost, points / (kOneIn * row)));
  const auto one = [&](std::size_t k) {
    if (const auto record = explorer.record(folder.sweep().grid().points() - 1 - scouts[k], stop)) explorer.recorded(*record);
  };
  each_at_once(scouts.size(), one, threads);
}

/// Asks for a stop when the time is over, or when somebody else asks for one.
class Deadline {
 public:
  Deadline(double seconds, std::stop_token other)
      : thread_([this, seconds, other = std::move(other)](const std::stop_token& end) {
          const auto start = Clock::now();
          while (!end.stop_requested() && !other.stop_requested() && since(start) < seconds)
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
          source_.request_stop();
        }) {}
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::jthread thread_;  // after what it uses
};

}  // namespace

std::size_t threads_of(const RunOptions& options) {
  return options.threads > 0 ? static_cast<std::size_t>(options.threads) : thread_limit();
}

RunSummary run_share(const SweepFolder& folder, std::int64_t share, const RunOptions& options, const Context& context) {
  RunSummary summary;
  const auto start = Clock::now();
  const ShareLock lock(folder.log(share), share);
  const std::int64_t end = folder.begin(share + 1);
  if (folder.state(share).done) return summary;
  const std::filesystem::path path = folder.records(share);
  // A thousand syncs a second is what a shared file system bears: the more shares, the rarer.
  constexpr double kSyncsPerSecond = 1000;
  Appender appender(path, std::max(1.0, static_cast<double>(folder.shares()) / kSyncsPerSecond));
  const std::int64_t first = whole_records(path).last.value_or(folder.begin(share) - 1) + 1;
  const Sweep& sweep = folder.sweep();
  Solutions solutions(TILEPATH_VERSION, options.cache.empty() ? nullptr : open_archive(options.cache));
  const std::size_t threads = threads_of(options);
  const std::size_t workers =
      std::clamp<std::size_t>(static_cast<std::size_t>(std::max<std::int64_t>(end - first, 1)), 1, threads);
  Explorer explorer(sweep, solutions, threads / workers);
  if (sweep.front_only) recall(path, explorer);
  lock.say({{"event", "start"}, {"host", host()}, {"process", getpid()}, {"point", first}, {"threads", threads}});

  if (sweep.front_only) scout(folder, end - first, explorer, threads, context.stop);

  constexpr std::int64_t kAhead = 4096;  // records that wait for a slow one before them
  constexpr double kSayEvery = 5;        // seconds
  // Points of a row look at each other: one thread has them all, where there are rows enough.
  constexpr std::int64_t kLongest = 64;
  const std::int64_t row = sweep.grid().radices().back();
  const bool by_rows = row <= kLongest && (end - first) / row >= 4 * static_cast<std::int64_t>(workers);
  InOrder points(first, end, by_rows ? row : 1, kAhead);
  Progress progress(sweep.name, static_cast<std::size_t>(end - folder.begin(share)),
                    static_cast<std::size_t>(first - folder.begin(share)));
  auto said = Clock::now();
  const auto pace = [&](std::int64_t settled) { return static_cast<double>(settled - first) / std::max(since(start), 1e-9); };
  const auto settle = [&](std::int64_t point, const std::optional<Record>& record) {
    if (record) {
      appender.add(to_line(*record));
      ++summary.records;
      if (record->status != Record::Status::done && record->status != Record::Status::dominated) {
        if (summary.faults++ == 0) summary.first_fault = record->reason;
      }
    }
    if (since(said) > kSayEvery) {
      said = Clock::now();
      lock.say({{"event", "progress"}, {"point", point + 1}, {"points_per_second", pace(point + 1)}});
    }
    progress.done("");
  };
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto work = [&] {
    try {
      while (const auto some = points.take())
        for (std::int64_t point = some->first; point < some->second && !points.stopped(); ++point) {
          auto record = explorer.record(point, context.stop);
          if (record) explorer.recorded(*record);
          points.give(point, std::move(record), settle);
          if (context.stop.stop_requested()) points.stop();
        }
    } catch (const Interrupted&) {
      points.stop();
    } catch (...) {
      const std::lock_guard guard(failure_mutex);
      failure = std::current_exception();
      points.stop();
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t w = 1; w < workers; ++w) others.emplace_back(work);
    work();
  }
  const std::int64_t settled = points.settled();
  if (failure) {
    std::string why;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      why = error.what();
    }
    lock.say({{"event", "fail"}, {"point", settled}, {"why", why}});
    std::rethrow_exception(failure);
  }
  appender.sync();
  summary.left = end - settled;
  summary.seconds = since(start);
  summary.searched = solutions.searched();
  summary.known = solutions.known();
  summary.archived = solutions.archived();
  Json event = {{"event", summary.left == 0 ? "end" : "stop"},
                {"point", settled},
                {"records", summary.records},
                {"searched", summary.searched},
                {"known", summary.known},
                {"archived", summary.archived},
                {"seconds", summary.seconds}};
  if (settled > first) event["points_per_second"] = pace(settled);
  lock.say(event);
  if (summary.left == 0) write_file(folder.done(share).string(), Json{{"last", settled - 1}}.dump() + "\n");
  return summary;
}

Forecast forecast(const Sweep& sweep, double seconds, const Context& context) {
  constexpr std::int64_t kExact = 100'000;  // points whose conditions are all looked at
  constexpr std::int64_t kSample = 20'000;
  constexpr std::int64_t kTimed = 64;
  const Grid grid = sweep.grid();
  Forecast result{PointCosts(grid)};
  Solutions solutions(TILEPATH_VERSION);
  Explorer explorer(sweep, solutions, 1);

  std::vector<PointCosts::Sample> wanted;
  const bool exact = grid.points() <= kExact;
  // Steps of the golden ratio round the grid: even distances could fall on the same few values of the last parameter.
  const std::int64_t looks = sweep.conditions.empty() ? 0 : exact ? grid.points() : kSample;
  for (std::int64_t k = 0; k < looks && !context.stop.stop_requested(); ++k) {
    constexpr double kGolden = 0.6180339887498949;
    const double turn = static_cast<double>(k) * kGolden;
    const auto point = exact ? k : static_cast<std::int64_t>((turn - std::floor(turn)) * static_cast<double>(grid.points()));
    const bool yes = explorer.wanted(point);
    wanted.push_back({point, yes ? 1.0 : 0.0});
    result.wanted += yes ? 1 : 0;
  }
  result.looked_at = sweep.conditions.empty() ? grid.points() : looks;
  if (sweep.conditions.empty()) result.wanted = grid.points();

  // Neighbours share work: rows of the last parameter are timed whole, each point at the row's mean.
  const std::int64_t row = grid.radices().back();
  std::vector<PointCosts::Sample> times;
  const auto start = Clock::now();
  // A point may take hours: what is not done after three times as long as asked for is given up.
  const Deadline deadline(3 * seconds, context.stop);
  for (const std::int64_t r : spread(grid.points() / row, kTimed)) {
    const std::int64_t length = std::min(row, kTimed);
    const std::int64_t from = r * row + (row - length) / 2;
    std::vector<std::int64_t> timed;
    const auto begin = Clock::now();
    try {
      for (std::int64_t point = from; point < from + length; ++point)
        if (explorer.record(point, deadline.token())) timed.push_back(point);
    } catch (const Interrupted&) {
      if (context.stop.stop_requested()) throw;
      result.given_up = true;
    }
    const double mean = timed.empty() ? 0 : since(begin) / static_cast<double>(timed.size());
    for (const std::int64_t point : timed) times.push_back({point, mean});
    result.timed += static_cast<std::int64_t>(timed.size());
    if (result.given_up || since(start) > seconds || static_cast<std::int64_t>(times.size()) >= 16 * kTimed) break;
  }
  result.seconds = since(start);
  result.costs = PointCosts(grid, times).times(PointCosts(grid, wanted));
  return result;
}

}  // namespace tilepath::cli
