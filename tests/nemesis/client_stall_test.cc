#include "tests/nemesis/fixture.h"

namespace faultline::nemesis_tests {
namespace {

// Of three nodes and two client machines: c1 is 3, c2 is 4.

TEST_CASE(
    "client-stall: every process of the machine stops and nobody answers; heal continues it") {
  World world(3, 2);
  const auto stall = make("client-stall");
  CHECK(stall->strikes_clients());
  CHECK(stall->available(world.cluster));
  const Attestation stalled = world.inject(*stall, a, {4});
  CHECK(stalled.effective);
  CHECK(text(stalled.evidence, "stopped") == "{\"c2\": 2}");
  CHECK(text(stalled.evidence, "answering") == "[]");
  CHECK(world.cluster.stopped(4));
  for (std::size_t other = 0; other < 4; ++other) CHECK_FALSE(world.cluster.stopped(other));
  const Attestation healed = world.heal(*stall, a);
  CHECK(healed.effective);
  CHECK(text(healed.evidence, "silent") == "[]");
  CHECK_FALSE(world.cluster.stopped(4));
}

TEST_CASE("client-stall: clients that are threads of the controller are refused, with the remedy") {
  World world(3);
  const Status can = make("client-stall")->available(world.cluster);
  REQUIRE_FALSE(can);
  CHECK(can.error().kind == ErrorKind::usage);
  CHECK(can.error().what.find("clients: separate") != std::string::npos);
}

TEST_CASE(
    "client-stall: is not effective if a process goes on, if one answers, or if there is none") {
  World world(3, 2);
  const auto stall = make("client-stall");
  SUBCASE("goes on") {
    world.cluster.signals_are_lost = true;
    CHECK_FALSE(world.inject(*stall, a, {3}).effective);
  }
  SUBCASE("answers") {
    world.cluster.stopped_answer = true;
    const Attestation stalled = world.inject(*stall, a, {3, 4});
    CHECK_FALSE(stalled.effective);
    CHECK(text(stalled.evidence, "answering") == "[\"c1\", \"c2\"]");
  }
  SUBCASE("none") {
    world.cluster.die(3, "signal 9 (Killed)");
    CHECK_FALSE(world.inject(*stall, a, {3}).effective);
  }
}

TEST_CASE("client-stall: a machine that stays stopped, or silent, is not healed") {
  World world(3, 2);
  const auto stall = make("client-stall");
  world.inject(*stall, a, {3, 4});
  SUBCASE("stopped") {
    world.cluster.signals_are_lost = true;
    CHECK_FALSE(world.heal(*stall, a).effective);
  }
  SUBCASE("silent") {
    world.cluster.mute = {4};
    const Attestation healed = world.heal(*stall, a);
    CHECK_FALSE(healed.effective);
    CHECK(text(healed.evidence, "silent") == "[\"c2\"]");
  }
}

TEST_CASE("client-stall: overlaps itself: a machine goes on when the last fault lets it go") {
  World world(3, 2);
  const auto stall = make("client-stall");
  world.inject(*stall, a, {3, 4});
  CHECK(world.inject(*stall, b, {4}).effective);
  const Attestation first = world.heal(*stall, a);
  CHECK(first.effective);
  CHECK(text(first.evidence, "held_by_others") == "[\"c2\"]");
  CHECK_FALSE(world.cluster.stopped(3));
  CHECK(world.cluster.stopped(4));
  CHECK(world.heal(*stall, b).effective);
  CHECK_FALSE(world.cluster.stopped(4));
}

}  // namespace
}  // namespace faultline::nemesis_tests
