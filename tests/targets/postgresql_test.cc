#include "targets/postgresql.h"

#include <deque>

#include <doctest/doctest.h>

#include "harness/core/bank.h"
#include "targets/targets.h"
#include "tests/targets/exchange.h"

namespace faultline::postgresql_test {
namespace {

using Kind = PgReply::Kind;
using Transaction = PgReply::Transaction;
using Cells = std::vector<std::optional<std::string>>;

PgReply done(const std::string& tag, Transaction after = Transaction::none) {
  return {.kind = Kind::done, .after = after, .tag = tag};
}
PgReply rows(std::vector<Cells> cells, Transaction after = Transaction::none) {
  return {.kind = Kind::rows, .after = after, .tag = "SELECT", .rows = std::move(cells)};
}
PgReply error(const std::string& sqlstate, Transaction after = Transaction::none,
              const std::string& severity = "ERROR") {
  return {.kind = Kind::error,
          .after = after,
          .severity = severity,
          .sqlstate = sqlstate,
          .message = "told so"};
}
PgReply fatal(const std::string& sqlstate) {
  return error(sqlstate, Transaction::unknown, "FATAL");
}
PgReply lost() { return {.kind = Kind::lost, .message = "timeout"}; }
PgReply unsent() { return {.kind = Kind::unsent, .message = "not connected"}; }

/// A server that replies what it is told to, and keeps what it was asked.
struct Script final : PgSession {
  explicit Script(std::deque<PgReply> its_replies) : replies(std::move(its_replies)) {}
  PgReply exchange(const PgStatement& statement, Deadline) override {
    if (closed) return unsent();
    asked.push_back(statement.sql);
    REQUIRE_FALSE(replies.empty());
    PgReply reply = replies.front();
    replies.pop_front();
    if (reply.kind == Kind::lost) closed = true;
    return reply;
  }
  void close() override { closed = true; }

