#include "tilepath/execute/reference.hpp"

#include <algorithm>

#include "tilepath/base/error.hpp"

namespace tilepath {

namespace {

/// Every tensor's address is affine in the loop indices: address += step[d] when dimension d steps.
struct Operand {
  const std::int32_t* data = nullptr;
  std::vector<std::int64_t> step;
};

std::vector<std::int64_t> steps_of(const Layer& layer, const Tensor& tensor) {
  std::vector<std::int64_t> step(layer.dimensions.size(), 0);
  std::int64_t stride = 1;
  for (auto rank = tensor.ranks.rbegin(); rank != tensor.ranks.rend(); ++rank) {
    for (const Term& term : *rank) step[static_cast<std::size_t>(term.dimension)] += stride * term.coefficient;
    stride *= rank_extent(layer, *rank);
  }
  return step;
}

class Loops {
 public:
  Loops(const Layer& layer, const std::vector<Values>& operands, const std::stop_token& stop) : layer_(layer), stop_(stop) {
    for (int t = 0; t < layer.output(); ++t) {
      const auto i = static_cast<std::size_t>(t);
      operands_.push_back({operands[i].data(), steps_of(layer, layer.tensors[i])});
    }
    output_step_ = steps_of(layer, layer.tensors.back());
    output_.resize(static_cast<std::size_t>(box_words(layer, layer.tensors.back())));
    // A long dimension that walks memory in small steps goes innermost: the order does not matter to a sum of integers.
    for (std::size_t d = 0; d < layer.dimensions.size(); ++d) order_.push_back(d);
    const auto stride = [&](std::size_t d) {
      std::int64_t sum = output_step_[d];
      for (const Operand& operand : operands_) sum += operand.step[d];
      return sum;
    };
    constexpr std::int64_t kLong = 8;
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
      const std::int64_t bound_a = layer.dimensions[a].bound;
      const std::int64_t bound_b = layer.dimensions[b].bound;
      if (bound_a >= kLong && bound_b >= kLong) return stride(a) > stride(b);
      return bound_a < bound_b;
    });
  }

  Values run() {
    std::vector<std::int64_t> at(operands_.size(), 0);
    nest(0, at, 0);
    Values result(output_.size());
    std::transform(output_.begin(), output_.end(), result.begin(), [](std::uint32_t v) { return static_cast<std::int32_t>(v); });
    return result;
  }

 private:
  void nest(std::size_t depth, std::vector<std::int64_t> at, std::int64_t out) {
    const std::size_t d = order_[depth];
    const std::int64_t bound = layer_.dimensions[d].bound;
    if (depth + 1 == order_.size()) {
      innermost(d, bound, at, out);
      return;
    }
    if (depth == order_.size() - 2 && stop_.stop_requested()) throw Interrupted();
    for (std::int64_t i = 0; i < bound; ++i) {
      nest(depth + 1, at, out);
      for (std::size_t t = 0; t < operands_.size(); ++t) at[t] += operands_[t].step[d];
      out += output_step_[d];
    }
  }

  void innermost(std::size_t d, std::int64_t bound, const std::vector<std::int64_t>& at, std::int64_t out) {
    const std::int64_t out_step = output_step_[d];
    if (operands_.size() == 2) {
      const std::int32_t* a = operands_[0].data + at[0];
      const std::int32_t* b = operands_[1].data + at[1];
      const std::int64_t a_step = operands_[0].step[d];
      const std::int64_t b_step = operands_[1].step[d];
      std::uint32_t* o = output_.data() + out;
      if (out_step == 1 && a_step == 0 && b_step == 1) {  // a row of a convolution; the compiler makes vectors of it
        const auto weight = static_cast<std::uint32_t>(*a);
        for (std::int64_t i = 0; i < bound; ++i) o[i] += weight * static_cast<std::uint32_t>(b[i]);
        return;
      }
      for (std::int64_t i = 0; i < bound; ++i)
        o[i * out_step] += static_cast<std::uint32_t>(a[i * a_step]) * static_cast<std::uint32_t>(b[i * b_step]);
      return;
    }
    for (std::int64_t i = 0; i < bound; ++i) {
      std::uint32_t product = 1;
      for (std::size_t t = 0; t < operands_.size(); ++t)
        product *= static_cast<std::uint32_t>(operands_[t].data[at[t] + i * operands_[t].step[d]]);
      output_[static_cast<std::size_t>(out + i * out_step)] += product;
    }
  }

  const Layer& layer_;
  const std::stop_token& stop_;
  std::vector<Operand> operands_;
  std::vector<std::int64_t> output_step_;
  std::vector<std::uint32_t> output_;
  std::vector<std::size_t> order_;
};

}  // namespace

Values reference(const Layer& layer, const std::vector<Values>& operands, const std::stop_token& stop) {
  return Loops(layer, operands, stop).run();
}

}  // namespace tilepath
