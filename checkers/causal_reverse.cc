// The checker `causal-reverse`: a read that sees a write sees every write of the keys that it reads
// which had been acknowledged before that one began (Jepsen's causal-reverse). Serializability
// allows it to see the second of two without the first; strict serializability does not.
//
// A read breaks that exactly if some write that it missed had ended before some write that it saw
// began. So it is enough to look at the missed one that ended first and the seen one that began
// last: O(keys) a read. That a read lacks what had been acknowledged before it began itself is no
// matter here: rw-register says that, `model: strict-serializable`.
#include <algorithm>
#include <memory>
#include <utility>

#include "checkers/checkers.h"
#include "checkers/guarded.h"
#include "checkers/meter.h"
#include "checkers/sightings.h"
#include "checkers/transactional/judgement.h"
#include "harness/core/text.h"

namespace faultline {
namespace causal_reverse_check {
namespace {

using transactional::Anomaly;
using transactional::give_up;
using transactional::MicroOperation;
using transactional::nobody;
using transactional::Objects;
using transactional::Transaction;
using transactional::Transactions;

class CausalReverseRun {
 public:
  CausalReverseRun(const History& history, const Budget& budget, Verdict& verdict)
      : history_(history),
        budget_(budget),
        verdict_(verdict),
        all_(history, Objects::registers),
        sightings_(all_) {}

  void check() {
    verdict_.engine = "sweep";
    if (!all_.unsupported().empty()) return give_up(verdict_, "unsupported", all_.unsupported());
    if (!sightings_.unsupported().empty())
      return give_up(verdict_, "unsupported", sightings_.unsupported());
    if (transactional::too_much(all_.bytes() + sightings_.bytes(), budget_, all_.size(), verdict_))
      return;
    Meter meter(budget_);
    bool whole = true;
    for (const Transaction read : sightings_.reads()) {
      whole = meter.spend(1 + all_.of(read).size());
      if (!whole) break;
      judge_read(read);
    }
    verdict_.counted = {{"reads", sightings_.reads().size()},
                        {"writes", sightings_.writes()},
                        {"keys", all_.key_count()},
                        {"telling", telling_}};
    sightings_.note_unwritten(tally_);
    if (!tally_.empty()) return tally_.conclude(history_, verdict_);
    if (!whole)
      return give_up(verdict_, meter.reason(),
                     "the budget ended before every read was looked at; no violation so far");
    if (telling_ == 0)
      return give_up(verdict_, "vacuous",
                     "nothing was observed: no read saw one write and missed another one");
    verdict_.validity = Validity::valid;
    verdict_.summary = with_thousands(sightings_.reads().size()) +
                       " reads saw no write without those acknowledged before it began";
  }

 private:
  void judge_read(Transaction read) {
    Transaction missed = nobody, seen = nobody;
    bool misses = false;
    for (const MicroOperation& m : all_.of(read)) {
      const Transaction writer = sightings_.writer(m.key);
      misses |= m.value.is_nil();
      if (writer == nobody) continue;
      if (!m.value.is_nil()) {
        if (seen == nobody || history_.begin()[writer] > history_.begin()[seen]) seen = writer;
      } else if (history_.fate()[writer] == Fate::ok &&
                 (missed == nobody || history_.end()[writer] < history_.end()[missed])) {
        missed = writer;
      }
    }
    telling_ += misses && seen != nobody;
    if (seen == nobody || missed == nobody || history_.end()[missed] >= history_.begin()[seen])
      return;
    tally_.note("causal-reverse", Anomaly::G_single_item_realtime, [&] {
      return Tally::Case{sightings_.who(read) + " saw key " + key_of(seen) +
                             " written and not key " + key_of(missed) +
                             ", whose write had been acknowledged before the other one began",
                         in_order({missed, seen, read})};
    });
  }

  std::string key_of(Transaction write) const { return sightings_.key(all_.of(write)[0].key); }
  static std::vector<OperationId> in_order(std::vector<OperationId> rows) {
    std::ranges::sort(rows);
    return rows;
  }

  const History& history_;
  const Budget& budget_;
  Verdict& verdict_;
  const Transactions all_;
  const Sightings sightings_;
  Tally tally_;
  std::uint64_t telling_ = 0;
};

class CausalReverse final : public Checker {
 public:
  std::string_view name() const override { return "causal-reverse"; }
  std::vector<std::string_view> anomalies() const override {
    return {"G1a", "causal-reverse", "garbage-read"};
  }
  Verdict check(const History& history, const Budget& budget) const override {
    Verdict verdict;
    verdict.name = name();
    guarded(verdict, [&] { CausalReverseRun(history, budget, verdict).check(); });
    return verdict;
  }
};

}  // namespace
}  // namespace causal_reverse_check

Result<std::unique_ptr<Checker>> make_causal_reverse(Params& params) {
  if (Status status = params.finish(); !status) return status.error();
  return std::unique_ptr<Checker>(std::make_unique<causal_reverse_check::CausalReverse>());
}

}  // namespace faultline
