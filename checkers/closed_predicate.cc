// The checker `closed-predicate`: isolation of transactions that also look for rows by predicates
// (Elle's closed-predicate; Kingsbury & Alvaro 2020). What it infers from rows that were not found,
// and what it assumes for that, stands in transactional/predicate_rows.h. What must be so refutes;
// where something is open, an interpretation that is guessed proves, if no anomaly is left with it.
#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "checkers/checkers.h"
#include "checkers/guarded.h"
#include "checkers/hermitage/play.h"
#include "checkers/meter.h"
#include "checkers/transactional/judgement.h"
#include "checkers/transactional/predicate_rows.h"
#include "checkers/transactional/predicate_tell.h"
#include "checkers/transactional/saturation.h"
#include "harness/core/text.h"

namespace faultline {
namespace transactional {
namespace {

constexpr bool is_by_predicate(std::size_t anomaly) {
  return anomaly >= static_cast<std::size_t>(Anomaly::G_single);
}

/// One history; made for it and thrown away.
class ClosedPredicateRun {
 public:
  ClosedPredicateRun(const History& history, const Budget& budget, ModelSet asked, Verdict& verdict)
      : history_(history), budget_(budget), meter_(budget), asked_(asked), verdict_(verdict) {}

  void check() {
    verdict_.engine = "graph";
    const Transactions transactions(history_, Objects::rows);
    if (!transactions.unsupported().empty())
      return give_up(verdict_, "unsupported", transactions.unsupported());
    verdict_.counted = {{"transactions", transactions.size()},
                        {"writes", transactions.appends().size()},
                        {"reads", transactions.reads()},
                        {"searches", transactions.searches().size()},
                        {"keys", transactions.key_count()}};
    if (transactions.reads() == 0)
      return give_up(verdict_, "vacuous",
                     "nothing was observed: no transaction that succeeded read or found a row");
    if (is_too_much(transactions.bytes())) return;
    try {
      judge_rows(transactions);
    } catch (const OutOfBudget&) {
      give_up(verdict_, meter_.reason(), "the budget ended before all that was read was looked at");
    } catch (const OutOfBytes&) {
      is_too_much(~std::uint64_t{0});
    }
  }

 private:
  bool is_too_much(std::uint64_t bytes) {
    return too_much(bytes, budget_, history_.size(), verdict_);
  }

  void judge_rows(const Transactions& transactions) {
    PredicateRows rows(transactions, meter_);
    if (!rows.unsupported().empty()) return give_up(verdict_, "unsupported", rows.unsupported());
    // The edges, told and in the graph; searches of two states.
    if (is_too_much(transactions.bytes() + rows.bytes() + 40 * rows.reads().size() +
                    300 * transactions.size()))
      return;
    CycleFindings cycles;
    const char* ended = nullptr;
    try {
      search(rows, cycles);
    } catch (const OutOfBudget&) {
      ended = meter_.reason();
    }
    verdict_.counted.emplace_back("edges", edges_);
    const PredicateLanguage language(rows);
    judge({PredicateDependencies(rows, RowView::certain), language, cycles, holds_, ended,
           incomplete(rows)},
          asked_, verdict_);
  }

  static std::string incomplete(const PredicateRows& rows) {
    if (rows.is_exact()) return "nothing proves it";
    return "of " + with_thousands(rows.open_keys()) + " keys the order of the versions is open, " +
           "and in " + with_thousands(rows.open_reads()) +
           " cases which version was not found; no guess proves it: let every key have two " +
           "versions, or read it before it is changed";
  }

  void search(PredicateRows& rows, CycleFindings& cycles) {
    if (!rows.is_exact() && rows.can_be_explained()) try_guesses(rows);
    if (!rows.is_exact() && (asked_ & ~holds_).none()) return;
    find_cycles(PredicateDependencies(rows, RowView::certain), meter_, cycles);
    edges_ = std::max(edges_, cycles.edges);
    if (rows.is_exact() && rows.can_be_explained()) holds_ |= proven(rows.offences(), cycles, true);
    const bool has_predicates = std::ranges::any_of(cycles.kept, [](const Cycle& c) {
      return is_by_predicate(static_cast<std::size_t>(c.anomaly));
    });
    if (has_predicates) name_by_key(rows, cycles);
  }

  void try_guesses(PredicateRows& rows) {
    rows.execute(meter_);
    for (const RowView guess :
         {RowView::executed, RowView::by_end, RowView::late, RowView::early}) {
      CycleFindings found;
      find_cycles(PredicateDependencies(rows, guess), meter_, found);
      edges_ = std::max(edges_, found.edges);
      holds_ |= proven(rows.offences(), found, true);
      if ((asked_ & ~holds_).none()) return;
    }
  }

