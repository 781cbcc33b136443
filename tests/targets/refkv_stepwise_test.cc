// What a step is for the embedded store, and what its reply means: the table in refkv_stepwise.h.
#include "targets/refkv_stepwise.h"

#include <doctest/doctest.h>

#include "tests/targets/exchange.h"

namespace faultline::refkv_stepwise_test {
namespace {

using Kind = StepReport::Kind;

const Step begin{Step::Kind::begin, {}}, commit{Step::Kind::commit, {}},
    undo{Step::Kind::abort, {}};
Step access(const char* verb, Value what, Value value = {}) {
  return {Step::Kind::access, List{verb, std::move(what), std::move(value)}};
}
const Step write_x = access("w", "s/x", 7), read_x = access("r", "s/x");
const Step find = access("r-where", List{"s/", "any", {}});
const Step erase = access("delete-where", List{"s/", "equal", 20});

const HttpReply lost{.status = 0, .body = {}, .error = "timeout"};
const HttpReply unsent{.status = 0, .body = {}, .error = "no connection", .never_sent = true};
HttpReply said(const std::string& value) {
  return replied(200, R"({"ok":true,"value":)" + value + "}");
}

TEST_CASE("refkv steps: what is asked") {
  CHECK(*refkv_step_body(begin, 0) == R"({"op":"open"})");
  CHECK(*refkv_step_body(commit, 7) == R"({"op":"finish","transaction":7})");
  CHECK(*refkv_step_body(undo, 7) == R"({"op":"abort","transaction":7})");
  CHECK(*refkv_step_body(read_x, 7) == R"({"op":"access","transaction":7,"access":["r","s/x"]})");
  CHECK(*refkv_step_body(write_x, 7) ==
        R"({"op":"access","transaction":7,"access":["w","s/x",7]})");
  CHECK(*refkv_step_body(find, 7) ==
        R"({"op":"access","transaction":7,"access":["r-where",["s/","any",null]]})");
  for (const Step& step :
       {access("append", "s/x", 1), access("r-where", List{"s/", "less", 3}), access("frob", "x")})
    CHECK_FALSE(refkv_step_body(step, 7));
}

TEST_CASE("refkv steps: what was asked for is done, with its answer") {
  const auto answer = [](const Step& step, const std::string& text) {
    const StepReport report = refkv_step_report(step, said(R"({"answer":)" + text + "}"));
    CHECK_MESSAGE(report.kind == Kind::done, report.why);
    return report.access.list()->at(2);
  };
  CHECK(refkv_step_report(begin, said("12")).kind == Kind::done);
  CHECK(refkv_step_report(commit, said("null")).kind == Kind::done);
  CHECK(refkv_step_report(undo, said("null")).kind == Kind::done);
  CHECK(answer(write_x, "7") == Value(7));
  CHECK(answer(read_x, "null") == Value());
  CHECK(answer(read_x, "[1,2]") == Value(List{1, 2}));
  CHECK(answer(find, "[]") == Value(List{}));
  CHECK(answer(erase, R"([["s/y",20]])") == Value(List{Value(List{"s/y", 20})}));
  for (const Step& step : {read_x, write_x, find, erase})
    CHECK(refkv_step_report(step, said(R"({"waits_for":[5]})")).kind == Kind::waiting);
}

TEST_CASE("refkv steps: only a commit that was sent may have happened") {
  const HttpReply refused = replied(200, R"({"ok":false,"mismatch":true,"error":"deadlock"})");
  const HttpReply definite = replied(503, R"({"ok":false,"definite":true,"error":"busy"})");
  const std::vector<HttpReply> doubtful{
      lost,
      replied(503, R"({"ok":false,"definite":false,"error":"late"})"),
      replied(500, R"({"ok":false,"definite":true,"error":"late"})"),
      replied(503, R"({"ok":false,"mismatch":true})"),
      replied(200, R"({"ok":true})"),
      replied(200, "{}"),
      replied(200, "[]"),
      replied(200, ""),
      replied(503, R"({"ok":true,"value":null})")};
  for (const Step& step : {begin, write_x, read_x, find, erase, undo, commit}) {
    const Kind otherwise = step.kind == Step::Kind::commit ? Kind::lost : Kind::failed;
    for (const HttpReply& reply : doubtful) {
      CAPTURE(reply.body);
      CHECK(refkv_step_report(step, reply).kind == otherwise);
    }
    CHECK(refkv_step_report(step, unsent).kind == Kind::failed);
    CHECK(refkv_step_report(step, definite).kind == Kind::failed);
    CHECK(refkv_step_report(step, refused).kind == Kind::refused);
    CHECK(refkv_step_report(step, refused).why == "deadlock");
  }
  CHECK(refkv_step_report(begin, said("\"a\"")).kind == Kind::failed);
  // Answers to something else.
  for (const char* value : {"7", "null", "{}", R"({"waits_for":[]})", R"({"waits_for":5})"})
    CHECK(refkv_step_report(read_x, said(value)).kind == Kind::failed);
  CHECK(refkv_step_report(write_x, said(R"({"answer":8})")).kind == Kind::failed);
  for (const char* value : {R"({"answer":null})", R"({"answer":[1]})", R"({"answer":[["k"]]})",
                            R"({"answer":[[1,1]]})", R"({"answer":[["k","v"]]})"})
    CHECK(refkv_step_report(find, said(value)).kind == Kind::failed);
}

TEST_CASE("refkv steps: an access is asked once, and then looked at; its end is asked no more") {
  std::vector<std::string> asked;
  std::vector<HttpReply> replies{said("7"), said(R"({"waits_for":[5]})"),
                                 said(R"({"waits_for":[5]})"), said(R"({"answer":null})")};
  RefkvOpenTransaction open([&](const std::string& body, Deadline) {
    asked.push_back(body);
    return replies.at(asked.size() - 1);
  });
  open.send(begin, {});
  CHECK(open.look({}).kind == Kind::done);
  open.send(read_x, {});
  CHECK(open.look({}).kind == Kind::waiting);
  CHECK(open.look({}).kind == Kind::waiting);
  CHECK(open.look({}).kind == Kind::done);
  CHECK(open.look({}).kind == Kind::done);
  CHECK(asked == std::vector<std::string>{
                     R"({"op":"open"})", R"({"op":"access","transaction":7,"access":["r","s/x"]})",
                     R"({"op":"look","transaction":7})", R"({"op":"look","transaction":7})"});
  open.send(access("append", "s/x", 1), {});
  CHECK(open.look({}).kind == Kind::failed);
  CHECK(asked.size() == 4);
}

}  // namespace
}  // namespace faultline::refkv_stepwise_test
