// The checker `list-append`: isolation of transactions that append to lists and read them (Elle's
// list-append; Kingsbury & Alvaro 2020, "Elle: Inferring Isolation Anomalies from Experimental
// Observations").
#include <algorithm>
#include <exception>
#include <memory>
#include <new>
#include <utility>

#include "checkers/checkers.h"
#include "checkers/meter.h"
#include "checkers/transactional/cycles.h"
#include "checkers/transactional/isolation.h"
#include "checkers/transactional/lists.h"
#include "checkers/transactional/tell.h"
#include "harness/core/text.h"

namespace faultline {
namespace transactional {
namespace {

/// One history; made for it and thrown away.
class ListAppendRun {
 public:
  ListAppendRun(const History& history, const Budget& budget, ModelSet asked, Verdict& verdict)
      : history_(history), budget_(budget), asked_(asked), verdict_(verdict) {}

  void check() {
    verdict_.engine = "graph";
    const Transactions transactions(history_);
    if (!transactions.unsupported().empty())
      return give_up("unsupported", transactions.unsupported());
    verdict_.counted = {{"transactions", transactions.size()},
                        {"appends", transactions.appends().size()},
                        {"reads", transactions.reads()},
                        {"keys", transactions.key_count()}};
    if (transactions.reads() == 0)
      return give_up("vacuous", "nothing was observed: no transaction that succeeded read a list");
    if (too_much(transactions.bytes())) return;
    const Elements elements(transactions);
    if (elements.repeated() != no_append) return refuse_repeated(transactions, elements);
    const Lists lists(transactions, elements);
    if (!lists.unsupported().empty()) return give_up("unsupported", lists.unsupported());
    // Five searches at most, of two states, and the graph, twice.
    if (too_much(transactions.bytes() + elements.bytes() + lists.bytes() +
                 200 * transactions.size()))
      return;
    const char* ended = nullptr;
    Meter meter(budget_);
    CycleFindings cycles;
    try {
      find_cycles(lists, meter, cycles);
    } catch (const OutOfBudget&) {
      ended = meter.reason();
    }
    verdict_.counted.emplace_back("edges", cycles.edges);
    judge(lists, cycles, ended);
  }

 private:
  void give_up(const std::string& reason, const std::string& summary) {
    verdict_.validity = Validity::unknown;
    verdict_.reason = reason;
    verdict_.summary = summary;
  }

  bool too_much(std::uint64_t bytes) {
    if (bytes <= budget_.bytes_max) return false;
    give_up("memory", "the budget of memory is too small for " + with_thousands(history_.size()) +
                          " transactions");
    return true;
  }

  void refuse_repeated(const Transactions& all, const Elements& elements) {
    const Append &one = all.appends()[elements.repeated()],
                 &other = all.appends()[elements.repeated_by()];
    give_up("unsupported",
            "appends must be unique, or reads tell nothing: " +
                history_.values().to_text(one.element) + " was appended to key " +
                all.key_text(one.key) + " by the operations with invoke index " +
                std::to_string(history_.index_of(history_.begin()[one.transaction])) + " and " +
                std::to_string(history_.index_of(history_.begin()[other.transaction])));
  }

  /// What the absence of anomalies proves, the engine being complete for it.
  static ModelSet proven(const Lists& lists, const CycleFindings& cycles) {
    const auto none_of = [&](std::initializer_list<Anomaly> anomalies) {
      return std::ranges::all_of(anomalies, [&](Anomaly a) {
        return lists.offences().counts[static_cast<std::size_t>(a)] == 0;
      });
    };
    using enum Anomaly;
    ModelSet set;
    const auto prove = [&](const char* name, bool holds) {
      if (holds) set.set(find_model(name).value());
    };
    const bool versions = none_of({duplicate_elements, garbage_read, incompatible_order});
    const bool committed = versions && none_of({G1a, G1b, dirty_update});
    const bool atomic = committed && none_of({internal, future_read});
    // Which of two appends that nobody read came first is free, and serial orders can choose; but
    // for what forbids two of them to be concurrent, it matters.
    const bool ordered = !lists.has_free_order();
    prove("read-uncommitted", versions && cycles.ww.alone);
    prove("strong-session-read-uncommitted", versions && cycles.ww.process);
    prove("strong-read-uncommitted", versions && cycles.ww.realtime);
    prove("read-committed", committed && cycles.ww_wr.alone);
    prove("strong-session-read-committed", committed && cycles.ww_wr.process);
    prove("strong-read-committed", committed && cycles.ww_wr.realtime);
    const bool consistent = ordered && cycles.ww_wr.alone && cycles.single_rw.alone;
    prove("consistent-view", committed && consistent);
    prove("parallel-snapshot-isolation", atomic && consistent);
    prove("snapshot-isolation", atomic && ordered && cycles.nonadjacent_rw.alone);
    prove("strong-session-snapshot-isolation", atomic && ordered && cycles.nonadjacent_rw.process);
    prove("strong-snapshot-isolation", atomic && ordered && cycles.nonadjacent_rw.realtime);
    prove("serializable", atomic && cycles.all.alone);
    prove("strong-session-serializable", atomic && cycles.all.process);
    prove("strict-serializable", atomic && cycles.all.realtime);
    return with_weaker(set);
  }

