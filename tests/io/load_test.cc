#include "harness/io/load.h"

#include <algorithm>
#include <fstream>
#include <type_traits>

#include <doctest/doctest.h>

#include "harness/io/load_parse.h"
#include "harness/io/recorder.h"
#include "tests/io/rows.h"
#include "tests/io/temporary_folder.h"

namespace faultline {
namespace {

TEST_CASE("load: every column of a history of ours") {
  const Loaded loaded = loaded_from(
      R"({"index":0,"type":"invoke","process":3,"node":"n2","f":"write","key":"k7","value":12,"time":100}
{"index":1,"type":"invoke","process":"nemesis","f":"start","value":{"x":[1]},"node":"n1","time":101}
{"index":2,"type":"invoke","process":4,"node":"n1","f":"cas","key":"k7","value":[12,13],"time":102}
{"index":3,"type":"fail","process":4,"node":"n1","f":"cas","key":"k7","value":[12,13],"error":"mismatch","time":103}
{"index":4,"type":"ok","process":3,"node":"n2","f":"write","key":"k7","value":12,"time":104}
{"index":5,"type":"invoke","process":4,"node":"n1","f":"read","key":"k7","value":null,"time":105}
{"index":6,"type":"ok","process":4,"node":"n1","f":"read","key":"k7","value":12,"time":106}
{"index":7,"type":"invoke","process":3,"node":"n2","f":"read","key":"k8","value":null,"time":107}
{"index":8,"type":"fail","process":3,"node":"n2","f":"read","key":"k8","value":null,"error":"timeout","time":108}
{"index":9,"type":"invoke","process":3,"node":"n2","f":"write","key":"k8","value":1,"time":109}
{"index":10,"type":"info","process":3,"node":"n2","f":"write","key":"k8","value":1,"error":"reset","time":110}
{"index":11,"type":"invoke","process":5,"node":"n2","f":"write","key":"k8","value":2,"time":111}
)");
  CHECK(loaded.warnings.empty());
  CHECK(loaded.format == "jsonl");
  const History& h = loaded.history;
  REQUIRE(h.size() == 6);
  CHECK(h.events() == 12);
  const auto is = [](const auto& span, auto... values) {
    return std::ranges::equal(
        span,
        std::initializer_list<typename std::remove_cvref_t<decltype(span)>::value_type>{values...});
  };
  CHECK(is(h.process(), 3u, 4u, 4u, 3u, 3u, 5u));
  CHECK(is(h.function(), Function::write, Function::cas, Function::read, Function::read,
           Function::write, Function::write));
  CHECK(is(h.fate(), Fate::ok, Fate::mismatch, Fate::ok, Fate::fail, Fate::info, Fate::info));
  CHECK(is(h.begin(), 0u, 2u, 5u, 7u, 9u, 11u));
  CHECK(is(h.end(), 4u, 3u, 6u, 8u, never, never));
  CHECK(is(h.begin_time(), 100, 102, 105, 107, 109, 111));
  CHECK(is(h.end_time(), 104, 103, 106, 108, 110, no_time));
  CHECK(is(h.key(), 0u, 0u, 0u, 1u, 1u, 1u));
  CHECK(h.key_text(0) == "k7");
  CHECK(h.key_text(1) == "k8");
  CHECK(h.node_name(h.node()[0]) == "n2");
  CHECK(h.node_name(h.node()[1]) == "n1");
  CHECK(h.error_text(h.error()[3]) == "timeout");
  CHECK(h.error_text(h.error()[4]) == "reset");
  CHECK(h.error()[0] == no_error);
  CHECK(h.argument()[0].small_integer() == 12);
  CHECK(h.values().to_text(h.argument()[1]) == "[12, 13]");
  CHECK(h.argument()[2].is_nil());
  CHECK(h.output()[2].small_integer() == 12);
  CHECK(h.output()[3].is_nil());
  CHECK(h.index_of(7) == 7);
}

TEST_CASE("load: values of every kind, equal ones equal") {
  const Loaded loaded = loaded_from(
      R"({"process":0,"type":"invoke","f":"write","value":[null,true,-3,"\u00fc\n",{"a":1.50,"b":[]}]}
{"process":0,"type":"ok","f":"write","value":1.5}
{"process":0,"type":"invoke","f":"write","value":15e-1}
{"process":0,"type":"ok","f":"write","value":9223372036854775807}
{"process":0,"type":"invoke","f":"write","value":9223372036854775808}
{"process":0,"type":"ok","f":"write","value":9223372036854775809}
{"process":0,"type":"invoke","f":"write","value":"text"}
{"process":0,"type":"ok","f":"write","value":false}
)");
  const History& h = loaded.history;
  REQUIRE(h.size() == 4);
  CHECK(h.values().to_text(h.argument()[0]) ==
        "[nil, true, -3, \"\u00fc\n\", {\"a\": 1.5, \"b\": []}]");
  CHECK(h.output()[0] == h.argument()[1]);
  CHECK(h.values().as_integer(h.output()[1]) == 9223372036854775807);
  // As doubles these two would be one.
  CHECK(h.argument()[2].kind() == ValueHandle::Kind::real);
  CHECK(h.argument()[2] != h.output()[2]);
  CHECK(h.values().as_text(h.output()[2]) == "9223372036854775809");
  CHECK(h.output()[3] ==
        ValueHandle::of_bits(static_cast<std::uint64_t>(ValueHandle::Kind::boolean)));
}

TEST_CASE("load: texts that are equal for eight bytes are not equal yet") {
  for (const char* const format : {"json", "edn"}) {
    CAPTURE(format);
    std::string text;
    for (const std::string value : {"abcdefgh", "abcdefgh1", "abcdefgh2", "abcdefgh1"})
      text += std::string(format) == "json"
                  ? R"({"type":"invoke","process":0,"f":"write","value":")" + value +
                        "\"}\n"
                        R"({"type":"ok","process":0,"f":"write","value":")" +
                        value + "\"}\n"
                  : "{:type :invoke, :process 0, :f :write, :value \"" + value +
                        "\"}\n{:type :ok, :process 0, :f :write, :value \"" + value + "\"}\n";
    const Loaded loaded = loaded_from(text);
    const auto written = loaded.history.argument();
    REQUIRE(written.size() == 4);
    CHECK(loaded.history.values().as_text(written[1]) == "abcdefgh1");
    CHECK(loaded.history.values().as_text(written[2]) == "abcdefgh2");
    CHECK(written[1] == written[3]);
    CHECK(written[0] != written[1]);
  }
}

