// The folder of a sweep on disk: what it is, how it is cut, what is done.
//
//   sweep.json            the sweep, every file that it names in its place
//   shares.json           the points at which it is cut
//   share-00003.jsonl     records of a share, by point; results.jsonl where there is one share only
//   share-00003.log       when it ran and how fast, one event a line; locked by the process that is at work on it
//   share-00003.done      there once the share is complete
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tilepath/formats/sweep.hpp"

namespace tilepath::cli {

/// How far a share is, seen from outside.
struct ShareState {
  bool done = false, locked = false, started = false;
  std::int64_t next = 0;         ///< the first point of which nothing is known
  double points_per_second = 0;  ///< of the run that is or was the last; 0 = not known
  std::string last;              ///< the last event: "start", "progress", "stop", "fail", "end"
  std::string why;               ///< of a failure
};

/// Keeps other processes from a share as long as it lives.
class ShareLock {
 public:
  /// Throws InputError when another process has it.
  ShareLock(const std::filesystem::path& log, std::int64_t share);
  ~ShareLock();
  ShareLock(const ShareLock&) = delete;
  ShareLock& operator=(const ShareLock&) = delete;
  /// Adds an event to the log.
  void say(const Json& event) const;

 private:
  int descriptor_ = -1;
};

class SweepFolder {
 public:
  /// The folder for this sweep: made, or found to hold the same one. Throws InputError where it holds another.
  SweepFolder(std::filesystem::path path, Sweep sweep);
  /// A folder that exists.
  explicit SweepFolder(const std::filesystem::path& path);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] const Sweep& sweep() const { return sweep_; }

  [[nodiscard]] bool is_cut() const { return !bounds_.empty(); }
  /// Cuts it at `bounds`, unless another process was faster: then as that one did. Throws InputError where it is cut in another
  /// number of shares.
  void cut(const std::vector<std::int64_t>& bounds);
  /// Throws InputError where it is cut in another number of shares.
  void expect_shares(std::int64_t wanted) const;
  [[nodiscard]] std::int64_t shares() const { return static_cast<std::int64_t>(bounds_.size()) - 1; }
  /// Share s has the points [begin(s), begin(s + 1)).
  [[nodiscard]] std::int64_t begin(std::int64_t share) const { return bounds_[static_cast<std::size_t>(share)]; }

  [[nodiscard]] std::filesystem::path records(std::int64_t share) const;
  [[nodiscard]] std::filesystem::path log(std::int64_t share) const { return file(share, ".log"); }
  [[nodiscard]] std::filesystem::path done(std::int64_t share) const { return file(share, ".done"); }
  [[nodiscard]] ShareState state(std::int64_t share) const;

 private:
  [[nodiscard]] std::filesystem::path file(std::int64_t share, const std::string& end) const;
  [[nodiscard]] bool read_shares();

  std::filesystem::path path_;
  Sweep sweep_;
  std::vector<std::int64_t> bounds_;
};

/// The whole records at the head of a file: where they end in bytes, and the last one's point.
struct WholeRecords {
  std::uint64_t bytes = 0;
  std::optional<std::int64_t> last;
};
WholeRecords whole_records(const std::filesystem::path& path);

}  // namespace tilepath::cli
