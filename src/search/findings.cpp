#include "findings.hpp"

#include <cstdint>

namespace tilepath {

Findings::Findings() : state_(std::make_unique<State>()) {}
Findings::~Findings() = default;

std::string search_detail::name_of(const Job& lanes) {
  std::string name;
  const auto add = [&name](std::int64_t number) {
    for (int byte = 0; byte < 4; ++byte) name += static_cast<char>(static_cast<std::uint64_t>(number) >> (8 * byte) & 0xffU);
  };
  for (std::size_t l = 0; l < lanes.lanes.size(); ++l)
    for (std::size_t d = 0; d < lanes.lanes[l].size(); ++d)
      if (lanes.lanes[l][d] > 1) {
        add(static_cast<std::int64_t>(l * kMaxDimensions + d));
        add(lanes.lanes[l][d]);
      }
  add(-1);
  for (std::size_t d = 0; d < lanes.deals.size(); ++d)
    if (const Deal& deal = lanes.deals[d]; deal.dealt())
      for (const std::int64_t number : {static_cast<std::int32_t>(d), deal.fanout, deal.chunk, deal.part, deal.x, deal.y})
        add(number);
  return name;
}

}  // namespace tilepath
