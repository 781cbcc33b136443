#include "targets/refkv/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

#include "targets/refkv/types.h"

namespace refkv {
namespace {

constexpr std::array<std::string_view, 4> mode_names{"quorum", "leader", "multi", "transactions"};
constexpr std::array<std::string_view, 3> isolation_names{"read-committed", "snapshot",
                                                          "serializable"};

const std::vector<BugInfo> bugs{
    {Bug::ack_before_write,
     "ack-before-write",
     {Mode::quorum, Mode::leader, Mode::transactions},
     "what must be on the disk before it is acknowledged is acknowledged at once",
     "written every 500 ms; a kill loses what came since (quorum: of a majority at once)"},
    {Bug::dirty_reads,
     "dirty-reads",
     {Mode::transactions},
     "a read sees what others have asked to commit, before it is certain that they can; and what "
     "open transactions have written",
     "while a commit is under way, or a transaction open"},
    {Bug::follower_reads,
     "follower-reads",
     {Mode::leader, Mode::transactions},
     "a follower answers reads, and begins transactions, from what it has applied",
     "as long as it is cut off or paused, else until the leader's next message"},
    {Bug::forgets_on_restart,
     "forgets-on-restart",
     {Mode::quorum, Mode::leader, Mode::transactions},
     "a restarted node starts without its data",
     "from a restart on (quorum: of a majority within the life of a value)"},
    {Bug::leader_lease_by_clock,
     "leader-lease-by-clock",
     {Mode::leader},
     "followers' read leases hold until a time of day, by whatever clock each node has (with "
     "--reads lease). Correct as long as all nodes have one clock",
     "from when the leader's clock goes ahead, or a follower's falls behind, until a follower "
     "gets what was written"},
    {Bug::local_reads,
     "local-reads",
     {Mode::quorum},
     "a read is answered from the local copy, without asking anybody",
     "as long as the node is cut off or paused, else about a millisecond per write"},
    {Bug::lost_updates,
     "lost-updates",
     {Mode::transactions},
     "a transaction may change what was changed since it began, even if it has read that",
     "from begin to commit (read committed: none, for there it may)"},
    {Bug::no_write_back,
     "no-write-back",
     {Mode::quorum},
     "a read does not store what it found on a majority before it answers",
     "while a write is under way. To make that visible, the replicas are asked to store one "
     "after "
     "another, the next after an answer or after 100 ms"},
    {Bug::reordered_apply,
     "reordered-apply",
     {Mode::transactions},
     "every node answers reads from its own copy, where some keys lag behind: others on each",
     "the last 30 commits, all the time (read committed: only as long as the node is behind)"},
    {Bug::retry_not_idempotent,
     "retry-not-idempotent",
     {Mode::leader},
     "a follower without an answer for 400 ms asks the leader again, which does it again",
     "from the first time that it is done to the second: as long as the leader is slow to "
     "answer"},
    {Bug::sloppy_quorum,
     "sloppy-quorum",
     {Mode::quorum},
     "reads and writes are content with half of the nodes, rounded down: R + W <= N",
     "as long as two groups of that size are cut from each other"},
    {Bug::trusts_order,
     "trusts-order",
     {Mode::leader},
     "a follower takes what the leader sends as what comes next in the log, though it comes over "
     "two connections",
     "while one message overtakes another, until the next write of the same key: with reordered "
     "packets all the time; now and then as a partition or a pause ends, or when the machine is "
     "crowded. Only a follower's own answers show it (--reads followers)"},
    {Bug::wall_clock_timestamps,
     "wall-clock-timestamps",
     {Mode::quorum},
     "the last writer wins by the time of day at the node that coordinates the write, whatever "
     "tag it has seen. Correct as long as all nodes have one clock",
     "as long as clocks disagree, and then until the one behind has caught up with what was "
     "written by the one ahead"},
    {Bug::write_skew,
     "write-skew",
     {Mode::transactions},
     "a serializable transaction commits although what it only read has changed since",
     "from begin to commit (isolation serializable alone)"},
};

[[noreturn]] void refuse(const std::string& why) { throw std::runtime_error(why); }

/// "10.88.0.1:7000"
Peer parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  Peer peer;
  if (colon == std::string_view::npos || colon == 0) {
    refuse("expected ADDRESS:PORT, not \"" + std::string(text) + "\"");
  }
  peer.host = text.substr(0, colon);
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, peer.port);
  if (error != std::errc{} || rest != end || peer.port == 0) {
    refuse("no port number in \"" + std::string(text) + "\"");
  }
  return peer;
}

