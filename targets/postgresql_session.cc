#include "targets/postgresql_session.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include <libpq-fe.h>
#include <poll.h>

namespace faultline {
namespace {

using PgResult = std::unique_ptr<PGresult, decltype(&PQclear)>;

/// Waits for `events` on the connection; the events that came, 0 at the deadline.
short await_events(const PGconn* connection, short events, Deadline deadline) {
  using std::chrono::milliseconds;
  pollfd polled{PQsocket(connection), events, 0};
  if (polled.fd < 0) return POLLERR;
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    const auto left = std::chrono::ceil<milliseconds>(std::max(deadline, now) - now);
    const auto limit = std::min<milliseconds>(left, std::chrono::hours(1));
    const int ready = ::poll(&polled, 1, static_cast<int>(limit.count()));
    if (ready > 0) return polled.revents;
    if (ready == 0 && limit == left) return 0;
    if (ready < 0 && errno != EINTR) return POLLERR;
  }
}

/// Its messages end in a newline, and may have several lines.
std::string first_line(const char* text) {
  const std::string_view all = text ? text : "";
  return std::string(all.substr(0, all.find('\n')));
}
/// Without the address, which everybody knows: "connection to server at …, port 5432 failed: ".
std::string error_of(const PGconn* connection) {
  const std::string text = first_line(PQerrorMessage(connection));
  constexpr std::string_view before = " failed: ";
  const std::size_t at = text.find(before);
  if (text.empty()) return "connection lost";
  return at == std::string::npos ? text : text.substr(at + before.size());
}

std::string field(const PGresult* result, int code) {
  return first_line(PQresultErrorField(result, code));
}

PgReply::Transaction transaction_of(const PGconn* connection) {
  switch (PQtransactionStatus(connection)) {
    case PQTRANS_IDLE:
      return PgReply::Transaction::none;
    case PQTRANS_INTRANS:
      return PgReply::Transaction::open;
    case PQTRANS_INERROR:
      return PgReply::Transaction::failed;
    default:
      return PgReply::Transaction::unknown;
  }
}

PgReply reply_of(PGresult* result) {
  PgReply reply;
  switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
      reply.kind = PgReply::Kind::done;
      reply.tag = PQcmdStatus(result);
      break;
    case PGRES_TUPLES_OK: {
      reply.kind = PgReply::Kind::rows;
      reply.tag = PQcmdStatus(result);
      const int rows = PQntuples(result), columns = PQnfields(result);
      for (int i = 0; i < rows; ++i) {
        auto& row = reply.rows.emplace_back();
        for (int j = 0; j < columns; ++j) {
          if (PQgetisnull(result, i, j)) {
            row.emplace_back();
          } else {
            row.emplace_back(std::in_place, PQgetvalue(result, i, j),
                             static_cast<std::size_t>(PQgetlength(result, i, j)));
          }
        }
      }
      break;
    }
    case PGRES_FATAL_ERROR:
      reply.severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
      reply.sqlstate = field(result, PG_DIAG_SQLSTATE);
      reply.message = field(result, PG_DIAG_MESSAGE_PRIMARY);
      // Without a code it is libpq that speaks, not the server.
      if (!reply.sqlstate.empty()) reply.kind = PgReply::Kind::error;
      if (reply.message.empty()) reply.message = first_line(PQresultErrorMessage(result));
      break;
    default:
      reply.message = std::string("unexpected reply: ") + PQresStatus(PQresultStatus(result));
  }
  return reply;
}

void ignore_notice(void*, const char*) {}

}  // namespace

LibpqSession::LibpqSession(std::string address, int port, std::string_view isolation)
    : address_(std::move(address)), port_(std::to_string(port)) {
  std::string word;
  for (const char each : isolation) word += each == ' ' ? std::string("\\ ") : std::string(1, each);
  // With few rows the planner would scan the whole table, and a serializable transaction that reads
  // so conflicts with every other.
  options_ = "-c default_transaction_isolation=" + word + " -c enable_seqscan=off";
}

void LibpqSession::close() {
  if (connection_) PQfinish(connection_);
  connection_ = nullptr;
}

bool LibpqSession::idle() const {
  return connection_ && PQstatus(connection_) == CONNECTION_OK &&
         PQtransactionStatus(connection_) == PQTRANS_IDLE &&
         await_events(connection_, POLLIN, std::chrono::steady_clock::now()) == 0;
}

