// Records: what a sweep says of each point, one line of JSON each. docs/sweeps.md.
#pragma once

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "tilepath/formats/document.hpp"

namespace tilepath {

struct Record {
  enum class Status : std::uint8_t {
    done,
    no_mapping,  ///< some layer has none on this design
    invalid,     ///< there is no such design
    failed,      ///< a count that no integer holds, and the like
    dominated,   ///< left out: a bound proves that it is not on the front
  };
  struct Network {
    std::string name;
    double energy = 0;
    std::int64_t cycles = 0;
  };

  std::int64_t point = 0;
  std::string inputs;  ///< names the contents of architecture, workloads, dataflow and options
  std::string dataflow;
  Json parameters = Json::object();
  std::vector<Network> networks;  ///< of a point that is done
  double energy = 0;              ///< sums over networks
  std::int64_t cycles = 0;
  double area = 0;  ///< mm2
  Status status = Status::done;
  std::string reason;  ///< of any other status

  [[nodiscard]] double edp() const { return energy * static_cast<double>(cycles); }
};

/// With its line feed.
std::string to_line(const Record& record);
/// Throws InputError: `where` names the file and line.
Record read_record(const std::string& line, const std::string& where);

/// The point of a line that to_line wrote, or none where the line is torn.
std::optional<std::int64_t> point_of(const std::string& line);

/// The records of some files, one after the other; holds one at a time.
class Records {
 public:
  explicit Records(std::vector<std::string> paths) : paths_(std::move(paths)) {}
  /// The next line without its line feed; none at the end. A torn last line is passed over.
  std::optional<std::string> line();
  std::optional<Record> next();
  [[nodiscard]] std::string where() const;

 private:
  std::vector<std::string> paths_;
  std::size_t file_ = 0;
  std::int64_t line_ = 0;
  std::ifstream in_;
};

}  // namespace tilepath
