// The models that the judge of registers knows (registers_oracle.h), and what a transaction of
// registers is.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/oracle/txn.h"

namespace faultline::oracle::registers {

using txn::keys_max;
using txn::Micro;
using txn::Transaction;
using txn::Transactions;
using txn::transactions_max;

enum class Kind {
  uncommitted,
  committed,
  monotonic,
  monotonic_atomic,
  atomic,
  convergent,
  causal,
  consistent,
  cursor,
  parallel,
  snapshot,
  serializable,
};
enum class Order { none, session, real_time };

struct Model {
  std::string_view name;
  Kind kind;
  Order order;
};
inline constexpr std::array<Model, 24> models = {{
    {"read-uncommitted", Kind::uncommitted, Order::none},
    {"strong-session-read-uncommitted", Kind::uncommitted, Order::session},
    {"strong-read-uncommitted", Kind::uncommitted, Order::real_time},
    {"read-committed", Kind::committed, Order::none},
    {"strong-session-read-committed", Kind::committed, Order::session},
    {"strong-read-committed", Kind::committed, Order::real_time},
    {"monotonic-view", Kind::monotonic, Order::none},
    {"monotonic-atomic-view", Kind::monotonic_atomic, Order::none},
    {"read-atomic", Kind::atomic, Order::none},
    {"strong-session-read-atomic", Kind::atomic, Order::session},
    {"causal-cerone", Kind::convergent, Order::none},
    {"strong-session-causal", Kind::convergent, Order::session},
    {"causal", Kind::causal, Order::session},
    {"cursor-stability", Kind::cursor, Order::none},
    {"consistent-view", Kind::consistent, Order::none},
    {"strong-session-consistent-view", Kind::consistent, Order::session},
    {"strong-consistent-view", Kind::consistent, Order::real_time},
    {"parallel-snapshot-isolation", Kind::parallel, Order::none},
    {"snapshot-isolation", Kind::snapshot, Order::none},
    {"strong-session-snapshot-isolation", Kind::snapshot, Order::session},
    {"strong-snapshot-isolation", Kind::snapshot, Order::real_time},
    {"serializable", Kind::serializable, Order::none},
    {"strong-session-serializable", Kind::serializable, Order::session},
    {"strict-serializable", Kind::serializable, Order::real_time},
}};

using Set = std::uint32_t;  ///< Of transactions.
inline constexpr bool has(Set set, std::size_t t) { return (set >> t & 1) != 0; }
inline constexpr Set only(std::size_t t) { return Set{1} << t; }

/// What it read, or wrote; 0: nil.
inline int value_of(const Micro& m) {
  return m.append ? m.element : m.list.empty() ? 0 : m.list.back();
}

/// The last value that the transaction writes to the key; 0: none.
inline int last_write(const Transaction& t, int key) {
  int last = 0;
  for (const Micro& m : t.micros)
    if (m.append && m.key == key) last = m.element;
  return last;
}

/// Every model needs values that somebody wrote.
inline bool sane(const Transactions& history) {
  bool good = true;
  txn::each_read(history, [&](const Transaction&, const Micro& m) {
    good &= value_of(m) == 0 || txn::appender(history, m.key, value_of(m)) >= 0;
  });
  return good;
}

/// Does somebody read what it only writes later?
inline bool reads_own_future(const Transactions& history) {
  for (const Transaction& t : history)
    for (std::size_t i = 0; i < t.micros.size() && t.fate == Fate::ok; ++i)
      for (std::size_t j = i + 1; j < t.micros.size() && !t.micros[i].append; ++j)
        if (t.micros[j].append && t.micros[j].key == t.micros[i].key &&
            t.micros[j].element == value_of(t.micros[i]))
          return true;
  return false;
}

}  // namespace faultline::oracle::registers