Status LibpqSession::open(Deadline deadline) {
  if (idle()) return Ok{};
  close();
  // Whatever libpq would else take from the environment and from files is said. A password that
  // nobody asks for keeps it from looking for a file of passwords.
  constexpr std::array<const char*, 13> keywords{"host",    "hostaddr",        "port",
                                                 "user",    "dbname",          "password",
                                                 "sslmode", "gssencmode",      "channel_binding",
                                                 "options", "client_encoding", "application_name",
                                                 nullptr};
  const std::array<const char*, 13> values{
      address_.c_str(), address_.c_str(), port_.c_str(), "postgres", "postgres",
      "unused",         "disable",        "disable",     "disable",  options_.c_str(),
      "UTF8",           "faultline",      nullptr};
  connection_ = PQconnectStartParams(keywords.data(), values.data(), 0);
  if (!connection_) return Error{"connect: out of memory"};
  PQsetNoticeProcessor(connection_, ignore_notice, nullptr);
  PostgresPollingStatusType wanted =
      PQstatus(connection_) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (wanted != PGRES_POLLING_OK) {
    if (wanted == PGRES_POLLING_FAILED) {
      Error error{"connect: " + error_of(connection_)};
      close();
      return error;
    }
    const short events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (await_events(connection_, events, deadline) == 0) {
      close();
      return Error{"connect: timeout"};
    }
    wanted = PQconnectPoll(connection_);
  }
  if (PQsetnonblocking(connection_, 1) != 0) {
    close();
    return Error{"connect: cannot be made non-blocking"};
  }
  return Ok{};
}

PgReply LibpqSession::lost(const std::string& why) {
  close();
  PgReply reply;
  reply.message = why;
  return reply;
}

Status LibpqSession::flush(Deadline deadline) {
  for (;;) {
    const int left = PQflush(connection_);
    if (left == 0) return Ok{};
    if (left < 0) return Error{error_of(connection_)};
    const short events = await_events(connection_, POLLIN | POLLOUT, deadline);
    if (events == 0) return Error{"timeout"};
    // A server that does not read before it was read from.
    if ((events & ~POLLOUT) != 0 && PQconsumeInput(connection_) == 0) {
      return Error{error_of(connection_)};
    }
  }
}

std::optional<Status> LibpqSession::await_result(Deadline deadline) {
  while (PQisBusy(connection_) != 0) {
    if (await_events(connection_, POLLIN, deadline) == 0) return std::nullopt;
    if (PQconsumeInput(connection_) == 0) return Error{error_of(connection_)};
  }
  return Ok{};
}

int LibpqSession::server_process() const { return connection_ ? PQbackendPID(connection_) : 0; }

std::optional<PgReply> LibpqSession::send(const PgStatement& statement, Deadline deadline) {
  PgReply unsent;
  unsent.kind = PgReply::Kind::unsent;
  if (!connection_ || PQstatus(connection_) != CONNECTION_OK) {
    unsent.message = "not connected";
    return unsent;
  }
  if (std::chrono::steady_clock::now() >= deadline) {
    unsent.message = "timeout before it was sent";
    return unsent;
  }
  std::vector<const char*> values;
  for (const std::string& parameter : statement.parameters) values.push_back(parameter.c_str());
  reply_.reset();
  // It may send before it fails, so that from here on nothing is certain.
  if (PQsendQueryParams(connection_, statement.sql.c_str(), static_cast<int>(values.size()),
                        nullptr, values.data(), nullptr, nullptr, 0) == 0) {
    return lost(error_of(connection_));
  }
  if (const Status flushed = flush(deadline); !flushed) return lost(flushed.error().what);
  return std::nullopt;
}

std::optional<PgReply> LibpqSession::receive(Deadline deadline) {
  if (!connection_) return lost("not connected");
  for (;;) {
    const std::optional<Status> here = await_result(deadline);
    if (!here) return std::nullopt;
    if (!*here) {
      if (!reply_ || reply_->kind != PgReply::Kind::error) return lost(here->error().what);
      close();  // An error that ended the session: nothing comes after it.
      return std::exchange(reply_, std::nullopt);
    }
    const PgResult result(PQgetResult(connection_), &PQclear);
    if (!result) break;
    PgReply next = reply_of(result.get());
    // A statement by itself is answered, and commits afterwards: what counts is an error of that.
    if (next.kind == PgReply::Kind::lost) return lost(next.message);
    if (reply_ && next.kind != PgReply::Kind::error) return lost("more than one reply");
    reply_ = std::move(next);
  }
  if (!reply_) return lost("no reply");
  reply_->after = transaction_of(connection_);
  return std::exchange(reply_, std::nullopt);
}

PgReply LibpqSession::exchange(const PgStatement& statement, Deadline deadline) {
  if (auto failed = send(statement, deadline)) return *std::move(failed);
  if (auto reply = receive(deadline)) return *std::move(reply);
  // An error that is here already counts, though its session has no time left to end well.
  if (reply_ && reply_->kind == PgReply::Kind::error) {
    PgReply error = *std::exchange(reply_, std::nullopt);
    close();
    return error;
  }
  return lost("timeout");
}

}  // namespace faultline
