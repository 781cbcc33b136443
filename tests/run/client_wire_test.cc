#include "harness/run/client_wire.h"

#include <doctest/doctest.h>

using namespace faultline;

namespace {

const Value every_kind = List{Value(),
                              true,
                              false,
                              std::int64_t{-7},
                              2.5,
                              "text",
                              std::string("nul\0inside", 10),
                              List{},
                              Map{{"a", 1}, {"", List{Value(), Map{}}}}};

ClientCall call_of(Function function, Value value) {
  ClientCall call;
  call.sequence = 11;
  call.connection = 12;
  call.node = 4;
  call.timeout = std::chrono::milliseconds(1500);
  call.request.function = function;
  call.request.key = "k";
  call.request.value = std::move(value);
  return call;
}

}  // namespace

TEST_CASE("client wire: a request arrives as it was sent, whatever its function and value") {
  for (std::size_t i = 0; i < function_names().size(); ++i) {
    const ClientCall sent = call_of(static_cast<Function>(i), every_kind);
    const auto got = decode_call(encode(sent));
    REQUIRE(got);
    CHECK(got->kind == ClientCall::Kind::invoke);
    CHECK(got->sequence == 11);
    CHECK(got->connection == 12);
    CHECK(got->node == 4);
    CHECK(got->timeout == sent.timeout);
    CHECK(got->request.function == sent.request.function);
    CHECK(got->request.key == "k");
    CHECK(got->request.value == every_kind);
  }
}

TEST_CASE("client wire: every outcome arrives as it was") {
  for (const Outcome& sent : {Outcome::ok(every_kind), Outcome::ok({}), Outcome::fail("refused"),
                              Outcome::info("timeout"), Outcome::mismatch()}) {
    const auto got = decode_answer(encode(ClientAnswer{9, sent}));
    REQUIRE(got);
    CHECK(got->sequence == 9);
    CHECK(got->outcome.fate() == sent.fate());
    CHECK(got->outcome.output() == sent.output());
    CHECK(got->outcome.why() == sent.why());
  }
}

TEST_CASE("client wire: what is cut short, too long or of no meaning is an error") {
  const std::string call = encode(call_of(Function::cas, every_kind));
  const std::string answer = encode(ClientAnswer{9, Outcome::ok(every_kind)});
  for (std::size_t size = 0; size < call.size(); ++size)
    CHECK_FALSE(decode_call(call.substr(0, size)));
  for (std::size_t size = 0; size < answer.size(); ++size)
    CHECK_FALSE(decode_answer(answer.substr(0, size)));
  CHECK_FALSE(decode_call(call + "x"));
  CHECK_FALSE(decode_answer(answer + "x"));

  std::string kind = call, function = call, fate = answer;
  kind[0] = 2;
  CHECK_FALSE(decode_call(kind));
  function[1 + 4 * 8] = static_cast<char>(function_names().size());
  CHECK_FALSE(decode_call(function));
  fate[8] = 4;
  CHECK_FALSE(decode_answer(fate));
  // A count that the bytes cannot hold is no reason to look for them for long, nor to reserve.
  std::string list = encode(ClientAnswer{9, Outcome::ok(List{})});
  for (std::size_t i = 10; i < 18; ++i) list[i] = '\x7f';
  CHECK_FALSE(decode_answer(list));
}

TEST_CASE("client wire: a value of any depth is decoded or refused, and never runs out of stack") {
  Value deep;
  for (int i = 0; i < 60; ++i) deep = List{deep};
  CHECK(decode_answer(encode(ClientAnswer{1, Outcome::ok(deep)})));
  for (int i = 0; i < 10; ++i) deep = List{deep};
  CHECK_FALSE(decode_answer(encode(ClientAnswer{1, Outcome::ok(deep)})));
}

TEST_CASE("client wire: any byte changed gives an error or some message, never more") {
  const std::string call = encode(call_of(Function::write, every_kind));
  std::size_t refused = 0;
  for (std::size_t at = 0; at < call.size(); ++at)
    for (const int flip : {1, 0x80, 0xff}) {
      std::string changed = call;
      changed[at] = static_cast<char>(changed[at] ^ flip);
      const auto got = decode_call(changed);
      if (!got)
        ++refused;
      else
        CHECK(encode(*got).size() == changed.size());
    }
  CHECK(refused > 0);
}
