// Optima that are found once, however many designs pose the problem: in a run, and across runs through an archive.
#pragma once

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/mapping/nest.hpp"
#include "tilepath/search/search.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath {

/// What a search found, proved; not `found`: there is no legal mapping.
struct Solution {
  bool found = false;
  double energy = 0;
  std::int64_t cycles = 0;
  Nest nest;
};
using SolutionPointer = std::shared_ptr<const Solution>;

/// Names a problem by its content: 32 hexadecimal digits that two problems share only if all that a search looks at is equal.
/// Names of layers and hierarchies, areas and clocks are not looked at. `version`: of the program, whose answers may change.
std::string fingerprint(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options, const std::string& version);

/// Where solutions outlive a run. Safe from any thread; what cannot be read is as if it were not there.
class Archive {
 public:
  Archive() = default;
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;
  virtual ~Archive() = default;
  [[nodiscard]] virtual std::optional<Solution> read(const std::string& key, const Layer& layer, const Hierarchy& hierarchy) = 0;
  virtual void write(const std::string& key, const Solution& solution, const Layer& layer, const Hierarchy& hierarchy) = 0;
};

class Solutions {
 public:
  explicit Solutions(std::string version, std::unique_ptr<Archive> archive = nullptr)
      : version_(std::move(version)), archive_(std::move(archive)) {}

  /// The optimum, searched for unless it is known. Of callers that ask for the same at once, one searches. Throws Interrupted
  /// when asked to stop, and what `search` throws otherwise, but for NoLegalMapping, which is an answer. Keeps the last 100,000
  /// answers or so. Safe from any thread.
  SolutionPointer solve(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options,
                        const std::stop_token& stop);

  [[nodiscard]] std::int64_t searched() const { return searched_; }
  [[nodiscard]] std::int64_t known() const { return known_; }        ///< asked for again
  [[nodiscard]] std::int64_t archived() const { return archived_; }  ///< read from the archive

 private:
  SolutionPointer find(const std::string& key, const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options,
                       const std::stop_token& stop);

  std::string version_;
  std::unique_ptr<Archive> archive_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_future<SolutionPointer>> solved_;
  std::atomic<std::int64_t> searched_ = 0, known_ = 0, archived_ = 0;
};

}  // namespace tilepath
