// Links: what a cut stops, and what it leaves alone.
#include <algorithm>
#include <array>
#include <cstdlib>

#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "harness/os/addresses.h"
#include "harness/os/netlink.h"
#include "tests/system/fixture.h"

namespace faultline::system_test {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds brief{60}, patient{5000};

bool passes(Cluster& cluster, Edge edge, milliseconds timeout) {
  const auto arrived = cluster.probe(edge, timeout);
  if (!arrived) FAIL(arrived.error().what);
  return *arrived;
}

std::vector<std::uint64_t> drops(Cluster& cluster, std::vector<Edge> edges) {
  const auto counted = cluster.drops(edges);
  if (!counted) FAIL(counted.error().what);
  return *counted;
}

std::vector<Edge> all_edges(std::size_t nodes) {
  std::vector<Edge> edges;
  for (std::size_t from = 0; from < nodes; ++from)
    for (std::size_t to = 0; to < nodes; ++to)
      if (from != to) edges.push_back({from, to});
  return edges;
}

/// Runs a skipped test case of this very program in a node: a helper program without a file of its
/// own (a node's init is this program too).
std::vector<std::string> helper(const std::string& name) {
  return {"/proc/self/exe", "--no-skip", "--test-case=" + name};
}

Fd tcp_socket(const SocketAddress& address, int flags = 0) {
  Fd socket(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  REQUIRE(socket);
  return socket;
}

constexpr std::uint16_t echo_port = 7;

TEST_CASE("helper: echo server" * doctest::skip()) {
  const SocketAddress address(std::getenv("ADDRESS"), echo_port);
  const Fd listener = tcp_socket(address);
  const int one = 1;
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  REQUIRE(::bind(listener.get(), address.get(), address.size()) == 0);
  REQUIRE(::listen(listener.get(), 1) == 0);
  const Fd peer(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  for (char byte = 0; ::read(peer.get(), &byte, 1) == 1;)
    if (::write(peer.get(), &byte, 1) != 1) break;
}

TEST_CASE("helper: echo client" * doctest::skip()) {
  const SocketAddress address(std::getenv("ADDRESS"), echo_port);
  Fd socket;
  CHECK(eventually([&] {
    socket = tcp_socket(address);
    return ::connect(socket.get(), address.get(), address.size()) == 0;
  }));
  for (char byte = 'x'; ::write(socket.get(), &byte, 1) == 1;) {
    if (::read(socket.get(), &byte, 1) != 1) break;
    REQUIRE(::write(1, &byte, 1) == 1);
    std::this_thread::sleep_for(milliseconds(2));  // The pace of the talk; nobody waits for it.
  }
}

TEST_CASE("helper: neighbours" * doctest::skip()) {
  auto netlink = Netlink::open();
  REQUIRE(netlink);
  const ndmsg all{};
  netlink->begin(RTM_GETNEIGH, NLM_F_DUMP, &all, sizeof all, "neighbours");
  std::string text;
  require_ok(netlink->ask([&](const nlmsghdr& message) {
    const auto* entry = static_cast<const ndmsg*>(NLMSG_DATA(&message));
    auto bytes = static_cast<unsigned>(RTM_PAYLOAD(&message));
    const auto* first = reinterpret_cast<const char*>(entry) + NLMSG_ALIGN(sizeof *entry);
    for (auto* item = reinterpret_cast<const rtattr*>(first); RTA_OK(item, bytes);
         item = RTA_NEXT(item, bytes)) {
      std::array<char, 64> address{};
      if (item->rta_type == NDA_DST &&
          (entry->ndm_state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PERMANENT)))
        text += std::string(" ") +
                ::inet_ntop(entry->ndm_family, RTA_DATA(item), address.data(), address.size());
    }
  }));
  text += " .\n";
  REQUIRE(::write(1, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

/// A TCP connection from the first node to the second over which a byte goes there and back again
/// and again.
class Talk {
 public:
  Talk(Shells& shells, const std::string& address) : shells_(shells) {
    shells.environment = {{"ADDRESS", address}};
    shells.argv = helper("helper: echo server");
    require_ok(shells.cluster->start(1));
    shells.argv = helper("helper: echo client");
    require_ok(shells.cluster->start(0));
  }
  ~Talk() {
    for (const std::size_t node : {0, 1}) (void)shells_.cluster->signal(node, SIGKILL);
  }
  /// Whether bytes come back after the call.
  bool progresses(milliseconds timeout) {
    const std::size_t before = echoes();
    // Two: the first may have been on its way to the log.
    return eventually([&] { return echoes() >= before + 2; }, timeout);
  }

 private:
  std::size_t echoes() const {
    const std::string log = read_file(shells_.cluster->nodes()[0].log_dir / "stdout.log");
    return static_cast<std::size_t>(std::count(log.begin(), log.end(), 'x'));
  }
  Shells& shells_;
};

/// Whether a segment comes back: a refusal, as nobody listens there.
bool controller_reaches(const std::string& address) {
  const SocketAddress at(address, 9);
  const Fd socket = tcp_socket(at, SOCK_NONBLOCK);
  if (::connect(socket.get(), at.get(), at.size()) != 0 && errno != EINPROGRESS)
    return errno == ECONNREFUSED;
  pollfd answered{socket.get(), POLLOUT, 0};
  int number = 0;
  socklen_t size = sizeof number;
  return ::poll(&answered, 1, 5000) == 1 &&
         ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &number, &size) == 0 &&
         number == ECONNREFUSED;
}

TEST_CASE("every node reaches every other at once") {
  Shells shells(5);
  // A lost ARP request would be repeated after a second.
  for (const Edge& edge : all_edges(5)) CHECK(passes(*shells.cluster, edge, milliseconds(900)));
}

TEST_CASE("a cut stops exactly its links in their direction, and a heal opens them") {
  Shells shells(3);
  Cluster& cluster = *shells.cluster;
  require_ok(cluster.can_cut());
  const std::vector<Edge> cut = {{0, 1}, {2, 0}};
  require_ok(cluster.cut(cut));
  for (const Edge& edge : all_edges(3)) {
    const bool is_cut = std::find(cut.begin(), cut.end(), edge) != cut.end();
    CHECK(passes(cluster, edge, is_cut ? brief : patient) == !is_cut);
  }
  require_ok(cluster.cut({}));
  for (const Edge& edge : all_edges(3)) CHECK(passes(cluster, edge, patient));
}

TEST_CASE("each cut link counts its own drops, and keeps its count while it stays cut") {
  Shells shells(3);
  Cluster& cluster = *shells.cluster;
  require_ok(cluster.cut(std::vector<Edge>{{0, 1}, {1, 0}}));
  const auto before = drops(cluster, {{0, 1}, {1, 0}});
  for (int i = 0; i < 5; ++i) require_ok(cluster.send_probe({0, 1}));
  require_ok(cluster.send_probe({1, 0}));
  const auto after = drops(cluster, {{0, 1}, {1, 0}, {0, 2}});
  CHECK(after[0] >= before[0] + 5);
  CHECK(after[1] >= before[1] + 1);
  CHECK(after[1] < before[1] + 5);  // Direction by direction.
  CHECK(after[2] == 0);             // Not cut.

  require_ok(cluster.cut(std::vector<Edge>{{0, 1}, {2, 1}}));
  CHECK(drops(cluster, {{0, 1}})[0] >= after[0]);
  CHECK(drops(cluster, {{1, 0}})[0] == 0);
  require_ok(cluster.cut(std::vector<Edge>{}));
  require_ok(cluster.cut(std::vector<Edge>{{0, 1}}));
  CHECK(drops(cluster, {{0, 1}})[0] < 5);  // A new cut counts from zero.
}

TEST_CASE("probes pass between nodes whose processes are all stopped or dead") {
  Shells shells(2);
  Cluster& cluster = *shells.cluster;
  require_ok(cluster.start(0));
  require_ok(cluster.signal(0, SIGSTOP));
  CHECK(passes(cluster, {0, 1}, patient));
  CHECK(passes(cluster, {1, 0}, patient));
}

TEST_CASE("a cut silences connections that stand, in both families; after the heal they go on") {
  Shells shells(2);
  Cluster& cluster = *shells.cluster;
  for (const std::string& address : {cluster.nodes()[1].address, cluster.nodes()[1].address6}) {
    if (address.empty()) continue;
    CAPTURE(address);
    Talk talk(shells, address);
    CHECK(talk.progresses(patient));
    for (const Edge edge : {Edge{0, 1}, Edge{1, 0}}) {
      require_ok(cluster.cut(std::vector<Edge>{edge}));
      CHECK(eventually([&] { return drops(cluster, {edge})[0] >= 2; }));
      CHECK_FALSE(talk.progresses(milliseconds(150)));
      require_ok(cluster.cut({}));
      CHECK(talk.progresses(patient));
    }
  }
}

TEST_CASE("a cut link is silent, not unreachable: neighbours are known all the same") {
  Shells shells(2);
  Cluster& cluster = *shells.cluster;
  require_ok(cluster.cut(all_edges(2)));
  CHECK_FALSE(
      passes(cluster, {0, 1}, brief));  // The first word that anybody says, in both families.
  shells.argv = helper("helper: neighbours");
  const auto log = cluster.nodes()[0].log_dir / "stdout.log";
  for (const std::string& address : {cluster.nodes()[1].address, cluster.nodes()[1].address6}) {
    if (address.empty()) continue;
    CHECK(eventually([&] {
      const std::size_t before = read_file(log).size();
      require_ok(cluster.start(0));
      CHECK(eventually([&] { return read_file(log).find(" .\n", before) != std::string::npos; }));
      CHECK(eventually([&] { return !cluster.take_deaths().empty(); }));
      return read_file(log).find(" " + address + " ", before) != std::string::npos;
    }));
  }
}

TEST_CASE("the controller reaches every node whatever is cut") {
  Shells shells(2);
  require_ok(shells.cluster->cut(all_edges(2)));
  for (const Node& node : shells.cluster->nodes())
    for (const std::string& address : {node.address, node.address6})
      if (!address.empty()) CHECK(controller_reaches(address));
}

}  // namespace
}  // namespace faultline::system_test
