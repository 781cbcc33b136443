// Open transactions of the embedded store at random, against a model that knows nothing of locks:
// every answer is what the isolation says, and what commits may.
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>

#include <doctest/doctest.h>

#include "harness/core/predicate.h"
#include "harness/core/rng.h"
#include "tests/targets/refkv/one_node.h"

namespace faultline::refkv_open_random {
namespace {

using refkv::Bug;
using refkv::Isolation;
using Kind = StepReport::Kind;

using Cells = std::map<std::string, int>;

/// What a transaction saw, and what it must have seen.
struct Watched {
  std::unique_ptr<OpenTransaction> open;
  Cells at_open;
  std::map<std::string, std::optional<int>> own;
  std::size_t commits_at_open = 0;
  bool waits = false, over = false;
  Value asked;
  /// What it read of others, to be looked at again when it commits.
  std::vector<std::pair<Value, Value>> seen;

  Cells with_own(Cells cells) const {
    for (const auto& [key, value] : own) {
      if (value)
        cells[key] = *value;
      else
        cells.erase(key);
    }
    return cells;
  }
};

Value answer_in(const Cells& cells, const Value& access) {
  if (const auto predicate = predicate_access_of(access)) {
    List rows;
    for (const auto& [key, value] : cells)
      if (predicate->predicate.matches(key, value)) rows.emplace_back(List{key, value});
    return Value(std::move(rows));
  }
  const auto at = cells.find(*access.list()->at(1).text());
  return at == cells.end() ? Value() : Value(at->second);
}

class Round {
 public:
  Round(Isolation isolation, Bug bug, Rng rng)
      : isolation_(isolation), store_(isolation, bug), rng_(rng) {}

  /// How many answers and commits were wrong.
  int play() {
    for (int step = 0; step < 60; ++step) {
      Watched& t = pick();
      if (t.waits)
        take(t, t.open->look({}));
      else
        ask(t);
    }
    return wrong_;
  }
  int commits = 0, refusals = 0, waits = 0;

 private:
  Watched& pick() {
    Watched& t = actors_[rng_.below(actors_.size())];
    if (t.open && !t.over) return t;
    t = {};
    t.open = store_.open();
    t.open->send({Step::Kind::begin, {}}, {});
    CHECK(t.open->look({}).kind == Kind::done);
    t.at_open = committed_;
    t.commits_at_open = changes_.size();
    return t;
  }

  void ask(Watched& t) {
    const std::string key = std::string("t/") + static_cast<char>('a' + rng_.below(3));
    const Value where = List{"t/", rng_.below(2) == 0 ? "equal" : "multiple-of",
                             static_cast<int>(2 + rng_.below(2))};
    switch (rng_.below(8)) {
      case 0:
        return commit(t);
      case 1:
        return send(t, List{"delete-where", where, Value()});
      case 2:
      case 3:
        return send(t, List{"r-where", where, Value()});
      case 4:
      case 5:
        return send(t, List{"r", key, Value()});
      default:
        return send(t, List{"w", key, static_cast<int>(rng_.below(7))});
    }
  }
  void send(Watched& t, Value access) {
    t.asked = std::move(access);
    t.open->send({Step::Kind::access, t.asked}, {});
    take(t, t.open->look({}));
  }

  void take(Watched& t, const StepReport& report) {
    t.waits = report.kind == Kind::waiting;
    waits += t.waits ? 1 : 0;
    if (t.waits) return;
    t.over = report.kind != Kind::done;
    refusals += t.over ? 1 : 0;
    if (t.over) return;
    const std::string& verb = *t.asked.list()->at(0).text();
    if (verb == "w") {
      t.own[*t.asked.list()->at(1).text()] = static_cast<int>(*t.asked.list()->at(2).integer());
      return;
    }
    const bool now = isolation_ == Isolation::read_committed;
    const Value answer = report.access.list()->at(2);
    const Value expected = answer_in(t.with_own(now ? committed_ : t.at_open), t.asked);
    // Read committed may have looked for what to delete before it had to wait.
    bool right = answer == expected;
    if (now && verb == "delete-where")
      right = std::ranges::all_of(*answer.list(), [&](const Value& row) {
        return std::ranges::find(*expected.list(), row) != expected.list()->end();
      });
    wrong_ += right ? 0 : 1;
    if (t.own.empty()) t.seen.emplace_back(t.asked, answer);
    if (verb == "delete-where")
      for (const Value& row : *answer.list()) t.own[*row.list()->at(0).text()] = std::nullopt;
  }

  void commit(Watched& t) {
    t.open->send({Step::Kind::commit, {}}, {});
    t.over = true;
    if (t.open->look({}).kind != Kind::done) {
      ++refusals;
      return;
    }
    ++commits;
    if (t.own.empty()) return;
    if (isolation_ != Isolation::read_committed)
      for (std::size_t i = t.commits_at_open; i < changes_.size(); ++i)
        for (const auto& [key, value] : t.own) wrong_ += changes_[i].contains(key) ? 1 : 0;
    if (isolation_ == Isolation::serializable)
      for (const auto& [access, answer] : t.seen)
        wrong_ += answer == answer_in(committed_, access) ? 0 : 1;
    committed_ = t.with_own(committed_);
    changes_.push_back(t.own);
  }

  const Isolation isolation_;
  OneRefkv store_;
  Rng rng_;
  std::array<Watched, 4> actors_;
  Cells committed_;
  std::vector<std::map<std::string, std::optional<int>>> changes_;  ///< By commit.
  int wrong_ = 0;
};

int wrong_of(Isolation isolation, Bug bug) {
  int wrong = 0, commits = 0, refusals = 0, waits = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    Round round(isolation, bug, Rng(seed));
    wrong += round.play();
    commits += round.commits;
    refusals += round.refusals;
    waits += round.waits;
  }
  CHECK(commits > 500);
  CHECK(refusals > 50);
  CHECK(waits > 100);
  return wrong;
}

constexpr std::array levels{Isolation::read_committed, Isolation::snapshot,
                            Isolation::serializable};

TEST_CASE("refkv open transactions: at random, every answer is that of the isolation") {
  for (const Isolation level : levels) CHECK(wrong_of(level, Bug::none) == 0);
  CHECK(wrong_of(Isolation::serializable, Bug::write_skew) > 0);
  CHECK(wrong_of(Isolation::snapshot, Bug::lost_updates) > 0);
  for (const Isolation level : levels) CHECK(wrong_of(level, Bug::dirty_reads) > 0);
}

}  // namespace
}  // namespace faultline::refkv_open_random
