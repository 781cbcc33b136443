#include "harness/os/node.h"

#include <csignal>
#include <cstring>

#include <sys/syscall.h>
#include <sys/wait.h>

#include "harness/os/init.h"
#include "harness/os/node_clocks.h"

namespace faultline {
namespace {

using wire::Kind;

/// Longer than an init's own limit for a kill.
constexpr std::chrono::seconds answer_limit{15};

std::string describe(int status) {
  if (WIFEXITED(status)) return "exit status " + std::to_string(WEXITSTATUS(status));
  return "signal " + std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) + ")";
}

}  // namespace

Status NodeHandle::send(const wire::Writer& message, std::span<const int> fds) {
  if (lost_) return lost();
  return wire::send(channel_.get(), message, fds);
}

Error NodeHandle::lost() {
  if (!lost_) {
    lost_ = true;
    const auto now = Clock::now().time_since_epoch();
    deaths_.push_back({index_, "the init of the node is gone",
                       std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()});
  }
  return Error{name_ + ": the init of the node is gone"};
}

Result<std::optional<wire::Message>> NodeHandle::next(Clock::time_point deadline) {
  if (lost_) return lost();
  const auto readable = wire::readable(
      channel_.get(), std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()));
  if (!readable) return readable.error();
  if (!*readable) return std::optional<wire::Message>{};
  auto message = wire::receive(channel_.get());
  if (!message) return message.error();
  if (!*message) return lost();
  return message;
}

Result<wire::Message> NodeHandle::answer(std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  for (;;) {
    auto message = next(deadline);
    if (!message) return message.error();
    if (!*message)
      return Error{name_ + ": no answer of the init within " + std::to_string(limit.count()) +
                   " ms"};
    switch ((*message)->kind) {
      case Kind::ended:
        note_end(**message);
        break;
      case Kind::process: {
        ProcessInfo process;
        process.pid = (*message)->sender_pid;
        process.state = static_cast<char>((*message)->number());
        process.command = (*message)->text();
        listed_.push_back(std::move(process));
        break;
      }
      case Kind::clock_node:
        take_reading(**message, clocks_);
        break;
      case Kind::clock_process:
        clocks_.processes.push_back(take_process(**message));
        break;
      case Kind::done:
        // An older number is the late answer to a request that was given up.
        if ((*message)->sequence == sequence_) return std::move(**message);
        listed_.clear();
        clocks_ = {};
        break;
      default:
        FAULTLINE_CHECK(!"known message");
    }
  }
}

void NodeHandle::note_end(wire::Message& message) {
  message.number();
  const int status = static_cast<int>(message.number());
  const std::int64_t steady_ns = message.number();
  const int asked = static_cast<int>(message.number());
  running_ = false;
  // After SIGKILL only that signal is our doing; a store that handles another may end as it likes.
  const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  const bool ours = asked != 0 && (asked != SIGKILL || killed);
  if (!ours) deaths_.push_back({index_, describe(status), steady_ns});
}

Status NodeHandle::begin_setup(const Node& node, const std::string& hosts, const std::string& keep,
                               std::size_t machines, std::int64_t monotonic_ns) {
  return send(wire::Writer(Kind::setup, ++sequence_)
                  .text(node.name)
                  .text(hosts)
                  .text(keep)
                  .text(node.address)
                  .text(node.address6)
                  .number(static_cast<std::int64_t>(machines))
                  .number(monotonic_ns));
}

Status NodeHandle::finish_setup() {
  auto done = answer(answer_limit);
  if (!done) return done.error();
  if (const std::int64_t number = done->number(); number < 0)
    return Error{"set up " + name_ + ": " + done->text(),
                 number == wire::failed_incapable ? ErrorKind::capability : ErrorKind::other};
  FAULTLINE_CHECK(!done->fds.empty());
  socket_ = std::move(done->fds[0]);
  if (done->fds.size() > 1) socket6_ = std::move(done->fds[1]);
  return Ok{};
}

Status NodeHandle::start(const Launch& launch, const Node& node, const std::string& mark,
                         int input) {
  drain();
  if (running_) return Error{"start " + node.name + ": it runs already"};
  std::vector<std::string> environment = {
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "HOME=" + node.data_dir.string(), "LANG=C.UTF-8"};
  for (const auto& [name, value] : launch.environment) {
    std::erase_if(environment, [&](const std::string& s) { return s.starts_with(name + "="); });
    environment.push_back(name + "=" + value);
  }
  environment.push_back(mark);
  const Status sent = send(wire::Writer(Kind::start, ++sequence_)
                               .texts(launch.argv)
                               .texts(environment)
                               .text(node.data_dir.string())
                               .text((node.log_dir / "stdout.log").string())
                               .text((node.log_dir / "stderr.log").string()),
                           std::span(&input, input < 0 ? 0 : 1));
  if (!sent) return Error{"start " + node.name + ": " + sent.error().what};
  running_ = true;  // Its end may come before the answer.
  auto done = answer(answer_limit);
  if (!done) return done.error();
  if (done->number() < 0) {
    running_ = false;
    return Error{"start " + node.name + ": " + done->text()};
  }
  return Ok{};
}

Status NodeHandle::ask(const wire::Writer& message, std::string_view what) {
  Status sent = send(message);
  if (!sent) return sent;
  auto done = answer(answer_limit);
  if (!done) return done.error();
  if (done->number() < 0) return Error{std::string(what) + " " + name_ + ": " + done->text()};
  return Ok{};
}

Status NodeHandle::signal(int number) {
  return ask(wire::Writer(Kind::signal, ++sequence_).number(number),
             "signal " + std::to_string(number) + " to");
}

Status NodeHandle::set_skews(std::span<const Skew> skews) {
  wire::Writer message(Kind::clock_set, ++sequence_);
  put_skews(message, skews);
  return ask(message, "shift the clock of");
}

Result<ClockReading> NodeHandle::read_clocks() {
  clocks_ = {};
  if (const Status done = ask(wire::Writer(Kind::clock_read, ++sequence_), "read the clocks of");
      !done)
    return done.error();
  return std::exchange(clocks_, {});
}

Status NodeHandle::try_clock_shift() {
  if (const Status sent = send(wire::Writer(Kind::clock_trial, ++sequence_)); !sent) return sent;
  auto done = answer(answer_limit);
  if (!done) return done.error();
  if (done->number() < 0) return Error{done->text(), ErrorKind::capability};
  return Ok{};
}

Status NodeHandle::arm_clocks() {
  return ask(wire::Writer(Kind::clock_arm, ++sequence_), "answer system calls of");
}

Result<std::vector<ProcessInfo>> NodeHandle::processes() {
  listed_.clear();
  const Status sent = send(wire::Writer(Kind::list, ++sequence_));
  if (!sent) return sent.error();
  auto done = answer(answer_limit);
  if (!done) return done.error();
  if (done->number() < 0) return Error{done->text()};
  return std::exchange(listed_, {});
}

void NodeHandle::drain() {
  while (!lost_) {
    auto message = next(Clock::now());
    if (!message || !*message) break;
    if ((*message)->kind == Kind::ended) note_end(**message);
  }
}

std::vector<Cluster::Death> NodeHandle::take_deaths() {
  drain();
  return std::exchange(deaths_, {});
}

void NodeHandle::kill_init() {
  ::syscall(SYS_pidfd_send_signal, process_.get(), SIGKILL, nullptr, 0);
}

void NodeHandle::close() {
  socket_.reset();
  socket6_.reset();
  channel_.reset();
}

}  // namespace faultline
