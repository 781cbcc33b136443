#include "targets/refkv/engine.h"

#include <array>
#include <utility>

namespace refkv {

std::unique_ptr<Engine> make_engine(const Options& options, Runtime& runtime) {
  switch (options.mode) {
    case Mode::quorum:
      return make_quorum_engine(options, runtime);
    case Mode::leader:
    case Mode::transactions:
      return make_leader_engine(options, runtime);
    case Mode::multi:
      break;
  }
  return make_multi_engine(options, runtime);
}

void Engine::call(const Call& call, Done done) {
  static constexpr std::array names{"read",   "write", "compare-and-set", "begin", "commit", "open",
                                    "access", "look",  "finish",          "abort"};
  const bool is_understood =
      call.op == Op::read ||
      (options_.mode == Mode::transactions
           ? call.op >= Op::begin
           : call.op == Op::write || (call.op == Op::cas && options_.mode == Mode::leader));
  if (is_understood) return on_call(call, std::move(done));
  done(Answer::refused(std::string("no ") + names.at(static_cast<std::size_t>(call.op)) +
                       " in mode " + std::string(name_of(options_.mode))));
}

void Engine::replay(const Record& record) {
  if (record.epoch) {
    epoch_ = *record.epoch + 1;
  } else if (!has_bug(Bug::forgets_on_restart)) {
    on_replay(record);
  }
}

void Engine::start() { on_start(); }

void Engine::receive(std::size_t from, const Message& message) {
  if (message.kind == Message::Kind::ping) {
    runtime_.send(from,
                  {.kind = Message::Kind::ping_reply, .request = message.request, .flag = leads()},
                  runtime_.now() + ready_timeout());
    return;
  }
  if (message.kind != Message::Kind::ping_reply) {
    on_message(from, message);
    return;
  }
  const auto found = ready_checks_.find(message.request);
  if (found == ready_checks_.end()) return;
  ReadyCheck& check = found->second;
  ++check.answered;
  check.leader_serves |= message.flag;
  if (!is_ready(check.answered, check.leader_serves)) return;
  const auto done = std::move(check.done);
  ready_checks_.erase(found);
  done(true);
}

void Engine::tick() {
  while (!ready_checks_.empty() && ready_checks_.begin()->second.deadline <= runtime_.now()) {
    const auto done = std::move(ready_checks_.begin()->second.done);
    ready_checks_.erase(ready_checks_.begin());
    done(false);
  }
  on_tick();
}

void Engine::check_ready(std::function<void(bool)> done) {
  if (is_ready(1, leads())) return done(true);
  const std::uint64_t request = next_request();
  const auto deadline = runtime_.now() + ready_timeout();
  ready_checks_[request] = {
      .deadline = deadline, .leader_serves = leads(), .done = std::move(done)};
  send_to_others({.kind = Message::Kind::ping, .request = request}, deadline);
}

void Engine::send_to_others(const Message& message, Clock::time_point expires) {
  for (std::size_t node = 0; node < options_.nodes.size(); ++node) {
    if (node != self()) runtime_.send(node, message, expires);
  }
}

}  // namespace refkv
