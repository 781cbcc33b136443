// Links that are slow, lossy or cut while a fault attests that they are open: nothing waits for
// their probes, and none is told as lost that only takes its time.
#include "nemesis/attest.h"
#include "nemesis/cut_links.h"
#include "tests/nemesis/fixture.h"

namespace faultline::nemesis_tests {
namespace {

using namespace std::chrono_literals;

LinkPolicies everywhere(std::size_t nodes, const LinkPolicy& policy) {
  LinkPolicies all;
  for (std::size_t from = 0; from < nodes; ++from)
    for (std::size_t to = 0; to < nodes; ++to)
      if (from != to) all.emplace(Edge{from, to}, policy);
  return all;
}

TEST_CASE("link trial: every link is tried before any has answered, and nothing is waited for") {
  World world(5);
  const auto partition = make("partition", {{"kind", "isolate-one"}});
  // Whatever attest_within is, a probe may take as long as its link does.
  REQUIRE(world.cluster.plane.set_nature(everywhere(5, {.delay = 1h})));
  CHECK(world.inject(*partition, a, {0}).effective);
  world.cluster.probed.clear();
  world.cluster.in_flight = true;
  Attestation healing = *partition->heal(world.levers, a);
  CHECK(world.cluster.cut_now().empty());  // Healed, if not attested.
  CHECK(world.cluster.probed.size() == 8);
  CHECK_FALSE(is_complete(healing));
  CHECK(find(healing.evidence, "probe") == nullptr);
  world.cluster.in_flight = false;
  CHECK(is_complete(healing));
  CHECK(healing.effective);
  CHECK(text(healing.evidence, "probe") == "\"passed\"");
  CHECK(text(healing.evidence, "probed") == "8");
  CHECK(is_complete(healing));  // And says nothing twice.
  CHECK(healing.evidence.size() == 4);
}

TEST_CASE("link trial: the time that faults make packets take is allowed for") {
  World world(3);
  const auto cut = make("partition", {{"kind", "isolate-one"}});
  const auto slow = make("packets", {{"delay", "10s"}, {"jitter", "1s"}});
  CHECK(world.inject(*slow, b, {0, 1, 2}).effective);
  CHECK(world.inject(*cut, a, {0}).effective);
  world.cluster.in_flight = true;
  Attestation healing = *cut->heal(world.levers, a);
  CHECK_FALSE(is_complete(healing));
  SUBCASE("until they arrive") {
    world.cluster.in_flight = false;
    CHECK(complete(healing).effective);
  }
  SUBCASE("or another fault cuts them: that proves nothing") {
    const auto again = make("partition", {{"kind", "isolate-one"}});
    REQUIRE(again->inject(world.levers, c, Nodes{0}, {}, Rng(1)));
    CHECK(is_complete(healing));
    CHECK(healing.effective);
    CHECK(text(healing.evidence, "cut_by_others") == "4");
  }
  SUBCASE("and what the healed fault still holds on its way") {
    Attestation healed = *slow->heal(world.levers, b);
    CHECK_FALSE(is_complete(healed));
    world.cluster.in_flight = false;
    CHECK(complete(healed).effective);
  }
}

TEST_CASE("link trial: a lossy link is tried again and again; one that loses all is not") {
  World world(3);
  const auto cut = make("partition", {{"kind", "isolate-one"}});
  CHECK(world.inject(*cut, a, {0}).effective);
  SUBCASE("several probes at once, as there is no time") {
    const auto lossy = make("packets", {{"loss", "50%"}});
    CHECK(world.inject(*lossy, b, {0, 1, 2}).effective);
    world.cluster.loses_first = 19;  // Half a millionth: 20 of them.
    CHECK(world.heal(*cut, a).effective);
  }
  SUBCASE("nor is it our heal that failed") {
    const auto dead = make("packets", {{"loss", "100%"}});
    world.inject(*dead, b, {0, 1, 2});
    world.cluster.probed.clear();
    const Attestation healed = world.heal(*cut, a);
    CHECK(healed.effective);
    CHECK(text(healed.evidence, "cut_by_others") == "4");
    CHECK(world.cluster.probed.empty());
  }
}

TEST_CASE("link trial: a fault that comes while a heal is attested is none that goes on") {
  World world(3);
  const auto one = make("packets"), other = make("packets");
  CHECK(world.inject(*one, a, {0}).effective);
  world.cluster.in_flight = true;
  Attestation healing = *one->heal(world.levers, a);
  CHECK_FALSE(is_complete(healing));
  world.cluster.in_flight = false;
  const Attestation struck = world.inject(*other, b, {0});
  CHECK(struck.effective);
  CHECK(is_complete(healing));
  CHECK_MESSAGE(healing.effective, to_text(Value(healing.evidence)));
}

TEST_CASE("link trial: a probe that cannot be sent proves nothing, and nobody waits for it") {
  World world(3);
  const auto cut = make("partition", {{"kind", "isolate-one"}, {"attest_within", "1h"}});
  CHECK(world.inject(*cut, a, {0}).effective);
  world.cluster.cannot_probe = "no room";
  Attestation healing = *cut->heal(world.levers, a);
  CHECK(is_complete(healing));
  CHECK_FALSE(healing.effective);
  CHECK(text(healing.evidence, "reason").find(": no room") != std::string::npos);
  CHECK(find(healing.evidence, "unreached") == nullptr);
}

TEST_CASE("link trial: of many links some are tried") {
  World world(30);
  const auto cut = make("partition", {{"kind", "isolate-one"}});
  CHECK(world.inject(*cut, a, {0}).effective);
  world.cluster.probed.clear();
  CHECK(world.heal(*cut, a).effective);
  CHECK(world.cluster.probed.size() == evidence_items_max);
}

TEST_CASE("link trial: the longest flight") {
  CHECK(flight_max({}) == 0ns);
  CHECK(flight_max({.delay = 100ms, .jitter = 20ms}) == 120ms);
  CHECK(flight_max({.delay = 100ms, .jitter = 20ms, .normal = true}) == 180ms);
  CHECK(flight_max({.delay = 5ms, .reorder = 0.1, .reorder_by = 20ms}) == 25ms);
  CHECK(flight_max({.rate = 1e6, .flaps = {{300ms, 300ms}}}) == 500ms);
}

}  // namespace
}  // namespace faultline::nemesis_tests
