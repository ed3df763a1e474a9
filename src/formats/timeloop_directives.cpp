// Timeloop's mappings and constraints: lists of directives, each about the temporal loops, the lanes or the tensors of one
// target.
//
//   target: GLB, type: temporal, factors: C16 M2 R3, permutation: CRM      for M in 2 / for R in 3 / for C in 16, C innermost
//   target: GLB, type: spatial, factors: Q13 S3 M4, permutation: QSM, split: 1      Q on x; S and M on y
//   target: GLB, type: datatype, keep: [Inputs], bypass: [Weights]
#include <algorithm>
#include <charconv>
#include <set>

#include "tilepath/base/error.hpp"
#include "tilepath/base/quantity.hpp"
#include "tilepath/base/suggest.hpp"
#include "timeloop_parts.hpp"

namespace tilepath::timeloop {

namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text + ' ')
    if (c == ' ' || c == ',') {
      if (!word.empty()) words.push_back(word);
      word.clear();
    } else {
      word += c;
    }
  return words;
}

/// "C1 M8", "C=1, M=8", ["C=1", "M=8"] or {C: 1, M: 8}.
void read_factors(const Cursor& cursor, Directive& directive, Remarks& remarks) {
  if (cursor.json().is_null()) return;
  if (cursor.json().is_object()) {
    for (const auto& [dimension, count] : cursor.members())
      directive.factors.emplace_back(dimension, count.integer(0, kMaxBound));
    return;
  }
  std::vector<std::string> words;
  if (cursor.json().is_array())
    for (const Cursor& each : cursor.elements()) words.push_back(each.text());
  else
    words = words_of(cursor.text());
  for (const std::string& word : words) {
    if (word.find('<') != std::string::npos || word.find('>') != std::string::npos) {
      remarks.push_back(cursor.said("'" + word + "' left out: a count is fixed or free here, without bounds"));
      continue;
    }
    const std::size_t equals = word.find('=');
    const std::size_t digits =
        equals != std::string::npos ? word.find_first_not_of('=', equals) : word.find_first_of("0123456789");
    std::int64_t count = 0;
    const char* end = word.data() + word.size();
    const bool begins = digits != std::string::npos && digits > 0;
    const std::from_chars_result read = begins ? std::from_chars(word.data() + digits, end, count) : std::from_chars_result{};
    const bool good = begins && read.ec == std::errc() && read.ptr == end && count >= 0 && count <= kMaxBound;
    if (!good) cursor.fail("expected factors like C=16, found \"" + word + "\"");
    directive.factors.emplace_back(word.substr(0, equals != std::string::npos ? equals : digits), count);
  }
}

/// "QSMC", "Q, S, M" or [Q, S, M].
std::vector<std::string> read_permutation(const Cursor& cursor, Remarks& remarks) {
  std::vector<std::string> names;
  if (cursor.json().is_null()) return names;
  if (cursor.json().is_array()) {
    for (const Cursor& each : cursor.elements()) names.push_back(each.text());
  } else if (const std::string text = cursor.text(); text.find_first_of(", ") != std::string::npos) {
    names = words_of(text);
  } else {
    for (const char c : text) names.emplace_back(1, c);
  }
  if (std::erase(names, "_") + std::erase(names, "*") > 0)
    remarks.push_back(cursor.said("places left open in a permutation are not kept: the others stand in their order"));
  return names;
}

std::vector<std::string> read_names(const Cursor& directive, const char* key) {
  std::vector<std::string> names;
  if (directive.has(key) && !directive.at(key).json().is_null())
    for (const Cursor& each : directive.at(key).elements()) names.push_back(each.text());
  return names;
}

