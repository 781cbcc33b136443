// Registers of which no order of the versions fits, or one that nobody guesses: how that is told,
// and what is looked at again. Against brute force: tests/oracle/blind_writes_test.cc.
#include "checkers/transactional/polygraph.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "bench/database.h"
#include "checkers/checkers.h"
#include "checkers/transactional/cycles.h"
#include "checkers/transactional/saturation.h"
#include "harness/io/json.h"
#include "tests/checkers/transaction_script.h"

namespace faultline::polygraph {

using namespace transactional;
using transactional::Edge;

struct Micro {
  static constexpr auto make = &make_rw_register;

  char key;
  bool is_write;
  int content;  ///< 0: nil.

  Value value(bool answered) const {
    return List{is_write ? "w" : "r", std::string(1, key),
                content != 0 && (is_write || answered) ? Value(content) : Value()};
  }
};
Micro w(char key, int value) { return {key, true, value}; }
Micro r(char key, int value = 0) { return {key, false, value}; }

using Micros = std::vector<Micro>;
using Script = TransactionScript<Micro>;

/// All at once, each by a process of its own.
Script together(const std::vector<Micros>& all) {
  Script script;
  for (std::uint32_t p = 0; p < all.size(); ++p) script.begin(p, all[p]);
  for (std::uint32_t p = 0; p < all.size(); ++p) script.end(p, all[p]);
  return script;
}

/// Whoever wrote a first, the reader of that value missed the other's write, and is missed by it.
const std::vector<Micros> serial_dilemma = {
    {w('a', 1), r('x')}, {w('a', 2), r('y')}, {r('a', 1), w('y', 3)}, {r('a', 2), w('x', 4)}};
/// Likewise, but by a long fork each: four that see two writes in different orders.
const std::vector<Micros> snapshot_dilemma = {
    {w('a', 1), w('e', 1)}, {w('a', 2), w('c', 1)}, {r('c', 1), r('b')},    {w('b', 1), w('d', 1)},
    {r('a', 1), r('d', 1)}, {r('e', 1), r('g')},    {w('g', 1), w('f', 1)}, {r('a', 2), r('f', 1)}};

std::string text(const Verdict& v) {
  std::string out;
  for (const auto& [name, count] : v.anomalies)
    out += (out.empty() ? "" : ", ") + name + (count == 1 ? "" : " " + std::to_string(count));
  return out;
}

TEST_CASE("polygraph: no serial order, whichever version was first, is told case by case") {
  const Verdict v = together(serial_dilemma).check();
  CHECK(v.validity == Validity::invalid);
  CHECK(v.engine == "graph+sat");
  CHECK(text(v) == "no-serial-order");
  CHECK(v.refuted == std::vector<std::string>{"repeatable-read"});
  CHECK(v.not_refuted ==
        std::vector<std::string>{"update-serializable", "strong-snapshot-isolation"});
  CHECK(v.summary ==
        "no-serial-order: whichever of 1 and 2 came first in key \"a\", 4 transactions have no "
        "serial order");
  CHECK(v.witness == std::vector<OperationId>{0, 1, 2, 3});
  CHECK(v.explanation ==
        "no-serial-order: let\n"
        "  T1  process 0  0.000 s to 0.040 s  ok  write 1 to \"a\", read \"x\": nil\n"
        "  T2  process 1  0.010 s to 0.050 s  ok  write 2 to \"a\", read \"y\": nil\n"
        "  T3  process 2  0.020 s to 0.060 s  ok  read \"a\": 1, write 3 to \"y\"\n"
        "  T4  process 3  0.030 s to 0.070 s  ok  read \"a\": 2, write 4 to \"x\"\n"
        "  then\n"
        "  if 1 was before 2 in key \"a\":\n"
        "        T2 < T3, because T2 read key \"y\" as nil, without T3's 3\n"
        "    but T3 < T2, because T3 read key \"a\" as 1, without T2's 2: a contradiction\n"
        "  so 2 was before 1 in key \"a\":\n"
        "      T1 < T4, because T1 read key \"x\" as nil, without T4's 4\n"
        "  but T4 < T1, because T4 read key \"a\" as 2, without T1's 1: a contradiction\n");
  // In parts, each branch with what is assumed in it.
  REQUIRE(v.cases.size() == 1);
  const List& branches = told_cases::list_at(v.cases[0], "branches");
  REQUIRE(branches.size() == 2);
  CHECK(to_json(branches[0]) ==
        R"({"given":[{"key":"a","before":1,"after":2,"text":"1 was before 2 in key \"a\""}],)"
        R"("edges":[{"from":"T2","to":"T3","kind":"rw","source":"initial","key":"y",)"
        R"("before":null,"after":3,"text":"T2 read key \"y\" as nil, without T3's 3"},)"
        R"({"from":"T3","to":"T2","kind":"rw","source":"assumed","key":"a","before":1,)"
        R"("after":2,"text":"T3 read key \"a\" as 1, without T2's 2"}]})");
  CHECK(to_json(told_cases::at(branches[1], "given")) ==
        R"([{"key":"a","before":2,"after":1,"text":"2 was before 1 in key \"a\""}])");
  // Snapshots may both miss the other, and three of the four are no dilemma.
  CHECK(together(serial_dilemma).check("strong-snapshot-isolation").validity == Validity::valid);
  for (const std::size_t i : {2, 3}) {
    auto three = serial_dilemma;
    three[i] = {r('z')};
    CHECK(together(three).check("serializable").validity == Validity::valid);
  }
}

