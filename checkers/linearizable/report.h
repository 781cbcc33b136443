// Gathers what was found about the objects of one history into a verdict.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "checkers/linearizable/evidence.h"

namespace faultline::linearizable {

std::string plural(std::uint64_t count, const std::string& word);

/// The verdict is the same in whatever order, and from whichever threads, things are noted: what
/// has the lowest rank is told first. Keeps a few findings only.
class Report {
 public:
  /// Places in the order of telling.
  using Rank = std::size_t;
  static constexpr Rank last = static_cast<Rank>(-1);

  Report(const History& history, Verdict& verdict) : history_(history), verdict_(verdict) {}

  std::string key_text(KeyId key) const {
    return key == no_key ? "(none)" : history_.key_text(key);
  }
  std::string key_phrase(KeyId key) const {
    return key == no_key ? "the only object" : "key " + key_text(key);
  }

  /// Thread-safe.
  void note_invalid(Rank rank, KeyId key, Finding finding);
  void note_unknown(Rank rank, const std::string& reason, const std::string& summary);

  bool nothing_noted() const { return findings_.empty() && unknown_ == 0; }
  /// Unknown, whatever else there is: instead of conclude().
  void give_up(const std::string& reason, const std::string& summary);
  /// Writes the verdict: of `objects` that were to be looked at.
  void conclude(std::uint64_t objects);

 private:
  void tell_findings();

  const History& history_;
  Verdict& verdict_;
  std::mutex mutex_;
  std::map<Rank, std::pair<KeyId, Finding>> findings_;  ///< The first few.
  std::map<Rank, KeyId> keys_;                          ///< The first of the keys at fault.
  std::uint64_t keys_invalid_ = 0;
  bool sequential_ruled_out_ = false;
  std::map<std::string, std::uint64_t> anomalies_;
  std::uint64_t unknown_ = 0;
  Rank unknown_rank_ = last;
  std::string unknown_reason_, unknown_summary_;
};

}  // namespace faultline::linearizable
