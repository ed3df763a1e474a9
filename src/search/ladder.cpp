#include "ladder.hpp"

#include <algorithm>

#include "lanes.hpp"
#include "tilepath/base/quantity.hpp"

namespace tilepath::search_detail {

namespace {

Rung even_rung(std::int64_t whole, std::int64_t extent) { return {extent, extent, whole / extent, 0, 0, {}}; }

/// Tiles that divide no `chunk`, of which `whole` has some.
Rung uneven_rung(std::int64_t whole, std::int64_t chunk, std::int64_t extent) {
  const std::int64_t tiles = ceil_divide(chunk, extent);
  const std::int64_t chunks = whole / chunk;
  return {extent, extent, tiles * chunks, chunks, chunk - (tiles - 1) * extent, {}};
}

bool is_prime(std::int64_t n) {
  for (std::int64_t p = 2; p * p <= n; ++p)
    if (n % p == 0) return false;
  return n > 1;
}

/// Whether a loop over the tiles of one rung may make those of another, perhaps together with loops in between.
bool makes(const Rung& tile, const Rung& around) {
  if (tile.extent >= around.extent || around.extent % tile.extent != 0) return false;
  if (around.divides()) return tile.divides();
  // Tiles of the same chunks: as many of them are short, or they divide each chunk.
  if (tile.divides() ? tile.tiles % around.short_tiles != 0 : tile.short_tiles != around.short_tiles) return false;
  return around.short_extent > tile.extent;
}

/// The loops between rungs of full tiles, or of the same short ones: those that no two loops on end replace.
void add_steps(Ladder& ladder) {
  for (std::size_t at = 0; at < ladder.size(); ++at)
    for (std::size_t to = at + 1; to < ladder.size(); ++to) {
      if (!makes(ladder[at], ladder[to])) continue;
      const std::int64_t count = ladder[to].extent / ladder[at].extent;
      const bool by_two =
          ladder[to].divides() ? !is_prime(count) : std::any_of(ladder.begin(), ladder.end(), [&](const Rung& between) {
            return makes(ladder[at], between) && makes(between, ladder[to]);
          });
      if (!by_two) ladder[at].up.push_back({count, to});
    }
}

}  // namespace

Ladder perfect_ladder(std::int64_t whole) {
  Ladder ladder;
  for (const std::int64_t extent : divisors(whole)) ladder.push_back(even_rung(whole, extent));
  add_steps(ladder);
  return ladder;
}

Ladder chunk_ladder(const Deal& deal) {
  const std::int64_t chunks = deal.chunks();
  if (!deal.ends_short()) return perfect_ladder(chunks);
  Ladder ladder;
  for (const std::int64_t extent : divisors(chunks))
    if (extent == chunks || ceil_divide(deal.whole, chunks / extent) == extent * deal.chunk)
      ladder.push_back(even_rung(chunks, extent));
  const auto makes = [&](const Rung& tile, const Rung& around) {
    const std::int64_t least = tile.extent == 1 && deal.idles() ? 3 : 2;
    return around.extent % tile.extent == 0 && around.extent / tile.extent >= least;
  };
  for (Rung& rung : ladder)
    for (std::size_t to = 0; to < ladder.size(); ++to)
      if (makes(rung, ladder[to]) && std::none_of(ladder.begin(), ladder.end(), [&](const Rung& between) {
            return makes(rung, between) && makes(between, ladder[to]);
          }))
        rung.up.push_back({ladder[to].extent / rung.extent, to});
  return ladder;
}

Ladder ragged_ladder(std::int64_t whole) {
  Ladder ladder;
  for (const std::int64_t chunk : divisors(whole)) {
    ladder.push_back(even_rung(whole, chunk));
    for (std::int64_t count = 2; count < chunk; ++count) {
      const std::int64_t extent = ceil_divide(chunk, count);
      if (chunk % extent == 0 || ceil_divide(chunk, extent) != count) continue;
      const Rung rung = uneven_rung(whole, chunk, extent);
      if (rung.short_extent > 1) ladder.push_back(rung);  // of one iteration: no loop further in would have two
    }
  }
  std::stable_sort(ladder.begin(), ladder.end(), [](const Rung& a, const Rung& b) { return a.extent < b.extent; });
  add_steps(ladder);
  for (Rung& rung : ladder) {
    if (rung.divides()) continue;
    const std::int64_t chunk = whole / rung.short_tiles;
    const auto to =
        std::find_if(ladder.begin(), ladder.end(), [&](const Rung& of) { return of.divides() && of.extent == chunk; });
    rung.up.push_back({ceil_divide(chunk, rung.extent), static_cast<std::size_t>(to - ladder.begin())});
  }
  return ladder;
}

Ladder banded_ladder(std::int64_t whole, double most_to_least) {
  Ladder ladder;
  for (std::int64_t least = 1; least < whole;) {
    const std::int64_t extent = std::min(whole - 1, static_cast<std::int64_t>(most_to_least * static_cast<double>(least)));
    Rung rung = whole % extent == 0 ? even_rung(whole, extent) : uneven_rung(whole, whole, extent);
    rung.least = least;
    least = extent + 1;
    rung.up.push_back({2, ladder.size() + 1});
    ladder.push_back(std::move(rung));
  }
  ladder.push_back(even_rung(whole, whole));
  return ladder;
}

}  // namespace tilepath::search_detail
