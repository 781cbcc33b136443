// Whatever the bytes, loading ends in a well-formed history or in an error that names a place.
#include <algorithm>
#include <array>
#include <string>

#include <doctest/doctest.h>

#include "harness/core/rng.h"
#include "harness/io/load.h"
#include "tests/io/blocks.h"
#include "tests/io/well_formed.h"

namespace faultline {
namespace {

const std::string_view field_history =
    R"({"index":0,"type":"invoke","process":0,"node":"n1","f":"write","key":"k7","value":12,"time":100}
{"index":1,"type":"invoke","process":"nemesis","f":"start","value":{"cut":[["n1","n2"]]},"time":101}
{"index":2,"type":"ok","process":0,"node":"n1","f":"write","key":"k7","value":12,"time":102}
{"index":3,"type":"invoke","process":1,"node":"n2","f":"cas","key":"k7","value":[12,-3],"time":103}
{"index":4,"type":"fail","process":1,"node":"n2","f":"cas","key":"k7","value":[12,-3],"error":"mismatch","time":104}
{"index":5,"type":"invoke","process":0,"node":"n1","f":"read","key":"\u00fc\"\\","value":null,"time":105}
{"index":6,"type":"ok","process":0,"node":"n1","f":"read","key":"\u00fc\"\\","value":1.5e3,"time":106}
{"index":7,"type":"invoke","process":2,"node":"n3","f":"txn","value":[["append",1,2],["r",1,null]],"time":107}
{"index":8,"type":"info","process":2,"node":"n3","f":"txn","value":[["append",1,2],["r",1,null]],"error":"reset","time":108}
)";

const std::string_view tuple_history =
    R"({"type":"invoke","process":0,"f":"write","value":[1,"x"],"extra":{"a":[true,false,null]}}
{"type":"ok","process":0,"f":"write","value":[1,"x"]}
{"type":"invoke","process":1,"f":"read","value":[1,null]}
{"type":"ok","process":1,"f":"read","value":[1,"x"]}
)";

const std::string_view edn_history =
    R"(; comments
[{:index 0, :type :invoke, :process 0, :node "n1", :f :write, :key "k7", :value 12, :time 100}
{:type :info, :f :start, :value {"n1" #{"n2"}}, :process :nemesis, :index 1, :time 3}
#x.Y{:index 2 :type :ok, :process 0 :f :write :value -12 :key "k7" :meta [1 (2 "a\u00fc") \a #_b]}
{:index 3, :type :invoke, :process 1 :f :txn :value [[:append 1 2] [:read :x nil]] :time 1.5e3}
{:index 4, :type :fail, :process 1 :f :txn :value nil :error [:x "y"]}]
)";

const std::string_view row_history =
    "0\t:invoke\t:write\t[8 1]\n:nemesis\t:info\t:start\t{\n0 :info :write :timed-out\n"
    "[1 :invoke :cas [8 [0 2]]] [1 :fail :cas [8 [0 2]] :mismatch]\n";

const std::string_view json_history =
    R"([{"index":0,"type":"invoke","process":0,"f":"write","value":{"a":[1,2.5,"\u00fc"]},"time":1},
{"index":1,"type":"ok","process":0,"f":"write","value":null,"error":["x"]}])";

struct Tally {
  int loaded = 0, refused = 0;
};

void load_any(const std::string& text, Tally& tally) {
  LoadError error;
  const auto loaded = load_history_text(text, "h", {}, &error);
  const unsigned threads = text.size() % 16 == 0 ? 2 : 1;
  REQUIRE_MESSAGE(block_dependence_of(text, 1 + text.size() % 61, threads) == "", text);
  if (loaded) {
    ++tally.loaded;
    REQUIRE(defect_of(loaded->history) == "");
    return;
  }
  ++tally.refused;
  const auto lines = static_cast<std::uint32_t>(std::count(text.begin(), text.end(), '\n') + 1);
  REQUIRE_MESSAGE(error.where.line >= 1, text);
  REQUIRE(error.where.line <= lines);
  REQUIRE(error.where.column >= 1);
  REQUIRE_FALSE(error.expected.empty());
}

