#include "harness/os/frames.h"

#include <array>
#include <cstring>

#include <sys/socket.h>
#include <sys/time.h>

namespace faultline {
namespace {

constexpr timeval slice{0, 50'000};
constexpr std::size_t prefix_bytes = sizeof(std::uint32_t);

/// True for a call that ended because its slice was over, or by a signal.
bool waited(int number) { return number == EAGAIN || number == EWOULDBLOCK || number == EINTR; }

}  // namespace

FrameStream::FrameStream(Fd socket) : socket_(std::move(socket)) {
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO})
    ::setsockopt(socket_.get(), SOL_SOCKET, option, &slice, sizeof slice);
}

Result<std::pair<Fd, Fd>> FrameStream::make_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return os_error("make a stream");
  return std::pair{Fd(ends[0]), Fd(ends[1])};
}

Status FrameStream::send(std::string_view message, const KeepWaiting& keep_waiting) {
  if (message.size() > frame_bytes_max) return Error{"a message of more than 64 MiB"};
  const auto length = static_cast<std::uint32_t>(message.size());
  std::string bytes(prefix_bytes, '\0');
  std::memcpy(bytes.data(), &length, prefix_bytes);
  bytes += message;
  for (std::string_view left = bytes; !left.empty();) {
    const ssize_t sent = ::send(socket_.get(), left.data(), left.size(), MSG_NOSIGNAL);
    if (sent >= 0)
      left.remove_prefix(static_cast<std::size_t>(sent));
    else if (!waited(errno))
      return os_error("send");
    else if (!keep_waiting())
      return Error{"the other end does not read"};
  }
  return Ok{};
}

Result<std::optional<std::string>> FrameStream::receive(const KeepWaiting& keep_waiting) {
  std::array<char, 65536> chunk;
  for (;;) {
    std::uint32_t length = 0;
    if (buffer_.size() >= prefix_bytes) {
      std::memcpy(&length, buffer_.data(), prefix_bytes);
      if (length > frame_bytes_max) return Error{"a message of more than 64 MiB is announced"};
      if (buffer_.size() >= prefix_bytes + length) {
        std::optional<std::string> message = buffer_.substr(prefix_bytes, length);
        buffer_.erase(0, prefix_bytes + length);
        return message;
      }
    }
    const ssize_t got = ::recv(socket_.get(), chunk.data(), chunk.size(), 0);
    if (got > 0)
      buffer_.append(chunk.data(), static_cast<std::size_t>(got));
    else if (got == 0)
      return Error{"the other end is closed"};
    else if (!waited(errno))
      return os_error("receive");
    else if (!keep_waiting())
      return std::optional<std::string>{};
  }
}

}  // namespace faultline
