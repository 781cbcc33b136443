#include "tests/nemesis/fixture.h"

namespace faultline::nemesis_tests {
namespace {

TEST_CASE("kill: every process of the victims is gone; heal brings the store back") {
  World world(3);
  const auto kill = make("kill");
  const Attestation killed = world.inject(*kill, a, {0, 2});
  CHECK(killed.effective);
  CHECK(text(killed.evidence, "processes") == "{\"n1\": 2, \"n3\": 2}");
  CHECK(text(killed.evidence, "left") == "0");
  CHECK_FALSE(world.cluster.running(0));
  CHECK(world.cluster.running(1));

  const Attestation healed = world.heal(*kill, a);
  CHECK(healed.effective);
  CHECK(world.cluster.running(0));
  CHECK(world.cluster.running(2));
  CHECK(world.heal(*kill, a).effective);
}

TEST_CASE("kill: is not effective if a process outlives it") {
  World world(3);
  world.cluster.signals_are_lost = true;
  const auto kill = make("kill");
  const Attestation killed = world.inject(*kill, a, {0});
  CHECK_FALSE(killed.effective);
  CHECK(text(killed.evidence, "left") == "2");
}

TEST_CASE("kill: is not effective if there was nothing to kill") {
  World world(3);
  const auto kill = make("kill");
  SUBCASE("the store had ended by itself") { world.cluster.die(0, "exit status 2"); }
  SUBCASE("another fault holds it down") { world.inject(*kill, b, {0}); }
  const Attestation killed = world.inject(*kill, a, {0});
  CHECK_FALSE(killed.effective);
  CHECK(text(killed.evidence, "reason") == "\"no victim had a process to kill\"");
}

TEST_CASE("kill: one live victim of two is enough, and the dead one is named") {
  World world(3);
  world.cluster.die(1, "exit status 2");
  const auto kill = make("kill");
  const Attestation killed = world.inject(*kill, a, {0, 1});
  CHECK(killed.effective);
  CHECK(text(killed.evidence, "nothing_to_kill") == "[\"n2\"]");
}

TEST_CASE("kill: heal does not claim what another fault holds down") {
  World world(3);
  const auto kill = make("kill");
  world.inject(*kill, a, {0, 1});
  world.inject(*kill, b, {0});
  const Attestation healed = world.heal(*kill, a);
  CHECK(healed.effective);
  CHECK(text(healed.evidence, "held_by_others") == "[\"n1\"]");
  CHECK(text(healed.evidence, "processes") == "{\"n2\": 2}");
  CHECK_FALSE(world.cluster.running(0));
  CHECK(world.heal(*kill, b).effective);
  CHECK(world.cluster.running(0));
}

TEST_CASE("kill: heal says when the store ends at once after its restart") {
  World world(3);
  const auto kill = make("kill");
  world.inject(*kill, a, {0});
  world.cluster.dies_at_start[0] = "exit status 1";
  const Attestation healed = world.heal(*kill, a);
  CHECK_FALSE(healed.effective);
  CHECK(text(healed.evidence, "dead") == "[\"n1\"]");
}

TEST_CASE("kill: a heal that could not restart is an error, and can be tried again") {
  World world(3);
  const auto kill = make("kill");
  world.inject(*kill, a, {0});
  world.cluster.unstartable = {0};
  CHECK_FALSE(kill->heal(world.levers, a));
  world.cluster.unstartable.clear();
  CHECK(world.heal(*kill, a).effective);
  CHECK(world.cluster.running(0));
}

TEST_CASE("kill: kills what is paused, and the pause outlives it") {
  World world(3);
  const auto kill = make("kill");
  const auto pause = make("pause");
  CHECK(world.inject(*pause, a, {0}).effective);
  CHECK(world.inject(*kill, b, {0}).effective);
  CHECK(world.heal(*kill, b).effective);
  CHECK(world.cluster.stopped(0));
  CHECK(world.heal(*pause, a).effective);
  CHECK_FALSE(world.cluster.stopped(0));
}

}  // namespace
}  // namespace faultline::nemesis_tests