  void judge(const Lists& lists, const CycleFindings& cycles, const char* ended) {
    ModelSet refuted;
    for (std::size_t a = 0; a < anomaly_names().size(); ++a)
      if (lists.offences().counts[a] + cycles.counts[a] > 0)
        refuted |= ruled_out_by(static_cast<Anomaly>(a));
    const ModelSet holds = proven(lists, cycles);
    ModelSet all;
    for (ModelId m = 0; m < models().size(); ++m) all.set(m);
    verdict_.refuted = weakest_of(refuted);
    for (const std::string& name : names_of(refuted))
      if (std::ranges::find(verdict_.refuted, name) == verdict_.refuted.end())
        verdict_.also_refuted.push_back(name);
    verdict_.not_refuted = strongest_of(all & ~refuted);
    if ((asked_ & refuted).any()) return tell_all(lists, cycles);
    const std::string asked = joined(names_of(asked_));
    if ((asked_ & ~holds).none()) {
      verdict_.validity = Validity::valid;
      verdict_.summary = asked + ": no anomaly in " + with_thousands(lists.transactions().size()) +
                         " transactions";
      return;
    }
    if (ended != nullptr)
      return give_up(ended, "the budget ended before every cycle was looked for; no violation of " +
                                asked + " so far");
    give_up("incomplete",
            "no anomaly was found that " + joined(names_of(asked_ & ~holds)) + " forbids, but " +
                (lists.has_free_order() ? "what nobody read has no known order: read every key last"
                                        : "not all of it can be proven from such histories"));
  }

  static std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
  }

  /// Everything that a model that was asked for forbids; of each kind the smallest that was kept.
  void tell_all(const Lists& lists, const CycleFindings& cycles) {
    verdict_.validity = Validity::invalid;
    verdict_.reason.clear();
    bool first = true;
    for (std::size_t a = 0; a < anomaly_names().size(); ++a) {
      const auto anomaly = static_cast<Anomaly>(a);
      const std::uint64_t count = lists.offences().counts[a] + cycles.counts[a];
      if (count == 0 || (ruled_out_by(anomaly) & asked_).none()) continue;
      verdict_.anomalies.emplace_back(name_of(anomaly), count);
      const Told told = tell_smallest(lists, cycles, anomaly);
      if (std::exchange(first, false)) {
        verdict_.summary = std::string(name_of(anomaly)) + ": " + told.sentence;
        verdict_.witness = told.witness;
      }
      verdict_.explanation += (verdict_.explanation.empty() ? "" : "\n") + told.explanation;
    }
    std::ranges::sort(verdict_.anomalies);
  }

  static Told tell_smallest(const Lists& lists, const CycleFindings& cycles, Anomaly anomaly) {
    const Cycle* smallest = nullptr;
    for (const Cycle& cycle : cycles.kept)
      if (cycle.anomaly == anomaly &&
          (smallest == nullptr || cycle.steps.size() < smallest->steps.size()))
        smallest = &cycle;
    if (smallest != nullptr) return tell(lists, *smallest);
    return tell(lists, *std::ranges::find(lists.offences().kept, anomaly, &Offence::anomaly));
  }

  const History& history_;
  const Budget& budget_;
  const ModelSet asked_;
  Verdict& verdict_;
};

class ListAppend final : public Checker {
 public:
  explicit ListAppend(ModelSet asked) : asked_(asked) {}
  std::string_view name() const override { return "list-append"; }
  std::vector<std::string_view> anomalies() const override {
    std::vector<std::string_view> names(transactional::anomaly_names().begin(),
                                        transactional::anomaly_names().end());
    std::ranges::sort(names);
    return names;
  }
  std::vector<std::pair<std::string_view, std::string_view>> models() const override {
    std::vector<std::pair<std::string_view, std::string_view>> all;
    for (const Model& model : transactional::models()) all.emplace_back(model.name, model.doc);
    return all;
  }

  bool suits(const History& history) const override {
    // Reads alone are of anything; one append tells.
    const std::size_t looked_at = std::min<std::size_t>(history.size(), 1000);
    for (std::size_t row = 0; row < looked_at; ++row)
      if (Transactions::has_append(history, row)) return true;
    return false;
  }

  Verdict check(const History& history, const Budget& budget) const override {
    Verdict verdict;
    verdict.name = name();
    for (const std::string& model : names_of(asked_))
      verdict.model += (verdict.model.empty() ? "" : ",") + model;
    try {
      ListAppendRun(history, budget, asked_, verdict).check();
    } catch (const std::bad_alloc&) {
      fail(verdict, "out of memory");
    } catch (const std::exception& e) {
      fail(verdict, e.what());
    }
    return verdict;
  }

 private:
  static void fail(Verdict& verdict, const std::string& what) {
    if (verdict.validity == Validity::invalid && !verdict.witness.empty()) return;
    verdict.validity = Validity::unknown;
    verdict.reason = "exception";
    verdict.summary = "the check broke off: " + what;
  }

  const ModelSet asked_;
};

/// "snapshot-isolation,PL-3"
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

}  // namespace
}  // namespace transactional

Result<std::unique_ptr<Checker>> make_list_append(Params& params) {
  const transactional::ModelSet asked = transactional::models_of(params);
  if (Status status = params.finish(); !status) return status.error();
  return std::unique_ptr<Checker>(std::make_unique<transactional::ListAppend>(asked));
}

}  // namespace faultline
