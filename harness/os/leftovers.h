// What a dead controller might have left behind on this machine, and how to be rid of it. Since the
// kernel ends a world with its controller there should never be anything; this is for the day on
// which there is.
//
// Every process of a world, from its nursery to the stores' children, inherits one variable that
// names its controller, so that what is found is ours beyond doubt, and it can be told whether its
// controller still lives. It holds across versions: the first number is the format.
//
//   FAULTLINE_RUN=1:PID:START:PIDNS:DIRECTORY
//
// PID and START (clock ticks after boot) of the controller, which no other process ever shares,
// the inode of the PID namespace in which that is its number, and the run's directory.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/result.h"

namespace faultline {

/// The variable, with its name, for a world of this process.
std::string run_mark(const std::filesystem::path& directory);

struct RunMark {
  int pid = 0;
  std::uint64_t start = 0, pid_namespace = 0;
  std::filesystem::path directory;
};
/// Of a process's environment, as in /proc/PID/environ; nothing if there is none that we know.
std::optional<RunMark> parse_run_mark(std::string_view environment);

/// A process whose controller is dead.
struct Orphan {
  int pid = 0;
  std::uint64_t start = 0;
  std::string command;
  std::filesystem::path directory;  ///< Of its run.
};
/// All that this user may see. A process whose mark is of another PID namespace is none: whether
/// its controller lives cannot be told from here.
std::vector<Orphan> find_orphans();
/// SIGKILL, and waits until they are gone. Those that are not at the limit, or may not be killed.
/// A number that is another process's by now is left alone.
std::vector<Orphan> end_orphans(const std::vector<Orphan>& orphans,
                                std::chrono::milliseconds limit);

/// Mount points below `directory`, as this process sees them, innermost first.
std::vector<std::filesystem::path> mounts_below(const std::filesystem::path& directory);
Status remove_mount(const std::filesystem::path& path);

}  // namespace faultline
