#include "targets/refkv/http.h"

#include <optional>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace refkv {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::minutes idle_timeout{5};

tcp::endpoint endpoint_of(const Peer& peer) {
  return {asio::ip::make_address(peer.host), peer.port};
}

/// Without Nagle's wait for more to send. Where it fails the connection is slower, not wrong.
void send_at_once(tcp::socket& socket) {
  error_code ignored;
  static_cast<void>(socket.set_option(tcp::no_delay(true), ignored));
}

/// What serves the connections.
struct Service {
  Handler handler;
  std::function<void(std::uint64_t)> closed;
  std::size_t count = 0;   ///< Of connections now,
  std::uint64_t ever = 0;  ///< and ever.
};

/// One connection of a client or of another node. Owns itself while an operation is pending.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, std::shared_ptr<Service> service)
      : stream_(std::move(socket)), service_(std::move(service)), number_(++service_->ever) {
    ++service_->count;
  }
  ~Session() {
    --service_->count;
    service_->closed(number_);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void read() {
    parser_.emplace();
    parser_->body_limit(body_bytes_max);
    stream_.expires_after(idle_timeout);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](error_code error, std::size_t) {
                       if (!error) self->dispatch();
                     });
  }

 private:
  void dispatch() {
    http::request<http::string_body> request = parser_->release();
    keep_alive_ = request.keep_alive();
    stream_.expires_never();
    service_->handler({number_, request.method() == http::verb::post, std::string(request.target()),
                       std::move(request.body())},
                      [self = shared_from_this()](int status, std::string body) {
                        self->write(status, std::move(body));
                      });
  }

  void write(int status, std::string body) {
    reply_ = {static_cast<http::status>(status), 11};
    reply_.set(http::field::content_type, "application/json");
    reply_.keep_alive(keep_alive_);
    reply_.body() = std::move(body);
    reply_.prepare_payload();
    stream_.expires_after(std::chrono::seconds(5));
    http::async_write(stream_, reply_, [self = shared_from_this()](error_code error, std::size_t) {
      if (!error && self->keep_alive_) self->read();
    });
  }

  beast::tcp_stream stream_;
  const std::shared_ptr<Service> service_;
  const std::uint64_t number_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> reply_;
  bool keep_alive_ = true;
};

class Listener : public std::enable_shared_from_this<Listener> {
 public:
  Listener(asio::io_context& io, const tcp::endpoint& endpoint, Service service)
      : acceptor_(io, endpoint),
        retry_(io),
        service_(std::make_shared<Service>(std::move(service))) {}

  void accept() {
    acceptor_.async_accept([self = shared_from_this()](error_code error, tcp::socket socket) {
      if (error) return self->accept_later();  // out of descriptors, most likely
      if (self->service_->count < connections_max) {
        send_at_once(socket);
        std::make_shared<Session>(std::move(socket), self->service_)->read();
      }
      self->accept();
    });
  }

 private:
  void accept_later() {
    retry_.expires_after(Link::retry_interval);
    retry_.async_wait([self = shared_from_this()](error_code) { self->accept(); });
  }

  tcp::acceptor acceptor_;  // with SO_REUSEADDR, which is its default
  asio::steady_timer retry_;
  const std::shared_ptr<Service> service_;
};

class Periodic : public std::enable_shared_from_this<Periodic> {
 public:
  Periodic(asio::io_context& io, std::chrono::milliseconds interval, std::function<void()> each)
      : timer_(io), interval_(interval), each_(std::move(each)) {}
  void wait() {
    timer_.expires_after(interval_);
    timer_.async_wait([self = shared_from_this()](error_code) {
      self->each_();
      self->wait();
    });
  }

 private:
  asio::steady_timer timer_;
  const std::chrono::milliseconds interval_;
  const std::function<void()> each_;
};

std::size_t roughly_bytes(const Message& m) {
  constexpr std::size_t fixed = 64;
  std::size_t bytes = fixed + m.call.key.size() + m.call.value.size() + m.call.expected.size() +
                      m.answer.value.size() + m.answer.error.size();
  for (const Call& entry : m.entries) {
    bytes += fixed + entry.key.size() + entry.value.size() + entry.expected.size();
  }
  return bytes;
}

}  // namespace

void serve_http(asio::io_context& io, const Peer& address, Handler handler,
                std::function<void(std::uint64_t)> closed) {
  std::make_shared<Listener>(io, endpoint_of(address),
                             Service{.handler = std::move(handler), .closed = std::move(closed)})
      ->accept();
}

void run_periodically(asio::io_context& io, std::chrono::milliseconds interval,
                      std::function<void()> each) {
  std::make_shared<Periodic>(io, interval, std::move(each))->wait();
}

