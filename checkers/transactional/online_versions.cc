#include "checkers/transactional/online_versions.h"

#include <algorithm>
#include <utility>

#include "checkers/transactional/components.h"

namespace faultline::transactional {

void OnlineVersions::note_key(KeyIndex key) {
  if (key >= keys_.size()) keys_.resize(key + 1);
}

void OnlineVersions::add(Transaction by, KeyIndex key) {
  note_key(key);
  const auto self = static_cast<OnlineVersion>(versions_.size());
  const OnlineVersion before = std::exchange(keys_[key].last_write, self);
  if (before != none && versions_[before].by == by) versions_[before].is_last = false;
  Fact& fact = versions_.emplace_back();
  fact.key = key;
  fact.by = by;
}

// --- What comes after what -----------------------------------------------------------------------

/// Null: there is no room for it.
OnlineVersions::After* OnlineVersions::cell_of(OnlineVersion before, OnlineVersion after) {
  Order& order = order_of(before);
  if (order.group != none) return nullptr;
  unsigned count = 0;
  for (std::uint32_t at = order.after; at != none; at = after_[at].next, ++count)
    if (after_[at].version == after) return &after_[at];
  if (count == after_max) return nullptr;
  after_.push_back({after, order.after, 0});
  order.after = static_cast<std::uint32_t>(after_.size() - 1);
  return &after_.back();
}

/// `is_tied`: their writers depend on each other in any case. What is certain needs no order.
void OnlineVersions::relate(OnlineVersion before, OnlineVersion after, std::uint8_t why,
                            bool is_tied) {
  After* cell = cell_of(before, after);
  if (cell == nullptr) {
    if (why == depends || why == inferred) add_to_group(before, after);
    return;
  }
  const std::uint8_t known = std::exchange(cell->why, cell->why | why);
  const bool was_certain = (known & (depends | inferred)) != 0;
  if (why == inferred && (known & inferred) == 0 && !is_initial(before))
    facts_.tie(writer(before), writer(after), Bond::inferred);
  if (was_certain || (known & why) != 0) return;
  if (why == by_process)
    tie(before, after, Bond::inferred_process, Bond::rw_process, is_tied);
  else if (why == by_realtime)
    tie(before, after, Bond::inferred_realtime, Bond::rw_realtime, is_tied);
  else
    tie(before, after, Bond::inferred, Bond::rw, true);
}

bool OnlineVersions::writes(Transaction t, KeyIndex key) const {
  bool found = false;
  each_last(t, [&](OnlineVersion v) { found = found || key_of(v) == key; });
  return found;
}

/// Who read it and is known to, wrote none of those that come from now on.
void OnlineVersions::add_to_group(OnlineVersion before, OnlineVersion after) {
  Order& order = order_of(before);
  if (order.group == none) {
    order.group = facts_.add_group();
    for (std::uint32_t at = order.readers; at != none; at = readers_[at].next)
      facts_.tie_to_group(readers_[at].transaction, order.group);
  }
  facts_.tie_from_group(order.group, writer(after));
}

void OnlineVersions::tie(OnlineVersion before, OnlineVersion after, Bond inferred_as, Bond rw,
                         bool is_tied) {
  const Transaction by = writer(after);
  if (!is_tied) facts_.tie(writer(before), by, inferred_as);
  for (std::uint32_t at = order_of(before).readers; at != none; at = readers_[at].next)
    facts_.tie(readers_[at].transaction, by, rw);
}

void OnlineVersions::note_reader(OnlineVersion v, Transaction reader) {
  Order& order = order_of(v);
  readers_.push_back({reader, order.readers});
  order.readers = static_cast<std::uint32_t>(readers_.size() - 1);
  if (order.group != none && !writes(reader, key_of(v))) facts_.tie_to_group(reader, order.group);
  for (std::uint32_t at = order.after; at != none; at = after_[at].next) {
    const After& cell = after_[at];
    const Transaction by = writer(cell.version);
    if ((cell.why & (depends | inferred)) != 0) {
      facts_.tie(reader, by, Bond::rw);
      continue;
    }
    if ((cell.why & by_process) != 0) facts_.tie(reader, by, Bond::rw_process);
    if ((cell.why & by_realtime) != 0) facts_.tie(reader, by, Bond::rw_realtime);
  }
}

Transaction OnlineVersions::exchange_updater(OnlineVersion v, Transaction by) {
  return std::exchange(order_of(v).updater, by);
}

// --- By the order of a process -------------------------------------------------------------------

void OnlineVersions::meet_in_process(Transaction t, std::span<const OnlineVersion> met) {
  for (const OnlineVersion v : met) {
    Key& key = keys_[key_of(v)];
    if (std::exchange(key.looked_at_by, t) != t) key.entry = key.exit = v;
    if (writer(key.exit) != t) key.exit = v;
  }
  for (const OnlineVersion v : met) {
    Key& key = keys_[key_of(v)];
    const std::uint64_t where = std::uint64_t{facts_[t].process} << 32 | key_of(v);
    const auto [at, is_new] = last_met_.try_emplace(where, key.entry);
    const OnlineVersion before = std::exchange(at->second, key.exit);
    if (!is_new && before != key.entry && before != key.exit)
      relate(before, key.entry, by_process, writer(key.entry) == t);
  }
}

// --- By the order of real time -------------------------------------------------------------------

void OnlineVersions::meet(OnlineVersion v, Transaction by) {
  const OnlineFacts::Fact& who = facts_[by];
  const Fact before = versions_[v];
  const std::uint32_t end = who.state == OnlineFacts::State::ok ? who.end + 1 : open;
  const std::uint32_t first_end = std::min(before.first_end, end);
  const std::uint32_t last_begin = std::max(before.last_begin, who.begin + 1);
  if (first_end == before.first_end && last_begin == before.last_begin) return;
  place(v, first_end, last_begin);
  if (last_begin != before.last_begin) relate_to_earlier(v, before.last_begin);
  if (first_end != before.first_end) relate_to_later(v, before.first_end);
}

/// Where it belongs among those of its key. Mostly that is near the end.
void OnlineVersions::place(OnlineVersion v, std::uint32_t first_end, std::uint32_t last_begin) {
  Fact& fact = versions_[v];
  std::vector<Zone>& zones = keys_[fact.key].zones;
  zone_bytes_ -= zones.capacity() * sizeof(Zone);
  const auto find = [&](std::uint32_t end) {
    return std::ranges::lower_bound(zones, end, {}, &Zone::first_end);
  };
  auto changed = find(fact.first_end);
  if (std::exchange(fact.last_begin, last_begin) == 0) {
    changed = zones.insert(find(first_end), {first_end, 0, v});
  } else {
    while (changed->version != v) ++changed;
    if (fact.first_end != first_end) {
      zones.erase(changed);
      changed = zones.insert(find(first_end), {first_end, 0, v});
    }
  }
  fact.first_end = first_end;
  std::uint32_t latest = changed == zones.begin() ? 0 : std::prev(changed)->latest;
  for (auto at = changed; at != zones.end(); ++at) {
    latest = std::max(latest, versions_[at->version].last_begin);
    if (at != changed && at->latest == latest) break;
    at->latest = latest;
  }
  zone_bytes_ += zones.capacity() * sizeof(Zone);
}

/// Those that all who met had been met before somebody met this one. Of them only what is before no
/// other of them, and not what ended before `known_before`: that is known.
void OnlineVersions::relate_to_earlier(OnlineVersion v, std::uint32_t known_before) {
  const Fact& self = versions_[v];
  const std::vector<Zone>& zones = keys_[self.key].zones;
  const std::uint32_t begin = facts_[self.by].begin + 1;
  std::uint32_t latest = known_before;
  for (auto at = std::ranges::lower_bound(zones, self.last_begin, {}, &Zone::first_end);
       at != zones.begin();) {
    --at;
    if (at->first_end < latest) break;
    if (at->version == v) continue;
    relate(at->version, v, by_realtime, at->first_end < begin);
    latest = std::max(latest, versions_[at->version].last_begin);
  }
}

/// The other way round; there are such only where this one was told of late, as its reader had to
/// wait for somebody. Those that were met last before `known_after` are new.
void OnlineVersions::relate_to_later(OnlineVersion v, std::uint32_t known_after) {
  const Fact& self = versions_[v];
  const std::vector<Zone>& zones = keys_[self.key].zones;
  later_.clear();
  for (auto at = zones.end(); at != zones.begin();) {
    --at;
    if (at->latest < self.first_end) break;
    const std::uint32_t met = versions_[at->version].last_begin;
    if (at->version != v && met > self.first_end && met < known_after)
      later_.push_back(at->version);
  }
  const auto last_begin = [this](OnlineVersion one) { return versions_[one].last_begin; };
  std::ranges::sort(later_, {}, last_begin);
  std::uint32_t earliest = open;
  for (const OnlineVersion one : later_) {
    const Fact& other = versions_[one];
    if (other.last_begin > earliest) break;
    relate(v, one, by_realtime, self.first_end < facts_[other.by].begin + 1);
    earliest = std::min(earliest, other.first_end);
  }
}

// --- Cycles --------------------------------------------------------------------------------------

void OnlineVersions::count_cycles(std::span<const Transaction> members,
                                  std::vector<std::uint64_t>& counts, Meter& meter) const {
  std::vector<OnlineVersion> all;
  boost::unordered_flat_map<OnlineVersion, Node> place;
  for (const Transaction t : members)
    each_last(t, [&](OnlineVersion v) {
      place.emplace(v, static_cast<Node>(all.size()));
      all.push_back(v);
    });
  using Plain = Any<bit_of(Edge::ww)>;
  constexpr std::pair<std::uint8_t, Anomaly> orders[] = {
      {depends, Anomaly::cyclic_versions},
      {depends | by_process, Anomaly::cyclic_versions_process},
      {depends | by_realtime, Anomaly::cyclic_versions_realtime}};
  for (const auto& [why, anomaly] : orders) {
    const Graph graph = Graph::of(all.size(), all.size(), [&](auto visit) {
      for (Node n = 0; n < all.size(); ++n)
        for (std::uint32_t at = order_of(all[n]).after; at != none; at = after_[at].next)
          if ((after_[at].why & why) != 0)
            if (const auto to = place.find(after_[at].version); to != place.end())
              visit(n, to->second, Edge::ww);
    });
    const Components<Plain> parts(graph, meter);
    if (parts.acyclic()) continue;
    std::vector<bool> counted(all.size(), false);
    for (Node n = 0; n < all.size(); ++n) {
      const auto part = parts.of(n);
      if (!parts.is_cyclic(part) || counted[part]) continue;
      counted[part] = true;
      ++counts[static_cast<std::size_t>(anomaly)];
    }
    return;
  }
}

std::uint64_t OnlineVersions::bytes() const {
  return versions_.capacity() * sizeof(Fact) + keys_.capacity() * sizeof(Key) + zone_bytes_ +
         readers_.capacity() * sizeof(Reader) + after_.capacity() * sizeof(After) +
         last_met_.bucket_count() * 16;
}

}  // namespace faultline::transactional
