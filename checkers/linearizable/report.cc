#include "checkers/linearizable/report.h"

#include <iterator>

#include "checkers/linearizable/words.h"
#include "harness/core/text.h"

namespace faultline::linearizable {
namespace {

constexpr std::size_t keys_in_words = 3;
constexpr std::size_t keys_listed = 100;

/// Keeps the `most` lowest.
template <typename Map>
void trim(Map& map, std::size_t most) {
  if (map.size() > most) map.erase(std::prev(map.end()));
}

}  // namespace

std::string plural(std::uint64_t count, const std::string& word) {
  return with_thousands(count) + " " + word + (count == 1 ? "" : "s");
}

void Report::note_invalid(Rank rank, KeyId key, Finding finding) {
  const std::lock_guard lock(mutex_);
  ++keys_invalid_;
  ++anomalies_[finding.anomaly];
  sequential_ruled_out_ |= finding.rules_out_sequential;
  if (key != no_key) keys_.emplace(rank, key);
  trim(keys_, keys_listed);
  findings_.emplace(rank, std::pair(key, std::move(finding)));
  trim(findings_, keys_in_words);
}

void Report::note_unknown(Rank rank, const std::string& reason, const std::string& summary) {
  const std::lock_guard lock(mutex_);
  if (unknown_++ > 0 && rank >= unknown_rank_) return;
  unknown_rank_ = rank;
  unknown_reason_ = reason;
  unknown_summary_ = summary;
}

void Report::give_up(const std::string& reason, const std::string& summary) {
  verdict_.validity = Validity::unknown;
  verdict_.reason = reason;
  verdict_.summary = summary;
}

void Report::tell_findings() {
  std::string& out = verdict_.explanation;
  for (const auto& [rank, found] : findings_) {
    const auto& [key, finding] = found;
    const std::string name = key == no_key ? "" : "key " + key_text(key) + ": ";
    if (out.empty()) {
      verdict_.summary = name + finding.sentence;
      verdict_.witness = finding.witness;
    } else {
      out += "\n";
    }
    out += name + finding.sentence + " (" + finding.anomaly + ")\n";
    out += table(history_, finding.witness);
    if (!finding.minimal)
      out += "(a small witness, not a minimal one: some of these may not be needed)\n";
  }
  for (const auto& [rank, key] : keys_) verdict_.keys_invalid.push_back(key_text(key));
}

void Report::conclude(std::uint64_t objects) {
  if (keys_invalid_ > 0) {
    verdict_.validity = Validity::invalid;
    tell_findings();
    verdict_.counted.emplace_back("keys_invalid", keys_invalid_);
    verdict_.anomalies.assign(anomalies_.begin(), anomalies_.end());
    verdict_.refuted = {"linearizable"};
    if (!sequential_ruled_out_) verdict_.not_refuted = {"sequential"};
    if (keys_invalid_ > 1)
      verdict_.summary += " (and " + plural(keys_invalid_ - 1, "more key") + ")";
  } else if (unknown_ > 0) {
    give_up(unknown_reason_, unknown_summary_);
    if (unknown_ > 1)
      verdict_.summary += " (and " + plural(unknown_ - 1, "more key") + " undecided)";
  } else {
    verdict_.validity = Validity::valid;
    verdict_.summary =
        plural(history_.size(), "operation") + " on " + plural(objects, "key") + ": linearizable";
  }
}

}  // namespace faultline::linearizable
