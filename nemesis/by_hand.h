// What a person would type to break a cluster as a nemesis does: for plans that are shown. The
// tools are those of every distribution (pkill, iptables, tc, date), on machines where the store is
// a service; nothing here is ever executed.
#pragma once

#include <span>
#include <string_view>

#include "harness/core/nemesis.h"
#include "harness/core/packets.h"

namespace faultline {

/// `strike` and `heal` on each of `machines`.
ByHand on_each(const Cluster& cluster, std::span<const std::size_t> machines,
               std::string_view strike, std::string_view heal);

/// Dropped by each receiver, of both families, as `links: iptables` does.
ByHand cut_by_hand(const Cluster& cluster, std::span<const Edge> links);

/// What tc-netem(8) has of it, on each sender's eth0 and in a class of its own there (hand_band),
/// and for flaps iptables on each receiver.
ByHand shape_by_hand(const Cluster& cluster, std::span<const Edge> links, const LinkPolicy& policy);

/// First all of `one`, then all of `other`.
ByHand both_by_hand(ByHand one, ByHand other);

}  // namespace faultline
