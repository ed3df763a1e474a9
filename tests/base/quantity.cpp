#include "tilepath/base/quantity.hpp"

#include <doctest/doctest.h>

#include <concepts>

namespace tilepath::testing {

namespace {

template <class A, class B>
concept CanAdd = requires(A a, B b) {
  a + b;
};
template <class A, class B>
concept CanCompare = requires(A a, B b) {
  a < b;
};

// What must not be mixed does not compile.
static_assert(CanAdd<Words, Words> && CanAdd<Energy, Energy> && CanAdd<Cycles, Cycles>);
static_assert(!CanAdd<Words, Energy> && !CanAdd<Words, Cycles> && !CanAdd<Energy, Cycles> && !CanAdd<Words, int>);
static_assert(!CanCompare<Words, Cycles> && !std::convertible_to<int, Words>);

}  // namespace

TEST_CASE("R10: a count that passes 2^63 is an error, not a wrap") {
  const Words large(std::int64_t{1} << 62);
  CHECK((large + Words((std::int64_t{1} << 62) - 1)).value() == INT64_MAX);
  CHECK_THROWS_AS(large + large, Overflow);
  CHECK_THROWS_AS(large * 2, Overflow);
  CHECK_THROWS_AS(checked_multiply(std::int64_t{1} << 40, std::int64_t{1} << 30), Overflow);
}

}  // namespace tilepath::testing
