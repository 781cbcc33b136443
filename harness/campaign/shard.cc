#include "harness/campaign/shard.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <tuple>
#include <vector>

#include "harness/core/rng.h"

namespace faultline {
namespace {

constexpr std::size_t shards_max = 10'000;

bool parse(std::string_view text, std::size_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Result<Shard> parse_shard(std::string_view text) {
  const std::size_t slash = text.find('/');
  Shard shard;
  const bool parsed = slash != std::string_view::npos &&
                      parse(text.substr(0, slash), shard.index) &&
                      parse(text.substr(slash + 1), shard.count);
  if (!parsed || shard.index < 1 || shard.index > shard.count || shard.count > shards_max)
    return Error{"--shard " + std::string(text) + ": expected K/N, from 1/N to N/N, as 2/8",
                 ErrorKind::usage};
  return shard;
}

Status apply_shard(Campaign& campaign, const Shard& shard) {
  std::vector<CampaignTest>& tests = campaign.tests;
  if (shard.count > tests.size())
    return Error{"--shard " + shard.text() + ": the campaign has " + std::to_string(tests.size()) +
                     (tests.size() == 1 ? " test" : " tests") +
                     "; expected no more shards than that",
                 ErrorKind::usage};
  // A hash, so that neighbours in the alphabet, which are often alike, do not all meet in a shard.
  using Place = std::tuple<std::uint64_t, std::string, std::size_t>;
  std::vector<Place> places;
  for (std::size_t i = 0; i < tests.size(); ++i)
    places.emplace_back(Rng(0).fork(tests[i].name).next(), tests[i].name, i);
  std::ranges::sort(places);
  std::vector<std::size_t> mine;
  for (std::size_t i = shard.index - 1; i < places.size(); i += shard.count)
    mine.push_back(std::get<2>(places[i]));
  std::ranges::sort(mine);
  std::vector<CampaignTest> kept;
  for (const std::size_t i : mine) kept.push_back(std::move(tests[i]));
  tests = std::move(kept);
  campaign.shard = shard.text();
  return Ok{};
}

}  // namespace faultline
