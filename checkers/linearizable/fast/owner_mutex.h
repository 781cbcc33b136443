// Linearizability of a lock that is released by the process that acquired it, in linear time: the
// mutex (depth 1), the reentrant one (a process may acquire again what it holds), and the fenced
// one (each acquire answers a token above all earlier ones).
//
// As only the owner may release, nothing comes between an acquire and its release but more of the
// same process: they are one block. It holds the lock for certain from the end of its first acquire
// to the begin of its last release, so the history is linearizable iff every process acquires and
// releases in turn and no two blocks hold the lock for certain at the same time. Then the order of
// the blocks is known, and the tokens must rise along it.
//
// A process whose last operation is an info is gone: an acquire may not have happened, a release
// may have; both are what suits best.
//
// Not for: refusals (somebody held the lock at some instant: that is not a block's), processes with
// overlapping operations or that go on after an info, tokens that are no integers ("inapplicable").
#pragma once

#include <string>
#include <vector>

#include "checkers/linearizable/fast/decisions.h"
#include "checkers/linearizable/fast/timeline.h"

namespace faultline::linearizable::fast {

struct OwnerMutexRules {
  static constexpr bool in_turn = true;        ///< A process acquires before it releases.
  static constexpr bool disjoint = true;       ///< Nobody holds the lock while another does.
  static constexpr bool held_for_ever = true;  ///< What is never released stays held.
  static constexpr bool info_releases = true;  ///< An info release may have happened.
  static constexpr bool info_acquires = true;  ///< An info acquire may not have happened.
  static constexpr bool inner_counts = true;   ///< A reentrant block ends with its first acquire's.
  static constexpr bool rising = true;         ///< Tokens rise.
  static constexpr bool no_refusals = true;    ///< Guard.
};

/// Keeps its memory from one object to the next. Not thread-safe.
template <typename Rules = OwnerMutexRules>
class OwnerMutex {
 public:
  struct Kind {
    std::uint32_t depth = 1;  ///< How often a process may hold it at a time.
    bool fenced = false;      ///< Acquires answer tokens. With depth 1.
  };

  OwnerMutex() = default;
  explicit OwnerMutex(Kind kind) : kind_(kind) {}

  Decision check(const Operations& operations, Meter& meter) {
    const std::uint64_t n = operations.list.size();
    const std::uint64_t need = Timeline::bytes_for(n) + n * (sizeof(Block) + 4 * sizeof(Index));
    if (need > meter.bytes_max()) return out_of_memory(need);
    if (!meter.spend(n)) return out_of_budget(meter);
    operations_ = &operations;
    timeline_.build(operations);
    number_processes();
    blocks_.clear();
    if (std::string why = objection(); !why.empty()) return inapplicable(std::move(why));
    if (!meter.spend(n)) return out_of_budget(meter);
    undecided_ = false;
    Fault fault = find_blocks();
    if (!fault) fault = find_overlap();
    if (undecided_) return inapplicable("a release names a token that is not its acquire's");
    return fault ? invalid(operations, std::move(fault)) : valid();
  }

  std::uint64_t bytes() const {
    return timeline_.bytes() + blocks_.capacity() * sizeof(Block) +
           (process_.capacity() + last_.capacity() + block_at_.capacity()) * sizeof(Index) +
           owners_.capacity() * sizeof(Owner) + known_.capacity() * sizeof(Index);
  }

 private:
  struct Block {
    Time from = 0, to = never;  ///< Held for certain.
    Index acquire = no_index, release = no_index;
  };
  struct Owner {
    std::uint32_t depth = 0;
    std::uint32_t block = 0;    ///< Index of the open one.
    Index last = no_index;      ///< Its operation before.
    Index acquired = no_index;  ///< The acquire that `depth` rests on.
  };

  const Operation& operation(Index i) const { return operations_->list[i]; }

  /// process_[i]: its process, dense. Process numbers may be far apart.
  void number_processes() {
    process_.resize(operations_->list.size());
    known_.clear();
    std::uint32_t largest = 0;
    for (const Operation& o : operations_->list) largest = std::max(largest, o.process);
    if (largest <= 4 * std::uint64_t{operations_->list.size()} + 1024) {
      for (Index i = 0; i < process_.size(); ++i) process_[i] = operation(i).process;
      owners_.assign(std::size_t{largest} + 1, Owner{});
      return;
    }
    for (const Operation& o : operations_->list) known_.push_back(o.process);
    std::sort(known_.begin(), known_.end());
    known_.erase(std::unique(known_.begin(), known_.end()), known_.end());
    for (Index i = 0; i < process_.size(); ++i)
      process_[i] = static_cast<Index>(
          std::lower_bound(known_.begin(), known_.end(), operation(i).process) - known_.begin());
    owners_.assign(known_.size(), Owner{});
  }

