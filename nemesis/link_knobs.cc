#include "nemesis/link_knobs.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <set>

#include "harness/core/text.h"

namespace faultline {
namespace {

using namespace std::chrono_literals;
using Duration = std::chrono::nanoseconds;

constexpr std::array<std::string_view, 4> packet_kinds = {"slow", "gray", "flapping", "custom"};
constexpr std::array<std::string_view, 3> between_words = {"nodes", "clients", "all"};
constexpr std::array<std::string_view, 3> direction_words = {"both", "in", "out"};
constexpr std::array<std::string_view, 2> links_words = {"all", "one"};
constexpr std::array<std::string_view, 2> distribution_words = {"uniform", "normal"};
/// Any of them makes the kind custom, unless one is named.
constexpr std::array<std::string_view, 12> knob_words = {
    "delay",          "jitter", "loss",     "duplicate",  "reorder", "corrupt",
    "corrupt-unseen", "rate",   "drop-nth", "drop-every", "cut-nth", "cut-every"};
/// Longer is a partition.
constexpr Duration delay_max = 10s;

/// "30%" or "0.3".
std::optional<double> parse_share(std::string_view text) {
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  double share = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), share);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (percent) share /= 100;
  if (!(share >= 0 && share <= 1)) return std::nullopt;
  return share;
}

