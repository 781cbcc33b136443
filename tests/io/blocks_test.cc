// Histories are read in blocks, by several threads that guess where events begin: whatever the
// blocks are, what comes out is what one thread reads in one piece. And the short cut for common
// lines of JSON and EDN takes them for what the general parser does.
#include "tests/io/blocks.h"

#include <array>
#include <string>

#include <doctest/doctest.h>

#include "harness/core/rng.h"
#include "harness/io/bytes.h"
#include "tests/io/rows.h"

namespace faultline {
namespace {

const std::string written = "{:process 0, :type :invoke, :f :write, :value 1}\n";
const std::string was_written = "{:process 0, :type :ok, :f :write, :value 1}\n";

/// Checks that `text` is read alike in blocks of any size, and loads if it should.
void check_blocks(const std::string& text, bool loads) {
  LoadError error;
  const auto whole = load_history_text(text, "h", {}, &error);
  CHECK_MESSAGE(static_cast<bool>(whole) == loads, text, error.expected);
  for (std::uint64_t bytes = 1; bytes < text.size() + 2; bytes += 1 + bytes / 16)
    for (const unsigned threads : {1u, 2u})
      CHECK_MESSAGE(block_dependence_of(text, bytes, threads) == "", text, " in blocks of ", bytes,
                    ", threads: ", threads);
}

TEST_CASE("blocks: lines that only look like events, in texts, comments and other forms") {
  const std::string looks = "\n" + was_written + "{:process 7}\n [0 :ok :read 1]\n";
  check_blocks(written + "{:process 0 :type :ok :f :write :value \"" + looks + "\"}", true);
  check_blocks(written + "{:process 0 :type :ok :f :write :value \"\\\"" + looks + "\\\\\"}", true);
  check_blocks(written + "; {" + looks.substr(1, 40) + "\n; \"\n" + was_written, true);
  check_blocks(written + "#_\n{:process 0,\n:x 1}\n" + was_written, true);
  check_blocks(written + "#_ #_\n{:a 1}\n{:b 2}\n" + was_written, true);
  check_blocks(written + "{:process 0 :type :ok :f :write :value\n{:process\n{:type\n{}}}}\n",
               true);
  check_blocks(written + "{:process 0 :type :ok\n:f :write :meta [\n{}\n{:process 1}\n]}\n", true);
  check_blocks(written + "{:type :info, :process :nemesis, :value\n[{:a\n{\n}}]}\n" + was_written,
               true);
}

TEST_CASE("blocks: tags and meta in front of events, CRLF, blank and indented lines") {
  check_blocks("#jepsen.history.Op" + written + "#jepsen.history.Op\n" + was_written, true);
  check_blocks(written + "^{:a\n{:b 1}} " + was_written + "^:x\n" + written, true);
  check_blocks(
      "{:process 0, :type :invoke,\r\n :f :read}\r\n\r\n{:process 0, :type :ok, :f :read}\r\n",
      true);
  check_blocks("\n\n  " + written + " \t\n,,\n   " + was_written + "\n\n", true);
  check_blocks(written + std::string(200, ' ') + was_written + std::string(100, '\n'), true);
}

TEST_CASE("blocks: a collection of events, and what stands behind it") {
  check_blocks("[" + written + was_written + "]", true);
  check_blocks("[\n" + written + " " + was_written + "]\n" + written + "(" + was_written + ")",
               true);
  check_blocks("[ \n\n [1 :invoke :read nil]\n[1 :ok :read 4]\n]", true);
  check_blocks("[\n\n\n1 :invoke :read nil]\n[\n\n1 :ok :read 4]\n", true);
  check_blocks("[" + written + "\n[\n\n 0 :ok :write 1]\n]", true);
  check_blocks("[" + written + was_written, false);
  check_blocks("[" + written + was_written + ")", false);
  check_blocks("[" + written + "[\n\n\nx]]", false);
}

TEST_CASE("blocks: rows, logs, and what one event says of later ones") {
  std::string rows, log, renamed = "{:process 0 :type :invoke :f :read :value [[:r 1 nil]]}\n";
  for (int i = 0; i < 12; ++i) {
    const std::string n = std::to_string(i);
    rows += n + "\t:invoke\t:write\t" + n + "\n:nemesis\t:info\t:start\t{\n" + n +
            "\t:fail\t:write\t" + n + "\t[:a \"b\"]\n";
    log += "INFO  jepsen.util - " + n + "\t:invoke\t:" + (i < 6 ? "append" : "get") + "\t\"" + n +
           "\"\nINFO  jepsen.util - " + n + "\t:ok\t:" + (i < 6 ? "append" : "get") + "\t\"" + n +
           "\"\n";
    renamed += "{:process 0 :type :fail :f :read :value nil :error :x}\n" +
               std::string("{:process 0 :type :invoke :f :read :value [[:r 1 nil]]}\n");
  }
  check_blocks(rows, true);
  check_blocks(rows + "3 :invoke :write\n4\n", false);
  check_blocks(rows + "3 :invoke :write [4\n]", false);
  check_blocks(log, true);
  check_blocks(log + "1 :invoke :read nil\n", false);
  check_blocks(renamed, true);
}

TEST_CASE("blocks: an error has the same line and column wherever blocks begin") {
  std::string many;
  for (int i = 0; i < 20; ++i) many += written + was_written;
  for (const std::string wrong :
       {"{:process 0 :type :oj}", "{:process 0 :value [1 2}}", "{:process 0 :value \"abc",
        "{:process 0 :value [1\n", "  12a", "{:process 0\n:value 12a}", "#", "\"x\"", "]",
        "{:process 0 :process 1}", "{:process 3 :type :ok :f :read}", "{:process 0 :value \\\n}",
        "{:process 0 :type :invoke :f :raed}", "{:process \"7\"}", "{:index -1}"})
    for (const std::string behind : {"", "\n", "\n{:process 1}\n"}) {
      check_blocks(many + wrong + behind + many, false);
      check_blocks(many + wrong, false);
    }
  check_blocks(many + "#_", false);
  check_blocks(many + "#_\n{:x 1}\n" + many, true);
  CHECK(refusal_of(many + "  {:process 0 :type :oj}\n" + many).starts_with("41:22: "));
}

TEST_CASE("blocks: keys are in tuples, or a late event says that they are not") {
  std::string edn, json;
  for (int i = 0; i < 10; ++i) {
    const std::string k = std::to_string(i % 3);
    edn += "{:process 0 :type :invoke :f :read :value [" + k + " nil]}\n" +
           "{:process 0 :type :ok :f :read :value [" + k + " 4]}\n";
    json += R"({"process":0,"type":"invoke","f":"read","value":[)" + k + ",null]}\n" +
            R"({"process":0,"type":"ok","f":"read","value":[)" + k + ",4]}\n";
  }
  check_blocks(edn, true);
  check_blocks(json, true);
  CHECK(loaded_from(edn).history.key_count() == 3);
  check_blocks(edn + written, true);
  CHECK(loaded_from(edn + written).history.key_count() == 0);
  check_blocks(json + R"({"process":0,"type":"invoke","f":"read","value":null})", true);
  // As tuples these would complete an operation on another key.
  const std::string other =
      "{:process 0 :type :invoke :f :read :value [1 nil]}\n"
      "{:process 0 :type :ok :f :read :value [2 4]}\n";
  check_blocks(edn + other, false);
  check_blocks(edn + other + written, true);
  check_blocks(edn + other + written + "{:process", false);
}

TEST_CASE("blocks: JSON in an array and JSON lines") {
  std::string array = "[", lines;
  for (int i = 0; i < 12; ++i) {
    const std::string n = std::to_string(i);
    const std::string event = R"({"index":)" + n + R"(,"type":")" + (i % 2 == 0 ? "invoke" : "ok") +
                              R"(","process":1,"f":"write","node":"n)" + n + R"(","error":"e)" + n +
                              R"(","value":"\n{\u00e4)" + n + "\"}";
    array += (i == 0 ? "" : ",\n") + event;
    lines += event + (i % 3 == 0 ? "\r\n" : "\n");
  }
  check_blocks(array + "]", true);
  check_blocks(array, false);
  check_blocks(lines, true);
  check_blocks(lines + "\n\n{\"type\":\"ok\",\"proc", true);
  check_blocks(lines + "{\"type\":\"oj\",\"process\":1}\n" + lines, false);
}

TEST_CASE("json lines: the short cut takes a line for what the general parser does") {
  // A field that nobody knows keeps a line from the short cut.
  const auto rows_of_value = [](const std::string& prefix, const std::string& fields) {
    LoadError error;
    const auto loaded = load_history_text("{" + prefix + fields + "}\n", "h", {}, &error);
    if (!loaded) return std::string("refused");
    const History& h = loaded->history;
    if (h.size() == 0) return std::string("of no client");
    return rows_of(h) + std::to_string(h.begin_time()[0]) + " " + std::to_string(h.index_of(0)) +
           (h.node_count() == 0 ? "" : " " + h.node_name(0));
  };
  const std::string event = R"("type":"invoke","process":4,"f":"write")";
  for (const std::string value : {"null",
                                  "true",
                                  "false",
                                  "nul",
                                  "nulll",
                                  "0",
                                  "-0",
                                  "-1",
                                  "00",
                                  "01",
                                  "-01",
                                  "1.5",
                                  "1e3",
                                  "1E3",
                                  "-",
                                  "+1",
                                  "123456789012345678",
                                  "1234567890123456789",
                                  "-123456789012345678",
                                  "99999999999999999999",
                                  "\"\"",
                                  "\"a\"",
                                  "\"12345678\"",
                                  "\"123456789abcdef\"",
                                  "\"\\u00e4\"",
                                  "\"\xC3\xA4\"",
                                  "\"\xC3\"",
                                  "\"a\tb\"",
                                  "\"\x7f\"",
                                  "[]",
                                  "[ ]",
                                  "[1]",
                                  "[ 1 , [ ] , \"x\" ]",
                                  "[1,]",
                                  "[,1]",
                                  "[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]",
                                  "[1",
                                  "{}",
                                  "{\"a\":1}",
                                  "1 ",
                                  " 1",
                                  "\"a\\\"b\"",
                                  "1x",
                                  "tru"})
    for (const std::string& fields :
         {event + ",\"value\":" + value, "\"value\" : " + value + " , " + event,
          event + ",\"key\":" + value, event + ",\"time\":" + value, event + ",\"index\":" + value,
          event + ",\"node\":" + value, event + ",\"error\":" + value,
          R"("type":"invoke","f":"read","process":)" + value,
          R"("type":"invoke","process":1,"f":)" + value,
          R"("process":1,"f":"read","type":)" + value, event + ",\"f\":" + value})
      CHECK_MESSAGE(rows_of_value("", fields) == rows_of_value("\"~\":0,", fields), fields);
  CHECK(rows_of_value("", event + ",\"value\":[1,\"x\"]").starts_with("0..* p4 write  [1, \"x\"]"));
}

/// What the short cut for EDN makes of `text` otherwise than the general parser, or "". A tab is as
/// good as a blank, but keeps an event from the short cut; and no place moves.
std::string short_cut_difference(const std::string& text) {
  std::string general = text;
  for (std::size_t at = 0; at != text.npos; at = text.find('\n', at + 1)) {
    const std::size_t brace = at == 0 ? 0 : at + 1;
    if (text.compare(brace, 2, "{ ") == 0) general[brace + 1] = '\t';
  }
  CHECK(general != text);
  LoadError error, general_error;
  const auto loaded = load_history_text(text, "h", {.threads = 1}, &error);
  const auto expected = load_history_text(general, "h", {.threads = 1}, &general_error);
  if (static_cast<bool>(loaded) != static_cast<bool>(expected))
    return loaded ? "loads in spite of " + general_error.expected : "refused: " + error.expected;
  if (loaded) {
    if (loaded->model_hint != expected->model_hint) return "hint";
    return difference_of(loaded->history, expected->history);
  }
  const bool is_same = error.expected == general_error.expected &&
                       error.where.line == general_error.where.line &&
                       error.where.column == general_error.where.column;
  return is_same ? "" : general_error.expected + " became " + error.expected;
}

const std::string edn_behind =
    "{ :type :ok, :f :txn, :value [[:append 1 2]], :process 9, :time 1, :index 90}\n"
    "{ :type :invoke, :f :read, :value nil, :process 10, :time 2, :index 91}\n";

TEST_CASE("edn: the short cut takes an event for what the general parser does") {
  const std::string event = "{ :type :invoke, :f :write, :process 4";
  for (const std::string value : {"nil",
                                  "nill",
                                  "nil\"x\"",
                                  "true",
                                  "false",
                                  "x",
                                  ":x",
                                  "::x",
                                  ":",
                                  ":1",
                                  ":#",
                                  ":^a",
                                  ":a:b",
                                  ":a\"b\"",
                                  "0",
                                  "-0",
                                  "-1",
                                  "00",
                                  "01",
                                  "-01",
                                  "+1",
                                  "1.5",
                                  "1e3",
                                  "1N",
                                  "1/2",
                                  "-",
                                  "1\\a",
                                  "1:f",
                                  "123456789012345678",
                                  "1234567890123456789",
                                  "-123456789012345678",
                                  "99999999999999999999",
                                  "4294967295",
                                  "4294967296",
                                  "\"\"",
                                  "\"a\"",
                                  "\"12345678\"",
                                  "\"123456789abcdef\"",
                                  "\"\\u00e4\"",
                                  "\"\xC3\xA4\"",
                                  "\"a\tb\"",
                                  "\"a\nb\"",
                                  "\"\x7f\"",
                                  "\"a\\\"b\"",
                                  "\"a",
                                  "[]",
                                  "[ ]",
                                  "[1]",
                                  "[ 1 , [ ] , \"x\" ]",
                                  "[1,]",
                                  "[,1]",
                                  "[1\n2]",
                                  "[1 2",
                                  "[1 2}",
                                  "[1 2))",
                                  "(1 2)",
                                  "[1 #_ 2 3]",
                                  "[1 ; 2\n]",
                                  "#{2 1}",
                                  "{:a 1}",
                                  "\\a",
                                  "[[:r 1 nil]]",
                                  "[[:r 1 nil] [:append 1 2]]",
                                  "[[:read 1 nil] [:r 2 nil]]",
                                  "[[:r 1 nil] [:write 1 2]]",
                                  "[[\"read\" 1]]",
                                  "[[:r 1 [1 2 3]] [:r 2 [[4]]]]",
                                  "[[:r]]",
                                  "[[:r 1 2 3]]",
                                  "[[r 1 2]]",
                                  "[[1 2]]",
                                  "[[:r 1] 2]",
                                  "[2 [:r 1]]",
                                  "[\"a\" [\"b\"] \"a\"]",
                                  "[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]",
                                  ":invoke",
                                  ":ok",
                                  ":fail",
                                  ":info",
                                  ":oj",
                                  ":okay",
                                  ":read",
                                  ":get",
                                  ":append",
                                  ":txn",
                                  ":raed",
                                  ":transfer",
                                  ":generate",
                                  ":nemesis"})
    for (const std::string& fields :
         {event + ", :value " + value, event + ",:value" + value, event + " :f " + value,
          "{ :value " + value + " " + event.substr(2), event + ", :key " + value,
          event + ", :time " + value, event + ", :index " + value, event + ", :node " + value,
          "{ :type :invoke, :f :read, :process 4}\n{ :type :info, :process 4, :error " + value,
          event + ", " + value + " 1", event + ", :type " + value,
          "{ :type :invoke, :f :read, :process " + value,
          "{ :type :invoke, :process 1, :f " + value, "{ :process 1, :f :read, :type " + value,
          "{ :type :invoke, :process 1, :value " + value,
          "{ :type :invoke, :f :txn, :process 1, :value " + value,
          "{ :type :invoke, :f :read, :process 1, :value " + value}) {
      const std::string line = fields + "}\n";
      CHECK_MESSAGE(short_cut_difference(line) == "", line);
      CHECK_MESSAGE(short_cut_difference(line + edn_behind) == "", line);
    }
}

/// Some bytes of `line` become others, go or come, but for what stands before its first name.
std::string mutated(std::string line, Rng& rng) {
  constexpr std::string_view bytes = ":,[]{}() \t\"0123456789-+nilreadwtxokfpc#_;\\^\xC3";
  for (std::uint64_t changes = 1 + rng.below(3); changes > 0; --changes) {
    const std::size_t at = 3 + rng.below(line.size() - 4);
    const char byte = bytes[rng.below(bytes.size())];
    const std::uint64_t dice = rng.below(4);
    if (dice == 0) line[at] = byte;
    if (dice == 1) line.insert(at, 1, byte);
    if (dice == 2 && line.size() > 8) line.erase(at, 1 + rng.below(2));
    if (dice == 3) line.insert(at, line.substr(at, 1 + rng.below(12)));
  }
  return line;
}

TEST_CASE("edn: the short cut and the general parser agree on what is broken anywhere") {
  const auto lines = std::to_array<std::string>(
      {"{ :type :ok, :f :read, :value 7, :process 0, :time 12345678901, :index 4}",
       "{ :type :invoke, :f :cas, :value [3 -4], :process 0, :time 3, :index 4}",
       "{ :index 4, :time 12, :type :fail, :process 0, :f :read, :value nil, :error :timeout}",
       "{ :process 0, :type :info, :f :write, :value \"a b\", :index 4 :error [:x \"y\"]}",
       "{ :type :invoke, :f :txn, :value [[:append 1 2] [:r 3 nil]], :process 0, :index 4}",
       "{ :type :ok, :f :txn, :value [[:read 1 [1 2 30]] [:w \"k\" 5]], :process 0, :index 4}",
       "{ :type :ok, :value [[:r 1 [[] [1 [2]]]]], :process 0, :time 5, :index 4}"});
  const std::string before =
      "{ :type :invoke, :f :read, :value nil, :process 0, :time 1, :index 1}\n"
      "{ :type :invoke, :f :txn, :value [[:append 1 2]], :process 9, :time 2, :index 3}\n";
  Rng rng(1);
  for (int round = 0; round < 600; ++round)
    for (const std::string& line : lines) {
      const std::string text = mutated(line, rng) + "\n";
      CHECK_MESSAGE(short_cut_difference(text) == "", text);
      CHECK_MESSAGE(short_cut_difference(before + text + edn_behind) == "", text);
    }
}

TEST_CASE("bytes: digits and quotes are found eight at a time") {
  const auto padded = [](std::string text) { return text + std::string(16, '\0'); };
  for (const std::string digits :
       {"", "0", "7", "12345678", "123456789", "000000012", "123456789012345678", "99999999"})
    for (const std::string behind : {"", " 1", "a", "/", ":", "\xFF",
                                     "\x01"
                                     "2"}) {
      const std::string text = padded(digits + behind);
      const char* at = text.data();
      std::size_t count = 0;
      const std::uint64_t v = take_digits(at, count);
      CHECK(count == digits.size());
      CHECK(at == text.data() + digits.size());
      CHECK(v == (digits.empty() ? 0 : std::stoull(digits)));
    }
  for (int c = 0; c < 256; ++c)
    for (std::size_t at = 0; at < 8; ++at) {
      std::string text = "abcdefgh";
      text[at] = static_cast<char>(c);
      const bool is_special = c < 0x20 || c >= 0x80 || c == '"' || c == '\\';
      const std::uint64_t special = special_in(load_eight(text.data()));
      CHECK((special != 0) == is_special);
      if (is_special) CHECK(std::countr_zero(special) / 8 == static_cast<int>(at));
    }
  CHECK(stands_at(padded("invoke").data(), "invoke"));
  CHECK_FALSE(stands_at(padded("invoka").data(), "invoke"));
}

}  // namespace
}  // namespace faultline
