// packets: links are slow, lossy, out of order, corrupt, narrow, or come and go. Knobs are those of
// netem and of Jepsen's packet package; a kind sets some of them:
//   slow      delay 100 ms ± 20 ms
//   gray      one link of each victim loses 30 %: enough to hurt, too little to be noticed
//   flapping  down for 300 ms, up for 300 ms, again and again
//   custom    what the configuration says; the default if it turns a knob
//
// Messages can be dropped or cut short by their number (drop-nth, cut-every …). The probes are
// none, so that it is the store's n-th; where that does not come soon, the heal's evidence decides.
//
// Attested by the links' own counters, which must rise while probes are sent: each link must have
// had packets in its hands, and everything that was asked for must have happened to one of them at
// least; and for a delay by the time that a probe takes. After the heal probes arrive, and the
// counters of links that no other fault holds stay where they are.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>

#include "harness/core/text.h"
#include "nemesis/attest.h"
#include "nemesis/by_hand.h"
#include "nemesis/cut_links.h"
#include "nemesis/link_knobs.h"
#include "nemesis/nemeses.h"

namespace faultline {
namespace {

/// A few will do, the counters are of all.
constexpr std::size_t timed_links_max = 3;
/// So long arrivals are looked for without a pause; the next fault waits meanwhile.
constexpr std::chrono::nanoseconds strict_max = std::chrono::milliseconds(10);
/// Probes to a link and round, so that rare fates are met in time.
constexpr double probes_max = 64;

using Effect = NamedPacketCounter;
/// All but how many packets came.
constexpr auto all_effects = std::span(packet_counters).subspan<1>();

/// Which of them a policy asks for.
bool asks_for(const LinkPolicy& policy, const Effect& effect) {
  using Counters = PacketCounters;
  const auto counter = effect.counter;
  if (counter == &Counters::delayed) return policy.delay.count() > 0 || policy.jitter.count() > 0;
  if (counter == &Counters::lost) return policy.loss > 0;
  if (counter == &Counters::duplicated) return policy.duplicate > 0;
  if (counter == &Counters::reordered) return policy.reorder > 0;
  if (counter == &Counters::corrupted) return policy.corrupt > 0;
  if (counter == &Counters::corrupted_unseen) return policy.corrupt_unseen > 0;
  if (counter == &Counters::slowed) return policy.rate > 0;
  if (counter == &Counters::flapped) return !policy.flaps.empty();
  const auto has = [&](NthMessage::Fate fate) {
    return std::ranges::find(policy.nth, fate, &NthMessage::fate) != policy.nth.end();
  };
  if (counter == &Counters::dropped) return has(NthMessage::Fate::drop);
  if (counter == &Counters::cut_short) return has(NthMessage::Fate::cut);
  return false;  // A full queue is up to the store.
}

/// The least that each probe is delayed: what the measured time must reach.
std::chrono::nanoseconds least_delay(const LinkPolicy& policy) {
  const auto spread = policy.normal ? policy.jitter * 7 / 2 : policy.jitter;
  return std::max(policy.delay - spread, std::chrono::nanoseconds(0));
}

using Counts = std::vector<PacketCounters>;

std::uint64_t risen(const Counts& before, const Counts& after, const Effect& effect) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < before.size(); ++i)
    total += after[i].*effect.counter - before[i].*effect.counter;
  return total;
}

class Packets : public Nemesis {
 public:
  explicit Packets(LinkKnobs knobs) : knobs_(std::move(knobs)) {}

  std::string_view name() const override { return "packets"; }
  Map parameters() const override { return knobs_.parameters; }
  bool needs_packets() const override { return true; }
  Status available(const Cluster& cluster) const override { return cluster.can_shape(); }

  Result<Attestation> inject(Levers& levers, FaultId id, std::span<const std::size_t> victims,
                             std::span<const std::size_t>, Rng rng) override {
    Strike& strike = strikes_[id];
    const auto recalled = recalled_.find(id);
    strike.links = recalled != recalled_.end()
                       ? recalled->second
                       : choose_links(knobs_.choice, victims, levers.cluster(), rng);
    if (strike.links.empty()) return Attestation{false, {{"reason", "no link to act on"}}};
    strike.before = counters(levers, strike.links);
    LinkPolicies policies;
    LinkPolicy policy = knobs_.policy;
    for (NthMessage& nth : policy.nth) nth.fault = id;
    for (const Edge& link : strike.links) policies.emplace(link, policy);
    if (const Status held = levers.hold_packets(id, std::move(policies)); !held)
      return held.error();

    Attestation attestation{
        true, {{"links", strike.links.size()}, {"shaped", all_links(levers, strike.links)}}};
    if (const Status acting = attest_acting(levers, attestation, strike.links); !acting)
      return acting.error();
    attest_late(levers, attestation, strike.links);
    return attestation;
  }

