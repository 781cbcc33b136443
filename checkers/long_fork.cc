// The checker `long-fork`: reads of one group of keys, each written once, must be able to stand one
// after the other, each seeing what the one before it saw (Jepsen's long-fork; Cerone & Gotsman
// 2016). Two of which each saw a write that the other one missed cannot: the writes were in one
// order for the one, and in the other order for the other.
//
// Sorted by how many keys they saw, each read of a group must see all that the one before it saw:
// that is so exactly if no two of all of them disagree. It takes O(r log r), where comparing all
// pairs takes O(r²). As each read is of one group, and each write of one key, longer circles of
// reads hold such a pair as well: without one there is a serial order of all of them.
//
// `sessions: true` asks for a consistent prefix as processes see it, too: whoever sees a write sees
// those of its group that its process had written, or read, before; and what a process has met, it
// goes on to see. Of circles through several groups rw-register says all: `model:
// strong-session-serializable`.
#include <algorithm>
#include <bit>
#include <memory>
#include <optional>
#include <utility>

#include <boost/unordered/unordered_flat_map.hpp>

#include "checkers/checkers.h"
#include "checkers/guarded.h"
#include "checkers/meter.h"
#include "checkers/sightings.h"
#include "checkers/transactional/judgement.h"
#include "harness/core/text.h"

namespace faultline {
namespace long_fork_check {
namespace {

using transactional::Anomaly;
using transactional::give_up;
using transactional::KeyIndex;
using transactional::MicroOperation;
using transactional::nobody;
using transactional::Objects;
using transactional::Transaction;
using transactional::Transactions;

constexpr std::size_t group_max = 64;
using Mask = std::uint64_t;  ///< Keys of a group, a bit each.
using GroupId = std::uint32_t;
constexpr GroupId no_group = 0xffffffffu;

/// A read of a group, and what it saw of it.
struct Look {
  Transaction read = nobody;
  Mask seen = 0;
};

struct Group {
  std::vector<KeyIndex> keys;  ///< By bit.
  std::vector<Look> looks;
};

class LongForkRun {
 public:
  LongForkRun(const History& history, const Budget& budget, bool sessions, Verdict& verdict)
      : history_(history),
        budget_(budget),
        meter_(budget),
        sessions_(sessions),
        verdict_(verdict),
        all_(history, Objects::registers),
        sightings_(all_) {}

  void check() {
    verdict_.engine = "chains";
    if (!all_.unsupported().empty()) return give_up(verdict_, "unsupported", all_.unsupported());
    if (!sightings_.unsupported().empty())
      return give_up(verdict_, "unsupported", sightings_.unsupported());
    // Looks, groups and, with sessions, what each process has met of them.
    const std::uint64_t bytes = all_.bytes() + sightings_.bytes() +
                                (sessions_ ? 128 : 64) * sightings_.reads().size() +
                                32 * all_.key_count();
    if (transactional::too_much(bytes, budget_, all_.size(), verdict_)) return;
    if (!make_groups()) return;
    count();
    for (const Group& group : groups_)
      if (!judge_chain(group)) return out_of_budget();
    if (sessions_ && !judge_sessions()) return out_of_budget();
    sightings_.note_unwritten(tally_);
    conclude();
  }

 private:
  void out_of_budget() {
    if (!tally_.empty()) return tally_.conclude(history_, verdict_);
    give_up(verdict_, meter_.reason(),
            "the budget ended before every group was looked at; no fork so far");
  }

  void conclude() {
    if (!tally_.empty()) return tally_.conclude(history_, verdict_);
    if (telling_ < 2)
      return give_up(verdict_, "vacuous",
                     "nothing was observed: no two reads of one group saw a part of it each");
    if (overlapping_)
      return give_up(verdict_, "unsupported",
                     "no fork was found, but reads of different groups share key " +
                         sightings_.key(*overlapping_) + ", and are not held against each other");
    verdict_.validity = Validity::valid;
    verdict_.summary = "no fork: reads of " + with_thousands(groups_.size()) +
                       " groups can stand one after the other" +
                       (sessions_ ? ", and each process goes forwards" : "");
  }

