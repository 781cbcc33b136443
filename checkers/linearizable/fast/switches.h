// Things that go up and down between 0 and a capacity: an element that is in a set or not, a lock
// that is held or not, the permits of a semaphore. An operation is an `up`, which needs room and
// adds one, a `down`, which needs one and takes it, or, of a switch (capacity 1), a look that found
// it down or up.
//
// Lazy and earliest deadline first: nothing is moved before an operation ends without having been
// explained; then the pending operation of the kind that is needed with the earliest end is made to
// happen. Delay costs nothing, as pending operations stay pending until they are used, and those of
// one kind differ in their deadlines only. Infos have the deadline `never`. Looks are explained by
// any state that passes while they are pending. (Prototypes of this project; fuzzed.)
//
// Every operation has two slots in its lane, for its begin and its end, in the order of time; those
// of infos, which have no end, come last. So the end's slot is the deadline.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "checkers/linearizable/fast/decisions.h"
#include "checkers/linearizable/fast/index_set.h"
#include "checkers/linearizable/fast/timeline.h"

namespace faultline::linearizable::fast {

enum class Move : std::uint8_t {
  up,        ///< Needs room, adds one.
  down,      ///< Needs one, takes it.
  saw_down,  ///< The switch was down.
  saw_up,    ///< The switch was up.
  any_up,    ///< Up, if it was not: an up or a saw_up. Needs to be decided before run().
  any_down,  ///< Likewise.
};

struct SwitchRules {
  static constexpr bool earliest_first = true;  ///< Of the pending, the one with the first end.
  static constexpr bool looks_pass = true;      ///< A look is explained by any state while pending.
  static constexpr bool looks_move = true;      ///< A look that ends makes others happen.
  static constexpr bool infos_last = true;      ///< Infos are used after what has an end.
  static constexpr bool room_first = true;      ///< A pending down makes room for an up.
};

/// Lanes of operations that share nothing. Keeps its memory.
template <typename Rules = SwitchRules>
class Switches {
 public:
  static constexpr std::uint32_t nowhere = 0xffffffffu;

  /// Slots [begin, events) are events, [events, end) the ends that infos do not have.
  struct Lane {
    std::uint32_t begin = 0, events = 0, end = 0;
  };
  /// How a lane's run from one slot to another ended.
  struct End {
    std::uint32_t failed = nowhere;  ///< The slot of an end that nothing explains.
    std::uint32_t state = 0;
  };

  void prepare(std::size_t operations) {
    const auto slots = static_cast<std::uint32_t>(2 * operations);
    slots_.resize(slots);
    end_slot_.resize(operations);
    move_.resize(operations);
    done_.assign(operations, 0);
    for (IndexSet& set : pending_) set.reset(slots);
  }
  void set_event(std::uint32_t slot, std::uint32_t operation, bool is_end) {
    slots_[slot] = 2 * operation + (is_end ? 1 : 0);
    if (is_end) end_slot_[operation] = slot;
  }
  Move& move(std::uint32_t operation) { return move_[operation]; }
  Move move(std::uint32_t operation) const { return move_[operation]; }
  std::uint32_t operation(std::uint32_t slot) const { return slots_[slot] / 2; }
  bool is_end(std::uint32_t slot) const { return slots_[slot] % 2 != 0; }
  std::uint32_t end_slot(std::uint32_t operation) const { return end_slot_[operation]; }

  /// Runs the events [from, to) of a lane, beginning in `state`. Where lanes are run in pieces, no
  /// operation may cross their borders.
  End run(const Lane& lane, std::uint32_t from, std::uint32_t to, std::uint32_t state,
          std::uint32_t capacity) {
    state_ = state;
    lane_ = lane;
    switch_ = capacity == 1;
    for (auto& looks : looks_) looks.clear();
    for (std::uint32_t slot = from; slot < to; ++slot) {
      if (slot + ahead < slots_.size()) prefetch(slots_[slot + ahead] / 2);
      const std::uint32_t i = slots_[slot] / 2;
      const Move move = move_[i];
      if (slots_[slot] % 2 == 0) {
        start(i, move);
      } else if (done_[i] == 0 && !finish(i, move, capacity)) {
        return {slot, state_};
      }
    }
    return {nowhere, state_};
  }

  /// Makes the lane's events [from, to) ready to be run again.
  void rewind(const Lane& lane, std::uint32_t from, std::uint32_t to) {
    for (std::uint32_t slot = from; slot < to; ++slot) done_[slots_[slot] / 2] = 0;
    for (IndexSet& set : pending_)
      for (std::uint32_t slot; (slot = set.next(lane.begin)) < lane.end;) set.erase(slot);
  }