/// Pieces that are likelier than random bytes to get far into a parser.
constexpr auto pieces = std::to_array<std::string_view>({"\"",
                                                         "{",
                                                         "}",
                                                         "[",
                                                         "]",
                                                         ",",
                                                         ":",
                                                         "\\",
                                                         "\\u",
                                                         "\\ud800",
                                                         "null",
                                                         "true",
                                                         "-",
                                                         "1e400",
                                                         "-0",
                                                         "1.",
                                                         "99999999999999999999",
                                                         "\n",
                                                         "\r\n",
                                                         "\n\n",
                                                         "\xFF",
                                                         "\xC3",
                                                         "\xEF\xBF\xBD",
                                                         "ok",
                                                         "info",
                                                         "invoke",
                                                         "nemesis",
                                                         "\"key\":",
                                                         "\"value\":",
                                                         "\"index\":",
                                                         "[[[[",
                                                         "]]",
                                                         "{\"a\":",
                                                         "4294967295",
                                                         "4294967296",
                                                         "#{",
                                                         "#_",
                                                         "^",
                                                         ";",
                                                         "##",
                                                         "(",
                                                         ":process",
                                                         " "});

std::string mutated(std::string text, Rng& rng) {
  for (std::uint64_t n = 1 + rng.below(3); n > 0 && !text.empty(); --n) {
    const std::size_t at = rng.below(text.size());
    const std::size_t size = std::min<std::size_t>(rng.below(12), text.size() - at);
    switch (rng.below(7)) {
      case 0:
        text[at] = static_cast<char>(rng.below(256));
        break;
      case 1:
        text.erase(at, size);
        break;
      case 2:
        text.insert(at, pieces[rng.below(pieces.size())]);
        break;
      case 3:
        text.replace(at, size, pieces[rng.below(pieces.size())]);
        break;
      case 4:
        text.resize(at);
        break;
      case 5:
        text.insert(at, text.substr(rng.below(text.size()), rng.below(200)));
        break;
      case 6:
        text[at] = static_cast<char>(text[at] ^ (1 << rng.below(8)));
        break;
    }
  }
  return text;
}

TEST_CASE("load fuzz: mutated histories load or are refused with a place, and never crash") {
  Rng rng(20'261'121);
  Tally tally;
  for (int i = 0; i < 10'000; ++i)
    load_any(mutated(std::string(i % 3 == 0 ? tuple_history : field_history), rng), tally);
  // Both ends of the scale were reached, or the mutations prove little.
  CHECK(tally.loaded > 300);
  CHECK(tally.refused > 3000);
}

TEST_CASE("load fuzz: mutated EDN and JSON loads or is refused with a place, and never crashes") {
  Rng rng(20'261'122);
  for (const std::string_view history : {edn_history, row_history, json_history}) {
    REQUIRE(load_history_text(history, "h"));
    Tally tally;
    for (int i = 0; i < 5'000; ++i) load_any(mutated(std::string(history), rng), tally);
    CHECK(tally.loaded > 200);
    CHECK(tally.refused > 1000);
  }
}

TEST_CASE(
    "load fuzz: every prefix of a history of ours loads, and holds the prefix of its events") {
  const auto whole = load_history_text(field_history, "h");
  REQUIRE(whole);
  for (std::size_t size = field_history.find('\n') + 1; size <= field_history.size(); ++size) {
    const auto prefix = load_history_text(field_history.substr(0, size), "h");
    REQUIRE_MESSAGE(prefix, size);
    const auto lines = std::count(field_history.begin(),
                                  field_history.begin() + static_cast<std::ptrdiff_t>(size), '\n');
    REQUIRE(prefix->history.events() >= lines);
    REQUIRE(prefix->history.events() <=
            lines + 1);  // the last line may be whole without its newline
    REQUIRE(defect_of(prefix->history) == "");
    for (std::size_t i = 0; i < prefix->history.size(); ++i) {
      REQUIRE(prefix->history.process()[i] == whole->history.process()[i]);
      REQUIRE(prefix->history.begin()[i] == whole->history.begin()[i]);
      if (prefix->history.end()[i] != never)
        REQUIRE(prefix->history.end()[i] == whole->history.end()[i]);
    }
  }
}

TEST_CASE("load fuzz: random bytes") {
  Rng rng(7);
  Tally tally;
  for (int i = 0; i < 2000; ++i) {
    std::string text(1 + rng.below(200), '\0');
    for (char& c : text) c = static_cast<char>(rng.below(256));
    if (i % 2 == 0) text.insert(0, "{\"type\":\"ok\",");
    load_any(text, tally);
  }
  CHECK(tally.loaded == 0);
}

}  // namespace
}  // namespace faultline
