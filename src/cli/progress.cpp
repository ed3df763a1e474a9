#include "progress.hpp"

#include <fmt/core.h>

#include <cmath>
#include <cstdio>

#include "context.hpp"

namespace tilepath::cli {

Progress::Progress(std::string what, std::size_t total, std::size_t already)
    : what_(std::move(what)),
      total_(total),
      already_(already),
      done_(already),
      shown_(is_terminal(2)),
      start_(std::chrono::steady_clock::now()),
      drawn_(start_) {
  if (shown_) draw("");
}

Progress::~Progress() {
  if (shown_) fmt::print(stderr, "\r\033[K");  // the line was a guest's; leave none
}

void Progress::done(const std::string& last) {
  constexpr auto kTick = std::chrono::milliseconds(100);
  const std::lock_guard lock(mutex_);
  ++done_;
  if (!shown_ || (std::chrono::steady_clock::now() - drawn_ < kTick && done_ < total_)) return;
  drawn_ = std::chrono::steady_clock::now();
  draw(last);
}

std::string Progress::pace() const {
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  constexpr double kSettling = 3;  // seconds; before, a rate says little
  const auto done = static_cast<double>(done_ - already_);
  if (done == 0 || seconds < kSettling) return "";
  const double rate = done / seconds;
  return fmt::format("{:.3g}/s, {} left ", rate, duration_in_words(static_cast<double>(total_ - done_) / rate));
}

void Progress::draw(const std::string& last) const {
  constexpr std::size_t kWidth = 30;
  const std::size_t filled = total_ == 0 ? kWidth : done_ * kWidth / total_;
  fmt::print(stderr, "\r\033[K{} [{}{}] {}/{} {}{}", what_, std::string(filled, '#'), std::string(kWidth - filled, '.'), done_,
             total_, pace(), last.substr(0, 30));
  (void)std::fflush(stderr);
}

std::string duration_in_words(double seconds) {
  constexpr double kMinute = 60;
  constexpr double kHour = 3600;
  constexpr double kDay = 86400;
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  const auto two = [&](double unit, double part, const char* large, const char* small) {
    const double whole = std::floor(seconds / unit);
    return fmt::format("{:.0f} {} {:.0f} {}", whole, large, std::floor((seconds - whole * unit) / part), small);
  };
  if (seconds < kMinute) return fmt::format("{:.0f} s", seconds);
  if (seconds < kHour) return two(kMinute, 1, "min", "s");
  if (seconds < kDay) return two(kHour, kMinute, "h", "min");
  return two(kDay, kHour, "days", "h");
}

}  // namespace tilepath::cli
