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

constexpr int room_limit_ms = 1000;

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
    // Full of datagrams whose receiver's address is still being asked for, or that wait for a busy
    // machine.
    pollfd room = {socket, POLLOUT, 0};
    if (errno == EAGAIN && ::poll(&room, 1, room_limit_ms) > 0) continue;
    // An earlier datagram's ICMP error is reported once by the next call.
    if (errno != EINTR && errno != ECONNREFUSED && errno != EHOSTUNREACH)
      return os_error("send a probe from " + from.address + " to " + to.address);
  }
}

Status Probes::send(const Edge& edge) { return send_over(edge, false, ++nonce_); }

void Probes::take_arrived(const ProbeSockets& to) {
  for (const int socket : {to.socket, to.socket6}) {
    if (socket < 0) continue;
    Datagram got;
    for (;;) {
      const ssize_t size = ::recv(socket, &got, sizeof got, MSG_DONTWAIT);
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) break;
      if (size != sizeof got) continue;
      const auto flight = flights_.find(got.nonce);
      if (flight == flights_.end() || flight->second.took) continue;
      // All of it, as a link may have turned bits over.
      const Edge& edge = flight->second.edge;
      if (got == Datagram{.from = edge.from, .to = edge.to, .nonce = got.nonce})
        flight->second.took = std::chrono::steady_clock::now() - flight->second.sent;
    }
  }
}

Result<std::uint64_t> Probes::launch(const Edge& edge) {
  const ProbeSockets& to = end(edge.to);
  take_arrived(to);  // A full buffer would lose the next one.
  const std::uint64_t nonce = ++nonce_;
  flights_.emplace(nonce, Flight{edge, std::chrono::steady_clock::now()});
  if (flights_.size() > flights_max) flights_.erase(flights_.begin());
  if (const Status sent = send_over(edge, false, nonce); !sent) return sent.error();
  if (to.socket6 >= 0 && end(edge.from).socket6 >= 0)
    if (const Status sent = send_over(edge, true, nonce); !sent) return sent.error();
  return nonce;
}

std::optional<std::chrono::nanoseconds> Probes::landed(std::uint64_t probe) {
  const auto flight = flights_.find(probe);
  if (flight == flights_.end()) return std::nullopt;
  if (!flight->second.took) take_arrived(end(flight->second.edge.to));
  return flight->second.took;
}

Result<bool> Probes::arrives(const Edge& edge, std::chrono::milliseconds timeout) {
  const ProbeSockets& to = end(edge.to);
  const auto probe = launch(edge);
  if (!probe) return probe.error();
  std::array<pollfd, 2> polled = {pollfd{to.socket, POLLIN, 0}, pollfd{to.socket6, POLLIN, 0}};
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const bool arrived = landed(*probe).has_value();
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (arrived || left.count() <= 0) {
      flights_.erase(*probe);
      return arrived;
    }
    if (::poll(polled.data(), to.socket6 >= 0 ? 2 : 1, static_cast<int>(left.count())) < 0 &&
        errno != EINTR)
      return os_error("wait for a probe");
  }
}

}  // namespace faultline
