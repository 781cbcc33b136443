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

enum class Objects { lists, registers };

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
    for (std::size_t i = 0; i < active; ++i) active_.push_back(fresh());
  }

  void plant(const Plant& what) {
    queues_.push_back({&what.events, 0, next_process_, rng_.below(transactions_)});
    next_process_ += 10;
  }

  History run() {
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
  static constexpr std::size_t active = 10;
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
  ValueHandle append_{}, r_{};
};

}  // namespace faultline::oracle::planted