Directive read_directive(const Cursor& cursor, const std::string& target, const std::string& type, Remarks& remarks) {
  Directive directive{Directive::Kind::temporal, target, {}, {}, {}, {}, {}, cursor};
  if (type == "datatype" || type == "bypass" || type == "bypassing" || type == "dataspace") {
    directive.kind = Directive::Kind::keeps;
    directive.keep = read_names(cursor, "keep");
    directive.bypass = read_names(cursor, "bypass");
    for (const std::string& name : directive.keep)
      if (std::find(directive.bypass.begin(), directive.bypass.end(), name) != directive.bypass.end())
        cursor.fail("'" + name + "' cannot both be kept and bypass");
  } else {
    if (type == "spatial") directive.kind = Directive::Kind::spatial;
    if (cursor.has("factors")) read_factors(cursor.at("factors"), directive, remarks);
    if (cursor.has("permutation")) directive.permutation = read_permutation(cursor.at("permutation"), remarks);
    if (cursor.has("split")) directive.split = cursor.at("split").integer(0, kMaxBound);
  }
  expect_known(cursor, {"target", "type", "factors", "permutation", "split", "keep", "bypass", "name", "version"}, remarks);
  return directive;
}

bool says_loops(const std::string& type) { return type == "temporal" || type == "spatial"; }
bool says_keeps(const std::string& type) {
  return type == "datatype" || type == "bypass" || type == "bypassing" || type == "dataspace";
}

}  // namespace

std::optional<std::int64_t> Directive::factor(const std::string& dimension) const {
  for (const auto& [name, count] : factors)
    if (name == dimension) return count;
  return {};
}

std::vector<Directive> read_directives(const Cursor& list, Remarks& remarks) {
  std::vector<Directive> directives;
  if (list.json().is_object() && !list.has("targets")) {
    static const std::set<std::string> kWithoutEffect = {"version", "template"};  // `uber`: Timeloop's one kind of mapspace
    for (const auto& [key, value] : list.members())
      if (!kWithoutEffect.contains(key)) remarks.push_back(value.said("left out: no counterpart"));
    return directives;
  }
  for (const Cursor& each : (list.json().is_object() ? list.at("targets") : list).elements()) {
    const std::string type = each.at("type").text();
    static const std::vector<std::string> kTypes = {"temporal", "spatial", "datatype", "dataspace", "bypass", "bypassing"};
    if (const std::string near = nearest(type, kTypes); !near.empty() && near != type)
      each.at("type").fail("unknown type \"" + type + "\"; did you mean '" + near + "'?");
    if (!says_loops(type) && !says_keeps(type)) {
      remarks.push_back(each.said("left out: directives of type '" + type + "' have no counterpart"));
      continue;
    }
    directives.push_back(read_directive(each, each.at("target").text(), type, remarks));
  }
  return directives;
}

std::vector<Directive> read_node_constraints(const Architecture& architecture, Remarks& remarks) {
  std::vector<Directive> directives;
  for (const auto& [target, constraints] : architecture.constraints)
    for (const auto& [type, value] : constraints.members()) {
      if (!says_loops(type) && !says_keeps(type))
        remarks.push_back(value.said("left out: constraints on '" + type + "' have no counterpart"));
      else
        directives.push_back(read_directive(value, target, type, remarks));
    }
  return directives;
}

namespace {

/// What a specification's names stand for here.
class Names {
 public:
  Names(const Architecture& architecture, const Problem& problem) : architecture_(architecture), problem_(problem) {}

