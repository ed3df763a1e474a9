// What is written of a hierarchy is read back as it was.
#include "tilepath/formats/architecture.hpp"

#include <doctest/doctest.h>

#include "support/generate.hpp"
#include "tilepath/formats/library.hpp"

namespace tilepath::testing {

TEST_CASE("an architecture that is written comes back the same: random ones and the ready-made") {
  Random random(1);
  for (int k = 0; k < 300; ++k) {
    const Hierarchy hierarchy = random_hierarchy(random, {.odd = k % 2 == 0});
    CHECK(read_architecture(parse_document("written", to_json(hierarchy).dump())) == hierarchy);
  }
  const Library library = standard_library({TILEPATH_SOURCE_DATA});
  for (const std::string& name : library.names("arch")) {
    const Hierarchy hierarchy = read_architecture(library.open("arch", name));
    CHECK(read_architecture({"written", to_json(hierarchy)}) == hierarchy);
  }
}

}  // namespace tilepath::testing
