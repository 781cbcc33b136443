// The crew in an open loop, and in the phases of a load: what is sent, what is late, what is lost.
#include <functional>
#include <map>
#include <set>

#include <doctest/doctest.h>

#include "harness/run/crew.h"
#include "tests/io/temporary_folder.h"
#include "tests/run/components.h"

using namespace faultline;
using namespace faultline::run_fakes;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

/// Every request is answered once `may_answer` says so.
class PatientTarget : public StoreTarget {
 public:
  PatientTarget() : StoreTarget(std::make_shared<Store>()) {}
  Result<std::unique_ptr<Client>> connect(const Node&) const override {
    struct Patient : Client {
      explicit Patient(const PatientTarget& t) : target(t) {}
      Outcome invoke(const Request& request, Deadline) override {
        ++target.asked;
        while (!target.may_answer()) std::this_thread::yield();
        return Outcome::ok(request.value);
      }
      const PatientTarget& target;
    };
    return std::unique_ptr<Client>(std::make_unique<Patient>(*this));
  }
  std::function<bool()> may_answer = [] { return true; };
  mutable std::atomic<int> asked{0};
};

struct CrewStage {
  TemporaryFolder folder;
  std::vector<Node> nodes = std::vector<Node>(2);
  PatientTarget target;
  RegisterWorkload workload{3, false};
  std::unique_ptr<Recorder> recorder;
  std::uint64_t requests_max = 0;  ///< Of each worker.

  /// A crew that has not started.
  std::unique_ptr<Crew> crew(std::size_t workers, const LoadProfile& load,
                             std::optional<Arrivals::Spacing> open, Nanoseconds timeout,
                             std::vector<CrewRole> roles = {}) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      nodes[i].index = i;
      nodes[i].name = "n" + std::to_string(i + 1);
    }
    std::filesystem::remove(folder.path() / "h.jsonl");
    recorder = *Recorder::create(folder.path() / "h.jsonl", workers, {"n1", "n2"}, Clock::now());
    return std::make_unique<Crew>(CrewSettings{*recorder, target, workload, nodes, workers, load,
                                               Affinity::spread, timeout, Rng(5), requests_max,
                                               open, std::move(roles)});
  }
};

/// What each process asked, in order.
std::map<std::uint32_t, std::string> asked_by_process(const History& history) {
  std::map<std::uint32_t, std::string> asked;
  for (OperationId id = 0; id < history.size(); ++id)
    asked[history.process()[id]] +=
        std::string(name_of(history.function()[id])) + history.key_text(history.key()[id]) + " ";
  return asked;
}

constexpr auto constant = Arrivals::Spacing::constant;

}  // namespace

