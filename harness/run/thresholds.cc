#include "harness/run/thresholds.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "harness/core/check.h"

namespace faultline {
namespace {

using Relation = Threshold::Relation;
/// Longer signs first: "<=" begins with "<".
constexpr std::array<std::pair<std::string_view, Relation>, 5> signs = {{{"<=", Relation::at_most},
                                                                         {">=", Relation::at_least},
                                                                         {"==", Relation::equal},
                                                                         {"<", Relation::less},
                                                                         {">", Relation::greater}}};

bool holds(double value, Relation relation, double limit) {
  switch (relation) {
    case Relation::less:
      return value < limit;
    case Relation::at_most:
      return value <= limit;
    case Relation::greater:
      return value > limit;
    case Relation::at_least:
      return value >= limit;
    case Relation::equal:
      return value == limit;
  }
  return false;
}

}  // namespace

std::string Threshold::limit_text() const {
  char buffer[64];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, limit);
  FAULTLINE_CHECK(error == std::errc());
  for (const auto& [sign, meaning] : signs)
    if (meaning == relation) return std::string(sign) + " " + std::string(buffer, end);
  return {};
}

Result<Threshold> parse_threshold(std::string_view metric, std::string_view limit) {
  const Error malformed{"expected a limit like \"<= 10\", found \"" + std::string(limit) + "\"",
                        ErrorKind::usage};
  for (const auto& [sign, relation] : signs) {
    if (limit.substr(0, sign.size()) != sign) continue;
    std::string_view number = limit.substr(sign.size());
    while (!number.empty() && number.front() == ' ') number.remove_prefix(1);
    Threshold threshold{std::string(metric), relation, 0};
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), threshold.limit);
    if (error != std::errc() || end != number.data() + number.size() ||
        !std::isfinite(threshold.limit))
      return malformed;
    return threshold;
  }
  return malformed;
}

std::vector<ThresholdResult> judge_thresholds(std::span<const Threshold> thresholds,
                                              const Metrics& metrics) {
  std::vector<ThresholdResult> results;
  for (const Threshold& threshold : thresholds) {
    ThresholdResult result{threshold, std::nullopt, false};
    for (const auto& [name, value] : metrics)
      if (name == threshold.metric) result.value = value;
    result.met = result.value && holds(*result.value, threshold.relation, threshold.limit);
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace faultline
