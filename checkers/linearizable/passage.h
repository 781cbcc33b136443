// What passes through a container: put in once, taken out once at most, never seen inside. From
// when such elements come out follows much about when they went in.
#pragma once

#include <cstdint>

#include "checkers/linearizable/operation.h"

namespace faultline::linearizable {

/// The conditions under which a put goes before another one. Tests break single ones and must
/// notice.
struct PassageRules {
  static constexpr bool only_earlier_takes = true;    ///< First in, first out.
  static constexpr bool only_taken_go_first = true;   ///< … of two of which one may be lost,
  static constexpr bool put_deadlines = true;         ///< … which must go in later.
  static constexpr bool only_inside_together = true;  ///< Last in, first out.
  static constexpr bool only_later_takes = true;
};

/// Puts in what is put in once and never seen inside, or takes it out.
struct Passage {
  enum class Order : std::uint8_t { none, first_in, last_in };
  static constexpr std::uint32_t nothing = 0xffffffffu;

  std::uint32_t what = nothing;  ///< Equal for the two of them, and for nobody else.
  bool takes = false;
  bool taken = false;  ///< An ok operation took it out, once; else none did.
  Order order = Order::none;
  Position put_end = never;
  Position take_begin = 0, take_end = never;  ///< If taken.
  Position put_after = 0;                     ///< Something that must go in first begins then.

  /// While both are still to be put in: from any linearization in which `other` goes in first, one
  /// can be made in which this one does. An order: nobody waits for himself.
  template <typename Rules>
  bool goes_before(const Passage& other) const {
    if (takes || other.takes || order == Order::none || order != other.order) return false;
    return order == Order::first_in ? goes_before_in_queue<Rules>(other)
                                    : goes_before_on_stack<Rules>(other);
  }

 private:
  /// The other one is taken out at p, this one at q > p. It goes in right before the other one
  /// instead, and comes out right before it, at p, which is later than its take begins if that is
  /// earlier than the other one's. Now it is inside only while the other one is, and was nothing
  /// that anybody saw. If nobody is known to have taken the other one, that one goes in right
  /// behind this one instead, if its put need not end earlier, and an info that took it does so
  /// after q.
  template <typename Rules>
  bool goes_before_in_queue(const Passage& other) const {
    if (!taken) return !Rules::only_taken_go_first;
    if (other.taken) return take_begin < other.take_begin || !Rules::only_earlier_takes;
    return put_end < other.put_end || !Rules::put_deadlines;
  }

  /// The other one's take begins when this one is in, so that it lies below this one, and comes out
  /// later, at q. This one goes in right before it instead, and comes out right after it: in time,
  /// if its take ends later than the other one's (an info never does). Now it lies where only the
  /// other one was, and nobody saw that.
  template <typename Rules>
  bool goes_before_on_stack(const Passage& other) const {
    if (!other.taken || (other.take_begin <= put_end && Rules::only_inside_together)) return false;
    return other.take_end < take_end || !Rules::only_later_takes;
  }
};

}  // namespace faultline::linearizable
