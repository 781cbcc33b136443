// Mode transactions: what is a conflict, by isolation, and how the client's steps fit the store's.
#include <functional>

#include <doctest/doctest.h>

#include "harness/core/bank.h"
#include "targets/refkv.h"
#include "targets/refkv/codec.h"
#include "targets/refkv/state.h"
#include "tests/targets/exchange.h"

namespace refkv_transactions {
namespace {

using namespace faultline;
using refkv::Answer;
using refkv::Bug;
using refkv::Call;
using refkv::Isolation;
using refkv::Op;

/// A store of one node: what is committed is applied at once.
struct Store {
  explicit Store(Isolation isolation, Bug bug = Bug::none)
      : state(refkv::make_versions_state(isolation, bug)) {}

  Answer call(const Call& asked) {
    if (asked.only_observes()) return state->observe(asked, applied, pending);
    return state->apply(asked, ++applied);
  }
  HttpReply reply(const std::string& body) {
    const Answer answer = call(refkv::parse_call(body));
    const bool is_done = answer.kind == Answer::Kind::ok || answer.kind == Answer::Kind::mismatch;
    return replied(is_done ? 200 : 503, refkv::encode_answer(answer));
  }

  std::unique_ptr<refkv::State> state;
  std::uint64_t applied = 0;
  std::vector<Call> pending;
};

Value read(const char* key) { return List{"r", key, Value()}; }
Value append(const char* key, int element) { return List{"append", key, element}; }
Value write(const char* key, int value) { return List{"w", key, value}; }

Request transaction(List accesses) { return {Function::txn, {}, std::move(accesses), false}; }

Outcome run(Store& store, List accesses) {
  return refkv_transaction(transaction(std::move(accesses)),
                           [&](const std::string& body) { return store.reply(body); });
}

/// `first`, with all of `second` between its last read and its commit.
Outcome run_around(Store& store, List first, const List& second) {
  return refkv_transaction(transaction(std::move(first)), [&](const std::string& body) {
    if (body.find("\"commit\"") != std::string::npos) CHECK(run(store, second).fate() == Fate::ok);
    return store.reply(body);
  });
}

constexpr std::array levels{Isolation::read_committed, Isolation::snapshot,
                            Isolation::serializable};

TEST_CASE("refkv transactions: alone, a transaction sees what is there and its own changes") {
  for (const Isolation level : levels) {
    Store store(level);
    CHECK(run(store, {append("x", 1), append("x", 2)}).fate() == Fate::ok);
    const Outcome outcome =
        run(store, {read("x"), append("x", 3), read("x"), write("y", 7), write("y", 8), read("y"),
                    read("z"), append("z", 1), read("z")});
    CHECK(outcome.fate() == Fate::ok);
    const List& answer = *outcome.output().list();
    CHECK(answer[0] == Value(List{"r", "x", List{1, 2}}));
    CHECK(answer[1] == append("x", 3));
    CHECK(answer[2] == Value(List{"r", "x", List{1, 2, 3}}));
    CHECK(answer[5] == Value(List{"r", "y", 8}));
    CHECK(answer[6] == read("z"));
    CHECK(answer[8] == Value(List{"r", "z", List{1}}));
    const Outcome after = run(store, {read("x"), read("y")});
    CHECK(*after.output().list() == List{List{"r", "x", List{1, 2, 3}}, List{"r", "y", 8}});
  }
}

TEST_CASE("refkv transactions: what is a conflict depends on the isolation") {
  struct Row {
    List first, second;
    bool read_committed, snapshot, serializable;  ///< Whether the first commits.
  };
  const std::vector<Row> rows{
      // Both change the same key.
      {{append("x", 1)}, {append("x", 2)}, true, false, false},
      {{write("x", 1)}, {write("x", 2)}, true, false, false},
      // What was read has changed, and another key is changed: write skew.
      {{read("x"), append("y", 1)}, {read("y"), append("x", 2)}, true, true, false},
      // A key is read and changed: an update is lost.
      {{read("x"), write("x", 1)}, {write("x", 2)}, true, false, false},
      // A key is read after it was changed.
      {{append("x", 1), read("x")}, {append("x", 2)}, false, false, false},
      // Nothing in common.
      {{read("x"), append("x", 1)}, {read("y"), append("y", 2)}, true, true, true},
      {{read("x"), append("y", 1)}, {read("x"), append("z", 2)}, true, true, true},
      // Reads only.
      {{read("x")}, {append("x", 2)}, true, true, true},
  };
  for (const Row& row : rows)
    for (const Isolation level : levels) {
      CAPTURE(to_text(Value(row.first)));
      CAPTURE(static_cast<int>(level));
      Store store(level);
      const Outcome outcome = run_around(store, row.first, row.second);
      const bool commits = level == Isolation::read_committed ? row.read_committed
                           : level == Isolation::snapshot     ? row.snapshot
                                                              : row.serializable;
      CHECK(outcome.fate() == (commits ? Fate::ok : Fate::fail));
      if (!commits) CHECK(outcome.why() == "conflict");
    }
}

TEST_CASE("refkv transactions: a conflict changes nothing") {
  Store store(Isolation::serializable);
  CHECK(run_around(store, {append("x", 1), append("y", 1)}, {append("x", 2)}).fate() == Fate::fail);
  const Outcome after = run(store, {read("x"), read("y")});
  CHECK(*after.output().list() == List{List{"r", "x", List{2}}, read("y")});
}

TEST_CASE("refkv transactions: reads are of the moment of begin, read committed's of now") {
  for (const Isolation level : levels) {
    Store store(level);
    CHECK(run(store, {append("x", 1), append("y", 1)}).fate() == Fate::ok);
    int reads = 0;
    const Outcome outcome =
        refkv_transaction(transaction({read("x"), read("y")}), [&](const std::string& body) {
          if (body.find("\"read\"") != std::string::npos && ++reads == 2)
            CHECK(run(store, {append("x", 2), append("y", 2)}).fate() == Fate::ok);
          return store.reply(body);
        });
    const Value& y = (*(*outcome.output().list())[1].list())[2];
    CHECK(y == (level == Isolation::read_committed ? Value(List{1, 2}) : Value(List{1})));
  }
}

TEST_CASE("refkv transactions: a snapshot that is too old is refused, not made up") {
  Store store(Isolation::snapshot);
  for (int i = 0; i < 300; ++i) CHECK(run(store, {write("x", i)}).fate() == Fate::ok);
  const auto at = [&](std::uint64_t moment) {
    return store.call({.op = Op::read, .key = "x", .at = moment});
  };
  CHECK(at(300).value == "299");
  CHECK(at(100).value == "99");
  CHECK(at(3).kind == Answer::Kind::refused);
}

TEST_CASE("refkv transactions: lists and registers do not mix") {
  Store store(Isolation::serializable);
  CHECK(run(store, {append("x", 1), write("y", 1)}).fate() == Fate::ok);
  CHECK(run(store, {append("y", 1)}).fate() == Fate::fail);
  CHECK(run(store, {write("x", 1)}).fate() == Fate::fail);
  CHECK(run(store, {append("y", 1), read("y")}).fate() == Fate::fail);
  CHECK(*run(store, {read("x")}).output().list() == List{Value(List{"r", "x", List{1}})});
}

TEST_CASE("refkv transactions: dirty-reads sees what is under way") {
  for (const Bug bug : {Bug::none, Bug::dirty_reads}) {
    Store store(Isolation::serializable, bug);
    store.pending = {refkv::parse_call(R"({"op":"commit","at":0,"accesses":[["append","x",1]]})")};
    const Answer answer = store.call({.op = Op::read, .key = "x"});
    CHECK(answer.value == (bug == Bug::none ? "null" : "[1]"));
  }
}

TEST_CASE("refkv transactions: what goes wrong before commit is a fail, and then is in doubt") {
  const HttpReply lost{.status = 0, .body = {}, .error = "timeout"};
  const HttpReply unsent{.status = 0, .body = {}, .error = "refused", .never_sent = true};
  const HttpReply strange = replied(200, "{}");
  const HttpReply unknown = replied(503, R"({"ok":false,"definite":false,"error":"late"})");
  const HttpReply refused = replied(503, R"({"ok":false,"definite":true,"error":"busy"})");
  const HttpReply map = replied(200, R"({"ok":true,"value":{"a":1}})");
  const auto fate_when = [&](const std::string& step, const HttpReply& reply, List accesses) {
    Store store(Isolation::serializable);
    return refkv_transaction(transaction(std::move(accesses)),
                             [&](const std::string& body) {
                               const bool is_it =
                                   body.find("\"" + step + "\"") != std::string::npos;
                               return is_it ? reply : store.reply(body);
                             })
        .fate();
  };
  const List changing{read("x"), append("x", 1)};
  for (const HttpReply& reply : {lost, unsent, strange, unknown, refused, map}) {
    CAPTURE(reply.body);
    CAPTURE(reply.error);
    CHECK(fate_when("begin", reply, changing) == Fate::fail);
    CHECK(fate_when("read", reply, changing) == Fate::fail);
    CHECK(fate_when("commit", reply, {read("x")}) == Fate::ok);  // It sends none.
  }
  for (const HttpReply& reply : {lost, strange, unknown})
    CHECK(fate_when("commit", reply, changing) == Fate::info);
  for (const HttpReply& reply : {unsent, refused})
    CHECK(fate_when("commit", reply, changing) == Fate::fail);
  CHECK(fate_when("begin", replied(200, R"({"ok":true,"value":"x"})"), changing) == Fate::fail);
  CHECK(run(*std::make_unique<Store>(Isolation::snapshot), {7}).fate() == Fate::fail);
}

TEST_CASE("refkv transactions: calls survive the wire, and what is none is refused") {
  const Call call = refkv::parse_call(
      R"({"op":"commit","at":12,"accesses":[["r","k"],["append","k",7],["w","j","é"]]})");
  CHECK(call.at == 12);
  REQUIRE(call.accesses.size() == 3);
  const auto same = [&](const Call& other) {
    REQUIRE(other.accesses.size() == 3);
    CHECK(other.op == Op::commit);
    CHECK(other.at == 12);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(other.accesses[i].kind == call.accesses[i].kind);
      CHECK(other.accesses[i].key == call.accesses[i].key);
      CHECK(other.accesses[i].value == call.accesses[i].value);
    }
  };
  same(refkv::parse_call(refkv::encode_call(call)));
  same(refkv::parse_record(refkv::encode_record({.epoch = {}, .tag = {}, .call = call})).call);
  CHECK(refkv::parse_call(R"({"op":"begin"})").op == Op::begin);
  CHECK(refkv::parse_call(R"({"op":"read","key":"k","at":9})").at == 9);
  for (const char* text :
       {R"({"op":"commit"})", R"({"op":"commit","accesses":7})",
        R"({"op":"commit","accesses":[["x","k",1]]})",
        R"({"op":"commit","accesses":[["append","k"]]})",
        R"({"op":"commit","accesses":[["w","k",[1]]]})", R"({"op":"commit","accesses":["r"]})",
        R"({"op":"commit","at":"a","accesses":[]})"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(refkv::parse_call(text), std::runtime_error);
  }
}

// A bank.

Request transfer(const char* from, const char* to, int amount, bool overdraft = false) {
  return {Function::transfer, {}, value_of(Transfer{from, to, amount, 10, overdraft}), false};
}
const Request balances{Function::read, {}, Value(Map{{"a", 10}, {"b", 10}}), false};

TEST_CASE("refkv bank: amounts move whole, or are refused without a commit") {
  for (const Isolation level : levels) {
    Store store(level);
    const RefkvExchange exchange = [&](const std::string& body) { return store.reply(body); };
    CHECK(refkv_balances(balances, exchange).output() == Value(Map{{"a", 10}, {"b", 10}}));
    const Request three = transfer("a", "b", 3);
    CHECK(refkv_transfer(three, exchange).output() == three.value);
    CHECK(refkv_balances(balances, exchange).output() == Value(Map{{"a", 7}, {"b", 13}}));
    const std::uint64_t applied = store.applied;
    const Outcome refused = refkv_transfer(transfer("a", "b", 8), exchange);
    CHECK(refused.fate() == Fate::fail);
    CHECK(refused.why() == "insufficient funds");
    CHECK(store.applied == applied);
    CHECK(refkv_transfer(transfer("a", "b", 8, true), exchange).fate() == Fate::ok);
    CHECK(refkv_balances(balances, exchange).output() == Value(Map{{"a", -1}, {"b", 21}}));
  }
}

TEST_CASE("refkv bank: two transfers that meet: one fails, or read committed loses an update") {
  for (const Isolation level : levels) {
    Store store(level);
    const RefkvExchange plain = [&](const std::string& body) { return store.reply(body); };
    const Outcome outer = refkv_transfer(transfer("a", "b", 3), [&](const std::string& body) {
      if (body.find("\"commit\"") != std::string::npos)
        CHECK(refkv_transfer(transfer("b", "c", 2), plain).fate() == Fate::ok);
      return store.reply(body);
    });
    const Request all{Function::read, {}, Value(Map{{"a", 10}, {"b", 10}, {"c", 10}}), false};
    const bool loses = level == Isolation::read_committed;
    CHECK(outer.fate() == (loses ? Fate::ok : Fate::fail));
    CHECK(refkv_balances(all, plain).output() ==
          (loses ? Value(Map{{"a", 7}, {"b", 13}, {"c", 12}})
                 : Value(Map{{"a", 10}, {"b", 8}, {"c", 12}})));
  }
}

TEST_CASE("refkv bank: a read is of one moment, but for read committed") {
  for (const Isolation level : levels) {
    Store store(level);
    int reads = 0;
    const Outcome torn = refkv_balances(balances, [&](const std::string& body) {
      if (body.find("\"read\"") != std::string::npos && ++reads == 2)
        CHECK(refkv_transfer(transfer("a", "b", 3), [&](const std::string& inner) {
                return store.reply(inner);
              }).fate() == Fate::ok);
      return store.reply(body);
    });
    CHECK(torn.output() == (level == Isolation::read_committed ? Value(Map{{"a", 10}, {"b", 13}})
                                                               : Value(Map{{"a", 10}, {"b", 10}})));
  }
}

TEST_CASE("refkv bank: what goes wrong before the commit is a fail, and in it an info") {
  Store store(Isolation::serializable);
  for (int broken = 0; broken < 4; ++broken) {
    int exchanges = 0;
    const Outcome outcome = refkv_transfer(transfer("a", "b", 1), [&](const std::string& body) {
      if (exchanges++ != broken) return store.reply(body);
      return HttpReply{.status = 0, .body = {}, .error = "timeout", .never_sent = false};
    });
    CHECK(outcome.fate() == (broken == 3 ? Fate::info : Fate::fail));
  }
  const RefkvExchange exchange = [&](const std::string& body) { return store.reply(body); };
  CHECK(refkv_balances({Function::read, "k", {}, false}, exchange).fate() == Fate::fail);
  CHECK(
      refkv_transfer({Function::transfer, {}, Value(Map{{"from", "a"}}), false}, exchange).fate() ==
      Fate::fail);
  CHECK(run(store, {append("a", 1)}).fate() == Fate::ok);
  CHECK(refkv_balances(balances, exchange).why() == "a holds no balance: [1]");
  CHECK(refkv_transfer(transfer("b", "a", 1), exchange).fate() == Fate::fail);
}

}  // namespace
}  // namespace refkv_transactions
