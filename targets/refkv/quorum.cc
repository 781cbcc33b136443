// Mode quorum: multi-writer atomic registers without a leader (Attiya, Bar-Noy, Dolev, JACM 1995;
// many writers: Lynch and Shvartsman, FTCS 1997). Any node coordinates any request.
//   write: ask all for their tags; once a majority has answered, take a larger one that nobody else
//          can ever take (counter + 1, this node, this request); store; once a majority has it on
//          disk, acknowledge.
//   read:  ask all; once a majority has answered, take the largest tag; unless that whole majority
//          has it already, store it; once a majority has it on disk, answer.
// Why that is linearizable, whatever is killed, paused, cut off, late or lost:
//   - Two majorities share a node, a node's tag of a key never decreases, and survives a crash: it
//     shows only what is on its disk. So a request that begins after another was answered sees that
//     one's tag or a larger one, and a later write takes a larger one still.
//   - Tags are unique: concurrent writes differ in the node or the request number, and those are
//   never
//     used again, as every start of a node gets a new epoch, on disk before the node serves.
//   - A coordinator that dies half-way leaves a write on a few nodes: whoever reads it first stores
//   it
//     on a majority before answering, so that no later read misses it. Its client was told nothing.
//   - A coordinator that sleeps half-way may store late: its tag is old by then, and loses against
//     what was written meanwhile; or none was, and its client has no answer and knows nothing.
// A request that times out while asking has stored nothing, and is dropped: it certainly has no
// effect.
#include <algorithm>
#include <bit>
#include <utility>

#include "targets/refkv/registers.h"

namespace refkv {
namespace {

class QuorumEngine final : public Engine {
 public:
  QuorumEngine(const Options& options, Runtime& runtime)
      : Engine(options, runtime), registers_(runtime) {}

  void on_call(const Call& call, Done done) override {
    if (tasks_.size() >= calls_pending_max) return done(Answer::refused("busy"));
    if (call.op == Op::read && has_bug(Bug::local_reads)) {
      return done(Answer::ok(registers_.get(call.key).value));
    }
    if (call.op == Op::write && runtime_.disk_full()) return done(Answer::refused("disk full"));
    const std::uint64_t request = next_request();
    const auto deadline = runtime_.now() + call_timeout();
    tasks_.emplace(request, Task{.call = call, .done = std::move(done), .deadline = deadline});
    send_to_others({.kind = Message::Kind::query, .request = request, .call = {.key = call.key}},
                   deadline);
    on_version(request, self(), registers_.get(call.key));
  }

 private:
  struct Task {
    Call call;
    Done done;
    Clock::time_point deadline;
    bool storing = false;
    std::uint64_t answered = 0;    ///< A bit per node, for the current phase.
    bool agreed = true;            ///< All that answered gave the same tag.
    Registers::Version version{};  ///< The largest so far; then the one to store.
    // Bug no-write-back: the replica asked last, and when to give up on it.
    std::size_t asked = 0;
    Clock::time_point ask_next{};
  };
  using Tasks = std::map<std::uint64_t, Task>;
  std::chrono::milliseconds one_replica_timeout() const {
    return std::chrono::milliseconds(100) + 2 * options_.round_trip;
  }

  std::size_t quorum() const {
    if (!has_bug(Bug::sloppy_quorum)) return options_.majority();
    return std::max<std::size_t>(1, options_.nodes.size() / 2);
  }
  bool complete(const Task& task) const {
    return static_cast<std::size_t>(std::popcount(task.answered)) >= quorum();
  }

  void on_replay(const Record& record) override {
    registers_.keep(record.call.key, {record.tag, record.call.value});
  }

  void on_message(std::size_t from, const Message& m) override {
    switch (m.kind) {
      case Message::Kind::query: {
        const Registers::Version& mine = registers_.get(m.call.key);
        reply(from, {.kind = Message::Kind::query_reply,
                     .request = m.request,
                     .tag = mine.tag,
                     .call = {.value = mine.value}});
        break;
      }
      case Message::Kind::store:
        registers_.store(m.call.key, {m.tag, m.call.value}, [this, from, request = m.request] {
          reply(from, {.kind = Message::Kind::store_reply, .request = request});
        });
        break;
      case Message::Kind::query_reply:
        on_version(m.request, from, {m.tag, m.call.value});
        break;
      case Message::Kind::store_reply:
        on_stored(m.request, from);
        break;
      default:
        break;
    }
  }

