#include "harness/io/tail.h"

#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "harness/io/recorder.h"
#include "tests/io/temporary_folder.h"

namespace faultline {
namespace {

/// What the tail tells, as text.
struct Heard {
  std::string text;
  HistoryTail::Visit visit() {
    return [this](const ValuePool& pool, const OnlineEvent& event) {
      text += std::to_string(event.process) + (event.is_invoke ? " asks " : " gets ") +
              (event.is_invoke ? "" : std::string(name_of(event.fate)) + " ") +
              std::string(name_of(event.function)) + " " + pool.to_text(event.value) + "\n";
    };
  }
};

TEST_CASE("tail: lines are told once, when they are whole") {
  const TemporaryFolder folder;
  const std::string path = folder / "history.jsonl";
  HistoryTail tail(path);
  Heard heard;
  CHECK(*tail.read(heard.visit()) == 0);
  std::ofstream file(path);
  const auto add = [&](const std::string& text) { file << text << std::flush; };
  add(R"({"index":0,"type":"invoke","process":3,"node":"n1","f":"txn","value":[["r",1,null]],"tim)");
  CHECK(*tail.read(heard.visit()) == 0);
  CHECK(heard.text.empty());
  add("e\":5}\n");
  CHECK(*tail.read(heard.visit()) > 0);
  CHECK(heard.text == "3 asks txn [[\"r\", 1, nil]]\n");
  CHECK(*tail.read(heard.visit()) == 0);
  heard.text.clear();
  add(R"({"index":1,"type":"ok","process":3,"node":"n1","f":"txn","value":[["r",1,[4]]],"time":6})"
      "\n"
      R"({"index":2,"type":"info","process":4,"node":"n1","f":"txn","value":[],"time":7})"
      "\n"
      R"({"index":3,"type":"fail","process":5,"node":"n1","f":"txn","value":[],"time":7})"
      "\n{");
  CHECK(*tail.read(heard.visit()) > 0);
  CHECK(heard.text == "3 gets ok txn [[\"r\", 1, [4]]]\n4 gets info txn []\n5 gets fail txn []\n");
  CHECK(*tail.read(heard.visit()) == 0);
}

TEST_CASE("tail: a line longer than what is read at a time") {
  const TemporaryFolder folder;
  const std::string path = folder / "history.jsonl";
  std::ofstream(path) << R"({"type":"invoke","process":1,"f":"txn","value":")"
                      << std::string(3 << 20, 'x') << "\"}\n"
                      << R"({"type":"info","process":1,"f":"txn","value":7})"
                      << "\n";
  HistoryTail tail(path);
  std::size_t events = 0, length = 0;
  const auto visit = [&](const ValuePool& pool, const OnlineEvent& event) {
    ++events;
    if (event.is_invoke) length = pool.as_text(event.value).size();
  };
  while (*tail.read(visit) > 0) {
  }
  CHECK(events == 2);
  CHECK(length == 3 << 20);
}

TEST_CASE("tail: what is no history is an error") {
  const TemporaryFolder folder;
  const std::string path = folder / "history.jsonl";
  std::ofstream(path) << "{]\n";
  HistoryTail tail(path);
  const auto read = tail.read([](const ValuePool&, const OnlineEvent&) {});
  REQUIRE_FALSE(read);
  CHECK(read.error().what.find("history.jsonl") != std::string::npos);
}

TEST_CASE("tail: all that a recorder writes, while it writes") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "history.jsonl";
  auto recorder = Recorder::create(path, 1, {"n1"}, std::chrono::steady_clock::now());
  REQUIRE(recorder);
  HistoryTail tail(path);
  std::uint64_t events = 0;
  const auto visit = [&](const ValuePool&, const OnlineEvent& event) {
    CHECK(event.is_invoke == (events % 2 == 0));
    CHECK(event.process == events / 2);
    ++events;
  };
  constexpr std::uint32_t asked = 5000;
  for (std::uint32_t i = 0; i < asked; ++i) {
    const Request request{Function::txn, "", List{}};
    (*recorder)->invoke(0, i, 0, request);
    (*recorder)->complete(0, i, 0, request, Outcome::ok(List{}));
    if (i % 100 == 0) CHECK(tail.read(visit));
  }
  (*recorder)->finish();
  while (*tail.read(visit) > 0) {
  }
  CHECK(events == 2 * asked);
}

}  // namespace
}  // namespace faultline