  bool make_groups() {
    bits_.assign(all_.key_count(), 0);
    group_of_.assign(all_.key_count(), no_group);
    for (const Transaction read : sightings_.reads()) {
      const auto micro = all_.of(read);
      if (micro.size() > group_max) {
        give_up(verdict_, "unsupported",
                "groups of more than " + std::to_string(group_max) +
                    " keys: " + sightings_.who(read) + " reads " + std::to_string(micro.size()));
        return false;
      }
      Group& group = groups_[group_for(micro)];
      Look look{read, 0};
      for (const MicroOperation& m : micro)
        if (!m.value.is_nil()) look.seen |= bit(group, m.key);
      group.looks.push_back(look);
    }
    return true;
  }

  /// The group of exactly these keys.
  GroupId group_for(std::span<const MicroOperation> micro) {
    std::vector<KeyIndex> keys;
    for (const MicroOperation& m : micro) keys.push_back(m.key);
    std::ranges::sort(keys);
    const auto [found, is_new] = ids_.try_emplace(keys, static_cast<GroupId>(groups_.size()));
    if (!is_new) return found->second;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (group_of_[keys[i]] != no_group && !overlapping_) overlapping_ = keys[i];
      group_of_[keys[i]] = found->second;
      bits_[keys[i]] = static_cast<std::uint8_t>(i);
    }
    groups_.push_back({std::move(keys), {}});
    return found->second;
  }

  /// Keys of two groups have a bit in the later one.
  Mask bit(const Group& group, KeyIndex key) const {
    if (!overlapping_) return Mask{1} << bits_[key];
    return Mask{1} << (std::ranges::lower_bound(group.keys, key) - group.keys.begin());
  }
  static Mask whole(const Group& group) {
    return group.keys.size() == 64 ? ~Mask{0} : (Mask{1} << group.keys.size()) - 1;
  }

  void count() {
    std::uint64_t early = 0, late = 0;
    for (const Group& group : groups_) {
      std::uint64_t parts = 0;
      for (const Look& look : group.looks) {
        early += look.seen == 0;
        late += look.seen == whole(group);
        parts += look.seen != 0 && look.seen != whole(group);
      }
      if (parts > 1) telling_ += parts;
    }
    verdict_.counted = {{"reads", sightings_.reads().size()},
                        {"writes", sightings_.writes()},
                        {"groups", groups_.size()},
                        {"early", early},
                        {"late", late},
                        {"telling", telling_}};
  }

  bool judge_chain(const Group& group) {
    if (!meter_.spend(group.looks.size() * 4)) return false;
    std::vector<Look> looks = group.looks;
    std::ranges::stable_sort(looks, {}, [](const Look& look) { return std::popcount(look.seen); });
    for (std::size_t i = 1; i < looks.size(); ++i)
      if ((looks[i - 1].seen & ~looks[i].seen) != 0) note_fork(group, looks[i - 1], looks[i]);
    return true;
  }

  KeyIndex first_of(const Group& group, Mask mask) const {
    return group.keys[static_cast<std::size_t>(std::countr_zero(mask))];
  }

  void note_fork(const Group& group, const Look& one, const Look& other) {
    const KeyIndex x = first_of(group, one.seen & ~other.seen);
    const KeyIndex y = first_of(group, other.seen & ~one.seen);
    tally_.note("long-fork", Anomaly::G_nonadjacent_item, [&] {
      return Tally::Case{sightings_.who(one.read) + " saw key " + sightings_.key(x) +
                             " written and not key " + sightings_.key(y) + ", and " +
                             sightings_.who(other.read) + " the other way round",
                         rows({sightings_.writer(x), sightings_.writer(y), one.read, other.read})};
    });
  }

  static std::vector<OperationId> rows(std::vector<OperationId> all) {
    std::erase(all, nobody);
    std::ranges::sort(all);
    return all;
  }

  // Sessions.

  /// What a process must have met of a group by now.
  Mask& met(std::uint32_t process, GroupId group) {
    return met_[std::uint64_t{process} << 32 | group];
  }

