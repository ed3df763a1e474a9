// Counts that another tool reported for its own mappings: equal to ours, or different by a rule that is named.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "tilepath/formats/architecture.hpp"
#include "tilepath/formats/mapping.hpp"
#include "tilepath/formats/workload.hpp"
#include "tilepath/mapping/legal.hpp"
#include "tilepath/model/evaluate.hpp"

namespace tilepath::testing {

namespace {

/// The rule and our count, where the file says that they differ.
const Json* difference(const Json& root, const Json& reported, const std::string& count) {
  for (const Json& each : root.at("differences"))
    if (each.at("level") == reported.at("level") && each.at("tensor") == reported.at("tensor") && each.at("count") == count)
      return &each;
  return nullptr;
}

}  // namespace

TEST_CASE("model: counts that Timeloop reported are ours, but for differences that a rule explains") {
  int equal = 0;
  int explained = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(TILEPATH_SOURCE_DATA) + "/tests/data/timeloop")) {
    if (entry.path().extension() != ".json") continue;
    const Document document = read_document(entry.path().string());
    if (!document.root.contains("reported")) continue;
    const Cursor root(document);
    CAPTURE(document.name);
    const Layer layer = read_layer(root.at("layer"));
    Hierarchy hierarchy =
        read_architecture(read_document(std::string(TILEPATH_SOURCE_DATA) + "/arch/" + root.at("arch").text() + ".json"));
    if (root.has("sliding"))
      for (const Cursor& level : root.at("sliding").elements())
        hierarchy.levels[static_cast<std::size_t>(level_of(level, hierarchy))].retention = Retention::sliding;
    const Nest nest = read_nodes(root.at("mapping"), layer, hierarchy);
    REQUIRE(why_illegal(nest, layer, hierarchy).empty());
    const Evaluation evaluation = evaluate(nest, layer, hierarchy);
    for (const Cursor& reported : root.at("reported").elements(1)) {
      const Traffic& ours = evaluation.counts.levels[static_cast<std::size_t>(level_of(reported.at("level"), hierarchy))]
                                                    [static_cast<std::size_t>(tensor_of(reported.at("tensor"), layer))];
      const auto check = [&](const std::string& count, Words mine) {
        CAPTURE(reported.json().dump());
        CAPTURE(count);
        const auto theirs = reported.at(count).json().get<std::int64_t>() * reported.at("instances").json().get<std::int64_t>();
        if (const Json* known = difference(document.root, reported.json(), count)) {
          CHECK(mine.value() == known->at("ours").get<std::int64_t>());
          CHECK(mine.value() != theirs);
          ++explained;
        } else {
          CHECK(mine.value() == theirs);
          ++equal;
        }
      };
      check("reads", ours.reads);
      check("fills", ours.fills);
      check("updates", ours.updates);
    }
  }
  CHECK(equal == 105);
  CHECK(explained == 3);
}

}  // namespace tilepath::testing
