// Timeloop's problem and our layer. A problem is a shape (dimensions, data spaces, how a data space is projected from them) and
// an instance (a bound for each dimension, a value for each coefficient):
//
//   projection: [ [[N]], [[C]], [[R, Wdilation], [P, Wstride]], … ]     a list of ranks; a rank is a sum of terms; a term a
//                                                                       dimension times coefficients
//
// A convolution is known by its ranks, whatever their order, and becomes a `conv`; all others become an `einsum`.
#include <algorithm>
#include <set>

#include "tilepath/base/error.hpp"
#include "tilepath/base/quantity.hpp"
#include "tilepath/base/suggest.hpp"
#include "tilepath/formats/workload.hpp"
#include "tilepath/workload/conv.hpp"
#include "timeloop_parts.hpp"

namespace tilepath::timeloop {

namespace {

/// dimension -> coefficient.
using TermSum = std::map<std::string, std::int64_t>;

struct DataSpace {
  std::string name;
  bool written = false;
  std::vector<TermSum> ranks;
};

class Reader {
 public:
  Reader(const Cursor& problem, const Cursor& shape, Remarks& remarks) : problem_(problem), shape_(shape), remarks_(remarks) {
    read_dimensions();
    read_coefficients();
    const char* key = shape.has("data_spaces") ? "data_spaces" : "data-spaces";
    for (const Cursor& each : shape.at(key).elements(2)) spaces_.push_back(space(each));
    const auto written = std::count_if(spaces_.begin(), spaces_.end(), [](const DataSpace& each) { return each.written; });
    if (written != 1)
      shape.at(key).fail("expected one data space with 'read-write', the output; found " + std::to_string(written));
  }

  [[nodiscard]] Problem problem(const std::string& name) const {
    Problem result;
    for (const auto& [dimension, bound] : bounds_) result.bounds[dimension] = bound;
    if (k_is_m_) result.renamed["K"] = "M";
    result.layer = is_conv() ? conv_layer(result.tensors) : einsum(result.tensors);
    result.layer["name"] = name;
    return result;
  }

 private:
  [[nodiscard]] Cursor instance() const { return problem_.has("instance") ? problem_.at("instance") : problem_; }

  void read_dimensions() {
    const Cursor list = shape_.at("dimensions");
    std::vector<std::string> names;
    if (list.json().is_string())
      for (const char c : list.text()) names.emplace_back(1, c);
    else
      for (const Cursor& each : list.elements(1)) names.push_back(each.text());
    const auto has = [&](const char* name) { return std::find(names.begin(), names.end(), name) != names.end(); };
    k_is_m_ = has("K") && has("C") && has("P") && !has("M");
    if (k_is_m_) remarks_.push_back(list.said("K, the output channels, is called M here"));
    for (const std::string& name : names) {
      if (bound_of(ours(name)) > 0) list.fail("'" + name + "' is there twice");
      bounds_.emplace_back(ours(name), instance().at(name).integer(1, kMaxBound));
    }
  }
  [[nodiscard]] std::string ours(const std::string& dimension) const { return k_is_m_ && dimension == "K" ? "M" : dimension; }

  void read_coefficients() {
    if (shape_.has("coefficients"))
      for (const Cursor& each : shape_.at("coefficients").elements()) {
        const std::string name = each.at("name").text();
        coefficients_[name] = each.has("default") ? each.at("default").integer(1, 1 << 20) : 1;
        if (instance().has(name)) coefficients_[name] = instance().at(name).integer(1, 1 << 20);
      }
    if (!instance().json().is_object()) return;
    for (const auto& [key, value] : instance().members()) {
      const bool known = bound_of(ours(key)) > 0 || coefficients_.contains(key) || key == "shape" || key == "version" ||
                         key == "name" || key == "instance" || key == "type";
      // Height, width and padding of the image follow from P, Q, stride, dilation and filter.
      const bool follows = key == "H" || key == "W" || key == "Hpad" || key == "Wpad";
      const bool empty = value.json().is_null() || (value.json().is_object() && value.json().empty());
      if (known || follows || empty || value.json() == 1) continue;
      if (key == "densities" || key.starts_with("density"))
        remarks_.push_back(value.said("left out: tensors are dense here"));
      else
        remarks_.push_back(value.said("left out: neither a dimension nor a coefficient of the shape"));
    }
  }

  /// 0: no such dimension.
  [[nodiscard]] std::int64_t bound_of(const std::string& dimension) const {
    for (const auto& [name, bound] : bounds_)
      if (name == dimension) return bound;
    return 0;
  }

