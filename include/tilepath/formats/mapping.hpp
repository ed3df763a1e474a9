// Mapping files: the nodes of a nest, outermost first. docs/formats.md; mappings/mapping.schema.json.
#pragma once

#include <string>

#include "tilepath/formats/document.hpp"
#include "tilepath/mapping/nest.hpp"

namespace tilepath {

/// A mapping file may say what it was made for; empty where it does not.
struct MappingFile {
  std::string workload, layer, arch;
};
MappingFile read_mapping_header(const Document& document);

/// The nest of a mapping file (a bare list, or an object with "mapping"), resolved against a layer and a hierarchy and found
/// legal. Throws InputError with the node's pointer.
Nest read_mapping(const Document& document, const Layer& layer, const Hierarchy& hierarchy);
Nest read_nodes(const Cursor& cursor, const Layer& layer, const Hierarchy& hierarchy);
/// The spatial loop of an object with `spatial`, `count`, `fanout` and `axis`.
SpatialLoop read_lanes(const Cursor& cursor, const Layer& layer, const Hierarchy& hierarchy);
Json to_json(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy);

/// What a name stands for; throws InputError with the nearest name where it stands for nothing.
int level_of(const Cursor& cursor, const Hierarchy& hierarchy);
int dimension_of(const Cursor& cursor, const Layer& layer);
int tensor_of(const Cursor& cursor, const Layer& layer);

}  // namespace tilepath
