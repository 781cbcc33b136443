#include "harness/run/monotonic.h"

#include "harness/core/text.h"

namespace faultline {
namespace {

using std::chrono::nanoseconds;
/// A hundred years, in whole hours: the kernel's limit is 146 years after the machine's start.
constexpr std::chrono::hours most_ahead{24 * 365 * 100};

}  // namespace

Result<MonotonicPlan> read_monotonic(Params& top) {
  MonotonicPlan plan;
  const ConfigNode* node = top.node("clocks");
  if (node == nullptr) return plan;
  constexpr const char* key = "monotonic-offset";
  Params params(*node, "clocks");
  std::vector<nanoseconds> ends;
  for (const std::string& text : params.texts(key, {"0s"})) {
    const auto time = parse_duration(text);
    ends.push_back(time && *time <= most_ahead ? *time : nanoseconds(-1));
  }
  if (ends.empty() || ends.size() > 2 || ends.front() < nanoseconds(0) ||
      ends.back() < ends.front())
    params.fail(key,
                "expected one duration of at most a hundred years, or the two ends of what it is "
                "drawn from, the lesser first: 2400h, [0s, 2400h]");
  if (const Status status = params.finish(); !status) return status.error();
  plan = {ends.front(), ends.back()};
  List both;
  both.emplace_back(format_duration(plan.least));
  both.emplace_back(format_duration(plan.most));
  top.set_resolved("clocks", Map{{key, std::move(both)}});
  return plan;
}

std::vector<std::int64_t> draw_monotonic(const MonotonicPlan& plan, std::size_t nodes,
                                         const Rng& rng) {
  std::vector<std::int64_t> offsets;
  if (plan.most <= nanoseconds(0)) return offsets;
  constexpr std::int64_t unit = 1'000'000;
  const auto choices = static_cast<std::uint64_t>((plan.most - plan.least).count() / unit) + 1;
  for (std::size_t i = 0; i < nodes; ++i)
    offsets.push_back(plan.least.count() +
                      static_cast<std::int64_t>(rng.fork("n", i).below(choices)) * unit);
  return offsets;
}

}  // namespace faultline
