// Measurements behind docs/performance.md. One thread, unless the program's own --threads says otherwise.
//
//   tilepath_bench evaluate                           mappings scored per second
//   tilepath_bench schedule                           time to play random mappings of full-size layers through
//   tilepath_bench search ARCH none|lanes NETWORK…    a line of CSV for each distinct layer
//
// ARCH: a path from the project's root, without .json.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "support/generate.hpp"
#include "tilepath/formats/architecture.hpp"
#include "tilepath/formats/mapping.hpp"
#include "tilepath/formats/workload.hpp"
#include "tilepath/model/evaluate.hpp"
#include "tilepath/model/schedule.hpp"
#include "tilepath/search/search.hpp"

namespace tilepath {

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Document data(const std::string& path) { return read_document(std::string(TILEPATH_SOURCE_DATA) + "/" + path + ".json"); }

int bench_evaluate() {
  const Hierarchy hierarchy = read_architecture(data("arch/eyeriss-3level"));
  for (const Layer& layer : read_workload(data("workloads/alexnet")).layers)
    for (const Remainders remainders : {Remainders::none, Remainders::lanes}) {
      SearchOptions options;
      options.mapspace.remainders = remainders;
      const Nest nest = search(layer, hierarchy, options).nest;
      const int kTimes = remainders == Remainders::none ? 200000 : 5000;
      const auto start = std::chrono::steady_clock::now();
      double energy = 0;
      for (int i = 0; i < kTimes; ++i) energy += evaluate(nest, layer, hierarchy).energy.value();
      std::printf("%s,%s,%.0f mappings/s%s\n", layer.name.c_str(), remainders == Remainders::none ? "perfect" : "remainders",
                  kTimes / seconds_since(start), energy > 0 ? "" : "!");
    }
  return 0;
}

int bench_schedule() {
  constexpr int kMappings = 2000;
  std::vector<Layer> layers;
  for (const char* network : {"alexnet", "bert-base", "googlenet", "mobilenet_v2", "resnet50", "vgg16"})
    for (const Layer& layer : read_workload(data(std::string("workloads/") + network)).layers) layers.push_back(layer);
  std::vector<Hierarchy> architectures;
  for (const char* name : {"cpu-x86", "eyeriss", "eyeriss-3level", "nvdla-large", "tpu-v1"})
    architectures.push_back(read_architecture(data(std::string("arch/") + name)));
  std::vector<double> seconds;
  int without = 0;
  for (int seed = 1; seed <= kMappings; ++seed) {
    testing::Random random(static_cast<std::uint64_t>(seed));
    Hierarchy hierarchy = architectures[random() % architectures.size()];
    testing::draw_bandwidths(random, hierarchy);
    const Layer& layer = layers[random() % layers.size()];
    const Nest nest = testing::random_legal_nest(random, layer, hierarchy);
    const auto start = std::chrono::steady_clock::now();
    without += static_cast<int>(!schedule(nest, layer, hierarchy));
    seconds.push_back(seconds_since(start));
  }
  std::sort(seconds.begin(), seconds.end());
  std::printf("mappings,without,median,90_of_100,99_of_100,slowest\n%d,%d,%.5f,%.5f,%.5f,%.5f\n", kMappings, without,
              seconds[kMappings / 2], seconds[kMappings * 9 / 10], seconds[kMappings * 99 / 100], seconds.back());
  return 0;
}

int bench_search(const std::string& arch, Remainders remainders, const std::vector<std::string>& networks) {
  const Hierarchy hierarchy = read_architecture(data(arch));
  SearchOptions options;
  options.mapspace.remainders = remainders;
  options.time_limit = 60;
  std::printf("network,layer,log10_mapspace,seconds,jobs,jobs_solved,labels_kept,proved\n");
  std::vector<Layer> seen;
  for (const std::string& name : networks)
    for (const Layer& layer : read_workload(data("workloads/" + name)).layers) {
      bool again = false;
      for (const Layer& other : seen) again = again || same_problem(layer, other);
      if (again) continue;
      seen.push_back(layer);
      const Certificate certificate = search(layer, hierarchy, options).certificate;
      std::printf("%s,%s,%.2f,%.4f,%lld,%lld,%lld,%d\n", name.c_str(), layer.name.c_str(),
                  std::log10(std::stod(certificate.mapspace_size)), certificate.seconds, static_cast<long long>(certificate.jobs),
                  static_cast<long long>(certificate.jobs_solved), static_cast<long long>(certificate.labels_kept),
                  static_cast<int>(certificate.proved));
      (void)std::fflush(stdout);
    }
  return 0;
}

}  // namespace

}  // namespace tilepath

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 1 && arguments[0] == "evaluate") return tilepath::bench_evaluate();
  if (arguments.size() == 1 && arguments[0] == "schedule") return tilepath::bench_schedule();
  if (arguments.size() > 3 && arguments[0] == "search")
    return tilepath::bench_search(arguments[1], arguments[2] == "none" ? tilepath::Remainders::none : tilepath::Remainders::lanes,
                                  {arguments.begin() + 3, arguments.end()});
  (void)std::fprintf(stderr, "tilepath_bench evaluate | schedule | search ARCH none|lanes NETWORK...\n");
  return 2;
}
