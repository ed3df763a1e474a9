// Words, cycles and energy are numbers of different kinds: adding one to another does not compile.
//
//   Words w = Words{12} * 14;       // fine: a count times a number
//   w + Cycles{3};                  // does not compile
//
// Counts are exact 64-bit integers; an operation whose result does not fit throws Overflow (R10).
#pragma once

#include <compare>
#include <cstdint>

#include "tilepath/base/error.hpp"

namespace tilepath {

/// a * b, a + b, a - b in 64 bits; throw Overflow when the true result does not fit. No allocation.
inline std::int64_t checked_multiply(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result)) throw Overflow("a count passes 2^63; the problem is too large");
  return result;
}
inline std::int64_t checked_add(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_add_overflow(a, b, &result)) throw Overflow("a count passes 2^63; the problem is too large");
  return result;
}

/// ceil(a / b) for a >= 0, b > 0.
constexpr std::int64_t ceil_divide(std::int64_t a, std::int64_t b) { return a / b + static_cast<std::int64_t>(a % b != 0); }

/// An exact count of one kind of thing. Tag keeps kinds apart.
template <class Tag>
class Count {
 public:
  constexpr Count() = default;
  constexpr explicit Count(std::int64_t value) : value_(value) {}
  [[nodiscard]] constexpr std::int64_t value() const { return value_; }

  Count& operator+=(Count other) {
    value_ = checked_add(value_, other.value_);
    return *this;
  }
  friend Count operator+(Count a, Count b) { return a += b; }
  friend Count operator-(Count a, Count b) { return Count(checked_add(a.value_, -b.value_)); }
  friend Count operator*(Count a, std::int64_t times) { return Count(checked_multiply(a.value_, times)); }
  friend constexpr auto operator<=>(Count, Count) = default;

 private:
  std::int64_t value_ = 0;
};

/// Words of a tensor: moved, kept, read or written.
using Words = Count<struct WordsTag>;
/// Clock cycles of the hierarchy.
using Cycles = Count<struct CyclesTag>;

/// Energy in the hierarchy's `energy_unit` (picojoules, or multiples of one MAC's energy).
class Energy {
 public:
  constexpr Energy() = default;
  constexpr explicit Energy(double value) : value_(value) {}
  [[nodiscard]] constexpr double value() const { return value_; }

  Energy& operator+=(Energy other) {
    value_ += other.value_;
    return *this;
  }
  friend constexpr Energy operator+(Energy a, Energy b) { return Energy(a.value_ + b.value_); }
  friend constexpr Energy operator*(Energy a, double times) { return Energy(a.value_ * times); }
  friend constexpr auto operator<=>(Energy, Energy) = default;

 private:
  double value_ = 0;
};

}  // namespace tilepath
