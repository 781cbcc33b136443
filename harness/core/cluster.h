// The levers that faults pull. Three layers:
//   Cluster  raw mechanisms on running nodes (harness/os implements it; tests fake it)
//   Levers   the union of all active faults, applied by difference (levers.cc, on any Cluster)
//   Nemesis  one kind of fault, which only knows Levers (nemesis.h)
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/result.h"
#include "harness/core/target.h"

namespace faultline {

/// An end of a link that is no node: the controller, and with it every client.
inline constexpr std::size_t clients_end = static_cast<std::size_t>(-1);

/// A directed link between two nodes, by index, or between a node and clients_end.
struct Edge {
  std::size_t from = 0, to = 0;
  friend auto operator<=>(const Edge&, const Edge&) = default;
};

/// "n2", or "clients".
inline std::string_view end_name(std::span<const Node> nodes, std::size_t end) {
  return end == clients_end ? std::string_view("clients") : std::string_view(nodes[end].name);
}

struct ProcessInfo {
  int pid = 0;          ///< As the controller sees it.
  char state = '?';     ///< The letter of /proc/PID/stat: R S D T t Z …
  std::string command;  ///< /proc/PID/comm.
};

/// Not thread-safe: one thread (the scheduler's) pulls levers. Where a call fails, what it did is
/// unknown, and the caller reports the fault as not effective.
class Cluster {
 public:
  virtual ~Cluster() = default;
  virtual std::span<const Node> nodes() const = 0;
  /// Where faults are applied, in words: "bridge, nftables, root". Printed and kept in meta.json.
  virtual std::string rung() const = 0;

  /// Runs the store's process in the node. An error if it runs already or cannot be executed.
  virtual Status start(std::size_t node) = 0;
  /// Sends a signal to every process of the node's PID namespace but its init.
  virtual Status signal(std::size_t node, int number) = 0;
  /// The processes of the node but its init, zombies excluded.
  virtual Result<std::vector<ProcessInfo>> processes(std::size_t node) = 0;

  /// Exactly these links are cut from now on. ARP and neighbour discovery pass. The controller's
  /// own links stay open but where an edge names clients_end.
  virtual Status cut(std::span<const Edge> edges) = 0;
  /// Whether cut() can work here; else of kind capability, with the reason and the remedy.
  virtual Status can_cut() const { return Ok{}; }
  /// Frames dropped so far on each of these cut links, in their order.
  virtual Result<std::vector<std::uint64_t>> drops(std::span<const Edge> edges) = 0;
  /// Sends one UDP datagram over the link, from inside `from` to inside `to`.
  virtual Status send_probe(const Edge& edge) = 0;
  /// Whether a probe sent over this link arrives within `timeout`. Drains older ones first.
  virtual Result<bool> probe(const Edge& edge, std::chrono::milliseconds timeout) = 0;

  /// Destroys the TCP connections of a node whose processes are dead, as the end of its machine
  /// does, and says how many there were: 0 once none is left. Peers that can be reached are sent a
  /// reset: cut its links first.
  virtual Result<std::size_t> destroy_connections(std::size_t node) = 0;
  /// Whether that can work here; else of kind capability, with the reason and the remedy.
  virtual Status can_destroy_connections() const { return Ok{}; }

  /// What the store's own process did without being asked: it ended by itself. In order of time;
  /// cleared by the call. Ends caused by signal() are not in it.
  struct Death {
    std::size_t node = 0;
    std::string how;             ///< "exit status 2", "signal 6 (Aborted)".
    std::int64_t steady_ns = 0;  ///< Steady clock, nanoseconds (std::chrono::steady_clock's epoch).
  };
  virtual std::vector<Death> take_deaths() = 0;
};

}  // namespace faultline
