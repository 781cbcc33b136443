// What a step is in SQL, and what the reply to it means: the table in postgresql_stepwise.h.
#include "targets/postgresql_stepwise.h"

#include <doctest/doctest.h>

namespace faultline::postgresql_stepwise_test {
namespace {

using Kind = StepReport::Kind;
using Reply = PgReply::Kind;
using After = PgReply::Transaction;

const Step begin{Step::Kind::begin, {}}, commit{Step::Kind::commit, {}},
    rollback{Step::Kind::abort, {}};
Step access(const char* verb, Value what, Value value = {}) {
  return {Step::Kind::access, List{verb, std::move(what), std::move(value)}};
}
const Step write_x = access("w", "s/x", 7), read_x = access("r", "s/x");
const Step find = access("r-where", List{"s/", "multiple-of", 3});
const Step erase = access("delete-where", List{"s/", "equal", 20});

PgReply done(const std::string& tag, After after) {
  return {.kind = Reply::done, .after = after, .tag = tag};
}
PgReply rows(std::vector<std::vector<std::optional<std::string>>> cells) {
  return {.kind = Reply::rows, .after = After::open, .tag = "SELECT", .rows = std::move(cells)};
}
PgReply error(const std::string& sqlstate, const std::string& severity = "ERROR") {
  return {.kind = Reply::error,
          .after = After::failed,
          .severity = severity,
          .sqlstate = sqlstate,
          .message = "told so"};
}
const PgReply lost{.kind = Reply::lost, .message = "reset"};
const PgReply unsent{.kind = Reply::unsent, .message = "not connected"};

PgStatement statement(const Step& step) {
  const auto made = pg_step_statement(step, "REPEATABLE READ");
  REQUIRE_MESSAGE(made, (made ? "" : made.error().what));
  return *made;
}

TEST_CASE("postgresql steps: statements") {
  CHECK(statement(begin) == PgStatement{"BEGIN ISOLATION LEVEL REPEATABLE READ", {}});
  CHECK(statement(commit) == PgStatement{"COMMIT", {}});
  CHECK(statement(rollback) == PgStatement{"ROLLBACK", {}});
  CHECK(statement(read_x).parameters == std::vector<std::string>{"\"s/x\""});
  CHECK(statement(write_x).parameters == std::vector<std::string>{"\"s/x\"", "7"});
  const PgStatement found = statement(find);
  // "s/ … "s0 in bytes: every key that begins with s/, and no other.
  CHECK(found.parameters == std::vector<std::string>{"\"s/", "\"s0", "3"});
  CHECK(found.sql.starts_with("SELECT k, v FROM kv WHERE k >= $1 AND k < $2"));
  CHECK(found.sql.find("% $3::bigint = 0") != std::string::npos);
  const PgStatement erased = statement(erase);
  CHECK(erased.sql.starts_with("DELETE FROM kv WHERE"));
  CHECK(erased.sql.ends_with("AND v = $3 RETURNING k, v"));
  CHECK(erased.parameters[2] == "20");
  CHECK(statement(access("r-where", List{"s/", "any", {}})).parameters.size() == 2);
  for (const Step& step : {access("r-where", List{"s/", "less", 3}), access("r", "x", 1),
                           access("r-where", List{"é", "any", {}}), access("frob", "x")}) {
    CHECK_FALSE(pg_step_statement(step, "SERIALIZABLE"));
  }
}

TEST_CASE("postgresql steps: what was asked for is done, with its answer") {
  CHECK(pg_step_report(begin, done("BEGIN", After::open)).kind == Kind::done);
  CHECK(pg_step_report(commit, done("COMMIT", After::none)).kind == Kind::done);
  CHECK(pg_step_report(rollback, done("ROLLBACK", After::none)).kind == Kind::done);
  for (const Step& step : {write_x, access("append", "s/l", 7)})
    CHECK(pg_step_report(step, done("INSERT 0 1", After::open)).access == step.access);
  const auto answer = [](const Step& step, const PgReply& reply) {
    const StepReport report = pg_step_report(step, reply);
    CHECK_MESSAGE(report.kind == Kind::done, report.why);
    return report.access.list()->at(2);
  };
  CHECK(answer(read_x, rows({})) == Value());
  CHECK(answer(read_x, rows({{"7", std::nullopt}})) == Value(7));
  CHECK(answer(read_x, rows({{std::nullopt, "1,2"}})) == Value(List{1, 2}));
  CHECK(answer(find, rows({})) == Value(List{}));
  CHECK(answer(erase, rows({{"\"s/y\"", "20"}, {"\"s/x\"", "20"}})) ==
        Value(List{List{"s/x", 20}, List{"s/y", 20}}));
}

TEST_CASE("postgresql steps: only a commit that was sent may have happened") {
  for (const Step& step : {begin, write_x, read_x, find, erase, rollback}) {
    for (const PgReply& reply : {lost, unsent, error("57P01", "FATAL"), error("23514"),
                                 done("COMMIT", After::open), rows({{"1", "2", "3"}})})
      CHECK(pg_step_report(step, reply).kind == Kind::failed);
    for (const char* conflict : {"40001", "40P01"}) {
      const StepReport refused = pg_step_report(step, error(conflict));
      CHECK(refused.kind == Kind::refused);
      CHECK(refused.why == std::string(conflict) + ": told so");
    }
    CHECK(pg_step_report(step, error("40001", "FATAL")).kind == Kind::failed);
  }
  // Outside a transaction a statement would commit by itself, and nobody would see it.
  CHECK(pg_step_report(begin, done("BEGIN", After::none)).kind == Kind::failed);
  CHECK(pg_step_report(write_x, done("INSERT 0 1", After::none)).kind == Kind::failed);
  CHECK(pg_step_report(write_x, done("INSERT 0 0", After::open)).kind == Kind::failed);
  CHECK(pg_step_report(read_x, rows({{"1", "1"}})).kind == Kind::failed);
  CHECK(pg_step_report(read_x, rows({{std::nullopt, std::nullopt}})).kind == Kind::failed);
  CHECK(pg_step_report(read_x, rows({{"1", std::nullopt}, {"2", std::nullopt}})).kind ==
        Kind::failed);
  CHECK(pg_step_report(find, rows({{"\"s/x\"", std::nullopt}})).kind == Kind::failed);

  CHECK(pg_step_report(commit, error("40001")).kind == Kind::refused);
  CHECK(pg_step_report(commit, done("ROLLBACK", After::none)).kind == Kind::failed);
  CHECK(pg_step_report(commit, unsent).kind == Kind::failed);
  for (const PgReply& reply : {lost, error("57P01", "FATAL"), error("40001", "FATAL"),
                               error("23514"), done("BEGIN", After::open)})
    CHECK(pg_step_report(commit, reply).kind == Kind::lost);
}

}  // namespace
}  // namespace faultline::postgresql_stepwise_test
