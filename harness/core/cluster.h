// The levers that faults pull. Three layers:
//   Cluster  raw mechanisms on running nodes (harness/os implements it; tests fake it)
//   Levers   the union of all active faults, applied by difference (levers.cc, on any Cluster)
//   Nemesis  one kind of fault, which only knows Levers (nemesis.h)
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/clocks.h"
#include "harness/core/result.h"
#include "harness/core/target.h"

namespace faultline {

class PacketPlane;  // harness/core/packets.h

/// An end of a link that is no machine of the cluster: the controller, and with it every client
/// that has no machine of its own.
inline constexpr std::size_t clients_end = static_cast<std::size_t>(-1);

/// A directed link between two machines, by index, or between a machine and clients_end.
struct Edge {
  std::size_t from = 0, to = 0;
  friend auto operator<=>(const Edge&, const Edge&) = default;
};

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
  /// The machines on which clients run as processes of their own: c1, c2 …, whose indexes follow
  /// those of the nodes. None where the clients are threads of the controller. Below, "machine" is
  /// one of either, "node" one that a store runs on.
  virtual std::span<const Node> clients() const { return {}; }
  /// Where faults are applied, in words: "bridge, nftables, root". Printed and kept in meta.json.
  virtual std::string rung() const = 0;

  /// Runs the machine's process, of the store or of the clients. An error if it runs already or
  /// cannot be executed.
  virtual Status start(std::size_t machine) = 0;
  /// Sends a signal to every process of the machine's PID namespace but its init.
  virtual Status signal(std::size_t machine, int number) = 0;
  /// The processes of the machine but its init, zombies excluded.
  virtual Result<std::vector<ProcessInfo>> processes(std::size_t machine) = 0;
  /// Whether the process of a client machine answers a question within `timeout`: it makes
  /// progress. It is asked over a channel that no cut of links touches.
  virtual Result<bool> answers(std::size_t client, std::chrono::milliseconds timeout) = 0;

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

  /// Sends such a probe and does not wait for it, so that many links are tried in the time of one.
  /// Its number is for landed(); only the last few thousand are remembered.
  virtual Result<std::uint64_t> launch_probe(const Edge& edge) = 0;
  /// Nothing while that probe has not arrived; then how long it took at most, as its arrival is
  /// noticed by this call.
  virtual std::optional<std::chrono::nanoseconds> landed(std::uint64_t probe) = 0;

  /// How long such a probe takes, one way; nothing if it does not arrive within `timeout`.
  virtual Result<std::optional<std::chrono::nanoseconds>> transit(
      const Edge& edge, std::chrono::milliseconds timeout) {
    const auto sent = std::chrono::steady_clock::now();
    const auto arrived = probe(edge, timeout);
    if (!arrived) return arrived.error();
    if (!*arrived) return std::optional<std::chrono::nanoseconds>();
    return std::optional<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - sent);
  }

  /// What delays, loses and corrupts packets; nullptr where nothing does: see can_shape().
  virtual PacketPlane* packets() { return nullptr; }
  /// Whether packets() can work here; else of kind capability, with the reason and the remedy.
  virtual Status can_shape() const {
    return Error{"packets cannot be delayed, lost or changed on this data plane; say links: switch",
                 ErrorKind::capability};
  }

  /// Destroys the TCP connections of a node whose processes are dead, as the end of its machine
  /// does, and says how many there were: 0 once none is left. Peers that can be reached are sent a
  /// reset: cut its links first.
  virtual Result<std::size_t> destroy_connections(std::size_t node) = 0;
  /// Whether that can work here; else of kind capability, with the reason and the remedy.
  virtual Status can_destroy_connections() const { return Ok{}; }

  /// The wall clocks of the nodes. Lives as long as the cluster.
  virtual Clocks& clocks() const = 0;

  /// What a machine's own process did without being asked: it ended by itself. In order of time;
  /// cleared by the call. Ends caused by signal() are not in it.
  struct Death {
    std::size_t node = 0;        ///< A machine's index: that of a client's is our failure.
    std::string how;             ///< "exit status 2", "signal 6 (Aborted)".
    std::int64_t steady_ns = 0;  ///< Steady clock, nanoseconds (std::chrono::steady_clock's epoch).
  };
  virtual std::vector<Death> take_deaths() = 0;
};

inline std::size_t machine_count(const Cluster& cluster) {
  return cluster.nodes().size() + cluster.clients().size();
}
inline const Node& machine_of(const Cluster& cluster, std::size_t index) {
  const std::size_t nodes = cluster.nodes().size();
  return index < nodes ? cluster.nodes()[index] : cluster.clients()[index - nodes];
}
/// "n2", "c1", or "clients".
inline std::string_view end_name(const Cluster& cluster, std::size_t end) {
  return end == clients_end ? std::string_view("clients") : machine_of(cluster, end).name;
}

}  // namespace faultline
