#include "tilepath/base/hash.hpp"

#define XXH_INLINE_ALL  // its header has all of it: nothing to link, or to find when the library is used from elsewhere
#include <xxhash.h>

namespace tilepath {

std::string content_hash(std::string_view text) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(text.data(), text.size()));
  std::string hex;
  for (const unsigned char byte : canonical.digest) {
    hex += "0123456789abcdef"[byte >> 4U];
    hex += "0123456789abcdef"[byte & 15U];
  }
  return hex;
}

}  // namespace tilepath
