// Links: what a cut stops, and what it leaves alone.
#include <algorithm>
#include <array>
#include <cstdlib>

#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "harness/os/netlink.h"
#include "tests/system/network.h"

namespace faultline::system_test {
namespace {

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
  // A client that waits for an answer asks now and then whether the other end still lives.
  for (const auto& [option, value] :
       {std::pair(TCP_KEEPIDLE, 1), std::pair(TCP_KEEPINTVL, 1), std::pair(TCP_KEEPCNT, 100)})
    REQUIRE(::setsockopt(socket.get(), IPPROTO_TCP, option, &value, sizeof value) == 0);
  const int on = 1;
  REQUIRE(::setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) == 0);
  for (char byte = 'x'; ::write(socket.get(), &byte, 1) == 1;) {
    const ssize_t got = ::read(socket.get(), &byte, 1);
    if (got < 0 && errno == ECONNRESET) byte = reset_mark;
    if (got == 1 || byte == reset_mark) REQUIRE(::write(1, &byte, 1) == 1);
    if (got != 1) break;
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

TEST_CASE("every node reaches every other at once") {
  Shells shells(5);
  // A lost ARP request would be repeated after a second.
  for (const Edge& edge : all_edges(5)) CHECK(passes(*shells.cluster, edge, milliseconds(900)));
}

TEST_CASE("a cut stops exactly its links in their direction, and a heal opens them") {
  Shells shells(3, each_lever());
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
  Shells shells(3, each_lever());
  Cluster& cluster = *shells.cluster;
  require_ok(cluster.cut(std::vector<Edge>{{0, 1}, {1, 0}}));
  const auto before = drops(cluster, {{0, 1}, {1, 0}});
  for (int i = 0; i < 5; ++i) require_ok(cluster.send_probe({0, 1}));
  require_ok(cluster.send_probe({1, 0}));
  std::vector<std::uint64_t> after;
  CHECK(eventually([&] {
    after = drops(cluster, {{0, 1}, {1, 0}, {0, 2}});
    return after[0] >= before[0] + 5 && after[1] >= before[1] + 1;
  }));
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
  Shells shells(2, each_lever());
  Cluster& cluster = *shells.cluster;
  require_ok(cluster.start(0));
  require_ok(cluster.signal(0, SIGSTOP));
  CHECK(passes(cluster, {0, 1}, patient));
  CHECK(passes(cluster, {1, 0}, patient));
}

TEST_CASE("a cut silences connections that stand, in both families; after the heal they go on") {
  Shells shells(2, each_lever());
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
  Shells shells(2, each_lever());
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

TEST_CASE("a cut that names the clients stops their links alone, direction by direction") {
  Shells shells(3, each_lever());
  Cluster& cluster = *shells.cluster;
  const std::vector<Edge> cut = {{clients_end, 0}, {1, clients_end}};
  require_ok(cluster.cut(cut));
  for (const Edge& edge : all_edges(3)) CHECK(passes(cluster, edge, patient));
  for (const std::size_t node : {0, 1, 2}) {
    CHECK(passes(cluster, {clients_end, node}, node == 0 ? brief : patient) == (node != 0));
    CHECK(passes(cluster, {node, clients_end}, node == 1 ? brief : patient) == (node != 1));
    for (const std::string& address :
         {cluster.nodes()[node].address, cluster.nodes()[node].address6})
      if (!address.empty())
        CHECK(controller_reaches(address, node == 2 ? patient : brief) == (node == 2));
  }
  CHECK(drops(cluster, cut)[0] >= 1);
  CHECK(drops(cluster, cut)[1] >= 1);
  CHECK(drops(cluster, {{clients_end, 2}, {0, clients_end}, {0, 1}}) ==
        std::vector<std::uint64_t>{0, 0, 0});
  require_ok(cluster.cut({}));
  for (const Node& node : cluster.nodes()) CHECK(controller_reaches(node.address));
}

/// The rules of a node without their counters.
constexpr const char* list_rules = "iptables-save | grep '^[:-]' | sed 's/ \\[.*//'";

TEST_CASE("iptables: a heal leaves the rules of others as they were, and none of ours") {
  Shells shells(2, LinksLever::iptables);
  Cluster& cluster = *shells.cluster;
  const std::string theirs = shells.output(
      0,
      std::string("iptables -N theirs; iptables -A INPUT -s 192.0.2.7 -j theirs; ") + list_rules);
  CHECK(theirs.find("-A INPUT -s 192.0.2.7/32 -j theirs") != std::string::npos);
  require_ok(cluster.cut(all_edges(2)));
  const std::string cut = shells.output(0, list_rules);
  const auto ours = cut.find("-A INPUT -j faultline");
  CHECK(ours < cut.find("-A INPUT -s 192.0.2.7/32 -j theirs"));
  CHECK(cut.find("-A faultline -s 10.88.0.2/32 -j DROP") != std::string::npos);
  require_ok(cluster.cut({}));
  CHECK(shells.output(0, list_rules) == theirs);
}

TEST_CASE("iptables: rules that a node lost are put back by its next start, or the next change") {
  Shells shells(3, LinksLever::iptables);
  Cluster& cluster = *shells.cluster;
  require_ok(cluster.cut(std::vector<Edge>{{1, 0}}));
  shells.output(0, "iptables -F; iptables -X; ip6tables -F; ip6tables -X");
  CHECK(passes(cluster, {1, 0}, patient));
  SUBCASE("start") {
    require_ok(cluster.start(0));
    CHECK_FALSE(passes(cluster, {1, 0}, brief));
  }
  SUBCASE("change") {
    require_ok(cluster.cut(std::vector<Edge>{{1, 0}, {2, 0}}));
    CHECK_FALSE(passes(cluster, {1, 0}, brief));
    CHECK_FALSE(passes(cluster, {2, 0}, brief));
  }
  SUBCASE("heal") { require_ok(cluster.cut({})); }
  require_ok(cluster.cut({}));
  for (const Edge& edge : all_edges(3)) CHECK(passes(cluster, edge, patient));
}

TEST_CASE("the controller reaches every node whatever is cut") {
  Shells shells(2, each_lever());
  require_ok(shells.cluster->cut(all_edges(2)));
  for (const Node& node : shells.cluster->nodes())
    for (const std::string& address : {node.address, node.address6})
      if (!address.empty()) CHECK(controller_reaches(address));
}

}  // namespace
}  // namespace faultline::system_test
