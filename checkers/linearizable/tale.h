// What went wrong with an object that is no register, in words, as far as a few operations tell.
#pragma once

#include <string_view>
#include <vector>

#include "checkers/linearizable/evidence.h"
#include "checkers/linearizable/model.h"

namespace faultline::linearizable {

/// `proof`: places in `all`, ascending; not linearizable by themselves. `bad`, one of them, could
/// not take effect by its end. `anomaly`: what an engine called it, or empty; what the operations
/// themselves tell goes before.
Finding tell(const History& history, const Operations& all, std::string_view model,
             const std::vector<std::size_t>& proof, std::size_t bad, std::string_view anomaly,
             bool minimal);

/// Every name that it can give.
std::vector<std::string_view> object_anomaly_names();

}  // namespace faultline::linearizable
