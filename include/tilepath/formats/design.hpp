// The design at one point of a sweep: the architecture with that point's values in it.
#pragma once

#include <string>
#include <vector>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/explore/expression.hpp"
#include "tilepath/explore/grid.hpp"
#include "tilepath/formats/sweep.hpp"

namespace tilepath {

struct Design {
  std::int64_t point = 0;
  std::size_t dataflow = 0;  ///< index in Sweep::dataflows
  Json parameters;           ///< name: value
  Json architecture;         ///< a whole architecture file
  Hierarchy hierarchy;
  double area = 0;     ///< mm2
  bool wanted = true;  ///< all conditions hold
  std::string fault;   ///< why there is no such architecture; then the last three say nothing
  [[nodiscard]] bool sound() const { return fault.empty(); }
};

/// Makes designs. Not to be shared between threads.
class Designer {
 public:
  /// `sweep` must outlive it.
  explicit Designer(const Sweep& sweep);
  Design operator()(std::int64_t point);

 private:
  struct Rule {
    std::string place;
    Expression expression;
  };
  void vary(Design& design) const;
  void settle(Design& design);
  void estimate(Design& design, const SweepEstimate::Memory& memory) const;
  void fill(Design& design);
  [[nodiscard]] double value(Rule& rule, const Design& design) const;
  [[nodiscard]] double value_of(const std::string& name, const Design& design) const;

  const Sweep& sweep_;
  Grid grid_;
  std::vector<Rule> settings_, conditions_, fill_;
};

}  // namespace tilepath
