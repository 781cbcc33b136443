// What an event's fields say, whatever the syntax that they are written in. Internal to this room.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "harness/core/result.h"
#include "harness/core/text.h"
#include "harness/io/load_parse.h"

namespace faultline {

/// For messages; cut where it is long.
inline std::string in_quotes(std::string_view text) {
  return "\"" + std::string(text.substr(0, 60)) + (text.size() > 60 ? "…" : "") + "\"";
}

inline bool is_integer_text(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// invoke, ok, fail or info; an error names the nearest.
inline Result<ParsedEvent::Type> parse_event_type(std::string_view name) {
  constexpr auto names = std::to_array<std::string_view>({"invoke", "ok", "fail", "info"});
  for (std::size_t i = 0; i < names.size(); ++i)
    if (name == names[i]) return static_cast<ParsedEvent::Type>(i);
  std::string expected = "expected type invoke, ok, fail or info, found " + in_quotes(name);
  if (const auto near = nearest_word(name, names))
    expected += ", did you mean " + in_quotes(*near) + "?";
  return Error{std::move(expected), ErrorKind::usage};
}

/// Names in the order of their first appearance. There are few nodes and, mostly, few errors.
class Names {
 public:
  /// `names` must outlive it.
  explicit Names(std::vector<std::string>& names) : names_(&names) {}
  std::size_t id(std::string_view name) {
    if (last_ < names_->size() && (*names_)[last_] == name) return last_;
    const std::size_t near = std::min<std::size_t>(names_->size(), 8);
    for (std::size_t i = 0; i < near; ++i)
      if ((*names_)[i] == name) return last_ = i;
    const auto [at, fresh] = far_.try_emplace(std::string(name), names_->size());
    if (fresh) names_->emplace_back(name);
    return last_ = at->second;
  }

 private:
  std::vector<std::string>* names_;
  std::unordered_map<std::string, std::size_t> far_;
  std::size_t last_ = 0;
};

}  // namespace faultline
