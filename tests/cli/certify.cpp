// tilepath certify believes no result: each claim that is changed is found.
#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "support/run.hpp"

namespace tilepath::testing {

namespace {

using nlohmann::json;

const char* const kNet =
    R"({"schema_version": 1, "name": "n", "layers": [{"name": "a", "type": "conv", "M": 6, "C": 4, "P": 5, "Q": 4, "R": 3, "S": 1}]})";

json result_of(const Scratch& scratch, const std::string& options) {
  const std::string net = scratch.file("net.json", kNet);
  const std::string out = scratch.path("result.json");
  const Ran ran = run("search " + net + " --arch eyeriss-3level --no-seconds -o " + out + " " + options);
  REQUIRE(ran.code == 0);
  return json::parse(read_text(out));
}

}  // namespace

TEST_CASE("certify: a true result is certified, its bound proved again, and the jobs of its proof") {
  const Scratch scratch;
  for (const char* options : {"", "--objective energy --mapspace even", "--objective latency --remainders none",
                              "--remainders loops", "--remainders loops --objective energy", "--bypass fixed",
                              "--dataflow weight-stationary", "--objective product --exponents 1,3", "--max-cycles 40"}) {
    CAPTURE(options);
    const std::string proof = scratch.path("proof.json");
    const std::string file = scratch.file("r.json", result_of(scratch, std::string(options) + " --proof " + proof).dump());
    CHECK_FALSE(json::parse(std::ifstream(proof)).at("layers").at(0).at("jobs").empty());
    CHECK(run("certify " + file).out.ends_with("certified\n"));
    const Ran bound = run("certify --bound --json " + file);
    CHECK(bound.code == 0);
    const json found = json::parse(bound.out);
    CHECK(found.at("certified").get<bool>());
    CHECK(found.at("layers").at(0).at("bound_rechecked").get<bool>());
    CHECK(run("certify --proof " + proof + " " + file).code == 0);
  }
}

TEST_CASE("certify: a claim that was changed is found") {
  const Scratch scratch;
  const json result = result_of(scratch, "");
  const auto expect = [&](const json& changed, const std::string& message, const std::string& options = "") {
    const Ran ran = run("certify " + options + scratch.file("changed.json", changed.dump()));
    CHECK(ran.code == 1);
    CHECK(ran.out.ends_with("FAILED\n"));
    CHECK_MESSAGE(ran.err.find(message) != std::string::npos, ran.err);
  };
  json changed = result;
  changed["layers"][0]["evaluation"]["energy"] = 1.0;
  expect(changed, "evaluation/energy is claimed to be 1.0, and is ");
  for (const auto& [key, value] :
       {std::pair<std::string, json>{"macs", 7}, {"repeat", 5}, {"dimensions", json::object()}, {"dataflow", "foo"}}) {
    changed = result;
    changed["layers"][0][key] = value;
    expect(changed, key == "repeat" ? "repeat is claimed to be 5, and is 1" : key);
  }
  changed = result;
  changed["layers"][0]["verification"] = {{"outputs_match", false}, {"counts_match", true}};
  expect(changed, "verification/outputs_match is not true");
  changed = result;
  changed["total"]["energy"] = 1.0;
  expect(changed, "total/energy is claimed to be 1.0, and is ");
  changed = result;
  changed["layers"][0]["evaluation"]["levels"][0]["reads"] = 7;
  expect(changed, "evaluation/levels/0/reads is claimed to be 7");
  changed = result;
  changed["layers"][0]["certificate"]["lower_bound"] = 1.0;
  expect(changed, "certificate/proved: the lower bound 1 does not reach the value");
  changed = result;
  changed["layers"][0]["certificate"]["lower_bound"] = 1e12;
  expect(changed, "certificate/lower_bound 1000000000000 is above the mapping's own value");
  changed = result;
  changed["layers"][0]["certificate"]["mapspace_size"] = "12";
  expect(changed, "certificate/mapspace_size is claimed to be \"12\"");
  changed = result;
  changed["constraints"] = json::array(
      {{{"never", {"weights"}}, {"at", "RF"}}, {{"never", {"weights"}}, {"at", "GLB"}}, {{"spatial", {"P"}}, {"fanout", "GLB"}}});
  expect(changed, "the mapping does not obey");
  changed = result;
  changed["mapspace"]["bypass"] = "fixed";
  expect(changed, "the mapping is outside the mapspace: GLB always keeps weights");
  changed = result;
  changed["limits"] = {{"max_cycles", 1}};
  expect(changed, "the mapping exceeds a ceiling");
}

TEST_CASE("certify: a mapping that is not the best is found out by the second proof alone") {
  const Scratch scratch;
  json result = result_of(scratch, "--dataflow output-stationary-b");
  result.erase("constraints");  // the best of fewer, claimed to be the best of all
  const std::string file = scratch.file("worse.json", result.dump());
  CHECK(run("certify " + file).code == 0);
  const Ran ran = run("certify --bound " + file);
  CHECK(ran.code == 1);
  CHECK(ran.err.find("is not one: this mapping's value is ") != std::string::npos);
}

}  // namespace tilepath::testing
