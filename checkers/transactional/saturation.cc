#include "checkers/transactional/saturation.h"

#include <algorithm>
#include <utility>

#include "checkers/transactional/cycles.h"

namespace faultline::transactional {
namespace {

/// Reads of one transaction at a time.
class ReadersConstraints {
 public:
  ReadersConstraints(const Registers& registers, const WrittenKeys& written, Constraints& into)
      : registers_(registers),
        written_(written),
        into_(into),
        first_of_(registers.transactions().size(), nobody),
        near_(registers.transactions().key_count()) {}

  /// The steps it took.
  std::uint64_t add_monotonic(Transaction t) {
    collect(t);
    for (std::size_t i = reads_.size(); i-- > 0;) {
      // The later reads from its first read of somebody on are all that there are.
      if (reads_[i].is_first) constrain(reads_[i].from);
      note(reads_[i]);
    }
    return std::exchange(steps_, 0);
  }

  std::uint64_t add_atomic(Transaction t) {
    collect(t);
    for (const Read& read : reads_) note(read);
    for (const Read& read : reads_)
      if (read.is_first) constrain(read.from);
    return std::exchange(steps_, 0);
  }

 private:
  static constexpr Transaction none = nobody - 1;  ///< nobody is who wrote nil.
  struct Read {
    KeyIndex key = 0;
    Transaction from = nobody;
    bool is_first = false;  ///< Of what it read of that transaction.
  };
  /// Of whom the next reads of a key are, and the next ones of another: the nearest may be of whom
  /// the question is, and who is further away comes after the second.
  struct Near {
    Transaction reader = nobody;
    Transaction nearest = none, second = none;
  };

  void collect(Transaction t) {
    reader_ = t;
    reads_.clear();
    keys_.clear();
    each_read_of_others(registers_, t, [&](KeyIndex key, Transaction from) {
      const bool is_first = from != nobody && std::exchange(first_of_[from], t) != t;
      reads_.push_back({key, from, is_first});
    });
    steps_ += reads_.size();
  }

  void note(const Read& read) {
    Near& near = near_[read.key];
    if (near.reader != reader_) {
      near = {reader_, read.from, none};
      keys_.push_back(read.key);
    } else if (near.nearest != read.from) {
      near.second = std::exchange(near.nearest, read.from);
    }
  }

  /// Goes through the fewer: the keys that were read, or those that it wrote.
  void constrain(Transaction before) {
    const auto written = written_.of(before);
    const bool by_reads = keys_.size() < written.size();
    for (const KeyIndex key : by_reads ? std::span<const KeyIndex>(keys_) : written) {
      ++steps_;
      const Near& near = near_[key];
      if (by_reads ? !written_.has(before, key) : near.reader != reader_) continue;
      const Transaction after = near.nearest != before ? near.nearest : near.second;
      if (after != none) into_.add({before, after, reader_, key});
    }
  }

  const Registers& registers_;
  const WrittenKeys& written_;
  Constraints& into_;
  BigVector<Transaction> first_of_;  ///< By writer: who last looked at it.
  std::vector<Near> near_;           ///< By key.
  std::vector<Read> reads_;
  std::vector<KeyIndex> keys_;  ///< Of which near_ tells something.
  Transaction reader_ = nobody;
  std::uint64_t steps_ = 0;
};

}  // namespace

void Constraints::add(const Constraint& constraint) {
  if (constraint.after == nobody) {
    if (of_nil_count_++ < of_nil_max) of_nil_.push_back(constraint);
    return;
  }
  // What is full is copied to twice as much.
  if (all_.size() == all_.capacity() && 3 * all_.size() * sizeof(Constraint) > bytes_max_)
    throw OutOfBytes();
  all_.push_back(constraint);
}

WrittenKeys::WrittenKeys(const Registers& registers) {
  const Transactions& all = registers.transactions();
  begins_.reserve(all.size() + 1);
  keys_.reserve(all.appends().size());
  AppendId next = 0;
  for (Transaction t = 0; t < all.size(); ++t) {
    begins_.push_back(static_cast<std::uint32_t>(keys_.size()));
    for (; next < all.appends().size() && all.appends()[next].transaction == t; ++next)
      if (registers.is_last(next) && registers.is_committed(t))
        keys_.push_back(all.appends()[next].key);
    std::sort(keys_.begin() + begins_.back(), keys_.end());
  }
  begins_.push_back(static_cast<std::uint32_t>(keys_.size()));
}

bool WrittenKeys::has(Transaction t, KeyIndex key) const {
  return std::ranges::binary_search(of(t), key);
}

Graph known_order(const Registers& registers, bool has_sessions,
                  std::span<const Constraint> constraints) {
  const std::size_t count = registers.transactions().size();
  return Graph::of(count, count, [&](auto visit) {
    for (Transaction t = 0; t < count; ++t)
      each_read_of_others(registers, t, [&](KeyIndex, Transaction from) {
        if (from != nobody) visit(from, t, Edge::wr);
      });
    if (has_sessions) registers.each_process_edge(false, visit);
    for (const Constraint& c : constraints) visit(c.before, c.after, Edge::inferred);
  });
}

void constrain_monotonic(const Registers& registers, const WrittenKeys& written, Meter& meter,
                         Constraints& into) {
  ReadersConstraints readers(registers, written, into);
  for (Transaction t = 0; t < registers.transactions().size(); ++t)
    if (!meter.spend(1 + readers.add_monotonic(t))) throw OutOfBudget();
}

void constrain_atomic(const Registers& registers, const WrittenKeys& written, Meter& meter,
                      Constraints& into) {
  ReadersConstraints readers(registers, written, into);
  for (Transaction t = 0; t < registers.transactions().size(); ++t)
    if (!meter.spend(1 + readers.add_atomic(t))) throw OutOfBudget();
}

void constrain_by_sessions(const Registers& registers, const WrittenKeys& written, Meter& meter,
                           Constraints& into) {
  const std::size_t count = registers.transactions().size();
  BigVector<Transaction> next(count, nobody);
  BigVector<std::uint8_t> is_later(count, 0);
  registers.each_process_edge(false, [&](Transaction from, Transaction to, Edge) {
    next[from] = to;
    is_later[to] = 1;
  });
  struct Writer {
    Transaction session = nobody;  ///< The first of it.
    Transaction last = nobody;
  };
  std::vector<Writer> writers(registers.transactions().key_count());
  for (Transaction first = 0; first < count; ++first) {
    if (is_later[first] != 0) continue;
    for (Transaction t = first; t != nobody; t = next[t]) {
      std::uint64_t steps = 1 + written.of(t).size();
      each_read_of_others(registers, t, [&](KeyIndex key, Transaction from) {
        ++steps;
        const Writer& before = writers[key];
        if (before.session == first && before.last != from) into.add({before.last, from, t, key});
      });
      for (const KeyIndex key : written.of(t)) writers[key] = {first, t};
      if (!meter.spend(steps)) throw OutOfBudget();
    }
  }
}

}  // namespace faultline::transactional
