#include "harness/os/sockets.h"

#include <algorithm>
#include <array>
#include <vector>

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "harness/core/check.h"
#include "harness/os/addresses.h"
#include "harness/os/fd.h"
#include "harness/os/netlink.h"

namespace faultline {
namespace {

constexpr std::size_t batch = 64;  // Its acknowledgements fit any socket's buffer.
constexpr std::uint32_t but_listening = ~(1U << TCP_LISTEN);

inet_diag_req_v2 question(int family) {
  inet_diag_req_v2 request{};
  request.sdiag_family = static_cast<std::uint8_t>(family);
  request.sdiag_protocol = IPPROTO_TCP;
  request.idiag_states = but_listening;
  return request;
}

Result<std::vector<inet_diag_sockid>> list_connections(Netlink& netlink, int family) {
  const inet_diag_req_v2 all = question(family);
  netlink.begin(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &all, sizeof all, "list TCP connections");
  std::vector<inet_diag_sockid> found;
  const Status done = netlink.ask([&](const nlmsghdr& message) {
    found.push_back(static_cast<const inet_diag_msg*>(NLMSG_DATA(&message))->id);
  });
  if (!done) return done.error();
  return found;
}

Error without_kernel_support(const Error& error) {
  return {error.what + "; needs a kernel with CONFIG_INET_DIAG_DESTROY", ErrorKind::capability};
}

}  // namespace

Result<std::size_t> destroy_tcp_connections() {
  auto netlink = Netlink::open(NETLINK_SOCK_DIAG);
  if (!netlink) return netlink.error();
  std::size_t count = 0;
  for (const int family : {AF_INET, AF_INET6}) {
    const auto found = list_connections(*netlink, family);
    if (!found) return found.error();
    count += found->size();
    for (std::size_t begin = 0; begin < found->size(); begin += batch) {
      for (std::size_t i = begin; i < std::min(begin + batch, found->size()); ++i) {
        inet_diag_req_v2 one = question(family);
        one.id = (*found)[i];
        netlink->begin(SOCK_DESTROY, 0, &one, sizeof one, "destroy a TCP connection");
      }
      // One that ended meanwhile is an error of no interest; the next call counts what is left.
      (void)netlink->flush();
    }
  }
  return count;
}

Status try_destroy_tcp_connections() {
  auto netlink = Netlink::open();
  if (!netlink) return netlink.error();
  netlink->set_up(1, "bring lo up");
  if (const Status up = netlink->flush(); !up) return up;
  const SocketAddress any("127.0.0.1", 0);
  const Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  auto* address = reinterpret_cast<sockaddr*>(&bound);
  if (!listener || !socket || ::bind(listener.get(), any.get(), any.size()) != 0 ||
      ::listen(listener.get(), 1) != 0 || ::getsockname(listener.get(), address, &size) != 0 ||
      ::connect(socket.get(), address, size) != 0)
    return os_error("make a TCP connection to destroy");
  const auto count = destroy_tcp_connections();
  if (!count) return without_kernel_support(count.error());
  FAULTLINE_CHECK(*count >= 2);  // Both ends of ours.
  const auto left = destroy_tcp_connections();
  if (!left) return without_kernel_support(left.error());
  if (*left != 0) return without_kernel_support(Error{"TCP connections cannot be destroyed"});
  return Ok{};
}

}  // namespace faultline