  Result<ByHand> by_hand(const Cluster& cluster, std::span<const std::size_t> victims,
                         std::span<const std::size_t>, Rng rng) const override {
    const std::vector<Edge> links = choose_links(knobs_.choice, victims, cluster, rng);
    if (links.empty()) return Error{"no link to act on"};
    return shape_by_hand(cluster, links, knobs_.policy);
  }

  Status recall(FaultId id, const Map& evidence, std::span<const std::string> machines) override {
    const auto links = read_links(evidence, "shaped", machines);
    if (!links) return links.error();
    if (*links) recalled_[id] = std::vector<Edge>((*links)->begin(), (*links)->end());
    return Ok{};
  }

  Result<Attestation> heal(Levers& levers, FaultId id) override {
    Strike& strike = strikes_[id];
    Attestation attestation{true, {}};
    if (strike.before.size() == strike.links.size()) {
      const Counts after = counters(levers, strike.links);
      tell_effects(strike.before, after, attestation);
      // The n-th message comes when the store sends it: perhaps long after the fault was attested.
      attestation.bore_out =
          !knobs_.policy.nth.empty() && std::ranges::all_of(all_effects, [&](const Effect& effect) {
            return !asks_for(knobs_.policy, effect) || risen(strike.before, after, effect) > 0;
          });
    }
    if (const Status released = levers.release(id); !released) return released.error();
    std::vector<Edge> free;
    const LinkPolicies held = levers.policies();
    for (const Edge& link : strike.links)
      if (!held.contains(link)) free.push_back(link);
    if (free.size() < strike.links.size())
      attestation.evidence.emplace_back("held_by_others", strike.links.size() - free.size());
    const Counts before = counters(levers, free);
    attest_open(levers, strike.links, knobs_.within, attestation, flight_max(knobs_.policy));
    attest_unshaped(levers, std::move(free), before, attestation);
    strike = {};
    return attestation;
  }

 private:
  struct Strike {
    std::vector<Edge> links;
    Counts before;
  };

  static Counts counters(Levers& levers, std::span<const Edge> links) {
    const PacketPlane* plane = levers.cluster().packets();
    return plane == nullptr ? Counts(links.size()) : plane->counters(links);
  }

  static void tell_effects(const Counts& before, const Counts& after, Attestation& attestation) {
    attestation.evidence.emplace_back("packets",
                                      risen(before, after, {"shaped", &PacketCounters::shaped}));
    for (const Effect& effect : all_effects)
      if (const std::uint64_t count = risen(before, after, effect); count > 0)
        attestation.evidence.emplace_back(effect.name, count);
  }

  /// Of each link and round: a rare fate should be met soon.
  std::size_t probes_each(std::size_t links) const {
    double rarest = 1;
    for (const double chance : {knobs_.policy.loss, knobs_.policy.duplicate, knobs_.policy.reorder,
                                knobs_.policy.corrupt, knobs_.policy.corrupt_unseen})
      if (chance > 0) rarest = std::min(rarest, chance);
    const double wanted = 3 / (rarest * static_cast<double>(links));
    return static_cast<std::size_t>(std::clamp(std::ceil(wanted), 1.0, probes_max));
  }

