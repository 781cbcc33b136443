// Which frames may pass between machines, and between them and the controller. Three levers behind
// one interface, which break the same links and count the same way:
//
//   bridge    nftables on the bridge of the switch namespace: one transaction for the whole
//             cluster, outside the nodes, where no store can see or undo it. The default.
//   iptables  rules in each node's own network namespace, as on machines that we do not own the
//             switch of: one transaction a node and address family, all nodes at once but not in
//             one instant. A store that manages netfilter itself may meet our chain.
//   switch    a switch in user space instead of the bridge (packet_switch.h): one table of rules
//             for the whole cluster. It alone can delay, lose and change packets. Costs some
//             microseconds a packet.
//
// All cut IPv4, IPv6 and connections that stand; ARP and neighbour discovery pass, so that a cut
// link means silence and not EHOSTUNREACH after 3 s. What is dropped is counted for each direction
// of each link alone.
//
// At the moment of a cut: a frame that has passed the lever already is delivered (links have no
// queue worth the name: it is in the receiver's socket buffer by then); one that comes to it later
// is dropped, and so is one that the switch still delays. A heal lets pass what is sent from then
// on; nothing dropped comes back.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/cluster.h"
#include "harness/core/packets.h"
#include "harness/core/result.h"

namespace faultline {

/// Made in the switch namespace; called by one thread in it. Its end leaves nothing cut there.
class Links {
 public:
  virtual ~Links() = default;
  /// For Cluster::rung(): "nftables", "no iptables".
  virtual std::string rung() const = 0;
  /// Where links cannot be cut the object exists all the same, and says why here.
  virtual const Status& usable() const = 0;
  /// Exactly these are cut. Links that stay cut keep their counters.
  virtual Status cut(std::span<const Edge> edges) = 0;
  /// Packets dropped since each link was cut; 0 for one that is not.
  virtual Result<std::vector<std::uint64_t>> drops(std::span<const Edge> edges) const = 0;
  /// Before a node's store is started: puts back what the node has lost of its cuts, as a machine
  /// does that was booted.
  virtual Status before_start(std::size_t node) = 0;
  /// What shapes packets on these links, or nullptr.
  virtual PacketPlane* packets() { return nullptr; }
};

/// One end of links, for the iptables lever: a network namespace and the addresses that others know
/// it by.
struct LinkEnd {
  std::string name;  ///< For messages.
  int process = -1;  ///< A pidfd of a process in it, borrowed; -1: the switch namespace itself.
  /// All of them: what comes from an address that is not here is not cut.
  std::vector<std::string> addresses;
};

/// `ports` are the names of the machines' ports, by index.
std::unique_ptr<Links> make_bridge_links(std::vector<std::string> ports);
/// `ends` are the machines by index, and last the controller.
std::unique_ptr<Links> make_iptables_links(std::vector<LinkEnd> ends);

/// One end of links, for the switch.
struct SwitchPort {
  std::string device;  ///< In the switch namespace.
  /// The device that hands frames to it, and a socket in that one's network, borrowed: there its
  /// offloads are turned off while packets must come one by one.
  std::string sender;
  int socket = -1;
  std::filesystem::path capture = {};  ///< Where its frames are kept; empty: nowhere.
};
/// `ports` are the machines' by index, and last the controller's. Decisions on packets are a
/// function of `seed`.
std::unique_ptr<Links> make_switch_links(std::vector<SwitchPort> ports, std::uint64_t seed);

/// Whether the lever works: makes and deletes its rules in the current network namespace.
Status try_bridge_links();
Status try_iptables_links(bool ipv6);
Status try_packet_switch();

}  // namespace faultline
