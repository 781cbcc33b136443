// Modes leader and transactions: the first node leads for ever; the others keep copies and forward.
// No failover: while the leader is down there is no service. What the commands of the log mean is
// for the state to say (state.h); in mode transactions a write below is a commit, and begin a read.
//   write, compare-and-set: the leader appends the command to its log; when that is on its disk, it
//     sends it to the followers; when a majority (--ack all: everybody), itself included, has it on
//     disk, it is committed: the leader applies it, in the order of the log, and answers.
//   read: the leader answers from what it has applied. With --reads followers, a follower asks the
//     leader how much is committed, and answers once it has applied that much itself.
// Why that is linearizable, whatever is killed, paused, cut off, late or lost:
//   - One process at a time decides: the order of the log is the order of the commands, and a read
//     takes effect at the moment it is answered. A leader that was paused or cut off has missed
//     nothing, as nobody else can have decided anything.
//   - Before it serves again after a restart, a leader has committed every command of its log,
//   among
//     them all that it ever applied: what was read or acknowledged once is there for ever.
//   - A command reaches a follower only after it is on the leader's disk, where it never changes.
//   So
//     every follower's log is a prefix of the leader's, and an old message can say nothing wrong.
//   - A command whose client was told "unknown" (or nothing) may be committed at any later time,
//   and
//     one that the leader lost before it was on its disk never is: both are what "unknown" means.
//   - A forwarded call is sent once. A follower says "refused" only if it never left its queue, or
//   if
//     the leader says so.
//   - A follower that answers a read has applied at least what the leader had when it was asked,
//     which was after the read began, and nothing that the leader has not.
// Open transactions (open_transactions.h) are the leader's alone, and end with it; what one commits
// is a command like any other.
#include <algorithm>
#include <deque>
#include <optional>
#include <span>
#include <utility>

#include "targets/refkv/engine.h"
#include "targets/refkv/leases.h"
#include "targets/refkv/open_transactions.h"
#include "targets/refkv/state.h"

namespace refkv {
namespace {

constexpr std::size_t leader_node = 0;

class LeaderEngine final : public Engine {
 public:
  LeaderEngine(const Options& options, Runtime& runtime)
      : Engine(options, runtime),
        state_(make_state(options)),
        followers_(options.nodes.size()),
        leases_(options, runtime) {
    if (const VersionsState* versions = state_->versions())
      open_.emplace(*versions, options.isolation, options.bug);
  }

  void on_call(const Call& call, Done done) override {
    if (self() == leader_node) return decide(call, std::move(done));
    if (call.only_observes() && (has_bug(Bug::follower_reads) || has_bug(Bug::reordered_apply)))
      return done(observe(call));
    if (call.op == Op::read && may_answer(call.key)) return done(observe(call));
    if (waiting_.size() >= calls_pending_max) return done(Answer::refused("busy"));
    const std::uint64_t request = next_request();
    const auto deadline = runtime_.now() + call_timeout();
    if (call.op == Op::read && options_.followers_read) {
      waiting_.emplace(request, Waiting{true, std::move(done), deadline, call.key});
      return runtime_.send(leader_node, {.kind = Message::Kind::position, .request = request},
                           deadline);
    }
    const bool is_harmless = call.only_observes() || call.is_step();
    waiting_.emplace(request, Waiting{is_harmless, std::move(done), deadline});
    if (has_bug(Bug::retry_not_idempotent) && !is_harmless)
      retries_.push_back({runtime_.now() + retry_after, request, call});
    // Not to expire before withdraw() has been asked about it.
    runtime_.send(leader_node, {.kind = Message::Kind::forward, .request = request, .call = call},
                  deadline + call_timeout());
  }

  bool leads() const override { return self() == leader_node && commit_ >= serve_from_; }

 private:
  static constexpr std::chrono::milliseconds heartbeat_interval{20};
  static constexpr std::chrono::milliseconds near_resend{200};
  /// Beyond what a crowded machine or a disk takes, and before the call is given up.
  static constexpr std::chrono::milliseconds retry_after{400};
  std::chrono::milliseconds resend_interval() const {
    return near_resend + 2 * options_.round_trip;
  }
  static constexpr std::size_t append_entries_max = 128;
  static constexpr std::uint64_t lag_commands = 30;
  static constexpr std::size_t log_entries_max = 5'000'000;

