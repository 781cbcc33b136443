// What refkv is asked and what its replies mean, as pure functions.
#pragma once

#include <string>

#include "harness/core/client.h"
#include "harness/core/result.h"
#include "harness/os/http.h"

namespace faultline {

/// The body of POST /op. An error for a request that cannot be said.
Result<std::string> refkv_body(const Request& request);

/// What is known about `request` after this exchange; the table stands in refkv.cc.
Outcome refkv_outcome(const Request& request, const HttpReply& reply);

}  // namespace faultline
