// The checker `list-append`: isolation of transactions that append to lists and read them (Elle's
// list-append; Kingsbury & Alvaro 2020, "Elle: Inferring Isolation Anomalies from Experimental
// Observations").
#include <algorithm>
#include <memory>
#include <utility>

#include "checkers/checkers.h"
#include "checkers/guarded.h"
#include "checkers/meter.h"
#include "checkers/transactional/judgement.h"
#include "checkers/transactional/lists_tell.h"
#include "checkers/transactional/lists_weak.h"
#include "checkers/transactional/online_list_append.h"
#include "checkers/transactional/saturation.h"
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
    Prefixes prefixes;
    const Transactions transactions(history_, prefixes);
    if (!transactions.unsupported().empty())
      return give_up(verdict_, "unsupported", transactions.unsupported());
    verdict_.counted = {{"transactions", transactions.size()},
                        {"appends", transactions.appends().size()},
                        {"reads", transactions.reads()},
                        {"keys", transactions.key_count()}};
    if (transactions.reads() == 0)
      return give_up(verdict_, "vacuous",
                     "nothing was observed: no transaction that succeeded read a list");
    if (too_much(transactions.bytes() + prefixes.bytes(), budget_, transactions.size(), verdict_))
      return;
    const Elements elements(transactions);
    if (elements.repeated() != no_append)
      return give_up(verdict_, "unsupported",
                     repeated_text(transactions, elements, "appends", "appended to"));
    Lists lists(transactions, elements, std::move(prefixes));
    if (!lists.unsupported().empty()) return give_up(verdict_, "unsupported", lists.unsupported());
    // Five searches at most, of two states, and the graph, twice.
    if (too_much(
            transactions.bytes() + elements.bytes() + lists.bytes() + 200 * transactions.size(),
            budget_, transactions.size(), verdict_))
      return;
    Meter meter(budget_);
    CycleFindings cycles;
    ModelSet holds;
    const char* ended = within(meter, [&] { find_cycles(lists, meter, cycles); });
    if (!cycles.all.alone || !lists.offences().kept.empty()) lists.note_updates();
    // Which of two appends that nobody read came first is free, and serial orders can choose; but
    // for what forbids two of them to be concurrent, it matters.
    const bool ordered = !lists.has_free_order();
    holds |= proven(lists.offences(), cycles, ordered);
    const ModelSet open = asked_ & list_levels() & ~holds & ~refuted_by(lists.offences(), cycles);
    if (ended == nullptr && open.any())
      ended = within(meter, [&] {
        decide_list_levels(lists, open, transactions.bytes() + elements.bytes() + lists.bytes(),
                           meter, cycles, holds);
      });
    verdict_.counted.emplace_back("edges", cycles.edges);
    judge({lists, ListLanguage(lists), cycles, holds, ended,
           ordered ? "not all of it can be proven from such histories"
                   : "what nobody read has no known order: read every key last"},
          asked_, verdict_);
  }

 private:
  /// Why the budget ended before that was done; null.
  template <typename Search>
  static const char* within(const Meter& meter, Search search) {
    try {
      search();
    } catch (const OutOfBudget&) {
      return meter.reason();
    } catch (const OutOfBytes&) {
      return "memory";
    }
    return nullptr;
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
    using enum Anomaly;
    return anomalies_by_name({cyclic_versions, cyclic_versions_process, cyclic_versions_realtime,
                              no_snapshot_order, no_snapshot_order_process,
                              no_snapshot_order_realtime, no_serial_order, no_serial_order_process,
                              no_serial_order_realtime, PL_3_cycle_exists});
  }
  std::vector<std::pair<std::string_view, std::string_view>> models() const override {
    return models_and_aliases();
  }

  bool suits(const History& history) const override {
    // Reads alone are of anything; one append tells.
    const std::size_t looked_at = std::min<std::size_t>(history.size(), 1000);
    for (std::size_t row = 0; row < looked_at; ++row)
      if (Transactions::has_micro(history, row, "append")) return true;
    return false;
  }

  Verdict check(const History& history, const Budget& budget) const override {
    Verdict verdict;
    verdict.name = name();
    verdict.model = joined(names_of(asked_));
    guarded(verdict, [&] { ListAppendRun(history, budget, asked_, verdict).check(); });
    return verdict;
  }
  std::unique_ptr<OnlineChecker> online(const Budget& budget) const override {
    return online_list_append(asked_, budget);
  }

 private:
  const ModelSet asked_;
};

}  // namespace
}  // namespace transactional

Result<std::unique_ptr<Checker>> make_list_append(Params& params) {
  const transactional::ModelSet asked = transactional::models_of(params);
  if (Status status = params.finish(); !status) return status.error();
  return std::unique_ptr<Checker>(std::make_unique<transactional::ListAppend>(asked));
}

}  // namespace faultline
