#include "harness/core/stepwise.h"

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

namespace faultline {
namespace stepwise_test {
namespace {

using Kind = StepReport::Kind;

/// Answers each step with what the test says; what is beyond is done.
class Scripted final : public OpenTransaction {
 public:
  explicit Scripted(std::vector<StepReport> reports) : reports_(std::move(reports)) {}
  void send(const Step& step, Deadline) override {
    sent += step.kind == Step::Kind::begin    ? "b"
            : step.kind == Step::Kind::access ? "a"
            : step.kind == Step::Kind::commit ? "c"
                                              : "x";
    step_ = step;
  }
  StepReport look(Deadline) override {
    ++looks;
    StepReport report{Kind::done, {}, {}};
    if (next_ < reports_.size()) report = reports_[next_++];
    if (report.why == "thrown") throw std::runtime_error("broken");
    if (report.kind == Kind::done) {
      report.access = step_.access;
      if (step_.kind == Step::Kind::access)
        std::get<List>(report.access.content)[2] = List{Value(List{"k", 5})};
    }
    return report;
  }

  std::string sent;
  int looks = 0;

 private:
  std::vector<StepReport> reports_;
  std::size_t next_ = 0;
  Step step_;
};

const Value find = List{"r-where", List{"k", "any", {}}, {}};
const Value erase = List{"delete-where", List{"k", "any", {}}, {}};

Outcome asked(Scripted& transaction, const List& accesses, int milliseconds = 10'000) {
  return invoke_by_steps(
      transaction, {Function::txn, {}, accesses, false},
      std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds));
}

TEST_CASE("invoke_by_steps: begins, asks one after the other, and commits") {
  const StepReport done{Kind::done, {}, {}}, waiting{Kind::waiting, {}, {}}, running{};
  Scripted transaction({done, running, waiting, done});
  const Outcome outcome = asked(transaction, {find, erase});
  CHECK(outcome.fate() == Fate::ok);
  CHECK(transaction.sent == "baac");
  CHECK(transaction.looks == 6);
  CHECK(
      to_text(outcome.output()) ==
      R"([["r-where", ["k", "any", nil], [["k", 5]]], ["delete-where", ["k", "any", nil], [["k", 5]]]])");
}

TEST_CASE("invoke_by_steps: before the commit is sent, nothing has happened") {
  const StepReport done{Kind::done, {}, {}};
  for (const std::size_t at : {0u, 1u, 2u})
    for (const StepReport& end :
         {StepReport{Kind::refused, {}, "conflict"}, StepReport{Kind::failed, {}, "gone"},
          StepReport{Kind::failed, {}, "thrown"}}) {
      std::vector<StepReport> reports(at, done);
      reports.push_back(end);
      Scripted transaction(reports);
      const Outcome outcome = asked(transaction, {erase, find});
      CHECK(outcome.fate() == Fate::fail);
      CHECK(transaction.sent.size() == at + 1);
      if (end.kind == Kind::refused) CHECK(outcome.why() == "refused: conflict");
    }
  // Who waits to the end gives up.
  Scripted waits({done, {Kind::waiting, {}, {}}});
  const Outcome late = asked(waits, {erase}, 0);
  CHECK(late.fate() == Fate::fail);
  CHECK(late.why() == "no answer in time");
  Scripted none({});
  CHECK(invoke_by_steps(none, {Function::txn, {}, Value(5), false}, Deadline{}).fate() ==
        Fate::fail);
}

TEST_CASE("invoke_by_steps: what became of a commit") {
  const StepReport done{Kind::done, {}, {}};
  const auto fate = [&](const StepReport& end, const Value& access, int milliseconds = 10'000) {
    Scripted transaction({done, done, end});
    return asked(transaction, {access}, milliseconds).fate();
  };
  CHECK(fate({Kind::refused, {}, ""}, erase) == Fate::fail);
  CHECK(fate({Kind::failed, {}, ""}, erase) == Fate::fail);
  CHECK(fate({Kind::lost, {}, ""}, erase) == Fate::info);
  CHECK(fate({Kind::running, {}, ""}, erase, 0) == Fate::info);
  // What changes nothing can be lost without doubt.
  CHECK(fate({Kind::lost, {}, ""}, find) == Fate::fail);
  Scripted broken({done, done, {Kind::failed, {}, "thrown"}});
  CHECK_THROWS(asked(broken, {erase}));  // The caller takes it for an info.
}

}  // namespace
}  // namespace stepwise_test
}  // namespace faultline
