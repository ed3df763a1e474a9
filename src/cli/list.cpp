// tilepath list: the ready-made files.
#include <fmt/core.h>

#include "context.hpp"

namespace tilepath::cli {

void add_list(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("list", "Names of the ready-made architectures, workloads, mappings, sweeps and estimator tables");
  command->callback([&action] {
    action = [](const Context& context) {
      for (const char* folder : {"arch", "workloads", "mappings", "sweeps", "estimators"}) {
        fmt::print("{}:", folder);
        for (const std::string& name : context.library.names(folder)) fmt::print(" {}", name);
        fmt::print("\n");
      }
      return kDone;
    };
  });
}

}  // namespace tilepath::cli
