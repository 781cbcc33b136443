#include "checkers/transactional/lists.h"

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "checkers/transactional/lost_updates.h"

namespace faultline::transactional {

Lists::Lists(const Transactions& transactions, const Elements& elements)
    : transactions_(transactions),
      longest_(transactions.key_count()),
      first_failed_(transactions.key_count(), not_there),
      first_garbage_(transactions.key_count(), not_there) {
  find_longest();
  place_elements(elements);
  if (!unsupported_.empty()) return;
  commit();
  note_own_order();
  mark_last();
  place_reads(elements);
  note_lost_updates(
      transactions_, order_.size() + longest_.size(),
      [this](std::uint64_t micro) {
        const KeyIndex key = transactions_.micro()[micro].key;
        return versions_[micro] == not_there ? order_.size() + longest_.size()
                                             : begins_[key] + key + versions_[micro];
      },
      offences_);
  note_dirty_updates();
  collect_unobserved();
}

void Lists::find_longest() {
  std::uint64_t micro = 0;
  for (Transaction t = 0; t < transactions_.size(); ++t)
    for (const MicroOperation& m : transactions_.of(t)) {
      const std::uint64_t self = micro++;
      if (m.is_append() || transactions_.fate(t) != Fate::ok) continue;
      Longest& longest = longest_[m.key];
      const std::size_t size = transactions_.list(m).size();
      if (longest.transaction != nobody && size <= longest.size) continue;
      longest = {m.value, size, self, t};
    }
}

void Lists::place_elements(const Elements& elements) {
  positions_.assign(transactions_.appends().size(), not_there);
  begins_.push_back(0);
  for (KeyIndex k = 0; k < longest_.size(); ++k)
    begins_.push_back(begins_.back() + longest_[k].size);
  order_.assign(begins_.back(), no_append);
  const ValuePool& pool = transactions_.history().values();
  for (KeyIndex k = 0; k < longest_.size(); ++k) {
    const Longest& longest = longest_[k];
    if (longest.size == 0) continue;
    const auto items = pool.items(longest.list);
    for (std::uint32_t i = 0; i < items.size(); ++i) {
      if (items[i].is_compound()) {
        unsupported_ = "key " + transactions_.key_text(k) + " holds the element " +
                       pool.to_text(items[i]) + "; expected numbers and texts";
        return;
      }
      const AppendId append = elements.find(k, items[i]);
      if (append == no_append) {
        first_garbage_[k] = std::min(first_garbage_[k], i);
      } else if (positions_[append] != not_there) {
        offences_.note({Anomaly::duplicate_elements, longest.transaction, nobody, longest.micro, 0,
                        k, items[i]});
      } else {
        positions_[append] = i;
        order_[begins_[k] + i] = append;
        if (transactions_.fate(transactions_.appends()[append].transaction) == Fate::fail)
          first_failed_[k] = std::min(first_failed_[k], i);
      }
    }
  }
}

void Lists::commit() {
  committed_.assign(transactions_.size(), 0);
  for (Transaction t = 0; t < transactions_.size(); ++t)
    committed_[t] = transactions_.fate(t) == Fate::ok;
  for (const AppendId append : order_) {
    if (append == no_append) continue;
    const Transaction t = transactions_.appends()[append].transaction;
    if (transactions_.fate(t) == Fate::info) committed_[t] = 1;
  }
}

/// A transaction's appends to a key must stand there in the order in which it made them.
void Lists::note_own_order() {
  struct Seen {
    Transaction transaction = nobody;
    std::uint32_t position = 0;
  };
  std::vector<Seen> seen(transactions_.key_count());
  const auto appends = transactions_.appends();
  for (AppendId a = 0; a < appends.size(); ++a) {
    const auto& [element, key, t] = appends[a];
    if (!is_committed(t)) continue;
    Seen& before = seen[key];
    // What nobody read comes after all that somebody did.
    if (before.transaction == t && before.position > positions_[a])
      offences_.note({Anomaly::internal, longest_[key].transaction, t, longest_[key].micro,
                      longest_[key].micro, key, element});
    before = {t, positions_[a]};
  }
}

void Lists::mark_last() {
  is_last_.assign(transactions_.appends().size(), 0);
  std::vector<Transaction> seen(transactions_.key_count(), nobody);
  const auto appends = transactions_.appends();
  for (std::size_t a = appends.size(); a-- > 0;) {
    const Append& append = appends[a];
    if (seen[append.key] == append.transaction) continue;
    seen[append.key] = append.transaction;
    is_last_[a] = 1;
  }
}

bool Lists::is_prefix(std::uint64_t micro) const {
  const MicroOperation& read = transactions_.micro()[micro];
  const auto items = transactions_.list(read);
  if (items.empty()) return true;
  return std::memcmp(items.data(),
                     transactions_.history().values().items(longest_[read.key].list).data(),
                     items.size_bytes()) == 0;
}

namespace {

/// What a transaction knows of a key while it goes on.
struct Knowledge {
  Transaction transaction = nobody;
  std::uint64_t read = 0;     ///< The last read of it, if `is_known`.
  std::uint64_t own = 0;      ///< Appends of its own since then.
  std::uint32_t longest = 0;  ///< The greatest version that it read.
  bool is_known = false;
};

/// Whether the list at `micro` is what the transaction must see: what it saw before, and then what
/// it appended since.
bool fits(const Transactions& all, std::uint64_t first, std::uint64_t micro,
          const Knowledge& before) {
  const MicroOperation& read = all.micro()[micro];
  const auto items = all.list(read);
  const auto base =
      before.is_known ? all.list(all.micro()[before.read]) : std::span<const ValueHandle>();
  if (before.is_known ? items.size() != base.size() + before.own : items.size() < before.own)
    return false;
  if (!std::ranges::equal(base, items.first(base.size()))) return false;
  std::size_t at = items.size();
  std::uint64_t left = before.own;
  for (std::uint64_t m = micro; left > 0 && m-- > first;) {
    const MicroOperation& other = all.micro()[m];
    if (other.key != read.key || !other.is_append()) continue;
    if (items[--at] != other.value) return false;
    --left;
  }
  return true;
}

}  // namespace

void Lists::place_reads(const Elements& elements) {
  versions_.assign(transactions_.micro().size(), not_there);
  std::vector<Knowledge> known(transactions_.key_count());
  std::uint64_t micro = 0;
  for (Transaction t = 0; t < transactions_.size(); ++t) {
    const std::uint64_t first = micro;
    const auto all = transactions_.of(t);
    micro += all.size();
    if (transactions_.fate(t) != Fate::ok) continue;
    for (std::uint64_t m = first; m < micro; ++m) {
      const MicroOperation& operation = all[m - first];
      Knowledge& knowledge = known[operation.key];
      if (knowledge.transaction != t) knowledge = {t};
      if (operation.is_append()) {
        ++knowledge.own;
        if (positions_[operation.append] < knowledge.longest)
          offences_.note(
              {Anomaly::future_read, t, nobody, knowledge.read, 0, operation.key, operation.value});
        continue;
      }
      if (is_prefix(m)) {
        versions_[m] = static_cast<std::uint32_t>(transactions_.list(operation).size());
        note_read(t, m);
        knowledge.longest = std::max(knowledge.longest, versions_[m]);
      } else {
        note_incompatible(t, m, elements);
      }
      if ((knowledge.is_known || knowledge.own > 0) && !fits(transactions_, first, m, knowledge))
        offences_.note({Anomaly::internal, t, nobody, m, knowledge.read, operation.key, {}});
      knowledge.read = m;
      knowledge.is_known = true;
      knowledge.own = 0;
    }
  }
}

/// Of a read that fits the order of its key.
void Lists::note_read(Transaction t, std::uint64_t micro) {
  const KeyIndex key = transactions_.micro()[micro].key;
  const std::uint32_t version = versions_[micro];
  const auto items = transactions_.list(transactions_.micro()[micro]);
  const auto appends = transactions_.appends();
  if (first_garbage_[key] < version)
    offences_.note({Anomaly::garbage_read, t, nobody, micro, 0, key, items[first_garbage_[key]]});
  if (first_failed_[key] < version) {
    const std::uint32_t at = first_failed_[key];
    offences_.note(
        {Anomaly::G1a, t, appends[order(key)[at]].transaction, micro, 0, key, items[at]});
  }
  if (version == 0) return;
  const AppendId last = order(key)[version - 1];
  if (last == no_append || is_last_[last] || appends[last].transaction == t ||
      transactions_.fate(appends[last].transaction) == Fate::fail)
    return;
  offences_.note({Anomaly::G1b, t, appends[last].transaction, micro, 0, key, items.back()});
}

/// Of one that does not: it is no prefix of the longest. What it holds is looked at by itself.
void Lists::note_incompatible(Transaction t, std::uint64_t micro, const Elements& elements) {
  const MicroOperation& read = transactions_.micro()[micro];
  const Longest& longest = longest_[read.key];
  offences_.note(
      {Anomaly::incompatible_order, t, longest.transaction, micro, longest.micro, read.key, {}});
  std::unordered_set<std::uint64_t> seen;
  bool garbage = false, failed = false, twice = false;
  for (const ValueHandle item : transactions_.list(read)) {
    const AppendId append = elements.find(read.key, item);
    if (!seen.insert(item.bits()).second && !std::exchange(twice, true))
      offences_.note({Anomaly::duplicate_elements, t, nobody, micro, 0, read.key, item});
    if (append == no_append) {
      if (!std::exchange(garbage, true))
        offences_.note({Anomaly::garbage_read, t, nobody, micro, 0, read.key, item});
      continue;
    }
    const Transaction writer = transactions_.appends()[append].transaction;
    if (transactions_.fate(writer) == Fate::fail && !std::exchange(failed, true))
      offences_.note({Anomaly::G1a, t, writer, micro, 0, read.key, item});
  }
}

/// What an ok transaction appended behind what a failed one had.
void Lists::note_dirty_updates() {
  for (KeyIndex k = 0; k < longest_.size(); ++k) {
    if (first_failed_[k] == not_there) continue;
    Transaction failed = nobody;
    for (const AppendId append : order(k)) {
      if (append == no_append) continue;
      const Append& of = transactions_.appends()[append];
      const Fate fate = transactions_.fate(of.transaction);
      if (fate == Fate::fail) failed = of.transaction;
      if (fate != Fate::ok) continue;
      if (failed != nobody)
        offences_.note(
            {Anomaly::dirty_update, of.transaction, failed, longest_[k].micro, 0, k, of.element});
      failed = nobody;
    }
  }
}

void Lists::collect_unobserved() {
  unobserved_begins_.assign(longest_.size() + 1, 0);
  const auto appends = transactions_.appends();
  const auto is_one = [&](AppendId a) {
    return positions_[a] == not_there && is_committed(appends[a].transaction);
  };
  for (AppendId a = 0; a < appends.size(); ++a)
    if (is_one(a)) ++unobserved_begins_[appends[a].key + 1];
  for (std::size_t k = 0; k < longest_.size(); ++k)
    unobserved_begins_[k + 1] += unobserved_begins_[k];
  unobserved_.assign(unobserved_begins_.back(), no_append);
  std::vector<std::uint64_t> next(unobserved_begins_.begin(), unobserved_begins_.end() - 1);
  for (AppendId a = 0; a < appends.size(); ++a) {
    if (!is_one(a)) continue;
    std::uint64_t& at = next[appends[a].key];
    unobserved_[at] = a;
    has_free_order_ =
        has_free_order_ || (at > unobserved_begins_[appends[a].key] &&
                            appends[unobserved_[at - 1]].transaction != appends[a].transaction);
    ++at;
  }
}

std::uint64_t Lists::bytes() const {
  return longest_.capacity() * sizeof(Longest) +
         (begins_.capacity() + unobserved_begins_.capacity()) * sizeof(std::uint64_t) +
         (order_.capacity() + unobserved_.capacity() + positions_.capacity() +
          versions_.capacity()) *
             sizeof(std::uint32_t) +
         committed_.capacity() + is_last_.capacity();
}

}  // namespace faultline::transactional
