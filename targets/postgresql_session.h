// A session with a PostgreSQL server over libpq, which never blocks beyond a deadline.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "targets/postgresql.h"

struct pg_conn;  // libpq's connection

namespace faultline {

/// Used by a single thread.
class LibpqSession final : public PgSession {
 public:
  /// `isolation` in SQL's words is that of statements outside BEGIN. Does not connect yet.
  LibpqSession(std::string address, int port, std::string_view isolation);
  ~LibpqSession() override { close(); }
  LibpqSession(const LibpqSession&) = delete;
  LibpqSession& operator=(const LibpqSession&) = delete;

  /// Connects, unless it is connected and nothing came in since: an idle session that has something
  /// to read was ended by the server, which is better learned before the next request than by it.
  Status open(Deadline deadline);
  PgReply exchange(const PgStatement& statement, Deadline deadline) override;
  void close() override;

  /// exchange() in two halves. Nothing: it was handed to the kernel, and a reply is to be received;
  /// else the reply already, unsent or lost.
  std::optional<PgReply> send(const PgStatement& statement, Deadline deadline);
  /// The reply to what was sent, or nothing if it is not here by `deadline`: then ask again.
  std::optional<PgReply> receive(Deadline deadline);
  /// The server's process for this session, 0 if there is none.
  int server_process() const;

 private:
  bool idle() const;
  Status flush(Deadline deadline);
  /// Until PQgetResult() would not block; nothing at the deadline.
  std::optional<Status> await_result(Deadline deadline);
  PgReply lost(const std::string& why);

  const std::string address_, port_;
  std::string options_;
  pg_conn* connection_ = nullptr;
  std::optional<PgReply> reply_;  ///< What came of the reply that is being received.
};

}  // namespace faultline
