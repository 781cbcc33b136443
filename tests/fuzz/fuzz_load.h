// What fuzzers of formats share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "harness/core/check.h"
#include "harness/io/export.h"
#include "harness/io/load.h"
#include "tests/io/blocks.h"
#include "tests/io/well_formed.h"

namespace faultline {

inline void require_place(const LoadError& error, std::string_view text) {
  const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
  FAULTLINE_CHECK(error.where.file == "fuzz");
  FAULTLINE_CHECK(error.where.line <= lines);  // 0: of a file that has no lines
  FAULTLINE_CHECK((error.where.line == 0) == (error.where.column == 0));
  FAULTLINE_CHECK(!error.expected.empty());
}

/// Of the blocks and the threads that it is read by. Few: a fuzzer lives on its speed.
inline void require_independence(std::string_view text) {
  const std::string dependence =
      block_dependence_of(text, 1 + text.size() % 61, text.size() % 8 == 0 ? 2 : 1);
  FAULTLINE_CHECK(dependence.empty());
}

inline void load_any(std::string_view text) {
  require_independence(text);
  LoadError error;
  const auto loaded = load_history_text(text, "fuzz", {}, &error);
  if (!loaded) return require_place(error, text);
  FAULTLINE_CHECK(defect_of(loaded->history).empty());
  for (const std::string_view format : export_formats()) {
    std::string exported;
    const Status done =
        export_history(loaded->history, format, [&](std::string_view piece) { exported += piece; });
    FAULTLINE_CHECK(static_cast<bool>(done));
    const auto back = load_history_text(exported, "exported");
    FAULTLINE_CHECK(static_cast<bool>(back));
    FAULTLINE_CHECK(std::ranges::equal(back->history.begin(), loaded->history.begin()));
    FAULTLINE_CHECK(std::ranges::equal(back->history.end(), loaded->history.end()));
  }
}

}  // namespace faultline
