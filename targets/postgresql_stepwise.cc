#include "targets/postgresql_stepwise.h"

#include <algorithm>
#include <utility>

#include "harness/core/predicate.h"
#include "targets/json_value.h"

namespace faultline {
namespace {

/// What is answered within this is answered at once, and the server need not be asked more.
constexpr std::chrono::milliseconds answer_patience{2};

/// $1 is the first key with the prefix, $2 the first without, $3 the number.
constexpr std::string_view matching_rows = "FROM kv WHERE k >= $1 AND k < $2 AND v ~ '^-?[0-9]+$'";
/// In no other order than this: what is no integer must not be cast.
constexpr std::string_view is_multiple =
    " AND CASE WHEN v ~ '^-?[0-9]{1,18}$' THEN v::bigint % $3::bigint = 0 ELSE false END";

/// Keys are JSON texts, and compared byte by byte: those with a prefix are a range.
Result<PgStatement> predicate_statement(const PredicateAccess& access) {
  const Predicate& predicate = access.predicate;
  auto text = json_text(Value(predicate.prefix));
  if (!text) return text.error();
  std::string from = *std::move(text);
  from.pop_back();  // the closing quote
  std::string to = from;
  const auto last = static_cast<unsigned char>(to.back());
  if (last >= 0x7f) return Error{"postgresql's client knows prefixes that end in ASCII"};
  to.back() = static_cast<char>(last + 1);
  PgStatement statement{std::string(access.deletes ? "DELETE " : "SELECT k, v "), {from, to}};
  statement.sql += matching_rows;
  if (predicate.kind == Predicate::Kind::equal) statement.sql += " AND v = $3";
  if (predicate.kind == Predicate::Kind::multiple_of) statement.sql += is_multiple;
  if (predicate.kind != Predicate::Kind::any)
    statement.parameters.push_back(std::to_string(predicate.number));
  statement.sql += access.deletes ? " RETURNING k, v" : " ORDER BY k";
  return statement;
}

std::string reply_text(const PgReply& reply) {
  if (reply.kind == PgReply::Kind::error) return reply.sqlstate + ": " + reply.message;
  if (reply.kind == PgReply::Kind::done || reply.kind == PgReply::Kind::rows)
    return "not what was asked for: " + reply.tag;
  return reply.message;
}

/// [[key, value], …] by key.
Result<Value> rows_answer(const PgReply& reply) {
  std::vector<std::pair<std::string, Value>> rows;
  for (const auto& row : reply.rows) {
    if (row.size() != 2 || !row[0] || !row[1]) return Error{"not a row of the table kv"};
    auto key = value_of_json(*row[0]), value = value_of_json(*row[1]);
    if (!key || !key->text() || !value) return Error{"not a row of the table kv"};
    rows.emplace_back(*key->text(), *std::move(value));
  }
  std::ranges::sort(rows, {}, &std::pair<std::string, Value>::first);
  List answer;
  for (auto& [key, value] : rows) answer.emplace_back(List{key, std::move(value)});
  return Value(std::move(answer));
}

/// The access with its answer; an error if the reply is none to it.
Result<Value> answered_access(const Value& access, const PgReply& reply) {
  const bool by_predicate = predicate_access_of(access).has_value();
  const std::string& verb = *access.list()->at(0).text();
  if (verb == "w" || verb == "append") {
    if (reply.kind != PgReply::Kind::done || reply.tag != "INSERT 0 1")
      return Error{reply_text(reply)};
    return access;
  }
  if (reply.kind != PgReply::Kind::rows) return Error{reply_text(reply)};
  Value answered = access;
  Value& answer = std::get<List>(answered.content)[2];
  if (by_predicate) {
    auto rows = rows_answer(reply);
    if (!rows) return rows.error();
    answer = *std::move(rows);
    return answered;
  }
  if (reply.rows.empty()) return answered;
  const auto& row = reply.rows.front();
  if (reply.rows.size() != 1 || row.size() != 2 || row[0].has_value() == row[1].has_value())
    return Error{"not a row of the table kv"};
  auto value = value_of_json(row[0] ? *row[0] : "[" + *row[1] + "]");
  if (!value) return value.error();
  answer = *std::move(value);
  return answered;
}

bool is_class_40(const PgReply& reply) {
  return reply.kind == PgReply::Kind::error && reply.severity == "ERROR" &&
         reply.sqlstate.size() == 5 && reply.sqlstate.starts_with("40");
}

}  // namespace

Result<PgStatement> pg_step_statement(const Step& step, std::string_view isolation) {
  switch (step.kind) {
    case Step::Kind::begin:
      return PgStatement{"BEGIN ISOLATION LEVEL " + std::string(isolation), {}};
    case Step::Kind::commit:
      return PgStatement{"COMMIT", {}};
    case Step::Kind::abort:
      return PgStatement{"ROLLBACK", {}};
    case Step::Kind::access:
      break;
  }
  if (const auto predicate = predicate_access_of(step.access))
    return predicate_statement(*predicate);
  auto statements = pg_statements({Function::txn, {}, List{Value(step.access)}, false});
  if (!statements) return statements.error();
  return std::move(statements->front());
}

StepReport pg_step_report(const Step& step, const PgReply& reply) {
  using Kind = StepReport::Kind;
  if (is_class_40(reply)) return {Kind::refused, {}, reply_text(reply)};
  const auto says = [&](std::string_view tag, PgReply::Transaction after) {
    return reply.kind == PgReply::Kind::done && reply.tag == tag && reply.after == after;
  };
  const auto done_if = [&](bool done) {
    return done ? StepReport{Kind::done, {}, {}} : StepReport{Kind::failed, {}, reply_text(reply)};
  };
  switch (step.kind) {
    case Step::Kind::begin:
      return done_if(says("BEGIN", PgReply::Transaction::open));
    case Step::Kind::abort:
      return done_if(says("ROLLBACK", PgReply::Transaction::none));
    case Step::Kind::commit:
      if (reply.kind == PgReply::Kind::done && reply.tag == "COMMIT") return {Kind::done, {}, {}};
      if (reply.kind == PgReply::Kind::unsent || says("ROLLBACK", PgReply::Transaction::none))
        return {Kind::failed, {}, reply_text(reply)};
      return {Kind::lost, {}, reply_text(reply)};
    case Step::Kind::access:
      break;
  }
  auto answered = answered_access(step.access, reply);
  if (!answered) return {Kind::failed, {}, answered.error().what};
  if (reply.after != PgReply::Transaction::open)
    return {Kind::failed, {}, "the transaction ended early"};
  return {Kind::done, *std::move(answered), {}};
}

PgOpenTransaction::PgOpenTransaction(const std::string& address, int port,
                                     std::string_view isolation)
    : isolation_(isolation),
      session_(address, port, isolation),
      watcher_(address, port, "READ COMMITTED") {}

void PgOpenTransaction::send(const Step& step, Deadline deadline) {
  step_ = step;
  early_.reset();
  const auto cannot = [&](const std::string& why) {
    early_ = StepReport{StepReport::Kind::failed, {}, why};
  };
  const auto statement = pg_step_statement(step, isolation_);
  if (!statement) return cannot(statement.error().what);
  if (step.kind == Step::Kind::begin)
    for (LibpqSession* session : {&watcher_, &session_})
      if (const Status open = session->open(deadline); !open) return cannot(open.error().what);
  if (const auto reply = session_.send(*statement, deadline)) early_ = report(*reply);
}

StepReport PgOpenTransaction::report(const PgReply& reply) {
  StepReport made = pg_step_report(step_, reply);
  if (made.kind != StepReport::Kind::done) session_.close();
  return made;
}

StepReport PgOpenTransaction::look(Deadline deadline) {
  if (early_) return *early_;
  const auto now = std::chrono::steady_clock::now();
  if (const auto reply = session_.receive(std::min(deadline, now + answer_patience)))
    return report(*reply);
  return ask_watcher(deadline);
}

/// Others than ours (the server's own workers) end by themselves: what waits for them is running.
StepReport PgOpenTransaction::ask_watcher(Deadline deadline) {
  if (!watcher_.open(deadline)) return {};
  const PgReply reply = watcher_.exchange(
      {"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'faultline' AND pid = "
       "ANY(pg_blocking_pids($1::int))",
       {std::to_string(session_.server_process())}},
      deadline);
  const bool is_number = reply.kind == PgReply::Kind::rows && reply.rows.size() == 1 &&
                         reply.rows[0].size() == 1 && reply.rows[0][0];
  if (!is_number || *reply.rows[0][0] == "0") return {};
  return {StepReport::Kind::waiting, {}, {}};
}

}  // namespace faultline
