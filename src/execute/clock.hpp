// The executor's time. It is told what moves, in program order, and books each transfer on the ports that it crosses, as soon as
// the words are there, the buffer has room and the ports have time.
//
//   a port    carries so many words a cycle and instance; transfers share what earlier ones (in program order) leave of it. What
//             one end of a transfer sends before the other can take it waits in the network between them
//   a single  buffer is filled and drained while nothing below it works: in order, in whole cycles
//   a double  buffer is filled with the next tile while this one is in use, and drained while the next one is; the words that
//             come take the places of those that leave. Its first fill and its last drain hold everything up; so do, where it
//             lies inside a single buffer, the first fill and the last drain for each tile of that
//   the MACs  start a step when the innermost tiles are there, and are slowed down by what they read and write
//
// All instances of a level move in lockstep, so the busiest one's words are what counts.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "tilepath/arch/hierarchy.hpp"
#include "tilepath/mapping/cycles.hpp"

namespace tilepath::execution {

/// One port of a level's busiest instance: how much of its bandwidth is left when.
class Port {
 public:
  explicit Port(double words_per_cycle = 0) : bandwidth_(words_per_cycle) { left_from_[0] = words_per_cycle; }

  [[nodiscard]] bool limited() const { return bandwidth_ > 0; }
  [[nodiscard]] double bandwidth() const { return bandwidth_; }

  /// Carries words with what is left of it from `start` on, in `least` cycles at least; returns when it is done.
  double carry(double words, double start, double least);
  /// It carries nothing more from one time to another.
  void rest(double from, double to);
  /// Nobody will ask for anything before this time.
  void forget(double before);

 private:
  std::map<double, double>::iterator split(double time);
  /// Takes `words_per_cycle` of it from one time to another.
  void take(double from, double to, double words_per_cycle);

  double bandwidth_;
  std::map<double, double> left_from_;  ///< words per cycle left, from each time to the next
};

/// Words that cross one port in one transfer.
struct Crossing {
  int level = 0;
  bool writes = false;
  std::int64_t words = 0;  ///< of the level's width, at its busiest instance
};

/// Steps of the MACs that move as much each.
struct Burst {
  std::int64_t steps = 0;
  std::vector<Crossing> crossings;  ///< of one step
};

class Clock {
 public:
  explicit Clock(const Hierarchy& hierarchy);

  /// A storage node of one tensor, told outermost first; `parent` is the site further out, -1 = none.
  int add_site(int level, int parent);

  /// A tile arrives at a site (of psums: perhaps without a word, if all start from zero).
  void deliver(int site, const std::vector<Crossing>& crossings);
  /// A tile of psums leaves a site for its parent.
  void drain(int site, const std::vector<Crossing>& crossings);
  /// Steps of the MACs, which use the current tiles of `innermost`. `idle_share`: of the lanes in use, on average.
  void compute(const std::vector<Burst>& bursts, double idle_share, const std::vector<int>& innermost);
  /// What follows are the drains at the end.
  void finish() { finishing_ = true; }

  [[nodiscard]] CycleSplit split() const { return split_; }

 private:
  struct Site {
    int level = 0, parent = -1;
    bool doubled = false;
    int single = 0;            ///< level of the innermost single buffer from here outwards; the outermost level counts as one
    bool anew = true;          ///< nothing is there that would hide the next delivery
    bool begun = false;        ///< a tile has arrived
    double ready = 0;          ///< the current tile is there
    double used = 0;           ///< until when the current tile has been in use
    double free = 0;           ///< since when the other half's tile has been done with
    double emptied = 0;        ///< when the last words of it leave
    Crossing slowest;          ///< of the last delivery
    std::int64_t leaving = 0;  ///< the last tile's drain is still to be booked; the how manieth drain it is, or 0
    double left = 0;           ///< from when on it can be
    std::vector<Crossing> on_its_way;  ///< what it crosses
  };

  struct Booking {
    double end = 0;
    Crossing slowest;  ///< what took it longest
    /// When it is done if it takes whole cycles from `start` on.
    [[nodiscard]] double whole(double start) const;
  };
  /// What a transfer needs of each port.
  struct Share {
    Port* port = nullptr;
    double words = 0;
  };
  struct Needs {
    std::array<Share, std::size_t{2} * kMaxLevels> shares{};
    std::size_t ports = 0;
    double longest = 0;  ///< cycles, if it had the ports to itself
    Crossing slowest;    ///< on which port
  };
  Needs needs_of(const std::vector<Crossing>& crossings);
  /// Books a transfer that takes `least` cycles at least, from `start` on.
  Booking book(double start, double least, const std::vector<Crossing>& crossings);
  Port& port(const Crossing& crossing) {
    return ports_[2 * static_cast<std::size_t>(crossing.level) + (crossing.writes ? 1U : 0U)];
  }
  /// A new tile in a single buffer: the double buffers below it start once more.
  void fill_anew(int site);
  /// A single buffer is filled or drained: neither its ports nor those below carry anything else meanwhile.
  void rest_from(int level, double from, double to);
  double& lost_to(const Crossing& crossing);
  void use(int site, double until);
  /// Books the drain that a site has put off, and before it those that were put off further in until then.
  void settle(int site);
  void forget_the_past();

  const Hierarchy& hierarchy_;
  std::vector<Port> ports_;  ///< [level * 2 + writes]
  std::vector<Site> sites_;
  double now_ = 0;  ///< the MACs have done all that they were told so far
  bool finishing_ = false;
  std::int64_t drains_ = 0;  ///< put off so far
  std::int64_t bookings_ = 0;
  CycleSplit split_;
};

}  // namespace tilepath::execution
