// refkv: the embedded reference store. One node; see options.cc for the command line, engine.h for
// what it does, and quorum.cc, leader.cc, multi.cc for what it promises.
//   POST /op      a client's request (codec.h)
//   GET  /status  {"node":"n1","mode":"quorum","leads":false,"ready":true}
//   POST /peer    other nodes only
// Everything runs on one thread, but for the journal's writer.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <nlohmann/json.hpp>

#include "targets/refkv/codec.h"
#include "targets/refkv/engine.h"
#include "targets/refkv/http.h"
#include "targets/refkv/journal.h"

namespace refkv {
namespace {

class Node final : public Runtime {
 public:
  Node(boost::asio::io_context& io, const Options& options)
      : io_(io),
        options_(options),
        engine_(make_engine(options, *this)),
        journal_(
            options.data / "journal",
            [&](std::string_view text) { engine_->replay(parse_record(text)); },
            [&io](std::vector<Journal::Done> batch) {
              boost::asio::post(io, [done = std::move(batch)] {
                for (const Journal::Done& each : done) each();
              });
            },
            options.bug == Bug::ack_before_write) {
    for (std::size_t node = 0; node < options.nodes.size(); ++node) {
      links_.push_back(std::make_unique<Link>(io, options.self, options.nodes[node],
                                              options.nodes.size(), options.round_trip,
                                              [this](const Batch& batch) { receive(batch); }));
    }
  }

  /// Serves nobody before the disk knows that this life began: see Engine::epoch.
  void start() {
    persist({.epoch = engine_->epoch(), .tag = {}, .call = {}}, [this] {
      engine_->start();
      serve_http(
          io_, options_.listen,
          [this](const HttpRequest& request, const Respond& respond) { handle(request, respond); },
          [this](std::uint64_t connection) { give_up_opened_by(connection); });
      run_periodically(io_, Engine::tick_interval, [this] { engine_->tick(); });
    });
  }

  void send(std::size_t node, Message message, Clock::time_point expires) override {
    links_.at(node)->push(std::move(message), expires);
  }
  bool withdraw(std::size_t node, std::uint64_t request) override {
    return links_.at(node)->withdraw(request);
  }
  void persist(const Record& record, std::function<void()> done) override {
    ++appended_;
    journal_.append(encode_record(record), std::move(done));
  }
  void after_persist(std::function<void()> done) override { journal_.append({}, std::move(done)); }
  bool disk_full() const override { return journal_.full(); }
  Clock::time_point now() const override { return Clock::now(); }
  std::uint64_t wall_clock_ns() const override {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::nanoseconds(since_epoch).count());
  }

 private:
  void receive(const Batch& batch) {
    for (const Message& message : batch.messages) engine_->receive(batch.from, message);
  }

  void handle(const HttpRequest& request, const Respond& respond) {
    try {
      if (request.post && request.path == "/op") {
        handle_call(parse_call(request.body), request.connection, respond);
      } else if (request.post && request.path == "/peer") {
        handle_batch(parse_batch(request.body, options_.nodes.size()), respond);
      } else if (!request.post && request.path == "/status") {
        engine_->check_ready([this, respond](bool ready) { respond(200, status(ready)); });
      } else {
        respond(404, encode_answer(Answer::refused("no such resource")));
      }
    } catch (const std::runtime_error& error) {  // of the parsers: nothing has been done yet
      respond(400, encode_answer(Answer::refused(error.what())));
    }
  }

  void handle_call(const Call& call, std::uint64_t connection, const Respond& respond) {
    if (call.op == Op::finish || call.op == Op::abort)
      if (const auto mine = opened_.find(connection); mine != opened_.end())
        std::erase(mine->second, call.transaction);
    engine_->call(call, [this, op = call.op, connection, respond](const Answer& answer) {
      const bool ok = answer.kind == Answer::Kind::ok || answer.kind == Answer::Kind::mismatch;
      if (op == Op::open && ok) opened_[connection].push_back(std::stoull(answer.value));
      respond(ok ? 200 : 503, encode_answer(answer));
    });
  }

  /// An open transaction ends with the connection that opened it.
  void give_up_opened_by(std::uint64_t connection) {
    const auto found = opened_.find(connection);
    if (found == opened_.end()) return;
    for (const std::uint64_t transaction : found->second)
      engine_->call({.op = Op::abort, .transaction = transaction}, [](const Answer&) {});
    opened_.erase(found);
  }

  /// The reply carries what there is to say to that node, once what the batch gave rise to is on
  /// disk.
  void handle_batch(const Batch& batch, const Respond& respond) {
    const std::uint64_t before = appended_;
    receive(batch);
    const auto reply = [this, respond, from = batch.from] {
      respond(200, encode_batch({options_.self, links_.at(from)->take()}));
    };
    if (appended_ == before) return reply();
    after_persist(reply);
  }

  std::string status(bool ready) const {
    return nlohmann::json{{"node", options_.nodes[options_.self].name},
                          {"mode", name_of(options_.mode)},
                          {"leads", engine_->leads()},
                          {"ready", ready}}
        .dump();
  }

  boost::asio::io_context& io_;
  const Options options_;
  std::unique_ptr<Engine> engine_;
  std::vector<std::unique_ptr<Link>> links_;
  std::uint64_t appended_ = 0;
  std::map<std::uint64_t, std::vector<std::uint64_t>> opened_;  ///< Transactions, by connection.
  Journal journal_;
};

int run(std::span<const std::string> arguments) {
  boost::asio::io_context io(1);
  Options options = parse_options(arguments);
  if (const char* trip = std::getenv("FAULTLINE_ROUND_TRIP_MS"))
    options.round_trip = std::chrono::milliseconds(std::clamp(std::atoi(trip), 0, 60'000));
  Node node(io, options);
  const auto work = boost::asio::make_work_guard(io);
  node.start();
  std::printf("refkv: %s serves in mode %s\n", options.nodes[options.self].name.c_str(),
              std::string(name_of(options.mode)).c_str());
  std::fflush(stdout);
  io.run();
  return 0;
}

}  // namespace
}  // namespace refkv

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 1 && arguments[0] == "--help") {
    std::fputs(refkv::usage().c_str(), stdout);
    return 0;
  }
  if (arguments.size() == 1 && arguments[0] == "--version") {
    std::puts("refkv 1");
    return 0;
  }
  try {
    return refkv::run(arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "refkv: %s\n", error.what());
    return 1;
  }
}