  /// Every link has had packets in its hands, and everything asked for has happened.
  Status attest_acting(Levers& levers, Attestation& attestation,
                       std::span<const Edge> links) const {
    std::vector<Edge> open;
    for (const Edge& link : links)
      if (!levers.is_cut(link)) open.push_back(link);
    if (open.size() < links.size())
      attestation.evidence.emplace_back("cut_by_others", links.size() - open.size());
    const Counts before = counters(levers, open);
    Counts after = before;
    const auto missing = [&] {
      List names;
      for (const Effect& effect : all_effects)
        if (asks_for(knobs_.policy, effect) && risen(before, after, effect) == 0)
          names.emplace_back(std::string(effect.name));
      return names;
    };
    const auto idle = [&] {
      std::vector<Edge> none;
      for (std::size_t i = 0; i < open.size(); ++i)
        if (after[i].shaped == before[i].shaped) none.push_back(open[i]);
      return none;
    };
    const std::size_t probes = probes_each(open.size());
    const auto acts = await(knobs_.within, [&]() -> Result<bool> {
      for (std::size_t probe = 0; probe < probes; ++probe)
        for (const Edge& link : open)
          if (const Status sent = levers.cluster().send_probe(link); !sent)
            return Error{"probe " + link_name(levers, link) + ": " + sent.error().what};
      after = counters(levers, open);
      return missing().empty() && idle().empty();
    });
    if (!acts) return acts.error();
    tell_effects(before, after, attestation);
    if (*acts) return Ok{};  // Something is asked for, so that there is a link.
    attestation.effective = false;
    if (const auto unused = idle(); !unused.empty())
      attestation.evidence.emplace_back("idle_links", named_links(levers, unused));
    attestation.evidence.emplace_back(
        "reason", open.empty() ? "every link is cut by other faults"
                               : "not everything that was asked for happened to a packet");
    if (List never = missing(); !open.empty() && !never.empty())
      attestation.evidence.emplace_back("never", std::move(never));
    return Ok{};
  }

  /// While the probes after the heal are on their way, links that no fault holds count nothing.
  static void attest_unshaped(Levers& levers, std::vector<Edge> free, const Counts& before,
                              Attestation& attestation) {
    std::map<Edge, std::uint64_t> shaped;
    for (std::size_t i = 0; i < free.size(); ++i) shaped.emplace(free[i], before[i].shaped);
    auto look = [shaped, &levers](Attestation& told, bool is_last) mutable {
      // Another fault may come meanwhile.
      for (const auto& [link, policy] : levers.policies()) shaped.erase(link);
      if (!is_last) return;
      std::uint64_t still = 0;
      for (const auto& [link, count] : shaped)
        still += counters(levers, std::array{link}).front().shaped - count;
      if (still == 0) return;
      told.effective = false;
      told.evidence.emplace_back("still_shaped", still);
    };
    if (!attestation.rest) return look(attestation, true);
    attestation.rest = [opened = std::move(attestation.rest), look](Attestation& told) mutable {
      const bool is_last = opened(told);
      look(told, is_last);
      return is_last;
    };
  }

  /// A delay is seen from outside as well: in the time that a probe takes.
  void attest_late(Levers& levers, Attestation& attestation, std::span<const Edge> links) const {
    const auto least = least_delay(knobs_.policy);
    if (least.count() == 0) return;
    std::vector<Edge> timed;
    for (const Edge& link : links)
      if (timed.size() < timed_links_max && !levers.is_cut(link)) timed.push_back(link);
    const bool may_be_lost = knobs_.policy.per_packet() || !knobs_.policy.flaps.empty();
    const auto trial = std::make_shared<LinkTrial>(levers, timed, knobs_.within);
    attestation.rest = [trial, least, may_be_lost, &levers](Attestation& told) {
      if (!trial->step()) return false;
      Map times;
      bool early = false;
      for (const auto& [link, took] : trial->times()) {
        early = early || took < least;
        times.emplace_back(link_name(levers, link),
                           std::chrono::duration<double, std::milli>(took).count());
      }
      const bool measured = !times.empty() || may_be_lost;  // Lost: the counters tell.
      told.evidence.emplace_back("transit_ms", std::move(times));
      if (tell_failure(*trial, told) || (measured && !early)) return true;
      if (told.effective)
        told.evidence.emplace_back(
            "reason", early ? "a probe came sooner than the delay" : "no probe arrived");
      told.effective = false;
      return true;
    };
    // One that nothing delays is here long before that; later an arrival is seen late.
    const auto strict = std::chrono::steady_clock::now() + std::min(least, strict_max);
    while (!is_complete(attestation) && std::chrono::steady_clock::now() < strict)
      std::this_thread::sleep_for(std::chrono::microseconds(200));
  }

  LinkKnobs knobs_;
  std::map<FaultId, Strike> strikes_;
  std::map<FaultId, std::vector<Edge>> recalled_;
};

}  // namespace

Result<std::unique_ptr<Nemesis>> make_packets(Params& params) {
  LinkKnobs knobs = read_link_knobs(params);
  knobs.within = attest_within(params);
  return std::unique_ptr<Nemesis>(std::make_unique<Packets>(std::move(knobs)));
}

}  // namespace faultline
