// What there is of each kind: one line per component, from each folder's list.def. main.cc collects
// the tables and hands them down, so that no room below knows a concrete component.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/checker.h"
#include "harness/core/nemesis.h"
#include "harness/core/params.h"
#include "harness/core/target.h"
#include "harness/core/workload.h"

namespace faultline {

struct CheckerEntry {
  std::string_view name, doc;
  Result<std::unique_ptr<Checker>> (*make)(Params&);
};
struct NemesisEntry {
  std::string_view name, doc;
  Result<std::unique_ptr<Nemesis>> (*make)(Params&);
};
struct WorkloadEntry {
  std::string_view name, doc;
  /// `available` are the target's functions: the default mix uses only those.
  Result<std::unique_ptr<Workload>> (*make)(Params&, std::span<const Function> available);
};
struct TargetEntry {
  std::string_view name, doc;
  Result<std::unique_ptr<Target>> (*make)(Params&);
};

/// A name of list.def, an identifier, as users write it: dashed<"client_stall">() is
/// "client-stall".
template <std::size_t size>
struct Identifier {
  consteval Identifier(const char (&name)[size]) {
    for (std::size_t i = 0; i < size; ++i) text[i] = name[i] == '_' ? '-' : name[i];
  }
  char text[size] = {};
};
template <Identifier name>
constexpr std::string_view dashed() {
  return {name.text, sizeof name.text - 1};
}

struct Catalogues {
  std::span<const CheckerEntry> checkers;
  std::span<const NemesisEntry> nemeses;
  std::span<const WorkloadEntry> workloads;
  std::span<const TargetEntry> targets;
};

/// Of kind usage: `unknown fault "kil", did you mean "kill"?`
Error unknown_component(std::string_view kind, std::string_view name,
                        std::span<const std::string_view> names);

/// The entry of that name, or an error of kind usage, without a place, that names the nearest.
template <typename Entry>
Result<const Entry*> find_entry(std::span<const Entry> entries, std::string_view kind,
                                std::string_view name) {
  std::vector<std::string_view> names;
  for (const Entry& entry : entries) {
    if (entry.name == name) return &entry;
    names.push_back(entry.name);
  }
  return unknown_component(kind, name, names);
}

}  // namespace faultline
