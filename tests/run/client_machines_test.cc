#include "harness/run/client_machines.h"

#include <atomic>
#include <future>
#include <map>
#include <set>
#include <thread>

#include <doctest/doctest.h>
#include <fcntl.h>

#include "harness/os/frames.h"
#include "harness/os/wire.h"
#include "harness/run/client_program.h"
#include "harness/run/client_wire.h"
#include "tests/run/components.h"

using namespace faultline;
using namespace faultline::run_fakes;
using namespace std::chrono_literals;

namespace {

const Map memory_target = {{"name", "memory"}, {"nodes", 2}, {"mode", "quorum"}};

std::vector<Node> two_nodes() {
  std::vector<Node> nodes(2);
  for (std::size_t i = 0; i < 2; ++i) nodes[i].index = i;
  nodes[0].name = "n1";
  nodes[1].name = "n2";
  return nodes;
}

Request write(int value) { return {Function::write, "k", Value(value), false}; }
Request read() { return {Function::read, "k", {}, false}; }

Fd duplicate(int fd) { return Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

std::unique_ptr<ClientMachines> make(std::size_t machines, std::size_t workers,
                                     std::chrono::nanoseconds grace = 10s) {
  auto made = ClientMachines::make({machines, workers, 2, memory_target, grace});
  REQUIRE(made);
  return *std::move(made);
}

Deadline soon() { return std::chrono::steady_clock::now() + 5s; }

/// Machines whose processes are threads of this one.
struct Threads {
  explicit Threads(std::size_t count, std::size_t workers) : machines(make(count, workers)) {
    Components::store() = std::make_shared<Store>();
    programs = machines->programs();
    for (const ClientProgram& program : programs)
      threads.emplace_back([end = duplicate(program.channel)] {
        serve_clients(end.get(), Components::catalogues().targets);
      });
  }
  ~Threads() { machines.reset(); }
  std::vector<ClientProgram> programs;
  std::vector<std::jthread> threads;
  std::unique_ptr<ClientMachines> machines;
};

/// A machine of one worker whose process is the test: it holds the far end of the worker's stream.
struct Puppet {
  explicit Puppet(std::chrono::nanoseconds grace = 10s) : machines(make(1, 1, grace)) {
    channel = duplicate(machines->programs()[0].channel);
    auto ready = std::async(std::launch::async, [&] {
      auto setup = wire::receive(channel.get());
      REQUIRE((*setup)->kind == wire::Kind::client_setup);
      REQUIRE(wire::send(channel.get(), wire::Writer(wire::Kind::client_ready).text("")));
    });
    const Status done = machines->set_up(two_nodes(), 60s);
    REQUIRE_MESSAGE(done, (done ? "" : done.error().what));
    ready.get();
    auto connect = wire::receive(channel.get());
    REQUIRE((*connect)->fds.size() == 1);
    stream = FrameStream(std::move((*connect)->fds[0]));
    client = *machines->connect(0, two_nodes()[1]);
  }
  std::future<Outcome> ask(const Request& request, std::chrono::nanoseconds timeout = 5s) {
    return std::async(std::launch::async, [this, request, timeout] {
      return client->invoke(request, std::chrono::steady_clock::now() + timeout);
    });
  }
  ClientCall next() {
    const auto frame = stream.receive([] { return true; });
    REQUIRE(frame);
    auto call = decode_call(**frame);
    REQUIRE(call);
    return *call;
  }
  void answer(std::uint64_t sequence, const Outcome& outcome) {
    REQUIRE(stream.send(encode(ClientAnswer{sequence, outcome}), [] { return true; }));
  }
  std::unique_ptr<ClientMachines> machines;
  Fd channel;
  FrameStream stream;
  std::unique_ptr<Client> client;
};

}  // namespace

TEST_CASE("client machines: the target's clients answer as they do here") {
  Threads threads(2, 3);
  REQUIRE(threads.machines->set_up(two_nodes(), 60s));
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t worker = 0; worker < 3; ++worker)
    clients.push_back(*threads.machines->connect(worker, two_nodes()[worker % 2]));
  CHECK(clients[0]->invoke(write(7), soon()).fate() == Fate::ok);
  CHECK(clients[1]->invoke(read(), soon()).output() == Value(7));
  const Request cas{Function::cas, "k", List{Value(3), Value(4)}, false};
  CHECK(clients[2]->invoke(cas, soon()).fate() == Fate::mismatch);
  Components::store()->hangs_writes = true;
  const Outcome hung = clients[0]->invoke(write(8), soon());
  CHECK(hung.fate() == Fate::info);
  CHECK(hung.why() == "timeout");
  CHECK_FALSE(threads.machines->failure());
  CHECK(*threads.programs[0].answers(60s));
  CHECK(*threads.programs[1].answers(60s));
}

TEST_CASE("client machines: a connection is the worker's: a new one is made anew over there") {
  Threads threads(1, 1);
  REQUIRE(threads.machines->set_up(two_nodes(), 60s));
  auto client = *threads.machines->connect(0, two_nodes()[0]);
  for (int i = 0; i < 3; ++i) CHECK(client->invoke(read(), soon()).fate() == Fate::ok);
  CHECK(Components::store()->connections == 1);
  client = *threads.machines->connect(0, two_nodes()[0]);
  CHECK(client->invoke(read(), soon()).fate() == Fate::ok);
  CHECK(Components::store()->connections == 2);
}

