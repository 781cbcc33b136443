// The state to reach is the union of the active faults. Every inject adds holds under its own id,
// every heal removes them, and each applies only the difference: a node restarts only when no fault
// holds it down, is continued only when none holds it paused, a link opens only when none cuts it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "harness/core/cluster.h"
#include "harness/core/packets.h"

namespace faultline {

using FaultId = std::uint32_t;

class Levers {
 public:
  explicit Levers(Cluster& cluster);  ///< Every machine is running, nothing is cut.

  Cluster& cluster() { return cluster_; }

  /// SIGKILL now, and no restart until released. Idempotent per fault and node.
  Status hold_down(FaultId fault, std::size_t node);
  /// SIGSTOP now (or as soon as the machine runs again), and no SIGCONT until released.
  Status hold_paused(FaultId fault, std::size_t machine);
  /// Cuts these links until released. One step with everything that is cut already.
  Status hold_cut(FaultId fault, std::span<const Edge> edges);
  /// Links do this to packets until released, beside what others make them do. Replaces what this
  /// fault held. Requires that packets can be shaped.
  Status hold_packets(FaultId fault, LinkPolicies policies);

  /// Shifts the wall clock of the node's processes until released, also of those to come. Once per
  /// fault and node.
  Status hold_skewed(FaultId fault, std::size_t node, const Skew& skew);

  /// Drops the holds of `fault` on nodes, and applies the difference: they are restarted or go on
  /// while its links stay cut. What fails is left to the release.
  Status restart(FaultId fault);
  /// Drops all holds of `fault` and applies the difference, links first. Idempotent; correct after
  /// a hold that failed half-way. On error everything that could be released has been, and what
  /// could not is remembered: the next release() of this fault, or release_all(), tries it again.
  Status release(FaultId fault);
  /// Releases everything, whatever failed before: the last heal.
  Status release_all();

  bool down(std::size_t node) const;       ///< Held down by some fault.
  bool paused(std::size_t machine) const;  ///< Held paused by some fault.
  bool is_cut(const Edge& edge) const;
  std::set<Edge> cut_edges() const;
  std::vector<Skew> skews(std::size_t node) const;  ///< Of all faults, the oldest first.
  /// Of all faults together.
  LinkPolicies policies() const;

 private:
  /// What is known of something that a lever moves. `unsure`: a call failed, so it may be either.
  enum class Applied : std::uint8_t { no, yes, unsure };
  struct Holds {
    std::set<std::size_t> down, paused;
    std::set<Edge> cut;
    std::map<std::size_t, Skew> skews;  ///< By node.
    LinkPolicies packets;
    /// What it ever moved and has not seen put right yet: the work of release().
    std::set<std::size_t> nodes;
    bool links = false, shaped = false;
  };

  /// Brings node `n` from what it is to what the holds say.
  Status settle(std::size_t n);
  Status settle_down(std::size_t n);
  Status settle_up(std::size_t n);
  Status settle_links();
  Status settle_clock(std::size_t n);
  Status settle_packets();
  Error failed(std::string_view what, std::size_t n, const Error& why) const;

  Cluster& cluster_;
  std::map<FaultId, Holds> holds_;
  std::vector<Applied> is_down_, is_paused_;
  std::map<std::size_t, std::optional<std::vector<Skew>>> is_skewed_;  ///< As applied; or unsure.
  std::set<Edge> is_cut_;                                              ///< As applied.
  bool links_uncertain_ = false;  ///< A cut() failed: apply the next one whatever the difference.
  LinkPolicies shaped_;           ///< As applied.
  bool packets_uncertain_ = false;
};

}  // namespace faultline
