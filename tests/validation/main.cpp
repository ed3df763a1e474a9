// Prints published figures beside ours. Fails when one of ours moves, from the published one or from what docs/validation.md
// says.
#include <fmt/core.h>

#include <cmath>
#include <exception>
#include <fstream>
#include <sstream>

#include "figures.hpp"

namespace tilepath::validation {

std::string difference(double ours, double published) {
  const double percent = std::round(1000 * (ours / published - 1)) / 10;
  return percent == 0 ? "0" : fmt::format("{:+.1f} %", percent);  // never "-0.0 %"
}

}  // namespace tilepath::validation

int main() try {
  using namespace tilepath::validation;
  std::ifstream file(in_project("docs/validation.md"));
  std::stringstream documented;
  documented << file.rdbuf();
  int moved = 0;
  for (const auto& [title, figures] : {std::pair{"The Eyeriss chip", eyeriss_chip()},
                                       {"Six dataflows at equal area", six_dataflows()},
                                       {"The roofline of the TPU", tpu_roofline()}}) {
    fmt::print("## {}\n\n{}\n", title, figures.table);
    for (const std::string& each : figures.off) fmt::print(stderr, "validation: {}\n", each);
    moved += static_cast<int>(figures.off.size());
    if (documented.str().find(figures.table) == std::string::npos) {
      fmt::print(stderr, "validation: docs/validation.md has another table under '{}'\n", title);
      ++moved;
    }
  }
  return moved == 0 ? 0 : 1;
} catch (const std::exception& e) {
  fmt::print(stderr, "validation: {}\n", e.what());
  return 2;
}
