// Ready-made inputs: files that come with tilepath, found by name.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tilepath/formats/document.hpp"

namespace tilepath {

/// Folders `arch`, `workloads`, `mappings`, `sweeps` and `estimators` are looked for in each of these, first match wins.
struct Library {
  std::vector<std::filesystem::path> roots;

  /// Names of the ready-made files in one folder, sorted.
  [[nodiscard]] std::vector<std::string> names(const std::string& folder) const;
  /// `given` is a path, "-", or a ready-made name; a workload may also be an ONNX model. Throws InputError with the nearest name
  /// where it is none of them.
  [[nodiscard]] Document open(const std::string& folder, const std::string& given) const;
};

/// $TILEPATH_DATA, the data beside the running program (share/tilepath), the given folders.
Library standard_library(const std::vector<std::filesystem::path>& more);

}  // namespace tilepath
