#include "checkers/linearizable/report.h"

#include "checkers/linearizable/words.h"
#include "harness/core/text.h"

namespace faultline::linearizable {
namespace {

constexpr std::size_t keys_in_words = 3;
constexpr std::size_t keys_listed = 100;

}  // namespace

std::string plural(std::uint64_t count, const std::string& word) {
  return with_thousands(count) + " " + word + (count == 1 ? "" : "s");
}

void Report::note_invalid(KeyId key, const Finding& finding) {
  verdict_.validity = Validity::invalid;
  ++keys_invalid_;
  if (verdict_.keys_invalid.size() < keys_listed && key != no_key)
    verdict_.keys_invalid.push_back(key_text(key));
  ++anomalies_[finding.anomaly];
  sequential_ruled_out_ |= finding.rules_out_sequential;
  if (keys_invalid_ > keys_in_words) return;
  const std::string name = key == no_key ? "" : "key " + key_text(key) + ": ";
  if (keys_invalid_ == 1) {
    verdict_.summary = name + finding.sentence;
    verdict_.witness = finding.witness;
  }
  std::string& out = verdict_.explanation;
  if (!out.empty()) out += "\n";
  out +=
      name + finding.sentence + " (" + finding.anomaly + ")\n" + table(history_, finding.witness);
  if (!finding.minimal)
    out += "(a small witness, not a minimal one: some of these may not be needed)\n";
}

void Report::note_unknown(const std::string& reason, const std::string& summary) {
  if (verdict_.validity == Validity::invalid) return;
  if (verdict_.validity == Validity::unknown) {
    ++more_unknown_;
    return;
  }
  give_up(reason, summary);
}

void Report::give_up(const std::string& reason, const std::string& summary) {
  verdict_.validity = Validity::unknown;
  verdict_.reason = reason;
  verdict_.summary = summary;
}

void Report::conclude(std::uint64_t objects) {
  if (verdict_.validity == Validity::invalid) {
    verdict_.reason.clear();
    verdict_.counted.emplace_back("keys_invalid", keys_invalid_);
    verdict_.anomalies.assign(anomalies_.begin(), anomalies_.end());
    verdict_.refuted = {"linearizable"};
    if (!sequential_ruled_out_) verdict_.not_refuted = {"sequential"};
    if (keys_invalid_ > 1)
      verdict_.summary += " (and " + plural(keys_invalid_ - 1, "more key") + ")";
  } else if (verdict_.validity == Validity::unknown) {
    if (more_unknown_ > 0)
      verdict_.summary += " (and " + plural(more_unknown_, "more key") + " undecided)";
  } else {
    verdict_.summary =
        plural(history_.size(), "operation") + " on " + plural(objects, "key") + ": linearizable";
  }
}

}  // namespace faultline::linearizable
