#include "tilepath/formats/yaml.hpp"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include "tilepath/base/error.hpp"

namespace tilepath {

namespace {

constexpr int kDeepest = 64;
constexpr int kMostValues = 1'000'000;

std::string place(const YAML::Mark& mark) {
  return "line " + std::to_string(mark.line + 1) + ", column " + std::to_string(mark.column + 1);
}

template <class T>
bool is_number(const std::string& text, T& value) {
  const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const char* end = text.data() + text.size();
  return begin != end && std::from_chars(begin, end, value).ptr == end;
}

class Reader {
 public:
  explicit Reader(std::string file) : file_(std::move(file)) {}

  Json json(const YAML::Node& node, int depth = 0) {
    if (depth > kDeepest) fail(node, "nested deeper than " + std::to_string(kDeepest) + " levels");
    if (++values_ > kMostValues) fail(node, "more than a million values");
    switch (node.Type()) {
      case YAML::NodeType::Sequence: {
        Json list = Json::array();
        for (const YAML::Node& each : node) list.push_back(json(each, depth + 1));
        return list;
      }
      case YAML::NodeType::Map:
        return map(node, depth);
      case YAML::NodeType::Scalar:
        return scalar(node);
      default:
        return nullptr;
    }
  }

 private:
  [[noreturn]] void fail(const YAML::Node& node, const std::string& what) const {
    throw InputError(file_ + ": " + place(node.Mark()) + ": " + what);
  }

  Json map(const YAML::Node& node, int depth) {
    Json map = Json::object();
    Json merged = Json::object();
    if (const std::string& tag = node.Tag(); tag.size() > 1 && tag[0] == '!' && tag[1] != '!') map[kYamlTag] = tag.substr(1);
    for (const auto& member : node) {
      const YAML::Node& key = member.first;
      const YAML::Node& value = member.second;
      if (!key.IsScalar()) fail(key, "expected a name as key");
      const std::string& name = key.Scalar();
      if (name == "<<" || name == "<<<") {
        const Json more = json(value, depth + 1);
        for (const Json& each : more.is_array() ? more : Json::array({more})) {
          if (!each.is_object()) fail(value, "'" + name + "' merges maps");
          for (const auto& [k, v] : each.items())
            if (!merged.contains(k)) merged[k] = v;
        }
      } else if (map.contains(name)) {
        fail(key, "the key '" + name + "' stands twice in one map");
      } else {
        map[name] = json(value, depth + 1);
      }
    }
    for (const auto& [key, value] : merged.items()) inherit(map, key, value);
    return map;
  }

  /// What is merged in stands behind what the map itself says, also within maps that both have.
  static void inherit(Json& map, const std::string& key, const Json& value) {
    if (!map.contains(key))
      map[key] = value;
    else if (map[key].is_object() && value.is_object())
      for (const auto& [k, v] : value.items()) inherit(map[key], k, v);
  }

  static Json scalar(const YAML::Node& node) {
    const std::string& text = node.Scalar();
    if (node.Tag() == "!") return text;  // quoted
    if (text == "null" || text == "~" || text.empty()) return nullptr;
    if (text == "true" || text == "True" || text == "TRUE") return true;
    if (text == "false" || text == "False" || text == "FALSE") return false;
    std::int64_t integer = 0;
    if (is_number(text, integer)) return integer;
    double number = 0;
    const bool numeric = text.find_first_not_of("+-.0123456789eE") == std::string::npos;
    if (numeric && is_number(text, number) && std::isfinite(number)) return number;
    return text;
  }

  std::string file_;
  int values_ = 0;
};

void emit(YAML::Emitter& out, const Json& json) {
  if (json.is_object()) {
    if (const auto tag = json.find(kYamlTag); tag != json.end()) out << YAML::LocalTag(tag->get<std::string>());
    if (json.empty()) out << YAML::Flow;
    out << YAML::BeginMap;
    for (const auto& [key, value] : json.items()) {
      if (key == kYamlTag) continue;
      out << YAML::Key << key << YAML::Value;
      emit(out, value);
    }
    out << YAML::EndMap;
  } else if (json.is_array()) {
    bool plain = true;
    for (const Json& each : json) plain = plain && (each.is_primitive() || (each.is_array() && each.size() < 3));
    if (plain) out << YAML::Flow;
    out << YAML::BeginSeq;
    for (const Json& each : json) emit(out, each);
    out << YAML::EndSeq;
  } else if (json.is_string()) {
    const auto text = json.get<std::string>();
    std::int64_t integer = 0;
    double number = 0;
    const bool mistaken = is_number(text, integer) || is_number(text, number) || text == "null" || text == "~" ||
                          text == "true" || text == "false" || text == "True" || text == "False" || text == "TRUE" ||
                          text == "FALSE" || text.empty();
    if (mistaken) out << YAML::DoubleQuoted;
    out << text;
  } else if (json.is_null()) {
    out << YAML::Null;
  } else {
    out << json.dump();  // a number as JSON writes it: the shortest text that gives it back
  }
}

std::string about_templates(const std::string& text) {
  const bool is_template = text.find("{{") != std::string::npos || text.find("{%") != std::string::npos;
  return is_template ? " (the file looks like a Jinja template: render it first)" : "";
}

}  // namespace

Document read_yaml(const std::string& path) {
  std::string text;
  if (path == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream whole;
    if (!in || !(whole << in.rdbuf())) throw InputError(path + ": cannot be read, or is empty");
    text = whole.str();
  }
  const std::string name = path == "-" ? "standard input" : path;
  Json root = Json::object();
  try {
    Reader reader(name);
    for (const YAML::Node& node : YAML::LoadAll(text)) {
      const Json part = reader.json(node);
      if (part.is_null()) continue;
      if (!part.is_object()) throw InputError(name + ": expected a map of names to values at the top, found " + part.type_name());
      for (const auto& [key, value] : part.items()) {
        if (root.contains(key)) throw InputError(name + ": the key '" + key + "' stands in two of its documents");
        root[key] = value;
      }
    }
  } catch (const YAML::Exception& error) {
    throw InputError(name + ": " + place(error.mark) + ": not YAML: " + error.msg + about_templates(text));
  } catch (const InputError& error) {
    throw InputError(error.what() + about_templates(text));
  }
  return {name, std::move(root)};
}

std::string to_yaml(const Json& json) {
  YAML::Emitter out;
  emit(out, json);
  return std::string(out.c_str()) + "\n";
}

}  // namespace tilepath
