// A JSON document that knows where it came from, and a cursor into it whose errors say where they are.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace tilepath {

using Json = nlohmann::ordered_json;

struct Document {
  std::string name;  ///< the file's path, or "standard input"
  Json root;
};

/// Parses a whole file; "-" is standard input. Throws InputError: unreadable, not JSON (line and column), a key twice in one
/// object, nested deeper than 64.
Document read_document(const std::string& path);
/// The same from memory.
Document parse_document(std::string name, std::string_view text);

/// One value of a document and its JSON pointer. Every reader throws InputError "FILE: /pointer: expected …, found …".
class Cursor {
 public:
  explicit Cursor(const Document& document) : document_(&document), value_(&document.root) {}

  [[nodiscard]] const Json& json() const { return *value_; }
  [[nodiscard]] const std::string& pointer() const { return pointer_; }
  /// "FILE: /pointer: what".
  [[nodiscard]] std::string said(const std::string& what) const;
  [[noreturn]] void fail(const std::string& what) const;

  /// Throws unless this is an object whose keys are all in `known` (with a suggestion for one that is not).
  void expect_object(const std::vector<std::string>& known) const;
  [[nodiscard]] bool has(std::string_view key) const;
  /// The member `key`; throws where it is missing.
  [[nodiscard]] Cursor at(std::string_view key) const;
  /// The elements of an array; throws unless it has at least `least`.
  [[nodiscard]] std::vector<Cursor> elements(std::size_t least = 0) const;
  /// The members of an object, as (key, value).
  [[nodiscard]] std::vector<std::pair<std::string, Cursor>> members() const;

  [[nodiscard]] std::int64_t integer(std::int64_t low, std::int64_t high) const;
  /// A finite number >= 0; > 0 where `positive`.
  [[nodiscard]] double number(bool positive = false) const;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool boolean() const;
  /// One of `allowed`, as its position.
  [[nodiscard]] std::size_t one_of(const std::vector<std::string>& allowed) const;

  /// Throws unless /schema_version is 1.
  void expect_version() const;

 private:
  Cursor(const Document& document, const Json& value, std::string pointer)
      : document_(&document), value_(&value), pointer_(std::move(pointer)) {}

  const Document* document_;
  const Json* value_;
  std::string pointer_;
};

/// Writes `text` to `path` so that a reader never sees half of it: to a temporary file beside it, then renamed. "-" is standard
/// output. Throws InputError when it cannot.
void write_file(const std::string& path, std::string_view text);

}  // namespace tilepath
