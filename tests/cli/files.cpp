// What newcomers and others' tools meet first: starter files, reports, comparisons with fronts.
#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/run.hpp"

namespace tilepath::testing {

TEST_CASE("init: the starter's files are sound, and nothing that is there is overwritten") {
  const Scratch scratch;
  const std::string folder = scratch.path("chip");
  CHECK(run("init " + folder).code == 0);
  for (const char* file : {"arch.json", "workload.json", "dataflow.json", "sweep.json", "README.md"})
    CHECK(std::filesystem::exists(folder + "/" + file));
  CHECK(run("show " + folder + "/arch.json").code == 0);
  const Ran searched = run("search " + folder + "/workload.json --arch " + folder + "/arch.json --dataflow " + folder +
                           "/dataflow.json --layer conv --remainders none");
  CHECK(searched.code == 0);
  CHECK(searched.out.find("proved") != std::string::npos);
  CHECK(run("sweep plan --seconds 0.2 " + folder + "/sweep.json").code == 0);
  const Ran again = run("init " + folder);
  CHECK(again.code == 2);
  CHECK(again.err == "tilepath: " + folder + "/README.md: is there already; choose another folder\n");
}

TEST_CASE("report: one page with the data in it, what is no result is refused") {
  const Scratch scratch;
  const std::string net = scratch.file(
      "net.json", R"({"schema_version": 1, "name": "</script><b>", "layers": [{"name": "a", "type": "fc", "M": 8, "C": 6}]})");
  CHECK(run("search " + net + " --arch eyeriss-3level --pareto -o " + scratch.path("r.json")).code == 0);
  const Ran made = run("report " + scratch.path("r.json") + " -o " + scratch.path("r.html"));
  CHECK(made.code == 0);
  const std::string page = read_text(scratch.path("r.html"));
  CHECK(page.find("\"words\":48") != std::string::npos);  // the tile of weights
  CHECK(page.find("</script><b>") == std::string::npos);  // a name is no markup
  CHECK(page.find("src=\"http") == std::string::npos);
  CHECK(run("report " + scratch.path("r.json") + " -o -").out == page);
  const Ran wrong = run("report " + net + " -o " + scratch.path("w.html"));
  CHECK(wrong.code == 2);
  CHECK(wrong.err == "tilepath: " + net + ": not a result of `tilepath search`: it has no 'layers' with an 'architecture'\n");
  CHECK(run("report " + scratch.path("r.json") + " -o /no/such/folder/r.html").code == 2);
  auto without = nlohmann::json::parse(read_text(scratch.path("r.json")));
  without.erase("mapspace");
  const std::string broken = scratch.file("broken.json", without.dump());
  const Ran refused = run("report " + broken + " -o " + scratch.path("w.html"));
  CHECK(refused.code == 2);
  CHECK(refused.err == "tilepath: " + broken + ": 'mapspace' is missing\n");
  CHECK(!std::filesystem::exists(scratch.path("w.html")));
}

TEST_CASE("--json: what every command says is JSON on standard output") {
  const Scratch scratch;
  const std::string chip = scratch.path("chip");
  const std::string r = scratch.path("r.json");
  REQUIRE(run("init " + chip).code == 0);
  REQUIRE(
      run("search " + chip + "/workload.json --layer attention --arch " + chip + "/arch.json --remainders none -o " + r).code ==
      0);
  for (const std::string& command :
       {std::string("list"), std::string("doctor"), std::string("show eyeriss"), std::string("show alexnet"),
        std::string("show row-stationary"), std::string("show alexnet-conv2-rs"), "show " + r, "verify " + r, "certify " + r,
        std::string("evaluate --mapping alexnet-conv2-rs"), "sweep plan --seconds 0.2 " + chip + "/sweep.json",
        "export timeloop alexnet --layer conv1 --arch eyeriss -o " + scratch.path("there"),
        "import timeloop " + scratch.path("there") + "/*.yaml -o " + scratch.path("back")}) {
    CAPTURE(command);
    const Ran ran = run(command + " --json");
    CHECK(ran.code == 0);
    CHECK(nlohmann::json::parse(ran.out, nullptr, false).is_structured());
  }
}

TEST_CASE("compare --pareto --verify: each result has its layers' fronts and executions") {
  const Scratch scratch;
  const std::string net =
      scratch.file("net.json", R"({"schema_version": 1, "name": "n", "layers": [{"name": "a", "type": "fc", "M": 8, "C": 6}]})");
  const Ran ran = run("compare " + net + " --arch eyeriss-3level --pareto --verify --no-seconds --json");
  CHECK(ran.code == 0);
  const auto layer = nlohmann::json::parse(ran.out)["results"][0]["result"]["layers"][0];
  CHECK(layer["pareto"].size() >= 1);
  CHECK(layer["verification"]["counts_match"] == true);
}

}  // namespace tilepath::testing
