// Sweeps through the real program: killed, resumed, cut in shares, cached, merged, and looked at.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "support/run.hpp"

namespace tilepath::testing {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

/// Small enough to be run many times: two layers, on some tens of designs of which conditions leave some out, and some have
/// faults.
std::string spec(const std::string& more = "") {
  return R"({"schema_version": 1, "name": "small", "arch": "eyeriss-3level", "mapspace": {"remainders": "none"},
 "workloads": [{"schema_version": 1, "name": "two", "layers": [
   {"name": "a", "type": "conv", "M": 4, "C": 4, "P": 4, "Q": 4, "R": 3, "S": 3},
   {"name": "b", "type": "fc", "M": 16, "C": 12, "repeat": 2}]}],
 "dataflows": ["free", "weight-stationary"],
 "parameters": [
  {"pointer": "/levels/1/fanout/x", "values": [1, 2, 4]},
  {"name": "buffer", "pointer": "/levels/1/capacity_words", "from": 32, "to": 256, "times": 2},
  {"pointer": "/levels/2/capacity_words", "values": [0, 2, 4, 8, 16]}],
 "estimate": {"table": "memory", "node": "65", "what": ["area"], "extrapolate": true,
   "levels": {"GLB": {"kind": "sram"}, "RF": {"kind": "register-file"}}},
 "where": ["buffer + units * RF_capacity_words <= 800"])" +
         more + "}";
}

std::vector<Json> records_of(const std::string& path) {
  std::vector<Json> records;
  std::istringstream lines(read_text(path));
  for (std::string line; std::getline(lines, line);) records.push_back(Json::parse(line));
  return records;
}

/// The records of an uninterrupted run.
std::string whole(const Scratch& scratch) {
  const Ran ran = run("sweep run " + scratch.file("spec.json", spec()) + " -o " + scratch.path("whole"));
  REQUIRE(ran.code == 0);
  return read_text(scratch.path("whole/results.jsonl"));
}

}  // namespace

TEST_CASE(
    "sweep: a record for every point that the conditions want, faults among them, each with what it takes to read it alone") {
  const Scratch scratch;
  const std::string text = whole(scratch);
  std::set<std::int64_t> points;
  std::set<std::string> inputs;
  int faults = 0;
  for (const Json& record : records_of(scratch.path("whole/results.jsonl"))) {
    points.insert(record["point"].get<std::int64_t>());
    inputs.insert(record["inputs"].get<std::string>());
    const Json& parameters = record["parameters"];
    CHECK(parameters["buffer"].get<int>() +
              12 * parameters["GLB_fanout_x"].get<int>() * parameters["RF_capacity_words"].get<int>() <=
          800);
    if (parameters["RF_capacity_words"] == 0) {
      CHECK(record["status"] == "invalid");
      CHECK(record["reason"].get<std::string>().find("/levels/2/capacity_words") != std::string::npos);
      ++faults;
    } else {
      CHECK(record["status"] == "done");
      CHECK(record["edp"].get<double>() == record["energy"].get<double>() * record["cycles"].get<double>());
      CHECK(record["area"].get<double>() > 0);
    }
  }
  CHECK(faults == 24);
  CHECK(points.size() == records_of(scratch.path("whole/results.jsonl")).size());
  CHECK(inputs.size() == points.size());
  // What a record says is what a search of its design says.
  for (const Json& record : records_of(scratch.path("whole/results.jsonl"))) {
    if (record["status"] != "done" || record["point"].get<int>() % 7 != 0 || record["dataflow"] != "free") continue;
    const std::string design = scratch.path("design.json");
    REQUIRE(
        run("sweep design " + scratch.path("whole") + " --point " + std::to_string(record["point"].get<int>()) + " -o " + design)
            .code == 0);
    const std::string two = scratch.file("two.json", Json::parse(spec())["workloads"][0].dump());
    const Json found = Json::parse(run("search " + two + " --arch " + design + " --remainders none --json").out);
    CHECK(found["total"]["edp"].get<double>() == doctest::Approx(record["edp"].get<double>()));
    CHECK(found["total"]["energy"].get<double>() == doctest::Approx(record["energy"].get<double>()));
  }
}

