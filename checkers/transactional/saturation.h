// What must come before what where nothing tells the order of versions: whoever read a version,
// although it knew of another writer of the key, tells that the other one came before. A level of
// isolation says of whom a reader knows; it holds if all that follows has no cycle together with
// who read of whom (Biswas & Enea, OOPSLA 2019). How to find it without looking at each pair of
// transactions is Moeldrup & Pavlogiannis's (AWDIT, PLDI 2025); theirs knows sessions at every
// level, here only those levels do whose models say so.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "checkers/meter.h"
#include "checkers/transactional/registers.h"

namespace faultline::transactional {

/// Thrown where the memory ended; the checker then says so.
struct OutOfBytes {};

/// One writer of a key must come before another one.
struct Constraint {
  Transaction before = nobody;
  Transaction after = nobody;   ///< nobody: nil, which nothing comes before.
  Transaction reader = nobody;  ///< It read what `after` wrote, and knew of `before`.
  KeyIndex key = 0;
};

class Constraints {
 public:
  static constexpr std::size_t of_nil_max = 4;

  explicit Constraints(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}
  void add(const Constraint& constraint);

  std::span<const Constraint> all() const { return all_; }
  /// Nil was read by who knew of a writer: a contradiction each. A few of them, and their number.
  std::span<const Constraint> of_nil() const { return of_nil_; }
  std::uint64_t of_nil_count() const { return of_nil_count_; }

 private:
  const std::uint64_t bytes_max_;
  BigVector<Constraint> all_;
  std::vector<Constraint> of_nil_;
  std::uint64_t of_nil_count_ = 0;
};

/// The keys that committed transactions wrote, each once.
class WrittenKeys {
 public:
  explicit WrittenKeys(const Registers& registers);
  /// Ascending.
  std::span<const KeyIndex> of(Transaction t) const {
    return {keys_.data() + begins_[t], begins_[t + 1] - begins_[t]};
  }
  bool has(Transaction t, KeyIndex key) const;
  std::span<const KeyIndex> all() const { return keys_; }

 private:
  BigVector<std::uint32_t> begins_;
  BigVector<KeyIndex> keys_;
};

/// What a transaction read of others: visit(key, writer), nobody for nil, as often as it did.
template <typename Visit>
void each_read_of_others(const Registers& registers, Transaction t, Visit visit) {
  std::uint64_t micro = registers.first_micro(t);
  for (const MicroOperation& m : registers.transactions().of(t)) {
    const Version v = registers.seen(micro++);
    if (v != no_version) visit(m.key, registers.is_initial(v) ? nobody : registers.writer(v));
  }
}

/// Who read of whom, and if sessions count, what a process did before; with edges of the kind
/// `inferred` for the constraints.
Graph known_order(const Registers& registers, bool has_sessions,
                  std::span<const Constraint> constraints);

/// Monotonic atomic view: a read knows of those that the same transaction had read of before.
void constrain_monotonic(const Registers& registers, const WrittenKeys& written, Meter& meter,
                         Constraints& into);
/// Read atomic: it knows of all that its transaction read of. There must be no `internal`.
void constrain_atomic(const Registers& registers, const WrittenKeys& written, Meter& meter,
                      Constraints& into);
/// Read atomic with sessions, together with the above: it also knows of all that its process did
/// before. Only the last of those that wrote the key counts, since the rest come before that one.
void constrain_by_sessions(const Registers& registers, const WrittenKeys& written, Meter& meter,
                           Constraints& into);

}  // namespace faultline::transactional
