#include "progress.hpp"

#include <fmt/core.h>

#include <cstdio>

#include "context.hpp"

namespace tilepath::cli {

Progress::Progress(std::string what, std::size_t total) : what_(std::move(what)), total_(total), shown_(is_terminal(2)) {
  if (shown_) draw("");
}

Progress::~Progress() {
  if (shown_) fmt::print(stderr, "\r\033[K");  // the line was a guest's; leave none
}

void Progress::done(const std::string& last) {
  const std::lock_guard lock(mutex_);
  ++done_;
  if (shown_) draw(last);
}

void Progress::draw(const std::string& last) const {
  constexpr std::size_t kWidth = 30;
  const std::size_t filled = total_ == 0 ? kWidth : done_ * kWidth / total_;
  fmt::print(stderr, "\r\033[K{} [{}{}] {}/{} {}", what_, std::string(filled, '#'), std::string(kWidth - filled, '.'), done_,
             total_, last.substr(0, 30));
  (void)std::fflush(stderr);
}

}  // namespace tilepath::cli
