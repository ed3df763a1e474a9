// The shell's side: completion, manual page, doctor.
#include <doctest/doctest.h>

#include "support/run.hpp"

namespace tilepath::testing {

namespace {

/// What bash would offer for the last of these words.
std::string offered(const Scratch& scratch, const std::string& words) {
  const std::string binary = TILEPATH_BINARY;
  const std::string script =
      scratch.file("try.bash", "source " + scratch.path("completion") + "\nPATH=" + binary.substr(0, binary.rfind('/')) +
                                   ":$PATH\nCOMP_WORDS=(" + words +
                                   ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\ncd /\n_tilepath\necho \"${COMPREPLY[*]}\"\n");
  const std::string out = scratch.path("offered");
  REQUIRE(std::system(("bash " + script + " >" + out).c_str()) == 0);
  return read_text(out);
}

}  // namespace

TEST_CASE("completion: bash offers subcommands, options, choices and ready-made names where they belong") {
  const Scratch scratch;
  scratch.file("completion", run("completion bash").out);
  CHECK(offered(scratch, "tilepath se") == "search\n");
  CHECK(offered(scratch, "tilepath sweep su") == "submit\n");
  CHECK(offered(scratch, "tilepath search alexnet --obj") == "--objective\n");
  CHECK(offered(scratch, "tilepath search alexnet --objective la") == "latency\n");
  CHECK(offered(scratch, "tilepath search alexnet --arch eyeriss-") == "eyeriss-3level\n");
  CHECK(offered(scratch, "tilepath search bert-base-") == "bert-base-seq384\n");
  CHECK(offered(scratch, "tilepath sweep run rf-") == "rf-against-buffer\n");
  CHECK(offered(scratch, "tilepath completion zs") == "zsh\n");
}

TEST_CASE("the manual page has every subcommand, and doctor finds all that a build needs") {
  const std::string page = run("man").out;
  for (const char* command : {"search", "evaluate", "verify", "certify", "compare", "sweep run", "sweep merge", "import onnx"})
    CHECK(page.find(std::string("\n.SH tilepath ") + command + "\n") != std::string::npos);
  const Ran doctor = run("doctor");
  CHECK(doctor.code == 0);
  CHECK(doctor.out.find("\narch        yes") != std::string::npos);
}

}  // namespace tilepath::testing
