// Runs a helper program (nft) to its end.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/result.h"

namespace faultline {

/// The absolute path of a program in PATH or in the system's sbin folders; empty if there is none.
std::string find_program(std::string_view name);

struct ProgramResult {
  int status = 0;      ///< Exit status; 128 + signal if a signal ended it.
  std::string output;  ///< stdout and stderr together, at most 1 MiB of it.
};

/// Runs argv[0] (an absolute path) with `input` as stdin, in the network namespace of the calling
/// thread, in a session of its own (so that Ctrl-C does not reach it). Killed at the limit, which
/// is an error. Thread-safe.
Result<ProgramResult> run_program(const std::vector<std::string>& argv, std::string_view input,
                                  std::chrono::milliseconds limit);

/// posix_spawn with the same care for sessions and signals; stdin, stdout and stderr as given, all
/// other descriptors closed on exec; `variable` ("NAME=VALUE") is added to the environment unless
/// it is empty. The child's pid.
Result<int> spawn_program(const std::vector<std::string>& argv, int in, int out, int err,
                          const std::string& variable = {});

/// Waits for the child `pid` and reaps it; nothing if it still runs at the limit.
Result<int> wait_program(int pid, std::chrono::milliseconds limit);

}  // namespace faultline
