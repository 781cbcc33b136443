#include "harness/run/injector.h"

#include <doctest/doctest.h>

#include "harness/io/document.h"
#include "tests/fakes.h"
#include "tests/run/components.h"

using namespace faultline;
using namespace faultline::run_fakes;
using namespace std::chrono_literals;

namespace {

/// Entries of TallyNemesis, a fake cluster of five, and a clock that the test moves.
struct InjectorStage {
  fakes::FakeCluster cluster{5, 3};
  Levers levers{cluster};
  std::vector<FaultPlan> faults;
  std::vector<TallyNemesis*> nemeses;
  Nanoseconds now{};
  std::vector<Value> written;
  std::vector<std::size_t> leaders;
  int asked = 0;
  bool answers_at_once = true;
  std::vector<std::promise<std::vector<std::size_t>>> questions;
  std::vector<int> tries_told;
  std::vector<Nanoseconds> left_told;

  void add(const char* victims, bool effective = true, bool on_clients = false) {
    auto nemesis = std::make_unique<TallyNemesis>(effective, on_clients);
    nemeses.push_back(nemesis.get());
    FaultPlan plan;
    plan.fault = "tally";
    plan.nemesis = std::move(nemesis);
    plan.victims = *parse_victims({victims}, {on_clients ? 3u : 5u, on_clients});
    plan.victims_text = victims;
    faults.push_back(std::move(plan));
  }
  std::map<FaultId, RecordedStrike> recorded;
  Injector injector(std::vector<PlannedFault> schedule) {
    return Injector({faults, std::move(schedule), levers, Rng(1), [this] { return now; },
                     [this](const Value& line) { written.push_back(line); },
                     [this](int tries, Nanoseconds left) {
                       ++asked;
                       tries_told.push_back(tries);
                       left_told.push_back(left);
                       auto& promise = questions.emplace_back();
                       if (answers_at_once) promise.set_value(leaders);
                       return promise.get_future();
                     },
                     recorded});
  }
  /// Steps whenever the injector asks for it, until `end`.
  void run(Injector& injector, Nanoseconds end) {
    for (;;) {
      const auto due = injector.step();
      if (!due || *due > end) break;
      now = std::max(now, *due);
    }
    now = end;
  }
};

}  // namespace

TEST_CASE("injector: strikes and heals at the planned times, overlapping freely") {
  InjectorStage stage;
  stage.add("one");
  stage.add("minority");
  Injector injector = stage.injector({{1, 0, 1s, 3s}, {2, 1, 2s, 5s}, {3, 0, 3s, 4s}});
  CHECK(injector.step() == 1s);
  CHECK(stage.nemeses[0]->injected.empty());
  stage.now = 1s;
  CHECK(injector.step() == 2s);
  CHECK(stage.nemeses[0]->injected.size() == 1);
  CHECK(injector.active().size() == 1);
  stage.now = 2s;
  CHECK(injector.step() == 3s);
  CHECK(injector.active().size() == 2);
  stage.now = 3s;
  CHECK(injector.step() == 4s);  // the heal of 1 came before the strike of 3
  CHECK(stage.nemeses[0]->healed == std::vector<FaultId>{1});
  CHECK(stage.nemeses[0]->injected == std::vector<FaultId>{1, 3});
  stage.now = 5s;
  CHECK_FALSE(injector.step());
  CHECK(injector.active().empty());
  CHECK(injector.tallies()[0].injected == 2);
  CHECK(injector.tallies()[0].effective == 2);
  CHECK(injector.tallies()[1].planned == 1);

  REQUIRE(stage.written.size() == 3);
  const Value& line = stage.written[0];
  CHECK(*member_of(line, "fault")->text() == "tally");
  CHECK(*member_of(line, "kind")->text() == "count");
  CHECK(*member_of(line, "id")->integer() == 1);
  CHECK(member_of(line, "victims")->list()->size() == 1);
  CHECK(*member_of(line, "planned") == Value(1.0));
  CHECK(*member_of(line, "applied") == Value(1.0));
  CHECK(*member_of(line, "healed") == Value(3.0));
  CHECK(*member_of(line, "effective") == Value(true));
  CHECK(member_of(line, "evidence")->map() != nullptr);
}