TEST_CASE("polygraph: no order of snapshots, whichever version was first") {
  const Verdict v = together(snapshot_dilemma).check("snapshot-isolation");
  CHECK(v.validity == Validity::invalid);
  CHECK(text(v) == "no-snapshot-order");
  CHECK(v.refuted == std::vector<std::string>{"repeatable-read", "snapshot-isolation"});
  CHECK(v.witness.size() == 8);
  CHECK(v.summary.ends_with("8 transactions have no order of their snapshots"));
  // What is weaker is what there is to say, whatever was asked.
  CHECK(text(together(snapshot_dilemma).check("serializable")) == "no-snapshot-order");
  CHECK(together(snapshot_dilemma).check("parallel-snapshot-isolation").validity !=
        Validity::invalid);
}

TEST_CASE("polygraph: the order of processes and real time count where they are asked for") {
  // As above, but the writes of a and the reads of nil are of two transactions, one after another.
  const auto script = [](bool same_process) {
    Script s;
    s.begin(2, {r('a', 1), w('y', 3)}).begin(3, {r('a', 2), w('x', 4)});
    s.begin(0, {w('a', 1)}).begin(1, {w('a', 2)});
    s.end(0, {w('a', 1)}).end(1, {w('a', 2)});
    s.both(same_process ? 0 : 10, {r('x')}).both(same_process ? 1 : 11, {r('y')});
    s.end(2, {r('a', 1), w('y', 3)}).end(3, {r('a', 2), w('x', 4)});
    return s;
  };
  CHECK(script(true).check("serializable").validity == Validity::valid);
  CHECK(script(true).check("strong-snapshot-isolation").validity == Validity::valid);
  const Verdict process = script(true).check("strong-session-serializable");
  CHECK(text(process) == "no-serial-order-process");
  CHECK(process.refuted == std::vector<std::string>{"strong-session-serializable"});
  CHECK(process.summary.ends_with(
      "6 transactions have no serial order that keeps that of the processes"));
  CHECK(process.explanation.find("process 0 was done with T3 when it began T5") !=
        std::string::npos);
  CHECK(script(false).check("strong-session-serializable").validity == Validity::valid);
  const Verdict real_time = script(false).check();
  CHECK(text(real_time) == "no-serial-order-realtime");
  CHECK(real_time.refuted == std::vector<std::string>{"strict-serializable"});
  CHECK(real_time.summary.ends_with("that keeps real time"));
  CHECK(real_time.explanation.find("T3 had ended at 0.04 s when T5 began at 0.06 s") !=
        std::string::npos);
}

