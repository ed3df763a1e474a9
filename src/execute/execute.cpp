// The executor walks the nest node by node, as a machine would run it:
//
//   at a loop      it steps the loop's index,
//   at a storage   it works out which tile each instance needs now, compares it with what the instance's buffer holds, and if
//   node           they differ moves the words from the parent's buffer, one by one (psums: drains the old ones first),
//   at compute     every lane multiplies what its innermost buffers hold and adds to its psum.
//
// Nothing is predicted: a word counts when it moves. (Counts that are the same at every step, because all lanes step
// together, are enumerated once and added per step: see MacPort.)
#include "tilepath/execute/execute.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <stdexcept>

#include "clock.hpp"
#include "site.hpp"
#include "tilepath/base/error.hpp"

namespace tilepath {

namespace {

using execution::Buffer;
using execution::LaneLoop;
using execution::Pattern;
using execution::Request;
using execution::Site;

constexpr std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

/// The most steps whose addresses are tabulated at once: a few tables of this many fit a second-level cache.
constexpr std::int64_t kMaxTabulatedSteps = std::int64_t{1} << 16;

/// What the MACs of a step move, of one tensor.
struct StepCount {
  std::int64_t words = 0;                          ///< reads (operands) or updates (outputs)
  std::array<std::int64_t, kMaxLevels> network{};  ///< over the fanouts in between
};

/// How the MACs of one step see a tensor: which buffer each reads, and what a step moves.
struct MacPort {
  std::size_t site = 0;                   ///< the innermost site of the tensor
  std::int64_t lanes_per_instance = 1;    ///< MACs below one instance of it
  std::vector<std::int64_t> lane_origin;  ///< [mac * ranks + rank]
  StepCount per_step;                     ///< of one instance, with every lane at work
  std::vector<std::int32_t> offset;       ///< [step]: words from the first step's word, where the tile is regular
  std::vector<std::int64_t> rank_offset;  ///< [step * ranks + rank]: indices from the first step's
  bool regular = true;
  // Where all lanes step together on full, regular tiles, each finds its words as far from the first lane's as its place says.
  std::vector<std::int64_t> lane_word;         ///< [mac]: words from the first lane's word; empty if irregular
  std::vector<std::int32_t> lane_instance;     ///< [mac]: whose buffer it reads
  std::array<std::int64_t, kMaxRanks> most{};  ///< the largest index from the first word's, of all steps and lanes
};

/// A loop of the MACs' steps.
struct StepLoop {
  std::int64_t count = 1;
  std::array<std::int64_t, 3> stride{};  ///< per tensor, in words of its buffer
};

class Machine {
 public:
  Machine(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy, const std::vector<Values>& operands,
          const std::stop_token& stop)
      : nest_(nest), layer_(layer), hierarchy_(hierarchy), stop_(stop), clock_(hierarchy) {
    set_extents();
    lanes_ = execution::lane_loops(nest, inside_);
    sites_of_.resize(layer.tensors.size());
    for (std::size_t i = 0; i < nest.nodes.size(); ++i)
      if (const auto* store = std::get_if<Store>(&nest.nodes[i]))
        for (const int t : store->tensors) add_site(t, store->level, i);
    check_capacities();
    for (int t = 0; t < layer.tensor_count(); ++t) load_outermost(t, operands[index(t)]);
    tabulate_steps();
    std::int64_t macs = 1;
    for (const LaneLoop& lane : lanes_) macs *= lane.count;
    for (std::int64_t mac = 0; mac < macs && any_ragged_; ++mac)
      for (const std::int64_t at : execution::coordinates(mac, lanes_, lanes_.size())) mac_at_.push_back(at);
    for (int t = 0; t < layer.tensor_count(); ++t) ports_.push_back(port_of(t));
    for (const MacPort& port : ports_) innermost_.push_back(static_cast<int>(port.site));
    set_step_loops();
  }

  Execution run() {
    visit(0);
    const auto& chain = sites_of_[index(layer_.output())];
    clock_.finish();
    for (std::size_t k = chain.size(); k-- > 1;) drain_all(chain, k);
    Execution result;
    result.counts = counts_;
    result.cycles = clock_.split();
    result.outputs = unload_outputs();
    return result;
  }

 private:
  [[noreturn]] static void fault(const std::string& what) { throw std::logic_error("execution: " + what); }
  [[nodiscard]] const Tensor& tensor(int t) const { return layer_.tensors[index(t)]; }
  Traffic& traffic(int level, int t) { return counts_.levels[index(level)][index(t)]; }

  // -- building the machine -----------------------------------------------------------------------------------------------

  /// inside_[i]: iterations per dimension that the nodes after node i run through, of a full tile.
  void set_extents() {
    Extents left{};
    left.fill(1);
    for (int d = 0; d < layer_.dimension_count(); ++d) left[index(d)] = layer_.dimensions[index(d)].bound;
    std::size_t lane_loops = 0;
    const auto cover = [&](std::size_t position, int d, std::int64_t count, int lane) {
      const std::int64_t whole = left[index(d)];
      const std::int64_t each = (whole + count - 1) / count;
      if (each * count != whole) ragged_[index(d)] = any_ragged_ = true;
      loops_[index(d)].push_back({position, lane, each});
      left[index(d)] = each;
    };
    for (std::size_t i = 0; i < nest_.nodes.size(); ++i) {
      if (const auto* loop = std::get_if<Loop>(&nest_.nodes[i])) cover(i, loop->dimension, loop->count, -1);
      if (const auto* loop = std::get_if<SpatialLoop>(&nest_.nodes[i]))
        cover(i, loop->dimension, loop->count, static_cast<int>(lane_loops++));
      inside_.push_back(left);
    }
    for (int d = 0; d < layer_.dimension_count(); ++d)
      if (left[index(d)] != 1) fault("the loops do not cover the layer");
    iteration_.assign(nest_.nodes.size(), 0);
    no_lanes_.assign(lane_loops, 0);
    at_.assign(lane_loops, 0);
  }

  // -- remainders: R9 -----------------------------------------------------------------------------------------------------

  /// Iterations of dimension d inside the loops before `position`, where these stand now and on the lane with coordinates `at`: a
  /// full tile's, or fewer where a tile is cut off by the end of the one around it; 0 = that lane has nothing to do.
  [[nodiscard]] std::int64_t size_now(int d, std::size_t position, const std::int64_t* at) const {
    std::int64_t start = 0;
    std::int64_t end = layer_.dimensions[index(d)].bound;
    for (const DimensionLoop& loop : loops_[index(d)]) {
      if (loop.position >= position) break;
      start += loop.extent * (loop.lane < 0 ? iteration_[loop.position] : at[loop.lane]);
      end = std::min(end, start + loop.extent);
    }
    return std::max<std::int64_t>(0, end - start);
  }

  /// Sizes of every remainder dimension on each of its lanes among the first `lane_loops`, where the loops before `position`
  /// stand.
  void list_sizes(std::size_t position, std::size_t lane_loops, std::vector<std::int64_t>& sizes) {
    sizes.clear();
    for (int d = 0; d < layer_.dimension_count(); ++d) {
      if (!ragged_[index(d)]) continue;
      std::int64_t lanes = 1;
      for (std::size_t l = 0; l < lane_loops; ++l)
        if (lanes_[l].dimension == d) lanes *= lanes_[l].count;
      for (std::int64_t lane = 0; lane < lanes; ++lane) {
        std::int64_t left = lane;
        for (std::size_t l = lane_loops; l-- > 0;)
          if (lanes_[l].dimension == d) {
            at_[l] = left % lanes_[l].count;
            left /= lanes_[l].count;
          }
        sizes.push_back(size_now(d, position, at_.data()));
      }
    }
  }

