// Arithmetic and conditions that users write: "area <= 12", "GLB_capacity_words * 2".
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tilepath {

/// An expression over named numbers, with the usual operators, comparisons, &&, ||, ?:, and sqrt, log2, min, max, floor, ceil,
/// mod and the like; true is 1. The grammar is muParser's. Not to be shared between threads.
class Expression {
 public:
  /// Throws InputError where `text` cannot be read.
  explicit Expression(const std::string& text);

  [[nodiscard]] const std::string& text() const { return text_; }
  /// The names in it.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  /// Its value with `value_of` each of its names. Throws InputError where it has none (a division by zero).
  double operator()(const std::function<double(const std::string&)>& value_of);

 private:
  struct Parsed;
  std::string text_;
  std::vector<std::string> names_;
  std::shared_ptr<Parsed> parsed_;
};

/// `given` with what an expression's name cannot hold replaced by _.
std::string as_name(std::string_view given);

}  // namespace tilepath
