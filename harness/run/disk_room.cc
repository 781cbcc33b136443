#include "harness/run/disk_room.h"

#include <cstdint>
#include <string>

namespace faultline {
namespace {

constexpr std::chrono::milliseconds disk_interval{500};
/// For the results and the rest of the history when a run is broken off.
constexpr std::uintmax_t room_min = 8 << 20;

}  // namespace

Status DiskRoom::look() const {
  std::error_code failed;
  const auto space = std::filesystem::space(directory_, failed);
  if (failed || space.available >= room_min) return Ok{};
  return Error{"the disk of " + directory_.string() + " is full: " +
               std::to_string(space.available >> 10) + " KiB are free, a run needs 8 MiB"};
}

Status DiskRoom::look_now_and_then() {
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_at_ < disk_interval) return Ok{};
  looked_at_ = now;
  return look();
}

}  // namespace faultline
