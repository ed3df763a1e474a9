// What the subcommands of `tilepath sweep` share.
#pragma once

#include <string>
#include <vector>

#include "context.hpp"
#include "sweep_folder.hpp"

namespace tilepath::cli {

void add_plan(CLI::App& app, Action& action);
void add_run(CLI::App& app, Action& action);
void add_submit(CLI::App& app, Action& action);
void add_status(CLI::App& app, Action& action);
void add_merge(CLI::App& app, Action& action);
void add_front(CLI::App& app, Action& action);
void add_best(CLI::App& app, Action& action);
void add_sensitivity(CLI::App& app, Action& action);
void add_table_export(CLI::App& app, Action& action);
void add_design(CLI::App& app, Action& action);

/// SPEC: a file, a ready-made name, - or the folder of a sweep; resolved.
Sweep open_sweep(const std::string& given, bool front_only, const Context& context);
/// Whether `given` is the folder of a sweep.
bool is_sweep_folder(const std::string& given);
/// The files of records of a folder, or the one file of records that is given. Throws InputError where there are none; says on
/// standard error where some are still to come.
std::vector<std::string> record_files(const std::string& given);

}  // namespace tilepath::cli
