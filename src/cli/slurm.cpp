#include "slurm.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <sstream>

#include "tilepath/base/error.hpp"

namespace tilepath::cli {

namespace {

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \n") + 1);
  return text;
}

}  // namespace

Ended run_program(const std::vector<std::string>& command) {
  std::array<std::array<int, 2>, 2> pipes{};
  for (auto& ends : pipes)
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw InputError(std::string("no pipe: ") + std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipes[0][1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, pipes[1][1], STDERR_FILENO);
  // Signals that this program takes in a thread of its own are the child's own business again.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  std::vector<std::string> words = command;
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int failed = posix_spawnp(&child, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  for (auto& ends : pipes) (void)close(ends[1]);
  Ended ended;
  std::array<pollfd, 2> open = {pollfd{pipes[0][0], POLLIN, 0}, pollfd{pipes[1][0], POLLIN, 0}};
  for (int left = failed == 0 ? 2 : 0; left > 0;) {
    if (poll(open.data(), open.size(), -1) < 0) continue;
    for (std::size_t i = 0; i < open.size(); ++i) {
      if (open[i].fd < 0 || open[i].revents == 0) continue;
      std::array<char, 4096> buffer{};
      const ssize_t got = read(open[i].fd, buffer.data(), buffer.size());
      if (got > 0) {
        (i == 0 ? ended.out : ended.err).append(buffer.data(), static_cast<std::size_t>(got));
      } else {
        open[i].fd = -1;
        --left;
      }
    }
  }
  for (auto& ends : pipes) (void)close(ends[0]);
  constexpr int kNotFound = 127;
  int status = 0;
  if (failed != 0) {
    ended.code = kNotFound;
    ended.err = command[0] + ": " + std::strerror(failed);
  } else if (waitpid(child, &status, 0) == child) {
    ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  return ended;
}

std::int64_t most_tasks() {
  constexpr std::int64_t kUsual = 1000;
  std::istringstream lines(run_program({"scontrol", "show", "config"}).out);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("MaxArraySize"))
      if (const std::size_t at = line.find('='); at != std::string::npos) {
        const std::int64_t size = std::strtoll(line.c_str() + at + 1, nullptr, 10);
        return size > 1 ? size - 1 : kUsual;
      }
  return kUsual;
}

std::string ranges(const std::vector<std::int64_t>& ascending) {
  std::string text;
  for (std::size_t i = 0; i < ascending.size();) {
    std::size_t last = i;
    while (last + 1 < ascending.size() && ascending[last + 1] == ascending[last] + 1) ++last;
    text += (text.empty() ? "" : ",") + std::to_string(ascending[i]);
    if (last > i) text += "-" + std::to_string(ascending[last]);
    i = last + 1;
  }
  return text;
}

ShareArray submit_array(const std::filesystem::path& script, const std::vector<std::int64_t>& shares, std::int64_t offset,
                        const std::vector<std::string>& options) {
  std::vector<std::int64_t> tasks;
  for (const std::int64_t share : shares) tasks.push_back(share - offset);
  std::vector<std::string> command = {"sbatch", "--parsable", "--array=" + ranges(tasks)};
  command.insert(command.end(), options.begin(), options.end());
  command.push_back(script.string());
  command.push_back(std::to_string(offset));
  const Ended ended = run_program(command);
  if (ended.code != 0) throw InputError("sbatch: " + trimmed(ended.err.empty() ? ended.out : ended.err));
  const std::string job = trimmed(ended.out.substr(0, ended.out.find(';')));  // "12;cluster" where there are several clusters
  return {job, offset};
}

std::map<std::int64_t, std::string> queued(const std::vector<ShareArray>& arrays) {
  std::map<std::int64_t, std::string> states;
  if (arrays.empty()) return states;
  // All of the user's jobs, not those by number: squeue calls a number that it has forgotten an error.
  const Ended ended = run_program({"squeue", "--noheader", "--array", "--user=" + std::to_string(getuid()), "--format=%F %K %T"});
  if (ended.code != 0) throw InputError("squeue: " + trimmed(ended.err));
  std::istringstream lines(ended.out);
  std::string job;
  std::string task;
  std::string state;
  while (lines >> job >> task >> state)
    for (const ShareArray& array : arrays)
      if (array.job == job) states[std::strtoll(task.c_str(), nullptr, 10) + array.offset] = state;
  return states;
}

}  // namespace tilepath::cli