  /// Work out which instances of a site have something to do now, and which shape of tile each needs.
  void look_around(Site& site) {
    if (!any_ragged_) return;
    list_sizes(site.position, site.lane_loops, sizes_);
    if (sizes_ == site.sizes_now) return;
    site.sizes_now = sizes_;
    const auto& ranks = tensor(site.tensor).ranks;
    for (std::size_t i = 0; i < site.buffers.size(); ++i) {
      const std::int64_t* at = site.lane_at.data() + i * site.lane_loops;
      Extents sizes = inside_[site.position];
      bool idle = false;
      for (int d = 0; d < layer_.dimension_count(); ++d)
        if (ragged_[index(d)]) idle |= (sizes[index(d)] = size_now(d, site.position, at)) == 0;
      site.idle_now[i] = idle ? 1 : 0;
      for (std::size_t r = 0; r < ranks.size() && !idle; ++r) {
        std::vector<std::int64_t> key = {static_cast<std::int64_t>(site.tensor), static_cast<std::int64_t>(r)};
        for (const Term& term : ranks[r]) key.push_back(sizes[index(term.dimension)]);
        auto found = shapes_.find(key);
        if (found == shapes_.end())
          found = shapes_.emplace(key, execution::pattern_of(ranks[r], sizes, hierarchy_.footprint)).first;
        site.shape_now[i * ranks.size() + r] = &found->second;
      }
    }
  }

  [[nodiscard]] static bool idle(const Site& site, std::int64_t instance) { return site.idle_now[index(instance)] != 0; }
  /// What the tile that an instance needs now holds along a rank.
  [[nodiscard]] static const Pattern* needed_shape(const Site& site, std::int64_t instance, std::size_t r) {
    return site.shape_now[index(instance) * site.patterns.size() + r];
  }

  void add_site(int t, int level, std::size_t position) {
    Site site;
    site.tensor = t;
    site.level = level;
    site.position = position;
    while (site.lane_loops < lanes_.size() && lanes_[site.lane_loops].position < position) ++site.lane_loops;
    const Tensor& held = tensor(t);
    for (const Rank& rank : held.ranks)
      site.patterns.push_back(execution::pattern_of(rank, inside_[position], hierarchy_.footprint));
    site.strides.assign(held.ranks.size(), 1);
    site.words = 1;
    for (std::size_t r = held.ranks.size(); r-- > 0;) {
      site.strides[r] = site.words;
      site.words *= static_cast<std::int64_t>(site.patterns[r].indices.size());
    }
    std::int64_t instances = 1;
    for (std::size_t l = 0; l < site.lane_loops; ++l) instances *= lanes_[l].count;
    site.lane_origin = execution::lane_origins(held, lanes_, site.lane_loops);
    for (std::int64_t i = 0; i < instances; ++i)
      for (const std::int64_t at : execution::coordinates(i, lanes_, site.lane_loops)) site.lane_at.push_back(at);
    site.buffers.resize(index(instances));
    for (Buffer& buffer : site.buffers) {
      buffer.origin.assign(held.ranks.size(), 0);
      buffer.words.assign(index(site.words), 0);
      if (layer_.is_output(t)) buffer.written.assign(index(site.words), 0);
    }
    auto& chain = sites_of_[index(t)];
    clock_.add_site(level, chain.empty() ? -1 : static_cast<int>(chain.back()));
    if (!chain.empty()) site.per_parent = instances / static_cast<std::int64_t>(sites_[chain.back()].buffers.size());
    if (!chain.empty()) execution::chart(site, sites_[chain.back()]);
    chain.push_back(sites_.size());
    sites_.push_back(std::move(site));
    Site& built = sites_.back();
    built.idle_now.assign(built.buffers.size(), 0);
    for (Buffer& buffer : built.buffers)
      for (const Pattern& pattern : built.patterns) {  // they stand still from here on
        buffer.shape.push_back(&pattern);
        built.shape_now.push_back(&pattern);
      }
  }

  /// R6: what one instance of each level keeps, against its capacity.
  void check_capacities() const {
    for (int l = 0; l < hierarchy_.level_count(); ++l)
      for (const Partition& part : hierarchy_.level(l).partitions) {
        std::int64_t kept = 0;
        for (const Site& site : sites_)
          if (site.level == l && at(part.holds, tensor(site.tensor).role))
            kept += site.words * level_words(hierarchy_.level(l), tensor(site.tensor)) *
                    (hierarchy_.level(l).double_buffered ? 2 : 1);
        if (kept > part.capacity_words) fault("'" + hierarchy_.level(l).name + "' overflows");
      }
  }

  void load_outermost(int t, const Values& values) {
    Site& site = sites_[sites_of_[index(t)].front()];
    Buffer& buffer = site.buffers.front();
    buffer.resident = true;
    buffer.unwritten = layer_.is_output(t) ? site.words : 0;
    if (!layer_.is_output(t))
      for_each_word(site, [&](std::int64_t word, std::int64_t box) { buffer.words[index(word)] = values[index(box)]; });
  }

  Values unload_outputs() {
    const Site& site = sites_[sites_of_[index(layer_.output())].front()];
    if (site.buffers.front().unwritten != 0) fault("an output was never computed");
    Values values(index(site.words));
    for_each_word(site,
                  [&](std::int64_t word, std::int64_t box) { values[index(box)] = site.buffers.front().words[index(word)]; });
    return values;
  }

  /// (word of the outermost buffer, word of the tensor's box) for each word.
  template <class Visit>
  void for_each_word(const Site& site, const Visit& visit) const {
    const Tensor& held = tensor(site.tensor);
    std::vector<std::size_t> at(held.ranks.size(), 0);
    for (std::int64_t word = 0; word < site.words; ++word) {
      std::int64_t box = 0;
      for (std::size_t r = 0; r < at.size(); ++r)
        box = box * rank_extent(layer_, held.ranks[r]) + site.patterns[r].indices[at[r]];
      visit(word, box);
      for (std::size_t r = at.size(); r-- > 0;) {
        if (++at[r] < site.patterns[r].indices.size()) break;
        at[r] = 0;
      }
    }
  }

  // -- walking the nest ---------------------------------------------------------------------------------------------------

  void visit(std::size_t position) {
    if (position >= first_tabulated_) {
      compute();
      return;
    }
    const Node& node = nest_.nodes[position];
    if (const auto* loop = std::get_if<Loop>(&node)) {
      auto& now = now_[index(loop->dimension)];
      const std::int64_t start = now;
      for (std::int64_t i = 0; i < loop->count; ++i) {
        iteration_[position] = i;
        if (ragged_[index(loop->dimension)] && size_now(loop->dimension, position + 1, no_lanes_.data()) == 0) break;
        now = start + i * inside_[position][index(loop->dimension)];
        visit(position + 1);
      }
      iteration_[position] = 0;
      now = start;
      return;
    }
    if (const auto* store = std::get_if<Store>(&node)) {
      if (stop_.stop_requested()) throw Interrupted();
      for (const int t : store->tensors) {
        const auto& chain = sites_of_[index(t)];
        for (std::size_t k = 1; k < chain.size(); ++k)
          if (sites_[chain[k]].position == position) layer_.is_output(t) ? take_outputs(chain, k) : take_operand(chain, k);
      }
    }
    visit(position + 1);
  }

  /// Where the tile that `instance` needs now begins, along a rank.
  [[nodiscard]] std::int64_t needed_origin(const Site& site, std::int64_t instance, std::size_t r) const {
    const auto& ranks = tensor(site.tensor).ranks;
    std::int64_t origin = site.lane_origin[index(instance) * ranks.size() + r];
    for (const Term& term : ranks[r]) origin += term.coefficient * now_[index(term.dimension)];
    return origin;
  }

