#include "harness/run/client_program.h"

#include <csignal>
#include <cstring>
#include <map>
#include <thread>

#include "harness/os/frames.h"
#include "harness/os/wire.h"
#include "harness/run/client_wire.h"
#include "harness/run/session.h"
#include "harness/run/yaml.h"

namespace faultline {
namespace {

using wire::Kind;

/// The target as the controller made it, of its mapping as config.yaml has it.
Result<std::unique_ptr<Target>> make_target(const std::string& yaml,
                                            std::span<const TargetEntry> targets) {
  const auto node = parse_config(yaml, "target");
  if (!node) return node.error();
  Params params(*node, "target");
  const auto entry = find_entry(targets, "target", params.required_text("name"));
  if (!entry) return entry.error();
  params.has("nodes");
  return (*entry)->make(params);
}

class RequestServer {
 public:
  RequestServer(int channel, std::span<const TargetEntry> targets)
      : channel_(channel), targets_(targets) {}

  int run() {
    for (;;) {
      auto message = wire::receive(channel_);
      if (!message || !*message) return 0;
      if (!handle(**message)) return 0;
    }
  }

 private:
  /// False if the controller is gone.
  bool handle(wire::Message& message) {
    switch (message.kind) {
      case Kind::client_setup: {
        const Status done = set_up(message);
        return answer(wire::Writer(Kind::client_ready).text(done ? "" : done.error().what));
      }
      case Kind::client_connect:
        FAULTLINE_CHECK(message.fds.size() == 1 && target_ != nullptr);
        threads_.emplace_back(
            [this, end = std::make_shared<Fd>(std::move(message.fds.front()))] { serve(*end); });
        return true;
      case Kind::client_ping:
        return answer(wire::Writer(Kind::client_pong, message.sequence));
      default:
        FAULTLINE_CHECK(!"known message");
    }
  }

  bool answer(const wire::Writer& message) const {
    return static_cast<bool>(wire::send(channel_, message));
  }

  Status set_up(wire::Message& message) {
    auto target = make_target(message.text(), targets_);
    if (!target) return target.error();
    target_ = *std::move(target);
    nodes_.resize(static_cast<std::size_t>(message.number()));
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      Node& node = nodes_[i];
      node.index = i;
      node.name = message.text();
      node.address = message.text();
      node.address6 = message.text();
      node.data_dir = message.text();
      node.log_dir = message.text();
    }
    return Ok{};
  }

  /// One worker's connections, until it closes the stream.
  void serve(Fd& end) const {
    FrameStream stream(std::move(end));
    const auto always = [] { return true; };
    std::map<std::uint64_t, std::unique_ptr<Client>> clients;
    for (;;) {
      const auto frame = stream.receive(always);
      if (!frame) return;
      auto call = decode_call(**frame);
      if (!call || call->node >= nodes_.size()) return;
      if (call->kind == ClientCall::Kind::hang_up) {
        clients.erase(call->connection);
        continue;
      }
      const Outcome outcome = ask_over(
          clients[call->connection], [&] { return target_->connect(nodes_[call->node]); },
          call->request, call->timeout);
      if (!stream.send(encode(ClientAnswer{call->sequence, outcome}), always)) return;
    }
  }

  int channel_;
  std::span<const TargetEntry> targets_;
  std::unique_ptr<Target> target_;
  std::vector<Node> nodes_;
  std::vector<std::jthread> threads_;  ///< One a worker; joined last.
};

}  // namespace

bool is_client_program(int argc, char** argv) {
  return argc == 2 && std::strcmp(argv[1], client_argument) == 0;
}

int run_client_program(std::span<const TargetEntry> targets) {
  std::signal(SIGPIPE, SIG_IGN);
  return serve_clients(0, targets);
}

int serve_clients(int channel, std::span<const TargetEntry> targets) {
  return RequestServer(channel, targets).run();
}

}  // namespace faultline
