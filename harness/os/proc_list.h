// The processes of this PID namespace, from /proc.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "harness/core/cluster.h"
#include "harness/core/result.h"

namespace faultline {

/// pid, comm and state of a line of /proc/PID/stat; nothing if it is none. `threads` is its
/// field 20.
struct ProcStat {
  ProcessInfo process;
  int threads = 0;
};
std::optional<ProcStat> parse_proc_stat(std::string_view line);

/// Every process but this one and zombies, by pid as this namespace sees it. A process whose main
/// thread ended but which has others is alive, and has the state of the first of those.
Result<std::vector<ProcessInfo>> list_processes();

}  // namespace faultline
