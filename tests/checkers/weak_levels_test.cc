// What registers are known to promise without an order of versions: the levels up to causal
// consistency, what violates each, and how it is told. Against brute force:
// tests/oracle/rw_register_test.cc.
#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "checkers/transactional/isolation.h"
#include "tests/checkers/transaction_script.h"

namespace faultline::weak_levels {

struct Micro {
  static constexpr auto make = &make_rw_register;

  char key;
  bool is_write;
  std::optional<int> content;

  Value value(bool answered) const {
    return List{is_write ? "w" : "r", std::string(1, key),
                content && (is_write || answered) ? Value(*content) : Value()};
  }
};
Micro w(char key, int value) { return {key, true, value}; }
Micro r(char key, std::optional<int> value = {}) { return {key, false, value}; }

using Script = TransactionScript<Micro>;

std::string text(const Verdict& v) {
  std::string out;
  for (const auto& [name, count] : v.anomalies)
    out += (out.empty() ? "" : ", ") + name + (count == 1 ? "" : " " + std::to_string(count));
  return out;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

bool is_refuted(const Verdict& v, const std::string& model) {
  return std::ranges::find(v.refuted, model) != v.refuted.end() ||
         std::ranges::find(v.also_refuted, model) != v.also_refuted.end();
}

/// Valid for the first, invalid for the second, which no weaker one is ruled out with.
template <typename Make>
Verdict between(Make make, const char* holds, const char* violated, const char* anomaly) {
  CAPTURE(holds);
  CAPTURE(violated);
  CHECK(make().check(holds).validity == Validity::valid);
  const Verdict v = make().check(violated);
  CAPTURE(v.explanation);
  CHECK(v.validity == Validity::invalid);
  CHECK(text(v) == anomaly);
  CHECK(std::ranges::find(v.refuted, violated) != v.refuted.end());
  CHECK_FALSE(is_refuted(v, holds));
  CHECK_FALSE(v.witness.empty());
  return v;
}

TEST_CASE("weak levels: a later read misses what a transaction did that was read of: OTV") {
  const auto make = [] {
    return Script()
        .both(0, {w('x', 1), w('y', 1)})
        .both(1, {r('x', 1), w('x', 2), w('y', 2)})
        .both(2, {r('x', 2), r('y', 1)});
  };
  CHECK(make().check("read-committed").validity == Validity::valid);
  const Verdict v = make().check("monotonic-atomic-view");
  CHECK(v.validity == Validity::invalid);
  CHECK(text(v) == "OTV");
  CHECK(is_refuted(v, "monotonic-view"));
  CHECK(is_refuted(v, "read-atomic"));
  CHECK_FALSE(is_refuted(v, "cursor-stability"));
  CHECK_FALSE(is_refuted(v, "causal"));
  CHECK(v.witness == std::vector<OperationId>{0, 1, 2});
  CHECK(
      v.explanation ==
      "OTV: let\n"
      "  T1  process 0  0.000 s to 0.010 s  ok  write 1 to \"x\", write 1 to \"y\"\n"
      "  T2  process 1  0.020 s to 0.030 s  ok  read \"x\": 1, write 2 to \"x\", write 2 to \"y\"\n"
      "  T3  process 2  0.040 s to 0.050 s  ok  read \"x\": 2, read \"y\": 1\n"
      "  then\n"
      "      T1 < T2, because T2 read key \"x\" as T1's 1\n"
      "  but T2 < T1, because T2's 2 of key \"y\" was before T1's 1 (T3 read of T2, and read key "
      "\"y\" as 1 all the same): a contradiction\n");
}

TEST_CASE("weak levels: an earlier read misses what a transaction did that is read of: fractured") {
  const auto make = [] {
    return Script()
        .together({w('x', 1), w('y', 1)}, {w('x', 2), w('y', 2)})
        .both(2, {r('x', 1), r('y', 2)});
  };
  const Verdict v = between(make, "monotonic-atomic-view", "read-atomic", "fractured-read");
  CHECK(has(v.explanation, "T1's 1 of key \"y\" was before T2's 2 (T3 read of T1, and"));
  CHECK(has(v.explanation, "T2's 2 of key \"x\" was before T1's 1 (T3 read of T2, and"));
  // Nil is older than everything, so one half is enough.
  const auto half = [] {
    return Script().both(0, {w('x', 1), w('y', 1)}).both(2, {r('x'), r('y', 1)});
  };
  const Verdict h = half().check("read-atomic");
  CHECK(text(h) == "fractured-read");
  CHECK(h.summary ==
        "fractured-read: T2 read key \"y\" as T1's 1, although T2 read key \"x\" as nil, without "
        "T1's 1");
  CHECK(half().check("monotonic-atomic-view").validity == Validity::valid);
}

TEST_CASE("weak levels: an effect without its cause") {
  const auto make = [] {
    return Script()
        .both(0, {w('x', 1)})
        .both(1, {r('x', 1), w('y', 1)})
        .both(2, {r('y', 1), r('x')});
  };
  const Verdict v = make().check("causal-cerone");
  CHECK(text(v) == "causality-violation");
  CHECK(is_refuted(v, "parallel-snapshot-isolation"));
  CHECK(make().check("read-atomic").validity == Validity::valid);
  CHECK(text(make().check("causal")) == "WriteCORead");

  // Older, not nil: what was known through somebody else is told.
  const auto older = [] {
    return Script()
        .both(0, {w('x', 1), w('z', 1)})
        .both(1, {w('x', 2), r('z', 1)})
        .both(3, {r('x', 2), w('y', 1)})
        .both(4, {r('y', 1), r('x', 1)});
  };
  const Verdict o = between(older, "read-atomic", "causal-cerone", "causality-violation");
  CHECK(has(o.explanation, "(T3 knew of T2 through T4, and read key \"x\" as 1 all the same)"));

  // Through all who stand between.
  const Verdict far = Script()
                          .both(0, {w('x', 1), w('z', 1)})
                          .both(1, {w('x', 2), r('z', 1)})
                          .both(3, {r('x', 2), w('y', 1)})
                          .both(5, {r('y', 1), w('q', 1)})
                          .both(4, {r('q', 1), r('x', 1)})
                          .check("causal-cerone");
  CHECK(text(far) == "causality-violation");
  CHECK(has(far.explanation, "(T3 knew of T2 through T4 and T5, and read key \"x\" as 1"));
}

TEST_CASE("weak levels: sessions count only where a model says so") {
  const auto make = [] {
    return Script().both(0, {w('x', 1)}).both(0, {w('y', 1)}).both(2, {r('y', 1), r('x')});
  };
  const Verdict v = between(make, "causal-cerone", "causal", "WriteCORead");
  CHECK(has(v.explanation, "process 0 was done with T1 when it began T2"));
  CHECK(text(make().check("strong-session-causal")) == "WriteCORead");
}

TEST_CASE("weak levels: what a process wrote is known to it, and each write of a process counts") {
  // Each process reads what the other one wrote instead of its own, in an order of its own.
  const auto make = [] {
    return Script().together({w('x', 1)}, {w('x', 2)}).both(91, {r('x', 2)}).both(92, {r('x', 1)});
  };
  const Verdict v =
      between(make, "read-atomic", "strong-session-read-atomic", "fractured-read-process");
  CHECK(has(v.explanation,
            "T1's 1 of key \"x\" was before T2's 2 (T3 came after T1 in its process, and read key "
            "\"x\" as 2 all the same)"));
  CHECK(make().check("causal").validity == Validity::valid);
  // That something simpler is wrong is told, not the causality that is as well.
  CHECK(text(make().check("strong-session-causal")) == "fractured-read-process");

  // Nil is older than what the process wrote, and its first write older than its second.
  const auto nil = [](std::uint32_t reader) {
    return Script().both(0, {w('x', 1)}).both(0, {w('y', 1)}).both(reader, {r('x')});
  };
  CHECK(text(nil(0).check("strong-session-read-atomic")) == "fractured-read-process");
  CHECK(nil(0).check("read-atomic").validity == Validity::valid);
  CHECK(nil(1).check("strong-session-read-atomic").validity == Validity::valid);
  const auto second = [](int seen) {
    return Script().both(0, {w('x', 1)}).both(0, {w('x', 2)}).both(0, {r('x', seen)});
  };
  CHECK(text(second(1).check("strong-session-read-atomic")) == "fractured-read-process");
  CHECK(second(2).check("strong-session-read-atomic").validity == Validity::valid);
  // What it only read does not count, nor what others did; these are causality's.
  const auto met = [] {
    return Script()
        .together({w('x', 1)}, {w('x', 2)})
        .both(3, {r('x', 1)})
        .both(4, {r('x', 2)})
        .both(3, {r('x', 2)})
        .both(4, {r('x', 1)});
  };
  (void)between(met, "strong-session-read-atomic", "strong-session-causal",
                "causality-violation-process");
}

TEST_CASE("weak levels: a transaction is read of as a whole, in the order of sessions") {
  // T3 missed T2's x, so that T2 comes before T1; but process 0 was done with T1 before.
  const auto make = [](std::uint32_t second) {
    return Script()
        .both(0, {w('x', 1)})
        .both(second, {w('x', 2), w('y', 2)})
        .both(2, {r('y', 2), r('x', 1)});
  };
  CHECK(make(1).check("strong-session-read-atomic").validity == Validity::valid);
  CHECK(make(0).check("read-atomic").validity == Validity::valid);
  const Verdict v = make(0).check("strong-session-read-atomic");
  CHECK(text(v) == "fractured-read-process");
  CHECK(has(v.explanation, "process 0 was done with T1 when it began T2"));
}

TEST_CASE(
    "weak levels: readers who disagree about concurrent writes are causal, and not convergent") {
  const auto make = [] {
    return Script()
        .together({w('x', 1)}, {w('x', 2)})
        .both(3, {r('x', 1)})
        .both(4, {r('x', 2)})
        .both(3, {r('x', 2)})
        .both(4, {r('x', 1)});
  };
  const Verdict v = between(make, "causal", "strong-session-causal", "causality-violation-process");
  CHECK(has(v.explanation, "(T3 knew of T1 through T4, and read key \"x\" as 2 all the same)"));
  CHECK(make().check("causal-cerone").validity == Validity::valid);
}

TEST_CASE(
    "weak levels: two keys of one reader may contradict each other where each alone is right") {
  // Concurrent writers of both; the reader takes one key of each.
  const auto make = [] {
    return Script()
        .together({w('x', 1), w('y', 1)}, {w('x', 2), w('y', 2)})
        .both(2, {r('x', 1), r('y', 2)});
  };
  CHECK(text(make().check("causal")) == "WriteCORead");
  CHECK(make().check("strong-session-read-committed").validity == Validity::valid);
}

TEST_CASE("weak levels: of later reads the nearest two of different writers count") {
  // The middle reads are of the same transaction as the first one.
  const auto make = [](int last) {
    return Script()
        .both(0, {w('x', 1), w('z', 1)})
        .both(1, {r('z', 1), w('x', 2), w('y', 2)})
        .both(2, {r('y', 2), r('x', 2), r('x', 2), r('x', last)})
        .check("monotonic-atomic-view");
  };
  CHECK(make(2).validity == Validity::valid);
  CHECK(text(make(1)) == "OTV");
}

TEST_CASE("weak levels: who did not happen tells nothing, and an info that was seen happened") {
  const auto make = [](Fate fate, std::optional<int> y) {
    return Script()
        .both(0, {w('x', 1), w('y', 1)}, fate)
        .both(1, {w('x', 2)})
        .both(2, {r('y', y), r('x')})
        .check("read-atomic");
  };
  CHECK(make(Fate::info, {}).validity == Validity::valid);
  CHECK(text(make(Fate::info, 1)) == "OTV");
  CHECK(make(Fate::fail, {}).validity == Validity::valid);
  CHECK(text(make(Fate::fail, 1)) == "G1a");
}

TEST_CASE("weak levels: what a transaction contradicts itself in is read atomic's, not below") {
  const auto make = [] {
    return Script().together({w('x', 1)}, {w('x', 2)}).both(2, {r('x', 1), r('x', 2)});
  };
  CHECK(make().check("monotonic-atomic-view").validity == Validity::valid);
  CHECK(text(make().check("read-atomic")) == "internal");
  CHECK(text(make().check("causal")) == "internal");
}

TEST_CASE("weak levels: of too many sessions there are no clocks, and reads are gone back from") {
  const auto make = [](std::optional<int> x) {
    Script script;
    script.both(0, {w('x', 1)}).both(0, {w('y', 1)});
    for (std::uint32_t p = 1; p <= 400; ++p) script.both(p, {r('x', 1)});
    return script.both(401, {r('y', 1), r('x', x)});
  };
  Budget little;
  little.bytes_max = 400'000;  // clocks alone would be more
  for (const bool is_little : {false, true}) {
    CAPTURE(is_little);
    const Budget budget = is_little ? little : Budget();
    const Verdict v = make({}).check("strong-session-causal", budget);
    CHECK(text(v) == (is_little ? "causality-violation-process" : "WriteCORead"));
    CHECK(v.witness == std::vector<OperationId>{0, 1, 402});
    CHECK(make(1).check("strong-session-causal", budget).validity == Validity::valid);
    CHECK(make({}).check("causal-cerone", budget).validity == Validity::valid);
    // That others may have other orders, only clocks tell.
    CHECK(make({}).check("causal", budget).validity ==
          (is_little ? Validity::unknown : Validity::invalid));
  }
}

TEST_CASE("weak levels: a transaction of many reads fits its own order, or does not") {
  // Each of two writers of all keys; half is read of the one and half of the other.
  const auto make = [](bool is_mixed) {
    std::vector<Micro> first, second, reads;
    for (char key = 'a'; key <= 'z'; ++key) {
      first.push_back(w(key, 1));
      second.push_back(w(key, 2));
      reads.push_back(r(key, is_mixed && key > 'm' ? 2 : 1));
    }
    return Script().together(first, second).both(2, reads).check("causal");
  };
  CHECK(make(false).validity == Validity::valid);
  CHECK(text(make(true)) == "WriteCORead");
}

TEST_CASE("weak levels: monotonic view is ruled out by what monotonic atomic view forbids") {
  const Verdict v = Script()
                        .both(0, {w('x', 1), w('y', 1)})
                        .both(1, {r('x', 1), w('x', 2), w('y', 2)})
                        .both(2, {r('x', 2), r('y', 1)})
                        .check("monotonic-view");
  CHECK(v.validity == Validity::invalid);
  CHECK(text(v) == "OTV");
}

TEST_CASE("weak levels: the budget may end, and then nothing is said") {
  Script script;
  for (int i = 0; i < 5000; ++i) script.both(0, {w('x', i), r('y')});
  Budget little;
  little.steps_max = 1000;
  CHECK(script.check("causal-cerone", little).reason == "steps");
}

/// With budgets that end anywhere: what is wrong is named as soon as it is known. The summaries of
/// what was not made out.
template <typename Make>
std::vector<std::string> cut(Make make, const char* model, const char* anomaly) {
  CAPTURE(model);
  std::vector<std::string> unfinished;
  bool is_finished = false;
  for (Budget budget{.steps_max = 1}; budget.steps_max < 400; ++budget.steps_max) {
    const Verdict v = make().check(model, budget);
    CAPTURE(budget.steps_max);
    CAPTURE(v.explanation);
    CHECK(v.validity != Validity::valid);
    if (v.validity != Validity::invalid) {
      CHECK(v.reason == "steps");
      continue;
    }
    CHECK_FALSE(v.witness.empty());
    if (!has(v.summary, "; the budget ended before it was made out why")) {
      is_finished = is_finished || text(v) == anomaly;
      continue;
    }
    CHECK_FALSE(v.incomplete.empty());
    if (unfinished.empty() || unfinished.back() != v.summary) unfinished.push_back(v.summary);
  }
  CHECK(is_finished);
  return unfinished;
}

std::vector<std::string> unfinished(std::initializer_list<const char*> summaries) {
  std::vector<std::string> all;
  for (const char* summary : summaries)
    all.push_back(std::string(summary) + "; the budget ended before it was made out why");
  return all;
}

TEST_CASE("weak levels: a budget that ends before it is known why says what it is") {
  const auto otv = [] {
    return Script()
        .both(0, {w('x', 1), w('y', 1)})
        .both(1, {r('x', 1), w('x', 2), w('y', 2)})
        .both(2, {r('x', 2), r('y', 1)});
  };
  CHECK(cut(otv, "monotonic-atomic-view", "OTV") ==
        unfinished({"OTV: 2 transactions must come before each other, by what was read without the "
                    "others"}));
  const auto half = [] {
    return Script().both(0, {w('x', 1), w('y', 1)}).both(2, {r('x'), r('y', 1)});
  };
  CHECK(cut(half, "read-atomic", "fractured-read") ==
        unfinished({"fractured-read: 2 transactions must come before each other, by what was read "
                    "without the others"}));
}

TEST_CASE("weak levels: what only sessions contradict is said if nothing simpler is known yet") {
  const auto sessions = [] {
    return Script().both(0, {w('x', 1)}).both(0, {w('y', 1)}).both(2, {r('y', 1), r('x')});
  };
  bool is_strong = false;
  for (const std::string& summary : cut(sessions, "causal", "WriteCORead")) {
    is_strong = is_strong || has(summary, "causality-violation-process: 2 transactions must");
    CHECK((has(summary, "causality-violation-process: ") || has(summary, "WriteCORead: ")));
  }
  CHECK_FALSE(is_strong);  // what is asked for does not forbid it
  const std::vector<std::string> own = cut(sessions, "strong-session-causal", "WriteCORead");
  REQUIRE(own.size() == 2);
  CHECK(has(own[0], "causality-violation-process: 2 transactions must come before each other"));
  CHECK(
      has(own[1], "WriteCORead: process 2 (T1) read what no order explains of what it must have"));
}

}  // namespace faultline::weak_levels
