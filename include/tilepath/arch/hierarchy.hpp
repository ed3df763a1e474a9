// A hierarchy of memories: a chain of levels, outermost first, with a fanout below any of them, and the MACs at its end.
//
//   DRAM                         levels[0], one instance
//    └ GLB, 108 KB               levels[1], one instance
//       └ 14 x 12                its fanout: 168 instances of the next level below one GLB
//          └ RF, 512 B           levels[2]
//             └ MAC              compute, one below each RF (or more, where the last level has a fanout too)
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tilepath/workload/layer.hpp"

namespace tilepath {

inline constexpr int kMaxLevels = 10;

/// One value per role.
template <class T>
using PerRole = std::array<T, kRoles>;

template <class T>
const T& at(const PerRole<T>& values, Role role) {
  return values[static_cast<std::size_t>(role)];
}
template <class T>
T& at(PerRole<T>& values, Role role) {
  return values[static_cast<std::size_t>(role)];
}

/// Whether a level can, must or must not keep a tensor.
enum class Keep : std::uint8_t { can, must, never };

/// R3: how one read of the parent serves the instances below a fanout. `all`: the union of what they newly need is read
/// once; `equal`: deliveries that are equal as a whole are joined; `none`: each is read.
enum class Multicast : std::uint8_t { none, equal, all };

/// R2: whether a moved tile keeps the words that it still needs.
enum class Retention : std::uint8_t { none, sliding };

/// Which words a strided tile holds: those touched, or the whole box around them.
enum class Footprint : std::uint8_t { touched, box };

enum class Axis : std::uint8_t { x, y };

/// The instances of the next level (or the MACs) below one instance of a level, and the network to them.
struct Fanout {
  std::int64_t x = 1, y = 1;
  PerRole<Multicast> multicast = {Multicast::all, Multicast::all, Multicast::all};
  bool reduction = true;                        ///< R4: psums of instances that hold the same outputs are added on the way up
  PerRole<double> energy_per_word = {0, 0, 0};  ///< R7: per word and receiving (down) or sending (up) instance
  /// The dimensions that an axis can unroll; empty = any.
  std::vector<std::string> x_dimensions = {}, y_dimensions = {};

  [[nodiscard]] std::int64_t size(Axis axis) const { return axis == Axis::x ? x : y; }
  [[nodiscard]] const std::vector<std::string>& dimensions(Axis axis) const {
    return axis == Axis::x ? x_dimensions : y_dimensions;
  }
  [[nodiscard]] bool unrolls(Axis axis, std::string_view dimension) const;
  friend bool operator==(const Fanout&, const Fanout&) = default;
};

/// A part of a level's storage, shared by the roles in it. A level without parts has one, shared by all.
struct Partition {
  PerRole<bool> holds = {false, false, false};
  std::int64_t capacity_words = 0;
  friend bool operator==(const Partition&, const Partition&) = default;
};

inline constexpr std::int64_t kUnbounded = std::numeric_limits<std::int64_t>::max();

/// One memory of the hierarchy. Figures are per instance.
struct Level {
  std::string name;
  PerRole<int> word_bits = {16, 16, 16};           ///< width of an access, per role
  std::vector<Partition> partitions;               ///< empty = unbounded
  std::int64_t block_words = 1;                    ///< words that share one access
  double read_energy = 0, write_energy = 0;        ///< per access, in the hierarchy's unit
  double read_bandwidth = 0, write_bandwidth = 0;  ///< words per cycle; 0 = unlimited
  [[nodiscard]] bool limited() const { return read_bandwidth > 0 || write_bandwidth > 0; }
  PerRole<Keep> keeps = {Keep::can, Keep::can, Keep::can};
  bool double_buffered = false;
  Retention retention = Retention::none;
  bool drain_reads = false;  ///< R7: a drain reads the sender too
  double leakage = 0;        ///< energy per cycle
  double area = 0;           ///< mm2
  std::optional<Fanout> fanout;

  [[nodiscard]] std::int64_t fanout_size() const { return fanout ? fanout->x * fanout->y : 1; }
  /// The partition that holds a role; nullptr = unbounded.
  [[nodiscard]] const Partition* partition(Role role) const;
  friend bool operator==(const Level&, const Level&) = default;
};

struct ComputeUnit {
  std::string name = "MAC";
  double mac_energy = 0;
  double macs_per_cycle = 1;  ///< of one unit
  int bits = 16;
  double area = 0;  ///< mm2, of one unit
  friend bool operator==(const ComputeUnit&, const ComputeUnit&) = default;
};

/// Invariants (checked by `check`): at least one level; the outermost level is unbounded or not, but can keep every tensor;
/// names distinct; fanouts at least 1x1; energies, bandwidths and leakage finite and not negative.
struct Hierarchy {
  std::string name;
  std::string technology;
  std::string energy_unit = "pJ";  ///< "pJ" or "mac"
  double clock_mhz = 0;
  Footprint footprint = Footprint::touched;
  std::vector<Level> levels;  ///< outermost first
  ComputeUnit compute;

  [[nodiscard]] int level_count() const { return static_cast<int>(levels.size()); }
  [[nodiscard]] const Level& level(int index) const { return levels[static_cast<std::size_t>(index)]; }
  [[nodiscard]] int find_level(std::string_view wanted) const;  ///< index, or -1
  /// Physical instances of a level: the product of the fanouts above it. `instances(level_count())` counts the MACs.
  [[nodiscard]] std::int64_t instances(int index) const;
  /// Whether a bandwidth is given: else nothing but compute takes time.
  [[nodiscard]] bool limited() const;
  /// mm2 of all instances of all levels and of the compute units, as far as their areas are given.
  [[nodiscard]] double area() const;
  friend bool operator==(const Hierarchy&, const Hierarchy&) = default;
};

/// How many accesses one word of `tensor` costs at `level`, as a factor on its access energy: ceil(bits of the word / width of
/// an access) / words that share a block.
double accesses_per_word(const Level& level, const Tensor& tensor);
/// How many words of the level's width one word of `tensor` occupies (capacity, R6; bandwidth, R8).
std::int64_t level_words(const Level& level, const Tensor& tensor);
/// Words that a level sets aside for one word of a tensor (R6): twice as many where it is double-buffered.
std::int64_t room_per_word(const Level& level, const Tensor& tensor);

/// Throws InputError when an invariant of Hierarchy does not hold.
void check(const Hierarchy& hierarchy);

}  // namespace tilepath
