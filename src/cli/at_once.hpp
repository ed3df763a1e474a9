// Work inside one layer on several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace tilepath::cli {

/// A function for SearchOptions::at_once that uses `threads` threads; empty, which means one after the other, for fewer than two.
/// Plain threads, started for each batch: batches last milliseconds, and the thread sanitizer sees how they are joined, which it
/// does not in TBB's library.
std::function<void(std::size_t, const std::function<void(std::size_t)>&)> at_once(std::size_t threads);

}  // namespace tilepath::cli
