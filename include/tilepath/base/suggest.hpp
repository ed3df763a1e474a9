// "did you mean …?"
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tilepath {

/// The candidate that `word` begins, or the nearest by edit distance, if it is near enough to be a slip; else empty. Of equals
/// the first.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

/// "; did you mean 'x'?" or, where nothing is near, "; known: a, b, c".
std::string hint(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace tilepath
