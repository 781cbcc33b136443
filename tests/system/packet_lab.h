// A switch in user space whose ports are devices of a network of the test's own, in which nobody
// else says a word: everything that comes is known, and everything that is counted was sent here.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>

#include "harness/os/packet_bytes.h"
#include "harness/os/packet_switch.h"
#include "tests/system/network.h"

namespace faultline::system_test {

using Frame = std::vector<std::uint8_t>;
using Address = std::array<std::uint8_t, 6>;

inline constexpr Address everybody = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

struct Arrived {
  VirtioHeader header;
  Frame frame;
};

inline void put_bytes(Frame& frame, std::initializer_list<unsigned> bytes) {
  for (const unsigned byte : bytes) frame.push_back(static_cast<std::uint8_t>(byte));
}
inline Frame ethernet(const Address& to, std::size_t from, unsigned type) {
  Frame frame(to.begin(), to.end());
  const Address mac = node_mac(from);
  frame.insert(frame.end(), mac.begin(), mac.end());
  put_bytes(frame, {type >> 8, type & 255});
  return frame;
}
/// What no rule touches: of a type that is nobody's (IEEE 802, local experiments).
inline Frame housekeeping(const Address& to, std::size_t from, std::uint8_t text) {
  Frame frame = ethernet(to, from, 0x88b5);
  frame.resize(60, text);
  return frame;
}
/// Over IPv4, with `bytes` of payload that are all `text`; no checksum is right.
inline Frame packet(const Address& to, std::size_t from, unsigned protocol, std::size_t bytes,
                    std::uint8_t text) {
  const std::size_t header = protocol == 6 ? 20 : 8;
  const auto total = static_cast<unsigned>(20 + header + bytes);
  Frame frame = ethernet(to, from, 0x0800);
  put_bytes(frame, {0x45, 0, total >> 8 & 255, total & 255, 0, 1, 0x40, 0, 64, protocol, 0, 0});
  put_bytes(frame, {10, 88, 0, 1, 10, 88, 0, 2});
  const std::size_t transport = frame.size();
  frame.resize(transport + header);
  if (protocol == 6) frame[transport + 12] = 0x50;
  frame.resize(frame.size() + bytes, text);
  return frame;
}
inline Frame datagram(const Address& to, std::size_t from, std::uint8_t text,
                      std::size_t bytes = 100) {
  return packet(to, from, 17, bytes, text);
}
/// Several segments in one frame, as TCP hands them to a device that can cut them up itself.
inline constexpr VirtioHeader segments = {needs_checksum, 1, 54, 1448, 34, 16};

/// Machines by index, and last the controller: each the far end of a pair of devices, of which the
/// other one is the switch's port.
class Lab {
 public:
  explicit Lab(std::size_t ports = 3, std::uint64_t seed = 1) : inbox_(ports) {
    require_world();
    home_ = Fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    REQUIRE(home_);
    REQUIRE(::unshare(CLONE_NEWNET) == 0);
    std::ofstream("/proc/sys/net/ipv6/conf/default/disable_ipv6") << 1;
    auto netlink = Netlink::open();
    REQUIRE(netlink);
    std::vector<std::string> devices;
    for (std::size_t i = 0; i < ports; ++i) {
      devices.push_back("p" + std::to_string(i));
      netlink->add_uplink(devices.back(), "m" + std::to_string(i), 0, 0, false);
    }
    require_ok(netlink->flush());
    for (std::size_t i = 0; i < ports; ++i) machines_.push_back(socket_on("m" + std::to_string(i)));
    auto opened = PacketSwitch::open(devices, seed);
    if (!opened) FAIL(opened.error().what);
    packets_ = std::move(*opened);
  }
  ~Lab() {
    packets_.reset();
    (void)::setns(home_.get(), CLONE_NEWNET);
  }
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;

  PacketSwitch& operator*() { return *packets_; }
  PacketSwitch* operator->() { return packets_.get(); }
  std::size_t ports() const { return inbox_.size(); }

