// What requests are in SQL, and what became of them. In doubt it is info.
//
// read, write and cas are one statement each, a transaction of its own:
//   | nothing of it was sent                                   | fail                             |
//   | read: no row; one row                                    | ok: nil; the value               |
//   | write: INSERT 0 1                                        | ok                               |
//   | cas: UPDATE 1, INSERT 0 1                                | ok                               |
//   | cas: UPDATE 0, INSERT 0 0                                | mismatch                         |
//   | ERROR of class 0A 22 23 25 40 42 53 54 55                | fail: PostgreSQL aborts what ends|
//   |                                                          |   in an ERROR, whatever it did   |
//   | other classes (57: shutdown, cancelled; 58, XX), FATAL,  | info (a read: fail)              |
//   |   PANIC, timeout, reset, any other reply                 |                                  |
//
// txn is BEGIN, a statement for each micro-operation, COMMIT, each sent when the answer to the last
// is here:
//   | anything but what was asked for, before COMMIT was sent  | fail: rolled back, or the session|
//   |                                                          |   closed, which does the same    |
//   | nothing of COMMIT was sent                               | fail                             |
//   | COMMIT answered COMMIT                                   | ok                               |
//   | COMMIT answered ROLLBACK                                 | fail                             |
//   | COMMIT answered with an ERROR of class 40                | fail: 40001, 40P01: aborted      |
//   | any other answer to COMMIT, or none                      | info (only reads in it: fail)    |
//
// A bank's read is the same with a SELECT for each account, and a transfer with two of them, one
// INSERT for each and COMMIT; where the funds do not suffice, ROLLBACK, and a fail.
// Sources: appendix A (error codes) and 13.2 (isolation) of PostgreSQL's manual; xact.c,
// postgres.c.
#include <algorithm>
#include <array>
#include <variant>

#include "harness/core/bank.h"
#include "targets/json_value.h"
#include "targets/postgresql.h"

