#include "tilepath/formats/record.hpp"

#include <algorithm>
#include <charconv>

#include "tilepath/base/error.hpp"
#include "tilepath/base/quantity.hpp"

namespace tilepath {

namespace {

const std::vector<std::string> kStatuses = {"done", "no mapping", "invalid", "failed", "dominated"};
constexpr std::string_view kStart = "{\"point\":";

}  // namespace

std::string to_line(const Record& record) {
  Json json;
  json["point"] = record.point;
  json["inputs"] = record.inputs;
  json["dataflow"] = record.dataflow;
  json["parameters"] = record.parameters;
  const bool done = record.status == Record::Status::done;
  if (done) {
    Json networks = Json::array();
    for (const Record::Network& network : record.networks)
      networks.push_back({{"name", network.name},
                          {"energy", network.energy},
                          {"cycles", network.cycles},
                          {"edp", network.energy * static_cast<double>(network.cycles)}});
    json["networks"] = std::move(networks);
    json["energy"] = record.energy;
    json["cycles"] = record.cycles;
    json["edp"] = record.edp();
  }
  if (record.status != Record::Status::invalid) json["area"] = record.area;
  json["status"] = kStatuses[static_cast<std::size_t>(record.status)];
  if (!done) json["reason"] = record.reason;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

Record read_record(const std::string& line, const std::string& where) {
  const Document document = parse_document(where, line);
  const Cursor root(document);
  root.expect_object(
      {"point", "inputs", "dataflow", "parameters", "networks", "energy", "cycles", "edp", "area", "status", "reason"});
  Record record;
  record.point = root.at("point").integer(0, INT64_MAX);
  record.inputs = root.at("inputs").text();
  record.dataflow = root.at("dataflow").text();
  record.parameters = root.at("parameters").json();
  record.status = static_cast<Record::Status>(root.at("status").one_of(kStatuses));
  if (root.has("area")) record.area = root.at("area").number();
  if (record.status != Record::Status::done) {
    record.reason = root.at("reason").text();
    return record;
  }
  for (const Cursor& network : root.at("networks").elements(1))
    record.networks.push_back(
        {network.at("name").text(), network.at("energy").number(), network.at("cycles").integer(0, INT64_MAX)});
  record.energy = root.at("energy").number();
  record.cycles = root.at("cycles").integer(0, INT64_MAX);
  return record;
}

std::optional<std::int64_t> point_of(const std::string& line) {
  if (!line.starts_with(kStart) || !line.ends_with('}')) return {};
  std::int64_t point = 0;
  const auto [end, error] = std::from_chars(line.data() + kStart.size(), line.data() + line.size(), point);
  if (error != std::errc() || *end != ',') return {};
  return point;
}

std::optional<std::string> Records::line() {
  for (;;) {
    if (!in_.is_open()) {
      if (file_ == paths_.size()) return {};
      in_.open(paths_[file_], std::ios::binary);
      if (!in_) throw InputError(paths_[file_] + ": cannot be read");
      line_ = 0;
    }
    std::string text;
    if (std::getline(in_, text) && !in_.eof()) {
      ++line_;
      return text;
    }
    if (in_.bad()) throw InputError(paths_[file_] + ": cannot be read to its end");
    in_.close();
    in_.clear();
    ++file_;
  }
}

std::optional<Record> Records::next() {
  auto text = line();
  if (!text) return {};
  return read_record(*text, where());
}

std::string Records::where() const { return paths_[std::min(file_, paths_.size() - 1)] + ":" + std::to_string(line_); }

}  // namespace tilepath
