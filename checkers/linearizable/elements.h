// Values as the models see them: dense numbers, also for what is inside lists and transactions.
#pragma once

#include <algorithm>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "checkers/linearizable/model.h"

namespace faultline::linearizable {

/// Numbers the values of one object, and of what is inside its lists: equal values equally. nil is
/// a value like any other.
class Elements {
 public:
  explicit Elements(const Operations& all)
      : pool_(*all.pool), table_(0, Hash{all.pool}, Equal{all.pool}) {
    of(ValueHandle::nil());
    for (const ValueHandle value : all.values) see(value);
  }

  std::uint32_t of(ValueHandle h) {
    return table_.try_emplace(h, static_cast<std::uint32_t>(table_.size())).first->second;
  }
  /// Of a value that has its number.
  std::uint32_t known(ValueHandle h) const { return table_.find(h)->second; }
  /// A value that does not occur gets a number that no other one has.
  std::uint32_t of(const Value& wanted) const {
    for (const auto& [h, number] : table_)
      if (pool_.value(h) == wanted) return number;
    return foreign;
  }

  std::size_t size() const { return table_.size(); }

  static constexpr std::uint32_t foreign = 0xfffffffeu;

 private:
  struct Hash {
    const ValuePool* pool;
    std::size_t operator()(ValueHandle h) const { return pool->hash(h); }
  };
  struct Equal {
    const ValuePool* pool;
    bool operator()(ValueHandle a, ValueHandle b) const { return pool->equal(a, b); }
  };
  void see(ValueHandle h) {
    of(h);
    if (is_list(h))
      for (const ValueHandle item : pool_.items(h)) see(item);
  }

  const ValuePool& pool_;
  boost::unordered_flat_map<ValueHandle, std::uint32_t, Hash, Equal> table_;
};

/// By element, the end of the last ok operation that answered it, be it inside a list; 0: none did.
inline std::vector<Position> last_answers(const Operations& all, Elements& elements) {
  std::vector<Position> last(elements.size(), 0);
  const auto mark = [&](ValueHandle h, Position end) {
    last[elements.of(h)] = std::max(last[elements.of(h)], end);
  };
  for (const Operation& o : all.list) {
    if (o.is_info() || o.output == no_value) continue;
    mark(all.values[o.output], o.end);
    if (!is_list(all.values[o.output])) continue;
    for (const ValueHandle item : all.pool->items(all.values[o.output])) mark(item, o.end);
  }
  return last;
}

}  // namespace faultline::linearizable
