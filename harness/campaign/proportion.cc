#include "harness/campaign/proportion.h"

#include <cmath>

#include "harness/core/check.h"

namespace faultline {
namespace {

/// P(X <= k) for X binomial(n, p), 0 < p < 1. Sums logarithms: p^n alone may be below any double.
double cumulative(std::size_t k, std::size_t n, double p) {
  const double odds = std::log(p) - std::log1p(-p);
  double term = static_cast<double>(n) * std::log1p(-p), sum = std::exp(term);
  for (std::size_t i = 0; i < k; ++i) {
    term += std::log(static_cast<double>(n - i)) - std::log(static_cast<double>(i + 1)) + odds;
    sum += std::exp(term);
  }
  return sum;
}

/// The p at which P(X <= k) is `wanted`; it falls as p rises. k < n.
double solve(std::size_t k, std::size_t n, double wanted) {
  double low = 0, high = 1;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (cumulative(k, n, middle) > wanted ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace

Interval clopper_pearson(std::size_t k, std::size_t n) {
  FAULTLINE_CHECK(k <= n);
  constexpr double tail = 0.025;
  // Low: so small a p that k or more are as unlikely as this; high: so large that k or fewer are.
  return {k == 0 ? 0 : solve(k - 1, n, 1 - tail), k == n ? 1 : solve(k, n, tail)};
}

double never_bound(std::size_t n) {
  return n == 0 ? 1 : 1 - std::pow(0.05, 1 / static_cast<double>(n));
}

}  // namespace faultline
