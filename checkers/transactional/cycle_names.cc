#include "checkers/transactional/cycle_names.h"

#include <algorithm>
#include <utility>

namespace faultline::transactional {

Level level_of(const Steps& cycle) {
  std::size_t reads = 0, anti = 0, neighbours = 0, inferred = 0;
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    reads += cycle[i].edge == Edge::wr;
    inferred += is_inferred(cycle[i].edge);
    if (!is_rw(cycle[i].edge)) continue;
    ++anti;
    neighbours += is_rw(cycle[(i + 1) % cycle.size()].edge);
  }
  if (anti + inferred == 0) return reads == 0 ? Level::ww : Level::ww_wr;
  if (anti <= 1) return Level::single_rw;
  return neighbours == 0 ? Level::nonadjacent_rw : Level::all;
}

Order order_of(const Steps& cycle) {
  Order order = Order::none;
  for (const Step& step : cycle) order = std::max(order, order_of(step.edge));
  return order;
}

Steps without_repeats(Steps walk, Level level) {
  for (std::size_t i = 0; i < walk.size(); ++i)
    for (std::size_t j = i + 1; j < walk.size(); ++j) {
      if (walk[i].transaction != walk[j].transaction) continue;
      const auto at = [&](std::size_t n) { return walk.begin() + static_cast<std::ptrdiff_t>(n); };
      Steps inner(at(i), at(j)), outer(at(0), at(i));
      outer.insert(outer.end(), at(j), walk.end());
      return without_repeats(level_of(inner) <= level ? std::move(inner) : std::move(outer), level);
    }
  return walk;
}

}  // namespace faultline::transactional