  void rule(const std::map<Edge, LinkRule>& rules) {
    LinkTable table(ports() * ports());
    for (const auto& [edge, rule] : rules) table[edge.from * ports() + edge.to] = rule;
    packets_->apply(std::move(table));
  }
  void fault(const Edge& edge, const LinkPolicy& policy) {
    LinkRule::MessageCounts counts;
    for (std::size_t i = 0; i < policy.nth.size(); ++i)
      counts.push_back(std::make_shared<std::uint64_t>(0));
    const std::int64_t now = std::chrono::steady_clock::now().time_since_epoch().count();
    rule({{edge, LinkRule(policy, true, now, std::move(counts))}});
  }
  void send(std::size_t machine, const Frame& frame, const VirtioHeader& header = {}) {
    Frame bytes(sizeof header);
    std::memcpy(bytes.data(), &header, sizeof header);
    bytes.insert(bytes.end(), frame.begin(), frame.end());
    const ssize_t sent = ::send(machines_[machine].get(), bytes.data(), bytes.size(), 0);
    REQUIRE_MESSAGE(sent == static_cast<ssize_t>(bytes.size()), error_text(errno));
  }
  /// All that came to `to`, once the switch has carried all that `from` sent.
  std::vector<Arrived> arrived(std::size_t to, std::size_t from) {
    if (to != from) {
      mark(from, to);
    } else {
      const std::size_t other = (from + 1) % ports();
      mark(from, other);
      mark(other, to);
    }
    return std::exchange(inbox_[to], {});
  }
  /// The next, whenever it comes.
  Arrived next(std::size_t to) {
    if (inbox_[to].empty()) take(to);
    Arrived first = std::move(inbox_[to].front());
    inbox_[to].erase(inbox_[to].begin());
    return first;
  }
  void set_number(const std::string& device, std::uint16_t attribute, std::uint32_t number) {
    auto netlink = Netlink::open();
    REQUIRE(netlink);
    const ifinfomsg by_name{};
    netlink->begin(RTM_NEWLINK, 0, &by_name, sizeof by_name, "change " + device);
    netlink->attribute(IFLA_IFNAME, device);
    netlink->attribute(attribute, number);
    changed_ = netlink->flush();
  }
  const Status& changed() const { return changed_; }

 private:
  static Fd socket_on(const std::string& device) {
    Fd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    REQUIRE(socket);
    const int one = 1, bytes = 16 << 20;
    for (const int option : {PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING})
      REQUIRE(::setsockopt(socket.get(), SOL_PACKET, option, &one, sizeof one) == 0);
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    sockaddr_ll at{};
    at.sll_family = AF_PACKET;
    at.sll_protocol = htons(0x0003);
    at.sll_ifindex = static_cast<int>(::if_nametoindex(device.c_str()));
    REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
    return socket;
  }
  void take(std::size_t to) {
    pollfd ready{machines_[to].get(), POLLIN, 0};
    REQUIRE(::poll(&ready, 1, static_cast<int>(patient.count())) == 1);
    Frame bytes(70'000);
    const ssize_t got = ::recv(machines_[to].get(), bytes.data(), bytes.size(), 0);
    REQUIRE(got >= 24);
    Arrived& arrived = inbox_[to].emplace_back();
    std::memcpy(&arrived.header, bytes.data(), sizeof arrived.header);
    arrived.frame.assign(bytes.begin() + 10, bytes.begin() + got);
  }
  Address address_of(std::size_t machine) const {
    return machine + 1 == ports() ? switch_mac : node_mac(machine);
  }
  void mark(std::size_t from, std::size_t to) {
    Frame marker = housekeeping(address_of(to), from, 'M');
    marker.back() = ++marks_;
    send(from, marker);
    do take(to);
    while (inbox_[to].back().frame != marker);
    inbox_[to].pop_back();
  }

  Fd home_;
  std::vector<Fd> machines_;
  std::vector<std::vector<Arrived>> inbox_;
  std::unique_ptr<PacketSwitch> packets_;
  std::uint8_t marks_ = 0;
  Status changed_ = Ok{};
};

}  // namespace faultline::system_test
