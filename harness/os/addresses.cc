#include "harness/os/addresses.h"

#include <cstdio>
#include <cstring>

#include <arpa/inet.h>

#include "harness/core/check.h"

namespace faultline {

std::string node_address(std::size_t index) { return "10.88.0." + std::to_string(index + 1); }

std::string node_address6(std::size_t index) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "fd58:fa17:1ee0::%zx", index + 1);
  return text.data();
}

MacAddress node_mac(std::size_t index) {
  return {0x02,
          0x58,
          0,
          0,
          static_cast<std::uint8_t>((index + 1) >> 8),
          static_cast<std::uint8_t>(index + 1)};
}

std::string link_local_address6(const MacAddress& mac) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "fe80::%02x%02x:%02xff:fe%02x:%02x%02x", mac[0] ^ 2,
                mac[1], mac[2], mac[3], mac[4], mac[5]);
  return text.data();
}

std::vector<std::uint8_t> address_bytes(const std::string& text) {
  const bool v6 = text.find(':') != std::string::npos;
  std::vector<std::uint8_t> bytes(v6 ? 16 : 4);
  FAULTLINE_CHECK(::inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), bytes.data()) == 1);
  return bytes;
}

SocketAddress::SocketAddress(const std::string& address, std::uint16_t port) {
  const std::vector<std::uint8_t> bytes = address_bytes(address);
  if (bytes.size() == 4) {
    auto* at = reinterpret_cast<sockaddr_in*>(&storage_);
    at->sin_family = AF_INET;
    at->sin_port = htons(port);
    std::memcpy(&at->sin_addr, bytes.data(), bytes.size());
  } else {
    auto* at = reinterpret_cast<sockaddr_in6*>(&storage_);
    at->sin6_family = AF_INET6;
    at->sin6_port = htons(port);
    std::memcpy(&at->sin6_addr, bytes.data(), bytes.size());
  }
}

}  // namespace faultline
