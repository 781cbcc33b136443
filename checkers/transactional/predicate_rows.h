// Rows that are written, deleted, read, and looked for by predicates. Who looks for what fits reads
// of rows that do not fit as well: that they do not. Which version of such a row that was, nothing
// says; but if it has few versions, and only one of them does not fit, it was that one (Elle's
// closed-predicate, after Adya 1999, §4.2.1). What is known, and from what:
//
//   * The first version of a key is that it is not there, or what an initial map says, which is
//     believed: it is there before all else, and nobody sees what was before. Where a search or a
//     read needs that all the same, it is taken for unborn, which is before every version.
//   * A value tells who wrote it; no value is written to a key twice.
//   * Who read a version of a key and wrote the key comes after whose version it was (else there
//     would be a G1c). Where that does not put all versions of a key in a row, its order is open.
//   * A read that did not find a key saw one of the versions that do not fit. It was after the
//     first of them, and before the version behind the last.
//
// So that a key with two versions leaves nothing open. Of what is open, interpretations are
// guessed: one without an anomaly proves, and what only some have refutes nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "checkers/meter.h"
#include "checkers/transactional/dependencies.h"

namespace faultline::transactional {

/// Which values fit. [prefix, "any", null], [prefix, "equal", n] and [prefix, "multiple-of", n] are
/// of integers, and of keys that are texts and begin so (harness/core/predicate.h); Elle's
/// "true", ["=", value] and ["mod", n, remainder] are of all keys.
class RowPredicate {
 public:
  /// Nothing if `value` is none.
  static std::optional<RowPredicate> of(const ValuePool& pool, ValueHandle value);

  bool has_prefix() const { return !prefix_.empty(); }
  std::string_view prefix() const { return prefix_; }
  bool is_about(const ValuePool& pool, ValueHandle key) const;
  bool matches(const ValuePool& pool, ValueHandle value) const;

 private:
  enum class Kind : std::uint8_t { any, equal, remainder };

  std::string_view prefix_;  ///< Of the pool.
  Kind kind_ = Kind::any;
  bool only_integers_ = false;
  ValueHandle equal_{};
  std::int64_t modulus_ = 1, remainder_ = 0;
};

using RowVersionId = std::uint32_t;
inline constexpr RowVersionId no_row = 0xffffffffu;

/// What a write or a deletion left in a key.
struct RowVersion {
  ValueHandle value;  ///< nil: deleted.
  KeyIndex key = 0;
  Transaction writer = nobody;
  bool is_last = true;  ///< Of its transaction.
  bool is_initial = false;
};

/// How a transaction that is ok found a key that it had not changed itself.
struct RowRead {
  std::uint64_t micro = 0;
  Transaction transaction = nobody;
  KeyIndex key = 0;
  RowVersionId seen = no_row;  ///< no_row: it was not there, or did not fit.
};

/// How what is open is read.
enum class RowView : std::uint8_t {
  certain,   ///< Only what must be so. Refutes.
  by_key,    ///< Of that, without what is missed by predicates.
  executed,  ///< Guesses: what was there when it was executed (predicate_guess.cc);
  by_end,    ///< what was there, if transactions take effect when they end;
  late,      ///< the latest version that time allows;
  early,     ///< the earliest.
};

/// Of a history on rows.
class PredicateRows {
 public:
  /// `transactions` are of Objects::rows, and supported.
  PredicateRows(const Transactions& transactions, Meter& meter);

