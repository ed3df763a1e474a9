// Several results side by side.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "support/run.hpp"

namespace tilepath::testing {

using Json = nlohmann::json;

TEST_CASE("compare: each result is that of a search of its own, and a pair that cannot be does not hide the others") {
  const Scratch scratch;
  const std::string net = scratch.file("net.json", R"({"schema_version": 1, "name": "net", "layers": [
    {"name": "a", "type": "conv", "M": 8, "C": 4, "P": 6, "Q": 6, "R": 3, "S": 3}, {"name": "b", "type": "fc", "M": 10, "C": 20}]})");
  const std::string tiny = scratch.file("tiny.json", R"({"schema_version": 1, "name": "tiny", "energy_unit": "mac", "levels": [
    {"name": "DRAM", "read_energy": 200, "write_energy": 200},
    {"name": "GLB", "capacity_words": 2, "read_energy": 6, "write_energy": 6, "fanout": {"x": 2}},
    {"name": "RF", "capacity_words": 2, "read_energy": 1, "write_energy": 1}], "compute": {"mac_energy": 1}})");
  const Ran ran = run("compare " + net + " --arch eyeriss-3level --arch " + tiny +
                      " --dataflow free --dataflow row-stationary --remainders none --no-seconds -o " + scratch.path("all.json"));
  CHECK(ran.code == 0);
  CHECK(ran.out.find("no legal mapping") != std::string::npos);
  CHECK(ran.err.find("tilepath: ") == 0);
  const Json all = Json::parse(read_text(scratch.path("all.json")));
  REQUIRE(all["results"].size() == 4);
  CHECK(all["results"][3].contains("reason"));
  const Json own = Json::parse(
      run("search " + net + " --arch eyeriss-3level --dataflow row-stationary --remainders none --no-seconds --json").out);
  CHECK(all["results"][1]["result"] == own);
  // Without anything to compare it is a refusal.
  CHECK(run("compare " + net + " --arch " + tiny + " --dataflow row-stationary --remainders none").code == 3);
  CHECK(run("compare " + net + " --arch no-such-arch").code == 2);
}

TEST_CASE("compare: objectives one after the other come to what searches of their own come to, and share a front") {
  const Scratch scratch;
  const std::string net = scratch.file("net.json", R"({"schema_version": 1, "name": "net", "layers": [
    {"name": "a", "type": "conv", "M": 8, "C": 4, "P": 6, "Q": 6, "R": 3, "S": 3}, {"name": "b", "type": "fc", "M": 10, "C": 20}]})");
  for (const std::string arch : {"eyeriss-3level", "eyeriss"}) {
    const Ran ran = run("compare " + net + " --arch " + arch +
                        " --objective energy --objective edp --objective latency --pareto -o " + scratch.path("all.json"));
    REQUIRE(ran.code == 0);
    CHECK(ran.out.find("least") != std::string::npos);
    const Json all = Json::parse(read_text(scratch.path("all.json")));
    REQUIRE(all["results"].size() == 3);
    for (const Json& each : all["results"]) {
      const std::string objective = each["objective"];
      CHECK(each["result"]["objective"] == objective);
      const Json own =
          Json::parse(run("search " + net + " --arch " + arch + " --pareto --objective " + objective + " --json").out);
      for (std::size_t layer = 0; layer < 2; ++layer) {
        const Json& found = each["result"]["layers"][layer];
        CHECK(found["certificate"]["proved"] == true);
        CHECK(found["certificate"]["lower_bound"] == own["layers"][layer]["certificate"]["lower_bound"]);
        const auto points = [](const Json& of) {
          std::vector<std::pair<Json, Json>> all_points;
          for (const Json& point : of["pareto"]) all_points.emplace_back(point["energy"], point["cycles"]);
          return all_points;
        };
        CHECK(!points(found).empty());
        CHECK(points(found) == points(own["layers"][layer]));
      }
    }
  }
  const Ran wrong = run("compare " + net + " --arch eyeriss --objective edp --objective speed");
  CHECK(wrong.code == 2);
  CHECK(wrong.err.find("expected edp|energy|latency|ed2p|product, found 'speed'") != std::string::npos);
}

}  // namespace tilepath::testing
