// What the workloads have in common of their parameters.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "harness/core/params.h"

namespace faultline {

/// A verb of `mix:` and its weight, which is the default before.
struct Weight {
  std::string_view verb;
  std::uint64_t& weight;
};

/// The weights of `mix:`. Those that it does not name are 0, and all of them must not be; where it
/// is absent, they stay as they are.
inline Status read_mix(Params& params, std::initializer_list<Weight> weights) {
  if (const ConfigNode* node = params.node("mix")) {
    Params mix(*node, "mix");
    std::uint64_t total = 0;
    for (const Weight& one : weights)
      total += one.weight = static_cast<std::uint64_t>(mix.integer(one.verb, 0, 0, 1'000'000));
    if (const Status read = mix.finish(); !read) return read.error();
    if (total == 0) return error_at(node->where, "mix: every weight is 0");
  }
  Map resolved;
  for (const Weight& one : weights) resolved.emplace_back(one.verb, one.weight);
  params.set_resolved("mix", std::move(resolved));
  return Ok{};
}

/// `min_length` and `max_length`: how many accesses a transaction has. What is there before are the
/// defaults.
inline void read_lengths(Params& params, std::uint64_t& least, std::uint64_t& most) {
  const auto number = [&](std::string_view key, std::uint64_t otherwise) {
    return static_cast<std::uint64_t>(
        params.integer(key, static_cast<std::int64_t>(otherwise), 1, 100));
  };
  least = number("min_length", least);
  most = number("max_length", std::max(most, least));
  if (most >= least) return;
  params.fail("max_length", "less than min_length");
  most = least;
}

}  // namespace faultline
