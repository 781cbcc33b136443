// In which order the versions of a key were, and which of them a read saw that did not find it.
#include <algorithm>

#include "checkers/transactional/predicate_rows.h"

namespace faultline::transactional {

// --- The order of the versions of a key ----------------------------------------------------------

void PredicateRows::order_keys() {
  std::vector<std::vector<Update>> updates(keys_.size());
  for (const RowRead& read : reads_) {
    const Key& key = keys_[read.key];
    if (read.seen == no_row || key.order.size() < 2) continue;
    const auto own = std::ranges::find(key.order, read.transaction,
                                       [&](RowVersionId v) { return versions_[v].writer; });
    if (own == key.order.end()) continue;
    if (!versions_[read.seen].is_last) continue;
    const RowVersionId before = read.seen == key.initial ? no_row : read.seen;
    updates[read.key].push_back({*own, before, &read});
  }
  for (KeyIndex k = 0; k < keys_.size(); ++k) {
    if (keys_[k].order.size() < 2) continue;
    note_lost_updates(updates[k]);
    order_key(keys_[k], updates[k]);
  }
}

/// Two that read one version by its key, and both changed it.
void PredicateRows::note_lost_updates(const std::vector<Update>& updates) {
  for (std::size_t i = 0; i < updates.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const Update &one = updates[j], &other = updates[i];
      if (one.version == other.version || one.read->seen != other.read->seen ||
          is_search(*one.read) || is_search(*other.read))
        continue;
      offences_.note({Anomaly::lost_update,
                      other.read->transaction,
                      one.read->transaction,
                      other.read->micro,
                      0,
                      one.read->key,
                      versions_[one.read->seen].value,
                      {}});
      return;
    }
}

/// If each but one at most was read of before the next, they stand in a row.
void PredicateRows::order_key(Key& key, const std::vector<Update>& updates) {
  const std::size_t count = key.order.size();
  const auto place = [&](RowVersionId v) {
    return static_cast<std::size_t>(std::ranges::find(key.order, v) - key.order.begin());
  };
  // What comes right before each: another's place, or `count`, the first version; or nothing.
  constexpr std::size_t unknown = ~std::size_t{0};
  std::vector<std::size_t> before(count, unknown), after(count + 1, unknown);
  bool is_row = true;
  for (const Update& update : updates) {
    std::size_t& at = before[place(update.version)];
    const std::size_t from = update.before == no_row ? count : place(update.before);
    is_row = is_row && (at == unknown || at == from);
    at = from;
  }
  // Of whom nothing is known comes first. Where two claim one place, one is not in the row.
  for (std::size_t v = 0; v < count; ++v) after[before[v] == unknown ? count : before[v]] = v;
  std::vector<RowVersionId> row;
  for (std::size_t v = is_row ? after[count] : unknown; v != unknown && row.size() <= count;
       v = after[v])
    row.push_back(key.order[v]);
  key.is_ordered = row.size() == count;
  if (key.is_ordered) {
    key.order = std::move(row);
    return;
  }
  key.by_end = key.order;
  std::ranges::sort(key.by_end, {},
                    [&](RowVersionId v) { return history_.end()[versions_[v].writer]; });
}

// --- What was seen that was not found ------------------------------------------------------------

PredicateRows::Span PredicateRows::span_of(const RowRead& read,
                                           std::span<const RowVersionId> order) const {
  const Key& key = keys_[read.key];
  Span span;
  const auto take = [&](std::size_t place) {
    const auto at = static_cast<std::uint32_t>(place);
    if (span.is_empty)
      span.low = at;
    else
      span.has_gap = span.has_gap || at > span.high + 1;
    span.high = at;
    span.is_empty = false;
  };
  if (key.initial == no_row || !fits(read, key.initial)) {
    // What was there at first is believed: who did not find it found something later.
    take(0);
  }
  for (std::size_t i = 0; i < order.size(); ++i)
    if (can_be(read, order[i])) take(i + 1);
  span.is_open = std::ranges::any_of(key.floating, [&](RowVersionId v) { return can_be(read, v); });
  return span;
}

std::vector<PredicateRows::Span> PredicateRows::parts_of(
    const RowRead& read, std::span<const RowVersionId> order) const {
  const Key& key = keys_[read.key];
  std::vector<Span> parts;
  const auto take = [&](std::size_t place) {
    const auto at = static_cast<std::uint32_t>(place);
    if (parts.empty() || parts.back().high + 1 != at)
      parts.push_back({at, at, false, false, false});
    else
      parts.back().high = at;
  };
  if (key.initial == no_row || !fits(read, key.initial)) take(0);
  for (std::size_t i = 0; i < order.size(); ++i)
    if (can_be(read, order[i])) take(i + 1);
  return parts;
}

std::optional<PredicateRows::Span> PredicateRows::part_at(const RowRead& read,
                                                          std::span<const RowVersionId> order,
                                                          std::uint32_t place) const {
  for (const Span& part : parts_of(read, order))
    if (part.low <= place && place <= part.high) return part;
  return std::nullopt;
}

/// One without gaps.
PredicateRows::Span PredicateRows::chosen(const RowRead& read, std::span<const RowVersionId> order,
                                          RowView view) const {
  const Span whole = span_of(read, order);
  if (!whole.has_gap) return whole;
  if (view == RowView::executed)
    if (const auto at = executed_.find(static_cast<std::uint32_t>(&read - reads_.data()));
        at != executed_.end())
      return at->second;
  const Key& key = keys_[read.key];
  const auto begins = history_.begin();
  const auto ends = history_.end();
  const Transaction t = read.transaction;
  const auto parts = parts_of(read, order);
  const auto is_too_late = [&](const Span& part) {
    return part.low > 0 && begins[writer_at(key, order, part.low)] > ends[t];
  };
  const auto is_too_early = [&](const Span& part) {
    return part.high < order.size() && ends[versions_[order[part.high]].writer] < begins[t];
  };
  const auto has_ended_after = [&](const Span& part) {
    return part.low > 0 && ends[writer_at(key, order, part.low)] > ends[t];
  };
  if (view == RowView::early) {
    for (const Span& part : parts)
      if (!is_too_early(part)) return part;
    return parts.back();
  }
  for (std::size_t i = parts.size(); i-- > 0;)
    if (!is_too_late(parts[i]) && (view == RowView::late || !has_ended_after(parts[i])))
      return parts[i];
  return parts.front();
}

void PredicateRows::count_open() {
  for (const Key& key : keys_) open_keys_ += key.is_ordered ? 0 : 1;
  for (const RowRead& read : reads_) {
    if (read.seen != no_row) continue;
    const Span span = span_of(read, keys_[read.key].order);
    open_reads_ += span.has_gap || span.is_open ? 1 : 0;
    is_torn_ = is_torn_ || span.is_empty;
  }
}

Graph PredicateDependencies::graph(const GraphOptions& options) const {
  const std::size_t count = transactions().size();
  return Graph::of(count, count, [&](auto visit) {
    // Which versions a transaction overwrote is known of what it read, and so forbids nothing
    // where reads are free.
    if (!options.only_certain_writes) rows_.each_edge(view_, visit);
    if (options.order == Order::process) each_process_edge(options.only_certain_writes, visit);
  });
}

}  // namespace faultline::transactional
