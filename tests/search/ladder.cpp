// The rungs that loops in time may stand on: sizes and numbers of tiles against cutting them one by one.
#include "search/ladder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

namespace tilepath::testing {

namespace {

using search_detail::Ladder;
using search_detail::Rung;
using search_detail::Step;

/// Cuts each tile into ones of `extent`.
std::vector<std::int64_t> cut(const std::vector<std::int64_t>& tiles, std::int64_t extent) {
  std::vector<std::int64_t> result;
  for (const std::int64_t tile : tiles)
    for (std::int64_t at = 0; at < tile; at += extent) result.push_back(std::min(extent, tile - at));
  return result;
}

/// Goes down from tiles of one rung, as loops from further in lead to it.
void check_below(const Ladder& ladder, std::size_t around, const std::vector<std::int64_t>& tiles) {
  for (std::size_t at = 0; at < around; ++at)
    for (const Step& step : ladder[at].up) {
      if (step.to != around) continue;
      const Rung& rung = ladder[at];
      const std::vector<std::int64_t> smaller = cut(tiles, rung.extent);
      CAPTURE(ladder.back().extent);
      CAPTURE(rung.extent);
      CHECK(static_cast<std::int64_t>(smaller.size()) == rung.tiles);
      CHECK(step.count == (ladder[around].extent + rung.extent - 1) / rung.extent);
      CHECK(std::count(smaller.begin(), smaller.end(), rung.extent) == rung.tiles - rung.short_tiles);
      CHECK(std::count(smaller.begin(), smaller.end(), rung.short_extent) == rung.short_tiles);
      // Within each tile around, the loop steps.
      CHECK(std::all_of(tiles.begin(), tiles.end(), [&](std::int64_t tile) { return tile > rung.extent; }));
      check_below(ladder, at, smaller);
    }
}

}  // namespace

TEST_CASE("ladder: however loops lead to a rung, its tiles are those that they cut") {
  for (std::int64_t whole = 1; whole <= 40; ++whole)
    for (const Ladder& ladder : {search_detail::perfect_ladder(whole), search_detail::ragged_ladder(whole)})
      check_below(ladder, ladder.size() - 1, {whole});
}

TEST_CASE("ladder: thirteen rows are cut in twos of seven and six, threes of five and three, or one by one") {
  std::vector<std::int64_t> extents;
  for (const Rung& rung : search_detail::ragged_ladder(13)) extents.push_back(rung.extent);
  CHECK(extents == std::vector<std::int64_t>{1, 5, 7, 13});
}

TEST_CASE("ladder: every extent lies in a band that has no more tiles and takes no more room") {
  for (std::int64_t whole = 2; whole <= 300; ++whole) {
    const Ladder bands = search_detail::banded_ladder(whole, 1.5);
    for (const Rung& rung : search_detail::ragged_ladder(whole)) {
      const auto band = std::find_if(bands.begin(), bands.end(), [&](const Rung& of) { return rung.extent <= of.extent; });
      CHECK(band->least <= rung.extent);
      CHECK(band->tiles <= rung.tiles);
    }
    for (std::size_t b = 0; b + 1 < bands.size(); ++b) CHECK(bands[b].up.front().to == b + 1);
  }
}

}  // namespace tilepath::testing