  [[nodiscard]] const Target& target(const Directive& directive) const {
    const auto found = architecture_.targets.find(directive.target);
    if (found != architecture_.targets.end()) return found->second;
    std::vector<std::string> known;
    for (const auto& [name, target] : architecture_.targets) known.push_back(name);
    directive.where.fail("the architecture has no '" + directive.target + "'" + hint(directive.target, known));
  }
  [[nodiscard]] const std::string& level(int l) const { return architecture_.levels[static_cast<std::size_t>(l)]; }
  [[nodiscard]] std::string dimension(const std::string& there) const {
    const auto renamed = problem_.renamed.find(there);
    return renamed == problem_.renamed.end() ? there : renamed->second;
  }
  [[nodiscard]] std::string dimension(const std::string& there, const Directive& directive) const {
    std::string here = dimension(there);
    if (problem_.bounds.contains(here)) return here;
    std::vector<std::string> known;
    for (const auto& [name, bound] : problem_.bounds) known.push_back(name);
    directive.where.fail("the problem has no dimension '" + there + "'" + hint(there, known));
  }
  [[nodiscard]] std::string tensor(const std::string& there, const Directive& directive) const {
    const auto found = problem_.tensors.find(there);
    if (found != problem_.tensors.end()) return found->second;
    std::vector<std::string> known;
    for (const auto& [name, here] : problem_.tensors) known.push_back(name);
    directive.where.fail("the problem has no data space '" + there + "'" + hint(there, known));
  }
  [[nodiscard]] std::vector<std::string> tensors(const std::vector<std::string>& there, const Directive& directive) const {
    std::vector<std::string> here;
    here.reserve(there.size());
    for (const std::string& name : there) here.push_back(tensor(name, directive));
    return here;
  }
  [[nodiscard]] const Architecture& architecture() const { return architecture_; }
  [[nodiscard]] const Problem& problem() const { return problem_; }

 private:
  const Architecture& architecture_;
  const Problem& problem_;
};

/// The counts of a directive in nest order, outermost first: the permutation backwards, then what it does not name. With the
/// place of each in the permutation (past its end: what it does not name).
struct Count {
  std::string dimension;
  std::int64_t count;
  std::size_t place;
};
std::vector<Count> outermost_first(const Directive& directive, const Names& names) {
  std::vector<Count> counts;
  std::set<std::string> seen;
  for (const std::string& there : directive.permutation)
    if (!seen.insert(names.dimension(there, directive)).second)
      directive.where.at("permutation").fail("'" + there + "' is there twice");
  for (const auto& [there, count] : directive.factors) {
    const auto found = std::find(directive.permutation.begin(), directive.permutation.end(), there);
    counts.push_back({names.dimension(there, directive), count, static_cast<std::size_t>(found - directive.permutation.begin())});
  }
  std::stable_sort(counts.begin(), counts.end(), [](const Count& a, const Count& b) { return a.place > b.place; });
  return counts;
}

std::string axis_of(const Directive& directive, const Target& target, std::size_t place) {
  if (!target.axis.empty()) return target.axis;
  return !directive.split || static_cast<std::int64_t>(place) < *directive.split ? "x" : "y";
}

/// A count of 0 is what the others leave of the bound.
void fill_in(std::vector<Directive>& directives, const Names& names) {
  std::map<std::string, std::int64_t> product;
  std::set<std::string> open;
  for (Directive& each : directives)
    for (auto& [there, count] : each.factors) {
      const std::string here = names.dimension(there, each);
      if (count > 0) product[here] = checked_multiply(product.contains(here) ? product[here] : 1, count);
      if (count == 0 && !open.insert(here).second) each.where.fail("a second factor 0 of " + there);
    }
  for (Directive& each : directives)
    for (auto& [there, count] : each.factors)
      if (count == 0) {
        const std::string here = names.dimension(there, each);
        const std::int64_t inside = product.contains(here) ? product[here] : 1;
        count = ceil_divide(names.problem().bounds.at(here), inside);
      }
}

}  // namespace

