// Histories of a register with many configurations, by hand.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "checkers/linearizable/call.h"
#include "tests/oracle/object_specs.h"

namespace faultline::oracle {

/// A register, in crowds: all compare-and-sets of one are pending while `forced` mismatches say,
/// each after a write of 0, that one of them has happened, but not which.
class Crowds {
 public:
  /// None of them must be one of the forced.
  void any(std::size_t size, std::size_t forced) {
    begin(size, forced);
    for (const std::size_t call : crowd_) {
      at_once(linearizable::Kind::write);
      calls_[call].end = now_++;
    }
  }
  /// The first `of_those` to end must be the forced; or the last to begin if `latest`.
  void just_those(std::size_t size, std::size_t forced, std::size_t of_those, bool latest) {
    begin(size, forced);
    if (latest) std::ranges::reverse(crowd_);
    for (std::size_t i = 0; i < crowd_.size(); ++i) {
      if (i >= of_those) at_once(linearizable::Kind::write);
      calls_[crowd_[i]].end = now_++;
    }
  }

  linearizable::Object object() const { return {calls_, value_count_}; }
  std::vector<Asked> asked() const {
    std::vector<Asked> all;
    for (const linearizable::Call& call : calls_) {
      Asked& o = all.emplace_back();
      const bool write = call.kind == linearizable::Kind::write;
      o.function = write ? Function::write : Function::cas;
      if (write)
        o.argument = 0;
      else
        o.argument =
            List{0, call.kind == linearizable::Kind::cas ? static_cast<int>(call.value) : 1};
      o.refused = call.kind == linearizable::Kind::mismatch;
      if (!o.refused) o.output = o.argument;
      o.process = call.id;
      o.begin = call.begin;
      o.end = call.end;
    }
    return all;
  }

 private:
  void begin(std::size_t size, std::size_t forced) {
    at_once(linearizable::Kind::write);
    crowd_.clear();
    for (linearizable::ValueId i = 1; i <= size; ++i) {
      crowd_.push_back(calls_.size());
      add({now_++, never, 0, i, 0, linearizable::Kind::cas});
      value_count_ = std::max(value_count_, i + 1);
    }
    for (std::size_t i = 0; i < forced; ++i) {
      if (i > 0) at_once(linearizable::Kind::write);
      at_once(linearizable::Kind::mismatch);
    }
  }
  void at_once(linearizable::Kind kind) {
    const bool write = kind == linearizable::Kind::write;
    add({now_, now_ + 1, write ? linearizable::no_value : 0, write ? 0 : linearizable::no_value, 0,
         kind});
    now_ += 2;
  }
  void add(linearizable::Call call) {
    call.id = static_cast<OperationId>(calls_.size());
    calls_.push_back(call);
  }

  std::vector<linearizable::Call> calls_;
  std::vector<std::size_t> crowd_;
  linearizable::ValueId value_count_ = 2;
  Position now_ = 0;
};

}  // namespace faultline::oracle
