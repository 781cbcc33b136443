// Datagrams between nodes, and between nodes and the clients, sent and received by the controller
// over sockets that belong to the nodes' networks: a link can be tested while every process of both
// nodes is stopped or dead. Private to harness/os.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
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

  /// The same in two steps, for many at once: see Cluster.
  Result<std::uint64_t> launch(const Edge& edge);
  std::optional<std::chrono::nanoseconds> landed(std::uint64_t probe);

  static constexpr std::size_t flights_max = 8192;

 private:
  struct Flight {
    Edge edge;
    std::chrono::steady_clock::time_point sent;
    std::optional<std::chrono::nanoseconds> took = {};
  };

  Status send_over(const Edge& edge, bool v6, std::uint64_t nonce);
  /// Empties the sockets of an end, and notes which probes arrived.
  void take_arrived(const ProbeSockets& to);

  const ProbeSockets& end(std::size_t index) const {
    return index == clients_end ? ends_.back() : ends_.at(index);
  }

  std::vector<ProbeSockets> ends_;
  std::uint64_t nonce_ = 0;
  std::map<std::uint64_t, Flight> flights_;  ///< By nonce, thus the oldest first.
};

}  // namespace faultline
