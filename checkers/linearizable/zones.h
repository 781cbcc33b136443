// Linearizability of a register whose written values are unique, in linear time.
//
// The operations of one value form a cluster: its write and what observed it. A cluster's zone runs
// between f, the first end in it, and s, the last begin; forward if f < s. A history is
// linearizable iff every observed value was written, no observer ended before its write began, no
// two forward zones overlap, and no backward zone lies inside a forward one (Gibbons & Korach
// 1997). That pairs suffice: A must come before B iff A.f < B.s, and in a cycle the cluster with
// the least f is in a cycle of two. A successful compare-and-set glues the cluster of what it
// expected to the cluster of what it set: with unique values nothing can come between. A maximal
// chain is one block, checked inside phase by phase, and its zone against the others as above (the
// argument about pairs is the same). Time being positions, sorting is indexing: everything is a
// sweep over arrays.
//
// Not for: values written twice, or written although initial (ambiguous: NP-complete), and
// mismatches (a negative observation is none of a cluster's). Says `not_applicable` then.
// An observed info must have happened, as it is its value's only writer; an unobserved one may be
// left out of any linearization.
#pragma once

#include <algorithm>
#include <vector>

#include "checkers/linearizable/call.h"
#include "harness/core/big_vector.h"

namespace faultline::linearizable {

/// The rules that zones are made of. Tests turn single ones off and must notice.
struct ZoneRules {
  static constexpr bool unique_writes = true;    ///< Guard: a value written twice is not for zones.
  static constexpr bool fresh_writes = true;     ///< Guard: nor is the initial value written again.
  static constexpr bool no_mismatches = true;    ///< Guard: nor are negative observations.
  static constexpr bool written = true;          ///< An observed value has a writer.
  static constexpr bool not_from_future = true;  ///< No observer ends before its write begins.
  static constexpr bool forward_disjoint = true;  ///< Forward zones do not overlap.
  static constexpr bool backward_outside = true;  ///< No backward zone inside a forward one.
  static constexpr bool initial_first = true;   ///< The initial value's cluster begins before all.
  static constexpr bool chain_order = true;     ///< Phases of a block keep precedence.
  static constexpr bool chain_closed = true;    ///< Chains that begin nowhere are impossible.
  static constexpr bool chain_zone = true;      ///< A block's zone spans all its phases.
  static constexpr bool observed_infos = true;  ///< An observed info happened.
  static constexpr bool unobserved_infos = true;  ///< An unobserved info cas may be left out.
  static constexpr bool info_chains = true;  ///< What a kept info cas expected is observed, too.
};

enum class ZoneFault : std::uint8_t {
  none,
  unwritten,    ///< `a` was observed and never written.
  future,       ///< `a` was observed by an operation that ended before its write began.
  conflict,     ///< Blocks with the roots `a` and `b` must each come before the other.
  two_after,    ///< Two compare-and-sets succeeded on `a`.
  chain_order,  ///< In the block of `a`, phase `a`'s predecessors and `a` are out of order.
  chain_cycle,  ///< `a` is only ever set by a chain of compare-and-sets that expects itself.
};

struct ZoneResult {
  enum class Answer : std::uint8_t { valid, invalid, not_applicable, out_of_budget };
  Answer answer = Answer::valid;
  ZoneFault fault = ZoneFault::none;
  ValueId a = no_value;
  ValueId b = no_value;
};

/// Keeps its scratch memory from one object to the next.
template <typename Rules = ZoneRules>
class Zones {
 public:
  ZoneResult check(const Object& object, Meter& meter) {
    const auto calls = object.calls;
    if (calls.empty()) return {};
    if (!meter.spend(calls.size())) return out_of_budget();
    offset_ = calls.front().begin - 1;  // may wrap: time() wraps back
    last_ = time(calls.back().begin);
    clusters_.assign(object.value_count, Cluster{});
    if (fill_clusters(calls)) return conclude_clusters(object);
    if (unfit_) return not_applicable();
    clusters_.assign(object.value_count, Cluster{});
    return check_blocks(object);
  }

  std::uint64_t bytes() const {
    return clusters_.capacity() * sizeof(Cluster) + links_.capacity() * sizeof(Link) +
           reach_.capacity() * sizeof(Reach) + backward_.capacity() * sizeof(Backward);
  }

 private:
  using Time = std::uint32_t;  ///< Position from 1, so that 0 is before everything.

