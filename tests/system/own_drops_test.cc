// Packets that the switch loses by itself, since its buffers are full: they are counted, and the
// run says that it is degraded.
#include <csignal>

#include <sys/socket.h>
#include <sys/syscall.h>

#include "harness/run/link_cost.h"
#include "tests/system/network.h"
#include "tests/system/stage.h"

namespace faultline::system_test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// Of a packet socket, room for next to nothing, as an ordinary user's has in a flood.
bool made_small(int socket) {
  int domain = 0;
  socklen_t size = sizeof domain;
  const int bytes = 1;
  return ::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_PACKET &&
         ::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) == 0;
}

/// How many of a process's sockets were made small; nothing if they are not for us to touch.
std::optional<int> make_small(pid_t pid) {
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  int count = 0;
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    const int number = std::stoi(entry.path().filename().string());
    const Fd socket(static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), number, 0)));
    if (!socket && errno == EPERM) return std::nullopt;
    count += socket && made_small(socket.get());
  }
  return count;
}

TEST_CASE("own drops: what the switch's sockets have no room for is counted, once") {
  Shells shells(2, LinksLever::packet_switch);
  PacketPlane& plane = *shells.cluster->packets();
  CHECK(plane.cost().dropped == 0);
  REQUIRE(make_small(::getpid()) == 3);
  const SocketAddress to(shells.cluster->nodes()[0].address, 9);
  const Fd socket(::socket(to.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const std::string many(60'000, 'x');  // Forty frames at once.
  CHECK(eventually([&] {
    // Nobody listens there: an error comes back now and then.
    (void)::sendto(socket.get(), many.data(), many.size(), 0, to.get(), to.size());
    return plane.cost().dropped > 0;
  }));
  std::uint64_t dropped = plane.cost().dropped;
  // Whoever reads it takes nothing away from the next one.
  CHECK(plane.cost().dropped >= dropped);
  LinkCost cost;
  cost.plane = plane.cost();
  CHECK(cost.degraded());
  CHECK(link_warnings(cost).starts_with("warning: degraded: the switch lost "));
}

TEST_CASE("own drops: this machine says what it drops before any link sees it") {
  require_world();  // Whose network has a file of its own, with the machine's numbers.
  CHECK(read_host_drops());
}

TEST_CASE("own drops: a run whose switch loses packets is degraded, and says so") {
  const Adopter adopter;
  Stage stage;
  stage.output = {"--json"};
  stage.replace_store(
      "[ \"$2\" = n1 ] && bash -c 'while :; do head -c 60000 /dev/zero > /dev/udp/n2/9; sleep 0.01;"
      " done' 2>/dev/null &\n"
      "exec \"$REFKV\" \"$@\"");
  const int pid = stage.start(
      stage.command("name: drops\n"
                    "target: { name: refkv, nodes: 3, mode: quorum }\n"
                    "workload: { name: register, keys: 3, concurrency: 3, rate: 100/s }\n"
                    "links: switch\n"
                    "time: 3s\n"
                    "recovery: { within: 60s }\n"
                    "seed: 5\n"));
  const auto history = stage.runs / "drops/latest/history.jsonl";
  CHECK(eventually([&] { return fs::exists(history) && fs::file_size(history) > 0; }, 60s));
  const std::optional<int> small = make_small(pid);
  const auto code = wait_program(pid, 5min);
  INFO(stage.errors());
  REQUIRE(code);
  CHECK(eventually(Adopter::alone, vanish_limit));
  if (!small) {
    MESSAGE("skipped: the sockets of the run's process are not for this user to touch");
    return;
  }
  CHECK(*small == 4);
  CHECK(*code == 0);
  const Value results = parsed(read_file(stage.latest("drops") / "results.json"));
  CHECK(text_in(results, "verdict") == "valid");
  const Value* links = member_of(results, "links");
  REQUIRE(links != nullptr);
  CHECK(*member_of(*links, "degraded") == Value(true));
  CHECK(*member_of(*links, "own_drops")->integer() > 0);
  CHECK(stage.errors().find("warning: degraded: the switch lost ") != std::string::npos);
}

}  // namespace
}  // namespace faultline::system_test
