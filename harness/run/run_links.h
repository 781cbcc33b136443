// The links of one run: what the cluster and its stores are told of them, what they cost, and what
// they carried, which is in results.json, meta.json and links.json.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "harness/core/cluster.h"
#include "harness/core/packets.h"
#include "harness/core/target.h"
#include "harness/io/run_dir.h"
#include "harness/os/world.h"
#include "harness/run/link_cost.h"
#include "harness/run/network.h"

namespace faultline {

class RunLinks {
 public:
  /// `plan` outlives it. `softnet`: where the kernel says what it dropped by itself.
  RunLinks(const NetworkPlan& plan, std::size_t nodes,
           std::filesystem::path softnet = softnet_path);

  /// Which lever, how far the machines are from each other, and whether packets are kept.
  void ask_for(ClusterOptions& options) const;
  /// How long an answer may take by the network alone: FAULTLINE_ROUND_TRIP_MS, if it does.
  void tell(Launch& launch) const;

  // In this order, by the thread that pulls the cluster's levers.
  /// Before anything is started.
  Status measure(Cluster& cluster);
  void begin_load(Cluster& cluster);
  void end_load(Cluster& cluster, std::chrono::nanoseconds took);
  /// The cluster's last word.
  void close(Cluster& cluster);

  /// Of results.json and meta.json.
  Map value() const;
  std::string warnings() const { return link_warnings(cost_); }
  /// links.json, where packets were counted: {"schema": "faultline.links/1", "links": [{"from":
  /// "n1", "to": "n2", "packets": 1000, "bytes": 81234, "cut": 12, "lost": 3}, …]}. Counters that
  /// are 0 are left out, packets and bytes excepted.
  Status write(const RunDir& directory) const;

 private:
  const NetworkPlan& plan_;
  std::chrono::milliseconds round_trip_;
  std::filesystem::path softnet_;
  std::optional<HostDrops> host_before_;
  LinkCost cost_;
  std::uint64_t packets_before_ = 0;
  std::optional<List> links_;
};

}  // namespace faultline
