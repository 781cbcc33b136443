// The workers: a thread each, in a closed loop (the next request after the last answer), together
// held to a rate.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "harness/core/workload.h"
#include "harness/run/latency.h"
#include "harness/run/plan.h"
#include "harness/run/session.h"

namespace faultline {

struct CrewSettings {
  Recorder& recorder;  ///< Lanes 0 … workers-1 are the crew's.
  const Target& target;
  const Workload& workload;
  std::span<const Node> nodes;
  std::size_t workers = 1;
  double rate = 0;  ///< Requests a second of all together; 0: unlimited.
  Affinity affinity = Affinity::spread;
  Nanoseconds request_timeout{};
  Rng rng;
  std::uint64_t requests_max = 0;  ///< Of each worker; 0: until stop(). For tests and benchmarks.
};

/// Seen so far; a moment's view while the crew works.
struct CrewCounts {
  std::uint64_t ok = 0, fail = 0, info = 0;  ///< A mismatch counts as ok: it was answered.
};

/// Worker i of n with rate r has its turns every n/r seconds, from i/r on. If an answer comes after
/// the next turn, the next request leaves at once; turns missed by more than 100 ms are skipped, so
/// that a stall is not followed by a flood. After a fail or an info it pauses, 1 ms doubling to 32
/// ms while it goes on, so that a dead node does not fill the history with refusals.
class Crew {
 public:
  explicit Crew(const CrewSettings& settings);
  ~Crew();  ///< Stops and joins.
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  /// An error if threads cannot be made; then none is left.
  Status start();
  void stop() { stopping_.store(true, std::memory_order_relaxed); }  ///< Returns at once.
  /// Waits until every worker's last request has ended: at most the request's timeout after stop().
  void join();

  CrewCounts counts() const;
  /// Why a worker ended that should not have; it is our fault, not the store's.
  std::optional<Error> failure() const;

  // After join():
  /// From the turn at which a request should have left to its answer, of those that were served,
  /// and for each skipped turn the time until its worker was free again: a stall is not hidden
  /// ("coordinated omission", Tene). Empty if the rate is unlimited.
  const Latencies& intended_latencies() const { return intended_; }
  const std::set<std::string>& keys() const { return keys_; }   ///< That were asked for.
  std::uint32_t next_process() const { return next_process_; }  ///< Greater than any used.

 private:
  struct Worker;
  void run(Worker& worker);
  void work(Worker& worker);

  CrewSettings settings_;
  std::atomic<bool> stopping_{false};
  std::vector<std::unique_ptr<Worker>> workers_;
  mutable std::mutex failure_mutex_;
  std::optional<Error> failure_;
  Latencies intended_;
  std::set<std::string> keys_;
  std::uint32_t next_process_ = 0;
};

}  // namespace faultline
