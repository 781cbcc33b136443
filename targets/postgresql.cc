// PostgreSQL 14 or later as one server: how it is started, found and asked. What its replies mean
// stands in postgresql_verbs.cc.
//
// It refuses to run as uid 0, which is what a node's processes are. So it gets a user namespace of
// its own, in which the same files belong to somebody else: no other account and no chown are
// needed, and root and an ordinary user start it alike.
#include <algorithm>
#include <array>
#include <charconv>

#include <unistd.h>

#include "harness/core/predicate.h"
#include "harness/os/program.h"
#include "targets/postgresql_session.h"
#include "targets/postgresql_stepwise.h"
#include "targets/targets.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

constexpr int postgresql_port = 5432;
constexpr int oldest_release = 14;  // client_connection_check_interval

/// A level of isolation, as configurations and as SQL say it.
struct PostgresqlLevel {
  std::string_view word, sql;
};
constexpr std::array postgresql_levels{PostgresqlLevel{"read-committed", "READ COMMITTED"},
                                       PostgresqlLevel{"repeatable-read", "REPEATABLE READ"},
                                       PostgresqlLevel{"serializable", "SERIALIZABLE"}};

/// $1: the folder of the programs, $2: that of the data, $3: the address, $4: synchronous_commit.
/// The database is made under another name and renamed when the table is in it: a start that was
/// killed begins anew, and whoever can connect finds the table.
constexpr std::string_view start_script = R"(set -eu
if [ ! -d "$2" ]; then
  rm -rf "$2.new"
  "$1/initdb" -D "$2.new" -U postgres -A trust -E UTF8 --locale=C --no-sync --no-instructions
  echo "host all postgres samenet trust" >>"$2.new/pg_hba.conf"
  "$1/postgres" --single -D "$2.new" postgres <<'SCHEMA'
@schema@
SCHEMA
  mv "$2.new" "$2"
fi
exec "$1/postgres" -D "$2" -c listen_addresses="$3" -c synchronous_commit="$4" @settings@
)";

/// No Unix socket: its name would be too long below most directories, and nobody connects to it.
/// Transactions whose client is gone are ended, which else would hold their locks for hours after a
/// partition. Errors go to the client that caused them, and would only fill the log.
constexpr std::array server_settings{
    "unix_socket_directories=",
    "max_connections=1100",  // The most workers that a run can have, and some of their dead.
    "shared_buffers=32MB",
    "deadlock_timeout=200ms",
    "tcp_keepalives_idle=3",
    "tcp_keepalives_interval=1",
    "tcp_keepalives_count=3",
    "tcp_user_timeout=5s",
    "client_connection_check_interval=500ms",
    "log_min_messages=log",
};

std::string whole_script() {
  std::string script(start_script), options;
  for (const char* setting : server_settings)
    options += std::string(options.empty() ? "" : " ") + "-c " + setting;
  script.replace(script.find("@schema@"), 8, pg_schema);
  script.replace(script.find("@settings@"), 10, options);
  return script;
}

/// Debian keeps every release in a folder of its own; the newest that has what we need.
fs::path postgresql_programs() {
  int newest = oldest_release - 1;
  fs::path found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    const std::string name = entry.path().filename();
    int release = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), release);
    if (parsed.ptr != name.data() + name.size() || release <= newest) continue;
    const fs::path programs = entry.path() / "bin";
    const auto executable = [&](const char* program) {
      return ::access((programs / program).c_str(), X_OK) == 0;
    };
    if (!executable("postgres") || !executable("initdb")) continue;
    newest = release;
    found = programs;
  }
  return found;
}

/// What puts a program into a user namespace of its own, before its command line.
std::vector<std::string> as_somebody() {
  return {find_program("unshare"), "--user", "--map-user=1000", "--map-group=1000"};
}

class PostgresqlClient final : public Client {
 public:
  PostgresqlClient(const Node& node, const PostgresqlLevel& isolation)
      : address_(node.address),
        session_(node.address, postgresql_port, isolation.sql),
        isolation_(isolation) {}

  Outcome invoke(const Request& request, Deadline deadline) override {
    const bool reads_bank = request.function == Function::read && request.value.map() != nullptr;
    if (reads_bank || request.function == Function::transfer) {
      if (const Status open = session_.open(deadline); !open)
        return Outcome::fail(open.error().what);
      return reads_bank ? pg_balances(session_, request, isolation_.sql, deadline)
                        : pg_transfer(session_, request, isolation_.sql, deadline);
    }
    if (request.function == Function::txn && asks_by_predicate(request.value)) {
      PgOpenTransaction transaction(address_, postgresql_port, isolation_.sql);
      return invoke_by_steps(transaction, request, deadline);
    }
    if (const auto sayable = pg_statements(request); !sayable) {
      return Outcome::fail(sayable.error().what);
    }
    if (const Status open = session_.open(deadline); !open) return Outcome::fail(open.error().what);
    if (request.function != Function::txn) return pg_single(session_, request, deadline);
    return pg_transaction(session_, request, isolation_.sql, deadline);
  }

