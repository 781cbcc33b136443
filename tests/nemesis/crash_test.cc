#include "tests/nemesis/fixture.h"

namespace faultline::nemesis_tests {
namespace {

using Calls = std::vector<std::string>;

TEST_CASE("crash: links first, then processes, then connections; back in the opposite order") {
  World world(2);
  const auto crash = make("crash");
  CHECK(crash->available(world.cluster));
  const Attestation crashed = world.inject(*crash, a, {1});
  CHECK(crashed.effective);
  CHECK(world.cluster.calls ==
        Calls{"cut n1>n2 n2>n1 n2>clients clients>n2", "signal n2 9", "destroy connections n2"});
  CHECK(text(crashed.evidence, "processes") == "{\"n2\": 2}");
  CHECK(text(crashed.evidence, "left") == "0");
  CHECK(text(crashed.evidence, "connections_left") == "0");
  CHECK(text(crashed.evidence, "probe") == "\"blocked\"");
  CHECK(text(crashed.evidence, "drops") ==
        "{\"n1>n2\": 1, \"n2>n1\": 1, \"n2>clients\": 1, \"clients>n2\": 1}");

  world.cluster.calls.clear();
  const Attestation healed = world.heal(*crash, a);
  CHECK(healed.effective);
  CHECK(world.cluster.calls == Calls{"start n2", "cut"});
  CHECK(text(healed.evidence, "processes") == "{\"n2\": 2}");
  CHECK(text(healed.evidence, "probe") == "\"passed\"");
  CHECK(world.heal(*crash, a).effective);
}

TEST_CASE("crash: is not effective if any part of it is not") {
  World world(3);
  const auto crash = make("crash");
  SUBCASE("processes live on") { world.cluster.signals_are_lost = true; }
  SUBCASE("links pass") { world.cluster.cuts_are_lost = true; }
  SUBCASE("connections last") { world.cluster.connections_last = true; }
  SUBCASE("nothing ran") { world.inject(*make("kill"), b, {0}); }
  CHECK_FALSE(world.inject(*crash, a, {0}).effective);
}

TEST_CASE("crash: other faults keep what they hold") {
  World world(3);
  const auto crash = make("crash"), kill = make("kill");
  const auto partition = make("partition", {{"kind", "isolate-one"}});
  CHECK(world.inject(*crash, a, {0}).effective);
  world.inject(*kill, b, {0});
  CHECK(world.inject(*partition, c, {0}).effective);
  const Attestation healed = world.heal(*crash, a);
  CHECK(healed.effective);
  CHECK(text(healed.evidence, "held_by_others") == "[\"n1\"]");
  CHECK(text(healed.evidence, "cut_by_others") == "4");
  CHECK_FALSE(world.cluster.running(0));
  CHECK(world.cluster.cut_now().size() == 4);
  world.heal(*kill, b);
  world.heal(*partition, c);
  CHECK(world.cluster.running(0));
  CHECK(world.cluster.cut_now().empty());
}

TEST_CASE("crash: links open although the restart fails, which is tried again") {
  World world(2);
  const auto crash = make("crash");
  world.inject(*crash, a, {0});
  world.cluster.unstartable = {0};
  CHECK_FALSE(crash->heal(world.levers, a));
  CHECK(world.cluster.cut_now().empty());
  world.cluster.unstartable.clear();
  CHECK(world.levers.release_all());
  CHECK(world.cluster.running(0));
}

TEST_CASE("crash: is refused where links cannot be cut or connections not be destroyed") {
  World world(2);
  SUBCASE("links") { world.cluster.cannot_cut = "no nft"; }
  SUBCASE("connections") { world.cluster.cannot_destroy = "no CONFIG_INET_DIAG_DESTROY"; }
  const Status refused = make("crash")->available(world.cluster);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::capability);
}

}  // namespace
}  // namespace faultline::nemesis_tests
