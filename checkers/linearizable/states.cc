#include "checkers/linearizable/states.h"

#include <algorithm>

#include "harness/core/check.h"

namespace faultline::linearizable {

std::size_t States::Hash::operator()(StateView state) const {
  std::uint64_t h = 0x9e3779b97f4a7c15ull + state.size();
  for (const std::uint32_t word : state) {
    h = (h ^ word) * 0xd1b54a32d192ed03ull;
    h ^= h >> 29;
  }
  return h;
}

bool States::Equal::operator()(StateView a, StateId b) const {
  return std::ranges::equal(a, states->view(b));
}

States::States(Model& model, std::vector<Operation> representatives)
    : model_(model),
      representatives_(std::move(representatives)),
      ids_(0, Hash{this}, Equal{this}) {
  for (const Operation& o : representatives_) observes_.push_back(model.observes(o));
  model_.begin(scratch_);
  initial_ = intern(scratch_);
}

StateId States::intern(StateView state) {
  if (const auto known = ids_.find(state); known != ids_.end()) return *known;
  const auto id = static_cast<StateId>(offsets_.size());
  offsets_.push_back(words_.size());
  words_.insert(words_.end(), state.begin(), state.end());
  ids_.insert(id);
  return id;
}

StateId States::take_step(StateId state, std::uint32_t operation_class, std::uint64_t step) {
  const StateView here = view(state);
  from_.assign(here.begin(), here.end());
  scratch_.clear();
  work_ += 1 + from_.size() / 16;
  StateId result = no_state;
  if (model_.step(from_, representatives_[operation_class], scratch_)) result = intern(scratch_);
  FAULTLINE_CHECK(!observes_[operation_class] || result == state || result == no_state);
  steps_.emplace(step, result);
  return result;
}

void States::keep(std::vector<StateId>& ids) {
  std::vector<State> kept;
  for (const StateId id : ids) {
    const StateView state = view(id);
    kept.emplace_back(state.begin(), state.end());
  }
  // The memory too: it is why they are forgotten.
  steps_ = Steps();
  ids_ = decltype(ids_)(0, Hash{this}, Equal{this});
  words_ = {};
  offsets_ = {};
  scratch_.clear();
  model_.begin(scratch_);
  initial_ = intern(scratch_);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = intern(kept[i]);
}

}  // namespace faultline::linearizable
