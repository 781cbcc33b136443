// Which anomalies one play of a script shows. Everything that is found here is one that no order of
// the transactions one after the other explains, which a test holds every rule to.
//
// The last transaction of a script reads when nothing else is open, and is taken for the state that
// the others left. Of a store whose reads may be stale that is not true, and its G0 and OTV may be
// a stale last read instead.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "checkers/hermitage/play.h"
#include "checkers/transactional/isolation.h"

namespace faultline::hermitage {

struct Found {
  std::string_view anomaly;
  std::string sentence;             ///< "T1 and T2 both read x = 10, and each wrote over it".
  std::vector<std::size_t> actors;  ///< Who took part, in order.
};

/// Every name that anomalies can have, sorted.
std::vector<std::string_view> all_anomalies();
transactional::ModelSet ruled_out_by(std::string_view anomaly);

/// In order of how bad they are; none twice.
std::vector<Found> anomalies_of(const Play& play);

/// Whether executing the transactions one after the other, in some order, gives every answer that
/// is known; those whose fate is not known may be left out.
bool has_serial_order(const Play& play);

}  // namespace faultline::hermitage
