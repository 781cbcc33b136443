// What the search knows of an object before it starts: the order of ends, which values are ever
// compared with and until when, and the classes of infos.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "checkers/linearizable/call.h"
#include "checkers/linearizable/search_rules.h"

namespace faultline::linearizable {

struct InfoClass {
  Kind kind = Kind::write;  ///< write or cas.
  ValueId expected = no_value;
  ValueId value = no_value;
};
inline constexpr std::uint32_t no_class = 0xffffffffu;

template <typename Rules>
class Plan {
 public:
  explicit Plan(const Object& object) : calls_(object.calls) {
    merge_values(object);
    find_last_observers(object);
    classify_infos();
    order_ends();
  }

  std::span<const Call> calls() const { return calls_; }
  /// Calls that must end, in the order of their ends.
  std::span<const std::uint32_t> by_end() const { return by_end_; }
  std::size_t pending_max() const { return pending_max_; }
  std::size_t value_count() const { return other_ + 1; }

  /// All values that nothing ever compares with.
  ValueId other() const { return other_; }
  ValueId merged(ValueId v) const { return v == no_value ? no_value : merged_[v]; }
  const std::vector<InfoClass>& classes() const { return classes_; }
  /// Of an info; no_class if nobody could observe it.
  std::uint32_t class_of(std::size_t call) const {
    return class_of_.empty() ? no_class : class_of_[call];
  }

  /// The last end of a call that could observe a write of `v` (merged), directly or through infos.
  /// 0 if there is none.
  Position observed_until(ValueId v) const {
    return std::max(observed_until_[v],
                    Rules::late_for_mismatches ? mismatched_until(v) : Position{0});
  }
  Position alive_until(ValueId v) const {
    return std::max(observed_until_[v],
                    Rules::infos_live_for_mismatches ? mismatched_until(v) : Position{0});
  }
  /// The last end of a call that tells `v` from other values.
  Position compared_until(ValueId v) const {
    return Rules::merged_states_uncompared ? compared_until_[v] : observed_until_[v];
  }
  std::uint64_t bytes() const {
    return (merged_.capacity() + observed_until_.capacity() + compared_until_.capacity() +
            class_of_.capacity() + by_end_.capacity()) *
           sizeof(std::uint32_t);
  }

 private:
  /// Mismatches observe every write of another value than the one that they expected.
  Position mismatched_until(ValueId v) const {
    return last_mismatch_value_ != v ? last_mismatch_ : last_other_mismatch_;
  }

  void merge_values(const Object& object) {
    std::vector<bool> compared(object.value_count, false);
    for (const Call& call : calls_) {
      if (call.kind == Kind::read) compared[call.value] = true;
      if (call.kind == Kind::cas ||
          (call.kind == Kind::mismatch && Rules::merged_values_uncompared))
        compared[call.expected] = true;
    }
    other_ = object.value_count;
    merged_.resize(object.value_count);
    for (ValueId v = 0; v < object.value_count; ++v) merged_[v] = compared[v] ? v : other_;
  }

  void find_last_observers(const Object& object) {
    observed_until_.assign(object.value_count + 1, 0);
    std::vector<std::pair<ValueId, ValueId>> info_cas;
    for (const Call& call : calls_) {
      if (call.kind == Kind::cas && call.end == never) {
        info_cas.emplace_back(merged(call.expected), merged(call.value));
      } else if (call.kind == Kind::read || call.kind == Kind::cas) {
        const ValueId v = merged(call.kind == Kind::read ? call.value : call.expected);
        observed_until_[v] = std::max(observed_until_[v], call.end);
      } else if (call.kind == Kind::mismatch) {
        see_mismatch(merged(call.expected), call.end);
      }
    }
    if (Rules::infos_live_through_infos) extend_through(std::move(info_cas));
    compared_until_ = observed_until_;
    for (const Call& call : calls_)
      if (call.kind == Kind::mismatch) {
        Position& until = compared_until_[merged(call.expected)];
        until = std::max(until, call.end);
      }
  }

