// Running a share of a sweep, and foretelling how long it takes.
#pragma once

#include <cstdint>
#include <string>

#include "context.hpp"
#include "sweep_folder.hpp"
#include "tilepath/explore/shares.hpp"

namespace tilepath::cli {

struct RunOptions {
  int threads = 0;    ///< 0: all that TBB would use
  std::string cache;  ///< a folder of solutions; empty: none
};

/// What a share's run did, in numbers.
struct RunSummary {
  std::int64_t records = 0;  ///< written by this run
  std::int64_t left = 0;     ///< points of the share of which nothing is known yet: the run was interrupted
  std::int64_t faults = 0;   ///< of the records, those that are not done
  std::string first_fault;   ///< the reason of the first of them
  std::int64_t searched = 0, known = 0, archived = 0;
  double seconds = 0;
};

/// Runs what is left of a share. Records are appended in the order of their points, each in one write, so that whatever ends the
/// run leaves whole records and at most one torn line, which the next run takes away. Throws InputError when another process is
/// at work on the share, or the disk is full.
RunSummary run_share(const SweepFolder& folder, std::int64_t share, const RunOptions& options, const Context& context);

/// How many threads a run uses.
std::size_t threads_of(const RunOptions& options);

/// A sample of a sweep's points: how many are wanted, how long they take.
struct Forecast {
  PointCosts costs;                        ///< seconds of one thread
  std::int64_t timed = 0;                  ///< points
  bool given_up = false;                   ///< one took too long for a sample
  double seconds = 0;                      ///< that they took, together
  std::int64_t looked_at = 0, wanted = 0;  ///< by the conditions; all points where `looked_at` is their number
};
/// Takes `seconds` or so, less for a small sweep.
Forecast forecast(const Sweep& sweep, double seconds, const Context& context);

}  // namespace tilepath::cli
