// How what is wrong with lists is told.
#pragma once

#include <string>

#include "checkers/transactional/lists.h"
#include "checkers/transactional/tell.h"

namespace faultline::transactional {

class ListLanguage final : public Language {
 public:
  explicit ListLanguage(const Lists& lists) : lists_(lists), all_(lists.transactions()) {}
  Phrase deed(const Teller& t, Transaction of, const MicroOperation& m) const override;
  Phrase reason(const Teller& t, const Step& from, Transaction to) const override;
  std::string sentence(const Teller& t, const Offence& o) const override;
  bool names_element(const Offence& o) const override;

 private:
  Phrase ww(const Teller& t, Transaction from, Transaction to) const;
  Phrase wr(const Teller& t, Transaction from, Transaction to) const;
  Phrase rw(const Teller& t, Transaction from, Transaction to) const;
  Phrase missed(const Teller& t, Transaction from, Transaction to) const;
  /// That a read was without what the other one appended.
  Phrase without(const Teller& t, Transaction from, const MicroOperation& read, Transaction to,
                 AppendId append) const;
  std::uint64_t first_of(Transaction t) const {
    return static_cast<std::uint64_t>(all_.of(t).data() - all_.micro().data());
  }

  const Lists& lists_;
  const Transactions& all_;
};

}  // namespace faultline::transactional
