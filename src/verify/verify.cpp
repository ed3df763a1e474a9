#include "tilepath/verify/verify.hpp"

#include <algorithm>
#include <chrono>
#include <future>

#include "tilepath/execute/execute.hpp"
#include "tilepath/execute/reference.hpp"

namespace tilepath {

std::string first_difference(const Counts& model, const Counts& execution, const Layer& layer, const Hierarchy& hierarchy) {
  std::string difference;
  const auto compare = [&](const std::string& what, std::int64_t predicted, std::int64_t counted) {
    if (difference.empty() && predicted != counted)
      difference = what + ": model " + std::to_string(predicted) + ", execution " + std::to_string(counted);
  };
  compare("MACs", model.macs, execution.macs);
  for (int l = 0; l < hierarchy.level_count(); ++l)
    for (int t = 0; t < layer.tensor_count(); ++t) {
      const auto level = static_cast<std::size_t>(l);
      const auto tensor = static_cast<std::size_t>(t);
      const std::string who = hierarchy.level(l).name + " " + layer.tensors[tensor].name + " ";
      const Traffic& a = model.levels[level][tensor];
      const Traffic& b = execution.levels[level][tensor];
      compare(who + "reads", a.reads.value(), b.reads.value());
      compare(who + "fills", a.fills.value(), b.fills.value());
      compare(who + "updates", a.updates.value(), b.updates.value());
      compare(who + "drains", a.drains.value(), b.drains.value());
      const NetworkTraffic& c = model.network[level][tensor];
      const NetworkTraffic& d = execution.network[level][tensor];
      compare(who + "words down its fanout", c.down.value(), d.down.value());
      compare(who + "words up its fanout", c.up.value(), d.up.value());
    }
  return difference;
}

Verification verify(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy, const Counts& expected, std::uint64_t seed,
                    const std::stop_token& stop) {
  const auto start = std::chrono::steady_clock::now();
  const std::vector<Values> operands = make_operands(layer, seed);
  // The reference takes about as long as the execution, and neither needs the other; a small layer is done before a thread
  // begins.
  constexpr std::int64_t kLarge = 1'000'000;  // MACs
  std::future<Values> expected_outputs = std::async(macs(layer) > kLarge ? std::launch::async : std::launch::deferred,
                                                    [&] { return reference(layer, operands, stop); });
  const Execution execution = execute(nest, layer, hierarchy, operands, stop);
  const Values wanted = expected_outputs.get();
  Verification result;
  result.cycles = execution.cycles;
  result.outputs_match = execution.outputs == wanted;
  result.difference = first_difference(expected, execution.counts, layer, hierarchy);
  result.counts_match = result.difference.empty();
  if (!result.outputs_match) {
    const auto at = std::mismatch(wanted.begin(), wanted.end(), execution.outputs.begin(), execution.outputs.end());
    result.difference = "output word " + std::to_string(at.first - wanted.begin()) + " differs from the reference";
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace tilepath
