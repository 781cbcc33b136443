// What counter and fetch-and-add have in common: a number.
#pragma once

#include "checkers/linearizable/model.h"

namespace faultline::linearizable {

/// `fetches`: each add answers what the number was before it.
std::unique_ptr<Model> make_number(const Operations& all, const Setup& setup, bool fetches);
ModelTraits number_traits();
std::int64_t initial_number(const Setup& setup);

}  // namespace faultline::linearizable
