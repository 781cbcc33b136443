// The processes of this PID namespace, from /proc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/cluster.h"
#include "harness/core/result.h"

namespace faultline {

/// What a line of /proc/PID/stat says: pid, comm and state, and fields 20 and 22.
struct ProcStat {
  ProcessInfo process;
  int threads = 0;
  std::uint64_t start = 0;  ///< Clock ticks after boot; with the pid it names one process for good.
};
/// Nothing if it is no such line.
std::optional<ProcStat> parse_proc_stat(std::string_view line);
/// Of the process `pid` as this namespace sees it; nothing if there is none.
std::optional<ProcStat> proc_stat(int pid);
/// Numbers among the names in a directory, sorted: the pids in /proc.
std::vector<int> numbers_in(const std::string& directory);

/// Every process but this one and zombies, by pid as this namespace sees it. A process whose main
/// thread ended but which has others is alive, and has the state of the first of those.
Result<std::vector<ProcessInfo>> list_processes();

}  // namespace faultline