TEST_CASE("injector: evidence that takes its time delays no strike and no heal") {
  InjectorStage stage;
  stage.add("one");
  stage.add("minority");
  Injector injector = stage.injector({{1, 0, 1s, 3s}, {2, 1, 2s, 4s}});
  stage.nemeses[0]->is_slow = true;
  stage.now = 1s;
  CHECK(injector.step() < 1100ms);  // It wants to look again soon.
  CHECK(injector.tallies()[0].injected == 1);
  CHECK(injector.tallies()[0].effective == 0);
  stage.now = 2s;
  injector.step();
  CHECK(stage.nemeses[1]->injected.size() == 1);
  stage.now = 3s;
  CHECK(injector.step() < 3100ms);
  CHECK(stage.nemeses[0]->healed == std::vector<FaultId>{1});
  CHECK(injector.active().size() == 1);
  CHECK(stage.written.empty());
  stage.now = 4s;
  injector.step();
  CHECK(stage.nemeses[1]->healed == std::vector<FaultId>{2});
  REQUIRE(stage.written.size() == 1);
  CHECK(*member_of(stage.written[0], "id")->integer() == 2);
  stage.now = 7s;
  stage.nemeses[0]->is_slow = false;
  SUBCASE("until a step finds it") { CHECK_FALSE(injector.step()); }
  SUBCASE("until the end") { CHECK(injector.heal_all()); }
  REQUIRE(stage.written.size() == 2);
  CHECK(*member_of(stage.written[1], "healed") == Value(3.0));  // When it let go.
  CHECK(*member_of(stage.written[1], "effective") == Value(true));
  CHECK(injector.tallies()[0].effective == 1);
  CHECK(injector.tallies()[0].heals_failed == 0);
}

TEST_CASE("injector: heals that are not attested are counted") {
  InjectorStage stage;
  stage.add("one");
  Injector injector = stage.injector({{1, 0, 1s, 2s}, {2, 0, 3s, 4s}, {3, 0, 5s, 6s}});
  stage.nemeses[0]->heals = false;
  stage.run(injector, 4s);
  stage.nemeses[0]->heals = true;
  stage.run(injector, 9s);
  CHECK(injector.tallies()[0].heals_failed == 2);
  CHECK(injector.tallies()[0].effective == 3);
}

TEST_CASE("injector: a heal that cannot be done has failed, and is told why") {
  InjectorStage stage;
  stage.add("one");
  Injector injector = stage.injector({{1, 0, 1s, 2s}});
  stage.nemeses[0]->heal_fails = true;
  stage.run(injector, 4s);
  CHECK(injector.tallies()[0].heals_failed == 1);
  CHECK(*member_of(*member_of(stage.written.at(0), "healing"), "reason") == Value("told to fail"));
}

TEST_CASE("injector: a fault of client machines strikes those, and is told by their names") {
  InjectorStage stage;
  stage.add("c2", true, true);
  stage.add("minority", true, true);
  stage.add("all", true, true);
  Injector injector = stage.injector({{1, 0, 1s, 4s}, {2, 1, 2s, 4s}, {3, 2, 3s, 4s}});
  stage.now = 3s;
  injector.step();
  CHECK(stage.nemeses[0]->active.at(1) == std::vector<std::size_t>{6});
  CHECK(stage.nemeses[1]->active.at(2).at(0) >= 5);
  CHECK(stage.nemeses[2]->active.at(3) == std::vector<std::size_t>{5, 6, 7});
  const auto active = injector.active();
  CHECK(active.at(0) == "tally count c2");
  CHECK(active.at(2) == "tally count");  // All of them.
  stage.now = 4s;
  injector.step();
  REQUIRE(stage.written.size() == 3);
  CHECK(to_text(*member_of(stage.written[0], "victims")) == "[\"c2\"]");
}

TEST_CASE("injector: victims are drawn from the seed and the strike alone") {
  InjectorStage a, b;
  for (InjectorStage* stage : {&a, &b}) {
    stage->add("minority");
    Injector injector = stage->injector({{1, 0, 1s, 2s}, {2, 0, 3s, 4s}});
    stage->run(injector, 10s);
  }
  REQUIRE(a.written.size() == 2);
  CHECK(*member_of(a.written[0], "victims") == *member_of(b.written[0], "victims"));
  CHECK(*member_of(a.written[1], "victims") == *member_of(b.written[1], "victims"));
}

