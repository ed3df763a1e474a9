// What every subcommand shares: where ready-made files are, whether to stop, how to talk to a terminal.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "tilepath/formats/architecture.hpp"
#include "tilepath/formats/library.hpp"
#include "tilepath/formats/mapping.hpp"
#include "tilepath/formats/workload.hpp"

namespace tilepath::cli {

struct Context {
  Library library;
  std::stop_token stop;
};

inline constexpr int kDone = 0, kCheckFailed = 1, kBadInput = 2, kNoMapping = 3, kInterrupted = 130;

/// A subcommand registers its options on `app` and leaves what is to be run in `action`, which returns the exit code.
using Action = std::function<int(const Context&)>;
void add_search(CLI::App& app, Action& action);
void add_evaluate(CLI::App& app, Action& action);
void add_verify(CLI::App& app, Action& action);
void add_certify(CLI::App& app, Action& action);
void add_show(CLI::App& app, Action& action);
void add_import(CLI::App& app, Action& action);
void add_export(CLI::App& app, Action& action);
void add_compare(CLI::App& app, Action& action);
void add_report(CLI::App& app, Action& action);
void add_sweep(CLI::App& app, Action& action);
void add_shell(CLI::App& app, Action& action);
void add_doctor(CLI::App& app, Action& action);
void add_init(CLI::App& app, Action& action);
void add_list(CLI::App& app, Action& action);

/// The layer of this name; with an empty name the only one. Throws InputError with the nearest name.
const Layer& find_layer(const Network& network, const std::string& name);

/// A mapping with its layer and hierarchy: from WORKLOAD, --arch, --mapping and --layer, or from what the mapping file itself
/// names.
struct MappingArguments {
  std::string workload, arch, mapping, layer;
  void add_to(CLI::App& app);
};
struct Subject {
  Layer layer;
  Hierarchy hierarchy;
  Nest nest;
};
Subject load(const MappingArguments& arguments, const Library& library);

/// Words and what they stand for.
template <class T>
using Choices = std::vector<std::pair<std::string, T>>;

template <class T>
std::string words_of(const Choices<T>& choices) {
  std::string words;
  for (const auto& choice : choices) words += (words.empty() ? "" : "|") + choice.first;
  return words;
}

template <class T>
T chosen(const std::string& option, const std::string& given, const Choices<T>& choices) {
  for (const auto& [word, value] : choices)
    if (word == given) return value;
  throw CLI::ValidationError(option, "expected " + words_of(choices) + ", found '" + given + "'");
}

/// An option that takes one of a few words.
template <class T>
CLI::Option* add_choice(CLI::App& app, const std::string& name, T& target, const Choices<T>& choices, const std::string& help) {
  return app
      .add_option_function<std::string>(
          name, [name, &target, choices](const std::string& given) { target = chosen(name, given, choices); }, help)
      ->type_name(words_of(choices));
}

/// … and may be given several times.
template <class T>
CLI::Option* add_choices(CLI::App& app, const std::string& name, std::vector<T>& targets, const Choices<T>& choices,
                         const std::string& help) {
  return app
      .add_option_function<std::vector<std::string>>(
          name,
          [name, &targets, choices](const std::vector<std::string>& given) {
            targets.clear();
            for (const std::string& word : given) targets.push_back(chosen(name, word, choices));
          },
          help)
      ->expected(1)
      ->take_all()
      ->type_name(words_of(choices));
}

/// A check for options that take a number above 0.
CLI::Validator above_zero();

/// Whether standard output or error is a terminal that takes colours (NO_COLOR is unset).
bool is_terminal(int descriptor);
bool has_colour(int descriptor);

/// Rows of cells as aligned text; the first row is the header. Columns of numbers are aligned right.
std::string table(const std::vector<std::vector<std::string>>& rows, const std::vector<bool>& right);

/// A path as a shell takes it.
std::string quoted(const std::string& path);

/// 1234567 as "1,234,567"; 1.5e9 as "1.5 G".
std::string grouped(std::int64_t number);

}  // namespace tilepath::cli
