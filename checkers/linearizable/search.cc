#include "checkers/linearizable/search.h"

namespace faultline::linearizable {
namespace {

template <int W>
SearchResult run(const Plan<SearchRules>& plan, Meter& meter, const SearchOptions& options) {
  return Search<SearchRules, W>().run(plan, meter, options);
}

}  // namespace

SearchResult search(const Object& object, Meter& meter, const SearchOptions& options) {
  const Plan<SearchRules> plan(object);
  const std::size_t pending = plan.pending_max();
  if (pending <= 64) return run<1>(plan, meter, options);
  if (pending <= 128) return run<2>(plan, meter, options);
  if (pending <= 256) return run<4>(plan, meter, options);
  if (pending <= 1024) return run<16>(plan, meter, options);
  if (pending <= 4096) return run<64>(plan, meter, options);
  SearchResult result;
  result.validity = Validity::unknown;
  result.reason = "memory";
  return result;
}

}  // namespace faultline::linearizable
