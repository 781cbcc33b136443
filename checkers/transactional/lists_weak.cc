#include "checkers/transactional/lists_weak.h"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "checkers/transactional/causality.h"
#include "checkers/transactional/components.h"
#include "checkers/transactional/cycle_exists.h"
#include "checkers/transactional/saturation.h"
#include "checkers/transactional/walks.h"

namespace faultline::transactional {
namespace {

using Knowing = Any<bit_of(Edge::wr) | bit_of(Edge::process)>;

/// What consistent prefix forbids to come back: rw only right after wr ((wr; rw?) with ww, Cerone
/// & Gotsman 2016, without sessions). State 1: the last edge was wr.
struct PrefixOrder {
  static constexpr unsigned states = 2;
  static unsigned next(unsigned state, Edge edge) {
    if (edge == Edge::free) return 0;
    if (is_rw(edge)) return state == 1 ? 0 : dead_end;
    return edge == Edge::wr ? 1 : 0;
  }
};

ModelSet set_of(std::string_view model) { return ModelSet().set(find_model(model).value()); }

/// Lists as registers, of which each read saw the last element's append.
Registers as_registers(const Lists& lists) {
  const Transactions& all = lists.transactions();
  BigVector<Version> seen(all.micro().size(), no_version);
  std::uint64_t micro = 0;
  for (Transaction t = 0; t < all.size(); ++t)
    for (const MicroOperation& m : all.of(t)) {
      const std::uint64_t self = micro++;
      const std::uint32_t version = lists.version(self);
      if (m.is_append() || version == Lists::not_there) continue;
      if (version == 0)
        seen[self] = static_cast<Version>(all.appends().size() + m.key);
      else if (const Transaction from = lists.writer(m.key, version - 1);
               from != nobody && from != t)
        seen[self] = lists.order(m.key)[version - 1];
    }
  return Registers(lists, std::move(seen));
}

class ListLevels {
 public:
  ListLevels(const Lists& lists, ModelSet wanted, std::uint64_t bytes_used, Meter& meter,
             CycleFindings& cycles, ModelSet& holds)
      : lists_(lists),
        wanted_(wanted),
        meter_(meter),
        cycles_(cycles),
        holds_(holds),
        registers_(as_registers(lists)),
        written_(registers_) {
    bytes_used += registers_.bytes() + 8 * lists.transactions().appends().size() +
                  100 * lists.transactions().size();
    bytes_left_ = meter.bytes_max() - std::min(bytes_used, meter.bytes_max());
  }

  void decide() {
    using enum Anomaly;
    if (any({duplicate_elements, garbage_read, incompatible_order, G1a, G1b, dirty_update}) ||
        !cycles_.ww_wr.alone)
      return;
    const bool is_atomic = !any({internal, future_read});
    if (is_atomic && (wants("causal-cerone") || wants("causal"))) decide_sessions();
    if ((ruled_out_by(OTV) & wanted_ & ~holds_).any())
      prove("monotonic-atomic-view", false, OTV,
            [&](Constraints& into) { constrain_monotonic(registers_, written_, meter_, into); });
    if (!is_atomic) return;
    if (wants("read-atomic"))
      prove("read-atomic", false, fractured_read,
            [&](Constraints& into) { constrain_atomic(registers_, written_, meter_, into); });
    if (cycles_.ww_wr.process && wants("strong-session-read-atomic"))
      prove("strong-session-read-atomic", true, fractured_read_process, [&](Constraints& into) {
        constrain_atomic(registers_, written_, meter_, into);
        constrain_by_sessions(registers_, written_, meter_, into);
      });
    if (wants("causal-cerone"))
      prove("causal-cerone", false, causality_violation, [&](Constraints& into) {
        constrain_by_walks(registers_, false, order(false), meter_, into);
      });
    if (wants("prefix")) decide_prefix();
  }

 private:
  bool any(std::initializer_list<Anomaly> anomalies) const {
    return std::ranges::any_of(anomalies, [&](Anomaly a) { return lists_.offences().any(a); });
  }
  bool wants(std::string_view model) const {
    return (with_stronger(set_of(model)) & wanted_ & ~holds_).any();
  }
  void hold(std::string_view model) { holds_ |= with_weaker(set_of(model)); }
  std::uint64_t& count(Anomaly anomaly) {
    return cycles_.counts[static_cast<std::size_t>(anomaly)];
  }

  /// All transactions, those that others depend on first.
  BigVector<Node> order(bool has_sessions) {
    const Graph graph = known_order(registers_, has_sessions, {});
    const Components<Knowing> parts(graph, meter_);
    return {parts.order().rbegin(), parts.order().rend()};
  }

  /// The strongest comes first: if it holds, all others but prefix do. What contradicts it also
  /// contradicts an order of the reader's own, since the order of lists is everybody's.
  void decide_sessions() {
    if (!cycles_.ww_wr.process) return;
    const BigVector<Node> all = order(true);
    const std::uint64_t clocks = Clocks::bytes(registers_);
    const bool has_clocks = clocks <= bytes_left_ / 2;
    Constraints constraints(bytes_left_ - (has_clocks ? clocks : 0));
    if (has_clocks)
      Clocks(registers_, all, written_, meter_).constrain(meter_, constraints);
    else
      constrain_by_walks(registers_, true, all, meter_, constraints);
    std::vector<Constraint> missed;
    const std::uint64_t times = find_missed(constraints, missed);
    if (times == 0) return hold("strong-session-causal");
    if (wants("strong-session-causal"))
      note(Anomaly::causality_violation_process, times, missed, true);
    if (wants("causal")) note(Anomaly::WriteCORead, times, missed, true);
  }

