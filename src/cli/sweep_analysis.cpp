// tilepath sweep: front, best, sensitivity, export and design.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "sweep.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/base/suggest.hpp"
#include "tilepath/explore/pareto.hpp"
#include "tilepath/formats/design.hpp"
#include "tilepath/formats/record.hpp"

namespace tilepath::cli {

namespace fs = std::filesystem;

std::vector<std::string> record_files(const std::string& given) {
  if (!is_sweep_folder(given)) {
    std::error_code none;
    if (!fs::is_regular_file(given, none)) throw InputError(given + ": neither the folder of a sweep nor a file of records");
    return {given};
  }
  const SweepFolder folder{fs::path(given)};
  std::vector<std::string> files;
  std::int64_t open = 0;
  for (std::int64_t share = 0; folder.is_cut() && share < folder.shares(); ++share) {
    if (fs::exists(folder.records(share))) files.push_back(folder.records(share).string());
    if (!fs::exists(folder.done(share)) && folder.begin(share) < folder.begin(share + 1)) ++open;
  }
  if (files.empty()) throw InputError(given + ": has no records yet");
  if (open > 0)
    fmt::print(stderr, "tilepath: {} of {} shares are not complete; this is of the records that there are\n", open,
               folder.shares());
  return files;
}

namespace {

const std::vector<std::string> kFigures = {"energy", "cycles", "edp", "ed2p", "area"};

/// A figure of a record: one of kFigures, or a parameter that is a number.
double figure(const Record& record, const std::string& name) {
  if (name == "energy") return record.energy;
  if (name == "cycles") return static_cast<double>(record.cycles);
  if (name == "edp") return record.edp();
  if (name == "ed2p") return record.edp() * static_cast<double>(record.cycles);
  if (name == "area") return record.area;
  if (record.parameters.contains(name) && record.parameters[name].is_number()) return record.parameters[name].get<double>();
  std::vector<std::string> names = kFigures;
  for (const auto& [key, value] : record.parameters.items())
    if (value.is_number()) names.push_back(key);
  throw InputError("'" + name + "' is no figure of the records" + hint(name, names));
}

std::string shown(double number) {
  return number == std::floor(number) && std::abs(number) < 1e15 ? grouped(static_cast<std::int64_t>(number))
                                                                 : fmt::format("{:.6g}", number);
}

std::string shown(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.is_number() ? shown(value.get<double>()) : value.dump();
}

/// RFC 4180.
std::string cell(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

struct Selection {
  std::string source, dataflow, format = "table";
  void add_to(CLI::App& command) {
    command.add_option("source", source, "Folder of a sweep, or a file of records")->required()->type_name("DIR|FILE");
    command.add_option("--dataflow", dataflow, "Only points of this dataflow")->type_name("NAME");
    add_choice<std::string>(command, "--format", format, {{"table", "table"}, {"csv", "csv"}, {"jsonl", "jsonl"}},
                            "table (default), csv, or the records themselves");
    command.add_flag_callback(
        "--csv", [this] { format = "csv"; }, "As --format csv");
    command.add_flag_callback(
        "--json", [this] { format = "jsonl"; }, "As --format jsonl: a record a line");
  }
  /// Calls `each` for the records that are done.
  void for_each(const std::function<void(const Record&)>& each) const {
    Records records(record_files(source));
    std::set<std::string> dataflows;
    bool some = false;
    while (const auto record = records.next()) {
      dataflows.insert(record->dataflow);
      if (record->status != Record::Status::done || (!dataflow.empty() && record->dataflow != dataflow)) continue;
      some = true;
      each(*record);
    }
    if (!dataflow.empty() && !dataflows.contains(dataflow))
      throw InputError("--dataflow: no record is of '" + dataflow + "'" + hint(dataflow, {dataflows.begin(), dataflows.end()}));
    if (!some) throw NoLegalMapping(source + ": no point has a result");
  }
};

/// Rows of points: parameters, then figures, then a remark.
void print(const std::vector<Record>& records, const std::vector<std::string>& figures, const std::string& format,
           const std::vector<std::string>& remarks) {
  if (format == "jsonl") {
    for (const Record& record : records) fmt::print("{}", to_line(record));
    return;
  }
  const bool csv = format == "csv";
  std::vector<std::vector<std::string>> rows = {{"point", "dataflow"}};
  std::vector<bool> right = {true, false};
  std::vector<std::string> shown_figures;
  for (const auto& [name, value] : records.front().parameters.items()) {
    rows[0].push_back(name);
    right.push_back(value.is_number());
  }
  for (const std::string& name : figures) {
    if (records.front().parameters.contains(name)) continue;
    shown_figures.push_back(name);
    rows[0].push_back(name);
    right.push_back(true);
  }
  rows[0].emplace_back(csv ? "remark" : "");
  right.push_back(false);
  for (std::size_t i = 0; i < records.size(); ++i) {
    rows.push_back({std::to_string(records[i].point), records[i].dataflow});
    for (const auto& [name, value] : records[i].parameters.items())
      rows.back().push_back(csv ? (value.is_string() ? value.get<std::string>() : value.dump()) : shown(value));
    for (const std::string& name : shown_figures) {
      const double number = figure(records[i], name);
      rows.back().push_back(csv ? Json(number).dump() : shown(number));
    }
    rows.back().push_back(remarks[i]);
  }
  if (!csv) {
    fmt::print("{}", table(rows, right));
    return;
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) line += (c == 0 ? "" : ",") + cell(row[c]);
    fmt::print("{}\n", line);
  }
}

/// The records of these points, in this order.
std::vector<Record> records_of(const std::string& source, const std::vector<std::int64_t>& points) {
  std::map<std::int64_t, std::size_t> wanted;
  for (std::size_t i = 0; i < points.size(); ++i) wanted[points[i]] = i;
  std::vector<Record> found(points.size());
  Records records(record_files(source));
  while (const auto line = records.line())
    if (const auto point = point_of(*line); point && wanted.contains(*point))
      found[wanted[*point]] = read_record(*line, records.where());
  return found;
}

struct FrontArguments {
  Selection selection;
  std::string x = "energy", y = "cycles", z;
};

int front(const FrontArguments& arguments) {
  GrowingFront growing;
  arguments.selection.for_each([&](const Record& record) {
    growing.add({figure(record, arguments.x), figure(record, arguments.y), arguments.z.empty() ? 0 : figure(record, arguments.z),
                 record.point});
  });
  const std::vector<Figures3> front = growing.designs();
  std::vector<std::int64_t> points;
  for (const Figures3& design : front) points.push_back(design.point);
  std::vector<std::string> remarks(front.size());
  remarks[knee(front)] = "knee";
  std::vector<std::string> figures = {arguments.x, arguments.y};
  if (!arguments.z.empty()) figures.push_back(arguments.z);
  print(records_of(arguments.selection.source, points), figures, arguments.selection.format, remarks);
  return kDone;
}

struct BestArguments {
  Selection selection;
  std::string by;
  std::size_t top = 1;
};

/// What a folder's sweep was after, or edp.
std::string aim_of(const std::string& source) {
  if (!is_sweep_folder(source)) return "edp";
  switch (SweepFolder(fs::path(source)).sweep().options.objective.objective) {
    case Objective::energy:
      return "energy";
    case Objective::latency:
      return "cycles";
    case Objective::ed2p:
      return "ed2p";
    default:
      return "edp";
  }
}

std::vector<Record> best_of(const Selection& selection, const std::string& by, std::size_t top) {
  std::vector<Record> best;
  const auto before = [&](const Record& a, const Record& b) {
    return std::pair(figure(a, by), a.point) < std::pair(figure(b, by), b.point);
  };
  selection.for_each([&](const Record& record) {
    best.insert(std::upper_bound(best.begin(), best.end(), record, before), record);
    if (best.size() > top) best.pop_back();
  });
  return best;
}

int best(const BestArguments& arguments) {
  const std::string by = arguments.by.empty() ? aim_of(arguments.selection.source) : arguments.by;
  std::vector<std::string> figures = {"energy", "cycles", "edp", "area"};
  if (std::find(figures.begin(), figures.end(), by) == figures.end()) figures.push_back(by);
  const std::vector<Record> records = best_of(arguments.selection, by, arguments.top);
  print(records, figures, arguments.selection.format, std::vector<std::string>(records.size()));
  return kDone;
}

struct SensitivityArguments {
  std::string folder, by;
  std::int64_t point = -1;
  bool json = false;
};

/// What one more and one less step of each parameter does at a point.
int sensitivity(const SensitivityArguments& arguments) {
  if (!is_sweep_folder(arguments.folder))
    throw InputError(arguments.folder + ": expected the folder of a sweep: neighbours are known there");
  const SweepFolder folder{fs::path(arguments.folder)};
  const Sweep& sweep = folder.sweep();
  const Grid grid = sweep.grid();
  std::int64_t point = arguments.point;
  if (point < 0) {
    Selection all;
    all.source = arguments.folder;
    point = best_of(all, arguments.by.empty() ? aim_of(arguments.folder) : arguments.by, 1).front().point;
  }
  if (point >= grid.points()) throw InputError("--point: the sweep has points 0 to " + std::to_string(grid.points() - 1));
  struct Step {
    std::string parameter, from, to;
  };
  std::vector<Step> steps;
  std::vector<std::int64_t> points = {point};
  for (std::size_t p = 0; p < sweep.parameters.size(); ++p)
    for (const std::int64_t by : {1, -1}) {
      const std::int64_t digit = grid.digit(point, p + 1);
      const auto& values = sweep.parameters[p].values;
      if (digit + by < 0 || digit + by >= static_cast<std::int64_t>(values.size())) continue;
      steps.push_back({sweep.parameters[p].name, shown(values[static_cast<std::size_t>(digit)]),
                       shown(values[static_cast<std::size_t>(digit + by)])});
      points.push_back(grid.with(point, p + 1, digit + by));
    }
  const std::vector<Record> records = records_of(arguments.folder, points);
  const Record& here = records.front();
  if (here.inputs.empty())
    throw InputError("point " + std::to_string(point) + " has no record: a condition leaves it out, or it is still to come");
  if (here.status != Record::Status::done) throw InputError("point " + std::to_string(point) + " has no result: " + here.reason);
  if (arguments.json) {
    Json json = {{"schema_version", 1}, {"point", Json::parse(to_line(here))}, {"steps", Json::array()}};
    for (std::size_t s = 0; s < steps.size(); ++s) {
      Json step = {{"parameter", steps[s].parameter}, {"from", steps[s].from}, {"to", steps[s].to}};
      if (!records[s + 1].inputs.empty()) step["point"] = Json::parse(to_line(records[s + 1]));
      json["steps"].push_back(std::move(step));
    }
    fmt::print("{}\n", json.dump(1));
    return kDone;
  }
  fmt::print("point {} ({}): energy {}, cycles {}, edp {}, area {}\n", point, here.dataflow, shown(here.energy),
             grouped(here.cycles), shown(here.edp()), shown(here.area));
  std::vector<std::vector<std::string>> rows = {{"parameter", "from", "to", "energy", "cycles", "edp", "area", ""}};
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const Record& there = records[s + 1];
    rows.push_back({steps[s].parameter, steps[s].from, steps[s].to, "", "", "", "", ""});
    if (there.inputs.empty() || there.status != Record::Status::done) {
      rows.back()[7] = there.inputs.empty() ? "no record" : there.reason;
      continue;
    }
    const auto change = [](double before, double after) {
      return before > 0 ? fmt::format("{:+.2f} %", 100 * (after - before) / before) : std::string("-");
    };
    rows.back()[3] = change(here.energy, there.energy);
    rows.back()[4] = change(static_cast<double>(here.cycles), static_cast<double>(there.cycles));
    rows.back()[5] = change(here.edp(), there.edp());
    rows.back()[6] = change(here.area, there.area);
  }
  fmt::print("{}", table(rows, {false, true, true, true, true, true, true, false}));
  return kDone;
}

/// Every record as a row; one column per parameter, network figure and total.
int export_csv(const std::string& source, const std::string& output) {
  Records records(record_files(source));
  std::string text;
  std::vector<std::string> parameters;
  std::vector<std::string> networks;
  // Columns are those of the first record that is done, or of the first; all records of a sweep have the same.
  {
    Records first(record_files(source));
    while (const auto record = first.next()) {
      parameters.clear();
      for (const auto& [name, value] : record->parameters.items()) parameters.push_back(name);
      for (const Record::Network& network : record->networks) networks.push_back(network.name);
      if (record->status == Record::Status::done) break;
    }
  }
  std::FILE* out = output == "-" ? stdout : std::fopen((output + ".tmp").c_str(), "w");
  if (out == nullptr) throw InputError(output + ": cannot be written");
  const auto row = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t c = 0; c < cells.size(); ++c) line += (c == 0 ? "" : ",") + cell(cells[c]);
    fmt::print(out, "{}\n", line);
  };
  std::vector<std::string> header = {"point", "dataflow"};
  header.insert(header.end(), parameters.begin(), parameters.end());
  for (const char* figure : {"energy", "cycles", "edp", "area", "status", "reason"}) header.emplace_back(figure);
  if (networks.size() > 1)
    for (const std::string& network : networks)
      for (const char* figure : {"_energy", "_cycles"}) header.push_back(network + figure);
  row(header);
  while (const auto record = records.next()) {
    const Json json = Json::parse(to_line(*record));
    std::vector<std::string> cells = {std::to_string(record->point), record->dataflow};
    for (const std::string& name : parameters) {
      const Json value = record->parameters.value(name, Json());
      cells.push_back(value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump());
    }
    for (const char* figure : {"energy", "cycles", "edp", "area"})
      cells.push_back(json.contains(figure) ? json[figure].dump() : "");
    cells.push_back(json["status"].get<std::string>());
    cells.push_back(record->reason);
    if (networks.size() > 1)
      for (std::size_t n = 0; n < networks.size(); ++n) {
        const bool has = n < record->networks.size();
        cells.push_back(has ? Json(record->networks[n].energy).dump() : "");
        cells.push_back(has ? std::to_string(record->networks[n].cycles) : "");
      }
    row(cells);
  }
  const bool bad = std::ferror(out) != 0;
  if (output == "-") return kDone;
  if (std::fclose(out) != 0 || bad || std::rename((output + ".tmp").c_str(), output.c_str()) != 0)
    throw InputError(output + ": cannot be written");
  return kDone;
}

