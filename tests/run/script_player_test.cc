// The player against transactions that do as they are told.
#include "harness/run/script_player.h"

#include <deque>
#include <stdexcept>

#include <doctest/doctest.h>

#include "tests/fake_steps.h"
#include "tests/io/temporary_folder.h"

namespace faultline {
namespace script_player_test {
namespace {

using Kind = StepReport::Kind;

/// What is told to each transaction, and what the player did with it.
struct Told {
  /// By transaction, in the order in which they are opened: a report for each look.
  std::vector<std::deque<StepReport>> looks;
  /// "1 begin", "1 r", "2 commit", "2 gone", in order.
  std::vector<std::string> log;
  std::size_t opened = 0;
  std::string cannot_open;
  int throws_at_send = 0;  ///< Of all, from 1; 0: never.
  int sends = 0;
};

class ToldTransaction : public OpenTransaction {
 public:
  ToldTransaction(Told& told, std::size_t number) : told_(told), number_(number) {}
  ~ToldTransaction() override { log("gone"); }
  void send(const Step& step, Deadline) override {
    if (++told_.sends == told_.throws_at_send) throw std::runtime_error("broke");
    step_ = step;
    constexpr std::array<const char*, 4> names = {"begin", "access", "commit", "abort"};
    log(step.kind == Step::Kind::access ? *step.access.list()->at(0).text()
                                        : names[static_cast<std::size_t>(step.kind)]);
  }
  StepReport look(Deadline) override {
    auto& looks = told_.looks.at(number_);
    StepReport report{Kind::done, {}, {}};
    if (!looks.empty()) {
      report = looks.front();
      looks.pop_front();
    }
    if (report.kind == Kind::done) report.access = step_.access;
    return report;
  }

 private:
  void log(const std::string& what) {
    told_.log.push_back(std::to_string(number_ + 1) + " " + what);
  }
  Told& told_;
  const std::size_t number_;
  Step step_;
};

class ToldTarget : public fakes::StepTarget {
 public:
  explicit ToldTarget(Told& told) : StepTarget(fakes::Level::none), told_(told) {}
  Result<std::unique_ptr<OpenTransaction>> open_transaction(const Node&) const override {
    if (!told_.cannot_open.empty()) return Error{told_.cannot_open};
    return std::unique_ptr<OpenTransaction>(
        std::make_unique<ToldTransaction>(told_, told_.opened++));
  }

 private:
  Told& told_;
};

const Value read_x = List{"r", "s/x", {}}, write_x = List{"w", "s/x", 1};

Script::Part access(std::size_t transaction, const Value& value) {
  return {transaction, {Step::Kind::access, value}};
}
Script::Part commit(std::size_t transaction) { return {transaction, {Step::Kind::commit, {}}}; }

/// Two that write x, the first before the second: w1 w2 r1 c1 r2 c2.
Script two_writers() {
  return {"s",
          {access(0, write_x), access(1, List{"w", "s/x", 2}), access(0, read_x), commit(0),
           access(1, read_x), commit(1)}};
}

struct Stage {
  Told told;
  int looks_until_stop = 1'000'000;
  std::vector<Fate> fates;

  explicit Stage(std::size_t transactions) { told.looks.resize(transactions); }

