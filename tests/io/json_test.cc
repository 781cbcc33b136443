#include "harness/io/json.h"

#include <cmath>
#include <limits>
#include <set>

#include <doctest/doctest.h>

namespace faultline {
namespace {

TEST_CASE("json: values of every kind survive a round trip") {
  const Value value = Map{{"nil", {}},
                          {"yes", true},
                          {"least", std::numeric_limits<std::int64_t>::min()},
                          {"most", std::numeric_limits<std::int64_t>::max()},
                          {"real", 0.1},
                          {"whole real", 3.0},
                          {"tiny", 1e-300},
                          {"text", "a \"b\" \\ \n\t\x01 \u00fc \U0001F600"},
                          {"list", List{1, List{}, Map{}, "x"}}};
  const auto back = parse_json(to_json(value));
  REQUIRE(back);
  CHECK(*back == value);
  const auto pretty = parse_json(to_json_pretty(value));
  REQUIRE(pretty);
  CHECK(*pretty == value);
}

TEST_CASE("json: keys keep the order of the map, on one line") {
  CHECK(to_json(Map{{"z", 1}, {"a", List{1, {}, "x"}}}) == R"({"z":1,"a":[1,null,"x"]})");
  CHECK(to_json_pretty(Map{{"z", 1}, {"a", List{1, 2}}}) == "{\n  \"z\": 1,\n  \"a\": [1, 2]\n}\n");
}

TEST_CASE("json: a whole real stays a real, and what JSON cannot say becomes a text") {
  CHECK(to_json(2.0) == "2.0");
  CHECK(to_json(-0.0) == "-0.0");
  CHECK(to_json(std::numeric_limits<double>::infinity()) == "\"inf\"");
  CHECK(to_json(-std::numeric_limits<double>::infinity()) == "\"-inf\"");
  CHECK(to_json(std::nan("")) == "\"nan\"");
}

TEST_CASE("json: different bytes stay different, well-formed or not") {
  std::set<std::string> seen;
  std::size_t texts = 0;
  const auto add = [&](const std::string& text) {
    const std::string json = to_json(text);
    REQUIRE_MESSAGE(parse_json(json), json);
    seen.insert(json);
    ++texts;
  };
  for (int a = 0; a < 256; ++a) {
    add(std::string(1, static_cast<char>(a)));
    for (int b = 0; b < 256; b += 3)
      add({'\xE2', static_cast<char>(a),
           static_cast<char>(b)});  // some are characters, most are not
  }
  add("\xEF\xBF\xBD");  // U+FFFD itself
  add("\xEF\xBF\xBD"
      "ef");  // and what looks like an escaped byte
  add("\xC0\x80"), add("\xED\xA0\x80"), add("\xF4\x90\x80\x80"), add("\xF5\x80\x80\x80");
  add("\xF0\x80\x80\x80"), add("\xE0\x80\x80");
  CHECK(seen.size() == texts);
  CHECK(to_json("\xC3\xBC") == "\"\xC3\xBC\"");
  CHECK(to_json("a\xFF") ==
        "\"a\xEF\xBF\xBD"
        "ff\"");
}

TEST_CASE("json: errors say where") {
  const auto at = [](std::string_view text) {
    const auto parsed = parse_json(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().kind == ErrorKind::usage);
    return parsed.error().what;
  };
  CHECK(at("{\n  \"a\": x}").starts_with("line 2, column "));
  CHECK(at("").find("expected valid JSON") != std::string::npos);
  CHECK(at("1e999").find("expected valid JSON") != std::string::npos);
  CHECK(at(std::string(300, '[') + std::string(300, ']')).find("nested") != std::string::npos);
}

TEST_CASE("json: a verdict as the schema has it") {
  HistoryBuilder builder;
  builder.skip_event();  // a nemesis line: positions and rows differ
  REQUIRE(builder.invoke({.process = 0}));
  REQUIRE(builder.complete({.process = 0, .fate = Fate::ok}));
  REQUIRE(builder.invoke({.process = 1}));
  const History history = builder.finish();

  Verdict verdict;
  verdict.name = "linearizable";
  verdict.model = "register";
  verdict.engine = "zones";
  verdict.validity = Validity::invalid;
  verdict.summary = "s";
  verdict.explanation = "e\n";
  verdict.witness = {0, 1};
  verdict.anomalies = {{"stale-read", 1}};
  verdict.refuted = {"linearizable"};
  verdict.not_refuted = {"sequential"};
  verdict.counted = {{"reads", 2}};
  verdict.keys_invalid = {"k3"};
  CHECK(
      to_json(verdict_value(verdict, history, 0.0212345678)) ==
      R"({"name":"linearizable","model":"register","engine":"zones","verdict":"invalid",)"
      R"("summary":"s","explanation":"e\n","anomalies":{"stale-read":1},"not":["linearizable"],)"
      R"("not_ruled_out":["sequential"],"counted":{"reads":2},"witness":[1,3],"keys_invalid":["k3"],)"
      R"("seconds":0.021235})");

  verdict.validity = Validity::unknown;
  verdict.reason = "steps";
  CHECK(to_json(verdict_value(verdict, history, 0))
            .find(R"("verdict":"unknown","reason":"steps","summary")") != std::string::npos);
}

}  // namespace
}  // namespace faultline
