// How many infos of each class (same function, same arguments) a configuration of the search has
// let happen: counters, hash-consed to a number, because a long-lived key gathers thousands of
// infos and few configurations differ in them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

namespace faultline::linearizable {

using UsedId = std::uint32_t;
inline constexpr UsedId nothing_used = 0;

class UsedPool {
 public:
  UsedPool() { start(); }

  void clear() {
    if (sets_.size() > 1) start();
  }

  std::uint32_t count(UsedId id, std::uint32_t info_class) const {
    for (const Entry& entry : set_of(id))
      if (entry.first == info_class) return entry.second;
    return 0;
  }

  UsedId add(UsedId id, std::uint32_t info_class) {
    const std::uint64_t step = (static_cast<std::uint64_t>(id) << 32) | info_class;
    if (const auto known = next_.find(step); known != next_.end()) return known->second;
    const std::span<const Entry> set = set_of(id);
    scratch_.assign(set.begin(), set.end());
    auto at = std::lower_bound(scratch_.begin(), scratch_.end(), Entry{info_class, 0});
    if (at == scratch_.end() || at->first != info_class) at = scratch_.insert(at, {info_class, 0});
    ++at->second;
    const UsedId result = intern(scratch_);
    next_.emplace(step, result);
    return result;
  }

  /// Forgets a class that nothing depends on any more.
  UsedId without(UsedId id, std::uint32_t info_class) {
    if (count(id, info_class) == 0) return id;
    const std::span<const Entry> set = set_of(id);
    scratch_.assign(set.begin(), set.end());
    std::erase_if(scratch_, [&](const Entry& entry) { return entry.first == info_class; });
    return intern(scratch_);
  }

  /// a used no more of any class than b.
  bool at_most(UsedId a, UsedId b) const {
    if (a == b) return true;
    if (sets_[a].total >= sets_[b].total || (sets_[a].classes & ~sets_[b].classes) != 0)
      return false;
    const std::span<const Entry> left = set_of(a), right = set_of(b);
    auto r = right.begin();
    for (const Entry& entry : left) {
      while (r != right.end() && r->first < entry.first) ++r;
      if (r == right.end() || r->first != entry.first || r->second < entry.second) return false;
    }
    return true;
  }

  std::uint64_t total(UsedId id) const { return sets_[id].total; }

  std::size_t size() const { return sets_.size(); }
  /// At most, while one of the tables doubles.
  std::uint64_t bytes() const {
    return 3 * (entries_.size() * sizeof(Entry) + sets_.size() * sizeof(Set)) +
           table_.size() * 3 * sizeof(UsedId) + next_.size() * 56;
  }

  /// Keeps only what the configurations of these lists name, and renames it there.
  template <typename Configurations>
  void compact(const std::vector<Configurations*>& holders) {
    UsedPool fresh;
    boost::unordered_flat_map<UsedId, UsedId> renamed;
    for (Configurations* const configurations : holders)
      for (auto& configuration : *configurations) {
        const auto [at, first] = renamed.try_emplace(configuration.used, nothing_used);
        if (first) at->second = fresh.intern(set_of(configuration.used));
        configuration.used = at->second;
      }
    *this = std::move(fresh);
  }

 private:
  using Entry = std::pair<std::uint32_t, std::uint32_t>;  ///< Class, how many; ordered by class.
  struct Set {
    std::size_t begin = 0, size = 0;  ///< Where its entries are.
    std::uint64_t hash = 0, total = 0;
    std::uint64_t classes = 0;  ///< A bit for each, but several may share one.
  };

  void start() {
    entries_.clear();
    sets_.assign(1, Set{});
    table_.assign(64, nothing_used);
    next_.clear();
  }

  std::span<const Entry> set_of(UsedId id) const {
    return std::span(entries_).subspan(sets_[id].begin, sets_[id].size);
  }

  /// All but where it would be.
  static Set described(std::span<const Entry> entries) {
    Set set{.size = entries.size()};
    for (const auto& [info_class, count] : entries) {
      const std::uint64_t word = static_cast<std::uint64_t>(info_class) << 32 | count;
      set.hash = (set.hash ^ word) * 0x9e3779b97f4a7c15ull;
      set.hash ^= set.hash >> 29;
      set.total += count;
      set.classes |= std::uint64_t{1} << info_class % 64;
    }
    return set;
  }

  /// Where these entries are, or would be; none at all are in no table.
  UsedId& probe(const Set& set, std::span<const Entry> entries) {
    const std::size_t last = table_.size() - 1;
    std::size_t at = set.hash & last;
    while (table_[at] != nothing_used &&
           !(sets_[table_[at]].hash == set.hash && std::ranges::equal(set_of(table_[at]), entries)))
      at = (at + 1) & last;
    return table_[at];
  }

  /// `entries` are no part of `entries_`.
  UsedId intern(std::span<const Entry> entries) {
    if (entries.empty()) return nothing_used;
    if (2 * sets_.size() > table_.size()) {
      table_.assign(2 * table_.size(), nothing_used);
      for (UsedId id = 1; id < sets_.size(); ++id) probe(sets_[id], set_of(id)) = id;
    }
    Set set = described(entries);
    UsedId& place = probe(set, entries);
    if (place == nothing_used) {
      place = static_cast<UsedId>(sets_.size());
      set.begin = entries_.size();
      sets_.push_back(set);
      entries_.insert(entries_.end(), entries.begin(), entries.end());
    }
    return place;
  }

  std::vector<Entry> entries_;                             ///< Of all sets, one after the other.
  std::vector<Set> sets_;                                  ///< By id.
  std::vector<UsedId> table_;                              ///< By hash; at most half full.
  boost::unordered_flat_map<std::uint64_t, UsedId> next_;  ///< By id and class: what add() gives.
  std::vector<Entry> scratch_;
};

}  // namespace faultline::linearizable
