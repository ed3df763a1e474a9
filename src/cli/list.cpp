// tilepath list: the ready-made files.
#include <fmt/core.h>

#include <memory>

#include "context.hpp"

namespace tilepath::cli {

void add_list(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("list", "Names of the ready-made architectures, workloads, mappings, sweeps and estimator tables");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "As JSON");
  command->callback([json, &action] {
    action = [json](const Context& context) {
      Json names;
      for (const char* folder : {"arch", "workloads", "mappings", "sweeps", "estimators"})
        names[folder] = context.library.names(folder);
      if (*json) {
        fmt::print("{}\n", names.dump(1));
        return kDone;
      }
      for (const auto& [folder, list] : names.items()) {
        fmt::print("{}:", folder);
        for (const Json& name : list) fmt::print(" {}", name.get<std::string>());
        fmt::print("\n");
      }
      return kDone;
    };
  });
}

}  // namespace tilepath::cli
