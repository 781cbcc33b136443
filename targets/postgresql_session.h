// A session with a PostgreSQL server over libpq, which never blocks beyond a deadline.
#pragma once

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

 private:
  bool idle() const;
  Status flush(Deadline deadline);
  Status await_result(Deadline deadline);
  PgReply lost(const std::string& why);

  const std::string address_, port_;
  std::string options_;
  pg_conn* connection_ = nullptr;
};

}  // namespace faultline