  struct Follower {
    std::uint64_t on_disk = 0;     ///< Entries that it said are on its disk.
    std::uint64_t sent = 0;        ///< Entries sent, in the hope that they arrive.
    std::uint64_t stream = 0;      ///< A new one whenever `sent` is set back.
    Clock::time_point progress{};  ///< Of `on_disk`, or the last time `sent` was set back.
    Clock::time_point heartbeat{};
    Leases::Promise promise{};
  };
  struct Waiting {
    bool is_harmless;  ///< It changes nothing.
    Done done;
    Clock::time_point deadline;
    std::string key{};  ///< Of a read that this follower answers itself.
  };

  struct Retry {
    Clock::time_point at;
    std::uint64_t request;
    Call call;
  };

  // Both: the log. Entry number i (from 1) is log_[i - 1].
  void on_replay(const Record& record) override {
    log_.push_back(record.call);
    on_disk_ = log_.size();
  }
  void on_start() override {
    serve_from_ = log_.size();
    // In the hope that the followers have it all; one that does not says so, and from where.
    for (Follower& follower : followers_) {
      follower.sent = log_.size();
      leases_.begin(follower.promise);
      follower.stream = next_stream();
    }
    if (self() == leader_node) advance_commit();
  }

  Answer observe(const Call& call) const {
    Call seen = call;
    if (has_bug(Bug::reordered_apply) && lags(call.key)) seen.at -= std::min(seen.at, lag_commands);
    return state_->observe(seen, commit_, std::span(log_).subspan(commit_));
  }
  /// The bug reordered-apply: each node is behind with keys of its own. FNV-1a, alike everywhere.
  bool lags(const std::string& key) const {
    std::uint64_t hash = 0xcbf29ce484222325ull;
    for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
    return (hash >> 32) % options_.nodes.size() == self();
  }
  /// The next command of the log.
  Answer apply() {
    ++commit_;
    const Answer answer = state_->apply(log_[commit_ - 1], commit_);
    if (open_) open_->applied(commit_);
    return answer;
  }

  void append(const Call& call) {
    log_.push_back(call);
    const std::uint64_t index = log_.size();
    runtime_.persist({.epoch = {}, .tag = {}, .call = call}, [this, index] {
      on_disk_ = index;
      if (self() == leader_node) advance_commit();
    });
  }

  // The leader.
  void decide(const Call& call, Done done) {
    if (!leads()) return done(Answer::refused("the leader recovers"));
    if (call.only_observes()) return done(observe(call));
    if (call.is_step()) return done(step(call));
    if (log_.size() - commit_ >= calls_pending_max) return done(Answer::refused("busy"));
    if (runtime_.disk_full() || log_.size() >= log_entries_max) {
      return done(Answer::refused("log full"));
    }
    if (call.op == Op::finish) {
      const auto end = open_->finish(call.transaction);
      if (const Answer* answer = std::get_if<Answer>(&end)) return done(*answer);
      append(std::get<Call>(end));
      open_->committing(call.transaction, log_.size());
    } else {
      append(call);
    }
    waiting_.emplace(log_.size(), Waiting{false, std::move(done), runtime_.now() + call_timeout()});
  }

  Answer step(const Call& call) {
    if (call.op == Op::open) return open_->open(next_request(), commit_, runtime_.now());
    return open_->step(call, runtime_.now());
  }

  std::uint64_t commit_target() const {
    std::vector<std::uint64_t> counts{on_disk_};
    for (std::size_t node = 0; node < followers_.size(); ++node) {
      if (node != leader_node) counts.push_back(followers_[node].on_disk);
    }
    std::ranges::sort(counts, std::greater{});
    const std::size_t needed = options_.ack_all ? options_.nodes.size() : options_.majority();
    std::uint64_t target = std::min(on_disk_, counts[needed - 1]);
    for (std::size_t node = 0; node < followers_.size(); ++node)
      if (node != leader_node && leases_.holds(followers_[node].promise))
        target = std::min(target, followers_[node].on_disk);
    return target;
  }

  void advance_commit() {
    for (const std::uint64_t target = commit_target(); commit_ < target;) {
      const Answer answer = apply();
      const auto found = waiting_.find(commit_);
      if (found == waiting_.end()) continue;  // timed out, or of an earlier life
      const Done done = std::move(found->second.done);
      waiting_.erase(found);
      done(answer);
    }
    replicate();
  }

