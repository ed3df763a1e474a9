// The tiles that loops in time may cut one dimension into, and the loops that lead from one tile to a larger.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tilepath::search_detail {

struct Deal;

/// A loop that runs over the tiles of one rung; together they make a tile of another.
struct Step {
  std::int64_t count = 1;  ///< the last iteration may cover less (R9)
  std::size_t to = 0;      ///< the other rung
};

/// A way to cut the whole into tiles: full ones and, where a loop leaves a remainder, shorter ones.
struct Rung {
  std::int64_t extent = 1;        ///< iterations in a full tile
  std::int64_t least = 1;         ///< the same; of a band, at least
  std::int64_t tiles = 1;         ///< in the whole, short ones included
  std::int64_t short_tiles = 0;   ///< how many of them are short
  std::int64_t short_extent = 0;  ///< iterations in each of these
  std::vector<Step> up;           ///< loops that may stand directly outside
  [[nodiscard]] bool divides() const { return short_tiles == 0; }
};

/// Of a dimension, or of what its lanes leave of it to loops in time: from tiles of one iteration to the whole, larger
/// extents later.
using Ladder = std::vector<Rung>;

/// Perfect factors: all divisors, by loops of a prime count.
Ladder perfect_ladder(std::int64_t whole);

/// The loops over the chunks of a dimension that is dealt to lanes; extents and tiles are numbers of chunks. All divisors of
/// their number; if the last chunk is short, those of which the tiles are whole chunks: as many tiles of k chunks as it takes are
/// ceil(whole / tiles) iterations each. (Else more than the last tile would be short.) Where lanes have nothing to do in the last
/// chunk, the innermost loop has three iterations or more: with one less their tiles still move.
Ladder chunk_ladder(const Deal& deal);

/// Besides, a loop need not divide what it runs over (R9): a tile that divides the whole, a chunk, is cut into c tiles of
/// ceil(chunk / c), the last shorter. The loops further in divide those, so that of their tiles too only the last of a chunk is
/// short, down to one that divides the chunk and may be cut so again. A loop that would have but one iteration in the short tile
/// around it is left out, since its tiles would stay in place there; what it makes together with its neighbours is not.
Ladder ragged_ladder(std::int64_t whole);

/// Bands of extents, whose largest is so many times as much as the least: a bound on the above from fewer rungs. `extent` is the
/// largest of a band, which has the fewest tiles and moves the fewest words; `least` takes the least room. A loop leads from band
/// to band.
Ladder banded_ladder(std::int64_t whole, double most_to_least);

}  // namespace tilepath::search_detail
