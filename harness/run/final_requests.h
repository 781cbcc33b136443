// The last questions, asked of every node after the last heal, by fresh processes over fresh
// connections, and recorded like all others: a lost write is only lost if a healthy cluster, given
// time, still lacks it.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "harness/core/client.h"
#include "harness/run/session.h"

namespace faultline {

struct FinalRequests {
  Recorder& recorder;
  const Target& target;
  std::span<const Node> nodes;
  std::vector<std::size_t> asked;  ///< The nodes to ask.
  std::span<const Request> requests;
  Nanoseconds request_timeout{};
  std::size_t first_lane = 0;       ///< Node i uses lane first_lane + i.
  std::uint32_t first_process = 0;  ///< Greater than any used.
  /// A request that was not served is asked again (as a new operation) until then; after
  /// that its node is given up.
  std::chrono::steady_clock::time_point recovered_by;
  std::chrono::steady_clock::time_point end;  ///< No request is begun after that.
  std::function<bool()> stop;                 ///< Called by the calling thread, often.
  ClientMachines* machines = nullptr;         ///< As a session has it.
};

/// A thread for each node. Returns the nodes that left a request unserved, with the reason.
std::vector<std::pair<std::size_t, std::string>> ask_final_requests(const FinalRequests& final);

}  // namespace faultline
