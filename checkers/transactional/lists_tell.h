// How what is wrong with lists is told.
#pragma once

#include <string>

#include "checkers/transactional/lists.h"
#include "checkers/transactional/tell.h"

namespace faultline::transactional {

class ListLanguage final : public Language {
 public:
  explicit ListLanguage(const Lists& lists) : lists_(lists), all_(lists.transactions()) {}
  std::string deed(const Teller& t, Transaction of, const MicroOperation& m) const override;
  std::string reason(const Teller& t, const Step& from, Transaction to) const override;
  std::string sentence(const Teller& t, const Offence& o) const override;

 private:
  std::string ww(const Teller& t, Transaction from, Transaction to) const;
  std::string wr(const Teller& t, Transaction from, Transaction to) const;
  std::string rw(const Teller& t, Transaction from, Transaction to) const;
  std::string missed(const Teller& t, Transaction from, Transaction to) const;
  std::uint64_t first_of(Transaction t) const {
    return static_cast<std::uint64_t>(all_.of(t).data() - all_.micro().data());
  }

  const Lists& lists_;
  const Transactions& all_;
};

}  // namespace faultline::transactional
