#include "tilepath/explore/solutions.hpp"

#include <bit>

#include "tilepath/base/error.hpp"
#include "tilepath/base/hash.hpp"

namespace tilepath {

namespace {

/// A problem as bytes: numbers in eight, texts with their length before them, so that no two problems run into the same.
class Bytes {
 public:
  void add(std::int64_t number) {
    for (int byte = 0; byte < 8; ++byte) bytes_ += static_cast<char>(static_cast<std::uint64_t>(number) >> (8 * byte) & 0xffU);
  }
  void add(double number) { add(std::bit_cast<std::int64_t>(number)); }
  void add(const std::string& text) {
    add(static_cast<std::int64_t>(text.size()));
    bytes_ += text;
  }
  template <class E>
  requires std::is_enum_v<E>
  void add(E value) { add(static_cast<std::int64_t>(value)); }
  void add(bool value) { add(static_cast<std::int64_t>(value)); }
  void add(int value) { add(static_cast<std::int64_t>(value)); }
  template <class List, class Each>
  void list(const List& list, const Each& each) {
    add(static_cast<std::int64_t>(list.size()));
    for (const auto& one : list) each(one);
  }
  template <class List>
  void list(const List& values) {
    list(values, [this](const auto& one) { this->add(one); });
  }

  [[nodiscard]] const std::string& text() const { return bytes_; }

 private:
  std::string bytes_;
};

void add(Bytes& bytes, const Layer& layer) {
  bytes.list(layer.dimensions, [&](const Dimension& dimension) {
    bytes.add(dimension.name);
    bytes.add(dimension.bound);
  });
  bytes.list(layer.tensors, [&](const Tensor& tensor) {
    bytes.add(tensor.name);
    bytes.add(tensor.role);
    bytes.add(tensor.bits);
    bytes.list(tensor.ranks, [&](const Rank& rank) {
      bytes.list(rank, [&](const Term& term) {
        bytes.add(term.dimension);
        bytes.add(term.coefficient);
      });
    });
  });
}

void add(Bytes& bytes, const Level& level) {
  bytes.add(level.name);  // a solution says where its nodes store by name
  bytes.list(level.word_bits);
  bytes.list(level.partitions, [&](const Partition& part) {
    bytes.list(part.holds);
    bytes.add(part.capacity_words);
  });
  bytes.add(level.block_words);
  for (const double figure : {level.read_energy, level.write_energy, level.read_bandwidth, level.write_bandwidth, level.leakage})
    bytes.add(figure);
  bytes.list(level.keeps);
  bytes.add(level.double_buffered);
  bytes.add(level.retention);
  bytes.add(level.drain_reads);
  bytes.add(level.fanout.has_value());
  if (!level.fanout) return;
  bytes.add(level.fanout->x);
  bytes.add(level.fanout->y);
  bytes.list(level.fanout->multicast);
  bytes.add(level.fanout->reduction);
  bytes.list(level.fanout->energy_per_word);
  bytes.list(level.fanout->x_dimensions);
  bytes.list(level.fanout->y_dimensions);
}

void add(Bytes& bytes, const SearchOptions& options) {
  bytes.add(options.objective.objective);
  for (const double figure : {options.objective.energy_exponent, options.objective.cycles_exponent, options.objective.max_energy,
                              options.objective.max_cycles})
    bytes.add(figure);
  bytes.add(options.mapspace.uneven);
  bytes.add(options.mapspace.remainders);
  bytes.add(options.mapspace.bypass);
  bytes.list(options.constraints, [&](const Constraint& constraint) {
    bytes.add(constraint.kind);
    bytes.add(constraint.level);
    bytes.list(constraint.tensors);
    bytes.list(constraint.dimensions);
    bytes.list(constraint.extents);
    bytes.add(constraint.count);
    bytes.add(constraint.axis);
  });
}

}  // namespace

std::string fingerprint(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options,
                        const std::string& version) {
  Bytes bytes;
  bytes.add(version);
  add(bytes, layer);
  bytes.add(hierarchy.footprint);
  bytes.list(hierarchy.levels, [&](const Level& level) { add(bytes, level); });
  bytes.add(hierarchy.compute.mac_energy);
  bytes.add(hierarchy.compute.macs_per_cycle);
  bytes.add(hierarchy.compute.bits);
  add(bytes, options);
  return content_hash(bytes.text());
}

SolutionPointer Solutions::solve(const Layer& layer, const Hierarchy& hierarchy, const SearchOptions& options,
                                 const std::stop_token& stop) {
  constexpr std::size_t kMost = 100'000;
  const std::string key = fingerprint(layer, hierarchy, options, version_);
  std::promise<SolutionPointer> promise;
  {
    std::unique_lock lock(mutex_);
    if (const auto it = solved_.find(key); it != solved_.end()) {
      const auto future = it->second;
      lock.unlock();
      ++known_;
      return future.get();
    }
    if (solved_.size() >= kMost) solved_.clear();  // whoever waits for one of them holds it
    solved_.emplace(key, promise.get_future().share());
  }
  try {
    SolutionPointer solution = find(key, layer, hierarchy, options, stop);
    promise.set_value(solution);
    return solution;
  } catch (...) {
    promise.set_exception(std::current_exception());
    throw;
  }
}

SolutionPointer Solutions::find(const std::string& key, const Layer& layer, const Hierarchy& hierarchy,
                                const SearchOptions& options, const std::stop_token& stop) {
  if (archive_)
    if (auto solution = archive_->read(key, layer, hierarchy)) {
      ++archived_;
      return std::make_shared<const Solution>(std::move(*solution));
    }
  if (stop.stop_requested()) throw Interrupted();
  ++searched_;
  Solution solution;
  try {
    SearchResult result = search(layer, hierarchy, options, stop);
    if (!result.certificate.proved) throw Interrupted();
    solution = {true, result.evaluation.energy.value(), result.evaluation.cycles.value(), std::move(result.nest)};
  } catch (const NoLegalMapping&) {
    solution.found = false;
  }
  if (archive_) archive_->write(key, solution, layer, hierarchy);
  return std::make_shared<const Solution>(std::move(solution));
}

}  // namespace tilepath
