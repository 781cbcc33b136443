// One sequential client as the history knows it: sends a request, records both ends of it, and goes
// on as a new process, over a new connection, after an answer that never came.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "harness/core/target.h"
#include "harness/io/recorder.h"
#include "harness/run/schedule.h"

namespace faultline {

class ClientMachines;

/// Asks over `client`, which `open` makes if there is none, within `timeout` from then on. Never
/// throws: a connection that cannot be opened is a fail, for nothing was sent; after an exception
/// of the client's its answer is lost, and so is it.
Outcome ask_over(std::unique_ptr<Client>& client,
                 const std::function<Result<std::unique_ptr<Client>>()>& open,
                 const Request& request, Nanoseconds timeout);

struct SessionSettings {
  Recorder& recorder;
  const Target& target;
  std::span<const Node> nodes;
  Nanoseconds request_timeout{};
  std::size_t lane = 0;                ///< Of the recorder.
  std::uint32_t process = 0;           ///< The first one's id.
  std::uint32_t process_step = 1;      ///< To the id of the next: no two sessions may share one.
  bool tracks_seen = false;            ///< Some requests expect what was last seen.
  ClientMachines* machines = nullptr;  ///< Where the lane's clients run; nullptr: here.
};

/// Used by one thread. Never throws for what a client does: an exception is a lost answer.
class Session {
 public:
  explicit Session(const SessionSettings& settings);

  /// Sends `request` to `node` and records it. Returns what the history says became of it.
  Fate ask(std::size_t node, Request request);

  std::uint32_t process() const { return process_; }

 private:
  void remember(const Request& request, const Outcome& outcome);

  SessionSettings settings_;
  std::uint32_t process_;
  std::vector<std::unique_ptr<Client>> clients_;  ///< By node, opened when first needed.
  std::unordered_map<std::string, Value> seen_;   ///< By key: what this process saw last.
};

}  // namespace faultline
