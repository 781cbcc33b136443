// What is exported is loaded as the same history, from either syntax.
#include "harness/io/export.h"

#include <algorithm>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "harness/io/load.h"
#include "tests/io/well_formed.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

History load(std::string_view text) {
  auto loaded = load_history_text(text, "h");
  if (!loaded) FAIL(loaded.error().what, "\n", text);
  return std::move(loaded->history);
}

std::string exported(const History& history, std::string_view format) {
  std::string text;
  const Status done =
      export_history(history, format, [&](std::string_view piece) { text += piece; });
  REQUIRE(done);
  return text;
}

/// What of two histories differs, or "". `by_text`: values are compared as they are written, since
/// JSON has texts only for the keys of maps.
std::string difference(const History& a, const History& b, bool by_text) {
  if (a.size() != b.size() || a.events() != b.events()) return "sizes";
  const auto same = [&](const auto& left, const auto& right) {
    return std::ranges::equal(left, right);
  };
  if (!same(a.process(), b.process())) return "process";
  if (!same(a.function(), b.function()) || !same(a.fate(), b.fate())) return "function or fate";
  if (!same(a.begin(), b.begin()) || !same(a.end(), b.end())) return "begin or end";
  if (!same(a.begin_time(), b.begin_time()) || !same(a.end_time(), b.end_time())) return "time";
  const auto value = [&](const History& h, ValueHandle v) {
    std::string text = h.values().to_text(v);
    if (by_text) std::erase(text, '"');
    return text;
  };
  for (OperationId row = 0; row < a.size(); ++row) {
    const std::string at = " of row " + std::to_string(row);
    if (a.key_text(a.key()[row]) != b.key_text(b.key()[row])) return "key" + at;
    if (value(a, a.argument()[row]) != value(b, b.argument()[row])) return "argument" + at;
    if (value(a, a.output()[row]) != value(b, b.output()[row])) return "output" + at;
    if (a.index_of(a.begin()[row]) != b.index_of(b.begin()[row])) return "index" + at;
    const bool is_named = a.error()[row] != no_error;
    if (is_named && a.error_text(a.error()[row]) != b.error_text(b.error()[row]))
      return "error" + at;
    if (a.node()[row] != no_node && a.node_name(a.node()[row]) != b.node_name(b.node()[row]))
      return "node" + at;
  }
  return "";
}

TEST_CASE("export: every golden history comes back from both syntaxes") {
  int count = 0;
  for (const auto& entry :
       fs::directory_iterator(fs::path(FAULTLINE_SOURCE_DIR) / "tests" / "histories")) {
    if (entry.is_directory() || entry.path().extension() == ".cc") continue;
    const auto loaded = load_history(entry.path());
    REQUIRE(loaded);
    for (const std::string_view format : export_formats()) {
      const History back = load(exported(loaded->history, format));
      CHECK(defect_of(back) == "");
      CHECK_MESSAGE(difference(loaded->history, back, format == "jsonl") == "",
                    entry.path().filename().string(), " as ", format);
    }
    ++count;
  }
  CHECK(count > 30);
}

TEST_CASE("export: what a line looks like") {
  const History h = load(
      R"({"index":0,"type":"invoke","process":3,"node":"n2","f":"txn","key":"k","value":[["append",1,"a\"\n"],["r",true,null]],"time":7}
{"index":1,"type":"info","process":"nemesis","f":"start","value":1,"time":8}
{"index":2,"type":"fail","process":3,"node":"n2","f":"txn","key":"k","value":null,"error":"no","time":9}
)");
  CHECK(
      exported(h, "edn") ==
      R"({:index 0, :type :invoke, :process 3, :node "n2", :f :txn, :key "k", :value [[:append 1 "a\"\u000a"] [:r true nil]], :time 7}
{:index 1, :type :info, :process :nemesis}
{:index 2, :type :fail, :process 3, :node "n2", :f :txn, :key "k", :value [[:append 1 "a\"\u000a"] [:r true nil]], :time 9, :error "no"}
)");
  CHECK(
      exported(h, "jsonl") ==
      R"({"index":0,"type":"invoke","process":3,"node":"n2","f":"txn","key":"k","value":[["append",1,"a\"\n"],["r",true,null]],"time":7}
{"index":1,"type":"info","process":"nemesis"}
{"index":2,"type":"fail","process":3,"node":"n2","f":"txn","key":"k","value":[["append",1,"a\"\n"],["r",true,null]],"time":9,"error":"no"}
)");
}

TEST_CASE("export: plain values that look like tuples stay plain") {
  // The answer of the fail shows that these are no tuples, and is not kept.
  const History h = load(R"({:type :invoke, :process 0, :f :write, :value [1 nil]}
{:type :fail, :process 0, :f :write, :value 7}
{:type :invoke, :process 0, :f :write, :value [2 nil]}
{:type :ok, :process 0, :f :write, :value [2 nil]})");
  REQUIRE(h.key_count() == 0);
  for (const std::string_view format : export_formats())
    CHECK(difference(h, load(exported(h, format)), false) == "");
}

TEST_CASE("export: an unknown format is refused by name") {
  const Status done =
      export_history(load("{:type :invoke :process 1 :f :read}"), "jsno", [](auto) {});
  REQUIRE_FALSE(done);
  CHECK(done.error().what.find("jsonl") != std::string::npos);
}

}  // namespace
}  // namespace faultline
