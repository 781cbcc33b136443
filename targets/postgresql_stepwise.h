// A transaction of PostgreSQL's that is asked step by step. Whether a step waits for another
// transaction is asked of the server, over a connection of its own: pg_blocking_pids(), as
// PostgreSQL's own isolationtester does.
#pragma once

#include <string>

#include "harness/core/stepwise.h"
#include "targets/postgresql.h"
#include "targets/postgresql_session.h"

namespace faultline {

/// An error for what cannot be said. `isolation` in SQL's words.
Result<PgStatement> pg_step_statement(const Step& step, std::string_view isolation);

/// What the reply to `step` means:
///   | what was asked for, and the transaction is as it should be  | done                         |
///   | ERROR of class 40 (40001, 40P01)                            | refused: it is rolled back   |
///   | a commit: nothing of it was sent, or ROLLBACK               | failed                       |
///   | a commit: any other answer, or none                         | lost                         |
///   | any other answer, or none, before a commit was sent         | failed: the caller ends the  |
///   |                                                             |   session, which rolls back  |
StepReport pg_step_report(const Step& step, const PgReply& reply);

class PgOpenTransaction final : public OpenTransaction {
 public:
  PgOpenTransaction(const std::string& address, int port, std::string_view isolation);
  void send(const Step& step, Deadline deadline) override;
  StepReport look(Deadline deadline) override;

 private:
  StepReport report(const PgReply& reply);
  StepReport ask_watcher(Deadline deadline);

  const std::string isolation_;
  LibpqSession session_, watcher_;
  Step step_;
  std::optional<StepReport> early_;  ///< Known when it was sent.
};

}  // namespace faultline
