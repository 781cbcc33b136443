// Linearizability of a set with add, remove and contains, or of a flag, each element by itself
// (linearizability is local), in linear time: an element is a switch (switches.h).
//
// An add that answers true put the element in, one that answers false found it there; likewise
// remove. One that answers neither (nothing, or an echo) did one of the two, and which is tried:
// an element's operations are cut where none is pending, and between two cuts at most
// `open_max` may be so. An info is an add or a remove that may not have happened.
//
// Not for: elements with more of those at a time, whole-set reads, refused operations, other
// functions ("inapplicable").
#pragma once

#include <string>
#include <vector>

#include "checkers/linearizable/fast/switches.h"

namespace faultline::linearizable::fast {

struct SetRules : SwitchRules {
  static constexpr bool try_both = true;     ///< An add without an answer may have changed nothing.
  static constexpr bool infos_pend = true;   ///< Guard: no cut while an info may still happen.
  static constexpr bool both_states = true;  ///< A piece may be entered in either state.
};

/// Keeps its memory from one object to the next. Not thread-safe.
template <typename Rules = SetRules>
class Set {
 public:
  static constexpr std::size_t open_max = 8;

  Decision check(const Operations& operations, Meter& meter) {
    const std::uint64_t n = operations.list.size();
    const std::uint64_t need = Timeline::bytes_for(n) + Switches<Rules>::bytes_for(n) + 12 * n +
                               operations.values.size() * (sizeof(Lane) + 1) + 256;
    if (need > meter.bytes_max()) return out_of_memory(need);
    if (!meter.spend(2 * n)) return out_of_budget(meter);
    operations_ = &operations;
    meter_ = &meter;
    timeline_.build(operations);
    switches_.prepare(operations.list.size());
    if (std::string why = read(operations); !why.empty()) return inapplicable(std::move(why));
    fill_lanes(operations);
    return run_lanes();
  }

  std::uint64_t bytes() const {
    return timeline_.bytes() + switches_.bytes() + events_.capacity() * sizeof(std::uint32_t) +
           lanes_.capacity() * sizeof(Lane) + open_.capacity();
  }

 private:
  using Lane = typename Switches<Rules>::Lane;
  static constexpr std::uint32_t nowhere = Switches<Rules>::nowhere;

  /// A lane's events between two instants at which nothing is pending.
  struct Piece {
    std::uint32_t from = 0, to = 0;
    bool states[2] = {true, false};  ///< In which it may be entered.
    std::vector<Index> open;         ///< What may have changed something or not.
  };

  std::string read(const Operations& operations) {
    lanes_.assign(operations.values.size(), Lane{});
    open_.assign(operations.values.size(), 0);
    for (Index i = 0; i < operations.list.size(); ++i) {
      const Operation& o = operations.list[i];
      if (std::string why = objection(o); !why.empty()) return why;
      const int answer = truth(operations, o);
      if (o.function == Function::contains && answer < 0 && !o.is_info())
        return "contains answered " + value_text(operations, o.output) + ", neither true nor false";
      switches_.move(i) = move_of(o, answer);
      if (switches_.move(i) == Move::any_up || switches_.move(i) == Move::any_down)
        open_[o.argument] = 1;
      lanes_[o.argument].end += 2;
    }
    return {};
  }

  static std::string objection(const Operation& o) {
    if (o.function != Function::add && o.function != Function::remove &&
        o.function != Function::contains)
      return std::string(name_of(o.function)) + " is not among its functions";
    if (o.refused) return "a refused " + std::string(name_of(o.function)) + " says nothing here";
    if (o.argument == no_value) return std::string(name_of(o.function)) + " has no element";
    return {};
  }

  /// 1: true, 0: false, -1: neither, or an echo of an element that is a boolean itself.
  static int truth(const Operations& operations, const Operation& o) {
    if (o.function != Function::contains && o.output == o.argument) return -1;
    if (o.output == no_value || operations.values[o.output].kind() != ValueHandle::Kind::boolean)
      return -1;
    return operations.values[o.output].bits() >> 3 != 0 ? 1 : 0;
  }

  static Move move_of(const Operation& o, int answer) {
    if (o.function == Function::contains) return answer == 1 ? Move::saw_up : Move::saw_down;
    const bool adds = o.function == Function::add;
    if (o.is_info() || answer == 1) return adds ? Move::up : Move::down;
    if (answer == 0) return adds ? Move::saw_up : Move::saw_down;
    return adds ? Move::any_up : Move::any_down;
  }

  /// Each element's events in the order of time, those of the elements one after another.
  void fill_lanes(const Operations& operations) {
    std::uint32_t next = 0;
    for (Lane& lane : lanes_) {
      const std::uint32_t size = lane.end;
      lane = {next, next, next + size};
      next += size;
    }
    events_.assign(timeline_.size(), nowhere);
    for (Index i = 0; i < operations.list.size(); ++i) {
      events_[timeline_.begin(i)] = 2 * i;
      if (timeline_.end(i) != never)
        events_[timeline_.end(i)] = 2 * i + 1;
      else
        switches_.set_event(--lanes_[operations.list[i].argument].end, i, true);
    }
    constexpr std::size_t ahead = 16;
    for (std::size_t t = 0; t < events_.size(); ++t) {
      if (t + ahead < events_.size() && events_[t + ahead] != nowhere)
        __builtin_prefetch(&lanes_[operations.list[events_[t + ahead] / 2].argument], 1);
      const std::uint32_t event = events_[t];
      if (event != nowhere)
        switches_.set_event(lanes_[operations.list[event / 2].argument].events++, event / 2,
                            event % 2 != 0);
    }
    for (std::size_t v = lanes_.size(); v-- > 0; next = lanes_[v].begin) lanes_[v].end = next;
  }

