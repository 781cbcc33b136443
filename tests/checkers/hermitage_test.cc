// Hand-written plays of every script, and all possible ones.
#include <algorithm>
#include <functional>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "checkers/hermitage/anomalies.h"
#include "harness/core/transaction.h"

namespace faultline {
namespace hermitage_test {
namespace {

using hermitage::Cell;
using hermitage::Deed;
using hermitage::Play;

constexpr const char* conflict = "refused: 40001: conflict";

/// What became of one transaction: its answers, in the order of its reads and of its accesses by
/// predicate. Those that are left out fail with `error`, or get no answer if that is empty.
struct Told {
  std::vector<Value> answers = {};
  Fate fate = Fate::ok;
  std::string error = {};
};
const Told refused{{}, Fate::fail, conflict}, silent{{}, Fate::info, "reset"};

Value pair(const std::string& key, int value) { return List{key, value}; }

class Plays {
 public:
  /// The setup and the last reads are put around `inner`; x and y are what the last ones saw, and
  /// z and u where the script has them.
  Plays& play(const std::string& name, std::vector<Told> inner, std::vector<Value> left) {
    const auto transactions = transactions_of(hermitage::script_of(*hermitage::find_script(name)));
    REQUIRE(transactions.size() == inner.size() + 2);
    inner.insert(inner.begin(), Told{});
    inner.push_back({std::move(left)});
    const std::uint32_t first = process_;
    for (std::size_t i = 0; i < transactions.size(); ++i) {
      invoke(transactions[i]);
      if (i == 0) complete(first, transactions[i], inner[i]);
      if (i + 2 == transactions.size())
        for (std::size_t j = 1; j <= i; ++j)
          complete(first + static_cast<std::uint32_t>(j), transactions[j], inner[j]);
    }
    complete(process_ - 1, transactions.back(), inner.back());
    return *this;
  }
  Plays& invoke(const List& asked) {
    CHECK(builder_.invoke(
        {process_++, Function::txn, no_key, builder_.values().add(asked), no_node, no_time}));
    return *this;
  }
  History history() { return builder_.finish(); }

 private:
  void complete(std::uint32_t process, const List& asked, const Told& told) {
    List answered = asked;
    std::size_t next = 0;
    for (Value& access : answered) {
      const auto item = access_of(access);
      if (item && item->kind != Access::Kind::read) continue;
      if (told.fate == Fate::ok) std::get<List>(access.content)[2] = told.answers.at(next++);
    }
    if (told.fate == Fate::ok) CHECK(next == told.answers.size());
    const ErrorId error = told.error.empty() ? no_error : builder_.error(told.error);
    CHECK(builder_.complete({process, told.fate, builder_.values().add(answered), error, no_time}));
  }