int design(const std::string& source, std::int64_t point, const std::string& output, const Context& context) {
  const Sweep sweep = open_sweep(source, false, context);
  if (point < 0 || point >= sweep.grid().points())
    throw InputError("--point: the sweep has points 0 to " + std::to_string(sweep.grid().points() - 1));
  const Design design = Designer(sweep)(point);
  if (!design.sound()) throw InputError("point " + std::to_string(point) + " is no design: " + design.fault);
  write_file(output, design.architecture.dump(1) + "\n");
  return kDone;
}

}  // namespace

void add_front(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<FrontArguments>();
  CLI::App* command = app.add_subcommand("front", "The exact Pareto front of two or three figures, and its knee");
  arguments->selection.add_to(*command);
  command->add_option("--x", arguments->x, "energy (default), cycles, edp, ed2p, area, or a parameter")->type_name("FIGURE");
  command->add_option("--y", arguments->y, "Likewise (default: cycles)")->type_name("FIGURE");
  command->add_option("--z", arguments->z, "Likewise (default: none)")->type_name("FIGURE");
  command->footer(
      "Example:\n  tilepath sweep front out --x energy --y cycles --z area\n"
      "All are to be small. The knee is the point nearest to the best of each, on logarithmic axes scaled to the front.");
  command->callback([arguments, &action] { action = [arguments](const Context&) { return front(*arguments); }; });
}