TEST_CASE("load: tuples [k v] where the file can mean nothing else") {
  const Loaded loaded =
      loaded_from(R"({"index":0,"type":"invoke","process":0,"f":"write","value":[7,1]}
{"index":1,"type":"ok","process":0,"f":"write","value":[7,1]}
{"index":2,"type":"invoke","process":0,"f":"cas","value":["x",[1,2]]}
{"index":3,"type":"info","process":0,"f":"cas","value":null,"error":["timeout",5]}
{"index":4,"type":"info","process":"nemesis","f":"kill","value":"n1"}
{"index":5,"type":"invoke","process":1,"f":"read","value":[7,null]}
{"index":6,"type":"ok","process":1,"f":"read","value":[7,[1,2,3]]}
)");
  const History& h = loaded.history;
  REQUIRE(h.size() == 3);
  CHECK(h.key_text(h.key()[0]) == "7");
  CHECK(h.key_text(h.key()[1]) == "x");
  CHECK(h.key()[2] == h.key()[0]);
  CHECK(h.argument()[0].small_integer() == 1);
  CHECK(h.values().to_text(h.argument()[1]) == "[1, 2]");
  CHECK(h.argument()[2].is_nil());
  CHECK(h.values().to_text(h.output()[2]) == "[1, 2, 3]");
  CHECK(h.error_text(h.error()[1]) == R"(["timeout",5])");
}

