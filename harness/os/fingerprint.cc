// What the host looks like from inside the world: netlink sockets and /proc files that were opened
// before it was entered still speak of the host. Counters, lifetimes and other things that change
// by themselves are left out.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <optional>
#include <sstream>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "harness/os/netlink.h"
#include "harness/os/world.h"

namespace faultline {
namespace {

using Lines = std::vector<std::string>;

std::string join_sorted(Lines lines) {
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

/// The attributes behind a fixed header, by number.
class Attributes {
 public:
  Attributes(const nlmsghdr& message, std::size_t header_bytes) {
    const auto* first = static_cast<const char*>(NLMSG_DATA(&message)) + NLMSG_ALIGN(header_bytes);
    auto left = static_cast<int>(message.nlmsg_len - NLMSG_LENGTH(header_bytes));
    for (auto* item = reinterpret_cast<const rtattr*>(first); RTA_OK(item, left);
         item = RTA_NEXT(item, left))
      if (const unsigned type = item->rta_type & ~NLA_F_NESTED; type < found_.size())
        found_[type] = item;
  }
  std::string text(unsigned type) const {
    return found_[type] ? std::string(static_cast<const char*>(RTA_DATA(found_[type]))) : "";
  }
  std::uint32_t number(unsigned type) const {
    std::uint32_t value = 0;
    if (found_[type] && RTA_PAYLOAD(found_[type]) >= sizeof value)
      std::memcpy(&value, RTA_DATA(found_[type]), sizeof value);
    return value;
  }
  std::string address(unsigned type, int family) const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const std::size_t size = family == AF_INET ? 4 : 16;
    if (!found_[type] || RTA_PAYLOAD(found_[type]) < size) return "-";
    return ::inet_ntop(family, RTA_DATA(found_[type]), text.data(), text.size());
  }
  std::string hex(unsigned type) const {
    std::string text;
    if (!found_[type]) return "-";
    const auto* bytes = static_cast<const unsigned char*>(RTA_DATA(found_[type]));
    for (std::size_t i = 0; i < RTA_PAYLOAD(found_[type]); ++i) {
      std::array<char, 3> digits{};
      std::snprintf(digits.data(), digits.size(), "%02x", bytes[i]);
      text += digits.data();
    }
    return text;
  }

 private:
  std::array<const rtattr*, 64> found_{};
};

template <typename Header>
const Header& header_of(const nlmsghdr& message) {
  return *static_cast<const Header*>(NLMSG_DATA(&message));
}

std::string link_line(const nlmsghdr& message) {
  const auto& link = header_of<ifinfomsg>(message);
  const Attributes attributes(message, sizeof link);
  return attributes.text(IFLA_IFNAME) + " index " + std::to_string(link.ifi_index) +
         (link.ifi_flags & IFF_UP ? " up" : " down") + " mtu " +
         std::to_string(attributes.number(IFLA_MTU)) + " master " +
         std::to_string(attributes.number(IFLA_MASTER)) + " " + attributes.hex(IFLA_ADDRESS);
}

std::string address_line(const nlmsghdr& message) {
  const auto& address = header_of<ifaddrmsg>(message);
  return Attributes(message, sizeof address).address(IFA_ADDRESS, address.ifa_family) + "/" +
         std::to_string(address.ifa_prefixlen) + " on " + std::to_string(address.ifa_index);
}

std::string route_line(const nlmsghdr& message) {
  const auto& route = header_of<rtmsg>(message);
  if (route.rtm_flags & RTM_F_CLONED) return {};  // A cache entry.
  if (route.rtm_family != AF_INET && route.rtm_family != AF_INET6) return {};
  const Attributes attributes(message, sizeof route);
  const auto address = [&](unsigned type) { return attributes.address(type, route.rtm_family); };
  return address(RTA_DST) + "/" + std::to_string(route.rtm_dst_len) + " via " +
         address(RTA_GATEWAY) + " on " + std::to_string(attributes.number(RTA_OIF)) + " table " +
         std::to_string(attributes.number(RTA_TABLE)) + " type " + std::to_string(route.rtm_type) +
         " metric " + std::to_string(attributes.number(RTA_PRIORITY)) + " from " +
         address(RTA_PREFSRC);
}

std::string rule_line(const nlmsghdr& message) {
  const auto& rule = header_of<fib_rule_hdr>(message);
  const Attributes attributes(message, sizeof rule);
  std::string line = std::to_string(rule.family) + " priority " +
                     std::to_string(attributes.number(FRA_PRIORITY)) + " action " +
                     std::to_string(rule.action) + " table " +
                     std::to_string(attributes.number(FRA_TABLE));
  for (const unsigned type :
       {FRA_DST, FRA_SRC, FRA_IIFNAME, FRA_OIFNAME, FRA_FWMARK, FRA_UID_RANGE})
    line += " " + attributes.hex(type);
  return line;
}

struct Question {
  const char* name;
  std::uint16_t type;
  std::string (*line)(const nlmsghdr&);  ///< Empty for what is left out.
};

constexpr std::array questions = {Question{"interfaces", RTM_GETLINK, &link_line},
                                  Question{"addresses", RTM_GETADDR, &address_line},
                                  Question{"routes", RTM_GETROUTE, &route_line},
                                  Question{"rules", RTM_GETRULE, &rule_line}};

std::string ask(Netlink& netlink, const Question& question) {
  Lines lines;
  // Large enough for each header (they all begin with the family, 0 for all), and zero.
  const std::array<char, sizeof(ifinfomsg)> body{};
  const std::size_t size = question.type == RTM_GETADDR   ? sizeof(ifaddrmsg)
                           : question.type == RTM_GETLINK ? sizeof(ifinfomsg)
                                                          : sizeof(rtmsg);
  netlink.begin(question.type, NLM_F_DUMP, body.data(), size, question.name);
  const Status done = netlink.ask([&](const nlmsghdr& message) {
    if (std::string line = question.line(message); !line.empty()) lines.push_back(std::move(line));
  });
  return done ? join_sorted(std::move(lines)) : "unreadable: " + done.error().what;
}

/// The number of changes to the host's nftables so far: whoever changes a rule raises it. Only root
/// may ask.
std::string nftables_generation(Netlink& netlink) {
  const nfgenmsg unspecified{};
  netlink.begin((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETGEN, 0, &unspecified, sizeof unspecified,
                "nftables");
  std::string text;
  const Status done = netlink.ask([&](const nlmsghdr& message) {
    text = "generation " + Attributes(message, sizeof(nfgenmsg)).hex(NFTA_GEN_ID);
  });
  return done ? text : "unreadable: " + done.error().what;
}

std::string read_mounts(int file) {
  std::string text;
  std::array<char, 16 * 1024> piece;
  ::lseek(file, 0, SEEK_SET);
  for (ssize_t got = 0; (got = ::read(file, piece.data(), piece.size())) > 0;)
    text.append(piece.data(), static_cast<std::size_t>(got));
  Lines lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    // "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS … - TYPE SOURCE": the numbers are left out.
    std::size_t at = 0;
    for (int field = 0; field < 3 && at != std::string::npos; ++field) at = line.find(' ', at) + 1;
    lines.push_back(line.substr(at));
  }
  return join_sorted(std::move(lines));
}

}  // namespace

struct HostFingerprint::Impl {
  Result<Netlink> routes = Netlink::open(NETLINK_ROUTE);
  Result<Netlink> firewall = Netlink::open(NETLINK_NETFILTER);
  Fd mounts{::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)};
};

HostFingerprint::HostFingerprint() : impl_(std::make_unique<Impl>()) {}
HostFingerprint::~HostFingerprint() = default;

Map HostFingerprint::take() const {
  Map map;
  for (const Question& question : questions)
    map.emplace_back(question.name, impl_->routes ? ask(*impl_->routes, question) : "unreadable");
  map.emplace_back("nftables",
                   impl_->firewall ? nftables_generation(*impl_->firewall) : "unreadable");
  map.emplace_back("mounts", impl_->mounts ? read_mounts(impl_->mounts.get()) : "unreadable");
  return map;
}

}  // namespace faultline
