// The real program, run by a test.
#pragma once

#include <string>

namespace tilepath::testing {

struct Ran {
  int code = 0;
  std::string out, err;
};

/// Runs `tilepath ARGUMENTS` through a shell, with `input` on standard input.
Ran run(const std::string& arguments, const std::string& input = "");

/// A folder of its own, removed with everything in it at the end.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  /// Writes a file and returns its path.
  std::string file(const std::string& name, const std::string& text) const;
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }

 private:
  std::string folder_;
};

std::string read_text(const std::string& path);

}  // namespace tilepath::testing