Json mapping_of(std::vector<Directive> directives, const Architecture& architecture, const Problem& problem) {
  const Names names(architecture, problem);
  fill_in(directives, names);
  const auto levels = architecture.levels.size();
  std::vector<std::vector<std::string>> kept(levels);
  for (std::size_t l = 0; l < levels; ++l) {
    const auto alone = std::find(architecture.alone.begin(), architecture.alone.end(), architecture.levels[l]);
    if (alone == architecture.alone.end())
      for (const auto& [there, here] : problem.tensors) kept[l].push_back(here);
  }
  std::vector<Json> temporal(levels, Json::array());
  std::vector<Json> lanes(levels, Json::array());
  for (const Directive& each : directives) {
    const Target& target = names.target(each);
    const bool dummy = target.level < 0;
    if (each.kind == Directive::Kind::keeps) {
      if (!dummy) kept[static_cast<std::size_t>(target.level)] = names.tensors(each.keep, each);
      if (dummy && !each.keep.empty()) each.where.fail("'" + each.target + "' is no memory here; it cannot keep " + each.keep[0]);
      continue;
    }
    for (const Count& count : outermost_first(each, names)) {
      if (count.count == 1) continue;
      if (each.kind == Directive::Kind::temporal) {
        if (dummy)
          each.where.fail("'" + each.target + "' is no memory here; a loop of " + count.dimension + " cannot be its own");
        temporal[static_cast<std::size_t>(target.level)].push_back({{"for", count.dimension}, {"count", count.count}});
      }
    }
  }
  // Lanes from the outside in: containers stand in the order of the architecture, not of the mapping.
  std::vector<const Directive*> spatial;
  for (const Directive& each : directives)
    if (each.kind == Directive::Kind::spatial) spatial.push_back(&each);
  std::stable_sort(spatial.begin(), spatial.end(), [&](const Directive* a, const Directive* b) {
    return names.target(*a).axis == "x" && names.target(*b).axis == "y";
  });
  for (const Directive* each : spatial) {
    const Target& target = names.target(*each);
    for (const Count& count : outermost_first(*each, names))
      if (count.count > 1)
        lanes[static_cast<std::size_t>(target.fanout)].push_back({{"spatial", count.dimension},
                                                                  {"count", count.count},
                                                                  {"fanout", names.level(target.fanout)},
                                                                  {"axis", axis_of(*each, target, count.place)}});
  }
  Json nodes = Json::array();
  for (std::size_t l = 0; l < levels; ++l) {
    if (!kept[l].empty()) nodes.push_back({{"store", kept[l]}, {"at", architecture.levels[l]}});
    for (const Json& node : temporal[l]) nodes.push_back(node);
    for (const Json& node : lanes[l]) nodes.push_back(node);
  }
  nodes.push_back({{"compute", architecture.json["compute"]["name"]}});
  return nodes;
}

namespace {

/// Constraints on the loops of all levels, as statements on tiles: the extent of a level's tile is the product of the counts from
/// it inwards, known where all of them are fixed.
class Tiles {
 public:
  Tiles(const std::vector<Directive>& directives, const Names& names)
      : names_(names), temporal_(names.architecture().levels.size()), lanes_(temporal_.size()) {
    for (const Directive& each : directives) {
      if (each.kind == Directive::Kind::keeps) continue;
      const Target& target = names.target(each);
      const bool lanes = each.kind == Directive::Kind::spatial;
      if (!lanes && target.level < 0) continue;  // loops of a container: it has none
      auto& counts = lanes ? lanes_[static_cast<std::size_t>(target.fanout)] : temporal_[static_cast<std::size_t>(target.level)];
      for (const auto& [there, count] : each.factors) {
        const std::string here = names.dimension(there, each);
        if (count == 0) continue;
        counts[here] = checked_multiply(counts.contains(here) ? counts[here] : 1, count);
        if (!lanes) said_[{target.level, here}] = &each;
      }
    }
  }

  void state(Json& statements, Remarks& remarks) const {
    std::map<std::string, std::int64_t> inside;  // extents that are known
    std::set<std::string> unknown;
    for (std::size_t l = temporal_.size(); l-- > 0;) {
      Json tile = Json::object();
      for (const auto& [dimension, bound] : names_.problem().bounds) {
        const bool has_lanes = has_fanout(l);
        const auto loops = temporal_[l].find(dimension);
        const auto lanes = lanes_[l].find(dimension);
        const bool fixed =
            loops != temporal_[l].end() && (!has_lanes || lanes != lanes_[l].end()) && !unknown.contains(dimension);
        if (!fixed) {
          if (loops != temporal_[l].end() && (l > 0 || loops->second > 1))
            remarks.push_back(said_.at({static_cast<int>(l), dimension})
                                  ->where.said("the factor of " + dimension +
                                               " left out: a tile's extent can be fixed here only with all loops inside it"));
          unknown.insert(dimension);
          continue;
        }
        std::int64_t& extent = inside.emplace(dimension, 1).first->second;
        extent = checked_multiply(extent, loops->second);
        if (has_lanes) extent = checked_multiply(extent, lanes->second);
        if (l > 0) tile[dimension] = extent;
      }
      Json all = Json::array();
      for (const auto& [there, here] : names_.problem().tensors) all.push_back(here);
      if (!tile.empty()) statements.push_back({{"tile", tile}, {"of", all}, {"at", names_.level(static_cast<int>(l))}});
    }
  }