  std::uint64_t bytes() const {
    return (slots_.capacity() + end_slot_.capacity() + looks_[0].capacity() +
            looks_[1].capacity()) *
               sizeof(std::uint32_t) +
           move_.capacity() + done_.capacity() + pending_[0].bytes() + pending_[1].bytes();
  }
  static std::uint64_t bytes_for(std::uint64_t operations) {
    return 22 * operations + 2 * IndexSet::bytes_for(2 * operations);
  }

 private:
  static constexpr std::uint32_t ahead = 24;

  /// Those of a lane are far apart, and memory answers slowly.
  void prefetch(std::uint32_t i) const {
    __builtin_prefetch(&move_[i]);
    __builtin_prefetch(&done_[i], 1);
    __builtin_prefetch(&end_slot_[i]);
  }

  static std::size_t side(Move move) { return move == Move::up || move == Move::saw_up ? 1 : 0; }

  void start(std::uint32_t i, Move move) {
    if (move == Move::up || move == Move::down) {
      pending_[side(move)].insert(end_slot_[i]);
    } else if (state_ == side(move)) {
      done_[i] = 1;
    } else if (Rules::looks_pass) {
      looks_[side(move)].push_back(i);
    }
  }

  /// The operation ends: it must have happened.
  bool finish(std::uint32_t i, Move move, std::uint32_t capacity) {
    if (move == Move::up || move == Move::down) {
      const bool blocked = move == Move::up ? state_ == capacity : state_ == 0;
      if (blocked && (!Rules::room_first || !fire(move == Move::up ? Move::down : Move::up)))
        return false;
      return done_[i] != 0 || (fire(move) && done_[i] != 0);
    }
    if (!Rules::looks_move && state_ != side(move)) return false;
    return (state_ == side(move) || fire(side(move) == 1 ? Move::up : Move::down));
  }

  /// The pending operation of that kind with the earliest end happens.
  bool fire(Move move) {
    IndexSet& set = pending_[side(move)];
    std::uint32_t slot = nowhere;
    if (!Rules::infos_last) slot = set.next(lane_.events);
    if (slot == nowhere || slot >= lane_.end) slot = set.next(lane_.begin);
    if (!Rules::earliest_first && slot < lane_.end)
      if (const std::uint32_t later = set.next(slot + 1); later < lane_.events) slot = later;
    if (slot >= lane_.end) return false;
    set.erase(slot);
    done_[slots_[slot] / 2] = 1;
    state_ += move == Move::up ? 1 : -1;
    if (!switch_) return true;
    for (const std::uint32_t look : looks_[state_]) done_[look] = 1;
    looks_[state_].clear();
    return true;
  }

  std::vector<std::uint32_t> slots_;  ///< 2 i where i begins, 2 i + 1 where it ends.
  std::vector<std::uint32_t> end_slot_;
  std::vector<Move> move_;
  std::vector<std::uint8_t> done_;
  IndexSet pending_[2];                  ///< Downs and ups, by the slots of their ends.
  std::vector<std::uint32_t> looks_[2];  ///< Pending ones that need that state.
  Lane lane_;
  std::uint32_t state_ = 0;
  bool switch_ = true;
};

/// Makes the proof of a failed lane small. Rows are operations of the lane's object.
template <typename Rules = SwitchRules>
class SwitchWitness {
 public:
  SwitchWitness(const Timeline& timeline, Switches<Rules>& switches, std::uint32_t capacity)
      : timeline_(timeline), switches_(switches), capacity_(capacity) {}

  /// The end in slot `failed` is unexplained when the lane is run from its beginning. Every move
  /// that happened counts up or down (no any_up, any_down).
  Fault explain(const typename Switches<Rules>::Lane& lane, std::uint32_t failed) {
    std::vector<Index> rows;
    for (std::uint32_t window = 16;; window *= 2) {
      const std::uint32_t from = failed - lane.begin > window ? failed - window : lane.begin;
      if (cut(lane, from, failed, rows) && fails(rows)) break;
      if (from == lane.begin) break;
    }
    return finish(rows);
  }

