#include "harness/os/link_rules.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "harness/core/check.h"
#include "harness/core/rng.h"

namespace faultline {
namespace {

std::uint64_t chance(double probability) {
  if (probability >= 1) return ~std::uint64_t{0};
  return static_cast<std::uint64_t>(std::ldexp(std::max(probability, 0.0), 64));
}

bool happens(std::uint64_t drawn, std::uint64_t chance) {
  return drawn < chance || chance == ~std::uint64_t{0};
}

/// Of mean 0 and standard deviation 1: the sum of four uniforms (Irwin-Hall), which ends at 3.46.
/// Enough of a bell, and two numbers a packet, where Box-Muller takes a logarithm.
double bell(std::uint64_t random) {
  double sum = 0;
  for (int part = 0; part < 4; ++part) sum += static_cast<double>(random >> (16 * part) & 0xffff);
  return (sum / 65535 - 2) * 1.7320508075688772;
}

}  // namespace

LinkRule::LinkRule(const LinkPolicy& policy, bool is_by_fault, std::int64_t now_ns,
                   MessageCounts counts)
    : by_fault(is_by_fault),
      normal_(policy.normal),
      since_(now_ns),
      nth_(policy.nth),
      counts_(std::move(counts)) {
  FAULTLINE_CHECK(counts_.size() == nth_.size());
  delay_ = policy.delay.count();
  jitter_ = policy.jitter.count();
  reorder_by_ = policy.reorder_by.count();
  ns_per_byte_ = policy.rate > 0 ? 8e9 / policy.rate : 0;
  chances_ = {chance(policy.loss), chance(policy.duplicate), chance(policy.reorder),
              chance(policy.corrupt), chance(policy.corrupt_unseen)};
  for (const Flap& flap : policy.flaps)
    flaps_.push_back({flap.down.count(), flap.down.count() + flap.up.count()});
  draws_ = policy.per_packet() || jitter_ > 0;
  acts_ = by_fault || draws_ || delay_ > 0 || !flaps_.empty();
}

LinkRule::MessageFate LinkRule::next_message() const {
  auto worst = MessageFate::pass;
  for (std::size_t i = 0; i < nth_.size(); ++i) {
    const std::uint64_t number = ++*counts_[i];
    const bool met = nth_[i].every ? number % nth_[i].n == 0 : number == nth_[i].n;
    if (met)
      worst = std::max(
          worst, nth_[i].fate == NthMessage::Fate::drop ? MessageFate::drop : MessageFate::cut);
  }
  return worst;
}

PacketFate LinkState::next(const LinkRule& rule, std::size_t bytes, std::int64_t now_ns) {
  PacketFate fate;
  ++number_;
  for (const LinkRule::FlapTimes& flap : rule.flaps_)
    if ((now_ns - rule.since_) % flap.period < flap.down) fate.loss = PacketFate::Loss::flap;

  std::int64_t wait = rule.delay_;
  std::int64_t extra = 0;
  if (rule.draws_) {
    // Each in its place whatever is asked for, so that one knob does not turn another.
    Rng rng(Rng(seed_ + number_).next());
    const std::uint64_t loss = rng.next(), duplicate = rng.next(), reorder = rng.next(),
                        corrupt = rng.next(), unseen = rng.next(), jitter = rng.next();
    fate.random = rng.next();
    if (happens(loss, rule.chances_.loss)) fate.loss = PacketFate::Loss::chance;
    fate.duplicate = happens(duplicate, rule.chances_.duplicate);
    fate.corrupt = happens(corrupt, rule.chances_.corrupt);
    fate.corrupt_unseen = happens(unseen, rule.chances_.corrupt_unseen);
    fate.reordered = happens(reorder, rule.chances_.reorder) && rule.reorder_by_ > 0;
    if (fate.reordered) extra = rule.reorder_by_;
    const double share =
        rule.normal_ ? bell(jitter) : std::ldexp(static_cast<double>(jitter), -63) - 1;
    wait += static_cast<std::int64_t>(share * static_cast<double>(rule.jitter_));
    wait = std::max<std::int64_t>(wait, 0);
  }
  if (fate.loss != PacketFate::Loss::none) return fate;

  if (rule.ns_per_byte_ > 0) {
    busy_until_ = std::max(busy_until_, now_ns);
    if (busy_until_ - now_ns > queue_ns) {
      fate.loss = PacketFate::Loss::overflow;
      return fate;
    }
    busy_until_ += static_cast<std::int64_t>(static_cast<double>(bytes) * rule.ns_per_byte_);
    wait += busy_until_ - now_ns;
    fate.slowed = true;
  }
  fate.delayed = rule.delay_ > 0 || rule.jitter_ > 0;
  fate.due_ns = std::max(now_ns + wait, last_due_);
  // What is held back lets others pass: they keep their order among themselves.
  if (fate.reordered)
    fate.due_ns += extra;
  else
    last_due_ = fate.due_ns;
  return fate;
}

std::uint64_t link_seed(std::uint64_t seed, std::size_t from, std::size_t to) {
  return Rng(seed).fork("link", from << 16 | to).next();
}

}  // namespace faultline
