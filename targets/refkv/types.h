// The vocabulary of refkv, the embedded reference store. It shares no code with the harness that
// judges it: a mistake in common would be invisible.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace refkv {

/// Orders the versions of a key. Total: no two writes ever get the same tag, because a request
/// number is never used twice (see Engine::next_request). `counter` is a version in mode quorum and
/// wall-clock nanoseconds in mode multi.
struct Tag {
  std::uint64_t counter = 0;  ///< 0: never written.
  std::uint32_t node = 0;     ///< Index of the node that coordinated the write.
  std::uint64_t request = 0;  ///< That node's number for it.
  friend auto operator<=>(const Tag&, const Tag&) = default;
};

enum class Op : std::uint8_t {
  read,
  write,
  cas,
  begin,
  commit,
  // Of open transactions: open_transactions.h.
  open,
  access,
  look,
  finish,
  abort,
};

/// Which of the values under keys with a prefix: integers all.
struct Match {
  enum class Kind : std::uint8_t { any, equal, multiple_of };
  Kind kind = Kind::any;
  std::int64_t number = 0;  ///< At least 1 for multiple_of; of `any` nothing.
};

/// What a transaction does with a key, or with all rows that match.
struct Access {
  enum class Kind : std::uint8_t { read, write, append, find, erase };
  Kind kind = Kind::read;
  std::string key{};           ///< Of find and erase a prefix of keys, not empty.
  std::string value = "null";  ///< To write, or the element to append to the list.
  Match match{};               ///< Of find and erase.
};

/// A client's request. Values are JSON texts in a canonical spelling; "null" is absent.
struct Call {
  Op op = Op::read;
  std::string key{};               ///< Not of begin and commit.
  std::string value = "null";      ///< To write.
  std::string expected = "null";   ///< Of a compare-and-set.
  std::uint64_t at = 0;            ///< Of a read in a transaction and of commit: what begin said.
  std::vector<Access> accesses{};  ///< Of commit all, in the transaction's order; of access one.
  std::uint64_t transaction = 0;   ///< What open said; of the calls of open transactions.

  bool only_observes() const { return op == Op::read || op == Op::begin; }
  /// A step of an open transaction, which changes nothing that others need ever see.
  bool is_step() const {
    return op == Op::open || op == Op::access || op == Op::look || op == Op::abort;
  }
};

/// What a client is told. The difference between `refused` and `unknown` is the heart of it: after
/// `refused` the request certainly has no effect, ever; after `unknown` it may have, or may still.
struct Answer {
  enum class Kind : std::uint8_t { ok, mismatch, refused, unknown };
  Kind kind = Kind::unknown;
  std::string value = "null";  ///< Of a read that is ok; of begin: the moment.
  std::string error{};         ///< Of refused and unknown; of a mismatch why, or nothing.

  static Answer ok(std::string value = "null") { return {Kind::ok, std::move(value), {}}; }
  static Answer mismatch(std::string why = {}) { return {Kind::mismatch, "null", std::move(why)}; }
  static Answer refused(std::string error) { return {Kind::refused, "null", std::move(error)}; }
  static Answer unknown(std::string error) { return {Kind::unknown, "null", std::move(error)}; }
};
using Done = std::function<void(Answer)>;

/// Between nodes: one way, may be lost, may arrive late, out of order; never twice. Which fields
/// matter depends on the kind.
struct Message {
  enum class Kind : std::uint8_t {
    query,           ///< request, call.key: what do you have?
    query_reply,     ///< request, tag, call.value
    store,           ///< request, call.key, tag, call.value: keep it if it is newer.
    store_reply,     ///< request: it is on my disk, or something newer is.
    ping,            ///< request: are you there?
    ping_reply,      ///< request, flag: I serve as leader.
    append,          ///< request: the stream it belongs to; index of entries[0], entries, commit
    append_reply,    ///< index: entries on my disk; flag: there was a gap before what you sent.
    forward,         ///< request, call: do it for me.
    forward_reply,   ///< request, answer
    position,        ///< request: how much is committed?
    position_reply,  ///< request, commit; flag: I serve as leader.
  };
  Kind kind = Kind::ping;
  std::uint64_t request = 0;
  Tag tag{};
  Call call{};
  std::uint64_t index = 0;
  std::uint64_t commit = 0;
  std::uint64_t lease = 0;  ///< append, append_reply: see leases.h; 0: none.
  bool flag = false;
  std::vector<Call> entries{};
  Answer answer{};
};

/// Limits. A request that would exceed one is refused.
inline constexpr std::size_t key_bytes_max = 256;
inline constexpr std::size_t value_bytes_max = 64 << 10;
inline constexpr std::size_t accesses_max = 1000;  ///< Of one transaction.
inline constexpr std::size_t calls_pending_max = 10'000;
inline constexpr std::size_t nodes_max = 64;

}  // namespace refkv
