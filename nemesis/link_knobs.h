// What a configuration says of packets on links: pure functions from words to policies and links.
#pragma once

#include <chrono>
#include <span>
#include <vector>

#include "harness/core/packets.h"
#include "harness/core/params.h"
#include "harness/core/rng.h"
#include "harness/core/value.h"

namespace faultline {

/// Which links of the victims.
struct LinkChoice {
  enum class Between { nodes, clients, all };  ///< The other ends.
  enum class Direction { both, in, out };      ///< As the victim sees it.
  Between between = Between::nodes;
  Direction direction = Direction::both;
  bool one_each = false;  ///< Of each victim's links one, drawn; else all of them.
};

struct LinkKnobs {
  LinkPolicy policy;
  LinkChoice choice;
  Map parameters;  ///< Those that say something, as resolved.
  std::chrono::nanoseconds within{};
};

/// Reads kind, the knobs and the links. An error is kept by `params`.
LinkKnobs read_link_knobs(Params& params);

/// Sorted, each once.
std::vector<Edge> choose_links(const LinkChoice& choice, std::span<const std::size_t> victims,
                               const Cluster& cluster, Rng& rng);

}  // namespace faultline
