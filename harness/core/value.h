// Values that clients send and receive. Two forms: `Value` owns its content and is what requests,
// outcomes and evidence are made of; `ValueHandle` is eight bytes and points into a ValuePool, and
// is what a history of ten million operations is made of.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "harness/core/big_vector.h"
#include "harness/core/check.h"

namespace faultline {

struct Value;
using List = std::vector<Value>;
using Map = std::vector<std::pair<std::string, Value>>;  ///< Order is for display only.

/// nil, boolean, integer, real, text, list or map: what JSON can say.
struct Value {
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Map> content;

  Value() = default;
  Value(bool v) : content(v) {}
  Value(int v) : content(std::int64_t{v}) {}
  Value(std::int64_t v) : content(v) {}
  Value(std::uint64_t v) : content(static_cast<std::int64_t>(v)) {}
  Value(double v) : content(v) {}
  Value(const char* v) : content(std::string(v)) {}
  Value(std::string v) : content(std::move(v)) {}
  Value(List v) : content(std::move(v)) {}
  Value(Map v) : content(std::move(v)) {}

  bool is_nil() const { return content.index() == 0; }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&content); }
  const std::string* text() const { return std::get_if<std::string>(&content); }
  const List* list() const { return std::get_if<List>(&content); }
  const Map* map() const { return std::get_if<Map>(&content); }

  friend bool operator==(const Value& a, const Value& b);
};

/// One line of JSON-like text, for messages and tables: nil, 7, "a", [1, 2]. Unequal values have
/// unequal texts.
std::string to_text(const Value& value);

/// The one spelling of a double: the shortest digits that read back as the same number, with a
/// point or an exponent, as in 1.0 and 1e+300. Both zeros are 0.0.
std::string real_spelling(double v);

/// A value in eight bytes. Equal handles mean equal values; unequal handles mean unequal values
/// except for lists and maps, which a pool does not deduplicate: use ValuePool::equal there.
class ValueHandle {
 public:
  enum class Kind : std::uint8_t { nil, integer, big_integer, boolean, text, real, list, map };

  constexpr ValueHandle() = default;
  static constexpr ValueHandle nil() { return {}; }
  static constexpr ValueHandle of_bits(std::uint64_t bits) {
    ValueHandle h;
    h.bits_ = bits;
    return h;
  }

  constexpr Kind kind() const { return static_cast<Kind>(bits_ & 7); }
  constexpr std::uint64_t bits() const { return bits_; }
  constexpr bool is_nil() const { return bits_ == 0; }
  /// True for integers held in the handle itself (61 bits), the common case.
  constexpr bool is_small_integer() const { return kind() == Kind::integer; }
  constexpr std::int64_t small_integer() const { return static_cast<std::int64_t>(bits_) >> 3; }
  constexpr bool is_compound() const { return kind() == Kind::list || kind() == Kind::map; }

  friend constexpr bool operator==(ValueHandle, ValueHandle) = default;

 private:
  friend class ValuePool;
  constexpr ValueHandle(Kind kind, std::uint64_t payload)
      : bits_((payload << 3) | static_cast<std::uint64_t>(kind)) {}

  std::uint64_t bits_ = 0;
};

/// Owns what handles point at. Append-only: a handle stays good as long as its pool. Not
/// thread-safe while it is appended to; afterwards any number of threads may read.
class ValuePool {
 public:
  ValueHandle integer(std::int64_t v);
  ValueHandle boolean(bool v) { return {ValueHandle::Kind::boolean, v ? 1u : 0u}; }
  ValueHandle text(std::string_view v);  ///< Interned: equal texts give equal handles.
  /// A JSON number that is no 64-bit integer, spelled by real_spelling; integers by their digits.
  ValueHandle real(std::string_view spelling);
  ValueHandle list(std::span<const ValueHandle> items);
  /// Alternating keys and values, in any order: maps are equal whatever the order was.
  ValueHandle map(std::span<const ValueHandle> keys_and_values);
  ValueHandle add(const Value& value);

