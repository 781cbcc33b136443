#include "harness/run/understanding.h"

#include <algorithm>
#include <vector>

namespace faultline {
namespace {

/// Where the workload's mapping asks for `function`: in its mix, if it has one that names it.
const Where& place_of_verb(const ConfigNode& workload, Function function) {
  const ConfigNode* mix = workload.find("mix");
  const ConfigNode* verb = mix != nullptr ? mix->find(name_of(function)) : nullptr;
  return verb != nullptr ? verb->where : workload.where;
}

}  // namespace

Status Understanding::check(const ConfigNode& node, const Workload& workload) const {
  const std::vector<Function> available = target_.functions();
  std::string offered;
  for (const Function function : available)
    offered += (offered.empty() ? "" : ", ") + std::string(name_of(function));
  for (const Function function : workload.functions())
    if (std::find(available.begin(), available.end(), function) == available.end())
      return error_at(place_of_verb(node, function),
                      "workload " + std::string(workload.name()) + " asks for " +
                          std::string(name_of(function)) + ", which " + target_text() +
                          " does not understand; it understands: " + offered);
  if (workload.asks_by_predicate() && !target_.has_steps())
    return error_at(node.where, "workload " + std::string(workload.name()) +
                                    " looks for rows by predicates, which " + target_text() +
                                    " does not; these do: " + targets_with_steps());
  return Ok{};
}

std::string Understanding::target_text() const {
  std::string text;
  for (const auto& [key, value] : parameters_)
    if (key != "name" && key != "nodes")
      text += (text.empty() ? " (" : ", ") + key + ": " +
              (value.text() != nullptr ? *value.text() : to_text(value));
  return "target " + std::string(target_.name()) + text + (text.empty() ? "" : ")");
}

std::string Understanding::targets_with_steps() const {
  std::string names;
  for (const TargetEntry& entry : targets_) {
    const ConfigNode nothing;
    Params defaults(nothing, "target");
    const auto made = entry.make(defaults);
    if (made && (*made)->has_steps())
      names += (names.empty() ? "" : ", ") + std::string(entry.name);
  }
  return names.empty() ? "none" : names;
}

}  // namespace faultline
