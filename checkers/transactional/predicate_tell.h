// The words for rows that are looked for by predicates.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkers/transactional/predicate_rows.h"
#include "checkers/transactional/tell.h"

namespace faultline::transactional {

class PredicateLanguage final : public Language {
 public:
  explicit PredicateLanguage(const PredicateRows& rows)
      : rows_(rows), all_(rows.transactions()), pool_(rows.transactions().history().values()) {}

  Phrase deed(const Teller& teller, Transaction t, const MicroOperation& m) const override;
  Phrase reason(const Teller& teller, const Step& from, Transaction to) const override;
  std::string sentence(const Teller& teller, const Offence& offence) const override;

 private:
  const RowRead* tie(Transaction reader, Transaction from, Transaction to, Edge edge) const;
  /// "looked for ["a/", "any", null] and did not find key "a/1""
  std::string how(const Teller& teller, const RowRead& read) const;
  /// An edge that such a read tells.
  Map told_by(const Teller& teller, std::string_view kind, const RowRead& read, ValueHandle before,
              std::optional<ValueHandle> after = {}) const;
  /// nil: a deletion.
  ValueHandle value_left_by(Transaction writer, KeyIndex key) const;
  /// "T2's 5", "T2's deletion" of the key.
  std::string what(const Teller& teller, Transaction writer, KeyIndex key) const;
  const RowVersion* left_by(Transaction writer, KeyIndex key) const;

  const PredicateRows& rows_;
  const Transactions& all_;
  const ValuePool& pool_;
};

}  // namespace faultline::transactional
