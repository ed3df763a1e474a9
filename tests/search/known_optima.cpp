// Optima found by two independent exact programs (even), one of them also for uneven nests whose global-buffer nodes stand apart
// and with remainders at the lanes.
#include <doctest/doctest.h>

#include "tilepath/formats/architecture.hpp"
#include "tilepath/search/search.hpp"
#include "tilepath/workload/conv.hpp"

namespace tilepath::testing {

namespace {

struct Known {
  const char* name;
  ConvShape shape;
  double even, uneven, remainders;  ///< energy x cycles, ten digits
};

ConvShape shape(std::int64_t m, std::int64_t c, std::int64_t p, std::int64_t q, std::int64_t r, std::int64_t s,
                std::int64_t stride = 1) {
  return {.m = m, .c = c, .p = p, .q = q, .r = r, .s = s, .stride_h = stride, .stride_w = stride};
}

const Known kKnown[] = {
    {"AlexNet conv2, one group", shape(128, 48, 27, 27, 5, 5), 3.398676102e+14, 3.398676102e+14, 3.072059302e+14},
    {"AlexNet conv3", shape(384, 256, 13, 13, 3, 3), 7.011485284e+14, 7.011485284e+14, 6.530471231e+14},
    {"AlexNet fc6", shape(4096, 9216, 1, 1, 1, 1), 2.000430679e+15, 2.000430679e+15, 1.717245127e+15},
    {"ResNet-50 1x1", shape(1024, 256, 14, 14, 1, 1), 1.461655217e+14, 1.427127707e+14, 8.954910238e+13},
    {"ResNet-50 conv1", shape(64, 3, 112, 112, 7, 7, 2), 4.131547299e+14, 4.098536267e+14, 4.098536267e+14},
    {"ResNet-50 3x3 stride 2", shape(128, 128, 28, 28, 3, 3, 2), 3.866098202e+14, 3.809275785e+14, 3.809275785e+14},
    {"ResNet-50 3x3", shape(256, 256, 14, 14, 3, 3), 3.756494495e+14, 3.665116382e+14, 3.665116382e+14},
    {"VGG-16 conv3-2", shape(256, 256, 56, 56, 3, 3), 8.366568805e+16, 8.366568805e+16, 8.366568805e+16},
    {"BERT feed-forward", shape(3072, 768, 128, 1, 1, 1), 3.547574267e+15, 3.547574267e+15, 3.112476900e+15},
};

}  // namespace

TEST_CASE("search: finds the known EDP optima on eyeriss-3level") {
  const Hierarchy hierarchy = read_architecture(read_document(std::string(TILEPATH_SOURCE_DATA) + "/arch/eyeriss-3level.json"));
  for (const Known& known : kKnown) {
    CAPTURE(known.name);
    const Layer layer = conv(known.name, known.shape);
    SearchOptions options;
    options.mapspace.uneven = false;
    options.mapspace.remainders = Remainders::none;
    const SearchResult even = search(layer, hierarchy, options);
    CHECK(even.certificate.proved);
    CHECK(even.evaluation.edp() == doctest::Approx(known.even).epsilon(1e-9));
    options.mapspace.uneven = true;
    const SearchResult uneven = search(layer, hierarchy, options);
    CHECK(uneven.certificate.proved);
    // The register file's nodes may stand apart here too: a larger mapspace is never worse.
    CHECK(uneven.evaluation.edp() <= known.uneven * (1 + 1e-9));
    CHECK(uneven.evaluation.edp() <= even.evaluation.edp());
    options.mapspace.remainders = Remainders::lanes;
    const SearchResult remainders = search(layer, hierarchy, options);
    CHECK(remainders.certificate.proved);
    CHECK(remainders.evaluation.edp() <= known.remainders * (1 + 1e-9));
    CHECK(remainders.evaluation.edp() <= uneven.evaluation.edp());
  }
}

TEST_CASE("search: lanes that do not divide use what perfect factors leave idle") {
  const Hierarchy hierarchy = read_architecture(read_document(std::string(TILEPATH_SOURCE_DATA) + "/arch/eyeriss-3level.json"));
  const Layer layer = conv("4096 cubed", shape(4096, 4096, 4096, 1, 1, 1));
  SearchOptions options;
  options.objective = Objective::latency;
  options.mapspace.remainders = Remainders::none;
  CHECK(search(layer, hierarchy, options).evaluation.cycles.value() == 1073741824);  // 64 of 168 PEs
  options.mapspace.remainders = Remainders::lanes;
  const SearchResult found = search(layer, hierarchy, options);
  CHECK(found.certificate.proved);
  CHECK(found.evaluation.cycles.value() <= 410443776);
}

}  // namespace tilepath::testing
