// Plays scripts: several transactions open at once, each step sent when the script says so, and
// each transaction recorded as one txn operation, of a process of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "harness/core/target.h"
#include "harness/io/recorder.h"
#include "harness/run/schedule.h"

namespace faultline {

struct ScriptPlayerSettings {
  Recorder& recorder;
  const Target& target;  ///< Has steps.
  const Node& node;
  Nanoseconds request_timeout{};  ///< For each step, the waiting for other transactions included.
  std::size_t lane = 0;           ///< Of the recorder.
  std::function<Deadline()> now = {};    ///< The steady clock, unless a test has its own.
  std::function<bool()> stop = {};       ///< Asked between looks; then the script is broken off.
  std::function<void(Fate)> ended = {};  ///< A transaction was recorded to its end.
};

/// A step is sent when all earlier ones have been answered, but for those of transactions that the
/// store says wait for another one: their later steps are held back, and sent as soon as they can
/// be, before the script goes on. Nothing is concluded from how long an answer takes, but that
/// after the timeout nobody will wait for it any more.
///
/// An invocation is recorded when its transaction begins, with all that the script has it ask; its
/// end once it is known. Used by one thread.
class ScriptPlayer {
 public:
  explicit ScriptPlayer(ScriptPlayerSettings settings);

  /// If it is stopped before the end, what is open is given up, and recorded so. A script of which
  /// nothing was played yet is recorded with a first transaction that failed, so that the history
  /// says that it was to be played.
  void play(const Script& script);
  /// Greater than any used.
  std::uint32_t next_process() const { return next_process_; }

 private:
  class Performance;
  ScriptPlayerSettings settings_;
  std::uint32_t next_process_ = 0;
};

}  // namespace faultline
