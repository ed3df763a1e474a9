// How many threads, and work inside one layer on several of them.
#pragma once

#include <oneapi/tbb/global_control.h>

#include <cstddef>
#include <functional>
#include <memory>

namespace tilepath::cli {

/// A function for SearchOptions::at_once that uses `threads` threads; empty, which means one after the other, for fewer than two.
/// Plain threads, started for each batch: batches last milliseconds, and the thread sanitizer sees how they are joined, which it
/// does not in TBB's library.
std::function<void(std::size_t, const std::function<void(std::size_t)>&)> at_once(std::size_t threads);

/// Lets TBB use so many threads as long as it lives; 0: all cores, and null.
std::unique_ptr<tbb::global_control> limit_threads(int threads);

}  // namespace tilepath::cli
