// The vDSO: the shared object that the kernel maps into every process, through which programs read
// clocks without a system call. What a hook needs to know of one. Pure functions of its bytes.
// Private to harness/os; x86-64.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "harness/core/result.h"
#include "harness/os/clock_hook.h"

namespace faultline {

/// How many bytes of an image are mapped, from its first page, which holds the ELF and program
/// headers. An error if it is no 64-bit image for this machine.
Result<std::size_t> vdso_size(std::span<const std::uint8_t> first_page);

/// Where the entries are in an image, and where a block of `bytes` fits: beyond what the object
/// loads, which nobody reads. Offsets from its begin.
struct VdsoPlaces {
  std::array<std::size_t, 3> entries{};  ///< In the order of hooked_entries.
  std::size_t room = 0;                  ///< 32-byte aligned.
};
Result<VdsoPlaces> find_places(std::span<const std::uint8_t> image, std::size_t bytes);

/// The block that is hooked into it already, if any: where the jump at clock_gettime() leads.
/// Nothing if that is not ours.
std::optional<std::size_t> find_hook(std::span<const std::uint8_t> image, const VdsoPlaces& places);

/// Length of the whole instructions at the begin of `code` that a five-byte jump replaces, if all
/// of them do the same at another address; 0 if one is not known to.
std::size_t movable_prologue(std::span<const std::uint8_t> code);

/// What replaces the first bytes at `from`: a jump to `to`, both offsets in one image.
std::array<std::uint8_t, 5> jump(std::size_t from, std::size_t to);

/// The block for this image, placed at places.room: no clock shifted, the original to call filled
/// in, the entries' bytes saved.
std::vector<std::uint8_t> make_block(std::span<const std::uint8_t> image, const VdsoPlaces& places);

}  // namespace faultline
