// tilepath import: files of others, as ours.
#include <fmt/core.h>

#include <charconv>
#include <filesystem>
#include <memory>

#include "context.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/formats/onnx.hpp"
#include "tilepath/formats/timeloop.hpp"

namespace tilepath::cli {

namespace {

struct OnnxArguments {
  std::string model, output = "-";
  std::vector<std::string> dimensions;
  bool macs_only = false, json = false;
};

OnnxOptions options_of(const OnnxArguments& arguments) {
  OnnxOptions options{{}, arguments.macs_only};
  for (const std::string& given : arguments.dimensions) {
    const std::size_t at = given.rfind('=');
    std::int64_t size = 0;
    const char* end = given.data() + given.size();
    if (at == std::string::npos || at == 0 || std::from_chars(given.data() + at + 1, end, size).ptr != end || size < 1)
      throw InputError("--dim: expected NAME=SIZE with a size of 1 or more, found '" + given + "'");
    options.dimensions[given.substr(0, at)] = size;
  }
  return options;
}

int import_model(const OnnxArguments& arguments) {
  if (arguments.json && arguments.output == "-")
    throw InputError("--json: give the workload a file (-o), for standard output is taken");
  const OnnxImport imported = import_onnx(arguments.model, options_of(arguments));
  write_file(arguments.output, imported.workload.dump(1) + "\n");
  double operations = 0;
  double words = 0;
  for (const auto* shares : {&imported.layers, &imported.skipped})
    for (const auto& [name, share] : *shares) {
      operations += share.operations;
      words += share.words;
    }
  std::vector<std::vector<std::string>> rows = {{"operator", "nodes", "operations", "words", ""}};
  const auto add = [&](const std::string& name, const OnnxShare& share, const std::string& remark) {
    rows.push_back({name, std::to_string(share.nodes), fmt::format("{:.2f} %", 100 * share.operations / operations),
                    fmt::format("{:.2f} %", 100 * share.words / words), remark});
  };
  for (const auto& [name, share] : imported.layers) add(name, share, "");
  for (const auto& [name, share] : imported.skipped)
    add(name, share, imported.why.contains(name) ? "skipped: " + imported.why.at(name) : "skipped");
  if (arguments.json) {
    Json json = {{"schema_version", 1}, {"macs", imported.macs}, {"operators", Json::array()}};
    const auto list = [&](const auto& shares, bool skipped) {
      for (const auto& [name, share] : shares) {
        Json each = {{"operator", name},
                     {"nodes", share.nodes},
                     {"operations", share.operations},
                     {"words", share.words},
                     {"skipped", skipped}};
        if (imported.why.contains(name)) each["why"] = imported.why.at(name);
        json["operators"].push_back(std::move(each));
      }
    };
    list(imported.layers, false);
    list(imported.skipped, true);
    fmt::print("{}\n", json.dump(1));
  }
  std::FILE* talk = arguments.output == "-" || arguments.json ? stderr : stdout;
  fmt::print(talk, "{}: {} layers, {} MACs\n{}", imported.workload["name"].get<std::string>(), imported.workload["layers"].size(),
             grouped(static_cast<std::int64_t>(imported.macs)), table(rows, {false, true, true, true, false}));
  if (arguments.output != "-") fmt::print(talk, "written: {}\n", arguments.output);
  return kDone;
}

struct TimeloopArguments {
  std::vector<std::string> files;
  std::string output = ".";
  bool json = false;
  TimeloopImportOptions options;
};

int import_specification(const TimeloopArguments& arguments) {
  TimeloopImport imported;
  std::vector<std::string> remarks;
  const auto say_remarks = [&] {
    for (const std::string& remark : remarks) fmt::print(stderr, "{}\n", remark);
  };
  try {
    imported = import_timeloop(arguments.files, arguments.options, remarks);
  } catch (...) {
    say_remarks();  // one of them may be the cause
    throw;
  }
  say_remarks();
  namespace fs = std::filesystem;
  std::error_code failed;
  fs::create_directories(arguments.output, failed);
  std::string written;
  const auto write = [&](const Json& json, const char* name) {
    if (json.is_null()) return std::string();
    std::string path = (fs::path(arguments.output) / name).lexically_normal().string();
    write_file(path, json.dump(1) + "\n");
    written += (written.empty() ? "" : ", ") + path;
    return path;
  };
  const std::string workload = write(imported.workload, "workload.json");
  const std::string arch = write(imported.arch, "arch.json");
  const std::string dataflow = write(imported.dataflow, "dataflow.json");
  const std::string mapping = write(imported.mapping, "mapping.json");
  if (arguments.json) {
    Json json = {{"schema_version", 1}, {"remarks", remarks}};
    for (const std::string& path : {workload, arch, dataflow, mapping})
      if (!path.empty()) json["written"].push_back(path);
    fmt::print("{}\n", json.dump(1));
    return kDone;
  }
  fmt::print("written: {}\n", written);
  if (!workload.empty() && !arch.empty())
    fmt::print("next: tilepath search {} --arch {}{}\n", quoted(workload), quoted(arch),
               dataflow.empty() ? "" : " --dataflow " + quoted(dataflow));
  if (!mapping.empty()) fmt::print("      tilepath evaluate --mapping {}\n", quoted(mapping));
  return kDone;
}

void add_timeloop(CLI::App& command, Action& action) {
  auto arguments = std::make_shared<TimeloopArguments>();
  CLI::App* timeloop =
      command.add_subcommand("timeloop", "Timeloop's YAML: problem, architecture, ERT, ART, constraints, mapping");
  timeloop->add_option("files", arguments->files, "All files of the specification, as timeloop-mapper takes them")
      ->required()
      ->type_name("FILE.yaml");
  timeloop
      ->add_option("-o,--output", arguments->output,
                   "Folder for workload.json, arch.json, dataflow.json and mapping.json, as far as the files have them (default: "
                   "this one)")
      ->type_name("FOLDER");
  timeloop
      ->add_option("--name", arguments->options.name, "Name of the workload and the architecture (default: what they are called)")
      ->type_name("NAME");
  timeloop->add_flag("--without-energies", arguments->options.without_energies,
                     "Take 0 for energies that no ERT gives: for searches by latency alone");
  timeloop->add_flag("--json", arguments->json, "What was written, and the remarks, as JSON on standard output");
  timeloop->footer(
      "Examples:\n"
      "  tilepath import timeloop problem.yaml arch.yaml ERT.yaml -o chip\n"
      "  tilepath import timeloop timeloop-mapper.map.yaml parsed-processed-input.yaml timeloop-mapper.ERT.yaml\n"
      "What has no counterpart is named on standard error.");
  timeloop->callback([arguments, &action] { action = [arguments](const Context&) { return import_specification(*arguments); }; });
}

}  // namespace

void add_import(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("import", "Take in files of others: ONNX models, Timeloop's YAML");
  command->require_subcommand(1);
  add_timeloop(*command, action);
  auto arguments = std::make_shared<OnnxArguments>();
  CLI::App* onnx = command->add_subcommand("onnx", "An ONNX model as a workload");
  onnx->add_option("model", arguments->model, "The model")->required()->type_name("MODEL.onnx");
  onnx->add_option("-o,--output", arguments->output, "Workload file (default: standard output)")->type_name("FILE");
  onnx->add_option("--dim", arguments->dimensions,
                   "Size of a dimension that the model leaves open, say batch=1 (may be given several times)")
      ->expected(1)
      ->take_all()
      ->type_name("NAME=SIZE");
  onnx->add_flag("--macs-only", arguments->macs_only, "Leave out pooling and elementwise operators, which multiply nothing");
  onnx->add_flag("--json", arguments->json, "The table as JSON on standard output (with -o FILE)");
  onnx->footer(
      "Examples:\n"
      "  tilepath import onnx resnet50.onnx -o resnet50.json\n"
      "  tilepath import onnx bert.onnx --dim batch=1 --dim sequence=128 -o bert.json\n"
      "Commands that take a workload also take a model, where it leaves no dimension open.");
  onnx->callback([arguments, &action] { action = [arguments](const Context&) { return import_model(*arguments); }; });
}

}  // namespace tilepath::cli
