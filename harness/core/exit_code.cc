#include "harness/core/exit_code.h"

#include <algorithm>
#include <array>

namespace faultline {

ExitCode worse(ExitCode a, ExitCode b) {
  static constexpr std::array order = {
      ExitCode::violation,   ExitCode::internal,  ExitCode::usage,       ExitCode::capability,
      ExitCode::target_down, ExitCode::threshold, ExitCode::interrupted, ExitCode::unknown,
      ExitCode::vacuous,     ExitCode::valid};
  const auto rank = [](ExitCode code) { return std::find(order.begin(), order.end(), code); };
  return rank(a) <= rank(b) ? a : b;
}

ExitCode exit_code_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::other:
      return ExitCode::internal;
    case ErrorKind::usage:
      return ExitCode::usage;
    case ErrorKind::capability:
      return ExitCode::capability;
    case ErrorKind::target:
      return ExitCode::target_down;
  }
  return ExitCode::internal;
}

}  // namespace faultline
