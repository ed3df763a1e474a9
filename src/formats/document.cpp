#include "tilepath/formats/document.hpp"

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <sstream>

#include "tilepath/base/error.hpp"
#include "tilepath/base/suggest.hpp"

namespace tilepath {

namespace {

/// A value as a message shows it: short.
std::string shown(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

std::string place(std::string_view text, std::size_t byte) {
  std::size_t line = 1;
  std::size_t column = 1;
  for (std::size_t i = 0; i + 1 < byte && i < text.size(); ++i) {
    ++column;
    if (text[i] == '\n') {
      ++line;
      column = 1;
    }
  }
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

/// nlohmann's message without its own prefix: "[json.exception.parse_error.101] parse error at line 1, column 2: …".
std::string reason(const std::string& what) {
  const std::size_t at = what.find(": ");
  return at == std::string::npos ? what : what.substr(at + 2);
}

constexpr int kDeepest = 64;

}  // namespace

Document parse_document(std::string name, std::string_view text) {
  std::vector<std::set<std::string>> keys;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kDeepest) throw InputError(name + ": nested deeper than " + std::to_string(kDeepest) + " levels");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second)
      throw InputError(name + ": the key '" + parsed.get<std::string>() + "' stands twice in one object");
    return true;
  };
  try {
    return {name, Json::parse(text, watch)};
  } catch (const Json::parse_error& error) {
    throw InputError(name + ": " + place(text, error.byte) + ": not JSON: " + reason(error.what()));
  } catch (const Json::out_of_range& error) {
    throw InputError(name + ": " + reason(error.what()));
  }
}

Document read_document(const std::string& path) {
  if (path == "-") {
    const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
    return parse_document("standard input", text);
  }
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (!in || !(text << in.rdbuf()) || in.bad()) {
    if (in.is_open() && in.peek() == std::ifstream::traits_type::eof())
      throw InputError(path + ": the file is empty or cannot be read");
    throw InputError(path + ": cannot be read");
  }
  return parse_document(path, text.str());
}

std::string Cursor::said(const std::string& what) const {
  return document_->name + ": " + (pointer_.empty() ? "" : pointer_ + ": ") + what;
}

void Cursor::fail(const std::string& what) const { throw InputError(said(what)); }

void Cursor::expect_object(const std::vector<std::string>& known) const {
  if (!value_->is_object()) fail("expected an object, found " + shown(*value_));
  for (const auto& [key, value] : value_->items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw InputError(document_->name + ": " + pointer_ + "/" + key + ": unknown key" + hint(key, known));
}

bool Cursor::has(std::string_view key) const { return value_->is_object() && value_->contains(key); }

Cursor Cursor::at(std::string_view key) const {
  if (!value_->is_object()) fail("expected an object, found " + shown(*value_));
  const auto it = value_->find(key);
  if (it == value_->end()) fail("'" + std::string(key) + "' is missing");
  return {*document_, *it, pointer_ + "/" + std::string(key)};
}

std::vector<Cursor> Cursor::elements(std::size_t least) const {
  if (!value_->is_array()) fail("expected a list, found " + shown(*value_));
  if (value_->size() < least)
    fail("expected at least " + std::to_string(least) + " element" + (least == 1 ? "" : "s") + ", found " +
         std::to_string(value_->size()));
  std::vector<Cursor> result;
  for (std::size_t i = 0; i < value_->size(); ++i)
    result.push_back(Cursor(*document_, (*value_)[i], pointer_ + "/" + std::to_string(i)));
  return result;
}

std::vector<std::pair<std::string, Cursor>> Cursor::members() const {
  if (!value_->is_object()) fail("expected an object, found " + shown(*value_));
  std::vector<std::pair<std::string, Cursor>> result;
  for (const auto& [key, value] : value_->items()) result.emplace_back(key, Cursor(*document_, value, pointer_ + "/" + key));
  return result;
}

std::int64_t Cursor::integer(std::int64_t low, std::int64_t high) const {
  const std::string expected = "expected an integer from " + std::to_string(low) + " to " + std::to_string(high) + ", found ";
  if (!value_->is_number_integer()) fail(expected + shown(*value_));
  if (value_->is_number_unsigned() && value_->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX))
    fail(expected + shown(*value_));
  const auto number = value_->get<std::int64_t>();
  if (number < low || number > high) fail(expected + shown(*value_));
  return number;
}

double Cursor::number(bool positive) const {
  const std::string expected = std::string("expected a number ") + (positive ? "above 0" : "of at least 0") + ", found ";
  if (!value_->is_number()) fail(expected + shown(*value_));
  const auto number = value_->get<double>();
  if (!std::isfinite(number) || number < 0 || (positive && number == 0)) fail(expected + shown(*value_));
  return number;
}

std::string Cursor::text() const {
  if (!value_->is_string()) fail("expected a text, found " + shown(*value_));
  return value_->get<std::string>();
}

bool Cursor::boolean() const {
  if (!value_->is_boolean()) fail("expected true or false, found " + shown(*value_));
  return value_->get<bool>();
}

std::size_t Cursor::one_of(const std::vector<std::string>& allowed) const {
  const std::string found = value_->is_string() ? value_->get<std::string>() : "";
  const auto it = std::find(allowed.begin(), allowed.end(), found);
  if (value_->is_string() && it != allowed.end()) return static_cast<std::size_t>(it - allowed.begin());
  std::string list;
  for (const std::string& one : allowed) list += (list.empty() ? "" : ", ") + one;
  fail("expected one of " + list + "; found " + shown(*value_));
}

void Cursor::expect_version() const { (void)at("schema_version").integer(1, 1); }

void write_file(const std::string& path, std::string_view text) {
  if (path == "-") {
    std::cout.write(text.data(), static_cast<std::streamsize>(text.size())).flush();
    if (!std::cout) throw InputError("standard output: cannot be written");
    return;
  }
  const std::string temporary = path + ".tmp" + std::to_string(getpid());
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out.write(text.data(), static_cast<std::streamsize>(text.size())).flush();
    if (!out) {
      (void)std::remove(temporary.c_str());
      throw InputError(path + ": cannot be written");
    }
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    (void)std::remove(temporary.c_str());
    throw InputError(path + ": cannot be written");
  }
}

}  // namespace tilepath
