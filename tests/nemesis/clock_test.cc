#include "nemesis/skew_choice.h"
#include "tests/nemesis/fixture.h"
#include "tests/usage_error.h"

namespace faultline::nemesis_tests {
namespace {

constexpr std::int64_t one_second = 1'000'000'000, one_hour = 3'600 * one_second;

std::int64_t offset(World& world, std::size_t node) {
  return world.cluster.fake_clocks.read(node)->processes.front().offset_ns;
}

TEST_CASE("clock: a jump shifts every process of the victims; heal gives the time back") {
  World world(3);
  const auto clock = make("clock", {{"by", "-1h"}});
  CHECK(text(clock->parameters(), "kind") == "\"jump\"");
  const Attestation shifted = world.inject(*clock, a, {1});
  CHECK(shifted.effective);
  CHECK(text(shifted.evidence, "skews") == "{\"n2\": {\"by\": \"-1h\"}}");
  CHECK(text(shifted.evidence, "offsets") == "{\"n2\": -3600.0}");
  CHECK(text(shifted.evidence, "processes") == "{\"n2\": 2}");
  CHECK(offset(world, 1) == -one_hour);
  CHECK(offset(world, 0) == 0);
  const Attestation healed = world.heal(*clock, a);
  CHECK(healed.effective);
  CHECK(text(healed.evidence, "series") == "{\"n2\": [[0.0, -3600.0, -3600.0, 2]]}");
  CHECK(offset(world, 1) == 0);
  CHECK(world.cluster.calls.empty());  // Nothing else was touched.
}

TEST_CASE("clock: says who asked the kernel past the vDSO, and how often it was answered") {
  World world(2);
  const auto clock = make("clock");
  CHECK(world.inject(*clock, a, {0, 1}).effective);
  world.cluster.fake_clocks.kernel_calls[1] = 7;
  const Attestation healed = world.heal(*clock, a);
  CHECK(healed.effective);
  CHECK(text(healed.evidence, "system_calls") == "{\"n2\": 7}");
  CHECK(text(healed.evidence, "system_callers") == "[\"n2: raw\"]");
}

TEST_CASE("clock: every kind takes effect and is healed") {
  for (const char* kind : {"jump", "drift", "strobe", "freeze", "random-walk"}) {
    CAPTURE(kind);
    World world(2);
    const auto clock = make("clock", {{"kind", kind}});
    CHECK(world.inject(*clock, a, {0, 1}).effective);
    world.cluster.fake_clocks.now += 7 * one_second;
    if (kind != std::string("strobe")) CHECK(offset(world, 0) != 0);
    CHECK(world.heal(*clock, a).effective);
    CHECK(world.cluster.fake_clocks.skews[0].empty());
  }
}

TEST_CASE("clock: overlapping faults add up, and each heal takes its own part") {
  World world(2);
  const auto forward = make("clock", {{"by", "1h"}}), back = make("clock", {{"by", "-1s"}});
  CHECK(world.inject(*forward, a, {0, 1}).effective);
  CHECK(world.inject(*back, b, {0}).effective);
  CHECK(offset(world, 0) == one_hour - one_second);
  const Attestation healed = world.heal(*forward, a);
  CHECK(healed.effective);
  CHECK(text(healed.evidence, "held_by_others") == "[\"n1\"]");
  CHECK(offset(world, 0) == -one_second);
  CHECK(offset(world, 1) == 0);
  CHECK(world.heal(*back, b).effective);
  CHECK(offset(world, 0) == 0);
  CHECK(world.heal(*back, b).effective);  // Nothing is left to do.
  CHECK(world.cluster.fake_clocks.calls ==
        std::vector<std::string>{"n1 1", "n2 1", "n1 2", "n1 1", "n2 0", "n1 0"});
}

TEST_CASE("clock: is not effective if it shifts nothing, not all, or nobody") {
  World world(2);
  const auto clock = make("clock");
  SUBCASE("nothing") {
    world.cluster.fake_clocks.shifts_are_lost = true;
    const Attestation shifted = world.inject(*clock, a, {0});
    CHECK_FALSE(shifted.effective);
    CHECK(text(shifted.evidence, "reason") == "\"not every process has the shifted clock\"");
    CHECK(text(shifted.evidence, "wrong") ==
          "[\"n1: store1: it is not shifted\", \"n1: helper: it is not shifted\"]");
  }
  SUBCASE("a program that asks the kernel is told the true time") {
    world.cluster.fake_clocks.kernel_calls_missed[0] = 2;
    const Attestation shifted = world.inject(*clock, a, {0});
    CHECK_FALSE(shifted.effective);
    CHECK(text(shifted.evidence, "wrong") == "[\"n1: 2 system calls were told the true time\"]");
    CHECK(world.heal(*clock, a).effective);
  }
  SUBCASE("not all") {
    world.cluster.fake_clocks.problems[0] = "it may not be traced";
    const Attestation shifted = world.inject(*clock, a, {0});
    CHECK_FALSE(shifted.effective);
    CHECK(text(shifted.evidence, "wrong") == "[\"n1: helper: it may not be traced\"]");
    CHECK(world.heal(*clock, a).effective);  // Its clock was never wrong.
  }
  SUBCASE("nobody") {
    world.inject(*make("kill"), b, {0});
    const Attestation shifted = world.inject(*clock, a, {0});
    CHECK_FALSE(shifted.effective);
    CHECK(text(shifted.evidence, "reason") == "\"no victim had a process to ask for the time\"");
  }
  SUBCASE("it stays shifted") {
    CHECK(world.inject(*clock, a, {0}).effective);
    world.cluster.fake_clocks.shifts_are_lost = true;
    CHECK_FALSE(world.heal(*clock, a).effective);
  }
}

TEST_CASE("clock: a failure to set is an error, and the next release tries again") {
  World world(1);
  const auto clock = make("clock");
  world.cluster.fake_clocks.set_fails = true;
  CHECK_FALSE(clock->inject(world.levers, a, Nodes{0}, {}, Rng(1)));
  CHECK_FALSE(clock->heal(world.levers, a));
  world.cluster.fake_clocks.set_fails = false;
  CHECK(world.levers.release_all());
  CHECK(world.cluster.fake_clocks.calls.back() == "n1 0");
  CHECK(world.cluster.fake_clocks.skews[0].empty());
}

TEST_CASE("clock: a node that is killed meanwhile keeps its shift") {
  World world(1);
  const auto clock = make("clock", {{"by", "1h"}}), kill = make("kill");
  CHECK(world.inject(*clock, a, {0}).effective);
  world.inject(*kill, b, {0});
  world.heal(*kill, b);
  CHECK(offset(world, 0) == one_hour);
  CHECK(world.heal(*clock, a).effective);
}

TEST_CASE("clock: tells waits that make a finding doubtful") {
  World world(1);
  const auto clock = make("clock");
  world.cluster.fake_clocks.absolute_waits[0] = {"store1: futex"};
  world.inject(*clock, a, {0});
  const Attestation healed = world.heal(*clock, a);
  CHECK(text(healed.evidence, "doubts") ==
        "[\"n1 waits until a time of day, which stayed true: store1: futex\"]");
}

TEST_CASE("clock: tells of calls that were told the true time after it was injected") {
  World world(1);
  const auto clock = make("clock");
  CHECK(world.inject(*clock, a, {0}).effective);
  world.cluster.fake_clocks.kernel_calls_missed[0] = 3;
  const Attestation healed = world.heal(*clock, a);
  CHECK(text(healed.evidence, "doubts") == "[\"n1: 3 system calls were told the true time\"]");
}

TEST_CASE(
    "clock: each victim's draw is its own, from the seed, and a replay's is the recorded one") {
  for (const char* kind : {"jump", "drift", "strobe", "freeze", "random-walk"}) {
    CAPTURE(kind);
    World first(2), again(2), replayed(2);
    const auto clock = make("clock", {{"kind", kind}}), other = make("clock", {{"kind", kind}});
    const Attestation shifted = first.inject(*clock, a, {0, 1}, {}, 5);
    again.inject(*other, a, {0, 1}, {}, 5);
    auto& skews = first.cluster.fake_clocks.skews;
    CHECK(skews == again.cluster.fake_clocks.skews);
    if (kind != std::string("freeze")) CHECK(skews[0] != skews[1]);
    const auto third = make("clock", {{"kind", kind}});
    REQUIRE(third->recall(a, shifted.evidence, {}));
    replayed.inject(*third, a, {0, 1}, {}, 6);
    CHECK(replayed.cluster.fake_clocks.skews == skews);
  }
  CHECK_FALSE(make("clock")->recall(a, {{"skews", Map{{"n1", Map{}}}}}, {}));
  CHECK_FALSE(make("clock")->recall(a, {{"skews", 7}}, {}));
  CHECK(make("clock")->recall(a, {}, {}));
}

TEST_CASE("clock: what is drawn lies between the two ends, and is not nothing") {
  SkewSettings settings;
  settings.by_least_ns = -1;
  settings.by_most_ns = 1;
  std::set<std::int64_t> drawn;
  for (std::uint64_t seed = 0; seed < 50; ++seed)
    drawn.insert(draw_skew(settings, Rng(seed)).by_ns);
  CHECK(drawn == std::set<std::int64_t>{-1, 1});
}

/// The message with which a configuration is refused; empty if it is not.
std::string refusal(std::vector<std::pair<std::string, std::string>> params) {
  ConfigNode node;
  for (const auto& [key, value] : params) node.members.push_back({key, {}, ConfigNode::of(value)});
  Params view(node, "fault clock");
  (void)make_clock(view);
  const Status finished = view.finish();
  return finished ? "" : finished.error().what;
}

TEST_CASE("clock: parameters that say nothing are refused") {
  CHECK(refusal({{"by", "0"}}).find("as it was") != std::string::npos);
  CHECK(refusal({{"by", "soon"}}).find("one duration") != std::string::npos);
  CHECK(refusal({{"by", "100000h"}}).find("ten years") != std::string::npos);
  CHECK(refusal({{"kind", "drift"}, {"ppm", "2000000"}}).find("parts per million") !=
        std::string::npos);
  CHECK(refusal({{"kind", "drift"}, {"ppm", "0"}}).find("as it was") != std::string::npos);
  CHECK(refusal({{"kind", "drift"}, {"by", "1h"}}).find("by") != std::string::npos);
  CHECK(refusal({{"kind", "strobe"}, {"period", "1us"}}).find("at least 1ms") != std::string::npos);
  CHECK(refusal({{"kind", "random-walk"}, {"period", "1ms"}}).find("at least 10ms") !=
        std::string::npos);
  CHECK(refusal({{"kind", "random-walk"}, {"by", "2h"}}).find("at most 1h") != std::string::npos);
  CHECK(refusal({{"kind", "sideways"}}).find("sideways") != std::string::npos);
  CHECK(refusal({{"kind", "strobe"}, {"by", "-3s"}, {"period", "1s"}}).empty());
}

TEST_CASE("clock: is refused where clocks cannot be shifted") {
  World world(1);
  world.cluster.fake_clocks.unusable = "no ptrace";
  const Status available = make("clock")->available(world.cluster);
  REQUIRE_FALSE(available);
  CHECK(available.error().kind == ErrorKind::capability);
}

}  // namespace
}  // namespace faultline::nemesis_tests
