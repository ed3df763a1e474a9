// tilepath export: our files, for others.
#include <fmt/core.h>

#include <filesystem>
#include <memory>
#include <optional>

#include "context.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/formats/dataflow.hpp"
#include "tilepath/formats/result.hpp"
#include "tilepath/formats/timeloop.hpp"

namespace tilepath::cli {

namespace {

struct Arguments {
  MappingArguments what;
  std::string dataflow, output = ".";
  bool json = false;
  TimeloopVersion version = TimeloopVersion::v03;
};

/// What the arguments name: a mapping with its layer and hierarchy (a mapping file's, or a layer's of a result), or any of
/// workload and architecture alone.
struct Chosen {
  std::optional<Hierarchy> hierarchy;
  std::optional<Layer> layer;
  std::optional<Nest> nest;
};

Chosen of_result(const Document& document, const std::string& name) {
  Network network{document.name, {}};
  const std::vector<Claim> claims = read_result(document);
  for (const Claim& claim : claims) network.layers.push_back(claim.layer);
  const Layer& layer = find_layer(network, name);
  for (const Claim& claim : claims)
    if (claim.layer.name == layer.name) return {claim.hierarchy, claim.layer, claim.nest};
  return {};
}

Chosen chosen(const Arguments& arguments, const Library& library) {
  const MappingArguments& what = arguments.what;
  if (!what.mapping.empty()) {
    const Document mapping = library.open("mappings", what.mapping);
    if (mapping.root.is_object() && mapping.root.contains("architecture")) return of_result(mapping, what.layer);
    const Subject subject = load(what, library);
    return {subject.hierarchy, subject.layer, subject.nest};
  }
  Chosen chosen;
  if (!what.arch.empty()) chosen.hierarchy = read_architecture(library.open("arch", what.arch));
  if (!what.workload.empty()) chosen.layer = find_layer(read_workload(library.open("workloads", what.workload)), what.layer);
  if (!chosen.hierarchy && !chosen.layer) throw InputError("nothing to export: give a WORKLOAD, --arch or --mapping");
  return chosen;
}

int run(const Arguments& arguments, const Context& context) {
  const Chosen what = chosen(arguments, context.library);
  TimeloopSubject subject;
  if (what.hierarchy) subject.hierarchy = &*what.hierarchy;
  if (what.layer) subject.layer = &*what.layer;
  if (what.nest) subject.nest = &*what.nest;
  if (!arguments.dataflow.empty()) {
    if (!what.hierarchy || !what.layer) throw InputError("--dataflow: constraints are exported with a WORKLOAD and --arch");
    const Document dataflow = context.library.open("mappings", arguments.dataflow);
    (void)read_dataflow(dataflow, *what.layer, *what.hierarchy);
    subject.dataflow = statements_of(dataflow).json();
  }
  const TimeloopExport exported = export_timeloop(subject, arguments.version);
  std::error_code failed;
  std::filesystem::create_directories(arguments.output, failed);
  Json written = Json::array();
  for (const auto& [name, text] : exported.files) {
    const std::string path = (std::filesystem::path(arguments.output) / name).lexically_normal().string();
    write_file(path, text);
    written.push_back(path);
  }
  if (arguments.json) {
    fmt::print("{}\n", Json{{"schema_version", 1}, {"written", written}, {"kept_aside", exported.remarks}}.dump(1));
    return kDone;
  }
  if (!exported.remarks.empty()) {
    fmt::print(stderr, "Timeloop has no word for these; tilepath.yaml keeps them for a way back:\n");
    for (const std::string& remark : exported.remarks) fmt::print(stderr, "  {}\n", remark);
  }
  std::string list;
  for (const Json& path : written) list += (list.empty() ? "" : ", ") + path.get<std::string>();
  fmt::print("written: {}\n", list);
  return kDone;
}

}  // namespace

void add_export(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("export", "Write files for others: Timeloop's YAML");
  command->require_subcommand(1);
  auto arguments = std::make_shared<Arguments>();
  CLI::App* timeloop = command->add_subcommand(
      "timeloop", "Timeloop's YAML: problem, architecture, ERT, ART, constraints, mapping; whatever of them is given");
  arguments->what.add_to(*timeloop);
  timeloop->get_option("--mapping")->description("Mapping: a file or a ready-made name, or a result, whose --layer is taken");
  timeloop->add_option("--dataflow", arguments->dataflow, "Constraints: a file or a ready-made name")->type_name("DATAFLOW");
  add_choice<TimeloopVersion>(*timeloop, "--format", arguments->version,
                              {{"0.3", TimeloopVersion::v03}, {"0.4", TimeloopVersion::v04}},
                              "0.3 (default): subtrees, as timeloop-mapper reads; 0.4: nodes, as timeloopfe reads");
  timeloop->add_option("-o,--output", arguments->output, "Folder to write to (default: this one)")->type_name("FOLDER");
  timeloop->add_flag("--json", arguments->json,
                     "What was written, and what Timeloop has no word for, as JSON on standard output");
  timeloop->footer(
      "Examples:\n"
      "  tilepath export timeloop alexnet --layer conv3 --arch eyeriss-3level -o timeloop\n"
      "  tilepath export timeloop --mapping result.json --layer conv3 --format 0.4 -o timeloop\n"
      "Mappings that Timeloop can say are those of `search --mapspace even --remainders none` with each loop once a level.\n"
      "What Timeloop has no word for is named, and kept in tilepath.yaml, which `tilepath import timeloop` takes back.");
  timeloop->callback([arguments, &action] { action = [arguments](const Context& context) { return run(*arguments, context); }; });
}

}  // namespace tilepath::cli