void add_best(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<BestArguments>();
  CLI::App* command = app.add_subcommand("best", "The best points");
  arguments->selection.add_to(*command);
  command
      ->add_option("--by", arguments->by,
                   "What is to be least: energy, cycles, edp, ed2p, area, or a parameter (default: what the sweep was after)")
      ->type_name("FIGURE");
  command->add_option("--top", arguments->top, "How many (default: 1)")->check(above_zero());
  command->footer("Example:\n  tilepath sweep best out --by edp --top 5");
  command->callback([arguments, &action] { action = [arguments](const Context&) { return best(*arguments); }; });
}

void add_sensitivity(CLI::App& app, Action& action) {
  auto arguments = std::make_shared<SensitivityArguments>();
  CLI::App* command = app.add_subcommand("sensitivity", "What one more or one less step of each parameter does at a point");
  command->add_option("folder", arguments->folder, "Folder of a sweep")->required()->type_name("DIR");
  command->add_option("--point", arguments->point, "At this point (default: the best)")->check(CLI::NonNegativeNumber);
  command->add_option("--by", arguments->by, "Best by this figure (default: what the sweep was after)")->type_name("FIGURE");
  command->add_flag("--json", arguments->json, "As JSON");
  command->callback([arguments, &action] { action = [arguments](const Context&) { return sensitivity(*arguments); }; });
}

