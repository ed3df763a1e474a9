#include "sweep_folder.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>

#include "tilepath/base/error.hpp"
#include "tilepath/formats/record.hpp"

namespace tilepath::cli {

namespace {

namespace fs = std::filesystem;

/// The last bytes of a file, and where they begin.
std::pair<std::string, std::uint64_t> tail_of(const fs::path& path, std::uint64_t most) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return {"", 0};
  in.seekg(0, std::ios::end);
  const auto size = static_cast<std::uint64_t>(in.tellg());
  const std::uint64_t from = size > most ? size - most : 0;
  std::string text(size - from, '\0');
  in.seekg(static_cast<std::streamoff>(from));
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return {text, from};
}

bool locked(const fs::path& log) {
  const int descriptor = open(log.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool free = flock(descriptor, LOCK_SH | LOCK_NB) == 0;
  (void)close(descriptor);
  return !free;
}

}  // namespace

ShareLock::ShareLock(const fs::path& log, std::int64_t share) {
  descriptor_ = open(log.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor_ < 0) throw InputError(log.string() + ": cannot be written: " + std::strerror(errno));
  // `sweep status` holds the lock for an instant: try again before giving up.
  constexpr int kTries = 20;
  for (int k = 0; flock(descriptor_, LOCK_EX | LOCK_NB) != 0; ++k) {
    if (k == kTries) {
      (void)close(descriptor_);
      throw InputError(log.string() + ": another process is at work on share " + std::to_string(share));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

ShareLock::~ShareLock() { (void)close(descriptor_); }

void ShareLock::say(const Json& event) const {
  Json stamped = event;
  stamped["time"] = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  const std::string line = stamped.dump() + "\n";
  if (write(descriptor_, line.data(), line.size()) < 0) return;  // a log that cannot be written stops nobody
}

WholeRecords whole_records(const fs::path& path) {
  // A line may be as long as its parameters are: look back further until a whole one is found.
  WholeRecords whole;
  for (std::uint64_t most = 1 << 16;; most *= 8) {
    const auto [text, from] = tail_of(path, most);
    std::size_t end = text.rfind('\n');
    while (end != std::string::npos) {
      const std::size_t begin = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
      if (begin == std::string::npos && from > 0) break;
      const std::size_t first = begin == std::string::npos ? 0 : begin + 1;
      if (const auto point = point_of(text.substr(first, end - first))) {
        whole.bytes = from + end + 1;
        whole.last = point;
        return whole;
      }
      end = begin;  // a line that a broken disk left is done again
    }
    if (from == 0) return whole;
  }
}

SweepFolder::SweepFolder(fs::path path, Sweep sweep) : path_(std::move(path)), sweep_(std::move(sweep)) {
  std::error_code error;
  fs::create_directories(path_, error);
  if (!fs::is_directory(path_)) throw InputError(path_.string() + ": cannot be made a folder: " + error.message());
  const fs::path file = path_ / "sweep.json";
  const std::string text = sweep_.file.root.dump(1) + "\n";
  if (fs::exists(file, error)) {
    if (read_document(file.string()).root != sweep_.file.root)
      throw InputError(path_.string() + ": holds another sweep, or this one before a file of it changed; choose another folder");
  } else {
    write_file(file.string(), text);
  }
  (void)read_shares();
}

SweepFolder::SweepFolder(const fs::path& path) : path_(path) {
  const fs::path file = path / "sweep.json";
  std::error_code none;
  if (!fs::exists(file, none))
    throw InputError(path.string() + ": no sweep has been run or submitted here (it has no sweep.json)");
  sweep_ = read_sweep(read_document(file.string()));
  (void)read_shares();
}

bool SweepFolder::read_shares() {
  const fs::path file = path_ / "shares.json";
  std::error_code none;
  if (!fs::exists(file, none)) return false;
  const Document document = read_document(file.string());
  const Cursor root(document);
  root.expect_object({"schema_version", "bounds"});
  root.expect_version();
  bounds_.clear();
  const std::int64_t points = sweep_.grid().points();
  for (const Cursor& bound : root.at("bounds").elements(2))
    bounds_.push_back(bound.integer(bounds_.empty() ? 0 : bounds_.back(), points));
  if (bounds_.front() != 0 || bounds_.back() != points)
    root.at("bounds").fail("expected bounds from 0 to " + std::to_string(points));
  return true;
}

void SweepFolder::cut(const std::vector<std::int64_t>& bounds) {
  const fs::path file = path_ / "shares.json";
  const fs::path mine = file.string() + ".tmp" + std::to_string(getpid());
  write_file(mine.string(), Json{{"schema_version", 1}, {"bounds", bounds}}.dump() + "\n");
  // A link is made or not, whole: of tasks that start at once, one cuts for all.
  const int failed = link(mine.c_str(), file.c_str()) != 0 ? errno : 0;
  (void)unlink(mine.c_str());
  if (failed != 0 && failed != EEXIST) throw InputError(file.string() + ": cannot be written: " + std::strerror(failed));
  (void)read_shares();
  expect_shares(static_cast<std::int64_t>(bounds.size()) - 1);
}

void SweepFolder::expect_shares(std::int64_t wanted) const {
  if (is_cut() && shares() != wanted)
    throw InputError(fmt::format("{}: the sweep here is cut in {} share{}, not {}; use as many, or another folder",
                                 path_.string(), shares(), shares() == 1 ? "" : "s", wanted));
}

fs::path SweepFolder::file(std::int64_t share, const std::string& end) const {
  return path_ / fmt::format("share-{:05}{}", share, end);
}

fs::path SweepFolder::records(std::int64_t share) const {
  return shares() == 1 && !sweep_.front_only ? path_ / "results.jsonl" : file(share, ".jsonl");
}

ShareState SweepFolder::state(std::int64_t share) const {
  ShareState state;
  std::error_code none;
  state.done = fs::exists(done(share), none) || begin(share) == begin(share + 1);
  state.started = fs::exists(log(share), none);
  state.locked = state.started && locked(log(share));
  state.next = begin(share);
  if (const auto last = whole_records(records(share)).last) state.next = *last + 1;
  if (state.done) state.next = begin(share + 1);
  constexpr std::uint64_t kTail = 4096;
  const std::string events = tail_of(log(share), kTail).first;
  for (std::size_t end = events.size(); end > 0;) {
    const std::size_t begin = events.rfind('\n', end - 1);
    const std::size_t first = begin == std::string::npos ? 0 : begin + 1;
    const Json event = Json::parse(events.substr(first, end - first), nullptr, false);
    end = begin == std::string::npos ? 0 : begin;
    if (!event.is_object()) continue;
    if (state.last.empty()) {
      state.last = event.value("event", "");
      state.why = event.value("why", "");
    }
    if (event.contains("points_per_second")) {
      state.points_per_second = event.value("points_per_second", 0.0);
      break;
    }
  }
  return state;
}

}  // namespace tilepath::cli
