// A target is a system under test: how to start its nodes and how to talk to them. It knows nothing
// of faults, workloads or checkers.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/core/client.h"
#include "harness/core/result.h"
#include "harness/core/stepwise.h"

namespace faultline {

/// One machine of the cluster under test, as everybody may know it. Immutable during a run.
/// Machines on which clients run (Cluster::clients()) are described likewise.
struct Node {
  std::size_t index = 0;           ///< 0-based: the first node of every list.
  std::string name;                ///< "n1", also its hostname, resolvable from every node.
  std::string address;             ///< IPv4, reachable from the controller and from every node.
  std::string address6;            ///< IPv6, likewise.
  std::filesystem::path data_dir;  ///< The store's own; exists, empty at the first start.
  std::filesystem::path log_dir;   ///< stdout and stderr of the store go to files here.
};

/// How to run one node's store process (in the foreground).
struct Launch {
  std::vector<std::string> argv;  ///< argv[0] is an absolute path.
  std::vector<std::pair<std::string, std::string>>
      environment;  ///< Beside a minimal PATH, HOME, LANG.
};

class Target {
 public:
  virtual ~Target() = default;
  virtual std::string_view name() const = 0;

  /// The requests that its clients understand; a workload that asks for others is refused.
  virtual std::vector<Function> functions() const = 0;

  /// Ok if the store's program is here; else kind capability, with the remedy ("./dev stores
  /// etcd").
  virtual Status available() const = 0;
  /// The program that runs (its sha256 goes into meta.json), and the version it reports.
  virtual std::filesystem::path program() const = 0;
  virtual std::string version() const = 0;

  /// The command line that runs `node`. Called before every start: the first and each restart.
  virtual Result<Launch> launch(const Node& node, std::span<const Node> all) const = 0;

  /// Ok once `node` would serve a client, as seen from the controller. Polled with short deadlines
  /// during start and recovery. Thread-safe.
  virtual Status ready(const Node& node, Deadline deadline) const = 0;

  /// A new connection. Does not block: what fails, fails in invoke(). Thread-safe. Where clients
  /// run on machines of their own it is called there, on a target made anew from the same
  /// parameters.
  virtual Result<std::unique_ptr<Client>> connect(const Node& node) const = 0;

  /// Whether open_transaction() makes any.
  virtual bool has_steps() const { return false; }
  /// A transaction to be asked step by step, on a new connection. As connect() it does not block.
  virtual Result<std::unique_ptr<OpenTransaction>> open_transaction(const Node&) const {
    return Error{std::string(name()) + " has no transactions that can be asked step by step",
                 ErrorKind::capability};
  }

  /// Best effort: indexes of the nodes that now believe they lead. Empty if unknown or leaderless.
  virtual std::vector<std::size_t> leaders(std::span<const Node>, Deadline) const { return {}; }
};

}  // namespace faultline
