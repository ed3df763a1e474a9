// A progress bar on a terminal; nothing where standard error is piped.
#pragma once

#include <mutex>
#include <string>

namespace tilepath::cli {

class Progress {
 public:
  Progress(std::string what, std::size_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// One more is done; `last` names it. Safe from any thread.
  void done(const std::string& last);

 private:
  void draw(const std::string& last) const;

  std::string what_;
  std::size_t total_, done_ = 0;
  bool shown_;
  std::mutex mutex_;
};

}  // namespace tilepath::cli
