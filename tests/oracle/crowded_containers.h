// Histories of a queue or a stack that are full of what the general engine's rules about containers
// turn on: elements that mostly go in once, many operations pending at a time, infos, and intervals
// that leave just enough room, or just not.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "checkers/linearizable/models/container_model.h"
#include "tests/oracle/objects.h"

namespace faultline::oracle {

struct CrowdedContainer {
  Spec spec;
  linearizable::Discipline discipline;
};
inline std::vector<CrowdedContainer> crowded_containers() {
  using linearizable::Discipline;
  return {{container_spec("fifo-queue"), Discipline::first_in},
          {container_spec("stack"), Discipline::last_in},
          {container_spec("priority-queue"), Discipline::smallest},
          {container_spec("max-priority-queue"), Discipline::largest}};
}

/// Operations happen one after another, at instants 0, 100, 200, …; their intervals lie around
/// those, and are then numbered densely.
class CrowdedHistory {
 public:
  /// At most 10,000 operations.
  CrowdedHistory(const CrowdedContainer& container, Rng& rng, int most)
      : container_(container),
        rng_(rng),
        modulus_(most < 17 ? 17 : 10'007),
        reach_(50 << pick(rng, 5)),
        infos_(15 * pick(rng, 4)),
        repeated_(pick(rng, 4) == 0),
        peeks_(pick(rng, 3) == 0) {
    const int count = 3 + pick(rng, most - 2);
    // First in, as many as there are; or in and out in turns.
    const int first_out = pick(rng, 2) == 0 ? count / 2 : 0;
    PlainState state;
    for (int i = 0; i < count; ++i) happen(ask(i < first_out, i), 100 * i, state);
    for (int spoilt = 2 * pick(rng, 4); spoilt > 0; --spoilt) spoil_one();
    number_moments();
  }

  std::vector<Asked> take() { return std::move(history_); }

 private:
  Asked ask(bool puts, int i) {
    const bool stack = container_.discipline == linearizable::Discipline::last_in;
    if (puts || pick(rng_, 2) == 0)
      // Not in their order, which would make a priority queue of a queue.
      return request(stack ? Function::push : Function::enqueue,
                     repeated_ ? 1 + pick(rng_, 3) : 1 + 7 * (i + 1) % modulus_);
    if (peeks_ && pick(rng_, 3) == 0) return request(Function::read);
    return request(stack ? Function::pop : Function::dequeue);
  }

  void happen(Asked o, int instant, PlainState& state) {
    const int before = 1 + pick(rng_, reach_), after = 1 + pick(rng_, reach_);
    o.process = static_cast<std::uint32_t>(history_.size());
    o.info = o.function != Function::read && pick(rng_, 100) < infos_;
    if (!o.info || pick(rng_, 2) == 0) {
      Asked asked = o;
      asked.info = false;
      container_.spec.answer(state, asked, rng_);
      state = container_.spec.after(state, asked).front();
      if (!o.info) o.output = asked.output;
    }
    begins_.push_back(instant - (o.info ? 3 : 1) * before);
    ends_.push_back(instant + after);
    history_.push_back(std::move(o));
  }

  /// Another one's answer, or less time.
  void spoil_one() {
    const auto any = [&] {
      return static_cast<std::size_t>(pick(rng_, static_cast<int>(history_.size())));
    };
    const std::size_t a = any();
    for (int tries = pick(rng_, 2) == 0 ? 12 : 0; tries > 0; --tries) {
      const std::size_t b = any();
      if (history_[a].function != history_[b].function || history_[a].info || history_[b].info ||
          history_[a].output == history_[b].output)
        continue;
      std::swap(history_[a].output, history_[b].output);
      return;
    }
    const int begin = begins_[a], length = ends_[a] - begin;
    begins_[a] = begin + pick(rng_, length);
    ends_[a] = begins_[a] + 1 + pick(rng_, begin + length - begins_[a]);
  }

  void number_moments() {
    std::vector<std::pair<std::pair<int, int>, Position*>> moments;
    for (std::size_t i = 0; i < history_.size(); ++i) {
      // At the same time, all in any order but begins before ends.
      moments.push_back({{2 * begins_[i], pick(rng_, 1000)}, &history_[i].begin});
      moments.push_back({{2 * ends_[i] + 1, pick(rng_, 1000)}, &history_[i].end});
    }
    std::ranges::sort(moments);
    Position now = 0;
    for (const auto& [when, moment] : moments) *moment = now++;
    for (Asked& o : history_)
      if (o.info) o.end = never;
  }

  const CrowdedContainer& container_;
  Rng& rng_;
  const int modulus_, reach_, infos_;
  const bool repeated_, peeks_;
  std::vector<Asked> history_;
  std::vector<int> begins_, ends_;
};

inline std::vector<Asked> crowded_history(const CrowdedContainer& container, Rng& rng, int most) {
  return CrowdedHistory(container, rng, most).take();
}

template <typename Rules = linearizable::GeneralRules,
          typename Looks = linearizable::ContainerRules>
Validity judge_container(const CrowdedContainer& container, const linearizable::Operations& all,
                         const linearizable::GeneralOptions& options = {}) {
  linearizable::Container<Looks> model(all, container.discipline);
  const linearizable::GeneralPlan plan(all, model, false);
  linearizable::States states(model, plan.classes());
  linearizable::Meter meter(std::uint64_t{1} << 40, std::uint64_t{1} << 30, nullptr);
  return linearizable::General<Rules, 1>(plan, states, meter).run(options).validity;
}

}  // namespace faultline::oracle
