// The bank: what each rule finds, what it leaves alone, and both against simpler judges on small
// random histories: Jepsen's rules written down once more, bounds counted one by one, and every
// order of the transfers.
#include "harness/core/bank.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "harness/core/rng.h"

namespace faultline {
namespace bank_check_test {
namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;

std::unique_ptr<Checker> made(const Settings& settings = {}) {
  ConfigNode mapping;
  for (const auto& [key, text] : settings)
    mapping.members.push_back({key, {}, ConfigNode::of(text)});
  Params params(mapping, "check");
  auto checker = make_bank(params);
  REQUIRE(checker);
  return std::move(*checker);
}

/// Operations one after the other, or begun and ended one by one. Two accounts of 10 each.
class Bank {
 public:
  Bank& begin_read(std::uint32_t process) {
    return invoke(process, Function::read, says_openings ? Value(openings) : Value());
  }
  Bank& begin_transfer(std::uint32_t process, const char* from, const char* to, int amount) {
    Transfer transfer;
    transfer.from = from, transfer.to = to, transfer.amount = amount, transfer.opening = 10;
    transfer.overdraft = overdraft;
    arguments_[process] = value_of(transfer);
    return invoke(process, Function::transfer, arguments_[process]);
  }
  Bank& end(std::uint32_t process, Fate fate, Value output = {}) {
    CHECK(builder_.complete({process, fate, builder_.values().add(output), no_error, tick()}));
    return *this;
  }
  Bank& read(std::uint32_t process, Value answer) {
    return begin_read(process).end(process, Fate::ok, std::move(answer));
  }
  Bank& read(std::uint32_t process, int a, int b) {
    return read(process, Value(Map{{"a", a}, {"b", b}}));
  }
  Bank& transfer(std::uint32_t process, const char* from, const char* to, int amount,
                 Fate fate = Fate::ok) {
    return begin_transfer(process, from, to, amount).end(process, fate, arguments_[process]);
  }
  History history() { return builder_.finish(); }
  Verdict check(const Settings& settings = {}, Budget budget = {}) {
    return made(settings)->check(history(), budget);
  }

  Map openings{{"a", 10}, {"b", 10}};
  bool says_openings = true, overdraft = false;

 private:
  Bank& invoke(std::uint32_t process, Function function, const Value& argument) {
    CHECK(builder_.invoke(
        {process, function, no_key, builder_.values().add(argument), no_node, tick()}));
    return *this;
  }
  std::int64_t tick() { return 10'000'000 * time_++; }

