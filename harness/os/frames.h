// Messages of any length over a connected pair of stream sockets, for two threads that speak in
// turn: four bytes of length, then the message. Either end may be in another process; which waits
// as long as its owner wants.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "harness/core/result.h"
#include "harness/os/fd.h"

namespace faultline {

/// No client's request or answer is longer.
inline constexpr std::uint32_t frame_bytes_max = 64u << 20;

class FrameStream {
 public:
  /// Asked every 50 ms of a wait, whether to wait on.
  using KeepWaiting = std::function<bool()>;

  FrameStream() = default;
  explicit FrameStream(Fd socket);  ///< One end of make_pair().
  static Result<std::pair<Fd, Fd>> make_pair();

  /// Blocks while the other end does not read. After an error the stream is of no use any more.
  Status send(std::string_view message, const KeepWaiting& keep_waiting);
  /// The next message, or nothing if `keep_waiting` said no; it may be asked for again. An error if
  /// the other end is closed, or a message longer than any is announced.
  Result<std::optional<std::string>> receive(const KeepWaiting& keep_waiting);

 private:
  Fd socket_;
  std::string buffer_;  ///< Received, and not a whole message yet.
};

}  // namespace faultline