  void reply(std::size_t to, Message message) {
    runtime_.send(to, std::move(message), runtime_.now() + call_timeout());
  }

  void on_version(std::uint64_t request, std::size_t from, const Registers::Version& version) {
    const auto found = tasks_.find(request);
    if (found == tasks_.end() || found->second.storing) return;
    Task& task = found->second;
    if (task.answered != 0 && version.tag != task.version.tag) task.agreed = false;
    if (version.tag > task.version.tag) task.version = version;
    task.answered |= 1ull << from;
    if (!complete(task)) return;
    if (task.call.op == Op::write) {
      // The time of day would do if it were one: it grows between a request's answer and the next
      // request.
      const std::uint64_t counter = has_bug(Bug::wall_clock_timestamps)
                                        ? runtime_.wall_clock_ns()
                                        : task.version.tag.counter + 1;
      task.version = {Tag{counter, static_cast<std::uint32_t>(self()), request}, task.call.value};
      begin_store(request, task);
    } else if (task.agreed || has_bug(Bug::no_write_back)) {
      finish(found, Answer::ok(task.version.value));
    } else {
      begin_store(request, task);
    }
  }

  void begin_store(std::uint64_t request, Task& task) {
    task.storing = true;
    task.answered = 0;
    task.asked = self();
    task.ask_next = runtime_.now() + one_replica_timeout();
    if (!has_bug(Bug::no_write_back)) send_to_others(store_of(request, task), task.deadline);
    registers_.store(task.call.key, task.version, [this, request] { on_stored(request, self()); });
  }

  static Message store_of(std::uint64_t request, const Task& task) {
    return {.kind = Message::Kind::store,
            .request = request,
            .tag = task.version.tag,
            .call = {.key = task.call.key, .value = task.version.value}};
  }

  void on_stored(std::uint64_t request, std::size_t from) {
    const auto found = tasks_.find(request);
    if (found == tasks_.end() || !found->second.storing) return;
    Task& task = found->second;
    task.answered |= 1ull << from;
    if (complete(task)) {
      finish(found, Answer::ok(task.call.op == Op::read ? task.version.value : "null"));
    } else if (has_bug(Bug::no_write_back) && from == task.asked) {
      ask_next_replica(request, task);
    }
  }

  /// Only with bug no-write-back.
  void ask_next_replica(std::uint64_t request, Task& task) {
    task.asked = (task.asked + 1) % options_.nodes.size();
    task.ask_next = runtime_.now() + one_replica_timeout();
    if (task.asked != self()) runtime_.send(task.asked, store_of(request, task), task.deadline);
  }

  void on_tick() override {
    const auto now = runtime_.now();
    // All have the same timeout, so that the oldest expires first.
    while (!tasks_.empty() && tasks_.begin()->second.deadline <= now) {
      const Task& task = tasks_.begin()->second;
      const bool without_effect = !task.storing || task.call.op == Op::read;
      finish(tasks_.begin(), without_effect ? Answer::refused("no quorum")
                                            : Answer::unknown("no quorum while storing"));
    }
    if (!has_bug(Bug::no_write_back)) return;
    for (auto& [request, task] : tasks_) {
      if (task.storing && task.ask_next <= now) ask_next_replica(request, task);
    }
  }

  void finish(Tasks::iterator task, const Answer& answer) {
    const Done done = std::move(task->second.done);
    tasks_.erase(task);
    done(answer);
  }

  bool is_ready(std::size_t answered, bool /*leader_serves*/) const override {
    return answered >= options_.majority();
  }

  Registers registers_;
  Tasks tasks_;
};

}  // namespace

std::unique_ptr<Engine> make_quorum_engine(const Options& options, Runtime& runtime) {
  return std::make_unique<QuorumEngine>(options, runtime);
}

}  // namespace refkv
