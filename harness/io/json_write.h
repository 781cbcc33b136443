// Appends JSON to a string: what the recorder's hot loop and to_json() share. Internal to this
// room.
#pragma once

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

#include "harness/core/value.h"

namespace faultline {

template <std::integral Integer>
void append_integer(std::string& out, Integer v) {
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, v);
  out.append(digits, end);
}

/// `text` in quotes. JSON is UTF-8, but a store may answer any bytes: a byte that belongs to no
/// well-formed character becomes U+FFFD and its two hexadecimal digits. The replacement character
/// itself is written the same way, byte by byte, so that different texts stay different on disk:
/// two values that became one could turn a violation into a valid history.
void append_json_text(std::string& out, std::string_view text);

/// One line. Numbers without a JSON spelling (infinities, NaN) become the texts "inf", "-inf",
/// "nan".
void append_json(std::string& out, const Value& value);

}  // namespace faultline
