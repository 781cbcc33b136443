#include "harness/run/victims.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "harness/core/catalogue.h"

namespace faultline {
namespace {

constexpr std::array<std::pair<std::string_view, Victims::Kind>, 6> groups = {
    {{"one", Victims::Kind::one},
     {"minority", Victims::Kind::minority},
     {"majority", Victims::Kind::majority},
     {"all", Victims::Kind::all},
     {"leader", Victims::Kind::leader},
     {"followers", Victims::Kind::followers}}};

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

/// "clients", "c1", "c2" …
bool names_client(std::string_view word) {
  return word == "clients" || (word.size() > 1 && word.front() == 'c' &&
                               word.find_first_not_of("0123456789", 1) == word.npos);
}

}  // namespace

Result<Victims> parse_victims(const std::vector<std::string>& words, Candidates candidates) {
  const std::size_t count = candidates.count;
  const std::string what = candidates.clients ? "client machine" : "node";
  Victims victims;
  if (words.empty()) return Error{"expected a group or a list of " + what + "s", ErrorKind::usage};
  if (words.size() == 1)
    for (const auto& [name, kind] : groups)
      if (words.front() == name) {
        victims.kind = kind;
        if (candidates.clients && victims.needs_leader())
          return Error{words.front() +
                           ": client machines have no roles; expected one, minority, "
                           "majority, all, or names like c1",
                       ErrorKind::usage};
        if (kind == Victims::Kind::minority && count < 3)
          return Error{"a minority of " + std::to_string(count) + " " + what + "s is nobody",
                       ErrorKind::usage};
        if (kind == Victims::Kind::followers && count < 2)
          return Error{"a single node has no followers", ErrorKind::usage};
        return victims;
      }
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i)
    names.push_back((candidates.clients ? "c" : "n") + std::to_string(i + 1));
  std::vector<std::string_view> known(names.begin(), names.end());
  if (words.size() == 1)
    for (const auto& [name, kind] : groups) known.push_back(name);
  victims.kind = Victims::Kind::named;
  for (const std::string& word : words) {
    if (!candidates.spares_clients.empty() && names_client(word))
      return Error{"unknown victim \"" + word + "\": " + std::string(candidates.spares_clients),
                   ErrorKind::usage};
    const auto at = std::find(names.begin(), names.end(), word);
    if (at == names.end()) return unknown_component("victim", word, known);
    victims.named.push_back(static_cast<std::size_t>(at - names.begin()));
  }
  std::sort(victims.named.begin(), victims.named.end());
  if (std::adjacent_find(victims.named.begin(), victims.named.end()) != victims.named.end())
    return Error{"a " + what + " is named twice", ErrorKind::usage};
  return victims;
}

Result<std::vector<std::size_t>> resolve_victims(const Victims& victims, std::size_t count,
                                                 std::span<const std::size_t> leaders, Rng rng) {
  if (victims.needs_leader() && leaders.empty()) return Error{"no leader known"};
  switch (victims.kind) {
    case Victims::Kind::one:
      return draw(1, count, rng);
    case Victims::Kind::minority:
      return draw((count - 1) / 2, count, rng);
    case Victims::Kind::majority:
      return draw(count / 2 + 1, count, rng);
    case Victims::Kind::all:
      return draw(count, count, rng);
    case Victims::Kind::named:
      return victims.named;
    case Victims::Kind::leader:
      return std::vector<std::size_t>{leaders[static_cast<std::size_t>(rng.below(leaders.size()))]};
    case Victims::Kind::followers:
      break;
  }
  std::vector<std::size_t> followers;
  for (std::size_t i = 0; i < count; ++i)
    if (std::find(leaders.begin(), leaders.end(), i) == leaders.end()) followers.push_back(i);
  if (followers.empty()) return Error{"every node leads"};
  return followers;
}

}  // namespace faultline