  std::deque<PgReply> replies;
  std::vector<std::string> asked;
  bool closed = false;
};

Outcome single(const Request& request, const PgReply& reply) {
  Script script({reply});
  const Outcome outcome = pg_single(script, request, Deadline::max());
  CHECK(script.closed == (reply.after != Transaction::none));
  return outcome;
}

Value append(Value key, Value element) {
  return List{"append", std::move(key), std::move(element)};
}
Value reads(Value key) { return List{"r", std::move(key), {}}; }
Request txn(List operations) {
  return {.function = Function::txn, .key = "", .value = std::move(operations)};
}
const Request mixed = txn({append("x", 1), reads("y")});
const PgReply begun = done("BEGIN", Transaction::open);
const PgReply appended = done("INSERT 0 1", Transaction::open);
const PgReply nothing = rows({}, Transaction::open);

struct Played {
  Outcome outcome;
  std::vector<std::string> asked;
  bool closed;
};
/// Every reply is used, and nothing is asked after what ends the transaction.
Played play(const Request& request, std::deque<PgReply> replies) {
  Script script(std::move(replies));
  Outcome outcome = pg_transaction(script, request, "SERIALIZABLE", Deadline::max());
  CHECK(script.replies.empty());
  return {std::move(outcome), script.asked, script.closed};
}

}  // namespace

TEST_CASE("postgresql requests") {
  const auto read = pg_statements(read_k);
  REQUIRE(read);
  REQUIRE(read->size() == 1);
  CHECK(read->front().sql == "SELECT v, l FROM kv WHERE k = $1");
  CHECK(read->front().parameters == std::vector<std::string>{"\"k\""});
  CHECK(pg_statements(write_k)->front().parameters == std::vector<std::string>{"\"k\"", "7"});
  const auto cas = pg_statements(cas_k);
  CHECK(cas->front().sql == "UPDATE kv SET v = $3 WHERE k = $1 AND v = $2");
  CHECK(cas->front().parameters == std::vector<std::string>{"\"k\"", "7", "8"});
  const Request create{.function = Function::cas, .key = "k", .value = List{{}, 8}};
  CHECK(pg_statements(create)->front().sql.ends_with("ON CONFLICT (k) DO NOTHING"));

  const auto several =
      pg_statements(txn({append("k0", 1), append(7, "a,\"b"), reads("k0"), List{"w", "k1", "c"}}));
  REQUIRE(several);
  REQUIRE(several->size() == 4);
  CHECK((*several)[0].parameters == std::vector<std::string>{"\"k0\"", "1"});
  CHECK((*several)[1].parameters == std::vector<std::string>{"7", R"("a,\"b")"});
  CHECK((*several)[2] == PgStatement{read->front().sql, {"\"k0\""}});
  CHECK((*several)[3].sql == pg_statements(write_k)->front().sql);
  CHECK(pg_statements(txn({}))->empty());
}

TEST_CASE("postgresql requests that cannot be said") {
  const std::vector<Request> requests{
      {.function = Function::read, .key = "", .value = {}},
      {.function = Function::write, .key = "k", .value = {}},
      {.function = Function::write, .key = "\xff", .value = 1},
      {.function = Function::write, .key = "k", .value = "\xff"},
      {.function = Function::cas, .key = "k", .value = 7},
      {.function = Function::cas, .key = "k", .value = List{7, {}}},
      {.function = Function::cas, .key = "k", .value = List{{}, {}}},
      {.function = Function::cas, .key = "k", .value = List{7}},
      {.function = Function::enqueue, .key = "k", .value = 7},
      {.function = Function::txn, .key = "k", .value = {}},
      {.function = Function::txn, .key = "", .value = Map{}},
      txn({7}),
      txn({Value(List{})}),
      txn({Value(List{"r", "x"})}),
      txn({Value(List{"r", "x", {}, {}})}),
      txn({Value(List{7, "x", {}})}),
      txn({Value(List{"read", "x", {}})}),
      txn({Value(List{"r", "x", 7})}),
      txn({Value(List{"r", {}, {}})}),
      txn({Value(List{"r", 1.5, {}})}),
      txn({Value(List{"append", "x", {}})}),
      txn({Value(List{"append", "x", List{1}})}),
      txn({Value(List{"w", "x", {}})}),
      txn({Value(List{"w", "x", 1.5})}),
      txn({Value(List{"append", "x", "\xff"})}),
      txn({append("x", 1), List{"append", "\xff", 1}}),
  };
  for (const Request& request : requests) {
    CAPTURE(to_text(request.value));
    CHECK_FALSE(pg_statements(request));
    Script script({});
    CHECK(pg_single(script, request, Deadline::max()).fate() == Fate::fail);
    CHECK(script.asked.empty());
  }
}

TEST_CASE("postgresql replies: success") {
  CHECK(single(read_k, rows({})).output().is_nil());
  CHECK(single(read_k, rows({Cells{"7", {}}})).output() == Value(7));
  CHECK(single(read_k, rows({Cells{"\"a\"", {}}})).output() == Value("a"));
  CHECK(single(read_k, rows({Cells{{}, "1,\"a,b\",3"}})).output() == Value(List{1, "a,b", 3}));
  CHECK(single(write_k, done("INSERT 0 1")).output() == Value(7));
  CHECK(single(cas_k, done("UPDATE 1")).output() == Value(List{7, 8}));
  CHECK(single(cas_k, done("INSERT 0 1")).fate() == Fate::ok);
  CHECK(single(cas_k, done("UPDATE 0")).fate() == Fate::mismatch);
  CHECK(single(cas_k, done("INSERT 0 0")).fate() == Fate::mismatch);
}

TEST_CASE("postgresql replies: certainly without effect") {
  const std::vector<PgReply> replies{unsent(),       error("40001"), error("40P01"),
                                     error("23514"), error("42P01"), error("25006"),
                                     error("22021"), error("53100"), error("53200")};
  for (const PgReply& reply : replies) {
    CAPTURE(reply.sqlstate);
    for (const Request& request : {read_k, write_k, cas_k}) {
      CHECK(single(request, reply).fate() == Fate::fail);
    }
  }
  CHECK(single(write_k, error("40001")).why() == "40001: told so");
}

TEST_CASE("postgresql replies that say nothing: info, and for a read fail") {
  const std::vector<PgReply> replies{
      lost(),
      fatal("57P01"),
      fatal("57P02"),
      fatal("40001"),
      error("40001", Transaction::none, "PANIC"),
      error("57014"),
      error("58030"),
      error("XX000"),
      error("XX001"),
      error("08006"),
      error(""),
      error("40"),
      done(""),
      done("COMMIT"),
      done("INSERT 0 2"),
      done("DELETE 1"),
      rows({Cells{{}, {}}}),
      rows({Cells{"7", "8"}}),
      rows({Cells{"7"}}),
      rows({Cells{"7", {}, {}}}),
      rows({Cells{}}),
      rows({Cells{"7", {}}, Cells{"7", {}}}),
      rows({Cells{"", {}}}),
      rows({Cells{"{", {}}}),
      rows({Cells{{}, "1,"}}),
      rows({Cells{{}, "\xff"}}),
      rows({Cells{"18446744073709551615", {}}}),
      rows({Cells{std::string(100'000, '['), {}}}),
  };
  for (const PgReply& reply : replies) {
    CAPTURE(reply.sqlstate);
    CAPTURE(reply.tag);
    CHECK(single(write_k, reply).fate() == Fate::info);
    CHECK(single(cas_k, reply).fate() == Fate::info);
    CHECK(single(read_k, reply).fate() == Fate::fail);
  }
  CHECK(single(write_k, done("UPDATE 1")).fate() == Fate::info);
}

TEST_CASE("postgresql transactions: what is asked, and what is answered") {
  const Played played = play(mixed, {begun, appended, nothing, done("COMMIT")});
  CHECK(played.asked.front() == "BEGIN ISOLATION LEVEL SERIALIZABLE");
  CHECK(played.asked.back() == "COMMIT");
  CHECK(played.asked.size() == 4);
  CHECK(played.outcome.fate() == Fate::ok);
  CHECK(played.outcome.output() == mixed.value);
  CHECK_FALSE(played.closed);

  const Request all = txn({reads("x"), append(7, "a"), reads(7), List{"w", "z", 3}, reads("z")});
  const Played whole = play(all, {begun, rows({Cells{{}, "1,2"}}, Transaction::open), appended,
                                  rows({Cells{{}, "\"a\""}}, Transaction::open), appended,
                                  rows({Cells{"3", {}}}, Transaction::open), done("COMMIT")});
  CHECK(whole.outcome.output() ==
        Value(List{List{"r", "x", List{1, 2}}, append(7, "a"), List{"r", 7, List{"a"}},
                   List{"w", "z", 3}, List{"r", "z", 3}}));
  CHECK(play(txn({}), {begun, done("COMMIT")}).outcome.fate() == Fate::ok);
}

TEST_CASE("postgresql transactions: certainly undone before the commit") {
  const PgReply failed = error("40001", Transaction::failed);
  // Rolled back: the session goes on.
  const Played aborted = play(mixed, {begun, appended, failed, done("ROLLBACK")});
  CHECK(aborted.outcome.fate() == Fate::fail);
  CHECK(aborted.outcome.why() == "40001: told so");
  CHECK(aborted.asked.back() == "ROLLBACK");
  CHECK_FALSE(aborted.closed);

  // Whatever else: the session ends, and COMMIT is never asked for.
  const std::vector<std::deque<PgReply>> scripts{
      {unsent()},
      {lost()},
      {fatal("57P01")},
      {error("53300")},
      {done("BEGIN", Transaction::none)},
      {done("COMMIT", Transaction::open)},
      {rows({}, Transaction::open)},
      {begun, unsent()},
      {begun, lost()},
      {begun, fatal("57P02")},
      {begun, failed, lost()},
      {begun, failed, failed},
      {begun, failed, done("ROLLBACK", Transaction::open)},
      {begun, error("40001", Transaction::none)},
      {begun, done("INSERT 0 1", Transaction::none)},
      {begun, done("INSERT 0 0", Transaction::open)},
      {begun, nothing},
      {begun, appended, done("INSERT 0 1", Transaction::open)},
      {begun, appended, rows({Cells{"7", "8"}}, Transaction::open)},
      {begun, appended, rows({}, Transaction::none)},
  };
  for (std::size_t i = 0; i < scripts.size(); ++i) {
    CAPTURE(i);
    const Played played = play(mixed, scripts[i]);
    CHECK(played.outcome.fate() == Fate::fail);
    CHECK(played.closed);
    for (const std::string& sql : played.asked) CHECK(sql != "COMMIT");
  }
}

TEST_CASE("postgresql transactions: what the answer to COMMIT means") {
  const auto end = [](const Request& request, const PgReply& reply) {
    std::deque<PgReply> replies{begun, nothing, reply};
    if (request.value == mixed.value) replies.insert(replies.begin() + 1, appended);
    Played played = play(request, std::move(replies));
    CHECK(played.closed == (reply.after != Transaction::none));
    return played.outcome.fate();
  };
  const Request only_reads = txn({reads("x")});
  for (const PgReply& reply : {error("40001"), error("40P01"), done("ROLLBACK"), unsent()}) {
    CHECK(end(mixed, reply) == Fate::fail);
    CHECK(end(only_reads, reply) == Fate::fail);
  }
  for (const PgReply& reply :
       {lost(), fatal("57P01"), fatal("57P02"), fatal("57P03"), fatal("40001"), error("57014"),
        error("XX000"), error("53100"), error("23514"), done(""), done("BEGIN"), rows({})}) {
    CAPTURE(reply.sqlstate);
    CHECK(end(mixed, reply) == Fate::info);
    CHECK(end(only_reads, reply) == Fate::fail);
  }
}

namespace {

const Request bank_transfer{
    Function::transfer, {}, value_of(Transfer{"b", "a", 3, 10, false}), false};
const Request bank_read{Function::read, {}, Value(Map{{"a", 10}, {"b", 7}}), false};
PgReply holds(const char* balance) { return rows({Cells{balance, {}}}, Transaction::open); }

Played play_bank(const Request& request, std::deque<PgReply> replies) {
  Script script(std::move(replies));
  const auto run = request.function == Function::read ? pg_balances : pg_transfer;
  Outcome outcome = run(script, request, "REPEATABLE READ", Deadline::max());
  CHECK(script.replies.empty());
  return {std::move(outcome), script.asked, script.closed};
}

}  // namespace

TEST_CASE("postgresql bank: both accounts are read, then both written, in one transaction") {
  const Played moved =
      play_bank(bank_transfer, {begun, holds("5"), nothing, appended, appended, done("COMMIT")});
  CHECK(moved.outcome.fate() == Fate::ok);
  CHECK(moved.outcome.output() == bank_transfer.value);
  REQUIRE(moved.asked.size() == 6);
  CHECK(moved.asked[0] == "BEGIN ISOLATION LEVEL REPEATABLE READ");
  CHECK(moved.asked[1] == pg_statements(read_k)->front().sql);
  CHECK(moved.asked[3] == pg_statements(write_k)->front().sql);
  CHECK_FALSE(moved.closed);
  // What is written: by the order of the names, whatever the way.
  struct Written final : PgSession {
    PgReply exchange(const PgStatement& statement, Deadline) override {
      if (statement.sql.starts_with("INSERT")) written.push_back(statement.parameters);
      if (statement.sql.starts_with("BEGIN")) return begun;
      if (statement.sql.starts_with("SELECT")) return holds("5");
      return statement.sql == "COMMIT" ? done("COMMIT") : appended;
    }
    void close() override {}
    std::vector<std::vector<std::string>> written;
  } session;
  CHECK(pg_transfer(session, bank_transfer, "SERIALIZABLE", Deadline::max()).fate() == Fate::ok);
  CHECK(session.written == std::vector<std::vector<std::string>>{{"\"a\"", "8"}, {"\"b\"", "2"}});

  const Played read = play_bank(bank_read, {begun, nothing, holds("3"), done("COMMIT")});
  CHECK(read.outcome.output() == Value(Map{{"a", 10}, {"b", 3}}));
}

TEST_CASE("postgresql bank: insufficient funds are a fail without effect") {
  const Played refused =
      play_bank(bank_transfer, {begun, holds("2"), holds("9"), done("ROLLBACK")});
  CHECK(refused.outcome.fate() == Fate::fail);
  CHECK(refused.outcome.why() == "insufficient funds");
  CHECK(refused.asked.back() == "ROLLBACK");
  CHECK_FALSE(refused.closed);
  const Played broken = play_bank(bank_transfer, {begun, holds("2"), holds("9"), lost()});
  CHECK(broken.outcome.fate() == Fate::fail);
  CHECK(broken.closed);
}

TEST_CASE("postgresql bank: before COMMIT a fail, lost in it an info, a conflict a fail") {
  const PgReply conflict = error("40001", Transaction::failed);
  CHECK(play_bank(bank_transfer, {begun, holds("5"), nothing, conflict, done("ROLLBACK")})
            .outcome.fate() == Fate::fail);
  const std::vector<std::deque<PgReply>> early{
      {lost()},
      {begun, lost()},
      {begun, holds("\"x\"")},
      {begun, rows({Cells{{}, "1"}}, Transaction::open)},
      {begun, rows({}, Transaction::none)},
      {begun, holds("5"), lost()},
      {begun, holds("5"), nothing, lost()},
      {begun, holds("5"), nothing, done("INSERT 0 0", Transaction::open)},
      {begun, holds("5"), nothing, done("INSERT 0 1", Transaction::none)},
      {begun, holds("5"), nothing, appended, fatal("57P01")},
  };
  for (std::size_t i = 0; i < early.size(); ++i) {
    CAPTURE(i);
    const Played played = play_bank(bank_transfer, early[i]);
    CHECK(played.outcome.fate() == Fate::fail);
    CHECK(played.closed);
    for (const std::string& sql : played.asked) CHECK(sql != "COMMIT");
  }
  const auto end = [](const PgReply& reply) {
    CHECK(play_bank(bank_read, {begun, nothing, nothing, reply}).outcome.fate() == Fate::fail);
    return play_bank(bank_transfer, {begun, holds("5"), nothing, appended, appended, reply})
        .outcome.fate();
  };
  for (const PgReply& reply : {error("40001"), done("ROLLBACK"), unsent()})
    CHECK(end(reply) == Fate::fail);
  for (const PgReply& reply : {lost(), fatal("57P01"), error("XX000"), done("BEGIN")})
    CHECK(end(reply) == Fate::info);
  CHECK(play_bank({Function::read, {}, {}, false}, {}).outcome.fate() == Fate::fail);
  CHECK(play_bank({Function::transfer, {}, Value(7), false}, {}).outcome.fate() == Fate::fail);
}

TEST_CASE("postgresql parameters and command line") {
  const auto make = [](const std::vector<std::pair<std::string, std::string>>& members,
                       int nodes = 0) {
    ConfigNode mapping;
    for (const auto& [key, value] : members) {
      mapping.members.push_back({key, {}, ConfigNode::of(value)});
    }
    if (nodes > 0) {
      mapping.members.push_back({"nodes", {}, ConfigNode::of(std::to_string(nodes))});
    }
    Params params(mapping, "target");
    if (nodes > 0) params.integer("nodes", 5, 1, 50);  // as the runner does
    return make_postgresql(params);
  };
  const auto wrong = make({{"isolation", "serialisable"}});
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().what.find("\"serializable\"") != std::string::npos);
  CHECK_FALSE(make({{"isolation", "snapshot"}}));
  CHECK_FALSE(make({{"synchronous_commit", "remote_apply"}}));
  CHECK_FALSE(make({{"isolatoin", "serializable"}}));
  const auto many = make({}, 3);
  REQUIRE_FALSE(many);
  CHECK(many.error().what.find("say nodes: 1") != std::string::npos);
  CHECK(make({}, 1));
  CHECK(make({}));

  const auto target = make({{"isolation", "repeatable-read"}, {"synchronous_commit", "off"}}, 1);
  REQUIRE(target);
  if (!(*target)->available()) {
    CHECK((*target)->available().error().kind == ErrorKind::capability);
    return;
  }
  Node n1, n2;
  n1.name = "n1", n1.address = "10.0.0.1", n1.data_dir = "/d/1";
  n2.index = 1, n2.name = "n2", n2.address = "10.0.0.2", n2.data_dir = "/d/2";
  const auto launch = (*target)->launch(n1, std::vector{n1});
  REQUIRE(launch);
  CHECK(launch->argv[0].ends_with("/unshare"));
  const std::vector<std::string> last(launch->argv.end() - 3, launch->argv.end());
  CHECK(last == std::vector<std::string>{"/d/1/postgresql", "10.0.0.1", "off"});
  for (const std::string& word : launch->argv) CHECK(word.find('@') == std::string::npos);
  CHECK_FALSE((*target)->launch(n1, std::vector{n1, n2}));
}

}  // namespace faultline::postgresql_test