  struct Cluster {
    Time low = never;          ///< Least end.
    Time high = 0;             ///< Greatest begin; 0: no call.
    Time write_begin = never;  ///< never: no writer.
    Time read_low = never;     ///< Least end of a read.
  };
  struct Link {               ///< What else blocks need of a value.
    ValueId from = no_value;  ///< Expected by its writer, if that is a compare-and-set.
    ValueId next = no_value;  ///< Set by the compare-and-set that succeeded on it.
    Time write_end = never;
    Time read_high = 0;
    bool observed = false;
    bool kept = false;  ///< Its writer is part of the history for good.
    bool visited = false;
  };
  struct Reach {
    Time end = 0;  ///< Of the forward zone that begins here; later: of the last one up to here.
    ValueId root = no_value;
  };
  struct Backward {
    Time low, high;
    ValueId root;
  };

  static ZoneResult not_applicable() {
    return {ZoneResult::Answer::not_applicable, ZoneFault::none, no_value, no_value};
  }
  static ZoneResult out_of_budget() {
    return {ZoneResult::Answer::out_of_budget, ZoneFault::none, no_value, no_value};
  }
  static ZoneResult broken(ZoneFault fault, ValueId a, ValueId b = no_value) {
    return {ZoneResult::Answer::invalid, fault, a, b};
  }
  Time time(Position p) const { return p == never ? never : p - offset_; }

  /// Counts a writer; false if the value is not unique.
  bool add_writer(Cluster& cluster, const Call& call) {
    if (Rules::fresh_writes && call.value == initial_value) return false;
    if (Rules::unique_writes && cluster.write_begin != never) return false;
    cluster.write_begin = time(call.begin);
    return true;
  }

  /// False if there is a compare-and-set, which wants blocks, or if it is not for zones: `unfit_`.
  bool fill_clusters(std::span<const Call> calls) {
    unfit_ = false;
    for (const Call& call : calls) {
      if (call.kind == Kind::cas) return false;
      if (call.kind == Kind::mismatch) {
        if (!Rules::no_mismatches) continue;
        unfit_ = true;
        return false;
      }
      Cluster& cluster = clusters_[call.value];
      const Time begin = time(call.begin), end = time(call.end);
      if (call.kind == Kind::read) {
        cluster.read_low = std::min(cluster.read_low, end);
      } else {
        if (!add_writer(cluster, call)) {
          unfit_ = true;
          return false;
        }
        if (!Rules::observed_infos && call.end == never) cluster.write_begin = never;
      }
      cluster.low = std::min(cluster.low, end);
      cluster.high = std::max(cluster.high, begin);
    }
    return true;
  }

  ZoneResult conclude_clusters(const Object& object) {
    reach_.assign(last_ + 2, Reach{});
    backward_.clear();
    if (Rules::initial_first) clusters_[initial_value].low = 0;
    for (ValueId v = 0; v < object.value_count; ++v) {
      const Cluster& cluster = clusters_[v];
      if (cluster.high == 0) continue;
      if (v != initial_value && cluster.low != never) {
        if (Rules::written && cluster.write_begin == never) return broken(ZoneFault::unwritten, v);
        if (Rules::not_from_future && cluster.read_low < cluster.write_begin &&
            cluster.write_begin != never)
          return broken(ZoneFault::future, v);
      }
      if (cluster.low >= cluster.high) continue;
      if (const ZoneResult r = add_forward(cluster.low, cluster.high, v);
          r.fault != ZoneFault::none)
        return r;
    }
    if (const ZoneResult r = sweep(); r.fault != ZoneFault::none) return r;
    for (ValueId v = 0; v < object.value_count; ++v) {
      const Cluster& cluster = clusters_[v];
      if (cluster.high == 0 || cluster.low < cluster.high) continue;
      if (const ZoneResult r = check_backward(cluster.low, cluster.high, v);
          r.fault != ZoneFault::none)
        return r;
    }
    return {};
  }

  ZoneResult check_blocks(const Object& object) {
    bool has_infos = false;
    links_.assign(object.value_count, Link{});
    for (const Call& call : object.calls) {
      if (call.kind == Kind::mismatch) {
        if (Rules::no_mismatches) return not_applicable();
        continue;
      }
      Cluster& cluster = clusters_[call.value];
      Link& link = links_[call.value];
      if (call.kind == Kind::read) {
        cluster.read_low = std::min(cluster.read_low, time(call.end));
        link.read_high = std::max(link.read_high, time(call.begin));
        link.observed = true;
        continue;
      }
      if (!add_writer(cluster, call)) return not_applicable();
      link.write_end = time(call.end);
      link.kept = call.end != never;
      has_infos |= !link.kept;
      if (call.kind != Kind::cas) continue;
      link.from = call.expected;
      if (link.kept) links_[call.expected].observed = true;
    }
    if (has_infos) keep_observed_infos(object);
    if (const ZoneResult r = link_chains(object); r.fault != ZoneFault::none) return r;
    reach_.assign(last_ + 2, Reach{});
    backward_.clear();
    if (const ZoneResult r = walk_block(initial_value); r.fault != ZoneFault::none) return r;
    for (ValueId v = 1; v < object.value_count; ++v)
      if (links_[v].kept && links_[v].from == no_value)
        if (const ZoneResult r = walk_block(v); r.fault != ZoneFault::none) return r;
    if (Rules::chain_closed)
      for (ValueId v = 1; v < object.value_count; ++v)
        if (links_[v].kept && !links_[v].visited) return broken(ZoneFault::chain_cycle, v);
    if (const ZoneResult r = sweep(); r.fault != ZoneFault::none) return r;
    for (const Backward& zone : backward_)
      if (const ZoneResult r = check_backward(zone.low, zone.high, zone.root);
          r.fault != ZoneFault::none)
        return r;
    return {};
  }

