#include "tilepath/formats/library.hpp"

#include <sys/auxv.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "tilepath/base/error.hpp"
#include "tilepath/base/suggest.hpp"
#include "tilepath/formats/onnx.hpp"

namespace tilepath {

namespace fs = std::filesystem;

std::vector<std::string> Library::names(const std::string& folder) const {
  std::set<std::string> found;
  for (const fs::path& root : roots) {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(root / folder, none))
      if (const std::string name = entry.path().filename().string(); name.ends_with(".json") && !name.ends_with(".schema.json"))
        found.insert(name.substr(0, name.size() - 5));
  }
  return {found.begin(), found.end()};
}

Document Library::open(const std::string& folder, const std::string& given) const {
  std::error_code none;
  if (folder == "workloads" && given.ends_with(".onnx")) return {given, import_onnx(given, {}).workload};
  if (given == "-" || (fs::exists(given, none) && !fs::is_directory(given, none))) return read_document(given);
  if (given.find('/') == std::string::npos)
    for (const fs::path& root : roots)
      if (const fs::path path = root / folder / (given + ".json"); fs::exists(path, none)) return read_document(path.string());
  const bool is_path = given.find('/') != std::string::npos || given.ends_with(".json");
  throw InputError(is_path
                       ? given + ": no such file"
                       : "'" + given + "' is neither a file nor one of the ready-made " + folder + hint(given, names(folder)));
}

Library standard_library(const std::vector<fs::path>& more) {
  Library library;
  if (const char* data = std::getenv("TILEPATH_DATA")) library.roots.emplace_back(data);
  std::error_code none;
  fs::path program = fs::read_symlink("/proc/self/exe", none);
  if (none) {  // a root without /proc: as the kernel was asked to run it
    const unsigned long given = getauxval(AT_EXECFN);
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel's own way to hand over a text
    if (given != 0) program = fs::canonical(reinterpret_cast<const char*>(given), none);
  }
  if (!none) library.roots.push_back(program.parent_path().parent_path() / "share" / "tilepath");
  library.roots.insert(library.roots.end(), more.begin(), more.end());
  return library;
}

}  // namespace tilepath
