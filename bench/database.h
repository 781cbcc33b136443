// A database in memory that executes transactions one after the other, each at a moment between
// its invocation and its answer, and the history that its clients would record.
//
// The transactions have one to four micro-operations, half of them writes, over ten keys at a time,
// of which the first is taken for half of them, the second for a quarter, and so on. Twenty
// processes, each in its own time.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "harness/core/history.h"
#include "harness/core/rng.h"

namespace faultline {

/// What transactions work on; registers are read before they are written, or not.
enum class Work : std::uint8_t { lists, registers, blind_registers };

class Database {
 public:
  Database(std::size_t transactions, std::size_t list_max, std::size_t anomaly_every, Work work)
      : transactions_(transactions),
        list_max_(list_max),
        anomaly_every_(anomaly_every),
        registers_(work != Work::lists),
        blind_(work == Work::blind_registers) {
    for (std::size_t i = 0; i < 10; ++i) active_.push_back(fresh());
  }

  /// `with_requests`: the invocations say what is asked, and not yet what will be read; for a
  /// history on disk.
  History run(bool with_requests = false) {
    constexpr std::uint32_t processes = 20;
    struct Open {
      bool is_open = false;
      ValueHandle answer{};
    };
    std::vector<Open> open(processes);
    ValuePool& pool = builder_.values();
    append_ = pool.text(registers_ ? "w" : "append"), r_ = pool.text("r");
    for (std::size_t done = 0; done < transactions_;) {
      const auto p = static_cast<std::uint32_t>(rng_.below(processes));
      if (open[p].is_open) {
        (void)builder_.complete({p, Fate::ok, open[p].answer, no_error, no_time});
        open[p].is_open = false;
        ++done;
        continue;
      }
      // It takes effect at once, somewhere between its two events.
      open[p] = {true, execute()};
      const ValueHandle asked = with_requests ? request_of(open[p].answer) : open[p].answer;
      (void)builder_.invoke({p, Function::txn, no_key, asked, no_node, no_time});
    }
    return builder_.finish();
  }

 private:
  struct Key {
    std::int64_t id = 0;
    std::vector<ValueHandle> list;
  };

  std::size_t fresh() {
    keys_.push_back({static_cast<std::int64_t>(keys_.size()), {}});
    return keys_.size() - 1;
  }

  ValueHandle execute() {
    ValuePool& pool = builder_.values();
    const bool is_stale = anomaly_every_ > 0 && ++executed_ % anomaly_every_ == 0;
    std::vector<ValueHandle> micro;
    for (std::size_t n = 1 + rng_.below(4); n > 0; --n) {
      const auto at =
          static_cast<std::size_t>(std::min(9, std::countr_zero(rng_.below(1024) | 512)));
      Key& key = keys_[active_[at]];
      const ValueHandle id = pool.integer(key.id);
      if (rng_.below(2) == 0) {
        const std::size_t seen =
            key.list.size() -
            (is_stale ? std::min<std::size_t>(1 + rng_.below(3), key.list.size()) : 0);
        const ValueHandle answer = !registers_ ? pool.list(std::span(key.list).first(seen))
                                   : seen == 0 ? ValueHandle()
                                               : key.list[seen - 1];
        micro.push_back(pool.list(std::vector{r_, id, answer}));
        continue;
      }
      // Nothing else would tell the order of so many versions.
      if (registers_ && !blind_)
        micro.push_back(
            pool.list(std::vector{r_, id, key.list.empty() ? ValueHandle() : key.list.back()}));
      const ValueHandle element = pool.integer(static_cast<std::int64_t>(key.list.size()));
      key.list.push_back(element);
      micro.push_back(pool.list(std::vector{append_, id, element}));
      if (key.list.size() >= list_max_) active_[at] = fresh();
    }
    return pool.list(micro);
  }

  ValueHandle request_of(ValueHandle answer) {
    ValuePool& pool = builder_.values();
    const auto items = pool.items(answer);
    std::vector<ValueHandle> micro(items.begin(), items.end());
    for (ValueHandle& one : micro) {
      const auto parts = pool.items(one);
      if (parts[0] == r_) one = pool.list(std::vector{r_, parts[1], ValueHandle()});
    }
    return pool.list(micro);
  }

  const std::size_t transactions_, list_max_, anomaly_every_;
  const bool registers_, blind_;
  HistoryBuilder builder_;
  Rng rng_{1};
  std::vector<Key> keys_;
  std::vector<std::size_t> active_;
  ValueHandle append_{}, r_{};
  std::size_t executed_ = 0;
};

}  // namespace faultline
