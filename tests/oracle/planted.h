// Histories of transactions in which nothing is wrong but what is planted in them.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/core/check.h"
#include "harness/core/checker.h"
#include "harness/core/history.h"
#include "harness/core/rng.h"

namespace faultline::oracle::planted {

/// Of what is planted. Keys are 'a' to 'z'. Registers are lists of which the last element is read.
/// Where there are rows, a key is a table: an append inserts a row of that name and value, and a
/// read looks for all that are in the table. 'A' is the first row of table 'a' by itself, written
/// or read; table 'i' has its first row from the beginning.
struct Micro {
  char key;
  int element = 0;          ///< Appended, or written; 0: a read.
  std::vector<int> list{};  ///< Read.
};
inline Micro append(char key, int element) { return {key, element}; }
inline Micro read(char key, std::vector<int> list) { return {key, 0, std::move(list)}; }

/// An event: a transaction of that process begins, or ends. Processes are counted from 0.
struct Event {
  std::uint32_t process;
  bool begins;
  std::vector<Micro> micros;
  Fate fate = Fate::ok;
};

class Plant {
 public:
  Plant& begin(std::uint32_t process, std::vector<Micro> micros) {
    events.push_back({process, true, std::move(micros)});
    return *this;
  }
  Plant& end(std::uint32_t process, std::vector<Micro> micros, Fate fate = Fate::ok) {
    events.push_back({process, false, std::move(micros), fate});
    return *this;
  }
  Plant& both(std::uint32_t process, const std::vector<Micro>& micros, Fate fate = Fate::ok) {
    return begin(process, micros).end(process, micros, fate);
  }
  Plant& together(const std::vector<std::vector<Micro>>& transactions) {
    for (std::uint32_t p = 0; p < transactions.size(); ++p) begin(p, transactions[p]);
    for (std::uint32_t p = 0; p < transactions.size(); ++p) end(p, transactions[p]);
    return *this;
  }

  std::vector<Event> events;
};

using Counts = std::map<std::string, std::uint64_t>;

struct Kind {
  const char* name;
  Plant plant;
  Counts found;
};

inline Counts counts(const Verdict& verdict) {
  return {verdict.anomalies.begin(), verdict.anomalies.end()};
}
inline std::string text(const Counts& counts) {
  std::string out;
  for (const auto& [name, count] : counts) out += name + " " + std::to_string(count) + "; ";
  return out;
}

enum class Objects { lists, registers, rows };

/// Transactions that take effect one after the other, each at once, between its two events; and,
/// in between, at random places, the events of what is planted.
class Long {
 public:
  /// A key is retired after `list_max` appends.
  Long(std::size_t transactions, Rng rng, Objects objects = Objects::lists,
       std::size_t list_max = 16)
      : transactions_(transactions), list_max_(list_max), rng_(std::move(rng)), objects_(objects) {
    ValuePool& pool = builder_.values();
    append_ = pool.text(objects == Objects::lists ? "append" : "w"), r_ = pool.text("r");
    r_where_ = pool.text("r-where"), any_ = pool.text("any");
    for (std::size_t i = 0; i < active; ++i) active_.push_back(fresh());
  }

  void plant(const Plant& what) {
    queues_.push_back({&what.events, 0, next_process_, rng_.below(transactions_)});
    next_process_ += 10;
  }

  History run() {
    if (objects_ == Objects::rows) tell_initial();
    for (std::size_t done = 0; done < transactions_;) {
      for (Queue& queue : queues_)
        if (queue.next < queue.events->size() && queue.from <= done && rng_.below(8) == 0)
          tell(queue);
      done += step();
    }
    for (Queue& queue : queues_)
      while (queue.next < queue.events->size()) tell(queue);
    return builder_.finish();
  }

 private:
  static constexpr std::size_t active = 10, rows_max = 6;
  static constexpr std::uint32_t processes = 20;

  struct Queue {
    const std::vector<Event>* events;
    std::size_t next;
    std::uint32_t process;
    std::size_t from;  ///< Not before so many transactions.
  };
  struct Key {
    std::int64_t id = 0;
    std::vector<ValueHandle> list{};
    std::uint64_t rows = 0;
  };

  Key fresh() { return {next_key_++}; }

  bool step() {
    const auto p = static_cast<std::uint32_t>(rng_.below(processes));
    if (open_[p]) {
      FAULTLINE_CHECK(builder_.complete({p, Fate::ok, *open_[p], no_error, no_time}));
      open_[p].reset();
      return true;
    }
    open_[p] = execute();
    FAULTLINE_CHECK(builder_.invoke({p, Function::txn, no_key, *open_[p], no_node, no_time}));
    return false;
  }

  ValueHandle execute() {
    ValuePool& pool = builder_.values();
    std::vector<ValueHandle> micros;
    for (std::uint64_t n = 1 + rng_.below(4); n > 0; --n) {
      Key& key = active_[static_cast<std::size_t>(
          std::min<int>(active - 1, std::countr_zero(rng_.below(1024) | 512)))];
      if (objects_ == Objects::rows) {
        micros.push_back(execute_on(key));
        continue;
      }
      if (rng_.below(2) == 0) {
        micros.push_back(pool.list(std::vector{r_, pool.integer(key.id), seen(key.list)}));
        continue;
      }
      const ValueHandle element = pool.integer(static_cast<std::int64_t>(key.list.size()));
      key.list.push_back(element);
      micros.push_back(pool.list(std::vector{append_, pool.integer(key.id), element}));
      if (key.list.size() >= list_max_) key = fresh();
    }
    return pool.list(micros);
  }

