#include "checkers/tally.h"

#include <algorithm>

#include "checkers/linearizable/words.h"
#include "harness/core/text.h"

namespace faultline {

void Tally::conclude(const History& history, Verdict& verdict) const {
  verdict.validity = Validity::invalid;
  const Case& told = kinds_.at(first_).kept.front();
  verdict.witness = told.witness;
  // A check that looks for one thing has its name, and need not say it twice.
  if (first_ != verdict.name) verdict.summary = std::string(first_) + ": ";
  verdict.summary += told.sentence;
  if (total_ > 1) verdict.summary += " (and " + with_thousands(total_ - 1) + " more)";
  const auto tell = [&](std::string_view anomaly, const Case& one) {
    verdict.explanation += std::string(verdict.explanation.empty() ? "" : "\n") +
                           std::string(anomaly) + ": " + one.sentence + "\n" +
                           linearizable::table(history, one.witness);
  };
  tell(first_, told);
  for (const auto& [anomaly, kind] : kinds_) {
    verdict.anomalies.emplace_back(anomaly, kind.count);
    for (const Case& one : kind.kept)
      if (&one != &told) tell(anomaly, one);
  }
  transactional::ModelSet all;
  for (transactional::ModelId m = 0; m < transactional::models().size(); ++m) all.set(m);
  verdict.refuted = transactional::weakest_of(refuted_);
  for (const std::string& name : transactional::names_of(refuted_))
    if (std::ranges::find(verdict.refuted, name) == verdict.refuted.end())
      verdict.also_refuted.push_back(name);
  verdict.not_refuted = transactional::strongest_of(all & ~refuted_);
}

}  // namespace faultline
