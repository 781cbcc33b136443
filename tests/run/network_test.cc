#include "harness/run/network.h"

#include <doctest/doctest.h>

#include "harness/run/yaml.h"

namespace faultline {
namespace {

using namespace std::chrono_literals;

struct Read {
  std::string error, links;
  LinkPolicies nature;
  Map resolved;
};

Read read(const std::string& text, std::size_t nodes = 5, std::size_t clients = 0,
          bool needs_packets = false) {
  const auto root = parse_config(text + "\n", "a.yaml");
  REQUIRE(root);
  Params top(*root, "configuration");
  const auto plan = read_network(top, nodes, clients, needs_packets);
  if (!plan) return {plan.error().what, {}, {}, {}};
  if (const Status finished = top.finish(); !finished) return {finished.error().what, {}, {}, {}};
  return {{},
          std::string(links_lever_names()[static_cast<std::size_t>(plan->links)]),
          plan->nature,
          top.resolved()};
}

/// Least and most of a link, one way, in microseconds.
std::pair<std::int64_t, std::int64_t> range(const LinkPolicies& nature, Edge edge) {
  const LinkPolicy& policy = nature.at(edge);
  return {(policy.delay - policy.jitter).count() / 1000,
          (policy.delay + policy.jitter).count() / 1000};
}

TEST_CASE("network: the longest round trip is between two nodes, as far as jitter takes it") {
  CHECK(longest_round_trip({}, 3) == 0ns);
  LinkPolicies nature = {{{0, 1}, {.delay = 100ms, .jitter = 5ms}},
                         {{1, 0}, {.delay = 100ms, .jitter = 5ms}},
                         {{0, 2}, {.delay = 150ms}},
                         {{clients_end, 0}, {.delay = 1s}},
                         {{0, clients_end}, {.delay = 1s}}};
  CHECK(longest_round_trip(nature, 3) == 210ms);
  CHECK(longest_round_trip(nature, 1) == 0ns);
  CHECK(longest_round_trip(read("network: continents").nature, 5) == 525ms);
}

TEST_CASE("network: as quick as this machine, unless it is said") {
  const Read none = read("links: iptables");
  CHECK(none.error.empty());
  CHECK(none.nature.empty());
  CHECK(none.links == "iptables");
  CHECK(read("network: instant").links == "bridge");
  CHECK(read("network: instant", 5, 0, true).links == "switch");
}

TEST_CASE("network: packets are kept where it is said, on the switch alone") {
  const auto pcap_of = [](const std::string& text) {
    const auto root = parse_config(text + "\n", "a.yaml");
    Params top(*root, "configuration");
    const auto plan = read_network(top, 3, 0, false);
    REQUIRE(plan);
    return plan->pcap;
  };
  CHECK_FALSE(pcap_of("network: lan"));
  CHECK(pcap_of("pcap: true"));
  CHECK(read("pcap: true").links == "switch");
  CHECK(read("pcap: false").links == "bridge");
  CHECK(read("pcap: true\nlinks: iptables").error.find("pcap needs links: switch") !=
        std::string::npos);
}

TEST_CASE("network: a lan takes 0.2 to 1 ms there and back, clients included") {
  const Read lan = read("network: lan", 3, 1);
  CHECK(lan.links == "switch");
  CHECK(lan.nature.size() == 5 * 4);
  for (const auto& [edge, policy] : lan.nature) {
    CHECK(range(lan.nature, edge).first >= 100);
    CHECK(range(lan.nature, edge).second <= 500);
    CHECK(policy.delay == 300us);
  }
}

TEST_CASE("network: nodes take turns at the places of a preset; clients are beside everybody") {
  const Read regions = read("network: regions");
  const auto trip = [&](Edge edge) { return regions.nature.at(edge).delay * 2; };
  CHECK(trip({0, 1}) == 10ms);
  CHECK(trip({0, 2}) == 70ms);
  CHECK(trip({1, 2}) == 70ms);
  CHECK(trip({0, 3}) == 150ms);
  CHECK(trip({3, 2}) == 150ms);
  CHECK(trip({0, 4}) == 600us);  // The fifth is in the first's place.
  CHECK(trip({4, 1}) == 10ms);
  CHECK(trip({clients_end, 3}) == 600us);
  CHECK(read("network: continents", 3).nature.at({0, 2}).delay == 250ms);
  CHECK(read("network: city", 3).nature.at({0, 2}).delay == 1ms);
}

TEST_CASE("network: what is far varies by a twentieth, what is near by two thirds") {
  const Read regions = read("network: regions", 5, 1);
  const auto& nature = regions.nature;
  CHECK(nature.at({0, 1}) == LinkPolicy{.delay = 5ms, .jitter = 250us});
  CHECK(nature.at({2, 0}) == LinkPolicy{.delay = 35ms, .jitter = 1750us});
  CHECK(nature.at({0, 4}) == LinkPolicy{.delay = 300us, .jitter = 200us});
  // A client's machine takes no turn: it would be beside the second, and 70 ms from the third.
  CHECK(nature.at({5, 2}) == LinkPolicy{.delay = 300us, .jitter = 200us});
  const auto& city = read("network: city", 4).nature;
  CHECK(city.at({0, 1}) == LinkPolicy{.delay = 1ms, .jitter = 50us});
  CHECK(city.at({0, 3}).delay == 300us);
  CHECK(read("network: continents", 4).nature.at({0, 3}).delay == 300us);
  const auto& own = read(
                        "network: { places: [[n1], [n2], [n3]], "
                        "delays: [[0s, 1ms, 2ms], [1ms, 0s, 10s], [2ms, 10s, 0s]] }")
                        .nature;
  CHECK(own.at({0, 1}).jitter * 3 / 2 == 499999ns);
  CHECK(own.at({0, 2}) == LinkPolicy{.delay = 1ms, .jitter = 50us});
  CHECK(own.at({1, 2}) == LinkPolicy{.delay = 5s, .jitter = 250ms});
}

TEST_CASE("network: clients' machines have names, and places") {
  const Read own =
      read("network: { places: [[n2, c1], [n1, c2]], delays: [[4ms, 6ms], [6ms, 8ms]] }", 2, 2);
  REQUIRE_MESSAGE(own.error.empty(), own.error);
  CHECK(own.nature.at({1, 2}).delay == 2ms);
  CHECK(own.nature.at({2, 0}).delay == 3ms);
  CHECK(own.nature.at({3, 0}).delay == 4ms);
  CHECK(to_text(own.resolved.front().second).find("[[\"n2\", \"c1\"], [\"n1\", \"c2\"]]") !=
        std::string::npos);
  CHECK(read(to_yaml(own.resolved), 2, 2).nature == own.nature);
  const Read none = read("network: { places: [[n1, n2]], delays: [[0s]], jitter: 100% }", 2);
  CHECK_MESSAGE(none.error.empty(), none.error);
  CHECK_FALSE(none.nature.contains({0, 1}));
  CHECK(none.nature.at({clients_end, 1}) == LinkPolicy{.delay = 300us, .jitter = 300us});
}

TEST_CASE("network: a matrix of one's own, and what it resolves to reads the same again") {
  const std::string text =
      "network: { places: [[n1, n2], [n3, clients]], delays: [[0s, 40ms], [40ms, 2ms]], jitter: "
      "10% }";
  const Read own = read(text, 4);
  REQUIRE_MESSAGE(own.error.empty(), own.error);
  CHECK_FALSE(own.nature.contains({0, 1}));  // At once.
  CHECK(own.nature.at({0, 2}) == LinkPolicy{.delay = 20ms, .jitter = 2ms});
  CHECK(own.nature.at({clients_end, 0}).delay == 20ms);
  CHECK(own.nature.at({clients_end, 2}).delay == 1ms);
  CHECK(own.nature.at({3, 0}).delay == 300us);  // Named nowhere.
  const Read again = read(to_yaml(own.resolved), 4);
  CHECK(again.nature == own.nature);
  CHECK(again.links == "switch");
}

TEST_CASE("network: what makes no sense is refused where it stands") {
  const auto error = [](const std::string& text) { return read(text, 3).error; };
  CHECK(error("network: region").find("did you mean \"regions\"?") != std::string::npos);
  CHECK(error("network: { places: [[n1]] }").find("places and delays") != std::string::npos);
  CHECK(error("network: { places: [[n4]], delays: [[1ms]] }").find("no machine \"n4\"") !=
        std::string::npos);
  CHECK(error("network: { places: [[n1], [n1]], delays: [[1ms]] }").find("each named once") !=
        std::string::npos);
  CHECK(error("network: { places: [[n1], [n2]], delays: [[1ms, 2ms]] }").find("2 lists of 2") !=
        std::string::npos);
  CHECK(error("network: { places: [[n1], [n2]], delays: [[1ms, 2ms], [3ms, 1ms]] }")
            .find("alike both ways") != std::string::npos);
  CHECK(error("network: { places: [[n1]], delays: [[1 day]] }").find("round trips") !=
        std::string::npos);
  CHECK(error("network: { places: [[n1]], delays: [[1ms]], jitter: 5 }").find("like 5%") !=
        std::string::npos);
  for (const char* jitter : {"101%", "-1%", "5%%", "half"})
    CHECK(error(std::string("network: { places: [[n1]], delays: [[1ms]], jitter: ") + jitter + " }")
              .find("like 5%") != std::string::npos);
  CHECK(error("network: { delays: [[1ms]] }").find("places and delays") != std::string::npos);
  for (const char* places : {"n1", "[n1]"})
    CHECK(error(std::string("network: { places: ") + places + ", delays: [[1ms]] }")
              .find("expected lists of machines") != std::string::npos);
  for (const char* delays :
       {"1ms", "[1ms]", "[[1ms, 1ms]]", "[[1ms], [1ms]]", "[[10001ms]]", "[[-1ms]]"})
    CHECK(error(std::string("network: { places: [[n1]], delays: ") + delays + " }")
              .find("1 lists of 1 round trips up to 10 s") != std::string::npos);
  CHECK(error("network: lan\nlinks: bridge").find("a.yaml:2:") != std::string::npos);
  CHECK(error("network: lan\nlinks: bridge").find("needs links: switch") != std::string::npos);
  CHECK(error("links: iptabels").find("did you mean \"iptables\"?") != std::string::npos);
}

}  // namespace
}  // namespace faultline
