#include "harness/run/client_machines.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "harness/core/check.h"
#include "harness/core/text.h"
#include "harness/os/frames.h"
#include "harness/os/wire.h"
#include "harness/run/client_program.h"
#include "harness/run/client_wire.h"
#include "harness/run/yaml.h"

namespace faultline {
namespace {

using Clock = std::chrono::steady_clock;
using wire::Kind;

std::chrono::milliseconds left_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  return std::max(left, std::chrono::milliseconds(0));
}

}  // namespace

std::size_t client_machine_of(std::size_t worker, std::size_t machines, std::size_t nodes) {
  FAULTLINE_CHECK(machines > 0 && nodes > 0);
  return (worker + worker / std::lcm(machines, nodes)) % machines;
}

struct ClientMachines::Machine {
  std::string name;
  Fd channel, far;  ///< `far` becomes the process's stdin.
  std::uint32_t questions = 0;
};

struct ClientMachines::Worker {
  std::size_t machine = 0;
  FrameStream stream;
  std::uint64_t sequence = 0, connections = 0;
  std::string broken;  ///< Why nothing can be asked any more.
};

class ClientMachines::RemoteClient final : public Client {
 public:
  RemoteClient(ClientMachines& machines, Worker& worker, std::size_t node)
      : machines_(machines), worker_(worker), connection_(++worker.connections), node_(node) {}
  ~RemoteClient() override { machines_.hang_up(worker_, connection_); }
  RemoteClient(const RemoteClient&) = delete;
  RemoteClient& operator=(const RemoteClient&) = delete;

  Outcome invoke(const Request& request, Deadline deadline) override {
    return machines_.ask(worker_, connection_, node_, request, deadline);
  }

 private:
  ClientMachines& machines_;
  Worker& worker_;
  std::uint64_t connection_;
  std::size_t node_;
};

ClientMachines::ClientMachines(Settings settings)
    : settings_(std::move(settings)),
      expected_since_ns_(std::numeric_limits<std::int64_t>::max()) {}

ClientMachines::~ClientMachines() = default;

Result<std::unique_ptr<ClientMachines>> ClientMachines::make(Settings settings) {
  FAULTLINE_CHECK(settings.machines > 0 && settings.nodes > 0);
  std::unique_ptr<ClientMachines> made(new ClientMachines(std::move(settings)));
  for (std::size_t i = 0; i < made->settings_.machines; ++i) {
    auto channel = wire::make_channel();
    if (!channel) return channel.error();
    auto machine = std::make_unique<Machine>();
    machine->name = "c" + std::to_string(i + 1);
    machine->channel = std::move(channel->first);
    machine->far = std::move(channel->second);
    made->machines_.push_back(std::move(machine));
  }
  return made;
}

std::vector<ClientProgram> ClientMachines::programs() {
  std::vector<ClientProgram> programs;
  for (const auto& machine : machines_)
    programs.push_back({this_program(client_argument), machine->far.get(),
                        [this, &machine = *machine](std::chrono::milliseconds timeout) {
                          return answers(machine, timeout);
                        }});
  return programs;
}

Status ClientMachines::set_up(std::span<const Node> nodes, std::chrono::milliseconds limit) {
  wire::Writer setup(Kind::client_setup);
  setup.text(to_yaml(Value(settings_.target))).number(static_cast<std::int64_t>(nodes.size()));
  for (const Node& node : nodes)
    setup.text(node.name)
        .text(node.address)
        .text(node.address6)
        .text(node.data_dir.string())
        .text(node.log_dir.string());
  for (const auto& machine : machines_) {
    machine->far.reset();  // Else nobody would notice its end.
    if (const Status sent = wire::send(machine->channel.get(), setup); !sent)
      return Error{"client machine " + machine->name + ": " + sent.error().what};
  }
  const auto deadline = Clock::now() + limit;
  for (const auto& machine : machines_) {
    const std::string name = "client machine " + machine->name + ": ";
    const auto readable = wire::readable(machine->channel.get(), left_until(deadline));
    if (!readable) return Error{name + readable.error().what};
    if (!*readable) return Error{name + "it is not ready in time"};
    auto message = wire::receive(machine->channel.get());
    if (!message) return Error{name + message.error().what};
    if (!*message)
      return Error{name + "its process ended: main() does not run the clients' program"};
    FAULTLINE_CHECK((*message)->kind == Kind::client_ready);
    if (const std::string why = (*message)->text(); !why.empty()) return Error{name + why};
  }
  return connect_workers();
}