  HistoryBuilder builder_;
  std::uint32_t process_ = 0;
};

Verdict judged(const History& history, const std::string& model,
               std::optional<std::vector<std::string>> documented = std::nullopt) {
  ConfigNode node;
  node.members.push_back({"model", {}, ConfigNode::of(model)});
  if (documented) {
    ConfigNode list;
    list.kind = ConfigNode::Kind::sequence;
    for (const std::string& name : *documented) list.items.push_back(ConfigNode::of(name));
    node.members.push_back({"documented", {}, list});
  }
  Params params(node, "check");
  const auto checker = make_hermitage(params);
  REQUIRE_MESSAGE(checker, (checker ? "" : checker.error().what));
  return (*checker)->check(history, {});
}

/// A script, and how it went with its anomaly and without.
struct Case {
  std::string script, anomaly;
  /// The strongest models of those that scripts know which allow it, and the weakest that does not.
  std::string allowed_by, forbidden_by;
  std::vector<Told> with;
  std::vector<Value> with_left;
  std::vector<Told> without;
  std::vector<Value> without_left;
};

const Told nothing{};
const Told aborted{{}, Fate::fail, std::string(abort_mark)};
Value none() { return List{}; }
Value one(const std::string& key, int value) { return List{pair(key, value)}; }

const std::vector<Case> cases = {
    {"G0",
     "G0",
     "",
     "read-uncommitted",
     {nothing, nothing},
     {12, 21},
     {nothing, nothing},
     {12, 22}},
    {"G1a",
     "G1a",
     "read-uncommitted",
     "read-committed",
     {aborted, {{101, 10}}},
     {10, 20},
     {aborted, {{10, 10}}},
     {10, 20}},
    {"G1b",
     "G1b",
     "read-uncommitted",
     "read-committed",
     {nothing, {{101, 11}}},
     {11, 20},
     {nothing, {{10, 10}}},
     {11, 20}},
    {"G1c",
     "G1c",
     "read-uncommitted",
     "read-committed",
     {{{22}}, {{11}}},
     {11, 22},
     {{{20}}, {{11}}},
     {11, 22}},
    {"OTV",
     "OTV",
     "read-committed",
     "monotonic-atomic-view",
     {nothing, nothing, {{12, 19, 18, 18, 12}}},
     {12, 18},
     {nothing, nothing, {{12, 18, 18, 18, 12}}},
     {12, 18}},
    {"PMP",
     "PMP",
     "repeatable-read",
     "consistent-view",
     {{{none(), one("PMP/z", 30)}}, nothing},
     {10, 20, 30},
     {{{none(), none()}}, nothing},
     {10, 20, 30}},
    {"PMP-write",
     "PMP",
     "repeatable-read",
     "consistent-view",
     {nothing, {{none(), one("PMP-write/x", 20)}}},
     {20, 30},
     {nothing, {{one("PMP-write/x", 20), none()}}},
     {{}, 30}},
    {"P4",
     "lost-update",
     "monotonic-atomic-view",
     "cursor-stability",
     {{{10}}, {{10}}},
     {12, 20},
     {{{10}}, {{11}}},
     {12, 20}},
    {"G-single",
     "G-single-item",
     "cursor-stability",
     "consistent-view",
     {{{10, 18}}, {{10, 20}}},
     {12, 18},
     {{{10, 20}}, {{10, 20}}},
     {12, 18}},
    {"G-single-predicate",
     "G-single",
     "repeatable-read",
     "consistent-view",
     {{{List{pair("G-single-predicate/x", 10), pair("G-single-predicate/y", 20)},
        one("G-single-predicate/x", 12)}},
      nothing},
     {12, 20},
     {{{List{pair("G-single-predicate/x", 10), pair("G-single-predicate/y", 20)}, none()}},
      nothing},
     {12, 20}},
    {"G-single-write",
     "G-single",
     "repeatable-read",
     "consistent-view",
     {{{10, none()}}, {{10, 20}}},
     {12, 18},
     {{{12, none()}}, {{10, 20}}},
     {12, 18}},
    {"G2-item",
     "G2-item",
     "snapshot-isolation",
     "repeatable-read",
     {{{10, 20}}, {{10, 20}}},
     {11, 21},
     {{{10, 20}}, {{11, 20}}},
     {11, 21}},
    {"G2",
     "G2",
     "snapshot-isolation",
     "serializable",
     {{{none()}}, {{none()}}},
     {10, 20, 30, 42},
     {{{none()}}, {{one("G2/z", 30)}}},
     {10, 20, 30, 42}},
    {"G2-reader",
     "G2-item",
     "snapshot-isolation",
     "repeatable-read",
     {{{10, 20}}, {{20}}, {{25, 10}}},
     {0, 25},
     {{{10, 25}}, {{20}}, {{25, 10}}},
     {0, 25}},
};

TEST_CASE("hermitage: every script, with its anomaly and without") {
  CHECK(cases.size() == hermitage::script_lines().size());
  for (const Case& c : cases) {
    CAPTURE(c.script);
    const History with = Plays().play(c.script, c.with, c.with_left).history();
    const Verdict bad = judged(with, c.forbidden_by);
    CHECK(bad.validity == Validity::invalid);
    CHECK(std::ranges::count(bad.anomalies, std::pair(c.anomaly, std::uint64_t{1})) == 1);
    CHECK(bad.anomalies.size() == (c.script == "OTV" ? 2 : 1));  // what it read twice changed
    REQUIRE(bad.table.size() == 1);
    CHECK(bad.table[0].first == c.script);
    CHECK(bad.table[0].second.starts_with("happened: "));
    CHECK(bad.witness.size() >= 2);
    CHECK(std::ranges::is_sorted(bad.witness));
    CHECK(bad.summary.starts_with(c.script + ": "));
    CHECK(bad.explanation.find("T1  ") != std::string::npos);
    CHECK(std::ranges::count(bad.refuted, c.forbidden_by) +
              std::ranges::count(bad.also_refuted, c.forbidden_by) ==
          1);
    if (!c.allowed_by.empty()) {
      const Verdict good = judged(with, c.allowed_by);
      CHECK_MESSAGE(good.validity == Validity::valid, good.summary);
      CHECK(good.summary == "prevented: nothing; happened: " + c.script);
    }

    const History without = Plays().play(c.script, c.without, c.without_left).history();
    const Verdict prevented = judged(without, "serializable");
    CHECK_MESSAGE(prevented.validity == Validity::valid, prevented.summary);
    CHECK(prevented.table[0].second == "prevented");
    CHECK(prevented.anomalies.empty());
  }
}

TEST_CASE("hermitage: the documented table is held to exactly") {
  const auto skew = [] {
    return Plays().play("G2-item", {{{10, 20}}, {{10, 20}}}, {11, 21}).history();
  };
  const auto right = [] {
    return Plays().play("G2-item", {{{10, 20}}, refused}, {11, 20}).history();
  };
  using Names = std::vector<std::string>;
  CHECK(judged(skew(), "snapshot-isolation", Names{"G2-item"}).validity == Validity::valid);
  const Verdict undocumented = judged(skew(), "snapshot-isolation", Names{});
  CHECK(undocumented.validity == Validity::invalid);
  CHECK(undocumented.summary.ends_with("which is not documented to happen"));
  // What is forbidden is no better for being documented.
  CHECK(judged(skew(), "serializable", Names{"G2-item"}).validity == Validity::invalid);

  const Verdict unseen = judged(right(), "snapshot-isolation", Names{"G2-item"});
  CHECK(unseen.validity == Validity::unknown);
  CHECK(unseen.reason == "unseen");
  CHECK(unseen.summary == "documented to happen, but prevented here: G2-item");
  const Verdict fine = judged(right(), "snapshot-isolation", Names{});
  CHECK(fine.validity == Validity::valid);
  CHECK(fine.table[0].second == "prevented: T2 was refused: 40001: conflict");
  const Verdict unplayed = judged(right(), "snapshot-isolation", Names{"G2"});
  CHECK(unplayed.validity == Validity::unknown);
  CHECK(unplayed.summary == "documented to happen, but not played: G2");
}

TEST_CASE("hermitage: what was not played to its end is unknown, unless it happened all the same") {
  const auto why = [](Plays& plays) {
    const Verdict verdict = judged(plays.history(), "serializable");
    CHECK(verdict.validity == Validity::unknown);
    CHECK(verdict.reason == "incomplete");
    return verdict.summary;
  };
  Plays doubt, failed, all_refused, unset, cut, stale;
  CHECK(why(doubt.play("P4", {{{10}}, silent}, {11, 20})) ==
        "script P4 is unknown: T2 got no answer: reset");
  CHECK(why(failed.play("P4", {{{10}}, {{}, Fate::fail, "timeout"}}, {11, 20})) ==
        "script P4 is unknown: T2 failed: timeout");
  CHECK(why(all_refused.play("P4", {refused, refused}, {10, 20})) ==
        "script P4 is unknown: none of its transactions was let through");
  CHECK(why(stale.play("G1b", {nothing, {{{}, {}}}}, {11, 20})) ==
        "script G1b is unknown: what was set up was not seen");
  const auto transactions = transactions_of(hermitage::script_of(*hermitage::find_script("P4")));
  CHECK(why(cut.invoke(transactions[0])).starts_with("script P4 is unknown: T0 got no answer"));
  Plays found;
  found.play("G1a", {aborted, {{101, 10}}}, {10, 20}).play("P4", {{{10}}, silent}, {11, 20});
  CHECK(judged(found.history(), "read-committed").validity == Validity::invalid);
  // One that may have committed was read in the middle all the same.
  Plays middle;
  middle.play("G1b", {silent, {{101, 101}}}, {10, 20});
  const Verdict unfinished = judged(middle.history(), "read-committed");
  CHECK(unfinished.validity == Validity::invalid);
  REQUIRE(unfinished.anomalies.size() == 1);
  CHECK(unfinished.anomalies[0].first == "G1b");
  // What was undone is no write cycle, whatever is read of it.
  Plays undone;
  const Verdict aborted_read =
      judged(undone.play("G0", {nothing, refused}, {12, 21}).history(), "read-committed");
  REQUIRE(aborted_read.anomalies.size() == 1);
  CHECK(aborted_read.anomalies[0].first == "G1a");
}

TEST_CASE("hermitage: what no order explains and no rule names is a violation of serializability") {
  // T1 missed T2's row at first, and T2 read what T1 wrote only later.
  const auto odd = [] {
    return Plays().play("G2-item", {{{11, 20}}, {{10, 21}}}, {11, 21}).history();
  };
  const Verdict serializable = judged(odd(), "serializable");
  CHECK(serializable.validity == Validity::invalid);
  CHECK(serializable.anomalies[0].first == "unexplained");
  CHECK(serializable.witness.size() == 4);
  const Verdict snapshot = judged(odd(), "snapshot-isolation");
  CHECK(snapshot.validity == Validity::unknown);
  CHECK(snapshot.summary.starts_with("script G2-item is unknown: no order of these transactions"));
  const Verdict garbage =
      judged(Plays().play("P4", {{{10}}, {{99}}}, {11, 20}).history(), "read-uncommitted");
  CHECK(garbage.validity == Validity::invalid);
  CHECK(garbage.anomalies[0].first == "garbage-read");
}

TEST_CASE("hermitage: another anomaly than the script's is told, and judged") {
  const auto skew = [] { return Plays().play("G1c", {{{20}}, {{10}}}, {11, 22}).history(); };
  const Verdict allowed = judged(skew(), "snapshot-isolation", std::vector<std::string>{});
  CHECK(allowed.validity == Validity::valid);
  CHECK(allowed.table[0].second ==
        "prevented, but G2-item: T1 read y before T2 wrote it, and T2 read x before T1 wrote that");
  CHECK(judged(skew(), "repeatable-read").validity == Validity::invalid);
  const auto twice = [] { return Plays().play("G1b", {nothing, {{10, 11}}}, {11, 20}).history(); };
  CHECK(judged(twice(), "monotonic-atomic-view").validity == Validity::valid);
  const Verdict forbidden = judged(twice(), "consistent-view");
  CHECK(forbidden.validity == Validity::invalid);
  CHECK(forbidden.summary ==
        "G1b: T2 read x = 10 of T0, and then x = 11 of T1, which consistent-view forbids");
}

TEST_CASE("hermitage: who vanished depends on who had the last word") {
  const auto read_by_third = [](std::vector<Value> answers) {
    Plays plays;
    plays.play("OTV", {nothing, nothing, {std::move(answers)}}, {11, 19});
    return judged(plays.history(), "monotonic-atomic-view").validity;
  };
  CHECK(read_by_third({11, 18, 18, 18, 11}) == Validity::invalid);
  CHECK(read_by_third({12, 19, 19, 19, 11}) == Validity::valid);
}

TEST_CASE("hermitage: what is no history of scripts is not judged") {
  const auto unsupported = [](Plays& plays) {
    const History history = plays.history();
    const Verdict verdict = judged(history, "serializable");
    CHECK(verdict.validity == Validity::unknown);
    ConfigNode node;
    Params params(node, "check");
    CHECK_FALSE((*make_hermitage(params))->suits(history));
    return verdict.reason;
  };
  Plays empty, other, wrong;
  CHECK(unsupported(empty) == "vacuous");
  CHECK(unsupported(other.invoke({Value(List{"r", "x", {}})})) == "unsupported");
  CHECK(unsupported(wrong.invoke({Value(List{"w", "P4/x", 11})})) == "unsupported");
  Plays right;
  const History history = right.play("P4", {{{10}}, {{11}}}, {12, 20}).history();
  ConfigNode node;
  Params params(node, "check");
  CHECK((*make_hermitage(params))->suits(history));
}

TEST_CASE("hermitage: models and scripts that there are not are refused") {
  for (const auto& [key, text, hint] :
       {std::tuple("model", "snapshot-isolatio", "snapshot-isolation"),
        std::tuple("model", "strict-serializable", "serializable"),
        std::tuple("documented", "G2-itm", "G2-item")}) {
    ConfigNode node;
    node.members.push_back({key, {}, ConfigNode::of(text)});
    Params params(node, "check");
    const auto made = make_hermitage(params);
    REQUIRE_FALSE(made);
    CHECK_MESSAGE(made.error().what.find(hint) != std::string::npos, made.error().what);
  }
}

/// Calls `use` with every play of the script: every fate of its inner transactions, and of those
/// that succeeded every answer that could be thought of.
class EveryPlay {
 public:
  EveryPlay(const hermitage::ScriptLine& line, std::function<void(const Play&)> use)
      : use_(std::move(use)) {
    play_.line = &line;
    for (const List& asked : transactions_of(hermitage::script_of(line))) {
      hermitage::Actor actor{static_cast<OperationId>(play_.actors.size()), Fate::ok, {}, {}};
      for (const Value& access : asked) {
        const auto item = access_of(access);
        Deed deed;
        if (item) {
          deed.kind = item->kind == Access::Kind::read ? Deed::Kind::read : Deed::Kind::write;
          deed.key = *item->key->text();
          if (item->value->integer())
            values_[deed.key].push_back(deed.cell = *item->value->integer());
        } else {
          const auto predicate = predicate_access_of(access);
          deed.kind = predicate->deletes ? Deed::Kind::erase : Deed::Kind::find;
          deed.predicate = predicate->predicate;
          erases_ = erases_ || predicate->deletes;
        }
        actor.deeds.push_back(deed);
      }
      play_.actors.push_back(actor);
    }
  }
  void run() { fates(1); }

