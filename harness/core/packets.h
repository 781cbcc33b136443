// What a directed link does to the packets that it carries, and the plane that makes it do so.
// Names follow netem (tc-netem(8)) and Jepsen's packet package. A packet is an IP packet; ARP and
// neighbour discovery are never touched, so that a bad link is a bad link and not EHOSTUNREACH.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "harness/core/cluster.h"
#include "harness/core/result.h"

namespace faultline {

/// A link that comes and goes: down first, then up, again and again, from the moment it is applied.
struct Flap {
  std::chrono::nanoseconds down{}, up{};
  friend bool operator==(const Flap&, const Flap&) = default;
};

/// What befalls one message of a link, counted from the moment this is applied. A message is a TCP
/// segment with payload, be it the first try or not.
struct NthMessage {
  enum class Fate : std::uint8_t {
    drop,
    cut,  ///< The first half of its payload arrives, then a reset; the sender is reset as well.
  };
  Fate fate = Fate::drop;
  std::uint64_t n = 1;      ///< From 1.
  bool every = false;       ///< Every n-th, or the n-th alone.
  std::uint64_t fault = 0;  ///< Each counts for itself.
  friend auto operator<=>(const NthMessage&, const NthMessage&) = default;
};

/// Everything 0 is a link that does nothing. Probabilities are of each packet by itself, 0 to 1.
struct LinkPolicy {
  std::chrono::nanoseconds delay{};
  /// Around the delay: uniform in ± jitter, or normal with it as standard deviation. Never below 0,
  /// and packets keep their order.
  std::chrono::nanoseconds jitter{};
  bool normal = false;
  double loss = 0, duplicate = 0;
  double reorder = 0;  ///< Held back by `reorder_by` more, while what comes later passes by.
  std::chrono::nanoseconds reorder_by{};
  double corrupt = 0;         ///< One bit flips, and the packet's checksum tells.
  double corrupt_unseen = 0;  ///< One bit of the payload flips, and the checksum fits again.
  double rate = 0;  ///< Bits a second; 0 is unlimited. What would wait over 200 ms is lost.
  std::vector<Flap> flaps = {};  ///< Down if any is.
  std::vector<NthMessage> nth = {};

  friend bool operator==(const LinkPolicy&, const LinkPolicy&) = default;
  /// Whether it tells one packet from the next, so that a sender must not hand over several as one
  /// (TCP segmentation offload).
  bool per_packet() const {
    return loss > 0 || duplicate > 0 || reorder > 0 || corrupt > 0 || corrupt_unseen > 0 ||
           rate > 0 || !nth.empty();
  }
};

/// Both at once: delays and jitters add, what befalls a packet does so independently, the lowest
/// rate wins.
inline LinkPolicy combined(const LinkPolicy& a, const LinkPolicy& b) {
  const auto either = [](double p, double q) { return 1 - (1 - p) * (1 - q); };
  LinkPolicy both;
  both.delay = a.delay + b.delay;
  both.jitter = a.jitter + b.jitter;
  both.normal = a.normal || b.normal;
  both.loss = either(a.loss, b.loss);
  both.duplicate = either(a.duplicate, b.duplicate);
  both.reorder = either(a.reorder, b.reorder);
  both.reorder_by = std::max(a.reorder_by, b.reorder_by);
  both.corrupt = either(a.corrupt, b.corrupt);
  both.corrupt_unseen = either(a.corrupt_unseen, b.corrupt_unseen);
  both.rate = a.rate == 0 || b.rate == 0 ? std::max(a.rate, b.rate) : std::min(a.rate, b.rate);
  both.flaps = a.flaps;
  both.flaps.insert(both.flaps.end(), b.flaps.begin(), b.flaps.end());
  both.nth = a.nth;
  both.nth.insert(both.nth.end(), b.nth.begin(), b.nth.end());
  return both;
}

using LinkPolicies = std::map<Edge, LinkPolicy>;

/// What a directed link did to packets under a fault's policy, since the cluster was made.
struct PacketCounters {
  std::uint64_t shaped = 0;  ///< Packets that came while the link had a policy of a fault.
  std::uint64_t delayed = 0, lost = 0, duplicated = 0, reordered = 0, corrupted = 0,
                corrupted_unseen = 0;
  std::uint64_t slowed = 0;      ///< They took time for their bits, as `rate` has it.
  std::uint64_t overflowed = 0;  ///< Lost since the queue before `rate` was full.
  std::uint64_t flapped = 0;     ///< Lost while the link was down.
  std::uint64_t messages = 0;    ///< That came while some of them were to be dropped or cut.
  std::uint64_t dropped = 0, cut_short = 0;  ///< Of the messages.
};

struct NamedPacketCounter {
  std::string_view name;  ///< As JSON has it.
  std::uint64_t PacketCounters::* counter;
};
inline constexpr std::array<NamedPacketCounter, 13> packet_counters = {{
    {"shaped", &PacketCounters::shaped},
    {"delayed", &PacketCounters::delayed},
    {"lost", &PacketCounters::lost},
    {"duplicated", &PacketCounters::duplicated},
    {"reordered", &PacketCounters::reordered},
    {"corrupted", &PacketCounters::corrupted},
    {"corrupted_unseen", &PacketCounters::corrupted_unseen},
    {"slowed", &PacketCounters::slowed},
    {"overflowed", &PacketCounters::overflowed},
    {"flapped", &PacketCounters::flapped},
    {"messages", &PacketCounters::messages},
    {"dropped", &PacketCounters::dropped},
    {"cut_short", &PacketCounters::cut_short},
}};

/// What came to a directed link since the cluster was made, whatever befell it there, and whatever
/// the link did by its nature.
struct LinkTraffic {
  std::uint64_t packets = 0;  ///< As the sender handed them over; ARP and probes are among them.
  std::uint64_t bytes = 0;    ///< Of these, with their Ethernet headers.
  std::uint64_t cut = 0;      ///< Lost since the link was cut, on their way or before.
};

/// What the plane did that nobody asked for, since the cluster was made.
struct PlaneCost {
  std::uint64_t packets = 0;  ///< That it carried.
  std::uint64_t dropped = 0;  ///< That it lost by itself: buffers were full.
  /// That its captures lack, where there are any: a disk was slow or full, or a file long enough.
  std::uint64_t uncaptured = 0;
};

/// Carries the cluster's packets. Called by the thread that pulls the cluster's other levers.
class PacketPlane {
 public:
  virtual ~PacketPlane() = default;
  /// Exactly these policies hold from the return on, all of them from one instant. Packets on their
  /// way stay on it, and nothing overtakes them. A sender hands over its packets one by one before
  /// a policy holds that tells them apart, and until none does any more.
  virtual Status shape(const LinkPolicies& policies) = 0;
  /// What links do by themselves, beneath every fault: how far the machines are from each other.
  /// Holds until it is set again; no counter tells of it.
  virtual Status set_nature(const LinkPolicies& nature) = 0;
  virtual const LinkPolicies& nature() const = 0;
  /// In the order of `edges`.
  virtual std::vector<PacketCounters> counters(std::span<const Edge> edges) const = 0;
  virtual std::vector<LinkTraffic> traffic(std::span<const Edge> edges) const = 0;
  virtual PlaneCost cost() const = 0;
  /// How long the last change took to hold, from when it was published: until then no link has it,
  /// then all have. What it needs of the senders was done before, or is done after.
  virtual std::chrono::nanoseconds last_change() const { return {}; }
};

}  // namespace faultline
