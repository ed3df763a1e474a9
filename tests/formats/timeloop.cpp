// Timeloop's files and ours: what is exported comes back as it was, what is imported counts as Timeloop counted.
#include "tilepath/formats/timeloop.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "support/generate.hpp"
#include "support/run.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/formats/architecture.hpp"
#include "tilepath/formats/dataflow.hpp"
#include "tilepath/formats/library.hpp"
#include "tilepath/formats/mapping.hpp"
#include "tilepath/formats/workload.hpp"
#include "tilepath/formats/yaml.hpp"
#include "tilepath/mapping/legal.hpp"
#include "tilepath/model/evaluate.hpp"

namespace tilepath::testing {

namespace {

std::string data(const std::string& path) { return std::string(TILEPATH_SOURCE_DATA) + "/tests/data/timeloop/" + path; }

/// What the import makes of an export.
TimeloopImport there_and_back(const TimeloopSubject& subject, TimeloopVersion version) {
  const Scratch scratch;
  std::vector<std::string> files;
  for (const auto& [name, text] : export_timeloop(subject, version).files) files.push_back(scratch.file(name, text));
  std::vector<std::string> remarks;
  return import_timeloop(files, {.name = subject.layer != nullptr ? subject.layer->name : subject.hierarchy->name}, remarks);
}

Hierarchy hierarchy_of(const TimeloopImport& imported) { return read_architecture({"imported", imported.arch}); }
Layer layer_of(const TimeloopImport& imported) { return read_workload({"imported", imported.workload}).layers.at(0); }

/// Nodes as Timeloop says them: neighbouring storage nodes of a level together; of neighbouring loops over lanes, those on y
/// outside those on x.
Nest as_said(const Nest& nest) {
  Nest result;
  for (const Node& node : nest.nodes) {
    const auto* store = std::get_if<Store>(&node);
    auto* before = result.nodes.empty() ? nullptr : std::get_if<Store>(&result.nodes.back());
    if (store != nullptr && before != nullptr && store->level == before->level) {
      before->tensors.insert(before->tensors.end(), store->tensors.begin(), store->tensors.end());
      std::sort(before->tensors.begin(), before->tensors.end());
    } else {
      result.nodes.push_back(node);
    }
  }
  const auto lanes = [](const Node& node) { return std::holds_alternative<SpatialLoop>(node); };
  for (auto it = result.nodes.begin(); it != result.nodes.end(); ++it) {
    const auto end = std::find_if_not(it, result.nodes.end(), lanes);
    std::stable_sort(it, end, [](const Node& a, const Node& b) {
      return std::get<SpatialLoop>(a).axis == Axis::y && std::get<SpatialLoop>(b).axis == Axis::x;
    });
    if (end != it) it = end - 1;
  }
  return result;
}

}  // namespace

TEST_CASE("timeloop: hierarchies and layers that are exported come back the same, in both formats") {
  Random random(7);
  const Library library = standard_library({TILEPATH_SOURCE_DATA});
  std::vector<Hierarchy> hierarchies;
  std::vector<Layer> layers;
  for (const std::string& name : library.names("arch")) hierarchies.push_back(read_architecture(library.open("arch", name)));
  for (const std::string& name : library.names("workloads"))
    for (const Layer& layer : read_workload(library.open("workloads", name)).layers) layers.push_back(layer);
  for (int k = 0; k < 100; ++k) {
    hierarchies.push_back(random_hierarchy(random, {.odd = k % 2 == 0}));
    hierarchies.back().name = "random";  // a name is one of a container there
    layers.push_back(random_layer(random, {.odd = k % 2 == 0}));
  }
  for (const TimeloopVersion version : {TimeloopVersion::v03, TimeloopVersion::v04}) {
    for (const Hierarchy& hierarchy : hierarchies) {
      CAPTURE(to_json(hierarchy).dump());
      CHECK(hierarchy_of(there_and_back({.hierarchy = &hierarchy}, version)) == hierarchy);
    }
    for (const Layer& layer : layers) {
      const Layer back = layer_of(there_and_back({.layer = &layer}, version));
      CAPTURE(to_json(layer).dump());
      CHECK(to_json(back) == to_json(layer));
    }
  }
}

TEST_CASE("timeloop: a mapping comes back the same, or is refused as one that Timeloop cannot say") {
  Random random(11);
  int same = 0;
  const int wanted = cases(300);
  for (int k = 0; k < 20 * wanted && same < wanted; ++k) {
    const Layer layer = random_layer(random, {});
    Hierarchy hierarchy = random_hierarchy(random, {});
    const Nest nest = as_said(simplified(random_nest(random, layer, hierarchy), layer));
    if (!why_illegal(nest, layer, hierarchy).empty()) continue;
    hierarchy.name = layer.name;  // one name is given for both
    const TimeloopSubject subject{.hierarchy = &hierarchy, .layer = &layer, .nest = &nest};
    const TimeloopVersion version = k % 2 == 0 ? TimeloopVersion::v03 : TimeloopVersion::v04;
    TimeloopImport back;
    try {
      back = there_and_back(subject, version);
    } catch (const InputError& error) {
      const std::string what = error.what();
      CAPTURE(what);
      CHECK(std::string(error.what()).starts_with("Timeloop cannot say this mapping: "));
      continue;
    }
    CAPTURE(to_json(nest, layer, hierarchy).dump());
    const Hierarchy there = hierarchy_of(back);
    REQUIRE(there == hierarchy);
    const Layer theirs = layer_of(back);
    const Evaluation mine = evaluate(nest, layer, hierarchy);
    const Nest again = read_mapping({"imported", back.mapping}, theirs, there);
    CHECK(to_json(simplified(again, theirs), theirs, there) == to_json(simplified(nest, layer), layer, hierarchy));
    CHECK(evaluate(again, theirs, there).counts == mine.counts);
    ++same;
  }
  CHECK(same == wanted);
}

TEST_CASE("timeloop: constraints come back as the statements that they were") {
  const Library library = standard_library({TILEPATH_SOURCE_DATA});
  const Hierarchy hierarchy = read_architecture(library.open("arch", "eyeriss-3level"));
  const Layer layer = read_workload(library.open("workloads", "resnet50")).layers.at(2);
  for (const char* text :
       {R"([{"store": ["weights"], "at": "RF"}, {"never": ["inputs", "outputs"], "at": "RF"}])",
        R"([{"spatial": "C", "count": 8, "fanout": "GLB"}])", R"([{"order": ["N", "M", "C", "P", "Q", "R", "S"], "at": "GLB"}])",
        R"([{"spatial": ["M", "C"], "fanout": "GLB", "axis": "x"}, {"tile": {"S": "all", "P": 1}, "at": "RF"}])"}) {
    const Json statements = Json::parse(text);
    const TimeloopImport back =
        there_and_back({.hierarchy = &hierarchy, .layer = &layer, .dataflow = statements}, TimeloopVersion::v03);
    REQUIRE(!back.dataflow.is_null());
    CHECK(back.dataflow["constraints"] == statements);
  }
}

TEST_CASE("timeloop: its own files are imported as the layers and mappings that its counts are of") {
  for (const std::string name : {"alex3", "random_a", "random_e", "res1x1_14"}) {
    std::vector<std::string> remarks;
    const TimeloopImport imported = import_timeloop({data(name + "/input.yaml"), data(name + "/map.yaml")}, {}, remarks);
    CAPTURE(name);
    CHECK(remarks.empty());
    const Document known = read_document(data(name + ".json"));
    const Cursor root(known);
    const Layer layer = layer_of(imported);
    CHECK(same_problem(layer, read_layer(root.at("layer"))));
    const Hierarchy hierarchy = hierarchy_of(imported);
    const Hierarchy ready = read_architecture(read_document(std::string(TILEPATH_SOURCE_DATA) + "/arch/eyeriss-3level.json"));
    CHECK(hierarchy.level(1).partitions == ready.level(1).partitions);
    CHECK(hierarchy.level(1).fanout->x == 14);
    CHECK(hierarchy.level(1).fanout->y == 12);
    CHECK(hierarchy.level(0).read_energy == 200);
    const Hierarchy again = hierarchy_of(there_and_back({.hierarchy = &hierarchy}, TimeloopVersion::v03));
    CHECK(again == hierarchy);
    // The axis of lanes costs nothing, and where it was not said, it may be the other one.
    const auto loops = [](Json nodes) {
      for (Json& node : nodes) node.erase("axis");
      return nodes;
    };
    CHECK(loops(imported.mapping["mapping"]) == loops(root.at("mapping").json()));
  }
}

TEST_CASE("timeloop: v0.4 as written, and as its front end processed it, are one architecture, energies are the ERT's") {
  const auto file = [](const std::string& name) { return data("eyeriss_like/" + name); };
  std::vector<std::string> remarks;
  const TimeloopImport processed =
      import_timeloop({file("parsed-processed-input.yaml"), file("timeloop-mapper.ERT.yaml"), file("timeloop-mapper.map.yaml")},
                      {.name = "chip"}, remarks);
  std::vector<std::string> ignored;
  const TimeloopImport written =
      import_timeloop({file("arch.yaml"), file("timeloop-mapper.ERT.yaml")}, {.name = "chip"}, ignored);
  Json without_clock = processed.arch;
  without_clock.erase("clock_mhz");                          // only the front end's file has one,
  without_clock["technology"] = written.arch["technology"];  // and its last component's technology
  CHECK(without_clock == written.arch);
  const Hierarchy hierarchy = hierarchy_of(processed);
  REQUIRE(hierarchy.level_count() == 5);
  CHECK(hierarchy.level(1).read_energy == 18.183829);
  CHECK(hierarchy.level(1).block_words == 8);
  CHECK(hierarchy.level(1).keeps == PerRole<Keep>{Keep::never, Keep::must, Keep::must});
  CHECK(hierarchy.level(3).name == "weights_spad");
  CHECK(hierarchy.level(3).partition(Role::weights)->capacity_words == 2 * 384);  // doubled, so that transfers overlap
  CHECK(hierarchy.compute.mac_energy == 0.207692);
  const Layer layer = layer_of(processed);
  const Nest nest = read_mapping({"imported", processed.mapping}, layer, hierarchy);
  const Evaluation evaluation = evaluate(nest, layer, hierarchy);
  CHECK(evaluation.compute_cycles.value() == 86016);
  CHECK(evaluation.counts.levels[0][0].reads.value() == 13824);
  CHECK(evaluation.counts.levels[1][1].fills.value() == 157296);
  CHECK(evaluation.counts.levels[4][2].updates.value() == 126 * 86016);
  // Of its constraints on loops four have no counterpart; each is named.
  CHECK(std::count_if(remarks.begin(), remarks.end(),
                      [](const std::string& remark) { return remark.find("the factor of") != std::string::npos; }) == 4);
}

TEST_CASE("timeloop: K of its ready-made layer is our M, a shape may stand in a file of its own") {
  const Scratch scratch;
  const std::string old = scratch.file("old.yaml",
                                       "problem: {shape: cnn-layer, R: 3, S: 3, P: 7, Q: 7, C: 8, K: 16, N: 1, Wstride: 2, "
                                       "Hstride: 2, Wdilation: 1, Hdilation: 1}\n");
  std::vector<std::string> remarks;
  const TimeloopImport imported = import_timeloop({old}, {}, remarks);
  CHECK(imported.workload["layers"][0] ==
        Json::parse(R"({"name": "old", "type": "conv", "R": 3, "S": 3, "P": 7, "Q": 7, "C": 8, "M": 16, "stride": [2, 2]})"));
  CHECK(remarks.size() == 1);
  const std::string shape = scratch.file("shape.yaml",
                                         "problem: {shape: {name: mm, dimensions: [I, J, K], data-spaces: [{name: A, projection: "
                                         "[[[I]], [[K]]]}, {name: B, projection: [[[K]], [[J]]]}, {name: Z, projection: [[[I]], "
                                         "[[J]]], read-write: true}]}}\n");
  const std::string one = scratch.file("one.yaml", "problem: {instance: {I: 4, J: 5, K: 6}}\n");
  const std::string two = scratch.file("two.yaml", "problem: {instance: {I: 7, J: 8, K: 9}}\n");
  const Network network = read_workload({"imported", import_timeloop({shape, one, two}, {.name = "net"}, remarks).workload});
  REQUIRE(network.layers.size() == 2);
  CHECK(network.layers[1].name == "two");
  CHECK(macs(network.layers[1]) == 7 * 8 * 9);
  CHECK(network.layers[0].tensors[0].name == "A");
}

TEST_CASE("timeloop: what cannot be read is refused with file, pointer, what was found and what is allowed") {
  const std::string arch =
      "architecture:\n  version: 0.3\n  subtree:\n  - name: system\n    local:\n    - {name: DRAM, class: DRAM}\n"
      "    - {name: MAC, class: intmac}\n";
  const std::string ert =
      "ERT: {version: 0.3, tables: [{name: system.DRAM, actions: [{name: read, energy: 1}, {name: write, energy: 1}]}, "
      "{name: system.MAC, actions: [{name: compute, energy: 1}]}]}\n";
  const std::string problem =
      "problem: {shape: {dimensions: [I], data-spaces: [{name: A, projection: [[[I]]]}, {name: Z, projection: [[[I]]], "
      "read-write: true}]}, instance: {I: 4}}\n";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"a: [1, 2", "line 1, column 1: not YAML: end of sequence flow not found"},
      {"a: 1\na: 2\n", "line 2, column 1: the key 'a' stands twice in one map"},
      {"{{x}}: 1\n", "line 1, column 1: expected a name as key (the file looks like a Jinja template: render it first)"},
      {"- 1\n", "expected a map of names to values at the top, found array"},
      {"mapper: {}\n", "neither an 'architecture' nor a 'problem' of Timeloop"},
      {arch,
       "/architecture/subtree/0/local/0: no ERT has energies of 'DRAM': give Accelergy's ERT too, or take 0 for latency alone "
       "(--without-energies)"},
      {"architecture: {version: 0.3}\n", "/architecture: expected 'subtree' (v0.3) or 'nodes' (v0.4)"},
      {"architecture: {subtree: [{name: a}]}\n", "/architecture: expected at least one memory and a compute unit"},
      {"architecture: {subtree: [{name: 'a[0..x]'}]}\n",
       "/architecture/subtree/0/name: expected a name, or NAME[FIRST..LAST], found \"a[0..x]\""},
      {"architecture: {subtree: [{name: a}, {name: b}]}\n",
       "/architecture/subtree/1: a second subtree beside the first: a hierarchy is a chain here"},
      {"problem: {instance: {M: 1}}\n", "/problem: 'shape' is missing"},
      {"problem: {shape: gemm}\n", "/problem/shape: expected a map, or the ready-made shape 'cnn-layer', found \"gemm\""},
      {"problem: {shape: {dimensions: [I], data-spaces: [{name: A, projection: [[[J]]]}, {name: Z, projection: [[[I]]]}]}, "
       "instance: {I: 4}}\n",
       "/problem/shape/data-spaces/0/projection/0/0/0: expected a dimension or a coefficient of the shape, found \"J\""},
      {"problem: {shape: cnn-layer, R: 1, S: 1, P: 1, Q: 1, C: 1, K: 0, N: 1}\n",
       "/problem/K: expected an integer from 1 to 2147483647, found 0"},
      {"problem: {shape: cnn-layer, R: 1, S: 1, P: 1, Q: 1, K: 1, N: 1}\n", "/problem: 'C' is missing"},
      {"architecture: {version: 0.5, subtree: [{name: a}]}\n", "/architecture/version: expected 0.3 or 0.4, found 0.5"},
      {"architecture: {subtree: [{name: a, locale: []}]}\n",
       "/architecture/subtree/0/locale: unknown key; did you mean 'local'?"},
      {"architecture: {subtree: [{name: a, local: [{name: D, class: DRAM}, {name: B, class: SRAM, attributes: {depth: 4}}]}]}\n"
       "ERT: {tables: [{name: a.D, actions: [{name: read, energy: 1}, {name: write, energy: 1}]}]}\n",
       "/architecture/subtree/0/local/1: expected a compute unit (of class intmac, fpmac, …) as the last component, found 'B' of "
       "class 'SRAM'"},
      {"architecture: {subtree: [{name: a, local: [{name: DRAM, class: DRAM, attributes: {detph: 4}}, {name: MAC, class: "
       "mac}]}]}\n" +
           ert,
       "/architecture/subtree/0/local/0/attributes/detph: unknown attribute; did you mean 'depth'?"},
      {"architecture: {subtree: [{name: a, local: [{name: D, class: DRAM}, {name: M, class: mac}]}]}\n"
       "ERT: {tables: [{name: a.D, actions: [{name: raed, energy: 1}]}]}\n",
       "/ERT/tables/0/actions: has no action 'read'; did you mean 'raed'?"},
      {"tilepath: {architecture: K}\n" + problem, "/tilepath/architecture: expected an object, found \"K\""},
      {"tilepath: {of: {layer: other}}\n" + problem, "/tilepath/of/layer: is of another layer than the files are"},
      {arch + ert + problem + "mapping: [{target: GLB, type: temporal, factors: I=4}]\n",
       "/mapping/0: the architecture has no 'GLB'; known: DRAM"},
      {arch + ert + problem + "mapping: [{target: DRAM, type: temporal, factors: J=4}]\n",
       "/mapping/0: the problem has no dimension 'J'; known: I"},
      {arch + ert + problem + "mapping: [{target: DRAM, type: temporal, factors: I}]\n",
       "/mapping/0/factors: expected factors like C=16, found \"I\""},
      {arch + ert + problem + "mapping: [{target: DRAM, type: temporal, factors: I99999999999999999999}]\n",
       "/mapping/0/factors: expected factors like C=16, found \"I99999999999999999999\""},
      {arch + ert + problem + "mapping: [{target: DRAM, type: temporal, factor: I=4}]\n",
       "/mapping/0/factor: unknown key; did you mean 'factors'?"},
      {arch + ert + problem + "mapping: [{target: DRAM, type: spacial, factors: I=4}]\n",
       "/mapping/0/type: unknown type \"spacial\"; did you mean 'spatial'?"},
      {arch + ert + problem + "mapping: [{target: DRAM, type: temporal, factors: I=4, permutation: IJ}]\n",
       "/mapping/0: the problem has no dimension 'J'; known: I"},
      {arch + ert + problem + "mapping: [{target: DRAM, type: datatype, keep: [A], bypass: [A]}]\n",
       "/mapping/0: 'A' cannot both be kept and bypass"},
      {arch + ert + problem + "mapping: [{target: DRAM, type: temporal, factors: I=2}]\n",
       "/mapping: what is made of it: /mapping: no mapping of 'bad' on 'system': the loops over I end at tiles of 2; a loop over "
       "2 "
       "more must cover its bound 4"},
  };
  for (const auto& [text, message] : cases) {
    CAPTURE(text);
    const Scratch scratch;
    const std::string path = scratch.file("bad.yaml", text);
    try {
      std::vector<std::string> remarks;
      import_timeloop({path}, {}, remarks);
      FAIL("was taken");
    } catch (const InputError& error) {
      CHECK(std::string(error.what()) == path + ": " + message);
    }
  }
}

