#include "checkers/transactional/strong_levels.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "checkers/transactional/cycles.h"
#include "checkers/transactional/judgement.h"

namespace faultline::transactional {
namespace {

struct Strong {
  const char* name;
  Claim claim;
  Order order;
  Anomaly anomaly;
  ModelId model() const { return find_model(name).value(); }
};
/// The weaker before the stronger.
constexpr Strong strong_levels[] = {
    {"snapshot-isolation", Claim::snapshots, Order::none, Anomaly::no_snapshot_order},
    {"serializable", Claim::serial, Order::none, Anomaly::no_serial_order},
    {"strong-session-snapshot-isolation", Claim::snapshots, Order::process,
     Anomaly::no_snapshot_order_process},
    {"strong-session-serializable", Claim::serial, Order::process,
     Anomaly::no_serial_order_process},
    {"strong-snapshot-isolation", Claim::snapshots, Order::realtime,
     Anomaly::no_snapshot_order_realtime},
    {"strict-serializable", Claim::serial, Order::realtime, Anomaly::no_serial_order_realtime},
};

class StrongLevels {
 public:
  StrongLevels(const Registers& registers, ModelSet refuted, std::span<const Transaction> sequence,
               std::uint64_t bytes_used, Meter& meter, StrongFindings& into)
      : registers_(registers),
        sequence_(sequence),
        bytes_used_(bytes_used),
        meter_(meter),
        into_(into),
        refuted_(refuted) {
    for (Transaction t = 0; t < registers.transactions().size(); ++t)
      if (registers.is_committed(t)) members_.push_back(t);
  }

  /// By the weakest that implies it.
  void decide_model(ModelId model) {
    for (const Strong& level : strong_levels) {
      if (into_.holds.test(model) || refuted_.test(model)) return;
      const ModelId own = level.model();
      if (!with_weaker(ModelSet().set(own)).test(model) || refuted_.test(own) ||
          std::exchange(tried_[static_cast<std::size_t>(&level - strong_levels)], true))
        continue;
      decide_level(level);
    }
  }

 private:
  void decide_level(const Strong& level) {
    Decision decision =
        decide(registers_, members_, sequence_, level.claim, level.order, bytes_used_, meter_);
    into_.pairs = std::max(into_.pairs, decision.pairs);
    if (decision.answer == Decision::Answer::holds) {
      CycleFindings found;
      find_cycles(OrderedRegisters(registers_, std::move(decision.versions)), meter_, found);
      into_.edges = std::max(into_.edges, found.edges);
      into_.holds |= proven(registers_.offences(), found, true);
    }
    if (decision.answer == Decision::Answer::refuted) refute(level, std::move(decision.refutation));
  }

  void refute(const Strong& level, Refutation refutation) {
    refutation = shrunk(registers_, std::move(refutation), meter_);
    // Perhaps those few contradict what is weaker, too: then that is what there is to say.
    const std::vector<Transaction> few = members_of(refutation);
    const ModelSet weaker = with_weaker(ModelSet().set(level.model())).reset(level.model());
    constexpr std::size_t few_max = 100;
    for (const Strong& other : strong_levels) {
      if (!weaker.test(other.model()) || refuted_.test(other.model()) || few.size() > few_max)
        continue;
      Decision decision =
          decide(registers_, few, few, other.claim, other.order, bytes_used_, meter_);
      if (decision.answer == Decision::Answer::refuted)
        note(other, shrunk(registers_, std::move(decision.refutation), meter_));
    }
    if (!refuted_.test(level.model())) note(level, std::move(refutation));
  }

  /// If it stands.
  void note(const Strong& level, Refutation refutation) {
    constexpr std::size_t cases_max = 4096;
    if (!is_sound(registers_, refutation)) return;
    const auto cases = cases_of(refutation, cases_max);
    if (cases && cases->empty()) return;
    refuted_ |= ruled_out_by(level.anomaly);
    into_.refuted.push_back({level.anomaly, std::move(refutation)});
  }

  const Registers& registers_;
  const std::span<const Transaction> sequence_;
  const std::uint64_t bytes_used_;
  Meter& meter_;
  StrongFindings& into_;
  ModelSet refuted_;
  std::vector<Transaction> members_;
  std::array<bool, std::size(strong_levels)> tried_{};
};

}  // namespace

void decide_strong_levels(const Registers& registers, ModelSet open, ModelSet refuted,
                          std::span<const Transaction> sequence, std::uint64_t bytes_used,
                          Meter& meter, StrongFindings& findings) {
  if (open.none()) return;
  StrongLevels levels(registers, refuted, sequence, bytes_used, meter, findings);
  for (ModelId m = 0; m < models().size(); ++m)
    if (open.test(m)) levels.decide_model(m);
}

}  // namespace faultline::transactional