  /// Why such a history cannot be judged; else empty.
  const std::string& unsupported() const { return unsupported_; }
  const Transactions& transactions() const { return transactions_; }
  const Offences& offences() const { return offences_; }
  bool is_committed(Transaction t) const { return committed_[t] != 0; }
  std::span<const RowVersion> versions() const { return versions_; }
  std::span<const RowRead> reads() const { return reads_; }
  /// Those of one transaction.
  std::span<const RowRead> reads_of(Transaction t) const;
  /// Whether it was looked for, and not read by its key.
  bool is_search(const RowRead& read) const {
    return transactions_.micro()[read.micro].is_search();
  }
  /// Guesses what is open; before the view `executed` is asked for. Throws OutOfBudget.
  void execute(Meter& meter);
  /// Nothing is open: the certain view is the only one.
  bool is_exact() const { return open_reads_ == 0 && open_keys_ == 0; }
  /// Every read can be explained by one version or another of those that are known to be there:
  /// nobody saw what was before the first, or what is only there if an info happened.
  bool can_be_explained() const { return !is_torn_; }
  std::uint64_t open_reads() const { return open_reads_; }
  std::uint64_t open_keys() const { return open_keys_; }

  /// visit(from, to, edge): everything in that view.
  template <typename Visit>
  void each_edge(RowView view, Visit visit) const {
    for (KeyIndex k = 0; k < keys_.size(); ++k) each_write_edge(k, view, visit);
    for (const RowRead& read : reads_) each_read_edge(read, view, visit);
  }
  template <typename Visit>
  void each_read_edge(const RowRead& read, RowView view, Visit visit) const;
  template <typename Visit>
  void each_write_edge(KeyIndex k, RowView view, Visit visit) const;

  std::uint64_t bytes() const;

 private:
  struct Key {
    RowVersionId initial = no_row;       ///< As the initial map has it.
    std::vector<RowVersionId> order;     ///< Committed, the last of their transactions.
    std::vector<RowVersionId> floating;  ///< Of an info that nobody saw.
    std::vector<RowVersionId> by_end;    ///< `order` as it is guessed, where it is not known;
    std::vector<RowVersionId> executed;  ///< the same, as they were executed.
    bool is_ordered = true;
  };
  /// Places in an order; 0 is the first version, i + 1 the version order[i].
  struct Span {
    std::uint32_t low = 0, high = 0;
    bool is_empty = true;
    bool has_gap = false;  ///< What lies between them would have been found.
    bool is_open = false;  ///< It may have been something that has no place.
  };

  static bool is_guess(RowView view) { return view != RowView::certain && view != RowView::by_key; }
  bool fits(const RowRead& read, RowVersionId version) const;
  bool can_be(const RowRead& read, RowVersionId version) const;
  std::span<const RowVersionId> order_in(const Key& key, RowView view) const {
    if (key.is_ordered || !is_guess(view)) return key.order;
    return view == RowView::executed ? key.executed : key.by_end;
  }
  Span span_of(const RowRead& read, std::span<const RowVersionId> order) const;
  /// That which the place is in.
  std::optional<Span> part_at(const RowRead& read, std::span<const RowVersionId> order,
                              std::uint32_t place) const;
  Span chosen(const RowRead& read, std::span<const RowVersionId> order, RowView view) const;
  std::vector<Span> parts_of(const RowRead& read, std::span<const RowVersionId> order) const;
  /// nobody: of what was never there.
  Transaction writer_at(const Key& key, std::span<const RowVersionId> order,
                        std::uint32_t place) const {
    const RowVersionId v = place == 0 ? key.initial : order[place - 1];
    return v == no_row ? nobody : versions_[v].writer;
  }

  void read_predicates();
  void sort_keys();
  std::span<const KeyIndex> keys_of(const RowPredicate& predicate) const;
  void make_versions();
  void add_version(KeyIndex key, Transaction t, ValueHandle value);
  void trust_initial();
  class Reader;
  class Execution;
  void read_all(Meter& meter);
  void commit();
  void sort_out();
  /// Who wrote a version, and which one it had read before; no_row: the first.
  struct Update {
    RowVersionId version = no_row, before = no_row;
    const RowRead* read = nullptr;
  };
  void order_keys();
  void order_key(Key& key, const std::vector<Update>& updates);
  void note_lost_updates(const std::vector<Update>& updates);
  void count_open();

