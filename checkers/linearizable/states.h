// The states of one object as dense numbers, and every step between them that was ever asked for:
// what makes a plain model fast enough for a search.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include "checkers/linearizable/model.h"

namespace faultline::linearizable {

using StateId = std::uint32_t;
inline constexpr StateId no_state = 0xffffffffu;

class States {
 public:
  /// `representatives`: an operation of each class; whatever is equal in it happens equally.
  States(Model& model, std::vector<Operation> representatives);
  States(const States&) = delete;
  States& operator=(const States&) = delete;

  StateId initial() { return initial_; }
  /// no_state: impossible.
  StateId next(StateId state, std::uint32_t operation_class) {
    const std::uint64_t step = std::uint64_t{state} << 32 | operation_class;
    if (const auto known = steps_.find(step); known != steps_.end()) return known->second;
    return take_step(state, operation_class, step);
  }

  std::uint64_t strain(StateId state) {
    const StateView here = view(state);
    work_ += here.size() / 16;
    return model_.strain(here);
  }

  /// What steps of large states cost more than one of the engine's steps.
  std::uint64_t work() const { return work_; }
  std::uint64_t take_work() { return std::exchange(work_, 0); }

  std::size_t size() const { return offsets_.size(); }
  /// With what is there twice for a moment if the next step makes a table grow.
  std::uint64_t bytes() const {
    return grown(words_.capacity(), words_.size() + slack) * sizeof(std::uint32_t) +
           grown(offsets_.capacity(), offsets_.size() + 1) * sizeof(std::size_t) +
           grown(ids_.bucket_count(), ids_.size() * 8 / 7 + 1) * (sizeof(StateId) + 2) +
           grown(steps_.bucket_count(), steps_.size() * 8 / 7 + 1) *
               (sizeof(Steps::value_type) + 2);
  }
  /// Forgets every state but those that `ids` name, which are renamed. The initial one stays.
  void keep(std::vector<StateId>& ids);

 private:
  using Steps = boost::unordered_flat_map<std::uint64_t, StateId>;
  static constexpr std::size_t slack = 1024;  ///< Numbers of the next state.

  static std::uint64_t grown(std::size_t capacity, std::size_t wanted) {
    return wanted <= capacity ? capacity : 3 * std::uint64_t{capacity};
  }
  StateId take_step(StateId state, std::uint32_t operation_class, std::uint64_t step);
  StateId intern(StateView state);
  StateView view(StateId id) const {
    const std::size_t end = id + 1 < offsets_.size() ? offsets_[id + 1] : words_.size();
    return {words_.data() + offsets_[id], end - offsets_[id]};
  }

  struct Hash {
    using is_transparent = void;
    const States* states;
    std::size_t operator()(StateId id) const { return (*this)(states->view(id)); }
    std::size_t operator()(StateView state) const;
  };
  struct Equal {
    using is_transparent = void;
    const States* states;
    bool operator()(StateId a, StateId b) const { return a == b; }
    bool operator()(StateView a, StateId b) const;
    bool operator()(StateId a, StateView b) const { return (*this)(b, a); }
  };

  Model& model_;
  std::vector<Operation> representatives_;
  std::vector<bool> observes_;  ///< By class.
  std::vector<std::uint32_t> words_;
  std::vector<std::size_t> offsets_;  ///< By state, into words_.
  boost::unordered_flat_set<StateId, Hash, Equal> ids_;
  Steps steps_;
  State scratch_, from_;
  StateId initial_ = 0;
  std::uint64_t work_ = 0;
};

}  // namespace faultline::linearizable
