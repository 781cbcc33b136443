// What a check does that breaks off: it says so, and never passes.
#pragma once

#include <exception>
#include <new>
#include <string>

#include "harness/core/checker.h"

namespace faultline {

/// Runs `check`, which fills the verdict. Memory that ran out, or any other exception, makes it
/// `unknown`; what was proven before stays proven.
template <typename Check>
void guarded(Verdict& verdict, Check check) {
  const auto fail = [&](const std::string& what) {
    if (verdict.validity == Validity::invalid && !verdict.witness.empty()) return;
    verdict.validity = Validity::unknown;
    verdict.reason = "exception";
    verdict.summary = "the check broke off: " + what;
  };
  try {
    check();
  } catch (const std::bad_alloc&) {
    fail("out of memory");
  } catch (const std::exception& e) {
    fail(e.what());
  }
}

}  // namespace faultline