Status ClientMachines::connect_workers() {
  for (std::size_t i = 0; i < settings_.workers; ++i) {
    auto worker = std::make_unique<Worker>();
    worker->machine = client_machine_of(i, machines_.size(), settings_.nodes);
    auto ends = FrameStream::make_pair();
    if (!ends) return ends.error();
    worker->stream = FrameStream(std::move(ends->first));
    const int end = ends->second.get();
    const Machine& machine = *machines_[worker->machine];
    const Status sent =
        wire::send(machine.channel.get(), wire::Writer(Kind::client_connect), {&end, 1});
    if (!sent) return Error{"client machine " + machine.name + ": " + sent.error().what};
    workers_.push_back(std::move(worker));
  }
  return Ok{};
}

Result<bool> ClientMachines::answers(Machine& machine, std::chrono::milliseconds timeout) const {
  const auto deadline = Clock::now() + timeout;
  const std::uint32_t question = ++machine.questions;
  const Status sent = wire::send(machine.channel.get(), wire::Writer(Kind::client_ping, question));
  if (!sent) return sent.error();
  for (;;) {
    auto readable = wire::readable(machine.channel.get(), left_until(deadline));
    if (!readable || !*readable) return readable;
    const auto message = wire::receive(machine.channel.get());
    if (!message) return message.error();
    if (!*message) return Error{"its process ended"};
    // Another is the late answer to a question that was asked while it was stopped.
    if ((*message)->kind == Kind::client_pong && (*message)->sequence == question) return true;
  }
}

Result<std::unique_ptr<Client>> ClientMachines::connect(std::size_t worker, const Node& node) {
  FAULTLINE_CHECK(worker < workers_.size());
  return std::unique_ptr<Client>(
      std::make_unique<RemoteClient>(*this, *workers_[worker], node.index));
}

Outcome ClientMachines::ask(Worker& worker, std::uint64_t connection, std::size_t node,
                            const Request& request, Deadline deadline) {
  if (!worker.broken.empty()) return Outcome::fail("connect: " + worker.broken);
  const std::chrono::nanoseconds timeout = deadline - Clock::now();
  ClientCall call{ClientCall::Kind::invoke, ++worker.sequence, connection, node, timeout, request};
  call.request.expects_last_seen = false;
  const auto awaited = [&] { return is_awaited(deadline, timeout); };
  const auto lost = [&](const std::string& why) {
    fail(worker, why);
    return Outcome::lost(request, worker.broken);
  };
  if (const Status sent = worker.stream.send(encode(call), awaited); !sent)
    return lost(sent.error().what);
  for (;;) {
    const auto frame = worker.stream.receive(awaited);
    if (!frame) return lost(frame.error().what);
    if (!*frame)
      return lost("no answer within " + format_duration(settings_.grace) +
                  " after the request's timeout, though it is not stopped");
    const auto answer = decode_answer(**frame);
    if (!answer) return lost(answer.error().what);
    if (answer->sequence == call.sequence) return answer->outcome;
  }
}

/// What is lost is closed by the end of the stream.
void ClientMachines::hang_up(Worker& worker, std::uint64_t connection) {
  if (!worker.broken.empty()) return;
  ClientCall call;
  call.kind = ClientCall::Kind::hang_up;
  call.connection = connection;
  if (const Status sent = worker.stream.send(encode(call), [] { return false; }); !sent)
    fail(worker, sent.error().what);
}

bool ClientMachines::is_awaited(Deadline deadline, std::chrono::nanoseconds timeout) const {
  const std::int64_t since = expected_since_ns_.load();
  if (since == std::numeric_limits<std::int64_t>::max()) return true;
  const Deadline going_on{std::chrono::nanoseconds(since)};
  return Clock::now() < std::max(deadline, going_on + timeout) + settings_.grace;
}

void ClientMachines::expect_answers() {
  const std::chrono::nanoseconds now = Clock::now().time_since_epoch();
  expected_since_ns_.store(now.count());
}

void ClientMachines::fail(Worker& worker, const std::string& why) {
  worker.broken = "client machine " + machines_[worker.machine]->name + ": " + why;
  worker.stream = FrameStream();
  const std::lock_guard lock(failure_mutex_);
  if (!failure_) failure_ = Error{worker.broken};
}

std::optional<Error> ClientMachines::failure() const {
  const std::lock_guard lock(failure_mutex_);
  return failure_;
}

}  // namespace faultline
