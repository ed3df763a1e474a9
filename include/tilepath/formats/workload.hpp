// Workload files: a network as a list of layers. docs/formats.md; workloads/workload.schema.json.
#pragma once

#include "tilepath/formats/document.hpp"
#include "tilepath/workload/layer.hpp"

namespace tilepath {

/// Throws InputError with file, pointer, what was found and what is allowed.
Network read_workload(const Document& document);
Layer read_layer(const Cursor& cursor);
/// A layer in a form that read_layer takes back: {"dimensions", "tensors"} of an einsum, or the usual keys.
Json to_json(const Layer& layer);

}  // namespace tilepath
