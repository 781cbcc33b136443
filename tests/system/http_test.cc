// Http against a server on loopback that misbehaves on purpose.
#include "harness/os/http.h"

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/system/fixture.h"

namespace {

using namespace faultline;
using faultline::system_test::in;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Socket {
  int fd = -1;
  explicit Socket(int its_fd) : fd(its_fd) {}
  ~Socket() {
    if (fd >= 0) ::close(fd);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
};

/// Serves one connection after another; `serve` gets each, and ends it by returning.
class Server {
 public:
  using Serve = std::function<void(Server&, int fd)>;
  explicit Server(Serve serve, int backlog = 16)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), serve_(std::move(serve)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listener_.fd, generic, size) == 0);
    REQUIRE(::listen(listener_.fd, backlog) == 0);
    REQUIRE(::getsockname(listener_.fd, generic, &size) == 0);
    port_ = ntohs(address.sin_port);
    if (serve_) thread_ = std::thread([this] { run(); });
  }
  ~Server() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::string origin() const { return "http://127.0.0.1:" + std::to_string(port_); }

  /// A whole request, or nothing if the client closed instead.
  std::string read_request(int fd) {
    std::string text;
    std::size_t wanted = std::string::npos;
    while (text.size() < wanted && readable(fd)) {
      char buffer[4096];
      const ssize_t n = ::recv(fd, buffer, sizeof(buffer), 0);
      if (n <= 0) return {};
      text.append(buffer, static_cast<std::size_t>(n));
      const std::size_t end = text.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      const std::size_t length = text.find("Content-Length: ");
      wanted = end + 4;
      if (length < end) wanted += std::stoul(text.substr(length + 16));
    }
    if (text.size() < wanted) return {};
    ++requests;
    return text;
  }
  static void send_text(int fd, std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  static void reply(int fd, const std::string& body) {
    send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                      body);
  }
  /// Whether the client closes its end before the test is over.
  bool closed_by_client(int fd) {
    char byte = 0;
    return readable(fd) && ::recv(fd, &byte, 1, 0) <= 0;
  }

  void stop_listening() {
    ::close(listener_.fd);
    listener_.fd = -1;
  }

  std::atomic<int> requests = 0;
  std::atomic<int> connections = 0;
  std::atomic<int> closed = 0;

 private:
  bool readable(int fd) const {
    pollfd poll{fd, POLLIN, 0};
    while (!stop_) {
      if (::poll(&poll, 1, 10) > 0) return true;
    }
    return false;
  }
  void run() {
    while (readable(listener_.fd)) {
      const Socket connection(::accept(listener_.fd, nullptr, nullptr));
      if (connection.fd < 0) continue;
      ++connections;
      serve_(*this, connection.fd);
    }
  }

  Socket listener_;
  Serve serve_;
  int port_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

/// Answers every request with what it got.
void echo(Server& server, int fd) {
  for (;;) {
    const std::string request = server.read_request(fd);
    if (request.empty()) return;
    Server::reply(fd, request);
  }
}

}  // namespace

TEST_CASE("http: requests share a connection, and arrive as they were said") {
  Server server(echo);
  Http http(server.origin());
  const HttpReply posted = http.post("/a?b=c", R"({"x":1})", in(seconds(5)));
  CHECK(posted.error.empty());
  CHECK(posted.status == 200);
  CHECK(posted.body.starts_with("POST /a?b=c HTTP/1.1\r\n"));
  CHECK(posted.body.ends_with("\r\n\r\n{\"x\":1}"));
  CHECK(http.get("/b", in(seconds(5))).body.starts_with("GET /b HTTP/1.1\r\n"));
  const std::string long_body(3 << 20, 'x');
  CHECK(http.post("/", long_body, in(seconds(5))).body.ends_with(long_body));
  CHECK(http.post("/", "", in(seconds(5))).status == 200);
  CHECK(server.connections == 1);
  CHECK(server.requests == 4);
}

TEST_CASE("http: a POST on a reused connection that dies is never sent again") {
  Server server([](Server& self, int fd) {
    if (self.read_request(fd).empty()) return;
    Server::reply(fd, "first");
    self.read_request(fd);  // and close, before the first byte of a reply
  });
  Http http(server.origin());
  CHECK(http.post("/", "one", in(seconds(5))).body == "first");
  const HttpReply lost = http.post("/", "two", in(seconds(5)));
  CHECK(lost.status == 0);
  CHECK_FALSE(lost.error.empty());
  CHECK_FALSE(lost.never_sent);
  CHECK(server.requests == 2);
  // The next one goes out on a new connection.
  CHECK(http.post("/", "three", in(seconds(5))).body == "first");
  CHECK(server.requests == 3);
  CHECK(server.connections > 1);  // libcurl made one more, before it saw that it could not rewind
}

