// Bad input gets one clear message and exit code 2: a table of inputs and the whole message of each.
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "support/run.hpp"

namespace tilepath::testing {

namespace {

const std::string kHead = R"({"schema_version": 1, "name": "t", "layers": [)";
const std::string kConv = R"({"name": "c", "type": "conv", "M": 4, "C": 2, "P": 3)";

struct BadFile {
  const char* what;
  std::string text;
  const char* message;  ///< after "tilepath: FILE: "
};

void expect_each(const std::vector<BadFile>& files, const std::string& before, const std::string& after) {
  for (const BadFile& file : files) {
    CAPTURE(file.what);
    const Scratch scratch;
    const std::string path = scratch.file("bad.json", file.text);
    const Ran ran = run(before + path + after);
    CHECK(ran.code == 2);
    CHECK(ran.out.empty());
    CHECK(ran.err == "tilepath: " + path + ": " + file.message + "\n");
  }
}

}  // namespace

TEST_CASE("a bad workload file is refused with file, pointer, what was found and what is allowed") {
  expect_each(
      {
          {"unknown key", kHead + kConv + R"(, "strides": 2}]})", "/layers/0/strides: unknown key; did you mean 'stride'?"},
          {"wrong type", kHead + kConv + R"(, "Q": "7"}]})",
           "/layers/0/Q: expected an integer from 1 to 2147483647, found \"7\""},
          {"not whole", kHead + kConv + R"(, "Q": 7.5}]})", "/layers/0/Q: expected an integer from 1 to 2147483647, found 7.5"},
          {"zero", kHead + kConv + R"(, "stride": 0}]})", "/layers/0/stride: expected an integer from 1 to 1048576, found 0"},
          {"negative", kHead + kConv + R"(, "Q": -3}]})", "/layers/0/Q: expected an integer from 1 to 2147483647, found -3"},
          {"2^40", kHead + kConv + R"(, "Q": 1099511627776}]})",
           "/layers/0/Q: expected an integer from 1 to 2147483647, found 1099511627776"},
          {"2^70", kHead + kConv + R"(, "Q": 1180591620717411303424}]})",
           "/layers/0/Q: expected an integer from 1 to 2147483647, found 1.1805916207174113e+21"},
          {"too many MACs", kHead + R"({"name": "c", "type": "fc", "M": 2147483647, "C": 2147483647, "N": 9}]})",
           "/layers/0: layer 'c': the product of its dimensions passes 2^62; the problem is too large"},
          {"no dimension", kHead + R"({"name": "c", "type": "fc"}]})",
           "/layers/0: has none of the dimensions N, G, M, C, P, Q, R, S"},
          {"no type", kHead + R"({"name": "c", "M": 2}]})", "/layers/0: 'type' is missing"},
          {"unknown type", kHead + R"({"name": "c", "type": "convolution", "M": 2}]})",
           "/layers/0/type: expected one of conv, depthwise, fc, matmul, einsum; found \"convolution\""},
          {"filter of a matmul", kHead + R"({"name": "c", "type": "matmul", "M": 2, "R": 3}]})",
           "/layers/0/R: unknown key; known: name, type, description, repeat, bits, N, G, M, C, P, Q"},
          {"two of a name", kHead + kConv + "}, " + kConv + "}]}", "/layers/1/name: a second layer 'c'"},
          {"no layers", R"({"schema_version": 1, "name": "t", "layers": []})", "/layers: expected at least 1 element, found 0"},
          {"other version", R"({"schema_version": 2, "name": "t", "layers": []})",
           "/schema_version: expected an integer from 1 to 1, found 2"},
          {"no version", R"({"name": "t", "layers": []})", "'schema_version' is missing"},
          {"groups that do not divide", kHead + kConv + R"(, "groups": 3}]})", "/layers/0: 3 groups must divide M = 4 and C = 2"},
          {"einsum of an unknown dimension",
           kHead + R"({"name": "e", "type": "einsum", "dimensions": {"I": 2}, "tensors": [{"name": "A", "ranks": ["J"]},
             {"name": "O", "ranks": ["I"], "output": true}]}]})",
           "/layers/0/tensors/0/ranks/0: no dimension 'J'; known: I"},
          {"einsum without output",
           kHead + R"({"name": "e", "type": "einsum", "dimensions": {"I": 2}, "tensors": [{"name": "A", "ranks": ["I"]},
             {"name": "O", "ranks": ["I"]}]}]})",
           "/layers/0/tensors: one of the tensors must have \"output\": true"},
          {"truncated", R"({"schema_version": 1, "name": "t",
 "layers": [)",
           "line 2, column 13: not JSON: syntax error while parsing value - unexpected end of input; expected '[', '{', or a "
           "literal"},
          {"a key twice", R"({"schema_version": 1, "name": "t", "name": "u"})", "the key 'name' stands twice in one object"},
          {"a list", "[]", "expected an object, found a list"},
      },
      "search ", " --arch eyeriss-3level");
}

