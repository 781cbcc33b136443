// How a node is told what to be.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace refkv {

enum class Mode : std::uint8_t { quorum, leader, multi, transactions };

/// What transactions may not do to each other: see transactions.cc.
enum class Isolation : std::uint8_t { read_committed, snapshot, serializable };

/// What a node does wrong on purpose.
enum class Bug : std::uint8_t {
  none,
  ack_before_write,
  dirty_reads,
  follower_reads,
  forgets_on_restart,
  leader_lease_by_clock,
  local_reads,
  lost_updates,
  no_write_back,
  reordered_apply,
  retry_not_idempotent,
  sloppy_quorum,
  trusts_order,
  wall_clock_timestamps,
  write_skew,
};

/// One line per bug: what deviates, in which modes it makes a difference, and how wide its window
/// is.
struct BugInfo {
  Bug bug;
  std::string_view name;
  std::vector<Mode> modes;
  std::string_view deviation;
  std::string_view window;
};
std::span<const BugInfo> bug_table();  ///< Alphabetical; without Bug::none.

struct Peer {
  std::string name;
  std::string host;  ///< An IPv4 address.
  std::uint16_t port = 0;
};

struct Options {
  std::size_t self = 0;     ///< Index into `nodes`.
  std::vector<Peer> nodes;  ///< All of them, in the same order everywhere.
  Peer listen;
  std::filesystem::path data;
  Mode mode = Mode::quorum;
  Isolation isolation = Isolation::serializable;  ///< Mode transactions.
  Bug bug = Bug::none;
  bool leases = false;          ///< Mode leader: followers read by leases (leases.h).
  bool followers_read = false;  ///< Mode leader: followers answer reads themselves.
  bool ack_all = false;  ///< Modes leader, transactions: acknowledged by all, else by a majority.

  /// What an answer from the farthest other node takes by the network alone: every timeout allows
  /// for it. Of the environment: FAULTLINE_ROUND_TRIP_MS.
  std::chrono::milliseconds round_trip{0};

  std::size_t majority() const { return nodes.size() / 2 + 1; }
};

/// Throws std::runtime_error with one clear sentence.
Options parse_options(std::span<const std::string> arguments);
std::string usage();
std::string_view name_of(Mode mode);

}  // namespace refkv
