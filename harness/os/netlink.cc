#include "harness/os/netlink.h"

#include <cstring>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

#include "harness/core/check.h"

namespace faultline {
namespace {

constexpr std::size_t aligned(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

}  // namespace

Result<Netlink> Netlink::open(int protocol) {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd) return os_error("open a netlink socket");
  const int one = 1, receive_bytes = 1 << 20;
  ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);
  // A burst of acknowledgements must fit; more than rmem_max is granted to whoever may (else the
  // kernel clips it, which is enough for a few hundred).
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof receive_bytes) != 0)
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
  return Netlink(std::move(fd));
}

nlmsghdr* Netlink::header() {
  return reinterpret_cast<nlmsghdr*>(reinterpret_cast<char*>(buffer_.data()) + current_);
}

void Netlink::append(const void* data, std::size_t size) {
  const std::size_t end = size_ + aligned(size);
  buffer_.resize((end + 7) / 8, 0);
  if (size > 0) std::memcpy(reinterpret_cast<char*>(buffer_.data()) + size_, data, size);
  size_ = end;
}

void Netlink::begin(std::uint16_t type, std::uint16_t flags, const void* body, std::size_t size,
                    std::string what) {
  current_ = size_;
  nlmsghdr start{};
  start.nlmsg_type = type;
  start.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
  start.nlmsg_seq = sequence_++;
  append(&start, sizeof start);
  append(body, size);
  header()->nlmsg_len = static_cast<std::uint32_t>(size_ - current_);
  queued_.push_back(std::move(what));
}

void Netlink::attribute(std::uint16_t type, const void* data, std::size_t size) {
  rtattr start{};
  start.rta_type = type;
  start.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(size));
  append(&start, sizeof start);
  append(data, size);
  header()->nlmsg_len = static_cast<std::uint32_t>(size_ - current_);
}

void Netlink::attribute(std::uint16_t type, const std::string& text) {
  attribute(type, text.c_str(), text.size() + 1);
}

void Netlink::attribute(std::uint16_t type, std::uint32_t value) {
  attribute(type, &value, sizeof value);
}

std::size_t Netlink::begin_nest(std::uint16_t type) {
  const std::size_t at = size_;
  attribute(type, nullptr, 0);
  return at;
}

void Netlink::end_nest(std::size_t at) {
  auto* start = reinterpret_cast<rtattr*>(reinterpret_cast<char*>(buffer_.data()) + at);
  start->rta_len = static_cast<std::uint16_t>(size_ - at);
}

void Netlink::add_bridge(const std::string& name, const MacAddress& mac) {
  ifinfomsg info{};
  info.ifi_flags = info.ifi_change = IFF_UP;
  begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info, "create bridge " + name);
  attribute(IFLA_IFNAME, name);
  // Without a fixed address the bridge takes that of its lowest port, and changes it as ports come.
  attribute(IFLA_ADDRESS, mac.data(), mac.size());
  const std::size_t link_info = begin_nest(IFLA_LINKINFO);
  attribute(IFLA_INFO_KIND, std::string("bridge"));
  const std::size_t data = begin_nest(IFLA_INFO_DATA);
  const std::uint8_t off = 0;
  attribute(IFLA_BR_FORWARD_DELAY, std::uint32_t{0});
  attribute(IFLA_BR_STP_STATE, std::uint32_t{0});
  attribute(IFLA_BR_MCAST_SNOOPING, &off, 1);  // Neighbour discovery is multicast: always flood.
  end_nest(data);
  end_nest(link_info);
}

void Netlink::add_pair(const std::string& name, const NearEnd& near, const FarEnd& far) {
  ifinfomsg info{};
  info.ifi_flags = info.ifi_change = near.flags;
  begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info, "create veth " + name);
  attribute(IFLA_IFNAME, name);
  if (near.master != 0) attribute(IFLA_MASTER, static_cast<std::uint32_t>(near.master));
  attribute(IFLA_GROUP, near.group);
  const std::size_t link_info = begin_nest(IFLA_LINKINFO);
  attribute(IFLA_INFO_KIND, std::string("veth"));
  const std::size_t data = begin_nest(IFLA_INFO_DATA);
  const std::size_t peer = begin_nest(VETH_INFO_PEER);
  const ifinfomsg peer_info{};
  append(&peer_info, sizeof peer_info);
  attribute(IFLA_IFNAME, far.name);
  if (far.pid != 0) attribute(IFLA_NET_NS_PID, static_cast<std::uint32_t>(far.pid));
  if (far.mac != nullptr) attribute(IFLA_ADDRESS, far.mac->data(), far.mac->size());
  end_nest(peer);
  end_nest(data);
  end_nest(link_info);
}

