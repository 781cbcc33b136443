#include "checkers/linearizable/general.h"

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

}  // namespace faultline::linearizable
