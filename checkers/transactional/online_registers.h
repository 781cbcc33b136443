// What Registers (registers.h) knows of a whole history, of one that grows. Nothing is said before
// it is certain:
//
// - who read of those that were not answered yet waits until all of them are: they may still fail.
//   So do those that the same process did next, as versions are inferred from its order, too;
// - who was not answered for good (info) happened, as soon as it is known that it was read;
// - what was read, but nobody has asked to write yet, is garbage only in the end. Whoever asks
//   later breaks real time in any case, and nothing more is inferred from such a read.
//
// Which versions come before which: online_versions.h.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include "checkers/transactional/online_isolation.h"
#include "checkers/transactional/online_versions.h"
#include "harness/core/big_vector.h"

namespace faultline::transactional {

/// Not thread-safe. It keeps the value of each write; of an answer only what versions were met,
/// and all of it only while it waits.
class OnlineRegisters final : public OnlineObjects {
 public:
  /// `initial`: what is read before any write; nothing: nil.
  explicit OnlineRegisters(std::optional<std::int64_t> initial);

  void invoke(std::uint32_t process, std::span<const OnlineMicro> asked) override;
  void ok(std::uint32_t process, std::span<const OnlineMicro> answered) override;
  void fail_or_info(std::uint32_t process, Fate fate) override;
  void finish() override;

  const std::string& ended() const override { return ended_; }
  const Offences& offences() const override { return offences_; }
  std::size_t unborn() const override { return unborn_.size(); }
  OnlineFacts& facts() override { return facts_; }
  const OnlineFacts& facts() const override { return facts_; }
  const OnlineVersions& versions() const { return versions_; }
  std::uint64_t bytes() const override;

 private:
  using State = OnlineFacts::State;
  static constexpr OnlineVersion none = OnlineVersions::none;

  struct Met {
    KeyIndex key = 0;
    bool is_write = false;
    OnlineVersion version = none;  ///< Written, or read; none: nobody has written it so far.
    ValueHandle value{};
  };
  struct Answer {
    Transaction transaction = nobody;
    std::vector<Met> met;
    std::vector<Transaction> awaited;  ///< Each that is still open.
  };
  /// Of a process of which somebody waits.
  struct Session {
    std::deque<Answer> answers;  ///< The first one waits for others.
    Transaction info = nobody;   ///< Behind them, and it happened.
  };
  struct Key {
    // Of who is looked at.
    Transaction looked_at_by = nobody;
    Transaction failed = nobody;  ///< Of whom it read.
    ValueHandle value{};          ///< Read or written last.
    OnlineVersion written = none, read = none, read_first = none;
    bool has_written = false, has_before = false;
    bool has_unborn = false;  ///< Read what nobody has written so far.
  };

  Transaction completed(std::uint32_t process, State state);
  void add_write(Transaction t, const OnlineMicro& micro);
  void take_answer(Transaction t, std::span<const OnlineMicro> answered);
  OnlineVersion find_read(Transaction t, const OnlineMicro& micro);
  void settle(Transaction t);
  void settle_early(Transaction t);
  void go_on(std::uint32_t process);
  void commit_info(Transaction t);

  void look_at(Transaction t, std::span<Met> met);
  void look_at_single(Transaction t, std::span<Met> met);
  void look_at_read(Transaction t, Met& read, OnlineVersion next_own);
  void note_updates(Transaction t, std::span<const Met> met);
  void relate_by_reads(Transaction t, std::span<const Met> met);
  Key& key_at(KeyIndex k, Transaction t);
  void note(Anomaly anomaly) { offences_.note({.anomaly = anomaly}); }

  const std::optional<std::int64_t> initial_;
  OnlineFacts facts_;
  OnlineVersions versions_;
  MapByElement<OnlineVersion> writes_;
  BigVector<ValueHandle> values_;  ///< By write.
  std::vector<Key> keys_;
  MapByElement<std::vector<Transaction>> unborn_;  ///< By whom it was read.
  /// Of what was asked for later: the same.
  boost::unordered_flat_map<OnlineVersion, std::vector<Transaction>> early_;
  boost::unordered_flat_map<std::uint32_t, Session> sessions_;                  ///< By process.
  boost::unordered_flat_map<Transaction, std::vector<std::uint32_t>> awaited_;  ///< By processes.
  boost::unordered_flat_set<Transaction> committed_infos_;
  BigVector<Transaction> looked_at_;  ///< By writer: for whom.
  std::vector<Met> met_;              ///< Kept for its memory, as is the next.
  std::vector<OnlineVersion> versions_met_;
  Offences offences_;
  std::string ended_;
};

}  // namespace faultline::transactional