  /// Time goes by a millisecond at each question; a step may take a hundred.
  History play(const Script& script) {
    TemporaryFolder folder;
    Node node;
    node.name = "n1";
    const ToldTarget target(told);
    auto recorder =
        *Recorder::create(folder.path() / "h.jsonl", 1, {"n1"}, std::chrono::steady_clock::now());
    Deadline time{};
    ScriptPlayer player({*recorder, target, node, std::chrono::milliseconds(100), 0,
                         [&] { return time += std::chrono::milliseconds(1); },
                         [&] { return --looks_until_stop < 0; },
                         [&](Fate fate) { fates.push_back(fate); }});
    player.play(script);
    CHECK(player.next_process() == static_cast<std::uint32_t>(fates.size()));
    return recorder->finish();
  }
};

std::string error_of(const History& history, OperationId row) {
  const ErrorId error = history.error()[row];
  return error == no_error ? "" : std::string(history.error_text(error));
}

using Log = std::vector<std::string>;

TEST_CASE("script player: steps in the script's order, and a transaction is one operation") {
  Stage stage(2);
  const History history = stage.play(two_writers());
  CHECK(stage.told.log == Log{"1 begin", "1 w", "2 begin", "2 w", "1 r", "1 commit", "1 gone",
                              "2 r", "2 commit", "2 gone"});
  REQUIRE(history.size() == 2);
  for (const OperationId row : {0u, 1u}) {
    CHECK(history.fate()[row] == Fate::ok);
    CHECK(history.function()[row] == Function::txn);
    CHECK(history.process()[row] == row);
  }
  CHECK(history.values().value(history.argument()[0]) == Value(List{write_x, read_x}));
  CHECK(history.values().value(history.output()[0]) == Value(List{write_x, read_x}));
  CHECK(history.begin()[1] < history.end()[0]);
}

TEST_CASE("script player: who waited goes on before another one begins") {
  Stage stage(3);
  stage.told.looks[1] = {
      {Kind::done, {}, {}}, {Kind::waiting, {}, {}}, {Kind::waiting, {}, {}}, {Kind::done, {}, {}}};
  stage.play({"s",
              {access(0, write_x), access(1, List{"w", "s/x", 2}), access(1, read_x), commit(0),
               access(2, read_x), commit(1), commit(2)}});
  CHECK(stage.told.log == Log{"1 begin", "1 w", "2 begin", "2 w", "1 commit", "1 gone", "2 r",
                              "3 begin", "3 r", "2 commit", "2 gone", "3 commit", "3 gone"});
}

TEST_CASE("script player: one that waits is held back, and goes on before the script does") {
  Stage stage(2);
  // Begin; then the write: running, waiting; waiting after each of the three steps of the other,
  // until its commit lets it go on, which takes a moment.
  const StepReport done{Kind::done, {}, {}}, running{}, waiting{Kind::waiting, {}, {}};
  stage.told.looks[1] = {done, running, waiting, waiting, waiting, running, done};
  Script script = two_writers();
  script.parts.insert(script.parts.begin() + 2, access(1, List{"w", "s/y", 2}));
  stage.play(script);
  CHECK(stage.told.log == Log{"1 begin", "1 w", "2 begin", "2 w", "1 r", "1 commit", "1 gone",
                              "2 w", "2 r", "2 commit", "2 gone"});
}

TEST_CASE("script player: a begin that waits is no step of the script") {
  Stage stage(2);
  const StepReport waiting{Kind::waiting, {}, {}};
  stage.told.looks[1] = {waiting, waiting, waiting, waiting};
  stage.play(two_writers());
  CHECK(stage.told.log == Log{"1 begin", "1 w", "2 begin", "1 r", "1 commit", "1 gone", "2 w",
                              "2 r", "2 commit", "2 gone"});
}

TEST_CASE("script player: what was undone is left out, and why is written down") {
  const StepReport done{Kind::done, {}, {}};
  for (const auto& [report, error] :
       {std::pair(StepReport{Kind::refused, {}, "deadlock"}, std::string("refused: deadlock")),
        std::pair(StepReport{Kind::failed, {}, "no"}, std::string("no"))}) {
    Stage stage(2);
    stage.told.looks[1] = {done, report};
    const History history = stage.play(two_writers());
    CHECK(stage.told.log ==
          Log{"1 begin", "1 w", "2 begin", "2 w", "2 gone", "1 r", "1 commit", "1 gone"});
    CHECK(history.fate()[0] == Fate::ok);
    CHECK(history.fate()[1] == Fate::fail);
    CHECK(error_of(history, 1) == error);
    CHECK(stage.fates == std::vector<Fate>{Fate::fail, Fate::ok});
  }
  Stage stage(1);
  const History aborted = stage.play({"s", {access(0, write_x), {0, {Step::Kind::abort, {}}}}});
  CHECK(aborted.fate()[0] == Fate::fail);
  CHECK(error_of(aborted, 0) == abort_mark);
}

TEST_CASE("script player: only a commit that was sent is in doubt") {
  const StepReport done{Kind::done, {}, {}}, lost{Kind::lost, {}, "reset"};
  const Script writer{"s", {access(0, write_x), commit(0)}};
  const Script reader{"s", {access(0, read_x), commit(0)}};
  const auto fate = [&](const Script& script, std::deque<StepReport> looks, int throws_at = 0) {
    Stage stage(1);
    stage.told.looks[0] = std::move(looks);
    stage.told.throws_at_send = throws_at;
    return stage.play(script).fate()[0];
  };
  CHECK(fate(writer, {done, done, lost}) == Fate::info);
  CHECK(fate(reader, {done, done, lost}) == Fate::fail);
  CHECK(fate(writer, {done, done, {Kind::failed, {}, "unsent"}}) == Fate::fail);
  CHECK(fate(writer, {done, lost}) == Fate::fail);
  CHECK(fate(writer, {}, 1) == Fate::fail);
  CHECK(fate(writer, {}, 2) == Fate::fail);
  CHECK(fate(writer, {}, 3) == Fate::info);
  CHECK(fate(reader, {}, 3) == Fate::fail);
  // No answer until the timeout.
  const std::deque<StepReport> silence(300, StepReport{});
  std::deque<StepReport> silent_commit = silence;
  silent_commit.insert(silent_commit.begin(), {done, done});
  CHECK(fate(writer, silence) == Fate::fail);
  CHECK(fate(writer, silent_commit) == Fate::info);
}

TEST_CASE("script player: waiting for good ends at the timeout, and says so") {
  Stage stage(2);
  stage.told.looks[1].assign(1000, {Kind::waiting, {}, {}});
  stage.told.looks[1].push_front({Kind::done, {}, {}});
  const History history = stage.play(two_writers());
  CHECK(history.fate()[0] == Fate::ok);
  CHECK(history.fate()[1] == Fate::fail);
  CHECK(error_of(history, 1) == "it waited for another transaction until the timeout");
}

TEST_CASE("script player: a store that opens nothing, and a script that is broken off") {
  Stage closed(2);
  closed.told.cannot_open = "no route";
  const History nothing = closed.play(two_writers());
  REQUIRE(nothing.size() == 2);
  CHECK(nothing.fate()[0] == Fate::fail);
  CHECK(error_of(nothing, 1) == "no route");

  Stage stopped(2);
  stopped.looks_until_stop = 0;
  const History unplayed = stopped.play(two_writers());
  REQUIRE(unplayed.size() == 1);
  CHECK(unplayed.fate()[0] == Fate::fail);
  CHECK(error_of(unplayed, 0) == "broken off");
  CHECK(stopped.told.log.empty());

  // In the middle: whatever was open is given up.
  for (int looks = 1; looks < 30; ++looks) {
    Stage midway(2);
    midway.looks_until_stop = looks;
    const History history = midway.play(two_writers());
    for (OperationId row = 0; row < history.size(); ++row)
      CHECK((history.fate()[row] == Fate::ok || error_of(history, row) == "broken off"));
    CHECK(midway.fates.size() == history.size());
  }
}

TEST_CASE("script player: a transaction that the script does not end has no effect") {
  Stage stage(1);
  const History history = stage.play({"s", {access(0, write_x)}});
  CHECK(history.fate()[0] == Fate::fail);
  CHECK(stage.told.log.back() == "1 gone");
}

}  // namespace
}  // namespace script_player_test
}  // namespace faultline
