// What the tests of single faults share: a cluster that can be told to misbehave, and levers on it.
// They check what a fault attests, and that it never attests what did not happen.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "nemesis/nemeses.h"
#include "tests/fakes.h"

namespace faultline::nemesis_tests {

using fakes::FakeCluster;
using Nodes = std::vector<std::size_t>;

inline constexpr FaultId a = 1, b = 2, c = 3;

/// A nemesis from its parameters, as a configuration would make it. Evidence may take no time here.
inline std::unique_ptr<Nemesis> make(std::string_view name,
                                     std::vector<std::pair<std::string, std::string>> params = {}) {
  ConfigNode node;
  params.emplace_back("attest_within", "0");
  for (const auto& [key, value] : params) node.members.push_back({key, {}, ConfigNode::of(value)});
  Params view(node, "fault " + std::string(name));
  const auto entry = find_entry(nemeses(), "fault", name);
  REQUIRE(entry);
  auto made = (*entry)->make(view);
  REQUIRE(made);
  const Status finished = view.finish();
  REQUIRE_MESSAGE(finished, (finished ? "" : finished.error().what));
  return *std::move(made);
}

inline const Value* find(const Map& map, std::string_view key) {
  for (const auto& [name, value] : map)
    if (name == key) return &value;
  return nullptr;
}
inline std::string text(const Map& map, std::string_view key) {
  const Value* found = find(map, key);
  return found == nullptr ? "(none)" : to_text(*found);
}

struct World {
  explicit World(std::size_t nodes, std::size_t clients = 0)
      : cluster(nodes, clients), levers(cluster) {}
  Attestation inject(Nemesis& nemesis, FaultId id, Nodes victims, Nodes leaders = {},
                     std::uint64_t seed = 1) {
    auto done = nemesis.inject(levers, id, victims, leaders, Rng(seed));
    REQUIRE_MESSAGE(done, (done ? "" : done.error().what));
    return complete(*std::move(done));
  }
  Attestation heal(Nemesis& nemesis, FaultId id) {
    auto done = nemesis.heal(levers, id);
    REQUIRE_MESSAGE(done, (done ? "" : done.error().what));
    return complete(*std::move(done));
  }
  FakeCluster cluster;
  Levers levers;
};

}  // namespace faultline::nemesis_tests