namespace faultline {
namespace {

using Kind = PgReply::Kind;
using Transaction = PgReply::Transaction;

constexpr std::string_view read_sql = "SELECT v, l FROM kv WHERE k = $1";
constexpr std::string_view write_sql =
    "INSERT INTO kv(k, v) VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET v = excluded.v";
constexpr std::string_view append_sql =
    "INSERT INTO kv(k, l) VALUES ($1, $2) ON CONFLICT (k) DO UPDATE "
    "SET l = coalesce(kv.l || ',', '') || excluded.l";
constexpr std::string_view create_sql =
    "INSERT INTO kv(k, v) VALUES ($1, $2) ON CONFLICT (k) DO NOTHING";
constexpr std::string_view replace_sql = "UPDATE kv SET v = $3 WHERE k = $1 AND v = $2";

/// Keys and values are stored as JSON: so 1 and "1" are two keys, and no text is one that the
/// database cannot hold.
Result<std::string> key_text(const Value& key) {
  if (!key.text() && !key.integer()) return Error{"a key is a text or an integer"};
  return json_text(key);
}
Result<std::string> value_text(const Value& value) {
  if (value.is_nil()) return Error{"postgresql's client cannot write nil"};
  return json_text(value);
}

Result<PgStatement> statement(std::string_view sql, const Value& key,
                              std::initializer_list<const Value*> values) {
  auto name = key_text(key);
  if (!name) return name.error();
  PgStatement made{std::string(sql), {*std::move(name)}};
  for (const Value* value : values) {
    auto text = value_text(*value);
    if (!text) return text.error();
    made.parameters.push_back(*std::move(text));
  }
  return made;
}

bool is_read(const Value& micro_operation) {
  const std::string* verb = micro_operation.list()->at(0).text();
  return verb && *verb == "r";
}

Result<PgStatement> micro_statement(const Value& micro_operation) {
  const List* parts = micro_operation.list();
  const std::string* verb = parts && parts->size() == 3 ? parts->at(0).text() : nullptr;
  if (!verb) return Error{"a micro-operation is [verb, key, value]"};
  const Value &key = parts->at(1), &value = parts->at(2);
  if (*verb == "r") {
    if (!value.is_nil()) return Error{"a micro-operation that reads is [\"r\", key, null]"};
    return statement(read_sql, key, {});
  }
  if (*verb != "append" && *verb != "w") {
    return Error{"unknown micro-operation \"" + *verb + "\"; expected append, r or w"};
  }
  if (!value.integer() && !value.text()) {
    return Error{"micro-operation " + *verb + ": expected an integer or a text"};
  }
  return statement(*verb == "w" ? write_sql : append_sql, key, {&value});
}

Result<std::vector<PgStatement>> micro_statements(const Value& transaction) {
  const List* operations = transaction.list();
  if (!operations) return Error{"a txn is a list of micro-operations"};
  std::vector<PgStatement> statements;
  for (const Value& operation : *operations) {
    auto made = micro_statement(operation);
    if (!made) return made.error();
    statements.push_back(*std::move(made));
  }
  return statements;
}

Result<PgStatement> compare_and_set(const Value& key, const Value& argument) {
  const List* pair = argument.list();
  if (!pair || pair->size() != 2) return Error{"a compare-and-set wants [old, new]"};
  if (pair->at(0).is_nil()) return statement(create_sql, key, {&pair->at(1)});
  return statement(replace_sql, key, {&pair->at(0), &pair->at(1)});
}

std::string describe(const PgReply& reply) {
  switch (reply.kind) {
    case Kind::unsent:
    case Kind::lost:
      return reply.message;
    case Kind::error:
      return reply.sqlstate + ": " + reply.message;
    default:
      return "not what was asked for: " + reply.tag;
  }
}

/// The value of a key, from the answer to read_sql.
Result<Value> read_answer(const PgReply& reply) {
  if (reply.kind != Kind::rows) return Error{describe(reply)};
  if (reply.rows.empty()) return Value{};
  const auto& row = reply.rows.front();
  if (reply.rows.size() != 1 || row.size() != 2 || row[0].has_value() == row[1].has_value()) {
    return Error{"not a row of the table kv"};
  }
  return value_of_json(row[0] ? *row[0] : "[" + *row[1] + "]");
}

bool of_class(const PgReply& reply, std::string_view of) {
  return reply.kind == Kind::error && reply.severity == "ERROR" && reply.sqlstate.size() == 5 &&
         reply.sqlstate.starts_with(of);
}

/// Whether a statement that was sent certainly had no effect.
bool certainly_aborted(const PgReply& reply) {
  constexpr std::array<std::string_view, 9> classes{"0A", "22", "23", "25", "40",
                                                    "42", "53", "54", "55"};
  return std::ranges::any_of(classes, [&](std::string_view each) { return of_class(reply, each); });
}

Outcome single_outcome(const Request& request, const PgReply& reply) {
  if (reply.kind == Kind::unsent || certainly_aborted(reply)) return Outcome::fail(describe(reply));
  if (request.function == Function::read) {
    auto value = read_answer(reply);
    return value ? Outcome::ok(*std::move(value)) : Outcome::fail(value.error().what);
  }
  if (reply.kind == Kind::done) {
    const bool cas = request.function == Function::cas;
    if (reply.tag == "INSERT 0 1" || (cas && reply.tag == "UPDATE 1")) {
      return Outcome::ok(request.value);
    }
    if (cas && (reply.tag == "INSERT 0 0" || reply.tag == "UPDATE 0")) return Outcome::mismatch();
  }
  return Outcome::info(describe(reply));
}

/// Without effect from here on: what was done is undone, or the session ends, which undoes it.
Outcome abandon(PgSession& session, const PgReply& reply, std::string why, Deadline deadline) {
  if (reply.kind == Kind::error && reply.after == Transaction::failed) {
    const PgReply undone = session.exchange({"ROLLBACK", {}}, deadline);
    if (undone.kind == Kind::done && undone.after == Transaction::none) {
      return Outcome::fail(std::move(why));
    }
  }
  session.close();
  return Outcome::fail(std::move(why));
}

/// Why there is no transaction now; nothing if there is.
std::optional<Outcome> pg_begin(PgSession& session, std::string_view isolation, Deadline deadline) {
  const PgReply begun =
      session.exchange({"BEGIN ISOLATION LEVEL " + std::string(isolation), {}}, deadline);
  // Outside a transaction every statement would commit by itself.
  if (begun.kind == Kind::done && begun.tag == "BEGIN" && begun.after == Transaction::open)
    return std::nullopt;
  session.close();
  return Outcome::fail(describe(begun));
}

Outcome commit(PgSession& session, bool only_reads, Value answer, Deadline deadline) {
  const PgReply reply = session.exchange({"COMMIT", {}}, deadline);
  if (reply.after != Transaction::none) session.close();
  if (reply.kind == Kind::done && reply.tag == "COMMIT") return Outcome::ok(std::move(answer));
  const bool undone = reply.kind == Kind::done && reply.tag == "ROLLBACK";
  if (reply.kind == Kind::unsent || undone || of_class(reply, "40") || only_reads) {
    return Outcome::fail(describe(reply));
  }
  return Outcome::info(describe(reply));
}

}  // namespace

Result<std::vector<PgStatement>> pg_statements(const Request& request) {
  if (request.function == Function::txn) return micro_statements(request.value);
  if (request.key.empty()) return Error{"postgresql wants a key"};
  Result<PgStatement> made = Error{"postgresql's client knows read, write, cas and txn"};
  if (request.function == Function::read) made = statement(read_sql, request.key, {});
  if (request.function == Function::write) {
    made = statement(write_sql, request.key, {&request.value});
  }
  if (request.function == Function::cas) made = compare_and_set(request.key, request.value);
  if (!made) return made.error();
  return std::vector{*std::move(made)};
}

Outcome pg_single(PgSession& session, const Request& request, Deadline deadline) {
  const auto statements = pg_statements(request);
  if (!statements) return Outcome::fail(statements.error().what);
  const PgReply reply = session.exchange(statements->front(), deadline);
  if (reply.after != Transaction::none) session.close();
  return single_outcome(request, reply);
}

Outcome pg_transaction(PgSession& session, const Request& request, std::string_view isolation,
                       Deadline deadline) {
  const auto statements = pg_statements(request);
  if (!statements) return Outcome::fail(statements.error().what);
  if (auto refused = pg_begin(session, isolation, deadline)) return *std::move(refused);
  List answers = *request.value.list();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const PgReply reply = session.exchange((*statements)[i], deadline);
    if (is_read(answers[i])) {
      auto value = read_answer(reply);
      if (!value) return abandon(session, reply, value.error().what, deadline);
      std::get<List>(answers[i].content)[2] = *std::move(value);
    } else if (reply.kind != Kind::done || reply.tag != "INSERT 0 1") {
      return abandon(session, reply, describe(reply), deadline);
    }
    if (reply.after != Transaction::open) {
      return abandon(session, reply, "the transaction ended early", deadline);
    }
  }
  const bool only_reads = std::ranges::all_of(*request.value.list(), is_read);
  return commit(session, only_reads, std::move(answers), deadline);
}