TEST_CASE("sweep: the same bytes whatever the threads, the shares and the cache") {
  const Scratch scratch;
  const std::string text = whole(scratch);
  const std::string file = scratch.path("spec.json");
  CHECK(run("sweep run " + file + " -o " + scratch.path("one") + " --threads 1").code == 0);
  CHECK(read_text(scratch.path("one/results.jsonl")) == text);
  for (const std::string cut : {"3", "50"}) {
    const std::string folder = scratch.path("cut" + cut);
    for (int share = std::stoi(cut); share-- > 0;)
      REQUIRE(run("sweep run " + file + " -o " + folder + " --shard " + std::to_string(share) + "/" + cut + " --cache " +
                  scratch.path("cache"))
                  .code == 0);
    CHECK(run("sweep merge " + folder + " -o " + folder + ".jsonl").code == 0);
    CHECK(read_text(folder + ".jsonl") == text);
  }
  // A cache in which every file is damaged is a slow one, not a wrong one.
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(scratch.path("cache"))) {
    if (!entry.is_regular_file()) continue;
    std::string damaged = read_text(entry.path());
    constexpr std::string_view kEnergy = "\"energy\":";
    if (const std::size_t at = damaged.find(kEnergy); ++files % 2 == 0 && at != std::string::npos)
      damaged.insert(at + kEnergy.size(), "1");
    else
      damaged.resize(damaged.size() / 2);
    std::ofstream(entry.path(), std::ios::binary) << damaged;
  }
  CHECK(files > 20);
  CHECK(run("sweep run " + file + " -o " + scratch.path("damaged") + " --cache " + scratch.path("cache")).code == 0);
  CHECK(read_text(scratch.path("damaged/results.jsonl")) == text);
}

TEST_CASE("sweep: a file of records torn at any byte is made whole, no point lost and none done twice") {
  const Scratch scratch;
  const std::string text = whole(scratch);
  const std::string folder = scratch.path("whole");
  REQUIRE(run("sweep run " + folder + " --cache " + scratch.path("cache")).code == 0);
  fs::remove_all(scratch.path("again"));
  REQUIRE(
      run("sweep run " + scratch.path("spec.json") + " -o " + scratch.path("again") + " --cache " + scratch.path("cache")).code ==
      0);
  for (std::size_t size = 0; size <= text.size(); size += size < 600 || size + 600 > text.size() ? 37U : 3001U) {
    CAPTURE(size);
    fs::remove(folder + "/share-00000.done");
    std::ofstream(folder + "/results.jsonl", std::ios::binary | std::ios::trunc) << text.substr(0, size);
    REQUIRE(run("sweep run " + folder + " --cache " + scratch.path("cache")).code == 0);
    REQUIRE(read_text(folder + "/results.jsonl") == text);
  }
}

TEST_CASE("sweep: killed again and again it comes to the end that an uninterrupted run comes to") {
  const Scratch scratch;
  const std::string text = whole(scratch);
  const std::string command = std::string(TILEPATH_BINARY) + " sweep run " + scratch.path("spec.json") + " -o " +
                              scratch.path("killed") + " --cache " + scratch.path("cache") + " --threads 2 >/dev/null 2>&1";
  for (int k = 1; k <= 12; ++k) (void)std::system(("timeout -s KILL 0.0" + std::to_string(2 * k + 10) + " " + command).c_str());
  (void)std::system(command.c_str());
  CHECK(read_text(scratch.path("killed/results.jsonl")) == text);
}

TEST_CASE("sweep: what was begun is not mixed with something else") {
  const Scratch scratch;
  (void)whole(scratch);
  const std::string other = scratch.file("other.json", spec(R"(, "objective": "energy")"));
  Ran ran = run("sweep run " + other + " -o " + scratch.path("whole"));
  CHECK(ran.code == 2);
  CHECK(ran.err == "tilepath: " + scratch.path("whole") +
                       ": holds another sweep, or this one before a file of it changed; choose another folder\n");
  ran = run("sweep run " + scratch.path("spec.json") + " -o " + scratch.path("whole") + " --shard 0/2");
  CHECK(ran.code == 2);
  CHECK(ran.err.find("is cut in 1 share, not 2") != std::string::npos);
  CHECK(run("sweep run " + scratch.path("spec.json") + " -o " + scratch.path("cut") + " --shard 0/2").code == 0);
  ran = run("sweep merge " + scratch.path("cut") + " -o " + scratch.path("m.jsonl"));
  CHECK(ran.code == 1);
  CHECK(ran.err.find("shares 1 of 2 are not complete") != std::string::npos);
  CHECK(!fs::exists(scratch.path("m.jsonl")));
  ran = run("sweep status " + scratch.path("cut"));
  CHECK(ran.code == 0);
  CHECK(ran.out.find("1 done 1 not started of 2") != std::string::npos);
}

