// What refkv is asked and what its replies mean, as pure functions.
#pragma once

#include <functional>
#include <string>

#include "harness/core/client.h"
#include "harness/core/result.h"
#include "harness/os/http.h"

namespace faultline {

/// The body of POST /op. An error for a request that cannot be said.
Result<std::string> refkv_body(const Request& request);

/// POSTs a body to /op.
using RefkvExchange = std::function<HttpReply(const std::string& body)>;

/// A transaction in mode transactions: begin, every read, and commit if it changes anything, each
/// an exchange. Until commit was sent nothing can have changed, so that whatever goes wrong before
/// is a fail. The table for commit stands in refkv_transaction.cc.
Outcome refkv_transaction(const Request& request, const RefkvExchange& exchange);

/// A bank in mode transactions (harness/core/bank.h): a read of all accounts, and a transfer, each
/// in one transaction. What funds do not suffice for is a fail, and nothing was asked to commit.
Outcome refkv_balances(const Request& request, const RefkvExchange& exchange);
Outcome refkv_transfer(const Request& request, const RefkvExchange& exchange);

/// The value that a call was answered with: a scalar, or a list of scalars. An error if it was not
/// ok.
Result<Value> refkv_answer(const HttpReply& reply);

/// What is known about `request` after this exchange; the table stands in refkv.cc.
/// Of a transaction, `reply` answers its commit, and `request.value` has its reads filled in.
Outcome refkv_outcome(const Request& request, const HttpReply& reply);

}  // namespace faultline
