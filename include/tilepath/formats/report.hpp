// The report: results, comparisons and sweeps as one self-contained page. What it shows is in report/page.js; here is what it is
// given.
#pragma once

#include <string>
#include <vector>

#include "tilepath/formats/document.hpp"
#include "tilepath/formats/library.hpp"
#include "tilepath/formats/record.hpp"

namespace tilepath {

class Report {
 public:
  /// Takes a result of `search` or `compare`, with the mappings drawn. Throws InputError where it is neither.
  void add_result(const Document& document);
  /// Takes the records of a sweep. Of more than `most` those on the front of energy and cycles are drawn, and others evenly.
  void add_sweep(const std::string& name, const std::vector<std::string>& files, std::size_t most = kMostPoints);
  /// The page: one file that needs no other. The parts are looked for in the library's `report` folders.
  [[nodiscard]] std::string page(const std::string& title, std::string_view version, const Library& library) const;

  /// The data that the page draws.
  [[nodiscard]] const Json& data() const { return data_; }

 private:
  static constexpr std::size_t kMostPoints = 20'000;
  void add_one(const Document& document, const std::string& dataflow);

  Json data_ = {{"results", Json::array()}, {"without", Json::array()}, {"sweeps", Json::array()}};
};

}  // namespace tilepath
