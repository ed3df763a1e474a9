// The house: which room may include which. Counted from the #include lines themselves.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>

namespace tilepath::testing {

namespace {

namespace fs = std::filesystem;

/// Arrows that the design has; each room may also include itself and `base`.
const std::map<std::string, std::set<std::string>> kArrows = {
    {"base", {}},
    {"workload", {}},
    {"arch", {"workload"}},
    {"mapping", {"arch", "workload"}},
    {"model", {"mapping", "arch", "workload"}},
    {"execute", {"mapping", "arch", "workload"}},
    {"verify", {"execute", "model", "mapping", "arch", "workload"}},
    {"search", {"model", "mapping", "arch", "workload"}},
    {"certify", {"search", "model", "mapping", "arch", "workload"}},
    {"explore", {"search", "model", "mapping", "arch", "workload"}},
    {"formats", {"explore", "certify", "verify", "search", "model", "mapping", "arch", "workload"}},
    {"cli", {"formats", "explore", "certify", "verify", "search", "model", "mapping", "arch", "workload"}},
};

}  // namespace

TEST_CASE("arrows between rooms run one way, the model and the executor do not know each other") {
  const fs::path root = TILEPATH_SOURCE_DATA;
  int arrows = 0;
  for (const auto& [room, allowed] : kArrows)
    for (const fs::path& folder : {root / "include" / "tilepath" / room, root / "src" / room}) {
      if (!fs::exists(folder)) continue;
      for (const auto& entry : fs::directory_iterator(folder)) {
        std::ifstream in(entry.path());
        for (std::string line; std::getline(in, line);) {
          const std::string prefix = "#include \"tilepath/";
          if (!line.starts_with(prefix)) continue;
          const std::string to = line.substr(prefix.size(), line.find('/', prefix.size()) - prefix.size());
          ++arrows;
          CHECK_MESSAGE((to == room || to == "base" || allowed.contains(to)), entry.path().string() << ": " << line);
        }
      }
    }
  CHECK(arrows > 50);
}

}  // namespace tilepath::testing
