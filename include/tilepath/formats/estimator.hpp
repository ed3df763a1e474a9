// Estimator tables: published figures of memories. docs/formats.md.
#pragma once

#include "tilepath/explore/estimator.hpp"
#include "tilepath/formats/document.hpp"

namespace tilepath {

/// Throws InputError with the place.
EstimatorTable read_estimator(const Document& document);

}  // namespace tilepath
