// The hook in the clocks of one running process: put into its vDSO once, steered afterwards without
// stopping it. Private to harness/os; x86-64.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/result.h"
#include "harness/os/clock_hook.h"
#include "harness/os/fd.h"
#include "harness/os/vdso.h"

namespace faultline {

/// Where the vDSO is in the process's address space; 0 if it has none. `pid` may be a thread's.
Result<std::uint64_t> vdso_base(int pid);

/// Holds /proc/PID/mem, which belongs to the program that the process runs: after an exec it is
/// gone for good. The hook is never removed, because a thread that was preempted may be in it;
/// without a shift it hands on what the original says. Children inherit hook and shift.
class ClockPatch {
 public:
  /// Looks only. An error says why the process cannot be patched: "its vDSO …", "it has ended".
  static Result<ClockPatch> open(int pid);

  /// False if the process has ended, or runs another program.
  bool alive() const;
  bool hooked() const { return block_.has_value(); }
  /// Puts the hook in, shifting nothing. `held`: its only thread is stopped by the caller, before
  /// its first instruction. `meanwhile`: see ThreadStop::make().
  Status hook(bool held, const std::function<void()>& meanwhile = {});
  /// Requires hooked(). Threads that ask for the time meanwhile get an answer by the old or the new
  /// slot, never a mixture.
  Status set(const HookSlot& slot);
  /// The slot in force, after a check that the entries jump to our code, byte for byte.
  Result<HookSlot> read() const;

  std::int64_t threads() const { return threads_; }        ///< That hook() stopped.
  std::int64_t stopped_ns() const { return stopped_ns_; }  ///< For how long.

 private:
  ClockPatch(int pid, Fd memory, std::uint64_t base)
      : pid_(pid), memory_(std::move(memory)), base_(base) {}
  Status read_bytes(std::size_t offset, void* into, std::size_t size) const;
  Status write_bytes(std::size_t offset, const void* from, std::size_t size);
  Status write_jumps(std::size_t block);

  int pid_ = 0;
  Fd memory_;
  std::uint64_t base_ = 0;  ///< Where the vDSO is in its address space.
  std::vector<std::uint8_t> image_;
  VdsoPlaces places_;
  std::optional<std::size_t> block_;  ///< Offset in the vDSO.
  std::int64_t threads_ = 0, stopped_ns_ = 0;
};

}  // namespace faultline
