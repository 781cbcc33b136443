#include "harness/os/frames.h"

#include <cstring>
#include <thread>

#include <doctest/doctest.h>
#include <sys/socket.h>

namespace faultline {
namespace {

const auto never = [] { return false; };
const auto always = [] { return true; };

struct Pair {
  Pair() {
    auto made = FrameStream::make_pair();
    REQUIRE(made);
    near = FrameStream(std::move(made->first));
    far = std::move(made->second);
  }
  void write(std::string_view bytes) const {
    REQUIRE(::send(far.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  }
  FrameStream near;
  Fd far;
};

std::string prefix(std::uint32_t length) {
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes;
}

TEST_CASE("frames: messages keep their bounds, however they come in pieces") {
  Pair pair;
  pair.write(prefix(3) + "abc" + prefix(0) + prefix(2) + "d");
  CHECK(**pair.near.receive(never) == "abc");
  CHECK((*pair.near.receive(never))->empty());
  const auto torn = pair.near.receive(never);
  REQUIRE(torn);
  CHECK_FALSE(*torn);  // Not whole yet, and not lost.
  pair.write("e");
  CHECK(**pair.near.receive(never) == "de");
}

TEST_CASE("frames: a message larger than any buffer arrives whole") {
  Pair pair;
  const std::string large(3 << 20, 'x');
  std::thread reader([&] {
    FrameStream far(std::move(pair.far));
    const auto got = far.receive(always);
    CHECK(got);
    CHECK(**got == large);
    CHECK(far.send("thanks", always));
  });
  CHECK(pair.near.send(large, always));
  CHECK(**pair.near.receive(always) == "thanks");
  reader.join();
}

TEST_CASE("frames: a closed end, and a length beyond the limit, are errors") {
  Pair closed, absurd;
  closed.write(prefix(5) + "abc");
  closed.far.reset();
  CHECK_FALSE(closed.near.receive(always));
  CHECK_FALSE(closed.near.send("x", always));  // No SIGPIPE.
  absurd.write(prefix(frame_bytes_max + 1));
  CHECK_FALSE(absurd.near.receive(always));
}

TEST_CASE("frames: whoever does not wait is not kept by an end that does not read") {
  Pair pair;
  CHECK_FALSE(pair.near.send(std::string(8 << 20, 'x'), never));
}

}  // namespace
}  // namespace faultline