  /// The shortest cycle may be one by a predicate, where another is by keys alone and says more.
  void name_by_key(const PredicateRows& rows, CycleFindings& cycles) {
    CycleFindings by_key;
    find_cycles(PredicateDependencies(rows, RowView::by_key), meter_, by_key);
    for (std::size_t a = 0; a < cycles.counts.size(); ++a)
      if (is_by_predicate(a)) by_key.counts[a] = cycles.counts[a];
    std::erase_if(cycles.kept, [](const Cycle& c) {
      return !is_by_predicate(static_cast<std::size_t>(c.anomaly));
    });
    for (Cycle& cycle : cycles.kept) by_key.kept.push_back(std::move(cycle));
    cycles.kept = std::move(by_key.kept);
    cycles.counts = std::move(by_key.counts);
  }

  const History& history_;
  const Budget& budget_;
  Meter meter_;
  const ModelSet asked_;
  Verdict& verdict_;
  ModelSet holds_;
  std::uint64_t edges_ = 0;
};

class ClosedPredicate final : public Checker {
 public:
  explicit ClosedPredicate(ModelSet asked) : asked_(asked) {}
  std::string_view name() const override { return "closed-predicate"; }
  std::vector<std::string_view> anomalies() const override {
    std::vector<std::string_view> names;
    using enum Anomaly;
    for (const Anomaly anomaly : {predicate_read_miss, garbage_read, G1a, G1b, dirty_update,
                                  internal, future_read, lost_update})
      names.push_back(name_of(anomaly));
    for (auto a = static_cast<std::size_t>(G1c); a <= static_cast<std::size_t>(G2_item_realtime);
         ++a)
      names.push_back(name_of(static_cast<Anomaly>(a)));
    for (auto a = static_cast<std::size_t>(G_single); a <= static_cast<std::size_t>(G2_realtime);
         ++a)
      names.push_back(name_of(static_cast<Anomaly>(a)));
    for (const Anomaly anomaly :
         {PL_1_cycle_exists, PL_2_cycle_exists, PL_SI_cycle_exists, PL_3_cycle_exists,
          PL_2_99_cycle_exists, PL_SS_cycle_exists, strong_session_PL_1_cycle_exists,
          strong_session_PL_2_cycle_exists, strong_session_snapshot_isolation_cycle_exists,
          strong_session_serializable_cycle_exists, strong_PL_1_cycle_exists,
          strong_PL_2_cycle_exists, strong_snapshot_isolation_cycle_exists})
      names.push_back(name_of(anomaly));
    std::ranges::sort(names);
    return names;
  }
  std::vector<std::pair<std::string_view, std::string_view>> models() const override {
    return models_and_aliases();
  }

  bool suits(const History& history) const override {
    if (history.size() > 0 && hermitage::script_at(history, 0) != nullptr) return false;
    // Transactions, one of which looks for rows or says what was there at first.
    const std::size_t looked_at = std::min<std::size_t>(history.size(), 1000);
    bool has_search = false;
    for (std::size_t row = 0; row < looked_at; ++row) {
      if (history.function()[row] != Function::txn) return false;
      has_search = has_search || history.argument()[row].kind() == ValueHandle::Kind::map ||
                   has_search_in(history, row);
    }
    return has_search;
  }

  Verdict check(const History& history, const Budget& budget) const override {
    Verdict verdict;
    verdict.name = name();
    verdict.model = joined(names_of(asked_));
    guarded(verdict, [&] { ClosedPredicateRun(history, budget, asked_, verdict).check(); });
    return verdict;
  }

 private:
  static bool has_search_in(const History& history, std::size_t row) {
    const ValuePool& pool = history.values();
    const ValueHandle value = history.argument()[row];
    if (value.kind() != ValueHandle::Kind::list) return false;
    return std::ranges::any_of(pool.items(value), [&](ValueHandle item) {
      if (item.kind() != ValueHandle::Kind::list || pool.items(item).size() < 2) return false;
      const ValueHandle first = pool.items(item)[0];
      if (first.kind() != ValueHandle::Kind::text) return false;
      const std::string_view name = pool.as_text(first);
      return name == "r-where" || name == "rp" || name == "delete-where";
    });
  }

  const ModelSet asked_;
};

}  // namespace
}  // namespace transactional

Result<std::unique_ptr<Checker>> make_closed_predicate(Params& params) {
  const transactional::ModelSet asked = transactional::models_of(params);
  if (Status status = params.finish(); !status) return status.error();
  return std::unique_ptr<Checker>(std::make_unique<transactional::ClosedPredicate>(asked));
}

}  // namespace faultline
