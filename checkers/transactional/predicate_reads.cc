// What each transaction that is ok found, and what that says by itself.
#include <algorithm>

#include "checkers/transactional/cycles.h"
#include "checkers/transactional/predicate_rows.h"
#include "checkers/transactional/saturation.h"

namespace faultline::transactional {

/// Goes through the transactions.
class PredicateRows::Reader {
 public:
  Reader(PredicateRows& rows, Meter& meter)
      : rows_(rows),
        all_(rows.transactions_),
        meter_(meter),
        known_(all_.key_count()),
        found_(all_.key_count()) {}

  void read() {
    for (t_ = 0; t_ < all_.size(); ++t_) {
      if (all_.fate(t_) != Fate::ok || all_.is_initial(t_)) continue;
      micro_ = all_.first_micro(t_);
      for (const MicroOperation& m : all_.of(t_)) {
        if (m.is_search())
          search(all_.searches()[m.search()], rows_.predicates_[m.search()]);
        else if (m.is_append())
          change(m.key, m.value);
        else
          read_key(m);
        ++micro_;
      }
    }
  }

 private:
  /// What the transaction knows of a key.
  struct Knowledge {
    Transaction transaction = nobody;
    bool has_changed = false, has_read = false;
    ValueHandle value{};  ///< That it wrote, or that it read by the key, last.
    Transaction failed = nobody;
  };
  struct Found {
    std::uint64_t micro = ~std::uint64_t{0};
    ValueHandle value{};
  };

  Knowledge& known(KeyIndex key) {
    Knowledge& here = known_[key];
    if (here.transaction != t_) here = {t_};
    return here;
  }

  void note(Anomaly anomaly, KeyIndex key, ValueHandle value, Transaction other = nobody) {
    rows_.offences_.note({anomaly, t_, other, micro_, 0, key, value, {}});
  }

  /// The transaction itself, after where it is.
  bool writes_later(KeyIndex key, ValueHandle value) const {
    const auto after = all_.of(t_).subspan(micro_ + 1 - all_.first_micro(t_));
    return std::ranges::any_of(after, [&](const MicroOperation& m) {
      return m.is_append() && m.key == key && m.value == value && !value.is_nil();
    });
  }

  void change(KeyIndex key, ValueHandle value) {
    Knowledge& here = known(key);
    if (here.failed != nobody) note(Anomaly::dirty_update, key, value, here.failed);
    here.failed = nobody;
    here.has_changed = true;
    here.value = value;
  }

  void read_key(const MicroOperation& m) {
    Knowledge& here = known(m.key);
    if ((here.has_changed || here.has_read) && here.value != m.value)
      note(Anomaly::internal, m.key, here.value);
    if (here.has_changed && writes_later(m.key, m.value))
      note(Anomaly::future_read, m.key, m.value);
    here.value = m.value;
    here.has_read = true;
    if (!here.has_changed) see(m.key, m.value);
  }

  void search(const RowSearch& search, const RowPredicate& predicate) {
    for (const FoundRow& row : all_.found(search)) {
      Found& found = found_[row.key];
      const bool is_again = found.micro == micro_;
      found = {micro_, row.value};
      const Knowledge& here = known(row.key);
      // One's own, and what does not fit, or was found twice.
      if (is_again || !predicate.is_about(rows_.pool_, all_.key_value(row.key)) ||
          !predicate.matches(rows_.pool_, row.value) ||
          (here.has_changed && here.value != row.value))
        note(Anomaly::internal, row.key, row.value);
      if (here.has_changed && writes_later(row.key, row.value))
        note(Anomaly::future_read, row.key, row.value);
      if (!here.has_changed) see(row.key, row.value);
    }
    const auto keys = rows_.keys_of(predicate);
    if (!meter_.spend(keys.size())) throw OutOfBudget{};
    for (const KeyIndex key : keys)
      if (found_[key].micro != micro_) miss(key, predicate);
    if (!search.deletes) return;
    for (const FoundRow& row : all_.found(search)) change(row.key, {});
  }

  void add(KeyIndex key, RowVersionId seen) {
    if (rows_.reads_.size() * sizeof(RowRead) > meter_.bytes_max()) throw OutOfBytes{};
    rows_.reads_.push_back({micro_, t_, key, seen});
  }

  void see(KeyIndex key, ValueHandle value) {
    if (value.is_nil()) return add(key, no_row);
    const auto at = rows_.by_value_.find({key, value.bits()});
    if (at == rows_.by_value_.end()) return note(Anomaly::garbage_read, key, value);
    const RowVersion& version = rows_.versions_[at->second];
    if (version.writer == t_) return note(Anomaly::future_read, key, value);
    if (all_.fate(version.writer) == Fate::fail) {
      known(key).failed = version.writer;
      return note(Anomaly::G1a, key, value, version.writer);
    }
    if (!version.is_last) note(Anomaly::G1b, key, value, version.writer);
    add(key, at->second);
  }

  /// It was not found.
  void miss(KeyIndex key, const RowPredicate& predicate) {
    const auto fits = [&](ValueHandle value) {
      return !value.is_nil() && predicate.matches(rows_.pool_, value);
    };
    const Knowledge& here = known(key);
    if (here.has_changed) {
      if (fits(here.value)) note(Anomaly::internal, key, here.value);
      return;
    }
    const RowVersionId initial = rows_.keys_[key].initial;
    std::size_t others = 0, fitting = 0;
    for (const RowVersionId v : rows_.possible_[key]) {
      if (rows_.versions_[v].writer == t_) continue;
      ++others;
      fitting += fits(rows_.versions_[v].value);
    }
    // Where nothing fits, nothing was missed.
    if (initial == no_row && fitting == 0) return;
    if (initial != no_row && fitting == others && fits(rows_.versions_[initial].value))
      note(Anomaly::predicate_read_miss, key, rows_.versions_[initial].value,
           rows_.versions_[initial].writer);
    add(key, no_row);
  }

  PredicateRows& rows_;
  const Transactions& all_;
  Meter& meter_;
  Transaction t_ = 0;
  std::uint64_t micro_ = 0;
  std::vector<Knowledge> known_;
  std::vector<Found> found_;
};

void PredicateRows::read_all(Meter& meter) { Reader(*this, meter).read(); }

}  // namespace faultline::transactional
