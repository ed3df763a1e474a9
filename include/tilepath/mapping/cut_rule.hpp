// Which remainders in time the mapspace has (Remainders::loops, docs/search.md).
#pragma once

#include "tilepath/mapping/nest.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath {

/// Whether a dimension lies along a halo: a rank of an operand sums it and another of more than one iteration.
bool along_halo(const Layer& layer, int dimension);

/// A loop may leave a remainder: of the tiles that it runs over the last is short. Then
///
/// - it stands inside all lanes of its dimension; a dimension along a halo has none,
/// - the loops further in divide its full tiles, down to one whose tiles divide the short one too,
/// - each of them has two iterations or more in the short tile,
/// - and no step moves a halo rank by as much as loops inside it could move it back in a short tile: there the tile would stay.
///
/// True of every nest without remainders in time. Loops that stand on end count as one.
bool within_cut_rule(const Nest& nest, const Layer& layer);

}  // namespace tilepath
