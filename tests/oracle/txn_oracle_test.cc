// The transactional oracle itself: known anomalies, the definitions once more and word for word on
// the smallest histories, and what implies what.
#include "tests/oracle/txn_oracle.h"

#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "tests/oracle/judges.h"
#include "tests/oracle/txn_mutate.h"

namespace faultline::oracle::txn {
namespace {

constexpr int x = 0, y = 1;

Transaction ok(std::uint32_t process, int begin, int end, std::vector<Micro> micros) {
  return {process, begin, end, Fate::ok, std::move(micros)};
}

/// Which models allow it, a letter each from weak to strong: u(ncommitted) c(ommitted) p(arallel)
/// s(napshot isolation) S(ession) T(ime), then serializable: z Z(session) R(eal time); "." where it
/// does not. Cursor stability is beside these.
std::string allowed(const Transactions& history) {
  TxnOracle oracle;
  std::string out;
  for (std::size_t i = 0; i < 9; ++i)
    out += oracle.allows(history, all_models[i].model) ? "ucpsSTzZR"[i] : '.';
  return out;
}

TEST_CASE("transactional oracle: what is right") {
  CHECK(allowed({}) == "ucpsSTzZR");
  CHECK(allowed({ok(0, 0, 1, {append(x, 1), read(x, {1})}), ok(1, 2, 3, {read(x, {1})})}) ==
        "ucpsSTzZR");
}

TEST_CASE("transactional oracle: anomalies of isolation") {
  SUBCASE("write skew") {
    CHECK(allowed({ok(0, 0, 2, {read(x, {}), read(y, {}), append(x, 1)}),
                   ok(1, 1, 3, {read(x, {}), read(y, {}), append(y, 2)})}) == "ucpsST...");
  }
  SUBCASE("lost update: two saw the list without the other's element") {
    CHECK(allowed({ok(0, 0, 2, {read(x, {}), append(x, 1)}),
                   ok(1, 1, 3, {read(x, {}), append(x, 2)})}) == "uc.......");
  }
  SUBCASE("long fork") {
    CHECK(allowed({ok(0, 0, 4, {append(x, 1)}), ok(1, 1, 5, {append(y, 2)}),
                   ok(2, 2, 6, {read(x, {1}), read(y, {})}),
                   ok(3, 3, 7, {read(x, {}), read(y, {2})})}) == "ucp......");
  }
  SUBCASE("read skew: half of a transaction (G-single)") {
    CHECK(allowed({ok(0, 0, 2, {append(x, 1), append(y, 2)}),
                   ok(1, 1, 3, {read(x, {1}), read(y, {})})}) == "uc.......");
  }
  SUBCASE("circular information flow (G1c)") {
    CHECK(allowed({ok(0, 0, 2, {append(x, 1), read(y, {2})}),
                   ok(1, 1, 3, {append(y, 2), read(x, {1})})}) == "u........");
  }
  SUBCASE("dirty write (G0)") {
    CHECK(allowed({ok(0, 0, 3, {append(x, 1), append(y, 3)}),
                   ok(1, 1, 4, {append(x, 2), append(y, 4)}), ok(2, 2, 5, {read(x, {1, 2})}),
                   ok(3, 6, 7, {read(y, {4, 3})})}) == ".........");
  }
  SUBCASE("appends of two transactions one by one (G0 on one key)") {
    CHECK(allowed({ok(0, 0, 2, {append(x, 1), append(x, 2)}), ok(1, 1, 3, {append(x, 3)}),
                   ok(2, 4, 5, {read(x, {1, 3, 2})})}) == ".........");
  }
  SUBCASE("the read-only transaction of Fekete, O'Neil & O'Neil") {
    CHECK(allowed({ok(0, 0, 7, {read(x, {}), read(y, {}), append(x, 1)}),
                   ok(1, 1, 2, {read(y, {}), append(y, 2)}),
                   ok(2, 3, 4, {read(x, {}), read(y, {2})})}) == "ucpsST...");
  }
}

TEST_CASE("transactional oracle: sessions and real time") {
  SUBCASE("a stale read by another") {
    CHECK(allowed({ok(0, 0, 1, {append(x, 1)}), ok(1, 2, 3, {read(x, {})})}) == "ucpsS.zZ.");
  }
  SUBCASE("a stale read of one's own session") {
    CHECK(allowed({ok(0, 0, 1, {append(x, 1)}), ok(0, 2, 3, {read(x, {})})}) == "ucps..z..");
  }
  SUBCASE("reads that go back") {
    CHECK(allowed({ok(0, 0, 5, {append(x, 1)}), ok(1, 1, 2, {read(x, {1})}),
                   ok(1, 3, 4, {read(x, {})})}) == "ucps..z..");
  }
}

TEST_CASE("transactional oracle: infos and fails") {
  const Transaction failed{0, 0, 1, Fate::fail, {append(x, 1), append(x, 2)}};
  Transaction info = failed;
  info.fate = Fate::info;
  SUBCASE("aborted read (G1a)") {
    CHECK(allowed({failed, ok(1, 2, 3, {read(x, {1, 2})})}) == "u........");
  }
  SUBCASE("an info may have happened, at any time, or not") {
    CHECK(allowed({info, ok(1, 2, 3, {read(x, {1, 2})})}) == "ucpsSTzZR");
    CHECK(allowed({info, ok(1, 2, 3, {read(x, {})}), ok(1, 4, 5, {read(x, {1, 2})})}) ==
          "ucpsSTzZR");
    CHECK(allowed({info, ok(1, 2, 3, {read(x, {1, 2})}), ok(1, 4, 5, {read(x, {})})}) ==
          "ucps..z..");
  }
  SUBCASE("not before it was asked for") {
    CHECK(allowed({ok(1, 0, 1, {read(x, {3})}), {0, 2, 3, Fate::info, {append(x, 3)}}}) ==
          "ucpsS.zZ.");
  }
  SUBCASE("an info that nobody committed is no dirty write") {
    CHECK(allowed({{0, 0, 1, Fate::info, {append(x, 1), append(y, 2)}},
                   ok(1, 2, 3, {append(x, 3), append(y, 4)}),
                   ok(2, 4, 5, {read(x, {1, 3}), read(y, {4, 2})})}) == "u........");
  }
}

TEST_CASE("transactional oracle: what no transaction is needed for") {
  const Transaction two = ok(0, 0, 1, {append(x, 1), append(x, 2)});
  SUBCASE("intermediate read (G1b)") {
    CHECK(allowed({two, ok(1, 2, 3, {read(x, {1})})}) == "u........");
  }
  SUBCASE("one's own intermediate read is none") {
    CHECK(allowed({ok(0, 0, 1, {append(x, 1), read(x, {1}), append(x, 2)})}) == "ucpsSTzZR");
  }
  SUBCASE("internal: own append not seen") {
    CHECK(allowed({ok(0, 0, 1, {append(x, 1), read(x, {})})}) == "uc.......");
  }
  SUBCASE("internal: two answers") {
    CHECK(allowed({ok(0, 0, 2, {append(x, 1)}), ok(1, 1, 3, {read(x, {}), read(x, {1})})}) ==
          "uc.......");
  }
  SUBCASE("an element of nobody, an element twice, two branches") {
    CHECK(allowed({two, ok(1, 2, 3, {read(x, {1, 2, 7})})}) == ".........");
    CHECK(allowed({two, ok(1, 2, 3, {read(x, {1, 2, 1})})}) == ".........");
    CHECK(allowed({two, ok(1, 2, 3, {read(y, {1, 2})})}) == ".........");
    CHECK(allowed({ok(0, 0, 1, {append(x, 1)}), ok(1, 2, 3, {append(x, 2)}),
                   ok(2, 4, 5, {read(x, {1})}), ok(3, 6, 7, {read(x, {2})})}) == ".........");
  }
}

// The definitions once more, without a thought of what is enough to try.

bool closes_cycle(std::vector<Set> to) {
  for (std::size_t via = 0; via < to.size(); ++via)
    for (Set& from : to)
      if (has(from, via)) from |= to[via];
  for (std::size_t t = 0; t < to.size(); ++t)
    if (has(to[t], t)) return true;
  return false;
}

Set appenders(const Transactions& history, int key) {
  Set out = 0;
  for (std::size_t t = 0; t < history.size(); ++t)
    if (!appended(history[t], key).empty()) out |= only(t);
  return out;
}

/// Does every read show the appends of those visible to it, in the order of `place`, then its own?
bool explained(const Transactions& history, const std::vector<Set>& visible,
               const std::vector<int>& place) {
  for (std::size_t t = 0; t < history.size(); ++t) {
    std::map<int, std::size_t> seen;
    for (std::size_t u = 0; u < history.size(); ++u)
      if (has(visible[t], u)) seen[place[u]] = u;
    State state;
    for (const auto& [at, u] : seen)
      for (const Micro& m : history[u].micros)
        if (m.append) state[static_cast<std::size_t>(m.key)].push_back(m.element);
    for (const Micro& m : history[t].micros) {
      Elements& list = state[static_cast<std::size_t>(m.key)];
      if (m.append) list.push_back(m.element);
      if (!m.append && history[t].fate == Fate::ok && m.list != list) return false;
    }
  }
  return true;
}

/// Every relation VIS and every total order AR around it. `prefix`: who sees a transaction sees all
/// that AR has before it, which makes it snapshot isolation.
bool by_axioms(const Transactions& history, bool prefix) {
  const std::size_t n = history.size();
  std::vector<int> place(n);
  for (std::size_t t = 0; t < n; ++t) place[t] = static_cast<int>(t);
  do {
    for (std::uint32_t bits = 0; bits < 1u << (n * n); ++bits) {
      std::vector<Set> visible(n);
      bool good = true;
      for (std::size_t t = 0; t < n; ++t) {
        visible[t] = bits >> (n * t) & ((1u << n) - 1);
        for (std::size_t u = 0; u < n; ++u) good &= !has(visible[t], u) || place[u] < place[t];
      }
      for (std::size_t t = 0; t < n && good; ++t)
        for (std::size_t u = 0; u < n; ++u) {
          if (has(visible[t], u)) good &= (visible[u] & ~visible[t]) == 0;  // transitive
          for (int key = 0; key < keys_max; ++key)
            if (u != t && has(appenders(history, key), t) && has(appenders(history, key), u))
              good &= has(visible[t], u) || has(visible[u], t);
          for (std::size_t w = 0; w < n && prefix; ++w)
            if (place[w] < place[u] && has(visible[t], u)) good &= has(visible[t], w);
        }
      if (good && explained(history, visible, place)) return true;
    }
  } while (std::next_permutation(place.begin(), place.end()));
  return false;
}

/// Adya's G-cursor: a cycle of one anti-dependency and write dependencies, all of one key.
bool loses_cursor(const Transactions& history, const State& versions) {
  for (std::size_t t = 0; t < history.size(); ++t) {
    if (history[t].fate != Fate::ok) continue;
    for (std::size_t i = 0; i < history[t].micros.size(); ++i) {
      const Micro& read = history[t].micros[i];
      if (read.append) continue;
      bool is_first = true;
      for (std::size_t j = 0; j < i; ++j)
        is_first &= !history[t].micros[j].append || history[t].micros[j].key != read.key;
      const Elements& order = versions[static_cast<std::size_t>(read.key)];
      if (!is_first || read.list.size() >= order.size()) continue;
      const int next = appender(history, read.key, order[read.list.size()]);
      if (next == static_cast<int>(t)) continue;
      for (std::size_t at = read.list.size() + 1; at < order.size(); ++at)
        if (appender(history, read.key, order[at]) == static_cast<int>(t)) return true;
    }
  }
  return false;
}

/// Every version order of every key, and the edges of it.
bool by_version_orders(const Transactions& history, bool reads_too, bool cursors_too = false) {
  State versions;
  for (int key = 0; key < keys_max; ++key)
    for (const Transaction& t : history)
      for (const int e : appended(t, key))
        if (t.fate != Fate::fail) versions[static_cast<std::size_t>(key)].push_back(e);
  for (Elements& order : versions) std::sort(order.begin(), order.end());
  std::vector<Set> reads(history.size());
  bool phenomenon = false;
  each_read(history, [&](const Transaction& t, const Micro& m) {
    for (const int e : m.list) {
      const auto u = static_cast<std::size_t>(appender(history, m.key, e));
      phenomenon |= history[u].fate == Fate::fail;
      if (e != m.list.back() || &history[u] == &t) continue;
      phenomenon |= appended(history[u], m.key).back() != e;
      reads[u] |= only(static_cast<std::size_t>(&t - history.data()));
    }
  });
  if (reads_too && (phenomenon || reads_future(history))) return false;
  const auto acyclic = [&] {
    std::vector<Set> to = reads_too ? reads : std::vector<Set>(history.size());
    for (int key = 0; key < keys_max; ++key) {
      const Elements& order = versions[static_cast<std::size_t>(key)];
      for (std::size_t i = 0; i < order.size(); ++i)
        for (std::size_t j = i + 1; j < order.size(); ++j) {
          const int a = appender(history, key, order[i]), b = appender(history, key, order[j]);
          if (a != b) to[static_cast<std::size_t>(a)] |= only(static_cast<std::size_t>(b));
        }
    }
    return !closes_cycle(to) && !(cursors_too && loses_cursor(history, versions));
  };
  const auto try_all = [&](auto&& self, std::size_t key) -> bool {
    if (key == keys_max) return acyclic();
    do {
      bool fits = true;
      each_read(history, [&](const Transaction&, const Micro& m) {
        Elements list;
        for (const int e : m.list)
          if (history[static_cast<std::size_t>(appender(history, m.key, e))].fate != Fate::fail)
            list.push_back(e);
        fits &= m.key != static_cast<int>(key) || is_prefix(list, versions[key]);
      });
      if (fits && self(self, key + 1)) return true;
    } while (std::next_permutation(versions[key].begin(), versions[key].end()));
    return false;
  };
  return try_all(try_all, 0);
}

/// By `allows`, for some set of the infos: the others become fails.
template <typename Allows>
bool for_some_fates(Transactions history, Allows&& allows) {
  State longest;
  if (!sane(history, longest)) return false;
  for (Transaction& t : history)
    if (t.fate == Fate::info) {
      t.fate = Fate::fail;
      if (for_some_fates(history, allows)) return true;
      t.fate = Fate::mismatch;  // it happened: neither ok, nor judged again
      return for_some_fates(history, allows);
    }
  return allows(history);
}

Transactions without_fails(const Transactions& history) {
  Transactions out;
  for (const Transaction& t : history)
    if (t.fate != Fate::fail) out.push_back(t);
  return out;
}

bool small(const Transactions& history) {
  std::size_t appends = 0;
  for (const Transaction& t : history)
    for (const Micro& m : t.micros) appends += m.append;
  return history.size() <= 3 && appends <= 6;
}

TEST_CASE("transactional oracle: the shorter ways agree with the definitions word for word") {
  Histories histories{Rng(11)};
  TxnOracle oracle;
  const long count = iterations(20'000);
  constexpr std::array<std::size_t, 5> which = {0, 1, 2, 3, 9};  // of all_models
  std::array<long, 5> valid{};
  long wrong = 0;
  for (long i = 0; i < count; ++i) {
    Transactions history = histories.next();
    while (!small(history)) history = histories.next();
    const std::array<bool, 5> literal = {
        for_some_fates(history, [](const auto& h) { return by_version_orders(h, false); }),
        for_some_fates(history, [](const auto& h) { return by_version_orders(h, true); }),
        for_some_fates(history, [](const auto& h) { return by_axioms(without_fails(h), false); }),
        for_some_fates(history, [](const auto& h) { return by_axioms(without_fails(h), true); }),
        for_some_fates(history, [](const auto& h) { return by_version_orders(h, true, true); })};
    for (std::size_t m = 0; m < literal.size(); ++m) {
      valid[m] += literal[m];
      const ModelName& model = all_models[which[m]];
      if (literal[m] == oracle.allows(history, model.model)) continue;
      if (++wrong == 1)
        FAIL_CHECK(model.name << ": by its definition " << literal[m] << "\n" << to_text(history));
    }
  }
  CHECK(wrong == 0);
  for (const long v : valid) {
    CHECK(v > count / 10);
    CHECK(count - v > count / 100);
  }
}

TEST_CASE("transactional oracle: a stronger model never allows what a weaker one forbids") {
  // By place in all_models: each implies the next.
  const std::vector<std::vector<std::size_t>> chains = {
      {8, 7, 6, 3, 2, 1, 0}, {8, 5, 4, 3}, {7, 4}, {2, 9, 1}};
  Histories histories{Rng(12)};
  TxnOracle oracle;
  const long count = iterations(50'000);
  long wrong = 0;
  std::map<std::pair<std::size_t, std::size_t>, long> apart;
  for (long i = 0; i < count; ++i) {
    const Transactions history = histories.next();
    std::array<bool, all_models.size()> allows{};
    for (std::size_t m = 0; m < allows.size(); ++m)
      allows[m] = oracle.allows(history, all_models[m].model);
    for (const std::vector<std::size_t>& chain : chains)
      for (std::size_t at = 0; at + 1 < chain.size(); ++at) {
        apart[{chain[at], chain[at + 1]}] += allows[chain[at + 1]] && !allows[chain[at]];
        if (!allows[chain[at]] || allows[chain[at + 1]]) continue;
        if (++wrong == 1)
          FAIL_CHECK(all_models[chain[at]].name << " but not " << all_models[chain[at + 1]].name
                                                << "\n"
                                                << to_text(history));
      }
  }
  CHECK(wrong == 0);
  for (const auto& [pair, times] : apart) {
    CAPTURE(all_models[pair.first].name);
    CAPTURE(all_models[pair.second].name);
    CHECK(times > count / 1000);  // and each step is one
    MESSAGE(all_models[pair.second].name << " without " << all_models[pair.first].name << ": "
                                         << times);
  }
}

}  // namespace
}  // namespace faultline::oracle::txn
