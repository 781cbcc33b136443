// What Lists (lists.h) knows of a whole history, of one that grows: for each key the longest list
// that was read, who appended what stands there and who read how much of it; with that, how
// transactions are tied, and what single reads prove. Nothing is said before it is certain:
//
// - whose append was read, but who was not answered yet, is tied to nothing until it is: it may
//   still fail;
// - what was read, but nobody has asked to append yet, is garbage only in the end. Whoever asks
//   later breaks real time in any case;
// - an append that nobody has read yet is tied to nothing, but in the end (finish).
//
// If a longer list contradicts the longest one, the order of the key was never known. From then on
// only cycles of certain writes are looked for, and those in the end: all that another cycle can
// forbid is forbidden by that read.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "checkers/transactional/excerpt.h"
#include "checkers/transactional/online_isolation.h"
#include "harness/core/big_vector.h"

namespace faultline::transactional {

/// Not thread-safe. It keeps what each transaction appended and how it is tied, but no read.
class OnlineLists final : public OnlineObjects {
 public:
  OnlineLists();

  void invoke(std::uint32_t process, std::span<const OnlineMicro> asked) override;
  void ok(std::uint32_t process, std::span<const OnlineMicro> answered) override;
  void fail_or_info(std::uint32_t process, Fate fate) override;
  void finish() override;

  const std::string& ended() const override { return ended_; }
  const Offences& offences() const override { return offences_; }
  std::size_t unborn() const override { return unborn_.size(); }
  /// A longer list contradicted another one: only in the end cycles are known.
  bool is_contradicted() const { return is_contradicted_; }

  /// The order has two nodes for each of them, at most.
  OnlineFacts& facts() override { return facts_; }
  const OnlineFacts& facts() const override { return facts_; }
  /// All of it, with what is known in the end.
  Excerpt whole();
  std::uint64_t bytes() const override;

 private:
  static constexpr std::uint32_t none = 0xffffffffu;
  static constexpr AppendId unborn_append = no_append - 1, repeated = no_append - 2;

  using State = OnlineFacts::State;
  struct Added {
    ValueHandle element;
    KeyIndex key = 0;
    Transaction by = 0;
    std::uint32_t place = none;
    AppendId previous = no_append;  ///< Of the same transaction to the same key.
    bool is_last = true;            ///< There is no other such one behind it.
  };
  /// Before an element of a list; the last one is before what is not there yet.
  struct Place {
    AppendId append = no_append;
    std::uint32_t readers_up_to = none;   ///< Who waits to know whether they read of its writer.
    std::uint32_t readers_before = none;  ///< Who waits to know whose append they missed.
    Transaction updater = nobody;         ///< Who read up to here, and then appended.
  };
  struct Waiting {
    Transaction reader = nobody;
    std::uint32_t next = none;
  };
  struct Key {
    std::vector<ValueHandle> longest;
    std::vector<Place> places;  ///< One more than elements.
    Transaction longest_reader = nobody;
    std::uint32_t first_failed = none;
    std::uint32_t settled = 0;          ///< So many are known to have happened or not.
    Transaction last_certain = nobody;  ///< Of those, the last that is ok.
    bool failed_before = false;         ///< Something behind that one failed.
    // What a transaction knows of it, while it is looked at.
    Transaction looked_at_by = nobody;
    std::uint32_t knowledge = 0;
    AppendId last_added = no_append;
  };
  struct Knowledge {
    std::span<const ValueHandle> seen{};  ///< By the last read.
    std::uint32_t own = 0;                ///< Appends of its own since then.
    std::uint32_t greatest = 0;           ///< Version that it read.
    std::uint32_t version = none;         ///< Of the first read that fits.
    AppendId last_own = no_append;
    bool has_read = false, has_appended = false;
  };

  Transaction completed(std::uint32_t process, State state);
  void add_append(Transaction t, const OnlineMicro& micro);
  bool is_as_asked(Transaction t, std::span<const OnlineMicro> answered);
  Key& key_at(KeyIndex k);
  bool is_settled(const Place& place) const;
  Transaction happened(const Place& place) const;
  void tie_versions(const Key& key, std::uint32_t place);

  void settle_all(Transaction t);
  void settle(KeyIndex k, std::uint32_t at, bool was_read);
  void advance(KeyIndex k);
  void link_read(Transaction t, Key& key, std::uint32_t version);
  void note_up_to(Transaction reader, const Added& last);
  void wait(std::uint32_t& list, Transaction reader);
  template <typename Visit>
  void release(std::uint32_t& list, Visit visit);

  Knowledge& knowledge_of(Transaction t, Key& key);
  void look_at_append(Transaction t, KeyIndex k, AppendId append);
  void look_at_read(Transaction t, const OnlineMicro& micro);
  bool is_expected(const Knowledge& before, std::span<const ValueHandle> items) const;
  std::uint32_t place_read(Transaction t, const OnlineMicro& micro);
  void extend(KeyIndex k, std::span<const ValueHandle> items);
  void look_into(KeyIndex k, std::span<const ValueHandle> items);
  void contradict(Key& key, std::span<const ValueHandle> items);
  AppendId find(KeyIndex k, ValueHandle element) const;
  void note(Anomaly anomaly) { offences_.note({.anomaly = anomaly}); }

  void place_again(std::vector<Excerpt::Edge>& edges, const std::vector<Node>& place);
  void add_unread(std::vector<Excerpt::Edge>& edges, const std::vector<Node>& place,
                  std::size_t& nodes);
  void add_last_writes(std::vector<Excerpt::Edge>& edges, const std::vector<Node>& place,
                       const Added& added) const;

  OnlineFacts facts_;
  BigVector<Added> added_;  ///< By append.
  std::vector<Key> keys_;
  MapByElement<AppendId> appends_;
  /// Where the element stands; none: not in a longest list.
  MapByElement<std::uint32_t> unborn_;
  std::vector<Waiting> waiting_;
  std::uint32_t free_waiting_ = none;
  std::vector<Knowledge> knowledge_;
  std::uint64_t place_bytes_ = 0;
  bool is_contradicted_ = false, is_finished_ = false;
  Offences offences_;
  std::string ended_;
};

/// Empties it.
template <typename Visit>
void OnlineLists::release(std::uint32_t& list, Visit visit) {
  while (list != none) {
    const std::uint32_t cell = list;
    visit(waiting_[cell].reader);
    list = waiting_[cell].next;
    waiting_[cell].next = free_waiting_;
    free_waiting_ = cell;
  }
}

}  // namespace faultline::transactional
