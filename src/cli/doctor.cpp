// tilepath doctor: what is here, and what optional parts are not.
#include <fmt/core.h>
#include <oneapi/tbb/info.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "context.hpp"
#include "slurm.hpp"
#include "tilepath/formats/onnx.hpp"

namespace tilepath::cli {

namespace {

int examine(bool json, const Context& context) {
  std::vector<std::vector<std::string>> rows = {{"part", "", "for"}};
  Json parts = Json::array();
  bool whole = true;
  const auto say = [&](const std::string& part, bool there, const std::string& what, const std::string& otherwise, bool needed) {
    rows.push_back({part, there ? "yes" : "NO", there ? what : what + " (" + otherwise + ")"});
    parts.push_back({{"part", part}, {"present", there}, {"for", what}, {"needed", needed}});
    whole = whole && (there || !needed);
  };
  for (const char* folder : {"arch", "workloads", "mappings", "sweeps", "estimators"}) {
    const std::size_t count = context.library.names(folder).size();
    say(folder, count > 0, fmt::format("{} ready-made", count), "set TILEPATH_DATA to the folder that holds them", true);
  }
  const auto has_folder = [&](const char* folder) {
    return std::any_of(context.library.roots.begin(), context.library.roots.end(),
                       [&](const auto& root) { return std::filesystem::is_directory(root / folder); });
  };
  for (const auto& [folder, what] : {std::pair{"report", "tilepath report"}, {"starter", "tilepath init"}})
    say(folder, has_folder(folder), what, "set TILEPATH_DATA to the folder that holds it", false);
  say("threads", true, fmt::format("{} at once", tbb::info::default_concurrency()), "", true);
  say("ONNX", has_onnx(), "tilepath import onnx", "build with libonnx-dev and libprotobuf-dev", false);
  constexpr int kNotFound = 127;
  say("Slurm", run_program({"sbatch", "--version"}).code != kNotFound, "tilepath sweep submit",
      "install slurm-client; --shard works without", false);
  if (json)
    fmt::print("{}\n", Json{{"version", TILEPATH_VERSION}, {"parts", parts}}.dump(1));
  else
    fmt::print("tilepath {}\n{}{}", TILEPATH_VERSION, table(rows, {false, false, false}),
               whole ? "" : "something that every command needs is missing\n");
  return whole ? kDone : kCheckFailed;
}

}  // namespace

void add_doctor(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("doctor", "What parts are present, and what is missing for the others");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "As JSON");
  command->callback([json, &action] { action = [json](const Context& context) { return examine(*json, context); }; });
}

}  // namespace tilepath::cli