void add_table_export(CLI::App& app, Action& action) {
  struct Arguments {
    std::string source, output = "-";
    bool csv = true;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("export", "All records as CSV, for pandas and R");
  command->add_option("source", arguments->source, "Folder of a sweep, or a file of records")->required()->type_name("DIR|FILE");
  command->add_flag("--csv", arguments->csv, "As CSV (the default)");
  command->add_option("-o,--output", arguments->output, "File (default: standard output)")->type_name("FILE");
  command->callback([arguments, &action] {
    action = [arguments](const Context&) { return export_csv(arguments->source, arguments->output); };
  });
}

void add_design(CLI::App& app, Action& action) {
  struct Arguments {
    std::string source, output = "-";
    std::int64_t point = 0;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("design", "The architecture file of a point, for `tilepath search` and `show`");
  command->add_option("sweep", arguments->source, "Folder of a sweep, or its file")->required()->type_name("DIR|SPEC");
  command->add_option("--point", arguments->point, "Which point")->required()->check(CLI::NonNegativeNumber);
  command->add_option("-o,--output", arguments->output, "File (default: standard output)")->type_name("FILE");
  command->footer("Example:\n  tilepath sweep design out --point 42 -o arch.json && tilepath search alexnet --arch arch.json");
  command->callback([arguments, &action] {
    action = [arguments](const Context& context) {
      return design(arguments->source, arguments->point, arguments->output, context);
    };
  });
}

}  // namespace tilepath::cli
