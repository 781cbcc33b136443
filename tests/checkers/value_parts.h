// Parts of values that must be there.
#pragma once

#include <cstdint>
#include <string>

#include <doctest/doctest.h>

#include "harness/core/value.h"

namespace faultline::told_cases {

/// nullptr: there is none.
inline const Value* find(const Value& of, const std::string& name) {
  if (of.map() == nullptr) return nullptr;
  for (const auto& [key, value] : *of.map())
    if (key == name) return &value;
  return nullptr;
}
inline const Value& at(const Value& of, const std::string& name) {
  const Value* found = find(of, name);
  REQUIRE_MESSAGE(found != nullptr, name);
  return *found;
}
inline const List& list_at(const Value& of, const std::string& name) {
  REQUIRE(at(of, name).list() != nullptr);
  return *at(of, name).list();
}
inline std::string text_at(const Value& of, const std::string& name) {
  REQUIRE(at(of, name).text() != nullptr);
  return *at(of, name).text();
}
inline std::int64_t number_at(const Value& of, const std::string& name) {
  REQUIRE(at(of, name).integer() != nullptr);
  return *at(of, name).integer();
}

}  // namespace faultline::told_cases