TEST_CASE("a bad architecture file is refused with file, pointer, what was found and what is allowed") {
  const std::string head = R"({"schema_version": 1, "name": "a", "compute": {"mac_energy": 1}, "levels": [)";
  const std::string dram = R"({"name": "DRAM", "read_energy": 1, "write_energy": 1)";
  const std::string rf = R"({"name": "RF", "read_energy": 1, "write_energy": 1)";
  expect_each(
      {
          {"unknown key", head + dram + R"(, "capacity": 5}]})",
           "/levels/0/capacity: unknown key; did you mean 'capacity_words'?"},
          {"negative energy", head + R"({"name": "DRAM", "read_energy": -1, "write_energy": 1}]})",
           "/levels/0/read_energy: expected a number of at least 0, found -1"},
          {"no energy", head + R"({"name": "DRAM", "read_energy": 1}]})", "/levels/0: 'write_energy' is missing"},
          {"room for nothing", head + dram + "}, " + rf + R"(, "capacity_words": 0}]})",
           "/levels/1/capacity_words: a level needs room for at least one word; leave the level out, or 'capacity_words' for one "
           "without bound"},
          {"must keep without room",
           head + dram + "}, " + rf + R"(, "partitions": {"weights": 0}, "keeps": {"weights": "must"}}]})",
           "/levels/1/keeps: 'RF' must keep weights but has room for 0 words of them"},
          {"both capacities", head + dram + "}, " + rf + R"(, "capacity_words": 4, "partitions": {"weights": 4}}]})",
           "/levels/1/partitions: give either 'capacity_words' or 'partitions'"},
          {"the outermost level bypassed", head + dram + R"(, "keeps": {"inputs": "never"}}]})",
           "/levels: architecture 'a': the outermost level 'DRAM' must be able to keep inputs: data has nowhere else to come "
           "from"},
          {"keep and bypass", head + dram + "}, " + rf + R"(, "keeps": {"weights": "both"}}]})",
           "/levels/1/keeps/weights: expected one of can, must, never; found \"both\""},
          {"no levels", R"({"schema_version": 1, "name": "a", "compute": {"mac_energy": 1}, "levels": []})",
           "/levels: expected at least 1 element, found 0"},
          {"no compute", R"({"schema_version": 1, "name": "a", "levels": [)" + dram + "}]}", "'compute' is missing"},
          {"fanout of nothing", head + dram + R"(, "fanout": {"x": 0}}]})",
           "/levels/0/fanout/x: expected an integer from 1 to 1048576, found 0"},
          {"two of a name", head + dram + "}, " + dram + "}]}", "/levels: architecture 'a': names two levels 'DRAM'"},
          {"bandwidth of nothing", head + dram + R"(, "read_bandwidth": 0}]})",
           "/levels/0/read_bandwidth: expected a number above 0, found 0"},
      },
      "search alexnet --arch ", "");
}

