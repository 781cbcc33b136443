#include "checkers/linearizable/general.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <string_view>
#include <system_error>
#include <thread>

namespace faultline::linearizable {
namespace {

template <int W>
SearchResult run(const GeneralPlan& plan, States& states, Meter& meter,
                 const GeneralOptions& options) {
  return General<GeneralRules, W>(plan, states, meter).run(options);
}

}  // namespace

SearchResult search_general(const GeneralPlan& plan, States& states, Meter& meter,
                            const GeneralOptions& options) {
  if (plan.slots() <= 64) return run<1>(plan, states, meter, options);
  if (plan.slots() <= 128) return run<2>(plan, states, meter, options);
  if (plan.slots() <= 256) return run<4>(plan, states, meter, options);
  if (plan.slots() <= 1024) return run<16>(plan, states, meter, options);
  if (plan.slots() <= 4096) return run<64>(plan, states, meter, options);
  SearchResult result;
  result.validity = Validity::unknown;
  result.reason = "memory";
  return result;
}

SearchResult search_in_competition(const GeneralPlan& plan, States& states, States& for_depth,
                                   Meter& meter) {
  using Strategy = GeneralOptions::Strategy;
  std::atomic<bool> over = false;
  const std::uint64_t half = meter.steps_left() / 2;
  Meter of_breadth(half, meter.bytes_max() / 2, meter.stop(), &over);
  Meter of_depth(half, meter.bytes_max() / 2, meter.stop(), &over);
  const auto run = [&](States& own, Meter& share, Strategy strategy) {
    SearchResult result = search_general(plan, own, share, {strategy});
    if (result.validity != Validity::unknown) over = true;
    return result;
  };
  SearchResult breadth, depth;
  const auto compete = [&] {
    try {
      depth = run(for_depth, of_depth, Strategy::depth);
    } catch (const std::exception&) {  // then it is the other one's to decide
      depth = {Validity::unknown, "memory"};
    }
  };
  try {
    const std::jthread other(compete);
    try {
      breadth = run(states, of_breadth, Strategy::beams);
    } catch (...) {
      over = true;
      throw;
    }
  } catch (const std::system_error&) {  // no thread to be had
    return search_general(plan, states, meter);
  }
  meter.spend(2 * half - of_breadth.steps_left() - of_depth.steps_left());
  meter.poll();
  if (breadth.validity != Validity::unknown) return breadth;
  if (depth.validity != Validity::unknown) return depth;
  if (breadth.reason == std::string_view("memory") && !meter.exhausted())
    return search_general(plan, states, meter);
  breadth.calls_checked = std::max(breadth.calls_checked, depth.calls_checked);
  return breadth;
}

}  // namespace faultline::linearizable
