// How many infos of each class (same function, same arguments) a configuration of the search has
// let happen: counters, hash-consed to a number, because a long-lived key gathers thousands of
// infos and few configurations differ in them.
#pragma once

#include <algorithm>
#include <array>
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
      if (entry.info_class == info_class) return entry.count;
    return 0;
  }

  UsedId add(UsedId id, std::uint32_t info_class) {
    const std::uint64_t step = (static_cast<std::uint64_t>(id) << 32) | info_class;
    if (const auto known = next_.find(step); known != next_.end()) return known->second;
    const std::span<const Entry> set = set_of(id);
    scratch_.assign(set.begin(), set.end());
    auto at = std::ranges::lower_bound(scratch_, info_class, {}, &Entry::info_class);
    if (at == scratch_.end() || at->info_class != info_class)
      at = scratch_.insert(at, {info_class, 0});
    ++at->count;
    Set grown = sets_[id];
    grown.size = static_cast<std::uint32_t>(scratch_.size());
    grown.count_in(info_class, 1);
    const UsedId result = intern(grown, scratch_);
    next_.emplace(step, result);
    return result;
  }

  /// Forgets a class that nothing depends on any more.
  UsedId without(UsedId id, std::uint32_t info_class) {
    if (count(id, info_class) == 0) return id;
    const std::span<const Entry> set = set_of(id);
    scratch_.assign(set.begin(), set.end());
    std::erase_if(scratch_, [&](const Entry& entry) { return entry.info_class == info_class; });
    return intern(described(scratch_), scratch_);
  }

  /// a used no more of any class than b.
  bool at_most(UsedId a, UsedId b) const {
    if (a == b) return true;
    const Set& less = sets_[a];
    const Set& more = sets_[b];
    if (less.total >= more.total) return false;
    // A group that has more borrows from the bit above it.
    std::uint64_t none_more = tops;
    for (std::size_t w = 0; w < words; ++w)
      none_more &= (more.by_group[w] | tops) - less.by_group[w];
    if (none_more != tops) return false;
    if (less.groups_tell_all && more.groups_tell_all) return true;
    const std::span<const Entry> left = set_of(a), right = set_of(b);
    auto r = right.begin();
    for (const Entry& entry : left) {
      while (r != right.end() && r->info_class < entry.info_class) ++r;
      if (r == right.end() || r->info_class != entry.info_class || r->count < entry.count)
        return false;
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
        if (first) at->second = fresh.intern(sets_[configuration.used], set_of(configuration.used));
        configuration.used = at->second;
      }
    *this = std::move(fresh);
  }

 private:
  struct Entry {
    std::uint32_t info_class, count;
    bool operator==(const Entry&) const = default;
  };
  /// Groups of classes that are congruent modulo their number: a byte for each.
  static constexpr std::size_t words = 4, groups = 8 * words;
  static constexpr std::uint64_t tops = 0x8080808080808080ull, group_max = 127;

  struct Set {
    std::size_t begin = 0;        ///< Where its entries are,
    std::uint32_t size = 0;       ///< and how many.
    bool groups_tell_all = true;  ///< No group has two classes, or more than it can count.
    std::uint64_t total = 0;
    std::uint64_t hash = 0;  ///< A sum over the entries, so that one more costs no look at them.
    std::array<std::uint64_t, words> by_group{};  ///< How many in all; group_max: or more.

    void count_in(std::uint32_t info_class, std::uint32_t count) {
      std::uint64_t of_class = (info_class + std::uint64_t{1}) * 0x9e3779b97f4a7c15ull;
      of_class = (of_class ^ of_class >> 29) * 0xbf58476d1ce4e5b9ull;
      hash += (of_class ^ of_class >> 32) * count;
      total += count;
      const unsigned shift = info_class % 8 * 8;
      std::uint64_t& word = by_group[info_class % groups / 8];
      const std::uint64_t there = word >> shift & group_max;
      groups_tell_all = groups_tell_all && info_class < groups && there + count < group_max;
      word += (std::min(group_max, there + count) - there) << shift;
    }
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
    Set set;
    set.size = static_cast<std::uint32_t>(entries.size());
    for (const auto& [info_class, count] : entries) set.count_in(info_class, count);
    return set;
  }

  /// Where these entries are, or would be; none at all are in no table.
  UsedId& probe(const Set& set, std::span<const Entry> entries) {
    const std::size_t last = table_.size() - 1;
    std::size_t at = (set.hash * 0x9e3779b97f4a7c15ull >> 32) & last;
    while (table_[at] != nothing_used &&
           !(sets_[table_[at]].hash == set.hash && std::ranges::equal(set_of(table_[at]), entries)))
      at = (at + 1) & last;
    return table_[at];
  }

  /// `set` describes the `entries`, which are no part of `entries_`.
  UsedId intern(Set set, std::span<const Entry> entries) {
    if (entries.empty()) return nothing_used;
    if (2 * sets_.size() > table_.size()) {
      table_.assign(2 * table_.size(), nothing_used);
      for (UsedId id = 1; id < sets_.size(); ++id) probe(sets_[id], set_of(id)) = id;
    }
    UsedId& place = probe(set, entries);
    if (place == nothing_used) {
      place = static_cast<UsedId>(sets_.size());
      set.begin = entries_.size();
      sets_.push_back(set);
      entries_.insert(entries_.end(), entries.begin(), entries.end());
    }
    return place;
  }

  std::vector<Entry> entries_;  ///< Of all sets, one after the other; ordered by class.
  std::vector<Set> sets_;       ///< By id.
  std::vector<UsedId> table_;   ///< By hash; at most half full.
  boost::unordered_flat_map<std::uint64_t, UsedId> next_;  ///< By id and class: what add() gives.
  std::vector<Entry> scratch_;
};

}  // namespace faultline::linearizable
