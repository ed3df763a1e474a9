#include "support/run.hpp"

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace tilepath::testing {

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Scratch::Scratch() {
  std::string pattern = (std::filesystem::temp_directory_path() / "tilepath-test-XXXXXX").string();
  folder_ = mkdtemp(pattern.data());
}

Scratch::~Scratch() {
  std::error_code none;
  std::filesystem::remove_all(folder_, none);
}

std::string Scratch::file(const std::string& name, const std::string& text) const {
  std::ofstream(path(name), std::ios::binary) << text;
  return path(name);
}

Ran run(const std::string& arguments, const std::string& input) {
  const Scratch scratch;
  const std::string in = scratch.file("in", input);
  const std::string command =
      std::string(TILEPATH_BINARY) + " " + arguments + " <" + in + " >" + scratch.path("out") + " 2>" + scratch.path("err");
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_text(scratch.path("out")), read_text(scratch.path("err"))};
}

}  // namespace tilepath::testing
