#include "harness/run/link_cost.h"

#include <doctest/doctest.h>

#include "harness/io/json.h"
#include "tests/fakes.h"

namespace faultline {
namespace {

using namespace std::chrono_literals;

/// A probe takes as long as the list says, again and again.
class PacedCluster : public fakes::FakeCluster {
 public:
  explicit PacedCluster(std::vector<std::chrono::nanoseconds> paces)
      : FakeCluster(2), paces_(std::move(paces)) {}
  Result<std::optional<std::chrono::nanoseconds>> transit(
      const Edge& edge, std::chrono::milliseconds timeout) override {
    takes = paces_[count_++ % paces_.size()];
    least_timeout = std::min(least_timeout, timeout);
    return FakeCluster::transit(edge, timeout);
  }
  std::chrono::milliseconds least_timeout = 1h;

 private:
  std::vector<std::chrono::nanoseconds> paces_;
  std::size_t count_ = 0;
};

TEST_CASE("link cost: of a link's probes the one in the middle counts, and they are bounded") {
  PacedCluster cluster({7us, 1us, 50us});
  const LinkCost cost = *measure_links(cluster, 1h);
  CHECK(cost.loopback_us == 7);
  CHECK(cost.link_us == 7);
  CHECK(cluster.probed.size() == 2 * 21);
  CHECK(cluster.least_timeout >= 500ms);  // Continents are half of it apart.
}

TEST_CASE("link cost: where links are slow one probe has to do") {
  PacedCluster cluster({7us, 5us});
  const LinkCost cost = *measure_links(cluster, 0ms);
  CHECK(cost.loopback_us == 7);
  CHECK(cost.link_us == 5);
  CHECK(cluster.probed == std::vector<Edge>{{0, 0}, {0, 1}});
}

TEST_CASE("link cost: a probe within a node and one over a link, and what the link adds") {
  fakes::FakeCluster cluster(3);
  cluster.takes = 12500ns;
  const LinkCost cost = *measure_links(cluster);
  CHECK(to_text(Value(link_cost_value(cost))) ==
        "{\"loopback_us\": 12.5, \"link_us\": 12.5, \"added_us\": 0.0}");
  CHECK(cluster.probed.front() == Edge{0, 0});
  CHECK(cluster.probed.back() == Edge{0, 1});
  CHECK(cluster.calls.empty());
}

TEST_CASE("link cost: how far the machines are from each other is none of it, and stays") {
  struct Watched : fakes::FakeCluster {
    using FakeCluster::FakeCluster;
    Result<std::optional<std::chrono::nanoseconds>> transit(
        const Edge& edge, std::chrono::milliseconds timeout) override {
      far = far || !plane.nature().empty();
      return FakeCluster::transit(edge, timeout);
    }
    bool far = false;
  } watched(2);
  const LinkPolicies nature = {{{0, 1}, {.delay = 250ms}}};
  REQUIRE(watched.plane.set_nature(nature));
  CHECK(measure_links(watched));
  CHECK_FALSE(watched.far);
  CHECK(watched.plane.nature() == nature);
}

TEST_CASE("link cost: of a single node the clients' link is measured") {
  fakes::FakeCluster cluster(1);
  CHECK(measure_links(cluster)->link_us);
  CHECK(cluster.probed.back() == Edge{clients_end, 0});
}

TEST_CASE("link cost: what does not arrive is not measured") {
  fakes::FakeCluster cluster(2);
  cluster.broken = {{0, 1}};
  const LinkCost cost = *measure_links(cluster);
  CHECK(cost.loopback_us);
  CHECK_FALSE(cost.link_us);
  CHECK(std::ranges::count(cluster.probed, Edge{0, 1}) == 1);  // The run is waiting.
  CHECK(to_text(Value(link_cost_value({{}, 5, {}}))) == "{\"link_us\": 5.0}");
}

TEST_CASE("link cost: drops of the plane's own mark the run degraded") {
  LinkCost cost{5, 16.16, PlaneCost{123456, 0}};
  CHECK(link_warnings(cost).empty());
  CHECK(to_text(Value(link_cost_value(cost))) ==
        "{\"loopback_us\": 5.0, \"link_us\": 16.2, \"added_us\": 11.2, \"packets\": 123456, "
        "\"own_drops\": 0, \"degraded\": false}");
  cost.plane->dropped = 7;
  CHECK(link_warnings(cost).starts_with(
      "warning: degraded: the switch lost 7 of 123,456 packets by itself"));
  CHECK(to_text(Value(link_cost_value(cost))).ends_with("\"own_drops\": 7, \"degraded\": true}"));
  CHECK_FALSE(LinkCost{}.degraded());
  cost.packets_per_s = 81.25;
  CHECK(to_text(Value(link_cost_value(cost))).find("\"packets_per_s\": 81.3, \"own_drops\"") !=
        std::string::npos);
  cost.packets_per_s.reset();
  cost.plane = PlaneCost{123456, 0, 1000};
  CHECK_FALSE(cost.degraded());
  CHECK(link_warnings(cost).starts_with("warning: 1,000 packets are in no packets.pcap"));
  CHECK(to_text(Value(link_cost_value(cost)))
            .ends_with("\"degraded\": false, \"uncaptured\": 1000}"));
}

TEST_CASE("link cost: what the machine drops before any link marks the run degraded as well") {
  LinkCost cost;
  cost.host = HostDrops{0, 3};
  CHECK_FALSE(cost.degraded());
  CHECK(link_warnings(cost).empty());
  CHECK(to_text(Value(link_cost_value(cost))) ==
        "{\"host_drops\": 0, \"host_squeezed\": 3, \"degraded\": false}");
  cost.host->dropped = 1234;
  CHECK(cost.degraded());
  CHECK(link_warnings(cost).starts_with(
      "warning: degraded: this machine dropped 1,234 packets, perhaps other programs', before they "
      "reached their links"));
  CHECK(to_text(Value(link_cost_value(cost))) ==
        "{\"host_drops\": 1234, \"host_squeezed\": 3, \"degraded\": true}");
  // Each for itself.
  cost.plane = PlaneCost{100, 0, 2};
  CHECK(link_warnings(cost).find("the switch lost") == std::string::npos);
  CHECK(to_text(Value(link_cost_value(cost))) ==
        "{\"packets\": 100, \"own_drops\": 0, \"host_drops\": 1234, \"host_squeezed\": 3, "
        "\"degraded\": true, \"uncaptured\": 2}");
  cost.plane->dropped = 7;
  const std::string both = link_warnings(cost);
  CHECK(both.find("the switch lost 7 of 100") != std::string::npos);
  CHECK(both.find("this machine dropped 1,234") != std::string::npos);
  CHECK(std::ranges::count(both, '\n') == 3);
}

}  // namespace
}  // namespace faultline
