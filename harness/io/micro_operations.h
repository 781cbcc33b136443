// The values of transactions, [["r", 1, null], ["append", 2, 7] …], as others write them. Internal
// to this room.
#pragma once

#include "harness/core/value.h"

namespace faultline {

/// A list of lists of two or three of which the first is a text, and at least one.
bool is_micro_operations(const ValuePool& pool, ValueHandle value);

/// Whether the first thing in the first list of a list is a keyword: of EDN's text at `at`, which
/// may be nullptr.
bool begins_with_keyword(const char* at);

/// Micro-operations read and write become r and w; whatever is none stays.
ValueHandle with_short_names(ValuePool& pool, ValueHandle value);

}  // namespace faultline
