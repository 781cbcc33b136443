#include "tests/nemesis/fixture.h"

namespace faultline::nemesis_tests {
namespace {

TEST_CASE("partition: every kind is attested link by link, and healed") {
  for (const std::string kind : {"halves", "majority-minority", "isolate-one", "isolate-leader",
                                 "bridge", "majority-ring", "one-way"}) {
    CAPTURE(kind);
    World world(5);
    const auto partition = make("partition", {{"kind", kind}});
    CHECK(partition->available(world.cluster));
    CHECK(partition->needs_leader() == (kind == "isolate-leader"));
    const Attestation cut = world.inject(*partition, a, {0, 1, 2, 3, 4}, {2});
    CHECK(cut.effective);
    CHECK_FALSE(world.cluster.cut_now().empty());
    CHECK(text(cut.evidence, "probe") == "\"blocked\"");
    const Map* drops = find(cut.evidence, "drops")->map();
    REQUIRE(drops != nullptr);
    CHECK(drops->size() == world.cluster.cut_now().size());
    for (const auto& [link, count] : *drops) CHECK(*count.integer() == 1);
    CHECK(world.heal(*partition, a).effective);
    CHECK(world.cluster.cut_now().empty());
    CHECK(world.heal(*partition, a).effective);
  }
}

TEST_CASE("partition: a cut that drops nothing is not effective") {
  World world(4);
  world.cluster.cuts_are_lost = true;
  const Attestation cut = world.inject(*make("partition"), a, {0, 1, 2, 3});
  CHECK_FALSE(cut.effective);
  CHECK(text(cut.evidence, "probe") == "\"unproven\"");
  CHECK(find(cut.evidence, "not_dropped")->list()->size() == 8);
}

TEST_CASE("partition: a cut that breaks more than was asked is not effective") {
  World world(3);
  const auto partition = make("partition", {{"kind", "isolate-one"}});
  world.cluster.broken = {{1, 2}, {2, 1}};
  const Attestation cut = world.inject(*partition, a, {0});
  CHECK_FALSE(cut.effective);
  CHECK(text(cut.evidence, "open") == "{\"probed\": 1, \"lost\": [\"n2>n3\"]}");
}

TEST_CASE("partition: a link cut by two faults is attested for both, and opens with the second") {
  World world(3);
  const auto partition = make("partition", {{"kind", "isolate-one"}});
  CHECK(world.inject(*partition, a, {0}).effective);
  const Attestation again = world.inject(*partition, b, {0});
  CHECK(again.effective);
  CHECK(text(again.evidence, "probe") == "\"blocked\"");
  const Attestation first = world.heal(*partition, a);
  CHECK(first.effective);
  CHECK(text(first.evidence, "cut_by_others") == "4");
  CHECK(text(first.evidence, "probed") == "0");
  CHECK(world.cluster.cut_now().size() == 4);
  CHECK(world.heal(*partition, b).effective);
  CHECK(world.cluster.cut_now().empty());
}

TEST_CASE("partition: the positive probe takes a link that no fault cuts") {
  World world(4);
  const auto partition = make("partition", {{"kind", "isolate-one"}});
  world.inject(*partition, a, {1});
  world.cluster.probed.clear();
  // Together they leave only n3 and n4 linked.
  CHECK(world.inject(*partition, b, {0}).effective);
  CHECK(world.cluster.probed == std::vector<Edge>{{2, 3}});
  CHECK(world.inject(*partition, c, {2}).effective);
}

TEST_CASE("partition: heal tells the traffic that met the cut, and that the links are open") {
  World world(3);
  const auto partition =
      make("partition", {{"kind", "one-way"}, {"direction", "minority-unheard"}});
  CHECK(world.inject(*partition, a, {0}).effective);
  world.cluster.traffic({0, 2}, 40);
  SUBCASE("open") {
    const Attestation healed = world.heal(*partition, a);
    CHECK(healed.effective);
    CHECK(text(healed.evidence, "drops") == "{\"n1>n2\": 1, \"n1>n3\": 41}");
    CHECK(text(healed.evidence, "dropped") == "42");
  }
  SUBCASE("still broken") {
    world.cluster.broken = {{0, 2}};
    const Attestation healed = world.heal(*partition, a);
    CHECK_FALSE(healed.effective);
    CHECK(text(healed.evidence, "unreached") == "[\"n1>n3\"]");
  }
}

TEST_CASE("partition: evidence stays small on fifty nodes") {
  World world(50);
  const auto partition = make("partition", {{"kind", "majority-ring"}});
  Nodes all(50);
  for (std::size_t i = 0; i < 50; ++i) all[i] = i;
  const Attestation cut = world.inject(*partition, a, all);
  CHECK(cut.effective);
  CHECK(text(cut.evidence, "links") == "1200");
  CHECK(find(cut.evidence, "cut")->list()->size() == 1200);  // a replay needs every one
  CHECK(find(cut.evidence, "drops")->map()->size() == 40);
  const Attestation healed = world.heal(*partition, a);
  CHECK(healed.effective);
  CHECK(find(healed.evidence, "drops")->map()->size() == 40);
}

TEST_CASE("partition: without a leader isolate-leader cuts nothing and says so") {
  World world(3);
  const auto partition = make("partition", {{"kind", "isolate-leader"}});
  const Attestation cut = world.inject(*partition, a, {0, 1, 2});
  CHECK_FALSE(cut.effective);
  CHECK(text(cut.evidence, "reason") == "\"no node said that it leads\"");
  CHECK(world.cluster.calls.empty());
  CHECK(world.heal(*partition, a).effective);
}

TEST_CASE("partition: kinds that the cluster is too small for are refused") {
  World world(2);
  const auto partition = make("partition", {{"kind", "majority-ring"}});
  const Status refused = partition->available(world.cluster);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what ==
        "partition majority-ring needs at least 4 nodes, the cluster has 2; use more nodes, or "
        "kind: isolate-one");
  CHECK(make("partition", {{"kind", "halves"}})->available(world.cluster));
  world.cluster.cannot_cut = "nft is missing; apt-get install nftables";
  const Status incapable = make("partition")->available(world.cluster);
  REQUIRE_FALSE(incapable);
  CHECK(incapable.error().kind == ErrorKind::capability);
}

TEST_CASE("partition: clients are cut where the configuration says so, and attested") {
  World world(5);
  SUBCASE("they stand with the majority") {
    const auto partition = make("partition", {{"kind", "isolate-one"}, {"clients", "majority"}});
    const Attestation cut = world.inject(*partition, a, {0});
    CHECK(cut.effective);
    CHECK(text(cut.evidence, "links") == "10");
    CHECK(world.cluster.cut_now().contains({clients_end, 0}));
    CHECK(world.cluster.cut_now().contains({0, clients_end}));
    CHECK(text(cut.evidence, "drops").find("\"clients>n1\": 1") != std::string::npos);
    CHECK(world.cluster.probed.back() == Edge{clients_end, 1});
    CHECK(text(partition->parameters(), "clients") == "\"majority\"");
    CHECK(world.heal(*partition, a).effective);
    CHECK(world.cluster.cut_now().empty());
  }
  SUBCASE("they are cut from the victims alone, in one direction") {
    const auto partition = make("partition", {{"kind", "clients"}, {"lost", "answers"}});
    CHECK(partition->default_victims() == "one");
    CHECK(world.inject(*partition, a, {1, 3}).effective);
    CHECK(world.cluster.cut_now() == std::set<Edge>{{1, clients_end}, {3, clients_end}});
  }
  SUBCASE("a link to them that is broken too is told") {
    world.cluster.broken = {{clients_end, 1}};
    const auto partition = make("partition", {{"kind", "clients"}});
    const Attestation cut = world.inject(*partition, a, {0});
    CHECK_FALSE(cut.effective);
    CHECK(text(cut.evidence, "open") == "{\"probed\": 2, \"lost\": [\"clients>n2\"]}");
  }
}

std::unique_ptr<Nemesis> groups_of(const std::vector<std::vector<std::string>>& groups,
                                   std::string* problem = nullptr) {
  ConfigNode list;
  list.kind = ConfigNode::Kind::sequence;
  for (const auto& group : groups) {
    ConfigNode& item = list.items.emplace_back();
    item.kind = ConfigNode::Kind::sequence;
    for (const std::string& name : group) item.items.push_back(ConfigNode::of(name));
  }
  ConfigNode node;
  node.members.push_back({"kind", {}, ConfigNode::of("groups")});
  node.members.push_back({"groups", {}, list});
  node.members.push_back({"attest_within", {}, ConfigNode::of("0")});
  Params params(node, "fault partition");
  auto made = make_partition(params);
  REQUIRE(made);
  const Status finished = params.finish();
  if (problem != nullptr && !finished) *problem = finished.error().what;
  CHECK(static_cast<bool>(finished) == (problem == nullptr));
  return *std::move(made);
}

TEST_CASE("partition: groups as they are named, clients among them") {
  World world(4);
  const auto partition = groups_of({{"n1", "clients"}, {"n2", "n3"}});
  CHECK(partition->available(world.cluster));
  CHECK(world.inject(*partition, a, {0, 1, 2, 3}).effective);
  CHECK(world.cluster.cut_now() == std::set<Edge>{{0, 1},
                                                  {1, 0},
                                                  {0, 2},
                                                  {2, 0},
                                                  {clients_end, 1},
                                                  {1, clients_end},
                                                  {clients_end, 2},
                                                  {2, clients_end}});
  CHECK(text(partition->parameters(), "groups") == "[[\"n1\", \"clients\"], [\"n2\", \"n3\"]]");
}

TEST_CASE("partition: the clients are the controller and every client machine") {
  World world(3, 2);  // c1 is 3, c2 is 4.
  SUBCASE("by kind") {
    const auto partition = make("partition", {{"kind", "clients"}, {"lost", "requests"}});
    CHECK(world.inject(*partition, a, {1}).effective);
    CHECK(world.cluster.cut_now() == std::set<Edge>{{clients_end, 1}, {3, 1}, {4, 1}});
    CHECK(world.heal(*partition, a).effective);
    CHECK(world.cluster.cut_now().empty());
  }
  SUBCASE("by side") {
    const auto partition = make("partition", {{"kind", "isolate-one"}, {"clients", "minority"}});
    const Attestation cut = world.inject(*partition, a, {0});
    CHECK(cut.effective);
    for (const std::size_t client : {std::size_t{3}, std::size_t{4}, clients_end})
      for (const std::size_t node : {1u, 2u}) {
        CHECK(world.cluster.cut_now().contains({client, node}));
        CHECK(world.cluster.cut_now().contains({node, client}));
      }
    CHECK(world.cluster.cut_now().size() == 16);
    // Inside the two sides, and from each end of clients to the node that it still reaches.
    CHECK(text(cut.evidence, "open") == "{\"probed\": 4, \"lost\": []}");
  }
  SUBCASE("by name, and clients are those that are not named") {
    const auto partition = groups_of({{"n1", "c1"}, {"n2", "clients"}});
    CHECK(partition->available(world.cluster));
    CHECK(world.inject(*partition, a, {0, 1, 2}).effective);
    CHECK(world.cluster.cut_now() ==
          std::set<Edge>{
              {0, 1}, {1, 0}, {3, 1}, {1, 3}, {0, 4}, {4, 0}, {0, clients_end}, {clients_end, 0}});
  }
}

TEST_CASE("partition: a replay cuts the recorded links of client machines") {
  World world(3, 2);
  const std::vector<std::string> names = {"n1", "n2", "n3", "c1", "c2"};
  const auto recorded = make("partition", {{"kind", "clients"}});
  const Attestation cut = world.inject(*recorded, a, {1});
  const auto links = world.cluster.cut_now();
  CHECK(links.size() == 6);
  world.heal(*recorded, a);
  const auto again = make("partition", {{"kind", "clients"}});
  REQUIRE(again->recall(a, cut.evidence, names));
  world.inject(*again, a, {2});
  CHECK(world.cluster.cut_now() == links);
}

TEST_CASE("partition: groups that are none are refused") {
  std::string problem;
  groups_of({{"n1"}}, &problem);
  CHECK(problem.find("expected two or more lists of nodes") != std::string::npos);
  groups_of({{"n1"}, {"n2", "n1"}}, &problem);
  groups_of({{"n1"}, {}}, &problem);
  World world(2);
  const Status refused = groups_of({{"n1"}, {"n7"}})->available(world.cluster);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::usage);
  CHECK(refused.error().what ==
        "partition groups: there is no machine n7; expected n1 to n2, or clients (with clients: "
        "separate, machines of them are c1, c2 …)");
  const World with_clients(2, 3);
  CHECK(groups_of({{"n1"}, {"c4"}})->available(with_clients.cluster).error().what ==
        "partition groups: there is no machine c4; expected n1 to n2, c1 to c3, or clients");
}

