// A transaction of the embedded store that is asked step by step: targets/refkv/open_transactions.h
// has its words. The store ends it with its connection. It answers at once, also that a step waits,
// and for which transaction; but a commit only when it is done.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "harness/core/stepwise.h"
#include "harness/os/http.h"

namespace faultline {

/// The body of POST /op. An error for what cannot be said. `transaction` counts for all but begin.
Result<std::string> refkv_step_body(const Step& step, std::int64_t transaction);

/// What the reply to `step`, or to a look at it, means:
///   | 200 {"ok":true,…}, with what was asked for                  | done                         |
///   | 200 {"ok":true,"value":{"waits_for":[5]}}, an access        | waiting                      |
///   | 200 {"ok":false,"mismatch":true,"error":"…"}                | refused: it is undone        |
///   | a commit: it never left, or 400, 503 with "definite":true   | failed                       |
///   | a commit: any other answer, or none                         | lost                         |
///   | any other answer, or none, before a commit was sent         | failed: the caller ends the  |
///   |                                                             |   connection, which undoes it
///   |
StepReport refkv_step_report(const Step& step, const HttpReply& reply);

/// look() takes as long as the store is silent: no time for one that runs, but for a commit.
class RefkvOpenTransaction final : public OpenTransaction {
 public:
  /// POSTs a body to /op, always over one connection, which ends with it.
  using Exchange = std::function<HttpReply(const std::string& body, Deadline deadline)>;

  explicit RefkvOpenTransaction(Exchange exchange) : exchange_(std::move(exchange)) {}
  void send(const Step& step, Deadline deadline) override;
  StepReport look(Deadline deadline) override;

 private:
  Exchange exchange_;
  std::int64_t transaction_ = 0;
  Step step_;
  std::string body_;                 ///< What is to be asked next.
  std::optional<StepReport> early_;  ///< Known already.
};

}  // namespace faultline
