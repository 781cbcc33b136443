// The transactions of a history that grows: who began and ended when, how they are tied, and who
// was over when another one began. What they did is not in it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "checkers/transactional/excerpt.h"
#include "checkers/transactional/online_order.h"
#include "harness/core/big_vector.h"

namespace faultline::transactional {

/// A micro-operation, its values being those of one pool for all of the history.
struct OnlineMicro {
  KeyIndex key = 0;
  bool is_append = false;  ///< Or a write.
  ValueHandle element{};   ///< Appended or written; of a register, also what was read.
  std::span<const ValueHandle> items{};  ///< Of a list that was read; only looked at in the call.
};

/// Not thread-safe. Real time takes one node more for each time that somebody begins after others
/// have ended.
class OnlineFacts {
 public:
  static constexpr std::uint32_t none = 0xffffffffu;
  enum class State : std::uint8_t { open, ok, info, failed };
  struct Fact {
    Position begin = 0, end = never;
    std::uint32_t process = 0;
    Node node = none, chain = none;  ///< Its own; the last of the chain when it began.
    AppendId first = 0;              ///< Its appends are up to the next one's.
    State state = State::open;
  };

  const Fact& operator[](Transaction t) const { return facts_[t]; }
  std::size_t size() const { return facts_.size(); }
  bool happened(Transaction t) const {
    return facts_[t].state == State::ok || facts_[t].state == State::info;
  }

  /// Behind all that note_end was told of. `first`: the number of its first append.
  Transaction begin(std::uint32_t process, AppendId first);
  /// nobody: that process has none that is open.
  Transaction end(std::uint32_t process, State state);
  void note_end(Transaction t) { ended_nodes_.push_back(node_of(t)); }
  /// Those that are still open never ended: info. They are told.
  template <typename Visit>
  void end_all(Visit visit) {
    for (const auto& [process, t] : open_) {
      facts_[t].state = State::info;
      visit(t);
    }
    open_.clear();
  }

  /// Either may be nobody, or both the same: then nothing is.
  void tie(Transaction from, Transaction to, Bond why);
  /// A node between many that read and many that wrote, so that there are not as many ties as
  /// pairs (Graph).
  Node add_group() { return order_.add(group_owner); }
  void tie_to_group(Transaction reader, Node group) {
    order_.tie(node_of(reader), group, Bond::rw);
  }
  void tie_from_group(Node group, Transaction writer) {
    order_.tie(group, node_of(writer), Bond::rw);
  }
  OnlineOrder& order() { return order_; }
  /// All that was tied is void, and real time with it.
  void forget_order();

  /// The transactions of a component, ascending, and their ties.
  std::vector<Transaction> members(Node any) const;
  Excerpt component(Node any);
  Span span_of(Transaction t) const;
  std::uint64_t bytes() const;

 private:
  static constexpr std::uint32_t group_owner = none - 1;

  bool is_transaction(Node node) const { return order_.owner(node) < group_owner; }
  Node node_of(Transaction t);

  OnlineOrder order_;
  BigVector<Fact> facts_;  ///< By transaction, in the order of their begins.
  boost::unordered_flat_map<std::uint32_t, Transaction> open_;  ///< By process.
  std::vector<Node> ended_nodes_;                               ///< Since the chain's last node.
  Node chain_ = none;
  Position position_ = 0;
};

}  // namespace faultline::transactional