 private:
  [[nodiscard]] bool has_fanout(std::size_t l) const { return names_.architecture().json["levels"][l].contains("fanout"); }

  const Names& names_;
  std::vector<std::map<std::string, std::int64_t>> temporal_, lanes_;
  std::map<std::pair<int, std::string>, const Directive*> said_;
};

void state_order(const Directive& each, const Names& names, Json& statements) {
  const Target& target = names.target(each);
  Json order = Json::array();
  for (auto it = each.permutation.rbegin(); it != each.permutation.rend(); ++it) order.push_back(names.dimension(*it, each));
  if (target.level >= 0 && order.size() > 1) statements.push_back({{"order", order}, {"at", names.level(target.level)}});
}

void state_lanes(const Directive& each, const Names& names, Json& statements) {
  const Target& target = names.target(each);
  const Json& fanouts = names.architecture().json["levels"][static_cast<std::size_t>(target.fanout)];
  if (!fanouts.contains("fanout")) return;
  const std::string& level = names.level(target.fanout);
  const auto on = [&](const char* axis) { return fanouts["fanout"][axis].get<std::int64_t>() > 1; };
  // Which dimensions an axis takes: those not fixed to one lane; with a split, those before and those behind it.
  for (const char* axis : {"x", "y"}) {
    if (!on(axis) || (!target.axis.empty() && target.axis != axis)) continue;
    Json allowed = Json::array();
    bool narrowed = false;
    for (const auto& [dimension, bound] : names.problem().bounds) {
      bool takes = true;
      std::size_t place = SIZE_MAX;
      for (std::size_t k = 0; k < each.permutation.size(); ++k)
        if (names.dimension(each.permutation[k]) == dimension) place = k;
      for (const auto& [there, count] : each.factors)
        if (names.dimension(there) == dimension && count == 1) takes = false;
      if (target.axis.empty() && each.split && place != SIZE_MAX && axis_of(each, target, place) != axis) takes = false;
      if (takes) allowed.push_back(dimension);
      if (!takes && bound > 1) narrowed = true;
    }
    if (narrowed) statements.push_back({{"spatial", allowed}, {"fanout", level}, {"axis", axis}});
  }
  for (const auto& [there, count] : each.factors)
    if (count > 1) {
      Json statement = {{"spatial", names.dimension(there, each)}, {"count", count}, {"fanout", level}};
      if (!target.axis.empty()) statement["axis"] = target.axis;
      statements.push_back(statement);
    }
}

}  // namespace

Json statements_of(const std::vector<Directive>& directives, const Architecture& architecture, const Problem& problem,
                   Remarks& remarks) {
  const Names names(architecture, problem);
  Json statements = Json::array();
  for (const Directive& each : directives) {
    const Target& target = names.target(each);
    if (each.kind == Directive::Kind::keeps && target.level >= 0) {
      const auto say = [&](const char* key, const std::vector<std::string>& spaces) {
        if (!spaces.empty()) statements.push_back({{key, names.tensors(spaces, each)}, {"at", names.level(target.level)}});
      };
      say("store", each.keep);
      say("never", each.bypass);
    }
    if (each.kind == Directive::Kind::spatial) state_lanes(each, names, statements);
    if (each.kind == Directive::Kind::temporal) state_order(each, names, statements);
  }
  Tiles(directives, names).state(statements, remarks);
  return statements;
}

