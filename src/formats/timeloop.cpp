#include "tilepath/formats/timeloop.hpp"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <set>

#include "tilepath/base/error.hpp"
#include "tilepath/base/suggest.hpp"
#include "tilepath/formats/architecture.hpp"
#include "tilepath/formats/dataflow.hpp"
#include "tilepath/formats/mapping.hpp"
#include "tilepath/formats/workload.hpp"
#include "tilepath/formats/yaml.hpp"
#include "timeloop_parts.hpp"

namespace tilepath {

namespace {

using timeloop::Directive;
using timeloop::Remarks;

/// What tilepath.yaml holds: per file of ours a merge patch (RFC 7396) from what the import makes of Timeloop's files to what was
/// exported; levels by name, so that it still fits when one is edited there.
constexpr const char* kOwn = "tilepath";

/// The top-level keys of all files.
class Specification {
 public:
  explicit Specification(const std::vector<std::string>& files) {
    for (const std::string& file : files) documents_.push_back(read_yaml(file));
    for (const Document& document : documents_)
      for (const auto& [key, value] : Cursor(document).members()) {
        if (key == "problem" || is_problem(value)) {
          problems.push_back({value, stem(document)});
          continue;
        }
        if (value.json().is_null() || value.json().empty()) continue;  // timeloopfe writes out all keys
        const std::string name = key == "arch" ? "architecture" : key;
        if (const auto [first, fresh] = parts_.emplace(name, value); !fresh)
          value.fail("a second '" + name + "' among the files, beside " + first->second.said("the first"));
      }
  }

  /// The value of a top-level key; where it is missing, nothing.
  std::optional<Cursor> take(const std::string& key) {
    const auto found = parts_.find(key);
    if (found == parts_.end()) return {};
    const Cursor value = found->second;
    parts_.erase(found);
    return value;
  }
  /// What nobody took.
  [[nodiscard]] const std::map<std::string, Cursor>& rest() const { return parts_; }

  struct Named {
    Cursor problem;
    std::string stem;
  };
  std::vector<Named> problems;

 private:
  /// timeloopfe's way to share a shape: a problem under another name, merged elsewhere.
  static bool is_problem(const Cursor& value) {
    return value.json().is_object() && value.has("shape") && value.at("shape").json().is_object() &&
           value.at("shape").has("dimensions");
  }
  static std::string stem(const Document& document) { return std::filesystem::path(document.name).stem().string(); }

