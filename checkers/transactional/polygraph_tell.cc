// How a refutation is told: case by case.
#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "checkers/transactional/registers_tell.h"

namespace faultline::transactional {

Phrase RegisterLanguage::reason(const Teller& t, const ForcedStep& from, Transaction to) const {
  if (from.edge != Edge::ww && from.edge != Edge::rw)
    return t.reason(*this, Step{from.transaction, from.edge}, to);
  const std::string key = t.key(registers_.key_of(from.why.after));
  const std::string before = t.text(registers_.value_of(from.why.before));
  const std::string after = t.text(registers_.value_of(from.why.after));
  Map edge =
      t.link(kind_of(from.edge), registers_.is_initial(from.why.before) ? "initial" : "assumed",
             registers_.key_of(from.why.after), registers_.value_of(from.why.before),
             registers_.value_of(from.why.after));
  if (from.edge == Edge::ww)
    return {t.label(from.transaction) + " wrote key " + key + "'s " + before +
                ", which was before " + t.label(to) + "'s " + after,
            std::move(edge)};
  return {t.label(from.transaction) + " read key " + key + " as " + before + ", without " +
              t.label(to) + "'s " + after,
          std::move(edge)};
}

/// "1 was before 2 in key 5"
Phrase RegisterLanguage::precedence(const Teller& t, const Precedence& one) const {
  const KeyIndex key = registers_.key_of(one.after);
  const ValueHandle before = registers_.value_of(one.before),
                    after = registers_.value_of(one.after);
  Phrase told{t.text(before) + " was before " + t.text(after) + " in key " + t.key(key),
              {{"key", t.value(all_.key_value(key))},
               {"before", t.value(before)},
               {"after", t.value(after)}}};
  told.parts.emplace_back("text", told.text);
  return told;
}

std::string RegisterLanguage::case_text(const Teller& t, const Refutation& all,
                                        const std::vector<Case>& cases, std::uint32_t at,
                                        const std::string& indent, const List& given,
                                        List& branches) const {
  const Case& here = cases[at];
  if (here.cycle != Case::none) {
    const auto& steps = all.cycles[here.cycle].steps;
    std::vector<Link> chain;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const Transaction to = steps[(i + 1) % steps.size()].transaction;
      chain.push_back({steps[i].transaction, to, reason(t, steps[i], to)});
    }
    branches.emplace_back(Map{{"given", given}, {"edges", edges_of(t, chain)}});
    return chain_text(t, chain, indent);
  }
  const bool is_short = cases[here.below[0]].cycle != Case::none;
  const Precedence other{here.first.after, here.first.before};
  std::string text;
  for (const bool is_other : {false, true}) {
    const Phrase assumed = precedence(t, is_other ? other : here.first);
    List now = given;
    now.emplace_back(assumed.parts);
    text += indent + (is_other && is_short ? "so " : "if ") + assumed.text + ":\n" +
            case_text(t, all, cases, here.below[is_other ? 1 : 0],
                      is_other && is_short ? indent : indent + "  ", now, branches);
  }
  return text;
}

Told RegisterLanguage::tell_refutation(std::string_view name, const Refutation& refutation) const {
  constexpr std::size_t cases_max = 100;  // more than anybody reads
  const std::vector<Transaction> members = members_of(refutation);
  const Teller teller(registers_, members);
  std::set<std::pair<Version, Version>> pairs;
  std::set<KeyIndex> keys;
  for (const ForcedCycle& cycle : refutation.cycles)
    for (const Precedence& given : cycle.given) {
      pairs.insert(std::minmax(given.before, given.after));
      keys.insert(registers_.key_of(given.after));
    }
  std::string order_text;
  if (pairs.size() == 1) {
    const auto [one, other] = *pairs.begin();
    order_text = "whichever of " + teller.text(registers_.value_of(one)) + " and " +
                 teller.text(registers_.value_of(other)) + " came first in key " +
                 teller.key(*keys.begin()) + ", ";
  } else if (!pairs.empty()) {
    std::string names;
    std::size_t left = keys.size();
    for (const KeyIndex key : keys)
      names += teller.key(key) + (--left > 1 ? ", " : left == 1 ? " and " : "");
    order_text = std::string("in whatever order the values of key") +
                 (keys.size() > 1 ? "s " : " ") + names + " came, ";
  }
  Told told;
  told.witness = teller.witness();
  told.sentence =
      order_text + std::to_string(members.size()) + " transactions have no " +
      (refutation.claim == Claim::serial ? "serial order" : "order of their snapshots") +
      (refutation.order == Order::process    ? " that keeps that of the processes"
       : refutation.order == Order::realtime ? " that keeps real time"
                                             : "");
  const auto cases = cases_of(refutation, cases_max);
  const bool is_long = !cases || cases->empty();
  List branches;
  told.explanation = std::string(name) + ": let\n" + teller.table(*this) + "  then\n" +
                     (is_long ? "  " + told.sentence + ": more than " +
                                    std::to_string(cases_max / 2) + " cases, each a contradiction\n"
                              : case_text(teller, refutation, *cases, 0, "  ", {}, branches));
  told.parts = {{"transactions", teller.rows(*this)}, {"edges", List()}};
  told.parts.emplace_back("branches", std::move(branches));
  if (is_long) told.parts.emplace_back("more_branches_than", cases_max / 2);
  return told;
}

}  // namespace faultline::transactional
