// Slurm, by its own commands: sbatch, squeue, scontrol.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace tilepath::cli {

/// A program's end: what it wrote, and its exit code; 127 where there is no such program.
struct Ended {
  int code = 0;
  std::string out, err;
};
/// Runs a program found on PATH with these arguments (no shell) to its end.
Ended run_program(const std::vector<std::string>& command);

/// A job array whose task i does share i + offset.
struct ShareArray {
  std::string job;
  std::int64_t offset = 0;
};

/// The most tasks that one array can have here (Slurm's MaxArraySize - 1); 1,000 where it does not say.
std::int64_t most_tasks();
/// Submits `script OFFSET` as an array of these shares, all in [offset, offset + most_tasks()). Throws InputError with what
/// sbatch says.
ShareArray submit_array(const std::filesystem::path& script, const std::vector<std::int64_t>& shares, std::int64_t offset,
                        const std::vector<std::string>& options);
/// Slurm's word ("RUNNING", "PENDING", …) for each share of these arrays that it still has. Throws InputError where squeue fails.
std::map<std::int64_t, std::string> queued(const std::vector<ShareArray>& arrays);

/// 0, 1, 2, 5 as "0-2,5".
std::string ranges(const std::vector<std::int64_t>& ascending);

}  // namespace tilepath::cli