/// "n1=10.88.0.1:7000,n2=…"
std::vector<Peer> parse_peers(std::string_view text) {
  std::vector<Peer> peers;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      refuse("--peers: expected NAME=ADDRESS:PORT, not \"" + std::string(item) + "\"");
    }
    Peer peer = parse_address(item.substr(equals + 1));
    peer.name = item.substr(0, equals);
    for (const Peer& other : peers) {
      if (other.name == peer.name) refuse("--peers: \"" + peer.name + "\" twice");
    }
    peers.push_back(std::move(peer));
  }
  if (peers.size() > nodes_max) refuse("--peers: more than " + std::to_string(nodes_max));
  return peers;
}

Bug parse_bug(const std::string& name, Mode mode) {
  if (name == "none") return Bug::none;
  for (const BugInfo& info : bug_table()) {
    if (info.name != name) continue;
    if (std::ranges::find(info.modes, mode) == info.modes.end()) {
      refuse("--bug " + name + " makes no difference in mode " + std::string(name_of(mode)));
    }
    return info.bug;
  }
  refuse("--bug: there is no \"" + name + "\"");
}

Mode parse_mode(const std::string& name) {
  const auto found = std::ranges::find(mode_names, name);
  if (found == mode_names.end())
    refuse("--mode: quorum, leader, multi or transactions, not \"" + name + "\"");
  return static_cast<Mode>(found - mode_names.begin());
}

Isolation parse_isolation(const std::string& name) {
  const auto found = std::ranges::find(isolation_names, name);
  if (found == isolation_names.end())
    refuse("--isolation: read-committed, snapshot or serializable, not \"" + name + "\"");
  return static_cast<Isolation>(found - isolation_names.begin());
}

}  // namespace

std::string_view name_of(Mode mode) { return mode_names.at(static_cast<std::size_t>(mode)); }

std::span<const BugInfo> bug_table() { return bugs; }

std::string usage() {
  std::string text =
      "usage: refkv --node NAME --peers NAME=ADDRESS:PORT,... --data DIRECTORY\n"
      "             [--listen ADDRESS:PORT] [--mode quorum|leader|multi|transactions]\n"
      "             [--isolation read-committed|snapshot|serializable] [--ack majority|all]\n"
      "             [--reads leader|followers|lease] [--bug NAME]\n"
      "A replicated key-value store of registers, to test test harnesses with. The first of the\n"
      "peers leads in modes leader and transactions; mode multi is inconsistent by design. Bugs:\n";
  for (const BugInfo& info : bug_table()) {
    text += "  " + std::string(info.name) + ": " + std::string(info.deviation) +
            ".\n      Window: " + std::string(info.window) + ".\n";
  }
  return text;
}

Options parse_options(std::span<const std::string> arguments) {
  Options options;
  std::string node, listen, bug = "none", ack = "majority", reads = "leader";
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    const std::string& name = arguments[i];
    if (i + 1 == arguments.size()) refuse(name + " wants a value");
    const std::string& value = arguments[i + 1];
    if (name == "--node")
      node = value;
    else if (name == "--listen")
      listen = value;
    else if (name == "--peers")
      options.nodes = parse_peers(value);
    else if (name == "--data")
      options.data = value;
    else if (name == "--mode")
      options.mode = parse_mode(value);
    else if (name == "--isolation")
      options.isolation = parse_isolation(value);
    else if (name == "--bug")
      bug = value;
    else if (name == "--ack")
      ack = value;
    else if (name == "--reads")
      reads = value;
    else
      refuse("unknown option \"" + name + "\"");
  }
  options.bug = parse_bug(bug, options.mode);
  if (ack != "all" && ack != "majority") refuse("--ack: all or majority, not \"" + ack + "\"");
  options.ack_all = ack == "all";
  if (reads != "leader" && reads != "followers" && reads != "lease")
    refuse("--reads: leader, followers or lease, not \"" + reads + "\"");
  options.followers_read = reads == "followers";
  options.leases = reads == "lease";
  if (reads != "leader" && options.mode != Mode::leader)
    refuse("--reads " + reads + " makes no difference in mode " +
           std::string(name_of(options.mode)));
  if (options.bug == Bug::trusts_order && !options.followers_read)
    refuse("--bug trusts-order makes no difference without --reads followers");
  if (options.bug == Bug::leader_lease_by_clock && !options.leases)
    refuse("--bug leader-lease-by-clock makes no difference without --reads lease");
  if (options.data.empty()) refuse("--data is missing");
  const auto self = std::ranges::find(options.nodes, node, &Peer::name);
  if (self == options.nodes.end()) refuse("--node \"" + node + "\" is not among --peers");
  options.self = static_cast<std::size_t>(self - options.nodes.begin());
  options.listen = listen.empty() ? *self : parse_address(listen);
  return options;
}

}  // namespace refkv
