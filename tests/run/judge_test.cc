#include "harness/run/judge.h"

#include <array>
#include <new>
#include <stdexcept>
#include <thread>

#include <doctest/doctest.h>

namespace faultline {
namespace {

using namespace std::chrono_literals;

/// Answers with whatever the test wants to happen.
template <typename Behaviour>
class FakeChecker final : public Checker {
 public:
  explicit FakeChecker(Behaviour behaviour) : behaviour_(behaviour) {}
  std::string_view name() const override { return "fake"; }
  Verdict check(const History& history, const Budget& budget) const override {
    return behaviour_(history, budget);
  }

 private:
  Behaviour behaviour_;
};

Verdict verdict_of(Validity validity) {
  Verdict verdict;
  verdict.validity = validity;
  return verdict;
}

TEST_CASE("judge: the verdict is the checker's, with its name and its time") {
  const FakeChecker checker([](const History&, const Budget& budget) {
    CHECK(budget.bytes_max == 123);
    REQUIRE(budget.stop != nullptr);
    CHECK_FALSE(budget.stop->load());
    return verdict_of(Validity::invalid);
  });
  const Judgement judgement = judge(checker, History(), {1h, 123});
  CHECK(judgement.verdict.validity == Validity::invalid);
  CHECK(judgement.verdict.name == "fake");
  CHECK(judgement.seconds >= 0);
}

TEST_CASE("judge: a checker that uses up its time is told to stop") {
  const FakeChecker checker([](const History&, const Budget& budget) {
    while (!budget.stop->load()) std::this_thread::yield();
    Verdict verdict;
    verdict.reason = "stopped";
    return verdict;
  });
  const Judgement judgement = judge(checker, History(), {1ms, 0});
  CHECK(judgement.verdict.reason == "stopped");
  CHECK(judgement.seconds >= 0.001);
}

TEST_CASE("judge: an allowance beyond what a clock can count is no limit") {
  const FakeChecker checker([](const History&, const Budget& budget) {
    CHECK_FALSE(budget.stop->load());
    return verdict_of(Validity::valid);
  });
  CHECK(judge(checker, History(), {std::chrono::nanoseconds::max(), 0}).verdict.validity ==
        Validity::valid);
}

TEST_CASE("judge: a checker that throws is unknown, never valid") {
  const auto unknown = [](const Checker& checker, const std::string& reason,
                          const std::string& why) {
    const Verdict verdict = judge(checker, History(), {}).verdict;
    CHECK(verdict.validity == Validity::unknown);
    CHECK(verdict.reason == reason);
    CHECK(verdict.summary.find(why) != std::string::npos);
    CHECK(verdict.name == "fake");
    CHECK(exit_code_of(verdict) == ExitCode::unknown);
  };
  unknown(FakeChecker(
              [](const History&, const Budget&) -> Verdict { throw std::runtime_error("broken"); }),
          "exception", "broken");
  unknown(FakeChecker([](const History&, const Budget&) -> Verdict { throw 7; }), "exception",
          "threw");
  unknown(FakeChecker([](const History&, const Budget&) -> Verdict { throw std::bad_alloc(); }),
          "memory", "memory");
}

TEST_CASE("judge: exit codes of verdicts") {
  CHECK(exit_code_of(verdict_of(Validity::valid)) == ExitCode::valid);
  CHECK(exit_code_of(verdict_of(Validity::invalid)) == ExitCode::violation);
  CHECK(exit_code_of(verdict_of(Validity::unknown)) == ExitCode::unknown);
  Verdict vacuous;
  vacuous.reason = "vacuous";
  CHECK(exit_code_of(vacuous) == ExitCode::vacuous);
}

Result<std::unique_ptr<Checker>> make_fake(Params& params) {
  params.text("colour", "red");
  const auto valid = [](const History&, const Budget&) { return verdict_of(Validity::valid); };
  return std::unique_ptr<Checker>(std::make_unique<FakeChecker<decltype(valid)>>(valid));
}

TEST_CASE("judge: a checker is made by name, and knows every parameter it is given") {
  static constexpr std::array catalogue = {CheckerEntry{"fake", "says valid", &make_fake}};
  ConfigNode params;
  params.members.push_back({"colour", {}, ConfigNode::of("blue")});
  CHECK(make_checker(catalogue, "fake", params));

  params.members.push_back({"color", {}, ConfigNode::of("blue")});
  const auto unknown_key = make_checker(catalogue, "fake", params);
  REQUIRE_FALSE(unknown_key);
  CHECK(unknown_key.error().kind == ErrorKind::usage);
  CHECK(unknown_key.error().what.find("did you mean \"colour\"") != std::string::npos);

  const auto unknown_name = make_checker(catalogue, "fakes", ConfigNode());
  REQUIRE_FALSE(unknown_name);
  CHECK(unknown_name.error().what == "unknown checker \"fakes\", did you mean \"fake\"?");
}

}  // namespace
}  // namespace faultline
