// What a PostgreSQL server is asked and what its replies mean, as functions of them alone; the
// connection is an interface here, libpq's stands in postgresql_session.h.
//
// Everything lives in one table, kv(k primary key, v, l). A key that was written is a register, in
// v, as JSON; one that was appended to is a list, in l, as JSON values with commas between. One key
// is never both: a constraint refuses it. So a read needs no telling which of the two it is.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/client.h"
#include "harness/core/result.h"

namespace faultline {

/// Makes the table, on the standard input of a server in single-user mode: a line a statement.
inline constexpr std::string_view pg_schema =
    "create table kv(k text primary key, v text, l text, check (v is null or l is null))";

struct PgStatement {
  std::string sql;
  std::vector<std::string> parameters;  ///< $1, $2 …; none is null.
  friend bool operator==(const PgStatement&, const PgStatement&) = default;
};

struct PgReply {
  enum class Kind {
    unsent,  ///< Provably nothing of the statement was handed to the kernel; `message` says why.
    lost,    ///< It may have been sent, and no whole reply came by the deadline.
    done,    ///< It was executed; `tag`.
    rows,    ///< It was executed; `tag` and `rows`.
    error,   ///< The server refused or broke it off: `severity`, `sqlstate`, `message`.
  };
  /// The session's transaction after it, as the server said last.
  enum class Transaction { none, open, failed, unknown };

  Kind kind = Kind::lost;
  Transaction after = Transaction::unknown;
  std::string tag{};  ///< "INSERT 0 1", "COMMIT", …
  std::vector<std::vector<std::optional<std::string>>> rows{};
  std::string severity{};  ///< "ERROR"; "FATAL" and "PANIC" end the session.
  std::string sqlstate{};  ///< "40001"
  std::string message{};
};

/// One session with a server, open or closed.
class PgSession {
 public:
  virtual ~PgSession() = default;
  /// Executes one statement; returns by `deadline`. After Kind::lost the session is closed.
  virtual PgReply exchange(const PgStatement& statement, Deadline deadline) = 0;
  /// Ends it, and with it the transaction that is open, without waiting for anything. A closed
  /// session answers unsent.
  virtual void close() = 0;
};

/// The statements that carry out `request`: one for read, write and cas; for a txn one for each
/// micro-operation, without what begins and ends the transaction. An error for what cannot be said.
Result<std::vector<PgStatement>> pg_statements(const Request& request);

/// Read, write or cas on an open session, as a transaction of its own.
Outcome pg_single(PgSession& session, const Request& request, Deadline deadline);

/// A txn on an open session. `isolation` in SQL's words: "REPEATABLE READ". Afterwards the session
/// has no transaction, or is closed.
Outcome pg_transaction(PgSession& session, const Request& request, std::string_view isolation,
                       Deadline deadline);

/// A bank on an open session (harness/core/bank.h): a read of all accounts, and a transfer that
/// reads both and then writes both, each in one transaction of several statements.
Outcome pg_balances(PgSession& session, const Request& request, std::string_view isolation,
                    Deadline deadline);
Outcome pg_transfer(PgSession& session, const Request& request, std::string_view isolation,
                    Deadline deadline);

}  // namespace faultline
