// Open transactions, of mode transactions: begun, asked access by access, and ended, several at
// once. They live on the leader alone, in memory; other nodes forward. What one has changed is its
// own until it commits, and then becomes one command of the log, which is checked for conflicts as
// any other (transactions.cc): so nothing here need be right for the level of isolation to hold,
// but for read committed's changes, which only wait.
//   {"op":"open"}                                             a number
//   {"op":"access","transaction":7,"access":["r","k"]}        {"answer":V} or {"waits_for":[5]}
//       also ["w","k",V], ["r-where",P], ["delete-where",P]; P is ["prefix","any",null],
//       ["prefix","equal",7] or ["prefix","multiple-of",3], its answer [["k",V],…] by key
//   {"op":"look","transaction":7}                             of the access that waits: the same
//   {"op":"finish","transaction":7}                           commit, answered as a commit is
//   {"op":"abort","transaction":7}
// Reads never wait; what is refused is undone. By isolation:
//   read committed: a read is of what is committed now. A change waits for whoever has changed the
//     row and is still open. A deletion looks for its rows first; one that it had to wait for it
//     deletes if what is committed by then matches still (as PostgreSQL).
//   snapshot: a read is of the moment of open. A change waits likewise, and is refused if the row
//     has a version younger than that: the first to change it wins.
//   serializable: the same, and at commit all that was read or searched for must be as it was.
// Who waits goes on in the order in which they came, when the other one is committed and applied,
// or undone. What would wait in a circle is refused.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "targets/refkv/engine.h"
#include "targets/refkv/versions.h"

namespace refkv {

class OpenTransactions {
 public:
  OpenTransactions(const VersionsState& state, Isolation isolation, Bug bug)
      : state_(state), isolation_(isolation), bug_(bug) {}

  /// `number` was never used before; `moment`: what has been applied.
  Answer open(std::uint64_t number, std::uint64_t moment, Clock::time_point now);
  /// An access, a look or an abort.
  Answer step(const Call& call, Clock::time_point now);
  /// The command that commits it, or the answer if it takes none. The command must be given to
  /// committing() or to nobody.
  std::variant<Answer, Call> finish(std::uint64_t number);
  /// Its command is in the log: it stays until that is applied.
  void committing(std::uint64_t number, std::uint64_t index);
  void applied(std::uint64_t index);
  /// Undoes those that nobody has asked for anything for so long.
  void expire(Clock::time_point now);

  static constexpr std::size_t open_max = 100;
  static constexpr std::chrono::seconds idle_max{60};
  static constexpr std::size_t accesses_each_max = 10'000;

 private:
  struct Transaction {
    std::uint64_t moment = 0;
    Clock::time_point asked{};
    std::map<std::string, std::string> own{};  ///< What it has changed. "null": deleted.
    std::vector<Access> reads{};               ///< Serializable: to be checked at commit.
    std::size_t accesses = 0;
    std::optional<Access> waiting{};  ///< The access that waits,
    std::uint64_t waits_for = 0;      ///< for this one.
    /// Of a deletion that waits: what it will look at again.
    std::optional<std::vector<std::string>> candidates{};
    std::optional<Answer> answer{};  ///< Of the last access, once it does not wait.
    bool is_over = false;            ///< Undone; kept until somebody asks.
    std::uint64_t index = 0;         ///< Of its command in the log.
  };
  using Rows = std::vector<VersionsState::Row>;

  /// Nothing if it waits.
  using Attempt = std::optional<Answer>;
  Answer begin_access(std::uint64_t number, Transaction& t, const Access& access);
  Attempt attempt(std::uint64_t number, Transaction& t, const Access& access);
  Attempt write(std::uint64_t number, Transaction& t, const Access& access);
  Attempt erase(std::uint64_t number, Transaction& t, const Access& access);
  Answer find(std::uint64_t number, Transaction& t, const Access& access);
  /// Whether `number` has the row to itself now; if not, the attempt's end.
  struct Lock {
    bool is_mine = false;
    Attempt end{};
  };
  Lock lock(std::uint64_t number, Transaction& t, const std::string& key);
  bool would_wait_in_circle(std::uint64_t number, std::uint64_t other) const;
  /// What it sees; nothing if its snapshot is too old.
  std::optional<std::string> view(std::uint64_t number, const Transaction& t,
                                  const std::string& key) const;
  std::optional<Rows> view_rows(std::uint64_t number, const Transaction& t,
                                const std::string& prefix) const;
  std::optional<std::string> dirty(std::uint64_t number, const std::string& key) const;
  Answer give(std::uint64_t number);
  /// It gives back what it holds, and those go on that waited for it.
  void undo(std::uint64_t number);
  void release(std::uint64_t number);
  void retry_waiting();

  const VersionsState& state_;
  const Isolation isolation_;
  const Bug bug_;
  std::map<std::uint64_t, Transaction> open_;
  std::map<std::string, std::uint64_t> owners_;  ///< Who has changed a row.
  std::vector<std::uint64_t> waiting_;           ///< In the order in which they came.
};

}  // namespace refkv
