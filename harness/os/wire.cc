#include "harness/os/wire.h"

#include <algorithm>
#include <array>

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace faultline::wire {
namespace {

constexpr std::size_t fds_max = 4;
constexpr std::size_t control_bytes = CMSG_SPACE(sizeof(int) * fds_max) + CMSG_SPACE(sizeof(ucred));

}  // namespace

Result<std::pair<Fd, Fd>> make_channel() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return os_error("make a channel");
  std::pair<Fd, Fd> channel{Fd(ends[0]), Fd(ends[1])};
  const int bytes = 2 * static_cast<int>(message_bytes_max);
  for (const int end : ends) ::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  return channel;
}

Status receive_credentials(int channel) {
  const int one = 1;
  if (::setsockopt(channel, SOL_SOCKET, SO_PASSCRED, &one, sizeof one) != 0)
    return os_error("ask for credentials");
  return Ok{};
}

Status send(int channel, const Writer& message, std::span<const int> fds, int pid) {
  FAULTLINE_CHECK(fds.size() <= fds_max);
  if (message.bytes().size() > message_bytes_max) return Error{"a message of more than 128 KiB"};
  iovec body{const_cast<char*>(message.bytes().data()), message.bytes().size()};
  alignas(cmsghdr) std::array<char, control_bytes> control{};
  msghdr header{};
  header.msg_iov = &body;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen =
      (fds.empty() ? 0 : CMSG_SPACE(fds.size_bytes())) + (pid == 0 ? 0 : CMSG_SPACE(sizeof(ucred)));
  if (header.msg_controllen == 0) header.msg_control = nullptr;
  cmsghdr* item = CMSG_FIRSTHDR(&header);
  if (!fds.empty()) {
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(item), fds.data(), fds.size_bytes());
    item = CMSG_NXTHDR(&header, item);
  }
  if (pid != 0) {
    const ucred credentials{pid, ::getuid(), ::getgid()};
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_CREDENTIALS;
    item->cmsg_len = CMSG_LEN(sizeof credentials);
    std::memcpy(CMSG_DATA(item), &credentials, sizeof credentials);
  }
  while (::sendmsg(channel, &header, MSG_NOSIGNAL) < 0)
    if (errno != EINTR) return os_error("send");
  return Ok{};
}

Result<bool> readable(int channel, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  pollfd polled{channel, POLLIN, 0};
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const int ready = ::poll(&polled, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) return os_error("wait for a message");
  }
}

Result<std::optional<Message>> receive(int channel) {
  Message message;
  message.bytes.resize(message_bytes_max);
  iovec body{message.bytes.data(), message.bytes.size()};
  alignas(cmsghdr) std::array<char, control_bytes> control{};
  msghdr header{};
  header.msg_iov = &body;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t got = 0;
  while ((got = ::recvmsg(channel, &header, MSG_CMSG_CLOEXEC)) < 0)
    if (errno != EINTR) break;
  if (got == 0 || (got < 0 && errno == ECONNRESET)) return std::optional<Message>{};
  if (got < 0) return os_error("receive");
  message.bytes.resize(static_cast<std::size_t>(got));
  for (cmsghdr* item = CMSG_FIRSTHDR(&header); item; item = CMSG_NXTHDR(&header, item)) {
    if (item->cmsg_level != SOL_SOCKET) continue;
    if (item->cmsg_type == SCM_RIGHTS) {
      std::array<int, fds_max> fds{};
      const std::size_t bytes = item->cmsg_len - CMSG_LEN(0);
      std::memcpy(fds.data(), CMSG_DATA(item), bytes);
      for (std::size_t i = 0; i < bytes / sizeof(int); ++i) message.fds.emplace_back(fds[i]);
    } else if (item->cmsg_type == SCM_CREDENTIALS) {
      ucred credentials{};
      std::memcpy(&credentials, CMSG_DATA(item), sizeof credentials);
      message.sender_pid = credentials.pid;
    }
  }
  FAULTLINE_CHECK((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0);
  message.kind = static_cast<Kind>(message.number());
  message.sequence = static_cast<std::uint32_t>(message.number());
  return std::optional<Message>{std::move(message)};
}

}  // namespace faultline::wire