  std::deque<Document> documents_;  // cursors point into them
  std::map<std::string, Cursor> parts_;
};

/// Levels as an object by name, and back to the order of `levels`.
Json by_name(Json arch) {
  Json levels = Json::object();
  for (const Json& level : arch["levels"]) levels[level["name"].get<std::string>()] = level;
  arch["levels"] = levels;
  return arch;
}
Json in_order(Json arch) {
  Json levels = Json::array();
  for (const auto& [name, level] : arch["levels"].items()) levels.push_back(level);
  arch["levels"] = levels;
  return arch;
}

/// The merge patch that makes `to` of `from`. (A value that is null is not patched to: our files have none.)
Json patch_of(const Json& from, const Json& to) {
  Json patch = Json::object();
  for (const auto& [key, value] : from.items())
    if (!to.contains(key)) patch[key] = nullptr;
  for (const auto& [key, value] : to.items()) {
    const bool inside = from.contains(key) && from[key].is_object() && value.is_object();
    Json change = inside ? patch_of(from[key], value) : value;
    if (inside ? !change.empty() : !from.contains(key) || from[key] != value) patch[key] = std::move(change);
  }
  return patch;
}

/// What a problem's shape is called; empty where it is not.
std::string called(const Cursor& problem) {
  if (!problem.has("shape") || !problem.at("shape").json().is_object() || !problem.at("shape").has("name")) return "";
  return problem.at("shape").at("name").text();
}

/// The layers of all problems that have bounds.
std::vector<timeloop::Problem> problems_of(const Specification& specification, const std::string& name, Remarks& remarks) {
  std::optional<Cursor> shape;
  std::vector<Specification::Named> instances;
  for (const auto& each : specification.problems) {
    const bool bare = !each.problem.has("instance") && each.problem.has("shape") && each.problem.at("shape").json().is_object();
    if (bare)
      shape = each.problem.at("shape");
    else
      instances.push_back(each);
  }
  // A shape that is there only to be merged into another problem is no layer.
  if (instances.size() > 1) std::erase_if(instances, [](const auto& each) { return each.problem.pointer() != "/problem"; });
  std::vector<timeloop::Problem> problems;
  std::set<std::string> taken;
  for (const auto& [problem, stem] : instances) {
    std::string layer = !name.empty() && instances.size() == 1 ? name : stem;
    if (const std::string own = called(problem); instances.size() == 1 && name.empty() && !own.empty()) layer = own;
    while (!taken.insert(layer).second) layer += "'";
    problems.push_back(timeloop::read_problem(problem, shape, layer, remarks));
  }
  return problems;
}

/// Tensors as they are called where no problem says so.
timeloop::Problem usual_problem() {
  timeloop::Problem usual;
  usual.tensors = {{"Weights", "weights"}, {"Inputs", "inputs"}, {"Outputs", "outputs"}};
  for (const char* d : {"N", "G", "M", "C", "P", "Q", "R", "S"}) usual.bounds[d] = kMaxBound;
  return usual;
}

/// What an architecture's own constraints say of keeping is said by its levels.
void set_keeps(Json& arch, const timeloop::Architecture& architecture, const std::vector<Directive>& directives,
               const timeloop::Problem& problem) {
  const auto role = [&](const std::string& space, const Directive& directive) -> std::string {
    const auto tensor = problem.tensors.find(space);
    if (tensor == problem.tensors.end()) directive.where.fail("the problem has no data space '" + space + "'");
    if (!problem.layer.contains("tensors")) return tensor->second;
    for (const Json& each : problem.layer["tensors"])
      if (each["name"] == tensor->second) return each["role"].get<std::string>();
    return "inputs";
  };
  for (const std::string& name : architecture.alone)
    for (Json& level : arch["levels"])
      if (level["name"] == name) level["keeps"] = {{"weights", "never"}, {"inputs", "never"}, {"outputs", "never"}};
  for (const Directive& each : directives) {
    if (each.kind != Directive::Kind::keeps) continue;
    const auto target = architecture.targets.find(each.target);
    if (target == architecture.targets.end()) each.where.fail("the architecture has no '" + each.target + "'");
    if (target->second.level < 0) continue;  // a container keeps nothing
    Json& level = arch["levels"][static_cast<std::size_t>(target->second.level)];
    for (const std::string& space : each.bypass) level["keeps"][role(space, each)] = "never";
    for (const std::string& space : each.keep) level["keeps"][role(space, each)] = "must";
  }
  for (Json& level : arch["levels"]) {
    if (!level.contains("keeps")) continue;
    Json in_order = Json::object();
    for (const char* name : {"weights", "inputs", "outputs"})
      if (level["keeps"].contains(name)) in_order[name] = level["keeps"][name];
    level["keeps"] = in_order;
  }
}

std::vector<Directive> constraints_of(Specification& specification, std::initializer_list<const char*> keys, Remarks& remarks) {
  std::vector<Directive> all;
  for (const char* key : keys)
    if (const auto part = specification.take(key)) {
      const std::vector<Directive> more = timeloop::read_directives(*part, remarks);
      all.insert(all.end(), more.begin(), more.end());
    }
  return all;
}

/// Reads what was made of a part with our own reader; what that refuses is an error of the part.
template <class Read>
auto checked(const Cursor& part, const Json& json, const Read& read) {
  const Document document{"what is made of it", json};
  try {
    return read(document);
  } catch (const InputError& error) {
    part.fail(error.what());
  }
}

}  // namespace

namespace timeloop {

void expect_known(const Cursor& cursor, const std::vector<std::string>& known, Remarks& remarks) {
  for (const auto& [key, value] : cursor.members()) {
    if (std::find(known.begin(), known.end(), key) != known.end() || value.json().is_null()) continue;
    if (const std::string near = nearest(key, known); !near.empty()) value.fail("unknown key; did you mean '" + near + "'?");
    remarks.push_back(value.said("left out: no counterpart"));
  }
}

}  // namespace timeloop

TimeloopImport import_timeloop(const std::vector<std::string>& files, const TimeloopImportOptions& given, Remarks& remarks) {
  Specification specification(files);
  TimeloopImport result;
  TimeloopImportOptions options = given;
  const std::optional<Cursor> own = specification.take(kOwn);
  if (own) {
    own->expect_object({"of", "layer", "architecture", "constraints"});
    for (const char* key : {"layer", "architecture"})
      if (own->has(key)) (void)own->at(key).members();
    options.patched = own->has("architecture");
  }
  const std::vector<timeloop::Problem> problems = problems_of(specification, options.name, remarks);
  const timeloop::Problem problem = problems.empty() ? usual_problem() : problems.front();
  const timeloop::EnergyTables tables{specification.take("ERT"), specification.take("ART")};
  std::optional<timeloop::Architecture> architecture;
  const std::optional<Cursor> part = specification.take("architecture");
  if (part) architecture = timeloop::read_architecture(*part, tables, options, remarks);
  // The patches are of one export; they say nothing of another specification.
  if (own && own->has("of")) {
    const Cursor of = own->at("of");
    if (of.has("architecture") && (!architecture || of.at("architecture").json() != architecture->called))
      of.at("architecture").fail("is of another architecture than the files are");
    if (of.has("layer") && (problems.size() != 1 || of.at("layer").json() != called(specification.problems.front().problem)))
      of.at("layer").fail("is of another layer than the files are");
  }
  const auto patch = [&](const char* key, Json& json) {
    if (own && own->has(key) && !json.is_null()) json.merge_patch(own->at(key).json());
  };

  if (!problems.empty()) {
    result.workload = {{"schema_version", 1}, {"name", options.name.empty() ? problem.layer["name"] : Json(options.name)}};
    for (const timeloop::Problem& each : problems) result.workload["layers"].push_back(each.layer);
    if (problems.size() == 1) patch("layer", result.workload["layers"][0]);
    checked(specification.problems.front().problem, result.workload, [](const Document& d) { return read_workload(d); });
  }
  std::vector<Directive> built_in = constraints_of(specification, {"architecture_constraints", "arch_constraints"}, remarks);
  const std::vector<Directive> asked =
      constraints_of(specification, {"mapspace_constraints", "constraints", "mapspace"}, remarks);
  const std::optional<Cursor> mapping = specification.take("mapping");
  if (!architecture) {
    for (const auto* each : std::initializer_list<const std::vector<Directive>*>{&built_in, &asked})
      if (!each->empty()) each->front().where.fail("constraints need the architecture: give its file too");
    if (mapping) mapping->fail("a mapping needs architecture and problem: give their files too");
  } else {
    const std::vector<Directive> in_nodes = timeloop::read_node_constraints(*architecture, remarks);
    built_in.insert(built_in.end(), in_nodes.begin(), in_nodes.end());
    result.arch = architecture->json;
    set_keeps(result.arch, *architecture, built_in, problem);
    result.arch = by_name(std::move(result.arch));
    patch("architecture", result.arch);
    result.arch = in_order(std::move(result.arch));
    architecture->json = result.arch;
    const Hierarchy hierarchy = checked(*part, result.arch, [](const Document& d) { return read_architecture(d); });
    // Keeping is said by the levels; the rest of what is built in is a dataflow like what is asked for.
    std::vector<Directive> directives;
    for (const Directive& each : built_in)
      if (each.kind != Directive::Kind::keeps) directives.push_back(each);
    directives.insert(directives.end(), asked.begin(), asked.end());
    Json statements = timeloop::statements_of(directives, *architecture, problem, remarks);
    if (own && own->has("constraints"))
      for (const Json& each : own->at("constraints").json()) statements.push_back(each);
    if (!statements.empty()) {
      result.dataflow = {{"schema_version", 1}, {"name", result.arch["name"]}, {"constraints", statements}};
      for (const timeloop::Problem& each : problems)
        checked(directives.empty() ? *own : directives.front().where, result.dataflow, [&](const Document& d) {
          const Document layer{"the layer", each.layer};
          return read_dataflow(d, read_layer(Cursor(layer)), hierarchy);
        });
    }
    if (mapping) {
      if (problems.size() != 1) mapping->fail("a mapping is of one problem; the files have " + std::to_string(problems.size()));
      const Json nodes = timeloop::mapping_of(timeloop::read_directives(*mapping, remarks), *architecture, problem);
      // The files beside it.
      result.mapping = {{"schema_version", 1},
                        {"workload", "workload.json"},
                        {"layer", result.workload["layers"][0]["name"]},
                        {"arch", "arch.json"},
                        {"mapping", nodes}};
      const Document layer{"the layer", result.workload["layers"][0]};
      checked(*mapping, result.mapping, [&](const Document& d) { return read_mapping(d, read_layer(Cursor(layer)), hierarchy); });
    }
  }
  static const std::set<std::string> kWithoutEffect = {"mapper",      "globals",    "variables", "dumped_by_timeloop_front_end",
                                                       "ERT_summary", "ART_summary"};
  for (const auto& [key, value] : specification.rest())
    if (!kWithoutEffect.contains(key)) remarks.push_back(value.said("left out: no counterpart"));
  if (result.arch.is_null() && result.workload.is_null())
    throw InputError(files.front() + ": neither an 'architecture' nor a 'problem' of Timeloop");
  return result;
}

TimeloopExport export_timeloop(const TimeloopSubject& subject, TimeloopVersion version) {
  TimeloopExport result;
  Json own = Json::object();
  timeloop::Problem problem = usual_problem();
  const auto keep = [&](const char* key, const Json& patch, const std::string& where) {
    if (patch.empty()) return;
    own[key] = patch;
    for (const auto& [name, value] : patch.items()) {
      if (name != "levels") {
        result.remarks.push_back(where + ": " + name);
        continue;
      }
      for (const auto& [level, keys] : value.items())
        for (const auto& [attribute, ignored] : keys.items()) result.remarks.push_back(level + ": " + attribute);
    }
  };
  if (subject.layer != nullptr) {
    const Document yaml{"problem.yaml", timeloop::problem_of(*subject.layer)};
    Remarks none;
    problem = timeloop::read_problem(Cursor(yaml).at("problem"), {}, subject.layer->name, none);
    keep("layer", patch_of(problem.layer, to_json(*subject.layer)), "layer '" + subject.layer->name + "'");
    result.files.emplace_back("problem.yaml", to_yaml(yaml.root));
  }
  if (subject.hierarchy != nullptr) {
    const Hierarchy& hierarchy = *subject.hierarchy;
    Json parts = timeloop::architecture_of(hierarchy, version);
    const Document yaml{"arch.yaml", parts};
    const Cursor root(yaml);
    const timeloop::EnergyTables tables{root.at("ERT"), parts.contains("ART") ? std::optional(root.at("ART")) : std::nullopt};
    Remarks none;
    timeloop::Architecture back = timeloop::read_architecture(root.at("architecture"), tables, {}, none);
    const Json keeps = timeloop::keeps_of(hierarchy, subject.layer);
    const Document keeps_yaml{"arch.yaml", keeps};
    set_keeps(back.json, back, timeloop::read_directives(Cursor(keeps_yaml), none), problem);
    // Compared as our reader takes it: what it adds by itself is no difference.
    const Json is = to_json(checked(root, back.json, [](const Document& d) { return read_architecture(d); }));
    keep("architecture", patch_of(by_name(is), by_name(to_json(hierarchy))), "architecture");
    Json arch = {{"architecture", parts["architecture"]}};
    if (!keeps.empty()) arch["architecture_constraints"] = {{"targets", keeps}};
    result.files.emplace_back("arch.yaml", to_yaml(arch));
    result.files.emplace_back("ERT.yaml", to_yaml({{"ERT", parts["ERT"]}}));
    if (parts.contains("ART")) result.files.emplace_back("ART.yaml", to_yaml({{"ART", parts["ART"]}}));
  }
  if (subject.hierarchy != nullptr && subject.layer != nullptr) {
    if (subject.nest != nullptr)
      result.files.emplace_back(
          "map.yaml",
          to_yaml({{"mapping", timeloop::directives_of(*subject.nest, *subject.layer, *subject.hierarchy, version)}}));
    if (!subject.dataflow.empty()) {
      const timeloop::Constraints said = timeloop::directives_of(subject.dataflow, *subject.layer, *subject.hierarchy, version);
      if (!said.directives.empty())
        result.files.emplace_back("constraints.yaml", to_yaml({{"mapspace_constraints", {{"targets", said.directives}}}}));
      if (!said.unsaid.empty()) own["constraints"] = said.unsaid;
      for (const Json& each : said.unsaid) result.remarks.push_back("constraint " + each.dump());
    }
  }
  if (!own.empty()) {
    if (subject.hierarchy != nullptr) own["of"]["architecture"] = subject.hierarchy->name;
    if (subject.layer != nullptr) own["of"]["layer"] = subject.layer->name;
    result.files.emplace_back("tilepath.yaml", to_yaml({{kOwn, own}}));
  }
  return result;
}

}  // namespace tilepath