TEST_CASE("injector: a role waits for a leader, and is given up if there is none") {
  SUBCASE("known at once") {
    InjectorStage stage;
    stage.leaders = {3};
    stage.add("leader");
    Injector injector = stage.injector({{1, 0, 1s, 3s}});
    stage.run(injector, 5s);
    CHECK(*member_of(stage.written.at(0), "victims") == Value(List{"n4"}));
    CHECK(*member_of(stage.written.at(0), "leaders") == Value(List{"n4"}));
    CHECK(stage.asked == 1);
  }
  SUBCASE("known after a while") {
    InjectorStage stage;
    stage.add("leader");
    Injector injector = stage.injector({{1, 0, 1s, 30s}});
    stage.run(injector, 1s + Injector::leader_pause);
    CHECK(stage.nemeses[0]->injected.empty());
    stage.leaders = {0};
    stage.run(injector, 31s);
    CHECK(*member_of(stage.written.at(0), "victims") == Value(List{"n1"}));
    CHECK(*member_of(stage.written.at(0), "effective") == Value(true));
  }
  SUBCASE("never") {
    InjectorStage stage;
    stage.add("leader");
    Injector injector = stage.injector({{1, 0, 1s, 30s}});
    stage.run(injector, 40s);
    CHECK(stage.asked == Injector::leader_tries);
    CHECK(stage.nemeses[0]->injected.empty());
    CHECK(*member_of(stage.written.at(0), "effective") == Value(false));
    CHECK(*member_of(stage.written.at(0), "reason") == Value("no leader known"));
    CHECK(member_of(stage.written.at(0), "applied")->is_nil());
    CHECK(injector.tallies()[0].injected == 0);
  }
  SUBCASE("asked late, but once") {
    InjectorStage known, unknown;
    known.leaders = {3};
    for (InjectorStage* stage : {&known, &unknown}) {
      stage->add("leader");
      Injector injector = stage->injector({{1, 0, 1s, 3s}});
      stage->now = 5s;
      stage->run(injector, 40s);
      CHECK(stage->asked == 1);
      CHECK(stage->left_told[0] > 0s);
      CHECK(stage->nemeses[0]->injected == stage->nemeses[0]->healed);
      CHECK(stage->nemeses[0]->injected.size() == stage->leaders.size());
    }
    CHECK(*member_of(known.written.at(0), "effective") == Value(true));
    CHECK(*member_of(unknown.written.at(0), "reason") == Value("no leader known"));
  }
  SUBCASE("asked late, and answered later still") {
    InjectorStage stage;
    stage.answers_at_once = false;
    stage.add("leader");
    Injector injector = stage.injector({{1, 0, 1s, 3s}});
    stage.now = 5s;
    injector.step();
    CHECK(stage.written.empty());
    stage.questions.at(0).set_value({3});
    stage.run(injector, 6s);
    CHECK(*member_of(stage.written.at(0), "victims") == Value(List{"n4"}));
    CHECK(stage.asked == 1);
  }
  SUBCASE("not beyond the planned heal") {
    InjectorStage stage;
    stage.add("leader");
    Injector injector = stage.injector({{1, 0, 1s, 1300ms}});
    stage.run(injector, 40s);
    CHECK(stage.asked <= 3);
    CHECK(stage.written.size() == 1);
    REQUIRE(stage.asked >= 2);
    CHECK(stage.tries_told[0] == 0);
    CHECK(stage.tries_told[1] == 1);
    CHECK(stage.left_told[0] == 300ms);
    CHECK(stage.left_told[1] <= 300ms - Injector::leader_pause);
    CHECK(stage.left_told[1] > 0ms);
  }
}

TEST_CASE("injector: what is recorded strikes as it did, and nobody is asked") {
  InjectorStage stage;
  stage.leaders = {3};
  stage.add("leader");
  stage.add("one");
  stage.recorded[1] = {true, {1}, {1, 2}, 1500ms};  // it had waited for a leader
  stage.recorded[2] = {true, {0, 4}, {}, 2100ms};
  stage.recorded[3] = {};
  Injector injector =
      stage.injector({{1, 0, 1s, 3s}, {2, 1, 2s, 3s}, {3, 0, 4s, 5s}, {4, 0, 6s, 7s}});
  stage.run(injector, 1400ms);
  CHECK(stage.nemeses[0]->injected.empty());
  stage.run(injector, 1600ms);
  CHECK(stage.nemeses[0]->active[1] == std::vector<std::size_t>{1});
  stage.run(injector, 2s);
  injector.step();
  CHECK(stage.nemeses[1]->active[2] == std::vector<std::size_t>{0, 4});
  CHECK(stage.asked == 0);
  stage.run(injector, 10s);
  CHECK(stage.nemeses[0]->injected == std::vector<FaultId>{1, 4});
  CHECK(stage.asked == 1);  // for what is not recorded
  REQUIRE(stage.written.size() == 4);
  CHECK(*member_of(stage.written[0], "applied") == Value(1.5));
  CHECK(*member_of(stage.written[0], "leaders") == Value(List{"n2", "n3"}));
  CHECK(member_of(stage.written[1], "leaders") == nullptr);
  CHECK(member_of(stage.written[2], "applied")->is_nil());
  CHECK(*member_of(stage.written[2], "reason") ==
        Value("given up, as in the run that is replayed"));
  CHECK(*member_of(stage.written[3], "victims") == Value(List{"n4"}));
}

