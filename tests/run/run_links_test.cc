#include "harness/run/run_links.h"

#include <fstream>

#include <doctest/doctest.h>

#include "harness/io/document.h"
#include "harness/io/json.h"
#include "tests/fakes.h"
#include "tests/io/temporary_folder.h"

namespace faultline {
namespace {

using namespace std::chrono_literals;

TEST_CASE("run links: what each link carried, and what befell it there") {
  const TemporaryFolder folder;
  const auto directory = RunDir::create(folder.path(), "links", 1);
  REQUIRE(directory);
  fakes::FakeCluster cluster(2);
  const NetworkPlan plan;
  RunLinks links(plan, 2);
  cluster.plane.spent.packets = 100;
  links.begin_load(cluster);
  cluster.plane.carried[{0, 1}] = {10, 1234, 3};
  REQUIRE(cluster.plane.shape({{{0, 1}, {.loss = 0.5}}}));
  for (int i = 0; i < 4; ++i) cluster.plane.packet({0, 1});
  cluster.plane.spent.packets = 400;
  links.end_load(cluster, 2s);
  cluster.plane.spent.packets = 1000;
  links.close(cluster);
  CHECK(to_json(Value(links.value())).find("\"packets\":1000,\"packets_per_s\":150.0") !=
        std::string::npos);
  REQUIRE(links.write(*directory));
  const auto document = parse_json(content_of(directory->file("links.json")));
  REQUIRE(document);
  CHECK(*member_of(*document, "schema") == Value("faultline.links/1"));
  const List& list = *member_of(*document, "links")->list();
  CHECK(list.size() == 6);  // Of two nodes and the clients.
  CHECK(to_json(list.front()) ==
        R"({"from":"n1","to":"n2","packets":10,"bytes":1234,"cut":3,"shaped":4,"lost":2})");
  CHECK(to_json(list.back()) == R"({"from":"clients","to":"n2","packets":0,"bytes":0})");
}

TEST_CASE("run links: what the machine dropped from the start of a run to its end degrades it") {
  const TemporaryFolder folder;
  const auto softnet = folder.path() / "softnet_stat";
  const auto says = [&](const char* text) { std::ofstream(softnet) << text; };
  // On a plane that counts nothing as well: every link hangs on a veth.
  for (const bool has_plane : {true, false})
    for (const bool drops : {true, false}) {
      fakes::FakeCluster cluster(2);
      cluster.has_plane = has_plane;
      const NetworkPlan plan;
      RunLinks links(plan, 2, softnet);
      says("00000100 00000010 00000001\n00000100 00000001 00000000\n");
      REQUIRE(links.measure(cluster));
      says(drops ? "00000200 00000012 00000003\n00000200 00000004 00000000\n"
                 : "00000200 00000010 00000003\n00000200 00000001 00000000\n");
      links.close(cluster);
      const Value value = links.value();
      CHECK(*member_of(value, "host_drops") == Value(drops ? 5 : 0));
      CHECK(*member_of(value, "host_squeezed") == Value(2));
      CHECK(*member_of(value, "degraded") == Value(drops));
      CHECK(links.warnings().empty() == !drops);
    }
}

TEST_CASE("run links: where the machine does not say what it dropped, nor does the run") {
  const TemporaryFolder folder;
  fakes::FakeCluster cluster(2);
  const NetworkPlan plan;
  RunLinks links(plan, 2, folder.path() / "none");
  REQUIRE(links.measure(cluster));
  links.close(cluster);
  CHECK(member_of(Value(links.value()), "host_drops") == nullptr);
  CHECK(links.warnings().empty());
}

TEST_CASE("run links: the cluster is asked for what the plan says") {
  NetworkPlan plan;
  plan.links = LinksLever::packet_switch;
  plan.nature = {{{0, 1}, {.delay = 1ms}}};
  plan.pcap = true;
  ClusterOptions options;
  RunLinks(plan, 2).ask_for(options);
  CHECK(options.links == LinksLever::packet_switch);
  CHECK(options.nature == plan.nature);
  CHECK(options.pcap);
}

TEST_CASE("run links: of a load that took no time there is no rate") {
  fakes::FakeCluster cluster(2);
  const NetworkPlan plan;
  RunLinks links(plan, 2);
  links.begin_load(cluster);
  links.end_load(cluster, 0s);
  links.close(cluster);
  CHECK(member_of(Value(links.value()), "packets") != nullptr);
  CHECK(member_of(Value(links.value()), "packets_per_s") == nullptr);
}

TEST_CASE("run links: where nobody counts packets there is no file") {
  fakes::FakeCluster cluster(2);
  cluster.has_plane = false;
  const TemporaryFolder folder;
  const auto directory = RunDir::create(folder.path(), "links", 1);
  REQUIRE(directory);
  const NetworkPlan plan;
  RunLinks links(plan, 2);
  links.begin_load(cluster);
  links.end_load(cluster, 2s);
  links.close(cluster);
  CHECK(links.value().empty());
  CHECK(links.write(*directory));
  CHECK_FALSE(std::filesystem::exists(directory->file("links.json")));
}

TEST_CASE("run links: stores are told the longest round trip, if there is one") {
  NetworkPlan plan;
  Launch near;
  RunLinks(plan, 2).tell(near);
  CHECK(near.environment.empty());
  plan.nature = {{{0, 1}, {.delay = 250ms}}, {{1, 0}, {.delay = 250ms, .jitter = 100us}}};
  Launch far;
  RunLinks(plan, 2).tell(far);
  REQUIRE(far.environment.size() == 1);
  CHECK(far.environment.front() ==
        std::pair<std::string, std::string>("FAULTLINE_ROUND_TRIP_MS", "501"));
}

}  // namespace
}  // namespace faultline
