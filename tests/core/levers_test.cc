#include "harness/core/levers.h"

#include <doctest/doctest.h>

#include "harness/core/rng.h"
#include "tests/fakes.h"

namespace faultline {
namespace {

using fakes::FakeCluster;
using Calls = std::vector<std::string>;

constexpr FaultId fault_a = 1, fault_b = 2, fault_c = 3;

TEST_CASE("levers: a node restarts only when no fault holds it down") {
  FakeCluster cluster(3);
  Levers levers(cluster);
  REQUIRE(levers.hold_down(fault_a, 0));
  REQUIRE(levers.hold_down(fault_b, 0));
  REQUIRE(levers.hold_down(fault_b, 1));
  CHECK(cluster.calls == Calls{"signal n1 9", "signal n2 9"});
  CHECK(levers.down(0));

  REQUIRE(levers.release(fault_a));
  CHECK_FALSE(cluster.running(0));
  CHECK(levers.down(0));
  REQUIRE(levers.release(fault_b));
  CHECK(cluster.running(0));
  CHECK(cluster.running(1));
  CHECK_FALSE(levers.down(0));
  CHECK(cluster.calls == Calls{"signal n1 9", "signal n2 9", "start n1", "start n2"});
}

TEST_CASE("levers: a hold is idempotent per fault and node, and healing twice is once") {
  FakeCluster cluster(3);
  Levers levers(cluster);
  REQUIRE(levers.hold_paused(fault_a, 2));
  REQUIRE(levers.hold_paused(fault_a, 2));
  REQUIRE(levers.release(fault_a));
  REQUIRE(levers.release(fault_a));
  REQUIRE(levers.release(fault_b));
  REQUIRE(levers.release_all());
  CHECK(cluster.calls == Calls{"signal n3 19", "signal n3 18"});
}

TEST_CASE("levers: a client machine is paused and cut as a node is, and never restarted") {
  FakeCluster cluster(2, 1);
  Levers levers(cluster);
  const std::vector<Edge> cut = {{0, 2}, {2, 0}};
  REQUIRE(levers.hold_paused(fault_a, 2));
  REQUIRE(levers.hold_paused(fault_b, 2));
  REQUIRE(levers.hold_cut(fault_b, cut));
  CHECK(levers.paused(2));
  REQUIRE(levers.release(fault_a));
  CHECK(cluster.stopped(2));
  REQUIRE(levers.release_all());
  CHECK_FALSE(cluster.stopped(2));
  CHECK(cluster.calls == Calls{"signal c1 19", "cut n1>c1 c1>n1", "cut", "signal c1 18"});
}

TEST_CASE("levers: a restart leaves the fault's links cut until its release") {
  FakeCluster cluster(2);
  Levers levers(cluster);
  const std::vector<Edge> cut = {{0, clients_end}, {clients_end, 0}};
  REQUIRE(levers.hold_cut(fault_a, cut));
  REQUIRE(levers.hold_down(fault_a, 0));
  REQUIRE(levers.hold_down(fault_b, 0));
  REQUIRE(levers.restart(fault_a));
  CHECK_FALSE(cluster.running(0));  // Another holds it down.
  REQUIRE(levers.restart(fault_b));
  CHECK(cluster.running(0));
  CHECK(cluster.cut_now().size() == 2);
  REQUIRE(levers.restart(fault_c));  // Holds nothing.
  REQUIRE(levers.release(fault_a));
  CHECK(cluster.cut_now().empty());
}

TEST_CASE("levers: a node restarted while a pause holds it is paused after its start") {
  FakeCluster cluster(2);
  Levers levers(cluster);
  REQUIRE(levers.hold_paused(fault_a, 0));
  REQUIRE(levers.hold_down(fault_b, 0));
  CHECK_FALSE(cluster.running(0));
  REQUIRE(levers.release(fault_b));
  CHECK(cluster.stopped(0));
  REQUIRE(levers.release(fault_a));
  CHECK(cluster.running(0));
  CHECK_FALSE(cluster.stopped(0));
  CHECK(cluster.calls ==
        Calls{"signal n1 19", "signal n1 9", "start n1", "signal n1 19", "signal n1 18"});
}

TEST_CASE("levers: a pause over a dead node waits for its restart; its end needs no signal") {
  FakeCluster cluster(2);
  Levers levers(cluster);
  REQUIRE(levers.hold_down(fault_a, 0));
  REQUIRE(levers.hold_paused(fault_b, 0));
  CHECK(cluster.calls == Calls{"signal n1 9"});
  CHECK(levers.paused(0));
  SUBCASE("restart first") {
    REQUIRE(levers.release(fault_a));
    CHECK(cluster.stopped(0));
    REQUIRE(levers.release(fault_b));
  }
  SUBCASE("pause ends first") {
    REQUIRE(levers.release(fault_b));
    CHECK(cluster.calls == Calls{"signal n1 9"});
    REQUIRE(levers.release(fault_a));
  }
  CHECK(cluster.running(0));
  CHECK_FALSE(cluster.stopped(0));
}

TEST_CASE("levers: a link opens only when no fault cuts it") {
  FakeCluster cluster(3);
  Levers levers(cluster);
  const std::vector<Edge> first = {{0, 1}, {1, 0}}, second = {{1, 0}, {1, 2}};
  REQUIRE(levers.hold_cut(fault_a, first));
  REQUIRE(levers.hold_cut(fault_b, second));
  CHECK(cluster.cut_now() == std::set<Edge>{{0, 1}, {1, 0}, {1, 2}});
  REQUIRE(levers.release(fault_a));
  CHECK(cluster.cut_now() == std::set<Edge>{{1, 0}, {1, 2}});
  CHECK(levers.is_cut({1, 0}));
  CHECK_FALSE(levers.is_cut({0, 1}));
  REQUIRE(levers.release(fault_b));
  CHECK(cluster.cut_now().empty());
}

TEST_CASE("levers: cutting what is cut already touches nothing") {
  FakeCluster cluster(3);
  Levers levers(cluster);
  const std::vector<Edge> edges = {{0, 1}};
  REQUIRE(levers.hold_cut(fault_a, edges));
  REQUIRE(levers.hold_cut(fault_b, edges));
  REQUIRE(levers.release(fault_a));
  CHECK(cluster.calls == Calls{"cut n1>n2"});
}

TEST_CASE("levers: a kill that failed is undone without starting a second store") {
  FakeCluster cluster(2);
  Levers levers(cluster);
  cluster.failing_calls = {1};
  const Status held = levers.hold_down(fault_a, 0);
  REQUIRE_FALSE(held);
  CHECK(held.error().what == "kill n1: told to fail");
  CHECK(cluster.running(0));
  REQUIRE(levers.release(fault_a));
  CHECK(cluster.running(0));
  CHECK(cluster.calls == Calls{"signal n1 9"});
}

TEST_CASE("levers: a kill that said it failed and killed all the same is undone by a start") {
  FakeCluster cluster(2);
  Levers levers(cluster);
  cluster.failing_calls = {1};
  REQUIRE_FALSE(levers.hold_down(fault_a, 0));
  cluster.die(0, "signal 9");
  REQUIRE(levers.release(fault_a));
  CHECK(cluster.running(0));
}

TEST_CASE("levers: a node whose restart fails stays known and is tried again") {
  FakeCluster cluster(2);
  Levers levers(cluster);
  REQUIRE(levers.hold_down(fault_a, 0));
  REQUIRE(levers.hold_down(fault_a, 1));
  cluster.unstartable = {0};
  const Status released = levers.release(fault_a);
  REQUIRE_FALSE(released);
  CHECK(released.error().what == "restart n1: exec: no such file");
  CHECK(cluster.running(1));  // What could be released has been.
  CHECK_FALSE(levers.down(0));

  SUBCASE("by the same heal") {
    REQUIRE_FALSE(levers.release(fault_a));
    cluster.unstartable.clear();
    REQUIRE(levers.release(fault_a));
  }
  SUBCASE("by the last heal") {
    REQUIRE_FALSE(levers.release_all());
    cluster.unstartable.clear();
    REQUIRE(levers.release_all());
  }
  SUBCASE("by another fault's heal of the same node") {
    REQUIRE(levers.hold_down(fault_b, 0));
    cluster.unstartable.clear();
    REQUIRE(levers.release(fault_b));
  }
  CHECK(cluster.running(0));
  CHECK(std::ranges::count(cluster.calls, "start n2") == 1);
}

TEST_CASE("levers: links in doubt are set again whatever the difference") {
  FakeCluster cluster(3);
  Levers levers(cluster);
  const std::vector<Edge> edges = {{0, 1}};
  cluster.failing_calls = {1, 2};
  REQUIRE_FALSE(levers.hold_cut(fault_a, edges));
  const Status released = levers.release(fault_a);
  REQUIRE_FALSE(released);
  CHECK(released.error().what == "change the links: told to fail");
  REQUIRE(levers.release_all());
  CHECK(cluster.calls == Calls{"cut n1>n2", "cut", "cut"});
  REQUIRE(levers.release_all());
  CHECK(cluster.calls.size() == 3);
}

TEST_CASE("levers: a pause or its end that failed is put right") {
  FakeCluster cluster(2);
  Levers levers(cluster);
  SUBCASE("the stop failed") {
    cluster.failing_calls = {1};
    REQUIRE_FALSE(levers.hold_paused(fault_a, 0));
    REQUIRE(levers.release(fault_a));
    CHECK(cluster.calls == Calls{"signal n1 19", "signal n1 18"});
  }
  SUBCASE("another fault's pause stops it anew") {
    cluster.failing_calls = {1};
    REQUIRE_FALSE(levers.hold_paused(fault_a, 0));
    REQUIRE(levers.hold_paused(fault_b, 0));
    CHECK(cluster.stopped(0));
    REQUIRE(levers.release(fault_a));
    CHECK(cluster.stopped(0));
    REQUIRE(levers.release(fault_b));
  }
  SUBCASE("the continue failed") {
    cluster.failing_calls = {2};
    REQUIRE(levers.hold_paused(fault_a, 0));
    REQUIRE_FALSE(levers.release(fault_a));
    REQUIRE(levers.release_all());
  }
  CHECK_FALSE(cluster.stopped(0));
}

TEST_CASE("levers: release_all goes on after a failure, links and nodes alike") {
  FakeCluster cluster(3);
  Levers levers(cluster);
  const std::vector<Edge> edges = {{0, 1}};
  REQUIRE(levers.hold_cut(fault_a, edges));
  REQUIRE(levers.hold_down(fault_b, 0));
  REQUIRE(levers.hold_paused(fault_c, 1));
  REQUIRE(levers.hold_paused(fault_b, 2));
  cluster.failing_calls = {cluster.calls.size() + 1};  // Opening the links fails.
  REQUIRE_FALSE(levers.release_all());
  CHECK(cluster.running(0));
  CHECK_FALSE(cluster.stopped(1));
  CHECK_FALSE(cluster.stopped(2));
  CHECK(cluster.cut_now() == std::set<Edge>{{0, 1}});
  REQUIRE(levers.release_all());
  CHECK(cluster.cut_now().empty());
}

// Any interleaving of holds and releases, some calls failing: while calls succeed the cluster is
// what the holds say, and after a release_all without failures everything works.
TEST_CASE("levers: random faults always end in a healthy cluster") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    FakeCluster cluster(4);
    Levers levers(cluster);
    const bool failures = seed % 2 == 1;
    for (std::size_t i = 1; failures && i < 100; ++i)
      if (rng.below(5) == 0) cluster.failing_calls.insert(i);
    for (int step = 0; step < 40; ++step) {
      const auto fault = static_cast<FaultId>(rng.below(4));
      const std::size_t node = rng.below(4);
      const Edge edge{node, (node + 1 + rng.below(3)) % 4};
      switch (rng.below(5)) {
        case 0:
          (void)levers.hold_down(fault, node);
          break;
        case 1:
          (void)levers.hold_paused(fault, node);
          break;
        case 2:
          (void)levers.hold_cut(fault, std::vector<Edge>{edge});
          break;
        default:
          (void)levers.release(fault);
      }
      if (failures) continue;
      CHECK(cluster.cut_now() == levers.cut_edges());
      for (std::size_t n = 0; n < 4; ++n) {
        CHECK(cluster.running(n) == !levers.down(n));
        CHECK(cluster.stopped(n) == (levers.paused(n) && !levers.down(n)));
      }
    }
    cluster.failing_calls.clear();
    REQUIRE(levers.release_all());
    CHECK(cluster.cut_now().empty());
    for (std::size_t n = 0; n < 4; ++n) {
      CHECK(cluster.running(n));
      CHECK_FALSE(cluster.stopped(n));
    }
  }
}

