// The cases of a verdict as JSON has them: what is in them, and what is left out. That they say
// what the text says is looked at for the histories of all tests of transactions (told_cases.h).
#include "tests/checkers/told_cases.h"

#include <string>
#include <vector>

#include "harness/io/json.h"
#include "tests/checkers/list_micro.h"

namespace faultline::told_cases_test {
namespace {

using list_scripts::append;
using list_scripts::read;
using list_scripts::Script;
using told_cases::at;
using told_cases::find;
using told_cases::list_at;

/// The only one.
Value only_case(const Verdict& verdict) {
  CAPTURE(verdict.explanation);
  REQUIRE(verdict.cases.size() == 1);
  return verdict.cases.front();
}

TEST_CASE("cases: a cycle, with who did what when and by what the order is known") {
  const Verdict verdict = Script()
                              .together({read(1, {}), append(2, 1)}, {read(2, {}), append(1, 1)})
                              .both(0, {read(1, {1}), read(2, {1})})
                              .check();
  CHECK(to_json(only_case(verdict)) ==
        R"({"anomaly":"G2-item","count":1,"not":["repeatable-read"],)"
        R"("sentence":"T1 read key 1 as [], without T2's 1, although T2 read key 2 as [], )"
        R"(without T1's 1","transactions":[{"name":"T1","index":0,"end_index":2,"process":91,)"
        R"("node":null,"begin":0,"end":20000000,"fate":"ok","operations":[)"
        R"({"kind":"r","key":1,"value":[],"text":"read 1: []"},)"
        R"({"kind":"append","key":2,"value":1,"text":"append 1 to 2"}]},)"
        R"({"name":"T2","index":1,"end_index":3,"process":92,"node":null,"begin":10000000,)"
        R"("end":30000000,"fate":"ok","operations":[)"
        R"({"kind":"r","key":2,"value":[],"text":"read 2: []"},)"
        R"({"kind":"append","key":1,"value":1,"text":"append 1 to 1"}]}],)"
        R"("edges":[{"from":"T1","to":"T2","kind":"rw","source":"list","key":1,"before":[],)"
        R"("after":1,"text":"T1 read key 1 as [], without T2's 1"},)"
        R"({"from":"T2","to":"T1","kind":"rw","source":"list","key":2,"before":[],)"
        R"("after":1,"text":"T2 read key 2 as [], without T1's 1"}]})");
}

TEST_CASE("cases: what the text leaves out is left out, and counted") {
  Script script;
  std::vector<int> all;
  for (int i = 1; i <= 9; ++i) script.both(0, {append(1, i)}), all.push_back(i);
  script.both(0, {append(1, 10)});
  std::vector<list_scripts::Micro> many(9, read(1, all));
  script.both(2, many);
  all.push_back(10);
  script.both(3, {read(1, all)});
  const Value one = only_case(script.check("strict-serializable"));
  CHECK(at(one, "anomaly") == Value("G-single-item-realtime"));
  const Value* reader = nullptr;
  for (const Value& t : list_at(one, "transactions"))
    if (at(t, "process") == Value(2)) reader = &t;
  REQUIRE(reader != nullptr);
  CHECK(list_at(*reader, "operations").size() == 8);
  CHECK(at(*reader, "operations_left_out") == Value(1));
  const Value& first = list_at(*reader, "operations").front();
  CHECK(to_json(at(first, "value")) == "[4,5,6,7,8,9]");
  CHECK(at(first, "value_left_out") == Value(3));
  bool has_missed = false;
  for (const Value& edge : list_at(one, "edges")) {
    if (at(edge, "kind") != Value("rw")) continue;
    has_missed = true;
    CHECK(to_json(at(edge, "before")) == "[4,5,6,7,8,9]");
    CHECK(at(edge, "before_left_out") == Value(3));
    CHECK(at(edge, "after") == Value(10));
  }
  CHECK(has_missed);
}

TEST_CASE("cases: an anomaly without a cycle names who, whose, the key and the value") {
  const Verdict aborted =
      Script().both(0, {append(1, 5)}, Fate::fail).both(1, {read(1, {5})}).check();
  const Value one = only_case(aborted);
  CHECK(at(one, "anomaly") == Value("G1a"));
  CHECK(at(one, "transaction") == Value("T1"));
  CHECK(at(one, "other") == Value("T2"));
  CHECK(at(one, "key") == Value(1));
  CHECK(at(one, "value") == Value(5));
  CHECK(to_json(at(one, "operation")) ==
        R"({"kind":"r","key":1,"value":[5],"text":"read 1: [5]"})");
  CHECK(list_at(one, "edges").empty());

  const Verdict torn = Script()
                           .together({append(1, 1)}, {append(1, 2)})
                           .both(0, {read(1, {1, 2})})
                           .both(1, {read(1, {2})})
                           .check("read-committed");
  const Value other = only_case(torn);
  CHECK(at(other, "anomaly") == Value("incompatible-order"));
  CHECK(find(other, "value") == nullptr);
  CHECK(to_json(at(at(other, "operation"), "value")) == "[2]");
  CHECK(to_json(at(at(other, "other_operation"), "value")) == "[1,2]");
}

TEST_CASE("cases: nodes by name; a history without times has positions; an info has no end") {
  HistoryBuilder builder;
  const NodeId node = builder.node("n7");
  const auto asked = [&](const Value& micro) {
    List one;
    one.push_back(micro);
    return builder.values().add(one);
  };
  const ValueHandle wrote = asked(List{"append", 1, 4});
  REQUIRE(builder.invoke({3, Function::txn, no_key, wrote, node}));
  REQUIRE(builder.complete({3, Fate::info}));
  List seen;
  seen.push_back(4);
  seen.push_back(8);
  REQUIRE(builder.invoke({4, Function::txn, no_key, asked(List{"r", 1, Value()}), node}));
  REQUIRE(builder.complete({4, Fate::ok, asked(List{"r", 1, seen})}));
  const History history = builder.finish();
  const Verdict verdict = Script::checker("read-uncommitted")->check(history, {});
  told_cases::check(history, verdict);
  const Value one = only_case(verdict);
  const Value& reader = list_at(one, "transactions").front();
  CHECK(at(reader, "node") == Value("n7"));
  CHECK(at(reader, "begin").is_nil());
  CHECK(at(reader, "end").is_nil());
  CHECK(at(reader, "index") == Value(2));
  CHECK(at(reader, "end_index") == Value(3));
}

TEST_CASE("cases: all that is told, in the verdict as JSON, and nothing where nothing is wrong") {
  Script script;
  script.both(0, {append(1, 1)}, Fate::fail).both(1, {append(1, 2)});
  script.both(2, {read(1, {1, 2})});
  const History history = script.history();
  const Verdict verdict = Script::checker("serializable")->check(history, {});
  REQUIRE(verdict.cases.size() == 2);
  CHECK(at(verdict.cases[0], "anomaly") == Value("G1a"));
  CHECK(at(verdict.cases[1], "anomaly") == Value("dirty-update"));
  CHECK(at(verdict.cases[1], "value") == Value(2));
  CHECK(find(verdict.cases[1], "operation") == nullptr);
  const Value told = verdict_value(verdict, history, 0);
  CHECK(at(told, "cases") == Value(verdict.cases));
  const Verdict valid = Script().both(0, {append(1, 1), read(1, {1})}).check();
  CHECK(valid.validity == Validity::valid);
  CHECK(valid.cases.empty());
  CHECK(find(verdict_value(valid, history, 0), "cases") == nullptr);
}

}  // namespace
}  // namespace faultline::told_cases_test