TEST_CASE("sweep: the front is what the definition says, and a sweep for the front alone finds it too") {
  const Scratch scratch;
  std::string all = spec();
  const std::string array = R"({"pointer": "/levels/1/fanout/x", "values": [1, 2, 4]})";
  all.replace(all.find(array), array.size(),
              R"({"name": "cost", "pointers": ["/levels/1/read_energy", "/levels/1/write_energy"], "values": [6, 12, 24]})");
  REQUIRE(run("sweep run " + scratch.file("spec.json", all) + " -o " + scratch.path("whole")).code == 0);
  std::vector<Json> done;
  for (const Json& record : records_of(scratch.path("whole/results.jsonl")))
    if (record["status"] == "done") done.push_back(record);
  const auto no_more = [](const Json& a, const Json& b, const std::vector<std::string>& figures) {
    return std::all_of(figures.begin(), figures.end(),
                       [&](const std::string& f) { return a[f].get<double>() <= b[f].get<double>(); });
  };
  for (const std::vector<std::string>& figures : {std::vector<std::string>{"energy", "cycles"}, {"energy", "cycles", "area"}}) {
    std::set<std::int64_t> plain;
    for (const Json& a : done)
      if (std::none_of(done.begin(), done.end(),
                       [&](const Json& b) { return no_more(b, a, figures) && !no_more(a, b, figures); }))
        plain.insert(a["point"].get<std::int64_t>());
    const std::string z = figures.size() == 3 ? " --z area" : "";
    std::set<std::int64_t> found;
    std::istringstream lines(run("sweep front " + scratch.path("whole") + " --x energy --y cycles --format jsonl" + z).out);
    for (std::string line; std::getline(lines, line);) found.insert(Json::parse(line)["point"].get<std::int64_t>());
    CHECK(found == plain);
    if (figures.size() == 2) continue;
    for (const std::string shares : {"1", "3"}) {
      const std::string folder = scratch.path("front" + shares);
      for (int share = 0; share < std::stoi(shares); ++share)
        REQUIRE(run("sweep run " + scratch.path("spec.json") + " --front-only -o " + folder + " --shard " +
                    std::to_string(share) + "/" + shares)
                    .code == 0);
      REQUIRE(run("sweep merge " + folder + " -o " + folder + ".jsonl").code == 0);
      std::set<std::int64_t> merged;
      for (const Json& record : records_of(folder + ".jsonl")) merged.insert(record["point"].get<std::int64_t>());
      CHECK(merged == plain);
      CHECK(read_text(folder + "/share-00000.jsonl").find("\"dominated\"") != std::string::npos);
    }
  }
}

TEST_CASE("sweep: best, sensitivity, export and plan say what the records say") {
  const Scratch scratch;
  (void)whole(scratch);
  const std::string folder = scratch.path("whole");
  Json least;
  for (const Json& record : records_of(folder + "/results.jsonl"))
    if (record["status"] == "done" && (least.is_null() || record["edp"] < least["edp"])) least = record;
  const Ran best = run("sweep best " + folder + " --format jsonl");
  CHECK(Json::parse(best.out) == least);
  const Ran sensitivity = run("sweep sensitivity " + folder);
  CHECK(sensitivity.code == 0);
  CHECK(sensitivity.out.find("point " + std::to_string(least["point"].get<int>()) + " ") == 0);
  CHECK(sensitivity.out.find("RF_capacity_words") != std::string::npos);
  const Ran csv = run("sweep export " + folder);
  CHECK(csv.out.find("point,dataflow,GLB_fanout_x,buffer,RF_capacity_words,energy,cycles,edp,area,status,reason\n") == 0);
  CHECK(static_cast<std::size_t>(std::count(csv.out.begin(), csv.out.end(), '\n')) ==
        records_of(folder + "/results.jsonl").size() + 1);
  const Ran plan = run("sweep plan " + scratch.path("spec.json"));
  CHECK(plan.code == 0);
  CHECK(plan.out.find("small: 120 points\n") == 0);
  CHECK(plan.out.find("legal: " + std::to_string(records_of(folder + "/results.jsonl").size()) + " of 120 points obey") !=
        std::string::npos);
  CHECK(run("sweep front " + folder + " --x enrgy").err ==
        "tilepath: 'enrgy' is no figure of the records; did you mean 'energy'?\n");
}