// ---- ours as Timeloop's

namespace {

Json directive(const std::string& target, const char* type) { return {{"target", target}, {"type", type}}; }

std::string name_of(const Layer& layer, int d) { return layer.dimensions[static_cast<std::size_t>(d)].name; }

/// The dimensions that problem_of writes.
std::vector<std::string> written_dimensions(const Layer& layer) {
  std::vector<std::string> names;
  for (const Dimension& d : layer.dimensions)
    if (layer.type == "einsum" || d.name != "G" || d.bound > 1) names.push_back(d.name);
  return names;
}

/// Loops of one level or of one fanout, outermost first, as Timeloop writes them.
struct Loops {
  std::vector<std::pair<std::string, std::int64_t>> counts;

  void add(const Layer& layer, int d, std::int64_t count, const std::string& where) {
    for (const auto& [name, before] : counts)
      if (name == name_of(layer, d))
        throw InputError("Timeloop cannot say this mapping: " + where + " has two loops of " + name +
                         " (search with --mapspace even --remainders none, or give --dataflow an order)");
    counts.emplace_back(name_of(layer, d), count);
  }

  void write(Json& to, const Layer& layer) const {
    Json factors = Json::array();
    Json permutation = Json::array();
    for (auto it = counts.rbegin(); it != counts.rend(); ++it) permutation.push_back(it->first);
    for (const std::string& name : written_dimensions(layer)) {
      const auto found = std::find_if(counts.begin(), counts.end(), [&](const auto& each) { return each.first == name; });
      factors.push_back(name + "=" + std::to_string(found == counts.end() ? 1 : found->second));
      if (found == counts.end()) permutation.push_back(name);
    }
    to["factors"] = factors;
    to["permutation"] = permutation;
  }
};

}  // namespace

Json directives_of(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy, TimeloopVersion version) {
  const auto levels = hierarchy.levels.size();
  std::vector<Loops> temporal(levels);
  std::vector<Loops> on_x(levels);
  std::vector<Loops> on_y(levels);
  std::vector<std::set<int>> kept(levels);
  int level = 0;          // whose loops come now
  bool loops = false;     // some of them have
  bool in_lanes = false;  // its lanes have begun
  const auto& say = [&](int l) { return "'" + hierarchy.level(l).name + "'"; };
  for (const Node& node : nest.nodes) {
    if (const auto* store = std::get_if<Store>(&node)) {
      if (store->level == level && (loops || in_lanes))
        throw InputError("Timeloop cannot say this mapping: loops stand between the storage nodes of " + say(level) +
                         " (search with --mapspace even)");
      if (store->level != level) {
        level = store->level;
        loops = in_lanes = false;
      }
      kept[static_cast<std::size_t>(level)].insert(store->tensors.begin(), store->tensors.end());
    } else if (const auto* loop = std::get_if<Loop>(&node)) {
      if (in_lanes)
        throw InputError("Timeloop cannot say this mapping: a loop of " + name_of(layer, loop->dimension) +
                         " stands inside the lanes of " + say(level) + " and outside the next level's storage");
      loops = true;
      temporal[static_cast<std::size_t>(level)].add(layer, loop->dimension, loop->count, say(level));
    } else if (const auto* lanes = std::get_if<SpatialLoop>(&node)) {
      level = lanes->fanout;
      in_lanes = true;
      const auto l = static_cast<std::size_t>(level);
      for (const Loops* other : {&on_x[l], &on_y[l]})
        for (const auto& [name, count] : other->counts)
          if (name == name_of(layer, lanes->dimension))
            throw InputError("Timeloop cannot say this mapping: " + name + " has two spatial loops over the fanout of " +
                             say(level) + " (search with a --dataflow that gives each axis dimensions of its own)");
      (lanes->axis == Axis::x ? on_x : on_y)[l].add(layer, lanes->dimension, lanes->count, "the fanout of " + say(level));
    }
  }
  Json list = Json::array();
  for (std::size_t l = levels; l-- > 0;) {
    const Level& here = hierarchy.levels[l];
    Json keeps = directive(here.name, "datatype");
    keeps["keep"] = keeps["bypass"] = Json::array();
    for (int t = 0; t < layer.tensor_count(); ++t) keeps[kept[l].contains(t) ? "keep" : "bypass"].push_back(space_of(layer, t));
    list.push_back(keeps);
    Json time = directive(here.name, "temporal");
    temporal[l].write(time, layer);
    list.push_back(time);
    if (here.fanout_size() == 1) continue;
    Json lanes = directive(lanes_target(here, version), "spatial");
    Loops both{on_y[l].counts};  // x is innermost: the first of the permutation
    both.counts.insert(both.counts.end(), on_x[l].counts.begin(), on_x[l].counts.end());
    both.write(lanes, layer);
    lanes["split"] = on_x[l].counts.size();
    list.push_back(lanes);
  }
  return list;
}