  void replicate() {
    for (std::size_t node = 0; node < followers_.size(); ++node) {
      if (node != leader_node && followers_[node].sent < on_disk_) send_entries(node);
    }
  }

  void send_entries(std::size_t node) {
    Follower& follower = followers_[node];
    const auto now = runtime_.now();
    Message m{.kind = Message::Kind::append,
              .request = follower.stream,
              .index = follower.sent + 1,
              .commit = commit_};
    const auto count = std::min<std::uint64_t>(on_disk_ - follower.sent, append_entries_max);
    const auto first = log_.begin() + static_cast<std::ptrdiff_t>(follower.sent);
    m.lease = leases_.grant(follower.promise);
    m.entries.assign(first, first + static_cast<std::ptrdiff_t>(count));
    follower.sent += count;
    follower.heartbeat = now + heartbeat_interval;
    runtime_.send(node, std::move(m), now + resend_interval());
  }

  void on_append_reply(std::size_t from, const Message& m) {
    Follower& follower = followers_[from];
    // A follower can only have more than its leader if the leader's disk was wiped (or with a bug).
    const std::uint64_t on_disk = std::min(m.index, on_disk_);
    leases_.heard(follower.promise, m, on_disk > follower.on_disk || on_disk == on_disk_);
    if (on_disk > follower.on_disk) {
      follower.on_disk = on_disk;
      follower.progress = runtime_.now();
    }
    if (m.flag || follower.sent < follower.on_disk) go_back(follower);
    advance_commit();
  }

  std::uint64_t next_stream() { return (epoch() << 40) | ++streams_; }

  /// Sends again what is not known to have arrived.
  void go_back(Follower& follower) {
    follower.sent = follower.on_disk;
    follower.stream = next_stream();
  }

  void tick_leader(Clock::time_point now) {
    for (std::size_t node = 0; node < followers_.size(); ++node) {
      if (node == leader_node) continue;
      Follower& follower = followers_[node];
      if (follower.sent > follower.on_disk && now - follower.progress > resend_interval()) {
        go_back(follower);
        follower.progress = now;
      }
      if (follower.heartbeat <= now) send_entries(node);
    }
  }

  // A follower.
  // A follower.
  /// Whether it may answer a read by its lease: see leases.h.
  bool may_answer(const std::string& key) const {
    if (!leases_.mine_holds() || leader_commit_ > log_.size()) return false;
    const auto pending = std::span(log_).subspan(commit_);
    return std::ranges::none_of(pending, [&](const Call& call) { return call.key == key; });
  }

  void on_append(const Message& m) {
    // The bug believes in the number of the first message of a stream, and counts from there.
    if (has_bug(Bug::trusts_order) && m.request < stream_) return;
    const bool trusts = has_bug(Bug::trusts_order) && m.request == stream_;
    const std::uint64_t index = trusts ? next_index_ : m.index;
    const bool gap = index > log_.size() + 1;
    if (!gap) {
      for (std::size_t i = log_.size() + 1 - index; i < m.entries.size(); ++i) {
        if (runtime_.disk_full()) break;
        append(m.entries[i]);
      }
      stream_ = m.request;
      next_index_ = index + m.entries.size();
    }
    leader_commit_ = std::max(leader_commit_, m.commit);
    leases_.granted(m.lease);
    const auto answer = [this, gap] {
      while (commit_ < std::min(leader_commit_, on_disk_)) apply();
      answer_reads();
      runtime_.send(leader_node,
                    {.kind = Message::Kind::append_reply,
                     .index = on_disk_,
                     .lease = leases_.stamp(),
                     .flag = gap},
                    runtime_.now() + resend_interval());
    };
    if (gap || m.entries.empty()) return answer();
    runtime_.after_persist(answer);
  }

  void on_position_reply(const Message& m) {
    const auto found = waiting_.find(m.request);
    if (found == waiting_.end()) return;
    if (m.flag) {
      reads_.emplace(m.commit, m.request);
      return answer_reads();
    }
    const Done done = std::move(found->second.done);
    waiting_.erase(found);
    done(Answer::refused("the leader recovers"));
  }

  void answer_reads() {
    while (!reads_.empty() && reads_.begin()->first <= commit_) {
      const auto found = waiting_.find(reads_.begin()->second);
      reads_.erase(reads_.begin());
      if (found == waiting_.end()) continue;  // timed out
      const Waiting read = std::move(found->second);
      waiting_.erase(found);
      read.done(observe({.op = Op::read, .key = read.key}));
    }
  }

