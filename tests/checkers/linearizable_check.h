// The check "linearizable", made from a configuration's settings and asked about a script.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "tests/checkers/script.h"

namespace faultline {

using Settings = std::vector<std::pair<std::string, std::string>>;

inline Result<std::unique_ptr<Checker>> try_make(const Settings& settings) {
  ConfigNode mapping;
  for (const auto& [key, value] : settings) {
    ConfigNode::Member& member = mapping.members.emplace_back();
    member.key = key;
    member.value = ConfigNode::of(value);
  }
  Params params(mapping, "check linearizable");
  return make_linearizable(params);
}

inline Verdict check(const script::Script& script, const Settings& settings = {},
                     const Budget& budget = {}) {
  auto made = try_make(settings);
  REQUIRE(made);
  return (*made)->check(script.history(), budget);
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace faultline