  /// What the process of a write had met of its group, and that of a read. What those whom it had
  /// read had met in turn is in there: their writers' own reads are judged as well.
  bool judge_sessions() {
    if (overlapping_) return true;
    before_.assign(all_.key_count(), 0);
    std::vector<Mask> owed(all_.size(), 0);
    boost::unordered_flat_map<std::uint32_t, Transaction> last;
    for (Transaction t = 0; t < all_.size(); ++t) {
      if (!meter_.spend(2 + all_.of(t).size())) return false;
      const std::uint32_t process = history_.process()[t];
      const auto [previous, is_first] = last.try_emplace(process, t);
      if (!is_first) {
        take_in(process, previous->second);
        previous->second = t;
      }
      if (all_.of(t).empty()) continue;
      const KeyIndex key = all_.of(t)[0].key;
      if (group_of_[key] == no_group) continue;
      const Mask known = met(process, group_of_[key]);
      if (all_.of(t)[0].is_append())
        before_[key] = known;
      else
        owed[t] = known;
    }
    for (const Group& group : groups_)
      for (const Look& look : group.looks) judge_look(group, look, owed[look.read]);
    return true;
  }

  void take_in(std::uint32_t process, Transaction t) {
    if (history_.fate()[t] != Fate::ok) return;
    for (const MicroOperation& m : all_.of(t)) {
      if (group_of_[m.key] == no_group || (!m.is_append() && m.value.is_nil())) continue;
      met(process, group_of_[m.key]) |= Mask{1} << bits_[m.key];
    }
  }

  void judge_look(const Group& group, const Look& look, Mask owed) {
    const auto note = [&](Mask missed, const std::string& why, Transaction more) {
      tally_.note("torn-prefix", Anomaly::G_single_item_process, [&] {
        const KeyIndex key = first_of(group, missed);
        return Tally::Case{sightings_.who(look.read) + " missed key " + sightings_.key(key) + why,
                           rows({sightings_.writer(key), more, look.read})};
      });
    };
    if ((owed & ~look.seen) != 0)
      return note(owed & ~look.seen, ", which its process had met before", nobody);
    for (Mask left = look.seen; left != 0; left &= left - 1) {
      const KeyIndex key = first_of(group, left);
      const Mask missed = before_[key] & ~look.seen;
      if (missed == 0) continue;
      return note(
          missed,
          " and saw key " + sightings_.key(key) + ", whose writer had met the other one before",
          sightings_.writer(key));
    }
  }

  const History& history_;
  const Budget& budget_;
  Meter meter_;
  const bool sessions_;
  Verdict& verdict_;
  const Transactions all_;
  const Sightings sightings_;
  Tally tally_;
  boost::unordered_flat_map<std::vector<KeyIndex>, GroupId> ids_;
  std::vector<Group> groups_;
  std::vector<GroupId> group_of_;   ///< By key.
  std::vector<std::uint8_t> bits_;  ///< By key: its place in its group.
  std::optional<KeyIndex> overlapping_;
  std::uint64_t telling_ = 0;
  boost::unordered_flat_map<std::uint64_t, Mask> met_;
  std::vector<Mask> before_;  ///< By key.
};

class LongFork final : public Checker {
 public:
  explicit LongFork(bool sessions) : sessions_(sessions) {}
  std::string_view name() const override { return "long-fork"; }
  std::vector<std::string_view> anomalies() const override {
    return {"G1a", "garbage-read", "long-fork", "torn-prefix"};
  }
  Verdict check(const History& history, const Budget& budget) const override {
    Verdict verdict;
    verdict.name = name();
    guarded(verdict, [&] { LongForkRun(history, budget, sessions_, verdict).check(); });
    return verdict;
  }

 private:
  const bool sessions_;
};

}  // namespace
}  // namespace long_fork_check

Result<std::unique_ptr<Checker>> make_long_fork(Params& params) {
  const bool sessions = params.boolean("sessions", false);
  if (Status status = params.finish(); !status) return status.error();
  return std::unique_ptr<Checker>(std::make_unique<long_fork_check::LongFork>(sessions));
}

}  // namespace faultline
