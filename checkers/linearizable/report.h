// Gathers what was found about the objects of one history into a verdict.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "checkers/linearizable/evidence.h"

namespace faultline::linearizable {

std::string plural(std::uint64_t count, const std::string& word);

class Report {
 public:
  Report(const History& history, Verdict& verdict) : history_(history), verdict_(verdict) {}

  std::string key_text(KeyId key) const {
    return key == no_key ? "(none)" : history_.key_text(key);
  }
  std::string key_phrase(KeyId key) const {
    return key == no_key ? "the only object" : "key " + key_text(key);
  }

  void note_invalid(KeyId key, const Finding& finding);
  void note_unknown(const std::string& reason, const std::string& summary);
  /// Unknown, whatever else there is.
  void give_up(const std::string& reason, const std::string& summary);
  /// Of `objects` that were to be looked at.
  void conclude(std::uint64_t objects);

 private:
  const History& history_;
  Verdict& verdict_;
  bool sequential_ruled_out_ = false;
  std::uint64_t keys_invalid_ = 0, more_unknown_ = 0;
  std::map<std::string, std::uint64_t> anomalies_;
};

}  // namespace faultline::linearizable