  /// The lanes below one parent that have something to do and whose buffers do not hold the tile that they need.
  void find_moved(const Site& site, std::int64_t parent, std::vector<std::int64_t>& moved) const {
    moved.clear();
    // Without remainders all lanes step together: where the first holds what it needs, all do.
    if (!any_ragged_ && holds_needed(site, parent * site.per_parent)) return;
    for (std::int64_t i = parent * site.per_parent; i < (parent + 1) * site.per_parent; ++i) {
      if (!idle(site, i) && !holds_needed(site, i)) moved.push_back(i);
    }
  }
  [[nodiscard]] bool holds_needed(const Site& site, std::int64_t i) const {
    const Buffer& buffer = site.buffers[index(i)];
    bool same = buffer.resident;
    for (std::size_t r = 0; same && r < buffer.origin.size(); ++r)
      same = buffer.origin[r] == needed_origin(site, i, r) && equal(buffer.shape[r], needed_shape(site, i, r));
    return same;
  }

  /// Where the first word of the tile of each instance of `child` below a parent lies in that one's buffer: this and its
  /// Site::lane_place. -1 where that does not hold. All instances have moved together.
  [[nodiscard]] std::int64_t common_place(const Site& parent, const Buffer& above, const Site& child,
                                          std::int64_t instance) const {
    if (any_ragged_ || child.in_parent.empty()) return -1;
    const Buffer& below = child.buffers[index(instance / child.per_parent * child.per_parent)];
    const std::int64_t place = first_place(parent, above, child, below);
    for (std::size_t r = 0; place >= 0 && r < child.patterns.size(); ++r)
      if (above.shape[r]->find(below.origin[r] - above.origin[r] + child.spread[r]) < 0) return -1;
    return place;
  }

  /// Where the first word of a tile of `child` lies in the parent's buffer; -1 where the tiles are not full and regular.
  [[nodiscard]] static std::int64_t first_place(const Site& parent, const Buffer& above, const Site& child, const Buffer& below) {
    if (child.in_parent.empty()) return -1;
    std::int64_t place = 0;
    for (std::size_t r = 0; r < child.patterns.size(); ++r) {
      if (above.shape[r] != &parent.patterns[r] || below.shape[r] != &child.patterns[r]) return -1;
      const std::int64_t from = below.origin[r] - above.origin[r];
      const std::int64_t first = above.shape[r]->find(from);
      if (first < 0 || above.shape[r]->find(from + child.patterns[r].indices.back()) < 0) return -1;
      place += first * parent.strides[r];
    }
    return place;
  }

  static bool equal(const Pattern* a, const Pattern* b) { return a == b || a->indices == b->indices; }

  // -- operands: R1-R3 ----------------------------------------------------------------------------------------------------

  void take_operand(const std::vector<std::size_t>& chain, std::size_t k) {
    const Site& parent = sites_[chain[k - 1]];
    Site& child = sites_[chain[k]];
    look_around(child);
    Busiest busiest;
    for (std::int64_t p = 0; p < static_cast<std::int64_t>(parent.buffers.size()); ++p) {
      find_moved(child, p, moved_);
      if (moved_.empty()) continue;
      busiest.any = true;
      const Words reads_before = traffic(parent.level, child.tensor).reads;
      const bool lone = child.per_parent == 1;
      requests_.clear();
      for (const std::int64_t i : moved_) {
        requests_.push_back({i, {}});
        fetch(parent, parent.buffers[index(p)], child, i, requests_.back().words);
        const auto words = static_cast<std::int64_t>(requests_.back().words.size());
        traffic(child.level, child.tensor).fills += Words(words);
        busiest.below = std::max(busiest.below, words);
      }
      if (lone) {
        count_lone(parent, child, requests_.front());
      } else {
        count_shared(parent, child, p);
      }
      busiest.read = std::max(busiest.read, (traffic(parent.level, child.tensor).reads - reads_before).value());
    }
    clock_delivery(chain, k, busiest);
  }

  /// Words that the busiest instances move in one event: all instances move in lockstep, so they set its time.
  struct Busiest {
    bool any = false;
    std::int64_t read = 0;     ///< from the parent
    std::int64_t written = 0;  ///< into the parent
    std::int64_t below = 0;    ///< into, or out of, the child
  };
  [[nodiscard]] execution::Crossing crossing(int level, bool writes, int t, std::int64_t words) const {
    return {level, writes, words * level_words(hierarchy_.level(level), tensor(t))};
  }

  /// Bring the tile that instance `i` needs into its buffer; `asked` lists the parent's words that were read for it.
  void fetch(const Site& parent, const Buffer& source, Site& child, std::int64_t i, std::vector<std::int64_t>& asked) {
    if (!source.resident) fault("a tile is needed from a buffer that holds nothing");
    Buffer& buffer = child.buffers[index(i)];
    const std::size_t ranks = child.patterns.size();
    place_in_parent_.resize(ranks);
    place_before_.resize(ranks);
    int moved_ranks = 0;
    std::array<std::int64_t, kMaxRanks> origin{};
    std::array<const Pattern*, kMaxRanks> shape{};
    for (std::size_t r = 0; r < ranks; ++r) {
      origin[r] = needed_origin(child, i, r);
      shape[r] = needed_shape(child, i, r);
      moved_ranks += static_cast<int>(origin[r] != buffer.origin[r] || !equal(shape[r], buffer.shape[r]));
    }
    const bool slides = buffer.resident && hierarchy_.level(child.level).retention == Retention::sliding && moved_ranks == 1;
    for (std::size_t r = 0; r < ranks; ++r) {
      const auto& indices = shape[r]->indices;
      place_in_parent_[r].resize(indices.size());
      place_before_[r].resize(indices.size());
      for (std::size_t e = 0; e < indices.size(); ++e) {
        const std::int64_t there = source.shape[r]->find(origin[r] + indices[e] - source.origin[r]);
        if (there < 0) fault("a word that is needed is not in the buffer above");
        place_in_parent_[r][e] = there * parent.strides[r];
        const std::int64_t before = slides ? buffer.shape[r]->find(origin[r] + indices[e] - buffer.origin[r]) : -1;
        place_before_[r][e] = before < 0 ? -1 : before * child.strides[r];
      }
    }
    next_.resize(index(child.words));
    asked.clear();
    asked.reserve(index(child.words));
    move_words(child, source, buffer, slides, asked);
    buffer.words.swap(next_);
    std::copy_n(origin.begin(), ranks, buffer.origin.begin());
    std::copy_n(shape.begin(), ranks, buffer.shape.begin());
    buffer.resident = true;
  }

  void move_words(const Site& child, const Buffer& source, const Buffer& buffer, bool slides, std::vector<std::int64_t>& asked) {
    const std::size_t ranks = child.patterns.size();
    std::array<std::size_t, kMaxRanks> at{};
    if (ranks == 0) {
      next_[0] = source.words[0];
      asked.push_back(0);
      return;
    }
    const std::size_t last = ranks - 1;
    while (true) {
      std::int64_t above = 0;
      std::int64_t before = 0;
      std::size_t word = 0;
      bool kept_row = slides;
      for (std::size_t r = 0; r < last; ++r) {
        above += place_in_parent_[r][at[r]];
        word += at[r] * index(child.strides[r]);
        kept_row = kept_row && place_before_[r][at[r]] >= 0;
        before += place_before_[r][at[r]];
      }
      const auto& columns = place_in_parent_[last];
      for (std::size_t e = 0; e < columns.size(); ++e) {
        if (kept_row && place_before_[last][e] >= 0) {
          next_[word++] = buffer.words[index(before + place_before_[last][e])];
        } else {
          next_[word++] = source.words[index(above + columns[e])];
          asked.push_back(above + columns[e]);
        }
      }
      std::size_t r = last;
      while (r > 0 && ++at[r - 1] == place_in_parent_[r - 1].size()) at[--r] = 0;
      if (r == 0) return;
    }
  }

  void count_lone(const Site& parent, const Site& child, const Request& request) {
    const Words words(static_cast<std::int64_t>(request.words.size()));
    traffic(parent.level, child.tensor).reads += words;
    for (int f = parent.level; f < child.level; ++f)
      if (hierarchy_.level(f).fanout) counts_.network[index(f)][index(child.tensor)].down += words;
  }

