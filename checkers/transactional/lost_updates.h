// Lost updates, whatever is updated.
#pragma once

#include <cstdint>
#include <vector>

#include "checkers/transactional/offences.h"
#include "checkers/transactional/transactions.h"

namespace faultline::transactional {

/// Two that read the same version of a key, before they changed it. `version_of(t, micro)` numbers
/// the version that t's read at a micro-operation saw, below `versions`; `versions` if that is not
/// known, or its own: who reads what it writes only later (future-read) loses nothing by that.
template <typename VersionOf>
void note_lost_updates(const Transactions& all, std::size_t versions, VersionOf version_of,
                       Offences& offences) {
  std::vector<Transaction> updaters(versions, nobody);
  struct Seen {
    Transaction transaction = nobody;
    std::uint64_t read = 0;
    bool has_read = false, has_changed = false;
  };
  std::vector<Seen> seen(all.key_count());
  std::uint64_t micro = 0;
  for (Transaction t = 0; t < all.size(); ++t)
    for (const MicroOperation& m : all.of(t)) {
      const std::uint64_t self = micro++;
      if (all.fate(t) != Fate::ok) continue;
      Seen& here = seen[m.key];
      if (here.transaction != t) here = {t};
      if (here.has_changed) continue;
      if (!m.is_append()) {
        if (!here.has_read && version_of(t, self) != versions)
          here.read = self, here.has_read = true;
        continue;
      }
      here.has_changed = true;
      if (!here.has_read) continue;
      Transaction& updater = updaters[version_of(t, here.read)];
      if (updater != nobody)
        offences.note({Anomaly::lost_update, t, updater, here.read, 0, m.key, {}, {}});
      else
        updater = t;
    }
}

}  // namespace faultline::transactional
