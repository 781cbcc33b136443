// The switch in user space: what it does to packets of real sockets, and that the fault which asks
// it to attests that.
#include <array>
#include <cstdlib>

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "harness/core/levers.h"
#include "nemesis/nemeses.h"
#include "tests/system/network.h"

namespace faultline::system_test {
namespace {

using namespace std::chrono_literals;
using Duration = std::chrono::nanoseconds;

struct Bed {
  explicit Bed(std::size_t nodes = 2, std::uint64_t seed = 0)
      : shells(nodes, LinksLever::packet_switch, "exec sleep 1000", seed),
        cluster(*shells.cluster) {
    require_ok(cluster.can_shape());
    REQUIRE(cluster.packets() != nullptr);
  }
  void shape(const LinkPolicies& policies) { require_ok(cluster.packets()->shape(policies)); }
  PacketCounters counters(Edge edge) {
    return cluster.packets()->counters(std::array{edge}).front();
  }
  void probe(Edge edge, int times) {
    for (int i = 0; i < times; ++i) require_ok(cluster.send_probe(edge));
  }
  Duration transit(Edge edge) {
    const auto took = cluster.transit(edge, patient);
    if (!took) FAIL(took.error().what);
    REQUIRE(took->has_value());
    return **took;
  }
  /// The kernel's own counter, from inside the node.
  std::uint64_t snmp(std::size_t node, const std::string& protocol, const std::string& name) {
    const std::string text =
        shells.output(node, "awk '/^" + protocol +
                                ":/ { if (!h) { split($0, k); h = 1 } else for (i "
                                "= 1; i <= NF; ++i) if (k[i] == \"" +
                                name + "\") print $i }' /proc/net/snmp");
    return std::stoull(text);
  }
  Shells shells;
  Cluster& cluster;
};

TEST_CASE("switch: a delay is kept in its direction alone, and ends") {
  Bed bed(3);
  bed.shape({{{0, 1}, {.delay = 30ms}}, {{2, clients_end}, {.delay = 60ms}}});
  CHECK(bed.transit({0, 1}) >= 30ms);
  CHECK(bed.transit({2, clients_end}) >= 60ms);
  // Of many the quickest: a crowded machine is no delay.
  const auto quickest = [&](Edge edge) {
    Duration least = bed.transit(edge);
    for (int i = 0; i < 20; ++i) least = std::min(least, bed.transit(edge));
    return least;
  };
  CHECK(quickest({1, 0}) < 30ms);
  CHECK(quickest({0, 2}) < 30ms);
  CHECK(bed.counters({0, 1}).delayed >= 1);
  CHECK(bed.counters({1, 0}).shaped == 0);
  bed.shape({});
  CHECK(quickest({0, 1}) < 30ms);
  CHECK(bed.cluster.packets()->cost().dropped == 0);
}

TEST_CASE(
    "switch: losses, copies and late ones are as many as asked for, and repeat with the seed") {
  const auto run = [](std::uint64_t seed) {
    Bed bed(2, seed);
    bed.shape({{{0, 1}, {.loss = 0.5, .duplicate = 0.25, .reorder = 0.25, .reorder_by = 1ms}}});
    bed.probe({0, 1}, 400);
    eventually([&] { return bed.counters({0, 1}).shaped >= 400; });
    CHECK(bed.counters({0, 1}).shaped == 400);
    CHECK(bed.cluster.packets()->cost().dropped == 0);
    const PacketCounters counters = bed.counters({0, 1});
    CHECK(counters.lost > 150);
    CHECK(counters.lost < 250);
    return std::array{counters.lost, counters.duplicated, counters.reordered};
  };
  const auto first = run(1);
  CHECK(first[1] > 20);
  CHECK(first[2] > 20);
  CHECK(run(1) == first);
  CHECK(run(2) != first);
}

TEST_CASE("switch: what a link carries is counted for it alone, whatever befalls it there") {
  Bed bed(3);
  const auto traffic = [&](Edge edge) {
    return bed.cluster.packets()->traffic(std::array{edge}).front();
  };
  constexpr std::uint64_t probe_bytes_min = 14 + 20 + 8;
  const LinkTraffic before = traffic({0, 1}), back = traffic({1, 0});
  bed.probe({0, 1}, 100);
  CHECK(eventually([&] { return traffic({0, 1}).packets >= before.packets + 100; }));
  CHECK(traffic({0, 1}).bytes >= before.bytes + 100 * probe_bytes_min);
  CHECK(traffic({1, 0}).packets < back.packets + 100);  // But for neighbour discovery, nothing.
  CHECK(traffic({0, 1}).cut == 0);
  const std::uint64_t cut_from = traffic({0, 1}).packets;
  require_ok(bed.cluster.cut(std::array{Edge{0, 1}}));
  bed.probe({0, 1}, 50);
  CHECK(eventually([&] { return traffic({0, 1}).cut >= 50; }));
  CHECK(traffic({0, 1}).packets >= cut_from + 50);
  require_ok(bed.cluster.cut({}));
}

TEST_CASE("switch: the kernel's checksums see corruption, unless it is to be unseen") {
  Bed bed;
  const auto errors = [&] { return bed.snmp(1, "Udp", "InCsumErrors"); };
  const std::uint64_t before = errors();
  bed.shape({{{0, 1}, {.corrupt_unseen = 1}}});
  bed.probe({0, 1}, 20);
  CHECK(eventually([&] { return bed.counters({0, 1}).corrupted_unseen == 20; }));
  CHECK(errors() == before);
  bed.shape({{{0, 1}, {.corrupt = 1}}});
  bed.probe({0, 1}, 200);
  CHECK(eventually([&] { return bed.counters({0, 1}).corrupted == 200; }));
  // A bit of the ports sends some elsewhere, where nobody counts them.
  CHECK(eventually([&] { return errors() >= before + 100; }));
}

TEST_CASE("switch: connections survive loss, copies, disorder and corruption that is seen") {
  Bed bed;
  for (const std::string& address :
       {bed.cluster.nodes()[1].address, bed.cluster.nodes()[1].address6}) {
    if (address.empty()) continue;
    Talk talk(bed.shells, address);
    CHECK(talk.progresses(patient));
    const LinkPolicy bad{
        .loss = 0.05, .duplicate = 0.2, .reorder = 0.2, .reorder_by = 2ms, .corrupt = 0.05};
    bed.shape({{{0, 1}, bad}, {{1, 0}, bad}});
    for (int i = 0; i < 3; ++i) CHECK(talk.progresses(20s));
    bed.shape({});
    CHECK(talk.progresses(20s));
  }
}

bool segments_are_large(int socket, const char* device) {
  ethtool_value value{ETHTOOL_GTSO, 0};
  ifreq request{};
  std::string_view(device).copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&value);
  REQUIRE(::ioctl(socket, SIOCETHTOOL, &request) == 0);
  return value.data != 0;
}

TEST_CASE("helper: segmentation offload" * doctest::skip()) {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const std::string text = segments_are_large(socket.get(), "eth0") ? "large ." : "small .";
  REQUIRE(::write(1, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

TEST_CASE("switch: segments come one by one only while a fault acts on single packets") {
  Bed bed;
  bed.shells.argv = helper("helper: segmentation offload");
  const auto log = bed.cluster.nodes()[0].log_dir / "stdout.log";
  const auto offload = [&] {
    const std::size_t before = read_file(log).size();
    require_ok(bed.cluster.start(0));
    CHECK(eventually([&] { return read_file(log).find(" .", before) != std::string::npos; }));
    CHECK(eventually([&] { return !bed.cluster.take_deaths().empty(); }));
    const std::string said = read_file(log).substr(before);
    return said.find("large .") != std::string::npos;
  };
  CHECK(offload());
  bed.shape({{{0, 1}, {.delay = 1ms}}});
  CHECK(offload());
  bed.shape({{{0, 1}, {.delay = 1ms, .loss = 0.1}}});
  CHECK_FALSE(offload());
  bed.shape({{{1, 0}, {.rate = 1e6}}});
  CHECK(offload());
  bed.shape({});
  require_ok(bed.cluster.packets()->set_nature({{{0, 1}, {.loss = 0.1}}}));
  CHECK_FALSE(offload());
}

TEST_CASE("switch: a link is down first, and keeps its rhythm when other links change") {
  Bed bed(3);
  const auto flapped = [&](Edge edge) { return bed.counters(edge).flapped; };
  bed.shape({{{0, 1}, {.flaps = {{300ms, 1h}}}}, {{1, 0}, {.flaps = {{30s, 1h}}}}});
  bed.probe({1, 0}, 1);
  CHECK(eventually([&] { return flapped({1, 0}) == 1; }));
  CHECK(eventually([&] { return *bed.cluster.probe({0, 1}, brief); }));
  const std::uint64_t before = flapped({0, 1});
  bed.shape({{{0, 1}, {.flaps = {{300ms, 1h}}}}, {{0, 2}, {.delay = 1ms}}});
  CHECK(*bed.cluster.probe({0, 1}, patient));
  CHECK(flapped({0, 1}) == before);
}

TEST_CASE("switch: what is on its way over a link when it is cut is lost") {
  Bed bed;
  bed.shape({{{0, 1}, {.delay = 2s}}});
  require_ok(bed.cluster.send_probe({0, 1}));
  CHECK(eventually([&] { return bed.counters({0, 1}).delayed == 1; }));
  require_ok(bed.cluster.cut(std::vector<Edge>{{0, 1}}));
  CHECK(eventually([&] { return bed.cluster.drops(std::vector<Edge>{{0, 1}})->front() == 1; }));
}

TEST_CASE("switch: links are far by nature, beneath every fault, and no counter tells of it") {
  Bed bed(3);
  require_ok(bed.cluster.packets()->set_nature({{{0, 1}, {.delay = 40ms}}}));
  CHECK(bed.transit({0, 1}) >= 40ms);
  CHECK(bed.counters({0, 1}).shaped == 0);
  bed.shape({{{0, 1}, {.delay = 30ms}}, {{1, 0}, {.delay = 30ms}}});
  CHECK(bed.transit({0, 1}) >= 70ms);
  CHECK(bed.transit({1, 0}) >= 30ms);
  bed.shape({});
  CHECK(bed.transit({0, 1}) >= 40ms);
  bed.shape({{{1, 2}, {.delay = 30ms}}});
  require_ok(bed.cluster.packets()->set_nature({{{0, 1}, {.delay = 40ms}}}));
  CHECK(bed.transit({1, 2}) >= 30ms);
  require_ok(bed.cluster.cut(std::vector<Edge>{{0, 1}}));
  CHECK_FALSE(*bed.cluster.probe({0, 1}, milliseconds(120)));
  require_ok(bed.cluster.cut({}));
  CHECK(bed.transit({0, 1}) >= 40ms);
}

TEST_CASE("switch: a fault of every kind is effective, healed, and leaves the links as they were") {
  Bed bed(3);
  Levers levers(bed.cluster);
  using Knobs = std::vector<std::pair<std::string, std::string>>;
  FaultId id = 0;
  for (const Knobs& knobs :
       {Knobs{{"kind", "slow"}, {"between", "all"}}, Knobs{{"kind", "gray"}},
        Knobs{{"kind", "flapping"}, {"down", "20ms"}, {"up", "20ms"}}, Knobs{{"loss", "1%"}},
        Knobs{{"duplicate", "10%"}, {"reorder", "10%"}, {"direction", "in"}},
        Knobs{{"corrupt", "5%"}, {"corrupt-unseen", "5%"}}, Knobs{{"rate", "1mbit"}},
        Knobs{{"delay", "20ms"}, {"jitter", "5ms"}, {"distribution", "normal"}}}) {
    ConfigNode node;
    for (const auto& [key, value] : knobs) node.members.push_back({key, {}, ConfigNode::of(value)});
    Params params(node, "fault packets");
    const auto fault = (*find_entry(nemeses(), "fault", "packets"))->make(params);
    REQUIRE(fault);
    require_ok(params.finish());
    require_ok((*fault)->available(bed.cluster));
    CAPTURE(to_text(Value((*fault)->parameters())));
    const std::vector<std::size_t> victims = {1};
    ++id;
    auto struck = (*fault)->inject(levers, id, victims, {}, Rng(id));
    REQUIRE(struck);
    *struck = complete(*std::move(struck));
    CHECK_MESSAGE(struck->effective, to_text(Value(struck->evidence)));
    auto healed = (*fault)->heal(levers, id);
    REQUIRE(healed);
    *healed = complete(*std::move(healed));
    CHECK_MESSAGE(healed->effective, to_text(Value(healed->evidence)));
    CHECK(levers.policies().empty());
  }
  CHECK(bed.cluster.packets()->cost().dropped == 0);
}

constexpr std::uint16_t message_port = 9100;

/// Prints how many bytes came, and how the connection ended.
TEST_CASE("helper: message receiver" * doctest::skip()) {
  const SocketAddress address(std::getenv("ADDRESS"), message_port);
  const Fd listener = tcp_socket(address);
  const int one = 1;  // Who used it before may not be gone entirely.
  REQUIRE(::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
  REQUIRE(::bind(listener.get(), address.get(), address.size()) == 0);
  REQUIRE(::listen(listener.get(), 1) == 0);
  const Fd peer(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ssize_t bytes = 0, got = 0;
  std::array<char, 4096> buffer{};
  while ((got = ::read(peer.get(), buffer.data(), buffer.size())) > 0) bytes += got;
  const std::string text =
      std::to_string(bytes) + (got < 0 && errno == ECONNRESET ? " reset ." : " ended .");
  REQUIRE(::write(1, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

struct CutMessage {
  std::string received;
  int sender_error;
};

/// A message from the controller to the first node.
CutMessage send_message(Bed& bed, const std::string& at, std::size_t bytes = 1000) {
  const auto log = bed.cluster.nodes()[0].log_dir / "stdout.log";
  const std::size_t before = read_file(log).size();
  bed.shells.environment = {{"ADDRESS", at}};
  bed.shells.argv = helper("helper: message receiver");
  require_ok(bed.cluster.start(0));
  const SocketAddress address(at, message_port);
  Fd socket;
  CHECK(eventually([&] {
    socket = tcp_socket(address);
    return ::connect(socket.get(), address.get(), address.size()) == 0;
  }));
  const std::string message(bytes, 'm');
  CHECK(::send(socket.get(), message.data(), bytes, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes));
  ::shutdown(socket.get(), SHUT_WR);
  char byte = 0;
  const int error = ::read(socket.get(), &byte, 1) < 0 ? errno : 0;
  CHECK(eventually([&] { return read_file(log).find(" .", before) != std::string::npos; }));
  CHECK(eventually([&] { return !bed.cluster.take_deaths().empty(); }));
  const std::string said = read_file(log).substr(before);
  const std::size_t end = said.rfind(" .");
  const std::size_t begin = said.find_last_not_of("0123456789 resetnd", end - 1) + 1;
  return {said.substr(begin, end - begin), error};
}

TEST_CASE("switch: segments of up to 64 KiB are carried whole, at once and late") {
  Bed bed;
  const std::string address = bed.cluster.nodes()[0].address;
  const auto carried = [&] { return bed.cluster.packets()->cost().packets; };
  CHECK(send_message(bed, address, 3'000'000).received == "3000000 ended");
  bed.shape({{{clients_end, 0}, {.delay = 5ms}}});
  const std::uint64_t before = carried();
  CHECK(send_message(bed, address, 3'000'000).received == "3000000 ended");
  CHECK(carried() - before < 3'000'000 / 1448);  // Else they came one by one.
  CHECK(bed.cluster.packets()->cost().dropped == 0);
}

TEST_CASE("switch: a message is cut in its middle, and both ends are reset") {
  Bed bed;
  for (const std::string& address :
       {bed.cluster.nodes()[0].address, bed.cluster.nodes()[0].address6}) {
    if (address.empty()) continue;
    CAPTURE(address);
    const Edge in{clients_end, 0};
    const std::uint64_t before = bed.counters(in).cut_short;
    bed.shape({{in, {.delay = 5ms, .nth = {NthMessage{NthMessage::Fate::cut, 1}}}}});
    const CutMessage cut = send_message(bed, address);
    CHECK(cut.received == "500 reset");
    CHECK(cut.sender_error == ECONNRESET);
    CHECK(bed.counters(in).cut_short == before + 1);
    const CutMessage next = send_message(bed, address);
    CHECK(next.received == "1000 ended");
    CHECK(next.sender_error == 0);
    bed.shape({});
  }
}

TEST_CASE("switch: the n-th message is dropped, each fault counts for itself, and TCP goes on") {
  Bed bed;
  const Edge there{0, 1};
  using Nth = NthMessage;
  const LinkPolicy third{.nth = {Nth{Nth::Fate::drop, 3, false, 1}}};
  bed.shape({{there, third}});
  Talk talk(bed.shells, bed.cluster.nodes()[1].address);
  CHECK(eventually([&] { return bed.counters(there).messages >= 5; }));
  CHECK(bed.counters(there).dropped == 1);
  // Another begins: the first is over, and does not begin again.
  const auto cut = [&] { require_ok(bed.cluster.cut(std::array{there})); };
  cut();  // Nothing comes between reading and a change.
  const std::uint64_t before = bed.counters(there).messages;
  bed.shape({{there, combined(third, {.nth = {Nth{Nth::Fate::drop, 5, true, 2}}})}});
  require_ok(bed.cluster.cut({}));
  CHECK(eventually([&] { return bed.counters(there).messages >= before + 12; }, 20s));
  cut();
  const PacketCounters counters = bed.counters(there);
  bed.shape({});
  require_ok(bed.cluster.cut({}));
  CHECK(counters.dropped == 1 + (counters.messages - before) / 5);
  CHECK(talk.progresses(20s));
  CHECK_FALSE(talk.was_reset());
}

}  // namespace
}  // namespace faultline::system_test
