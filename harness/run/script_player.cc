#include "harness/run/script_player.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/core/check.h"
#include "harness/core/predicate.h"

namespace faultline {

/// One script, once.
class ScriptPlayer::Performance {
 public:
  Performance(ScriptPlayer& player, const Script& script)
      : player_(player), settings_(player.settings_), script_(script) {
    for (List& asked : transactions_of(script)) {
      Actor& actor = actors_.emplace_back();
      actor.request = {Function::txn, {}, asked, false};
      actor.answers = std::move(asked);
    }
    sent_.resize(script.parts.size());
  }

  void perform() {
    while (!settings_.stop()) {
      const std::size_t next = next_part();
      if (next < sent_.size()) {
        play_part(next);
      } else if (std::ranges::none_of(actors_, &Actor::busy)) {
        for (Actor& actor : actors_) give_up(actor, "the script does not end it");
        return;
      } else {
        look_at_busy();
      }
    }
    if (!actors_.empty() && !actors_.front().begun) invoke(actors_.front());
    for (Actor& actor : actors_) give_up(actor, "broken off");
  }

 private:
  struct Actor {
    Request request;
    List answers;              ///< To the accesses, as far as they are known.
    std::size_t answered = 0;  ///< Of them.
    std::unique_ptr<OpenTransaction> open;
    std::uint32_t process = 0;
    Step step;  ///< That is under way, if it is busy.
    bool busy = false;
    bool begun = false, over = false;
    bool committing = false;  ///< A commit was sent: it may take place.
    Deadline deadline{};
  };

  /// The first that can be sent, or one beyond the last. What an actor has no more use for counts
  /// as sent.
  std::size_t next_part() {
    for (std::size_t i = 0; i < sent_.size(); ++i) {
      if (sent_[i]) continue;
      const Actor& actor = actors_[script_.parts[i].transaction];
      if (actor.over) sent_[i] = true;
      if (!sent_[i] && !actor.busy) return i;
    }
    return sent_.size();
  }

  /// A transaction that has not begun begins; the part itself is then still the next.
  void play_part(std::size_t next) {
    Actor& actor = actors_[script_.parts[next].transaction];
    if (!actor.begun) {
      begin(actor);
    } else {
      sent_[next] = true;
      send(actor, script_.parts[next].step);
    }
    settle(actor);
    // What it did may let others go on: they do, before the script does.
    while (!settings_.stop() && let_others_go_on()) {
    }
  }

  void invoke(Actor& actor) {
    actor.begun = true;
    actor.process = player_.next_process_++;
    settings_.recorder.invoke(settings_.lane, actor.process, settings_.node.index, actor.request);
  }

  void begin(Actor& actor) {
    invoke(actor);
    try {
      auto opened = settings_.target.open_transaction(settings_.node);
      if (!opened) return end(actor, Outcome::fail(opened.error().what));
      actor.open = std::move(*opened);
    } catch (const std::exception& error) {
      return break_down(actor, error.what());
    }
    send(actor, {Step::Kind::begin, {}});
  }

  void send(Actor& actor, const Step& step) {
    actor.step = step;
    actor.busy = true;
    actor.committing = actor.committing || step.kind == Step::Kind::commit;
    actor.deadline = settings_.now() + settings_.request_timeout;
    try {
      actor.open->send(step, actor.deadline);
    } catch (const std::exception& error) {
      break_down(actor, error.what());
    }
  }

  /// Until it is answered, or waits.
  void settle(Actor& actor) {
    while (actor.busy && !settings_.stop())
      if (look_at(actor) == StepReport::Kind::waiting) return;
  }

  /// Whether one of those that waited does not any more.
  bool let_others_go_on() {
    bool changed = false;
    for (Actor& actor : actors_) {
      if (!actor.busy) continue;
      settle(actor);
      changed = changed || !actor.busy;
    }
    return changed;
  }

  /// Nobody can go on until the store lets somebody.
  void look_at_busy() {
    for (Actor& actor : actors_)
      if (actor.busy) look_at(actor);
  }

  StepReport::Kind look_at(Actor& actor) {
    StepReport report;
    try {
      report = actor.open->look(actor.deadline);
    } catch (const std::exception& error) {
      break_down(actor, error.what());
      return StepReport::Kind::failed;
    }
    const StepReport::Kind kind = report.kind;
    if (report.is_over())
      take(actor, std::move(report));
    else if (settings_.now() >= actor.deadline)
      give_up(actor, kind == StepReport::Kind::waiting
                         ? "it waited for another transaction until the timeout"
                         : "timeout");
    return kind;
  }

  void take(Actor& actor, StepReport report) {
    actor.busy = false;
    switch (report.kind) {
      case StepReport::Kind::refused:
        return end(actor, Outcome::fail(std::string(refusal_mark) + report.why));
      case StepReport::Kind::failed:
        return end(actor, Outcome::fail(report.why));
      case StepReport::Kind::lost:
        return give_up(actor, report.why);
      default:
        break;
    }
    if (actor.step.kind == Step::Kind::commit) end(actor, Outcome::ok(std::move(actor.answers)));
    if (actor.step.kind == Step::Kind::abort) end(actor, Outcome::fail(std::string(abort_mark)));
    if (actor.step.kind != Step::Kind::access) return;
    FAULTLINE_CHECK(actor.answered < actor.answers.size());
    actor.answers[actor.answered++] = std::move(report.access);
  }

  void break_down(Actor& actor, const std::string& what) { give_up(actor, "exception: " + what); }

  /// Nobody waits for it any more.
  void give_up(Actor& actor, const std::string& why) {
    if (!actor.begun || actor.over) return;
    const bool is_harmless = !actor.committing || changes_nothing(actor.request.value);
    end(actor, is_harmless ? Outcome::fail(why) : Outcome::info(why));
  }

  void end(Actor& actor, const Outcome& outcome) {
    actor.busy = false;
    actor.over = true;
    actor.open.reset();
    settings_.recorder.complete(settings_.lane, actor.process, settings_.node.index, actor.request,
                                outcome);
    if (settings_.ended) settings_.ended(outcome.fate());
  }

  ScriptPlayer& player_;
  ScriptPlayerSettings& settings_;
  const Script& script_;
  std::vector<Actor> actors_;
  std::vector<bool> sent_;  ///< By part.
};

ScriptPlayer::ScriptPlayer(ScriptPlayerSettings settings) : settings_(std::move(settings)) {
  if (!settings_.now) settings_.now = [] { return std::chrono::steady_clock::now(); };
  if (!settings_.stop) settings_.stop = [] { return false; };
}

void ScriptPlayer::play(const Script& script) { Performance(*this, script).perform(); }

}  // namespace faultline
