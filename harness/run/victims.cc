#include "harness/run/victims.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "harness/core/catalogue.h"

namespace faultline {
namespace {

using Kind = Victims::Kind;
constexpr std::array<std::pair<std::string_view, Kind>, 6> groups = {
    {{"one", Kind::one},
     {"minority", Kind::minority},
     {"majority", Kind::majority},
     {"all", Kind::all},
     {"leader", Kind::leader},
     {"followers", Kind::followers}}};

/// `count` different nodes of `nodes`, sorted.
std::vector<std::size_t> draw(std::size_t count, std::size_t nodes, Rng& rng) {
  std::vector<std::size_t> all(nodes);
  std::iota(all.begin(), all.end(), std::size_t{0});
  for (std::size_t i = 0; i < count; ++i)
    std::swap(all[i], all[i + static_cast<std::size_t>(rng.below(nodes - i))]);
  all.resize(count);
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace

Result<Victims> parse_victims(const std::vector<std::string>& words, std::size_t nodes) {
  Victims victims;
  if (words.empty()) return Error{"expected a group or a list of nodes", ErrorKind::usage};
  if (words.size() == 1)
    for (const auto& [name, kind] : groups)
      if (words.front() == name) {
        victims.kind = kind;
        if (kind == Kind::minority && nodes < 3)
          return Error{"a minority of " + std::to_string(nodes) + " nodes is nobody",
                       ErrorKind::usage};
        if (kind == Kind::followers && nodes < 2)
          return Error{"a single node has no followers", ErrorKind::usage};
        return victims;
      }
  std::vector<std::string> names;
  for (std::size_t i = 0; i < nodes; ++i) names.push_back("n" + std::to_string(i + 1));
  std::vector<std::string_view> candidates(names.begin(), names.end());
  if (words.size() == 1)
    for (const auto& [name, kind] : groups) candidates.push_back(name);
  victims.kind = Kind::named;
  for (const std::string& word : words) {
    const auto at = std::find(names.begin(), names.end(), word);
    if (at == names.end()) return unknown_component("victim", word, candidates);
    victims.named.push_back(static_cast<std::size_t>(at - names.begin()));
  }
  std::sort(victims.named.begin(), victims.named.end());
  if (std::adjacent_find(victims.named.begin(), victims.named.end()) != victims.named.end())
    return Error{"a node is named twice", ErrorKind::usage};
  return victims;
}

Result<std::vector<std::size_t>> resolve_victims(const Victims& victims, std::size_t nodes,
                                                 std::span<const std::size_t> leaders, Rng rng) {
  if (victims.needs_leader() && leaders.empty()) return Error{"no leader known"};
  switch (victims.kind) {
    case Kind::one:
      return draw(1, nodes, rng);
    case Kind::minority:
      return draw((nodes - 1) / 2, nodes, rng);
    case Kind::majority:
      return draw(nodes / 2 + 1, nodes, rng);
    case Kind::all:
      return draw(nodes, nodes, rng);
    case Kind::named:
      return victims.named;
    case Kind::leader:
      return std::vector<std::size_t>{leaders[static_cast<std::size_t>(rng.below(leaders.size()))]};
    case Kind::followers:
      break;
  }
  std::vector<std::size_t> followers;
  for (std::size_t i = 0; i < nodes; ++i)
    if (std::find(leaders.begin(), leaders.end(), i) == leaders.end()) followers.push_back(i);
  if (followers.empty()) return Error{"every node leads"};
  return followers;
}

}  // namespace faultline
