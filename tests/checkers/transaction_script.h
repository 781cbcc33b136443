// Small histories of transactions, written down one event after the other.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "tests/checkers/told_cases.h"

namespace faultline {

/// Transactions that follow one another, unless begun and ended one by one. `Micro` has value(bool
/// answered), what a micro-operation is written as; and make, the checker's factory.
template <typename Micro>
class TransactionScript {
 public:
  using Self = TransactionScript;

  Self& begin(std::uint32_t process, const std::vector<Micro>& micro) {
    CHECK(builder_.invoke({process, Function::txn, no_key, value(micro, false), no_node, tick()}));
    return *this;
  }
  Self& end(std::uint32_t process, const std::vector<Micro>& micro, Fate fate = Fate::ok) {
    CHECK(builder_.complete({process, fate, value(micro, true), no_error, tick()}));
    return *this;
  }
  Self& both(std::uint32_t process, const std::vector<Micro>& micro, Fate fate = Fate::ok) {
    return begin(process, micro).end(process, micro, fate);
  }
  /// Two that overlap.
  Self& together(const std::vector<Micro>& a, const std::vector<Micro>& b) {
    return begin(91, a).begin(92, b).end(91, a).end(92, b);
  }

  History history() { return builder_.finish(); }
  Verdict check(const std::string& models = "strict-serializable", Budget budget = {}) {
    const History all = history();
    Verdict verdict = checker(models)->check(all, budget);
    told_cases::check(all, verdict);
    return verdict;
  }
  static std::unique_ptr<Checker> checker(const std::string& models) {
    ConfigNode mapping;
    mapping.members.push_back({"model", {}, ConfigNode::of(models)});
    Params params(mapping, "check");
    auto made = Micro::make(params);
    REQUIRE(made);
    return std::move(*made);
  }

 private:
  std::int64_t tick() { return 10'000'000 * time_++; }
  ValueHandle value(const std::vector<Micro>& micro, bool answered) {
    List list;
    for (const Micro& m : micro) list.push_back(m.value(answered));
    return builder_.values().add(list);
  }

  HistoryBuilder builder_;
  std::int64_t time_ = 0;
};

}  // namespace faultline
