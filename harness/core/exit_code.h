// The exit codes of every subcommand, and which of several wins.
#pragma once

#include <span>
#include <string_view>

#include "harness/core/result.h"

namespace faultline {

enum class ExitCode : int {
  valid = 0,
  violation = 1,
  unknown = 2,
  vacuous = 3,
  threshold = 4,
  target_down = 5,  ///< The target never came up.
  usage = 64,       ///< Command line, configuration or history malformed.
  capability = 69,  ///< This machine cannot do it.
  internal = 70,
  interrupted = 130,  ///< Stopped by a signal, and healed.
};

struct ExitCodeEntry {
  ExitCode code;
  std::string_view doc;  ///< What it says, for the help, the manual and `faultline list`.
};
/// All of them, worst first: 1, 70, 64, 69, 5, 4, 130, 2, 3, 0. An internal error must not mask a
/// violation, and nothing may mask a worse thing.
std::span<const ExitCodeEntry> exit_codes();

/// The more severe of two: which comes first in exit_codes().
ExitCode worse(ExitCode a, ExitCode b);

ExitCode exit_code_of(const Error& error);

}  // namespace faultline
