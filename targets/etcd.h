// What etcd is asked and what its replies mean, as pure functions.
#pragma once

#include <string>
#include <string_view>

#include "harness/core/client.h"
#include "harness/core/result.h"
#include "harness/os/http.h"

namespace faultline {

struct EtcdCall {
  std::string path;  ///< "/v3/kv/put"
  std::string body;
};
/// An error for a request that cannot be said, such as a write of nil.
Result<EtcdCall> etcd_call(const Request& request, bool serializable_reads);

/// Goes the way of a write, through the consensus and to where it is applied, and changes nothing:
/// its comparison is wrong. A node that serves answers it so.
Request etcd_question();

/// What is known about `request` after this exchange; the table stands in etcd.cc.
Outcome etcd_outcome(const Request& request, const HttpReply& reply);

/// RFC 4648, with padding.
std::string base64_encode(std::string_view bytes);
Result<std::string> base64_decode(std::string_view text);

}  // namespace faultline
