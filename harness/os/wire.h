// Messages between the controller, the nursery, the machines' inits and the clients' processes:
// datagrams over socket pairs of type SOCK_SEQPACKET, which may carry descriptors. Both ends are
// the same binary, so that a mismatch is a programmer error. Numbers are in host order.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/check.h"
#include "harness/core/result.h"
#include "harness/os/fd.h"

namespace faultline::wire {

/// Also the limit for the command line and environment of a store.
constexpr std::size_t message_bytes_max = 128 * 1024;

enum class Kind : std::uint32_t {
  // Controller → nursery, and its answer (with the init's channel and its pidfd).
  spawn,
  spawned,
  // Controller → init (start may carry the process's stdin); each is answered by exactly one `done`
  // with the same sequence number.
  setup,
  start,
  signal,
  list,
  clock_set,    ///< What shifts the clocks of the node's processes.
  clock_read,   ///< Answered like a list; what belongs to no process comes in a clock_node.
  clock_trial,  ///< Whether clocks can be shifted there.
  clock_arm,    ///< What is started from now on has its system calls for the time answered.
  done,
  // Init → controller: one process of a `list`, before its `done`; the main process ended.
  process,
  clock_process,
  clock_node,
  ended,
  // Controller → process of a client machine, over its stdin (run/client_program.h): the target to
  // make and the nodes; one more connection; a question. The first and the last are answered.
  client_setup,
  client_ready,
  client_connect,
  client_ping,
  client_pong,
};

/// The number of a `done` that says what went wrong; `incapable` if its kind is capability.
inline constexpr std::int64_t failed = -1, failed_incapable = -2;

class Writer {
 public:
  explicit Writer(Kind kind, std::uint32_t sequence = 0) {
    number(static_cast<std::int64_t>(kind)).number(sequence);
  }
  Writer& number(std::int64_t value) {
    const auto* bytes = reinterpret_cast<const char*>(&value);
    bytes_.append(bytes, sizeof value);
    return *this;
  }
  Writer& text(std::string_view value) {
    number(static_cast<std::int64_t>(value.size()));
    bytes_.append(value);
    return *this;
  }
  Writer& texts(std::span<const std::string> values) {
    number(static_cast<std::int64_t>(values.size()));
    for (const std::string& value : values) text(value);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// One received message; reading past its end is a failed check.
struct Message {
  Kind kind{};
  std::uint32_t sequence = 0;
  std::vector<Fd> fds;
  int sender_pid = 0;  ///< As the receiver sees it; 0 unless it asked for credentials.

  std::int64_t number() {
    std::int64_t value = 0;
    FAULTLINE_CHECK(at + sizeof value <= bytes.size());
    std::memcpy(&value, bytes.data() + at, sizeof value);
    at += sizeof value;
    return value;
  }
  std::string text() {
    const auto size = static_cast<std::size_t>(number());
    FAULTLINE_CHECK(size <= bytes.size() - at);
    std::string value = bytes.substr(at, size);
    at += size;
    return value;
  }
  std::vector<std::string> texts() {
    std::vector<std::string> values(static_cast<std::size_t>(number()));
    for (std::string& value : values) value = text();
    return values;
  }

  std::string bytes;
  std::size_t at = 0;
};

/// A channel: two connected ends, both close-on-exec.
Result<std::pair<Fd, Fd>> make_channel();
/// So that messages carry the process that their sender names.
Status receive_credentials(int channel);

/// `pid` != 0 attaches that process as credentials (the receiver sees it with its own numbering;
/// needs CAP_SYS_ADMIN over the PID namespace). ESRCH if it is gone.
Status send(int channel, const Writer& message, std::span<const int> fds = {}, int pid = 0);
/// Whether a message, or the end, is there within `timeout`.
Result<bool> readable(int channel, std::chrono::milliseconds timeout);
/// The next message, or nothing if the other end is closed. Blocks unless readable().
Result<std::optional<Message>> receive(int channel);

}  // namespace faultline::wire
