// What becomes of one packet on one directed link: pure arithmetic on its number, its size and the
// time. The n-th packet of a link meets the same fate in every run of the same seed, whatever the
// other links do; when it comes is the store's business. Private to harness/os.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "harness/core/packets.h"

namespace faultline {

/// A policy as the data path wants it: nanoseconds and thresholds.
class LinkRule {
 public:
  /// Of each of a policy's `nth`, what it has counted. Shared by the tables that it lives through;
  /// read and written by who asks next_message() alone.
  using MessageCounts = std::vector<std::shared_ptr<std::uint64_t>>;

  LinkRule() = default;
  /// `by_fault`: it is more than the link's own nature. Flaps count from `now_ns`.
  LinkRule(const LinkPolicy& policy, bool by_fault, std::int64_t now_ns, MessageCounts counts = {});

  bool cut = false;       ///< Everything but housekeeping is dropped.
  bool by_fault = false;  ///< Counted as shaped.
  bool plain() const { return !acts_; }

  bool counts_messages() const { return !nth_.empty(); }
  enum class MessageFate : std::uint8_t { pass, cut, drop };
  /// Of a message that comes now. Of several fates the worst.
  MessageFate next_message() const;

 private:
  friend class LinkState;
  /// Of 2^64.
  struct Chances {
    std::uint64_t loss = 0, duplicate = 0, reorder = 0, corrupt = 0, corrupt_unseen = 0;
  };
  struct FlapTimes {
    std::int64_t down = 0, period = 0;
  };
  bool acts_ = false, draws_ = false, normal_ = false;
  std::int64_t delay_ = 0, jitter_ = 0, reorder_by_ = 0, since_ = 0;
  double ns_per_byte_ = 0;
  Chances chances_;
  std::vector<FlapTimes> flaps_;
  std::vector<NthMessage> nth_;
  MessageCounts counts_;  ///< As many.
};

struct PacketFate {
  enum class Loss : std::uint8_t { none, chance, flap, overflow };
  Loss loss = Loss::none;
  bool duplicate = false, reordered = false, delayed = false, slowed = false;
  bool corrupt = false, corrupt_unseen = false;
  std::int64_t due_ns = 0;   ///< When it leaves; not before now.
  std::uint64_t random = 0;  ///< For the bit that turns over.
};

/// What a link remembers from one packet to the next.
class LinkState {
 public:
  explicit LinkState(std::uint64_t seed = 0) : seed_(seed) {}

  /// Of the next packet, `bytes` long with its Ethernet header.
  PacketFate next(const LinkRule& rule, std::size_t bytes, std::int64_t now_ns);
  /// Whether a packet for which no rule acts may leave at once: none is before it.
  bool idle(std::int64_t now_ns) const { return last_due_ <= now_ns; }

  /// What may wait before a limited rate: as long as a cheap router's buffer lasts.
  static constexpr std::int64_t queue_ns = 200'000'000;

 private:
  std::uint64_t seed_;
  std::uint64_t number_ = 0;
  std::int64_t last_due_ = 0, busy_until_ = 0;
};

/// The seed of a directed link of a run.
std::uint64_t link_seed(std::uint64_t seed, std::size_t from, std::size_t to);

}  // namespace faultline
