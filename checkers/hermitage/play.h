// What a history says of one script of the workload `hermitage`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkers/hermitage/scripts.h"
#include "harness/core/history.h"
#include "harness/core/predicate.h"

namespace faultline::hermitage {

/// Nothing: there is no such row.
using Cell = std::optional<std::int64_t>;
using Rows = std::map<std::string, std::int64_t>;

/// One access. Of a transaction that is not ok nothing is known of `seen` and `rows`.
struct Deed {
  enum class Kind { read, write, find, erase };

  Kind kind = Kind::read;
  std::string key;      ///< Of read and write.
  Cell cell;            ///< What was read, or is written.
  Predicate predicate;  ///< Of find and erase.
  Rows rows;            ///< What was found, or deleted.
};

struct Actor {
  OperationId row = 0;
  Fate fate = Fate::info;
  std::string error;
  std::vector<Deed> deeds;

  bool committed() const { return fate == Fate::ok; }
  /// Undone because of other transactions: that is how a store prevents an anomaly.
  bool refused() const { return fate == Fate::fail && error.starts_with(refusal_mark); }
  /// Undone because the script says so.
  bool aborted() const { return fate == Fate::fail && error == abort_mark; }
  /// The first read of that key; nothing if it reads none.
  std::optional<Cell> read(std::string_view key) const;
  Cell last_write(std::string_view key) const;
  bool writes(std::string_view key) const { return last_write(key).has_value(); }
};

struct Play {
  const ScriptLine* line = nullptr;
  std::vector<Actor> actors;  ///< The first set up, the last read what was left.
  std::string trouble;        ///< Why it says nothing of this; empty if it was played to its end.

  const Actor& last() const { return actors.back(); }
  std::string key(std::string_view name) const {
    return std::string(line->name) + "/" + std::string(name);
  }
  /// Who wrote that value; nothing if nobody did.
  std::optional<std::size_t> writer(std::string_view key, std::int64_t value) const;
};

struct Plays {
  std::vector<Play> plays;  ///< In the order of the history.
  std::string unsupported;  ///< Why it is no history of such scripts; empty if it is one.
};

/// The script whose key the first access of that row names, and nothing else of it is looked at.
const ScriptLine* script_at(const History& history, OperationId row);
Plays plays_of(const History& history);

/// `T1  r x = 10, w x 11`, without the script's name in the keys.
std::string text_of(const Play& play, std::size_t actor);

}  // namespace faultline::hermitage
