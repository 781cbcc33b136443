// What set and grow-only-set have in common.
#pragma once

#include "checkers/linearizable/model.h"

namespace faultline::linearizable {

std::unique_ptr<Model> make_set(const Operations& all);
std::string set_objection(const Operation& o, const Operations& all);

}  // namespace faultline::linearizable
