#include "tilepath/explore/expression.hpp"

#include <muParser.h>

#include <cctype>
#include <cmath>
#include <map>

#include "tilepath/base/error.hpp"

namespace tilepath {

struct Expression::Parsed {
  mu::Parser parser;
  std::map<std::string, double> values;  // nodes of a map stay where they are: the parser points at them
};

namespace {

double floor_of(double x) { return std::floor(x); }
double ceil_of(double x) { return std::ceil(x); }
double mod_of(double x, double y) { return std::fmod(x, y); }

[[noreturn]] void fail(const std::string& text, const mu::Parser::exception_type& error) {
  throw InputError("'" + text + "' is not an expression: " + error.GetMsg());
}

}  // namespace

Expression::Expression(const std::string& text) : text_(text), parsed_(std::make_shared<Parsed>()) {
  try {
    mu::Parser& parser = parsed_->parser;
    parser.DefineFun("floor", floor_of);
    parser.DefineFun("ceil", ceil_of);
    parser.DefineFun("mod", mod_of);
    parser.SetExpr(text);
    for (const auto& [name, unused] : parser.GetUsedVar()) names_.push_back(name);
    for (const std::string& name : names_) parser.DefineVar(name, &parsed_->values[name]);
    if (names_.empty()) (void)parser.Eval();
  } catch (const mu::Parser::exception_type& error) {
    fail(text, error);
  }
}

double Expression::operator()(const std::function<double(const std::string&)>& value_of) {
  for (auto& [name, value] : parsed_->values) value = value_of(name);
  double value = 0;
  try {
    value = parsed_->parser.Eval();
  } catch (const mu::Parser::exception_type& error) {
    fail(text_, error);
  }
  if (!std::isfinite(value)) throw InputError("'" + text_ + "' has no finite value here");
  return value;
}

std::string as_name(std::string_view given) {
  std::string name;
  for (const char c : given) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) != 0) name.insert(0, 1, '_');
  return name;
}

}  // namespace tilepath
