#include "harness/core/stepwise.h"

#include <exception>
#include <utility>

#include "harness/core/predicate.h"

namespace faultline {

std::vector<List> transactions_of(const Script& script) {
  std::vector<List> transactions;
  for (const Script::Part& part : script.parts) {
    if (part.transaction >= transactions.size()) transactions.resize(part.transaction + 1);
    if (part.step.kind == Step::Kind::access)
      transactions[part.transaction].push_back(part.step.access);
  }
  return transactions;
}

namespace {

/// What became of it; still running or waiting if the time is over.
StepReport carried_out(OpenTransaction& transaction, const Step& step, Deadline deadline) {
  transaction.send(step, deadline);
  for (;;) {
    StepReport report = transaction.look(deadline);
    if (report.is_over() || std::chrono::steady_clock::now() >= deadline) return report;
  }
}

std::string why_ended(const StepReport& report) {
  if (report.kind == StepReport::Kind::refused) return std::string(refusal_mark) + report.why;
  return report.is_over() ? report.why : "no answer in time";
}

}  // namespace

Outcome invoke_by_steps(OpenTransaction& transaction, const Request& request, Deadline deadline) {
  using Kind = StepReport::Kind;
  if (request.value.list() == nullptr) return Outcome::fail("a transaction is a list of accesses");
  List answer = *request.value.list();
  bool is_committing = false;
  try {
    const StepReport begun = carried_out(transaction, {Step::Kind::begin, {}}, deadline);
    if (begun.kind != Kind::done) return Outcome::fail(why_ended(begun));
    for (Value& access : answer) {
      StepReport report = carried_out(transaction, {Step::Kind::access, access}, deadline);
      if (report.kind != Kind::done) return Outcome::fail(why_ended(report));
      access = std::move(report.access);
    }
    is_committing = true;
    const StepReport end = carried_out(transaction, {Step::Kind::commit, {}}, deadline);
    if (end.kind == Kind::done) return Outcome::ok(std::move(answer));
    if (end.kind == Kind::refused || end.kind == Kind::failed) return Outcome::fail(why_ended(end));
    return changes_nothing(request.value) ? Outcome::fail(why_ended(end))
                                          : Outcome::info(why_ended(end));
  } catch (const std::exception& error) {
    // As all that is thrown before a commit was sent.
    if (!is_committing) return Outcome::fail(error.what());
    throw;
  }
}

}  // namespace faultline
