// The world under test: network, processes and hosts of its own, made of namespaces; rootless where
// user namespaces exist. Everything in it dies with the controller, whatever kills that, and the
// host's own network, firewall, mounts and clock are never touched.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/cluster.h"
#include "harness/core/packets.h"
#include "harness/core/result.h"
#include "harness/core/target.h"

namespace faultline {

/// One thing that this machine can or cannot do for us.
struct Capability {
  std::string name;  ///< "user namespaces"
  bool present = false;
  bool required = false;  ///< Without it no cluster can be started.
  std::string detail;     ///< "max_user_namespaces = 0"
  std::string remedy;     ///< "sysctl user.max_user_namespaces=10000"; empty if present.
};

/// Looks, and leaves nothing behind: whatever must be tried out is tried in a child process.
std::vector<Capability> probe_capabilities();

/// What Cluster::rung() will say on a machine of these capabilities; empty if no cluster can be
/// started there.
std::string rung_of(std::span<const Capability> capabilities);

/// Enters a fresh switch network namespace (and, for an ordinary user, first a user namespace in
/// which it is root). Must be called before the process has a second thread; changes the calling
/// process for good. An error is of kind capability and says why and how to mend it.
/// Call it once, from main's thread, before make_cluster().
Status enter_world();

/// Where links are cut: harness/os/links.h.
enum class LinksLever : std::uint8_t { bridge, iptables, packet_switch };
/// "bridge", "iptables", "switch", as configurations have them and in the order of the enumeration.
std::span<const std::string_view> links_lever_names();

/// The program of a client machine.
struct ClientProgram {
  Launch launch;
  int channel = -1;  ///< Becomes its stdin. Borrowed until the machine is started.
  /// Whether it answers a question within a time: Cluster::answers().
  std::function<Result<bool>(std::chrono::milliseconds)> answers;
};

/// This binary with a hidden argument, and the environment that it has here: for ClientProgram.
Launch this_program(const std::string& argument);

struct ClusterOptions {
  std::size_t nodes = 5;
  /// A machine each, beside the nodes: an address on the same switch, and no store.
  std::vector<ClientProgram> clients = {};
  LinksLever links = LinksLever::bridge;
  /// What links do beneath every fault; needs the switch. Empty: they are as quick as this machine.
  LinkPolicies nature = {};
  /// Every machine's packets are kept beside its data, in packets.pcap; needs the switch.
  bool pcap = false;
  /// By node: how many nanoseconds its monotonic clocks, and that since its boot, are ahead of the
  /// machine's. Empty: none is. Proven from inside each node before anything is started there.
  std::vector<std::int64_t> monotonic_offsets = {};
  /// Of what is decided about single packets.
  std::uint64_t seed = 0;
  /// nodes/n1/{data,log} and clients/c1/{data,log} are made below it. Absolute.
  std::filesystem::path directory;
  /// The command line for a node, asked before each of its starts. It runs in data_dir, with stdin
  /// from /dev/null; stdout and stderr are appended to log_dir/{stdout,stderr}.log, of which the
  /// first 64 MiB each are kept.
  std::function<Result<Launch>(const Node& node, std::span<const Node> all)> launch;
};

/// The machines: namespaces, links, addresses, hostnames and /etc/hosts. Nothing runs on them yet.
/// Must be called (and the cluster be destroyed) from the thread that called enter_world(), which
/// must live as long as the cluster: the nodes die with that thread. At most 250 machines.
Result<std::unique_ptr<Cluster>> make_cluster(const ClusterOptions& options);

/// True if argv asks for a hidden subcommand of this binary (a node's init); then it never returns
/// from run_hidden_subcommand(). main() calls it first of all.
bool is_hidden_subcommand(int argc, char** argv);
int run_hidden_subcommand(int argc, char** argv);
/// An error in a process that was started for one, but whose main() forgot that: it would start
/// itself as its own nursery, and that one again, without an end.
Status refuse_to_nest();
/// That argument in the text of a /proc/PID/cmdline; empty if there is none.
std::string_view hidden_argument_of(std::string_view command_line);

/// What the host's own network, mounts and processes of ours look like, for a comparison before and
/// after a run: a map of names to texts. Must be opened before enter_world(), which hides the host.
class HostFingerprint {
 public:
  HostFingerprint();
  ~HostFingerprint();
  HostFingerprint(const HostFingerprint&) = delete;
  HostFingerprint& operator=(const HostFingerprint&) = delete;
  /// Reads the host's state now: interfaces, routes, rules, mounts.
  Map take() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace faultline
