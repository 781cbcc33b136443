// The checker `bank`: money that is moved between accounts, and reads of all of them at one moment
// (Jepsen's bank). Whatever the order of the transfers, a read that sees each of them whole or not
// at all finds the same total, every account, and none below zero.
//
// Beyond Jepsen: where the reads say what the accounts held at first, every balance must lie
// between what the transfers that had been acknowledged before the read began left there, with
// those that may have happened and lower it, and the same with those that raise it. That needs
// real time, so `real_time: false` leaves it out for stores that may answer from the past.
// Which of the subsets of transfers a read saw is not guessed.
#include "harness/core/bank.h"

#include <memory>
#include <optional>
#include <utility>

#include <boost/unordered/unordered_flat_map.hpp>

#include "checkers/checkers.h"
#include "checkers/guarded.h"
#include "checkers/linearizable/words.h"
#include "checkers/meter.h"
#include "checkers/tally.h"
#include "checkers/transactional/judgement.h"
#include "harness/core/text.h"

namespace faultline {
namespace bank_check {
namespace {

using transactional::Anomaly;
using transactional::give_up;

constexpr std::size_t accounts_max = 4096;

struct BankRules {
  std::optional<std::int64_t> total;
  bool negative_balances = false;
  bool real_time = true;
};

using AccountIndex = std::uint32_t;

struct Move {
  AccountIndex from = 0, to = 0;
  std::int64_t amount = 0;
  bool overdraft = false;
};

/// The history in the terms of a bank: which accounts there are, and what each transfer moves.
class BankRecord {
 public:
  explicit BankRecord(const History& history) : history_(history), pool_(history.values()) {}

  /// Why it is no history of a bank; empty if it is one.
  std::string parse() {
    for (OperationId row = 0; row < history_.size(); ++row) {
      const Function function = history_.function()[row];
      bool fits = false;
      if (function == Function::read) fits = parse_read(row);
      if (function == Function::transfer) fits = parse_transfer(row);
      if (fits) continue;
      const auto shown = function == Function::read && history_.fate()[row] == Fate::ok
                             ? history_.output()[row]
                             : history_.argument()[row];
      return "not a history of a bank: the operation with invoke index " +
             std::to_string(history_.index_of(history_.begin()[row])) + " is " +
             std::string(name_of(function)) + " " + pool_.to_text(shown) + "; " + expected_;
    }
    return {};
  }

  /// Of the account, if the history names it outside of answers.
  std::optional<AccountIndex> find(ValueHandle name) const {
    const auto found = accounts_.find(name.bits());
    return found == accounts_.end() ? std::nullopt : std::optional(found->second);
  }
  std::size_t account_count() const { return names_.size(); }
  std::string name(AccountIndex account) const { return pool_.to_text(names_[account]); }
  const std::vector<std::int64_t>& openings() const { return openings_; }
  bool says_openings() const { return !asked_.is_nil(); }
  bool has_overdraft() const { return overdraft_; }
  std::uint64_t reads = 0, transfers = 0;  ///< That were ok.

  /// Only of what parse() has accepted.
  Move move(OperationId row) const { return *move_of(row); }

 private:
  static bool is_money(ValueHandle value) {
    return value.is_small_integer() && value.small_integer() >= -amount_max &&
           value.small_integer() <= amount_max;
  }

  bool parse_read(OperationId row) {
    expected_ = "expected reads of {account: balance}, and of the same accounts every time";
    const ValueHandle asked = history_.argument()[row];
    if (!asked.is_nil() && !keep_accounts(asked)) return false;
    if (history_.fate()[row] != Fate::ok) return true;
    const ValueHandle answer = history_.output()[row];
    if (answer.kind() != ValueHandle::Kind::map) return false;
    const auto items = pool_.items(answer);
    for (std::size_t i = 1; i < items.size(); i += 2)
      if (!items[i].is_nil() && !is_money(items[i])) return false;
    ++reads;
    return true;
  }

  /// The first read says which accounts there are; the others must agree.
  bool keep_accounts(ValueHandle asked) {
    if (asked.kind() != ValueHandle::Kind::map) return false;
    if (!asked_.is_nil()) return asked == asked_ || pool_.equal(asked, asked_);
    const auto items = pool_.items(asked);
    if (items.empty() || items.size() / 2 > accounts_max) return false;
    for (std::size_t i = 0; i < items.size(); i += 2) {
      if (!is_money(items[i + 1])) return false;
      accounts_.emplace(items[i].bits(), static_cast<AccountIndex>(names_.size()));
      names_.push_back(items[i]);
      openings_.push_back(items[i + 1].small_integer());
    }
    asked_ = asked;
    return true;
  }