TEST_CASE("levers: what faults do to packets is one policy a link, and each takes back its own") {
  using namespace std::chrono_literals;
  FakeCluster cluster(3);
  Levers levers(cluster);
  const Edge there{0, 1}, back{1, 0};
  REQUIRE(levers.hold_packets(fault_a, {{there, {.delay = 10ms}}, {back, {.delay = 10ms}}}));
  REQUIRE(levers.hold_packets(fault_b, {{there, {.delay = 5ms, .loss = 0.5}}}));
  CHECK(levers.policies() ==
        LinkPolicies{{there, {.delay = 15ms, .loss = 0.5}}, {back, {.delay = 10ms}}});
  CHECK(cluster.plane.now() == levers.policies());
  REQUIRE(levers.release(fault_a));
  CHECK(cluster.plane.now() == LinkPolicies{{there, {.delay = 5ms, .loss = 0.5}}});
  REQUIRE(levers.release(fault_a));
  CHECK(cluster.plane.shapes.size() == 3);  // Nothing to do is nothing done.
  REQUIRE(levers.hold_packets(fault_b, {{back, {.loss = 0.1}}}));
  CHECK(cluster.plane.now() == LinkPolicies{{back, {.loss = 0.1}}});
  REQUIRE(levers.release_all());
  CHECK(cluster.plane.now().empty());
}

TEST_CASE("levers: a policy that could not be taken back is taken back by the next release") {
  using namespace std::chrono_literals;
  FakeCluster cluster(2);
  Levers levers(cluster);
  REQUIRE(levers.hold_packets(fault_a, {{{0, 1}, {.delay = 10ms}}}));
  REQUIRE(levers.hold_cut(fault_a, std::vector<Edge>{{1, 0}}));
  cluster.plane.fails = true;
  const Status failed = levers.release(fault_a);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().what == "change what links do to packets: told to fail");
  CHECK(cluster.cut_now().empty());  // The rest is released all the same.
  CHECK_FALSE(cluster.plane.now().empty());
  cluster.plane.fails = false;
  REQUIRE(levers.release(fault_a));
  CHECK(cluster.plane.now().empty());
}

}  // namespace
}  // namespace faultline
