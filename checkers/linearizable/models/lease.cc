#include "checkers/linearizable/models/lease.h"

#include <map>
#include <utility>

namespace faultline::linearizable {
namespace {

using Places = std::vector<std::size_t>;

/// What one process did, cut where it certainly holds nothing: such a part can be left out as if
/// another process had done it, and without it everybody else is granted no later than with it.
class Cutter {
 public:
  Cutter(const Operations& all, const Places& own) : all_(all), own_(own) {}

  std::vector<Places> parts() const {
    if (!one_after_another()) return {own_};
    std::vector<Places> parts(1);
    std::int64_t over = -1;  // every hold so far
    bool released = false, info = false;
    for (const std::size_t i : own_) {
      const Operation& o = all_.list[i];
      const bool free = released || (over >= 0 && asked_at(o, all_) >= over);
      // An info may take effect at any later time, so that nothing behind it is apart from it.
      if (free && !info && !parts.back().empty()) parts.emplace_back();
      parts.back().push_back(i);
      info |= o.is_info();
      released = o.function == Function::release;
      if (o.function == Function::acquire && !info)
        over = std::max(over, later_by(answered_at(o, all_), time_to_live(o, all_)));
    }
    return parts;
  }

 private:
  bool one_after_another() const {
    for (std::size_t k = 0; k + 1 < own_.size(); ++k) {
      const Operation& before = all_.list[own_[k]];
      if (!before.is_info() && !precedes(before, all_.list[own_[k + 1]])) return false;
    }
    return true;
  }

  const Operations& all_;
  const Places& own_;
};

/// Besides those parts:
///  - an acquire whose time to live is the longest of its process: whatever else the process is
///    granted would have held no longer.
///  - a release that began after every grant to others: nobody waits for it.
std::vector<Places> units_of(const Operations& all) {
  std::map<std::uint32_t, Places> by_process;
  std::map<std::uint32_t, std::int64_t> longest;
  std::map<std::uint32_t, Position> granted;  // the last of each process
  for (std::size_t i = 0; i < all.list.size(); ++i) {
    const Operation& o = all.list[i];
    if (o.refused) continue;
    by_process[o.process].push_back(i);
    if (o.function != Function::acquire || o.is_info()) continue;
    longest[o.process] = std::max(longest[o.process], time_to_live(o, all));
    granted[o.process] = std::max(granted[o.process], o.end);
  }
  // The last of all, and the last of the other processes than that one's.
  std::pair<Position, std::uint32_t> last{0, 0}, second{0, 0};
  for (const auto& [process, end] : granted) {
    second = std::max(second, std::min(last, {end, process}));
    last = std::max(last, {end, process});
  }
  std::vector<Places> units;
  for (const auto& [process, own] : by_process) {
    for (Places& part : Cutter(all, own).parts()) units.push_back(std::move(part));
    const Position others = process == last.second ? second.first : last.first;
    for (const std::size_t i : own) {
      const Operation& o = all.list[i];
      const bool droppable = o.function == Function::acquire
                                 ? time_to_live(o, all) >= longest[process]
                                 : o.begin > others;
      if (droppable) units.push_back({i});
    }
  }
  return units;
}

}  // namespace

ModelTraits lease_traits() {
  ModelTraits traits;
  traits.functions = {Function::acquire, Function::release};
  traits.ignorable = traits.functions;
  traits.by_process = true;
  traits.by_time = true;
  traits.units = units_of;
  traits.objection = [](const Operation& o, const Operations& all) -> std::string {
    if (o.refused || o.function != Function::acquire) return {};
    const ValueHandle ttl = argument_of(o, all);
    if (is_integer(ttl) && all.pool->as_integer(ttl) > 0) return {};
    return "expected a time to live, a positive number of milliseconds";
  };
  traits.make = [](const Operations& all, const Setup&) -> std::unique_ptr<Model> {
    return std::make_unique<Lease<>>(all);
  };
  return traits;
}

}  // namespace faultline::linearizable
