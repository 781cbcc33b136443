// Cycles that need the order of a process, in a tangle of more edges than are tried one by one.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "harness/core/params.h"

namespace faultline::process_cycles_tests {
namespace {

/// Process 0 does not see its own write of y: a cycle of two. Readers of x and y, one after the
/// other in a process of their own, make the tangle larger, with edges of processes before it.
History tangle(bool is_lists, int readers) {
  HistoryBuilder builder;
  ValuePool& values = builder.values();
  const auto write = [&](const char* key, int element) {
    return Value(List{is_lists ? "append" : "w", key, element});
  };
  const auto read = [&](const char* key, std::vector<int> seen) {
    if (is_lists) return Value(List{"r", key, Value(List(seen.begin(), seen.end()))});
    return Value(List{"r", key, seen.empty() ? Value() : Value(seen.back())});
  };
  const auto begin = [&](std::uint32_t process, const List& micros) {
    REQUIRE(builder.invoke({process, Function::txn, no_key, values.add(Value(micros))}));
  };
  const auto end = [&](std::uint32_t process, const List& micros) {
    REQUIRE(builder.complete({process, Fate::ok, values.add(Value(micros))}));
  };
  const auto both = [&](std::uint32_t process, const List& micros) {
    begin(process, micros);
    end(process, micros);
  };
  both(3, {write("x", 3)});
  for (int i = 0; i < readers; ++i) both(3, {read("x", {3})});
  begin(0, {write("y", 15)});
  both(3, {read("y", {})});
  end(0, {write("y", 15)});
  both(0, {read("x", {}), read("y", {})});
  for (int i = 0; i < readers; ++i) both(3, {read("y", {})});
  both(4, {read("x", {3}), read("y", {15})});
  return builder.finish();
}

Verdict check(bool is_lists, const History& history) {
  ConfigNode mapping;
  mapping.members.push_back(
      {"model", {}, ConfigNode::of(std::string("strong-session-consistent-view"))});
  Params params(mapping, "check");
  const auto made = is_lists ? make_list_append(params) : make_rw_register(params);
  REQUIRE(made);
  return (*made)->check(history, {});
}

TEST_CASE("cycles of processes: one with a single rw is found, however large the tangle is") {
  for (const bool is_lists : {false, true})
    for (const int readers : {0, 5, 9, 40}) {
      CAPTURE(is_lists);
      CAPTURE(readers);
      const Verdict verdict = check(is_lists, tangle(is_lists, readers));
      CHECK(verdict.validity == Validity::invalid);
      CHECK(verdict.explanation.find("G-single-item-process") != std::string::npos);
    }
}

}  // namespace
}  // namespace faultline::process_cycles_tests
