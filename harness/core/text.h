// Words, durations and rates as people write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace faultline {

/// "500ms", "8s", "1.5s", "2m", "1h", "250us"; a bare "0" too. nullopt if it is none.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

/// The shortest exact form in the largest unit: "8s", "1500ms", "2m".
std::string format_duration(std::chrono::nanoseconds duration);

/// Seconds with two decimals, for tables and sentences: "3.20 s".
std::string format_seconds(std::int64_t nanoseconds);

/// "2000/s" or "2000"; "0" or "unlimited" means unlimited (0). nullopt if it is none.
std::optional<double> parse_rate(std::string_view text);

/// Bytes: "4GiB", "512MiB", "64KiB", "1000000" or "1000000B"; whole numbers only. nullopt if it is
/// none.
std::optional<std::uint64_t> parse_size(std::string_view text);

/// To six digits after the point: as exact as a result needs to tell a measurement.
double rounded(double value);

constexpr double seconds_of(std::int64_t nanoseconds) {
  return static_cast<double>(nanoseconds) * 1e-9;
}

/// With blanks behind it, or before it, to at least that many bytes.
std::string padded(std::string text, std::size_t width, bool right = false);

/// "1,000,000".
std::string with_thousands(std::uint64_t number);

/// The word as a POSIX shell reads it back: as it is, or in single quotes.
std::string shell_quoted(std::string_view word);

/// The candidate nearest to `word` (Damerau-Levenshtein), or nothing if none is near enough to be
/// meant (distance > a third of its length, rounded up). For "unknown key; did you mean".
std::optional<std::string_view> nearest_word(std::string_view word,
                                             std::span<const std::string_view> candidates);

}  // namespace faultline