  void count_shared(const Site& parent, const Site& child, std::int64_t p) {
    int fanouts = 0;
    for (int f = parent.level; f < child.level; ++f) fanouts += static_cast<int>(hierarchy_.level(f).fanout.has_value());
    const Role role = tensor(child.tensor).role;
    const bool plain =
        fanouts == 1 && at(hierarchy_.level(lanes_[child.lane_loops - 1].fanout).fanout->multicast, role) == Multicast::all;
    if (!plain) {
      for (Request& request : requests_) std::sort(request.words.begin(), request.words.end());
      const auto crossing = [&](int above) {
        return Words(count_joined(requests_, lanes_, parent.lane_loops, child.lane_loops, above, hierarchy_, role));
      };
      traffic(parent.level, child.tensor).reads += crossing(parent.level);
      for (int f = parent.level; f < child.level; ++f)
        if (hierarchy_.level(f).fanout) counts_.network[index(f)][index(child.tensor)].down += crossing(f + 1);
      return;
    }
    // One fanout that joins word by word: mark each of the parent's words the first time that a lane asks for it.
    std::vector<std::uint32_t>& marks =
        sites_[sites_of_[index(child.tensor)][position_in_chain(child) - 1]].buffers[index(p)].joined;
    marks.resize(index(parent.words), 0);
    const std::uint32_t event = ++event_;
    std::int64_t reads = 0;
    std::int64_t received = 0;
    for (const Request& request : requests_) {
      received += static_cast<std::int64_t>(request.words.size());
      for (const std::int64_t word : request.words) {
        reads += static_cast<std::int64_t>(marks[index(word)] != event);
        marks[index(word)] = event;
      }
    }
    traffic(parent.level, child.tensor).reads += Words(reads);
    for (int f = parent.level; f < child.level; ++f)
      if (hierarchy_.level(f).fanout) counts_.network[index(f)][index(child.tensor)].down += Words(received);
  }

  [[nodiscard]] std::size_t position_in_chain(const Site& site) const {
    const auto& chain = sites_of_[index(site.tensor)];
    return index(std::find(chain.begin(), chain.end(), static_cast<std::size_t>(&site - sites_.data())) - chain.begin());
  }

  // -- outputs: R4 --------------------------------------------------------------------------------------------------------

  void take_outputs(const std::vector<std::size_t>& chain, std::size_t k) {
    Site& child = sites_[chain[k]];
    look_around(child);
    const auto parents = static_cast<std::int64_t>(sites_[chain[k - 1]].buffers.size());
    Busiest back;
    for (std::int64_t p = 0; p < parents; ++p) {
      find_moved(child, p, moved_);
      if (moved_.empty()) continue;
      const std::vector<std::int64_t> moved = moved_;
      drain(chain, k, p, moved);
      arrive(chain, k, p, moved, back);
    }
    clock_drains(chain);
    clock_delivery(chain, k, back);
  }

  /// Tell the clock of a delivery to the k-th site of a chain, if any instance takes one.
  void clock_delivery(const std::vector<std::size_t>& chain, std::size_t k, const Busiest& moved) {
    if (!moved.any) return;
    const Site& child = sites_[chain[k]];
    clock_.deliver(static_cast<int>(chain[k]), {crossing(sites_[chain[k - 1]].level, false, child.tensor, moved.read),
                                                crossing(child.level, true, child.tensor, moved.below)});
  }

  /// Tell the clock of the drains since the last time: what is below departs first.
  void clock_drains(const std::vector<std::size_t>& chain) {
    for (std::size_t k = chain.size(); k-- > 1;) {
      Busiest& sent = departures_[chain[k]];
      if (!sent.any) continue;
      const Site& child = sites_[chain[k]];
      const int above = sites_[chain[k - 1]].level;
      std::vector<execution::Crossing> crossings = {crossing(above, true, child.tensor, sent.written),
                                                    crossing(above, false, child.tensor, sent.read)};
      if (hierarchy_.level(child.level).drain_reads) crossings.push_back(crossing(child.level, false, child.tensor, sent.below));
      clock_.drain(static_cast<int>(chain[k]), crossings);
      sent = {};
    }
  }

  void drain_all(const std::vector<std::size_t>& chain, std::size_t k) {
    const Site& child = sites_[chain[k]];
    std::vector<std::int64_t> all;
    for (std::int64_t p = 0; p < static_cast<std::int64_t>(sites_[chain[k - 1]].buffers.size()); ++p) {
      all.resize(index(child.per_parent));
      std::iota(all.begin(), all.end(), p * child.per_parent);
      drain(chain, k, p, all);
    }
    clock_drains(chain);
  }

  /// Each of the words of a tile of `child`: its place in its own buffer (own_) and in the parent's (match_).
  /// `first`: where its first word lies in the parent's, if that is known, or -1.
  void match_words(const Site& parent, const Buffer& above, const Site& child, const Buffer& below, std::int64_t first) {
    if (first < 0) first = first_place(parent, above, child, below);
    if (first >= 0) {
      match_.resize(child.in_parent.size());
      own_.resize(child.in_parent.size());
      for (std::size_t w = 0; w < match_.size(); ++w) {
        match_[w] = first + child.in_parent[w];
        own_[w] = static_cast<std::int64_t>(w);
      }
      return;
    }
    match_.assign(1, 0);
    own_.assign(1, 0);
    for (std::size_t r = 0; r < child.patterns.size(); ++r) {
      scratch_.clear();
      own_scratch_.clear();
      const auto& indices = below.shape[r]->indices;
      for (std::size_t w = 0; w < match_.size(); ++w)
        for (std::size_t e = 0; e < indices.size(); ++e) {
          const std::int64_t there = above.shape[r]->find(below.origin[r] + indices[e] - above.origin[r]);
          if (there < 0) fault("a psum has no place in the buffer above");
          scratch_.push_back(match_[w] + there * parent.strides[r]);
          own_scratch_.push_back(own_[w] + static_cast<std::int64_t>(e) * child.strides[r]);
        }
      match_.swap(scratch_);
      own_.swap(own_scratch_);
    }
  }

  /// The lanes that the reductions in between add together share this number; the others differ.
  [[nodiscard]] std::int64_t stream_of(const Site& parent, const Site& child, std::int64_t i) const {
    const std::vector<std::int64_t> at = execution::coordinates(i, lanes_, child.lane_loops);
    std::int64_t stream = 0;
    for (std::size_t l = parent.lane_loops; l < child.lane_loops; ++l)
      if (!hierarchy_.level(lanes_[l].fanout).fanout->reduction) stream = stream * lanes_[l].count + at[l];
    return stream;
  }

  [[nodiscard]] bool all_reduce(const Site& parent, const Site& child) const {
    return std::all_of(lanes_.begin() + static_cast<std::ptrdiff_t>(parent.lane_loops),
                       lanes_.begin() + static_cast<std::ptrdiff_t>(child.lane_loops),
                       [&](const LaneLoop& lane) { return hierarchy_.level(lane.fanout).fanout->reduction; });
  }

