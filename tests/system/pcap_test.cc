// Capture files of a cluster on the switch: what a machine sent, and what it got.
#include "tests/pcap.h"

#include <array>
#include <ctime>

#include "harness/core/packets.h"
#include "tests/system/network.h"

namespace faultline::system_test {
namespace {

/// Of these frames, UDP datagrams from one IPv4 address to another.
std::size_t datagrams(const std::vector<pcap::Record>& records, const std::string& from,
                      const std::string& to) {
  const auto packed = [](const std::string& address) {
    std::array<unsigned, 4> parts{};
    std::sscanf(address.c_str(), "%u.%u.%u.%u", &parts[0], &parts[1], &parts[2], &parts[3]);
    std::string bytes;
    for (const unsigned part : parts) bytes += static_cast<char>(part);
    return bytes;
  };
  const std::string ends = packed(from) + packed(to);
  return static_cast<std::size_t>(std::ranges::count_if(records, [&](const pcap::Record& record) {
    return record.frame.size() > 42 && record.frame.substr(12, 2) == std::string("\x08\0", 2) &&
           record.frame[23] == 17 && record.frame.substr(26, 8) == ends;
  }));
}

TEST_CASE("pcap: each machine's file has what it sent, and what came through to it") {
  require_world();
  const Folder folder;
  ClusterOptions options;
  options.nodes = 2;
  options.links = LinksLever::packet_switch;
  options.pcap = true;
  options.directory = folder.path();
  options.launch = [](const Node&, std::span<const Node>) -> Result<Launch> {
    return Launch{{"/bin/sleep", "1000"}, {}};
  };
  const std::time_t began = std::time(nullptr);
  std::string first, second;
  {
    auto made = make_cluster(options);
    if (!made) FAIL(made.error().what);
    Cluster& cluster = **made;
    first = cluster.nodes()[0].address, second = cluster.nodes()[1].address;
    PacketPlane& plane = *cluster.packets();
    require_ok(plane.shape({{{0, 1}, {.loss = 1}}}));
    for (int i = 0; i < 5; ++i) require_ok(cluster.send_probe({0, 1}));
    CHECK(eventually([&] { return plane.counters(std::array{Edge{0, 1}}).front().lost == 5; }));
    require_ok(plane.shape({{{1, 0}, {.duplicate = 1}}}));
    const auto came = cluster.probe({0, 1}, patient);
    REQUIRE(came);
    CHECK(*came);
    require_ok(cluster.send_probe({1, 0}));
    CHECK(
        eventually([&] { return plane.counters(std::array{Edge{1, 0}}).front().duplicated == 1; }));
    CHECK(plane.cost().uncaptured == 0);
  }
  const auto of_first = pcap::read(folder.path() / "nodes/n1/packets.pcap");
  const auto of_second = pcap::read(folder.path() / "nodes/n2/packets.pcap");
  CHECK(datagrams(of_first, first, second) == 6);
  CHECK(datagrams(of_second, first, second) == 1);
  CHECK(datagrams(of_second, second, first) == 1);
  CHECK(datagrams(of_first, second, first) == 2);
  for (const auto* records : {&of_first, &of_second})
    for (const pcap::Record& record : *records) {
      CHECK(record.when_ns / 1'000'000'000 >= began - 1);
      CHECK(record.when_ns / 1'000'000'000 <= std::time(nullptr) + 1);
    }
}

}  // namespace
}  // namespace faultline::system_test
