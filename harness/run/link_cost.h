// What the links of a cluster cost by themselves, measured in every run: nothing that a fault asked
// for, and yet part of what the store meets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "harness/core/cluster.h"
#include "harness/core/packets.h"
#include "harness/core/value.h"
#include "harness/os/host_drops.h"

namespace faultline {

struct LinkCost {
  /// Of a probe, one way, medians in microseconds: within a node, where no link is, and between two
  /// (of a single node: from the clients). Nothing: none arrived.
  std::optional<double> loopback_us, link_us;
  std::optional<PlaneCost> plane = {};       ///< At the end, of a plane that counts.
  std::optional<double> packets_per_s = {};  ///< While there was load.
  std::optional<HostDrops> host = {};        ///< Of the run; of this or of other programs.

  /// Packets were lost that nobody asked to be lost. No false verdict comes from that, for networks
  /// lose packets; but latencies and outages may be the harness's own.
  bool degraded() const { return (plane && plane->dropped > 0) || (host && host->dropped > 0); }
};

/// Before there is load, and before any fault. What cannot be measured is not there. Links are as
/// quick as they can be meanwhile, whatever their nature: it fails only if that cannot be set
/// again. Each of the two takes no longer than `enough` and one probe.
Result<LinkCost> measure_links(Cluster& cluster,
                               std::chrono::milliseconds enough = std::chrono::milliseconds(200));

/// {"loopback_us": 5.1, "link_us": 16.2, "added_us": 11.1, "packets": 1000,
///  "packets_per_s": 98.2, "own_drops": 0, "host_drops": 0, "host_squeezed": 2,
///  "degraded": false}
Map link_cost_value(const LinkCost& cost);
/// Lines that begin with "warning: ": that it is degraded, that captures lack packets; or empty.
std::string link_warnings(const LinkCost& cost);

}  // namespace faultline
