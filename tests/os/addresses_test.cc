#include "harness/os/addresses.h"

#include <set>

#include <doctest/doctest.h>

namespace faultline {
namespace {

TEST_CASE("addresses: the link-local address of a hardware address") {
  CHECK(address_bytes(link_local_address6(node_mac(0))) == address_bytes("fe80::58:ff:fe00:1"));
  CHECK(address_bytes(link_local_address6(switch_mac)) == address_bytes("fe80::58:ff:fe00:fffe"));
}

TEST_CASE("nodes have addresses of their own, and none is the controller's") {
  std::set<std::string> seen = {controller_address, controller_address6};
  std::set<MacAddress> macs = {switch_mac};
  for (std::size_t i = 0; i < machines_max; ++i) {
    CHECK(seen.insert(node_address(i)).second);
    CHECK(seen.insert(node_address6(i)).second);
    CHECK(macs.insert(node_mac(i)).second);
  }
  CHECK(node_address(0) == "10.88.0.1");
  CHECK(node_address(249) == "10.88.0.250");
  CHECK(node_address6(249) == "fd58:fa17:1ee0::fa");
}

TEST_CASE("addresses as bytes and for sockets") {
  CHECK(address_bytes("10.88.0.1") == std::vector<std::uint8_t>{10, 88, 0, 1});
  const auto v6 = address_bytes(node_address6(0));
  REQUIRE(v6.size() == 16);
  CHECK(v6.front() == 0xfd);
  CHECK(v6.back() == 1);
  CHECK(SocketAddress("10.88.0.1", 7).family() == AF_INET);
  CHECK(SocketAddress(node_address6(0), 7).family() == AF_INET6);
}

}  // namespace
}  // namespace faultline
