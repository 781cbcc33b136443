// What a node does with requests and messages, free of sockets, files and threads: everything
// reaches it through these calls, on one thread, and everything it does goes through a Runtime.
// Three engines: quorum.cc, leader.cc (modes leader and transactions), multi.cc; each says at its
// head why it is correct, or not.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "targets/refkv/codec.h"
#include "targets/refkv/options.h"
#include "targets/refkv/types.h"

namespace refkv {

using Clock = std::chrono::steady_clock;

/// The world of a node. Implemented by server.cc, and by a simulation in the tests. Callbacks run
/// later, never inside the call that takes them.
class Runtime {
 public:
  virtual ~Runtime() = default;
  /// Sends to another node, or drops it: when that cannot be reached before `expires`, when too
  /// much waits for it, when the connection breaks. Never sends twice.
  virtual void send(std::size_t node, Message message, Clock::time_point expires) = 0;
  /// Takes back a forward that still waits. True: it was never sent, and never will be.
  virtual bool withdraw(std::size_t node, std::uint64_t request) = 0;
  /// Runs `done` once the record is on the disk; in the order of the calls.
  virtual void persist(const Record& record, std::function<void()> done) = 0;
  /// Runs `done` once everything persisted so far is on the disk.
  virtual void after_persist(std::function<void()> done) = 0;
  virtual bool disk_full() const = 0;
  virtual Clock::time_point now() const = 0;
  virtual std::uint64_t wall_clock_ns() const = 0;
};

class Engine {
 public:
  Engine(const Options& options, Runtime& runtime) : options_(options), runtime_(runtime) {}
  virtual ~Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Before start(): a record of an earlier life, in order.
  void replay(const Record& record);
  /// The node may serve. Its epoch is now `epoch()`, and must be on the disk already.
  void start();
  /// One more than any earlier life's: request numbers never repeat.
  std::uint64_t epoch() const { return epoch_; }

  /// A client's request; `done` is called once, within about `call_timeout()`.
  void call(const Call& call, Done done);
  /// A message from another node.
  void receive(std::size_t from, const Message& message);
  /// To be called every tick_interval.
  void tick();

  virtual bool leads() const { return false; }
  /// Tells whether clients would be served now; asks the other nodes.
  void check_ready(std::function<void(bool)> done);

  // Beside what they are for nodes of one place: two phases over a new connection, each of which
  // may wait for one exchange to end; and one such phase.
  std::chrono::milliseconds call_timeout() const { return options_.round_trip * 6 + near_call; }
  std::chrono::milliseconds ready_timeout() const { return options_.round_trip * 3 + near_ready; }
  static constexpr std::chrono::milliseconds near_call{1000}, near_ready{250};
  static constexpr std::chrono::milliseconds tick_interval{10};

 protected:
  virtual void on_call(const Call& call, Done done) = 0;
  virtual void on_replay(const Record& record) = 0;
  virtual void on_start() {}
  virtual void on_message(std::size_t from, const Message& message) = 0;
  virtual void on_tick() = 0;
  /// Given who answered a ping (itself included) and whether the leader said that it serves.
  virtual bool is_ready(std::size_t answered, bool leader_serves) const = 0;

  /// Never given out twice in the life of the data directory: epoch in the upper bits.
  std::uint64_t next_request() { return (epoch_ << 40) | ++requests_; }
  std::size_t self() const { return options_.self; }
  bool has_bug(Bug bug) const { return options_.bug == bug; }
  void send_to_others(const Message& message, Clock::time_point expires);

  const Options options_;
  Runtime& runtime_;

 private:
  struct ReadyCheck {
    Clock::time_point deadline;
    std::size_t answered = 1;
    bool leader_serves = false;
    std::function<void(bool)> done{};
  };
  std::uint64_t epoch_ = 1;
  std::uint64_t requests_ = 0;
  std::map<std::uint64_t, ReadyCheck> ready_checks_;  ///< By request, thus by deadline.
};

std::unique_ptr<Engine> make_quorum_engine(const Options& options, Runtime& runtime);
std::unique_ptr<Engine> make_leader_engine(const Options& options, Runtime& runtime);
std::unique_ptr<Engine> make_multi_engine(const Options& options, Runtime& runtime);
/// Of the engine for `options.mode`.
std::unique_ptr<Engine> make_engine(const Options& options, Runtime& runtime);

}  // namespace refkv
