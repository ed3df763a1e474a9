// How many threads, and work on several of them.
//
// Plain threads, started for each batch: batches last milliseconds and more, and the thread sanitizer sees how they are joined,
// which it does not in TBB's library.
#pragma once

#include <oneapi/tbb/global_control.h>

#include <cstddef>
#include <functional>
#include <memory>

namespace tilepath::cli {

/// Lets thread_limit be so many as long as it lives; 0: all cores, and null.
std::unique_ptr<tbb::global_control> limit_threads(int threads);
std::size_t thread_limit();

/// Calls `one` for 0 … n-1, each once, in this order or at the same time. After a failure nothing more is begun; the failure of
/// the least number is thrown.
void each_at_once(std::size_t n, const std::function<void(std::size_t)>& one, std::size_t threads = thread_limit());

/// The same as a function for SearchOptions::at_once; empty, which means one after the other, for fewer than two threads.
std::function<void(std::size_t, const std::function<void(std::size_t)>&)> at_once(std::size_t threads);

}  // namespace tilepath::cli
