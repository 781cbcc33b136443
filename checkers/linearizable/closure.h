// One step of the general engine: from the configurations before an operation ends to those in
// which it has happened.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "checkers/linearizable/antichain.h"
#include "checkers/linearizable/general_plan.h"
#include "checkers/linearizable/pending.h"
#include "checkers/linearizable/states.h"
#include "checkers/linearizable/used.h"

namespace faultline::linearizable {

template <typename Rules, int W>
class Closure {
 public:
  using Config = Configuration<W>;
  using Set = Mask<W>;

  Closure(const GeneralPlan& plan, States& states, Meter& meter)
      : plan_(plan), states_(states), meter_(meter), pending_(plan) {}

  Pending<Rules, W>& pending() { return pending_; }
  const Pending<Rules, W>& pending() const { return pending_; }
  UsedPool& used() { return used_; }

  /// What happens at once, because it makes nothing impossible. True if something was newly done.
  bool absorb(Config& config) {
    bool some = observe(config);
    while (take_out(config)) {
      some = true;
      observe(config);
    }
    return some;
  }

  /// Begins a new set of results.
  void clear() {
    explored_.clear();
    kept_.clear();
  }
  /// Adds what `config` can become to the results. False when the budget is used up.
  bool close(const Config& config, std::size_t beam) {
    const std::uint32_t slot = pending_.ending();
    stack_.assign(1, Node{config});
    absorb(stack_.back().config);
    while (!stack_.empty()) {
      const Node node = stack_.back();
      stack_.pop_back();
      ++steps_;
      if (tables() > meter_.bytes_max() / 2) return false;
      if (!has_room()) return true;
      if (!explored_.insert(node.config, {pending_.observers(), {}, pending_.changers()}, used_,
                            steps_))
        continue;
      if (node.config.done.test(slot)) {
        emit(node.config, slot);
      } else {
        expand(node, slot);
      }
      if (steps_ + states_.work() >= 4096 && !spend()) return false;
      if (explored_.entries() > 4 * beam + 64 || kept_.entries() > 4 * beam + 64) {
        cut_ = true;
        return true;
      }
    }
    return true;
  }
  std::size_t size() const { return kept_.size(); }
  void take(std::vector<Config>& out) const { kept_.take(out); }

  /// Were results given up, because they were too many, since this was last asked?
  bool take_cut() { return std::exchange(cut_, false); }

  void count_steps(std::uint64_t steps) { steps_ += steps; }
  bool spend() { return meter_.spend(std::exchange(steps_, 0) + states_.take_work()); }

  /// Whatever else the engine keeps.
  void set_bytes_elsewhere(std::uint64_t bytes) { bytes_elsewhere_ = bytes; }
  /// The tables of states and of combinations of infos.
  std::uint64_t tables() const { return states_.bytes() + used_.bytes(); }
  std::uint64_t bytes() const { return explored_.bytes() + kept_.bytes() + rest(); }
  std::uint64_t bytes_peak() const { return bytes_peak_; }

 private:
  static constexpr std::uint32_t no_info = 0xffffffffu, no_slot = 0xffffffffu;

  /// By result, while the best are chosen from those: copies, and their order.
  static constexpr std::uint64_t bytes_to_choose = 2 * sizeof(Config) + 16;

  /// A configuration on its way to the end of one operation. If an info was the last thing that
  /// happened: its class, and the state before it.
  struct Node {
    Config config;
    std::uint32_t info = no_info;
    StateId before = 0;
  };

  std::uint64_t rest() const {
    const bool stack_grows = stack_.size() + 64 > stack_.capacity();
    return tables() + pending_.bytes() + bytes_elsewhere_ +
           stack_.capacity() * sizeof(Node) * (stack_grows ? 3 : 1);
  }
  /// For one more configuration. If not, results are given up.
  bool has_room() {
    if (uncounted_ > 0) {
      --uncounted_;
      return true;
    }
    const std::uint64_t others = rest() + kept_.size() * bytes_to_choose;
    bytes_peak_ = std::max(bytes_peak_, others + explored_.bytes() + kept_.bytes());
    if (others + explored_.bytes_to_grow() + kept_.bytes_to_grow() <= meter_.bytes_max()) {
      uncounted_ = Antichain<Rules, W>::steps_uncounted(explored_, kept_);
      return true;
    }
    cut_ = true;
    return false;
  }

  bool observe(Config& config) {
    bool some = false;
    Set candidates = minus(pending_.observers(), config.done);
    if (!Rules::only_observers_absorbed)
      candidates = candidates | minus(pending_.changers(), config.done);
    candidates.each([&](std::uint32_t slot) {
      if (states_.next(config.state, pending_.kind_at(slot)) != config.state) return;
      config.done.set(slot);
      some = true;
    });
    return some;
  }

