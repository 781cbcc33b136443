// Values and verdicts as JSON text. The JSON library stays in the .cc files.
#pragma once

#include <string>
#include <string_view>

#include "harness/core/checker.h"
#include "harness/core/result.h"
#include "harness/core/value.h"

namespace faultline {

/// One line; keys in the order of the map. Text that is no UTF-8 is escaped, never an exception.
std::string to_json(const Value& value);
/// Indented by two, for files that people read; ends in a newline.
std::string to_json_pretty(const Value& value);
Result<Value> parse_json(std::string_view text);

/// A verdict as `checks` has it in `faultline check --json` and results.json; `witness` holds the
/// `index` values of the invocations; `cases` are there if there are any.
Value verdict_value(const Verdict& verdict, const History& history, double seconds);
/// The verdict's table for people, a line a row; empty if it has none.
std::string table_text(const Verdict& verdict);

}  // namespace faultline
