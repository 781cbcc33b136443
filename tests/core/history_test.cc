#include "harness/core/history.h"

#include <doctest/doctest.h>

namespace faultline {
namespace {

TEST_CASE("history builder: pairs events into rows ordered by their beginning") {
  HistoryBuilder builder;
  const KeyId key = builder.key("k");
  REQUIRE(builder.invoke({.process = 1,
                          .function = Function::write,
                          .key = key,
                          .argument = builder.values().integer(5),
                          .node = builder.node("n1"),
                          .time = 10}));
  REQUIRE(builder.invoke({.process = 2, .time = 11}));
  builder.skip_event();
  REQUIRE(builder.complete(
      {.process = 2, .fate = Fate::fail, .error = builder.error("no"), .time = 12}));
  REQUIRE(builder.complete(
      {.process = 1, .fate = Fate::ok, .output = builder.values().integer(5), .time = 13}));
  REQUIRE(builder.invoke({.process = 2}));
  CHECK(builder.events() == 6);
  CHECK(builder.so_far().size() == 3);
  const History h = builder.finish();
  CHECK(builder.events() == 0);

  REQUIRE(h.size() == 3);
  CHECK(h.events() == 6);
  CHECK(h.begin()[0] == 0);
  CHECK(h.end()[0] == 4);
  CHECK(h.begin()[1] == 1);
  CHECK(h.end()[1] == 3);
  CHECK(h.fate()[0] == Fate::ok);
  CHECK(h.fate()[1] == Fate::fail);
  CHECK(h.error_text(h.error()[1]) == "no");
  CHECK(h.fate()[2] == Fate::info);  // never completed
  CHECK(h.end()[2] == never);
  CHECK(h.end_time()[2] == no_time);
  CHECK(h.key_text(h.key()[0]) == "k");
  CHECK(h.key_text(h.key()[1]).empty());
  CHECK(h.node_name(h.node()[0]) == "n1");
  CHECK(h.index_of(3) == 3);
}

TEST_CASE("history builder: names and keys are interned") {
  HistoryBuilder builder;
  CHECK(builder.key("a") == builder.key("a"));
  CHECK(builder.key("a") != builder.key("b"));
  CHECK(builder.key(builder.values().integer(1)) != builder.key("1"));
  CHECK(builder.node("n1") == builder.node("n1"));
  CHECK(builder.error("x") != builder.error("y"));
}

TEST_CASE("history builder: what no process can do is refused") {
  const auto refused = [](Status status, std::string_view why) {
    REQUIRE_FALSE(status);
    CHECK(status.error().kind == ErrorKind::usage);
    CHECK_MESSAGE(status.error().what.find(why) != std::string::npos, status.error().what);
  };
  // Also for a process too large for the table.
  for (const std::uint32_t process : {7u, 4'000'000'000u}) {
    HistoryBuilder builder;
    refused(builder.complete({.process = process, .fate = Fate::ok}), "never invoked");
    REQUIRE(builder.invoke({.process = process}));
    CHECK(builder.open_operation(process) != nullptr);
    CHECK(builder.open_operation(process + 1) == nullptr);
    refused(builder.invoke({.process = process}), "before its last operation completed");
    REQUIRE(builder.complete({.process = process, .fate = Fate::ok}));
    refused(builder.complete({.process = process, .fate = Fate::ok}), "never invoked");
    REQUIRE(builder.invoke({.process = process}));
    REQUIRE(builder.complete({.process = process, .fate = Fate::info, .time = 5}));
    refused(builder.invoke({.process = process}), "after an info");
    refused(builder.complete({.process = process, .fate = Fate::ok}), "never invoked");
    const History h = builder.finish();
    CHECK(h.size() == 2);
    CHECK(h.events() == 4);  // what was refused left no trace
    CHECK(h.end()[1] == never);
    CHECK(h.end_time()[1] == 5);
  }
}

TEST_CASE("functions: every name is parsed back, an unknown one gets the nearest") {
  for (const std::string_view name : function_names()) {
    const auto function = parse_function(name);
    REQUIRE(function);
    CHECK(name_of(*function) == name);
  }
  const auto unknown = parse_function("wrtie");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().what == "unknown f \"wrtie\", did you mean \"write\"?");
  CHECK(name_of(Fate::mismatch) == "fail");
}

}  // namespace
}  // namespace faultline
