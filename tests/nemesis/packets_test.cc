#include "harness/core/packets.h"

#include "tests/nemesis/fixture.h"

namespace faultline::nemesis_tests {
namespace {

using namespace std::chrono_literals;

std::set<Edge> shaped(const World& world) {
  std::set<Edge> edges;
  for (const auto& [edge, policy] : world.cluster.plane.now()) edges.insert(edge);
  return edges;
}

TEST_CASE("packets: every link of a victim to other nodes is slow, and as it was after the heal") {
  World world(3, 1);
  const auto slow = make("packets");
  CHECK(slow->needs_packets());
  CHECK(slow->available(world.cluster));
  const Attestation struck = world.inject(*slow, a, {1});
  CHECK_MESSAGE(struck.effective, to_text(Value(struck.evidence)));
  CHECK(shaped(world) == std::set<Edge>{{0, 1}, {1, 0}, {1, 2}, {2, 1}});
  CHECK(world.cluster.plane.now().at({0, 1}).delay == 100ms);
  CHECK(world.cluster.plane.now().at({0, 1}).jitter == 20ms);
  CHECK(text(struck.evidence, "links") == "4");
  CHECK(text(struck.evidence, "delayed") == "4");
  CHECK(text(struck.evidence, "transit_ms") ==
        "{\"n1>n2\": 100.0, \"n2>n1\": 100.0, \"n2>n3\": 100.0}");
  const Attestation healed = world.heal(*slow, a);
  CHECK_MESSAGE(healed.effective, to_text(Value(healed.evidence)));
  CHECK(shaped(world).empty());
  CHECK(text(healed.evidence, "probe") == "\"passed\"");
}

TEST_CASE("packets: which links, by the other end and by direction") {
  World world(3, 1);  // c1 is 3.
  const auto links = [&](std::vector<std::pair<std::string, std::string>> params) {
    const auto fault = make("packets", std::move(params));
    world.inject(*fault, a, {1});
    const std::set<Edge> edges = shaped(world);
    world.heal(*fault, a);
    return edges;
  };
  CHECK(links({{"between", "clients"}}) ==
        std::set<Edge>{{1, 3}, {3, 1}, {1, clients_end}, {clients_end, 1}});
  CHECK(links({{"between", "all"}, {"direction", "in"}}) ==
        std::set<Edge>{{0, 1}, {2, 1}, {3, 1}, {clients_end, 1}});
  CHECK(links({{"direction", "out"}}) == std::set<Edge>{{1, 0}, {1, 2}});
  CHECK(links({{"links", "one"}, {"direction", "out"}}).size() == 1);
}

TEST_CASE("packets: kinds and knobs make policies") {
  World world(2);
  const auto policy = [&](std::vector<std::pair<std::string, std::string>> params) {
    const auto fault = make("packets", std::move(params));
    const Attestation struck = world.inject(*fault, a, {0});
    CHECK_MESSAGE(struck.effective, to_text(Value(struck.evidence)));
    LinkPolicy made = world.cluster.plane.now().begin()->second;
    world.heal(*fault, a);
    return made;
  };
  CHECK(policy({{"kind", "gray"}}) == LinkPolicy{.loss = 0.3});
  CHECK(policy({{"kind", "flapping"}, {"down", "1s"}}) == LinkPolicy{.flaps = {{1s, 300ms}}});
  CHECK(policy({{"kind", "flapping"}}) == LinkPolicy{.flaps = {{300ms, 300ms}}});
  CHECK(policy({{"kind", "gray"}, {"loss", "100%"}, {"delay", "1ms"}}) ==
        LinkPolicy{.delay = 1ms, .loss = 1});
  CHECK(policy({{"loss", "5%"}, {"duplicate", "0.25"}}) ==
        LinkPolicy{.loss = 0.05, .duplicate = 0.25});
  CHECK(policy({{"reorder", "50%"}}) == LinkPolicy{.reorder = 0.5, .reorder_by = 20ms});
  CHECK(policy({{"corrupt", "50%"}, {"corrupt-unseen", "20%"}}) ==
        LinkPolicy{.corrupt = 0.5, .corrupt_unseen = 0.2});
  CHECK(policy({{"rate", "10mbit"}}) == LinkPolicy{.rate = 10e6});
  CHECK(policy({{"rate", "512kbit/s"}}) == LinkPolicy{.rate = 512e3});
  CHECK(policy({{"rate", "1gbit"}}) == LinkPolicy{.rate = 1e9});
  CHECK(policy({{"rate", "1000bit"}}) == LinkPolicy{.rate = 1000});
  CHECK(policy({{"delay", "10ms"}, {"jitter", "1ms"}, {"distribution", "normal"}}) ==
        LinkPolicy{.delay = 10ms, .jitter = 1ms, .normal = true});
}

TEST_CASE("packets: what is told of its parameters is what holds, defaults included") {
  const auto told = [](std::vector<std::pair<std::string, std::string>> params) {
    return to_text(Value(make("packets", std::move(params))->parameters()));
  };
  const std::string links = ", \"between\": \"nodes\", \"direction\": \"both\", \"links\": ";
  CHECK(told({}) ==
        "{\"kind\": \"slow\", \"delay\": \"100ms\", \"jitter\": \"20ms\", \"distribution\": "
        "\"uniform\"" +
            links + "\"all\"}");
  CHECK(told({{"kind", "gray"}}) == "{\"kind\": \"gray\", \"loss\": \"30%\"" + links + "\"one\"}");
  CHECK(told({{"rate", "1mbit"}, {"reorder", "0.1"}, {"links", "one"}}) ==
        "{\"kind\": \"custom\", \"reorder\": \"0.1\", \"reorder-by\": \"20ms\", \"rate\": "
        "\"1mbit\"" +
            links + "\"one\"}");
  using Nth = NthMessage;
  World world(2);
  const auto fault = make("packets", {{"drop-nth", "1"},
                                      {"drop-every", "2"},
                                      {"cut-nth", "3"},
                                      {"cut-every", "4"},
                                      {"attest_within", "1ms"}});
  CHECK(to_text(Value(fault->parameters())) ==
        "{\"kind\": \"custom\", \"drop-nth\": 1, \"drop-every\": 2, \"cut-nth\": 3, "
        "\"cut-every\": 4" +
            links + "\"all\"}");
  world.inject(*fault, a, {0});
  CHECK(world.cluster.plane.now().at({0, 1}).nth ==
        std::vector<Nth>{Nth{Nth::Fate::drop, 1, false, a}, Nth{Nth::Fate::drop, 2, true, a},
                         Nth{Nth::Fate::cut, 3, false, a}, Nth{Nth::Fate::cut, 4, true, a}});
}

TEST_CASE("packets: what no link can do is refused with a sentence") {
  using Knobs = std::vector<std::pair<std::string, std::string>>;
  const auto refused = [](const Knobs& params) {
    ConfigNode node;
    for (const auto& [key, value] : params)
      node.members.push_back({key, {}, ConfigNode::of(value)});
    Params view(node, "fault packets");
    const auto made = (*find_entry(nemeses(), "fault", "packets"))->make(view);
    const Status finished = view.finish();
    return finished ? std::string() : finished.error().what;
  };
  CHECK(refused({{"kind", "custom"}}).find("nothing is to happen to packets") != std::string::npos);
  CHECK(refused({{"loss", "130%"}}).find("expected a share of packets") != std::string::npos);
  CHECK(refused({{"loss", "-1%"}}).find("expected a share of packets") != std::string::npos);
  CHECK(refused({{"loss", "5%x"}}).find("expected a share of packets") != std::string::npos);
  CHECK(refused({{"rate", "999bit"}}).find("expected a bandwidth") != std::string::npos);
  CHECK(refused({{"reorder", "1%"}, {"reorder-by", "0ms"}}).find("expected a duration") !=
        std::string::npos);
  CHECK(refused({{"loss", "0%"}}).find("nothing is to happen to packets") != std::string::npos);
  for (const char* rate : {"10", "infmbit", "nankbit", "-5mbit", "1001gbit", "10mbits", "mbit"})
    CHECK(refused({{"rate", rate}}).find("expected a bandwidth") != std::string::npos);
  for (const char* share : {"nan", "inf%", "%", "", "100.1%", "0.5x", "0.5%%"})
    CHECK(refused({{"loss", share}}).find("expected a share of packets") != std::string::npos);
  CHECK(refused({{"delay", "11s"}}).find("expected a duration") != std::string::npos);
  for (const auto& [knobs, sentence] :
       {std::pair(Knobs{{"down", "1s"}}, "down: says nothing without kind: flapping"),
        std::pair(Knobs{{"loss", "1%"}, {"up", "1s"}}, "up: says nothing without kind: flapping"),
        std::pair(Knobs{{"loss", "1%"}, {"reorder-by", "1ms"}},
                  "reorder-by: says nothing without reorder"),
        std::pair(Knobs{{"delay", "1s"}, {"distribution", "normal"}},
                  "distribution: says nothing without jitter")})
    CHECK(refused(knobs).find(sentence) != std::string::npos);
  CHECK(refused({{"drop-nth", "0"}}).find("drop-nth") != std::string::npos);
  CHECK(refused({{"cut-every", "some"}}).find("cut-every") != std::string::npos);
  CHECK(refused({{"loss", "1%"}}).empty());
}

TEST_CASE("packets: is refused where nothing shapes packets") {
  World world(2);
  world.cluster.has_plane = false;
  const Status can = make("packets")->available(world.cluster);
  REQUIRE_FALSE(can);
  CHECK(can.error().kind == ErrorKind::capability);
  CHECK(can.error().what.find("links: switch") != std::string::npos);
}

TEST_CASE("packets: is not effective if links do nothing, or not all that was asked for") {
  World world(2);
  const auto fault = make("packets", {{"loss", "100%"}, {"duplicate", "100%"}});
  SUBCASE("nothing") {
    world.cluster.plane.shapes_are_lost = true;
    const Attestation struck = world.inject(*fault, a, {0});
    CHECK_FALSE(struck.effective);
    CHECK(text(struck.evidence, "idle_links") == "[[\"n1\", \"n2\"], [\"n2\", \"n1\"]]");
  }
  SUBCASE("one of them nothing") {
    world.cluster.plane.left_alone = {{1, 0}};
    const Attestation struck = world.inject(*fault, a, {0});
    CHECK_FALSE(struck.effective);
    CHECK(text(struck.evidence, "idle_links") == "[[\"n2\", \"n1\"]]");
    CHECK(text(struck.evidence, "never") == "(none)");
  }
  SUBCASE("not all") {
    world.cluster.plane.never = &PacketCounters::duplicated;
    const Attestation struck = world.inject(*fault, a, {0});
    CHECK_FALSE(struck.effective);
    CHECK(text(struck.evidence, "never") == "[\"duplicated\"]");
  }
  SUBCASE("they cannot be changed") {
    world.cluster.plane.fails = true;
    CHECK_FALSE(fault->inject(world.levers, a, Nodes{0}, {}, Rng(1)));
  }
}

TEST_CASE("packets: whatever is asked for and never happens is missed by its name") {
  using Params = std::vector<std::pair<std::string, std::string>>;
  struct Asked {
    Params params;
    std::uint64_t PacketCounters::* counter;
    std::string name;
  };
  using Counters = PacketCounters;
  for (const Asked& asked :
       {Asked{{{"delay", "50ms"}}, &Counters::delayed, "delayed"},
        Asked{{{"jitter", "5ms"}}, &Counters::delayed, "delayed"},
        Asked{{{"loss", "100%"}}, &Counters::lost, "lost"},
        Asked{{{"duplicate", "100%"}}, &Counters::duplicated, "duplicated"},
        Asked{{{"reorder", "100%"}}, &Counters::reordered, "reordered"},
        Asked{{{"corrupt", "100%"}}, &Counters::corrupted, "corrupted"},
        Asked{{{"corrupt-unseen", "100%"}}, &Counters::corrupted_unseen, "corrupted_unseen"},
        Asked{{{"rate", "1mbit"}}, &Counters::slowed, "slowed"},
        Asked{{{"kind", "flapping"}}, &Counters::flapped, "flapped"}}) {
    CAPTURE(asked.name);
    World world(2);
    CHECK(world.inject(*make("packets", asked.params), a, {0}).effective);
    world.cluster.plane.never = asked.counter;
    const Attestation struck = world.inject(*make("packets", asked.params), b, {0});
    CHECK_FALSE(struck.effective);
    CHECK(text(struck.evidence, "never") == "[\"" + asked.name + "\"]");
  }
  for (const auto& [key, never] :
       {std::pair("drop-nth", "[\"dropped\"]"), std::pair("cut-nth", "[\"cut_short\"]")}) {
    World world(2);
    const Attestation struck = world.inject(*make("packets", {{key, "1"}}), a, {0});
    CHECK(text(struck.evidence, "never") == never);
  }
}

TEST_CASE("packets: probes of a delayed link may be lost, where that was asked for as well") {
  for (const auto& [key, value] :
       {std::pair("loss", "100%"), std::pair("kind", "flapping"), std::pair("cut-every", "1")}) {
    CAPTURE(key);
    World world(2);
    world.cluster.broken = {{0, 1}, {1, 0}};
    const Attestation lost =
        world.inject(*make("packets", {{"delay", "50ms"}, {key, value}}), a, {0});
    CHECK(text(lost.evidence, "transit_ms") == "{}");
    CHECK(text(lost.evidence, "reason") != "\"no probe arrived\"");
  }
}

TEST_CASE("packets: of a normal distribution a probe may come sooner") {
  World world(2);
  const auto fault =
      make("packets", {{"delay", "50ms"}, {"jitter", "2ms"}, {"distribution", "normal"}});
  world.cluster.takes = 43ms;
  CHECK(world.inject(*fault, a, {0}).effective);
  world.cluster.takes = 42ms;
  CHECK_FALSE(world.inject(*fault, b, {0}).effective);
}

TEST_CASE("packets: where no machine is at the other end there is nothing to act on") {
  World world(1);
  const auto fault = make("packets");
  const Attestation struck = world.inject(*fault, a, {0});
  CHECK_FALSE(struck.effective);
  CHECK(text(struck.evidence, "reason") == "\"no link to act on\"");
  CHECK_FALSE(fault->by_hand(world.cluster, Nodes{0}, {}, Rng(1)));
}

TEST_CASE("packets: a heal after which links are shaped all the same is none") {
  World world(2);
  const auto fault = make("packets", {{"duplicate", "100%"}});
  world.inject(*fault, a, {0});
  world.cluster.plane.heals_are_lost = true;
  const Attestation healed = world.heal(*fault, a);
  CHECK_FALSE(healed.effective);
  CHECK(text(healed.evidence, "still_shaped") == "2");
}

TEST_CASE("packets: that links do nothing after a heal is known once the probes have arrived") {
  World world(2);
  const auto fault = make("packets", {{"delay", "10s"}});
  world.inject(*fault, a, {0});
  world.cluster.in_flight = true;
  SUBCASE("they do nothing") {}
  SUBCASE("they do all the same") { world.cluster.plane.heals_are_lost = true; }
  auto healed = fault->heal(world.levers, a);
  REQUIRE(healed);
  for (int look = 0; look < 3; ++look) {
    CHECK_FALSE(is_complete(*healed));
    CHECK(text(healed->evidence, "still_shaped") == "(none)");
  }
  world.cluster.in_flight = false;
  CHECK(is_complete(*healed));
  const bool is_free = !world.cluster.plane.heals_are_lost;
  CHECK(healed->effective == is_free);
  CHECK((text(healed->evidence, "still_shaped") == "(none)") == is_free);
}

TEST_CASE("packets: how long packets take is looked at where they are to be late, on open links") {
  World quick(2);
  const Attestation lost = quick.inject(*make("packets", {{"loss", "50%"}}), a, {0});
  CHECK(text(lost.evidence, "transit_ms") == "(none)");

  World world(5);
  const auto partition = make("partition", {{"kind", "isolate-one"}});
  world.inject(*partition, a, {1});
  const Attestation slow = world.inject(*make("packets", {{"delay", "50ms"}}), b, {0, 1, 2, 3, 4});
  CHECK(text(slow.evidence, "cut_by_others") == "8");
  const Value* const times = find(slow.evidence, "transit_ms");
  REQUIRE(times != nullptr);
  REQUIRE(times->map()->size() == 3);
  for (const auto& [link, time] : *times->map()) CHECK(link.find("n2") == std::string::npos);
}

TEST_CASE("packets: a delay that no probe sees is none") {
  World world(2);
  const auto fault = make("packets", {{"delay", "50ms"}, {"jitter", "5ms"}});
  world.cluster.takes = 44ms;
  const Attestation early = world.inject(*fault, a, {0});
  CHECK_FALSE(early.effective);
  CHECK(text(early.evidence, "reason") == "\"a probe came sooner than the delay\"");
  world.cluster.takes = 45ms;
  CHECK(world.inject(*fault, b, {0}).effective);
}

TEST_CASE("packets: a delay that no probe survives is none") {
  World world(2);
  world.cluster.broken = {{0, 1}, {1, 0}};
  const Attestation lost = world.inject(*make("packets", {{"delay", "50ms"}}), a, {0});
  CHECK_FALSE(lost.effective);
  CHECK(text(lost.evidence, "reason") == "\"no probe arrived\"");
}

TEST_CASE("packets: two faults on a link add up, and each takes back its own") {
  World world(2);
  const auto slow = make("packets", {{"delay", "50ms"}}),
             lossy = make("packets", {{"delay", "5ms"}, {"loss", "50%"}, {"direction", "out"}}),
             worse = make("packets", {{"loss", "50%"}, {"rate", "1mbit"}});
  const auto out = [&] { return world.cluster.plane.now().at({0, 1}); };
  world.inject(*slow, a, {0});
  world.inject(*lossy, b, {0});
  CHECK(out() == LinkPolicy{.delay = 55ms, .loss = 0.5});
  CHECK(world.cluster.plane.now().at({1, 0}) == LinkPolicy{.delay = 50ms});
  world.inject(*worse, c, {0});
  CHECK(out() == LinkPolicy{.delay = 55ms, .loss = 0.75, .rate = 1e6});
  const Attestation healed = world.heal(*lossy, b);
  CHECK(healed.effective);
  CHECK(text(healed.evidence, "held_by_others") == "1");
  CHECK(out() == LinkPolicy{.delay = 50ms, .loss = 0.5, .rate = 1e6});
  world.heal(*worse, c);
  world.heal(*slow, a);
  CHECK(shaped(world).empty());
}

TEST_CASE("packets: on links that are all cut by others it cannot be attested") {
  World world(2);
  const auto partition = make("partition", {{"kind", "halves"}});
  world.inject(*partition, a, {0, 1});
  const auto fault = make("packets", {{"loss", "50%"}});
  const Attestation struck = world.inject(*fault, b, {0});
  CHECK_FALSE(struck.effective);
  CHECK(text(struck.evidence, "reason") == "\"every link is cut by other faults\"");
  CHECK(text(struck.evidence, "cut_by_others") == "2");
}

TEST_CASE("packets: a heal that leaves a link shaped is none") {
  World world(2);
  const auto fault = make("packets", {{"duplicate", "100%"}});
  world.inject(*fault, a, {0});
  SUBCASE("the plane goes on") {
    world.cluster.plane.fails = true;
    CHECK_FALSE(fault->heal(world.levers, a));
    world.cluster.plane.fails = false;
    CHECK(world.heal(*fault, a).effective);
    CHECK(shaped(world).empty());
  }
  SUBCASE("nothing passes") {
    world.cluster.broken = {{0, 1}};
    const Attestation healed = world.heal(*fault, a);
    CHECK_FALSE(healed.effective);
    CHECK(text(healed.evidence, "unreached") == "[\"n1>n2\"]");
  }
}

TEST_CASE("packets: a replay acts on the links that were drawn") {
  const std::vector<std::string> names = {"n1", "n2", "n3", "n4", "n5"};
  World world(5);
  const auto gray = make("packets", {{"kind", "gray"}});
  const Attestation first = world.inject(*gray, a, {2}, {}, 7);
  const std::set<Edge> drawn = shaped(world);
  CHECK(drawn.size() == 2);
  world.heal(*gray, a);
  std::size_t others = 0;
  for (std::uint64_t seed = 8; seed < 20; ++seed) {
    const auto again = make("packets", {{"kind", "gray"}});
    REQUIRE(again->recall(a, first.evidence, names));
    world.inject(*again, a, {2}, {}, seed);
    CHECK(shaped(world) == drawn);
    world.heal(*again, a);
    world.inject(*gray, b, {2}, {}, seed);
    others += shaped(world) != drawn;
    world.heal(*gray, b);
  }
  CHECK(others > 0);  // Else nothing was recalled.
  CHECK_FALSE(gray->recall(c, {{"links", 2}, {"shaped", List{Value(List{"n1", "n9"})}}}, names));
}

TEST_CASE(
    "packets: the n-th message is the store's: the heal tells if it came after the attestation") {
  World world(2);
  const auto fault =
      make("packets",
           {{"drop-nth", "3"}, {"cut-every", "2"}, {"direction", "out"}, {"attest_within", "1ms"}});
  const Attestation struck = world.inject(*fault, a, {0});
  CHECK_FALSE(struck.effective);
  CHECK(text(struck.evidence, "never") == "[\"dropped\", \"cut_short\"]");
  const auto& policy = world.cluster.plane.now().at({0, 1});
  using Nth = NthMessage;
  CHECK(policy.nth ==
        std::vector<Nth>{Nth{Nth::Fate::drop, 3, false, a}, Nth{Nth::Fate::cut, 2, true, a}});
  int messages = 0;
  SUBCASE("none") { messages = 0; }
  SUBCASE("too few") { messages = 2; }
  SUBCASE("enough") { messages = 4; }
  for (int i = 0; i < messages; ++i) world.cluster.plane.message({0, 1});
  const Attestation healed = world.heal(*fault, a);
  CHECK(healed.effective);
  CHECK(healed.bore_out == (messages == 4));
  if (messages == 4) CHECK(text(healed.evidence, "dropped") == "1");
  if (messages == 4) CHECK(text(healed.evidence, "cut_short") == "2");
}

TEST_CASE("packets: a heal bears nothing out where nothing is counted") {
  World world(2);
  const auto fault = make("packets", {{"loss", "100%"}});
  world.inject(*fault, a, {0});
  CHECK_FALSE(world.heal(*fault, a).bore_out);
}

}  // namespace
}  // namespace faultline::nemesis_tests