  const Transactions& transactions_;
  const History& history_;
  const ValuePool& pool_;
  std::string unsupported_;
  std::vector<RowPredicate> predicates_;  ///< By search.
  std::vector<KeyIndex> all_keys_;
  std::vector<KeyIndex> text_keys_;  ///< By their text.
  std::vector<RowVersion> versions_;
  std::vector<std::vector<RowVersionId>> possible_;  ///< By key: of those that did not fail.
  boost::unordered_flat_map<std::pair<KeyIndex, std::uint64_t>, RowVersionId> by_value_;
  std::vector<Key> keys_;
  std::vector<RowRead> reads_;
  std::vector<std::uint8_t> committed_;
  boost::unordered_flat_map<std::uint32_t, Span> executed_;  ///< By read.
  Offences offences_;
  std::uint64_t open_reads_ = 0, open_keys_ = 0;
  bool is_torn_ = false;
};

template <typename Visit>
void PredicateRows::each_read_edge(const RowRead& read, RowView view, Visit visit) const {
  const Key& key = keys_[read.key];
  const auto order = order_in(key, view);
  const bool has_order = key.is_ordered || is_guess(view);
  const Transaction t = read.transaction;
  const auto tell = [&](Transaction from, Transaction to, Edge edge) {
    if (from != nobody && to != nobody && from != to) visit(from, to, edge);
  };
  Span span;
  if (read.seen != no_row) {
    tell(versions_[read.seen].writer, t, Edge::wr);
    if (!versions_[read.seen].is_last) return;
    const auto at = std::ranges::find(order, read.seen);
    const bool is_first = read.seen == key.initial;
    if (at == order.end() && !is_first) return;
    span.low = span.high = is_first ? 0 : static_cast<std::uint32_t>(at - order.begin()) + 1;
    span.is_empty = false;
  } else {
    span = is_guess(view) ? chosen(read, order, view) : span_of(read, order);
  }
  const bool is_search_miss = read.seen == no_row && is_search(read);
  const Edge missed = is_search_miss ? Edge::rw_predicate : Edge::rw;
  const bool shows = view != RowView::by_key || missed == Edge::rw;
  if (span.is_empty) {
    // Unborn, although there was an initial version.
    if (key.initial != no_row && shows && !span.is_open)
      tell(t, versions_[key.initial].writer, missed);
    return;
  }
  if (span.is_open && !is_guess(view)) return;
  if (!has_order) {
    if (span.high > 0 || !shows) return;
    for (const RowVersionId v : order) tell(t, versions_[v].writer, missed);
    return;
  }
  if (read.seen == no_row) tell(writer_at(key, order, span.low), t, Edge::wr);
  if (shows && span.high < order.size()) tell(t, versions_[order[span.high]].writer, missed);
}

template <typename Visit>
void PredicateRows::each_write_edge(KeyIndex k, RowView view, Visit visit) const {
  const Key& key = keys_[k];
  const bool has_order = key.is_ordered || is_guess(view);
  Transaction before = key.initial == no_row ? nobody : versions_[key.initial].writer;
  for (const RowVersionId v : order_in(key, view)) {
    const Transaction writer = versions_[v].writer;
    if (before != nobody && before != writer) visit(before, writer, Edge::ww);
    if (has_order) before = writer;
  }
}

/// It in one view, for the search for cycles.
class PredicateDependencies final : public Dependencies {
 public:
  PredicateDependencies(const PredicateRows& rows, RowView view) : rows_(rows), view_(view) {}
  const Transactions& transactions() const override { return rows_.transactions(); }
  const Offences& offences() const override { return rows_.offences(); }
  bool is_committed(Transaction t) const override { return rows_.is_committed(t); }
  Graph graph(const GraphOptions& options) const override;

 private:
  const PredicateRows& rows_;
  const RowView view_;
};

}  // namespace faultline::transactional