TEST_CASE("a bad mapping file is refused with the node's pointer") {
  const std::string head =
      R"({"schema_version": 1, "workload": "alexnet", "layer": "fc8", "arch": "eyeriss-3level", "mapping": [)";
  const std::string dram = R"({"store": ["weights", "inputs", "outputs"], "at": "DRAM"}, )";
  const std::string why = "/mapping: no mapping of 'fc8' on 'eyeriss-3level': ";
  const auto cases = std::vector<std::pair<std::string, std::string>>{
      {dram + R"({"for": "M", "count": 1000}, {"compute": "MAC"}]})",
       why + "the loops over C end at tiles of 4096; a loop over 4096 more must cover its bound 4096"},
      {dram + R"({"for": "M", "count": 300}, {"for": "C", "count": 4096}, {"compute": "MAC"}]})",
       why + "node 1: 300 iterations of M over 1000 leave the last with nothing to do; 250 of 4 suffice"},
      {dram + R"({"for": "M", "count": 1000}, {"for": "M", "count": 2}, {"compute": "MAC"}]})",
       why + "node 2: 2 iterations of M over 1 leave the last with nothing to do; 1 of 1 suffice"},
      {dram +
           R"({"store": ["weights"], "at": "RF"}, {"for": "M", "count": 1000}, {"for": "C", "count": 4096}, {"compute": "MAC"}]})",
       why + "'RF' would keep 4096000 words (weights 4096000, inputs 0, outputs 0); it has 256"},
      {dram +
           R"({"for": "M", "count": 1000}, {"spatial": "C", "count": 16, "fanout": "GLB", "axis": "x"}, {"for": "C", "count": 256}, {"compute": "MAC"}]})",
       why + "node 2: the loops on axis x of the fanout of 'GLB' need 16 instances; it has 14"},
      {R"({"for": "M", "count": 1000}, {"for": "C", "count": 4096}, {"compute": "MAC"}]})",
       why + "node 0: 'DRAM' must store 'weights' before the first loop"},
      {dram + R"({"for": "K", "count": 1000}, {"compute": "MAC"}]})",
       "/mapping/1/for: layer 'fc8' has no dimension 'K'; known: N, G, M, C, P, Q, R, S"},
      {dram + R"({"store": ["weight"], "at": "RF"}, {"compute": "MAC"}]})",
       "/mapping/1/store/0: layer 'fc8' has no tensor 'weight'; did you mean 'weights'?"},
      {dram + R"({"store": ["weights"], "at": "RFF"}, {"compute": "MAC"}]})",
       "/mapping/1/at: 'eyeriss-3level' has no level 'RFF'; did you mean 'RF'?"},
      {dram + R"({"loop": "M", "count": 3}]})",
       "/mapping/1: expected a node: {\"store\": …, \"at\": …}, {\"for\": …, \"count\": …}, {\"spatial\": …, \"count\": …, "
       "\"fanout\": …, \"axis\": …} or {\"compute\": …}"},
      {dram + R"({"for": "M", "count": 1000}, {"for": "C", "count": 4096}]})", why + "the last node must be `compute`"},
  };
  for (const auto& [text, message] : cases) {
    const Scratch scratch;
    const std::string path = scratch.file("bad.json", head + text);
    const Ran ran = run("evaluate --mapping " + path);
    CHECK(ran.code == 2);
    CHECK(ran.err == "tilepath: " + path + ": " + message + "\n");
  }
}

TEST_CASE("an unknown name is refused with the nearest one") {
  CHECK(run("search alexnett --arch eyeriss").err ==
        "tilepath: 'alexnett' is neither a file nor one of the ready-made workloads; did you mean 'alexnet'?\n");
  CHECK(run("search alexnet --arch eyeris").err ==
        "tilepath: 'eyeris' is neither a file nor one of the ready-made arch; did you mean 'eyeriss'?\n");
  CHECK(run("search alexnet --arch eyeriss --layer conv22").err ==
        "tilepath: 'alexnet' has no layer 'conv22'; did you mean 'conv2'?\n");
  CHECK(run("search no/such.json --arch eyeriss").err == "tilepath: no/such.json: no such file\n");
  for (const char* arguments :
       {"search alexnett --arch eyeriss", "search alexnet --arch eyeriss --layer conv22", "search alexnet", "", "serch alexnet",
        "search alexnet --arch eyeriss --objective speed", "show nothing-known"})
    CHECK(run(arguments).code == 2);
}

TEST_CASE("an option's bad value is refused with what was found and what is allowed") {
  const auto cases = std::vector<std::pair<std::string, std::string>>{
      {"--time-limit -1", "--time-limit: expected a number above 0, found '-1'"},
      {"--time-limit abc", "--time-limit: expected a number above 0, found 'abc'"},
      {"--mapspace foo", "--mapspace: expected uneven|even, found 'foo'"},
      {"--remainders all", "--remainders: expected lanes|none|loops, found 'all'"},
      {"--bypass some", "--bypass: expected free|fixed, found 'some'"},
      {"--objective speed", "--objective: expected edp|energy|latency|ed2p|product, found 'speed'"},
      {"--exponents 0,1", "--exponents: both must be above 0"},
      {"--threads 0", "--threads: expected a number above 0, found '0'"},
  };
  for (const auto& [options, message] : cases) {
    const Ran ran = run("search alexnet --arch eyeriss " + options);
    CHECK(ran.code == 2);
    CHECK(ran.out.empty());
    CHECK(ran.err == message + "\nRun with --help for more information.\n");
  }
}