TEST_CASE("polygraph: of several pairs of versions each case is told") {
  // What 2 of a comes before hangs on c, of which 5 must be the first.
  const Verdict v = together({{w('a', 1), r('x')},
                              {w('a', 2), r('c', 5)},
                              {r('a', 1), w('c', 6), w('z', 7)},
                              {r('a', 2), w('x', 4)},
                              {w('c', 5), r('z')},
                              {r('a', 2), w('q', 8)}})
                        .check("serializable");
  CHECK(text(v) == "no-serial-order");
  CHECK(v.witness == std::vector<OperationId>{0, 1, 2, 3, 4});  // the last has no part in it
  CHECK(
      v.summary ==
      "no-serial-order: in whatever order the values of keys \"a\" and \"c\" came, 5 transactions "
      "have no serial order");
  CAPTURE(v.explanation);
  std::size_t contradictions = 0;
  for (std::size_t at = 0; (at = v.explanation.find("a contradiction", at)) != v.explanation.npos;
       ++at)
    ++contradictions;
  CHECK(contradictions == 3);
  CHECK(v.explanation.find("  so 6 was before 5 in key \"c\":\n") != std::string::npos);
}

TEST_CASE("polygraph: more cases than anybody reads are counted, not told") {
  // Six pairs of versions in a ring: whichever was first of one, there is a way to the next.
  constexpr char pairs = 6;
  std::vector<Micros> all;
  for (char i = 0; i < pairs; ++i) {
    const auto next = static_cast<char>((i + 1) % pairs);
    const auto one = [](char p) { return static_cast<char>('A' + p); };
    const auto other = [](char p) { return static_cast<char>('M' + p); };
    const auto key = static_cast<char>('a' + i);
    all.push_back({w(key, 1), r(one(next)), r(other(next))});
    all.push_back({w(key, 2), r(one(next)), r(other(next))});
    all.push_back({r(key, 1), w(one(i), 1)});
    all.push_back({r(key, 2), w(other(i), 1)});
  }
  const Verdict v = together(all).check("serializable");
  CHECK(text(v) == "no-serial-order");
  CAPTURE(v.explanation);
  CHECK(v.explanation.find(": more than 50 cases, each a contradiction\n") != std::string::npos);
  REQUIRE(v.cases.size() == 1);
  CHECK(told_cases::at(v.cases[0], "more_branches_than") == Value(50));
  CHECK(told_cases::list_at(v.cases[0], "branches").empty());
}

// --- What is looked at again ---------------------------------------------------------------------

/// A history with its registers.
struct Recorded {
  explicit Recorded(History recorded) : history(std::move(recorded)) {}
  History history;
  Transactions transactions{history, Objects::registers};
  Elements values{transactions};
  Registers registers{transactions, values};
  Meter meter{1'000'000'000, 1'000'000'000, nullptr};

  std::vector<Transaction> all() const {
    std::vector<Transaction> members;
    for (Transaction t = 0; t < transactions.size(); ++t) members.push_back(t);
    return members;
  }
  Refutation refuted(Claim claim, Order order) {
    Decision decision = decide(registers, all(), all(), claim, order, 0, meter);
    REQUIRE(decision.answer == Decision::Answer::refuted);
    return std::move(decision.refutation);
  }
};

/// Calls `spoil` with each cycle of it, and takes what it makes of it for unsound.
template <typename Spoil>
void check_unsound(const Recorded& from, const Refutation& sound, Spoil spoil) {
  REQUIRE(is_sound(from.registers, sound));
  for (std::size_t i = 0; i < sound.cycles.size(); ++i) {
    Refutation spoilt = sound;
    spoil(spoilt.cycles[i]);
    CHECK_FALSE(is_sound(from.registers, spoilt));
  }
}