void Netlink::add_veth(const std::string& name, int master, std::uint32_t group, int pid,
                       const MacAddress& far_mac) {
  add_pair(name, {IFF_UP, master, group}, {"eth0", pid, &far_mac});
}

void Netlink::bring_up_silent(const std::string& name, bool ipv6) {
  const ifinfomsg by_name{};
  if (ipv6) {
    const std::uint8_t none = 1;  // IN6_ADDR_GEN_MODE_NONE
    begin(RTM_NEWLINK, 0, &by_name, sizeof by_name, "keep IPv6 from " + name);
    attribute(IFLA_IFNAME, name);
    const std::size_t all = begin_nest(IFLA_AF_SPEC);
    const std::size_t inet6 = begin_nest(AF_INET6);
    attribute(IFLA_INET6_ADDR_GEN_MODE, &none, sizeof none);
    end_nest(inet6);
    end_nest(all);
  }
  ifinfomsg up{};
  up.ifi_flags = up.ifi_change = IFF_UP;
  begin(RTM_NEWLINK, 0, &up, sizeof up, "bring " + name + " up");
  attribute(IFLA_IFNAME, name);
}

void Netlink::add_switch_port(const std::string& name, std::uint32_t group, int pid,
                              const MacAddress& far_mac, bool ipv6) {
  add_pair(name, {IFF_NOARP, 0, group}, {"eth0", pid, &far_mac});
  bring_up_silent(name, ipv6);
}

void Netlink::add_uplink(const std::string& near, const std::string& far, int master,
                         std::uint32_t group, bool ipv6) {
  add_pair(near, {IFF_NOARP, 0, group}, {far, 0, nullptr});
  bring_up_silent(near, ipv6);
  ifinfomsg up{};
  up.ifi_flags = up.ifi_change = IFF_UP;
  begin(RTM_NEWLINK, 0, &up, sizeof up, "make " + far + " a port of the bridge");
  attribute(IFLA_IFNAME, far);
  attribute(IFLA_MASTER, static_cast<std::uint32_t>(master));
}

void Netlink::set_up(int index, std::string what) {
  ifinfomsg info{};
  info.ifi_index = index;
  info.ifi_flags = info.ifi_change = IFF_UP;
  begin(RTM_NEWLINK, 0, &info, sizeof info, std::move(what));
}

void Netlink::add_address(int index, std::span<const std::uint8_t> address, int bits,
                          std::string what) {
  FAULTLINE_CHECK(address.size() == 4 || address.size() == 16);
  ifaddrmsg message{};
  message.ifa_family = address.size() == 4 ? AF_INET : AF_INET6;
  message.ifa_prefixlen = static_cast<std::uint8_t>(bits);
  message.ifa_index = static_cast<std::uint32_t>(index);
  message.ifa_flags = address.size() == 16 ? IFA_F_NODAD : 0;
  begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &message, sizeof message, std::move(what));
  attribute(IFA_LOCAL, address.data(), address.size());
  attribute(IFA_ADDRESS, address.data(), address.size());
}

void Netlink::add_neighbour(int index, std::span<const std::uint8_t> address, const MacAddress& mac,
                            std::string what) {
  FAULTLINE_CHECK(address.size() == 4 || address.size() == 16);
  ndmsg message{};
  message.ndm_family = address.size() == 4 ? AF_INET : AF_INET6;
  message.ndm_ifindex = index;
  message.ndm_state = NUD_PERMANENT;
  begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &message, sizeof message, std::move(what));
  attribute(NDA_DST, address.data(), address.size());
  attribute(NDA_LLADDR, mac.data(), mac.size());
}

