// The hidden subcommand: the nursery and the inits of the machines (nodes, and those of clients).
//
// The nursery is one process of this binary, executed by make_cluster(). It is small and has a
// single thread, so it may fork the inits without executing anything again: starting a program
// that links curl fifty times would cost more than all namespaces together. It dies with the
// controller's thread that made it (PR_SET_PDEATHSIG), each init dies with the nursery, and with an
// init the kernel kills its whole PID namespace. Should the signal be missed because the parent was
// dead already, then the channel is closed, and that ends them as well.
//
// An init is process 1 of its node: it sets up mounts and addresses, starts the store, carries
// signals to every process of its namespace but itself, reaps, and drains the store's stdout and
// stderr into files of limited size. Signals from inside its namespace cannot end it.
#pragma once

#include <cstdint>
#include <string>

namespace faultline {

/// argv[1] of the nursery; argv[2] is the descriptor of its channel.
inline constexpr const char* nursery_argument = "__nursery";

/// How much of each of stdout.log and stderr.log is kept; what comes after is read and dropped, so
/// that the store never blocks on its own log. One last line says so.
inline constexpr std::int64_t log_bytes_max = std::int64_t{64} << 20;

/// UDP port of the probe sockets, below the ephemeral range and used by no store we know.
inline constexpr std::uint16_t probe_port = 988;

/// Runs until its channel is closed; returns the exit status.
int run_nursery(int channel);

/// What an init is told first, in the order of its fields on the wire.
struct NodeSetup {
  std::string name;
  std::string hosts;              ///< The text of /etc/hosts.
  std::string keep;               ///< The run's directory: a mount must not hide it.
  std::string address, address6;  ///< Text; address6 is empty where there is no IPv6.
  std::size_t machines = 0;       ///< Of the cluster: its neighbours.
  std::int64_t monotonic_ns = 0;  ///< How far monotonic clocks are ahead; 0: nothing is done.
};

}  // namespace faultline
