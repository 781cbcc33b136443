// How sure k of n makes us of a probability.
#pragma once

#include <cstddef>

namespace faultline {

struct Interval {
  double low = 0, high = 1;
};

/// The two-sided 95 % interval of Clopper & Pearson (1934) for the probability of what happened
/// `k` times in `n` independent trials: exact, so that it covers the truth in at least 95 % of
/// cases however small n is. [0, 1] for n = 0. Requires k <= n.
Interval clopper_pearson(std::size_t k, std::size_t n);

/// The one-sided 95 % upper bound for what never happened in `n` trials: 1 - 0.05^(1/n), of which
/// 3/n ("the rule of three") is the well-known approximation. 1 for n = 0.
double never_bound(std::size_t n);

}  // namespace faultline
