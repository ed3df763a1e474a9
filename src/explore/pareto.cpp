#include "tilepath/explore/pareto.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

namespace tilepath {

namespace {

auto figures(const Figures3& design) { return std::tie(design.x, design.y, design.z); }

/// The front in y and z of the designs so far, as stairs: z falls as y grows.
class Stairs {
 public:
  /// Whether a step lies at or below (y, z).
  [[nodiscard]] bool covers(double y, double z) const {
    const auto after = steps_.upper_bound(y);
    return after != steps_.begin() && std::prev(after)->second <= z;
  }
  void add(double y, double z) {
    if (covers(y, z)) return;
    auto step = steps_.insert_or_assign(y, z).first;
    for (++step; step != steps_.end() && step->second >= z;) step = steps_.erase(step);
  }

 private:
  std::map<double, double> steps_;
};

}  // namespace

bool dominates(const Figures3& a, const Figures3& b) {
  return a.x <= b.x && a.y <= b.y && a.z <= b.z && figures(a) != figures(b);
}

std::vector<Figures3> pareto_front(std::vector<Figures3> designs) {
  std::sort(designs.begin(), designs.end(), [](const Figures3& a, const Figures3& b) {
    return std::tie(a.x, a.y, a.z, a.point) < std::tie(b.x, b.y, b.z, b.point);
  });
  // In this order a design is dominated only by one before it: the stairs of those say whether it is.
  Stairs stairs;
  std::vector<Figures3> front;
  for (const Figures3& design : designs) {
    const bool as_the_last = !front.empty() && figures(front.back()) == figures(design);
    if (!as_the_last && stairs.covers(design.y, design.z)) continue;
    stairs.add(design.y, design.z);
    front.push_back(design);
  }
  return front;
}

void GrowingFront::add(const Figures3& design) {
  constexpr std::size_t kLeast = 1024;
  recent_.push_back(design);
  if (recent_.size() < std::max(kLeast, front_.size())) return;
  front_ = designs();
  recent_.clear();
}

bool GrowingFront::dominates(const Figures3& design) const {
  const auto beats = [&](const Figures3& each) { return tilepath::dominates(each, design); };
  return std::any_of(front_.begin(), front_.end(), beats) || std::any_of(recent_.begin(), recent_.end(), beats);
}

std::vector<Figures3> GrowingFront::designs() const {
  std::vector<Figures3> all = front_;
  all.insert(all.end(), recent_.begin(), recent_.end());
  return pareto_front(std::move(all));
}

std::size_t knee(std::span<const Figures3> front) {
  const std::array<double Figures3::*, 3> axes = {&Figures3::x, &Figures3::y, &Figures3::z};
  std::vector<double> distance(front.size(), 0);
  for (const auto axis : axes) {
    double least = std::numeric_limits<double>::infinity();
    double most = 0;
    for (const Figures3& each : front) {
      least = std::min(least, each.*axis);
      most = std::max(most, each.*axis);
    }
    if (!(most > least)) continue;
    for (std::size_t i = 0; i < front.size(); ++i) {
      const double far =
          least > 0 ? std::log(front[i].*axis / least) / std::log(most / least) : (front[i].*axis - least) / (most - least);
      distance[i] += far * far;
    }
  }
  return static_cast<std::size_t>(std::min_element(distance.begin(), distance.end()) - distance.begin());
}

}  // namespace tilepath