Json keeps_of(const Hierarchy& hierarchy, const Layer* layer) {
  Json list = Json::array();
  for (const Level& level : hierarchy.levels) {
    if (level.keeps == PerRole<Keep>{Keep::can, Keep::can, Keep::can}) continue;
    Json keeps = directive(level.name, "datatype");
    keeps["keep"] = keeps["bypass"] = Json::array();
    const auto add = [&](Role role, const std::string& name) {
      if (at(level.keeps, role) != Keep::can) keeps[at(level.keeps, role) == Keep::must ? "keep" : "bypass"].push_back(name);
    };
    if (layer != nullptr)
      for (int t = 0; t < layer->tensor_count(); ++t) add(layer->tensors[static_cast<std::size_t>(t)].role, space_of(*layer, t));
    else
      for (const auto& [role, name] : {std::pair{Role::weights, "Weights"}, {Role::inputs, "Inputs"}, {Role::outputs, "Outputs"}})
        add(role, name);
    list.push_back(keeps);
  }
  return list;
}

Constraints directives_of(const Json& statements, const Layer& layer, const Hierarchy& hierarchy, TimeloopVersion version) {
  Constraints result;
  const std::vector<std::string> all = written_dimensions(layer);
  const auto spaces = [&](const Json& tensors) {
    Json names = Json::array();
    for (const Json& each : tensors)
      for (int t = 0; t < layer.tensor_count(); ++t)
        if (layer.tensors[static_cast<std::size_t>(t)].name == each) names.push_back(space_of(layer, t));
    return names;
  };
  for (const Json& each : statements) {
    const std::string at = each.contains("at") ? each["at"].get<std::string>() : each.value("fanout", "");
    const int l = hierarchy.find_level(at);
    if (l < 0) throw InputError("constraint " + each.dump() + ": '" + hierarchy.name + "' has no level '" + at + "'");
    if (each.contains("store") || each.contains("never")) {
      Json keeps = directive(at, "datatype");
      keeps[each.contains("store") ? "keep" : "bypass"] = spaces(each.contains("store") ? each["store"] : each["never"]);
      result.directives.push_back(keeps);
    } else if (each.contains("spatial") && each.contains("count") && each["count"].is_number() && !each.contains("axis") &&
               each["count"] > 1) {
      Json lanes = directive(lanes_target(hierarchy.level(l), version), "spatial");
      lanes["factors"] = {each["spatial"].get<std::string>() + "=" + each["count"].dump()};
      result.directives.push_back(lanes);
    } else if (each.contains("order") && each["order"].size() == all.size()) {
      Json time = directive(at, "temporal");
      time["permutation"] = Json::array();
      for (auto it = each["order"].rbegin(); it != each["order"].rend(); ++it) time["permutation"].push_back(*it);
      result.directives.push_back(time);
    } else {
      result.unsaid.push_back(each);
    }
  }
  return result;
}

}  // namespace tilepath::timeloop
