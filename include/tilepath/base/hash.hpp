// Names for contents.
#pragma once

#include <string>
#include <string_view>

namespace tilepath {

/// 32 hexadecimal digits that two texts share only if they are equal, for all that chance can do (XXH3, 128 bits). The same on
/// every machine.
std::string content_hash(std::string_view text);

}  // namespace tilepath
