// The code that stands before a process's own clock_gettime(), gettimeofday() and time(): what is
// put into its vDSO, by the byte. Its source is in clock_hook.cc. Private to harness/os; x86-64.
//
// It is one block that runs at any address. Its head is what the harness writes later: two slots of
// parameters and a generation, whose lowest bit says which slot holds. A reader that finds another
// generation after it computed than before begins again, so that no half-written slot is ever used;
// a writer fills the other slot first and then counts the generation up.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "harness/core/clocks.h"

namespace faultline {

struct HookSlot {
  std::uint64_t clocks = 0;  ///< Bit N: clock N is shifted. 0: none, everything is as it was.
  ClockShift shift;
};

/// The entries that are hooked, in the order of the head's arrays.
inline constexpr std::array<const char*, 3> hooked_entries = {"__vdso_clock_gettime",
                                                              "__vdso_gettimeofday", "__vdso_time"};

struct HookHead {
  std::uint64_t magic = 0;
  std::uint32_t generation = 0;
  std::uint32_t reserved = 0;
  std::array<HookSlot, 2> slots{};
  /// Instructions that do what the first ones of the original clock_gettime() did, and a jump to
  /// the rest of it; or a system call.
  std::array<std::uint8_t, 40> original{};
  std::array<std::uint64_t, 3> saved{};  ///< The first 8 bytes of the entries, before.
};
static_assert(sizeof(ClockShift) == 96 && sizeof(HookSlot) == 104 && sizeof(HookHead) == 288,
              "clock_hook.cc has these offsets");

inline constexpr std::uint64_t hook_magic = 0x31636f6c6366616c;  // "lafcloc1"
/// CLOCK_REALTIME, CLOCK_REALTIME_COARSE, CLOCK_TAI.
inline constexpr std::uint64_t shifted_clocks = 1u << 0 | 1u << 5 | 1u << 11;
/// Third argument of the hook's own system call, by which it is told from the program's.
inline constexpr std::uint32_t hook_call_mark = 0x736b6577;

/// The block: its head, all zero, and the code.
std::span<const std::uint8_t> hook_block();
/// Where in the block an entry's code begins.
std::array<std::size_t, 3> hook_entry_offsets();

}  // namespace faultline