TEST_CASE("client machines: a target that cannot be made there is an error with its reason") {
  auto machines = *ClientMachines::make({1, 1, 2, Map{{"name", "memori"}}, 10s});
  const auto programs = machines->programs();
  const std::jthread thread([end = duplicate(programs[0].channel)] {
    serve_clients(end.get(), Components::catalogues().targets);
  });
  const Status done = machines->set_up(two_nodes(), 60s);
  REQUIRE_FALSE(done);
  CHECK(done.error().what.find("client machine c1: unknown target \"memori\"") !=
        std::string::npos);
  machines.reset();
}

TEST_CASE("client machines: what is asked of a stopped machine stays open until that answers") {
  Puppet puppet(0s);
  auto outcome = puppet.ask(write(1), 1ms);  // Long over when it is answered.
  const ClientCall call = puppet.next();
  CHECK(call.request.value == Value(1));
  CHECK(call.node == 1);
  CHECK(call.timeout <= 1ms);
  CHECK(outcome.wait_for(200ms) == std::future_status::timeout);
  puppet.answer(call.sequence, Outcome::ok(Value(1)));
  CHECK(outcome.get().fate() == Fate::ok);
  CHECK_FALSE(puppet.machines->failure());
}

TEST_CASE("client machines: once nothing is stopped, an answer that does not come is lost") {
  Puppet puppet(1ms);
  auto outcome = puppet.ask(write(1), 1ms);
  puppet.machines->expect_answers();
  const Outcome lost = outcome.get();
  CHECK(lost.fate() == Fate::info);
  CHECK(lost.why().find("client machine c1: no answer within 1ms") != std::string::npos);
  REQUIRE(puppet.machines->failure());
  CHECK(puppet.machines->failure()->what == lost.why());
  // Nothing more is sent: it certainly does not happen.
  const Outcome refused = puppet.client->invoke(write(2), soon());
  CHECK(refused.fate() == Fate::fail);
}

TEST_CASE("client machines: a process that is gone loses the answer, and is a failure of ours") {
  Puppet puppet;
  SUBCASE("of a write") {
    auto outcome = puppet.ask(write(1));
    puppet.next();
    puppet.stream = FrameStream();
    CHECK(outcome.get().fate() == Fate::info);
  }
  SUBCASE("of a read") {
    auto outcome = puppet.ask(read());
    puppet.next();
    puppet.stream = FrameStream();
    CHECK(outcome.get().fate() == Fate::fail);
  }
  REQUIRE(puppet.machines->failure());
  CHECK(puppet.machines->failure()->what.starts_with("client machine c1: "));
}

TEST_CASE("client machines: garbage is a lost answer, and an old answer is none") {
  Puppet puppet;
  SUBCASE("garbage") {
    auto outcome = puppet.ask(write(1));
    puppet.next();
    REQUIRE(puppet.stream.send("garbage", [] { return true; }));
    CHECK(outcome.get().fate() == Fate::info);
    CHECK(puppet.machines->failure());
  }
  SUBCASE("old") {
    auto outcome = puppet.ask(read());
    const ClientCall call = puppet.next();
    puppet.answer(call.sequence - 1, Outcome::ok(Value(1)));
    puppet.answer(call.sequence, Outcome::ok(Value(2)));
    CHECK(outcome.get().output() == Value(2));
  }
}

TEST_CASE("client machines: a question is answered by its own answer, in time") {
  Puppet puppet;
  const ClientProgram program = puppet.machines->programs()[0];
  CHECK_FALSE(*program.answers(1ms));
  auto late = wire::receive(puppet.channel.get());
  REQUIRE(
      wire::send(puppet.channel.get(), wire::Writer(wire::Kind::client_pong, (*late)->sequence)));
  CHECK_FALSE(*program.answers(1ms));  // That was the answer to the one before.
  puppet.channel.reset();
  CHECK_FALSE(program.answers(60s));
}

TEST_CASE("client machines: workers are spread evenly, and those of a machine meet every node") {
  for (const std::size_t machines : {1u, 2u, 3u, 5u, 7u})
    for (const std::size_t nodes : {1u, 2u, 3u, 5u}) {
      std::map<std::size_t, std::set<std::size_t>> met;
      std::map<std::size_t, std::size_t> workers;
      const std::size_t count = machines * nodes;
      for (std::size_t worker = 0; worker < count; ++worker) {
        const std::size_t machine = client_machine_of(worker, machines, nodes);
        ++workers[machine];
        met[machine].insert(worker % nodes);
      }
      REQUIRE(workers.size() == machines);
      for (const auto& [machine, number] : workers) CHECK(number == nodes);
      for (const auto& [machine, asked] : met) CHECK(asked.size() == nodes);
    }
  // As they come: one after the other.
  for (std::size_t worker = 0; worker < 3; ++worker)
    CHECK(client_machine_of(worker, 3, 5) == worker);
}
