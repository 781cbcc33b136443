// The formats `edn` and `json`: every dialect that is seen in the wild, and what is wrong with what
// is none. Whole histories with their verdicts are in tests/histories/.
#include <algorithm>
#include <string>

#include <doctest/doctest.h>

#include "harness/io/load_parse.h"
#include "tests/io/rows.h"

namespace faultline {
namespace {

/// The value of the only invocation of a history that writes EDN's `text`, in its text.
std::string value_of(const std::string& text) {
  const auto loaded =
      load_history_text("{:process 0, :type :invoke, :f :write, :value " + text + "}", "h");
  if (!loaded) return loaded.error().what;
  return loaded->history.values().to_text(loaded->history.argument()[0]);
}

std::string row_text(const History& h, OperationId row) {
  return std::string(name_of(h.function()[row])) + " " + h.key_text(h.key()[row]) + " " +
         h.values().to_text(h.argument()[row]) + " " + std::string(name_of(h.fate()[row])) + " " +
         h.values().to_text(h.output()[row]);
}

TEST_CASE("edn: a read of nil is an answer, or says nothing where that is asked for") {
  const std::string text =
      "{:process 0, :type :invoke, :f :read, :value nil}\n"
      "{:process 0, :type :ok, :f :read, :value nil}\n"
      "{:process 0, :type :invoke, :f :read, :value nil}\n"
      "{:process 0, :type :ok, :f :read, :value 0}\n"
      "{:process 0, :type :invoke, :f :write, :value nil}\n"
      "{:process 0, :type :ok, :f :write, :value nil}\n";
  for (const std::string& input : {text, "[" + text + "]"}) {
    const auto as_it_stands = load_history_text(input, "h");
    const auto unknown = load_history_text(input, "h", {.nil_reads_unknown = true});
    REQUIRE(as_it_stands);
    REQUIRE(unknown);
    CHECK(as_it_stands->history.fate()[0] == Fate::ok);
    CHECK(unknown->history.fate()[0] == Fate::fail);
    CHECK(unknown->history.fate()[1] == Fate::ok);
    CHECK(unknown->history.fate()[2] == Fate::ok);
  }
}

TEST_CASE("edn: values of every kind") {
  CHECK(value_of("nil") == "nil");
  CHECK(value_of("true") == "true");
  CHECK(value_of("-7") == "-7");
  CHECK(value_of("+7") == "7");
  CHECK(value_of("123456789012345678") == "123456789012345678");
  CHECK(value_of("9223372036854775807") == "9223372036854775807");
  CHECK(value_of("-9223372036854775808") == "-9223372036854775808");
  CHECK(value_of("9223372036854775808") == "9223372036854775808");
  CHECK(value_of("12N") == "12");
  CHECK(value_of("99999999999999999999N") == "99999999999999999999");
  CHECK(value_of("-00099999999999999999999") == "-99999999999999999999");
  CHECK(value_of("1.50") == "1.5");
  CHECK(value_of("1.50M") == "1.5");
  CHECK(value_of("1e3") == "1000.0");
  CHECK(value_of("-1/3") == "\"-1/3\"");
  CHECK(value_of("##Inf") == "\"inf\"");
  CHECK(value_of(":a.b/c-d?'") == "\"a.b/c-d?'\"");
  CHECK(value_of("some-symbol") == "\"some-symbol\"");
  CHECK(value_of("\\a") == "\"a\"");
  CHECK(value_of("\\newline") == "\"\n\"");
  CHECK(value_of("\"\"") == "\"\"");
  CHECK(value_of(R"("a\"\\\n\u00e9\ud83d\ude00")") == "\"a\\\"\\\\\né😀\"");
  CHECK(value_of("[1 (2 3), [] ]") == "[1, [2, 3], []]");
  CHECK(value_of("#inst \"2026-01-01\"") == "\"2026-01-01\"");
  CHECK(value_of("#a.b.C{:x 1}") == "{\"x\": 1}");
  CHECK(value_of("#object[Foo 0x12 \"x\"]").find("0x12") != std::string::npos);
  CHECK(value_of("^{:m 1} [1]") == "[1]");
  CHECK(value_of("[#_1 #_ #_ 2 3 4]") == "[4]");
  CHECK(value_of("[1 ; 2 ]\n 3]") == "[1, 3]");
  CHECK(value_of("{0 100, \"k\" #{}}") == "{0: 100, \"k\": []}");
  CHECK(value_of("#{5 -1 3}") == "[-1, 3, 5]");
  CHECK(value_of("[1,,2]") == "[1, 2]");
}

TEST_CASE("edn: keywords, texts and symbols of one name are one text, and one key") {
  const Loaded loaded = loaded_from(R"([{:process 0 :type :invoke :f :write :key :x :value "v"}
                                 {:process 0 :type :ok :f :write :key "x" :value :v}])");
  const History& h = loaded.history;
  CHECK(loaded.format == "edn");
  REQUIRE(h.size() == 1);
  CHECK(h.key_count() == 1);
  CHECK(h.argument()[0] == h.output()[0]);
}

TEST_CASE("edn: every column, and where the fields are does not matter") {
  const Loaded loaded = loaded_from(
      "{:index 0, :time 100, :type :invoke, :process 3, :node \"n2\", :f :write, :key \"k\", "
      ":value 1}\n"
      "{:value 1, :error [:conn \"reset\"], :f :write, :key \"k\", :node :n2, :process 3, :type "
      ":info, :time 150, :index 1}\n");
  const History& h = loaded.history;
  REQUIRE(h.size() == 1);
  CHECK(row_text(h, 0) == "write k 1 info nil");
  CHECK(h.begin_time()[0] == 100);
  CHECK(h.end_time()[0] == 150);
  CHECK(h.node_name(h.node()[0]) == "n2");
  CHECK(h.error_text(h.error()[0]) == "[:conn \"reset\"]");
}

TEST_CASE("edn: errors are texts, keywords or anything, and mismatch is an observation") {
  const Loaded loaded = loaded_from(R"({:process 0 :type :invoke :f :cas :value [1 2]}
{:process 0 :type :fail :f :cas :value [1 2] :error :mismatch}
{:process 0 :type :invoke :f :cas :value [1 2]}
{:process 0 :type :fail :f :cas :value [1 2] :error :not-found}
{:process 0 :type :invoke :f :cas :value [1 2]}
{:process 0 :type :fail :f :cas :value [1 2]}
{:process 0 :type :invoke :f :cas :value [1 2]}
{:process 0 :type :fail :f :cas :value [1 2] :error "said \"no\""})");
  const History& h = loaded.history;
  REQUIRE(h.size() == 4);
  CHECK(h.fate()[0] == Fate::mismatch);
  CHECK(h.fate()[1] == Fate::fail);
  CHECK(h.error_text(h.error()[1]) == "not-found");
  CHECK(h.fate()[2] == Fate::fail);
  CHECK(h.error()[2] == no_error);
  CHECK(h.error_text(h.error()[3]) == "said \"no\"");
}

TEST_CASE("edn: transactions, whatever they are called") {
  const Loaded loaded =
      loaded_from(R"({:process 0 :type :invoke :f :txn :value [[:read :x nil] [:write :y 1]]}
{:process 0 :type :ok :f :txn :value [[:read :x 5] [:write :y 1]]}
{:process 0 :type :invoke :f :read :value [[:r 9 nil] [:r 8 nil]]}
{:process 0 :type :fail :f :read :value nil}
{:process 0 :type :invoke :value [[:append 1 2]]}
{:process 0 :type :ok :value [[:append 1 2]]}
{:process 0 :type :invoke :f :write :value [["w" 9 2]]}
{:process 0 :type :ok :f :write :value [["w" 9 2]]})");
  const History& h = loaded.history;
  REQUIRE(h.size() == 4);
  CHECK(row_text(h, 0) ==
        R"(txn  [["r", "x", nil], ["w", "y", 1]] ok [["r", "x", 5], ["w", "y", 1]])");
  CHECK(row_text(h, 1) == R"(txn  [["r", 9, nil], ["r", 8, nil]] fail nil)");
  CHECK(row_text(h, 2) == R"(txn  [["append", 1, 2]] ok [["append", 1, 2]])");
  // Without keywords it may as well be a register of lists.
  CHECK(row_text(h, 3) == R"(write  [["w", 9, 2]] ok [["w", 9, 2]])");
}

TEST_CASE("edn: without processes, a completion belongs to what it can only belong to") {
  const Loaded loaded = loaded_from(R"({:type :invoke :f :write :value 1}
{:type :invoke :f :write :value 2}
{:type :invoke :f :read}
{:type :ok :f :write :value 2}
{:type :info :f :write :value 1}
{:type :ok :f :read :value 7}
{:type :invoke :value [[:r 1 nil]]}
{:type :ok :value [[:r 1 [3]]]})");
  const History& h = loaded.history;
  REQUIRE(h.size() == 4);
  CHECK(row_text(h, 0) == "write  1 info nil");
  CHECK(h.end()[1] == 3);
  CHECK(row_text(h, 2) == "read  nil ok 7");
  CHECK(row_text(h, 3) == R"(txn  [["r", 1, nil]] ok [["r", 1, [3]]])");
  CHECK(h.process()[0] != h.process()[3]);
  CHECK(refusal_of("{:type :invoke :f :read}\n{:type :invoke :f :read}\n{:type :ok :f :read :value "
                   "1}") ==
        "3:1: completes one of several open operations, it is unclear which; "
        "expected the field process");
  CHECK(refusal_of("{:type :invoke :f :read}\n{:type :ok :f :write}") ==
        "2:1: completes an operation that nobody invoked; expected the field process");
  CHECK(refusal_of("{:type :invoke :f :read}\n{:type :ok :process 3 :f :read}") ==
        "2:1: expected no field process, as the events before have none");
  CHECK(refusal_of("{:type :invoke :f :read :process 3}\n{:type :ok :f :read}") ==
        "2:1: expected the field process, as the events before have it");
}

TEST_CASE("edn: rows and small vectors") {
  const Loaded rows = loaded_from(
      "4\t:invoke\t:read\tnil\n4 :ok  :read  7\r\n:nemesis :info :start {\"n1\" [\n"
      "5 :invoke :write [1\t2]\n5 :fail :write [1 2] :not-primary\n"
      "5 :invoke :cas [1 2]\n5 :fail :cas [1 2] :mismatch");
  CHECK(rows.format == "edn");
  REQUIRE(rows.history.size() == 3);
  CHECK(rows.history.events() == 7);
  CHECK(row_text(rows.history, 0) == "read  nil ok 7");
  CHECK(row_text(rows.history, 1) == "write  [1, 2] fail nil");
  CHECK(rows.history.error_text(rows.history.error()[1]) == "not-primary");
  CHECK(rows.history.fate()[2] == Fate::mismatch);
  const Loaded vectors = loaded_from(
      "[[0 :invoke :read [8 nil]] [:nemesis :info :x #{1}]\n"
      " [0 :fail :read [8 nil] :socket (a b)]]");
  REQUIRE(vectors.history.size() == 1);
  CHECK(row_text(vectors.history, 0) == "read 8 nil fail nil");
  CHECK(vectors.history.error_text(vectors.history.error()[0]) == ":socket (a b)");
}

TEST_CASE("edn: get and put are read and write") {
  const Loaded loaded = loaded_from(R"({:process 0, :type :invoke, :f :put, :key "0", :value "x"}
{:process 0, :type :ok, :f :put, :key "0", :value "x"}
{:process 0, :type :invoke, :f :get, :key "0", :value nil}
{:process 0, :type :ok, :f :get, :key "0", :value "x"})");
  REQUIRE(loaded.history.size() == 2);
  CHECK(row_text(loaded.history, 0) == R"(write 0 "x" ok "x")");
  CHECK(row_text(loaded.history, 1) == R"(read 0 nil ok "x")");
}

TEST_CASE("edn: errors say line, column and what was expected") {
  const std::string good = "{:process 0, :type :invoke, :f :read, :value nil}\n";
  CHECK(refusal_of(good + "{:process 0, :type :okay, :f :read}") ==
        "2:21: expected type invoke, ok, fail or info, found \"okay\", did you mean \"ok\"?");
  CHECK(refusal_of(good + "{:process 0, :type :ok, :f :raed}") ==
        "2:29: unknown f \"raed\", did you mean \"read\"?");
  CHECK(refusal_of(good + "  {:process 0, :f :read}") == "2:3: expected the field :type");
  CHECK(refusal_of("{:process 0, :type :invoke}") == "1:1: expected the field :f");
  CHECK(refusal_of(good + "{:process -1}") ==
        "2:11: expected process as an integer from 0, or a name, found -1");
  CHECK(refusal_of(good + "{:process \"7\"}") ==
        "2:11: expected process as a number, or a name such as nemesis, found \"7\"");
  CHECK(refusal_of(good + "{:process 4294967296}") ==
        "2:11: expected process as an integer from 0 to 4294967295");
  CHECK(refusal_of(good + "{:process 1 :process 1}") ==
        "2:13: expected every field once, found a second \"process\"");
  CHECK(refusal_of(good + "{:process 0, :value}") ==
        "2:20: expected a value for \"value\", found }");
  CHECK(refusal_of(good + "{:process 0, :value [1 2}}") == "2:25: expected a value or ], found }");
  CHECK(refusal_of(good + "{:process 0,\n :value [1 2\n") ==
        "3:9: expected a ] that ends this, found the end of the file");
  CHECK(refusal_of(good + "{:process 0,") ==
        "2:1: expected an event that ends, found the end of the file");
  CHECK(refusal_of("[" + good) ==
        "2:1: expected an event, or the ] that ends them, found the end of the file");
  CHECK(refusal_of("[" + good + ")") ==
        "2:1: expected an event: a map, or PROCESS :TYPE :F VALUE, found )");
  CHECK(refusal_of(good + "\"x\"") ==
        "2:1: expected an event: a map, or PROCESS :TYPE :F VALUE, found \"");
  CHECK(refusal_of(good + "{:process 0 :value \"abc") ==
        "2:20: expected a text that ends, found the end of the file before its \"");
  CHECK(refusal_of(good + "{:process 0 :value \"a\\qc\"}") ==
        "2:22: expected an escape: \\\" \\\\ \\/ \\n \\r \\t \\b \\f or \\u and four digits");
  CHECK(refusal_of(good + "{:process 0 :value 12a}") == "2:20: expected a number, found 12a");
  CHECK(refusal_of(good + "{:process 0 :value 1e999}") ==
        "2:20: expected a number within the range of a double");
  CHECK(refusal_of(good + "{:process 0 :x (1 2]}") == "2:20: expected ), found ]");
  CHECK(refusal_of(good + "#_") == "2:3: expected a form after #_, found the end of the file");
  CHECK(refusal_of(good + "{:process 0 :index -3}") ==
        "2:20: expected the index as an integer from 0");
  CHECK(refusal_of(good + "{:process 0 :key [1]}") ==
        "2:18: expected the key as a text or a number");
  CHECK(refusal_of("0 :invoke :read\n") == "2:1: expected a value, found the end of the file");
  CHECK(refusal_of("0 :invoke :read [1\n]\n") ==
        "1:1: expected PROCESS :TYPE :F VALUE on one line");
  CHECK(refusal_of(":nemesis") ==
        "1:9: expected :invoke, :ok, :fail or :info, found the end of the file");
  CHECK(refusal_of(":nemesis :began :start") ==
        "1:11: expected type invoke, ok, fail or info, found \"began\"");
  CHECK(refusal_of("; nothing\n") == "1:1: expected a history, found no event");
  CHECK(refusal_of("{:process 3 :type :ok :f :read}") ==
        "1:1: process 3 completes an operation that it never invoked");
  CHECK(refusal_of(good + std::string("{:process 0 \0}", 14)) ==
        "2:13: expected a form, found byte 0");
  std::string deep = "{:value ";
  for (int i = 0; i < 300; ++i) deep += '[';
  CHECK(refusal_of(deep) == "1:209: expected a value nested at most 200 deep");
}

TEST_CASE("json: an array of events, and objects over several lines") {
  const Loaded loaded =
      loaded_from(R"([{"index":1,"type":"invoke","f":"txn","value":[["append","x",1]],"process":0},
{"index":2,"type":"ok","f":"txn","value":[["append","x",1]],"process":0,"error":null}
])");
  CHECK(loaded.format == "json");
  REQUIRE(loaded.history.size() == 1);
  CHECK(loaded.history.index_of(0) == 1);
  CHECK(row_text(loaded.history, 0) == R"(txn  [["append", "x", 1]] ok [["append", "x", 1]])");
  CHECK(loaded_from("{\n\"type\":\"invoke\",\"process\":0,\"f\":\"read\"}").history.size() == 1);
  CHECK(refusal_of("[{\"type\" \"invoke\"}]") == "1:10: expected a colon, found \"");
  CHECK(refusal_of("[{\"process\":0,\"value\":nil}]") == "1:23: expected a value, found nil");
  CHECK(refusal_of("[{\"process\":0,\"value\":{1:2}}]") ==
        "1:24: expected a text as the key, found 1:2");
  CHECK(refusal_of("[{type:1}]") == "1:3: expected a field's name in quotes, found type:1");
  CHECK(refusal_of("[[0,1]]") == "1:2: expected an event: an object, found [");
  CHECK(refusal_of("[{\"process\":0}]") == "1:2: expected the field \"type\"");
  CHECK(refusal_of("[") ==
        "1:2: expected an event, or the ] that ends them, found the end of the file");
  CHECK(refusal_of("[]") == "1:1: expected a history, found no event");
}

