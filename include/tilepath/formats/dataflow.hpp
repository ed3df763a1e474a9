// Dataflow files: constraints on mappings, in the words of mappings. docs/formats.md.
#pragma once

#include <vector>

#include "tilepath/formats/document.hpp"
#include "tilepath/search/constraint.hpp"

namespace tilepath {

/// The statements of a dataflow file: of an object with `constraints`, or the list alone. Throws InputError where it is neither.
Cursor statements_of(const Document& document);

/// The constraints of a dataflow file for one layer. Throws InputError where a
/// statement cannot be read, or contradicts another or the architecture.
std::vector<Constraint> read_dataflow(const Document& document, const Layer& layer, const Hierarchy& hierarchy);

}  // namespace tilepath
