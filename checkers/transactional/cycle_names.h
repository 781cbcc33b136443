// What a cycle is called, by its edges.
#pragma once

#include <cstdint>

#include "checkers/transactional/cycles.h"

namespace faultline::transactional {

/// The kinds of cycles, each with more freedom than the one before; times their Order.
enum class Level : std::uint8_t { ww, ww_wr, single_rw, nonadjacent_rw, all };

constexpr Anomaly anomaly_at(Level level, Order order) {
  return static_cast<Anomaly>(static_cast<unsigned>(Anomaly::G0) +
                              3 * static_cast<unsigned>(level) + static_cast<unsigned>(order));
}
static_assert(anomaly_at(Level::all, Order::realtime) == Anomaly::G2_item_realtime);
static_assert(anomaly_at(Level::single_rw, Order::process) == Anomaly::G_single_item_process);

/// The same of a cycle with an rw by a predicate; `level` has such.
constexpr Anomaly predicate_anomaly_at(Level level, Order order) {
  return static_cast<Anomaly>(
      static_cast<unsigned>(Anomaly::G_single) +
      3 * (static_cast<unsigned>(level) - static_cast<unsigned>(Level::single_rw)) +
      static_cast<unsigned>(order));
}
static_assert(predicate_anomaly_at(Level::single_rw, Order::realtime) ==
              Anomaly::G_single_realtime);
static_assert(predicate_anomaly_at(Level::all, Order::process) == Anomaly::G2_process);

/// An edge that was inferred stands for a cycle with one rw.
Level level_of(const Steps& cycle);
Order order_of(const Steps& cycle);

/// A walk that comes to a transaction twice is two: one of them is no worse than the whole.
Steps without_repeats(Steps walk, Level level);

}  // namespace faultline::transactional
