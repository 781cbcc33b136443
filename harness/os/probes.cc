#include "harness/os/probes.h"

#include <array>

#include <poll.h>
#include <sys/socket.h>

#include "harness/os/addresses.h"
#include "harness/os/fd.h"
#include "harness/os/init.h"

namespace faultline {
namespace {

struct Datagram {
  std::uint64_t magic = 0x666c2d70726f6265;  // "fl-probe"
  std::uint64_t from = 0, to = 0, nonce = 0;
  friend bool operator==(const Datagram&, const Datagram&) = default;
};

/// Empties the socket; true if `wanted` was among it.
bool drain(int socket, const Datagram& wanted) {
  bool found = false;
  Datagram got;
  for (;;) {
    const ssize_t size = ::recv(socket, &got, sizeof got, MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return found;
    found |= size == sizeof got && got == wanted;
  }
}

}  // namespace

Status Probes::send_over(const Edge& edge, bool v6, std::uint64_t nonce) {
  const ProbeSockets& from = end(edge.from);
  const ProbeSockets& to = end(edge.to);
  const Datagram datagram{.from = edge.from, .to = edge.to, .nonce = nonce};
  const SocketAddress address(v6 ? to.address6 : to.address, probe_port);
  const int socket = v6 ? from.socket6 : from.socket;
  for (;;) {
    if (::sendto(socket, &datagram, sizeof datagram, MSG_DONTWAIT, address.get(), address.size()) >=
        0)
      return Ok{};
    // An earlier datagram's ICMP error is reported once by the next call.
    if (errno != EINTR && errno != ECONNREFUSED && errno != EHOSTUNREACH)
      return os_error("send a probe from " + from.address + " to " + to.address);
  }
}

Status Probes::send(const Edge& edge) { return send_over(edge, false, ++nonce_); }

Result<bool> Probes::arrives(const Edge& edge, std::chrono::milliseconds timeout) {
  const ProbeSockets& to = end(edge.to);
  const bool v6 = to.socket6 >= 0 && end(edge.from).socket6 >= 0;
  const Datagram wanted{.from = edge.from, .to = edge.to, .nonce = ++nonce_};
  std::array<pollfd, 2> polled = {pollfd{to.socket, POLLIN, 0}, pollfd{to.socket6, POLLIN, 0}};
  for (const pollfd& socket : std::span(polled).first(v6 ? 2 : 1)) drain(socket.fd, {});
  if (const Status sent = send_over(edge, false, wanted.nonce); !sent) return sent.error();
  if (v6)
    if (const Status sent = send_over(edge, true, wanted.nonce); !sent) return sent.error();
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    for (const pollfd& socket : std::span(polled).first(v6 ? 2 : 1))
      if (drain(socket.fd, wanted)) return true;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    if (::poll(polled.data(), v6 ? 2 : 1, static_cast<int>(left.count())) < 0 && errno != EINTR)
      return os_error("wait for a probe");
  }
}

}  // namespace faultline
