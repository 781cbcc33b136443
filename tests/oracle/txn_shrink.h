// Makes a history of transactions smaller for as long as something stays true of it, so that a
// failing test shows the least of it.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "tests/oracle/txn.h"

namespace faultline::oracle::txn {

using Predicate = std::function<bool(const Transactions&)>;

inline void forget(Transactions& history, int element) {
  for (Transaction& t : history)
    for (Micro& m : t.micros) std::erase(m.list, element);
}

/// Everything that is one step smaller.
inline std::vector<Transactions> smaller(const Transactions& history) {
  std::vector<Transactions> out;
  const auto changed = [&](auto&& change) {
    Transactions copy = history;
    change(copy);
    if (well_formed(copy)) out.push_back(std::move(copy));
  };
  using Offset = std::ptrdiff_t;
  std::uint32_t fresh = 0;
  for (const Transaction& t : history) fresh = std::max(fresh, t.process + 1);
  for (std::size_t t = 0; t < history.size(); ++t) {
    changed([&](Transactions& h) {
      for (const Micro& micro : history[t].micros)
        if (micro.append) forget(h, micro.element);
      h.erase(h.begin() + static_cast<Offset>(t));
    });
    if (history[t].fate == Fate::info) changed([&](Transactions& h) { h[t].fate = Fate::fail; });
    for (std::size_t m = 0; m < history[t].micros.size(); ++m) {
      const Micro& micro = history[t].micros[m];
      if (history[t].micros.size() > 1)
        changed([&](Transactions& h) {
          h[t].micros.erase(h[t].micros.begin() + static_cast<Offset>(m));
          if (micro.append) forget(h, micro.element);
        });
      for (std::size_t e = 0; e < micro.list.size(); ++e)
        changed([&](Transactions& h) {
          Elements& list = h[t].micros[m].list;
          list.erase(list.begin() + static_cast<Offset>(e));
        });
    }
    const bool alone = std::none_of(history.begin(), history.end(), [&](const Transaction& other) {
      return &other != &history[t] && other.process == history[t].process;
    });
    if (!alone) changed([&](Transactions& h) { h[t].process = fresh; });
  }
  return out;
}

inline Transactions shrunk(Transactions history, const Predicate& still) {
  for (bool again = true; again;) {
    again = false;
    for (Transactions& candidate : smaller(history)) {
      if (!still(candidate)) continue;
      history = std::move(candidate);
      again = true;
      break;
    }
  }
  return history;
}

}  // namespace faultline::oracle::txn
