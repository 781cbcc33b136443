// The scripts of the workload `hermitage`, which the checker of that name must know as well: which
// transactions there are, and in which order their steps are asked. After Martin Kleppmann's
// Hermitage (2014), whose anomalies are those of Adya (1999) and Bailis et al. (2013).
//
// Every script has keys of its own, NAME/x and so on. Its first transaction sets them up before
// the others begin; its last reads what they left, when nothing else is open. Values are written
// once per key, so that a value tells who wrote it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/stepwise.h"

namespace faultline::hermitage {

struct ScriptLine {
  std::string_view name;     ///< Of the script, and before the slash of its keys.
  std::string_view column;   ///< Of Hermitage's table.
  std::string_view anomaly;  ///< What it is after, as verdicts name it.
  std::string_view doc;      ///< What happens if that happens.
  /// "1 w x 11; 2 read = 20; 1 commit": the transaction's number, and a step of it.
  std::string_view steps;
};

/// In the order of Hermitage's table.
std::span<const ScriptLine> script_lines();
std::vector<std::string_view> script_names();
/// nullptr if there is none.
const ScriptLine* find_script(std::string_view name);

/// Transaction 0 sets up, the last one reads what is left. (Tests have another Script.)
faultline::Script script_of(const ScriptLine& line);

}  // namespace faultline::hermitage
