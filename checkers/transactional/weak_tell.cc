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

Phrase RegisterLanguage::reason(const Teller& t, const Tie& from, Transaction to) const {
  const KeyIndex k = from.why.key;
  const auto value = [&](Transaction by) { return registers_.value_of(registers_.written(by, k)); };
  const auto written = [&](Transaction by) { return t.text(value(by)); };
  if (from.edge == Edge::rw)
    return {t.label(from.from) + " read key " + t.key(k) + " as nil, without " + t.label(to) +
                "'s " + written(to),
            t.link("rw", "initial", k, ValueHandle(), value(to))};
  if (!is_inferred(from.edge)) return t.reason(*this, {from.from, from.edge}, to);
  Phrase told{t.label(from.from) + "'s " + written(from.from) + " of key " + t.key(k) +
                  " was before " + t.label(to) + "'s " + written(to) + " (" + knew(t, from) +
                  ", and read key " + t.key(k) + " as " + written(to) + " all the same)",
              t.link("ww", "known", k, value(from.from), value(to))};
  const Transaction reader[] = {from.why.reader};
  told.parts.emplace_back("by", t.labels(reader));
  if (!from.through.empty()) told.parts.emplace_back("through", t.labels(from.through));
  return told;
}

Told RegisterLanguage::tell_contradiction(const Contradiction& contradiction) const {
  const std::vector<Tie>& ties = contradiction.ties;
  std::vector<Transaction> all;
  for (const Tie& tie : ties) all.push_back(tie.from);
  for (const Tie& tie : ties) {
    all.push_back(tie.why.reader);
    all.insert(all.end(), tie.through.begin(), tie.through.end());
  }
  const Teller teller(registers_, all);
  std::vector<Link> chain;
  for (std::size_t i = 0; i < ties.size(); ++i) {
    const Transaction to = ties[(i + 1) % ties.size()].from;
    chain.push_back({ties[i].from, to, reason(teller, ties[i], to)});
  }
  return tell_circle(name_of(contradiction.anomaly), teller, *this, chain);
}

}  // namespace faultline::transactional
