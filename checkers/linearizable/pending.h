// What is pending of one object's operations while one after another ends, for the general engine.
#pragma once

#include <cstdint>
#include <vector>

#include "checkers/linearizable/general_plan.h"
#include "checkers/linearizable/mask.h"

namespace faultline::linearizable {

/// A sweep over the ends of operations, forwards or backwards. Level n: operation by_end()[n] is
/// the next to end, and all that began before then has begun.
template <typename Rules, int W>
class Pending {
 public:
  using Set = Mask<W>;

  explicit Pending(const GeneralPlan& plan) : plan_(plan) {}

  void rewind() {
    begun_steps_ = 0;
    level_ = 0;
    observers_ = changers_ = takes_ = {};
    slots_.assign(64 * W, 0);
    begun_.assign(plan_.classes().size(), 0);
    infos_.clear();
  }

  void move_to(std::size_t level) {
    while (level_ > level) {
      --level_;
      const Position end = plan_.steps()[plan_.by_end()[level_]].end;
      while (begun_steps_ > 0 && plan_.steps()[begun_steps_ - 1].begin > end)
        unbegin(--begun_steps_);
      mark(plan_.by_end()[level_]);
    }
    for (;; ++level_) {
      const Position end = plan_.steps()[plan_.by_end()[level_]].end;
      while (begun_steps_ < plan_.steps().size() && plan_.steps()[begun_steps_].begin <= end)
        begin(static_cast<std::uint32_t>(begun_steps_++));
      if (level_ == level) break;
      unmark(plan_.by_end()[level_]);
    }
  }

  Position now() const { return plan_.steps()[plan_.by_end()[level_]].end; }
  /// Of the operation that ends now.
  std::uint32_t ending() const { return plan_.steps()[plan_.by_end()[level_]].slot; }
  const GeneralPlan::Step& step_at(std::uint32_t slot) const { return plan_.steps()[slots_[slot]]; }
  std::uint32_t kind_at(std::uint32_t slot) const { return step_at(slot).kind; }

  const Set& observers() const { return observers_; }
  const Set& changers() const { return changers_; }
  /// Of the changers: those that come out as soon as they can.
  const Set& takes() const { return takes_; }
  /// Classes of which some began.
  const std::vector<std::uint32_t>& infos() const { return infos_; }
  std::uint32_t begun(std::uint32_t info) const { return begun_[info]; }

  std::uint64_t bytes() const {
    return (slots_.capacity() + begun_.capacity() + infos_.capacity()) * sizeof(std::uint32_t);
  }

 private:
  void begin(std::uint32_t step) {
    if (plan_.steps()[step].end != never) return mark(step);
    const std::uint32_t kind = plan_.steps()[step].kind;
    if (begun_[kind]++ == 0) infos_.push_back(kind);
  }
  void unbegin(std::size_t step) {
    if (plan_.steps()[step].end != never) return unmark(static_cast<std::uint32_t>(step));
    const std::uint32_t kind = plan_.steps()[step].kind;
    if (--begun_[kind] == 0) std::erase(infos_, kind);
  }
  void mark(std::uint32_t step) {
    const GeneralPlan::Step& s = plan_.steps()[step];
    slots_[s.slot] = step;
    (s.observes ? observers_ : changers_).set(s.slot);
    if (plan_.passage(s.kind).takes || (!Rules::only_takes_at_once && !s.observes))
      takes_.set(s.slot);
  }
  void unmark(std::uint32_t step) {
    const GeneralPlan::Step& s = plan_.steps()[step];
    (s.observes ? observers_ : changers_).reset(s.slot);
    takes_.reset(s.slot);
  }

  const GeneralPlan& plan_;
  std::size_t begun_steps_ = 0, level_ = 0;
  Set observers_, changers_, takes_;
  std::vector<std::uint32_t> slots_;  ///< By slot, its step.
  std::vector<std::uint32_t> begun_;  ///< By class, infos that began.
  std::vector<std::uint32_t> infos_;
};

}  // namespace faultline::linearizable
