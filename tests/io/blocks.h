// That it does not matter in which pieces, and by how many threads, a history is read.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "harness/io/load.h"
#include "tests/io/well_formed.h"

namespace faultline {

/// In which two histories differ, or "". Ids of nodes and errors are compared by what they name.
inline std::string difference_of(const History& a, const History& b) {
  if (a.size() != b.size() || a.events() != b.events()) return "size";
  const auto differ = [](const auto& left, const auto& right) {
    return !std::ranges::equal(left, right);
  };
  if (differ(a.process(), b.process()) || differ(a.function(), b.function())) return "process or f";
  if (differ(a.fate(), b.fate()) || differ(a.key(), b.key())) return "fate or key";
  if (differ(a.begin(), b.begin()) || differ(a.end(), b.end())) return "position";
  if (differ(a.begin_time(), b.begin_time()) || differ(a.end_time(), b.end_time())) return "time";
  if (differ(a.node(), b.node()) || differ(a.error(), b.error())) return "node or error";
  for (OperationId row = 0; row < a.size(); ++row) {
    if (a.values().to_text(a.argument()[row]) != b.values().to_text(b.argument()[row]))
      return "argument of " + std::to_string(row);
    if (a.values().to_text(a.output()[row]) != b.values().to_text(b.output()[row]))
      return "output of " + std::to_string(row);
    if (a.node()[row] != no_node && a.node_name(a.node()[row]) != b.node_name(b.node()[row]))
      return "name of the node of " + std::to_string(row);
    if (a.error()[row] != no_error && a.error_text(a.error()[row]) != b.error_text(b.error()[row]))
      return "error of " + std::to_string(row);
  }
  if (a.key_count() != b.key_count()) return "number of keys";
  for (KeyId key = 0; key < a.key_count(); ++key)
    if (a.key_text(key) != b.key_text(key)) return "key";
  for (Position at = 0; at < a.events(); ++at)
    if (a.index_of(at) != b.index_of(at)) return "index";
  return "";
}

/// What differs if `text` is read in one piece, or in blocks of that many bytes by that many
/// threads; or "".
inline std::string block_dependence_of(std::string_view text, std::uint64_t bytes,
                                       unsigned threads) {
  LoadError error, error_in_blocks;
  const auto whole = load_history_text(text, "h", {.threads = 1}, &error);
  const auto in_blocks =
      load_history_text(text, "h", {.threads = threads, .block_bytes = bytes}, &error_in_blocks);
  if (static_cast<bool>(whole) != static_cast<bool>(in_blocks))
    return whole ? "refused: " + in_blocks.error().what : "loads in spite of " + error.expected;
  if (!whole) {
    const auto place = [](const LoadError& e) {
      return std::to_string(e.where.line) + ":" + std::to_string(e.where.column) + ": " +
             e.expected;
    };
    return place(error) == place(error_in_blocks)
               ? ""
               : place(error) + " became " + place(error_in_blocks);
  }
  if (whole->warnings != in_blocks->warnings) return "warnings";
  if (whole->model_hint != in_blocks->model_hint || whole->initial_hint != in_blocks->initial_hint)
    return "hint";
  return difference_of(whole->history, in_blocks->history);
}

}  // namespace faultline
