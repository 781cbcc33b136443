// Reading a parsed JSON document by name. What is absent, or of another kind, is nothing: callers
// that need it say what they expected.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "harness/core/value.h"

namespace faultline {

/// The member `key`; nullptr if there is none.
inline const Value* member_of(const Map& map, std::string_view key) {
  for (const auto& [name, member] : map)
    if (name == key) return &member;
  return nullptr;
}
/// The same, and nullptr if `value` is no map.
inline const Value* member_of(const Value& value, std::string_view key) {
  return value.map() == nullptr ? nullptr : member_of(*value.map(), key);
}

/// A text, or empty.
inline std::string text_in(const Value& value, std::string_view key) {
  const Value* member = member_of(value, key);
  return member != nullptr && member->text() != nullptr ? *member->text() : std::string();
}

inline std::optional<std::int64_t> integer_in(const Value& value, std::string_view key) {
  const Value* member = member_of(value, key);
  if (member == nullptr || member->integer() == nullptr) return std::nullopt;
  return *member->integer();
}

/// An integer or a real.
inline std::optional<double> number_in(const Value& value, std::string_view key) {
  const Value* member = member_of(value, key);
  if (member == nullptr) return std::nullopt;
  if (const std::int64_t* integer = member->integer()) return static_cast<double>(*integer);
  if (const double* real = std::get_if<double>(&member->content)) return *real;
  return std::nullopt;
}

}  // namespace faultline
