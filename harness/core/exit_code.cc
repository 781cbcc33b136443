#include "harness/core/exit_code.h"

#include <algorithm>
#include <array>

namespace faultline {

namespace {

constexpr auto table = std::to_array<ExitCodeEntry>({
    {ExitCode::violation, "a violation was found, or the verdict is not the expected one"},
    {ExitCode::internal, "internal error: Faultline itself failed"},
    {ExitCode::usage, "the command line, a configuration or a history is malformed"},
    {ExitCode::capability, "this machine cannot do it, or what is needed is not installed"},
    {ExitCode::target_down, "the target never came up"},
    {ExitCode::threshold, "a threshold was missed, or the store did not recover in time"},
    {ExitCode::interrupted, "interrupted by a signal, and healed"},
    {ExitCode::unknown, "unknown: nothing was found, and nothing is proven"},
    {ExitCode::vacuous, "vacuous: there was nothing to judge"},
    {ExitCode::valid, "valid, or the verdict is the expected one"},
});

}  // namespace

std::span<const ExitCodeEntry> exit_codes() { return table; }

ExitCode worse(ExitCode a, ExitCode b) {
  const auto rank = [](ExitCode code) {
    return std::ranges::find(table, code, &ExitCodeEntry::code);
  };
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
