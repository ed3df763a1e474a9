#include "tilepath/mapping/legal.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "tilepath/base/quantity.hpp"
#include "tilepath/mapping/tile.hpp"

namespace tilepath {

namespace {

std::string quoted(const std::string& text) { return "'" + text + "'"; }

/// Walks the nest once, outermost first, and stops at the first offence.
class Walk {
 public:
  Walk(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy)
      : nest_(nest), layer_(layer), hierarchy_(hierarchy), inside_(extents_inside(nest, layer)) {
    left_ = bounds_of(layer);
    kept_below_.fill(-1);
  }

  std::string offence() {
    if (nest_.nodes.empty() || !std::holds_alternative<Compute>(nest_.nodes.back())) return "the last node must be `compute`";
    for (std::size_t i = 0; i < nest_.nodes.size() && why_.empty(); ++i) {
      position_ = i;
      std::visit([this](const auto& node) { visit(node); }, nest_.nodes[i]);
    }
    if (why_.empty()) check_whole();
    return why_;
  }

 private:
  [[nodiscard]] std::string here() const { return "node " + std::to_string(position_) + ": "; }
  [[nodiscard]] const std::string& dimension_name(int d) const { return layer_.dimensions[static_cast<std::size_t>(d)].name; }

  void visit(const Compute& /*node*/) {
    if (position_ + 1 != nest_.nodes.size()) why_ = here() + "`compute` must be the last node";
  }

  void cover(int dimension, std::int64_t count) {
    if (dimension < 0 || dimension >= layer_.dimension_count()) {
      why_ = here() + "no such dimension";
    } else if (count < 1) {
      why_ = here() + "the count of " + dimension_name(dimension) + " is " + std::to_string(count) + "; it must be at least 1";
    } else {
      // R9: each iteration covers ceil(what is left / count), the last may cover less, but none nothing.
      auto& left = left_[static_cast<std::size_t>(dimension)];
      const std::int64_t each = ceil_divide(left, count);
      const std::int64_t needed = ceil_divide(left, each);
      if (needed != count)
        why_ = here() + std::to_string(count) + " iterations of " + dimension_name(dimension) + " over " + std::to_string(left) +
               " leave the last with nothing to do; " + std::to_string(needed) + " of " + std::to_string(each) + " suffice";
      else
        left = each;
    }
  }

  void visit(const Loop& node) {
    check_outermost_kept();
    if (why_.empty()) cover(node.dimension, node.count);
  }

  void visit(const SpatialLoop& node) {
    check_outermost_kept();
    if (!why_.empty()) return;
    if (node.fanout < 0 || node.fanout >= hierarchy_.level_count() || !hierarchy_.level(node.fanout).fanout) {
      why_ = here() + "unrolls over a level that has no fanout";
      return;
    }
    cover(node.dimension, node.count);
    if (!why_.empty()) return;
    const Level& level = hierarchy_.level(node.fanout);
    if (node.fanout < innermost_level_)
      why_ = here() + "the fanout of " + quoted(level.name) + " lies above '" + hierarchy_.level(innermost_level_).name +
             "', whose storage node or fanout stands outside it";
    else if (!level.fanout->unrolls(node.axis, dimension_name(node.dimension)))
      why_ = here() + "axis " + (node.axis == Axis::x ? "x" : "y") + " of the fanout of " + quoted(level.name) +
             " cannot unroll " + dimension_name(node.dimension);
    innermost_fanout_ = std::max(innermost_fanout_, node.fanout);
    innermost_level_ = std::max(innermost_level_, node.fanout);
    auto& used = lanes_[static_cast<std::size_t>(node.fanout)][node.axis == Axis::x ? 0 : 1];
    used = checked_multiply(used == 0 ? 1 : used, node.count);
    const std::int64_t size = level.fanout->size(node.axis);
    if (why_.empty() && used > size)
      why_ = here() + "the loops on axis " + (node.axis == Axis::x ? "x" : "y") + " of the fanout of " + quoted(level.name) +
             " need " + std::to_string(used) + " instances; it has " + std::to_string(size);
  }

  void visit(const Store& node) {
    if (node.level < 0 || node.level >= hierarchy_.level_count()) {
      why_ = here() + "no such level";
      return;
    }
    const Level& level = hierarchy_.level(node.level);
    if (node.level <= innermost_fanout_) {
      why_ = here() + "a storage node of " + quoted(level.name) + " must stand outside the fanout of '" +
             hierarchy_.level(innermost_fanout_).name + "'";
      return;
    }
    innermost_level_ = std::max(innermost_level_, node.level);
    if (node.tensors.empty()) why_ = here() + "stores no tensor";
    for (const int t : node.tensors) {
      if (t < 0 || t >= layer_.tensor_count()) {
        why_ = here() + "no such tensor";
        return;
      }
      keep(t, node.level);
      if (!why_.empty()) return;
    }
  }