  bool parse_transfer(OperationId row) {
    expected_ = "expected transfers {from, to, amount} of an amount that is not negative";
    const auto move = move_of(row);
    if (!move) return false;
    overdraft_ |= move->overdraft;
    transfers += history_.fate()[row] == Fate::ok;
    return true;
  }

  /// An account that no read asks for is number accounts_max, which nobody counts.
  std::optional<Move> move_of(OperationId row) const {
    const ValueHandle argument = history_.argument()[row];
    if (argument.kind() != ValueHandle::Kind::map) return std::nullopt;
    Move move;
    int known = 0;
    const auto items = pool_.items(argument);
    for (std::size_t i = 0; i < items.size(); i += 2) {
      if (items[i].kind() != ValueHandle::Kind::text) return std::nullopt;
      const std::string_view member = pool_.as_text(items[i]);
      const ValueHandle value = items[i + 1];
      if (member == "from" || member == "to") {
        if (value.is_compound() || value.is_nil()) return std::nullopt;
        (member == "from" ? move.from : move.to) = find(value).value_or(accounts_max);
        ++known;
      } else if (member == "amount") {
        if (!is_money(value) || value.small_integer() < 0) return std::nullopt;
        move.amount = value.small_integer();
        ++known;
      } else if (member == "overdraft") {
        move.overdraft = pool_.value(value) == Value(true);
      }
    }
    return known == 3 ? std::optional(move) : std::nullopt;
  }

  const History& history_;
  const ValuePool& pool_;
  boost::unordered_flat_map<std::uint64_t, AccountIndex> accounts_;
  std::vector<ValueHandle> names_;
  std::vector<std::int64_t> openings_;
  ValueHandle asked_{};
  bool overdraft_ = false;
  const char* expected_ = "";
};

/// Sums of at most 2^32 amounts of at most amount_max.
__extension__ using Sum = __int128;

std::string sum_text(Sum sum) {
  const auto narrow = static_cast<std::int64_t>(sum);
  return narrow == sum ? std::to_string(narrow) : "more than 64 bits hold";
}

class BankRun {
 public:
  BankRun(const History& history, const Budget& budget, const BankRules& rules, Verdict& verdict)
      : history_(history),
        pool_(history.values()),
        words_(history),
        budget_(budget),
        meter_(budget),
        rules_(rules),
        verdict_(verdict),
        record_(history) {}

  void check() {
    verdict_.engine = "sweep";
    if (const std::string why = record_.parse(); !why.empty())
      return give_up(verdict_, "unsupported", why);
    verdict_.counted = {{"reads", record_.reads}, {"transfers", record_.transfers}};
    if (record_.says_openings()) verdict_.counted.emplace_back("accounts", record_.account_count());
    if (record_.reads == 0)
      return give_up(verdict_, "vacuous", "nothing was observed: no read succeeded");
    if (find_total()) sweep();
    if (!tally_.empty()) return tally_.conclude(history_, verdict_);
    if (!verdict_.reason.empty()) return;
    if (record_.transfers == 0)
      return give_up(verdict_, "vacuous", "nothing was moved: no transfer succeeded");
    verdict_.validity = Validity::valid;
    verdict_.summary = with_thousands(record_.reads) + " reads found the same total" +
                       (bounded_ ? ", and balances that acknowledged transfers explain" : "");
  }

 private:
  /// False if the budget is too small for more.
  bool find_total() {
    bounded_ = rules_.real_time && record_.says_openings();
    const std::uint64_t accounts = record_.account_count();
    const std::uint64_t bytes =
        bounded_ ? history_.events() * sizeof(OperationId) + 64 * accounts * 64 : 0;
    if (bytes > budget_.bytes_max) {
      give_up(verdict_, "memory",
              "the budget of memory is too small for " + with_thousands(history_.size()) +
                  " operations");
      return false;
    }
    if (rules_.total) {
      total_ = *rules_.total;
    } else if (record_.says_openings()) {
      total_ = 0;
      for (const std::int64_t opening : record_.openings()) *total_ += opening;
    }
    has_negatives_ = rules_.negative_balances || record_.has_overdraft();
    return true;
  }

