// TCP between nodes, and between the controller and nodes, for tests of faults on the network.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "harness/os/addresses.h"
#include "harness/os/fd.h"
#include "tests/system/fixture.h"

namespace faultline::system_test {

using std::chrono::milliseconds;
inline constexpr milliseconds brief{60}, patient{5000};
/// What the client prints when its connection is reset.
inline constexpr char reset_mark = '#';

/// Runs a skipped test case of this very program in a node: a helper program without a file of its
/// own (a node's init is this program too).
inline std::vector<std::string> helper(const std::string& name) {
  return {"/proc/self/exe", "--no-skip", "--test-case=" + name};
}

inline Fd tcp_socket(const SocketAddress& address, int flags = 0) {
  Fd socket(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  REQUIRE(socket);
  return socket;
}

/// A TCP connection from the first node to the second over which a byte goes there and back again
/// and again.
class Talk {
 public:
  Talk(Shells& shells, const std::string& address) : shells_(shells), began_(log().size()) {
    shells.environment = {{"ADDRESS", address}};
    shells.argv = helper("helper: echo server");
    require_ok(shells.cluster->start(1));
    shells.argv = helper("helper: echo client");
    require_ok(shells.cluster->start(0));
  }
  ~Talk() {
    for (const std::size_t node : {0, 1}) (void)shells_.cluster->signal(node, SIGKILL);
  }
  /// Whether the client was told that the connection was reset.
  bool was_reset() const { return log().find(reset_mark, began_) != std::string::npos; }
  /// Whether bytes come back after the call.
  bool progresses(milliseconds timeout) {
    const std::size_t before = echoes();
    // Two: the first may have been on its way to the log.
    return eventually([&] { return echoes() >= before + 2; }, timeout);
  }

 private:
  std::string log() const { return read_file(shells_.cluster->nodes()[0].log_dir / "stdout.log"); }
  std::size_t echoes() const {
    const std::string text = log();
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), 'x'));
  }
  Shells& shells_;
  std::size_t began_;
};

/// Whether a segment comes back: a refusal, as nobody listens there.
inline bool controller_reaches(const std::string& address, milliseconds timeout = patient) {
  const SocketAddress at(address, 9);
  const Fd socket = tcp_socket(at, SOCK_NONBLOCK);
  if (::connect(socket.get(), at.get(), at.size()) != 0 && errno != EINPROGRESS)
    return errno == ECONNREFUSED;
  pollfd answered{socket.get(), POLLOUT, 0};
  int number = 0;
  socklen_t size = sizeof number;
  return ::poll(&answered, 1, static_cast<int>(timeout.count())) == 1 &&
         ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &number, &size) == 0 &&
         number == ECONNREFUSED;
}

}  // namespace faultline::system_test
