// Histories of the transactional oracle, told event by event.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "harness/core/online.h"
#include "tests/oracle/txn_mutate.h"
#include "tests/oracle/txn_simulate.h"

namespace faultline::oracle::txn {

/// As they were recorded; that somebody gave up (info) is not told.
inline std::vector<OnlineEvent> events_of(const History& history) {
  std::vector<std::pair<Position, OnlineEvent>> timed;
  for (std::size_t row = 0; row < history.size(); ++row) {
    const auto process = history.process()[row];
    timed.push_back({history.begin()[row],
                     {process, true, Fate::info, Function::txn, history.argument()[row]}});
    if (history.end()[row] != never)
      timed.push_back(
          {history.end()[row],
           {process, false, history.fate()[row], Function::txn, history.output()[row]}});
  }
  std::ranges::sort(timed, {}, &std::pair<Position, OnlineEvent>::first);
  std::vector<OnlineEvent> events;
  for (const auto& [at, event] : timed) events.push_back(event);
  return events;
}

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

using Names = std::set<std::string>;

inline std::string joined(const Names& names) {
  std::string text;
  for (const std::string& name : names) text += " " + name;
  return text;
}

/// Of at most six transactions.
template <typename Comparison>
void compare_random(Comparison& comparison, Rng rng, long count) {
  Histories histories(rng);
  for (long i = 0; i < count; ++i) {
    const Transactions history = histories.next();
    comparison.compare(history, histories.spelling());
  }
}

/// Of databases of any level, some of them spoilt.
template <typename Comparison>
void compare_simulated(Comparison& comparison, Rng rng, long count) {
  Mutator mutator(rng.fork("mutation"));
  for (long i = 0; i < count; ++i) {
    const auto level = Simulation::any_level(rng);
    const int size = 5 + static_cast<int>(rng.below(40));
    const int processes = 2 + static_cast<int>(rng.below(6));
    Transactions history =
        Simulation(level, rng.fork(std::to_string(i)), {size, processes, keys_max}).run();
    std::ranges::sort(history, {}, &Transaction::begin);
    number_moments(history);
    for (auto spoilt = rng.below(3); spoilt > 0; --spoilt) mutator.spoil(history);
    comparison.compare(history, {});
  }
}

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
