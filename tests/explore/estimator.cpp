// Energy and area of memories, against the figures that they come from.
#include "tilepath/explore/estimator.hpp"

#include <doctest/doctest.h>

#include "tilepath/base/error.hpp"
#include "tilepath/formats/design.hpp"
#include "tilepath/formats/estimator.hpp"
#include "tilepath/formats/library.hpp"

namespace tilepath::testing {

namespace {

EstimatorTable memory_table() {
  return read_estimator(read_document(std::string(TILEPATH_SOURCE_DATA) + "/estimators/memory.json"));
}

}  // namespace

TEST_CASE("estimator: at a published size the published figure, half of 64 bits for 32, in another process as scaled") {
  const EstimatorTable table = memory_table();
  CHECK(access_energy(table, {"sram", 8192, 64, 1, "45"}).read_pj == 10);
  CHECK(access_energy(table, {"sram", 32768, 64, 1, "45"}).write_pj == 20);
  CHECK(access_energy(table, {"sram", 1048576, 64, 1, "45"}).read_pj == 100);
  CHECK(access_energy(table, {"sram", 8192, 32, 1, "45"}).read_pj == 5);  // Horowitz' own figure for 32 bits
  CHECK(access_energy(table, {"sram", 8192, 64, 1, "65"}).read_pj == doctest::Approx(12.53));
  CHECK(access_energy(table, {"register-file", 384, 16, 1, "65"}).write_pj == 1.88);
  CHECK(area_mm2(table, {"register-file", 512, 16, 1, "65"}) == doctest::Approx(512 * 20.87e-6));
  CHECK(area_mm2(table, {"sram", 131072, 64, 1, "65"}) == doctest::Approx(131072 * 12.70e-6));
  CHECK(area_mm2(table, {"sram", 131072, 64, 1, "45"}) == doctest::Approx(131072 * 12.70e-6 * 0.66));
}

TEST_CASE("estimator: between two sizes it grows with the size, and area never shrinks") {
  const EstimatorTable table = memory_table();
  const double middle = access_energy(table, {"sram", 16384, 64, 1, "45"}).read_pj;
  CHECK(middle == doctest::Approx(14.1421));  // a power between 10 and 20, half way
  double last = 0;
  for (double bytes = 2; bytes <= 4194304; bytes *= 1.01) {
    const double area = area_mm2(table, {"sram", bytes, 64, 1, "65"});
    CHECK(area > last);
    last = area;
  }
}

TEST_CASE("estimator: outside its range it refuses, unless told otherwise") {
  const EstimatorTable table = memory_table();
  CHECK_THROWS_WITH_AS(
      (void)access_energy(table, {"sram", 4096, 64, 1, "45"}),
      "the table has the energy of a sram from 8192 to 1048576 bytes, not of 4096 (\"extrapolate\": true goes beyond)",
      InputError);
  CHECK(access_energy(table, {"sram", 4096, 64, 1, "45", true}).read_pj == doctest::Approx(7.0711));
  CHECK_THROWS_AS((void)access_energy(table, {"sram", 8192, 16, 1, "45"}), InputError);
  CHECK_THROWS_AS((void)access_energy(table, {"sram", 8192, 64, 2, "45"}), InputError);
  CHECK_THROWS_AS((void)access_energy(table, {"sram", 8192, 64, 1, "22"}), InputError);
  CHECK_THROWS_AS((void)area_mm2(table, {"rram", 8192, 64, 1, "45"}), InputError);
  CHECK_THROWS_AS((void)area_mm2(table, {"sram", 0, 64, 1, "45", true}), InputError);
}

TEST_CASE("equal area: what the register files leave is the buffer that Chen et al. give each dataflow (ISCA 2016)") {
  const Library library = standard_library({TILEPATH_SOURCE_DATA});
  Document file = library.open("sweeps", "rf-against-buffer");
  // Their register files, in bytes a PE, and buffers in KiB.
  const std::vector<std::pair<double, double>> published = {{512, 128.0}, {2, 334.3}, {98, 243.9}, {10, 303.8}};
  Json words = Json::array();
  for (const auto& [bytes, buffer] : published) words.push_back(static_cast<std::int64_t>(bytes / 2));
  file.root["parameters"] = Json::array({{{"pointer", "/levels/2/capacity_words"}, {"values", words}}});
  const Sweep sweep = read_sweep(resolved(file, library));
  Designer designer(sweep);
  for (std::size_t i = 0; i < published.size(); ++i) {
    const Design design = designer(static_cast<std::int64_t>(i));
    REQUIRE(design.fault == "");
    const double kib = static_cast<double>(design.hierarchy.level(1).partitions.front().capacity_words) * 2 / 1024;
    // They take µm2 a byte on a straight line between sizes, we on a logarithmic one: the same at sizes of their table.
    CHECK(kib ==
          doctest::Approx(published[i].second).epsilon(published[i].first == 98 || published[i].first == 10 ? 0.02 : 0.001));
    CHECK(design.area <= 4.4003);
    CHECK(design.area > 4.4);
  }
}

}  // namespace tilepath::testing
