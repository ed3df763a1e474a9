// A network solved on an architecture: what `search` and `compare` do.
#pragma once

#include <string>
#include <vector>

#include "context.hpp"
#include "tilepath/formats/result.hpp"

namespace tilepath::cli {

struct SolveRequest {
  std::string workload, arch;
  std::vector<std::string> layers;     ///< only these; empty: all
  std::vector<std::string> dataflows;  ///< all are obeyed
  SearchOptions search;
  bool verify = false, pareto = false, price = false, record_jobs = false;
};

/// Every layer, equal problems once, several at the same time. Throws InputError, and NoLegalMapping with what conflicts.
NetworkResult solve(const SolveRequest& options, const Context& context);
/// The same for one objective after the other: of each layer a search goes on from what those before have found out. One result
/// each.
std::vector<NetworkResult> solve_each(const SolveRequest& options, const std::vector<Objective>& objectives,
                                      const Context& context);

/// Names of objectives and what they stand for.
const Choices<Objective>& objective_names();
void add_objective(CLI::App& command, Objective& objective);
/// Exponents, ceilings, mapspace and time limit.
void add_search_options(CLI::App& command, SearchOptions& options);

/// An output that cannot be written is found out before the long work, not after: throws InputError.
void expect_writable(const std::string& path);

}  // namespace tilepath::cli