TEST_CASE("a bad sweep file is refused with file, pointer, what was found and what is allowed") {
  struct Bad {
    const char* what;
    std::string from, to, message;
  };
  const std::vector<Bad> files = {
      {"unknown key", R"("where")", R"("were")", ": /were: unknown key; did you mean 'where'?"},
      {"a place that is none", "/levels/1/capacity_words", "/levels/1/capacity_word",
       ": /parameters/1/pointer: the architecture: /levels/1/capacity_word: unknown key; did you mean 'capacity_words'?"},
      {"a level that is none", "/levels/2/capacity_words", "/levels/7/capacity_words",
       ": /parameters/2/pointer: '/levels/7/capacity_words' is no place in the architecture"},
      {"a range that falls", R"("from": 32, "to": 256)", R"("from": 256, "to": 32)",
       ": /parameters/1/to: expected at least 'from'"},
      {"a factor of 1", R"("times": 2)", R"("times": 1)", ": /parameters/1/times: expected a number above 1"},
      {"step and times", R"("times": 2)", R"("times": 2, "step": 1)",
       ": /parameters/1: expected either 'step' or 'times' with 'from' and 'to'"},
      {"an unknown name", "buffer + units", "bufer + units", ": /where/0: nothing is called 'bufer'; did you mean 'buffer'?"},
      {"half an expression", "<= 800", "<=", ""},
      {"an unknown dataflow", R"("weight-stationary")", R"("weight-stationery")",
       ": /dataflows/1: 'weight-stationery' is neither a file nor one of the ready-made mappings; did you mean "
       "'weight-stationary'?"},
      {"an unknown kind", R"("kind": "sram")", R"("kind": "rram")",
       ": /estimate/levels/GLB/kind: the table has no kind 'rram'; did you mean 'sram'?"},
      {"an unknown process", R"("node": "65")", R"("node": "66")", ""},
      {"another version", R"("schema_version": 1, "name": "small")", R"("schema_version": 2, "name": "small")", ""},
  };
  for (const Bad& bad : files) {
    CAPTURE(bad.what);
    std::string text = spec();
    const std::size_t at = text.find(bad.from);
    REQUIRE(at != std::string::npos);
    text.replace(at, bad.from.size(), bad.to);
    const Scratch scratch;
    const std::string file = scratch.file("bad.json", text);
    const Ran ran = run("sweep run " + file + " -o " + scratch.path("out"));
    CHECK(ran.code == 2);
    CHECK(ran.out.empty());
    CHECK(ran.err.find("tilepath: " + file + ": /") == 0);
    if (!bad.message.empty()) CHECK(ran.err == "tilepath: " + file + bad.message + "\n");
    CHECK(!fs::exists(scratch.path("out/results.jsonl")));
  }
}

TEST_CASE("sweep: linked parameters, fractions, switches and settings arrive in the design") {
  const Scratch scratch;
  const std::string file = scratch.file("linked.json", R"({"schema_version": 1, "name": "linked", "arch": "eyeriss-3level",
 "workloads": ["alexnet"],
 "parameters": [
  {"name": "array", "pointers": ["/levels/1/fanout/x", "/levels/1/fanout/y"], "values": [[2, 3], [8, 8]]},
  {"name": "cost", "pointers": ["/levels/1/read_energy", "/levels/1/write_energy"], "from": 0.1, "to": 0.5, "step": 0.1},
  {"pointer": "/levels/1/fanout/multicast", "values": [true, false]}],
 "set": [{"pointer": "/levels/0/read_bandwidth", "value": "units / 4"}, {"pointer": "/levels/2/capacity_words", "value": "cost > 0.35 ? 16 : 32"}]})");
  const auto design = [&](int point) {
    return Json::parse(run("sweep design " + file + " --point " + std::to_string(point)).out);
  };
  const Json first = design(0);
  CHECK(first["levels"][1]["fanout"]["x"] == 2);
  CHECK(first["levels"][1]["fanout"]["y"] == 3);
  CHECK(first["levels"][0]["read_bandwidth"] == 1.5);
  CHECK(first["levels"][2]["capacity_words"] == 32);
  CHECK(first["levels"][1]["fanout"]["multicast"] == true);
  const Json last = design(19);
  CHECK(last["levels"][1]["fanout"]["y"] == 8);
  CHECK(last["levels"][1]["write_energy"] == doctest::Approx(0.5));
  CHECK(last["levels"][0]["read_bandwidth"] == 16);
  CHECK(last["levels"][2]["capacity_words"] == 16);
  CHECK(run("sweep design " + file + " --point 20").code == 2);
  // A capacity is a whole number, however its range is written.
  const std::string ranges = scratch.file("ranges.json", R"({"schema_version": 1, "name": "ranges", "arch": "eyeriss-3level",
 "workloads": ["alexnet"],
 "parameters": [{"pointer": "/levels/1/capacity_words", "from": 32.0, "to": 72, "times": 1.5}]})");
  for (const auto& [point, words] : {std::pair{0, 32}, {1, 48}, {2, 72}})
    CHECK(Json::parse(run("sweep design " + ranges + " --point " + std::to_string(point)).out)["levels"][1]["capacity_words"] ==
          words);
}

}  // namespace tilepath::testing
