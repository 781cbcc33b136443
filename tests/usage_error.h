// Errors that a user made, for tests of the sentences that say so.
#pragma once

#include <string>

#include <doctest/doctest.h>

#include "harness/core/result.h"

namespace faultline {

/// The sentence of what must have failed by the user's mistake.
template <typename T>
std::string usage_error(const Result<T>& result) {
  REQUIRE_FALSE(result);
  CHECK(result.error().kind == ErrorKind::usage);
  return result.error().what;
}

}  // namespace faultline