  void keep_observed_infos(const Object& object) {
    for (ValueId v = 0; v < object.value_count; ++v) {
      if (!Rules::unobserved_infos && links_[v].from != no_value) links_[v].kept = true;
      if (!links_[v].observed || !Rules::observed_infos) continue;
      for (ValueId u = v; u != no_value && !links_[u].kept && clusters_[u].write_begin != never;
           u = links_[u].from) {
        links_[u].kept = true;
        if (links_[u].from != no_value && Rules::info_chains) {
          links_[links_[u].from].observed = true;
        } else {
          break;
        }
      }
    }
  }

  ZoneResult link_chains(const Object& object) {
    for (ValueId v = 1; v < object.value_count; ++v) {
      const Link& link = links_[v];
      if (link.observed && !link.kept && Rules::written) return broken(ZoneFault::unwritten, v);
      if (!link.kept) continue;
      if (Rules::not_from_future && clusters_[v].read_low < clusters_[v].write_begin)
        return broken(ZoneFault::future, v);
      if (link.from == no_value) continue;
      ValueId& next = links_[link.from].next;
      // The block would leave one of them out, which `chain_closed` finds, but this says it better.
      if (next != no_value && Rules::chain_closed) return broken(ZoneFault::two_after, link.from);
      next = v;
    }
    return {};
  }

  /// The block that begins with the write of `root`: phase by phase along its compare-and-sets.
  ZoneResult walk_block(ValueId root) {
    Time low = root == initial_value && Rules::initial_first ? 0 : never;
    Time high = 0;  // greatest begin so far: no later phase may have ended before it
    bool any = false;
    for (ValueId v = root; v != no_value; v = links_[v].next) {
      Link& link = links_[v];
      if (link.visited) break;  // unreachable but with a rule switched off
      link.visited = true;
      if (v != initial_value && link.kept) {
        if (Rules::chain_order && link.write_end < high) return broken(ZoneFault::chain_order, v);
        low = std::min(low, link.write_end);
        high = std::max(high, clusters_[v].write_begin);
        any = true;
      }
      if (link.read_high != 0) {
        if (Rules::chain_order && clusters_[v].read_low < high)
          return broken(ZoneFault::chain_order, v);
        low = std::min(low, clusters_[v].read_low);
        high = std::max(high, link.read_high);
        any = true;
      }
      if (!Rules::chain_zone) break;
    }
    if (!any) return {};
    if (low < high) return add_forward(low, high, root);
    backward_.push_back({low, high, root});
    return {};
  }

  ZoneResult add_forward(Time low, Time high, ValueId root) {
    Reach& reach = reach_[low];
    if (reach.root != no_value && Rules::forward_disjoint)
      return broken(ZoneFault::conflict, reach.root, root);
    reach = {high, root};
    return {};
  }

  /// Turns "the zone that begins here" into "the last zone that began up to here".
  ZoneResult sweep() {
    Reach current;
    for (Time t = 0; t <= last_; ++t) {
      if (reach_[t].root != no_value) {
        if (Rules::forward_disjoint && current.end > t)
          return broken(ZoneFault::conflict, current.root, reach_[t].root);
        current = reach_[t];
      }
      reach_[t] = current;
    }
    return {};
  }

  ZoneResult check_backward(Time low, Time high, ValueId root) const {
    if (!Rules::backward_outside || high == 0) return {};
    const Reach& before = reach_[high - 1];
    if (before.end > low) return broken(ZoneFault::conflict, before.root, root);
    return {};
  }

  Position offset_ = 0;
  Time last_ = 0;
  bool unfit_ = false;
  BigVector<Cluster> clusters_;
  BigVector<Link> links_;
  BigVector<Reach> reach_;
  std::vector<Backward> backward_;
};

}  // namespace faultline::linearizable
