#include "harness/os/wire.h"

#include <array>

#include <doctest/doctest.h>
#include <fcntl.h>

namespace faultline::wire {
namespace {

TEST_CASE("a message arrives with its fields, its sequence and its descriptors") {
  auto channel = make_channel();
  REQUIRE(channel);
  const std::vector<std::string> words = {"a", "", std::string("nul\0inside", 10)};
  const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const std::array fds = {null.get(), null.get()};
  REQUIRE(
      send(channel->first.get(), Writer(Kind::start, 7).number(-5).texts(words).text("end"), fds));
  auto received = receive(channel->second.get());
  REQUIRE(received);
  REQUIRE(*received);
  Message& message = **received;
  CHECK((message.kind == Kind::start));
  CHECK(message.sequence == 7);
  CHECK(message.number() == -5);
  CHECK(message.texts() == words);
  CHECK(message.text() == "end");
  REQUIRE(message.fds.size() == 2);
  CHECK(message.fds[0].get() != null.get());
  CHECK((::fcntl(message.fds[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("messages keep their bounds and order; a closed channel is no message") {
  auto channel = make_channel();
  REQUIRE(channel);
  for (std::uint32_t i = 0; i < 3; ++i) REQUIRE(send(channel->first.get(), Writer(Kind::list, i)));
  channel->first.reset();
  for (std::uint32_t i = 0; i < 3; ++i) CHECK((*receive(channel->second.get()))->sequence == i);
  const auto end = receive(channel->second.get());
  REQUIRE(end);
  CHECK_FALSE(*end);
  CHECK_FALSE(send(channel->second.get(), Writer(Kind::list)));  // An error, no SIGPIPE.
}

TEST_CASE("credentials name the sender where they are asked for") {
  auto channel = make_channel();
  REQUIRE(channel);
  REQUIRE(receive_credentials(channel->second.get()));
  REQUIRE(send(channel->first.get(), Writer(Kind::process), {}, ::getpid()));
  CHECK((*receive(channel->second.get()))->sender_pid == ::getpid());
}

TEST_CASE("a message over the limit is refused before it is sent") {
  auto channel = make_channel();
  REQUIRE(channel);
  const Status sent =
      send(channel->first.get(), Writer(Kind::start).text(std::string(message_bytes_max, 'x')));
  REQUIRE_FALSE(sent);
  CHECK(sent.error().what == "a message of more than 128 KiB");
  REQUIRE(send(channel->first.get(),
               Writer(Kind::start).text(std::string(message_bytes_max - 24, 'x'))));
  CHECK((*receive(channel->second.get()))->text().size() == message_bytes_max - 24);
}

}  // namespace
}  // namespace faultline::wire