  /// Every event in its order; without bounds only the rows.
  void sweep() {
    if (!bounded_) {
      for (OperationId row = 0; row < history_.size(); ++row) {
        if (is_read(row)) judge_read(row);
        if (!meter_.spend(1 + width(row))) return out_of_budget(row);
      }
      return;
    }
    raised_.assign(record_.account_count(), {});
    lowered_.assign(record_.account_count(), {});
    constexpr OperationId nobody = 0xffffffffu;
    BigVector<OperationId> at(history_.events(), nobody);
    for (OperationId row = 0; row < history_.size(); ++row) {
      at[history_.begin()[row]] = row;
      if (history_.end()[row] != never) at[history_.end()[row]] = row;
    }
    for (Position p = 0; p < history_.events(); ++p) {
      const OperationId row = at[p];
      if (row == nobody) continue;
      if (!meter_.spend(1 + width(row))) return out_of_budget(row);
      const bool begins = history_.begin()[row] == p;
      if (is_read(row)) {
        begins ? open_read(row) : close_read(row);
      } else if (history_.function()[row] == Function::transfer &&
                 history_.fate()[row] != Fate::fail) {
        note_transfer(record_.move(row), begins);
      }
    }
  }

  /// What an operation costs, about.
  std::uint64_t width(OperationId row) const {
    return is_read(row) ? pool_.items(history_.output()[row]).size() : 8;
  }
  bool is_read(OperationId row) const {
    return history_.function()[row] == Function::read && history_.fate()[row] == Fate::ok;
  }

  void out_of_budget(OperationId row) {
    give_up(verdict_, meter_.reason(),
            "the budget ended after " + with_thousands(row) + " of " +
                with_thousands(history_.size()) + " operations; no violation so far");
  }

  /// An amount that may have been added to an account, or taken from it.
  struct Flow {
    Sum begun = 0;  ///< Of transfers that have begun, and did not fail.
    Sum ended = 0;  ///< Of those that were acknowledged.
  };
  void note_transfer(const Move& move, bool begins) {
    if (move.from == move.to) return;
    if (move.to < raised_.size())
      (begins ? raised_[move.to].begun : raised_[move.to].ended) += move.amount;
    if (move.from < lowered_.size())
      (begins ? lowered_[move.from].begun : lowered_[move.from].ended) += move.amount;
  }

  void open_read(OperationId row) {
    std::vector<std::pair<Sum, Sum>>& ended = open_[row];
    for (std::size_t a = 0; a < raised_.size(); ++a)
      ended.emplace_back(raised_[a].ended, lowered_[a].ended);
  }
  void close_read(OperationId row) {
    const bool fits = judge_read(row);
    const auto ended = std::move(open_.at(row));
    open_.erase(row);
    if (!fits) return;
    const auto items = pool_.items(history_.output()[row]);
    for (std::size_t i = 0; i < items.size(); i += 2) {
      const AccountIndex account = *record_.find(items[i]);
      const Sum opening = record_.openings()[account];
      const Sum least = opening + ended[account].first - lowered_[account].begun;
      const Sum most = opening + raised_[account].begun - ended[account].second;
      const std::int64_t balance = items[i + 1].small_integer();
      if (balance >= least && balance <= most) continue;
      note_impossible(row, account, balance, least, most);
      return;
    }
  }

  void note_impossible(OperationId row, AccountIndex account, std::int64_t balance, Sum least,
                       Sum most) {
    tally_.note("impossible-balance", Anomaly::G_single_item_realtime, [&] {
      const std::string bounds =
          least == most ? sum_text(least) : "between " + sum_text(least) + " and " + sum_text(most);
      Tally::Case found{who(row) + " read " + std::to_string(balance) + " in account " +
                            record_.name(account) +
                            ", where the transfers that were acknowledged, and "
                            "those that may have happened, leave " +
                            bounds,
                        last_transfers(row, account)};
      found.witness.push_back(row);
      return found;
    });
  }

  /// The last few that had to be in the account when the read began.
  std::vector<OperationId> last_transfers(OperationId read, AccountIndex account) const {
    constexpr std::size_t told_max = 5;
    std::vector<OperationId> rows;
    for (OperationId row = read; row-- > 0 && rows.size() < told_max;) {
      if (history_.function()[row] != Function::transfer || history_.fate()[row] != Fate::ok ||
          history_.end()[row] > history_.begin()[read])
        continue;
      const Move move = record_.move(row);
      if (move.from == account || move.to == account) rows.push_back(row);
    }
    return {rows.rbegin(), rows.rend()};
  }

