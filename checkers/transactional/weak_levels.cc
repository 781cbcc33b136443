#include "checkers/transactional/weak_levels.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>

#include "checkers/transactional/components.h"
#include "checkers/transactional/cycle_exists.h"
#include "checkers/transactional/walks.h"

namespace faultline::transactional {
namespace {

using Known = Any<dependencies>;
using Constrained = Any<all_dependencies>;

ModelSet set_of(std::string_view model) { return ModelSet().set(find_model(model).value()); }

/// Says of one level which contradictions it has.
class Contradictions {
 public:
  Contradictions(const Registers& registers, bool has_sessions, const Constraints& constraints,
                 Meter& meter)
      : constraints_(constraints),
        meter_(meter),
        graph_(known_order(registers, has_sessions, constraints.all())) {}

  /// Whether there are none.
  bool note(Anomaly anomaly, WeakFindings& findings) {
    anomaly_ = anomaly;
    findings.edges = std::max<std::uint64_t>(findings.edges, graph_.edges());
    const Components<Constrained> parts(graph_, meter_);
    if (parts.acyclic() && constraints_.of_nil_count() == 0) return true;
    // That it is one is known before it is known how: the budget may end in between.
    findings.counts[static_cast<std::size_t>(anomaly)] += constraints_.of_nil_count();
    KnownCycle known;
    if (!parts.acyclic()) known = smallest_known(graph_, parts);
    for (const Constraint& c : constraints_.of_nil()) known = known_of({c.before, c.reader});
    findings.known_of.emplace(anomaly, std::move(known));
    for (const Constraint& c : constraints_.of_nil()) keep(of_nil(c), findings);
    note_cycles(parts, findings);
    return false;
  }

 private:
  void keep(std::optional<Contradiction> found, WeakFindings& findings) const {
    const auto alike = [&](const Contradiction& c) { return c.anomaly == anomaly_; };
    if (found && std::ranges::count_if(findings.kept, alike) <
                     static_cast<std::ptrdiff_t>(WeakFindings::kept_max))
      findings.kept.push_back(*std::move(found));
  }

  /// Who depends on whom, from one to the other.
  std::optional<Steps> way(Transaction from, Transaction to) {
    if (!known_) known_.emplace(graph_, meter_);
    return known_->forward(from, [&](Node at) { return at == to; }, [](Node) { return true; });
  }

  std::optional<Contradiction> of_nil(const Constraint& c) {
    const auto steps = way(c.before, c.reader);
    if (!steps) return std::nullopt;
    Contradiction found{anomaly_, {}};
    for (const Step& step : *steps) found.ties.push_back({step.transaction, step.edge, {}, {}});
    found.ties.push_back({c.reader, Edge::rw, c, {}});
    return found;
  }

  /// Of each cyclic component the shortest cycle through one of the first of its constraints.
  void note_cycles(const Components<Constrained>& parts, WeakFindings& findings) {
    constexpr std::size_t tries = 8;
    std::vector<std::pair<std::uint32_t, std::vector<Constraint>>> cyclic;
    std::vector<std::uint32_t> place(parts.size(), Components<Constrained>::none);
    for (const Constraint& c : constraints_.all()) {
      if (!parts.same(c.before, c.after)) continue;
      std::uint32_t& at = place[parts.of(c.before)];
      if (at == Components<Constrained>::none) {
        at = static_cast<std::uint32_t>(cyclic.size());
        cyclic.push_back({parts.of(c.before), {}});
      }
      if (cyclic[at].second.size() < tries) cyclic[at].second.push_back(c);
    }
    findings.counts[static_cast<std::size_t>(anomaly_)] += cyclic.size();
    Walks<Constrained> walks(graph_, meter_);
    for (std::size_t i = 0; i < std::min(cyclic.size(), WeakFindings::kept_max); ++i) {
      std::optional<Steps> best;
      for (const Constraint& c : cyclic[i].second) {
        auto steps = walks.forward(
            c.after, [&](Node at) { return at == c.before; },
            [&](Node at) { return parts.same(c.before, at); });
        if (!steps) continue;
        steps->push_back({c.before, Edge::inferred});
        if (!best || steps->size() < best->size()) best = std::move(steps);
      }
      if (best) keep(justified(*std::move(best)), findings);
    }
  }

