// Clients at random, of a small database that is simulated: who begins, asks, commits and gives up
// when. What is answered is up to the database.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "harness/core/rng.h"
#include "tests/oracle/txn.h"

namespace faultline::oracle::txn {

/// Makes one history. Each slot is a process after another, with one transaction at a time.
class Clients {
 public:
  struct Shape {
    int transactions = 30, processes = 5, keys = 3;
  };
  virtual ~Clients() = default;

  /// In the end, everything is read once.
  Transactions run() {
    int begun = 0;
    const auto is_busy = [](const Open& o) { return o.is_open; };
    while (begun < shape_.transactions || std::ranges::any_of(open_, is_busy)) {
      if (rng_.below(15) == 0) idle();
      const auto p = rng_.below(open_.size());
      if (open_[p].is_open)
        step(p);
      else if (begun++ < shape_.transactions)
        begin(p);
    }
    settle();
    Transaction last{next_process_, ++now_, ++now_, Fate::ok, {}};
    for (int k = 0; k < shape_.keys; ++k) last.micros.push_back(read(k, left_behind(k)));
    history_.push_back(last);
    return history_;
  }

 protected:
  Clients(Rng rng, Shape shape) : rng_(std::move(rng)), shape_(shape), open_(shape.processes) {
    for (int p = 0; p < shape.processes; ++p) open_[p].process = static_cast<std::uint32_t>(p);
    next_process_ = static_cast<std::uint32_t>(shape.processes);
  }
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;

  struct Open {
    bool is_open = false;
    std::uint32_t process = 0;
    Transaction of;
    std::size_t next = 0;  ///< Of its micro-operations.
  };

  // --- The database ---

  virtual void start(std::size_t slot) = 0;
  /// What the slot's transaction reads there, its own appends included. Nothing: it is aborted.
  virtual std::optional<Elements> answer(std::size_t slot, int key) = 0;
  /// False: it is aborted.
  virtual bool accept(std::size_t slot, const Micro& append) = 0;
  virtual bool may_commit(std::size_t slot) = 0;
  virtual void apply(std::size_t slot) = 0;
  /// It did not happen.
  virtual void undo(std::size_t) {}
  /// Happened or not, it is over. Unless its fate is known, the slot has a new process from now on.
  virtual void over(std::size_t, bool /*is_known*/) {}
  virtual void idle() {}
  virtual void settle() {}
  virtual Elements left_behind(int key) = 0;

  /// What the transaction appended to the key so far.
  Elements own(std::size_t p, int key) const {
    Elements out;
    for (std::size_t i = 0; i < open_[p].next; ++i) {
      const Micro& m = open_[p].of.micros[i];
      if (m.append && m.key == key) out.push_back(m.element);
    }
    return out;
  }
  static bool writes(const Transaction& t, int key) { return !appended(t, key).empty(); }
  static bool writes(const Transaction& t) {
    return std::ranges::any_of(t.micros, [](const Micro& m) { return m.append; });
  }
  static bool reads(const Transaction& t, int key) {
    return std::ranges::any_of(t.micros, [&](const Micro& m) { return !m.append && m.key == key; });
  }

  Rng rng_;
  const Shape shape_;
  std::vector<Open> open_;

 private:
  void begin(std::size_t p) {
    Open& o = open_[p];
    o.is_open = true;
    o.next = 0;
    o.of = {o.process, ++now_, 0, Fate::ok, {}};
    const bool only_reads = rng_.below(4) == 0;
    for (auto n = 1 + rng_.below(4); n > 0; --n) {
      const int key = static_cast<int>(rng_.below(static_cast<std::uint64_t>(shape_.keys)));
      o.of.micros.push_back(!only_reads && rng_.below(2) == 0 ? append(key, ++element_)
                                                              : read(key, {}));
    }
    start(p);
  }

  void step(std::size_t p) {
    Open& o = open_[p];
    if (o.next == o.of.micros.size()) return commit(p);
    Micro& m = o.of.micros[o.next++];
    if (m.append) {
      if (!accept(p, m)) abort(p, Fate::fail);
      return;
    }
    auto list = answer(p, m.key);
    if (!list) return abort(p, Fate::fail);
    m.list = *std::move(list);
  }

  void commit(std::size_t p) {
    if (!may_commit(p)) return abort(p, Fate::fail);
    const bool is_lost = rng_.below(20) == 0;
    if (is_lost && rng_.below(2) == 0) return abort(p, Fate::info);
    apply(p);
    end(p, is_lost ? Fate::info : Fate::ok);
  }

  void abort(std::size_t p, Fate fate) {
    undo(p);
    end(p, fate);
  }

  void end(std::size_t p, Fate fate) {
    over(p, fate != Fate::info);
    Open& o = open_[p];
    o.is_open = false;
    o.of.end = ++now_;
    o.of.fate = fate;
    history_.push_back(o.of);
    if (fate == Fate::info) o.process = next_process_++;
  }

  Transactions history_;
  int now_ = 0, element_ = 0;
  std::uint32_t next_process_ = 0;
};

}  // namespace faultline::oracle::txn
