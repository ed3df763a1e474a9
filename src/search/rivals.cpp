#include "rivals.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>

#include "tilepath/base/quantity.hpp"
#include "tilepath/mapping/halo_rule.hpp"

namespace tilepath::search_detail {

namespace {

constexpr std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Whether nothing is paid for copies of psums inside a fanout but the reads of those that do not start from zero.
bool copies_of_psums_are_free(const Problem& problem, const Keeping& keeping, int fanout) {
  int inside = 0;
  for (int l = 0; l < problem.hierarchy.level_count(); ++l) {
    const Level& level = problem.hierarchy.level(l);
    if (level.drain_reads) return false;
    if (level.fanout && (!level.fanout->reduction || at(level.fanout->energy_per_word, Role::outputs) > 0)) return false;
    if (l > fanout) inside += static_cast<int>(keeping.may[index(problem.layer.output())] >> l & 1U);
  }
  return inside <= 1 && problem.parts.count == 1;
}

/// Whether boxes around the parts of a dimension hold words that no part needs: fewer of them in more lanes.
bool boxes_gaps(const Problem& problem, int dimension) {
  if (problem.hierarchy.footprint != Footprint::box) return false;
  for (const Tensor& tensor : problem.layer.tensors)
    for (const Rank& rank : tensor.ranks)
      for (const Term& term : rank)
        if (term.dimension == dimension && term.coefficient > 1) return true;
  return false;
}

}  // namespace

Rivals::Rivals(const Problem& problem, const Keeping& keeping, int fanout) : fanout_(fanout) {
  const Layer& layer = problem.layer;
  const bool free = copies_of_psums_are_free(problem, keeping, fanout);
  for (int d = 0; d < layer.dimension_count(); ++d) {
    Wish& wish = wishes_[index(d)];
    bool of_all_operands = true;
    for (int t = 0; t < layer.tensor_count(); ++t)
      of_all_operands = of_all_operands && (layer.is_output(t) || layer.relevant(t, d));
    if (along_halo(layer, d))
      wish = Wish::same_parts;
    else if (boxes_gaps(problem, d))
      wish = Wish::same_lanes;
    else if (layer.relevant(layer.output(), d))
      wish = Wish::fewest;
    else
      wish = free && of_all_operands ? Wish::most : Wish::same_lanes;
  }
}

bool Rivals::enter(const Job& lanes, std::size_t number) {
  Entry entry{number, {}};
  Job common = lanes;
  for (std::size_t d = 0; d < common.deals.size(); ++d) {
    Deal& deal = common.deals[d];
    if (deal.fanout != fanout_) continue;
    if (wishes_[d] == Wish::same_parts) {
      // Where columns are whole parts, these come one after the other, however many there are in a column.
      if (ceil_divide(deal.chunk, deal.x) % deal.part == 0) deal.x = deal.y = 0;
      continue;
    }
    const std::int32_t at_work = deal.lanes();
    // In place of x and y: what has to be the same.
    const std::int32_t all_or_not = deal.idles() ? 2 : 1;
    deal.y = deal.ends_short() ? deal.lanes_at_last() : 1;
    deal.x = wishes_[d] == Wish::same_lanes ? at_work : all_or_not;
    if (wishes_[d] == Wish::fewest) entry.lanes[d] = at_work;
    if (wishes_[d] == Wish::most) entry.lanes[d] = -at_work;
  }
  const auto no_worse = [](const Entry& a, const Entry& b) {
    return std::equal(a.lanes.begin(), a.lanes.end(), b.lanes.begin(), std::less_equal<>());
  };
  std::vector<Entry>& rivals = entries_[std::move(common)];
  if (std::any_of(rivals.begin(), rivals.end(), [&](const Entry& rival) { return no_worse(rival, entry); })) return false;
  std::erase_if(rivals, [&](const Entry& rival) {
    if (!no_worse(entry, rival)) return false;
    outdone_.push_back(rival.number);
    return true;
  });
  rivals.push_back(entry);
  return true;
}

}  // namespace tilepath::search_detail
