// tilepath init: files to start from.
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "context.hpp"
#include "tilepath/base/error.hpp"

namespace tilepath::cli {

namespace fs = std::filesystem;

namespace {

/// The folder of ready-made starter files.
fs::path starter(const Library& library) {
  std::error_code none;
  for (const fs::path& root : library.roots)
    if (fs::is_directory(root / "starter", none)) return root / "starter";
  throw InputError("starter: not among the ready-made files; set TILEPATH_DATA to the folder that holds them");
}

int run(const std::string& folder, const Context& context) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(starter(context.library))) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  // All or nothing: what stands there already is somebody's work.
  for (const fs::path& file : files)
    if (const fs::path to = fs::path(folder) / file.filename(); fs::exists(to))
      throw InputError(to.lexically_normal().string() + ": is there already; choose another folder");
  std::error_code failed;
  fs::create_directories(folder, failed);
  for (const fs::path& file : files) {
    std::ifstream in(file, std::ios::binary);
    const std::string to = (fs::path(folder) / file.filename()).lexically_normal().string();
    write_file(to, std::string{std::istreambuf_iterator<char>(in), {}});
    fmt::print("written: {}\n", to);
  }
  const std::string arch = (fs::path(folder) / "arch.json").lexically_normal().string();
  const std::string workload = (fs::path(folder) / "workload.json").lexically_normal().string();
  fmt::print("next: tilepath search {} --arch {} --verify\n", quoted(workload), quoted(arch));
  return kDone;
}

}  // namespace

void add_init(CLI::App& app, Action& action) {
  auto folder = std::make_shared<std::string>(".");
  CLI::App* command = app.add_subcommand(
      "init", "Write files to start from: an architecture, a workload, a dataflow and a sweep, each explained");
  command->add_option("folder", *folder, "Where to (default: this folder); nothing that stands there is overwritten")
      ->type_name("FOLDER");
  command->footer("Example:\n  tilepath init my-chip && cd my-chip && tilepath search workload.json --arch arch.json --verify");
  command->callback([folder, &action] { action = [folder](const Context& context) { return run(*folder, context); }; });
}

}  // namespace tilepath::cli
