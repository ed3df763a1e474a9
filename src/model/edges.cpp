// What double buffers do not hide (R8). A port keeps everything going if its words take longest; but it has nothing to do before
// the first fills of the levels outside it, after the last drains, while the last tile that it sent is in use, and while single
// buffers further out are filled and drained. And where a double buffer lies inside a single one of the same tensor, it begins
// anew with each tile of that.
#include <algorithm>

#include "tilepath/base/quantity.hpp"
#include "traffic.hpp"

namespace tilepath::model_detail {

namespace {

constexpr std::size_t index(int i) { return static_cast<std::size_t>(i); }

class Edges {
 public:
  Edges(Moved& moved, const Nest& nest, const Layer& layer, const Hierarchy& hierarchy, const Often& often)
      : moved_(moved), nest_(nest), layer_(layer), hierarchy_(hierarchy), often_(often) {
    for (int t = 0; t < layer.tensor_count(); ++t) chains_.push_back(chain_of(nest, t, hierarchy));
  }

  void run() {
    for (int t = 0; t < layer_.tensor_count(); ++t) {
      const Chain& chain = chains_[index(t)];
      for (std::size_t k = 1; k < chain.size(); ++k) meet(t, chain[k - 1], chain[k]);
      begin_anew(t, chain);
    }
    for (int t = 0; t < layer_.tensor_count(); ++t) set_uses(t, chains_[index(t)]);
  }

 private:
  [[nodiscard]] bool at_macs(const Stop& stop) const { return stop.level == hierarchy_.level_count(); }
  Meeting& meeting(int level) { return moved_.ports[index(level)].meeting; }

  /// Psums of lanes that no network joins are added where they arrive (R4).
  [[nodiscard]] bool added_there(int t, const Stop& parent, const Stop& child) const {
    const auto first = nest_.nodes.begin() + static_cast<std::ptrdiff_t>(parent.position);
    return std::any_of(first, nest_.nodes.begin() + static_cast<std::ptrdiff_t>(child.position), [&](const Node& node) {
      const auto* lanes = std::get_if<SpatialLoop>(&node);
      return lanes != nullptr && lanes->count > 1 && !layer_.relevant(t, lanes->dimension) &&
             !hierarchy_.level(lanes->fanout).fanout->reduction;
    });
  }

  void meet(int t, const Stop& parent, const Stop& child) {
    if (!layer_.is_output(t)) {
      if (!at_macs(child)) meeting(child.level).operands = true;
      return;
    }
    meeting(parent.level).psums = true;
    meeting(parent.level).adds |= added_there(t, parent, child);
    if (!at_macs(child)) meeting(child.level).sends = hierarchy_.level(child.level).drain_reads;
  }

  /// Deliveries into double buffers inside a single one, at each of its tiles but the first, and drains at each but the last.
  void begin_anew(int t, const Chain& chain) {
    const Stop* single = nullptr;
    for (std::size_t k = 1; k + 1 < chain.size(); ++k) {
      if (!hierarchy_.level(chain[k].level).double_buffered) {
        single = &chain[k];
        continue;
      }
      if (single == nullptr) continue;
      const Ends& ends = moved_.ends[index(t)][index(chain[k].level)];
      const std::int64_t visits = often_.visits(t, single->position);
      const std::int64_t first = layer_.is_output(t) ? often_.first_visits(t, single->position) : 1;
      moved_.ports[index(single->level)].anew += ends.fill * (visits - first) + ends.drain * (visits - 1);
    }
  }

  /// How many steps a tile kept at `position` is used for: those inside the first loop outside that moves it. 0: it never moves.
  [[nodiscard]] double used(int t, std::size_t position) const {
    for (std::size_t i = position; i-- > 0;) {
      const auto* outer = std::get_if<Loop>(&nest_.nodes[i]);
      if (outer == nullptr || outer->count == 1 || !layer_.relevant(t, outer->dimension)) continue;
      return static_cast<double>(often_.steps_inside(i));
    }
    return 0;
  }

  /// The tile that is used shortest is the last to come, of those that a port carries; what the MACs themselves read and what
  /// drains carry can be later than all of them.
  void set_uses(int t, const Chain& chain) {
    for (std::size_t k = 1; k + 1 < chain.size(); ++k) {
      const double steps = used(t, chain[k].position);
      if (steps == 0) continue;
      Meeting& parent = meeting(chain[k - 1].level);
      Meeting& here = meeting(chain[k].level);
      if (sends_last(chain[k - 1].level)) lessen(parent.used_after_reads, steps);
      if (!here.psums) lessen(here.used_after_writes, steps);
      // The outermost level takes in nothing but psums; with no node inside it would have those of the MACs at once.
      if (layer_.is_output(t) && k == 1) lessen(parent.used_before_writes, steps);
    }
  }
  static void lessen(double& least, double steps) { least = least == 0 ? steps : std::min(least, steps); }

  /// Whether the last words that a level sends are those of a tile.
  [[nodiscard]] bool sends_last(int level) {
    return !meeting(level).adds && !meeting(level).sends && std::none_of(chains_.begin(), chains_.end(), [&](const auto& chain) {
      return chain[chain.size() - 2].level == level;
    });
  }

  Moved& moved_;
  const Nest& nest_;
  const Layer& layer_;
  const Hierarchy& hierarchy_;
  const Often& often_;
  std::vector<Chain> chains_;  ///< per tensor
};

}  // namespace

bool comes_before(int level, int of, bool writes, const Meeting& meeting) {
  if (writes) return level < of || !meeting.operands;  // psums arrive when all first fills are over
  return level <= of;
}

bool comes_after(int level, int of, bool writes, const Meeting& meeting) {
  if (writes) return level <= of || !meeting.psums;
  // Drains give way to all else, so that those before the last may be late too.
  if (meeting.sends) return level < of;
  return level <= of || !meeting.adds;
}

bool rests(int level, int of, bool writes, bool drains, bool drain_reads) {
  if (level == 0 || of != level) return level > 0 && of > level;
  return !writes && !(drains && drain_reads);
}

void set_edges(Moved& moved, const Nest& nest, const Layer& layer, const Hierarchy& hierarchy, const Often& often) {
  Edges(moved, nest, layer, hierarchy, often).run();
}

}  // namespace tilepath::model_detail