 private:
  const std::string address_;
  LibpqSession session_;
  const PostgresqlLevel isolation_;
};

class Postgresql final : public Target {
 public:
  Postgresql(const PostgresqlLevel& isolation, std::string synchronous_commit)
      : programs_(postgresql_programs()),
        isolation_(isolation),
        synchronous_commit_(std::move(synchronous_commit)) {}

  std::string_view name() const override { return "postgresql"; }
  std::vector<Function> functions() const override {
    return {Function::read, Function::write, Function::cas, Function::txn, Function::transfer};
  }

  Status available() const override {
    const auto cannot = [](std::string why) {
      return Error{std::move(why), ErrorKind::capability};
    };
    if (programs_.empty()) return cannot("postgresql is not installed: ./dev stores postgresql");
    auto argv = as_somebody();
    if (argv[0].empty()) return cannot("postgresql needs unshare(1): install util-linux");
    argv.push_back(find_program("true"));
    const auto tried = run_program(argv, "", std::chrono::seconds(10));
    if (tried && tried->status == 0) return Ok{};
    std::string why = tried ? tried->output : tried.error().what;
    return cannot("postgresql refuses to run as root, and gets no user namespace here (" +
                  why.substr(0, why.find('\n')) + "): faultline doctor says what would mend that");
  }
  fs::path program() const override { return programs_.empty() ? "" : programs_ / "postgres"; }

  /// "postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)" is what it prints.
  std::string version() const override {
    if (programs_.empty()) return "unknown";
    const auto said = run_program({program().string(), "--version"}, "", std::chrono::seconds(10));
    constexpr std::string_view before = "(PostgreSQL) ";
    const std::size_t at = said ? said->output.find(before) : std::string::npos;
    if (at == std::string::npos) return "unknown";
    const std::string text = said->output.substr(at + before.size());
    return text.substr(0, text.find_first_of(" \n"));
  }

  Result<Launch> launch(const Node& node, std::span<const Node> all) const override {
    if (const auto here = available(); !here) return here.error();
    if (all.size() != 1) return Error{"postgresql is a single server here: say nodes: 1"};
    Launch launch{.argv = as_somebody(), .environment = {}};
    for (const std::string& word :
         {std::string("/bin/sh"), std::string("-c"), whole_script(), std::string("postgresql"),
          programs_.string(), (node.data_dir / "postgresql").string(), node.address,
          synchronous_commit_}) {
      launch.argv.push_back(word);
    }
    return launch;
  }

  Status ready(const Node& node, Deadline deadline) const override {
    LibpqSession session(node.address, postgresql_port, isolation_.sql);
    const auto not_ready = [&](const std::string& why) {
      return Error{node.name + ": " + why, ErrorKind::target};
    };
    if (const Status open = session.open(deadline); !open) return not_ready(open.error().what);
    const PgReply reply = session.exchange({"SELECT k FROM kv LIMIT 1", {}}, deadline);
    if (reply.kind == PgReply::Kind::rows) return Ok{};
    return not_ready(reply.message);
  }

  Result<std::unique_ptr<Client>> connect(const Node& node) const override {
    return std::unique_ptr<Client>(std::make_unique<PostgresqlClient>(node, isolation_));
  }

  bool has_steps() const override { return true; }
  Result<std::unique_ptr<OpenTransaction>> open_transaction(const Node& node) const override {
    return std::unique_ptr<OpenTransaction>(
        std::make_unique<PgOpenTransaction>(node.address, postgresql_port, isolation_.sql));
  }

  /// A server by itself leads.
  std::vector<std::size_t> leaders(std::span<const Node> nodes, Deadline) const override {
    if (nodes.empty()) return {};
    return {nodes.front().index};
  }

 private:
  fs::path programs_;
  PostgresqlLevel isolation_;
  std::string synchronous_commit_;
};

}  // namespace

Result<std::unique_ptr<Target>> make_postgresql(Params& params) {
  std::array<std::string_view, postgresql_levels.size()> words;
  std::ranges::transform(postgresql_levels, words.begin(), &PostgresqlLevel::word);
  const std::string word = params.choice("isolation", "serializable", words);
  constexpr std::array<std::string_view, 2> switches{"off", "on"};
  std::string synchronous_commit = params.choice("synchronous_commit", "on", switches);
  // The runner reads `nodes` before it asks for the target; where there is no run there are none.
  for (const auto& [key, value] : params.resolved()) {
    if (key == "nodes" && value != Value(1)) {
      params.fail("nodes", "postgresql is a single server here: say nodes: 1");
    }
  }
  if (const auto status = params.finish(); !status) return status.error();
  return std::unique_ptr<Target>(std::make_unique<Postgresql>(
      *std::ranges::find(postgresql_levels, word, &PostgresqlLevel::word),
      std::move(synchronous_commit)));
}

}  // namespace faultline
