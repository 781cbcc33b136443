// HTTP/1.1 over libcurl, for stores' clients. One connection per object, kept alive between
// requests; never retries, never follows, no proxy, no signals.
//
// libcurl on its own re-sends a POST when a reused connection dies before the first byte of the
// reply, which doubles writes in silence. The body is therefore given by a read function without a
// seek function: then such a request ends in an error (CURLE_SEND_FAIL_REWIND), which is
// indeterminate.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "harness/core/client.h"

namespace faultline {

struct HttpReply {
  /// 0 if no reply came.
  int status = 0;
  std::string body{};
  /// Empty if a whole reply came; else what went wrong: "timeout", "connection refused", …
  std::string error{};
  /// True if the request provably never reached the server: name or connection failed before a
  /// byte was sent. Only then may a failed exchange be called fail.
  bool never_sent = false;
};

class Http {
 public:
  /// `origin`: "http://10.88.0.1:2379". Does not connect yet.
  explicit Http(std::string origin);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  /// One exchange, ended by `deadline` at the latest. After any error the connection is closed.
  /// Bodies over `reply_bytes_max` are an error. Thread-compatible.
  HttpReply post(std::string_view path, std::string_view body, Deadline deadline);
  HttpReply get(std::string_view path, Deadline deadline);

  static constexpr std::size_t reply_bytes_max = 16u << 20;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace faultline
