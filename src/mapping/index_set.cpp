#include "tilepath/mapping/index_set.hpp"

#include <algorithm>
#include <numeric>

#include "tilepath/base/quantity.hpp"

namespace tilepath {

void IndexSet::add(std::int64_t step, std::int64_t count) {
  if (count <= 1) return;
  if (size_ == kCapacity) throw Overflow("a rank is split into too many loops");
  int at = size_++;
  for (; at > 0 && terms_[static_cast<std::size_t>(at) - 1].step > step; --at)
    terms_[static_cast<std::size_t>(at)] = terms_[static_cast<std::size_t>(at) - 1];
  terms_[static_cast<std::size_t>(at)] = {step, count};
}

void IndexSet::add(const IndexSet& other) {
  for (int i = 0; i < other.size_; ++i)
    add(other.terms_[static_cast<std::size_t>(i)].step, other.terms_[static_cast<std::size_t>(i)].count);
}

std::int64_t IndexSet::extent() const {
  std::int64_t extent = 1;
  for (int i = 0; i < size_; ++i) {
    const Progression& term = terms_[static_cast<std::size_t>(i)];
    extent = checked_add(extent, checked_multiply(term.step, term.count - 1));
  }
  return extent;
}

namespace {

/// Join {a i : i<m} and {b j : j<n} into one progression where b = k a with k <= m: then no gap opens between the copies.
bool join(Progression& fine, const Progression& coarse) {
  if (coarse.step % fine.step != 0) return false;
  const std::int64_t k = coarse.step / fine.step;
  if (k > fine.count) return false;
  fine.count = checked_add(checked_multiply(k, coarse.count - 1), fine.count);
  return true;
}

/// |{a i + b j}|: of the pairs (i, j), those with j >= a' and i < m - b' have a twin (i + b', j - a'), where a' = a/gcd, b' =
/// b/gcd.
std::int64_t distinct_sums(const Progression& a, const Progression& b) {
  const std::int64_t g = std::gcd(a.step, b.step);
  const std::int64_t twins_i = std::max<std::int64_t>(0, a.count - b.step / g);
  const std::int64_t twins_j = std::max<std::int64_t>(0, b.count - a.step / g);
  return checked_multiply(a.count, b.count) - checked_multiply(twins_i, twins_j);
}

}  // namespace

std::int64_t IndexSet::size() const {
  if (size_ == 0) return 1;
  if (size_ == 1) return terms_[0].count;
  std::array<Progression, kCapacity> merged;  // NOLINT(cppcoreguidelines-pro-type-member-init): `count` of them are set
  int count = 0;
  for (int i = 0; i < size_; ++i) {
    const Progression& term = terms_[static_cast<std::size_t>(i)];
    if (count == 0 || !join(merged[static_cast<std::size_t>(count) - 1], term)) merged[static_cast<std::size_t>(count++)] = term;
  }
  if (count == 1) return merged[0].count;
  if (count == 2) return distinct_sums(merged[0], merged[1]);
  return static_cast<std::int64_t>(elements().size());
}

std::vector<std::int64_t> IndexSet::elements() const {
  std::vector<std::int64_t> sums = {0};
  for (int i = 0; i < size_; ++i) {
    const Progression& term = terms_[static_cast<std::size_t>(i)];
    std::vector<std::int64_t> next;
    next.reserve(sums.size() * static_cast<std::size_t>(term.count));
    for (std::int64_t k = 0; k < term.count; ++k)
      for (const std::int64_t sum : sums) next.push_back(sum + k * term.step);
    std::sort(next.begin(), next.end());
    next.erase(std::unique(next.begin(), next.end()), next.end());
    sums = std::move(next);
  }
  return sums;
}

}  // namespace tilepath
