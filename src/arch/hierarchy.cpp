#include "tilepath/arch/hierarchy.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "tilepath/base/quantity.hpp"

namespace tilepath {

bool Fanout::unrolls(Axis axis, std::string_view dimension) const {
  const auto& allowed = dimensions(axis);
  return allowed.empty() || std::find(allowed.begin(), allowed.end(), dimension) != allowed.end();
}

const Partition* Level::partition(Role role) const {
  for (const Partition& part : partitions)
    if (at(part.holds, role)) return &part;
  return nullptr;
}

int Hierarchy::find_level(std::string_view wanted) const {
  for (int l = 0; l < level_count(); ++l)
    if (level(l).name == wanted) return l;
  return -1;
}

std::int64_t Hierarchy::instances(int index) const {
  std::int64_t product = 1;
  for (int l = 0; l < index; ++l) product = checked_multiply(product, level(l).fanout_size());
  return product;
}

bool Hierarchy::limited() const {
  return std::any_of(levels.begin(), levels.end(), [](const Level& level) { return level.limited(); });
}

double Hierarchy::area() const {
  double sum = compute.area * static_cast<double>(instances(level_count()));
  for (int l = 0; l < level_count(); ++l) sum += level(l).area * static_cast<double>(instances(l));
  return sum;
}

std::int64_t level_words(const Level& level, const Tensor& tensor) {
  const int width = at(level.word_bits, tensor.role);
  return tensor.bits == 0 ? 1 : ceil_divide(tensor.bits, width);
}

std::int64_t room_per_word(const Level& level, const Tensor& tensor) {
  return level_words(level, tensor) * (level.double_buffered ? 2 : 1);
}

double accesses_per_word(const Level& level, const Tensor& tensor) {
  return static_cast<double>(level_words(level, tensor)) / static_cast<double>(level.block_words);
}

namespace {

void check_level(const Hierarchy& hierarchy, const Level& level) {
  const auto reject = [&](const std::string& why) {
    throw InputError("architecture '" + hierarchy.name + "': level '" + level.name + "' " + why);
  };
  const auto number = [&](double value, const char* what) {
    if (!std::isfinite(value) || value < 0) reject(std::string("has ") + what + " that is negative or not finite");
  };
  number(level.read_energy, "a read_energy");
  number(level.write_energy, "a write_energy");
  number(level.read_bandwidth, "a read_bandwidth");
  number(level.write_bandwidth, "a write_bandwidth");
  number(level.leakage, "a leakage");
  number(level.area, "an area");
  if (level.block_words < 1) reject("needs block_words of at least 1");
  for (const int bits : level.word_bits)
    if (bits < 1) reject("needs word_bits of at least 1");
  for (int r = 0; r < kRoles; ++r) {
    const Role role = static_cast<Role>(r);
    const Partition* part = level.partition(role);
    if (at(level.keeps, role) == Keep::must && part != nullptr && part->capacity_words < (level.double_buffered ? 2 : 1))
      reject("must keep " + std::string(name_of(role)) + " but has no room for one word" +
             (level.double_buffered ? " twice (double_buffered)" : ""));
  }
  if (level.fanout) {
    if (level.fanout->x < 1 || level.fanout->y < 1) reject("needs a fanout of at least 1x1");
    for (const double energy : level.fanout->energy_per_word) number(energy, "an energy_per_word");
  }
}

}  // namespace

void check(const Hierarchy& hierarchy) {
  const std::string who = "architecture '" + hierarchy.name + "': ";
  if (hierarchy.levels.empty()) throw InputError(who + "needs at least one level");
  if (hierarchy.level_count() > kMaxLevels)
    throw InputError(who + "has " + std::to_string(hierarchy.level_count()) + " levels; at most " + std::to_string(kMaxLevels));
  std::set<std::string_view> names;
  for (const Level& level : hierarchy.levels) {
    if (!names.insert(level.name).second) throw InputError(who + "names two levels '" + level.name + "'");
    check_level(hierarchy, level);
  }
  for (int r = 0; r < kRoles; ++r)
    if (at(hierarchy.levels.front().keeps, static_cast<Role>(r)) == Keep::never)
      throw InputError(who + "the outermost level '" + hierarchy.levels.front().name + "' must be able to keep " +
                       std::string(name_of(static_cast<Role>(r))) + ": data has nowhere else to come from");
  if (!std::isfinite(hierarchy.compute.mac_energy) || hierarchy.compute.mac_energy < 0)
    throw InputError(who + "mac_energy must be finite and not negative");
  if (!std::isfinite(hierarchy.compute.macs_per_cycle) || hierarchy.compute.macs_per_cycle <= 0)
    throw InputError(who + "macs_per_cycle must be positive");
  if (!std::isfinite(hierarchy.compute.area) || hierarchy.compute.area < 0)
    throw InputError(who + "the area of a compute unit must be finite and not negative");
  (void)hierarchy.instances(hierarchy.level_count());  // throws Overflow
}

}  // namespace tilepath
