#include "harness/core/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <vector>

namespace faultline {
namespace {

struct Unit {
  std::string_view name;
  double nanoseconds;
};
constexpr std::array units = {Unit{"h", 3600e9}, Unit{"m", 60e9}, Unit{"s", 1e9},
                              Unit{"ms", 1e6},   Unit{"us", 1e3}, Unit{"ns", 1}};

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

/// The number at the front of `text` and what follows it.
std::optional<std::pair<double, std::string_view>> leading_number(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  return std::pair(number, text.substr(static_cast<std::size_t>(end - text.data())));
}

}  // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const auto split = leading_number(text);
  if (!split) return std::nullopt;
  const auto [number, suffix] = *split;
  if (suffix.empty() && number == 0) return std::chrono::nanoseconds(0);
  for (const Unit& unit : units)
    if (suffix == unit.name) {
      const double nanoseconds = number * unit.nanoseconds;
      if (nanoseconds > 9.2e18) return std::nullopt;  // would overflow 64 bits (292 years)
      return std::chrono::nanoseconds(std::llround(nanoseconds));
    }
  return std::nullopt;
}

std::string format_duration(std::chrono::nanoseconds duration) {
  const std::int64_t count = duration.count();
  if (count == 0) return "0s";
  for (const Unit& unit : units) {
    const auto size = static_cast<std::int64_t>(unit.nanoseconds);
    if (count % size == 0) return std::to_string(count / size) + std::string(unit.name);
  }
  return std::to_string(count) + "ns";
}

std::string format_seconds(std::int64_t nanoseconds) {
  char buffer[48];
  std::snprintf(buffer, sizeof buffer, "%.2f s", static_cast<double>(nanoseconds) * 1e-9);
  return buffer;
}

std::optional<double> parse_rate(std::string_view text) {
  if (text == "unlimited") return 0;
  const auto split = leading_number(text);
  if (!split) return std::nullopt;
  const auto [number, suffix] = *split;
  if (suffix.empty() || suffix == "/s") return number;
  return std::nullopt;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  constexpr auto sizes = std::to_array<std::pair<std::string_view, int>>(
      {{"", 0}, {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}});
  for (const auto& [name, shift] : sizes)
    if (suffix == name && number <= UINT64_MAX >> shift) return number << shift;
  return std::nullopt;
}

double rounded(double value) { return std::round(value * 1e6) / 1e6; }

std::string padded(std::string text, std::size_t width, bool right) {
  if (text.size() < width) text.insert(right ? 0 : text.size(), width - text.size(), ' ');
  return text;
}

std::string with_thousands(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string shell_quoted(std::string_view word) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,@%+";
  if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos)
    return std::string(word);
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

std::optional<std::string_view> nearest_word(std::string_view word,
                                             std::span<const std::string_view> candidates) {
  std::optional<std::string_view> best;
  std::size_t best_distance = (word.size() + 2) / 3 + 1;
  for (const std::string_view candidate : candidates)
    if (const std::size_t d = distance(word, candidate); d < best_distance) {
      best = candidate;
      best_distance = d;
    }
  return best;
}

}  // namespace faultline