  void on_message(std::size_t from, const Message& m) override {
    switch (m.kind) {
      case Message::Kind::append:
        if (from == leader_node && self() != leader_node) on_append(m);
        break;
      case Message::Kind::append_reply:
        if (self() == leader_node) on_append_reply(from, m);
        break;
      case Message::Kind::forward: {
        const auto reply = [this, from, request = m.request](const Answer& answer) {
          runtime_.send(
              from, {.kind = Message::Kind::forward_reply, .request = request, .answer = answer},
              runtime_.now() + call_timeout());
        };
        if (self() == leader_node) decide(m.call, reply);
        break;
      }
      case Message::Kind::forward_reply: {
        const auto found = waiting_.find(m.request);
        if (self() == leader_node || found == waiting_.end()) break;
        const Done done = std::move(found->second.done);
        waiting_.erase(found);
        done(m.answer);
        break;
      }
      case Message::Kind::position:
        if (self() == leader_node)
          runtime_.send(from,
                        {.kind = Message::Kind::position_reply,
                         .request = m.request,
                         .commit = commit_,
                         .flag = leads()},
                        runtime_.now() + call_timeout());
        break;
      case Message::Kind::position_reply:
        if (self() != leader_node) on_position_reply(m);
        break;
      default:
        break;
    }
  }

  void on_tick() override {
    const auto now = runtime_.now();
    while (!waiting_.empty() && waiting_.begin()->second.deadline <= now) {
      const auto first = waiting_.begin();
      const Waiting call = std::move(first->second);
      const bool never_sent = self() != leader_node && runtime_.withdraw(leader_node, first->first);
      waiting_.erase(first);
      if (never_sent) {
        call.done(Answer::refused("the leader cannot be reached"));
      } else if (call.is_harmless) {
        call.done(Answer::refused("the leader did not answer"));
      } else {
        call.done(Answer::unknown("not committed in time"));
      }
    }
    if (self() == leader_node) tick_leader(now);
    retry(now);
    if (open_) open_->expire(now);
  }

  /// Only with bug retry-not-idempotent: what had no answer so far is forwarded once more.
  void retry(Clock::time_point now) {
    for (; !retries_.empty() && retries_.front().at <= now; retries_.pop_front()) {
      const Retry& retry = retries_.front();
      if (!waiting_.contains(retry.request)) continue;
      (void)runtime_.withdraw(leader_node, retry.request);  // It may wait, but only once.
      runtime_.send(leader_node,
                    {.kind = Message::Kind::forward, .request = retry.request, .call = retry.call},
                    now + call_timeout());
    }
  }

  bool is_ready(std::size_t answered, bool leader_serves) const override {
    if (!leader_serves) return false;
    if (self() != leader_node) return true;
    return answered >= (options_.ack_all ? options_.nodes.size() : options_.majority());
  }

  std::vector<Call> log_;
  std::uint64_t on_disk_ = 0;        ///< Entries of log_ that are.
  std::uint64_t commit_ = 0;         ///< Entries of log_ that are applied to state_.
  std::uint64_t serve_from_ = 0;     ///< Leader: serves once commit_ has come this far.
  std::uint64_t leader_commit_ = 0;  ///< Follower: what the leader has committed.
  std::unique_ptr<State> state_;
  std::optional<OpenTransactions> open_;  ///< Mode transactions.
  std::vector<Follower> followers_;       ///< Leader only; by node.
  /// Leader: calls by index in the log. Follower: forwarded calls by request. Oldest first.
  std::map<std::uint64_t, Waiting> waiting_;
  /// Follower: reads by how much must be applied first.
  std::multimap<std::uint64_t, std::uint64_t> reads_;
  std::uint64_t streams_ = 0;                  ///< Leader: begun in this life.
  std::uint64_t stream_ = 0, next_index_ = 0;  ///< Follower: of the last message that it took.
  std::deque<Retry> retries_;                  ///< In the order of time.
  Leases leases_;
};

}  // namespace

std::unique_ptr<Engine> make_leader_engine(const Options& options, Runtime& runtime) {
  return std::make_unique<LeaderEngine>(options, runtime);
}

}  // namespace refkv
