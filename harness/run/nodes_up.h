// Waiting until nodes serve, by asking them; never by sleeping and hoping.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "harness/core/packets.h"
#include "harness/core/target.h"
#include "harness/run/schedule.h"

namespace faultline {

struct AwaitReady {
  const Target& target;
  std::span<const Node> nodes;
  std::chrono::steady_clock::time_point deadline;
  /// Called between any two questions; true ends the wait.
  std::function<bool()> stop;
  /// Nodes that are not asked (any more): they are known to be dead.
  std::function<bool(std::size_t)> dead;
  /// How long a node may think about its first question. Who takes longer has twice the time for
  /// the next one, up to question_max: far from its leader no store answers sooner than light
  /// travels.
  Nanoseconds question_min = std::chrono::milliseconds(250);
  static constexpr Nanoseconds question_max = std::chrono::seconds(4);
};

struct NotReady {
  std::size_t node = 0;
  std::string why;  ///< Its last answer, or "it ended by itself".
};

/// Asks every node until each has served once. Those that did not by the deadline (or when stopped,
/// or dead), in order; empty if all serve. Every node is asked at least once.
std::vector<NotReady> await_ready(const AwaitReady& wait);

/// How long `nodes` nodes may think, all together, about who leads, when they are asked for the
/// `tries`-th time in vain (0: for the first time): each has the time for a connection and a
/// question by the farthest of the clients' links by `nature`, and there are 500 ms for what they
/// think. A fault may make links slower than that: each try has twice the time of the one before,
/// up to AwaitReady::question_max or what nature asks for.
Nanoseconds leader_question_limit(const LinkPolicies& nature, std::size_t nodes, int tries);

/// The last lines of every file in `log_dir`, each line prefixed by the file's name, for an error
/// message. At most 10 lines of each of 4 files.
std::string log_tail(const std::filesystem::path& log_dir);

}  // namespace faultline