  std::string who(OperationId row) const { return words_.who(row); }

  /// What a read must be by itself, in the order of Jepsen's tests. False if it is not.
  bool judge_read(OperationId row) {
    const auto items = pool_.items(history_.output()[row]);
    Sum sum = 0;
    const ValueHandle* negative = nullptr;
    for (std::size_t i = 0; i < items.size(); i += 2) {
      if (record_.says_openings() && !record_.find(items[i]))
        return note(row, "unexpected-account", Anomaly::garbage_read,
                    "read account " + pool_.to_text(items[i]) + ", which there is not");
      if (items[i + 1].is_nil())
        return note(row, "nil-balance", Anomaly::G_single_item,
                    "read nothing in account " + pool_.to_text(items[i]));
      sum += items[i + 1].small_integer();
      if (items[i + 1].small_integer() < 0 && negative == nullptr) negative = &items[i];
    }
    if (record_.says_openings() && items.size() / 2 < record_.account_count())
      return note(row, "nil-balance", Anomaly::G_single_item,
                  "read only " + std::to_string(items.size() / 2) + " of " +
                      std::to_string(record_.account_count()) + " accounts");
    if (!total_) total_ = sum, first_read_ = row;
    if (sum != *total_) return note_total(row, sum);
    if (negative != nullptr && !has_negatives_)
      return note(row, "negative-balance", Anomaly::G_single_item,
                  "read " + pool_.to_text(negative[1]) + " in account " + pool_.to_text(*negative) +
                      ", below zero");
    return true;
  }

  bool note(OperationId row, std::string_view anomaly, Anomaly ruled_out, const std::string& what) {
    tally_.note(anomaly, ruled_out, [&] { return Tally::Case{who(row) + " " + what, {row}}; });
    return false;
  }

  bool note_total(OperationId row, Sum sum) {
    tally_.note("wrong-total", Anomaly::G_single_item, [&] {
      Tally::Case found{who(row) + " read a total of " + sum_text(sum), {row}};
      if (first_read_) {
        found.sentence += ", and " + who(*first_read_) + " one of " + sum_text(*total_);
        found.witness = {std::min(*first_read_, row), std::max(*first_read_, row)};
      } else {
        found.sentence += " in all accounts, where there is " + sum_text(*total_);
      }
      return found;
    });
    return false;
  }

  const History& history_;
  const ValuePool& pool_;
  const linearizable::Words words_;
  const Budget& budget_;
  Meter meter_;
  const BankRules rules_;
  Verdict& verdict_;
  BankRecord record_;
  Tally tally_;
  std::optional<Sum> total_;
  std::optional<OperationId> first_read_;  ///< Whose total the others are held against.
  bool has_negatives_ = false, bounded_ = false;
  std::vector<Flow> raised_, lowered_;  ///< By account.
  /// What had been acknowledged when a read began that has not ended; by row.
  boost::unordered_flat_map<OperationId, std::vector<std::pair<Sum, Sum>>> open_;
};

class BankChecker final : public Checker {
 public:
  explicit BankChecker(const BankRules& rules) : rules_(rules) {}
  std::string_view name() const override { return "bank"; }
  std::vector<std::string_view> anomalies() const override {
    return {"impossible-balance", "negative-balance", "nil-balance", "unexpected-account",
            "wrong-total"};
  }
  bool suits(const History& history) const override {
    const std::size_t looked_at = std::min<std::size_t>(history.size(), 1000);
    for (std::size_t row = 0; row < looked_at; ++row)
      if (history.function()[row] == Function::transfer) return true;
    return false;
  }
  Verdict check(const History& history, const Budget& budget) const override {
    Verdict verdict;
    verdict.name = name();
    guarded(verdict, [&] { BankRun(history, budget, rules_, verdict).check(); });
    return verdict;
  }

 private:
  const BankRules rules_;
};

}  // namespace
}  // namespace bank_check

Result<std::unique_ptr<Checker>> make_bank(Params& params) {
  bank_check::BankRules rules;
  if (params.has("total")) rules.total = params.integer("total", 0, -amount_max, amount_max);
  rules.negative_balances = params.boolean("negative_balances", false);
  rules.real_time = params.boolean("real_time", true);
  if (Status status = params.finish(); !status) return status.error();
  return std::unique_ptr<Checker>(std::make_unique<bank_check::BankChecker>(rules));
}

}  // namespace faultline