TEST_CASE("partition: a half-failed injection is healed") {
  World world(3);
  const auto partition = make("partition");
  world.cluster.failing_calls = {1};
  CHECK_FALSE(partition->inject(world.levers, a, Nodes{0, 1, 2}, {}, Rng(1)));
  CHECK(world.heal(*partition, a).effective);
  CHECK(world.cluster.cut_now().empty());
}

TEST_CASE("partition: a replay cuts the recorded links, whatever would be drawn") {
  std::vector<std::string> names;
  for (int i = 1; i <= 12; ++i) names.push_back("n" + std::to_string(i));
  World world(12);
  Nodes all(12);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  for (const std::string kind : {"halves", "isolate-leader", "one-way"}) {
    CAPTURE(kind);
    const auto recorded = make("partition", {{"kind", kind}});
    const Attestation cut = world.inject(*recorded, a, all, {2, 3}, 1);
    const auto links = world.cluster.cut_now();
    world.heal(*recorded, a);
    const auto again = make("partition", {{"kind", kind}});
    REQUIRE(again->recall(a, cut.evidence, names));
    world.inject(*again, a, all, {7}, 99);
    CHECK(world.cluster.cut_now() == links);
    world.heal(*again, a);
    // Of this injection only.
    world.inject(*again, b, all, {7}, 99);
    CHECK(world.cluster.cut_now() != links);
    world.heal(*again, b);
  }
}

