// A machine, node or client's, as the controller holds it: the channel to its init. Private to
// harness/os.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/clocks.h"
#include "harness/core/cluster.h"
#include "harness/core/target.h"
#include "harness/os/fd.h"
#include "harness/os/wire.h"

namespace faultline {

class NodeHandle {
 public:
  NodeHandle(const Node& node, int pid, Fd channel, Fd process)
      : index_(node.index),
        name_(node.name),
        pid_(pid),
        channel_(std::move(channel)),
        process_(std::move(process)) {}

  int pid() const { return pid_; }  ///< The init's.
  int process() const { return process_.get(); }
  int socket() const { return socket_.get(); }    ///< UDP, in the node's network.
  int socket6() const { return socket6_.get(); }  ///< Likewise; -1 without IPv6.

  /// Sends what the node needs to become a host; finish_setup() awaits the answer.
  Status begin_setup(const Node& node, const std::string& hosts, const std::string& keep,
                     std::size_t machines, std::int64_t monotonic_ns);
  Status finish_setup();

  /// `mark` is one more variable of the process's environment: see leftovers.h. `input` becomes its
  /// stdin; -1: /dev/null.
  Status start(const Launch& launch, const Node& node, const std::string& mark, int input = -1);
  Status signal(int number);
  Result<std::vector<ProcessInfo>> processes();
  Status set_skews(std::span<const Skew> skews);
  Result<ClockReading> read_clocks();
  Status try_clock_shift();
  Status arm_clocks();
  /// Ends of the store's own process that nobody asked for, since the last call.
  std::vector<Cluster::Death> take_deaths();

  /// SIGKILL to the init, and with it to the whole node; returns at once.
  void kill_init();
  /// Closes what keeps the node's network alive.
  void close();

 private:
  using Clock = std::chrono::steady_clock;
  Status send(const wire::Writer& message, std::span<const int> fds = {});
  /// The answer to the request sent last; what else comes before it is taken note of.
  Result<wire::Message> answer(std::chrono::milliseconds limit);
  /// A request without fields, or with those of `message`, and its answer; an error if that is one.
  Status ask(const wire::Writer& message, std::string_view what);
  /// One message, or nothing at the deadline.
  Result<std::optional<wire::Message>> next(Clock::time_point deadline);
  /// Takes note of what the init said by itself.
  void drain();
  void note_end(wire::Message& message);
  Error lost();

  std::size_t index_;
  std::string name_;
  int pid_;
  Fd channel_, process_, socket_, socket6_;
  std::uint32_t sequence_ = 0;
  bool running_ = false;  ///< The store's own process.
  bool lost_ = false;     ///< The init is gone.
  std::vector<Cluster::Death> deaths_;
  std::vector<ProcessInfo> listed_;
  ClockReading clocks_;  ///< As far as it has come.
};

}  // namespace faultline