namespace {

/// What an account holds; or how the transaction was given up.
std::variant<std::int64_t, Outcome> pg_balance(PgSession& session, const Account& account,
                                               Deadline deadline) {
  const auto asked = statement(read_sql, account.name, {});
  if (!asked) return abandon(session, {}, asked.error().what, deadline);
  const PgReply reply = session.exchange(*asked, deadline);
  const auto stored = read_answer(reply);
  if (!stored) return abandon(session, reply, stored.error().what, deadline);
  if (reply.after != Transaction::open)
    return abandon(session, reply, "the transaction ended early", deadline);
  if (const auto balance = balance_of(*stored, account.opening)) return *balance;
  return abandon(session, reply, account.name + " holds no balance", deadline);
}

/// Nothing if it was done; or how the transaction was given up.
std::optional<Outcome> pg_hold(PgSession& session, const std::string& account, const Value& balance,
                               Deadline deadline) {
  const auto asked = statement(write_sql, account, {&balance});
  if (!asked) return abandon(session, {}, asked.error().what, deadline);
  const PgReply reply = session.exchange(*asked, deadline);
  if (reply.kind != Kind::done || reply.tag != "INSERT 0 1")
    return abandon(session, reply, describe(reply), deadline);
  if (reply.after != Transaction::open)
    return abandon(session, reply, "the transaction ended early", deadline);
  return std::nullopt;
}

}  // namespace

Outcome pg_balances(PgSession& session, const Request& request, std::string_view isolation,
                    Deadline deadline) {
  const auto accounts = accounts_of(request.value);
  if (!accounts) return Outcome::fail("a read of accounts wants {account: opening …}");
  if (auto refused = pg_begin(session, isolation, deadline)) return *std::move(refused);
  Map balances;
  for (const Account& account : *accounts) {
    auto read = pg_balance(session, account, deadline);
    if (Outcome* outcome = std::get_if<Outcome>(&read)) return std::move(*outcome);
    balances.emplace_back(account.name, std::get<std::int64_t>(read));
  }
  return commit(session, true, std::move(balances), deadline);
}

Outcome pg_transfer(PgSession& session, const Request& request, std::string_view isolation,
                    Deadline deadline) {
  const auto transfer = transfer_of(request.value);
  if (!transfer) return Outcome::fail("a transfer wants {from, to, amount}");
  if (auto refused = pg_begin(session, isolation, deadline)) return *std::move(refused);
  auto from = pg_balance(session, {transfer->from, transfer->opening}, deadline);
  if (Outcome* outcome = std::get_if<Outcome>(&from)) return std::move(*outcome);
  auto to = pg_balance(session, {transfer->to, transfer->opening}, deadline);
  if (Outcome* outcome = std::get_if<Outcome>(&to)) return std::move(*outcome);
  const auto after = moved(*transfer, std::get<std::int64_t>(from), std::get<std::int64_t>(to));
  if (!after) {
    const PgReply undone = session.exchange({"ROLLBACK", {}}, deadline);
    if (undone.kind != Kind::done || undone.after != Transaction::none) session.close();
    return Outcome::fail("insufficient funds");
  }
  // In the order of the names: two that meet wait for each other's rows, and neither for ever.
  std::pair first(transfer->from, after->first), second(transfer->to, after->second);
  if (second.first < first.first) std::swap(first, second);
  for (const auto& [account, balance] : {first, second})
    if (auto outcome = pg_hold(session, account, balance, deadline)) return *std::move(outcome);
  return commit(session, false, request.value, deadline);
}

}  // namespace faultline
