// Clients as processes of their own (`clients: separate`): machines c1, c2 … beside the nodes, each
// with one process that runs the target's real clients (client_program.h). Here is the controller's
// side: workers keep stamping and recording in one order; the client that a session gets sends the
// request to its machine and waits for what the client there learned.
//
// A machine may be stopped and cut off as a node may. While it is stopped, what was asked of it
// stays open, for that is what a stalled client is: nobody here completes its operation for it. The
// request's timeout counts on the machine, from the moment that it gets to the request; the time
// that it is stopped from then on counts, as for any process.
//
// Waiting ends when the machine's process is gone, and, once expect_answers() has said that nothing
// is stopped any more, some time after the request's own timeout. Either is a lost answer in the
// history, and a failure of ours, never a finding about the store.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/client.h"
#include "harness/core/cluster.h"
#include "harness/core/result.h"
#include "harness/core/value.h"
#include "harness/os/world.h"

namespace faultline {

/// Which of `machines` a worker's client runs on: in turn, so that over time the workers of each
/// meet every node although worker i may always ask node i mod `nodes`.
std::size_t client_machine_of(std::size_t worker, std::size_t machines, std::size_t nodes);

class ClientMachines {
 public:
  /// Machines for workers 0 … `workers`-1 that ask `nodes` nodes. `target` is the mapping as
  /// config.yaml has it. Nothing runs yet.
  struct Settings {
    std::size_t machines = 1, workers = 1, nodes = 1;
    Map target;
    /// Beyond the timeout of a request whose machine is not stopped.
    std::chrono::nanoseconds grace = std::chrono::seconds(10);
  };
  static Result<std::unique_ptr<ClientMachines>> make(Settings settings);
  ~ClientMachines();
  ClientMachines(const ClientMachines&) = delete;
  ClientMachines& operator=(const ClientMachines&) = delete;

  /// For ClusterOptions; they refer to this object.
  std::vector<ClientProgram> programs();
  /// Once they are started, and before they are stopped: tells them the target and the nodes, and
  /// connects every worker.
  Status set_up(std::span<const Node> nodes, std::chrono::milliseconds limit);

  /// A connection of `worker` to `node`. Does not block. To be used by one thread a worker.
  Result<std::unique_ptr<Client>> connect(std::size_t worker, const Node& node);

  /// From now on no machine is stopped: requests are waited for with a limit. For good.
  void expect_answers();
  /// What a machine did that it must not: ended, or gave no answer. The first; thread-safe.
  std::optional<Error> failure() const;

 private:
  struct Machine;
  struct Worker;
  class RemoteClient;
  explicit ClientMachines(Settings settings);
  Status connect_workers();
  Result<bool> answers(Machine& machine, std::chrono::milliseconds timeout) const;
  Outcome ask(Worker& worker, std::uint64_t connection, std::size_t node, const Request& request,
              Deadline deadline);
  void hang_up(Worker& worker, std::uint64_t connection);
  /// Whether a request of this deadline may still be answered.
  bool is_awaited(Deadline deadline, std::chrono::nanoseconds timeout) const;
  void fail(Worker& worker, const std::string& why);

  Settings settings_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<std::int64_t> expected_since_ns_;  ///< Steady clock; far away before.
  mutable std::mutex failure_mutex_;
  std::optional<Error> failure_;
};

}  // namespace faultline
