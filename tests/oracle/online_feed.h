// Histories of the transactional oracle, told event by event.
#pragma once

#include <algorithm>
#include <vector>

#include "harness/core/online.h"
#include "tests/oracle/txn.h"

namespace faultline::oracle::txn {

struct Feed {
  History history;  ///< Whose pool the handles are of.
  std::vector<OnlineEvent> events;

  Feed(const Transactions& transactions, const Spelling& spelling)
      : history(Speller(spelling).history(transactions)) {
    std::vector<const Transaction*> rows;
    for (const Transaction& t : transactions) rows.push_back(&t);
    std::ranges::sort(rows, {}, &Transaction::begin);
    std::vector<std::pair<int, OnlineEvent>> timed;
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const Transaction& t = *rows[row];
      timed.push_back(
          {t.begin, {t.process, true, Fate::info, Function::txn, history.argument()[row]}});
      if (t.fate != Fate::info || spelling.infos_complete)
        timed.push_back({t.end, {t.process, false, t.fate, Function::txn, history.output()[row]}});
    }
    std::ranges::sort(timed, {}, &std::pair<int, OnlineEvent>::first);
    for (const auto& [at, event] : timed) events.push_back(event);
  }
};

/// Every append of what happened was read, and every element that was read was asked for: in the
/// end, nothing is left to be decided.
inline bool reads_everything(const Transactions& history) {
  std::array<Elements, keys_max + 8> longest;
  bool all = true;
  each_read(history, [&](const Transaction&, const Micro& m) {
    Elements& list = longest[static_cast<std::size_t>(m.key)];
    if (m.list.size() > list.size()) list = m.list;
    for (const int e : m.list) all = all && appender(history, m.key, e) >= 0;
  });
  for (const Transaction& t : history) {
    std::size_t read = 0, appends = 0;
    for (const Micro& m : t.micros) {
      if (!m.append) continue;
      ++appends;
      read += std::ranges::count(longest[static_cast<std::size_t>(m.key)], m.element) > 0;
    }
    if (t.fate == Fate::ok && read < appends) all = false;
    if (t.fate == Fate::info && read > 0 && read < appends) all = false;
  }
  return all;
}

}  // namespace faultline::oracle::txn