TEST_CASE("polygraph: a refutation is not believed if a cycle is none") {
  Recorded from(together(serial_dilemma).history());
  const Refutation sound = from.refuted(Claim::serial, Order::none);
  REQUIRE(sound.cycles.size() == 2);
  check_unsound(from, sound, [](ForcedCycle& c) { c.given.clear(); });
  check_unsound(from, sound,
                [](ForcedCycle& c) { std::swap(c.given[0].before, c.given[0].after); });
  check_unsound(from, sound, [](ForcedCycle& c) { c.steps.pop_back(); });
  check_unsound(from, sound, [](ForcedCycle& c) { c.steps.clear(); });
  check_unsound(from, sound,
                [](ForcedCycle& c) { std::swap(c.steps[0].transaction, c.steps[1].transaction); });
  check_unsound(from, sound,
                [](ForcedCycle& c) { c.steps[1].transaction = c.steps[0].transaction; });
  check_unsound(from, sound,
                [](ForcedCycle& c) { c.steps[0].why = {}, c.steps[0].edge = Edge::wr; });
  for (const Edge edge : {Edge::ww, Edge::process, Edge::realtime, Edge::free})
    check_unsound(from, sound, [&](ForcedCycle& c) { c.steps[1].edge = edge; });
  // Two reads in a row that missed a write are no contradiction of snapshots.
  Refutation snapshots = sound;
  snapshots.claim = Claim::snapshots;
  CHECK_FALSE(is_sound(from.registers, snapshots));
}

TEST_CASE("polygraph: a step must be what it says") {
  Recorded from(Script()
                    .both(0, {w('a', 1)})
                    .both(0, {w('b', 1)})
                    .both(1, {w('a', 2)})
                    .both(0, {w('a', 3)})
                    .history());
  const auto version = [&](Transaction t) { return from.transactions.of(t)[0].append; };
  const Version a1 = version(0), b1 = version(1), a2 = version(2), a3 = version(3);
  const auto sound = [&](Order order, ForcedCycle cycle) {
    return is_sound(from.registers, {Claim::serial, order, {std::move(cycle)}});
  };
  // Both ways round two that follow one another.
  const auto sound_with = [&](Order order, Edge edge, Transaction after, Precedence why) {
    return sound(order, {{why}, {{0, edge, {}}, {after, Edge::ww, why}}});
  };
  CHECK(sound_with(Order::realtime, Edge::realtime, 2, {a2, a1}));
  CHECK(sound_with(Order::process, Edge::process, 3, {a3, a1}));
  CHECK_FALSE(sound_with(Order::none, Edge::realtime, 2, {a2, a1}));
  CHECK_FALSE(sound_with(Order::none, Edge::process, 3, {a3, a1}));
  CHECK_FALSE(sound_with(Order::process, Edge::realtime, 2, {a2, a1}));
  CHECK_FALSE(sound_with(Order::realtime, Edge::process, 3, {a3, a1}));
  // Other processes; the wrong way round; another version, another key; nothing that was given.
  CHECK_FALSE(sound_with(Order::process, Edge::process, 2, {a2, a1}));
  CHECK_FALSE(
      sound(Order::process, {{{a1, a3}}, {{3, Edge::process, {}}, {0, Edge::ww, {a1, a3}}}}));
  CHECK_FALSE(
      sound(Order::realtime, {{{a1, a2}}, {{2, Edge::realtime, {}}, {0, Edge::ww, {a1, a2}}}}));
  CHECK_FALSE(sound_with(Order::realtime, Edge::realtime, 2, {a3, a1}));
  CHECK_FALSE(sound_with(Order::realtime, Edge::realtime, 2, {a2, a3}));
  CHECK_FALSE(sound_with(Order::realtime, Edge::realtime, 1, {b1, a1}));
  CHECK_FALSE(sound(Order::realtime, {{}, {{0, Edge::realtime, {}}, {2, Edge::ww, {a2, a1}}}}));
}

