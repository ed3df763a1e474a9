// tilepath show: an architecture as a tree, a network as a table, a mapping as an indented loop nest.
#include <fmt/core.h>

#include <memory>

#include "context.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/base/suggest.hpp"
#include "tilepath/formats/result.hpp"
#include "tilepath/mapping/tile.hpp"

namespace tilepath::cli {

namespace {

std::string capacity_text(const Level& level) {
  if (level.partitions.empty()) return "unbounded";
  std::string text;
  for (const Partition& part : level.partitions) {
    std::string who;
    for (int r = 0; r < kRoles; ++r)
      if (part.holds[static_cast<std::size_t>(r)]) who += (who.empty() ? "" : "+") + std::string(name_of(static_cast<Role>(r)));
    text += (text.empty() ? "" : ", ") + grouped(part.capacity_words) + " words" +
            (level.partitions.size() > 1 || who != "weights+inputs+outputs" ? " for " + who : "");
  }
  return text;
}

template <class T>
std::string per_role_text(const PerRole<T>& values, const std::function<std::string(T)>& text) {
  if (values[0] == values[1] && values[1] == values[2]) return text(values[0]);
  return "weights " + text(values[0]) + ", inputs " + text(values[1]) + ", outputs " + text(values[2]);
}

std::string level_text(const Level& level, const std::string& unit) {
  std::string text =
      capacity_text(level) + ", " + per_role_text<int>(level.word_bits, [](int b) { return std::to_string(b) + " bits"; });
  if (level.block_words > 1) text += fmt::format(" ({} words an access)", level.block_words);
  text += fmt::format(", read {:g} write {:g} {}", level.read_energy, level.write_energy, unit);
  if (level.read_bandwidth > 0) text += fmt::format(", reads {:g} words/cycle", level.read_bandwidth);
  if (level.write_bandwidth > 0) text += fmt::format(", writes {:g} words/cycle", level.write_bandwidth);
  if (level.keeps != PerRole<Keep>{Keep::can, Keep::can, Keep::can})
    text += ", keeps: " + per_role_text<Keep>(level.keeps, [](Keep k) {
              return std::string(k == Keep::can ? "can" : k == Keep::must ? "must" : "never");
            });
  if (level.double_buffered) text += ", double-buffered";
  if (level.retention == Retention::sliding) text += ", sliding";
  if (level.leakage > 0) text += fmt::format(", leaks {:g} {} a cycle", level.leakage, unit);
  if (level.area > 0) text += fmt::format(", {:g} mm2", level.area);
  return text;
}

std::string axis_text(const Fanout& fanout, Axis axis) {
  std::string text = std::to_string(fanout.size(axis));
  std::string only;
  for (const std::string& name : fanout.dimensions(axis)) only += (only.empty() ? "" : ",") + name;
  return only.empty() ? text : text + "(" + only + ")";
}

std::string tree(const Hierarchy& hierarchy) {
  const std::string unit = hierarchy.energy_unit == "mac" ? "MACs" : "pJ";
  std::string text = hierarchy.name + (hierarchy.technology.empty() ? "" : ", " + hierarchy.technology) +
                     (hierarchy.clock_mhz > 0 ? fmt::format(", {:g} MHz", hierarchy.clock_mhz) : "") + "\n";
  std::string indent;
  for (int l = 0; l < hierarchy.level_count(); ++l) {
    const Level& level = hierarchy.level(l);
    text += indent + "└─ " + level.name +
            (hierarchy.instances(l) > 1 ? fmt::format(" (x {})", grouped(hierarchy.instances(l))) : "") + ": " +
            level_text(level, unit) + "\n";
    indent += "   ";
    if (!level.fanout) continue;
    const Fanout& fanout = *level.fanout;
    text += indent + "└─ " + axis_text(fanout, Axis::x) + " x " + axis_text(fanout, Axis::y) + ": " +
            (fanout.reduction ? "" : "no ") + "spatial reduction, " +
            per_role_text<Multicast>(fanout.multicast,
                                     [](Multicast m) {
                                       return std::string(m == Multicast::all     ? "multicast"
                                                          : m == Multicast::equal ? "multicast of equals"
                                                                                  : "no multicast");
                                     }) +
            ", " +
            per_role_text<double>(fanout.energy_per_word, [&](double e) { return fmt::format("{:g} {} a word", e, unit); }) +
            "\n";
    indent += "   ";
  }
  return text + indent + "└─ " + hierarchy.compute.name +
         fmt::format(" (x {}): {:g} {}, {:g} a cycle\n", grouped(hierarchy.instances(hierarchy.level_count())),
                     hierarchy.compute.mac_energy, unit, hierarchy.compute.macs_per_cycle);
}

std::string network_table(const Network& network) {
  std::vector<std::vector<std::string>> rows = {{"layer", "type", "repeat", "dimensions", "MACs", "words of its tensors"}};
  std::int64_t total = 0;
  for (const Layer& layer : network.layers) {
    std::string dimensions;
    for (const Dimension& d : layer.dimensions)
      if (d.bound > 1) dimensions += (dimensions.empty() ? "" : " ") + d.name + std::to_string(d.bound);
    std::string words;
    for (const Tensor& tensor : layer.tensors)
      words +=
          (words.empty() ? "" : ", ") + tensor.name + " " + grouped(tile_words(tensor, bounds_of(layer), Footprint::touched));
    rows.push_back({layer.name, layer.type, std::to_string(layer.repeat), dimensions, grouped(macs(layer)), words});
    total = checked_add(total, checked_multiply(macs(layer), layer.repeat));
  }
  rows.push_back({"total", "", "", "", grouped(total), ""});
  return network.name + "\n" + table(rows, {false, false, true, false, true, false});
}

std::string statements(const Json& dataflow) {
  std::string text = dataflow.value("name", "") + ": " + dataflow.value("description", "") + "\n";
  for (const Json& constraint : dataflow["constraints"]) text += constraint.dump() + "\n";
  return text;
}

Document open_any(const std::string& given, const Library& library) {
  std::vector<std::string> all;
  for (const char* folder : {"arch", "workloads", "mappings"})
    for (const std::string& name : library.names(folder)) {
      if (name == given && !std::filesystem::exists(given)) return library.open(folder, given);
      all.push_back(name);
    }
  if (given == "-" || std::filesystem::exists(given)) return read_document(given);
  throw InputError("'" + given + "' is neither a file nor a ready-made name" + hint(given, all));
}

/// What a file says once it is read: with every default in its place.
Json as_read(MappingArguments arguments, const std::string& file, const Document& document, const Context& context) {
  const Json& root = document.root;
  if (root.is_object() && root.contains("levels")) return to_json(read_architecture(document));
  if (root.is_object() && root.contains("constraints") && !root.contains("architecture")) return root;
  Json json = {{"schema_version", 1}};
  if (root.is_object() && root.contains("architecture")) {
    for (const Claim& claim : read_result(document)) json["layers"].push_back(claim.as_given);
  } else if (root.is_object() && root.contains("layers")) {
    const Network network = read_workload(document);
    json["name"] = network.name;
    for (const Layer& layer : network.layers) json["layers"].push_back(to_json(layer));
  } else {
    arguments.mapping = file;
    const Subject subject = load(arguments, context.library);
    json["mapping"] = to_json(subject.nest, subject.layer, subject.hierarchy);
  }
  return json;
}

int run(MappingArguments arguments, const std::string& file, bool json, const Context& context) {
  const Document document = open_any(file, context.library);
  const Json& root = document.root;
  if (json) {
    fmt::print("{}\n", as_read(arguments, file, document, context).dump(1));
    return kDone;
  }
  if (root.is_object() && root.contains("levels")) {
    fmt::print("{}", tree(read_architecture(document)));
  } else if (root.is_object() && root.contains("architecture")) {
    for (const Claim& claim : read_result(document))
      fmt::print("{}\n{}\n", claim.layer.name, to_text(claim.nest, claim.layer, claim.hierarchy));
  } else if (root.is_object() && root.contains("constraints")) {
    fmt::print("{}", statements(root));
  } else if (root.is_object() && root.contains("layers")) {
    fmt::print("{}", network_table(read_workload(document)));
  } else if (root.is_array() || (root.is_object() && root.contains("mapping"))) {
    arguments.mapping = file;
    const Subject subject = load(arguments, context.library);
    fmt::print("{}", to_text(subject.nest, subject.layer, subject.hierarchy));
  } else {
    throw InputError(document.name +
                     ": neither an architecture ('levels'), a workload ('layers'), a mapping (a list or 'mapping'), a dataflow "
                     "('constraints') nor a result");
  }
  return kDone;
}

}  // namespace

void add_show(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<MappingArguments>();
  auto file = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("show", "Print an architecture as a tree, a workload as a table, a mapping or result as loop nests");
  command->add_option("file", *file, "A file or a ready-made name")->required();
  command->add_option("-w,--workload", arguments->workload, "For a mapping: its workload, where the file does not say");
  command->add_option("-a,--arch", arguments->arch, "For a mapping: its architecture");
  command->add_option("-l,--layer", arguments->layer, "For a mapping: its layer");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "As JSON, with every default in its place");
  command->footer(
      "Examples:\n  tilepath show eyeriss\n  tilepath show resnet50\n  tilepath show alexnet-conv2-rs\n  tilepath show "
      "alexnet.json");
  command->callback([=, &action] { action = [=](const Context& context) { return run(*arguments, *file, *json, context); }; });
}

}  // namespace tilepath::cli
