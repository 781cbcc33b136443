#include "tests/nemesis/fixture.h"

namespace faultline::nemesis_tests {
namespace {

TEST_CASE("pause: every process stops; heal continues them") {
  World world(3);
  const auto pause = make("pause");
  const Attestation paused = world.inject(*pause, a, {1});
  CHECK(paused.effective);
  CHECK(text(paused.evidence, "stopped") == "{\"n2\": 2}");
  CHECK(world.cluster.stopped(1));
  CHECK_FALSE(world.cluster.stopped(0));
  const Attestation healed = world.heal(*pause, a);
  CHECK(healed.effective);
  CHECK_FALSE(world.cluster.stopped(1));
}

TEST_CASE("pause: is not effective if a process goes on, or if there is none") {
  World world(3);
  const auto pause = make("pause");
  SUBCASE("goes on") {
    world.cluster.signals_are_lost = true;
    const Attestation paused = world.inject(*pause, a, {0});
    CHECK_FALSE(paused.effective);
    CHECK(text(paused.evidence, "reason") == "\"processes went on after SIGSTOP\"");
  }
  SUBCASE("none") {
    world.inject(*make("kill"), b, {0});
    const Attestation paused = world.inject(*pause, a, {0});
    CHECK_FALSE(paused.effective);
    CHECK(text(paused.evidence, "reason") == "\"no victim had a process to pause\"");
  }
}

TEST_CASE(
    "pause: heal is not effective if processes stay stopped, unless another fault holds them") {
  World world(3);
  const auto pause = make("pause");
  world.inject(*pause, a, {0});
  SUBCASE("they stay stopped") {
    world.cluster.signals_are_lost = true;
    CHECK_FALSE(world.heal(*pause, a).effective);
  }
  SUBCASE("another holds") {
    CHECK(world.inject(*pause, b, {0, 1}).effective);
    const Attestation healed = world.heal(*pause, a);
    CHECK(healed.effective);
    CHECK(text(healed.evidence, "held_by_others") == "[\"n1\"]");
    CHECK(world.cluster.stopped(0));
    world.heal(*pause, b);
    CHECK_FALSE(world.cluster.stopped(0));
  }
}

}  // namespace
}  // namespace faultline::nemesis_tests
