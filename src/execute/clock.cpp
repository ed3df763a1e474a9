#include "clock.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tilepath::execution {

namespace {

constexpr std::size_t index(int i) { return static_cast<std::size_t>(i); }

/// Less of a port's bandwidth than this share is rounding.
constexpr double kNothing = 1e-9;

/// Times that differ by less, in cycles, differ by rounding: a transfer that fits what a port has left ends there, and a time
/// that is this little above whole cycles takes no further one.
constexpr double kRounding = 1e-6;
double whole_cycles(double time) { return std::ceil(time - kRounding); }

/// Bookings after which the past is forgotten.
constexpr std::int64_t kForgetAfter = 256;

}  // namespace

double Clock::Booking::whole(double start) const {
  return start + std::max(whole_cycles(end - start), slowest.words > 0 ? 1.0 : 0.0);
}

std::map<double, double>::iterator Port::split(double time) {
  const auto next = left_from_.upper_bound(time);
  const auto before = std::prev(next);
  return before->first == time ? before : left_from_.emplace_hint(next, time, before->second);
}

void Port::rest(double from, double to) {
  if (!(from < to)) return;
  const auto at = split(from);
  const auto end = split(to);  // takes over what is left before it
  at->second = 0;
  left_from_.erase(std::next(at), end);
}

void Port::take(double from, double to, double words_per_cycle) {
  if (!(from < to)) return;
  auto at = split(from);
  const auto end = split(to);
  for (; at != end; ++at) {
    at->second -= words_per_cycle;
    if (at->second < kNothing * bandwidth_) at->second = 0;
  }
  // Stretches with as much left become one.
  at = left_from_.find(from);
  if (at != left_from_.begin()) --at;
  while (std::next(at) != left_from_.end() && at->first <= to)
    if (std::next(at)->second == at->second)
      left_from_.erase(std::next(at));
    else
      ++at;
}

double Port::carry(double words, double start, double least) {
  const double most = least > 0 ? words / least : std::numeric_limits<double>::infinity();
  double time = start;
  while (words > 0) {
    const auto next = left_from_.upper_bound(time);
    const double rate = std::min(most, std::prev(next)->second);
    double end = next == left_from_.end() ? std::numeric_limits<double>::infinity() : next->first;
    if (rate * (end - time + kRounding) >= words) {
      end = std::min(end, time + words / rate);
      words = 0;
    } else {
      words -= rate * (end - time);
    }
    if (rate > 0) take(time, end, rate);
    time = end;
  }
  return time;
}

void Port::forget(double before) {
  auto first = std::prev(left_from_.upper_bound(before));
  left_from_.erase(left_from_.begin(), first);
}

Clock::Clock(const Hierarchy& hierarchy) : hierarchy_(hierarchy) {
  for (const Level& level : hierarchy.levels) {
    ports_.emplace_back(level.read_bandwidth);
    ports_.emplace_back(level.write_bandwidth);
  }
}

int Clock::add_site(int level, int parent) {
  Site site;
  site.level = level;
  site.parent = parent;
  site.doubled = hierarchy_.level(level).double_buffered;
  site.single = site.doubled && parent >= 0 ? sites_[index(parent)].single : level;
  sites_.push_back(site);
  return static_cast<int>(sites_.size()) - 1;
}

void Clock::fill_anew(int site) {
  for (int inner = 0; inner < static_cast<int>(sites_.size()); ++inner)
    if (sites_[index(inner)].parent == site && sites_[index(inner)].doubled) {
      sites_[index(inner)].anew = true;
      fill_anew(inner);
    }
}

void Clock::rest_from(int level, double from, double to) {
  for (int l = level; l < hierarchy_.level_count(); ++l)
    for (const bool writes : {false, true})
      if (Port& still = port({l, writes, 0}); still.limited()) still.rest(from, to);
}

double& Clock::lost_to(const Crossing& crossing) {
  return (crossing.writes ? split_.write_bandwidth : split_.read_bandwidth)[index(crossing.level)];
}

void Clock::use(int site, double until) {
  if (site >= 0) sites_[index(site)].used = std::max(sites_[index(site)].used, until);
}

Clock::Needs Clock::needs_of(const std::vector<Crossing>& crossings) {
  Needs needs;
  for (const Crossing& crossing : crossings) {
    Port& crossed = port(crossing);
    if (!crossed.limited() || crossing.words == 0) continue;
    std::size_t s = 0;
    while (s < needs.ports && needs.shares[s].port != &crossed) ++s;
    if (s == needs.ports) needs.shares[needs.ports++] = {&crossed, 0};
    needs.shares[s].words += static_cast<double>(crossing.words);
    if (needs.shares[s].words / crossed.bandwidth() > needs.longest) {
      needs.longest = needs.shares[s].words / crossed.bandwidth();
      needs.slowest = crossing;
    }
  }
  return needs;
}

