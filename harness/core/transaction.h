// Transactions as requests and outcomes write them: a list of accesses, each ["r", key, value],
// ["w", key, value] or ["append", key, element]. A read asks with nil and is answered with what was
// there; the others are answered as they were asked.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/core/value.h"

namespace faultline {

/// One access; points into the value that it was read from.
struct Access {
  enum class Kind { read, write, append };

  Kind kind = Kind::read;
  const Value* key = nullptr;
  const Value* value = nullptr;
};

/// Nothing if `item` is none: no list of three with one of the three names.
std::optional<Access> access_of(const Value& item);
/// Nothing if one of them is none, or `transaction` no list.
std::optional<std::vector<Access>> accesses_of(const Value& transaction);

/// A key's name: of a text itself, of anything else its text.
std::string key_name(const Value& key);

/// Whether it is a transaction, and all of its accesses are reads: losing its answer is no doubt.
bool only_reads(const Value& transaction);

}  // namespace faultline