TEST_CASE("open loop: every scheduled request is sent, and the crew ends with its load") {
  CrewStage stage;
  const auto crew = stage.crew(4, LoadProfile::constant(10'000, 20ms), constant, 1h);
  REQUIRE(crew->start());
  crew->join();
  CHECK_FALSE(crew->failure());
  const PhaseLoad load = crew->report().total();
  CHECK(load.scheduled == 200);
  CHECK(load.sent == 200);
  CHECK(load.dropped == 0);
  CHECK(load.intended.all().count() == 200);
  CHECK(load.sojourn_ns >= load.intended.all().max());
  CHECK(crew->counts().ok == 200);
  CHECK(crew->report().open);
  CHECK(crew->report().arrivals == "constant");
  CHECK(crew->report().workers == 4);
  const auto open = asked_by_process(stage.recorder->finish());

  // Whoever sends however many: a worker's requests are those that it sends in a closed loop.
  const auto closed_crew = stage.crew(4, LoadProfile::constant(1e6, 1ms), std::nullopt, 1h);
  REQUIRE(closed_crew->start());
  closed_crew->join();
  for (const auto& [process, closed] : asked_by_process(stage.recorder->finish())) {
    const auto same = open.find(process);
    if (same == open.end()) continue;
    const std::size_t common = std::min(closed.size(), same->second.size());
    CHECK(closed.substr(0, common) == same->second.substr(0, common));
  }
}

TEST_CASE(
    "open loop: what finds no worker leaves late, and its latency runs from when it was due") {
  CrewStage stage;
  const auto crew = stage.crew(1, LoadProfile::constant(1e6, 1ms), constant, 1h);
  // The only worker is held until all of them are due.
  stage.target.may_answer = [&] { return Clock::now() - crew->begin() > 10ms; };
  REQUIRE(crew->start());
  crew->join();
  const PhaseLoad load = crew->report().total();
  CHECK(load.scheduled == 1000);
  CHECK(load.sent == 1000);
  CHECK(load.late >= 999);
  CHECK(load.dropped == 0);
  CHECK(load.intended.all().quantile(0.01) >= 9'000'000);
  const History history = stage.recorder->finish();
  CHECK(history.size() == 1000);
  std::int64_t service = 0;
  for (OperationId id = 1; id < history.size(); ++id)
    service += history.end_time()[id] - history.begin_time()[id];
  CHECK(service < load.sojourn_ns);  // the store was not as slow as its users saw it
}

TEST_CASE(
    "open loop: what waits longer than a request may take is dropped, counted, not forgotten") {
  CrewStage stage;
  const auto crew = stage.crew(1, LoadProfile::constant(1e6, 1ms), constant, 1ns);
  stage.target.may_answer = [&] { return Clock::now() - crew->begin() > 10ms; };
  REQUIRE(crew->start());
  crew->join();
  const PhaseLoad load = crew->report().total();
  CHECK(load.scheduled == 1000);
  CHECK(load.sent <= 1);
  CHECK(load.dropped == 1000 - load.sent);
  CHECK(load.intended.all().count() == 1000);
  CHECK(crew->counts().dropped == load.dropped);
  CHECK(stage.recorder->finish().size() == load.sent);
}

TEST_CASE("open loop: what was due and unsent when the load ended is dropped as well") {
  CrewStage stage;
  const auto crew = stage.crew(1, LoadProfile::constant(10'000), constant, 1h);
  std::atomic<bool> released{false};
  stage.target.may_answer = [&] { return released.load(); };
  REQUIRE(crew->start());
  while (stage.target.asked == 0) std::this_thread::yield();
  while (Clock::now() - crew->begin() < 5ms) std::this_thread::yield();
  crew->stop();
  const auto stopped_after = Clock::now() - crew->begin();
  released = true;
  crew->join();
  const PhaseLoad load = crew->report().total();
  CHECK(load.sent == 1);
  CHECK(load.scheduled == load.sent + load.dropped);
  CHECK(load.scheduled >= 50);  // until 5 ms
  CHECK(load.scheduled <= 1 + static_cast<std::uint64_t>(stopped_after / 100us));
}

TEST_CASE("open loop: refusals do not slow it down") {
  CrewStage stage;
  const auto store = std::make_shared<Store>();
  store->refuses = true;
  const StoreTarget refusing(store);
  const auto unused = stage.crew(2, LoadProfile::constant(100'000, 5ms), constant, 1h);
  Crew crew({*stage.recorder,
             refusing,
             stage.workload,
             stage.nodes,
             2,
             LoadProfile::constant(100'000, 5ms),
             Affinity::spread,
             1h,
             Rng(5),
             0,
             constant,
             {}});
  REQUIRE(crew.start());
  crew.join();
  CHECK(crew.counts().fail == 500);
  CHECK(crew.report().total().intended.all().count() == 0);  // of the served
}

TEST_CASE("crew: phases, open or closed: counted where they were due, nothing in a quiet one") {
  const LoadProfile profile({{LoadPhase::Kind::ramp, 10ms, 0, 10'000},
                             {LoadPhase::Kind::quiet, 10ms, 0, 0},
                             {LoadPhase::Kind::steady, 10ms, 10'000, 10'000}});
  for (const auto open : {std::optional(constant), std::optional<Arrivals::Spacing>()}) {
    CrewStage stage;
    const auto crew = stage.crew(3, profile, open, 1h);
    REQUIRE(crew->start());
    crew->join();
    const LoadReport& report = crew->report();
    REQUIRE(report.loads.size() == 3);
    CHECK(report.loads[0].scheduled == 50);
    CHECK(report.loads[1].scheduled == 0);
    CHECK(report.loads[2].scheduled == 100);
    CHECK(report.total().sent + report.total().dropped == 150);
    CHECK(stage.recorder->finish().size() == report.total().sent);
  }
}

TEST_CASE("crew: a closed loop's missed turns are counted too") {
  CrewStage stage;
  const auto crew = stage.crew(1, LoadProfile::constant(100'000, 10ms), std::nullopt, 1h);
  // Beyond the backlog that is made up for: all turns but the first few are past it.
  stage.target.may_answer = [&] { return Clock::now() - crew->begin() > 200ms; };
  REQUIRE(crew->start());
  crew->join();
  const PhaseLoad load = crew->report().total();
  CHECK(load.scheduled == 1000);
  CHECK(load.sent == 1);
  CHECK(load.dropped == 999);
  CHECK_FALSE(crew->report().open);
}

TEST_CASE("crew: roles are those of the first workers, in order") {
  CrewStage stage;
  struct Only : RegisterWorkload {
    explicit Only(Function f) : RegisterWorkload(3, false), function(f) {}
    std::vector<Function> functions() const override { return {function}; }
    std::unique_ptr<Generator> generator(Rng, std::size_t worker, std::size_t) const override {
      struct Own : Generator {
        Own(Function f, std::size_t w) : function(f), value(w) {}
        Request next() override { return {function, "k", Value(value), false}; }
        Function function;
        std::uint64_t value;
      };
      return std::make_unique<Own>(function, worker);
    }
    Function function;
  };
  const Only reader(Function::read), writer(Function::write);
  stage.requests_max = 20;
  const auto crew = stage.crew(5, {}, std::nullopt, 1h, {{2, reader}, {1, writer}});
  REQUIRE(crew->start());
  crew->join();
  std::map<std::uint32_t, std::set<Function>> asked;
  const History history = stage.recorder->finish();
  for (OperationId id = 0; id < history.size(); ++id)
    asked[history.process()[id]].insert(history.function()[id]);
  REQUIRE(asked.size() == 5);
  CHECK(asked[0] == std::set<Function>{Function::read});
  CHECK(asked[1] == std::set<Function>{Function::read});
  CHECK(asked[2] == std::set<Function>{Function::write});
  CHECK(asked[3].size() == 2);
  CHECK(asked[4].size() == 2);
  CHECK(crew->report().loads.empty());  // an unlimited rate schedules nothing
}
