// A history back on disk, whatever it was read from: one event a line, in JSON or in EDN. What is
// loaded from there is the same history. Not kept are what a nemesis did (its events become empty
// ones, so that every event keeps its place) and what a failed operation answered.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "harness/core/history.h"
#include "harness/core/result.h"

namespace faultline {

/// Alphabetical.
std::span<const std::string_view> export_formats();

/// Gives the text to `sink` in pieces of whole lines. An unknown format is an error that names the
/// nearest.
Status export_history(const History& history, std::string_view format,
                      const std::function<void(std::string_view)>& sink);

}  // namespace faultline
