// The network that a configuration asks for: which lever its links are on (`links`), and how far
// its machines are from each other (`network`), which is what links do beneath every fault; and
// whether every machine's packets are kept (`pcap`).
//
//   network: regions                      # a preset; the nodes take turns at its places
//   network:
//     places: [[n1, n2, clients], [n3]]   # who is named nowhere is beside everybody
//     delays: [[500us, 70ms], [70ms, 500us]]
//     jitter: 5%
//
// Delays are round trips, as ping says them: half of it each way.
#pragma once

#include <chrono>
#include <cstddef>

#include "harness/core/packets.h"
#include "harness/core/params.h"
#include "harness/os/world.h"

namespace faultline {

struct NetworkPlan {
  LinksLever links = LinksLever::bridge;
  LinkPolicies nature;  ///< Empty: links are as quick as this machine.
  bool pcap = false;    ///< Every machine's packets are kept in the run directory.
};

/// Reads these keys of the top level and sets them as resolved. `needs_packets`: some fault acts on
/// packets. Machines are n1 … and c1 …, by index nodes first.
Result<NetworkPlan> read_network(Params& top, std::size_t nodes, std::size_t client_machines,
                                 bool needs_packets);

/// The longest that a packet and its answer take between two of the nodes; 0: no longer than on
/// this machine.
std::chrono::nanoseconds longest_round_trip(const LinkPolicies& nature, std::size_t nodes);

}  // namespace faultline
