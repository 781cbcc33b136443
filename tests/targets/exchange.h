// What clients of a store are asked, and what a server replies, for tests of how one becomes the
// other's outcome.
#pragma once

#include <string>
#include <utility>

#include "harness/core/client.h"
#include "harness/os/http.h"

namespace faultline {

inline const Request read_k{.function = Function::read, .key = "k", .value = {}};
inline const Request write_k{.function = Function::write, .key = "k", .value = 7};
inline const Request cas_k{.function = Function::cas, .key = "k", .value = List{7, 8}};

inline HttpReply replied(int status, std::string body) {
  return {.status = status, .body = std::move(body)};
}

}  // namespace faultline
