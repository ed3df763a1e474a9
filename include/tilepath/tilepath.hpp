// tilepath in 15 lines: search one layer, look at the result.
//
//   using namespace tilepath;
//   Hierarchy hierarchy;
//   hierarchy.levels.resize(2);
//   hierarchy.levels[0].name = "DRAM";
//   hierarchy.levels[0].read_energy = hierarchy.levels[0].write_energy = 200;
//   hierarchy.levels[0].fanout = Fanout{.x = 8, .y = 8};
//   hierarchy.levels[1].name = "RF";
//   hierarchy.levels[1].read_energy = hierarchy.levels[1].write_energy = 1;
//   hierarchy.levels[1].partitions = {{{true, true, true}, 256}};
//   check(hierarchy);
//   const Layer layer = conv("conv", {.m = 64, .c = 64, .p = 14, .q = 14, .r = 3, .s = 3});
//   const SearchResult result = search(layer, hierarchy, {.objective = Objective::energy});
//   std::cout << to_text(result.nest, layer, hierarchy) << result.evaluation.energy.value() << '\n';
//
// All calls are pure and safe from any thread. What they require and throw stands at each declaration.
#pragma once

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/base/quantity.hpp"
#include "tilepath/execute/execute.hpp"
#include "tilepath/execute/reference.hpp"
#include "tilepath/mapping/legal.hpp"
#include "tilepath/mapping/nest.hpp"
#include "tilepath/mapping/tile.hpp"
#include "tilepath/model/evaluate.hpp"
#include "tilepath/search/search.hpp"
#include "tilepath/verify/verify.hpp"
#include "tilepath/workload/conv.hpp"
#include "tilepath/workload/layer.hpp"
