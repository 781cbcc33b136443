#include "harness/run/outline.h"

#include "harness/io/document.h"
#include "harness/io/json.h"
#include "harness/run/injector.h"
#include "tests/fakes.h"
#include "tests/run/plans.h"

using namespace faultline;
using namespace faultline::run_fakes;

namespace {

constexpr const char* outlined_config = R"(
target: { name: memory, nodes: 5 }
workload: { name: registers, keys: 2 }
time: 60s
clients: { separate: 2 }
faults:
  - { fault: tally, victims: minority, every: 5s, for: 2s }
  - { fault: tally, victims: one, every: 7s, for: 3s }
  - { fault: tally, victims: leader, every: 20s, for: 3s }
)";

}  // namespace

TEST_CASE("outline: whom it names is whom the run strikes, and when") {
  auto plan = plan_of(outlined_config);
  REQUIRE_MESSAGE(plan, (plan ? "" : plan.error().what));
  const auto strikes = outline(*plan);
  REQUIRE(strikes);

  fakes::FakeCluster cluster(5, 2);
  Levers levers(cluster);
  const Rng rng(plan->seed);
  Nanoseconds now{};
  std::vector<Value> lines;
  Injector injector({plan->faults, plan_schedule(plan->timings(), plan->time, rng.fork("schedule")),
                     levers, rng.fork("faults"), [&] { return now; },
                     [&](const Value& line) { lines.push_back(line); },
                     [](int, Nanoseconds) {
                       std::promise<std::vector<std::size_t>> promise;
                       promise.set_value({0});
                       return promise.get_future();
                     }});
  while (const auto due = injector.step()) now = std::max(now + Nanoseconds(1), *due);
  REQUIRE(lines.size() == strikes->size());
  REQUIRE(lines.size() > 15);
  for (const OutlinedStrike& strike : *strikes) {
    const auto line = std::ranges::find_if(lines, [&](const Value& value) {
      return *member_of(value, "id")->integer() == strike.planned.id;
    });
    REQUIRE(line != lines.end());
    CHECK(*member_of(*line, "victims") ==
          Value(List(strike.victims.begin(), strike.victims.end())));
    CHECK(std::get<double>(member_of(*line, "planned")->content) ==
          doctest::Approx(std::chrono::duration<double>(strike.planned.start).count()));
    CHECK(strike.by_hand.strike.size() == strike.victims.size());
    CHECK(strike.leader_assumed == (strike.planned.entry == 2));
    CHECK(strike.problem.empty());
  }
}

TEST_CASE("outline: as text it is a configuration of the same plan") {
  const auto plan = plan_of(outlined_config);
  REQUIRE(plan);
  const auto strikes = outline(*plan);
  REQUIRE(strikes);
  const std::string text = outline_text(*plan, *strikes);
  const auto again = plan_of(text);
  REQUIRE_MESSAGE(again, (again ? "" : again.error().what));
  CHECK(Value(again->resolved) == Value(plan->resolved));
  CHECK(outline_text(*again, *outline(*again)) == text);

  const OutlinedStrike& first = strikes->front();
  CHECK(text.find(": " + first.what + "\n#   strike  " + first.victims.front() + ": " +
                  first.by_hand.strike.front().text + "\n") != std::string::npos);
  CHECK(text.find("n1 is taken for the leader") != std::string::npos);
  const auto quiet = plan_of(outlined_config, {"faults=[]"});
  REQUIRE(quiet);
  CHECK(outline_text(*quiet, *outline(*quiet)).ends_with("\n# Nothing breaks.\n"));
}

TEST_CASE("outline: as a document") {
  const auto plan = plan_of(outlined_config);
  const auto strikes = outline(*plan);
  REQUIRE(strikes);
  const Value document(outline_document(*plan, *strikes));
  CHECK(*member_of(document, "config") == Value(plan->resolved));
  const List& list = *member_of(document, "strikes")->list();
  REQUIRE(list.size() == strikes->size());
  const std::string line = to_json(list.front());
  CHECK(line.find("\"strike\":[{\"on\":\"" + strikes->front().victims.front() +
                  "\",\"command\":") != std::string::npos);
}

TEST_CASE("outline: the network and the clocks that are there before anything strikes") {
  const auto plan =
      plan_of(outlined_config, {"network=continents", "clocks={monotonic-offset: 2400h}"});
  REQUIRE_MESSAGE(plan, (plan ? "" : plan.error().what));
  const auto strikes = outline(*plan);
  REQUIRE(strikes);
  const std::string text = outline_text(*plan, *strikes);
  for (const char* line :
       {"#   before  n1: tc qdisc add dev eth0 root handle 1: prio bands 5\n",
        "n1: tc qdisc add dev eth0 parent 1:4 netem delay 0.3ms 0.2ms\n",
        "n1: tc qdisc add dev eth0 parent 1:5 netem delay 250ms 12.5ms\n",
        "n1: for to in $n2 $n3 $n5; do tc filter add dev eth0 parent 1: protocol ip u32 match ip "
        "dst $to flowid 1:5; done\n",
        "n1: for to in $n2_6 $n3_6 $n5_6; do tc filter add dev eth0 parent 1: protocol ipv6 u32 "
        "match ip6 dst $to flowid 1:5; done\n",
        "clients: tc qdisc add dev eth0 root handle 1: prio bands 4\n",
        "n5: unshare --time --fork --monotonic 8640000 --boottime 8640000 $STORE\n"})
    CHECK_MESSAGE(text.find(line) != std::string::npos, line);
  CHECK(plan_of(text));
  const Value document(outline_document(*plan, *strikes));
  CHECK(member_of(document, "before")->list()->size() > 5 * 5);
  const auto near = plan_of(outlined_config);
  CHECK(member_of(Value(outline_document(*near, *strikes)), "before")->list()->empty());
  CHECK(outline_text(*near, *strikes).find("before") == std::string::npos);
}
