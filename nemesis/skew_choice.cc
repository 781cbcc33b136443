#include "nemesis/skew_choice.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "harness/core/text.h"

namespace faultline {
namespace {

constexpr std::int64_t second = 1'000'000'000;
/// Ten years. Beyond them a clock is nothing that a program need understand.
constexpr std::int64_t by_max = std::int64_t{3653} * 86'400 * second;

std::optional<std::int64_t> parse_signed(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const auto time = parse_duration(text);
  if (!time || time->count() > by_max) return std::nullopt;
  return negative ? -time->count() : time->count();
}

std::optional<double> parse_ppm(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double ppm = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ppm);
  if (error != std::errc() || end != text.data() + text.size() || !(ppm >= -1e6 && ppm <= 1e6))
    return std::nullopt;
  return ppm;
}

/// One value, or the two ends of what it is drawn from.
template <typename Parse>
auto read_range(Params& params, std::string_view key, std::vector<std::string> otherwise,
                std::string_view expected, Parse parse) {
  const std::vector<std::string> texts = params.texts(key, std::move(otherwise));
  using Number = typename decltype(parse(""))::value_type;
  std::pair<Number, Number> range{};
  std::vector<Number> numbers;
  for (const std::string& text : texts)
    if (const auto number = parse(text)) numbers.push_back(*number);
  if (numbers.size() != texts.size() || numbers.empty() || numbers.size() > 2 ||
      numbers.front() > numbers.back())
    params.fail(key, "expected " + std::string(expected));
  else
    range = {numbers.front(), numbers.back()};
  return range;
}

/// "1h", or ["-1h", "1h"].
template <typename Number, typename Spell>
Value range_value(Number least, Number most, Spell spell) {
  if (least == most) return spell(least);
  List both;
  both.emplace_back(spell(least));
  both.emplace_back(spell(most));
  return both;
}

void read_by(Params& params, SkewSettings& settings, const std::string& reach) {
  const auto by = read_range(
      params, "by", {"-" + reach, reach},
      "one duration of at most ten years, or the two ends of what it is drawn from, the lesser "
      "first: 1h, -30s, [-1h, 1h]",
      parse_signed);
  std::tie(settings.by_least_ns, settings.by_most_ns) = by;
  if (by.first == 0 && by.second == 0) params.fail("by", "a clock moved by 0 is as it was");
}

void read_period(Params& params, SkewSettings& settings, std::chrono::nanoseconds otherwise,
                 std::chrono::nanoseconds least) {
  settings.period_ns = params.duration("period", otherwise).count();
  if (settings.period_ns < least.count())
    params.fail("period", "must be at least " + format_duration(least));
}

const Value* member(const Map& map, std::string_view key) {
  const auto found =
      std::ranges::find(map, key, [](const auto& item) -> std::string_view { return item.first; });
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

std::string signed_duration(std::int64_t time_ns) {
  const std::string text = format_duration(std::chrono::nanoseconds(std::abs(time_ns)));
  return time_ns < 0 ? "-" + text : text;
}

SkewSettings read_skew_settings(Params& params) {
  using std::chrono::milliseconds;
  SkewSettings settings;
  const std::string kind = params.choice("kind", skew_kinds[0], skew_kinds);
  settings.kind = static_cast<Skew::Kind>(std::ranges::find(skew_kinds, kind) - skew_kinds.begin());
  switch (settings.kind) {
    case Skew::Kind::jump:
      read_by(params, settings, "1h");
      break;
    case Skew::Kind::drift: {
      const auto ppm = read_range(params, "ppm", {"-50000", "50000"},
                                  "parts per million between -1000000 and 1000000, one or the two "
                                  "ends of what it is drawn from, the lesser first",
                                  parse_ppm);
      std::tie(settings.ppm_least, settings.ppm_most) = ppm;
      if (ppm.first == 0 && ppm.second == 0)
        params.fail("ppm", "a clock that drifts by 0 is as it was");
      break;
    }
    case Skew::Kind::strobe:
      read_by(params, settings, "10s");
      read_period(params, settings, milliseconds(200), milliseconds(1));
      break;
    case Skew::Kind::freeze:
      break;
    case Skew::Kind::random_walk:
      settings.by_most_ns = params.duration("by", std::chrono::seconds(1)).count();
      if (settings.by_most_ns <= 0 || settings.by_most_ns > 3'600 * second)
        params.fail("by", "the longest step: more than 0, at most 1h");
      read_period(params, settings, milliseconds(500), milliseconds(10));
      break;
  }
  return settings;
}

Map skew_parameters(const SkewSettings& settings) {
  Map parameters = {{"kind", std::string(skew_kinds[static_cast<std::size_t>(settings.kind)])}};
  if (settings.kind == Skew::Kind::drift)
    parameters.emplace_back("ppm", range_value(settings.ppm_least, settings.ppm_most,
                                               [](double ppm) { return Value(ppm); }));
  if (settings.kind == Skew::Kind::jump || settings.kind == Skew::Kind::strobe)
    parameters.emplace_back(
        "by", range_value(settings.by_least_ns, settings.by_most_ns,
                          [](std::int64_t by) { return Value(signed_duration(by)); }));
  if (settings.kind == Skew::Kind::random_walk)
    parameters.emplace_back("by", signed_duration(settings.by_most_ns));
  if (settings.period_ns > 0)
    parameters.emplace_back("period", signed_duration(settings.period_ns));
  return parameters;
}

Skew draw_skew(const SkewSettings& settings, Rng rng) {
  Skew skew;
  skew.kind = settings.kind;
  skew.period_ns = settings.period_ns;
  switch (settings.kind) {
    case Skew::Kind::jump:
    case Skew::Kind::strobe: {
      const std::int64_t range = settings.by_most_ns - settings.by_least_ns;
      // Milliseconds are easier to read, where there are enough of them.
      const std::int64_t unit = range >= second ? 1'000'000 : 1;
      const auto choices = static_cast<std::uint64_t>(range / unit) + 1;
      // A clock that is moved by nothing would be no fault; the settings have something else.
      do skew.by_ns = settings.by_least_ns + static_cast<std::int64_t>(rng.below(choices)) * unit;
      while (skew.by_ns == 0);
      break;
    }
    case Skew::Kind::drift:
      do
        skew.rate_q32 = rate_of_ppm(settings.ppm_least +
                                    rng.uniform() * (settings.ppm_most - settings.ppm_least));
      while (skew.rate_q32 == 0);
      break;
    case Skew::Kind::freeze:
      break;
    case Skew::Kind::random_walk:
      skew.by_ns = settings.by_most_ns;
      skew.seed = rng.next() >> 1;  // JSON's integers are signed.
      break;
  }
  return skew;
}

Map skew_evidence(const Skew& skew) {
  switch (skew.kind) {
    case Skew::Kind::jump:
    case Skew::Kind::strobe:
      return {{"by", signed_duration(skew.by_ns)}};
    case Skew::Kind::drift:
      return {{"ppm", static_cast<double>(skew.rate_q32) * 1e6 / 4294967296.0}};
    case Skew::Kind::random_walk:
      return {{"seed", skew.seed}};
    case Skew::Kind::freeze:
      break;
  }
  return {};
}

Result<Skew> skew_of_evidence(const SkewSettings& settings, const Map& evidence) {
  Skew skew;
  skew.kind = settings.kind;
  skew.period_ns = settings.period_ns;
  if (settings.kind == Skew::Kind::random_walk) {
    const Value* seed = member(evidence, "seed");
    if (seed == nullptr || seed->integer() == nullptr)
      return Error{"it does not tell the seed of the clock's walk"};
    skew.by_ns = settings.by_most_ns;
    skew.seed = static_cast<std::uint64_t>(*seed->integer());
  } else if (settings.kind == Skew::Kind::drift) {
    const Value* ppm = member(evidence, "ppm");
    const double* real = ppm ? std::get_if<double>(&ppm->content) : nullptr;
    const std::int64_t* whole = ppm ? ppm->integer() : nullptr;
    if (real == nullptr && whole == nullptr) return Error{"it does not tell the clock's drift"};
    skew.rate_q32 = rate_of_ppm(real != nullptr ? *real : static_cast<double>(*whole));
  } else if (settings.kind != Skew::Kind::freeze) {
    const Value* by = member(evidence, "by");
    const auto parsed = by && by->text() ? parse_signed(*by->text()) : std::nullopt;
    if (!parsed) return Error{"it does not tell by how much the clock was moved"};
    skew.by_ns = *parsed;
  }
  return skew;
}

SkewByHand skew_by_hand(const Skew& skew) {
  const auto seconds = [](std::int64_t time_ns) {
    // Never 5e-05, which date(1) does not understand.
    std::string text = fmt::format("{:.9f}", static_cast<double>(time_ns) / 1e9);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text;
  };
  const auto step = [&](std::int64_t by_ns) { return "date -s '" + seconds(by_ns) + " seconds'"; };
  const std::string true_time = "hwclock --hctosys";
  switch (skew.kind) {
    case Skew::Kind::jump:
      return {step(skew.by_ns), step(-skew.by_ns)};
    case Skew::Kind::drift: {
      // A tick more of 10 ms is 100 ppm, and 65536 of frequency are one: adjtimex(8).
      const double ppm = std::round(static_cast<double>(skew.rate_q32) / 4294967296.0 * 1e9) / 1e3;
      const double ticks = std::round(ppm / 100);
      return {fmt::format("adjtimex --tick {:.0f} --frequency {:.0f}", 10000 + ticks,
                          (ppm - 100 * ticks) * 65536),
              "adjtimex --tick 10000 --frequency 0; " + true_time};
    }
    case Skew::Kind::strobe: {
      const std::string half = seconds(skew.period_ns / 2);
      return {"while " + step(skew.by_ns) + "; sleep " + half + "; " + step(-skew.by_ns) +
                  "; do sleep " + half + "; done &",
              "kill %%; " + true_time};
    }
    case Skew::Kind::freeze:
      return {"now=$(date +%s.%N); while date -s @$now; do sleep 0.001; done &",
              "kill %%; " + true_time};
    case Skew::Kind::random_walk:
      return {"while date -s \"$(awk \"BEGIN {print ($RANDOM/16384-1)*" + seconds(skew.by_ns) +
                  "}\") seconds\"; do sleep " + seconds(skew.period_ns) + "; done &",
              "kill %%; " + true_time};
  }
  return {};
}

}  // namespace faultline