Result<std::size_t> Netlink::forwarding_ports(int master) {
  constexpr std::uint8_t forwarding = 3;  // BR_STATE_FORWARDING
  ifinfomsg all{};
  all.ifi_family = AF_BRIDGE;
  begin(RTM_GETLINK, NLM_F_DUMP, &all, sizeof all, "list the ports of the bridge");
  std::size_t count = 0;
  const Status done = ask([&](const nlmsghdr& message) {
    bool ours = false, forwards = false;
    auto left = static_cast<int>(IFLA_PAYLOAD(&message));
    for (auto* item = IFLA_RTA(NLMSG_DATA(&message)); RTA_OK(item, left);
         item = RTA_NEXT(item, left)) {
      const unsigned type = item->rta_type & ~NLA_F_NESTED;
      if (type == IFLA_MASTER) ours = *static_cast<const int*>(RTA_DATA(item)) == master;
      if (type != IFLA_PROTINFO) continue;
      auto inner_left = static_cast<int>(RTA_PAYLOAD(item));
      for (auto* inner = static_cast<const rtattr*>(RTA_DATA(item)); RTA_OK(inner, inner_left);
           inner = RTA_NEXT(inner, inner_left))
        if (inner->rta_type == IFLA_BRPORT_STATE)
          forwards = *static_cast<const std::uint8_t*>(RTA_DATA(inner)) == forwarding;
    }
    count += ours && forwards;
  });
  if (!done) return done.error();
  return count;
}

void Netlink::delete_group(std::uint32_t group) {
  const ifinfomsg info{};
  begin(RTM_DELLINK, 0, &info, sizeof info, "delete the links of a cluster");
  attribute(IFLA_GROUP, group);
}

Status Netlink::flush() {
  const std::size_t bytes = std::exchange(size_, 0);
  const std::vector<std::string> queued = std::exchange(queued_, {});
  const std::uint32_t first = std::exchange(first_sequence_, sequence_);
  if (queued.empty()) return Ok{};
  if (::send(fd_.get(), buffer_.data(), bytes, 0) < 0) return os_error(queued.front());
  buffer_.clear();

  std::string failure;
  std::array<std::uint64_t, 8192> reply;
  for (std::size_t waiting = queued.size(); waiting > 0;) {
    const ssize_t got = ::recv(fd_.get(), reply.data(), sizeof reply, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return os_error(queued.front());
    auto left = static_cast<std::size_t>(got);
    for (auto* message = reinterpret_cast<nlmsghdr*>(reply.data()); NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      const std::uint32_t index = message->nlmsg_seq - first;
      if (message->nlmsg_type != NLMSG_ERROR || index >= queued.size()) continue;
      --waiting;
      const int number = -static_cast<const nlmsgerr*>(NLMSG_DATA(message))->error;
      if (number != 0 && failure.empty()) failure = queued[index] + ": " + error_text(number);
    }
  }
  if (!failure.empty()) return Error{std::move(failure)};
  return Ok{};
}

Status Netlink::ask(const std::function<void(const nlmsghdr&)>& each) {
  FAULTLINE_CHECK(queued_.size() == 1);
  const std::size_t bytes = std::exchange(size_, 0);
  const std::string what = std::exchange(queued_, {}).front();
  const std::uint32_t sequence = std::exchange(first_sequence_, sequence_);
  if (::send(fd_.get(), buffer_.data(), bytes, 0) < 0) return os_error(what);
  buffer_.clear();
  std::vector<std::uint64_t> reply(64 * 1024 / 8);
  for (;;) {
    const ssize_t got = ::recv(fd_.get(), reply.data(), reply.size() * 8, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return os_error(what);
    auto left = static_cast<std::size_t>(got);
    for (auto* message = reinterpret_cast<nlmsghdr*>(reply.data()); NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_seq != sequence) continue;
      if (message->nlmsg_flags & NLM_F_DUMP_INTR)
        return Error{what + ": changed while it was read"};
      if (message->nlmsg_type == NLMSG_DONE) return Ok{};
      if (message->nlmsg_type == NLMSG_ERROR) {
        // 0 acknowledges a question that was no dump, after its answer.
        const int number = -static_cast<const nlmsgerr*>(NLMSG_DATA(message))->error;
        if (number == 0) return Ok{};
        return Error{what + ": " + error_text(number)};
      }
      each(*message);
    }
  }
}

}  // namespace faultline
