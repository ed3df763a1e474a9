#include "context.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "tilepath/base/error.hpp"
#include "tilepath/base/suggest.hpp"

namespace tilepath::cli {

const Layer& find_layer(const Network& network, const std::string& name) {
  std::vector<std::string> names;
  for (const Layer& layer : network.layers) {
    if (layer.name == name || (name.empty() && network.layers.size() == 1)) return layer;
    names.push_back(layer.name);
  }
  if (name.empty())
    throw InputError("'" + network.name + "' has " + std::to_string(names.size()) + " layers; choose one with --layer" +
                     hint("", names));
  throw InputError("'" + network.name + "' has no layer '" + name + "'" + hint(name, names));
}

void MappingArguments::add_to(CLI::App& app) {
  app.add_option("workload", workload, "Workload: a file or a ready-made name (default: what the mapping file names)");
  app.add_option("-a,--arch", arch, "Architecture: a file or a ready-made name (default: what the mapping file names)");
  app.add_option("-m,--mapping", mapping, "Mapping: a file or a ready-made name");
  app.add_option("-l,--layer", layer, "Layer of the workload (default: what the mapping file names, or the only one)");
}

Subject load(const MappingArguments& arguments, const Library& library) {
  const Document mapping = library.open("mappings", arguments.mapping);
  const MappingFile header = read_mapping_header(mapping);
  // What a mapping names may be a file beside it.
  const auto choose = [&](const std::string& given, const std::string& named, const char* what) {
    if (given.empty() && named.empty())
      throw InputError(mapping.name + ": does not say its " + what + "; give it on the command line");
    if (!given.empty()) return given;
    const std::filesystem::path beside = std::filesystem::path(mapping.name).parent_path() / named;
    return std::filesystem::exists(beside) ? beside.string() : named;
  };
  const Network network = read_workload(library.open("workloads", choose(arguments.workload, header.workload, "workload")));
  const std::string layer = arguments.layer.empty() && arguments.workload.empty()  ? header.layer
                            : arguments.layer.empty() && network.layers.size() > 1 ? header.layer
                                                                                   : arguments.layer;
  Subject subject{find_layer(network, layer),
                  read_architecture(library.open("arch", choose(arguments.arch, header.arch, "architecture"))),
                  {}};
  subject.nest = read_mapping(mapping, subject.layer, subject.hierarchy);
  return subject;
}

CLI::Validator above_zero() {
  return {[](const std::string& given) -> std::string {
            double value = 0;
            return CLI::detail::lexical_cast(given, value) && value > 0 ? "" : "expected a number above 0, found '" + given + "'";
          },
          ""};
}

bool is_terminal(int descriptor) { return isatty(descriptor) != 0; }

bool has_colour(int descriptor) {
  const char* no = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return is_terminal(descriptor) && (no == nullptr || *no == '\0') && (term == nullptr || std::string_view(term) != "dumb");
}

std::string table(const std::vector<std::vector<std::string>>& rows, const std::vector<bool>& right) {
  std::vector<std::size_t> width(right.size(), 0);
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string pad(width[c] - row[c].size(), ' ');
      line += (c == 0 ? "" : "  ") + (right[c] ? pad + row[c] : row[c] + pad);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

std::string quoted(const std::string& path) {
  if (path.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+./,:=@") == std::string::npos)
    return path;
  std::string text = "'";
  for (const char c : path) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

}  // namespace tilepath::cli
