// Network devices by raw rtnetlink, in batches: one datagram makes all links of a cluster, where
// one `ip` process per command takes ten times as long. rtnetlink(7),
// include/uapi/linux/rtnetlink.h.
//
// A Netlink object speaks to the network namespace in which it was made, for ever, whichever
// namespace its thread enters later. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <linux/netlink.h>

#include "harness/core/result.h"
#include "harness/os/fd.h"

namespace faultline {

using MacAddress = std::array<std::uint8_t, 6>;

class Netlink {
 public:
  /// NETLINK_ROUTE, or another protocol for dump().
  static Result<Netlink> open(int protocol = NETLINK_ROUTE);

  // Each call queues one request; `what` names it in an error. flush() sends them.

  void add_bridge(const std::string& name, const MacAddress& mac);
  /// A veth whose near end is `name`, up, a port of the bridge `master`, in device group `group`;
  /// the far end is "eth0", down, in the network namespace of process `pid`. (A far end that is
  /// created up fails with ENOTCONN: it would be opened before its twin exists.)
  void add_veth(const std::string& name, int master, std::uint32_t group, int pid,
                const MacAddress& far_mac);
  /// The same for a switch in user space: a port without a bridge, of which the switch namespace
  /// itself takes no notice, neither ARP nor IPv6 (which `ipv6` says the kernel has).
  void add_switch_port(const std::string& name, std::uint32_t group, int pid,
                       const MacAddress& far_mac, bool ipv6);
  /// A pair in this network namespace: `near` as add_switch_port() makes it, and `far`, up, a port
  /// of the bridge `master`.
  void add_uplink(const std::string& near, const std::string& far, int master, std::uint32_t group,
                  bool ipv6);
  void set_up(int index, std::string what);
  /// `address` is 4 or 16 bytes in network order. IPv6 addresses skip duplicate detection: they are
  /// usable at once.
  void add_address(int index, std::span<const std::uint8_t> address, int bits, std::string what);
  /// A permanent neighbour entry: `address` is at `mac`, and nobody need be asked.
  void add_neighbour(int index, std::span<const std::uint8_t> address, const MacAddress& mac,
                     std::string what);
  /// How many ports of the bridge `master` forward frames.
  Result<std::size_t> forwarding_ports(int master);
  /// Deletes all devices of the group in one step.
  void delete_group(std::uint32_t group);

  /// Sends what is queued as one datagram and waits for every acknowledgement. The first failure,
  /// as "WHAT: Operation not permitted"; the others have been attempted all the same.
  Status flush();

  /// Sends the one queued request, a question, and calls `each` with every message of the answer.
  /// Begun with NLM_F_DUMP it may have many.
  Status ask(const std::function<void(const nlmsghdr&)>& each);

  /// Builds a request by hand, for what has no function above.
  void begin(std::uint16_t type, std::uint16_t flags, const void* body, std::size_t size,
             std::string what);
  void attribute(std::uint16_t type, const void* data, std::size_t size);
  void attribute(std::uint16_t type, const std::string& text);
  void attribute(std::uint16_t type, std::uint32_t value);
  std::size_t begin_nest(std::uint16_t type);
  void end_nest(std::size_t at);

 private:
  struct NearEnd {
    unsigned flags;  ///< IFF_UP, or IFF_NOARP.
    int master;      ///< 0: no bridge's.
    std::uint32_t group;
  };
  struct FarEnd {
    std::string name;
    int pid;                ///< 0: here.
    const MacAddress* mac;  ///< nullptr: the kernel's choice.
  };
  void add_pair(const std::string& name, const NearEnd& near, const FarEnd& far);
  /// A device that was created down: it would speak before it is told to be silent.
  void bring_up_silent(const std::string& name, bool ipv6);
  explicit Netlink(Fd fd) : fd_(std::move(fd)) {}
  void append(const void* data, std::size_t size);
  nlmsghdr* header();

  Fd fd_;
  std::vector<std::uint64_t> buffer_;  ///< Of uint64: netlink wants its headers aligned.
  std::size_t size_ = 0;               ///< Bytes used of buffer_.
  std::size_t current_ = 0;            ///< Where the request being built begins.
  std::uint32_t first_sequence_ = 1, sequence_ = 1;
  std::vector<std::string> queued_;  ///< What each request of this batch is, by sequence.
};

}  // namespace faultline