TEST_CASE("polygraph: what did not happen is part of no cycle") {
  Recorded from(Script()
                    .both(0, {w('a', 1)}, Fate::info)
                    .both(1, {w('a', 2)})
                    .both(2, {r('a', 2)})
                    .history());
  const auto version = [&](Transaction t) { return from.transactions.of(t)[0].append; };
  const Precedence first{version(0), version(1)}, second{version(1), version(0)};
  CHECK_FALSE(is_sound(from.registers,
                       {Claim::serial,
                        Order::none,
                        {{{first, second}, {{0, Edge::ww, first}, {1, Edge::ww, second}}}}}));
}

TEST_CASE("polygraph: cases that are left open, or too many, are no proof") {
  Recorded from(together(serial_dilemma).history());
  Refutation all = from.refuted(Claim::serial, Order::none);
  const auto cases = cases_of(all, 3);
  REQUIRE(cases);
  CHECK(cases->size() == 3);
  CHECK_FALSE(cases_of(all, 2));
  all.cycles.pop_back();
  REQUIRE(cases_of(all, 3));
  CHECK(cases_of(all, 3)->empty());
  all.cycles.clear();
  CHECK(cases_of(all, 3)->empty());
}

TEST_CASE("polygraph: what has no part in a refutation is left out of it") {
  // Twice the same dilemma, of other keys.
  auto twice = serial_dilemma;
  for (Micros micros : serial_dilemma) {
    for (Micro& m : micros) m.key = static_cast<char>(m.key + 1 - 'a' + 'A');
    twice.push_back(micros);
  }
  Recorded from(together(twice).history());
  Refutation both = from.refuted(Claim::serial, Order::none);
  const Refutation other = [&] {
    std::vector<Transaction> members = from.all();
    members.erase(members.begin());
    return decide(from.registers, members, members, Claim::serial, Order::none, 0, from.meter)
        .refutation;
  }();
  both.cycles.insert(both.cycles.end(), other.cycles.begin(), other.cycles.end());
  CHECK(members_of(shrunk(from.registers, both, from.meter)).size() == 4);
}

// --- Many ----------------------------------------------------------------------------------------

TEST_CASE("polygraph: ten thousand transactions that write blindly, twenty at a time") {
  const History history = Database(10'000, 128, 0, Work::blind_registers).run();
  for (const char* model : {"strict-serializable", "serializable", "snapshot-isolation"}) {
    const Verdict v = Script::checker(model)->check(history, {});
    CAPTURE(model);
    CHECK(v.summary == std::string(model) + ": no anomaly in 10,009 transactions");
    CHECK(v.engine == "graph+sat");
  }
  // It is a small part of them that is chosen between.
  Recorded from(Database(10'000, 128, 0, Work::blind_registers).run());
  const Decision decision =
      decide(from.registers, from.all(), from.all(), Claim::serial, Order::realtime, 0, from.meter);
  CHECK(decision.answer == Decision::Answer::holds);
  CHECK(decision.pairs < 20'000);
}

TEST_CASE("polygraph: the budget is honoured") {
  Recorded from(Database(10'000, 128, 0, Work::blind_registers).run());
  Meter steps(20'000, 1'000'000'000, nullptr);
  CHECK_THROWS_AS(
      decide(from.registers, from.all(), from.all(), Claim::serial, Order::none, 0, steps),
      OutOfBudget);
  Meter bytes(1'000'000'000, 1'000'000, nullptr);
  CHECK_THROWS_AS(
      decide(from.registers, from.all(), from.all(), Claim::serial, Order::none, 0, bytes),
      OutOfBytes);
  Meter taken(1'000'000'000, 100'000'000, nullptr);
  CHECK_THROWS_AS(
      decide(from.registers, from.all(), from.all(), Claim::serial, Order::none, 99'999'000, taken),
      OutOfBytes);
  Refutation whole =
      Recorded(together(serial_dilemma).history()).refuted(Claim::serial, Order::none);
  Recorded small(together(serial_dilemma).history());
  Meter none(10, 1'000'000'000, nullptr);
  CHECK(members_of(shrunk(small.registers, whole, none)).size() == 4);
}

}  // namespace faultline::polygraph