TEST_CASE("yaml: what is written is read back as it was") {
  const Json json = Json::parse(R"({"!": "Component", "a": [1, 2.5, "x", "1", "null", "", true, null, "a: b", "-"],
    "b": {"c": {}, "d": []}, "e": [{"x": 1}, {"y": [[["C"]], [["R", "Rstep"]]]}], "f": 1e-9, "g": "line\nbreak", "h": "0.3"})");
  const Scratch scratch;
  CHECK(read_yaml(scratch.file("a.yaml", to_yaml(json))).root == json);
}

TEST_CASE("tilepath import and export timeloop: files for search, and back") {
  const Scratch scratch;
  CHECK(run("search alexnet --layer conv3 --arch eyeriss-3level --mapspace even --remainders none --dataflow " +
            data("one-axis.json") + " -o " + scratch.path("r.json"))
            .code == 0);
  const Ran exported =
      run("export timeloop --mapping " + scratch.path("r.json") + " --layer conv3 --format 0.4 -o " + scratch.path("there"));
  const Ran imported = run("import timeloop " + scratch.path("there") + "/*.yaml -o " + scratch.path("back"));
  CHECK(exported.code == 0);
  CHECK(exported.err.find("energy_unit") != std::string::npos);
  CHECK(imported.code == 0);
  const Json searched = Json::parse(read_text(scratch.path("r.json")));
  const Ran evaluated = run("evaluate --mapping " + scratch.path("back/mapping.json") + " --json");
  CHECK(Json::parse(evaluated.out)["evaluation"]["energy"] == searched["layers"][0]["evaluation"]["energy"]);
  CHECK(run("export timeloop").code == 2);
  CHECK(run("import timeloop " + scratch.path("no-such.yaml")).code == 2);
}

}  // namespace tilepath::testing