  DataSpace space(const Cursor& cursor) const {
    DataSpace result;
    result.name = cursor.at("name").text();
    const char* key = cursor.has("read_write") ? "read_write" : "read-write";
    result.written = cursor.has(key) && cursor.at(key).boolean();
    for (const Cursor& rank : cursor.at("projection").elements()) {
      TermSum sum;
      for (const Cursor& term : rank.elements(1)) {
        std::string dimension;
        std::int64_t coefficient = 1;
        for (const Cursor& factor : term.elements(1)) {
          const std::string name = factor.json().is_string() ? ours(factor.text()) : "";
          if (!name.empty() && bound_of(name) > 0 && dimension.empty())
            dimension = name;
          else if (coefficients_.contains(name))
            coefficient = checked_multiply(coefficient, coefficients_.at(name));
          else if (factor.json().is_number_integer())
            coefficient = checked_multiply(coefficient, factor.integer(1, 1 << 20));
          else
            factor.fail("expected a dimension or a coefficient of the shape, found " + factor.json().dump());
        }
        if (dimension.empty()) term.fail("expected a dimension in each term");
        if (!sum.emplace(dimension, coefficient).second) term.fail("'" + dimension + "' is there twice");
      }
      result.ranks.push_back(std::move(sum));
    }
    return result;
  }

  // ---- convolutions

  [[nodiscard]] const DataSpace* output() const {
    for (const DataSpace& each : spaces_)
      if (each.written) return &each;
    return nullptr;
  }

  [[nodiscard]] static std::multiset<TermSum> ranks(const DataSpace& space) { return {space.ranks.begin(), space.ranks.end()}; }
  /// Those of these dimensions that the shape has, each a rank of its own.
  [[nodiscard]] std::multiset<TermSum> plain(std::string_view dimensions) const {
    std::multiset<TermSum> result;
    for (const char c : dimensions)
      if (bound_of({c}) > 0) result.insert({{std::string(1, c), 1}});
    return result;
  }
  /// The coefficient of `dimension` in the rank that it shares with `other` in the inputs.
  [[nodiscard]] std::int64_t coefficient(const std::string& dimension) const {
    for (const DataSpace& each : spaces_)
      for (const TermSum& rank : each.ranks)
        if (!each.written && (rank.size() == 2 || rank.begin()->second > 1))
          if (const auto found = rank.find(dimension); found != rank.end()) return found->second;
    return 1;
  }

  [[nodiscard]] bool is_conv() const {
    static const std::string usual = "NGMCPQRS";
    for (const auto& [name, bound] : bounds_)
      if (name.size() != 1 || usual.find(name) == std::string::npos) return false;
    if (spaces_.size() != 3 || output() == nullptr) return false;
    std::multiset<TermSum> inputs = plain("NGC");
    for (const auto& [out, tap] : {std::pair{"P", "R"}, std::pair{"Q", "S"}}) {
      TermSum sum;
      if (bound_of(out) > 0) sum[out] = coefficient(out);
      if (bound_of(tap) > 0) sum[tap] = coefficient(tap);
      if (!sum.empty()) inputs.insert(sum);
    }
    const auto is = [&](const std::multiset<TermSum>& wanted) {
      return std::any_of(spaces_.begin(), spaces_.end(), [&](const DataSpace& s) { return !s.written && ranks(s) == wanted; });
    };
    const bool twice = plain("GMCRS") == inputs;  // then both operands would be taken for the same one
    return !twice && is(plain("GMCRS")) && is(inputs) && ranks(*output()) == plain("NGMPQ");
  }

  Json conv_layer(std::map<std::string, std::string>& tensors) const {
    Json layer = {{"name", ""}, {"type", "conv"}};
    for (const auto& [name, bound] : bounds_)
      if (bound > 1 || name == "M") layer[name] = bound;
    if (!layer.contains("M")) layer["M"] = 1;
    const auto pair = [&](const char* key, const char* vertical, const char* horizontal) {
      const std::int64_t v = coefficient(vertical);
      const std::int64_t h = coefficient(horizontal);
      if (v != 1 || h != 1) layer[key] = {v, h};
    };
    pair("stride", "P", "Q");
    pair("dilation", "R", "S");
    for (const DataSpace& each : spaces_)
      tensors[each.name] = each.written ? "outputs" : ranks(each) == plain("GMCRS") ? "weights" : "inputs";
    return layer;
  }

  // ---- everything else

