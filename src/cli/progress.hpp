// A progress bar on a terminal, with rate and time left; nothing where standard error is piped.
#pragma once

#include <chrono>
#include <mutex>
#include <string>

namespace tilepath::cli {

class Progress {
 public:
  /// `already`: of the total, what was done before.
  Progress(std::string what, std::size_t total, std::size_t already = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// One more is done; `last` names it. Safe from any thread.
  void done(const std::string& last);

 private:
  void draw(const std::string& last) const;
  [[nodiscard]] std::string pace() const;

  std::string what_;
  std::size_t total_, already_, done_;
  bool shown_;
  std::chrono::steady_clock::time_point start_, drawn_;
  std::mutex mutex_;
};

/// 90 as "1 min 30 s".
std::string duration_in_words(double seconds);

}  // namespace tilepath::cli