TEST_CASE("injector: an injection that fails is healed at once and is not effective") {
  InjectorStage stage;
  stage.add("one");
  stage.nemeses[0]->fails = true;
  Injector injector = stage.injector({{1, 0, 1s, 3s}});
  stage.run(injector, 1s);
  injector.step();
  CHECK(stage.nemeses[0]->healed == std::vector<FaultId>{1});
  CHECK(*member_of(stage.written.at(0), "reason") == Value("told to fail"));
  CHECK(*member_of(stage.written.at(0), "effective") == Value(false));
  CHECK(injector.tallies()[0].injected == 0);
  CHECK_FALSE(injector.step());
}

TEST_CASE("injector: without evidence a fault is not effective") {
  InjectorStage stage;
  stage.add("one", false);
  Injector injector = stage.injector({{1, 0, 1s, 3s}});
  stage.run(injector, 10s);
  CHECK(injector.tallies()[0].injected == 1);
  CHECK(injector.tallies()[0].effective == 0);
}

TEST_CASE("injector: what a heal bears out counts as effective") {
  InjectorStage stage;
  stage.add("one", false);
  stage.add("one", true);
  for (TallyNemesis* nemesis : stage.nemeses) nemesis->bears_out = true;
  Injector injector = stage.injector({{1, 0, 1s, 2s}, {2, 1, 1s, 2s}});
  stage.run(injector, 3s);
  CHECK(injector.tallies()[0].effective == 1);
  CHECK(injector.tallies()[1].effective == 1);
  CHECK(*member_of(stage.written.at(0), "effective") == Value(true));
}

TEST_CASE("injector: no heal bears out what was not injected") {
  InjectorStage stage;
  stage.add("one");
  stage.nemeses[0]->fails = stage.nemeses[0]->bears_out = true;
  Injector injector = stage.injector({{1, 0, 1s, 2s}});
  stage.run(injector, 3s);
  CHECK(injector.tallies()[0].effective == 0);
  CHECK(*member_of(stage.written.at(0), "effective") == Value(false));
}

TEST_CASE("injector: what makes a finding doubtful is kept by entry") {
  struct Doubtful : TallyNemesis {
    Doubtful() : TallyNemesis(true) {}
    Result<Attestation> heal(Levers&, FaultId id) override {
      List doubts;
      doubts.emplace_back("n1 waits");
      doubts.emplace_back("n" + std::to_string(id) + " waits");
      return Attestation{true, {{"doubts", std::move(doubts)}, {"other", 1}}};
    }
  };
  InjectorStage stage;
  stage.add("one");
  stage.add("one");
  stage.faults[1].nemesis = std::make_unique<Doubtful>();
  Injector injector = stage.injector({{1, 0, 1s, 3s}, {2, 1, 2s, 5s}, {3, 1, 3s, 4s}});
  stage.run(injector, 10s);
  CHECK(injector.tallies()[0].doubts.empty());
  CHECK(injector.tallies()[1].doubts == std::set<std::string>{"n1 waits", "n2 waits", "n3 waits"});
}

TEST_CASE("injector: heal_all heals the active, gives up the rest, and may be called twice") {
  InjectorStage stage;
  stage.add("one");
  stage.add("leader");
  Injector injector = stage.injector({{1, 0, 1s, 9s}, {2, 1, 1s, 9s}, {3, 0, 20s, 21s}});
  stage.run(injector, 1s);
  injector.step();
  REQUIRE(stage.levers.hold_down(77, 2));  // whatever a nemesis left behind
  stage.now = 2s;
  CHECK(injector.heal_all());
  CHECK(stage.nemeses[0]->healed == std::vector<FaultId>{1});
  CHECK(stage.written.size() == 3);
  CHECK(member_of(stage.written[0], "reached") == nullptr);
  CHECK(*member_of(stage.written[1], "reached") == Value(false));
  CHECK(*member_of(stage.written[2], "reached") == Value(false));
  CHECK(stage.cluster.running(2));
  CHECK(injector.heal_all());
  CHECK(stage.written.size() == 3);
  CHECK_FALSE(injector.step());
}

TEST_CASE("injector: the schedule as planned") {
  InjectorStage stage;
  stage.add("leader");
  const std::vector<PlannedFault> schedule = {{1, 0, 1500ms, 3s}};
  const Value value = schedule_value(stage.faults, schedule);
  const Value& line = member_of(value, "faults")->list()->at(0);
  CHECK(*member_of(line, "victims") == Value("leader"));
  CHECK(*member_of(line, "planned") == Value(1.5));
  CHECK(*member_of(line, "until") == Value(3.0));
}
