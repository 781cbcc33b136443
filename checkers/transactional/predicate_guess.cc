// A guess at what is open. Where all readings but one of what was not found would have a
// transaction come before what it comes after, it is that one. Then the transactions are executed
// one after the other, as all that and real time allow, and otherwise in the order in which they
// ended.
#include <algorithm>
#include <set>

#include <boost/unordered/unordered_flat_set.hpp>

#include "checkers/transactional/cycles.h"
#include "checkers/transactional/predicate_rows.h"

namespace faultline::transactional {

class PredicateRows::Execution {
 public:
  Execution(PredicateRows& rows, Meter& meter)
      : rows_(rows),
        meter_(meter),
        ends_(rows.history_.end().begin(), rows.history_.end().end()),
        before_(rows.transactions_.size(), 0),
        open_(rows.transactions_.size()),
        places_(rows.keys_.size(), 0),
        when_(rows.transactions_.size(), 0) {}

  void run() {
    prepare();
    std::set<std::pair<Position, Transaction>> left;
    for (const Transaction t : by_begin_) left.emplace(ends_[t], t);
    std::vector<Transaction> window;  // Those that may have begun by now.
    std::size_t next = 0;
    const auto begins = rows_.history_.begin();
    for (std::uint32_t now = 1; !left.empty(); ++now) {
      const Position first_end = left.begin()->first;
      while (next < by_begin_.size() && begins[by_begin_[next]] <= first_end)
        window.push_back(by_begin_[next++]);
      if (!meter_.spend(window.size())) throw OutOfBudget{};
      const auto best =
          std::ranges::min_element(window, {}, [&](Transaction t) { return rank(t); });
      const Transaction t = *best;
      *best = window.back();
      window.pop_back();
      left.erase({ends_[t], t});
      when_[t] = now;
      execute(t);
    }
    order_open_keys();
  }

 private:
  void prepare() {
    const std::size_t count = rows_.transactions_.size();
    for (Transaction t = 0; t < count; ++t)
      if (rows_.committed_[t] != 0) by_begin_.push_back(t);
    // Whose end nobody knows took effect before others knew of it.
    rows_.each_edge(RowView::certain, [&](Transaction from, Transaction to, Edge) {
      edges_.emplace(from, to);
      if (rows_.transactions_.fate(from) == Fate::info)
        ends_[from] = std::min(ends_[from], rows_.history_.end()[to]);
    });
    for (const Transaction t : by_begin_) ends_[t] = std::max(ends_[t], rows_.history_.begin()[t]);
    find_open();
    while (narrow()) {
    }
    graph_.emplace(Graph::of(count, count, [&](auto visit) {
      for (const auto& [from, to] : edges_) visit(from, to, Edge::ww);
    }));
    for (const auto& [from, to] : edges_) ++before_[to];
    for (KeyIndex k = 0; k < rows_.keys_.size(); ++k) {
      const auto& order = rows_.keys_[k].order;
      for (std::uint32_t i = 0; i < order.size() && rows_.keys_[k].is_ordered; ++i)
        writes_.push_back({rows_.versions_[order[i]].writer, k, i + 1});
    }
    std::ranges::sort(writes_, {}, &Write::transaction);
  }

  void find_open() {
    for (std::size_t i = 0; i < rows_.reads_.size(); ++i) {
      const RowRead& read = rows_.reads_[i];
      if (read.seen != no_row || !rows_.keys_[read.key].is_ordered) continue;
      if (rows_.span_of(read, rows_.keys_[read.key].order).has_gap)
        open_[read.transaction].push_back(static_cast<std::uint32_t>(i));
    }
  }

  bool is_before(Transaction a, Transaction b) const {
    return edges_.contains({a, b}) || rows_.history_.end()[a] < rows_.history_.begin()[b];
  }

  /// Where all parts but one would put a transaction behind what it comes before, or before what it
  /// comes behind, it was that one, which orders it among others. Whether there was such a one.
  bool narrow() {
    bool has_narrowed = false;
    for (Transaction t = 0; t < open_.size(); ++t)
      for (const std::uint32_t i : open_[t]) {
        if (!meter_.spend(1)) throw OutOfBudget{};
        if (!rows_.executed_.contains(i) && narrow(t, i)) has_narrowed = true;
      }
    return has_narrowed;
  }
  bool narrow(Transaction t, std::uint32_t i) {
    const RowRead& read = rows_.reads_[i];
    const Key& key = rows_.keys_[read.key];
    std::optional<Span> only;
    for (const Span& part : rows_.parts_of(read, key.order)) {
      const auto writes = [&](RowVersionId v) { return rows_.versions_[v].writer; };
      const auto before = std::span(key.order).first(part.low);
      const auto behind = std::span(key.order).subspan(part.high);
      const auto is_late = [&](RowVersionId v) { return is_before(t, writes(v)); };
      const auto is_early = [&](RowVersionId v) { return is_before(writes(v), t); };
      if (std::ranges::any_of(before, is_late) || std::ranges::any_of(behind, is_early)) continue;
      if (only) return false;
      only = part;
    }
    if (!only) return false;
    rows_.executed_[i] = *only;
    const Transaction low = rows_.writer_at(key, key.order, only->low);
    if (low != nobody && low != t) edges_.emplace(low, t);
    if (only->high < key.order.size() && writer_behind(key, *only) != t)
      edges_.emplace(t, writer_behind(key, *only));
    return true;
  }
  Transaction writer_behind(const Key& key, const Span& part) const {
    return rows_.versions_[key.order[part.high]].writer;
  }

  /// What is to be executed first has the least.
  std::pair<bool, Position> rank(Transaction t) const { return {before_[t] > 0, ends_[t]}; }

  void execute(Transaction t) {
    for (const std::uint32_t i : open_[t]) {
      const RowRead& read = rows_.reads_[i];
      const auto part = rows_.part_at(read, rows_.keys_[read.key].order, places_[read.key]);
      if (part) rows_.executed_[i] = *part;
    }
    for (auto at = std::ranges::lower_bound(writes_, t, {}, &Write::transaction);
         at != writes_.end() && at->transaction == t; ++at)
      places_[at->key] = std::max(places_[at->key], at->place);
    for (const Arrow arrow : graph_->from(t)) --before_[arrow.to()];
  }

  void order_open_keys() {
    for (Key& key : rows_.keys_) {
      if (key.is_ordered) continue;
      key.executed = key.order;
      std::ranges::sort(key.executed, {},
                        [&](RowVersionId v) { return when_[rows_.versions_[v].writer]; });
    }
  }

  struct Write {
    Transaction transaction = nobody;
    KeyIndex key = 0;
    std::uint32_t place = 0;
  };

  PredicateRows& rows_;
  Meter& meter_;
  std::vector<Position> ends_;
  std::vector<std::uint32_t> before_;  ///< How many must come before.
  std::vector<std::vector<std::uint32_t>> open_;
  std::vector<std::uint32_t> places_;  ///< Of each key, what is there now.
  std::vector<std::uint32_t> when_;
  std::vector<Transaction> by_begin_;
  std::vector<Write> writes_;
  boost::unordered_flat_set<std::pair<Transaction, Transaction>> edges_;
  std::optional<Graph> graph_;
};

void PredicateRows::execute(Meter& meter) { Execution(*this, meter).run(); }

}  // namespace faultline::transactional