/// One connection to the other node, and at most one exchange on it. Lives as long as its link, and
/// that as long as the process: handlers may refer to it.
class Link::Lane {
 public:
  explicit Lane(Link& link) : link_(link), retry_(link.io_) {}

  /// Something waits.
  void wake() {
    if (busy_) return;
    if (!connected_) return connect();
    Batch batch{link_.self_, link_.take()};
    if (batch.messages.empty()) return;
    busy_ = true;
    request_ = {http::verb::post, "/peer", 11};
    request_.set(http::field::host, link_.to_.host);
    request_.set(http::field::content_type, "application/json");
    request_.body() = encode_batch(batch);
    request_.prepare_payload();
    stream_->expires_after(link_.exchange_timeout());
    http::async_write(*stream_, request_, [this](error_code error, std::size_t) {
      if (error) return fail();
      read();
    });
  }

 private:
  /// Nothing is taken from the queue before there is a connection to put it on.
  void connect() {
    busy_ = true;
    stream_.emplace(link_.io_);
    stream_->expires_after(link_.connect_timeout());
    stream_->async_connect(endpoint_of(link_.to_), [this](error_code error) {
      if (error) return fail();
      send_at_once(stream_->socket());
      connected_ = true;
      busy_ = false;
      wake();
    });
  }

  void read() {
    parser_.emplace();
    parser_->body_limit(body_bytes_max);
    http::async_read(*stream_, buffer_, *parser_, [this](error_code error, std::size_t) {
      if (error || parser_->get().result() != http::status::ok) return fail();
      const std::string body = std::move(parser_->get().body());
      busy_ = false;
      try {
        link_.deliver_(parse_batch(body, link_.nodes_));
      } catch (const std::exception&) {
        return fail();
      }
      wake();
    });
  }

  void fail() {
    busy_ = true;
    connected_ = false;
    error_code ignored;
    static_cast<void>(stream_->socket().close(ignored));
    buffer_.clear();
    retry_.expires_after(retry_interval);
    retry_.async_wait([this](error_code) {
      busy_ = false;
      link_.drop_expired();
      if (!link_.waiting_.empty()) wake();
    });
  }

  Link& link_;
  std::optional<beast::tcp_stream> stream_;
  asio::steady_timer retry_;
  bool connected_ = false;
  bool busy_ = false;  ///< Connecting, exchanging, or waiting for the next try.
  beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  std::optional<http::response_parser<http::string_body>> parser_;
};

Link::Link(asio::io_context& io, std::size_t self, Peer to, std::size_t nodes,
           std::chrono::milliseconds round_trip, std::function<void(Batch)> deliver)
    : io_(io),
      self_(self),
      to_(std::move(to)),
      nodes_(nodes),
      round_trip_(round_trip),
      deliver_(std::move(deliver)) {
  for (std::size_t i = 0; i < lanes; ++i) lanes_.push_back(std::make_unique<Lane>(*this));
}
Link::~Link() = default;

void Link::push(Message message, Clock::time_point expires) {
  const std::size_t bytes = roughly_bytes(message);
  waiting_.push_back({std::move(message), expires, bytes});
  waiting_bytes_ += bytes;
  while (waiting_.size() > waiting_max || waiting_bytes_ > waiting_bytes_max) {
    waiting_bytes_ -= waiting_.front().bytes;
    waiting_.pop_front();
  }
  if (wake_posted_) return;
  // Later, so that what one event gives rise to goes out together, or in the reply to it.
  wake_posted_ = true;
  asio::post(io_, [this] { wake(); });
}

void Link::wake() {
  wake_posted_ = false;
  for (const auto& lane : lanes_) {
    if (!waiting_.empty()) lane->wake();
  }
}

bool Link::withdraw(std::uint64_t request) {
  return std::erase_if(waiting_, [&](const Waiting& waiting) {
           if (waiting.message.kind != Message::Kind::forward) return false;
           if (waiting.message.request != request) return false;
           waiting_bytes_ -= waiting.bytes;
           return true;
         }) != 0;
}

void Link::drop_expired() {
  const auto now = Clock::now();
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    if (waiting.expires > now) return false;
    waiting_bytes_ -= waiting.bytes;
    return true;
  });
}

std::vector<Message> Link::take() {
  drop_expired();
  std::vector<Message> messages;
  while (!waiting_.empty() && messages.size() < batch_max) {
    waiting_bytes_ -= waiting_.front().bytes;
    messages.push_back(std::move(waiting_.front().message));
    waiting_.pop_front();
  }
  return messages;
}

}  // namespace refkv
