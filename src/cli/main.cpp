// tilepath: the command line. It parses, calls the rooms behind it, and turns what they throw into exit codes.
#include <fmt/core.h>
#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <stop_token>
#include <thread>

#include "context.hpp"
#include "tilepath/base/error.hpp"
#include "tilepath/base/suggest.hpp"

namespace {

using namespace tilepath;
using namespace tilepath::cli;

/// Ctrl-C asks for a stop; what is done is kept. A second one ends at once. Signals are taken by one thread, so that nothing
/// runs inside a handler.
class Interrupt {
 public:
  Interrupt() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGUSR1);  // wakes the thread at the end
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    thread_ = std::jthread([this](const std::stop_token& end) { watch(end); });
  }
  ~Interrupt() {
    thread_.request_stop();
    pthread_kill(thread_.native_handle(), SIGUSR1);
  }
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

 private:
  void watch(const std::stop_token& end) {
    for (int signal = 0; sigwait(&signals_, &signal) == 0 && !end.stop_requested();)
      if (signal != SIGUSR1 && !source_.request_stop()) std::_Exit(kInterrupted);
  }

  sigset_t signals_{};
  std::stop_source source_;
  std::jthread thread_;
};

int report(const char* what, int code) {
  fmt::print(stderr, "{}tilepath: {}{}\n", has_colour(2) ? "\033[1;31m" : "", has_colour(2) ? "\033[0m" : "", what);
  return code;
}

/// What is said of a first word that is no subcommand; empty where it is one, or an option.
std::string unknown_command(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return "";
  std::vector<std::string> known;
  for (const CLI::App* command : app.get_subcommands({})) known.push_back(command->get_name());
  if (std::find(known.begin(), known.end(), argv[1]) != known.end()) return "";
  return std::string("no command '") + argv[1] + "'" + hint(argv[1], known);
}

int run(int argc, char** argv) {
  CLI::App app{
      "tilepath finds the best way to run the layers of a neural network on a memory hierarchy,\nproves that it is the best, and "
      "shows by execution that it is right.",
      "tilepath"};
  app.set_version_flag("--version", std::string("tilepath ") + TILEPATH_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  tilepath search alexnet --arch eyeriss --verify -o alexnet.json\n"
      "  tilepath show eyeriss\n"
      "  tilepath evaluate --mapping alexnet-conv2-rs\n"
      "  tilepath verify alexnet.json\n"
      "  tilepath sweep run rf-against-buffer -o sweep\n"
      "  tilepath report alexnet.json -o alexnet.html\n"
      "\nWORKLOAD and ARCH are a file or a ready-made name (`tilepath list`); - reads standard input.\n"
      "Exit codes: 0 done, 1 a check failed, 2 bad input or usage, 3 no legal mapping, 130 interrupted.");
  Action action;
  add_search(app, action);
  add_evaluate(app, action);
  add_verify(app, action);
  add_certify(app, action);
  add_compare(app, action);
  add_sweep(app, action);
  add_report(app, action);
  add_import(app, action);
  add_export(app, action);
  add_show(app, action);
  add_list(app, action);
  add_init(app, action);
  add_shell(app, action);
  add_doctor(app, action);
  if (const std::string wrong = unknown_command(app, argc, argv); !wrong.empty()) return report(wrong.c_str(), kBadInput);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kBadInput;
  }
  const Interrupt interrupt;
  const Context context{standard_library({TILEPATH_INSTALLED_DATA, TILEPATH_SOURCE_DATA}), interrupt.token()};
  try {
    return action(context);
  } catch (const InputError& error) {
    return report(error.what(), kBadInput);
  } catch (const NoLegalMapping& error) {
    return report(error.what(), kNoMapping);
  } catch (const Interrupted& error) {
    return report(error.what(), kInterrupted);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    return report((std::string("internal error, please report: ") + error.what()).c_str(), kCheckFailed);
  }
}
