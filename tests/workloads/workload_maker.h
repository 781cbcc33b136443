// Makes workloads that ask transactions from a few settings, and looks at what they ask.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "workloads/workloads.h"

namespace faultline {

using WorkloadSettings = std::vector<std::pair<std::string, std::string>>;

/// "mix.read" is one of `mix:`.
inline Result<std::unique_ptr<Workload>> workload_of(std::string_view name,
                                                     const WorkloadSettings& settings,
                                                     const std::vector<Function>& available = {
                                                         Function::txn}) {
  ConfigNode node;
  for (const auto& [key, text] : settings) {
    if (!key.starts_with("mix.")) {
      node.members.push_back({key, {}, ConfigNode::of(text)});
      continue;
    }
    if (node.find("mix") == nullptr) node.members.push_back({"mix", {}, {}});
    node.find("mix")->members.push_back({key.substr(4), {}, ConfigNode::of(text)});
  }
  Params params(node, "workload " + std::string(name));
  const auto entry = find_entry(workloads(), "workload", name);
  REQUIRE(entry);
  auto made = (*entry)->make(params, available);
  if (!made) return made;
  if (const Status finished = params.finish(); !finished) return finished.error();
  return made;
}

inline std::string refusal_of(std::string_view name, const WorkloadSettings& settings,
                              const std::vector<Function>& available = {Function::txn}) {
  const auto made = workload_of(name, settings, available);
  REQUIRE_FALSE(made);
  return made.error().what;
}

/// A copy, for tests.
struct AskedAccess {
  Access::Kind kind;
  std::string key;
  Value value;
};
using AskedTransaction = std::vector<AskedAccess>;

/// `each` requests of every worker, one worker after the other.
inline std::vector<std::vector<AskedTransaction>> asked_of(const Workload& workload,
                                                           std::size_t workers, std::size_t each,
                                                           std::uint64_t seed = 1) {
  std::vector<std::vector<AskedTransaction>> all(workers);
  for (std::size_t worker = 0; worker < workers; ++worker) {
    const auto generator = workload.generator(Rng(seed).fork("worker", worker), worker, workers);
    for (std::size_t i = 0; i < each; ++i) {
      const Request request = generator->next();
      CHECK(request.function == Function::txn);
      CHECK(request.key.empty());
      const auto accesses = accesses_of(request.value);
      REQUIRE(accesses);
      AskedTransaction copy;
      for (const Access& access : *accesses)
        copy.push_back({access.kind, key_name(*access.key), *access.value});
      all[worker].push_back(std::move(copy));
    }
  }
  return all;
}

inline std::string text_of(const std::vector<std::vector<AskedTransaction>>& asked) {
  std::string text;
  for (const auto& worker : asked)
    for (const AskedTransaction& transaction : worker) {
      for (const AskedAccess& access : transaction)
        text += access.key + "=" + to_text(access.value) + " ";
      text += "\n";
    }
  return text;
}

/// What every workload must: one seed, one text.
inline void check_is_function_of_seed(std::string_view name) {
  const auto workload = workload_of(name, {});
  REQUIRE(workload);
  CHECK(text_of(asked_of(**workload, 3, 300, 1)) == text_of(asked_of(**workload, 3, 300, 1)));
  CHECK(text_of(asked_of(**workload, 3, 300, 1)) != text_of(asked_of(**workload, 3, 300, 2)));
}

}  // namespace faultline