  /// Every departure drains the psums into the parent; what is below departs first.
  void drain(const std::vector<std::size_t>& chain, std::size_t k, std::int64_t p, const std::vector<std::int64_t>& lanes) {
    Site& parent = sites_[chain[k - 1]];
    Site& child = sites_[chain[k]];
    std::vector<std::int64_t> leaving;
    for (const std::int64_t i : lanes)
      if (child.buffers[index(i)].resident) leaving.push_back(i);
    if (leaving.empty()) return;
    if (k + 1 < chain.size()) {
      const std::int64_t below = sites_[chain[k + 1]].per_parent;
      for (const std::int64_t i : leaving) {
        std::vector<std::int64_t> inner(index(below));
        std::iota(inner.begin(), inner.end(), i * below);
        drain(chain, k + 1, i, inner);
      }
    }
    const bool one_stream = all_reduce(parent, child);
    if (!one_stream)
      std::stable_sort(leaving.begin(), leaving.end(),
                       [&](std::int64_t a, std::int64_t b) { return stream_of(parent, child, a) < stream_of(parent, child, b); });
    Buffer& above = parent.buffers[index(p)];
    above.joined.resize(index(parent.words), 0);
    above.arrived.resize(index(parent.words), 0);
    const std::uint32_t event = ++event_;
    std::uint32_t stream_event = ++event_;
    std::int64_t stream = -1;
    int fanouts = 0;
    for (int f = parent.level; f < child.level; ++f) fanouts += static_cast<int>(hierarchy_.level(f).fanout.has_value());
    std::int64_t left = 0;
    requests_.clear();
    Busiest& sent = departures_[chain[k]];
    sent.any = true;
    const Traffic before = traffic(parent.level, child.tensor);
    const std::int64_t common = common_place(parent, above, child, leaving.front());
    for (const std::int64_t i : leaving) {
      Buffer& buffer = child.buffers[index(i)];
      if (buffer.unwritten != 0) fault("a psum departs that was never computed");
      if (const std::int64_t own = one_stream ? 0 : stream_of(parent, child, i); own != stream) {
        stream = own;
        stream_event = ++event_;
      }
      match_words(parent, above, child, buffer, common < 0 ? -1 : common + child.lane_place[index(i)]);
      for (std::size_t w = 0; w < match_.size(); ++w)
        accumulate(parent, child, above, index(match_[w]), buffer.words[index(own_[w])], event, stream_event);
      traffic(child.level, child.tensor).drains += Words(static_cast<std::int64_t>(match_.size()));
      sent.below = std::max(sent.below, static_cast<std::int64_t>(match_.size()));
      left += static_cast<std::int64_t>(match_.size());
      if (fanouts > 1) requests_.push_back({i, match_});
      buffer.resident = false;
    }
    sent.written = std::max(sent.written, (traffic(parent.level, child.tensor).updates - before.updates).value());
    sent.read = std::max(sent.read, (traffic(parent.level, child.tensor).reads - before.reads).value());
    for (int f = child.level - 1, deepest = -1; f >= parent.level; --f) {
      if (!hierarchy_.level(f).fanout) continue;
      auto& up = counts_.network[index(f)][index(child.tensor)].up;
      if (deepest < 0) {
        deepest = f;
        up += Words(left);
      } else {
        up += Words(execution::count_sent(requests_, lanes_, child.lane_loops, f, hierarchy_));
      }
    }
  }

  /// One psum reaches the parent. The first of an event replaces what was lent to the lanes, the others add to it; those of one
  /// stream were added on the way and arrive as one.
  void accumulate(const Site& parent, const Site& child, Buffer& above, std::size_t word, std::int32_t value, std::uint32_t event,
                  std::uint32_t stream_event) {
    const bool first = above.joined[word] != event;
    if (above.arrived[word] != stream_event) {
      above.arrived[word] = stream_event;
      traffic(parent.level, child.tensor).updates += Words(1);
      if (!first) traffic(parent.level, child.tensor).reads += Words(1);
    }
    if (first) {
      above.joined[word] = event;
      above.words[word] = value;
      if (above.written[word] == 0) {
        above.written[word] = 1;
        --above.unwritten;
      }
    } else {
      above.words[word] = wrapping_add(above.words[word], value);
    }
  }

  static std::int32_t wrapping_add(std::int32_t a, std::int32_t b) {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
  }

  /// A tile of psums arrives: where the parent holds a psum, one lane takes it back; the others start from zero.
  void arrive(const std::vector<std::size_t>& chain, std::size_t k, std::int64_t p, const std::vector<std::int64_t>& lanes,
              Busiest& busiest) {
    Site& parent = sites_[chain[k - 1]];
    Site& child = sites_[chain[k]];
    Buffer& above = parent.buffers[index(p)];
    if (!above.resident) fault("psums are needed from a buffer that holds nothing");
    above.joined.resize(index(parent.words), 0);
    const std::uint32_t event = ++event_;
    std::int64_t back = 0;
    for (const std::int64_t i : lanes) {
      Buffer& buffer = child.buffers[index(i)];
      for (std::size_t r = 0; r < buffer.origin.size(); ++r) {
        buffer.origin[r] = needed_origin(child, i, r);
        buffer.shape[r] = needed_shape(child, i, r);
      }
    }
    const std::int64_t common = common_place(parent, above, child, lanes.front());
    for (const std::int64_t i : lanes) {
      Buffer& buffer = child.buffers[index(i)];
      match_words(parent, above, child, buffer, common < 0 ? -1 : common + child.lane_place[index(i)]);
      buffer.resident = true;
      buffer.unwritten = 0;
      const std::int64_t back_before = back;
      for (std::size_t w = 0; w < match_.size(); ++w) {
        const std::size_t word = index(match_[w]);
        const bool takes = above.written[word] != 0 && above.joined[word] != event;
        above.joined[word] = event;
        buffer.words[index(own_[w])] = takes ? above.words[word] : 0;
        buffer.written[index(own_[w])] = takes ? 1 : 0;
        back += static_cast<std::int64_t>(takes);
        buffer.unwritten += static_cast<std::int64_t>(!takes);
      }
      busiest.below = std::max(busiest.below, back - back_before);
    }
    busiest.any = true;
    busiest.read = std::max(busiest.read, back);
    traffic(parent.level, child.tensor).reads += Words(back);
    traffic(child.level, child.tensor).fills += Words(back);
    for (int f = parent.level; f < child.level; ++f)
      if (hierarchy_.level(f).fanout) counts_.network[index(f)][index(child.tensor)].down += Words(back);
  }

  // -- compute: R5 --------------------------------------------------------------------------------------------------------

  /// The innermost loops, inside every storage node, run as one table of steps: their offsets per dimension.
  void tabulate_steps() {
    first_tabulated_ = nest_.nodes.size() - 1;
    std::int64_t steps = 1;
    for (std::size_t i = nest_.nodes.size() - 1; i-- > 0;) {
      if (std::holds_alternative<Store>(nest_.nodes[i])) break;
      if (const auto* loop = std::get_if<Loop>(&nest_.nodes[i])) {
        if (steps > kMaxTabulatedSteps / loop->count) break;
        steps *= loop->count;
      }
      first_tabulated_ = i;
    }
    step_offsets_.assign(1, Extents{});
    step_iterations_.assign(1, {});
    for (std::size_t i = first_tabulated_; i < nest_.nodes.size(); ++i)
      if (const auto* loop = std::get_if<Loop>(&nest_.nodes[i])) {
        std::vector<Extents> next;
        std::vector<std::vector<std::int64_t>> iterations;
        next.reserve(step_offsets_.size() * index(loop->count));
        for (std::size_t s = 0; s < step_offsets_.size(); ++s)
          for (std::int64_t k = 0; k < loop->count; ++k) {
            next.push_back(step_offsets_[s]);
            next.back()[index(loop->dimension)] += k * inside_[i][index(loop->dimension)];
            if (!any_ragged_) continue;
            iterations.push_back(step_iterations_[s]);
            iterations.back().push_back(k);
          }
        step_offsets_ = std::move(next);
        step_iterations_ = std::move(iterations);
        tabulated_loops_.push_back(i);
      }
  }

  MacPort port_of(int t) {
    MacPort port;
    port.site = sites_of_[index(t)].back();
    const Site& site = sites_[port.site];
    const auto& ranks = tensor(t).ranks;
    port.lane_origin = execution::lane_origins(tensor(t), lanes_, lanes_.size());
    macs_per_step_ = 1;
    for (const LaneLoop& lane : lanes_) macs_per_step_ *= lane.count;
    port.lanes_per_instance = macs_per_step_ / static_cast<std::int64_t>(site.buffers.size());
    port.per_step = count_step(t, site, port, 0, nullptr);
    port.regular = std::all_of(site.patterns.begin(), site.patterns.end(), [](const Pattern& p) { return p.step != 0; });
    for (const Extents& offset : step_offsets_) {
      std::int64_t words = 0;
      for (std::size_t r = 0; r < ranks.size(); ++r) {
        std::int64_t by = 0;
        for (const Term& term : ranks[r]) by += term.coefficient * offset[index(term.dimension)];
        port.rank_offset.push_back(by);
        if (port.regular) words += by / site.patterns[r].step * site.strides[r];
      }
      port.offset.push_back(static_cast<std::int32_t>(words));
    }
    place_lanes(port, site);
    return port;
  }