  void see_mismatch(ValueId expected, Position end) {
    if (expected == last_mismatch_value_) {
      last_mismatch_ = std::max(last_mismatch_, end);
    } else if (end >= last_mismatch_) {
      last_other_mismatch_ = last_mismatch_;
      last_mismatch_ = end;
      last_mismatch_value_ = expected;
    } else {
      last_other_mismatch_ = std::max(last_other_mismatch_, end);
    }
  }

  /// A value is observed as long as some info cas can turn it into an observed one: walk the info
  /// cas backwards, from the value observed longest.
  void extend_through(std::vector<std::pair<ValueId, ValueId>> info_cas) {
    if (info_cas.empty()) return;
    std::sort(info_cas.begin(), info_cas.end(),
              [](const auto& a, const auto& b) { return a.second < b.second; });
    std::vector<ValueId> order;
    for (const auto& [from, to] : info_cas) order.push_back(to);
    order.erase(std::unique(order.begin(), order.end()), order.end());
    std::vector<Position> until(observed_until_);
    for (const ValueId v : order) until[v] = std::max(until[v], mismatched_until(v));
    std::stable_sort(order.begin(), order.end(),
                     [&](ValueId a, ValueId b) { return until[a] > until[b]; });
    std::vector<bool> visited(observed_until_.size(), false);
    std::vector<ValueId> stack;
    for (const ValueId origin : order) {
      stack.assign(1, origin);
      while (!stack.empty()) {
        const ValueId to = stack.back();
        stack.pop_back();
        if (visited[to]) continue;
        visited[to] = true;
        auto at = std::lower_bound(info_cas.begin(), info_cas.end(), to,
                                   [](const auto& pair, ValueId v) { return pair.second < v; });
        for (; at != info_cas.end() && at->second == to; ++at) {
          observed_until_[at->first] = std::max(observed_until_[at->first], until[origin]);
          stack.push_back(at->first);
        }
      }
    }
  }

  void classify_infos() {
    std::map<std::tuple<Kind, ValueId, ValueId>, std::uint32_t> known;
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      const Call& call = calls_[i];
      if (call.end != never) continue;
      if (class_of_.empty()) class_of_.assign(calls_.size(), no_class);
      const ValueId from = merged(call.expected), to = merged(call.value);
      if (call.kind == Kind::cas && call.expected == call.value) continue;  // changes nothing
      if (alive_until(to) < call.begin) continue;
      const auto [at, fresh] = known.try_emplace(std::tuple(call.kind, from, to),
                                                 static_cast<std::uint32_t>(classes_.size()));
      if (fresh) classes_.push_back({call.kind, from, to});
      class_of_[i] = at->second;
    }
  }

  void order_ends() {
    // Position and index in one word: sorting those is several times faster than looking up ends.
    std::vector<std::uint64_t> ends;
    ends.reserve(calls_.size());
    for (std::uint32_t i = 0; i < calls_.size(); ++i)
      if (calls_[i].end != never) ends.push_back(std::uint64_t{calls_[i].end} << 32 | i);
    std::sort(ends.begin(), ends.end());
    by_end_.reserve(ends.size());
    for (const std::uint64_t end : ends) by_end_.push_back(static_cast<std::uint32_t>(end));
    std::size_t ended = 0, pending = 0;
    for (const Call& call : calls_) {
      if (call.end == never) continue;
      while (ended < by_end_.size() && calls_[by_end_[ended]].end < call.begin) {
        ++ended;
        --pending;
      }
      pending_max_ = std::max(pending_max_, ++pending);
    }
  }

  std::span<const Call> calls_;
  ValueId other_ = 0;
  std::vector<ValueId> merged_;
  std::vector<Position> observed_until_;  ///< By reads and cas.
  std::vector<Position> compared_until_;  ///< By reads, cas and mismatches.
  ValueId last_mismatch_value_ = no_value;
  Position last_mismatch_ = 0;        ///< Last end of a mismatch,
  Position last_other_mismatch_ = 0;  ///< and of one with another expectation than that one's.
  std::vector<InfoClass> classes_;
  std::vector<std::uint32_t> class_of_;
  std::vector<std::uint32_t> by_end_;
  std::size_t pending_max_ = 0;
};

}  // namespace faultline::linearizable
