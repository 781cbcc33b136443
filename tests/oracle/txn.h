// Small histories of transactions of appends and reads, for the transactional oracle: what they
// are, how they read, and how a checker gets them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/check.h"
#include "harness/core/history.h"

namespace faultline::oracle::txn {

inline constexpr int keys_max = 3;
inline constexpr std::size_t transactions_max = 12;

using Elements = std::vector<int>;

/// One micro-operation. Every element is appended once in a history.
struct Micro {
  bool append = false;
  int key = 0;
  int element = 0;  ///< Appended.
  Elements list;    ///< Read. Known to the client only if the transaction is ok.
};

struct Transaction {
  std::uint32_t process = 0;  ///< Its session.
  int begin = 0, end = 0;     ///< Unique moments. Of an info, `end` is when the client gave up.
  Fate fate = Fate::ok;
  std::vector<Micro> micros;
};
using Transactions = std::vector<Transaction>;

inline Micro append(int key, int element) { return {true, key, element, {}}; }
inline Micro read(int key, Elements list) { return {false, key, 0, std::move(list)}; }

/// In real time.
inline bool precedes(const Transaction& a, const Transaction& b) {
  return a.fate != Fate::info && a.end < b.begin;
}
/// In their session.
inline bool session_precedes(const Transaction& a, const Transaction& b) {
  return a.process == b.process && a.begin < b.begin;
}

/// What a transaction appends to a key, in its order.
inline Elements appended(const Transaction& t, int key) {
  Elements out;
  for (const Micro& m : t.micros)
    if (m.append && m.key == key) out.push_back(m.element);
  return out;
}

inline bool is_prefix(const Elements& a, const Elements& b) {
  return a.size() <= b.size() && std::equal(a.begin(), a.end(), b.begin());
}

/// Calls `visit(transaction, micro)` for every read whose answer is known.
template <typename Visit>
void each_read(const Transactions& history, Visit&& visit) {
  for (const Transaction& t : history)
    for (const Micro& m : t.micros)
      if (t.fate == Fate::ok && !m.append) visit(t, m);
}

/// The transaction that appends the element to the key, whatever became of it; -1: none.
inline int appender(const Transactions& history, int key, int element) {
  for (std::size_t t = 0; t < history.size(); ++t)
    for (const Micro& m : history[t].micros)
      if (m.append && m.key == key && m.element == element) return static_cast<int>(t);
  return -1;
}

/// Does somebody read what it only appends later?
inline bool reads_future(const Transactions& history) {
  for (const Transaction& t : history)
    for (std::size_t i = 0; i < t.micros.size() && t.fate == Fate::ok; ++i)
      for (std::size_t j = i + 1; j < t.micros.size() && !t.micros[i].append; ++j) {
        const Elements& list = t.micros[i].list;
        if (t.micros[j].append && t.micros[j].key == t.micros[i].key &&
            std::find(list.begin(), list.end(), t.micros[j].element) != list.end())
          return true;
      }
  return false;
}

/// Sessions are sequential, end with an info, and no moment is taken twice.
inline bool well_formed(const Transactions& history) {
  for (const Transaction& a : history) {
    if (a.begin >= a.end) return false;
    for (const Transaction& b : history) {
      if (&a == &b) continue;
      if (a.begin == b.begin || a.end == b.end || a.begin == b.end) return false;
      if (a.process == b.process && a.begin < b.begin && (a.end > b.begin || a.fate == Fate::info))
        return false;
    }
  }
  return true;
}

inline std::string to_text(const Elements& list) {
  std::string out = "[";
  for (const int e : list) out += (out.size() == 1 ? "" : " ") + std::to_string(e);
  return out + "]";
}

inline std::string to_text(const Transactions& history) {
  std::string out;
  for (std::size_t i = 0; i < history.size(); ++i) {
    const Transaction& t = history[i];
    out += "T" + std::to_string(i) + " process " + std::to_string(t.process) + " [" +
           std::to_string(t.begin) + ", " +
           (t.fate == Fate::info ? "info" : std::to_string(t.end)) + "] " +
           std::string(name_of(t.fate)) + ":";
    for (const Micro& m : t.micros) {
      out += std::string(m.append ? " append " : " read ") + "xyz"[m.key] + " ";
      if (m.append) out += std::to_string(m.element);
      if (!m.append) out += t.fate == Fate::ok ? to_text(m.list) : "nil";
      out += ";";
    }
    out += "\n";
  }
  return out;
}

/// How the same history may be written down; none of it may change a verdict.
struct Spelling {
  bool text_keys = false;
  bool infos_complete = true;    ///< Infos have a completion, or none.
  bool echo = true;              ///< Infos and fails answer what was asked, or nil.
  bool appends_as_text = false;  ///< Elements are texts.
  bool registers = false;        ///< Appends are writes; what a read saw last is what it read.
};

class Speller {
 public:
  explicit Speller(const Spelling& spelling) : spelling_(spelling) {}

  History history(const Transactions& transactions) {
    struct Event {
      int at;
      bool end;
      const Transaction* of;
    };
    std::vector<Event> events;
    for (const Transaction& t : transactions) {
      events.push_back({t.begin, false, &t});
      if (t.fate != Fate::info || spelling_.infos_complete) events.push_back({t.end, true, &t});
    }
    std::sort(events.begin(), events.end(),
              [](const Event& a, const Event& b) { return a.at < b.at; });
    HistoryBuilder builder;
    for (const Event& event : events) {
      const Transaction& t = *event.of;
      const bool known = event.end && t.fate == Fate::ok;
      Value value = known || !event.end || spelling_.echo ? micros(t, known) : Value();
      const ValueHandle said = builder.values().add(value);
      const Status status = event.end ? builder.complete({t.process, t.fate, said})
                                      : builder.invoke({t.process, Function::txn, no_key, said});
      FAULTLINE_CHECK(status);
    }
    return builder.finish();
  }

 private:
  Value key(int k) const {
    return spelling_.text_keys ? Value(std::string(1, "xyz"[k])) : Value(k);
  }
  Value element(int e) const {
    return spelling_.appends_as_text ? Value("e" + std::to_string(e)) : Value(e);
  }
  Value micros(const Transaction& t, bool answered) const {
    List out;
    for (const Micro& m : t.micros) {
      if (m.append) {
        out.emplace_back(
            List{spelling_.registers ? "w" : "append", key(m.key), element(m.element)});
        continue;
      }
      if (spelling_.registers) {
        const bool is_nil = !answered || m.list.empty();
        out.emplace_back(List{"r", key(m.key), is_nil ? Value() : element(m.list.back())});
        continue;
      }
      List list;
      for (const int e : m.list) list.push_back(element(e));
      out.emplace_back(List{"r", key(m.key), answered ? Value(std::move(list)) : Value()});
    }
    return out;
  }

  Spelling spelling_;
};

}  // namespace faultline::oracle::txn
