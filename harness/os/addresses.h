// The addresses of the world: 10.88.0.0/16 and an IPv6 unique local prefix, both in a network of
// our own, so that they collide with nothing. Nodes have fixed hardware addresses: predictable
// frames.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

#include "harness/os/netlink.h"

namespace faultline {

inline constexpr int prefix_bits = 16, prefix_bits6 = 64;
inline constexpr const char* controller_address = "10.88.255.254";
inline constexpr const char* controller_address6 = "fd58:fa17:1ee0::ffff";
inline constexpr std::size_t machines_max = 250;

/// Of a machine, a node or a client's, by its index.
std::string node_address(std::size_t index);
std::string node_address6(std::size_t index);
MacAddress node_mac(std::size_t index);
/// The IPv6 address that the kernel gives a device of this hardware address by itself (EUI-64).
std::string link_local_address6(const MacAddress& mac);
inline constexpr MacAddress switch_mac = {0x02, 0x58, 0, 0, 0xff, 0xfe};

/// 4 or 16 bytes in network order. Requires an address's text.
std::vector<std::uint8_t> address_bytes(const std::string& text);

/// sockaddr_in or sockaddr_in6 of an address's text.
class SocketAddress {
 public:
  SocketAddress(const std::string& address, std::uint16_t port);
  int family() const { return storage_.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const {
    return family() == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  }

 private:
  sockaddr_storage storage_{};
};

}  // namespace faultline