  void keep(int t, int l) {
    const Tensor& tensor = layer_.tensors[static_cast<std::size_t>(t)];
    const Level& level = hierarchy_.level(l);
    int& kept = kept_below_[static_cast<std::size_t>(t)];
    if (kept == l)
      why_ = here() + quoted(level.name) + " stores " + quoted(tensor.name) + " twice";
    else if (kept > l)
      why_ = here() + quoted(level.name) + " stores " + quoted(tensor.name) + " inside '" + hierarchy_.level(kept).name +
             "', which lies below it";
    else if (at(level.keeps, tensor.role) == Keep::never)
      why_ = here() + quoted(level.name) + " never keeps " + quoted(tensor.name);
    if (!why_.empty()) return;
    kept = l;
    kept_at_.insert({l, t});
    const std::int64_t tile = tile_words(tensor, inside_[position_], hierarchy_.footprint);
    auto& need = needs_[static_cast<std::size_t>(l)][static_cast<std::size_t>(tensor.role)];
    need = checked_add(need, checked_multiply(tile, room_per_word(level, tensor)));
  }

  void check_outermost_kept() {
    for (int t = 0; t < layer_.tensor_count() && why_.empty(); ++t)
      if (kept_below_[static_cast<std::size_t>(t)] < 0)
        why_ = here() + "'" + hierarchy_.level(0).name + "' must store " +
               quoted(layer_.tensors[static_cast<std::size_t>(t)].name) + " before the first loop";
  }

  void check_whole() {
    check_outermost_kept();
    for (int d = 0; d < layer_.dimension_count() && why_.empty(); ++d) {
      if (const std::int64_t left = left_[static_cast<std::size_t>(d)]; left != 1)
        why_ = "the loops over " + dimension_name(d) + " end at tiles of " + std::to_string(left) + "; a loop over " +
               std::to_string(left) + " more must cover its bound " +
               std::to_string(layer_.dimensions[static_cast<std::size_t>(d)].bound);
    }
    for (int l = 0; l < hierarchy_.level_count() && why_.empty(); ++l) check_level(l);
  }

  void check_level(int l) {
    const Level& level = hierarchy_.level(l);
    for (int t = 0; t < layer_.tensor_count(); ++t) {
      const Tensor& tensor = layer_.tensors[static_cast<std::size_t>(t)];
      if (at(level.keeps, tensor.role) == Keep::must && !kept_at_.contains({l, t})) {
        why_ = quoted(level.name) + " must keep " + quoted(tensor.name) + " but no node stores it there";
        return;
      }
    }
    for (const Partition& part : level.partitions) {
      std::int64_t need = 0;
      std::string tensors;
      for (int r = 0; r < kRoles; ++r)
        if (part.holds[static_cast<std::size_t>(r)]) {
          need = checked_add(need, needs_[static_cast<std::size_t>(l)][static_cast<std::size_t>(r)]);
          tensors += (tensors.empty() ? "" : ", ") + std::string(name_of(static_cast<Role>(r))) + " " +
                     std::to_string(needs_[static_cast<std::size_t>(l)][static_cast<std::size_t>(r)]);
        }
      if (need > part.capacity_words) {
        why_ = quoted(level.name) + " would keep " + std::to_string(need) + " words (" + tensors +
               (level.double_buffered ? ", double-buffered" : "") + "); it has " + std::to_string(part.capacity_words);
        return;
      }
    }
  }

  const Nest& nest_;
  const Layer& layer_;
  const Hierarchy& hierarchy_;
  std::vector<Extents> inside_;
  std::string why_;
  std::size_t position_ = 0;
  Extents left_{};                             ///< iterations per dimension that the loops so far leave to those inside
  std::array<int, kMaxTensors> kept_below_{};  ///< innermost level that keeps a tensor so far, -1 = none
  std::set<std::pair<int, int>> kept_at_;
  std::array<std::array<std::int64_t, kRoles>, kMaxLevels> needs_{};  ///< words a level must hold, per role
  std::array<std::array<std::int64_t, 2>, kMaxLevels> lanes_{};       ///< used on each axis of a fanout
  int innermost_level_ = -1;                                          ///< of the storage nodes and fanouts so far
  int innermost_fanout_ = -1;                                         ///< of the spatial loops so far
};

}  // namespace

std::string why_illegal(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy) {
  return Walk(nest, layer, hierarchy).offence();
}

}  // namespace tilepath
