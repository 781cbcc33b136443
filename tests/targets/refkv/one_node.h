// One node of refkv, without sockets, files or threads: what it persists is on the disk when a test
// lets it, and everything else happens at once.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "targets/refkv/codec.h"
#include "targets/refkv/engine.h"
#include "targets/refkv_stepwise.h"
#include "tests/fake_steps.h"
#include "tests/targets/exchange.h"

namespace faultline {

class OneRefkv : public refkv::Runtime {
 public:
  explicit OneRefkv(refkv::Isolation isolation, refkv::Bug bug = refkv::Bug::none) {
    refkv::Options options;
    options.nodes = {{"n1", "127.0.0.1", 7000}};
    options.mode = refkv::Mode::transactions;
    options.isolation = isolation;
    options.bug = bug;
    engine_ = refkv::make_engine(options, *this);
    engine_->start();
  }

  /// What POST /op with this body is answered; a timeout if it is not answered without the disk.
  HttpReply post(const std::string& body) {
    auto reply = std::make_shared<HttpReply>(HttpReply{.error = "timeout"});
    try {
      engine_->call(refkv::parse_call(body), [reply](const refkv::Answer& answer) {
        const bool ok =
            answer.kind == refkv::Answer::Kind::ok || answer.kind == refkv::Answer::Kind::mismatch;
        *reply = replied(ok ? 200 : 503, refkv::encode_answer(answer));
      });
    } catch (const std::runtime_error& error) {
      return replied(400, refkv::encode_answer(refkv::Answer::refused(error.what())));
    }
    if (!disk_is_slow) let_disk();
    return *reply;
  }
  std::unique_ptr<OpenTransaction> open() {
    return std::make_unique<RefkvOpenTransaction>(
        [this](const std::string& body, Deadline) { return post(body); });
  }
  void let_disk() {
    while (!persisted_.empty()) {
      const auto done = std::move(persisted_.front());
      persisted_.pop_front();
      done();
    }
  }
  void tick() { engine_->tick(); }

  bool disk_is_slow = false;
  refkv::Clock::time_point clock{};

  void send(std::size_t, refkv::Message, refkv::Clock::time_point) override {}
  bool withdraw(std::size_t, std::uint64_t) override { return false; }
  void persist(const refkv::Record&, std::function<void()> done) override {
    persisted_.push_back(std::move(done));
  }
  void after_persist(std::function<void()> done) override { persisted_.push_back(std::move(done)); }
  bool disk_full() const override { return false; }
  refkv::Clock::time_point now() const override { return clock; }
  std::uint64_t wall_clock_ns() const override { return 0; }

 private:
  std::deque<std::function<void()>> persisted_;
  std::unique_ptr<refkv::Engine> engine_;
};

/// A target that nobody starts: its transactions are that store's.
class OneRefkvTarget : public fakes::StepTarget {
 public:
  explicit OneRefkvTarget(OneRefkv& store) : StepTarget(fakes::Level::none), store_(store) {}
  Result<std::unique_ptr<OpenTransaction>> open_transaction(const Node&) const override {
    return store_.open();
  }

 private:
  OneRefkv& store_;
};

}  // namespace faultline
