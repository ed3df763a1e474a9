// The commands as a user runs them.
#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "support/run.hpp"

namespace tilepath::testing {

using nlohmann::json;

TEST_CASE("every ready-made mapping evaluates and is verified by execution") {
  for (const char* name : {"alexnet-conv2-rs", "resnet50-conv3x3-ws", "alexnet-conv3-os", "alexnet-conv3-nlr"}) {
    CAPTURE(name);
    const Ran evaluated = run(std::string("evaluate --json --mapping ") + name);
    CHECK(evaluated.code == 0);
    CHECK(json::parse(evaluated.out).at("evaluation").at("energy").get<double>() > 0);
    CHECK(run(std::string("verify --mapping ") + name).code == 0);
    CHECK(run(std::string("show ") + name).code == 0);
  }
}

TEST_CASE("search writes the same bytes with any number of threads, a network's layers and one alone") {
  for (const char* what : {"squeezenet1.1 --arch eyeriss-3level", "resnet50 --arch eyeriss-3level --layer layer2.0.conv2"}) {
    const std::string first = run(std::string("search ") + what + " --no-seconds --json --threads 1").out;
    for (const char* threads : {"2", "8"})
      CHECK(run(std::string("search ") + what + " --no-seconds --json --threads " + threads).out == first);
    const json result = json::parse(first);
    for (const json& layer : result.at("layers")) CHECK(layer.at("certificate").at("proved").get<bool>());
  }
}

TEST_CASE("search executes what it found on request, and verify takes its result") {
  const Scratch scratch;
  const std::string path = scratch.path("r.json");
  CHECK(
      run("search squeezenet1.1 --layer fire2/squeeze --layer fire6/squeeze --layer fire6/e3 --arch eyeriss-3level --verify -o " +
          path)
          .code == 0);
  CHECK(run("verify " + path).code == 0);
  const std::string first = read_text(path);
  json result = json::parse(first);
  for (const json& layer : result.at("layers")) {
    CHECK(layer.at("verification").at("counts_match").get<bool>());
    CHECK(layer.at("verification").at("outputs_match").get<bool>());
  }
  SUBCASE("a result with one count changed is rejected") {
    json& reads = result["layers"][0]["evaluation"]["levels"][0]["reads"];
    reads = reads.get<std::int64_t>() + 1;
    const Ran ran = run("verify " + scratch.file("changed.json", result.dump()));
    CHECK(ran.code == 1);
    CHECK(ran.out.find("is claimed to be") != std::string::npos);
  }
  SUBCASE("a result with one loop changed is rejected") {
    for (json& node : result["layers"][0]["mapping"])
      if (node.contains("for")) {
        node["count"] = node["count"].get<int>() + 1;
        break;
      }
    CHECK(run("verify " + scratch.file("changed.json", result.dump())).code == 2);
  }
}

TEST_CASE("--play: mappings are scored by their schedule, and the result is verified and certified as such") {
  const Scratch scratch;
  const auto search = [&](const std::string& options, const std::string& name) {
    const Ran ran = run("search mobilenet_v2 --layer b15.expand --arch tpu-v1 -o " + scratch.path(name) + options);
    CHECK(ran.code == 0);
    return json::parse(read_text(scratch.path(name)));
  };
  const json closed_form = search("", "closed.json").at("layers").at(0);
  json result = search(" --play", "played.json");
  const json& played = result.at("layers").at(0);
  const auto cycles = [](const json& layer, const char* by) { return layer.at(by).at("cycles").get<double>(); };
  CHECK(cycles(closed_form, "schedule") > 1.05 * cycles(closed_form, "evaluation"));
  CHECK(result.at("played") == true);
  CHECK(cycles(played, "evaluation") == std::floor(cycles(played, "schedule")));
  CHECK(played.at("evaluation").at("edp").get<double>() <
        closed_form.at("evaluation").at("energy").get<double>() * cycles(closed_form, "schedule"));
  CHECK(played.at("certificate").at("gap").get<double>() > 0);
  CHECK(played.at("certificate").at("lower_bound") == closed_form.at("certificate").at("lower_bound"));
  for (const char* name : {"closed.json", "played.json"}) {
    CHECK(run("certify " + scratch.path(name)).code == 0);
    CHECK(run("verify " + scratch.path(name)).code == 0);
  }
  result["layers"][0]["schedule"]["cycles"] = 1;
  const Ran changed = run("certify " + scratch.file("changed.json", result.dump()));
  CHECK(changed.code == 1);
  CHECK(changed.err.find("schedule/cycles is claimed to be 1, and is ") != std::string::npos);
  const Ran refused = run("search mobilenet_v2 --layer b15.expand --arch tpu-v1 --play --pareto");
  CHECK(refused.code == 2);
  CHECK(refused.err == "tilepath: --play: not with --pareto, --max-cycles or --max-energy, which hold for the closed form\n");
}

TEST_CASE("results go to standard output as JSON on request, the table to standard error, and nothing is drawn when piped") {
  const Ran ran = run("search alexnet --layer fc8 --arch eyeriss-3level --json");
  CHECK(ran.code == 0);
  CHECK(json::parse(ran.out).at("layers").size() == 1);
  CHECK(ran.err.find("fc8") != std::string::npos);
  CHECK(ran.err.find('\r') == std::string::npos);
  CHECK(ran.err.find('\033') == std::string::npos);
}

TEST_CASE("a workload can come from standard input") {
  const Ran ran =
      run("search - --arch eyeriss-3level --json",
          R"({"schema_version": 1, "name": "t", "layers": [{"name": "a", "type": "matmul", "M": 8, "C": 8, "P": 8}]})");
  CHECK(ran.code == 0);
  CHECK(json::parse(ran.out).at("total").at("macs").get<int>() == 512);
}

TEST_CASE("a time limit gives the best found so far with an honest gap") {
  const Ran ran = run("search vgg16 --layer conv3-2 --arch cpu-x86 --time-limit 0.3 --json");
  CHECK(ran.code == 0);
  const json certificate = json::parse(ran.out).at("layers").at(0).at("certificate");
  CHECK(!certificate.at("proved").get<bool>());
  CHECK(certificate.at("gap").get<double>() > 0);
  CHECK(certificate.at("lower_bound").get<double>() > 0);
}

TEST_CASE("an interrupted search keeps what it has, with an honest gap, and exits with 130") {
  const Scratch scratch;
  const std::string out = scratch.path("r.json");
  // `run` hands this to a shell: the search goes on in the background until it is interrupted.
  const std::string said = scratch.path("said");
  const Ran ran = run("search vgg16 --layer conv3-2 --layer conv4-2 --arch cpu-x86 -o " + out + " >/dev/null 2>" + said +
                      " & P=$!; sleep 1; kill -INT $P; wait $P");
  CHECK(ran.code == 130);
  CHECK(read_text(said) == "tilepath: interrupted; what was found is reported with its gap\n");
  const json result = json::parse(read_text(out));
  CHECK(result.at("layers").size() == 2);
  for (const json& layer : result.at("layers")) CHECK(layer.at("certificate").at("gap").get<double>() > 0);
  CHECK(run("certify " + out).code == 0);
}

TEST_CASE("help and version answer") {
  CHECK(run("--version").out == "tilepath 0.1.0\n");
  for (const char* command : {"", "search", "evaluate", "verify", "certify", "show", "list"}) {
    const Ran ran = run(std::string(command) + " --help");
    CHECK(ran.code == 0);
    CHECK(ran.out.find("Usage") != std::string::npos);
  }
  CHECK(run("list").out.find("eyeriss-3level") != std::string::npos);
}

}  // namespace tilepath::testing
