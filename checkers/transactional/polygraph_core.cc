// What is done with a refutation: made small, split into cases, and looked at again.
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "checkers/transactional/cycles.h"
#include "checkers/transactional/polygraph.h"

namespace faultline::transactional {

std::vector<Transaction> members_of(const Refutation& refutation) {
  std::vector<Transaction> members;
  for (const ForcedCycle& cycle : refutation.cycles)
    for (const ForcedStep& step : cycle.steps) members.push_back(step.transaction);
  std::ranges::sort(members);
  const auto rest = std::ranges::unique(members);
  members.erase(rest.begin(), rest.end());
  return members;
}

Refutation shrunk(const Registers& registers, Refutation refutation, Meter& meter) {
  constexpr std::size_t members_max = 60;  // each costs a search
  std::vector<Transaction> members = members_of(refutation);
  if (members.size() > members_max) return refutation;
  try {
    for (std::size_t i = members.size(); i-- > 0;) {
      std::vector<Transaction> without = members;
      without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
      Decision decision =
          decide(registers, without, without, refutation.claim, refutation.order, 0, meter);
      if (decision.answer != Decision::Answer::refuted) continue;
      refutation = std::move(decision.refutation);
      members = members_of(refutation);
      i = std::min(i, members.size());
    }
  } catch (const OutOfBudget&) {
    return refutation;  // It is one all the same.
  }
  return refutation;
}

namespace {

/// Splits into cases. A choice is its pair of versions, by number from 1, negative the other way.
class Splitter {
 public:
  Splitter(const Refutation& refutation, std::size_t cases_max) : cases_max_(cases_max) {
    for (const ForcedCycle& cycle : refutation.cycles) {
      std::vector<int> choices;
      for (const Precedence& given : cycle.given) choices.push_back(choice(given));
      cycles_.push_back(std::move(choices));
    }
    assumed_.resize(pairs_.size(), 0);
  }

  std::optional<std::vector<Case>> split() {
    cases_.emplace_back();
    if (split(0)) return std::move(cases_);
    if (is_open_) return std::vector<Case>();
    return std::nullopt;
  }

 private:
  int choice(const Precedence& given) {
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      if (pairs_[i] == given) return static_cast<int>(i) + 1;
      if (pairs_[i] == Precedence{given.after, given.before}) return -static_cast<int>(i) - 1;
    }
    pairs_.push_back(given);
    return static_cast<int>(pairs_.size());
  }
  int& assumed(int choice) { return assumed_[static_cast<std::size_t>(std::abs(choice)) - 1]; }

  bool split(std::uint32_t at) {
    // The cycle of which the fewest choices are open: if one, the other way is all that is left.
    std::size_t fewest = pairs_.size() + 1;
    int best = 0;
    for (std::uint32_t c = 0; c < cycles_.size(); ++c) {
      std::size_t open = 0;
      int first = 0;
      bool is_avoided = false;
      for (const int choice : cycles_[c]) {
        is_avoided = is_avoided || assumed(choice) == -choice;
        if (assumed(choice) != 0) continue;
        if (open++ == 0) first = choice;
      }
      if (is_avoided || open >= fewest) continue;
      if (open == 0) {
        cases_[at].cycle = c;
        return true;
      }
      fewest = open;
      best = first;
    }
    is_open_ = best == 0;
    if (is_open_ || cases_.size() + 2 > cases_max_) return false;
    const Precedence& pair = pairs_[static_cast<std::size_t>(std::abs(best)) - 1];
    cases_[at].first = best > 0 ? pair : Precedence{pair.after, pair.before};
    for (const int choice : {best, -best}) {
      const auto below = static_cast<std::uint32_t>(cases_.size());
      cases_[at].below[choice == best ? 0 : 1] = below;
      cases_.emplace_back();
      assumed(choice) = choice;
      if (!split(below)) return false;
    }
    assumed(best) = 0;
    return true;
  }

  const std::size_t cases_max_;
  std::vector<Precedence> pairs_;
  std::vector<std::vector<int>> cycles_;
  std::vector<int> assumed_;
  std::vector<Case> cases_;
  bool is_open_ = false;  ///< No cycle contradicts what is assumed.
};

/// Looks at one cycle, without what the search made of the history.
class Auditor {
 public:
  Auditor(const Registers& registers, const Refutation& refutation)
      : registers_(registers), history_(registers.transactions().history()), all_(refutation) {}

  bool is_cycle(const ForcedCycle& cycle) const {
    const std::size_t count = cycle.steps.size();
    if (count < 2) return false;
    for (std::size_t i = 0; i < count; ++i) {
      const ForcedStep &step = cycle.steps[i], &next = cycle.steps[(i + 1) % count];
      if (!registers_.is_committed(step.transaction) || step.transaction == next.transaction)
        return false;
      if (!is_tied(cycle, step, next.transaction)) return false;
      // Snapshots allow two that did not see each other's writes.
      if (all_.claim == Claim::snapshots && step.edge == Edge::rw && next.edge == Edge::rw)
        return false;
    }
    return true;
  }

 private:
  bool is_tied(const ForcedCycle& cycle, const ForcedStep& step, Transaction to) const {
    const Transaction from = step.transaction;
    switch (step.edge) {
      case Edge::wr:
        return reads(to, [&](Version v) {
          return !registers_.is_initial(v) && registers_.writer(v) == from;
        });
      case Edge::ww:
        return is_given(cycle, step.why) && !registers_.is_initial(step.why.before) &&
               registers_.writer(step.why.before) == from && wrote(to, step.why.after);
      case Edge::rw:
        return (registers_.is_initial(step.why.before) || is_given(cycle, step.why)) &&
               registers_.key_of(step.why.before) == registers_.key_of(step.why.after) &&
               wrote(to, step.why.after) &&
               reads(from, [&](Version v) { return v == step.why.before; });
      case Edge::process:
        return all_.order == Order::process && from < to &&
               history_.process()[from] == history_.process()[to];
      case Edge::realtime:
        return all_.order == Order::realtime && history_.end()[from] < history_.begin()[to];
      default:
        return false;
    }
  }

  bool is_given(const ForcedCycle& cycle, const Precedence& why) const {
    return why.before != why.after &&
           registers_.key_of(why.before) == registers_.key_of(why.after) &&
           std::ranges::find(cycle.given, why) != cycle.given.end();
  }
  bool wrote(Transaction t, Version v) const {
    return !registers_.is_initial(v) && registers_.is_last(v) && registers_.writer(v) == t;
  }
  template <typename Predicate>
  bool reads(Transaction t, Predicate predicate) const {
    std::uint64_t micro = registers_.first_micro(t);
    return std::ranges::any_of(registers_.transactions().of(t), [&](const MicroOperation& m) {
      const Version v = registers_.version(micro++);
      return !m.is_append() && v != no_version && predicate(v);
    });
  }

  const Registers& registers_;
  const History& history_;
  const Refutation& all_;
};

}  // namespace

std::optional<std::vector<Case>> cases_of(const Refutation& refutation, std::size_t cases_max) {
  return Splitter(refutation, cases_max).split();
}

bool is_sound(const Registers& registers, const Refutation& refutation) {
  const Auditor auditor(registers, refutation);
  return std::ranges::all_of(refutation.cycles,
                             [&](const ForcedCycle& cycle) { return auditor.is_cycle(cycle); });
}

}  // namespace faultline::transactional
