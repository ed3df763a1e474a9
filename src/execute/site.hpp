// The machine that the executor runs: one site per storage node and tensor, with a buffer in each instance.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/mapping/nest.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath::execution {

/// A spatial loop of the nest. Instances are numbered by their lane coordinates, outermost loop most significant.
struct LaneLoop {
  int dimension = 0;
  std::int64_t count = 1;
  std::int64_t extent = 1;  ///< iterations of `dimension` that one lane covers
  int fanout = 0;
  std::size_t position = 0;  ///< of its node
};

/// The indices of one rank that a tile holds, from 0, and where each is kept.
struct Pattern {
  std::vector<std::int64_t> indices;  ///< ascending
  std::vector<std::int32_t> place;    ///< place[index] = its position in `indices`, -1 = not held
  std::int64_t step = 1;              ///< indices are 0, step, 2 step, … ; 0 = not regular

  [[nodiscard]] std::int64_t find(std::int64_t index) const {
    return index < 0 || index >= static_cast<std::int64_t>(place.size()) ? -1 : place[static_cast<std::size_t>(index)];
  }
};

/// One instance's buffer of one tensor.
struct Buffer {
  bool resident = false;
  std::vector<std::int64_t> origin;   ///< per rank: the tensor's index of the tile's first element
  std::vector<const Pattern*> shape;  ///< per rank: what the tile holds; less than the site's pattern in a remainder (R9)
  std::vector<std::int32_t> words;    ///< row-major over the site's patterns
  // outputs only
  std::vector<std::uint8_t> written;  ///< the word holds a psum
  std::int64_t unwritten = 0;         ///< words that do not
  // marks of the event in progress, by word
  std::vector<std::uint32_t> joined, arrived;
};

struct Site {
  int tensor = 0;
  int level = 0;
  std::size_t position = 0;
  std::vector<Pattern> patterns;          ///< per rank, of a full tile
  std::vector<std::int64_t> strides;      ///< per rank, of Buffer::words
  std::int64_t words = 0;                 ///< of one tile
  std::size_t lane_loops = 0;             ///< the first this many lane loops stand outside
  std::vector<Buffer> buffers;            ///< per instance
  std::vector<std::int64_t> lane_origin;  ///< [instance * ranks + rank]
  std::vector<std::int64_t> lane_at;      ///< [instance * lane_loops + loop]: coordinates of each instance
  // Where the loops stand now (R9): kept, since mostly the same as at the last visit.
  std::vector<std::int64_t> sizes_now;    ///< that the two below were worked out from
  std::vector<std::uint8_t> idle_now;     ///< [instance]: it has nothing to do
  std::vector<const Pattern*> shape_now;  ///< [instance * ranks + rank]: what it needs
  std::int64_t per_parent = 1;            ///< instances below one instance of the parent site
  /// Where the words of a full tile lie in a full tile of the parent site, counted from the first of them; empty where the holes
  /// of the one do not fit those of the other.
  std::vector<std::int64_t> in_parent;
  /// [instance]: how far its first word lies there from that of the first instance below the same parent, where all instances
  /// step together on full tiles; empty as above.
  std::vector<std::int64_t> lane_place;
  std::vector<std::int64_t> spread;  ///< per rank: the largest index from the first instance's first
};

/// Fills in Site::in_parent, lane_place and spread.
void chart(Site& child, const Site& parent);

/// The tile that a block of `extents` iterations touches (the whole box with Footprint::box), by enumeration.
Pattern pattern_of(const Rank& rank, const Extents& extents, Footprint footprint);

/// All lane loops of a nest; `inside[i]` are the extents inside node i.
std::vector<LaneLoop> lane_loops(const Nest& nest, const std::vector<Extents>& inside);

/// Coordinates of an instance in the first `loops` lane loops.
std::vector<std::int64_t> coordinates(std::int64_t instance, const std::vector<LaneLoop>& lanes, std::size_t loops);

/// Origin per rank of each instance below the first `loops` lane loops: [instance * ranks + rank].
std::vector<std::int64_t> lane_origins(const Tensor& tensor, const std::vector<LaneLoop>& lanes, std::size_t loops);

/// What one lane asks of (or sends to) the parent in one event.
struct Request {
  std::int64_t instance = 0;
  std::vector<std::int64_t> words;  ///< names of words, ascending
};

/// R3 by enumeration: words that cross the network just below level `above` for these requests of lanes of one parent instance,
/// of which the lane loops from `first` to `last` stand in between. Lanes without multicast each count, `equal` deliveries are
/// compared as wholes, the others are joined word by word; instances above `above` are kept apart.
std::int64_t count_joined(const std::vector<Request>& requests, const std::vector<LaneLoop>& lanes, std::size_t first,
                          std::size_t last, int above, const Hierarchy& hierarchy, Role role);

/// R4 by enumeration: psums that cross the fanout of level `at` upwards: those of lanes that a reduction below has added are one.
std::int64_t count_sent(const std::vector<Request>& requests, const std::vector<LaneLoop>& lanes, std::size_t last, int at,
                        const Hierarchy& hierarchy);

}  // namespace tilepath::execution
