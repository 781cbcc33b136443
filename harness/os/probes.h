// Datagrams from node to node, sent and received by the controller over sockets that belong to the
// nodes' networks: a link can be tested while every process of both nodes is stopped or dead.
// Private to harness/os.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "harness/core/cluster.h"
#include "harness/core/result.h"

namespace faultline {

/// Borrowed sockets, bound to the node's addresses and probe_port; socket6 is -1 without IPv6.
struct ProbeSockets {
  std::string address, address6;
  int socket = -1, socket6 = -1;
};

class Probes {
 public:
  explicit Probes(std::vector<ProbeSockets> nodes) : nodes_(std::move(nodes)) {}

  /// One IPv4 datagram.
  Status send(const Edge& edge);
  /// Sends one datagram over IPv4 and, where there is IPv6, one over that: true as soon as either
  /// has arrived, so that false means that nothing passes.
  Result<bool> arrives(const Edge& edge, std::chrono::milliseconds timeout);

 private:
  Status send_over(const Edge& edge, bool v6, std::uint64_t nonce);

  std::vector<ProbeSockets> nodes_;
  std::uint64_t nonce_ = 0;
};

}  // namespace faultline