/// "512kbit", "10mbit", "1gbit", with or without "/s": bits a second, as tc(8) has them.
std::optional<double> parse_bandwidth(std::string_view text) {
  if (text.ends_with("/s")) text.remove_suffix(2);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  constexpr auto units = std::to_array<std::pair<std::string_view, double>>(
      {{"bit", 1}, {"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}});
  for (const auto& [name, factor] : units)
    if (unit == name && number * factor >= 1e3 && number * factor <= 1e12) return number * factor;
  return std::nullopt;
}

class KnobReader {
 public:
  explicit KnobReader(Params& params) : params_(params) {}

  Duration duration(std::string_view key, Duration otherwise, Duration least, Duration most) {
    if (!params_.has(key) && otherwise == Duration{}) return otherwise;
    const Duration value = params_.duration(key, otherwise);
    if (value < least || value > most)
      params_.fail(key, "expected a duration from " + format_duration(least) + " to " +
                            format_duration(most) + ", found " + format_duration(value));
    told.emplace_back(key, format_duration(value));
    return value;
  }
  double share(std::string_view key, std::string_view otherwise) {
    if (!params_.has(key) && otherwise.empty()) return 0;
    const std::string text = params_.text(key, otherwise);
    const auto value = parse_share(text);
    if (!value)
      params_.fail(key, "expected a share of packets like 30% or 0.3, found \"" + text + "\"");
    told.emplace_back(key, text);
    return value.value_or(0);
  }
  double bandwidth(std::string_view key) {
    if (!params_.has(key)) return 0;
    const std::string text = params_.text(key, "");
    const auto value = parse_bandwidth(text);
    if (!value)
      params_.fail(key,
                   "expected a bandwidth like 512kbit or 10mbit, from 1kbit to 1000gbit, found \"" +
                       text + "\"");
    told.emplace_back(key, text);
    return value.value_or(0);
  }
  void nth(std::string_view key, NthMessage::Fate fate, bool every, LinkPolicy& policy) {
    if (!params_.has(key)) return;
    const std::int64_t n = params_.integer(key, 1, 1, 1'000'000'000);
    policy.nth.push_back({fate, static_cast<std::uint64_t>(n), every, 0});
    told.emplace_back(key, n);
  }
  /// One that only says more of another, which says nothing.
  void idle(std::string_view key, std::string_view other) {
    if (params_.has(key)) params_.fail(key, "says nothing without " + std::string(other));
  }
  template <typename Enum>
  Enum choice(std::string_view key, std::string_view otherwise,
              std::span<const std::string_view> words) {
    const std::string word = params_.choice(key, otherwise, words);
    told.emplace_back(key, word);
    return static_cast<Enum>(std::ranges::find(words, word) - words.begin());
  }

  Map told;

 private:
  Params& params_;
};

}  // namespace

LinkKnobs read_link_knobs(Params& params) {
  KnobReader read(params);
  const bool turned =
      std::ranges::any_of(knob_words, [&](std::string_view key) { return params.has(key); });
  const std::string kind =
      params.choice("kind", turned ? packet_kinds[3] : packet_kinds[0], packet_kinds);
  read.told.emplace_back("kind", kind);
  const bool slow = kind == "slow", gray = kind == "gray", flapping = kind == "flapping";

  LinkKnobs knobs;
  LinkPolicy& policy = knobs.policy;
  policy.delay = read.duration("delay", slow ? 100ms : 0ms, 0ms, delay_max);
  policy.jitter = read.duration("jitter", slow ? 20ms : 0ms, 0ms, delay_max);
  if (policy.jitter.count() > 0)
    policy.normal = read.choice<int>("distribution", "uniform", distribution_words) == 1;
  else
    read.idle("distribution", "jitter");
  policy.loss = read.share("loss", gray ? "30%" : "");
  policy.duplicate = read.share("duplicate", "");
  policy.reorder = read.share("reorder", "");
  if (policy.reorder > 0)
    policy.reorder_by = read.duration("reorder-by", 20ms, 1us, delay_max);
  else
    read.idle("reorder-by", "reorder");
  policy.corrupt = read.share("corrupt", "");
  policy.corrupt_unseen = read.share("corrupt-unseen", "");
  policy.rate = read.bandwidth("rate");
  read.nth("drop-nth", NthMessage::Fate::drop, false, policy);
  read.nth("drop-every", NthMessage::Fate::drop, true, policy);
  read.nth("cut-nth", NthMessage::Fate::cut, false, policy);
  read.nth("cut-every", NthMessage::Fate::cut, true, policy);
  if (flapping) {
    const Duration down = read.duration("down", 300ms, 1ms, 1h);
    policy.flaps.push_back({down, read.duration("up", 300ms, 1ms, 1h)});
  } else {
    for (const char* key : {"down", "up"}) read.idle(key, "kind: flapping");
  }
  if (policy == LinkPolicy{})
    params.fail(params.where(),
                "fault packets: nothing is to happen to packets; say one of delay, "
                "jitter, loss, duplicate, reorder, corrupt, corrupt-unseen, rate, "
                "drop-nth, drop-every, cut-nth, cut-every, "
                "or kind: slow, gray or flapping");

  LinkChoice& choice = knobs.choice;
  choice.between = read.choice<LinkChoice::Between>("between", "nodes", between_words);
  choice.direction = read.choice<LinkChoice::Direction>("direction", "both", direction_words);
  choice.one_each = read.choice<int>("links", links_words[gray ? 1 : 0], links_words) == 1;
  knobs.parameters = std::move(read.told);
  return knobs;
}

std::vector<Edge> choose_links(const LinkChoice& choice, std::span<const std::size_t> victims,
                               const Cluster& cluster, Rng& rng) {
  std::set<Edge> links;
  const std::size_t nodes = cluster.nodes().size(), machines = machine_count(cluster);
  for (const std::size_t victim : victims) {
    std::vector<std::size_t> others;
    for (std::size_t other = 0; other <= machines; ++other) {
      const bool wanted = choice.between == LinkChoice::Between::all ||
                          (choice.between == LinkChoice::Between::nodes) == (other < nodes);
      if (wanted && other != victim) others.push_back(other == machines ? clients_end : other);
    }
    if (choice.one_each && !others.empty()) others = {others[rng.below(others.size())]};
    for (const std::size_t other : others) {
      if (choice.direction != LinkChoice::Direction::in) links.insert({victim, other});
      if (choice.direction != LinkChoice::Direction::out) links.insert({other, victim});
    }
  }
  return {links.begin(), links.end()};
}

}  // namespace faultline
