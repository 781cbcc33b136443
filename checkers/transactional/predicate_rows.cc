#include "checkers/transactional/predicate_rows.h"

#include <algorithm>

#include "checkers/transactional/cycles.h"

namespace faultline::transactional {
namespace {

bool is_integer(ValueHandle value) {
  return value.kind() == ValueHandle::Kind::integer ||
         value.kind() == ValueHandle::Kind::big_integer;
}
bool is_text(const ValuePool& pool, ValueHandle value, std::string_view text) {
  return value.kind() == ValueHandle::Kind::text && pool.as_text(value) == text;
}

}  // namespace

// --- Predicates ----------------------------------------------------------------------------------

std::optional<RowPredicate> RowPredicate::of(const ValuePool& pool, ValueHandle value) {
  RowPredicate made;
  const auto is_true = [&] {
    return value.kind() == ValueHandle::Kind::boolean && pool.to_text(value) == "true";
  };
  if (is_text(pool, value, "true") || is_true()) return made;
  if (value.kind() != ValueHandle::Kind::list) return std::nullopt;
  const auto parts = pool.items(value);
  const auto modulus = [&](ValueHandle number) {
    made.kind_ = Kind::remainder;
    made.modulus_ = is_integer(number) ? pool.as_integer(number) : 0;
    return made.modulus_ >= 1;
  };
  if (parts.size() == 2 && is_text(pool, parts[0], "=")) {
    made.kind_ = Kind::equal;
    made.equal_ = parts[1];
    return parts[1].is_compound() ? std::nullopt : std::optional(made);
  }
  if (parts.size() != 3) return std::nullopt;
  if (is_text(pool, parts[0], "mod")) {
    if (!modulus(parts[1]) || !is_integer(parts[2])) return std::nullopt;
    made.remainder_ = pool.as_integer(parts[2]);
    return made;
  }
  if (parts[0].kind() != ValueHandle::Kind::text || pool.as_text(parts[0]).empty())
    return std::nullopt;
  made.prefix_ = pool.as_text(parts[0]);
  made.only_integers_ = true;
  if (is_text(pool, parts[1], "any")) return made;
  if (is_text(pool, parts[1], "equal") && is_integer(parts[2])) {
    made.kind_ = Kind::equal;
    made.equal_ = parts[2];
    return made;
  }
  if (!is_text(pool, parts[1], "multiple-of") || !modulus(parts[2])) return std::nullopt;
  return made;
}

bool RowPredicate::is_about(const ValuePool& pool, ValueHandle key) const {
  return prefix_.empty() ||
         (key.kind() == ValueHandle::Kind::text && pool.as_text(key).starts_with(prefix_));
}

bool RowPredicate::matches(const ValuePool& pool, ValueHandle value) const {
  if (only_integers_ && !is_integer(value)) return false;
  if (kind_ == Kind::any) return true;
  if (kind_ == Kind::equal) return value == equal_;
  if (!is_integer(value)) return false;
  const std::int64_t rest = pool.as_integer(value) % modulus_;
  return (rest < 0 ? rest + modulus_ : rest) == remainder_;
}

// --- Versions ------------------------------------------------------------------------------------

PredicateRows::PredicateRows(const Transactions& transactions, Meter& meter)
    : transactions_(transactions),
      history_(transactions.history()),
      pool_(history_.values()),
      possible_(transactions.key_count()),
      keys_(transactions.key_count()) {
  read_predicates();
  if (unsupported_.empty()) sort_keys(), make_versions();
  if (unsupported_.empty()) trust_initial();
  if (!unsupported_.empty()) return;
  read_all(meter);
  commit();
  sort_out();
  order_keys();
  count_open();
}

void PredicateRows::read_predicates() {
  predicates_.reserve(transactions_.searches().size());
  for (const RowSearch& search : transactions_.searches()) {
    const auto predicate = RowPredicate::of(pool_, search.predicate);
    if (!predicate) {
      unsupported_ = "not a predicate: " + pool_.to_text(search.predicate) +
                     "; expected [prefix, \"any\" or \"equal\" or \"multiple-of\", number], or "
                     "Elle's \"true\", [\"=\", value], [\"mod\", number, remainder]";
      return;
    }
    predicates_.push_back(*predicate);
  }
}

void PredicateRows::sort_keys() {
  for (KeyIndex k = 0; k < transactions_.key_count(); ++k) {
    all_keys_.push_back(k);
    if (transactions_.key_value(k).kind() == ValueHandle::Kind::text) text_keys_.push_back(k);
  }
  std::ranges::sort(text_keys_, {},
                    [&](KeyIndex k) { return pool_.as_text(transactions_.key_value(k)); });
}

/// Those that a search looks at.
std::span<const KeyIndex> PredicateRows::keys_of(const RowPredicate& predicate) const {
  if (!predicate.has_prefix()) return all_keys_;
  const std::string_view prefix = predicate.prefix();
  const auto beginning = [&](KeyIndex k) {
    return pool_.as_text(transactions_.key_value(k)).substr(0, prefix.size());
  };
  const auto range = std::ranges::equal_range(text_keys_, prefix, {}, beginning);
  return {range.begin(), range.end()};
}

void PredicateRows::add_version(KeyIndex key, Transaction t, ValueHandle value) {
  const auto id = static_cast<RowVersionId>(versions_.size());
  versions_.push_back({value, key, t, true, transactions_.is_initial(t)});
  if (value.is_nil()) return;
  const auto [at, is_new] = by_value_.try_emplace({key, value.bits()}, id);
  if (is_new || !unsupported_.empty()) return;
  const auto index = [&](Transaction of) {
    return std::to_string(history_.index_of(history_.begin()[of]));
  };
  unsupported_ = "values must be unique, or reads tell nothing: " + pool_.to_text(value) +
                 " was written to key " + transactions_.key_text(key) +
                 " by the operations with invoke index " + index(versions_[at->second].writer) +
                 " and " + index(t);
}

void PredicateRows::make_versions() {
  std::vector<Transaction> changed(transactions_.key_count(), nobody);
  for (Transaction t = 0; t < transactions_.size(); ++t) {
    const std::size_t first = versions_.size();
    const Fate fate = transactions_.fate(t);
    for (const MicroOperation& m : transactions_.of(t)) {
      if (m.is_append()) add_version(m.key, t, m.value);
      if (!m.is_search() || !transactions_.searches()[m.search()].deletes) continue;
      const RowSearch& search = transactions_.searches()[m.search()];
      for (const FoundRow& row : transactions_.found(search)) add_version(row.key, t, {});
      // Nobody knows what it deleted.
      if (fate == Fate::info)
        for (const KeyIndex k : keys_of(predicates_[m.search()])) add_version(k, t, {});
    }
    for (std::size_t v = versions_.size(); v-- > first;) {
      RowVersion& version = versions_[v];
      version.is_last = changed[version.key] != t;
      changed[version.key] = t;
      if (fate != Fate::fail && version.is_last && !version.is_initial)
        possible_[version.key].push_back(static_cast<RowVersionId>(v));
    }
  }
}

/// What was there at first must have been there before anybody else came.
void PredicateRows::trust_initial() {
  Position last_end = 0, first_begin = never;
  for (Transaction t = 0; t < transactions_.size(); ++t) {
    if (!transactions_.is_initial(t)) {
      first_begin = std::min(first_begin, history_.begin()[t]);
      continue;
    }
    if (transactions_.fate(t) != Fate::ok) {
      unsupported_ =
          "nobody knows whether what was to be there at first ever was: its operation "
          "did not end with ok";
      return;
    }
    last_end = std::max(last_end, history_.end()[t]);
  }
  if (last_end > first_begin) {
    unsupported_ = "what was there at first must have been there before anything else began";
    return;
  }
  for (RowVersionId v = 0; v < versions_.size(); ++v) {
    if (!versions_[v].is_initial) continue;
    RowVersionId& initial = keys_[versions_[v].key].initial;
    if (initial != no_row) unsupported_ = "a key has two values at first";
    initial = v;
  }
}

void PredicateRows::commit() {
  committed_.assign(transactions_.size(), 0);
  for (Transaction t = 0; t < transactions_.size(); ++t)
    committed_[t] = transactions_.fate(t) == Fate::ok ? 1 : 0;
  for (const RowRead& read : reads_) {
    if (read.seen != no_row) {
      committed_[versions_[read.seen].writer] = 1;
      continue;
    }
    // Where it can only have seen what one transaction left, that happened.
    const Key& key = keys_[read.key];
    if (key.initial == no_row || !fits(read, key.initial)) continue;
    RowVersionId only = no_row;
    std::size_t count = 0;
    for (const RowVersionId v : possible_[read.key])
      if (can_be(read, v)) only = v, ++count;
    if (count == 1) committed_[versions_[only].writer] = 1;
  }
}

void PredicateRows::sort_out() {
  for (KeyIndex k = 0; k < keys_.size(); ++k)
    for (const RowVersionId v : possible_[k])
      (committed_[versions_[v].writer] != 0 ? keys_[k].order : keys_[k].floating).push_back(v);
}

bool PredicateRows::fits(const RowRead& read, RowVersionId version) const {
  const ValueHandle value = versions_[version].value;
  if (value.is_nil()) return false;
  const MicroOperation& m = transactions_.micro()[read.micro];
  return !m.is_search() || predicates_[m.search()].matches(pool_, value);
}

/// Whether a read that did not find the key may have seen that.
bool PredicateRows::can_be(const RowRead& read, RowVersionId version) const {
  return !fits(read, version) && versions_[version].writer != read.transaction;
}

std::span<const RowRead> PredicateRows::reads_of(Transaction t) const {
  const auto range = std::ranges::equal_range(reads_, t, {}, &RowRead::transaction);
  return {range.begin(), range.end()};
}

std::uint64_t PredicateRows::bytes() const {
  std::uint64_t lists = 0;
  for (const auto& list : possible_) lists += 3 * list.capacity() * sizeof(RowVersionId);
  return lists + versions_.capacity() * sizeof(RowVersion) + reads_.capacity() * sizeof(RowRead) +
         by_value_.size() * 32 + keys_.size() * (sizeof(Key) + 24 + 2 * sizeof(KeyIndex)) +
         predicates_.capacity() * sizeof(RowPredicate) + committed_.capacity();
}

}  // namespace faultline::transactional
