#include "harness/run/nodes_up.h"

#include <map>

#include <doctest/doctest.h>

#include "tests/run/components.h"

using namespace faultline;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

/// Serves whoever waits for as long as it takes: nodes far from their leader.
class FarTarget : public run_fakes::StoreTarget {
 public:
  FarTarget() : StoreTarget(nullptr) {}
  Status ready(const Node& node, Deadline deadline) const override {
    const Nanoseconds given = deadline - Clock::now();
    ++asked[node.index];
    if (node.index == 2 && asked[2] < 50) {
      longest_refused = std::max(longest_refused, given);
      return Error{"refused"};
    }
    longest = std::max(longest, given);
    if (given >= takes) return Ok{};
    while (Clock::now() < deadline) {
    }
    return Error{"timeout"};
  }
  Nanoseconds takes{};
  mutable Nanoseconds longest{}, longest_refused{};
  mutable std::map<std::size_t, int> asked;
};

std::vector<Node> three_nodes() {
  std::vector<Node> nodes(3);
  for (std::size_t i = 0; i < nodes.size(); ++i) nodes[i].index = i;
  return nodes;
}

}  // namespace

TEST_CASE("await ready: who needs longer than a question is given gets twice the time") {
  FarTarget target;
  target.takes = 20ms;
  const auto nodes = three_nodes();
  AwaitReady wait{target, nodes, Clock::now() + 600s, [] { return false; },
                  [](std::size_t) { return false; }};
  wait.question_min = 1ms;
  CHECK(await_ready(wait).empty());
  CHECK(target.asked[0] >= 5);  // 1, 2, 4, 8, 16 ms were too little.
  CHECK(target.longest >= 20ms);
  CHECK(target.asked[2] >= 50);
  CHECK(target.longest_refused <= 20ms);  // A refusal is no reason to wait longer for the next.
}

TEST_CASE("await ready: the deadline ends it, and says who did not serve") {
  FarTarget target;
  target.takes = 600s;
  const auto nodes = three_nodes();
  AwaitReady wait{target, nodes, Clock::now() + 5ms, [] { return false; },
                  [](std::size_t node) { return node == 1; }};
  wait.question_min = 1ms;
  const auto missing = await_ready(wait);
  REQUIRE(missing.size() == 3);
  CHECK(missing[0].why == "timeout");
  CHECK(missing[1].why == "it ended by itself");
}

TEST_CASE("leader question: every node has the time that its distance takes, and each try more") {
  CHECK(leader_question_limit({}, 5, 0) == 500ms);
  CHECK(leader_question_limit({}, 5, 1) == 1s);
  CHECK(leader_question_limit({}, 5, 2) == 2s);
  CHECK(leader_question_limit({}, 5, 9) == AwaitReady::question_max);
  LinkPolicies nature;
  nature[{0, 1}] = {.delay = 9s};  // No link of the clients'.
  nature[{clients_end, 0}] = {.delay = 1ms};
  nature[{clients_end, 2}] = {.delay = 240ms, .jitter = 10ms};
  nature[{2, clients_end}] = {.delay = 290ms, .jitter = 10ms};
  CHECK(leader_question_limit(nature, 2, 0) == 504ms);
  // To and fro for a connection and to and fro for a question, three times.
  CHECK(leader_question_limit(nature, 3, 0) == 500ms + 3 * 1100ms);
  CHECK(leader_question_limit(nature, 3, 1) == 4s);
  CHECK(leader_question_limit(nature, 3, 9) == 4s);
  CHECK(leader_question_limit(nature, 5, 9) == 500ms + 5 * 1100ms);
}
