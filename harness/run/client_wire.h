// What a worker and the process of its client machine say to each other, as bytes: a request, its
// answer, and the end of a connection. Both are the same binary, but what is decoded is checked as
// if it came from anywhere: an answer that is not understood must not become a verdict.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "harness/core/client.h"
#include "harness/core/result.h"

namespace faultline {

/// Worker to machine.
struct ClientCall {
  enum class Kind : std::uint8_t {
    invoke,   ///< Answered by one ClientAnswer of the same sequence.
    hang_up,  ///< Closes the connection; not answered. Only `connection` has a meaning.
  };
  Kind kind = Kind::invoke;
  std::uint64_t sequence = 0;
  std::uint64_t connection = 0;  ///< Named by the worker; opened when first used.
  std::uint64_t node = 0;        ///< The one it leads to, by index.
  /// From when the machine gets to it: clocks are not compared, and a request that lay there while
  /// the machine was stopped is one that a stalled client sends when it goes on.
  std::chrono::nanoseconds timeout{};
  Request request;  ///< Without expects_last_seen, which was resolved.
};

struct ClientAnswer {
  std::uint64_t sequence = 0;
  Outcome outcome = Outcome::info("");
};

std::string encode(const ClientCall& call);
std::string encode(const ClientAnswer& answer);
/// An error for anything that encode() does not make.
Result<ClientCall> decode_call(std::string_view bytes);
Result<ClientAnswer> decode_answer(std::string_view bytes);

}  // namespace faultline
