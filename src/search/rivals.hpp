// Choices of lanes of which one makes the others needless: those that deal the same parts of the same chunks to other numbers of
// lanes (52 parts of 5 fit 13 x 4 lanes in one way, 14 x 4 in another, with 54 lanes at work).
//
// They take the same steps with the same tiles. Words of a dimension that is relevant to a tensor are all those of the chunk,
// however many lanes have them (unless boxes hold more than is needed: then only equal numbers are compared). So what differs is
// - along a halo, how tiles of neighbouring lanes overlap: here only those are alike whose lanes have the same iterations;
// - copies of tensors to which the dimension is irrelevant. Of operands each lane gets its own: fewer lanes cost no more. Of
//   psums each lane has its own too; but each begins at zero, and with a reduction on the way they are one when they arrive.
//   Where nothing else is paid for them (no network, no read by a drain, no level between the lanes and theirs) more lanes cost
//   no more.
// Of chunks of which the last is short, those are compared that it keeps as many lanes busy of, all of them or not.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "lattice.hpp"
#include "prices.hpp"

namespace tilepath::search_detail {

class Rivals {
 public:
  /// Of choices for one fanout.
  Rivals(const Problem& problem, const Keeping& keeping, int fanout);

  /// Whether none that was entered before makes this one needless. `number`: the next one, from 0.
  bool enter(const Job& lanes, std::size_t number);
  /// The numbers of those that later ones made needless.
  [[nodiscard]] const std::vector<std::size_t>& outdone() const { return outdone_; }

 private:
  enum class Wish : std::uint8_t { same_parts, same_lanes, fewest, most };
  /// Per dimension that is dealt here and where more or fewer lanes cost no more: their number, the less the better.
  struct Entry {
    std::size_t number = 0;
    std::array<std::int64_t, kMaxDimensions> lanes{};
  };

  int fanout_;
  std::array<Wish, kMaxDimensions> wishes_{};
  std::map<Job, std::vector<Entry>> entries_;  ///< by all else that they have in common
  std::vector<std::size_t> outdone_;
};

}  // namespace tilepath::search_detail