  Json einsum(std::map<std::string, std::string>& tensors) const {
    Json layer = {{"name", ""}, {"type", "einsum"}};
    for (const auto& [name, bound] : bounds_) layer["dimensions"][name] = bound;
    for (const DataSpace& each : spaces_) {
      Json ranks = Json::array();
      for (const TermSum& rank : each.ranks) {
        std::string text;
        for (const auto& [dimension, factor] : rank)
          text += (text.empty() ? "" : " + ") + (factor == 1 ? "" : std::to_string(factor) + "*") + dimension;
        ranks.push_back(text);
      }
      const bool weights = !each.written && (each.name.starts_with("Weight") || each.name.starts_with("Filter"));
      Json tensor = {{"name", each.name}, {"role", each.written ? "outputs" : weights ? "weights" : "inputs"}, {"ranks", ranks}};
      if (each.written) tensor["output"] = true;
      layer["tensors"].push_back(tensor);
      tensors[each.name] = each.name;
    }
    return layer;
  }

  const Cursor& problem_;
  const Cursor& shape_;
  Remarks& remarks_;
  bool k_is_m_ = false;
  std::vector<std::pair<std::string, std::int64_t>> bounds_;
  std::map<std::string, std::int64_t> coefficients_;
  std::vector<DataSpace> spaces_;
};

}  // namespace

Problem read_problem(const Cursor& problem, const std::optional<Cursor>& shape, const std::string& name, Remarks& remarks) {
  if (!problem.json().is_object()) problem.fail("expected a map with 'shape' and 'instance'");
  if (problem.has("shape") && problem.at("shape").json().is_object())
    return Reader(problem, problem.at("shape"), remarks).problem(name);
  if (problem.has("shape") && problem.at("shape").text() != "cnn-layer")
    problem.at("shape").fail("expected a map, or the ready-made shape 'cnn-layer', found \"" + problem.at("shape").text() + "\"");
  if (problem.has("shape")) {  // Timeloop's ready-made one
    static const Document known = {"Timeloop's cnn-layer", Json::parse(R"({
      "dimensions": ["R", "S", "P", "Q", "C", "K", "N"],
      "coefficients": [{"name": "Wstride"}, {"name": "Hstride"}, {"name": "Wdilation"}, {"name": "Hdilation"}],
      "data-spaces": [
        {"name": "Weights", "projection": [[["C"]], [["K"]], [["R"]], [["S"]]]},
        {"name": "Inputs", "projection": [[["N"]], [["C"]], [["R", "Wdilation"], ["P", "Wstride"]], [["S", "Hdilation"], ["Q", "Hstride"]]]},
        {"name": "Outputs", "projection": [[["N"]], [["K"]], [["Q"]], [["P"]]], "read-write": true}]})")};
    const Cursor ready(known);
    return Reader(problem, ready, remarks).problem(name);
  }
  if (shape) return Reader(problem, *shape, remarks).problem(name);
  problem.fail("'shape' is missing");
}

std::string space_of(const Layer& layer, int tensor) {
  const std::string& name = layer.tensors[static_cast<std::size_t>(tensor)].name;
  if (layer.type == "einsum") return name;
  return name == "weights" ? "Weights" : name == "inputs" ? "Inputs" : "Outputs";
}

Json problem_of(const Layer& layer) {
  Json dimensions = Json::array();
  Json instance = Json::object();
  for (const Dimension& d : layer.dimensions) {
    if (layer.type != "einsum" && d.name == "G" && d.bound == 1) continue;
    dimensions.push_back(d.name);
    instance[d.name] = d.bound;
  }
  Json coefficients = Json::array();
  Json spaces = Json::array();
  for (int t = 0; t < layer.tensor_count(); ++t) {
    Json projection = Json::array();
    for (const Rank& rank : layer.tensors[static_cast<std::size_t>(t)].ranks) {
      Json sum = Json::array();
      for (const Term& term : rank) {
        const std::string& d = layer.dimensions[static_cast<std::size_t>(term.dimension)].name;
        if (!instance.contains(d)) continue;
        Json factors = {d};
        if (rank.size() > 1 || term.coefficient > 1) {
          std::string name = d + "step";  // a coefficient for each dimension of a sum, as in Timeloop's own shapes
          while (instance.contains(name) && instance[name] != term.coefficient) name += "'";
          if (!instance.contains(name)) coefficients.push_back({{"name", name}, {"default", 1}});
          instance[name] = term.coefficient;
          factors.push_back(name);
        }
        sum.push_back(factors);
      }
      if (!sum.empty()) projection.push_back(sum);
    }
    Json space = {{"name", space_of(layer, t)}, {"projection", projection}};
    if (layer.is_output(t)) space["read-write"] = true;
    spaces.push_back(space);
  }
  return {
      {"problem",
       {{"shape", {{"name", layer.name}, {"dimensions", dimensions}, {"coefficients", coefficients}, {"data-spaces", spaces}}},
        {"instance", instance}}}};
}

}  // namespace tilepath::timeloop
