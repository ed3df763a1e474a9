// YAML, read as the JSON that it means: one cursor, with its errors, then serves both.
#pragma once

#include <string>

#include "tilepath/formats/document.hpp"

namespace tilepath {

/// The key that a node's own tag stands under: `!Component {name: GLB}` is read as {"!": "Component", "name": "GLB"}.
inline constexpr const char* kYamlTag = "!";

/// Parses a file; "-" is standard input; several YAML documents in one are one map. Scalars are read by YAML's core schema, maps
/// under `<<` (and timeloopfe's `<<<`) are merged in. Throws InputError: unreadable, not YAML (line and column), a key twice in
/// one map, a key that is no scalar, nested deeper than 64, or more than a million values once aliases are followed.
Document read_yaml(const std::string& path);

/// Block style, lists of scalars on one line; read_yaml takes it back as it was.
std::string to_yaml(const Json& json);

}  // namespace tilepath