  std::optional<Contradiction> justified(Steps steps) {
    std::ranges::rotate(steps, std::ranges::min_element(steps, {}, &Step::transaction));
    Contradiction found{anomaly_, {}};
    for (std::size_t i = 0; i < steps.size(); ++i) {
      Tie tie{steps[i].transaction, steps[i].edge, {}, {}};
      const Transaction to = steps[(i + 1) % steps.size()].transaction;
      if (is_inferred(tie.edge) && !justify(tie, to)) return std::nullopt;
      found.ties.push_back(std::move(tie));
    }
    return found;
  }

  bool justify(Tie& tie, Transaction to) {
    const auto all = constraints_.all();
    const auto why = std::ranges::find_if(
        all, [&](const Constraint& c) { return c.before == tie.from && c.after == to; });
    if (why == all.end()) return false;
    tie.why = *why;
    const auto steps = way(why->before, why->reader);
    if (!steps) return false;
    for (std::size_t i = 1; i < steps->size(); ++i) tie.through.push_back((*steps)[i].transaction);
    return true;
  }

  const Constraints& constraints_;
  Meter& meter_;
  const Graph graph_;
  std::optional<Walks<Known>> known_;
  Anomaly anomaly_ = Anomaly::OTV;
};

class WeakLevels {
 public:
  WeakLevels(const Registers& registers, ModelSet wanted, std::uint64_t bytes_used, Meter& meter,
             WeakFindings& findings)
      : registers_(registers),
        wanted_(wanted),
        bytes_left_(meter.bytes_max() - std::min(bytes_used, meter.bytes_max())),
        meter_(meter),
        findings_(findings),
        written_(registers) {}

  void decide() {
    try {
      decide_all();
    } catch (...) {
      // Whether something simpler says the same is not known any more.
      if (std::ranges::all_of(findings_.counts, [](std::uint64_t n) { return n == 0; }))
        add(of_sessions_);
      throw;
    }
  }

 private:
  void decide_all() {
    using enum Anomaly;
    if (any({garbage_read, G1a, G1b, dirty_update}) || !decide_committed()) return;
    const bool is_atomic = !any({internal, future_read});
    if (is_atomic && (wants("causal-cerone") || wants("causal")) && decide_sessions()) return;
    bool may_hold = true;  // what implies all that was looked at
    if ((ruled_out_by(OTV) & wanted_ & ~findings_.holds).any()) {
      Constraints constraints(bytes_left_);
      constrain_monotonic(registers_, written_, meter_, constraints);
      may_hold = prove("monotonic-atomic-view", false, constraints, OTV);
    }
    if (!is_atomic) return;
    if (may_hold && wants("read-atomic")) {
      Constraints constraints(bytes_left_);
      constrain_atomic(registers_, written_, meter_, constraints);
      may_hold = prove("read-atomic", false, constraints, fractured_read);
    }
    bool may_keep_sessions = true;
    if (may_hold && has_sessions_ && wants("strong-session-read-atomic")) {
      Constraints constraints(bytes_left_);
      constrain_atomic(registers_, written_, meter_, constraints);
      constrain_by_sessions(registers_, written_, meter_, constraints);
      may_keep_sessions =
          prove("strong-session-read-atomic", true, constraints, fractured_read_process);
    }
    if (may_hold && wants("causal-cerone")) may_hold = decide_without_sessions();
    const bool has_own_orders = !clocks_ || !wants("causal") || decide_own_orders();
    // Where something simpler says the same, that is told.
    if (may_hold && may_keep_sessions && has_own_orders) add(of_sessions_);
    of_sessions_ = {};
  }

  bool any(std::initializer_list<Anomaly> anomalies) const {
    return std::ranges::any_of(anomalies, [&](Anomaly a) { return registers_.offences().any(a); });
  }
  bool wants(std::string_view model) const {
    return (with_stronger(set_of(model)) & wanted_ & ~findings_.holds).any();
  }
  void hold(std::string_view model) { findings_.holds |= with_weaker(set_of(model)); }

