#include "harness/run/early_judge.h"

#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "tests/io/temporary_folder.h"

namespace faultline {
namespace {

/// How a check is fed that finds nothing: not; it gave up before it began; it does not find all
/// that there is.
enum class Feeding : std::uint8_t { none, tired, partial };

class FindsNothing final : public OnlineChecker {
 public:
  explicit FindsNothing(Feeding how) : how_(how) {}
  void feed(const ValuePool&, const OnlineEvent&) override {}
  OnlineFindings findings() override { return {{}, {}, how_ == Feeding::tired ? "memory" : ""}; }
  bool finds_all() const override { return how_ != Feeding::partial; }
  void finish() override {}
  std::uint64_t bytes() const override { return 0; }

 private:
  const Feeding how_;
};

/// Says invalid of any history with a write in it.
class NoWrites final : public Checker {
 public:
  explicit NoWrites(Feeding how) : how_(how) {}
  std::unique_ptr<OnlineChecker> online(const Budget&) const override {
    return how_ == Feeding::none ? nullptr : std::make_unique<FindsNothing>(how_);
  }
  std::string_view name() const override { return "no-writes"; }
  Verdict check(const History& history, const Budget&) const override {
    Verdict verdict;
    verdict.validity = Validity::valid;
    for (const Function f : history.function())
      if (f == Function::write) verdict.validity = Validity::invalid;
    if (verdict.validity == Validity::invalid) verdict.anomalies = {{"write", 1}};
    return verdict;
  }

 private:
  const Feeding how_;
};

class Scene {
 public:
  Plan plan;

  Scene() {
    plan.fail_fast = true;
    plan.budget_time = std::chrono::seconds(60);
    plan.budget_memory = std::uint64_t{1} << 30;
  }
  void add_list_append() { add("list-append", &make_list_append); }
  void add_rw_register() { add("rw-register", &make_rw_register); }
  void add_no_writes(Feeding how = Feeding::none) {
    plan.checks.push_back({"no-writes", std::make_unique<NoWrites>(how)});
  }
  void begin() {
    judge_.emplace(plan, folder_ / "history.jsonl", [this] { return events_.load(); });
  }
  void write(int process, const char* type, const char* f, const std::string& value) {
    file_ << "{\"index\":" << events_ << ",\"type\":\"" << type << "\",\"process\":" << process
          << R"(,"node":"n1","f":")" << f << R"(","value":)" << value << ",\"time\":1}\n"
          << std::flush;
    ++events_;
  }
  void transaction(int process, const std::string& asked, const std::string& answered) {
    write(process, "invoke", "txn", asked);
    write(process, "ok", "txn", answered);
  }
  void stale_read() {
    transaction(0, R"([["append",1,1]])", R"([["append",1,1]])");
    transaction(1, R"([["r",1,null]])", R"([["r",1,[1]]])");
    transaction(2, R"([["r",1,null]])", R"([["r",1,[]]])");
  }

  std::string told() {
    Progress progress;
    judge_->tell(progress);
    return progress.violation;
  }
  /// What it says once it says something else than that.
  std::string told_after(const std::string& before) {
    await([&] { return told() != before; });
    return told();
  }
  EarlyFinding finding_at_last() {
    await([&] { return judge_->finding().has_value(); });
    return *judge_->finding();
  }
  EarlyJudge& judge() { return *judge_; }

 private:
  /// It takes a moment; where it never comes, the test ends all the same.
  template <typename Condition>
  static void await(Condition holds) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!holds()) {
      if (std::chrono::steady_clock::now() > give_up) FAIL("nothing was said for a minute");
      std::this_thread::yield();
    }
  }
  void add(const char* name, Result<std::unique_ptr<Checker>> (*make)(Params&)) {
    const ConfigNode nothing;
    Params params(nothing, "check");
    auto made = make(params);
    REQUIRE(made);
    plan.checks.push_back({name, std::move(*made)});
  }

  const TemporaryFolder folder_;
  std::ofstream file_{folder_ / "history.jsonl"};
  std::atomic<std::uint64_t> events_{0};
  std::optional<EarlyJudge> judge_;
};

TEST_CASE("early judge: a check that can be fed finds what is proven, and ends the run") {
  Scene scene;
  scene.add_list_append();
  scene.begin();
  CHECK(scene.told().empty());
  scene.stale_read();
  CHECK(scene.finding_at_last().check == 0);
  CHECK(scene.told() == "violation proven: G-single-item-realtime 2");
}

TEST_CASE("early judge: registers are fed, too") {
  Scene scene;
  scene.add_rw_register();
  scene.plan.fail_fast = false;
  scene.begin();
  scene.transaction(0, R"([["w",1,1]])", R"([["w",1,1]])");
  scene.transaction(1, R"([["r",1,null]])", R"([["r",1,null]])");
  CHECK(scene.told_after("") == "anomalies: G-single-item-realtime 1");
}

TEST_CASE("early judge: without fail-fast it only says what was found so far") {
  Scene scene;
  scene.add_list_append();
  scene.plan.fail_fast = false;
  scene.begin();
  scene.stale_read();
  CHECK(scene.told_after("") == "anomalies: G-single-item-realtime 2");
  scene.transaction(1, R"([["r",2,null]])", R"([["r",2,[9]]])");
  CHECK(scene.told_after("anomalies: G-single-item-realtime 2") ==
        "anomalies: G-single-item-realtime 2, garbage-read 1");
  CHECK_FALSE(scene.judge().finding());
}

TEST_CASE("early judge: checks that cannot be fed look at all there is") {
  Scene scene;
  scene.add_list_append();
  scene.add_no_writes();
  scene.begin();
  scene.write(0, "invoke", "write", "7");
  // List-append cannot judge such a history, and says nothing.
  CHECK(scene.finding_at_last().check == 1);
  CHECK(scene.told() == "violation proven: write 1");
}

TEST_CASE("early judge: a check that gave up, or does not find all, looks at all there is") {
  for (const Feeding how : {Feeding::tired, Feeding::partial}) {
    Scene scene;
    scene.add_no_writes(how);
    scene.begin();
    scene.write(0, "invoke", "read", "null");
    scene.write(1, "invoke", "write", "7");
    CHECK(scene.finding_at_last().check == 0);
  }
}

TEST_CASE("early judge: is wanted where a violation ends the run, or a check can be fed") {
  Scene neither, both, ends, fed;
  neither.plan.fail_fast = fed.plan.fail_fast = false;
  neither.add_no_writes();
  ends.add_no_writes();
  fed.add_list_append();
  both.add_list_append();
  CHECK_FALSE(EarlyJudge::is_wanted(neither.plan));
  CHECK(EarlyJudge::is_wanted(ends.plan));
  CHECK(EarlyJudge::is_wanted(fed.plan));
  CHECK(EarlyJudge::is_wanted(both.plan));
}

}  // namespace
}  // namespace faultline
