#include "tilepath/formats/archive.hpp"

#include "tilepath/base/error.hpp"
#include "tilepath/base/hash.hpp"
#include "tilepath/formats/document.hpp"
#include "tilepath/formats/mapping.hpp"
#include "tilepath/model/evaluate.hpp"

namespace tilepath {

namespace {

namespace fs = std::filesystem;

class Folder : public Archive {
 public:
  explicit Folder(fs::path folder) : folder_(std::move(folder)) {}

  std::optional<Solution> read(const std::string& key, const Layer& layer, const Hierarchy& hierarchy) override {
    const fs::path path = path_of(key);
    std::error_code none;
    if (!fs::exists(path, none)) return {};
    try {
      const Document document = read_document(path.string());
      const Cursor root(document);
      root.expect_version();
      if (root.at("key").text() != key) return {};
      Solution solution;
      solution.found = root.at("found").boolean();
      if (!solution.found) return solution;
      // What it says of the mapping is checked against the mapping itself: a damaged file cannot become a wrong figure.
      solution.nest = read_nodes(root.at("mapping"), layer, hierarchy);
      const Evaluation evaluation = evaluate(solution.nest, layer, hierarchy);
      solution.energy = evaluation.energy.value();
      solution.cycles = evaluation.cycles.value();
      const bool as_said =
          root.at("energy").number() == solution.energy && root.at("cycles").integer(0, INT64_MAX) == solution.cycles;
      return as_said ? std::optional(solution) : std::nullopt;
    } catch (const InputError&) {
      return {};
    }
  }

  void write(const std::string& key, const Solution& solution, const Layer& layer, const Hierarchy& hierarchy) override {
    Json json = {{"schema_version", 1}, {"key", key}, {"found", solution.found}};
    if (solution.found) {
      json["energy"] = solution.energy;
      json["cycles"] = solution.cycles;
      json["mapping"] = to_json(solution.nest, layer, hierarchy);
    }
    std::error_code none;
    fs::create_directories(path_of(key).parent_path(), none);
    try {
      write_file(path_of(key).string(), json.dump() + "\n");
    } catch (const InputError&) {
      return;  // full or gone: the run goes on without it
    }
  }

 private:
  /// 256 folders, so that none holds a million files.
  [[nodiscard]] fs::path path_of(const std::string& key) const { return folder_ / key.substr(0, 2) / (key.substr(2) + ".json"); }

  fs::path folder_;
};

}  // namespace

std::unique_ptr<Archive> open_archive(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!fs::is_directory(folder)) throw InputError(folder.string() + ": cannot be made a folder: " + error.message());
  return std::make_unique<Folder>(folder);
}

}  // namespace tilepath