  std::string objection() {
    last_.assign(owners_.size(), no_index);
    for (Index i = 0; i < operations_->list.size(); ++i) {
      const Operation& o = operation(i);
      const std::string_view name = name_of(o.function);
      if (o.function != Function::acquire && o.function != Function::release)
        return std::string(name) + " is not among its functions";
      if (o.refused && Rules::no_refusals)
        return "a refused " + std::string(name) + " is not decided here";
      Index& last = last_[process_[i]];
      if (last != no_index && !precedes(operation(last), o))
        return "process " + std::to_string(o.process) +
               " has operations that overlap, or goes on after an unknown answer";
      last = i;
      if (std::string why = token_objection(o); !why.empty()) return why;
    }
    return {};
  }

  std::string token_objection(const Operation& o) const {
    if (!kind_.fenced) return {};
    const bool acquires = o.function == Function::acquire;
    const ValueId token = acquires ? o.output : o.argument;
    if (acquires && o.is_info()) return {};
    if (token == no_value)
      return acquires ? std::string("an acquire answered no token") : std::string();
    const auto kind = operations_->values[token].kind();
    if (kind == ValueHandle::Kind::integer || kind == ValueHandle::Kind::big_integer) return {};
    return "the token " + value_text(*operations_, token) + " is no integer";
  }

  Fault find_blocks() {
    for (Index i = 0; i < operations_->list.size(); ++i) {
      const Operation& o = operation(i);
      if (o.refused) continue;  // only without the guard
      Owner& owner = owners_[process_[i]];
      if (o.function == Function::acquire) {
        if (o.is_info() && Rules::info_acquires) continue;
        if (owner.depth == kind_.depth && Rules::in_turn) return out_of_turn(i, owner);
        if (owner.depth == 0 || !Rules::inner_counts) {
          owner.block = static_cast<std::uint32_t>(blocks_.size());
          blocks_.push_back({timeline_.end(i), never, i, no_index});
        }
        ++owner.depth;
      } else {
        if (owner.depth == 0) {
          if (o.is_info() || !Rules::in_turn) continue;
          return out_of_turn(i, owner);
        }
        if (foreign_token(o, blocks_[owner.block])) undecided_ = true;
        if (o.is_info() && !Rules::info_releases) continue;
        if (--owner.depth == 0 || !Rules::inner_counts) {
          blocks_[owner.block].to = timeline_.begin(i);
          blocks_[owner.block].release = i;
        }
      }
      owner.last = i;
    }
    return {};
  }

  /// A release that names another token than its own: what that means, the lock alone knows.
  bool foreign_token(const Operation& release, const Block& block) const {
    return kind_.fenced && release.argument != no_value &&
           release.argument != operation(block.acquire).output;
  }

  /// Acquires what it holds, or releases what it does not.
  Fault out_of_turn(Index bad, const Owner& owner) const {
    Fault fault{"not-linearizable", {bad}, bad, bad, false};
    for (Index i = 0; i < bad; ++i) {
      // The whole process where it nests; else only what it did just before.
      if (process_[i] != process_[bad] || operation(i).is_info()) continue;
      if (kind_.depth == 1 && i < owner.last && operation(bad).function == Function::acquire)
        continue;
      fault.rows.push_back(i);
      fault.evidence = i;
    }
    if (kind_.depth == 1 && fault.rows.size() > 3)  // a release: the block before
      fault.rows.erase(fault.rows.begin() + 1, fault.rows.end() - 2);
    fault.minimal =
        operation(bad).function == Function::acquire ? kind_.depth == 1 : fault.rows.size() == 1;
    return fault;
  }

  Fault find_overlap() {
    block_at_.assign(timeline_.size(), no_index);
    for (Index b = 0; b < blocks_.size(); ++b)
      if (blocks_[b].from != never) block_at_[blocks_[b].from] = b;
    const Block* holder = nullptr;
    for (const Index b : block_at_) {
      if (b == no_index) continue;
      const Block& block = blocks_[b];
      if (holder != nullptr) {
        const bool held = holder->to > block.from && (Rules::held_for_ever || holder->to != never);
        if (held && Rules::disjoint) return conflict(*holder, block, "split-brain");
        if (kind_.fenced && Rules::rising)
          if (const std::int64_t before = token(*holder), now = token(block); now <= before)
            return conflict(*holder, block, now == before ? "duplicate" : "reordered");
      }
      holder = &block;
    }
    return {};
  }

  std::int64_t token(const Block& block) const {
    const ValueHandle h = operations_->values[operation(block.acquire).output];
    return h.is_small_integer() ? h.small_integer() : operations_->pool->as_integer(h);
  }

  Fault conflict(const Block& first, const Block& second, std::string_view anomaly) const {
    Fault fault{anomaly, {}, second.acquire, first.acquire, kind_.depth == 1};
    for (const Block* block : {&first, &second})
      for (Index i = block->acquire; i < operations_->list.size(); ++i) {
        if (process_[i] != process_[block->acquire]) continue;
        fault.rows.push_back(i);
        if (i == block->release) break;
      }
    return fault;
  }

  Kind kind_;
  const Operations* operations_ = nullptr;
  Timeline timeline_;
  std::vector<Index> process_, last_, block_at_;
  std::vector<Owner> owners_;
  std::vector<Block> blocks_;
  std::vector<std::uint32_t> known_;
  bool undecided_ = false;
};

}  // namespace faultline::linearizable::fast