  void place_lanes(MacPort& port, const Site& site) const {
    const std::size_t ranks = site.patterns.size();
    bool regular = port.regular;
    for (std::int64_t mac = 0; mac < macs_per_step_; ++mac) {
      const std::int64_t instance = mac / port.lanes_per_instance;
      port.lane_instance.push_back(static_cast<std::int32_t>(instance));
      std::int64_t words = 0;
      for (std::size_t r = 0; r < ranks; ++r) {
        const std::int64_t from = port.lane_origin[index(mac) * ranks + r] - site.lane_origin[index(instance) * ranks + r];
        port.most[r] = std::max(port.most[r], from);
        regular = regular && from % site.patterns[r].step == 0;
        if (regular) words += from / site.patterns[r].step * site.strides[r];
      }
      port.lane_word.push_back(words);
    }
    if (!regular) port.lane_word.clear();
    std::array<std::int64_t, kMaxRanks> last{};
    for (std::size_t step = 0; step < step_offsets_.size(); ++step)
      for (std::size_t r = 0; r < ranks; ++r) last[r] = std::max(last[r], port.rank_offset[step * ranks + r]);
    for (std::size_t r = 0; r < ranks; ++r) port.most[r] += last[r];
  }

  /// The tabulated loops as strides in words, the one that moves least innermost: to sums of integers their order is all the
  /// same.
  void set_step_loops() {
    if (any_ragged_ || ports_.size() != 3) return;
    std::int64_t inside = 1;  // steps inside a loop
    for (std::size_t l = tabulated_loops_.size(); l-- > 0;) {
      StepLoop loop{std::get<Loop>(nest_.nodes[tabulated_loops_[l]]).count, {}};
      if (loop.count == 1) continue;
      for (std::size_t t = 0; t < ports_.size(); ++t) {
        if (ports_[t].lane_word.empty()) return step_loops_.clear();
        loop.stride[t] = ports_[t].offset[index(inside)];
      }
      inside *= loop.count;
      step_loops_.push_back(loop);
    }
    constexpr std::int64_t kLong = 8;
    const auto reach = [](const StepLoop& loop) { return loop.stride[0] + loop.stride[1] + loop.stride[2]; };
    std::stable_sort(step_loops_.begin(), step_loops_.end(), [&](const StepLoop& a, const StepLoop& b) {
      if (a.count >= kLong && b.count >= kLong) return reach(a) > reach(b);
      return a.count < b.count;
    });
    if (step_loops_.empty() || step_loops_.back().count < kLong) step_loops_.clear();  // a table of steps is as fast
  }

  /// Where the first lane finds its first word, if all lanes do as MacPort::lane_word says; else -1.
  [[nodiscard]] std::int64_t common_word(int t, const MacPort& port) const {
    if (any_ragged_ || port.lane_word.empty()) return -1;
    const Site& site = sites_[port.site];
    const Buffer& buffer = site.buffers.front();
    if (!buffer.resident) return -1;
    std::int64_t word = 0;
    for (std::size_t r = 0; r < site.patterns.size(); ++r) {
      std::int64_t at = -buffer.origin[r];
      for (const Term& term : tensor(t).ranks[r]) at += term.coefficient * now_[index(term.dimension)];
      const std::int64_t place = site.patterns[r].find(at);
      if (place < 0 || site.patterns[r].find(at + port.most[r]) < 0) return -1;
      word += place * site.strides[r];
    }
    return word;
  }

  /// Enumerate what the lanes below one instance ask of it, or send to it, in one step: those of `lanes`, or all. All lanes step
  /// together, so the words of every step are those of the first, shifted.
  [[nodiscard]] StepCount count_step(int t, const Site& site, const MacPort& port, std::int64_t instance,
                                     const std::vector<bool>* working) const {
    const std::size_t ranks = tensor(t).ranks.size();
    std::vector<Request> requests;
    std::vector<std::int64_t> extent(ranks, 1);
    for (std::size_t i = 0; i < port.lane_origin.size(); ++i)
      extent[i % ranks] = std::max(extent[i % ranks], port.lane_origin[i] + 1);
    for (std::int64_t lane = instance * port.lanes_per_instance; lane < (instance + 1) * port.lanes_per_instance; ++lane) {
      if (working != nullptr && !(*working)[index(lane)]) continue;
      std::int64_t word = 0;
      for (std::size_t r = 0; r < ranks; ++r) word = word * extent[r] + port.lane_origin[index(lane) * ranks + r];
      requests.push_back({lane, {word}});
    }
    StepCount count;
    const int below = hierarchy_.level_count();
    const auto crossing = [&](int above) {
      return layer_.is_output(t)
                 ? execution::count_sent(requests, lanes_, lanes_.size(), above - 1, hierarchy_)
                 : execution::count_joined(requests, lanes_, site.lane_loops, lanes_.size(), above, hierarchy_, tensor(t).role);
    };
    count.words = crossing(site.level);
    for (int f = site.level; f < below; ++f)
      if (hierarchy_.level(f).fanout) count.network[index(f)] = crossing(f + 1);
    return count;
  }

  /// The steps in which a lane has work, and where each finds its words.
  struct Share {
    std::vector<std::int32_t> steps;
    std::vector<std::vector<std::int32_t>> offsets;  ///< per tensor: those of MacPort::offset
  };

  /// Where MAC `lane` finds its first step's word in its buffer.
  [[nodiscard]] std::int64_t first_word(int t, const MacPort& port, std::int64_t lane) const {
    const Site& site = sites_[port.site];
    const auto& ranks = tensor(t).ranks;
    const Buffer& buffer = site.buffers[index(lane / port.lanes_per_instance)];
    if (!buffer.resident) fault("a MAC reads a buffer that holds nothing");
    std::int64_t word = 0;
    for (std::size_t r = 0; r < ranks.size(); ++r) word += place(site, buffer, ranks[r], port, lane, r, 0) * site.strides[r];
    return word;
  }

  [[nodiscard]] std::int64_t place(const Site& site, const Buffer& buffer, const Rank& rank, const MacPort& port,
                                   std::int64_t lane, std::size_t r, std::int64_t offset) const {
    std::int64_t at = port.lane_origin[index(lane) * site.patterns.size() + r] - buffer.origin[r] + offset;
    for (const Term& term : rank) at += term.coefficient * now_[index(term.dimension)];
    const std::int64_t found = buffer.shape[r]->find(at);
    if (found < 0) fault("a MAC needs a word that its buffer does not hold");
    return found;
  }

  /// The word of each step in the lane's buffer, where the tile has irregular holes.
  void irregular_words(int t, const MacPort& port, std::int64_t lane, const Share* share,
                       std::vector<std::int32_t>& words) const {
    const Site& site = sites_[port.site];
    const auto& ranks = tensor(t).ranks;
    const Buffer& buffer = site.buffers[index(lane / port.lanes_per_instance)];
    words.assign(share == nullptr ? step_offsets_.size() : share->steps.size(), 0);
    for (std::size_t s = 0; s < words.size(); ++s) {
      const std::size_t step = share == nullptr ? s : index(share->steps[s]);
      for (std::size_t r = 0; r < ranks.size(); ++r)
        words[s] += static_cast<std::int32_t>(
            place(site, buffer, ranks[r], port, lane, r, port.rank_offset[step * ranks.size() + r]) * site.strides[r]);
    }
  }

