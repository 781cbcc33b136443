#include "checkers/transactional/judgement.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <utility>

#include "checkers/transactional/cycle_exists.h"
#include "harness/core/text.h"

namespace faultline::transactional {
namespace {

std::uint64_t count_of(const Findings& findings, Anomaly anomaly) {
  const auto a = static_cast<std::size_t>(anomaly);
  std::uint64_t count = findings.source.offences().counts[a] + findings.cycles.counts[a];
  for (const OtherFinding& other : findings.others)
    if (other.anomaly == anomaly) count += other.count;
  return count;
}

std::string sentence_of(const Teller& teller, Anomaly anomaly, const KnownCycle& known) {
  const bool is_one = known.size == 1;
  const std::string many = with_thousands(known.size) + " transactions ";
  if (anomaly < Anomaly::OTV || anomaly > Anomaly::prefix_violation)
    return (is_one ? teller.who(known.members[0]) +
                         " had ended when something began that must come before it"
                   : many + "depend on each other in a circle") +
           "; the budget ended before a cycle was made out";
  return (is_one ? teller.who(known.members[0]) +
                       " read what no order explains of what it must have known"
                 : many + "must come before each other, by what was read without the others") +
         "; the budget ended before it was made out why";
}

Told tell_smallest(const Findings& findings, Anomaly anomaly) {
  const auto other = std::ranges::find(findings.others, anomaly, &OtherFinding::anomaly);
  if (other != findings.others.end()) return other->told;
  const Cycle* smallest = nullptr;
  for (const Cycle& cycle : findings.cycles.kept)
    if (cycle.anomaly == anomaly &&
        (smallest == nullptr || cycle.steps.size() < smallest->steps.size()))
      smallest = &cycle;
  if (smallest != nullptr) return tell(findings.source, findings.language, *smallest);
  const auto& offences = findings.source.offences().kept;
  if (const auto offence = std::ranges::find(offences, anomaly, &Offence::anomaly);
      offence != offences.end())
    return tell(findings.source, findings.language, *offence);
  return tell_known(findings.source, findings.language, anomaly,
                    findings.cycles.known_of.at(anomaly));
}

/// Everything that a model that was asked for forbids; of each kind the smallest that was kept.
void tell_all(const Findings& findings, ModelSet asked, Verdict& verdict) {
  verdict.validity = Validity::invalid;
  verdict.reason.clear();
  bool first = true;
  for (std::size_t a = 0; a < anomaly_names().size(); ++a) {
    const auto anomaly = static_cast<Anomaly>(a);
    const std::uint64_t count = count_of(findings, anomaly);
    if (count == 0 || (ruled_out_by(anomaly) & asked).none()) continue;
    verdict.anomalies.emplace_back(name_of(anomaly), count);
    Told told = tell_smallest(findings, anomaly);
    if (std::exchange(first, false)) {
      verdict.summary = std::string(name_of(anomaly)) + ": " + told.sentence;
      verdict.witness = told.witness;
    }
    verdict.explanation += (verdict.explanation.empty() ? "" : "\n") + told.explanation;
    List forbidden_by;
    for (const std::string& name : weakest_of(ruled_out_by(anomaly)))
      forbidden_by.emplace_back(name);
    Map one = {{"anomaly", std::string(name_of(anomaly))},
               {"count", count},
               {"not", std::move(forbidden_by)},
               {"sentence", std::move(told.sentence)}};
    std::ranges::move(told.parts, std::back_inserter(one));
    verdict.cases.emplace_back(std::move(one));
  }
  std::ranges::sort(verdict.anomalies);
}

/// Of the cycles that are known to be there those that rule out more than what was found.
void add_known(Findings& findings, ModelSet& refuted) {
  CycleFindings cycles = findings.cycles;
  const bool by_predicates = !findings.source.transactions().searches().empty();
  for (const Order order : {Order::none, Order::process, Order::realtime})
    for (const Level level :
         {Level::ww, Level::ww_wr, Level::single_rw, Level::nonadjacent_rw, Level::all}) {
      const KnownCycle& known = known_at(cycles, level, order);
      const Anomaly anomaly = cycle_exists_at(level, order, by_predicates);
      if (known.size == 0 || (ruled_out_by(anomaly) & ~refuted).none()) continue;
      refuted |= ruled_out_by(anomaly);
      findings.others.push_back(
          {anomaly, 1, tell_known(findings.source, findings.language, anomaly, known)});
    }
}

}  // namespace

Told tell_known(const Dependencies& source, const Language& language, Anomaly anomaly,
                const KnownCycle& known) {
  const Teller teller(source, known.members);
  Told told;
  told.sentence = sentence_of(teller, anomaly, known);
  told.witness = teller.witness();
  told.parts = {{"transactions", teller.rows(language)}, {"edges", List()}};
  const std::uint64_t left_out = known.size - known.members.size();
  if (left_out > 0) told.parts.emplace_back("transactions_left_out", left_out);
  told.explanation =
      std::string(name_of(anomaly)) + ": " + told.sentence + "\n" + teller.table(language);
  if (left_out > 0) told.explanation += "  and " + with_thousands(left_out) + " more of them\n";
  return told;
}

ModelSet models_of(Params& params) {
  const std::string text = params.text("model", "strict-serializable");
  ModelSet asked;
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view word = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    const auto model = find_model(word);
    if (model) {
      asked.set(*model);
      continue;
    }
    const auto words = model_words();
    const auto nearest = nearest_word(word, words);
    params.fail("model", "unknown model \"" + std::string(word) + "\"" +
                             (nearest ? ", did you mean \"" + std::string(*nearest) + "\"?"
                                      : "; faultline list models says which there are"));
    break;
  }
  if (asked.none()) params.fail("model", "expected the name of a model");
  return asked;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

ModelSet proven(const Offences& offences, const CycleFindings& cycles, bool ordered) {
  const auto none_of = [&](std::initializer_list<Anomaly> anomalies) {
    return std::ranges::none_of(anomalies, [&](Anomaly a) { return offences.any(a); });
  };
  using enum Anomaly;
  ModelSet set;
  const auto prove = [&](const char* name, bool holds) {
    if (holds) set.set(find_model(name).value());
  };
  const bool versions = none_of({duplicate_elements, garbage_read, incompatible_order});
  const bool committed = versions && none_of({G1a, G1b, dirty_update});
  const bool atomic = committed && none_of({internal, future_read});
  prove("read-uncommitted", versions && cycles.ww.alone);
  prove("strong-session-read-uncommitted", versions && cycles.ww.process);
  prove("strong-read-uncommitted", versions && cycles.ww.realtime);
  prove("read-committed", committed && cycles.ww_wr.alone);
  prove("strong-session-read-committed", committed && cycles.ww_wr.process);
  prove("strong-read-committed", committed && cycles.ww_wr.realtime);
  prove("cursor-stability", committed && offences.cursors_known && cycles.ww_wr.alone &&
                                none_of({lost_update, G_cursor}));
  const bool consistent = ordered && cycles.ww_wr.alone && cycles.single_rw.alone;
  prove("consistent-view", committed && consistent);
  prove("strong-session-consistent-view",
        committed && ordered && cycles.ww_wr.process && cycles.single_rw.process);
  prove("strong-consistent-view",
        committed && ordered && cycles.ww_wr.realtime && cycles.single_rw.realtime);
  prove("parallel-snapshot-isolation", atomic && consistent);
  prove("snapshot-isolation", atomic && ordered && cycles.nonadjacent_rw.alone);
  prove("strong-session-snapshot-isolation", atomic && ordered && cycles.nonadjacent_rw.process);
  prove("strong-snapshot-isolation", atomic && ordered && cycles.nonadjacent_rw.realtime);
  prove("serializable", atomic && cycles.all.alone);
  prove("strong-session-serializable", atomic && cycles.all.process);
  prove("strict-serializable", atomic && cycles.all.realtime);
  return with_weaker(set);
}

ModelSet refuted_by(const Offences& offences, const CycleFindings& cycles) {
  ModelSet refuted;
  for (std::size_t a = 0; a < anomaly_names().size(); ++a)
    if (offences.counts[a] + cycles.counts[a] > 0) refuted |= ruled_out_by(static_cast<Anomaly>(a));
  return refuted;
}

std::string repeated_text(const Transactions& all, const Elements& elements, std::string_view what,
                          std::string_view done) {
  const History& history = all.history();
  const Append &one = all.appends()[elements.repeated()],
               &other = all.appends()[elements.repeated_by()];
  return std::string(what) +
         " must be unique, or reads tell nothing: " + history.values().to_text(one.element) +
         " was " + std::string(done) + " key " + all.key_text(one.key) +
         " by the operations with invoke index " +
         std::to_string(history.index_of(history.begin()[one.transaction])) + " and " +
         std::to_string(history.index_of(history.begin()[other.transaction]));
}

std::vector<std::string_view> anomalies_by_name(std::initializer_list<Anomaly> never) {
  const auto by_predicate = static_cast<std::size_t>(Anomaly::predicate_read_miss);
  const auto all = anomaly_names().first(by_predicate);
  std::vector<std::string_view> names(all.begin(), all.end());
  for (const Anomaly anomaly : never) std::erase(names, name_of(anomaly));
  std::ranges::sort(names);
  return names;
}

bool too_much(std::uint64_t bytes, const Budget& budget, std::size_t transactions,
              Verdict& verdict) {
  if (bytes <= budget.bytes_max) return false;
  give_up(
      verdict, "memory",
      "the budget of memory is too small for " + with_thousands(transactions) + " transactions");
  return true;
}

void give_up(Verdict& verdict, const std::string& reason, const std::string& summary) {
  verdict.validity = Validity::unknown;
  verdict.reason = reason;
  verdict.summary = summary;
}

void judge(Findings findings, ModelSet asked, Verdict& verdict) {
  const auto listed = [](ModelSet set) {
    std::string text;
    for (const std::string& name : names_of(set)) text += (text.empty() ? "" : ", ") + name;
    return text;
  };
  ModelSet refuted, all;
  for (std::size_t a = 0; a < anomaly_names().size(); ++a)
    if (count_of(findings, static_cast<Anomaly>(a)) > 0)
      refuted |= ruled_out_by(static_cast<Anomaly>(a));
  if (findings.ended != nullptr) {
    add_known(findings, refuted);
    verdict.incomplete = "the budget ended (" + std::string(findings.ended) +
                         ") before every cycle was looked for: more may be wrong than was found";
  }
  for (ModelId m = 0; m < models().size(); ++m) all.set(m);
  verdict.refuted = weakest_of(refuted);
  for (const std::string& name : names_of(refuted))
    if (std::ranges::find(verdict.refuted, name) == verdict.refuted.end())
      verdict.also_refuted.push_back(name);
  verdict.not_refuted = strongest_of(all & ~refuted);
  if ((asked & refuted).any()) {
    tell_all(findings, asked, verdict);
    if (!verdict.incomplete.empty())
      verdict.explanation += "\nnot finished: " + verdict.incomplete + "\n";
    return;
  }
  if ((asked & ~findings.holds).none()) {
    verdict.validity = Validity::valid;
    verdict.summary = listed(asked) + ": no anomaly in " +
                      with_thousands(findings.source.transactions().size()) + " transactions";
    return;
  }
  if (findings.ended != nullptr)
    return give_up(verdict, findings.ended,
                   "the budget ended before every cycle was looked for; no violation of " +
                       listed(asked) + " so far");
  give_up(verdict, "incomplete",
          "no anomaly was found that " + listed(asked & ~findings.holds) + " forbids, but " +
              findings.incomplete);
}

}  // namespace faultline::transactional
