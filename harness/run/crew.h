// The workers: a thread each, in a closed loop (the next request after the last answer, together
// held to a rate) or in an open one (requests are due when the seed says, and whoever is free sends
// them).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "harness/core/workload.h"
#include "harness/run/load_profile.h"
#include "harness/run/load_report.h"
#include "harness/run/plan.h"
#include "harness/run/session.h"

namespace faultline {

/// The requests of some of the workers, if not those of all.
struct CrewRole {
  std::size_t workers = 0;
  const Workload& workload;
};

struct CrewSettings {
  Recorder& recorder;  ///< Lanes 0 … workers-1 are the crew's.
  const Target& target;
  const Workload& workload;
  std::span<const Node> nodes;
  std::size_t workers = 1;
  LoadProfile load;  ///< Requests a second of all together.
  Affinity affinity = Affinity::spread;
  Nanoseconds request_timeout{};
  Rng rng;
  std::uint64_t requests_max = 0;  ///< Of each worker; 0: until stop(). For tests and benchmarks.
  /// An open loop with these arrivals; requires a load that is not unlimited.
  std::optional<Arrivals::Spacing> open = {};
  std::vector<CrewRole> roles = {};    ///< Of the first workers, in order; the others: `workload`.
  ClientMachines* machines = nullptr;  ///< Where the clients run; nullptr: in the workers' threads.
};

/// Seen so far; a moment's view while the crew works.
struct CrewCounts {
  std::uint64_t ok = 0, fail = 0, info = 0;  ///< A mismatch counts as ok: it was answered.
  std::uint64_t dropped = 0;                 ///< Scheduled, and never sent.
};

/// In a closed loop worker i of n has turns i, i+n, i+2n …: turn k comes when the load has asked
/// for k requests. If an answer comes after the next turn, the next request leaves at once; turns
/// missed by more than 100 ms are dropped, so that a stall is not followed by a flood. After a fail
/// or an info it pauses, 1 ms doubling to 32 ms while it goes on, so that a dead node does not fill
/// the history with refusals.
///
/// In an open loop requests are due at times of their own, whatever the answers do. Free workers
/// claim them one after the other, so that workers take turns and a request only waits while all of
/// them are busy. One that has waited as long as a request may take (the timeout) is dropped: its
/// user has gone. Nothing pauses after a fail, for the rate alone limits the refusals.
///
/// A workload with scripts is played by one worker, whatever the load, once (ScriptPlayer).
///
/// Otherwise a worker's requests are a function of the seed, its number and how many there are;
/// what is not sent does not use one up.
class Crew {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Crew(const CrewSettings& settings);
  ~Crew();  ///< Stops and joins.
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  /// An error if threads cannot be made; then none is left.
  Status start();
  void stop();  ///< Returns at once. What is due later is not scheduled.
  /// Waits until every worker's last request has ended: at most the request's timeout after stop(),
  /// or what ClientMachines says where clients run on machines of their own.
  void join();

  CrewCounts counts() const;
  /// Its workload has scripts, and the last of them has ended.
  bool finished() const { return finished_.load(); }
  /// Why a worker ended that should not have; it is our fault, not the store's.
  std::optional<Error> failure() const;

  // After join():
  /// What became of the requests that were scheduled; of no phase if the rate is unlimited.
  const LoadReport& report() const { return report_; }
  Clock::time_point begin() const { return begin_; }            ///< Time 0 of the load's phases.
  const std::set<std::string>& keys() const { return keys_; }   ///< That were asked for.
  std::uint32_t next_process() const { return next_process_; }  ///< Greater than any used.

 private:
  struct Worker;
  struct Asked;
  void run(Worker& worker);
  void work_closed(Worker& worker);
  void work_open(Worker& worker);
  void play(Worker& worker);
  Asked ask(Worker& worker, Request request);
  void drop(Worker& worker, Nanoseconds due, Function function, Nanoseconds waited);
  PhaseLoad& load_at(Worker& worker, Nanoseconds due);
  std::optional<Nanoseconds> claim();
  void drop_unclaimed();
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }
  void sleep_until(Clock::time_point until) const;
  Nanoseconds since_begin() const { return Clock::now() - begin_; }

  CrewSettings settings_;
  Clock::time_point begin_{};
  std::atomic<bool> stopping_{false}, finished_{false};
  std::atomic<std::int64_t> stopped_ns_;  ///< Since begin_; far away while nobody has stopped it.
  std::mutex arrivals_mutex_;
  std::optional<Arrivals> arrivals_;  ///< Of an open loop.
  std::vector<std::unique_ptr<Worker>> workers_;
  const std::vector<Script> scripts_;
  mutable std::mutex failure_mutex_;
  std::optional<Error> failure_;
  LoadReport report_;
  std::set<std::string> keys_;
  std::uint32_t next_process_ = 0;
};

}  // namespace faultline
