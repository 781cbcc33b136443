// Histories from disk: ours (recorder.h), and other tools' in any format of formats.def, which is
// found by the content, and also if it is compressed by gzip or zstd.
//
// What follows holds for events in the vocabulary of Jepsen, in JSON lines and in every other
// syntax; a format's own rules are in its file.
//
// An event must have `process` and `type`, and an invocation `f`; other fields may be missing,
// unknown ones are ignored, none may be there twice. An event whose process is a text ("nemesis")
// is skipped, but keeps its position. A completion must agree with its invocation in f and key
// where it has them.
//
// Ours or foreign: a history is ours if its first event has `index`, `node` and `time`. Then every
// index must equal the position: a gap, a repeat or a missing beginning is an error. In a foreign
// history indexes may be absent, or sparse but rising.
//
// Keys: in the field `key`, or as Jepsen's tuples [k v] in `value`. It is decided once for a whole
// file, which has tuples if no event has a field `key`, not even of null; if the value of every
// invocation and of every ok is a list of two whose first element is a scalar (that of a fail or an
// info may be null instead); if the v of every compare-and-set is a list of two; and if some
// invocation shows it: a compare-and-set, or a v of null (a read of k). Anything else is a plain
// value: a wrong guess would judge another history.
//
// A last line without newline that is no whole JSON was torn by a kill: dropped, with a warning.
// Numbers: integers of 64 bits are exact; larger ones keep their digits; others are compared as
// doubles.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/history.h"
#include "harness/core/params.h"
#include "harness/core/result.h"

namespace faultline {

/// Why an input could not be read, for people ("FILE:LINE:COLUMN: expected …") and for --json.
struct LoadError {
  Where where;
  std::string expected;  ///< "expected a JSON object", "process 3 completes an operation that …".
};

struct Loaded {
  History history;
  std::string format;  ///< As in `faultline list formats`: "jsonl".
  /// What the format says of the object, where it does: the name of a model, and the value before
  /// the first write as --initial takes it.
  std::string model_hint;
  std::optional<std::string> initial_hint;
  /// False: only the order of each process's own operations means anything, since the format has no
  /// other; positions are those of the file, in which a process's operations are in its order.
  bool has_real_time = true;
  std::vector<std::string> warnings;  ///< "history.jsonl: dropped a torn last line (38 bytes)".
};

struct LoadOptions {
  unsigned threads = 2;
  /// An ok read of nil says nothing, as Knossos has it: it becomes a fail. Of EDN, JSON and JSON
  /// lines.
  bool nil_reads_unknown = false;
  /// How much of a file is read and parsed at a time. It changes nothing but time and memory.
  std::uint64_t block_bytes = 1u << 20;
};

/// Reads `path`: a history file, "-" for the standard input, or a run directory (its history.jsonl,
/// which of a run that was killed early may have no event yet). The whole error goes into `*error`
/// if it is given.
Result<Loaded> load_history(const std::filesystem::path& path, const LoadOptions& options = {},
                            LoadError* error = nullptr);

/// The same from memory; `name` stands for the file in messages. `text` need not end in a newline.
Result<Loaded> load_history_text(std::string_view text, const std::string& name,
                                 const LoadOptions& options = {}, LoadError* error = nullptr);

}  // namespace faultline
