// How many infos of each class (same function, same arguments) a configuration of the search has
// let happen: counters, hash-consed to a number, because a long-lived key gathers thousands of
// infos and few configurations differ in them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

namespace faultline::linearizable {

using UsedId = std::uint32_t;
inline constexpr UsedId nothing_used = 0;

class UsedPool {
 public:
  UsedPool() : sets_(1) { ids_.emplace(std::vector<Entry>{}, nothing_used); }

  void clear() {
    if (sets_.size() == 1) return;
    sets_.assign(1, {});
    ids_.clear();
    ids_.emplace(std::vector<Entry>{}, nothing_used);
    next_.clear();
    entries_ = 0;
  }

  std::uint32_t count(UsedId id, std::uint32_t info_class) const {
    for (const Entry& entry : sets_[id])
      if (entry.first == info_class) return entry.second;
    return 0;
  }

  UsedId add(UsedId id, std::uint32_t info_class) {
    const std::uint64_t step = (static_cast<std::uint64_t>(id) << 32) | info_class;
    if (const auto known = next_.find(step); known != next_.end()) return known->second;
    std::vector<Entry> set = sets_[id];
    const auto at = std::lower_bound(set.begin(), set.end(), Entry{info_class, 0});
    if (at != set.end() && at->first == info_class) {
      ++at->second;
    } else {
      set.insert(at, {info_class, 1});
    }
    const UsedId result = intern(std::move(set));
    next_.emplace(step, result);
    return result;
  }

  /// Forgets a class that nothing depends on any more.
  UsedId without(UsedId id, std::uint32_t info_class) {
    if (count(id, info_class) == 0) return id;
    std::vector<Entry> set = sets_[id];
    std::erase_if(set, [&](const Entry& entry) { return entry.first == info_class; });
    return intern(std::move(set));
  }

  /// a used no more of any class than b.
  bool at_most(UsedId a, UsedId b) const {
    if (a == b || a == nothing_used) return true;
    if (b == nothing_used) return false;
    const auto& left = sets_[a];
    const auto& right = sets_[b];
    if (left.size() > right.size()) return false;
    auto r = right.begin();
    for (const Entry& entry : left) {
      while (r != right.end() && r->first < entry.first) ++r;
      if (r == right.end() || r->first != entry.first || r->second < entry.second) return false;
    }
    return true;
  }

  std::uint64_t total(UsedId id) const {
    std::uint64_t sum = 0;
    for (const Entry& entry : sets_[id]) sum += entry.second;
    return sum;
  }

  std::size_t size() const { return sets_.size(); }
  std::uint64_t bytes() const {
    return entries_ * 2 * sizeof(Entry) + sets_.size() * 112 + next_.size() * 48;
  }

  /// Keeps only what the configurations of these lists name, and renames it there.
  template <typename Configurations>
  void compact(const std::vector<Configurations*>& holders) {
    UsedPool fresh;
    std::unordered_map<UsedId, UsedId> renamed;
    for (Configurations* const configurations : holders)
      for (auto& configuration : *configurations) {
        const auto [at, first] = renamed.try_emplace(configuration.used, nothing_used);
        if (first) at->second = fresh.intern(std::vector<Entry>(sets_[configuration.used]));
        configuration.used = at->second;
      }
    *this = std::move(fresh);
  }

 private:
  using Entry = std::pair<std::uint32_t, std::uint32_t>;  ///< Class, how many; ordered by class.

  UsedId intern(std::vector<Entry> set) {
    const auto [at, fresh] = ids_.try_emplace(set, static_cast<UsedId>(sets_.size()));
    if (fresh) {
      entries_ += set.size();
      sets_.push_back(std::move(set));
    }
    return at->second;
  }

  std::vector<std::vector<Entry>> sets_;
  std::map<std::vector<Entry>, UsedId> ids_;
  std::unordered_map<std::uint64_t, UsedId> next_;
  std::uint64_t entries_ = 0;
};

}  // namespace faultline::linearizable