  std::int64_t as_integer(ValueHandle h) const;   ///< Requires (big_)integer.
  std::string_view as_text(ValueHandle h) const;  ///< Requires text or real.
  /// Requires list or map.
  std::span<const ValueHandle> items(ValueHandle h) const {
    FAULTLINE_CHECK(h.is_compound());
    const std::uint64_t offset = h.bits() >> 3;
    return {compounds_.data() + offset + 1, compounds_[offset].bits()};
  }
  /// Asks for what items() will be wanted for, `words` of it, before that is needed; any handle.
  void prefetch(ValueHandle h, std::size_t words = 1) const {
    if (!h.is_compound()) return;
    const auto* const first = reinterpret_cast<const char*>(compounds_.data() + (h.bits() >> 3));
    for (std::size_t at = 0; at < words * sizeof(ValueHandle); at += 64)
      __builtin_prefetch(first + at);
  }

  bool equal(ValueHandle a, ValueHandle b) const;
  std::uint64_t hash(ValueHandle h) const;  ///< Equal values hash alike.
  Value value(ValueHandle h) const;
  /// As to_text of the value, but numbers that no Value can hold keep all their digits.
  std::string to_text(ValueHandle h) const;

  /// Copies `h` of another pool into this one.
  ValueHandle import(const ValuePool& other, ValueHandle h);

  /// What lists and maps fill so far: a word for each of them and for each item.
  std::size_t compound_words() const { return compounds_.size(); }
  void reserve_compound_words(std::size_t words) { compounds_.reserve(words); }
  /// Copies the list `root` of another pool with all lists in it, in one go. Its items may hold
  /// lists, but no maps, and nothing may have been made there since the first of those lists, at
  /// word `first`, but them. `translate(ValueHandle& leaf)` makes a text, a real or a big integer
  /// one of this pool's. It may refuse; then nothing is copied, and the answer is nil.
  template <typename Translate>
  ValueHandle import_lists(const ValuePool& other, std::size_t first, ValueHandle root,
                           Translate translate);

  /// Empties it, keeping its memory: handles mean nothing any more.
  void clear();

  std::uint64_t bytes() const;  ///< Roughly what it holds on the heap.

 private:
  ValueHandle intern(ValueHandle::Kind kind, std::string_view v);
  ValueHandle compound(ValueHandle::Kind kind, std::span<const ValueHandle> items);

  std::vector<std::int64_t> big_integers_;
  std::vector<std::string> texts_;
  std::unordered_map<std::string, std::uint32_t> text_index_;
  std::unordered_map<std::int64_t, std::uint32_t> big_index_;
  BigVector<ValueHandle> compounds_;  ///< count, then items; a handle holds the offset.
};

template <typename Translate>
ValueHandle ValuePool::import_lists(const ValuePool& other, std::size_t first, ValueHandle root,
                                    Translate translate) {
  const std::size_t begin = compounds_.size();
  const std::size_t words = (root.bits() >> 3) - first + 1 + other.items(root).size();
  const ValueHandle* from = other.compounds_.data() + first;
  compounds_.insert(compounds_.end(), from, from + words);
  const std::uint64_t moved = (begin - first) << 3;  // modulo 2^64: it may go down
  ValueHandle* const end = compounds_.data() + begin + words;
  for (ValueHandle* at = end - words; at != end;) {
    const std::size_t count = at->bits();
    ++at;
    for (ValueHandle* const next = at + count; at != next; ++at) {
      switch (at->kind()) {
        case ValueHandle::Kind::nil:
        case ValueHandle::Kind::boolean:
        case ValueHandle::Kind::integer:
          break;
        case ValueHandle::Kind::list:
          *at = ValueHandle::of_bits(at->bits() + moved);
          break;
        default:
          if (!translate(*at)) {
            compounds_.resize(begin);
            return {};
          }
      }
    }
  }
  return ValueHandle::of_bits(root.bits() + moved);
}

}  // namespace faultline
