#include "at_once.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>
#include <vector>

namespace tilepath::cli {

std::unique_ptr<tbb::global_control> limit_threads(int threads) {
  if (threads == 0) return nullptr;
  return std::make_unique<tbb::global_control>(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads));
}

std::size_t thread_limit() { return tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism); }

void each_at_once(std::size_t n, const std::function<void(std::size_t)>& one, std::size_t threads) {
  std::atomic<std::size_t> next = 0;
  std::vector<std::exception_ptr> failures(n);
  const auto work = [&] {
    for (std::size_t k = next++; k < n; k = next++) {
      try {
        one(k);
      } catch (...) {
        failures[k] = std::current_exception();
        next = n;  // what is handed out already is all that comes before k: the first failure is the same in every run
      }
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t t = 1; t < std::min(threads, n); ++t) others.emplace_back(work);
    work();
  }
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

std::function<void(std::size_t, const std::function<void(std::size_t)>&)> at_once(std::size_t threads) {
  if (threads < 2) return {};
  return [threads](std::size_t n, const std::function<void(std::size_t)>& one) { each_at_once(n, one, threads); };
}

}  // namespace tilepath::cli
