// Accesses by predicate, as transactions write them beside those of transaction.h: a read of all
// rows that match, ["r-where", P, null], and their deletion, ["delete-where", P, null]. Both are
// answered with what matched, [[key, value], …] by key, in place of the null. A predicate P is
// [PREFIX, "any", null], [PREFIX, "equal", n] or [PREFIX, "multiple-of", n]: of the keys that are
// texts and begin with PREFIX, those that have an integer for which it holds.
//
// accesses_of() (transaction.h) refuses a transaction with such an access, and so do the checkers
// that know items alone: what they do not understand they must not judge.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "harness/core/value.h"

namespace faultline {

struct Predicate {
  enum class Kind { any, equal, multiple_of };

  std::string prefix;  ///< Not empty.
  Kind kind = Kind::any;
  std::int64_t number = 0;  ///< At least 1 for multiple_of; of `any` nothing.

  bool matches(std::string_view key, std::int64_t value) const;
  Value value() const;
  friend bool operator==(const Predicate&, const Predicate&) = default;
};

/// Nothing if `value` is none.
std::optional<Predicate> predicate_of(const Value& value);

struct PredicateAccess {
  bool deletes = false;
  Predicate predicate;
};

/// Nothing if `access` is none, answered or not.
std::optional<PredicateAccess> predicate_access_of(const Value& access);

/// Whether it is a list of accesses, with or without predicates, that change nothing.
bool changes_nothing(const Value& transaction);
/// Whether it is a list of accesses, one of them by a predicate.
bool asks_by_predicate(const Value& transaction);

}  // namespace faultline
