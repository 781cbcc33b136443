// How contradictions of the weak levels are told.
#include "checkers/transactional/registers_tell.h"

namespace faultline::transactional {

/// "T3 had read of T1", "T3 knew of T1 through T4 and T5"
std::string RegisterLanguage::knew(const Teller& t, const Tie& from) const {
  const std::string reader = t.label(from.why.reader), before = t.label(from.why.before);
  if (from.through.empty()) {
    if (reads_of(from.why.reader, from.why.before)) return reader + " read of " + before;
    return reader + " came after " + before + " in its process";
  }
  std::string text = reader + " knew of " + before + " through ";
  for (std::size_t i = 0; i < from.through.size(); ++i)
    text += (i == 0                         ? ""
             : i + 1 == from.through.size() ? " and "
                                            : ", ") +
            t.label(from.through[i]);
  return text;
}

std::string RegisterLanguage::reason(const Teller& t, const Tie& from, Transaction to) const {
  const KeyIndex k = from.why.key;
  const auto written = [&](Transaction by) {
    return t.text(registers_.value_of(registers_.written(by, k)));
  };
  if (from.edge == Edge::rw)
    return t.label(from.from) + " read key " + t.key(k) + " as nil, without " + t.label(to) +
           "'s " + written(to);
  if (!is_inferred(from.edge)) return t.reason(*this, {from.from, from.edge}, to);
  return t.label(from.from) + "'s " + written(from.from) + " of key " + t.key(k) + " was before " +
         t.label(to) + "'s " + written(to) + " (" + knew(t, from) + ", and read key " + t.key(k) +
         " as " + written(to) + " all the same)";
}

Told RegisterLanguage::tell_contradiction(const Contradiction& contradiction) const {
  const std::vector<Tie>& ties = contradiction.ties;
  std::vector<Transaction> members, all;
  for (const Tie& tie : ties) members.push_back(tie.from);
  all = members;
  for (const Tie& tie : ties) {
    all.push_back(tie.why.reader);
    all.insert(all.end(), tie.through.begin(), tie.through.end());
  }
  const Teller teller(registers_, all);
  std::vector<std::string> reasons;
  for (std::size_t i = 0; i < ties.size(); ++i)
    reasons.push_back(reason(teller, ties[i], ties[(i + 1) % ties.size()].from));
  return tell_circle(name_of(contradiction.anomaly), teller, *this, members, reasons);
}

}  // namespace faultline::transactional