  // --- Rows ---

  ValueHandle row(const std::string& table, std::int64_t name) {
    return builder_.values().text(table + std::to_string(name));
  }
  ValueHandle insertion(const std::string& table, std::int64_t name, std::int64_t value) {
    return builder_.values().list(
        std::vector{append_, row(table, name), builder_.values().integer(value)});
  }
  ValueHandle search(const std::string& table, std::optional<std::vector<int>> found) {
    ValuePool& pool = builder_.values();
    ValueHandle answer;
    if (found) {
      std::vector<ValueHandle> rows;
      for (const int name : *found)
        rows.push_back(pool.list(std::vector{row(table, name), pool.integer(name)}));
      answer = pool.list(rows);
    }
    const ValueHandle predicate = pool.list(std::vector{pool.text(table), any_, ValueHandle()});
    return pool.list(std::vector{r_where_, predicate, answer});
  }
  ValueHandle reading(const std::string& table, std::int64_t name, ValueHandle value) {
    return builder_.values().list(std::vector{r_, row(table, name), value});
  }

  /// A table of the others: searches, insertions, and reads of rows that are there or will be.
  ValueHandle execute_on(Key& key) {
    const std::string table = "t" + std::to_string(key.id) + "/";
    const int count = static_cast<int>(key.rows);
    const std::uint64_t luck = rng_.below(8);
    if (luck < 3) {
      std::vector<int> found;
      for (int name = 1; name <= count; ++name) found.push_back(name);
      return search(table, std::move(found));
    }
    if (luck == 3) {
      const int name = 1 + static_cast<int>(rng_.below(rows_max));
      return reading(table, name, name <= count ? builder_.values().integer(name) : ValueHandle());
    }
    const ValueHandle made = insertion(table, count + 1, count + 1);
    if (++key.rows >= rows_max) key = fresh();
    return made;
  }

  void tell_initial() {
    ValuePool& pool = builder_.values();
    Map map = {{"i/1", 1}};
    for (const Queue& queue : queues_)
      map.emplace_back("i" + std::to_string(queue.process) + "/1", 1);
    const std::uint32_t process = next_process_;
    const ValueHandle value = pool.add(map);
    FAULTLINE_CHECK(builder_.invoke({process, Function::txn, no_key, value, no_node, no_time}));
    FAULTLINE_CHECK(builder_.complete({process, Fate::ok, value, no_error, no_time}));
  }

  ValueHandle on_rows(const Micro& m, std::uint32_t process, bool begins) {
    const bool by_key = m.key < 'a';
    const std::string table =
        static_cast<char>(by_key ? m.key - 'A' + 'a' : m.key) + std::to_string(process) + "/";
    if (m.element != 0) return insertion(table, by_key ? 1 : m.element, m.element);
    if (!by_key)
      return search(table, begins ? std::nullopt : std::optional<std::vector<int>>(m.list));
    const bool is_nil = begins || m.list.empty();
    return reading(table, 1, is_nil ? ValueHandle() : builder_.values().integer(m.list.back()));
  }

  ValueHandle seen(const std::vector<ValueHandle>& list) {
    if (objects_ == Objects::lists) return builder_.values().list(list);
    return list.empty() ? ValueHandle() : list.back();
  }

  /// The next event of what is planted, on keys of its own.
  void tell(Queue& queue) {
    const Event& event = (*queue.events)[queue.next++];
    ValuePool& pool = builder_.values();
    std::vector<ValueHandle> micros;
    for (const Micro& m : event.micros) {
      if (objects_ == Objects::rows) {
        micros.push_back(on_rows(m, queue.process, event.begins));
        continue;
      }
      const ValueHandle key = pool.text(m.key + std::to_string(queue.process));
      if (m.element != 0) {
        micros.push_back(pool.list(std::vector{append_, key, pool.integer(m.element)}));
        continue;
      }
      std::vector<ValueHandle> list;
      for (const int e : m.list) list.push_back(pool.integer(e));
      micros.push_back(pool.list(std::vector{r_, key, event.begins ? ValueHandle() : seen(list)}));
    }
    const std::uint32_t process = queue.process + event.process;
    const ValueHandle value = pool.list(micros);
    if (event.begins)
      FAULTLINE_CHECK(builder_.invoke({process, Function::txn, no_key, value, no_node, no_time}));
    else
      FAULTLINE_CHECK(builder_.complete({process, event.fate, value, no_error, no_time}));
  }

  const std::size_t transactions_, list_max_;
  Rng rng_;
  const Objects objects_;
  HistoryBuilder builder_;
  std::vector<Key> active_;
  std::vector<Queue> queues_;
  std::optional<ValueHandle> open_[processes];
  std::uint32_t next_process_ = processes;
  std::int64_t next_key_ = 0;
  ValueHandle append_{}, r_{}, r_where_{}, any_{};
};

}  // namespace faultline::oracle::planted
