// A run's progress as one line of text.
#pragma once

#include <string>

#include "harness/run/runner.h"

namespace faultline {

/// `served_before` is the count of an earlier Progress, `interval` seconds ago: for the current
/// rate. "12 s of 60 s  1,980/s  ok 23,760  fail 12  info 3  [partition majority-ring, kill n1
/// n3]".
std::string progress_line(const Progress& progress, std::uint64_t served_before, double interval);

}  // namespace faultline