// A store that is killed right after it took a request: libcurl's own second attempt is refused,
// and that must not pass for a request that never left.
TEST_CASE("http: a kept connection that dies with its server may have done the request") {
  Server server([](Server& self, int fd) {
    self.read_request(fd);
    Server::reply(fd, "first");
    self.read_request(fd);
    self.stop_listening();
  });
  Http http(server.origin());
  CHECK(http.post("/", "one", in(seconds(5))).body == "first");
  const HttpReply lost = http.post("/", "two", in(seconds(5)));
  CHECK(server.requests == 2);
  CHECK_FALSE(lost.error.empty());
  CHECK_FALSE(lost.never_sent);
}

TEST_CASE("http: a connection that died while idle has taken nothing") {
  Server server([](Server& self, int fd) {
    self.read_request(fd);
    Server::reply(fd, "first");
    self.stop_listening();
  });
  Http http(server.origin());
  CHECK(http.post("/", "one", in(seconds(5))).body == "first");
  // The end of the connection may still be on its way; whatever it did, nobody read a second
  // request, and a refusal of the only attempt says so.
  const HttpReply refused = http.post("/", "two", in(seconds(5)));
  CHECK_FALSE(refused.error.empty());
  if (refused.never_sent) CHECK(refused.error == "connection refused");
}

TEST_CASE("http: what never left is told from what may have arrived") {
  Http nobody("http://127.0.0.1:1");
  const HttpReply refused = nobody.post("/", "x", in(seconds(5)));
  CHECK(refused.error == "connection refused");
  CHECK(refused.never_sent);
  CHECK(nobody.post("/", "x", in(milliseconds(-1))).never_sent);

  // A server whose queue is full answers no SYN.
  Server full(nullptr, 0);
  std::vector<std::unique_ptr<Socket>> fill;
  Http waiting(full.origin());
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(full.origin().substr(17))));
  for (int i = 0; i < 8; ++i) {
    fill.push_back(
        std::make_unique<Socket>(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)));
    (void)::connect(fill.back()->fd, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  }
  const HttpReply unconnected = waiting.post("/", "x", in(milliseconds(300)));
  CHECK(unconnected.error == "timeout");
  CHECK(unconnected.never_sent);

  Server silent([](Server& self, int fd) {
    self.read_request(fd);
    self.closed += self.closed_by_client(fd);
  });
  Http http(silent.origin());
  const HttpReply timeout = http.post("/", "x", in(milliseconds(200)));
  CHECK(timeout.error == "timeout");
  CHECK_FALSE(timeout.never_sent);
  // Its connection is closed, so that a late reply cannot be taken for the next one's.
  (void)http.post("/", "y", in(milliseconds(200)));
  CHECK(system_test::eventually([&] { return silent.connections == 2; }));
  CHECK(silent.closed >= 1);
}

TEST_CASE("http: a timeout on a kept connection is not never_sent") {
  Server server([](Server& self, int fd) {
    if (self.read_request(fd).empty()) return;
    Server::reply(fd, "first");
    self.read_request(fd);
    self.closed += self.closed_by_client(fd);
  });
  Http http(server.origin());
  CHECK(http.post("/", "x", in(seconds(5))).body == "first");
  const HttpReply timeout = http.post("/", "y", in(milliseconds(200)));
  CHECK(timeout.error == "timeout");
  CHECK_FALSE(timeout.never_sent);
}

TEST_CASE("http: replies that are none") {
  const std::vector<std::pair<std::string, std::string>> replies{
      {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "reply cut short"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + std::string(17 << 20, 'x'),
       "reply too long"},
      {"hello\r\n\r\n", "not an HTTP reply"},
      {"HTTP/1.1 200 OK\r\nContent-Le", "reply cut short"},
      {"", "connection lost"},
  };
  for (const auto& [reply, error] : replies) {
    CAPTURE(reply.substr(0, 60));
    Server server([text = reply](Server& self, int fd) {
      self.read_request(fd);
      Server::send_text(fd, text);
    });
    Http http(server.origin());
    const HttpReply got = http.post("/", "x", in(seconds(5)));
    CHECK(got.error == error);
    CHECK_FALSE(got.never_sent);
    CHECK(server.requests == 1);
  }
}

TEST_CASE("http: a redirection is an answer, and proxies of the environment are not asked") {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  Server server([](Server& self, int fd) {
    while (!self.read_request(fd).empty()) {
      Server::send_text(fd, "HTTP/1.1 307 T\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n");
    }
  });
  Http http(server.origin());
  CHECK(http.post("/a", "x", in(seconds(5))).status == 307);
  CHECK(server.requests == 1);
  ::unsetenv("http_proxy");
}