TEST_CASE(
    "edn: a text of many blocks equals its pieces, and errors are placed in the whole of it") {
  std::string text;
  std::uint64_t operations = 0;
  while (text.size() < 2 * block_bytes + 1000) {
    const std::string n = std::to_string(operations++);
    text += "{:type :invoke, :process " + std::to_string(operations % 7) +
            ", :f :write, :value [\"key\" \"" + n + "\"]}\n{:type :ok, :process " +
            std::to_string(operations % 7) + ", :f :write, :value [\"key\" \"" + n + "\"]}\n";
  }
  const auto lines = std::count(text.begin(), text.end(), '\n');
  const Loaded loaded = loaded_from(text);
  REQUIRE(loaded.history.size() == operations);
  for (std::uint64_t row = 0; row < operations; row += 997)
    CHECK(row_text(loaded.history, static_cast<OperationId>(row)) ==
          "write  [\"key\", \"" + std::to_string(row) + "\"] ok [\"key\", \"" +
              std::to_string(row) + "\"]");
  CHECK(refusal_of(text + "  {:type :oj :process 0}")
            .starts_with(std::to_string(lines + 1) + ":11: "));
  // Of an event that is wrong only in what came before it.
  CHECK(refusal_of(text + " {:type :ok, :process 3, :f :write, :value nil}") ==
        std::to_string(lines + 1) + ":2: process 3 completes an operation that it never invoked");
}

}  // namespace
}  // namespace faultline
