// The checker `rw-register`, fed while the history grows.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "checkers/transactional/isolation.h"
#include "harness/core/checker.h"

namespace faultline::transactional {

/// Finds what rw-register infers of the whole history, of what is certain so far
/// (online_registers.h). What only all orders of the versions together refute is not among that.
///
/// Of the budget the memory counts, and the flag, which must outlive it. `asked`: what is violated.
/// `initial`: what is read before any write; nothing: nil.
std::unique_ptr<OnlineChecker> online_rw_register(ModelSet asked, const Budget& budget,
                                                  std::optional<std::int64_t> initial);

}  // namespace faultline::transactional
