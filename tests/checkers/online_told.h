// A checker that is told a history of transactions event by event, each with a pool of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "harness/core/params.h"

namespace faultline {

class Told {
 public:
  /// As it was asked, and as an ok answers.
  struct Micro {
    Value asked, answered;
  };
  using Micros = std::vector<Micro>;
  using Make = Result<std::unique_ptr<Checker>> (*)(Params&);
  using Options = std::vector<std::pair<std::string, std::string>>;

  Told(Make make, const Options& options, Budget budget = {})
      : checker_(made(make, options)), online_(checker_->online(budget)) {
    REQUIRE(online_ != nullptr);
  }

  static std::unique_ptr<Checker> made(Make make, const Options& options) {
    ConfigNode mapping;
    for (const auto& [name, value] : options)
      mapping.members.push_back({name, {}, ConfigNode::of(value)});
    Params params(mapping, "check");
    auto checker = make(params);
    REQUIRE(checker);
    return std::move(*checker);
  }

  Told& begin(std::uint32_t process, const Micros& micros) {
    return feed(process, true, Fate::info, value(micros, false));
  }
  Told& end(std::uint32_t process, const Micros& micros, Fate fate = Fate::ok) {
    return feed(process, false, fate, fate == Fate::ok ? value(micros, true) : Value());
  }
  Told& both(std::uint32_t process, const Micros& micros, Fate fate = Fate::ok) {
    return begin(process, micros).end(process, micros, fate);
  }
  Told& feed(std::uint32_t process, bool is_invoke, Fate fate, const Value& value) {
    ValuePool pool;
    const ValueHandle handle = pool.add(value);
    online_->feed(pool, {process, is_invoke, fate, Function::txn, handle});
    return *this;
  }

  /// "G1a 1, lost-update 2"
  std::string found() {
    std::string text;
    for (const auto& [name, count] : online_->findings().anomalies)
      text += (text.empty() ? "" : ", ") + name + " " + std::to_string(count);
    return text;
  }
  OnlineChecker& online() { return *online_; }

 private:
  static Value value(const Micros& micros, bool answered) {
    List out;
    for (const Micro& m : micros) out.push_back(answered ? m.answered : m.asked);
    return out;
  }

  std::unique_ptr<Checker> checker_;
  std::unique_ptr<OnlineChecker> online_;
};

}  // namespace faultline
