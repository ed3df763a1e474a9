// Proof files: the jobs that a search had to solve, and what it found of each. docs/formats.md.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tilepath/formats/document.hpp"
#include "tilepath/formats/result.hpp"

namespace tilepath {

Json proof_to_json(const NetworkResult& result);

/// Per layer (by name), the jobs that a proof file lists. `claims`: the layers that it may speak of.
std::map<std::string, std::vector<SolvedJob>> read_proof(const Document& document, const std::vector<Claim>& claims);

}  // namespace tilepath
