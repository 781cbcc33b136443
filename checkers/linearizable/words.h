// Says things about operations of one history, for people.
#pragma once

#include <string>
#include <vector>

#include "harness/core/history.h"

namespace faultline::linearizable {

class Words {
 public:
  explicit Words(const History& history) : h_(history) {}

  /// The node that was asked, else the process that asked.
  std::string who(OperationId id) const;
  /// Of a register's operation.
  ValueHandle observed(OperationId id) const;
  ValueHandle written(OperationId id) const;
  std::string text(ValueHandle value) const { return h_.values().to_text(value); }

  /// When it was answered (or, `asked`, invoked), with as many decimals as the sentence needs.
  std::string when(OperationId id, bool asked, int decimals) const;
  static std::string seconds(std::int64_t nanoseconds, int decimals);
  /// Two decimals, or more if the two moments would look alike.
  int decimals(OperationId a, bool a_asked, OperationId b, bool b_asked) const;

  /// "n2 read 7 at 3.20 s"
  std::string deed(OperationId id, bool perfect, int decimals) const;

  std::string operation(OperationId id) const;
  std::string answer(OperationId id) const;
  std::string moment(OperationId id, bool asked) const;

  const History& history() const { return h_; }

 private:
  /// "dequeued 7", "found the queue empty": of an operation of any object but a register.
  std::string other_deed(OperationId id, bool perfect) const;
  std::span<const ValueHandle> pair(OperationId id) const {
    return h_.values().items(h_.argument()[id]);
  }
  const History& h_;
};

/// The operations as a table in time order, a line each.
std::string table(const History& history, const std::vector<OperationId>& operations);

}  // namespace faultline::linearizable