  /// The rows are a violation: drops the looks that it does not need.
  Fault finish(const std::vector<Index>& rows) {
    std::vector<Index> moves, looks;
    for (const Index row : rows) (is_look(row) ? looks : moves).push_back(row);
    const auto still_fails = [&](const std::vector<Index>& kept) {
      std::vector<Index> all = moves;
      all.insert(all.end(), kept.begin(), kept.end());
      return fails(all);
    };
    const std::uint64_t steps = shrink_steps / (moves.size() + 1);
    drop_units(looks, steps, still_fails);
    moves.insert(moves.end(), looks.begin(), looks.end());
    Fault fault;
    fault.minimal = moves.size() <= 64;
    for (std::size_t i = 0; i < moves.size() && fault.minimal; ++i) {
      std::vector<Index> rest = moves;
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
      fault.minimal = !fails(rest);
    }
    if (!fails(moves)) failed_row_ = moves.front();
    fault.bad = fault.evidence = failed_row_;
    Time latest = 0;  // of what was over before the bad one began, what ended last
    for (const Index row : moves) {
      if (row == fault.bad) continue;
      const bool before = timeline_.end(row) < timeline_.begin(fault.bad);
      if (fault.evidence != fault.bad && (!before || timeline_.end(row) < latest)) continue;
      fault.evidence = row;
      if (before) latest = timeline_.end(row);
    }
    fault.rows = std::move(moves);
    return fault;
  }

  /// Are these alone a violation? Tries every meaning of an any_up or any_down (few).
  bool fails(const std::vector<Index>& rows) {
    std::vector<std::uint64_t> order;
    for (std::uint32_t k = 0; k < rows.size(); ++k) {
      order.push_back(std::uint64_t{timeline_.begin(rows[k])} << 32 | 2 * k);
      order.push_back(std::uint64_t{timeline_.end(rows[k])} << 32 | (2 * k + 1));
    }
    std::sort(order.begin(), order.end());
    probe_.prepare(rows.size());
    std::vector<std::uint32_t> open;
    typename Switches<Rules>::Lane lane;
    lane.end = static_cast<std::uint32_t>(order.size());
    for (std::uint32_t slot = 0; slot < order.size(); ++slot) {
      const auto event = static_cast<std::uint32_t>(order[slot]);
      probe_.set_event(slot, event / 2, event % 2 != 0);
      lane.events += order[slot] >> 32 != never ? 1 : 0;
    }
    for (std::uint32_t k = 0; k < rows.size(); ++k) {
      probe_.move(k) = switches_.move(rows[k]);
      if (probe_.move(k) == Move::any_up || probe_.move(k) == Move::any_down) open.push_back(k);
    }
    for (std::uint32_t choice = 0; choice < std::uint32_t{1} << open.size(); ++choice) {
      for (std::uint32_t b = 0; b < open.size(); ++b) {
        const bool up = switches_.move(rows[open[b]]) == Move::any_up;
        const bool moves = (choice >> b & 1) != 0;
        probe_.move(open[b]) =
            up ? (moves ? Move::up : Move::saw_up) : (moves ? Move::down : Move::saw_down);
      }
      const auto end = probe_.run(lane, 0, lane.events, 0, capacity_);
      if (end.failed == Switches<Rules>::nowhere) return false;
      failed_row_ = rows[probe_.operation(end.failed)];
      probe_.rewind(lane, 0, lane.events);
    }
    return true;
  }

 private:
  static constexpr std::uint64_t shrink_steps = 2'000'000;

  bool is_look(Index row) const {
    return switches_.move(row) == Move::saw_up || switches_.move(row) == Move::saw_down;
  }

  /// What the violation leaves if everything that ended before the slot `from` is replaced by as
  /// many ups as lead to the same state. Sound: take a linearization of the whole; those that cross
  /// the slot and happened before it are all concurrent with one another, so they can happen in
  /// some order right there. Looks that cross it are left out. False: no such state.
  bool cut(const typename Switches<Rules>::Lane& lane, std::uint32_t from, std::uint32_t failed,
           std::vector<Index>& rows) {
    rows.clear();
    std::vector<Index> ups;
    std::int64_t state = 0;
    for (std::uint32_t slot = lane.begin; slot <= failed; ++slot) {
      if (switches_.is_end(slot)) continue;
      const Index row = switches_.operation(slot);
      const std::uint32_t end = switches_.end_slot(row);
      if (is_look(row)) {
        if (slot >= from && end <= failed) rows.push_back(row);
      } else if (end >= from) {
        rows.push_back(row);
      } else if (switches_.move(row) == Move::up) {
        ups.push_back(row);
        ++state;
      } else {
        --state;
      }
    }
    if (from == lane.begin) return true;
    if (state < 0 || state > capacity_) return false;
    rows.insert(rows.end(), ups.end() - state, ups.end());
    return true;
  }

  const Timeline& timeline_;
  Switches<Rules>& switches_;
  std::uint32_t capacity_;
  Switches<Rules> probe_;
  Index failed_row_ = no_index;
};

}  // namespace faultline::linearizable::fast