  /// The share of every lane where the loops stand now, and what all steps of it move (R9).
  struct Shares {
    std::vector<Share> of_lane;
    std::vector<StepCount> moved;                        ///< per tensor, of all instances and steps
    std::vector<std::vector<std::int64_t>> first_moves;  ///< [tensor][step]: at the first instance
    std::vector<std::uint8_t> at_work;                   ///< [step]: any lane has work
    std::int64_t macs = 0;
  };

  /// Whether a lane has work in a step: its part of each dimension is not at its end yet.
  [[nodiscard]] bool works(std::int64_t lane, std::size_t step) {
    for (std::size_t l = 0; l < tabulated_loops_.size(); ++l) iteration_[tabulated_loops_[l]] = step_iterations_[step][l];
    const std::int64_t* at = mac_at_.data() + lane * static_cast<std::int64_t>(lanes_.size());
    for (int d = 0; d < layer_.dimension_count(); ++d)
      if (ragged_[index(d)] && size_now(d, nest_.nodes.size(), at) == 0) return false;
    return true;
  }

  const Shares& shares_now() {
    list_sizes(first_tabulated_, lanes_.size(), sizes_);
    if (const auto found = shares_.find(sizes_); found != shares_.end()) return found->second;
    Shares shares;
    shares.of_lane.resize(index(macs_per_step_));
    shares.moved.resize(layer_.tensors.size());
    shares.first_moves.assign(layer_.tensors.size(), std::vector<std::int64_t>(step_offsets_.size(), 0));
    std::map<std::vector<bool>, std::vector<std::vector<StepCount>>> counted;  // per tensor and instance
    std::vector<bool> working(index(macs_per_step_));
    for (std::size_t step = 0; step < step_offsets_.size(); ++step) {
      for (std::int64_t lane = 0; lane < macs_per_step_; ++lane) {
        working[index(lane)] = works(lane, step);
        if (!working[index(lane)]) continue;
        shares.of_lane[index(lane)].steps.push_back(static_cast<std::int32_t>(step));
        ++shares.macs;
      }
      shares.at_work.push_back(std::find(working.begin(), working.end(), true) != working.end() ? 1 : 0);
      auto& counts = counted[working];
      for (int t = 0; t < layer_.tensor_count(); ++t) {
        const MacPort& port = ports_[index(t)];
        const Site& site = sites_[port.site];
        if (counts.size() == index(t)) {
          auto& of_instance = counts.emplace_back();
          for (std::size_t i = 0; i < site.buffers.size(); ++i)
            of_instance.push_back(count_step(t, site, port, static_cast<std::int64_t>(i), &working));
        }
        for (std::size_t i = 0; i < site.buffers.size(); ++i) {
          const StepCount& count = counts[index(t)][i];
          if (i == 0) shares.first_moves[index(t)][step] = count.words;
          shares.moved[index(t)].words += count.words;
          for (std::size_t f = 0; f < kMaxLevels; ++f) shares.moved[index(t)].network[f] += count.network[f];
        }
      }
    }
    for (const std::size_t loop : tabulated_loops_) iteration_[loop] = 0;
    for (Share& share : shares.of_lane)
      for (const MacPort& port : ports_) {
        auto& offsets = share.offsets.emplace_back();
        for (const std::int32_t step : share.steps) offsets.push_back(port.offset[index(step)]);
      }
    return shares_.emplace(sizes_, std::move(shares)).first->second;
  }

  /// Whether the offsets of a port hold in this buffer: a tile cut off may have another step between its indices.
  [[nodiscard]] static bool steps_alike(const MacPort& port, const Site& site, const Buffer& buffer) {
    if (!port.regular) return false;
    for (std::size_t r = 0; r < buffer.shape.size(); ++r)
      if (buffer.shape[r] != &site.patterns[r] && buffer.shape[r]->indices.size() > 1 &&
          buffer.shape[r]->step != site.patterns[r].step)
        return false;
    return true;
  }

  void compute() {
    const Shares* shares = any_ragged_ ? &shares_now() : nullptr;
    const auto all_steps = static_cast<std::int64_t>(step_offsets_.size());
    started_at_.clear();
    common_.clear();
    for (int t = 0; t < layer_.tensor_count(); ++t) common_.push_back(common_word(t, ports_[index(t)]));
    const bool in_step =
        !step_loops_.empty() && std::all_of(common_.begin(), common_.end(), [](std::int64_t c) { return c >= 0; });
    std::int64_t started = 0;  // updates that found no psum: they only write
    for (std::int64_t lane = 0; lane < macs_per_step_; ++lane) {
      const Share* share = shares == nullptr ? nullptr : &shares->of_lane[index(lane)];
      const std::int64_t steps = share == nullptr ? all_steps : static_cast<std::int64_t>(share->steps.size());
      if (steps == 0) continue;
      streams_.clear();
      for (int t = 0; t < layer_.tensor_count(); ++t) {
        const MacPort& port = ports_[index(t)];
        Site& site = sites_[port.site];
        Buffer& buffer = site.buffers[index(port.lane_instance[index(lane)])];
        if (common_[index(t)] >= 0) {
          streams_.push_back({buffer.words.data() + common_[index(t)] + port.lane_word[index(lane)], port.offset.data()});
        } else if (steps_alike(port, site, buffer)) {
          const auto& offsets = share == nullptr ? port.offset : share->offsets[index(t)];
          streams_.push_back({buffer.words.data() + first_word(t, port, lane), offsets.data()});
        } else {
          irregular_.resize(layer_.tensors.size());
          irregular_words(t, port, lane, share, irregular_[index(t)]);
          streams_.push_back({buffer.words.data(), irregular_[index(t)].data()});
        }
      }
      started += mark_written(ports_[index(layer_.output())], lane, share, steps);
      if (in_step)
        multiply_loops(0, {streams_[0].words, streams_[1].words, streams_[2].words});
      else
        multiply(steps);
    }
    counts_.macs += shares == nullptr ? macs_per_step_ * all_steps : shares->macs;
    keep_time(shares);
    for (int t = 0; t < layer_.tensor_count(); ++t) {
      StepCount moved;
      if (shares != nullptr) {
        moved = shares->moved[index(t)];
      } else {
        const MacPort& port = ports_[index(t)];
        const std::int64_t times = all_steps * static_cast<std::int64_t>(sites_[port.site].buffers.size());
        moved.words = port.per_step.words * times;
        for (std::size_t f = 0; f < kMaxLevels; ++f) moved.network[f] = port.per_step.network[f] * times;
      }
      count_moved(t, moved, started);
    }
  }

  /// Tell the clock of the steps just done, by what they move at the first instances: those have work in every step, and take
  /// psums back.
  void keep_time(const Shares* shares) {
    const auto all = static_cast<std::int64_t>(step_offsets_.size());
    std::map<std::vector<std::int64_t>, std::int64_t> alike;  // steps by their words per tensor and those that start
    if (shares == nullptr && started_at_.empty()) {
      alike[words_of_step(nullptr, 0)] = all;
    } else {
      for (std::int64_t step = 0; step < all; ++step)
        if (shares == nullptr || shares->at_work[index(step)] != 0) ++alike[words_of_step(shares, step)];
    }
    std::int64_t steps = 0;
    std::vector<execution::Burst> bursts;
    for (const auto& [words, times] : alike) {
      steps += times;
      auto& crossings = bursts.emplace_back(execution::Burst{times, {}}).crossings;
      for (int t = 0; t < layer_.tensor_count(); ++t) {
        const int level = sites_[ports_[index(t)].site].level;
        const std::int64_t starting = layer_.is_output(t) ? words.back() : 0;
        crossings.push_back(crossing(level, false, t, words[index(t)] - starting));
        if (layer_.is_output(t)) crossings.push_back(crossing(level, true, t, words[index(t)]));
      }
    }
    const std::int64_t done = shares == nullptr ? macs_per_step_ * all : shares->macs;
    const double at_work = static_cast<double>(done) / static_cast<double>(checked_multiply(steps, macs_per_step_));
    clock_.compute(bursts, 1 - at_work, innermost_);
  }

