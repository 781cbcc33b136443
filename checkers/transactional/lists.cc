#include "checkers/transactional/lists.h"

#include <algorithm>
#include <cstring>
#include <unordered_set>
#include <utility>

#include "checkers/transactional/cursors.h"
#include "checkers/transactional/lost_updates.h"

namespace faultline::transactional {

Lists::Lists(const Transactions& transactions, const Elements& elements, Prefixes prefixes)
    : transactions_(transactions),
      longest_(prefixes.take_longest(transactions.key_count())),
      versions_(prefixes.take_sizes()),
      first_failed_(transactions.key_count(), not_there),
      first_garbage_(transactions.key_count(), not_there) {
  place_elements(elements);
  if (!unsupported_.empty()) return;
  commit();
  note_own_order();
  place_reads(elements);
  note_dirty_updates();
  collect_unobserved();
}

void Lists::note_updates() {
  note_lost_updates(
      transactions_, order_.size() + longest_.size(),
      [this](Transaction t, std::uint64_t micro) {
        const KeyIndex key = transactions_.micro()[micro].key;
        const std::uint32_t version = versions_[micro];
        const bool is_own = version != not_there && version > 0 && writer(key, version - 1) == t;
        return version == not_there || is_own ? order_.size() + longest_.size()
                                              : begins_[key] + key + version;
      },
      offences_);
  note_cursors(*this, offences_);
}

void Lists::place_elements(const Elements& elements) {
  positions_.assign(transactions_.appends().size(), not_there);
  begins_.push_back(0);
  for (KeyIndex k = 0; k < longest_.size(); ++k)
    begins_.push_back(begins_.back() + longest_[k].items.size());
  order_.assign(begins_.back(), no_append);
  writers_.assign(begins_.back(), nobody);
  const ValuePool& pool = transactions_.history().values();
  for (KeyIndex k = 0; k < longest_.size(); ++k) {
    const Prefixes::Longest& longest = longest_[k];
    const auto items = longest.items;
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
        const Transaction writer = transactions_.appends()[append].transaction;
        const bool has_failed = transactions_.fate(writer) == Fate::fail;
        if (has_failed) first_failed_[k] = std::min(first_failed_[k], i);
        positions_[append] = i;
        order_[begins_[k] + i] = append;
        writers_[begins_[k] + i] = has_failed ? nobody : writer;
      }
    }
  }
}

void Lists::commit() {
  committed_.assign(transactions_.size(), 0);
  for (Transaction t = 0; t < transactions_.size(); ++t)
    committed_[t] = transactions_.fate(t) == Fate::ok;
  for (const Transaction t : writers_)
    if (t != nobody) committed_[t] = 1;
}

/// A transaction's appends to a key must stand there in the order in which it made them. Marks its
/// last one.
void Lists::note_own_order() {
  struct Seen {
    Transaction transaction = nobody;
    AppendId append = no_append;
  };
  std::vector<Seen> seen(transactions_.key_count());
  const auto appends = transactions_.appends();
  is_last_.assign(appends.size(), 1);
  for (AppendId a = 0; a < appends.size(); ++a) {
    const auto& [element, key, t] = appends[a];
    Seen& before = seen[key];
    if (before.transaction == t) {
      is_last_[before.append] = 0;
      // What nobody read comes after all that somebody did.
      if (is_committed(t) && positions_[before.append] > positions_[a])
        offences_.note({Anomaly::internal, longest_[key].transaction, t, longest_[key].micro,
                        longest_[key].micro, key, element});
    }
    before = {t, a};
  }
}

bool Lists::is_prefix(std::uint64_t micro) const {
  const MicroOperation& read = transactions_.micro()[micro];
  const Prefixes::Longest& longest = longest_[read.key];
  if (longest.all_agree) return true;
  const auto items = transactions_.list(read);
  return items.empty() || std::memcmp(items.data(), longest.items.data(), items.size_bytes()) == 0;
}

/// What a transaction knows of a key while it goes on.
struct Lists::Knowledge {
  Transaction transaction = nobody;
  std::uint64_t read = 0;     ///< The last read of it, if `is_known`.
  std::uint64_t own = 0;      ///< Appends of its own since then.
  std::uint32_t longest = 0;  ///< The greatest version that it read.
  bool is_known = false;
};

namespace {

/// Whether `items`, read at `micro`, end with what the transaction appended to the key in its last
/// `own` appends before.
bool ends_with_own(const Transactions& all, std::uint64_t first, std::uint64_t micro,
                   std::span<const ValueHandle> items, std::uint64_t own) {
  const MicroOperation& read = all.micro()[micro];
  std::size_t at = items.size();
  if (own > at) return false;
  for (std::uint64_t m = micro; own > 0 && m-- > first;) {
    const MicroOperation& other = all.micro()[m];
    if (other.key != read.key || !other.is_append()) continue;
    if (items[--at] != other.value) return false;
    --own;
  }
  return true;
}

}  // namespace

/// Whether the list at `micro` is what the transaction must see: what it saw before, and then what
/// it appended since.
bool Lists::is_expected(std::uint64_t first, std::uint64_t micro, const Knowledge& before) const {
  const MicroOperation& read = transactions_.micro()[micro];
  const Prefixes::Longest& longest = longest_[read.key];
  // Where all are prefixes of one list, that one is near, and tells what they are.
  const auto items =
      longest.all_agree ? longest.items.first(versions_[micro]) : transactions_.list(read);
  if (before.is_known) {
    const auto base = longest.all_agree ? longest.items.first(versions_[before.read])
                                        : transactions_.list(transactions_.micro()[before.read]);
    if (items.size() != base.size() + before.own) return false;
    if (!longest.all_agree && !std::ranges::equal(base, items.first(base.size()))) return false;
  }
  return ends_with_own(transactions_, first, micro, items, before.own);
}

void Lists::place_reads(const Elements& elements) {
  last_readers_.assign(order_.size() + longest_.size(), not_there);
  readers_.reserve(transactions_.reads());
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
        note_read(t, m);
        knowledge.longest = std::max(knowledge.longest, versions_[m]);
      } else {
        versions_[m] = not_there;
        note_incompatible(t, m, elements);
      }
      if ((knowledge.is_known || knowledge.own > 0) && !is_expected(first, m, knowledge))
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
  std::uint32_t& last_reader = last_readers_[begins_[key] + key + version];
  readers_.push_back({t, std::exchange(last_reader, static_cast<std::uint32_t>(readers_.size()))});
  // What it read is a prefix of the longest: the list itself need not come from memory again.
  const auto items = longest_[key].items;
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
  offences_.note({Anomaly::G1b, t, appends[last].transaction, micro, 0, key, items[version - 1]});
}

/// Of one that does not: it is no prefix of the longest. What it holds is looked at by itself.
void Lists::note_incompatible(Transaction t, std::uint64_t micro, const Elements& elements) {
  const MicroOperation& read = transactions_.micro()[micro];
  const Prefixes::Longest& longest = longest_[read.key];
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
  return longest_.capacity() * sizeof(Prefixes::Longest) +
         (begins_.capacity() + unobserved_begins_.capacity()) * sizeof(std::uint64_t) +
         (order_.capacity() + writers_.capacity() + unobserved_.capacity() + positions_.capacity() +
          versions_.capacity() + last_readers_.capacity()) *
             sizeof(std::uint32_t) +
         readers_.capacity() * sizeof(Reader) + committed_.capacity() + is_last_.capacity();
}

}  // namespace faultline::transactional
