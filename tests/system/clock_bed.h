// A node whose clock is shifted, and what programs in it can tell of it, for tests of clocks.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <sys/syscall.h>
#include <time.h>

#include "harness/core/clocks.h"
#include "harness/os/clock_hook.h"
#include "tests/system/network.h"

namespace faultline::system_test {

inline constexpr std::int64_t one_second = 1'000'000'000, one_minute = 60 * one_second,
                              one_hour = 60 * one_minute;
inline std::int64_t own_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return now.tv_sec * one_second + now.tv_nsec;
}
/// Past the vDSO, and past the filter of system calls, as the hook itself asks.
inline std::int64_t true_ns() {
  timespec now{};
  ::syscall(SYS_clock_gettime, CLOCK_REALTIME, &now, hook_call_mark);
  return now.tv_sec * one_second + now.tv_nsec;
}

struct ClockBed {
  /// Programs that write much should have their files in nodes_directory(): a thread that waits for
  /// a crowded disk does not stop to be patched.
  explicit ClockBed(std::vector<std::string> argv, std::size_t nodes = 1,
                    const std::filesystem::path& parent = std::filesystem::temp_directory_path())
      : shells(nodes, LinksLever::bridge, "exec sleep 1000", 0, parent) {
    shells.argv = std::move(argv);
    require_ok(clocks().usable());
  }
  ClockBed(const char* helper_name) : ClockBed(helper(helper_name)) {}
  Clocks& clocks() { return shells.cluster->clocks(); }
  void start() { require_ok(shells.cluster->start(0)); }
  std::string output() { return read_file(shells.cluster->nodes()[0].log_dir / "stdout.log"); }
  /// Whether `text` is printed from now on.
  bool says(const std::string& text) {
    const std::size_t before = output().size();
    return eventually([&] { return output().find(text, before) != std::string::npos; });
  }
  /// Whether `text` is printed, if it was not already.
  bool said(const std::string& text) {
    return eventually([&] { return output().find(text) != std::string::npos; });
  }
  void jump(std::int64_t by) {
    const std::vector<Skew> skews = {
        {.kind = Skew::Kind::jump, .since_ns = clocks().now_ns(), .by_ns = by}};
    require_ok(clocks().set(0, skews));
  }
  void heal() { require_ok(clocks().set(0, {})); }
  ClockReading read(std::size_t node = 0) {
    auto reading = clocks().read(node);
    REQUIRE(reading);
    return *std::move(reading);
  }
  bool all_are(std::int64_t offset, std::size_t node = 0) {
    const ClockReading reading = read(node);
    return !reading.processes.empty() &&
           std::ranges::all_of(reading.processes, [&](const ClockReading::Process& process) {
             return process.problem.empty() && process.offset_ns == offset;
           });
  }
  Shells shells;
};

}  // namespace faultline::system_test
