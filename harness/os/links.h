// Which frames may pass between nodes: one nftables table of the bridge family in the switch
// namespace, changed by one transaction for the whole cluster. nft(8).
//
// A cut is a pair (port in, port out) in a set whose elements count: what is dropped is counted for
// that direction of that link alone. Both IPv4 and IPv6 and established connections are cut, as
// frames are; ARP and neighbour discovery pass, so that a cut link means silence and not
// EHOSTUNREACH after 3 s. The controller's port is the bridge itself, whose frames are not
// forwarded and therefore never cut.
//
// At the moment of a cut: a frame that the bridge has forwarded already is delivered (links have no
// queue worth the name: it is in the receiver's socket buffer by then); one that comes to the
// bridge later is dropped. A heal forwards what is sent from then on; nothing dropped comes back.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "harness/core/cluster.h"
#include "harness/core/result.h"

namespace faultline {

class Links {
 public:
  /// Makes the table anew; it goes with the namespace. Where that is impossible the object exists
  /// all the same, and says why in usable(). `ports` are the names of the nodes' ports, by index;
  /// must be called in the switch namespace, and later calls by threads in it.
  explicit Links(std::vector<std::string> ports);
  Links(const Links&) = delete;
  Links& operator=(const Links&) = delete;

  const Status& usable() const { return usable_; }
  /// Links that stay cut keep their counters.
  Status cut(std::span<const Edge> edges);
  /// Frames dropped since each link was cut; 0 for one that is not.
  Result<std::vector<std::uint64_t>> drops(std::span<const Edge> edges) const;

 private:
  std::string element(const Edge& edge) const;

  std::vector<std::string> ports_;
  std::string nft_;
  Status usable_ = Ok{};
  std::set<Edge> cut_;
  bool uncertain_ = false;  ///< A transaction failed: the next one starts from an empty set.
};

/// Makes and deletes a table in the current network namespace: whether that works.
Status try_links();

}  // namespace faultline