TEST_CASE("load: what may be a plain value stays one") {
  const auto first_argument = [](std::string_view text) {
    const Loaded loaded = loaded_from(text);
    CHECK(loaded.history.key()[0] == no_key);
    return loaded.history.values().to_text(loaded.history.argument()[0]);
  };
  // Nothing says that these are tuples: no read asks for [k nil].
  CHECK(first_argument(R"({"process":0,"type":"invoke","f":"write","value":[7,1]})") == "[7, 1]");
  // A plain compare-and-set [old new].
  CHECK(first_argument(R"({"process":0,"type":"invoke","f":"cas","value":[7,1]})") == "[7, 1]");
  // A read that names no key.
  CHECK(first_argument(R"({"process":0,"type":"invoke","f":"write","value":[7,null]}
{"process":1,"type":"invoke","f":"read","value":null})") == "[7, nil]");
  // A key field anywhere, even at the end.
  CHECK(first_argument(R"({"process":0,"type":"invoke","f":"write","value":[7,null]}
{"process":1,"type":"invoke","f":"read","value":[7,null],"key":1})") == "[7, nil]");
  // A transaction.
  CHECK(first_argument(
            R"({"process":0,"type":"invoke","f":"txn","value":[["r",1,null],["w",2,3]]})") ==
        R"([["r", 1, nil], ["w", 2, 3]])");
}

TEST_CASE("load: indexes of foreign histories may be sparse, ours may not") {
  const Loaded sparse = loaded_from(R"({"index":5,"type":"invoke","process":0,"f":"read"}
{"index":9,"type":"info","process":"nemesis"}
{"index":12,"type":"ok","process":0,"f":"read","value":1}
)");
  CHECK(sparse.history.index_of(0) == 5);
  CHECK(sparse.history.index_of(2) == 12);
  CHECK(sparse.history.events() == 3);
  const Loaded late = loaded_from(R"({"index":0,"type":"invoke","process":0,"f":"read"}
{"index":1,"type":"ok","process":0,"f":"read","value":1}
{"index":8,"type":"invoke","process":0,"f":"read"}
)");
  CHECK(late.history.index_of(0) == 0);
  CHECK(late.history.index_of(2) == 8);
  const Loaded none = loaded_from(R"({"type":"invoke","process":0,"f":"read"}
{"type":"ok","process":0,"f":"read","value":1,"index":77}
)");
  CHECK(none.history.index_of(1) == 1);

  CHECK(refusal_of(R"({"index":5,"type":"invoke","process":0,"f":"read"}
{"index":5,"type":"ok","process":0,"f":"read","value":1})") ==
        "2:1: expected an index above 5, found 5");
  CHECK(refusal_of(R"({"index":5,"type":"invoke","process":0,"f":"read"}
{"type":"ok","process":0,"f":"read","value":1})")
            .starts_with("2:1: expected the field \"index\""));

  const std::string ours =
      R"({"index":0,"type":"invoke","process":0,"node":"n1","f":"read","time":1})";
  CHECK(refusal_of(ours + "\n" + R"({"index":2,"type":"ok","process":0,"f":"read"})")
            .starts_with("2:1: expected index 1, found 2: "));
  CHECK(refusal_of(ours + "\n" + R"({"index":0,"type":"ok","process":0,"f":"read"})")
            .starts_with("2:1: expected index 1, found 0: "));
  // The beginning is missing.
  CHECK(refusal_of(R"({"index":1,"type":"invoke","process":0,"node":"n1","f":"read","time":1})")
            .starts_with("1:1: expected index 0, found 1: "));
}

TEST_CASE(
    "load: a torn last line is dropped with a warning, a whole one without a newline is kept") {
  const std::string whole = R"({"type":"invoke","process":0,"f":"write","value":"x"})";
  const std::string last = R"({"type":"ok","process":0,"f":"write","value":"\u00e4"})";
  for (std::size_t cut = 1; cut < last.size(); ++cut) {
    const Loaded loaded = loaded_from(whole + "\n" + last.substr(0, cut));
    REQUIRE(loaded.history.size() == 1);
    CHECK(loaded.history.fate()[0] == Fate::info);
    REQUIRE(loaded.warnings.size() == 1);
    CHECK(loaded.warnings[0] == "h: dropped a torn last line (" + std::to_string(cut) + " bytes)");
  }
  const Loaded kept = loaded_from(whole + "\n" + last);
  CHECK(kept.history.fate()[0] == Fate::ok);
  CHECK(kept.warnings.empty());
  // With a newline behind it, it was not torn by a kill.
  CHECK(refusal_of(whole + "\n" + last.substr(0, 30) + "\n").starts_with("2:"));
  // Whole, but wrong.
  CHECK(refusal_of(whole + "\n{\"type\":\"ok\"}") == "2:1: expected the field \"process\"");
}

TEST_CASE("load: errors say line, column and what was expected") {
  CHECK(refusal_of(R"({"type":"invoke","process":0,"f":"raed"})") ==
        R"(1:35: unknown f "raed", did you mean "read"?)");
  CHECK(refusal_of(R"({"type":"invokes","process":0,"f":"read"})") ==
        R"(1:10: expected type invoke, ok, fail or info, found "invokes", did you mean "invoke"?)");
  CHECK(refusal_of(R"({"type":"invoke","process":-1,"f":"read"})") ==
        R"(1:28: expected "process" as an integer from 0, found -1)");
  CHECK(refusal_of(R"({"type":"invoke","process":4294967296,"f":"read"})").starts_with("1:28: "));
  CHECK(refusal_of(R"({"type":"invoke","process":"17","f":"read"})")
            .starts_with("1:28: expected \"process\" as a number"));
  CHECK(refusal_of(R"({"type":"invoke","process":null,"f":"read"})").starts_with("1:28: "));
  CHECK(refusal_of(R"({"type":"invoke","process":0})") == R"(1:1: expected the field "f")");
  CHECK(refusal_of(R"({"process":0,"f":"read"})") == R"(1:1: expected the field "type")");
  CHECK(refusal_of(R"({"type":"invoke","process":0,"f":"read","type":"ok"})")
            .find("found a second \"type\"") != std::string::npos);
  CHECK(refusal_of(R"({"type":"invoke","process":0,"f":"read","key":[1]})") ==
        "1:47: expected \"key\" as a text or a number, found [");
  CHECK(refusal_of(R"({"type":"invoke","process":0,"f":"read"} {})").starts_with("1:"));
  CHECK(refusal_of("\n\n{\"type\":\"ok\",\"process\":9,\"f\":\"read\"}") ==
        "3:1: process 9 completes an operation that it never invoked");
  CHECK(refusal_of(R"({"type":"invoke","process":0,"f":"read"}
{"type":"invoke","process":0,"f":"read"})")
            .starts_with("2:1: process 0 invokes again before"));
  CHECK(refusal_of(R"({"type":"invoke","process":0,"f":"write","value":1}
{"type":"info","process":0,"f":"write"}
{"type":"invoke","process":0,"f":"read"})")
            .starts_with("3:1: process 0 invokes again after an info"));
  CHECK(refusal_of(R"({"type":"invoke","process":0,"f":"write","value":1}
{"type":"ok","process":0,"f":"read"})") == "2:1: process 0 completes read, but invoked write");
  CHECK(refusal_of(R"({"type":"invoke","process":0,"f":"write","value":1,"key":"a"}
{"type":"ok","process":0,"f":"write","key":"b"})") ==
        "2:1: process 0 completes an operation on another key than it invoked");
  CHECK(refusal_of(R"({"type":"invoke","process":0,"f":"read","value":)" + std::string(300, '[') +
                   std::string(300, ']') + "}")
            .find("nested") != std::string::npos);
  CHECK(refusal_of("{\"type\":\"invoke\",\"process\":0,\"f\":\"write\",\"value\":\"\xFF\"}\n")
            .starts_with("1:"));
  CHECK(refusal_of("7\n") == "1:1: expected a JSON object");
  const auto missing = load_history("/nowhere/h.jsonl");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().what == "open /nowhere/h.jsonl: No such file or directory");
  CHECK(missing.error().kind == ErrorKind::usage);
}

TEST_CASE("load: what is no history in JSON lines is named") {
  const auto found = [](std::string_view text) {
    const std::string what = refusal_of(text);
    const std::size_t at = what.find(", found ");
    CHECK(what.starts_with("1:1: expected a history, one JSON event a line"));
    return at == std::string::npos ? what : what.substr(at + 8);
  };
  CHECK(found("") == "an empty file");
  CHECK(found("\n \n") == "only blank lines");
  CHECK(found(std::string_view("\x7f"
                               "ELF\0\0",
                               6)) == "binary data");
  CHECK(found("\xEF\xBB\xBF{}") == "a byte order mark: remove it");
  CHECK(found("{\"type\":\"inv") == "no whole event");
}

TEST_CASE("load: a file of many blocks equals the same lines in one, whatever the threads") {
  const TemporaryFolder folder;
  // Lines of many lengths, so that block borders fall everywhere in a line; some longer than a
  // block.
  std::string text;
  std::size_t events = 0;
  const auto add = [&](const std::string& rest) {
    text += "{\"index\":" + std::to_string(events) +
            ",\"node\":\"n1\",\"time\":" + std::to_string(events) + rest + "}\n";
    ++events;
  };
  for (std::size_t i = 0; text.size() < 3 * block_bytes; ++i) {
    const std::string name = ",\"process\":" + std::to_string(i % 7) +
                             ",\"f\":\"write\",\"key\":\"k" + std::to_string(i % 300) + "\"";
    const std::string value =
        ",\"value\":\"" + std::string(i % 997, 'a') + std::to_string(i) + "\"";
    add(",\"type\":\"invoke\"" + name + value);
    add(",\"type\":\"ok\"" + name + ",\"value\":" + std::to_string(i));
  }
  add(R"(,"type":"invoke","process":99,"f":"write","value":")" +
      std::string(2 * block_bytes + 77, 'b') + "\"");
  add(R"(,"type":"ok","process":99,"f":"write","value":1)");
  const std::filesystem::path path = folder / "history.jsonl";
  std::ofstream(path, std::ios::binary) << text;

  for (const unsigned threads : {1u, 2u, 5u}) {
    const auto loaded = load_history(folder.path(), {threads});  // a run directory
    REQUIRE(loaded);
    const History& h = loaded->history;
    REQUIRE(h.events() == events);
    REQUIRE(h.size() == events / 2);
    bool same = true;
    for (std::size_t i = 0; i + 1 < h.size(); ++i)
      same = same && h.process()[i] == i % 7 && h.begin()[i] == 2 * i && h.end()[i] == 2 * i + 1 &&
             h.key_text(h.key()[i]) == "k" + std::to_string(i % 300) &&
             h.values().as_text(h.argument()[i]) == std::string(i % 997, 'a') + std::to_string(i) &&
             h.output()[i].small_integer() == static_cast<std::int64_t>(i);
    CHECK(same);
    CHECK(h.values().as_text(h.argument()[h.size() - 1]).size() == 2 * block_bytes + 77);
  }

  // An error far behind is found at its line, and is the first of two.
  const std::size_t at = text.rfind("\"type\":\"ok\",\"process\":3");
  text.replace(at, 11, "\"type\":\"OK\"");
  const auto line =
      1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
  text += "garbage\n";
  CHECK(refusal_of(text).starts_with(std::to_string(line) + ":"));
}

TEST_CASE("load: a line that begins at a border of blocks, or next to it, is read once") {
  for (const int shift : {-1, 0, 1}) {
    std::string text;
    for (std::size_t block = 1; block <= 3; ++block) {
      // Two events whose second line ends `shift` bytes behind the border.
      text += R"({"process":0,"type":"invoke","f":"write","value":")";
      const std::string end = "\"}\n{\"process\":0,\"type\":\"ok\",\"f\":\"write\"}\n";
      const std::size_t border = block * block_bytes + static_cast<std::size_t>(shift + 1) - 1;
      text.append(border - text.size() - end.size(), 'x');
      text += end;
    }
    REQUIRE(text.size() + 1 == 3 * block_bytes + static_cast<std::size_t>(shift + 1));
    const Loaded loaded = loaded_from(text);
    CHECK(loaded.history.size() == 3);
    CHECK(loaded.history.events() == 6);
    CHECK(loaded.warnings.empty());
  }
}