  bool prove(std::string_view model, bool has_sessions, const Constraints& constraints,
             Anomaly anomaly) {
    const bool holds =
        Contradictions(registers_, has_sessions, constraints, meter_).note(anomaly, findings_);
    if (holds) hold(model);
    return holds;
  }

  /// An order of all transactions, if there is one; those that others depend on first.
  bool find_order(bool has_sessions) {
    const Graph graph = known_order(registers_, has_sessions, {});
    findings_.edges = std::max<std::uint64_t>(findings_.edges, graph.edges());
    const Components<Known> parts(graph, meter_);
    order_.assign(parts.order().rbegin(), parts.order().rend());
    return parts.acyclic();
  }

  bool decide_committed() {
    has_sessions_ = find_order(true);
    if (!has_sessions_ && !find_order(false)) return false;
    hold(has_sessions_ ? "strong-session-read-committed" : "read-committed");
    return true;
  }

  /// The strongest comes first: there is a quick way, and if it holds, all others do.
  bool decide_sessions() {
    if (!has_sessions_) return false;
    const std::uint64_t clocks = Clocks::bytes(registers_);
    if (clocks <= bytes_left_ / 2) {
      bytes_left_ -= clocks;
      clocks_.emplace(registers_, order_, written_, meter_);
    }
    Constraints constraints(bytes_left_);
    if (clocks_)
      clocks_->constrain(meter_, constraints);
    else
      constrain_by_walks(registers_, true, order_, meter_, constraints);
    const bool holds = Contradictions(registers_, true, constraints, meter_)
                           .note(Anomaly::causality_violation_process, of_sessions_);
    findings_.edges = std::max(findings_.edges, of_sessions_.edges);
    if (holds) hold("strong-session-causal");
    return holds;
  }

  bool decide_without_sessions() {
    Constraints constraints(bytes_left_);
    constrain_by_walks(registers_, false, order_, meter_, constraints);
    return prove("causal-cerone", false, constraints, Anomaly::causality_violation);
  }

  void add(const WeakFindings& others) {
    findings_.kept.insert(findings_.kept.end(), others.kept.begin(), others.kept.end());
    for (std::size_t a = 0; a < others.counts.size(); ++a) findings_.counts[a] += others.counts[a];
    findings_.known_of.insert(others.known_of.begin(), others.known_of.end());
  }

  bool decide_own_orders() {
    std::uint64_t& count = findings_.counts[static_cast<std::size_t>(Anomaly::WriteCORead)];
    for (Transaction t = 0; t < registers_.transactions().size(); ++t) {
      if (clocks_->has_own_order(t, meter_)) continue;
      if (++count > WeakFindings::kept_max) continue;
      findings_.known_of.emplace(Anomaly::WriteCORead, known_of({t}));
      Constraints constraints(bytes_left_);
      clocks_->constrain_alone(t, meter_, constraints);
      WeakFindings one;
      (void)Contradictions(registers_, true, constraints, meter_).note(Anomaly::WriteCORead, one);
      findings_.kept.insert(findings_.kept.end(), one.kept.begin(), one.kept.end());
    }
    if (count == 0) hold("causal");
    return count == 0;
  }

  const Registers& registers_;
  const ModelSet wanted_;
  std::uint64_t bytes_left_;
  Meter& meter_;
  WeakFindings& findings_;
  const WrittenKeys written_;
  BigVector<Node> order_;
  bool has_sessions_ = false;  ///< They fit who read of whom.
  std::optional<Clocks> clocks_;
  WeakFindings of_sessions_;  ///< What contradicts them, if all others hold.
};

}  // namespace

ModelSet weak_models() { return with_weaker(set_of("strong-session-causal")); }

void decide_weak_levels(const Registers& registers, ModelSet wanted, std::uint64_t bytes_used,
                        Meter& meter, WeakFindings& findings) {
  WeakLevels(registers, wanted, bytes_used, meter, findings).decide();
}

}  // namespace faultline::transactional
