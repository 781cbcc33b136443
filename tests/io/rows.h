// Histories as texts, for tests of what reads them.
#pragma once

#include <string>

#include <doctest/doctest.h>

#include "harness/io/load.h"
#include "tests/io/well_formed.h"

namespace faultline {

inline constexpr std::uint64_t block_bytes = LoadOptions().block_bytes;

/// "BEGIN..END pPROCESS F KEY ARGUMENT FATE OUTPUT" a line; END is * where there is none.
inline std::string rows_of(const History& h) {
  std::string out;
  for (OperationId row = 0; row < h.size(); ++row) {
    const std::string end = h.end()[row] == never ? "*" : std::to_string(h.end()[row]);
    const bool is_mismatch = h.fate()[row] == Fate::mismatch;
    out += std::to_string(h.begin()[row]) + ".." + end + " p" + std::to_string(h.process()[row]) +
           " " + std::string(name_of(h.function()[row])) + " " + h.key_text(h.key()[row]) + " " +
           h.values().to_text(h.argument()[row]) + " " +
           (is_mismatch ? "mismatch" : std::string(name_of(h.fate()[row]))) + " " +
           h.values().to_text(h.output()[row]) + "\n";
  }
  return out;
}

inline Loaded loaded_from(std::string_view text) {
  auto loaded = load_history_text(text, "h");
  if (!loaded) FAIL(loaded.error().what);
  CHECK(defect_of(loaded->history) == "");
  return std::move(*loaded);
}

/// "LINE:COLUMN: EXPECTED" of a text that must not load.
inline std::string refusal_of(std::string_view text) {
  LoadError error;
  const auto loaded = load_history_text(text, "h", {}, &error);
  if (loaded) return "loaded " + std::to_string(loaded->history.size());
  CHECK(loaded.error().kind == ErrorKind::usage);
  CHECK(loaded.error().what.ends_with(error.expected));
  CHECK(error.where.file == "h");
  return std::to_string(error.where.line) + ":" + std::to_string(error.where.column) + ": " +
         error.expected;
}

}  // namespace faultline