  template <typename Constrain>
  void prove(std::string_view model, bool has_sessions, Anomaly anomaly, Constrain constrain) {
    Constraints constraints(bytes_left_);
    constrain(constraints);
    std::vector<Constraint> missed;
    const std::uint64_t times = find_missed(constraints, missed);
    if (times == 0) return hold(model);
    note(anomaly, times, missed, has_sessions);
  }

  std::uint32_t place(Transaction t, KeyIndex key) const {
    return lists_.position(registers_.written(t, key));
  }

  /// How often a reader knew of somebody whose append to the key its list does not hold: that
  /// stands behind the list's last element. What nobody read stands behind all. Some of them.
  std::uint64_t find_missed(const Constraints& constraints, std::vector<Constraint>& some) {
    some.assign(constraints.of_nil().begin(), constraints.of_nil().end());
    std::uint64_t times = constraints.of_nil_count();
    for (const Constraint& c : constraints.all()) {
      if (place(c.before, c.key) < place(c.after, c.key)) continue;
      if (++times <= CycleFindings::kept_max) some.push_back(c);
    }
    return times;
  }

  /// As a cycle: it read without what the other one appended, and had known of that one.
  void note(Anomaly anomaly, std::uint64_t times, const std::vector<Constraint>& missed,
            bool has_sessions) {
    // That it is one is known before it is known how: the budget may end in between.
    count(anomaly) += times;
    cycles_.known_of.emplace(anomaly, known_of({missed.front().before, missed.front().reader}));
    const Graph graph = known_order(registers_, has_sessions, {});
    Walks<Knowing> walks(graph, meter_);
    for (const Constraint& c : missed) {
      auto steps = walks.forward(
          c.before, [&](Node at) { return at == c.reader; }, [](Node) { return true; });
      if (!steps) continue;
      steps->insert(steps->begin(), {c.reader, Edge::rw});
      keep(anomaly, *std::move(steps));
    }
  }

  void keep(Anomaly anomaly, Steps steps) {
    std::ranges::rotate(steps, std::ranges::min_element(steps, {}, &Step::transaction));
    cycles_.kept.push_back({anomaly, std::move(steps)});
  }

  void decide_prefix() {
    const Graph graph = lists_.graph({});
    const Parts parts(graph, meter_);
    if (parts.acyclic()) return hold("prefix");
    cycles_.known_of.emplace(Anomaly::prefix_violation, smallest_known(graph, parts));
    // There is no cycle of dependencies: each of these has an rw.
    std::map<std::uint32_t, std::vector<std::pair<Parts::Place, Parts::Place>>> candidates;
    for (const auto here : parts.order())
      for (const Arrow arrow : graph.from(Parts::node_of(here))) {
        const unsigned state = PrefixOrder::next(Parts::state_of(here), arrow.edge());
        if (state == dead_end || !is_rw(arrow.edge())) continue;
        const auto to = Parts::place(arrow.to(), state);
        if (!parts.same(here, to)) continue;
        auto& of = candidates[parts.of(here)];
        if (of.size() < tries) of.emplace_back(here, to);
      }
    Walks<PrefixOrder> walks(graph, meter_);
    for (const auto& [part, edges] : candidates) {
      if (count(Anomaly::prefix_violation)++ >= CycleFindings::kept_max) continue;
      Steps best;
      for (const auto& [from, to] : edges) {
        auto steps = walks.forward(
            to, [&](auto at) { return at == from; }, [&](auto at) { return parts.same(from, at); });
        if (!steps) continue;
        steps->insert(steps->begin(), {Parts::node_of(from), Edge::rw});
        if (best.empty() || steps->size() < best.size()) best = *std::move(steps);
      }
      std::erase_if(best, [&](const Step& s) { return !graph.is_transaction(s.transaction); });
      keep(Anomaly::prefix_violation, std::move(best));
    }
  }

  using Parts = Components<PrefixOrder>;
  static constexpr std::size_t tries = 8;  ///< Of a component.

  const Lists& lists_;
  const ModelSet wanted_;
  std::uint64_t bytes_left_ = 0;
  Meter& meter_;
  CycleFindings& cycles_;
  ModelSet& holds_;
  const Registers registers_;
  const WrittenKeys written_;
};

}  // namespace

ModelSet list_levels() {
  const ModelSet decided = with_stronger(set_of("monotonic-atomic-view") | set_of("causal")) &
                           with_weaker(set_of("strong-session-causal") | set_of("prefix"));
  return decided | set_of("monotonic-view") | set_of("update-atomic");
}

void decide_list_levels(const Lists& lists, ModelSet wanted, std::uint64_t bytes_used, Meter& meter,
                        CycleFindings& cycles, ModelSet& holds) {
  ListLevels(lists, wanted, bytes_used, meter, cycles, holds).decide();
}

}  // namespace faultline::transactional
