// What the kernel of this machine dropped before any receiver saw it: a processor's backlog was
// full, into which every veth puts its frames. Of all networks and programs of the machine, since
// it was booted: nothing tells whose they were. proc_pid_net(5), softnet_stat.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace faultline {

struct HostDrops {
  std::uint64_t dropped = 0;   ///< Packets.
  std::uint64_t squeezed = 0;  ///< How often a processor left packets for later: time was up.

  /// From `before` to now; what seems to have sunk, as a processor was taken away, is 0.
  HostDrops since(const HostDrops& before) const {
    const auto rise = [](std::uint64_t now, std::uint64_t then) {
      return now > then ? now - then : 0;
    };
    return {rise(dropped, before.dropped), rise(squeezed, before.squeezed)};
  }
};

inline constexpr const char* softnet_path = "/proc/net/softnet_stat";
/// Nothing where the file is not there, or not as we know it.
std::optional<HostDrops> read_host_drops(const std::filesystem::path& file = softnet_path);

}  // namespace faultline
