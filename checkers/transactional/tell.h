// Says what is wrong with transactions, for people: a sentence, then the transactions as a table
// and, for a cycle, why each of them must come before the next (Elle's manner: "Let T1 = …; then T1
// < T2, because …").
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checkers/transactional/cycles.h"

namespace faultline::transactional {

struct Told {
  std::string sentence, explanation;
  std::vector<OperationId> witness;  ///< Rows, in time order.
  Map parts{};                       ///< The explanation, for who draws it; see docs/isolation.md.
};

/// In words, and the same in parts: both are made in one place, so that they agree.
struct Phrase {
  std::string text;
  Map parts{};
};

/// That one comes before the other, and why.
struct Link {
  Transaction from = nobody, to = nobody;
  Phrase why{};
};
struct Links {
  std::vector<Link> all{};
  std::size_t left_out = 0;
};

class Teller;

/// The words for one kind of objects.
class Language {
 public:
  virtual ~Language() = default;
  /// "append 5 to 3"
  virtual Phrase deed(const Teller& teller, Transaction t, const MicroOperation& m) const = 0;
  /// Of an edge between answers: "T2 appended 5 to key 3 right after T1's 4".
  virtual Phrase reason(const Teller& teller, const Step& from, Transaction to) const = 0;
  virtual std::string sentence(const Teller& teller, const Offence& offence) const = 0;
  /// Whether the offence's element is one that the sentence is about.
  virtual bool names_element(const Offence&) const { return true; }
  /// Those that the sentence consists of.
  virtual Links links(const Teller&, const Offence&) const { return {}; }
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

  Value value(ValueHandle value) const { return history_.values().value(value); }
  /// As `list` has it: the last items, and under `name`_left_out how many are not among them.
  void add_list(Map& parts, const std::string& name, std::span<const ValueHandle> items) const;
  Value labels(std::span<const Transaction> some) const;
  /// The parts of an edge, by what it is known, and what it is about: of its key what the first
  /// one wrote (of an rw: read), and what the other one wrote; of a wr only the former.
  Map link(std::string_view kind, std::string_view source, KeyIndex k,
           std::optional<ValueHandle> before = {}, std::optional<ValueHandle> after = {}) const;

  /// A line each: who, from when to when, what became of it, and what it did.
  std::string table(const Language& language) const;
  /// The same in parts.
  List rows(const Language& language) const;
  /// Why one must come before the other.
  Phrase reason(const Language& language, const Step& from, Transaction to) const;
  /// "T1 had ended at 0.31 s when T2 began at 0.32 s"
  std::string in_time(Transaction from, Transaction to) const;
  std::string in_process(Transaction from, Transaction to) const;

 private:
  std::string moment(Transaction t, bool began, int decimals) const;
  int decimals(Transaction ended, Transaction began) const;
  std::string who_plainly(Transaction t) const;
  /// So many as are told.
  std::vector<Phrase> deeds(const Language& language, Transaction t) const;

  const Transactions& all_;
  const History& history_;
  std::vector<Transaction> transactions_;
};

Told tell(const Dependencies& source, const Language& language, const Offence& offence);
Told tell(const Dependencies& source, const Language& language, const Cycle& cycle);
/// A line for each: why it must come before the next one, the last before the first.
std::string chain_text(const Teller& teller, std::span<const Link> chain,
                       std::string_view indent = "  ");
/// The same in parts, in that order.
List edges_of(const Teller& teller, std::span<const Link> chain);
/// "ww", of what is inferred as well; "wr", "rw", whatever tells it; "process", "realtime".
std::string_view kind_of(Edge edge);
/// Of an edge that nothing more can be said of.
inline Phrase unexplained(Edge edge, std::string text) {
  return {std::move(text), {{"kind", std::string(kind_of(edge))}, {"source", "dependency"}}};
}
/// Of transactions each of which must come before the next one, and the last before the first.
Told tell_circle(std::string_view name, const Teller& teller, const Language& language,
                 std::span<const Link> chain);

}  // namespace faultline::transactional