TEST_CASE("an output that cannot be written is refused before the search") {
  const Ran ran = run("search alexnet --arch eyeriss -o /no/such/folder/x.json");
  CHECK(ran.code == 2);
  CHECK(ran.err == "tilepath: /no/such/folder/x.json: cannot be written\n");
}

TEST_CASE("a bad dataflow file is refused with the constraint's pointer, contradictions are never dropped") {
  const auto cases = std::vector<std::pair<std::string, std::string>>{
      {R"([{"store": ["weight"], "at": "RF"}])", "/0/store/0: layer 'fc8' has no tensor 'weight'; did you mean 'weights'?"},
      {R"([{"stored": ["weights"], "at": "RF"}])",
       "/0: expected a constraint: an object with store, never, spatial, tile or order"},
      {R"([{"store": ["weights"], "at": "RF", "count": 2}])", "/0/count: unknown key; known: store, at"},
      {R"({"schema_version": 1, "constraints": [{"spatial": ["M", "K"], "fanout": "GLB"}]})",
       "/constraints/0/spatial/1: layer 'fc8' has no dimension 'K'; known: N, G, M, C, P, Q, R, S"},
      {R"([{"spatial": ["M", "M"], "fanout": "GLB"}])", "/0/spatial/1: 'M' is there twice"},
      {R"([{"spatial": ["M"], "fanout": "RF"}])", R"(/0: {"spatial":["M"],"fanout":"RF"}: 'RF' has no fanout)"},
      {R"([{"spatial": "M", "count": 300, "fanout": "GLB"}])",
       R"(/0: {"spatial":"M","count":300,"fanout":"GLB"}: the fanout of 'GLB' has 168 instances there, not 300)"},
      {R"([{"tile": {"M": 2000}, "at": "RF"}])",
       R"(/0: {"tile":{"M":2000},"at":"RF"}: a tile cannot cover 2000 of the 1000 iterations of M)"},
      {R"([{"tile": {"M": "every"}, "at": "RF"}])", R"(/0/tile/M: expected one of all; found "every")"},
      {R"([{"store": ["weights"], "at": "RF"}, {"never": ["weights"], "at": "RF"}])",
       R"(/1: {"store":["weights"],"at":"RF"} contradicts {"never":["weights"],"at":"RF"})"},
      {R"([{"spatial": ["C"], "fanout": "GLB"}, {"spatial": "M", "count": 2, "fanout": "GLB"}])",
       R"(/1: {"spatial":"M","count":2,"fanout":"GLB"} contradicts {"spatial":["C"],"fanout":"GLB"})"},
      {R"({"schema_version": 1, "constraint": []})", "/constraint: unknown key; did you mean 'constraints'?"},
      {R"("weight-stationary")", "expected an object, found \"weight-stationary\""},
  };
  for (const auto& [text, message] : cases) {
    const Scratch scratch;
    const std::string path = scratch.file("bad.json", text);
    const Ran ran = run("search alexnet --layer fc8 --arch eyeriss-3level --dataflow " + path);
    CHECK(ran.code == 2);
    CHECK(ran.out.empty());
    CHECK(ran.err == "tilepath: " + path + ": " + message + "\n");
  }
  const Scratch scratch;
  const std::string path = scratch.file("never.json", R"([{"never": ["weights"], "at": "RF"}])");
  const Ran ran = run("search alexnet --layer fc8 --arch eyeriss-3level --dataflow weight-stationary --dataflow " + path);
  CHECK(ran.code == 2);
  CHECK(ran.err ==
        R"(tilepath: --dataflow: for layer 'fc8', {"store":["weights"],"at":"RF"} contradicts {"never":["weights"],"at":"RF"})"
        "\n");
}

