// Transactions that write registers: what is found in small histories, how it is told, and what of
// it holds of which model. The engine against brute force: tests/oracle/rw_register_test.cc.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "checkers/transactional/isolation.h"
#include "tests/checkers/transaction_script.h"

namespace faultline::rw_register {

using Anomalies = std::vector<std::pair<std::string, std::uint64_t>>;

struct Micro {
  static constexpr auto make = &make_rw_register;

  int key;
  bool is_write;
  std::optional<int> content;

  Value value(bool answered) const {
    return List{is_write ? "w" : "r", key,
                content && (is_write || answered) ? Value(*content) : Value()};
  }
};
Micro write(int key, int value) { return {key, true, value}; }
Micro read(int key, std::optional<int> value = {}) { return {key, false, value}; }

using Script = TransactionScript<Micro>;

/// "G2-item, internal": a cycle may be found in more ways than one.
std::string text(const Anomalies& anomalies) {
  std::string out;
  for (const auto& [name, count] : anomalies) out += (out.empty() ? "" : ", ") + name;
  return out;
}
std::string text(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("rw-register: what is as it must be") {
  const Verdict v = Script()
                        .both(0, {write(1, 1)})
                        .both(1, {read(1, 1), write(1, 2), read(1, 2)})
                        .both(0, {write(1, 3)}, Fate::fail)
                        .both(2, {read(1, 2), read(2)})
                        .check();
  CHECK(v.validity == Validity::valid);
  CHECK(v.refuted.empty());
  CHECK(v.not_refuted == std::vector<std::string>{"strict-serializable"});
  CHECK(v.counted ==
        Anomalies{{"transactions", 4}, {"writes", 3}, {"reads", 4}, {"keys", 2}, {"edges", 3}});
}

TEST_CASE("rw-register: write skew is told, and what it rules out") {
  Script script;
  script.together({read(1), write(2, 1)}, {read(2), write(1, 1)});
  script.both(0, {read(1, 1), read(2, 1)});
  const Verdict v = script.check();
  CHECK(v.validity == Validity::invalid);
  CHECK(text(v.anomalies) == text(Anomalies{{"G2-item", 1}}));
  CHECK(v.refuted == std::vector<std::string>{"repeatable-read"});
  CHECK(v.not_refuted ==
        std::vector<std::string>{"update-serializable", "strong-snapshot-isolation"});
  CHECK(v.explanation ==
        "G2-item: let\n"
        "  T1  process 91  0.000 s to 0.020 s  ok  read 1: nil, write 1 to 2\n"
        "  T2  process 92  0.010 s to 0.030 s  ok  read 2: nil, write 1 to 1\n"
        "  then\n"
        "      T1 < T2, because T1 read key 1 as nil, without T2's 1\n"
        "  but T2 < T1, because T2 read key 2 as nil, without T1's 1: a contradiction\n");
  CHECK(v.witness == std::vector<OperationId>{0, 1});
}

TEST_CASE("rw-register: why a version is before another one is told, with who says so") {
  // By a process, and by real time: 1 was there before 2, and yet read after it.
  Script stale;
  stale.both(0, {write(1, 1)}).both(0, {write(1, 2)}).both(1, {read(1, 1)});
  const Verdict v = stale.check();
  CHECK(text(v.anomalies) ==
        text(Anomalies{{"G-single-item-realtime", 1}, {"cyclic-versions-realtime", 1}}));
  CHECK(v.summary ==
        "cyclic-versions-realtime: key 1: 1 was before 2 (T1 met 1, T2 met 2, and T1 had ended at "
        "0.01 s when T2 began at 0.02 s), and 2 was before 1 (T2 met 2, T3 met 1, and T2 had ended "
        "at 0.03 s when T3 began at 0.04 s)");
  CHECK(v.witness == std::vector<OperationId>{0, 1, 2});

  Script session;
  session.begin(0, {write(1, 1)}).begin(1, {write(1, 2)}).begin(2, {read(1)}).begin(3, {read(1)});
  session.end(2, {read(1, 1)}).end(3, {read(1, 2)});
  session.both(2, {read(1, 2)}).both(3, {read(1, 1)});
  session.end(0, {write(1, 1)}).end(1, {write(1, 2)});
  const Verdict w = session.check("strong-session-snapshot-isolation");
  CHECK(text(w.anomalies) == text(Anomalies{{"G-single-item-process", 1},
                                            {"causality-violation-process", 1},
                                            {"cyclic-versions-process", 1}}));
  CHECK(has(w.explanation, "T3 of the same process met 1 before T4 met 2"));
}

struct Case {
  const char* name;
  Script script;
  Anomalies anomalies;
  std::vector<std::string> refuted;
};

void check_cases(std::span<Case> cases) {
  for (Case& c : cases) {
    const Verdict v = c.script.check();
    CAPTURE(c.name);
    CAPTURE(v.explanation);
    CHECK(v.validity == Validity::invalid);
    CHECK(text(v.anomalies) == text(c.anomalies));
    CHECK(text(v.refuted) == text(c.refuted));
    CHECK(!v.summary.empty());
    CHECK(!v.witness.empty());
    CHECK(!has(v.explanation, "did not see what"));  // every edge has its reason
  }
}

TEST_CASE("rw-register: each anomaly of single reads by its name") {
  Case cases[] = {
      {"aborted read",
       Script().both(0, {write(1, 1)}, Fate::fail).both(1, {read(1, 1)}),
       {{"G1a", 1}},
       {"read-committed"}},
      {"update of what was aborted",
       Script().both(0, {write(1, 1)}, Fate::fail).both(1, {read(1, 1), write(1, 2)}),
       {{"G1a", 1}, {"dirty-update", 1}},
       {"read-committed"}},
      {"intermediate read",
       Script().both(0, {write(1, 1), write(1, 2)}).both(1, {read(1, 1)}),
       {{"G1b", 1}},
       {"read-committed"}},
      {"nobody's", Script().both(1, {read(1, 7)}), {{"garbage-read", 1}}, {"read-uncommitted"}},
      {"own write missed",
       Script().both(0, {write(1, 1), read(1)}),
       {{"internal", 1}},
       {"read-atomic", "causal"}},
      {"own write that was overwritten",
       Script().both(0, {write(1, 1), write(1, 2), read(1, 1)}),
       {{"internal", 1}},
       {"read-atomic", "causal"}},
      {"own write seen too early",
       Script().both(0, {read(1, 1), write(1, 1)}),
       {{"future-read", 1}},
       {"read-committed"}},
      {"nil after a value",
       Script().both(0, {write(1, 1)}).both(1, {read(1, 1), read(1)}),
       {{"G-single-item", 1}, {"G-single-item-realtime", 1}, {"OTV", 1}, {"internal", 1}},
       {"monotonic-atomic-view", "monotonic-view", "causal"}},
  };
  check_cases(cases);
}

TEST_CASE("rw-register: each cycle by its name") {
  const std::vector<std::string> vanished{"monotonic-atomic-view", "monotonic-view", "causal"};
  Case cases[] = {
      {"nil after a write was acknowledged",
       Script().both(0, {write(1, 1)}).both(1, {read(1)}),
       {{"G-single-item-realtime", 1}},
       {"strong-consistent-view"}},
      {"a process does not see its own",
       Script().both(0, {write(1, 1)}).both(0, {read(1)}),
       {{"G-single-item-process", 1},
        {"G-single-item-realtime", 1},
        {"WriteCORead", 1},
        {"fractured-read-process", 1}},
       {"causal", "strong-session-read-atomic", "strong-session-consistent-view"}},
      {"circular flow",
       Script().together({write(1, 1), read(2, 1)}, {write(2, 1), read(1, 1)}),
       {{"G1c", 1}},
       {"read-committed"}},
      {"circular flow on one key",
       Script().together({read(1, 2), write(1, 1)}, {read(1, 1), write(1, 2)}),
       {{"G1c", 1}, {"cyclic-versions", 1}},
       {"read-committed"}},
      {"read of what began later",
       Script().both(0, {read(1, 1)}).both(1, {write(1, 1)}),
       {{"G1c-realtime", 1}},
       {"strong-read-committed"}},
      {"read of what the process does later",
       Script()
           .begin(1, {write(1, 1)})
           .both(0, {read(2, 1)})
           .both(0, {write(3, 1)})
           .end(1, {write(1, 1)})
           .begin(2, {read(3), write(2, 1)})
           .end(2, {read(3, 1), write(2, 1)}),
       {{"G1c-process", 1}, {"G1c-realtime", 1}},
       {"strong-session-read-committed"}},
      {"half of a transaction",
       Script().together({write(1, 1), write(2, 1)}, {read(1, 1), read(2)}),
       {{"G-single-item", 1}, {"OTV", 1}, {"WriteCORead", 1}},
       vanished},
      {"half of one over a third's",
       Script()
           .both(0, {write(1, 1), write(2, 1)})
           .both(1, {read(1, 1), write(1, 2), write(2, 2)})
           .begin(3, {read(1), read(2)})
           .end(3, {read(1, 2), read(2, 1)}),
       {{"G-single-item", 1},
        {"G-single-item-realtime", 1},
        {"OTV", 1},
        {"WriteCORead", 1},
        {"cyclic-versions-realtime", 1}},
       vanished},
      {"lost update",
       Script()
           .both(0, {write(1, 1)})
           .together({read(1, 1), write(1, 2)}, {read(1, 1), write(1, 3)}),
       {{"G2-item", 1}, {"lost-update", 1}},
       {"cursor-stability", "update-atomic"}},
      {"lost update of nil",
       Script().together({read(1), write(1, 2)}, {read(1), write(1, 3)}),
       {{"G2-item", 1}, {"lost-update", 1}},
       {"cursor-stability", "update-atomic"}},
      {"long fork",
       Script()
           .begin(1, {write(1, 1)})
           .begin(2, {write(2, 1)})
           .begin(3, {read(1), read(2)})
           .begin(4, {read(1), read(2)})
           .end(1, {write(1, 1)})
           .end(2, {write(2, 1)})
           .end(3, {read(1, 1), read(2)})
           .end(4, {read(1), read(2, 1)}),
       {{"G-nonadjacent-item", 1}},
       {"repeatable-read", "snapshot-isolation"}},
      {"dirty write, as the last read of both tells",
       Script()
           .together({write(1, 1), write(2, 2)}, {write(1, 2), write(2, 1)})
           .both(0, {read(1, 1), read(2, 1)}),
       {{"G-single-item", 1}, {"WriteCORead", 1}, {"fractured-read", 1}},
       {"read-atomic", "consistent-view", "repeatable-read", "causal"}},
      {"dirty write, as the last reads of each tell",
       Script()
           .together({write(1, 1), write(2, 2)}, {write(1, 2), write(2, 1)})
           .both(0, {read(1, 1)})
           .both(3, {read(2, 1)}),
       {{"G-single-item-realtime", 1}},
       {"strong-consistent-view"}},
  };
  check_cases(cases);
}

TEST_CASE("rw-register: what was inferred refutes only models that imply what it comes from") {
  // Process 0 wrote 1 and then 2, process 1 saw all of the second but still 1. In another order of
  // the transactions that is right.
  const auto verdict = [](const char* model) {
    return Script()
        .begin(1, {read(1), read(2)})
        .both(0, {write(1, 1)})
        .both(0, {write(1, 2), write(2, 1)})
        .end(1, {read(1, 1), read(2, 1)})
        .check(model)
        .validity;
  };
  CHECK(verdict("serializable") == Validity::valid);
  CHECK(verdict("snapshot-isolation") == Validity::valid);
  CHECK(verdict("strong-read-committed") == Validity::valid);
  CHECK(verdict("strong-session-consistent-view") == Validity::invalid);
  CHECK(verdict("strong-session-serializable") == Validity::invalid);
  CHECK(verdict("strong-snapshot-isolation") == Validity::invalid);
}

TEST_CASE("rw-register: a weaker model holds where a stronger one does not") {
  for (const auto& [model, validity] : {std::pair("serializable", Validity::valid),
                                        std::pair("strict-serializable", Validity::invalid),
                                        std::pair("strong-session-serializable", Validity::valid),
                                        std::pair("strong-read-committed", Validity::valid)}) {
    CAPTURE(model);
    CHECK(Script()
              .both(0, {write(1, 1)})
              .both(1, {read(1)})
              .both(2, {read(1, 1)})
              .check(model)
              .validity == validity);
  }
  // Reads are free where aborted ones are allowed, but not to come from nowhere.
  CHECK(Script()
            .both(0, {write(1, 1)}, Fate::fail)
            .both(1, {read(1, 1)})
            .check("strong-read-uncommitted")
            .validity == Validity::valid);
}

TEST_CASE("rw-register: an info that nobody saw is nothing, and one that somebody did is all") {
  CHECK(Script().both(0, {write(1, 1)}, Fate::info).both(1, {read(1)}).check().validity ==
        Validity::valid);
  const Verdict v = Script()
                        .both(0, {write(1, 1), write(2, 1)}, Fate::info)
                        .both(1, {read(1, 1), read(2)})
                        .check();
  CHECK(text(v.anomalies) == "G-single-item, OTV, WriteCORead");
  // It has no end: it may have been late, but not early.
  CHECK(Script()
            .both(0, {write(1, 1)}, Fate::info)
            .both(1, {read(1)})
            .both(1, {write(1, 2)})
            .both(1, {read(1, 1)})
            .check()
            .validity == Validity::valid);
  CHECK(Script().both(0, {read(1, 1)}).both(1, {write(1, 1)}, Fate::info).check().anomalies ==
        Anomalies{{"G1c-realtime", 1}});
  // What an info or a failed transaction says that it read is nothing.
  CHECK(Script()
            .both(0, {write(1, 1), read(2, 7)}, Fate::info)
            .both(1, {read(1, 1)})
            .check()
            .validity == Validity::valid);
}

TEST_CASE("rw-register: concurrent blind writes get the order that later reads want") {
  // Whichever order is tried first, one of the two pairs is the other way round.
  for (const bool first : {false, true}) {
    Script script;
    script.together({write(1, 1), write(2, 1)}, {write(1, 2), write(2, 2)});
    script.together({read(1, first ? 1 : 2)}, {read(2, first ? 1 : 2)});
    CHECK(script.check().validity == Validity::valid);
  }
  // A reader of both ties two keys: 2's writer must have been there before.
  Script tied;
  tied.begin(1, {write(1, 1)}).begin(2, {write(1, 2), write(2, 2)}).begin(3, {read(1), read(2)});
  tied.end(1, {write(1, 1)}).end(2, {write(1, 2), write(2, 2)});
  tied.end(3, {read(1, 1), read(2, 2)});
  CHECK(tied.check().validity == Validity::valid);
}

TEST_CASE("rw-register: what cannot be decided says why") {
  CHECK(Script().both(0, {write(1, 1)}).check().reason == "vacuous");
  const Verdict twice = Script().both(0, {write(1, 1)}).both(0, {write(1, 1), read(1, 1)}).check();
  CHECK(twice.reason == "unsupported");
  CHECK(twice.summary ==
        "values written must be unique, or reads tell nothing: 1 was written to key 1 by the "
        "operations with invoke index 0 and 2");
  Budget little;
  little.bytes_max = 100;
  CHECK(Script().both(0, {write(1, 1), read(1, 1)}).check("PL-3", little).reason == "memory");
  little = {};
  little.steps_max = 1000;
  Script long_one;
  for (int i = 0; i < 5000; ++i) long_one.both(0, {write(1, i), read(2)});
  CHECK(long_one.check("PL-3", little).reason == "steps");
  // Nothing forbidden was found, and cursor stability alone is never proven.
  Script skew;
  skew.together({read(1), write(2, 1)}, {read(2), write(1, 1)});
  CHECK(skew.check("update-serializable").reason == "incomplete");
}

TEST_CASE("rw-register: values of other shapes are refused with a sentence") {
  const auto summary = [](const Value& value, Fate fate = Fate::ok) {
    HistoryBuilder builder;
    const ValueHandle handle = builder.values().add(value);
    CHECK(builder.invoke({0, Function::txn, no_key, handle, no_node, no_time}));
    CHECK(builder.complete({0, fate, handle, no_error, no_time}));
    const Verdict v = Script::checker("PL-3")->check(builder.finish(), {});
    return v.reason + ": " + v.summary;
  };
  const std::string begin =
      "unsupported: not a history of writes and reads of registers: the operation with invoke "
      "index 0 has the ";
  CHECK(summary(5) == begin +
                          "value 5, expected a list of [\"w\", key, value that is not null] "
                          "and [\"r\", key, value]");
  CHECK(summary(List{Value(List{"append", 1, 1})})
            .starts_with(begin + "micro-operation [\"append\", 1, 1]"));
  CHECK(summary(List{Value(List{"w", 1, Value()})})
            .starts_with(begin + "micro-operation [\"w\", 1, nil]"));
  CHECK(summary(List{Value(List{"r", 1, List{1}})}).starts_with(begin));
  CHECK(summary(List{Value(List{"w", 1})}).starts_with(begin));
  CHECK(summary(List{Value(List{"w"})}).starts_with(begin));
  CHECK(summary(List{3}).starts_with(begin));
  CHECK(summary(List{Value(List{"w", List{1}, 1})}).starts_with(begin));
  CHECK(summary(List{Value(List{"r", 1, List{1}})}, Fate::info).starts_with("vacuous"));
  CHECK(summary(List{}).starts_with("vacuous"));
}

TEST_CASE("rw-register: which histories are plainly for it") {
  const auto suits = [](Script& script) {
    return Script::checker("PL-3")->suits(script.history());
  };
  Script unique, repeated, reads;
  CHECK(suits(unique.both(0, {write(1, 1)}).both(0, {read(1, 1), write(2, 1)})));
  CHECK_FALSE(suits(repeated.both(0, {write(1, 1)}).both(0, {write(1, 1)})));
  CHECK_FALSE(suits(reads.both(0, {read(1, 1)})));
}

TEST_CASE("rw-register: an order that only real time tells refutes nothing that does not know it") {
  const auto script = [] {
    return Script()
        .both(0, {write(1, 1)})
        .both(1, {write(1, 2), write(2, 5)})
        .both(2, {read(2, 5), write(3, 7)})
        .both(3, {read(3, 7), read(1, 1)});
  };
  const Verdict v = script().check();
  CHECK(v.validity == Validity::invalid);
  CHECK(text(v.anomalies) == "G-single-item-realtime, cyclic-versions-realtime");
  CHECK(script().check("strong-session-serializable").validity == Validity::valid);
}

TEST_CASE("rw-register: an order that only a process tells refutes nothing that does not know it") {
  const auto script = [] {
    return Script()
        .both(0, {write(1, 1)})
        .both(1, {write(1, 2), write(2, 5)})
        .both(0, {read(1, 2)})
        .both(2, {read(2, 5), write(3, 7)})
        .both(3, {read(3, 7), read(1, 1)});
  };
  const Verdict v = script().check("strong-session-serializable");
  CHECK(v.validity == Validity::invalid);
  CHECK(text(v.anomalies) == "G-single-item-process, causality-violation-process");
  CHECK(script().check("serializable").validity == Validity::valid);
}

TEST_CASE("rw-register: cyclic versions follow from reads, which read uncommitted leaves free") {
  // Whichever of the two wrote last, no write was undone by one that came before it.
  for (const int last : {1, 2}) {
    const auto script = [&] {
      return Script()
          .together({read(1, 1), write(1, 2)}, {read(1, 2), write(1, 1)})
          .both(2, {read(1, last)});
    };
    CHECK(script().check("read-uncommitted").validity == Validity::valid);
    const Verdict v = script().check("read-committed");
    CHECK(v.validity == Validity::invalid);
    CHECK(text(v.anomalies) == "G1c, cyclic-versions");
    CHECK(text(v.refuted) == "read-committed");
  }
}

TEST_CASE("rw-register: of a long circle of versions as much is told as anybody reads") {
  constexpr int versions = 40;
  Script script;
  for (int i = 1; i <= versions; ++i)
    script.begin(static_cast<std::uint32_t>(i), {read(1, i), write(1, i % versions + 1)});
  for (int i = 1; i <= versions; ++i)
    script.end(static_cast<std::uint32_t>(i), {read(1, i), write(1, i % versions + 1)});
  const Verdict v = script.check("read-committed");
  REQUIRE(text(v.anomalies) == "G1c, cyclic-versions");
  const Value& one = v.cases[told_cases::text_at(v.cases[0], "anomaly") == "G1c" ? 1 : 0];
  const std::size_t told = told_cases::list_at(one, "edges").size();
  CHECK(told > 10);
  CHECK(told < versions);
  CHECK(told_cases::at(one, "edges_left_out") == Value(versions - told));
  CHECK(told_cases::text_at(one, "sentence").ends_with(", …"));
}

TEST_CASE("rw-register: an info may happen late") {
  const Verdict v = Script()
                        .both(0, {write(1, 1)}, Fate::info)
                        .both(1, {write(1, 2)})
                        .both(2, {read(1, 2)})
                        .both(2, {read(1, 1)})
                        .check();
  CHECK(v.validity == Validity::valid);
}

TEST_CASE("rw-register: who writes twice what it read loses no update of its own") {
  const Verdict v =
      Script().both(0, {read(1), write(1, 1), write(1, 2)}).both(1, {read(1, 2)}).check();
  CHECK(v.validity == Validity::valid);
}

}  // namespace faultline::rw_register
