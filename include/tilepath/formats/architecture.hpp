// Architecture files. docs/formats.md; arch/architecture.schema.json.
#pragma once

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/formats/document.hpp"

namespace tilepath {

/// Throws InputError with file, pointer, what was found and what is allowed.
Hierarchy read_architecture(const Document& document);
/// An architecture file that read_architecture takes back as it was; without sources and description.
Json to_json(const Hierarchy& hierarchy);

}  // namespace tilepath
