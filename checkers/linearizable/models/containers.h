// What queues and stacks have in common: elements go in, and come out in an order that depends on
// the kind.
#pragma once

#include "checkers/linearizable/model.h"

namespace faultline::linearizable {

enum class Discipline : std::uint8_t { first_in, last_in, smallest, largest };

std::unique_ptr<Model> make_container(const Operations& all, Discipline discipline);
std::string container_objection(const Operation& o, const Operations& all);
/// … whose elements must be integers.
std::string number_container_objection(const Operation& o, const Operations& all);

}  // namespace faultline::linearizable
