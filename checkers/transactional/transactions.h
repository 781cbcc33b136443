// The transactions of a history as its checkers want them: micro-operations one after the other in
// one array, keys and appended elements as dense numbers.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/big_vector.h"
#include "harness/core/history.h"

namespace faultline::transactional {

/// A row of the history.
using Transaction = std::uint32_t;
inline constexpr Transaction nobody = 0xffffffffu;
/// Dense from 0, in the order of the history.
using KeyIndex = std::uint32_t;
using AppendId = std::uint32_t;
inline constexpr AppendId no_append = 0xffffffffu;

/// What transactions work on, and how they say so: lists ["append", key, element] and
/// ["r", key, list], registers ["w", key, value] and ["r", key, value], or rows, which are also
/// deleted and searched for (predicate_rows.h).
enum class Objects : std::uint8_t { lists, registers, rows };

struct MicroOperation {
  /// The element or value written, or what was read; nil: an empty list, or no value yet.
  ValueHandle value;
  KeyIndex key = 0;
  AppendId append = no_append;  ///< Its number, if it writes; all of the history count.
  bool is_append() const { return append != no_append; }
  /// Of rows: it looks for them, and has no key but the search's number.
  static constexpr KeyIndex search_bit = 0x80000000u;
  bool is_search() const { return (key & search_bit) != 0; }
  std::size_t search() const { return key & ~search_bit; }
};

/// An append to a list or a write of a register, whoever made it, whatever became of it.
struct Append {
  ValueHandle element;
  KeyIndex key = 0;
  Transaction transaction = 0;
};

/// A row that a search found.
struct FoundRow {
  KeyIndex key = 0;
  ValueHandle value;
};

/// Rows that are looked for by a predicate, to read or to delete them.
struct RowSearch {
  ValueHandle predicate;             ///< As it stands in the history.
  std::uint64_t begin = 0, end = 0;  ///< What it found, among all that was found.
  bool deletes = false;
};

class Prefixes;

/// Of a history of transactions on such objects. Keeps a reference to it.
class Transactions {
 public:
  explicit Transactions(const History& history, Objects objects = Objects::lists)
      : Transactions(history, objects, nullptr) {}
  /// Of lists; `prefixes`, which is empty, is told of what was read.
  Transactions(const History& history, Prefixes& prefixes)
      : Transactions(history, Objects::lists, &prefixes) {}

  /// Whether a row asks for a micro-operation of that name, of three parts, in a transaction.
  static bool has_micro(const History& history, std::size_t row, std::string_view name);

  const History& history() const { return *history_; }
  /// Why it is no such history, in words; then it is empty. Empty if it is one.
  const std::string& unsupported() const { return unsupported_; }

  std::size_t size() const { return offsets_.size() - 1; }
  std::span<const MicroOperation> of(Transaction t) const {
    return {micro_.data() + offsets_[t], offsets_[t + 1] - offsets_[t]};
  }
  /// The number of its first micro-operation; all of the history count.
  std::uint64_t first_micro(Transaction t) const { return offsets_[t]; }
  Fate fate(Transaction t) const { return history_->fate()[t]; }
  std::span<const MicroOperation> micro() const { return micro_; }
  std::span<const Append> appends() const { return appends_; }
  std::size_t key_count() const { return keys_.size(); }
  std::string key_text(KeyIndex key) const { return history_->values().to_text(keys_[key]); }
  /// What a read of an ok transaction saw; others' answers are not known.
  std::span<const ValueHandle> list(const MicroOperation& read) const {
    if (read.value.is_nil()) return {};
    return history_->values().items(read.value);
  }
  std::uint64_t reads() const { return reads_; }  ///< Of ok transactions.
  ValueHandle key_value(KeyIndex key) const { return keys_[key]; }
  /// Of rows: what was looked for, and what was found; nothing of transactions that are not ok.
  std::span<const RowSearch> searches() const { return searches_; }
  std::span<const FoundRow> found(const RowSearch& search) const {
    return std::span(found_).subspan(search.begin, search.end - search.begin);
  }
  /// Of rows: a map that says what was there before all else, instead of a list of accesses.
  bool is_initial(Transaction t) const {
    return history_->argument()[t].kind() == ValueHandle::Kind::map;
  }
  /// Of registers: a read of `initial` read what was there before any write, as one of nil.
  void take_for_nil(std::int64_t initial);
  std::uint64_t bytes() const;

 private:
  class Reader;

  Transactions(const History& history, Objects objects, Prefixes* prefixes);

  const History* history_;
  std::string unsupported_;
  BigVector<std::uint64_t> offsets_;
  BigVector<MicroOperation> micro_;
  BigVector<Append> appends_;
  std::vector<ValueHandle> keys_;
  std::vector<RowSearch> searches_;
  std::vector<FoundRow> found_;
  std::uint64_t reads_ = 0;
};

/// Which append put an element into the list of a key, or which write a value into a register.
/// Each is written once at most.
class Elements {
 public:
  explicit Elements(const Transactions& transactions);

  /// Two appends of one element, if there are such: then nothing can be said.
  AppendId repeated() const { return repeated_; }
  AppendId repeated_by() const { return repeated_by_; }
  /// no_append: nobody appended it.
  AppendId find(KeyIndex key, ValueHandle element) const;
  std::uint64_t bytes() const;

 private:
  /// Elements of a key that are integers close together are looked up by subtraction, others by
  /// hash, in slots of their own. A slot holds an append's number, or no_append.
  struct Table {
    std::int64_t lowest = 0;
    std::uint64_t begin = 0, size = 0;
    bool is_direct = false;
  };
  std::uint64_t place_of(const Table& table, ValueHandle element) const;

  const Transactions* transactions_;
  std::vector<Table> tables_;
  BigVector<AppendId> slots_;
  AppendId repeated_ = no_append, repeated_by_ = no_append;
};

}  // namespace faultline::transactional
