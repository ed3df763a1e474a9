// Sets of indices along one rank of a tensor.
//
// A tile's rank, say H = 2P + R with 3 values of P and 2 of R, touches {2p + r}: the sum of the progressions 0,2,4 and 0,1.
// How many indices such a sum has is all that the cost model asks of it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace tilepath {

/// {0, step, 2 step, …, (count-1) step}; step >= 1, count >= 1.
struct Progression {
  std::int64_t step;
  std::int64_t count;
};

/// The sum set of up to kCapacity progressions: every sum of one element of each. A value type, no allocation.
class IndexSet {
 public:
  static constexpr int kCapacity = 24;

  IndexSet() {}  // NOLINT(modernize-use-equals-default,cppcoreguidelines-pro-type-member-init): the terms past size_ stay unset
  IndexSet(const IndexSet& other) { *this = other; }  // NOLINT(cppcoreguidelines-pro-type-member-init): as above
  IndexSet& operator=(const IndexSet& other) {
    size_ = other.size_;
    std::copy_n(other.terms_.begin(), size_, terms_.begin());
    return *this;
  }
  ~IndexSet() = default;

  /// Add a progression; one of a single element adds nothing.
  void add(std::int64_t step, std::int64_t count);
  /// Add all progressions of another set.
  void add(const IndexSet& other);
  /// Distinct indices. O(1) for up to two progressions that do not merge; else O(extent / gcd of the steps).
  [[nodiscard]] std::int64_t size() const;
  /// The box around them: last - first + 1.
  [[nodiscard]] std::int64_t extent() const;
  /// The indices themselves, ascending, from 0.
  [[nodiscard]] std::vector<std::int64_t> elements() const;

 private:
  std::array<Progression, kCapacity> terms_;  ///< size_ of them
  int size_ = 0;
};

}  // namespace tilepath
