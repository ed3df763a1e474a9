// The ready-made networks against published totals of multiply-accumulates and weights.
#include <doctest/doctest.h>

#include "tilepath/formats/workload.hpp"
#include "tilepath/mapping/tile.hpp"

namespace tilepath::testing {

namespace {

struct Published {
  const char* name;
  std::int64_t macs, weights;
  const char* source;
};

/// Layer by layer from the shapes; the rounded figures of the papers beside them.
const Published kPublished[] = {
    {"alexnet", 724406816, 60954656, "724M MACs, 61M weights (Sze et al., Proc. IEEE 2017, Table II)"},
    {"vgg16", 15470264320, 138344128, "15.5G MACs, 138M weights (the same)"},
    {"googlenet", 1582671872, 6990272,
     "7M weights (the same; its 1.43G MACs do not follow from the shapes, see Szegedy et al., 1.5G)"},
    {"resnet18", 1814073344, 11678912, "1.8G (He et al., CVPR 2016, Table 1)"},
    {"resnet50", 3857973248, 25502912, "3.9G MACs, 25.5M weights (Sze et al.)"},
    {"squeezenet1.0", 818924576, 1244448, "1.25M weights (Iandola et al., 2016)"},
    {"squeezenet1.1", 349151936, 1231552, "2.4 times less computation than 1.0 (SqueezeNet's repository)"},
    {"mobilenet_v1", 568740352, 4209088, "569M, 4.2M (Howard et al., 2017)"},
    {"mobilenet_v2", 300774272, 3469760, "300M, 3.4M (Sandler et al., 2018)"},
    {"bert-base", 11173625856, 84934656, "22.5 GFLOPs = 11.2G MACs (Sun et al., MobileBERT, 2020)"},
    {"bert-base-seq384", 35332816896, 84934656, ""},
    {"gpt2-small-prefill1024", 145824153600, 123532032, "124M parameters with embeddings (Radford et al., 2019)"},
};

}  // namespace

TEST_CASE("ready-made networks have the published MACs and weights") {
  for (const Published& published : kPublished) {
    CAPTURE(published.name);
    const Network network =
        read_workload(read_document(std::string(TILEPATH_SOURCE_DATA) + "/workloads/" + published.name + ".json"));
    std::int64_t all_macs = 0;
    std::int64_t weights = 0;
    for (const Layer& layer : network.layers) {
      all_macs += macs(layer) * layer.repeat;
      const bool learned = layer.name != "qk" && layer.name != "av";  // attention multiplies activations
      if (learned) weights += tile_words(layer.tensors[0], bounds_of(layer), Footprint::touched) * layer.repeat;
    }
    CHECK(all_macs == published.macs);
    CHECK(weights == published.weights);
  }
}

}  // namespace tilepath::testing
