// The two ends of HTTP/1.1 that a node needs, on Boost.Beast: asynchronous, so that one thread
// serves every connection and no dead peer can hold it up. (cpp-httplib, the other candidate,
// spends a thread on every open connection and on every call in progress.)
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "targets/refkv/engine.h"

// Boost.Asio's types stay out of headers; this one is only ever passed by reference.
namespace boost::asio {
class io_context;  // NOLINT(readability-identifier-naming): Boost's name
}

namespace refkv {

struct HttpRequest {
  std::uint64_t connection = 0;  ///< No two of this process have the same.
  bool post = false;
  std::string path;
  std::string body;
};
using Respond = std::function<void(int status, std::string body)>;
using Handler = std::function<void(HttpRequest request, Respond respond)>;

/// Serves `handler` at the address for ever, and tells `closed` of every connection that is no
/// more, once all of its requests are answered. Throws if it cannot listen.
void serve_http(boost::asio::io_context& io, const Peer& address, Handler handler,
                std::function<void(std::uint64_t connection)> closed);

inline constexpr std::size_t connections_max = 1024;
inline constexpr std::size_t body_bytes_max = 32u << 20;

/// Runs `each` every interval for ever.
void run_periodically(boost::asio::io_context& io, std::chrono::milliseconds interval,
                      std::function<void()> each);

/// What waits to be sent to one other node, and the connections that take it there. Messages travel
/// in batches, as many as wait: in the body of a POST /peer, or in the reply to one of the other
/// node's. A batch whose exchange fails is lost; it is never sent again.
class Link {
 public:
  /// `deliver` gets what comes back in replies.
  Link(boost::asio::io_context& io, std::size_t self, Peer to, std::size_t nodes,
       std::chrono::milliseconds round_trip, std::function<void(Batch)> deliver);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void push(Message message, Clock::time_point expires);
  bool withdraw(std::uint64_t request);
  /// Takes what waits, for a reply; without what has expired.
  std::vector<Message> take();

  static constexpr std::size_t waiting_max = 4096;
  static constexpr std::size_t waiting_bytes_max = 8u << 20;
  static constexpr std::size_t batch_max = 512;
  static constexpr std::size_t lanes = 2;  ///< Connections; one may wait for the other's disk.
  std::chrono::milliseconds exchange_timeout() const {
    return std::chrono::milliseconds(500) + 3 * round_trip_;
  }
  std::chrono::milliseconds connect_timeout() const {
    return std::chrono::milliseconds(250) + 2 * round_trip_;
  }
  static constexpr std::chrono::milliseconds retry_interval{50};

 private:
  struct Waiting {
    Message message;
    Clock::time_point expires;
    std::size_t bytes = 0;
  };
  class Lane;
  void wake();
  void drop_expired();

  boost::asio::io_context& io_;
  const std::size_t self_;
  const Peer to_;
  const std::size_t nodes_;
  const std::chrono::milliseconds round_trip_;
  const std::function<void(Batch)> deliver_;
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool wake_posted_ = false;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace refkv