  Decision run_lanes() {
    std::string undecided;
    for (ValueId v = 0; v < lanes_.size(); ++v) {
      const Lane& lane = lanes_[v];
      if (lane.begin == lane.end) continue;
      if (!meter_->spend(lane.end - lane.begin)) return out_of_budget(*meter_);
      if (open_[v] != 0) {
        Fault fault;
        if (!run_pieces(lane, fault) && undecided.empty())
          undecided = "too much that may have changed " + value_text(*operations_, v) +
                      " was pending at a time";
        if (fault) return invalid(*operations_, std::move(fault));
        continue;
      }
      const auto end = switches_.run(lane, lane.begin, lane.events, 0, 1);
      if (end.failed == nowhere) continue;
      SwitchWitness<Rules> witness(timeline_, switches_, 1);
      return invalid(*operations_, named(witness.explain(lane, end.failed)));
    }
    return undecided.empty() ? valid() : inapplicable(std::move(undecided));
  }

  /// False if the lane is not decided. A fault is one even then.
  bool run_pieces(const Lane& lane, Fault& fault) {
    Piece piece;
    piece.from = piece.to = lane.begin;
    std::uint32_t pending = 0;
    for (std::uint32_t slot = lane.begin; slot < lane.events; ++slot) {
      const Index i = switches_.operation(slot);
      const bool ends = switches_.is_end(slot);
      if (ends)
        --pending;
      else if (Rules::infos_pend || !operations_->list[i].is_info())
        ++pending;
      const Move move = switches_.move(i);
      if (!ends && (move == Move::any_up || move == Move::any_down)) piece.open.push_back(i);
      if (pending > 0 && slot + 1 < lane.events) continue;
      piece.to = slot + 1;
      if (piece.open.size() > open_max) return false;
      const Piece entered = piece;
      if (!run_piece(lane, piece)) {
        fault = explain(lane, entered);
        return true;
      }
      piece.from = piece.to;
      piece.open.clear();
    }
    return true;
  }

  /// Every meaning of the open operations, from every state; leaves the states it may end in.
  bool run_piece(const Lane& lane, Piece& piece) {
    bool after[2] = {false, false};
    for (std::uint32_t state = 0; state < 2; ++state) {
      if (!piece.states[state]) continue;
      for (std::uint32_t choice = 0; choice < std::uint32_t{1} << piece.open.size(); ++choice) {
        for (std::size_t b = 0; b < piece.open.size(); ++b)
          decide(piece.open[b], !Rules::try_both || (choice >> b & 1) != 0);
        const auto end = switches_.run(lane, piece.from, piece.to, state, 1);
        if (end.failed == nowhere) after[end.state] = true;
        switches_.rewind(lane, piece.from, piece.to);
      }
    }
    for (const Index i : piece.open)
      switches_.move(i) =
          operations_->list[i].function == Function::add ? Move::any_up : Move::any_down;
    if (!Rules::both_states && after[0]) after[1] = false;
    piece.states[0] = after[0];
    piece.states[1] = after[1];
    return after[0] || after[1];
  }

  void decide(Index i, bool moves) {
    if (operations_->list[i].function == Function::add)
      switches_.move(i) = moves ? Move::up : Move::saw_up;
    else
      switches_.move(i) = moves ? Move::down : Move::saw_down;
  }

  /// The piece, and an add that leads to the state it was entered in; where that is not known, all
  /// before it.
  Fault explain(const Lane& lane, const Piece& piece) {
    SwitchWitness<Rules> witness(timeline_, switches_, 1);
    std::vector<Index> rows;
    const bool known = piece.states[0] != piece.states[1];
    for (std::uint32_t slot = known ? piece.from : lane.begin; slot < piece.to; ++slot)
      if (!switches_.is_end(slot)) rows.push_back(switches_.operation(slot));
    if (known && piece.states[1])
      for (std::uint32_t slot = piece.from; slot-- > lane.begin;) {
        const Move move = switches_.move(switches_.operation(slot));
        if (move != Move::up && move != Move::any_up) continue;
        rows.push_back(switches_.operation(slot));
        break;
      }
    Fault fault;
    if (known) return named(witness.finish(std::move(rows)));
    // Its many meanings are not tried again.
    fault.rows = rows;
    fault.bad = switches_.operation(piece.to - 1);
    fault.evidence = rows.front();
    return named(std::move(fault));
  }

  Fault named(Fault fault) const {
    const Operation& bad = operations_->list[fault.bad];
    const Move move = switches_.move(fault.bad);
    bool added = false, removed = false;
    for (const Index row : fault.rows) {
      if (row == fault.bad) continue;
      added |= operations_->list[row].function == Function::add;
      removed |= operations_->list[row].function == Function::remove;
    }
    const bool wants_element = move == Move::saw_up || move == Move::down;
    if (wants_element)
      fault.anomaly = added ? "stale-read" : "phantom-read";
    else
      fault.anomaly = bad.function != Function::add && added && !removed ? "lost-element"
                      : bad.function == Function::contains               ? "stale-read"
                                                                         : "not-linearizable";
    return fault;
  }

  const Operations* operations_ = nullptr;
  Meter* meter_ = nullptr;
  Timeline timeline_;
  Switches<Rules> switches_;
  std::vector<Lane> lanes_;            ///< By element.
  std::vector<std::uint8_t> open_;     ///< By element: it has an add or remove without an answer.
  std::vector<std::uint32_t> events_;  ///< By time.
};

}  // namespace faultline::linearizable::fast
