// The formats in which histories are read, from formats.def: `faultline list formats`, and how
// loading finds the one that a file has. Adding one: its file with sniff_NAME() and load_NAME()
// (format.h), its test, its line there.
#pragma once

#include <span>
#include <string_view>

namespace faultline {

struct FormatEntry {
  std::string_view name;  ///< As Loaded::format has it.
  std::string_view doc;   ///< One sentence, beginning with a small letter, without a full stop.
};

/// In the order in which they are tried.
std::span<const FormatEntry> formats();

}  // namespace faultline