TEST_CASE("no legal mapping: the smallest conflict, demand against capacity, and the least change that fits, exit code 3") {
  const std::string head = R"({"schema_version": 1, "name": "small", "compute": {"mac_energy": 1}, "levels": [
    {"name": "DRAM", "read_energy": 1, "write_energy": 1, "fanout": {"x": 4, "y": 2}},
    {"name": "RF", "read_energy": 1, "write_energy": 1, "capacity_words": )";
  struct Case {
    std::string arch, constraints, options, message;
  };
  const std::string two_fanouts = R"({"schema_version": 1, "name": "small", "compute": {"mac_energy": 1}, "levels": [
    {"name": "DRAM", "read_energy": 1, "write_energy": 1, "fanout": {"x": 4, "y": 2}},
    {"name": "GLB", "read_energy": 1, "write_energy": 1, "fanout": {"x": 16}},
    {"name": "RF", "read_energy": 1, "write_energy": 1, "capacity_words": 10}]})";
  const std::vector<Case> cases = {
      {two_fanouts,
       R"([{"spatial": "R", "count": "all", "fanout": "GLB"}, {"spatial": "M", "count": 2, "fanout": "DRAM"}, {"store": ["weights"], "at": "RF"}, {"tile": {"S": "all"}, "at": "RF"}])",
       "",
       "these conflict, and without any one of them there is a mapping: 'RF' has 10 words for weights, inputs, outputs, the "
       "least "
       "that fits is 11 (weights 11); the constraint {\"store\":[\"weights\"],\"at\":\"RF\"}; the constraint "
       "{\"tile\":{\"S\":\"all\"},\"at\":\"RF\"}"},
      {head + R"(2, "keeps": "must"}]})", "[]", "",
       "these conflict, and without any one of them there is a mapping: 'RF' has 2 words for weights, inputs, outputs, the least "
       "that fits is 3 (weights 1, inputs 1, outputs 1); 'RF' must keep weights; 'RF' must keep inputs; 'RF' must keep outputs"},
      {head + R"(8}]})",
       R"([{"store": ["weights"], "at": "RF"}, {"tile": {"R": "all"}, "at": "RF"}, {"never": ["inputs"], "at": "RF"}])", "",
       "these conflict, and without any one of them there is a mapping: 'RF' has 8 words for weights, inputs, outputs, the least "
       "that fits is 11 (weights 11); the constraint {\"store\":[\"weights\"],\"at\":\"RF\"}; the constraint "
       "{\"tile\":{\"R\":\"all\"},\"at\":\"RF\"}"},
      {head + R"(8}]})",
       R"([{"spatial": "M", "count": 4, "fanout": "DRAM"}, {"spatial": "C", "count": 3, "fanout": "DRAM"}, {"never": ["inputs"], "at": "RF"}])",
       "",
       "these conflict, and without any one of them there is a mapping: the fanout of 'DRAM' is 4 x 2; the constraint "
       "{\"spatial\":\"M\",\"count\":4,\"fanout\":\"DRAM\"}; the constraint {\"spatial\":\"C\",\"count\":3,\"fanout\":\"DRAM\"}"},
      {head + R"(8}]})", "[]", " --max-cycles 1000", "cycles may be at most 1000, the least is 13176900"},
  };
  for (const Case& each : cases) {
    const Scratch scratch;
    const std::string arch = scratch.file("small.json", each.arch);
    const std::string dataflow = scratch.file("dataflow.json", each.constraints);
    const Ran ran = run("search alexnet --layer conv1 --arch " + arch + " --dataflow " + dataflow + each.options);
    CHECK(ran.code == 3);
    CHECK(ran.err == "tilepath: no legal mapping of 'conv1' on 'small': " + each.message + "\n");
  }
}

TEST_CASE("what a constraint costs is told, and the result says what was asked") {
  const Ran ran = run("search alexnet --layer fc8 --arch eyeriss-3level --dataflow weight-stationary --price-constraints");
  CHECK(ran.code == 0);
  CHECK(ran.out.find("fc8: {\"spatial\":[\"M\",\"C\",\"R\",\"S\",\"G\"],\"fanout\":\"GLB\"} costs a factor of 1.0000\n") !=
        std::string::npos);
  CHECK(ran.out.find("fc8: {\"never\":[\"inputs\",\"outputs\"],\"at\":\"RF\"} costs a factor of 1.00") != std::string::npos);
}

}  // namespace tilepath::testing