Clock::Booking Clock::book(double start, double least, const std::vector<Crossing>& crossings) {
  if (++bookings_ % kForgetAfter == 0) forget_the_past();
  const Needs needs = needs_of(crossings);
  Booking booking{start + least, needs.slowest};
  // Each port on its own: what one is ready to send before the other can take it waits in the network between them.
  for (std::size_t s = 0; s < needs.ports; ++s)
    booking.end = std::max(booking.end, needs.shares[s].port->carry(needs.shares[s].words, start, least));
  return booking;
}

void Clock::forget_the_past() {
  double horizon = now_;
  for (const Site& site : sites_)
    if (site.doubled && site.begun) {
      horizon = std::min(horizon, site.free);
      if (site.leaving > 0) horizon = std::min(horizon, site.left);
    }
  for (Port& port : ports_) port.forget(horizon);
}

void Clock::settle(int site) {
  Site& here = sites_[index(site)];
  if (here.leaving == 0) return;
  for (int inner = 0; inner < static_cast<int>(sites_.size()); ++inner)
    if (sites_[index(inner)].parent == site && sites_[index(inner)].leaving < here.leaving) settle(inner);
  const Booking booking = book(here.left, 0, here.on_its_way);
  here.emptied = booking.end;
  Site& parent = sites_[index(here.parent)];
  double& arrives = parent.leaving > here.leaving ? parent.left : parent.used;  // the parent's tile may have been told to leave
  arrives = std::max(arrives, booking.end);
  here.leaving = 0;
}

void Clock::deliver(int site, const std::vector<Crossing>& crossings) {
  Site& here = sites_[index(site)];
  const Site& parent = sites_[index(here.parent)];
  if (!here.anew) {  // into the other half, as soon as that is empty
    Booking booking = book(std::max({here.free, here.ready, parent.ready}), 0, crossings);
    booking.end = std::max(booking.end, here.emptied);
    here.slowest = booking.slowest.words > 0 ? booking.slowest : parent.slowest;
    here.free = here.used;
    here.ready = here.used = booking.end;
    use(here.parent, booking.end);
    return;
  }
  if (parent.ready > now_) {
    lost_to(parent.slowest) += parent.ready - now_;
    now_ = parent.ready;
  }
  const double begin = now_;
  const Booking booking = book(begin, 0, crossings);
  const double end = booking.whole(begin);
  (here.doubled && !here.begun ? split_.first_fill : split_.waiting[index(here.single)]) += end - now_;
  here.ready = here.used = now_ = end;
  here.begun = true;
  here.anew = !here.doubled;
  if (!here.doubled) {
    fill_anew(site);
    rest_from(here.level, begin, end);
  }
  use(here.parent, end);
}

void Clock::drain(int site, const std::vector<Crossing>& crossings) {
  Site& here = sites_[index(site)];
  settle(site);
  if (here.doubled && !finishing_) {
    here.leaving = ++drains_;
    here.left = here.used;
    here.on_its_way = crossings;
    return;
  }
  for (int inner = 0; inner < static_cast<int>(sites_.size()); ++inner)
    if (sites_[index(inner)].parent == site) settle(inner);
  double& cause = here.doubled ? split_.last_drain : split_.waiting[index(here.level)];
  const double start = now_ + whole_cycles(std::max(0.0, here.used - now_));
  const Booking booking = book(start, 0, crossings);
  const double end = booking.whole(start);
  cause += end - now_;
  if (!here.doubled) rest_from(here.level, now_, end);
  here.used = now_ = end;
  use(here.parent, end);
}

void Clock::compute(const std::vector<Burst>& bursts, double idle_share, const std::vector<int>& innermost) {
  double start = now_;
  const Site* late = nullptr;
  for (const int site : innermost)
    if (sites_[index(site)].ready > start) {
      late = &sites_[index(site)];
      start = late->ready;
    }
  if (late != nullptr) lost_to(late->slowest) += start - now_;
  // A step takes as long as the MACs, or the port that is slowest for its words.
  double ideal = 0;
  double least = 0;
  std::vector<Crossing> all;
  for (const Burst& burst : bursts) {
    const double each = 1 / hierarchy_.compute.macs_per_cycle;
    const Needs needs = needs_of(burst.crossings);
    const double lasts = std::max(each, needs.longest);
    ideal += each * static_cast<double>(burst.steps);
    least += lasts * static_cast<double>(burst.steps);
    if (lasts > each) lost_to(needs.slowest) += (lasts - each) * static_cast<double>(burst.steps);
    for (Crossing crossing : burst.crossings) {
      crossing.words *= burst.steps;
      all.push_back(crossing);
    }
  }
  const Booking booking = book(start, least, all);
  split_.compute += ideal * (1 - idle_share);
  split_.idle_lanes += ideal * idle_share;
  if (booking.end > start + least) lost_to(booking.slowest) += booking.end - start - least;
  now_ = booking.end;
  for (const int site : innermost) use(site, now_);
}

}  // namespace tilepath::execution
