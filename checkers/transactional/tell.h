// Says what is wrong with transactions, for people: a sentence, then the transactions as a table
// and, for a cycle, why each of them must come before the next (Elle's manner: "Let T1 = …; then T1
// < T2, because …").
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkers/transactional/cycles.h"

namespace faultline::transactional {

struct Told {
  std::string sentence, explanation;
  std::vector<OperationId> witness;  ///< Rows, in time order.
};

class Teller;

/// The words for one kind of objects.
class Language {
 public:
  virtual ~Language() = default;
  /// "append 5 to 3"
  virtual std::string deed(const Teller& teller, Transaction t, const MicroOperation& m) const = 0;
  /// Of an edge between answers: "T2 appended 5 to key 3 right after T1's 4".
  virtual std::string reason(const Teller& teller, const Step& from, Transaction to) const = 0;
  virtual std::string sentence(const Teller& teller, const Offence& offence) const = 0;
  /// Who else must be known to see that there is such an edge.
  virtual std::vector<Transaction> seen_by(const Step&, Transaction) const { return {}; }
  virtual std::vector<Transaction> seen_by(const Offence&) const { return {}; }
};

/// Names the transactions that are told of, and says what is the same for all objects.
class Teller {
 public:
  Teller(const Dependencies& source, const std::vector<Transaction>& transactions);

  const std::vector<Transaction>& transactions() const { return transactions_; }
  std::vector<OperationId> witness() const;

  std::string label(Transaction t) const;  ///< "T2"
  std::string who(Transaction t) const;    ///< "n2 (T2)", "process 7 (T2)"
  std::string text(ValueHandle value) const { return history_.values().to_text(value); }
  std::string key(KeyIndex k) const { return all_.key_text(k); }
  /// Of a long list the last items: "[… 7, 8, 9]".
  std::string list(std::span<const ValueHandle> items) const;
  std::string read_list(std::uint64_t micro) const { return list(all_.list(all_.micro()[micro])); }
  bool is_ok(Transaction t) const { return history_.fate()[t] == Fate::ok; }

  /// A line each: who, from when to when, what became of it, and what it did.
  std::string table(const Language& language) const;
  /// Why one must come before the other.
  std::string reason(const Language& language, const Step& from, Transaction to) const;
  /// "T1 had ended at 0.31 s when T2 began at 0.32 s"
  std::string in_time(Transaction from, Transaction to) const;
  std::string in_process(Transaction from, Transaction to) const;

 private:
  std::string moment(Transaction t, bool began, int decimals) const;
  int decimals(Transaction ended, Transaction began) const;
  std::string who_plainly(Transaction t) const;
  std::string deeds(const Language& language, Transaction t) const;

  const Transactions& all_;
  const History& history_;
  std::vector<Transaction> transactions_;
};

Told tell(const Dependencies& source, const Language& language, const Offence& offence);
Told tell(const Dependencies& source, const Language& language, const Cycle& cycle);
/// A line for each: why it must come before the next one, the last before the first.
std::string chain_text(const Teller& teller, std::span<const Transaction> members,
                       std::span<const std::string> reasons, std::string_view indent = "  ");
/// Of transactions each of which must come before the next one, and the last before the first: the
/// reasons are theirs.
Told tell_circle(std::string_view name, const Teller& teller, const Language& language,
                 std::span<const Transaction> members, std::span<const std::string> reasons);

}  // namespace faultline::transactional
