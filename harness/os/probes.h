// Datagrams between nodes, and between nodes and the clients, sent and received by the controller
// over sockets that belong to the nodes' networks: a link can be tested while every process of both
// nodes is stopped or dead. Private to harness/os.
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
  /// The nodes by index, and last the clients.
  explicit Probes(std::vector<ProbeSockets> ends) : ends_(std::move(ends)) {}

  /// One IPv4 datagram.
  Status send(const Edge& edge);
  /// Sends one datagram over IPv4 and, where there is IPv6, one over that: true as soon as either
  /// has arrived, so that false means that nothing passes.
  Result<bool> arrives(const Edge& edge, std::chrono::milliseconds timeout);

 private:
  Status send_over(const Edge& edge, bool v6, std::uint64_t nonce);

  const ProbeSockets& end(std::size_t index) const {
    return index == clients_end ? ends_.back() : ends_.at(index);
  }

  std::vector<ProbeSockets> ends_;
  std::uint64_t nonce_ = 0;
};

}  // namespace faultline