  [[nodiscard]] std::vector<std::int64_t> words_of_step(const Shares* shares, std::int64_t step) const {
    std::vector<std::int64_t> words;
    for (int t = 0; t < layer_.tensor_count(); ++t)
      words.push_back(shares == nullptr ? ports_[index(t)].per_step.words : shares->first_moves[index(t)][index(step)]);
    words.push_back(started_at_.empty() ? 0 : started_at_[index(step)]);
    return words;
  }

  void count_moved(int t, const StepCount& moved, std::int64_t started) {
    const int level = sites_[ports_[index(t)].site].level;
    for (int f = level; f < hierarchy_.level_count(); ++f) {
      auto& network = counts_.network[index(f)][index(t)];
      (layer_.is_output(t) ? network.up : network.down) += Words(moved.network[index(f)]);
    }
    traffic(level, t).reads += Words(moved.words);
    if (!layer_.is_output(t)) return;
    traffic(level, t).updates += Words(moved.words);
    traffic(level, t).reads += Words(-started);
  }

  /// Note which of the lane's psums exist from now on; returns how many did not before.
  std::int64_t mark_written(const MacPort& port, std::int64_t lane, const Share* share, std::int64_t steps) {
    const std::int64_t instance = port.lane_instance[index(lane)];
    Buffer& buffer = sites_[port.site].buffers[index(instance)];
    if (buffer.unwritten == 0) return 0;
    if (instance == 0) started_at_.resize(step_offsets_.size(), 0);
    const std::int64_t first = streams_.back().words - buffer.words.data();
    std::int64_t fresh = 0;
    for (std::int64_t s = 0; s < steps; ++s) {
      std::uint8_t& written = buffer.written[index(first + streams_.back().offset[s])];
      if (written != 0) continue;
      written = 1;
      ++fresh;
      if (instance == 0) ++started_at_[share == nullptr ? index(s) : index(share->steps[index(s)])];
    }
    buffer.unwritten -= fresh;
    return fresh;
  }

  /// All steps of a lane, loop by loop.
  void multiply_loops(std::size_t depth, std::array<std::int32_t*, 3> at) {
    const StepLoop& loop = step_loops_[depth];
    if (depth + 1 == step_loops_.size()) return multiply_row(loop, at);
    for (std::int64_t i = 0; i < loop.count; ++i) {
      multiply_loops(depth + 1, at);
      for (std::size_t t = 0; t < at.size(); ++t) at[t] += loop.stride[t];
    }
  }

  /// out[i] += a[i] * b[i], each at its stride. The cases are for the compiler, which makes vectors of those that it knows.
  static void multiply_row(const StepLoop& loop, const std::array<std::int32_t*, 3>& at) {
    const std::int64_t n = loop.count;
    const std::int32_t* __restrict__ a = at[0];
    const std::int32_t* __restrict__ b = at[1];
    std::int32_t* __restrict__ out = at[2];
    const auto times = [](std::int32_t x, std::int32_t y) {
      return static_cast<std::uint32_t>(x) * static_cast<std::uint32_t>(y);
    };
    const auto plus = [](std::int32_t sum, std::uint32_t product) {
      return static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) + product);
    };
    const auto [sa, sb, so] = loop.stride;
    if (so == 1 && sa == 0 && sb == 1) {
      for (std::int64_t i = 0; i < n; ++i) out[i] = plus(out[i], times(*a, b[i]));
    } else if (so == 1 && sa == 1 && sb == 0) {
      for (std::int64_t i = 0; i < n; ++i) out[i] = plus(out[i], times(a[i], *b));
    } else if (so == 0) {
      std::uint32_t sum = 0;
      for (std::int64_t i = 0; i < n; ++i) sum += times(a[i * sa], b[i * sb]);
      *out = plus(*out, sum);
    } else {
      for (std::int64_t i = 0; i < n; ++i) out[i * so] = plus(out[i * so], times(a[i * sa], b[i * sb]));
    }
  }

  void multiply(std::int64_t steps) {
    const auto& out = streams_.back();
    if (streams_.size() == 3) {
      const auto& a = streams_[0];
      const auto& b = streams_[1];
      for (std::int64_t s = 0; s < steps; ++s) {
        std::int32_t& sum = out.words[out.offset[s]];
        sum = static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) + static_cast<std::uint32_t>(a.words[a.offset[s]]) *
                                                                              static_cast<std::uint32_t>(b.words[b.offset[s]]));
      }
      return;
    }
    for (std::int64_t s = 0; s < steps; ++s) {
      std::uint32_t product = 1;
      for (std::size_t t = 0; t + 1 < streams_.size(); ++t)
        product *= static_cast<std::uint32_t>(streams_[t].words[streams_[t].offset[s]]);
      std::int32_t& sum = out.words[out.offset[s]];
      sum = static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) + product);
    }
  }

  std::vector<StepLoop> step_loops_;  ///< where all tiles are full and regular, of three tensors; else none
  /// A lane's words, step by step: words[offset[step]].
  struct Stream {
    std::int32_t* words = nullptr;
    const std::int32_t* offset = nullptr;
  };

  const Nest& nest_;
  const Layer& layer_;
  const Hierarchy& hierarchy_;
  const std::stop_token& stop_;
  std::vector<Extents> inside_;
  std::vector<LaneLoop> lanes_;
  /// A loop over one dimension: the temporal one at `position`, or the lanes of lane loop `lane`.
  struct DimensionLoop {
    std::size_t position = 0;
    int lane = -1;
    std::int64_t extent = 1;  ///< iterations of the dimension inside it, of a full tile
  };
  std::array<std::vector<DimensionLoop>, kMaxDimensions> loops_;  ///< per dimension, outermost first
  std::array<bool, kMaxDimensions> ragged_{};                     ///< some tile of this dimension is a remainder
  bool any_ragged_ = false;
  std::vector<std::int64_t> iteration_;                  ///< per node: where a temporal loop stands
  std::vector<std::int64_t> mac_at_;                     ///< [mac * lane loops + loop]: coordinates
  std::map<std::vector<std::int64_t>, Pattern> shapes_;  ///< of remainder tiles: (tensor, rank, sizes)
  std::map<std::vector<std::int64_t>, Shares> shares_;   ///< by what list_sizes says
  std::vector<Site> sites_;
  std::vector<std::vector<std::size_t>> sites_of_;  ///< per tensor, outermost first
  Extents now_{};                                   ///< per dimension: where the loops outside stand
  Counts counts_;
  execution::Clock clock_;
  std::vector<int> innermost_;                 ///< site of each tensor
  std::map<std::size_t, Busiest> departures_;  ///< drains that the clock has not been told of, by site
  /// Of the steps just done: psums of the first instance that each starts; empty if none does.
  std::vector<std::int64_t> started_at_;
  std::uint32_t event_ = 0;

  std::size_t first_tabulated_ = 0;                         ///< the nodes from here on are tabulated steps
  std::vector<Extents> step_offsets_;                       ///< per step and dimension
  std::vector<std::size_t> tabulated_loops_;                ///< temporal loops among those nodes
  std::vector<std::vector<std::int64_t>> step_iterations_;  ///< per step: where each of them stands; only with remainders
  std::vector<MacPort> ports_;                              ///< per tensor
  std::int64_t macs_per_step_ = 1;

  // Scratch space, kept to save allocations.
  std::vector<std::int64_t> moved_, match_, own_, scratch_, own_scratch_, sizes_, at_, no_lanes_, common_;
  std::vector<Request> requests_;
  std::vector<std::vector<std::int64_t>> place_in_parent_, place_before_;
  std::vector<std::int32_t> next_;
  std::vector<Stream> streams_;
  std::vector<std::vector<std::int32_t>> irregular_;
};

}  // namespace

Execution execute(const Nest& nest, const Layer& layer, const Hierarchy& hierarchy, const std::vector<Values>& operands,
                  const std::stop_token& stop) {
  return Machine(nest, layer, hierarchy, operands, stop).run();
}

}  // namespace tilepath
