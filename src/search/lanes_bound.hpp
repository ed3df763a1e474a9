// What no mapping undercuts that has these lanes: known from counting, before any of its nests is looked at.
//
// Each tensor has an innermost node, which the MACs read and update, and among the outer levels a nearest one, from which all
// that lies further in comes (it may be the same). The outer nodes cost at least what they cost solved on their own. Between the
// two every word passes once; and a word that the MACs ask for serves at most all lanes that need it at once. The bound is the
// least over where these nodes may stand.
#pragma once

#include <array>
#include <vector>

#include "lanes.hpp"
#include "lattice.hpp"
#include "prices.hpp"
#include "tilepath/search/search.hpp"

namespace tilepath::search_detail {

/// What the lanes of a job leave of each bound to fanouts further in; a dimension that is dealt is done.
Extents left_by(const Layer& layer, const Job& job);
/// Steps of the dimensions that are dealt.
double dealt_steps(const Layer& layer, const Job& job);

class LanesBound {
 public:
  /// `outer`: of the outer nodes, whichever levels of `keeping` keep their tensors. It is asked only where it matters.
  LanesBound(const Problem& problem, const Keeping& keeping, OuterEnergy outer);

  /// With the lanes of the fanouts outside level `fanouts` chosen and the others as wide as they are.
  [[nodiscard]] Score of(const Job& job, int fanouts);

  /// All that `outer` may be asked for.
  [[nodiscard]] std::vector<Nearest> nearests() const;

  /// Of choices of lanes that are begun for one fanout, those outside it chosen. Must not outlive the bound.
  class Begun {
   public:
    [[nodiscard]] Score operator()(const LanesBegun& begun) const;

   private:
    friend LanesBound;
    /// The MACs' accesses to a tensor if a level is its innermost.
    struct Access {
      double shared = 0, apart = 0;  ///< energy: shared / lanes that share each word + apart
      double updates = 0;            ///< of psums, if no lanes of this fanout share any
      double group = 1;              ///< lanes of other fanouts that hold the same outputs
    };
    LanesBound* bound_ = nullptr;
    int fanout_ = 0;
    double steps_ = 1, inner_lanes_ = 1;
    std::vector<std::array<Access, kMaxLevels>> accesses_;  ///< per tensor
  };
  [[nodiscard]] Begun begin(const Job& job, int fanout);

 private:
  using ByLevel = std::array<double, kMaxLevels>;
  /// What the MACs read and write of a tensor at a level.
  struct MacAccess {
    double energy = 0;  ///< of each access
    double once = 0;    ///< of those that are counted elsewhere, or not made: as many as the tensor has words
  };
  /// Of a word of psums at a level, whatever its parent: energy of a visit, at least and at most; and of the way further in, at
  /// most, which a word that starts from zero saves.
  struct PsumVisit {
    double cheapest = 0, dearest = 0, saved_further_in = 0;
  };
  /// From a tensor's nearest outer node to its innermost one.
  struct Way {
    std::uint8_t nearest = 0;  ///< see Nearest
    int innermost = 0;
    double energy = 0;  ///< of every word once
  };
  /// Where the nearest outer nodes stand, and what all outer nodes then cost at least.
  struct Standing {
    Nearest nearest{};
    double energy = 0;
    bool solved = false;  ///< together; else each word once
  };

  void set_ways(int t);
  void set_mac_access(int t, int level);
  void set_psum_visits();
  [[nodiscard]] bool may_end(int t, int level, int last) const;
  [[nodiscard]] double access_energy(int t, int level, bool write) const;
  [[nodiscard]] double least_way(int t, int from, int to) const;
  [[nodiscard]] Score score(const std::array<ByLevel, kMaxTensors>& accesses, double steps);
  [[nodiscard]] double least_energy(const std::array<ByLevel, kMaxTensors>& accesses);
  /// `inside`: per level, see search_detail::inside.
  [[nodiscard]] ByLevel least_accesses(const Job& job, int t, const std::array<Extents, kMaxLevels>& inside) const;
  [[nodiscard]] bool fits(int t, int level, const Extents& inside) const;
  [[nodiscard]] double least_psum_reads(int level, double updates, double group) const;
  [[nodiscard]] double most_group(const Job& job, int level) const;
  [[nodiscard]] double most_sharing(const Job& job, int t, int level) const;
  [[nodiscard]] double lanes_from(int level) const;

  const Problem& problem_;
  const Layer& layer_;
  const Hierarchy& hierarchy_;
  Keeping keeping_;
  OuterEnergy outer_;
  std::array<std::array<bool, kMaxDimensions>, kMaxTensors> relevant_{};
  std::array<double, kMaxTensors> words_{};
  double macs_ = 0;
  Cost floor_{};  ///< of the MACs, and of the ports of the outermost level
  std::array<std::array<MacAccess, kMaxLevels>, kMaxTensors> mac_access_{};
  std::array<PsumVisit, kMaxLevels> psum_visits_{};
  std::array<std::vector<Way>, kMaxTensors> ways_;
  std::vector<Standing> standings_ = {{}};
};

}  // namespace tilepath::search_detail
