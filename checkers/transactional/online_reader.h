// Takes the events of a growing history apart into what its transactions asked for and were told.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "checkers/transactional/online_facts.h"
#include "harness/core/value.h"

namespace faultline::transactional {

/// Values become those of one pool, which has texts, but no lists. Not thread-safe.
class OnlineReader {
 public:
  /// Lists or registers.
  explicit OnlineReader(Objects objects) : is_lists_(objects == Objects::lists) {}

  /// False: it is no transaction of such. `has_answers`: reads have what was read.
  bool read(const ValuePool& pool, ValueHandle value, bool has_answers);
  /// Until the next one is read.
  std::span<const OnlineMicro> micros() const { return micros_; }
  std::uint64_t bytes() const { return own_.bytes() + keys_.bucket_count() * 16; }

 private:
  bool read_micro(const ValuePool& pool, ValueHandle item, bool has_answers);
  bool read_answer(const ValuePool& pool, ValueHandle answer, OnlineMicro& micro);
  /// Its handle says everything.
  static bool is_plain(ValueHandle h) {
    return h.is_small_integer() || h.is_nil() || h.kind() == ValueHandle::Kind::boolean;
  }
  ValueHandle own(const ValuePool& pool, ValueHandle h) {
    return is_plain(h) ? h : own_.import(pool, h);
  }
  bool copy(const ValuePool& pool, OnlineMicro& micro);
  KeyIndex key_of(ValueHandle key) {
    return keys_.try_emplace(key.bits(), static_cast<KeyIndex>(keys_.size())).first->second;
  }

  const bool is_lists_;
  ValuePool own_;
  boost::unordered_flat_map<std::uint64_t, KeyIndex> keys_;
  std::vector<OnlineMicro> micros_;
  std::deque<std::vector<ValueHandle>> copies_;  ///< Of lists with texts; kept for their memory.
  std::size_t copies_used_ = 0;
};

}  // namespace faultline::transactional
