// Always-on assertions for programmer errors. They stay in release builds: a harness that goes on
// in a state nobody thought of may print a wrong verdict.
#pragma once

namespace faultline {

/// Prints "FILE:LINE: check failed: TEXT" to stderr and aborts.
[[noreturn]] void check_failed(const char* text, const char* file, int line);

}  // namespace faultline

#define FAULTLINE_CHECK(condition)        \
  (static_cast<bool>(condition) ? void(0) \
                                : ::faultline::check_failed(#condition, __FILE__, __LINE__))
