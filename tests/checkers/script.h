// Histories for the checkers' tests, written as operations with the moments of their two events.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "harness/core/check.h"
#include "harness/core/history.h"

namespace faultline::script {

/// Operations in any order; each needs a process that is free at that time, by default one of its
/// own.
class Script {
 public:
  struct Operation {
    Function function = Function::read;
    Value argument;
    Value output;
    Fate fate = Fate::ok;
    int begin = 0;
    int end = 0;  ///< Ignored for infos.
    std::string key = "k";
    std::string node = {};
    std::uint32_t process = 0xffffffffu;
  };

  Script& add(Operation operation) {
    operations_.push_back(std::move(operation));
    return *this;
  }
  Script& write(int begin, int end, Value v, const std::string& key = "k") {
    return add({Function::write, v, v, Fate::ok, begin, end, key});
  }
  Script& read(int begin, int end, Value v, const std::string& key = "k") {
    return add({Function::read, {}, std::move(v), Fate::ok, begin, end, key});
  }
  Script& cas(int begin, int end, Value from, Value to, Fate fate = Fate::ok) {
    return add({Function::cas, List{std::move(from), std::move(to)}, {}, fate, begin, end});
  }
  Script& info_write(int begin, Value v) {
    return add({Function::write, std::move(v), {}, Fate::info, begin, 0});
  }
  Script& failed_write(int begin, int end, Value v) {
    return add({Function::write, std::move(v), {}, Fate::fail, begin, end});
  }
  /// Times in the history: ten milliseconds per moment. Off: no_time.
  Script& with_times() {
    times_ = true;
    return *this;
  }

  History history() const {
    struct Event {
      int at;
      bool end;
      std::size_t operation;
    };
    std::vector<Event> events;
    for (std::size_t i = 0; i < operations_.size(); ++i) {
      events.push_back({operations_[i].begin, false, i});
      if (operations_[i].fate != Fate::info) events.push_back({operations_[i].end, true, i});
    }
    std::stable_sort(events.begin(), events.end(),
                     [](const Event& a, const Event& b) { return a.at < b.at; });
    HistoryBuilder builder;
    for (const Event& event : events) {
      const Operation& o = operations_[event.operation];
      const std::uint32_t process =
          o.process != 0xffffffffu ? o.process : static_cast<std::uint32_t>(event.operation);
      const std::int64_t time = times_ ? event.at * std::int64_t{10'000'000} : no_time;
      const NodeId node = o.node.empty() ? no_node : builder.node(o.node);
      const Status status =
          event.end
              ? builder.complete({process, o.fate, builder.values().add(o.output), no_error, time})
              : builder.invoke({process, o.function, o.key.empty() ? no_key : builder.key(o.key),
                                builder.values().add(o.argument), node, time});
      FAULTLINE_CHECK(status);
    }
    return builder.finish();
  }

 private:
  std::vector<Operation> operations_;
  bool times_ = false;
};

}  // namespace faultline::script
