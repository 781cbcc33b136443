// Transactions that look for rows: what is found in small histories, how it is told, and what of it
// holds of which model. The engine against brute force: tests/oracle/closed_predicate_test.cc.
#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "checkers/transactional/isolation.h"
#include "harness/io/load.h"
#include "tests/checkers/told_cases.h"

namespace faultline::closed_predicate {
namespace {

/// Transactions in EDN, one after the other or at once, each by a process of its own.
struct Script {
  std::string init;  ///< "{:x 1}"
  struct Txn {
    std::string value;
    const char* fate = "ok";
    bool together = false;  ///< With the one before.
  };
  std::vector<Txn> txns;

  bool says_search() const {
    return std::ranges::any_of(
        txns, [](const Txn& txn) { return txn.value.find(":rp ") != std::string::npos; });
  }
  static std::string event(std::size_t process, const std::string& type, const std::string& f,
                           const std::string& value) {
    return "{:process " + std::to_string(process) + ", :type :" + type + ", :f :" + f +
           ", :value " + value + "}\n";
  }
  History history() const {
    std::string text;
    if (!init.empty()) text = event(99, "invoke", "init", init) + event(99, "ok", "init", init);
    for (std::size_t i = 0; i < txns.size();) {
      std::size_t end = i + 1;
      while (end < txns.size() && txns[end].together) ++end;
      for (std::size_t j = i; j < end; ++j) text += event(j, "invoke", "txn", txns[j].value);
      for (std::size_t j = i; j < end; ++j) text += event(j, txns[j].fate, "txn", txns[j].value);
      i = end;
    }
    auto loaded = load_history_text(text, "test.edn");
    REQUIRE_MESSAGE(loaded, (loaded ? "" : loaded.error().what));
    return std::move(loaded->history);
  }
  Verdict check(const std::string& model = "serializable") const {
    ConfigNode mapping;
    mapping.members.push_back({"model", {}, ConfigNode::of(model)});
    Params params(mapping, "check");
    const auto checker = make_closed_predicate(params);
    REQUIRE(checker);
    const History all = history();
    CHECK((*checker)->suits(all) == (!init.empty() || says_search()));
    Verdict verdict = (*checker)->check(all, Budget());
    told_cases::check(all, verdict);
    return verdict;
  }
};

/// "G2 1, internal 2"
std::string found(const Verdict& verdict) {
  std::string text;
  for (const auto& [name, count] : verdict.anomalies)
    text += (text.empty() ? "" : ", ") + name + " " + std::to_string(count);
  return text;
}
bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("closed-predicate: what is as it must be") {
  const Script script{"{:x 1, :y 2}",
                      {{"[[:rp :true {:x 1, :y 2}] [:rp [:mod 2 0] {:y 2}]]"},
                       {"[[:insert :z 3] [:w :y 4] [:r :z 3] [:rp [:mod 2 1] {:x 1, :z 3}]]"},
                       {"[[:delete :x] [:r :x nil]]"},
                       {"[[:insert :u 8]]", "fail"},
                       {"[[:rp :true {:y 4, :z 3}] [:r :x nil] [:rp [:= 4] {:y 4}]]"}}};
  const Verdict verdict = script.check("strict-serializable");
  CHECK(verdict.validity == Validity::valid);
  CHECK(verdict.refuted.empty());
  CHECK(verdict.not_refuted == std::vector<std::string>{"strict-serializable"});
}

TEST_CASE("closed-predicate: two that each missed the other's row are a G2") {
  const Script script{
      "", {{"[[:rp :true {}] [:insert :x 1]]"}, {"[[:rp :true {}] [:insert :y 2]]", "ok", true}}};
  const Verdict verdict = script.check();
  CHECK(verdict.validity == Validity::invalid);
  CHECK(found(verdict) == "G2 1");
  CHECK(verdict.refuted == std::vector<std::string>{"serializable"});
  CHECK(says(verdict.summary, "T1 looked for \"true\" and did not find key \"y\", without T2's 2"));
  CHECK(verdict.witness.size() == 2);
  CHECK(script.check("snapshot-isolation").validity == Validity::valid);
  // No repeatable read says anything of what is not there; nor does anything prove it.
  CHECK(script.check("repeatable-read").reason == "incomplete");
}

TEST_CASE("closed-predicate: by their keys the same is a G2-item") {
  const Verdict verdict =
      Script{"", {{"[[:r :y nil] [:insert :x 1]]"}, {"[[:r :x nil] [:insert :y 2]]", "ok", true}}}
          .check();
  CHECK(found(verdict) == "G2-item 1");
  CHECK(verdict.refuted == std::vector<std::string>{"repeatable-read"});
}

TEST_CASE(
    "closed-predicate: what is by keys alone is named so, though one by predicates is shorter") {
  const Verdict verdict = Script{
      "",
      {{"[[:rp :true {}] [:r :z nil] [:insert :x 1]]"},
       {"[[:rp :true {}] [:insert :y 2]]", "ok", true},
       {"[[:r :x nil] [:insert :z 3]]", "ok",
        true}}}.check();
  CHECK(found(verdict) == "G2 1, G2-item 1");
}

TEST_CASE("closed-predicate: a row that came between two searches is a G-single") {
  const Script script{"", {{"[[:insert :x 2]]"}, {"[[:rp [:mod 2 0] {}] [:r :x 2]]", "ok", true}}};
  const Verdict verdict = script.check("consistent-view");
  CHECK(found(verdict) == "G-single 1");
  CHECK(script.check("read-committed").validity == Validity::valid);
}

TEST_CASE("closed-predicate: a row that was found does not fit later, by a write of its key") {
  // It was read by its key as well, so that this is no matter of predicates.
  const Verdict verdict =
      Script{"{:x 1}",
             {{"[[:w :x 2] [:insert :y 3]]"}, {"[[:rp :true {:x 1}] [:r :y 3]]", "ok", true}}}
          .check();
  CHECK(found(verdict) == "G-single-item 1");
}

TEST_CASE("closed-predicate: what was not found tells what was there, so information goes round") {
  const Script script{
      "{:x 0, :y 0}",
      {{"[[:rp [:= 0] {:x 0}] [:w :x 1]]"}, {"[[:rp [:= 0] {:y 0}] [:w :y 1]]", "ok", true}}};
  const Verdict verdict = script.check("read-committed");
  CHECK(found(verdict) == "G1c 1");
  CHECK(says(verdict.summary, "did not find key \"y\", as it was only after T2's 1"));
  const Verdict deleted =
      Script{"{:x 0, :y 0}",
             {{"[[:delete :x] [:rp :true {}]]"}, {"[[:delete :y] [:rp :true {}]]", "ok", true}}}
          .check("read-committed");
  CHECK(found(deleted) == "G1c 1");
  CHECK(says(deleted.summary, "T2's deletion"));
}

TEST_CASE("closed-predicate: with the order of processes and of real time") {
  // Stale: it ended before the search began.
  const Verdict stale =
      Script{"", {{"[[:insert :x 1]]"}, {"[[:rp :true {}]]"}}}.check("strict-serializable");
  CHECK(found(stale) == "G-single-realtime 1");
}

TEST_CASE("closed-predicate: a row that should have been found whatever became of it") {
  const Script script{"{:x 3}", {{"[[:w :x 5]]"}, {"[[:rp [:mod 2 1] {}]]", "ok", true}}};
  const Verdict verdict = script.check();
  CHECK(found(verdict) == "predicate-read-miss 1");
  CHECK(says(verdict.summary, "and did not find key \"x\", although every version of it fits: 3"));
  // Of weaker models nothing is said, but nothing is proven either.
  CHECK(script.check("read-committed").reason == "incomplete");
  // What it does itself, later, it cannot have seen. And it changed what it had not seen.
  CHECK(found(Script{"{:x 3}", {{"[[:rp :true {}] [:delete :x]]"}}}.check()) ==
        "G-single 1, predicate-read-miss 1");
}

TEST_CASE("closed-predicate: single reads and searches") {
  const auto one = [](const std::string& value, const std::string& model = "serializable") {
    return found(Script{"", {{"[[:insert :x 1] [:insert :y 7] [:w :y 2]]"}, {value}}}.check(model));
  };
  CHECK(one("[[:rp :true {:x 9, :y 2}]]") == "garbage-read 1");
  CHECK(one("[[:rp :true {:x 1, :y 7}]]", "read-committed") == "G1b 1");
  CHECK(one("[[:rp [:= 2] {:x 1, :y 2}]]") == "internal 1");
  CHECK(one("[[:insert :z 4] [:rp :true {:x 1, :y 2}]]") == "internal 1");
  CHECK(one("[[:insert :z 4] [:rp :true {:x 1, :y 2, :z 5}]]") == "internal 1");
  CHECK(one("[[:rp :true {:x 1, :y 2, :z 5}] [:insert :z 5]]") == "future-read 1");
  // Behind a write of its own as well.
  CHECK(one("[[:insert :z 4] [:rp :true {:x 1, :y 2, :z 5}] [:w :z 5]]") ==
        "future-read 1, internal 1");
  CHECK(one("[[:insert :z 4] [:r :z 5] [:w :z 5]]") == "future-read 1, internal 1");
  CHECK(one("[[:r :x 1] [:r :x 1] [:rp :true {:x 1, :y 2}]]") == "");
  const Verdict aborted =
      Script{"", {{"[[:insert :x 1]]", "fail"}, {"[[:rp :true {:x 1}] [:w :x 2]]"}}}.check();
  CHECK(found(aborted) == "G1a 1, dirty-update 1");
  const Verdict lost =
      Script{"{:x 1}", {{"[[:r :x 1] [:w :x 2]]"}, {"[[:r :x 1] [:w :x 3]]", "ok", true}}}.check(
          "cursor-stability");
  CHECK(found(lost) == "lost-update 1");
}

TEST_CASE("closed-predicate: an info happened if it was seen, also by what was not found") {
  // Only its deletion explains that x was not found; so y was there as well, and was missed.
  const Script script{
      "{:x 1}", {{"[[:delete :x] [:insert :y 2]]", "info"}, {"[[:rp :true {}]]", "ok", true}}};
  CHECK(found(script.check()) == "G-single 1");
  // Here it need not have happened.
  const Script unseen{
      "{:x 1}",
      {{"[[:w :x 2] [:insert :y 2]]", "info"}, {"[[:rp [:= 1] {:x 1}] [:r :y nil]]", "ok", true}}};
  CHECK(unseen.check("strict-serializable").validity == Validity::valid);
}

TEST_CASE(
    "closed-predicate: more versions, in the order in which they were read and written over") {
  // Who missed x saw it before it was there or after it was deleted: both can be.
  const Script script{"",
                      {{"[[:insert :x 1]]"}, {"[[:r :x 1] [:delete :x]]"}, {"[[:rp :true {}]]"}}};
  CHECK(script.check("strict-serializable").validity == Validity::valid);
  // What did not fit before says nothing of what it wrote over.
  const Script row{"",
                   {{"[[:insert :x 1]]"},
                    {"[[:rp [:mod 2 0] {}] [:r :x 1] [:w :x 3]]"},
                    {"[[:r :x 3] [:w :x 4] [:insert :y 5]]"},
                    {"[[:r :x 3] [:r :y 5]]", "ok", true}}};
  CHECK(found(row.check("consistent-view")) == "G-single-item 1");
  // Of all at once, one was before x, for it found z, and after y, for it read q: no one rule of
  // time would tell both.
  const Script both{"",
                    {{"[[:insert :z 4]]"},
                     {"[[:insert :x 2]]"},
                     {"[[:insert :y 6]]", "ok", true},
                     {"[[:r :y 6] [:w :y 7] [:insert :q 9]]", "ok", true},
                     {"[[:r :x 2] [:w :x 3] [:r :z 4] [:delete :z]]", "ok", true},
                     {"[[:rp [:mod 2 0] {:z 4}] [:r :q 9]]", "ok", true}}};
  CHECK(both.check("strict-serializable").validity == Validity::valid);
  // Blind writes stand in no order that is known: what a guess proves is proven,
  const Script blind{"", {{"[[:w :x 1]]"}, {"[[:w :x 2]]"}, {"[[:rp :true {:x 2}]]"}}};
  CHECK(blind.check("strict-serializable").validity == Validity::valid);
  // and what it does not is unknown.
  const Verdict open =
      Script{"", {{"[[:w :x 1]]"}, {"[[:w :x 2]]"}, {"[[:rp :true {:x 1}]]"}}}.check(
          "strict-serializable");
  CHECK(open.validity == Validity::unknown);
  CHECK(open.reason == "incomplete");
  CHECK(says(open.summary, "of 1 keys the order of the versions is open"));
}

TEST_CASE("closed-predicate: every anomaly rules out something, by predicates no repeatable read") {
  using namespace transactional;
  const ModelId repeatable = find_model("repeatable-read").value();
  for (std::size_t a = 0; a < anomaly_names().size(); ++a) {
    CAPTURE(anomaly_names()[a]);
    CHECK(ruled_out_by(static_cast<Anomaly>(a)).any());
    if (a >= static_cast<std::size_t>(Anomaly::predicate_read_miss))
      CHECK_FALSE(ruled_out_by(static_cast<Anomaly>(a)).test(repeatable));
  }
}

TEST_CASE("closed-predicate: what it cannot judge it says") {
  const auto refused = [](const Script& script) {
    const Verdict verdict = script.check();
    CHECK(verdict.validity == Validity::unknown);
    CHECK(verdict.reason == "unsupported");
    return verdict.summary;
  };
  CHECK(says(refused({"", {{"[[:rp [:< 5] {}]]"}, {"[[:insert :x 1]]"}}}), "not a predicate"));
  CHECK(says(refused({"", {{"[[:rp [:mod 0 0] {}]]"}}}), "not a predicate"));
  CHECK(says(refused({"", {{"[[:insert :x 1] [:rp :true {:x 1}]]"}, {"[[:insert :x 1]]"}}}),
             "values must be unique"));
  CHECK(says(refused({"", {{"[[:rp :true 5]]"}}}), "expected"));
  CHECK(says(refused({"", {{"[[:rp :true {}] [:cas :x 5]]"}}}), "expected"));
  CHECK(says(refused({"", {{"[[:rp :true {}]]"}, {"{:x 1}"}}}), "before anything else"));
  CHECK(Script{"", {{"[[:rp :true nil]]", "fail"}}}.check().reason == "vacuous");
  // The budget.
  const ConfigNode defaults;
  Params params(defaults, "check");
  const auto checker = make_closed_predicate(params);
  REQUIRE(checker);
  Budget none;
  none.bytes_max = 10;
  const Script script{"", {{"[[:insert :x 1]]"}, {"[[:rp :true {:x 1}]]"}}};
  CHECK((*checker)->check(script.history(), none).reason == "memory");
}

}  // namespace
}  // namespace faultline::closed_predicate
