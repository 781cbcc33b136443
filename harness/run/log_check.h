// What the stores themselves said: patterns that no line of any node's log may match ("panic"), and
// patterns that some line must. Reads the files of a run directory only, so that `faultline check
// RUN` redoes it. Patterns are RE2's: linear in the length of a line, whatever the pattern.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "harness/core/checker.h"
#include "harness/core/params.h"

namespace faultline {

/// `logs: { forbid: …, require: … }` of a configuration, each a pattern or a list of patterns.
struct LogRules {
  std::vector<std::string> forbid;   ///< Each line that matches is a finding.
  std::vector<std::string> require;  ///< One that no line of any node matches is a finding.

  bool empty() const { return forbid.empty() && require.empty(); }
};

/// Errors are of kind usage with a place: a pattern that RE2 does not understand, or none at all.
Result<LogRules> read_log_rules(Params& params);

struct LogLimits {
  std::size_t line_bytes = 64 << 10;  ///< A longer line is searched in pieces of this length.
  std::size_t overlap_bytes = 1024;   ///< Of two pieces: a shorter match is not missed.
  std::size_t rows = 20;              ///< Lines quoted; the others are counted.
};

/// The check "logs": searches every file in `run`/nodes/*/log, streaming, in constant memory.
/// Unknown, never valid, if nothing was logged at all, if a log was cut off at its size limit or
/// cannot be read. Requires rules that read_log_rules() accepted.
Verdict check_logs(const std::filesystem::path& run, const LogRules& rules, LogLimits limits = {});

}  // namespace faultline
