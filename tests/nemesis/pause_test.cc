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

TEST_CASE("pause: a machine is silent as well, towards nodes and clients") {
  World world(3);
  const auto pause = make("pause", {{"kind", "machine"}});
  CHECK(pause->available(world.cluster));
  const Attestation paused = world.inject(*pause, a, {1});
  CHECK(paused.effective);
  CHECK(world.cluster.stopped(1));
  CHECK(world.cluster.cut_now() ==
        std::set<Edge>{{1, 0}, {1, 2}, {1, clients_end}, {0, 1}, {2, 1}, {clients_end, 1}});
  CHECK(text(paused.evidence, "probe") == "\"blocked\"");
  CHECK(text(paused.evidence, "links") == "6");

  const auto process = make("pause");
  world.inject(*process, b, {1});
  const Attestation healed = world.heal(*pause, a);
  CHECK(healed.effective);
  CHECK(world.cluster.cut_now().empty());
  CHECK(world.cluster.stopped(1));
  world.heal(*process, b);
  CHECK_FALSE(world.cluster.stopped(1));
}

TEST_CASE(
    "pause: a machine whose links are not silent is not effective, and is refused where links "
    "cannot be cut") {
  World world(3);
  const auto pause = make("pause", {{"kind", "machine"}});
  world.cluster.cuts_are_lost = true;
  CHECK_FALSE(world.inject(*pause, a, {1}).effective);
  world.cluster.cannot_cut = "no nft";
  CHECK_FALSE(pause->available(world.cluster));
  CHECK(make("pause")->available(world.cluster));
}

TEST_CASE("pause: a machine is silent towards client machines, which go on") {
  World world(2, 1);  // c1 is 2.
  const auto pause = make("pause", {{"kind", "machine"}});
  CHECK(world.inject(*pause, a, {1}).effective);
  CHECK(world.cluster.cut_now() ==
        std::set<Edge>{{1, 0}, {1, 2}, {1, clients_end}, {0, 1}, {2, 1}, {clients_end, 1}});
  CHECK_FALSE(world.cluster.stopped(2));
}

TEST_CASE("pause: a machine whose links stay closed is not healed") {
  World world(3);
  const auto pause = make("pause", {{"kind", "machine"}});
  world.inject(*pause, a, {1});
  world.cluster.broken = {{0, 1}};
  const Attestation healed = world.heal(*pause, a);
  CHECK_FALSE(healed.effective);
  CHECK(text(healed.evidence, "unreached") == "[\"n1>n2\"]");
}

}  // namespace
}  // namespace faultline::nemesis_tests
