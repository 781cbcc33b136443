// From what was found to a verdict: which models it rules out, which it proves, and what is told.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checkers/transactional/cycles.h"
#include "checkers/transactional/tell.h"
#include "harness/core/params.h"

namespace faultline::transactional {

/// "snapshot-isolation,PL-3", strict-serializable if nothing is said. Errors go to `params`.
ModelSet models_of(Params& params);
/// "snapshot-isolation,serializable"
std::string joined(const std::vector<std::string>& names);

/// What the absence of anomalies proves, the graph having every dependency there is. `ordered`: the
/// order of all versions is known, or it does not matter which of some it is.
ModelSet proven(const Offences& offences, const CycleFindings& cycles, bool ordered);

/// What those that were found rule out.
ModelSet refuted_by(const Offences& offences, const CycleFindings& cycles);

/// "appends must be unique, or reads tell nothing: 5 was appended to key 3 by …"
std::string repeated_text(const Transactions& all, const Elements& elements, std::string_view what,
                          std::string_view done);
/// Sorted, but for some that such a history cannot have, and for those by predicates.
std::vector<std::string_view> anomalies_by_name(std::initializer_list<Anomaly> never);

/// Of a kind that is neither a cycle of dependencies nor seen in single reads.
struct OtherFinding {
  Anomaly anomaly = Anomaly::OTV;
  std::uint64_t count = 0;
  Told told;  ///< The smallest.
};

struct Findings {
  const Dependencies& source;
  const Language& language;
  const CycleFindings& cycles;
  ModelSet holds;
  const char* ended = nullptr;  ///< Why the budget ended.
  std::string incomplete;       ///< Why nothing is proven if nothing was found.
  std::vector<OtherFinding> others{};
};

/// Of what is known to be there, as the budget ended before it was made out.
Told tell_known(const Dependencies& source, const Language& language, Anomaly anomaly,
                const KnownCycle& known);

void give_up(Verdict& verdict, const std::string& reason, const std::string& summary);
/// Gives up if that is more memory than there may be.
bool too_much(std::uint64_t bytes, const Budget& budget, std::size_t transactions,
              Verdict& verdict);
void judge(Findings findings, ModelSet asked, Verdict& verdict);

}  // namespace faultline::transactional