  /// What can come out does so. While it could, nothing but it can be next to come out, or only
  /// what goes in after it: until it does come out, whatever goes in or out does so equally without
  /// it, nobody sees it, and nobody finds nothing. So it may as well come out now. If it is not in
  /// yet, but would be the next to come out, it does both: then everything else that happens while
  /// it would be inside is again the same without it. True if something did.
  bool take_out(Config& config) {
    bool some = false;
    minus(pending_.takes(), config.done).each([&](std::uint32_t slot) {
      if (some) return;
      const StateId after = states_.next(config.state, pending_.kind_at(slot));
      if (after != no_state) {
        config.state = after;
      } else if (const std::uint32_t put = put_of(config, slot); put != no_slot) {
        config.done.set(put);
      } else {
        return;
      }
      config.done.set(slot);
      some = true;
    });
    return some;
  }
  /// The pending put of what this one takes, if the state is the same after both.
  std::uint32_t put_of(const Config& config, std::uint32_t take) {
    const std::uint32_t what = plan_.passage(pending_.kind_at(take)).what;
    std::uint32_t found = no_slot;
    minus(pending_.changers(), config.done).each([&](std::uint32_t slot) {
      if (slot == take || plan_.passage(pending_.kind_at(slot)).what != what) return;
      const StateId between = states_.next(config.state, pending_.kind_at(slot));
      if (between == no_state) return;
      if (!Rules::puts_with_takes_undone ||
          states_.next(between, pending_.kind_at(take)) == config.state)
        found = slot;
    });
    return found;
  }

  void emit(Config config, std::uint32_t slot) {
    config.done.reset(slot);
    Set observers = pending_.observers(), changers = pending_.changers();
    observers.reset(slot);
    changers.reset(slot);
    kept_.insert(config, {observers, {}, changers}, used_, steps_);
  }

  void expand(const Node& node, std::uint32_t ending) {
    const Config& config = node.config;
    const Set changers = minus(pending_.changers(), config.done);
    expand_infos(config, changers);
    changers.each([&](std::uint32_t slot) {
      const GeneralPlan::Step& step = pending_.step_at(slot);
      if (slot != ending && !first_of_its_kind(changers, slot)) return;
      if (put_waits(config, changers, step.kind)) return;
      const StateId state = states_.next(config.state, step.kind);
      if (state == no_state || waits(node, step.kind, state)) return;
      Node next{config};
      next.config.state = state;
      next.config.done.set(slot);
      absorb(next.config);
      stack_.push_back(next);
    });
  }

  /// Of pending operations that are alike, the one that ends first.
  bool first_of_its_kind(const Set& changers, std::uint32_t slot) const {
    const GeneralPlan::Step& self = pending_.step_at(slot);
    bool first = true;
    changers.each([&](std::uint32_t other) {
      const GeneralPlan::Step& o = pending_.step_at(other);
      if (other == slot || o.kind != self.kind) return;
      const bool earlier = o.end != self.end ? o.end < self.end : other < slot;
      if (earlier == Rules::earliest_deadline) first = false;
    });
    return first;
  }

  /// Does another put go before this one? Nothing goes before the first of all that wait, so one of
  /// them does not; and what must go in first, but has not even begun, leaves this one no chance.
  bool put_waits(const Config& config, const Set& changers, std::uint32_t kind) const {
    const Passage& self = plan_.passage(kind);
    if (self.what == Passage::nothing || self.takes) return false;
    if (self.put_after > pending_.now()) return true;
    const auto goes_before = [&](std::uint32_t other) {
      const Passage& passage = plan_.passage(other);
      if (other == kind || passage.what == Passage::nothing) return false;
      return passage.template goes_before<Rules>(self) || !Rules::only_passages_in_order;
    };
    bool some = false;
    for (const std::uint32_t info : pending_.infos())
      some = some || (goes_before(info) &&
                      (used_.count(config.used, info) == 0 || !Rules::only_unused_infos_awaited));
    changers.each([&](std::uint32_t slot) { some = some || goes_before(pending_.kind_at(slot)); });
    return some;
  }

  /// Might the info that has just happened as well happen after this?
  bool waits(const Node& node, std::uint32_t kind, StateId state) {
    if (node.info == no_info) return false;
    if (!Rules::only_commuting_wait) return true;
    const StateId without = states_.next(node.before, kind);
    return without != no_state && states_.next(without, node.info) == state;
  }

  void expand_infos(const Config& config, const Set& changers) {
    for (const std::uint32_t kind : pending_.infos()) {
      if (plan_.useful_until(kind) < pending_.now() || !Rules::infos_live) continue;
      const std::uint32_t there = pending_.begun(kind) + (Rules::infos_are_counted ? 0 : 1);
      if (used_.count(config.used, kind) >= there) continue;
      if (put_waits(config, changers, kind)) continue;
      const StateId state = states_.next(config.state, kind);
      if (state == no_state || state == config.state) continue;
      Node next{config, kind, config.state};
      next.config.state = state;
      next.config.used = used_.add(config.used, kind);
      if (absorb(next.config)) next.info = no_info;
      stack_.push_back(next);
    }
  }

  const GeneralPlan& plan_;
  States& states_;
  Meter& meter_;
  Pending<Rules, W> pending_;
  UsedPool used_;
  std::vector<Node> stack_;
  Antichain<Rules, W> explored_, kept_;
  bool cut_ = false;
  std::uint64_t steps_ = 0, bytes_elsewhere_ = 0, bytes_peak_ = 0, uncounted_ = 0;
};

}  // namespace faultline::linearizable