TEST_CASE("load: keys may be found in tuples across many blocks") {
  std::string text;
  std::size_t i = 0;
  for (; text.size() < 2 * block_bytes; ++i) {
    const std::string f = i % 2 == 0 ? "write" : "read";
    const std::string k = std::to_string(i % 10);
    text += R"({"process":1,"type":"invoke","f":")" + f + "\",\"value\":[" + k +
            (i % 2 == 0 ? ",5" : ",null") + "]}\n";
    text += R"({"process":1,"type":"ok","f":")" + f + "\",\"value\":[" + k + ",5]}\n";
  }
  const Loaded tuples = loaded_from(text);
  CHECK(tuples.history.key_count() == 10);
  CHECK(tuples.history.size() == i);
  // The very last event decides that they were plain values.
  const Loaded plain =
      loaded_from(text + R"({"process":1,"type":"invoke","f":"read","value":null})");
  CHECK(plain.history.key_count() == 0);
  CHECK(plain.history.values().to_text(plain.history.argument()[1]) == "[1, nil]");
}

TEST_CASE("load: what was recorded is what is loaded") {
  const TemporaryFolder folder;
  auto recorder =
      Recorder::create(folder / "history.jsonl", 1, {"n1", "n2"}, std::chrono::steady_clock::now());
  REQUIRE(recorder);
  const std::vector<Value> values = {{},
                                     1,
                                     -5,
                                     "x",
                                     "\xFF",
                                     "\"\\\n",
                                     1.0,
                                     0.1,
                                     true,
                                     std::int64_t{1} << 62,
                                     List{1, List{}},
                                     Map{{"a", 1}}};
  std::uint32_t process = 0;
  for (std::size_t i = 0; i < 3 * values.size(); ++i) {
    const Request request{i % 2 == 0 ? Function::write : Function::cas,
                          i % 5 == 0 ? "" : "k" + std::to_string(i % 5), values[i % values.size()]};
    (*recorder)->invoke(0, process, i % 2, request);
    const std::vector<Outcome> outcomes = {Outcome::ok(values[(i + 1) % values.size()]),
                                           Outcome::fail("no"), Outcome::mismatch(),
                                           Outcome::fail("mismatch"), Outcome::info("lost")};
    (*recorder)->complete(0, process, i % 2, request, outcomes[i % outcomes.size()]);
    if (i % outcomes.size() == 4) ++process;
  }
  const History a = (*recorder)->finish();
  const auto loaded = load_history(folder.path());
  REQUIRE(loaded);
  const History& b = loaded->history;
  REQUIRE(a.size() == b.size());
  CHECK(a.events() == b.events());
  CHECK(std::ranges::equal(a.process(), b.process()));
  CHECK(std::ranges::equal(a.function(), b.function()));
  CHECK(std::ranges::equal(a.fate(), b.fate()));
  CHECK(std::ranges::equal(a.begin(), b.begin()));
  CHECK(std::ranges::equal(a.end(), b.end()));
  CHECK(std::ranges::equal(a.begin_time(), b.begin_time()));
  CHECK(std::ranges::equal(a.end_time(), b.end_time()));
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a.key_text(a.key()[i]) == b.key_text(b.key()[i]));
    CHECK(a.node_name(a.node()[i]) == b.node_name(b.node()[i]));
    CHECK((a.error()[i] == no_error) == (b.error()[i] == no_error));
    for (std::size_t j = 0; j < a.size(); ++j) {
      // Values that were equal are equal, and different ones are different.
      CHECK(a.values().equal(a.argument()[i], a.argument()[j]) ==
            b.values().equal(b.argument()[i], b.argument()[j]));
      CHECK(a.values().equal(a.output()[i], a.argument()[j]) ==
            b.values().equal(b.output()[i], b.argument()[j]));
    }
  }
}

}  // namespace
}  // namespace faultline
