#include "checkers/linearizable/general_plan.h"

#include <algorithm>

#include <boost/unordered/unordered_flat_map.hpp>

namespace faultline::linearizable {
namespace {

/// What makes two operations alike.
struct Likeness {
  ValueId argument, output;
  std::uint32_t process;
  std::uint32_t rest;
  std::uint32_t place;
  friend bool operator==(const Likeness&, const Likeness&) = default;
};
struct LikenessHash {
  std::size_t operator()(const Likeness& l) const {
    std::uint64_t h = (std::uint64_t{l.argument} << 32 | l.output) * 0x9e3779b97f4a7c15ull;
    h = (h ^ h >> 31 ^ (std::uint64_t{l.process} << 32 | l.rest)) * 0xd1b54a32d192ed03ull;
    h = (h ^ h >> 29 ^ l.place) * 0x9e3779b97f4a7c15ull;
    return h ^ h >> 31;
  }
};

}  // namespace

GeneralPlan::GeneralPlan(const Operations& all, const Model& model, bool by_process, bool by_time) {
  boost::unordered_flat_map<Likeness, std::uint32_t, LikenessHash> known;
  steps_.reserve(all.list.size());
  for (std::uint32_t i = 0; i < all.list.size(); ++i) {
    const Operation& o = all.list[i];
    const Likeness likeness{o.argument, o.output, by_process ? o.process : 0,
                            static_cast<std::uint32_t>(o.function) << 2 | (o.refused ? 2u : 0u) |
                                (o.is_info() ? 1u : 0u),
                            by_time ? i : 0};
    const auto [at, fresh] =
        known.try_emplace(likeness, static_cast<std::uint32_t>(classes_.size()));
    if (fresh) {
      classes_.push_back(o);
      useful_until_.push_back(!o.is_info() || model.observes(o) ? 0 : model.useful_until(o));
      passages_.push_back(model.passage(o));
    }
    if (o.is_info() && useful_until_[at->second] <= o.begin) continue;
    has_infos_ |= o.is_info();
    steps_.push_back({o.begin, o.end, at->second, 0, model.observes(o)});
    operations_.push_back(i);
  }
  deal_slots();
}

void GeneralPlan::deal_slots() {
  for (std::uint32_t i = 0; i < steps_.size(); ++i)
    if (steps_[i].end != never) by_end_.push_back(i);
  std::ranges::sort(by_end_, [&](std::uint32_t a, std::uint32_t b) {
    return steps_[a].end != steps_[b].end ? steps_[a].end < steps_[b].end : a < b;
  });
  std::vector<std::uint32_t> free;
  std::size_t ended = 0;
  for (Step& step : steps_) {
    if (step.end == never) continue;
    for (; steps_[by_end_[ended]].end < step.begin; ++ended)
      free.push_back(steps_[by_end_[ended]].slot);
    if (free.empty()) {
      step.slot = static_cast<std::uint32_t>(slots_++);
    } else {
      step.slot = free.back();
      free.pop_back();
    }
  }
}

}  // namespace faultline::linearizable
