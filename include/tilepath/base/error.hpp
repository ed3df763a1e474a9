// What can go wrong, as types. The command line turns each into an exit code; nothing else does.
#pragma once

#include <stdexcept>
#include <string>

namespace tilepath {

/// The user's input is wrong: a file, a value, a mapping that does not fit. The message names the place (file and JSON
/// pointer where there is one), what was found and what is allowed. Exit code 2.
class InputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A count left the range of its integer (R10). Counts never wrap. Exit code 2: the problem is too large.
class Overflow : public InputError {
 public:
  using InputError::InputError;
};

/// The mapspace holds no legal mapping of a layer; the message says which capacity or fanout forbids it. Exit code 3.
class NoLegalMapping : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The user asked to stop (Ctrl-C). Exit code 130.
class Interrupted : public std::runtime_error {
 public:
  Interrupted() : std::runtime_error("interrupted") {}
};

}  // namespace tilepath