 private:
  void fates(std::size_t actor) {
    if (actor + 1 == play_.actors.size()) return answers(1, 0);
    for (const Fate fate : {Fate::ok, Fate::fail}) {
      play_.actors[actor].fate = fate;
      fates(actor + 1);
    }
  }
  void answers(std::size_t actor, std::size_t deed) {
    if (actor == play_.actors.size()) return use_(play_);
    hermitage::Actor& a = play_.actors[actor];
    if (deed == a.deeds.size() || !a.committed()) return answers(actor + 1, 0);
    Deed& d = a.deeds[deed];
    if (d.kind == Deed::Kind::write) return answers(actor, deed + 1);
    if (d.kind == Deed::Kind::read) {
      std::vector<Cell> cells = values_[d.key];
      if (erases_ || cells.size() == 1) cells.emplace_back();
      for (const Cell& cell : cells) {
        d.cell = cell;
        answers(actor, deed + 1);
      }
      return;
    }
    std::vector<hermitage::Rows> sets = {{}};
    for (const auto& [key, cells] : values_) {
      const std::vector<hermitage::Rows> before = sets;
      for (const Cell& cell : cells)
        if (d.predicate.matches(key, *cell))
          for (hermitage::Rows rows : before) {
            rows[key] = *cell;
            sets.push_back(rows);
          }
    }
    for (const hermitage::Rows& rows : sets) {
      d.rows = rows;
      answers(actor, deed + 1);
    }
  }

  std::function<void(const Play&)> use_;
  Play play_;
  std::map<std::string, std::vector<Cell>> values_;
  bool erases_ = false;
};

TEST_CASE("hermitage: what a rule finds, no order of the transactions explains") {
  for (const hermitage::ScriptLine& line : hermitage::script_lines()) {
    std::uint64_t plays = 0, serial = 0, named = 0, wrong = 0;
    EveryPlay every(line, [&](const Play& play) {
      ++plays;
      const auto found = hermitage::anomalies_of(play);
      const bool explained = hermitage::has_serial_order(play);
      if (explained) ++serial;
      if (!found.empty() && found.front().anomaly != "unexplained") ++named;
      if (explained == !found.empty()) ++wrong;
    });
    every.run();
    CAPTURE(line.name);
    CHECK(plays > 20);
    CHECK(serial > 0);
    CHECK(named > 0);
    CHECK(wrong == 0);
  }
}

}  // namespace
}  // namespace hermitage_test
}  // namespace faultline
