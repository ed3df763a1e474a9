// Which remainders in time the mapspace has (Remainders::loops, docs/search.md).
#pragma once

#include "tilepath/mapping/nest.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath {

/// Whether a loop outside lanes of a dimension leaves a remainder of it, the last chunk that is dealt to them being short.
bool ends_in_short_chunk(const Nest& nest, const Layer& layer, int dimension);

/// A loop may leave a remainder: of the tiles that it runs over the last is short. Inside all lanes of its dimension, then
///
/// - the loops further in divide its full tiles, down to one whose tiles divide the short one too,
/// - each of them has two iterations or more in the short tile,
/// - and no step moves a halo rank by as much as loops inside it could move it back in a short tile: there the tile would stay
///   (with lanes of that rank further out: no step of another of its dimensions).
///
/// Outside lanes of its dimension, which all lie on one fanout and are dealt *chunks*, the last of them short, then
///
/// - a lane runs through its part of a chunk in one loop,
/// - the loops there run over whole chunks, so that of the tiles of each of them only the last is short,
/// - the innermost of them has three iterations or more, if some lanes have nothing to do in the last chunk,
/// - steps along a halo rank do not move it back in the last chunk, as above,
/// - and no loop inside all lanes of its dimension leaves a remainder.
///
/// True of every nest without remainders in time. Loops that stand on end count as one.
bool within_cut_rule(const Nest& nest, const Layer& layer);

}  // namespace tilepath