  HistoryBuilder builder_;
  std::map<std::uint32_t, Value> arguments_;
  std::int64_t time_ = 0;
};

std::string anomaly(const Verdict& verdict) {
  if (verdict.validity != Validity::invalid)
    return std::string(name_of(verdict.validity)) + (verdict.reason.empty() ? "" : " ") +
           verdict.reason;
  CHECK_FALSE(verdict.witness.empty());
  CHECK_FALSE(verdict.refuted.empty());
  std::string text;
  for (const auto& [name, count] : verdict.anomalies) text += (text.empty() ? "" : " ") + name;
  return text;
}

TEST_CASE("bank: what is as it must be") {
  const Verdict v = Bank()
                        .read(0, 10, 10)
                        .transfer(1, "a", "b", 3)
                        .read(0, 7, 13)
                        .transfer(1, "b", "a", 13, Fate::fail)
                        .read(1, 7, 13)
                        .check();
  CHECK(v.validity == Validity::valid);
  CHECK(v.refuted.empty());
  CHECK(v.summary ==
        "3 reads found the same total, and balances that acknowledged transfers explain");
  CHECK(v.counted == std::vector<std::pair<std::string, std::uint64_t>>{
                         {"reads", 3}, {"transfers", 1}, {"accounts", 2}});
}

TEST_CASE("bank: a torn total is told") {
  const Verdict v = Bank().transfer(0, "a", "b", 3).read(1, 7, 10).read(1, 7, 13).check();
  CHECK(anomaly(v) == "wrong-total");
  CHECK(v.summary ==
        "wrong-total: process 1 read a total of 17 in all accounts, where there is 20");
  CHECK(v.witness == std::vector<OperationId>{1});
  CHECK(std::ranges::find(v.refuted, "consistent-view") != v.refuted.end());
  CHECK(std::ranges::find(v.also_refuted, "snapshot-isolation") != v.also_refuted.end());
  CHECK(std::ranges::find(v.not_refuted, "cursor-stability") != v.not_refuted.end());
  CHECK(v.explanation.find("{\"a\": 7, \"b\": 10}") != std::string::npos);
}

TEST_CASE("bank: what a read must be by itself") {
  const auto found = [](const Value& answer, const Settings& settings = {}) {
    return anomaly(Bank().transfer(0, "a", "b", 3).read(1, answer).check(settings));
  };
  CHECK(found(Map{{"a", 7}, {"b", 13}}) == "valid");
  CHECK(found(Map{{"a", 7}, {"b", 13}, {"c", 0}}) == "unexpected-account");
  CHECK(found(Map{{"a", 7}, {"b", Value()}}) == "nil-balance");
  CHECK(found(Map{{"a", 20}}) == "nil-balance");
  CHECK(found(Map{{"a", 7}, {"b", 12}}) == "wrong-total");
  CHECK(found(Map{{"a", -1}, {"b", 21}}) == "negative-balance");
  CHECK(found(Map{{"a", -1}, {"b", 21}}, {{"negative_balances", "true"}, {"real_time", "false"}}) ==
        "valid");
  CHECK(found(Map{{"a", 7}, {"b", 13}}, {{"total", "21"}}) == "wrong-total");
  CHECK(found(Map{{"a", 7}, {"b", "13"}}) == "unknown unsupported");
  CHECK(found(List{7, 13}) == "unknown unsupported");
}

TEST_CASE("bank: accounts that may be overdrawn say so in the transfers") {
  Bank bank;
  bank.overdraft = true;
  CHECK(anomaly(bank.transfer(0, "a", "b", 12).read(1, -2, 22).check()) == "valid");
}

TEST_CASE("bank: balances lie within what transfers can leave, where real time counts") {
  const auto both = [](std::function<void(Bank&)> build) {
    Bank strict, lax;
    build(strict), build(lax);
    CHECK(anomaly(lax.check({{"real_time", "false"}})) == "valid");
    return anomaly(strict.check());
  };
  // What was acknowledged is missed.
  CHECK(both([](Bank& b) { b.transfer(0, "a", "b", 3).read(1, 10, 10); }) == "impossible-balance");
  // It may be missed, or seen, while it goes on; and an info for ever.
  for (const int seen : {0, 3}) {
    CHECK(both([&](Bank& b) {
            b.transfer(2, "b", "a", 1);
            b.begin_read(1).transfer(0, "a", "b", 3);
            b.end(1, Fate::ok, Map{{"a", 11 - seen}, {"b", 9 + seen}});
          }) == "valid");
    CHECK(both([&](Bank& b) {
            b.transfer(2, "b", "a", 1).transfer(0, "a", "b", 3, Fate::info);
            b.read(1, 11 - seen, 9 + seen);
          }) == "valid");
  }
  // What failed did not happen, and what has not begun has not happened yet.
  CHECK(both([](Bank& b) {
          b.transfer(2, "b", "a", 1).transfer(0, "a", "b", 3, Fate::fail).read(1, 8, 12);
        }) == "impossible-balance");
  CHECK(both([](Bank& b) { b.transfer(2, "b", "a", 1).read(1, 8, 12).transfer(0, "a", "b", 3); }) ==
        "impossible-balance");
  const Verdict v = Bank().transfer(0, "a", "b", 3).read(1, 10, 10).check();
  CHECK(v.summary ==
        "impossible-balance: process 1 read 10 in account \"a\", where the transfers that were "
        "acknowledged, and those that may have happened, leave 7");
  CHECK(v.witness == std::vector<OperationId>{0, 1});
  CHECK(std::ranges::find(v.not_refuted, "serializable") == v.not_refuted.end());
  CHECK(std::ranges::find(v.not_refuted, "strong-session-serializable") != v.not_refuted.end());
}

TEST_CASE("bank: histories that do not say what there was at first must agree with themselves") {
  Bank bank;
  bank.says_openings = false;
  const Verdict v = bank.transfer(0, "a", "b", 3).read(1, 50, 60).read(2, 49, 60).check();
  CHECK(anomaly(v) == "wrong-total");
  CHECK(v.summary == "wrong-total: process 2 read a total of 109, and process 1 one of 110");
  CHECK(v.witness == std::vector<OperationId>{1, 2});
  Bank other;
  other.says_openings = false;
  CHECK(anomaly(other.transfer(0, "a", "b", 3).read(1, 50, 60).read(2, 60, 50).check()) == "valid");
}

TEST_CASE("bank: nothing observed is no pass") {
  CHECK(anomaly(Bank().transfer(0, "a", "b", 3).check()) == "unknown vacuous");
  CHECK(anomaly(Bank().read(0, 10, 10).check()) == "unknown vacuous");
  CHECK(anomaly(Bank().read(0, 10, 10).transfer(1, "a", "b", 3, Fate::info).check()) ==
        "unknown vacuous");
  CHECK(anomaly(Bank().read(0, 10, 11).check()) == "wrong-total");
  CHECK(anomaly(Bank().begin_read(0).end(0, Fate::fail).transfer(1, "a", "b", 3).check()) ==
        "unknown vacuous");
}

TEST_CASE("bank: the budget ends, and it says so") {
  Bank bank;
  for (int i = 0; i < 3000; ++i) bank.read(0, 10, 10);
  bank.transfer(0, "a", "b", 3);
  const History history = bank.history();
  Budget steps;
  steps.steps_max = 5000;
  CHECK(anomaly(made()->check(history, steps)) == "unknown steps");
  Budget memory;
  memory.bytes_max = 1000;
  CHECK(anomaly(made()->check(history, memory)) == "unknown memory");
  CHECK(anomaly(made()->check(history, {})) == "valid");
}

// Against simpler judges.

struct Small {
  struct Item {
    bool is_read = false;
    int from = 0, to = 0, amount = 0;
    Fate fate = Fate::ok;
    std::vector<int> seen;
    int begin = 0, end = 0;
  };
  std::vector<Item> items;
  History history;
};

constexpr int small_accounts = 3, opening = 4;

/// Two processes. Reads see some of the transfers, mostly in a possible way.
Small small(Rng& rng) {
  Small made;
  std::vector<int> truth(small_accounts, opening);
  HistoryBuilder builder;
  Map openings;
  const std::vector<std::string> names{"x", "y", "z"};
  for (const std::string& name : names) openings.emplace_back(name, opening);
  std::array<int, 2> open{-1, -1};
  int time = 0;
  const auto finish = [&](std::uint32_t process) {
    Small::Item& item = made.items[static_cast<std::size_t>(open[process])];
    open[process] = -1;
    item.end = time++;
    Value output;
    if (item.is_read) {
      item.seen = truth;
      if (rng.below(4) == 0)
        item.seen[rng.below(small_accounts)] += static_cast<int>(rng.below(5)) - 2;
      Map balances;
      for (std::size_t a = 0; a < small_accounts; ++a)
        balances.emplace_back(names[a], item.seen[a]);
      output = balances;
    }
    CHECK(builder.complete({process, item.fate, builder.values().add(output), no_error, time}));
  };
  for (int step = 0; step < 10; ++step) {
    const auto process = static_cast<std::uint32_t>(rng.below(2));
    if (open[process] >= 0) {
      finish(process);
      continue;
    }
    Small::Item item;
    item.is_read = rng.below(2) == 0;
    item.from = static_cast<int>(rng.below(small_accounts));
    item.to = (item.from + 1 + static_cast<int>(rng.below(small_accounts - 1))) % small_accounts;
    item.amount = 1 + static_cast<int>(rng.below(3));
    item.begin = time++;
    const auto from = static_cast<std::size_t>(item.from), to = static_cast<std::size_t>(item.to);
    Value argument = openings;
    if (!item.is_read) {
      Transfer transfer{names[from], names[to], item.amount, opening, false};
      argument = value_of(transfer);
      if (truth[from] < item.amount || rng.below(8) == 0) {
        item.fate = Fate::fail;
      } else if (rng.below(8) != 0) {  // else it was acknowledged, and lost
        truth[from] -= item.amount, truth[to] += item.amount;
      }
    }
    CHECK(builder.invoke({process, item.is_read ? Function::read : Function::transfer, no_key,
                          builder.values().add(argument), no_node, time}));
    open[process] = static_cast<int>(made.items.size());
    made.items.push_back(item);
  }
  for (std::uint32_t process = 0; process < 2; ++process)
    if (open[process] >= 0) finish(process);
  made.history = builder.finish();
  return made;
}

bool fits_jepsen(const Small::Item& read) {
  int sum = 0;
  for (const int balance : read.seen) sum += balance;
  return sum == small_accounts * opening &&
         std::ranges::none_of(read.seen, [](int balance) { return balance < 0; });
}

bool fits_bounds(const Small& small, const Small::Item& read) {
  for (int a = 0; a < small_accounts; ++a) {
    int least = opening, most = opening;
    for (const Small::Item& t : small.items) {
      if (t.is_read || t.fate == Fate::fail || t.begin > read.end) continue;
      const int delta = t.to == a ? t.amount : t.from == a ? -t.amount : 0;
      const bool certain = t.fate == Fate::ok && t.end < read.begin;
      least += certain ? delta : std::min(delta, 0);
      most += certain ? delta : std::max(delta, 0);
    }
    const int seen = read.seen[static_cast<std::size_t>(a)];
    if (seen < least || seen > most) return false;
  }
  return true;
}

/// Some order of the operations, as real time has it, explains every answer.
bool is_explained(const Small& small, std::vector<bool>& done, std::vector<int>& state) {
  bool all = true;
  for (std::size_t i = 0; i < small.items.size(); ++i) {
    if (done[i] || small.items[i].fate == Fate::fail) continue;
    all = false;
    const Small::Item& item = small.items[i];
    bool may_be_next = true;
    for (std::size_t j = 0; j < small.items.size(); ++j)
      if (!done[j] && small.items[j].fate != Fate::fail && small.items[j].end < item.begin)
        may_be_next = false;
    if (!may_be_next) continue;
    const auto from = static_cast<std::size_t>(item.from), to = static_cast<std::size_t>(item.to);
    if (item.is_read ? item.seen != state : state[from] < item.amount) continue;
    done[i] = true;
    if (!item.is_read) state[from] -= item.amount, state[to] += item.amount;
    const bool explained = is_explained(small, done, state);
    if (!item.is_read) state[from] += item.amount, state[to] -= item.amount;
    done[i] = false;
    if (explained) return true;
  }
  return all;
}

TEST_CASE("bank: simpler judges agree on small histories") {
  Rng rng(7);
  int invalid = 0, explained = 0, missed = 0;
  const auto strict = made(), lax = made({{"real_time", "false"}});
  for (int round = 0; round < 3000; ++round) {
    const Small each = small(rng);
    bool jepsen = true, bounds = true, moves = false;
    int reads = 0;
    for (const Small::Item& item : each.items) {
      moves |= !item.is_read && item.fate == Fate::ok;
      if (!item.is_read) continue;
      ++reads;
      jepsen &= fits_jepsen(item);
      bounds &= fits_bounds(each, item);
    }
    const Verdict with_time = strict->check(each.history, {});
    const Verdict without = lax->check(each.history, {});
    const auto expected = [&](bool fits) {
      return reads > 0 && !fits   ? Validity::invalid
             : reads > 0 && moves ? Validity::valid
                                  : Validity::unknown;
    };
    CAPTURE(with_time.explanation);
    CHECK(without.validity == expected(jepsen));
    CHECK(with_time.validity == expected(jepsen && bounds));
    std::vector<bool> done(each.items.size(), false);
    std::vector<int> state(small_accounts, opening);
    const bool is_fine = is_explained(each, done, state);
    if (is_fine) CHECK(with_time.validity != Validity::invalid);
    explained += is_fine;
    invalid += with_time.validity == Validity::invalid;
    missed += !is_fine && with_time.validity == Validity::valid;
  }
  // All of it happens, and what only an order of all transfers would tell is a small part.
  CHECK(explained > 300);
  CHECK(invalid > 300);
  CHECK(missed < invalid / 4);
}

}  // namespace
}  // namespace bank_check_test
}  // namespace faultline
