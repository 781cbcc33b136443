// What the answer of one transaction proves by itself, and what it adds to the lists.
#include <algorithm>
#include <cstring>

#include <boost/unordered/unordered_flat_set.hpp>

#include "checkers/transactional/online_lists.h"

namespace faultline::transactional {

OnlineLists::Knowledge& OnlineLists::knowledge_of(Transaction t, Key& key) {
  if (key.looked_at_by != t) {
    key.looked_at_by = t;
    key.knowledge = static_cast<std::uint32_t>(knowledge_.size());
    knowledge_.emplace_back();
  }
  return knowledge_[key.knowledge];
}

void OnlineLists::look_at_append(Transaction t, KeyIndex k, AppendId append) {
  Key& key = keys_[k];
  Knowledge& known = knowledge_of(t, key);
  ++known.own;
  known.last_own = append;
  if (is_contradicted_) return;
  if (added_[append].place < known.greatest) note(Anomaly::future_read);
  if (std::exchange(known.has_appended, true) || known.version == none) return;
  Transaction& updater = key.places[known.version].updater;
  if (updater == nobody)
    updater = t;
  else
    note(Anomaly::lost_update);
}

/// What it saw before, and then what it appended since.
bool OnlineLists::is_expected(const Knowledge& before, std::span<const ValueHandle> items) const {
  if (before.has_read && (items.size() != before.seen.size() + before.own ||
                          !std::ranges::equal(before.seen, items.first(before.seen.size()))))
    return false;
  if (items.size() < before.own) return false;
  AppendId append = before.last_own;
  for (std::size_t i = 0; i < before.own; ++i, append = added_[append].previous)
    if (items[items.size() - 1 - i] != added_[append].element) return false;
  return true;
}

void OnlineLists::look_at_read(Transaction t, const OnlineMicro& micro) {
  Key& key = key_at(micro.key);
  const std::uint32_t version = place_read(t, micro);
  Knowledge& known = knowledge_of(t, key);
  if (version != none) {
    known.greatest = std::max(known.greatest, version);
    // Who reads what it writes only later (future-read) loses nothing by that.
    const AppendId last = version == 0 ? no_append : key.places[version - 1].append;
    const bool is_own = last < repeated && added_[last].by == t;
    if (known.version == none && !is_own) known.version = version;
    link_read(t, key, version);
  }
  if ((known.has_read || known.own > 0) && !is_expected(known, micro.items))
    note(Anomaly::internal);
  known.seen = micro.items;
  known.has_read = true;
  known.own = 0;
}

/// How long the list is, if it fits the longest one; none.
std::uint32_t OnlineLists::place_read(Transaction t, const OnlineMicro& micro) {
  Key& key = keys_[micro.key];
  const auto items = micro.items;
  const std::size_t size = key.longest.size(), common = std::min(items.size(), size);
  // The earliest of those that read the longest list is who read it, as for Lists.
  const bool is_longest = items.size() > size || (items.size() == size && t < key.longest_reader);
  if (common > 0 &&
      std::memcmp(items.data(), key.longest.data(), common * sizeof(ValueHandle)) != 0) {
    note(Anomaly::incompatible_order);
    look_into(micro.key, items);
    if (is_longest) contradict(key, items);
    if (is_longest) key.longest_reader = t;
    return none;
  }
  if (is_longest) key.longest_reader = t;
  if (items.size() > size) extend(micro.key, items);
  if (is_contradicted_) return none;
  const auto version = static_cast<std::uint32_t>(items.size());
  if (key.first_failed < version) note(Anomaly::G1a);
  return version;
}

void OnlineLists::extend(KeyIndex k, std::span<const ValueHandle> items) {
  Key& key = keys_[k];
  if (is_contradicted_) {
    look_into(k, items);
    key.longest.assign(items.begin(), items.end());
    return;
  }
  place_bytes_ -=
      key.longest.capacity() * sizeof(ValueHandle) + key.places.capacity() * sizeof(Place);
  for (auto at = static_cast<std::uint32_t>(key.longest.size()); at < items.size(); ++at) {
    const ValueHandle element = items[at];
    AppendId append = find(k, element);
    key.longest.push_back(element);
    key.places.emplace_back();
    if (append == no_append) {
      // It may have been met before, in a list that has no places.
      std::uint32_t& place = unborn_.try_emplace({element.bits(), k}, none).first->second;
      append = place == none ? unborn_append : repeated;
      if (place == none) place = at;
    } else if (added_[append].place != none) {
      append = repeated;
    }
    key.places[at].append = append;
    if (append == unborn_append) continue;
    if (append == repeated) {
      note(Anomaly::duplicate_elements);
      release(key.places[at].readers_before, [](Transaction) {});
      continue;
    }
    added_[append].place = at;
    if (is_settled(key.places[at])) settle(k, at, false);
  }
  place_bytes_ +=
      key.longest.capacity() * sizeof(ValueHandle) + key.places.capacity() * sizeof(Place);
  advance(k);
}

/// Of a list that has no places: what it holds, looked at by itself.
void OnlineLists::look_into(KeyIndex k, std::span<const ValueHandle> items) {
  boost::unordered_flat_set<std::uint64_t> seen;
  bool is_twice = false, has_failed = false;
  for (const ValueHandle item : items) {
    is_twice = !seen.insert(item.bits()).second || is_twice;
    const AppendId append = find(k, item);
    if (append == no_append)
      unborn_.try_emplace({item.bits(), k}, none);
    else
      has_failed = facts_[added_[append].by].state == State::failed || has_failed;
  }
  if (is_twice) note(Anomaly::duplicate_elements);
  if (has_failed) note(Anomaly::G1a);
}

/// A longer list that is no longer version of the longest: what followed from that is void.
void OnlineLists::contradict(Key& key, std::span<const ValueHandle> items) {
  key.longest.assign(items.begin(), items.end());
  if (std::exchange(is_contradicted_, true)) return;
  facts_.forget_order();
  waiting_ = {};
  place_bytes_ = 0;
  for (Key& one : keys_) one.places = {};
}

}  // namespace faultline::transactional