TEST_CASE("partition: evidence that does not tell which links were cut is refused") {
  const std::vector<std::string> names = {"n1", "n2", "n3"};
  const auto partition = make("partition");
  const auto recall = [&](Map evidence) { return bool(partition->recall(a, evidence, names)); };
  CHECK(recall({}));  // it cut nothing
  CHECK(recall({{"reason", "no node said that it leads"}}));
  CHECK(recall({{"links", 1}, {"cut", List{Value(List{"n1", "n2"})}}}));
  CHECK(recall({{"links", 1}, {"cut", List{Value(List{"clients", "n2"})}}}));
  CHECK_FALSE(recall({{"links", 2}, {"cut", List{Value(List{"n1", "n2"})}}}));
  CHECK_FALSE(recall({{"cut", List{Value(List{"n1", "n2"})}}}));
  CHECK_FALSE(recall({{"links", 1}, {"cut", List{Value(List{"n1", "n4"})}}}));
  CHECK_FALSE(recall({{"links", 1}, {"cut", List{Value(List{"n1", "n1"})}}}));
  CHECK_FALSE(recall({{"links", 1}, {"cut", List{Value(List{"n1"})}}}));
  CHECK_FALSE(recall({{"links", 1}, {"cut", "n1"}}));
  CHECK_FALSE(recall({{"links", 1}, {"cut", List{"n1"}}}));
}

}  // namespace
}  // namespace faultline::nemesis_tests
