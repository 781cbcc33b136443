// What the general engine knows of an object before it starts: which operations are alike, where
// each has its slot, and the order of ends.
#pragma once

#include <cstdint>
#include <vector>

#include "checkers/linearizable/model.h"

namespace faultline::linearizable {

class GeneralPlan {
 public:
  /// `by_process`: who asks is part of what is asked; `by_time`: when, too, so that no two
  /// operations are alike.
  GeneralPlan(const Operations& all, const Model& model, bool by_process, bool by_time = false);

  struct Step {
    Position begin = 0;
    Position end = never;
    std::uint32_t kind = 0;  ///< Its class: operations that are alike in all but time.
    std::uint32_t slot = 0;  ///< Of one that ends; no other one pending with it has the same.
    bool observes = false;
  };

  /// In the order of their begins, as in the operations: infos that nobody needs are left out.
  const std::vector<Step>& steps() const { return steps_; }
  /// Index into the operations.
  std::uint32_t operation(std::size_t step) const { return operations_[step]; }
  /// Steps that end, in the order of their ends.
  const std::vector<std::uint32_t>& by_end() const { return by_end_; }
  /// An operation of each class.
  const std::vector<Operation>& classes() const { return classes_; }
  /// Of a class of infos: in vain later than this.
  Position useful_until(std::uint32_t kind) const { return useful_until_[kind]; }
  const Passage& passage(std::uint32_t kind) const { return passages_[kind]; }
  std::size_t slots() const { return slots_; }
  bool has_infos() const { return has_infos_; }
  std::uint64_t bytes() const {
    return steps_.capacity() * sizeof(Step) +
           (operations_.capacity() + by_end_.capacity()) * sizeof(std::uint32_t) +
           classes_.capacity() * (sizeof(Operation) + sizeof(Position) + sizeof(Passage));
  }

 private:
  void deal_slots();

  std::vector<Step> steps_;
  std::vector<std::uint32_t> operations_;
  std::vector<std::uint32_t> by_end_;
  std::vector<Operation> classes_;
  std::vector<Position> useful_until_;
  std::vector<Passage> passages_;  ///< By class.
  std::size_t slots_ = 0;
  bool has_infos_ = false;
};

}  // namespace faultline::linearizable
