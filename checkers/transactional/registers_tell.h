// How what is wrong with registers is told.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checkers/transactional/polygraph.h"
#include "checkers/transactional/registers.h"
#include "checkers/transactional/tell.h"
#include "checkers/transactional/weak_levels.h"

namespace faultline::transactional {

class RegisterLanguage final : public Language {
 public:
  explicit RegisterLanguage(const Registers& registers)
      : registers_(registers), all_(registers.transactions()) {}
  Phrase deed(const Teller& t, Transaction of, const MicroOperation& m) const override;
  Phrase reason(const Teller& t, const Step& from, Transaction to) const override;
  std::string sentence(const Teller& t, const Offence& o) const override;
  bool names_element(const Offence& o) const override;
  Links links(const Teller& t, const Offence& o) const override;
  std::vector<Transaction> seen_by(const Step& from, Transaction to) const override;
  std::vector<Transaction> seen_by(const Offence& o) const override;
  Told tell_contradiction(const Contradiction& contradiction) const;
  Told tell_refutation(std::string_view name, const Refutation& refutation) const;

 private:
  Phrase reason(const Teller& t, const Tie& from, Transaction to) const;
  std::string knew(const Teller& t, const Tie& from) const;
  Phrase reason(const Teller& t, const ForcedStep& from, Transaction to) const;
  Phrase precedence(const Teller& t, const Precedence& one) const;
  /// Adds each case that ends in a cycle to `branches`; `given` is what is assumed in this one.
  std::string case_text(const Teller& t, const Refutation& all, const std::vector<Case>& cases,
                        std::uint32_t at, const std::string& indent, const List& given,
                        List& branches) const;
  /// Why one version comes before another one.
  struct Evidence {
    Version before = no_version, after = no_version;
    /// The one who met both; or who met the first before who met the second.
    Transaction first = nobody, second = nobody;
  };
  std::optional<Evidence> evidence(const Step& from, Transaction to) const;
  bool fill(Evidence& found, Order order) const;
  /// Of a cyclic-versions, one after the other, and by which order each is.
  std::vector<std::pair<Evidence, Order>> evidence(const Offence& o) const;
  bool fill_by_reads(Evidence& found) const;
  bool fill_by_process(Evidence& found) const;
  bool fill_by_realtime(Evidence& found) const;
  bool meets(Transaction t, Version version) const;
  bool reads_of(Transaction t, Transaction writer) const;
  /// Its parts: "source", and "by": who says so.
  Phrase because(const Teller& t, const Evidence& found, Order order) const;
  /// An edge by that evidence.
  Map parts(const Teller& t, std::string_view kind, const Evidence& found, Map why) const;

  const Registers& registers_;
  const Transactions& all_;
};

}  // namespace faultline::transactional
