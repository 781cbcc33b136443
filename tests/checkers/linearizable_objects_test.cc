// Objects of every model, from a history to its verdict, sentence and witness.
#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/linearizable/model.h"
#include "tests/checkers/linearizable_check.h"

namespace faultline {
namespace {

using script::Script;
using F = Function;

/// Operations one after another, or at moments of their own.
class Story : public Script {
 public:
  Story& then(F f, Value argument, Value output, Fate fate = Fate::ok) {
    now_ += 2;
    return at(now_, now_ + 1, f, std::move(argument), std::move(output), fate);
  }
  Story& at(int begin, int end, F f, Value argument, Value output, Fate fate = Fate::ok) {
    add({f, std::move(argument), std::move(output), fate, begin, end, "k", "", process_});
    process_ = 0xffffffffu;
    return *this;
  }
  /// Who does the next one.
  Story& by(std::uint32_t process) {
    process_ = 1000 + process;
    return *this;
  }

 private:
  int now_ = 0;
  std::uint32_t process_ = 0xffffffffu;
};

void is(const Verdict& v, Validity validity) {
  CHECK_MESSAGE(v.validity == validity, v.model, ": ", v.reason, " ", v.summary);
}
bool valid(const Verdict& v) { return v.validity == Validity::valid; }
bool invalid(const Verdict& v) { return v.validity == Validity::invalid; }

TEST_CASE("objects: a queue that loses an element, with its sentence and witness") {
  const Verdict v = check(Story()
                              .then(F::enqueue, 1, {})
                              .then(F::dequeue, {}, 1)
                              .then(F::enqueue, 5, {})
                              .then(F::enqueue, 7, {})
                              .then(F::dequeue, {}, 7)
                              .then(F::enqueue, 9, {})
                              .with_times());
  is(v, Validity::invalid);
  CHECK(v.model == "fifo-queue");
  CHECK(v.summary ==
        "key k: process 4 dequeued 7 at 0.11 s although 5, enqueued before it, was never dequeued");
  CHECK(v.witness == std::vector<OperationId>{2, 3, 4});
  CHECK(v.anomalies.at(0).first == "lost-element");
  CHECK(contains(v.explanation, "dequeue    7"));
  CHECK_FALSE(contains(v.explanation, "not a minimal one"));
}

TEST_CASE("objects: each model's own mistakes, by name") {
  struct Case {
    Story story;
    std::string model, anomaly, words;
  };
  const std::vector<Case> cases{
      {Story().then(F::enqueue, 1, {}).then(F::dequeue, {}, 2), "", "phantom-read",
       "dequeued 2 at event 3 although nobody ever enqueued 2"},
      {Story().then(F::dequeue, {}, 2).then(F::enqueue, 2, {}), "", "phantom-read",
       "was only asked to be enqueued at event 2"},
      {Story().then(F::enqueue, 1, {}).then(F::dequeue, {}, 1).then(F::dequeue, {}, 1), "",
       "double-read", "had dequeued 1 at event 3 already"},
      {Story().then(F::enqueue, 1, {}).then(F::dequeue, {}, {}), "", "lost-element",
       "found nothing at event 3 although 1, which process 0 had enqueued at event 1, was never"},
      {Story()
           .then(F::enqueue, 1, {})
           .then(F::enqueue, 2, {})
           .then(F::dequeue, {}, 2)
           .then(F::dequeue, {}, 1),
       "", "reordered", "although 1, enqueued before it, was only dequeued later"},
      {Story().then(F::push, 1, {}).then(F::push, 2, {}).then(F::pop, {}, 1), "", "reordered",
       "popped 1 at event 5 although 2, pushed at event 3, was to come out before it"},
      {Story().then(F::enqueue, 4, {}).then(F::enqueue, 3, {}).then(F::dequeue, {}, 4),
       "priority-queue", "reordered", "although 3, enqueued at event 3, was to come out"},
      {Story().by(1).then(F::acquire, {}, {}).by(2).then(F::acquire, {}, {}), "", "split-brain",
       "process 1002 acquired the lock at event 3 although process 1001 had acquired the lock"},
      {Story().by(1).then(F::acquire, {}, {}).by(2).then(F::release, {}, {}), "",
       "not-linearizable", "released the lock"},
      {Story()
           .by(1)
           .then(F::acquire, {}, 7)
           .by(1)
           .then(F::release, 7, {})
           .by(2)
           .then(F::acquire, {}, 6),
       "", "non-monotonic-read", "with the token 7 at event 1, which is not smaller"},
      {Story().then(F::generate, {}, 5).then(F::generate, {}, 5), "", "duplicate",
       "was given 5 at event 3 although process 0 had been given 5"},
      {Story().then(F::add, 1, 0).then(F::add, 1, 0), "", "duplicate", "and was answered 0"},
      {Story().then(F::add, 1, {}).then(F::read, {}, List{}), "", "lost-element",
       "although process 0 had added 1 at event 1, and nobody saw that again"},
      {Story().then(F::add, 1, {}).then(F::read, {}, List{}).then(F::read, {}, List{1}), "",
       "stale-read", "had added 1"},
      {Story().then(F::append, 1, {}).then(F::read, {}, List{2}), "", "phantom-read",
       "nobody ever appended 2"},
      {Story().then(F::add, 2, {}).then(F::read, {}, 3), "", "phantom-read", "read 3"},
      {Story()
           .then(F::txn, List{Value(List{"w", "x", 1})}, List{Value(List{"w", "x", 1})})
           .then(F::txn, List{Value(List{"r", "x", {}})}, List{Value(List{"r", "x", 2})}),
       "", "not-linearizable", "committed"},
  };
  for (const Case& c : cases) {
    const Verdict v = check(c.story, c.model.empty() ? Settings{} : Settings{{"model", c.model}});
    is(v, Validity::invalid);
    CAPTURE(v.summary);
    CHECK(v.anomalies.at(0).first == c.anomaly);
    CHECK(contains(v.summary, c.words));
    CHECK(v.witness.size() >= 1);
    CHECK(v.refuted == std::vector<std::string>{"linearizable"});
  }
}

TEST_CASE("objects: the model is what the operations and answers say") {
  const auto model = [](const Story& story) { return check(story).model; };
  CHECK(model(Story().then(F::enqueue, 1, {}).then(F::dequeue, {}, 1)) == "fifo-queue");
  CHECK(model(Story().then(F::push, 1, {}).then(F::pop, {}, 1)) == "stack");
  CHECK(model(Story().then(F::acquire, {}, {})) == "mutex");
  CHECK(model(Story().then(F::acquire, {}, 3)) == "fenced-lock");
  CHECK(model(Story().then(F::acquire, 1, {})) == "semaphore");
  CHECK(model(Story().then(F::generate, {}, 3)) == "id-generator");
  CHECK(model(Story().then(F::append, 3, {}).then(F::read, {}, List{3})) == "append-list");
  CHECK(model(Story().then(F::append, "a", {}).then(F::read, {}, "a")) == "key-value");
  CHECK(model(Story().then(F::write, 3, {}).then(F::remove, {}, {}).then(F::read, {}, {})) ==
        "key-value");
  CHECK(model(Story().then(F::add, 3, {}).then(F::read, {}, List{3})) == "grow-only-set");
  CHECK(model(Story().then(F::add, 3, {}).then(F::read, {}, 3)) == "counter");
  CHECK(model(Story().then(F::add, 3, 0)) == "fetch-and-add");
  CHECK(model(Story().then(F::add, 3, true).then(F::contains, 3, true)) == "set");
  CHECK(model(Story().then(F::txn, List{Value(List{"r", "x", {}})},
                           List{Value(List{"r", "x", {}})})) == "multi-register");
}

TEST_CASE("objects: what is not clear is asked for, with the candidates") {
  const Verdict unclear = check(Story().then(F::add, 3, {}));
  is(unclear, Validity::unknown);
  CHECK(unclear.reason == "unsupported");
  CHECK(
      contains(unclear.summary,
               "add (1); say --model counter or --model fetch-and-add or --model grow-only-set or "
               "--model set"));
  const Verdict none = check(Story().then(F::transfer, 3, {}).then(F::push, 3, {}));
  CHECK(contains(none.summary, "no model has all of these operations: push (1), transfer (1)"));
  CHECK(contains(try_make({{"model", "fifo-queu"}}).error().what, "did you mean \"fifo-queue\""));
  const Verdict other =
      check(Story().then(F::push, 1, {}).then(F::pop, {}, 1), {{"model", "fifo-queue"}});
  CHECK(contains(other.summary, "other than enqueue, dequeue, read: push (1), pop (1)"));
}

TEST_CASE("objects: malformed values and engines that do not fit are said so") {
  const Verdict v = check(Story().then(F::enqueue, "a", {}).then(F::dequeue, {}, "a"),
                          {{"model", "priority-queue"}});
  is(v, Validity::unknown);
  CHECK(v.reason == "unsupported");
  CHECK(
      contains(v.summary,
               "the enqueue with invoke index 0 asked for \"a\" and was answered nil; expected an "
               "integer"));
  const Verdict zones =
      check(Story().then(F::push, 1, {}).then(F::pop, {}, 1), {{"engine", "zones"}});
  CHECK(zones.reason == "inapplicable");
  const Verdict refused =
      check(Story().then(F::remove, 1, {}, Fate::mismatch), {{"model", "grow-only-set"}});
  CHECK(refused.reason == "unsupported");
  CHECK(contains(try_make({{"model", "semaphore"}, {"initial", "many"}}).error().what,
                 "expected how many permits"));
  const Verdict initial =
      check(Story().then(F::add, 1, {}).then(F::read, {}, 1), {{"initial", "zero"}});
  CHECK(contains(initial.summary, "the initial value: expected an integer"));
}

TEST_CASE("objects: what nobody answered is vacuous") {
  for (const Story& story : {Story().then(F::enqueue, 1, {}), Story().then(F::push, 1, {}),
                             Story().then(F::append, 1, {})}) {
    const Verdict v = check(story);
    is(v, Validity::unknown);
    CHECK(v.reason == "vacuous");
  }
}

TEST_CASE("objects: --engine general judges registers as well") {
  const Story story = Story().then(F::write, 1, 1).then(F::write, 2, 2);
  Story stale = story;
  stale.then(F::read, {}, 1);
  const Verdict v = check(stale, {{"engine", "general"}});
  is(v, Validity::invalid);
  CHECK(v.engine == "general");
  CHECK(v.model == "register");
  Story fine = story;
  fine.then(F::read, {}, 2);
  CHECK(valid(check(fine, {{"engine", "general"}})));
}

TEST_CASE("objects: the fast engine decides where it applies, else the general one") {
  const Story unique = Story().then(F::enqueue, 1, {}).then(F::dequeue, {}, 1);
  CHECK(check(unique).engine == "fast-queue");
  CHECK(check(unique, {{"engine", "general"}}).engine == "general");
  Story twice = unique;
  twice.then(F::enqueue, 1, {}).then(F::dequeue, {}, 1);
  CHECK(check(twice).engine == "general");
  CHECK(valid(check(twice)));
  const Story lost =
      Story().then(F::enqueue, 1, {}).then(F::enqueue, 2, {}).then(F::dequeue, {}, 2);
  CHECK(check(lost).summary == check(lost, {{"engine", "general"}}).summary);
  Story later = lost;
  later.then(F::dequeue, {}, 1);
  CHECK(check(later).summary == check(later, {{"engine", "general"}}).summary);
}

TEST_CASE("objects: the initial value") {
  const Settings three{{"model", "counter"}, {"initial", "3"}};
  CHECK(valid(check(Story().then(F::add, 1, {}).then(F::read, {}, 4), three)));
  CHECK(invalid(check(Story().then(F::add, 1, {}).then(F::read, {}, 1), three)));
  const Story two = Story().by(1).then(F::acquire, {}, {}).by(2).then(F::acquire, {}, {});
  CHECK(invalid(check(two, {{"model", "semaphore"}})));
  CHECK(valid(check(two, {{"model", "semaphore"}, {"initial", "2"}})));
  CHECK(invalid(check(two, {{"model", "semaphore"}, {"initial", "0"}})));
  const Story reads =
      Story().then(F::txn, List{Value(List{"r", "x", {}})}, List{Value(List{"r", "x", 0})});
  CHECK(invalid(check(reads)));
  CHECK(valid(check(reads, {{"initial", "0"}})));
}

TEST_CASE("objects: correction 2, a failed value may have been put by somebody else") {
  CHECK(valid(check(Story()
                        .then(F::enqueue, 3, {}, Fate::fail)
                        .then(F::enqueue, 3, {})
                        .then(F::dequeue, {}, 3))));
  CHECK(invalid(check(Story().then(F::enqueue, 3, {}, Fate::fail).then(F::dequeue, {}, 3))));
}

TEST_CASE("objects: correction 3, a refusal is an observation") {
  const Story held = Story().by(1).then(F::acquire, {}, {});
  CHECK(valid(check(Story(held).by(2).then(F::acquire, {}, {}, Fate::mismatch))));
  CHECK(invalid(check(Story()
                          .by(1)
                          .then(F::acquire, {}, {})
                          .by(1)
                          .then(F::release, {}, {})
                          .by(2)
                          .then(F::acquire, {}, {}, Fate::mismatch))));
  // An acquire that nobody heard of again may be why.
  CHECK(valid(check(Story()
                        .at(0, 0, F::acquire, {}, {}, Fate::info)
                        .at(2, 3, F::acquire, {}, {}, Fate::mismatch))));
}

TEST_CASE("objects: correction 9, a reentrant mutex is no semaphore") {
  const Story two = Story().by(1).then(F::acquire, {}, {}).by(2).then(F::acquire, {}, {});
  CHECK(valid(check(two, {{"model", "semaphore"}, {"initial", "2"}})));
  CHECK(invalid(check(two, {{"model", "reentrant-mutex"}})));
  CHECK(valid(check(Story().by(1).then(F::acquire, {}, {}).by(1).then(F::acquire, {}, {}),
                    {{"model", "reentrant-mutex"}})));
  const Story other = Story().by(1).then(F::acquire, {}, {}).by(2).then(F::release, {}, {});
  CHECK(invalid(check(other, {{"model", "mutex"}})));
  CHECK(valid(check(other, {{"model", "ownerless-mutex"}})));
}

TEST_CASE("objects: correction 10, nobody got the numbers between") {
  CHECK(invalid(check(Story().then(F::add, 1, 0).then(F::add, 1, 5))));
  Story gap = Story().then(F::add, 1, 0);
  for (int i = 0; i < 4; ++i) gap.at(1, 0, F::add, 1, {}, Fate::info);
  CHECK(valid(check(Story(gap).then(F::add, 1, 5))));
  CHECK(invalid(check(Story(gap).then(F::add, 1, 6))));
}

TEST_CASE("objects: correction 11, reads of a grow-only set must be nested") {
  // Every element alone is fine: each was being added while both reads went on.
  const Story crossed = Story()
                            .at(0, 9, F::add, 1, {})
                            .at(0, 9, F::add, 2, {})
                            .at(1, 8, F::read, {}, List{1})
                            .at(1, 8, F::read, {}, List{2});
  CHECK(invalid(check(crossed)));
}

TEST_CASE("objects: correction 18, empty dequeues beside dequeues that nobody heard of again") {
  const Story taken = Story()
                          .at(0, 1, F::enqueue, 1, {})
                          .at(2, 0, F::dequeue, {}, {}, Fate::info)
                          .at(4, 5, F::dequeue, {}, {});
  CHECK(valid(check(taken)));
  CHECK(invalid(check(Story(taken).at(6, 7, F::dequeue, {}, 1))));
}

TEST_CASE("objects: correction 19, thousands of infos on one key") {
  Story story;
  for (int i = 0; i < 3000; ++i) {
    story.at(10 * i, 10 * i + 1, F::enqueue, i, {});
    story.at(10 * i + 2, 0, F::enqueue, 100'000 + i, {}, Fate::info);
    story.at(10 * i + 3, 10 * i + 4, F::dequeue, {}, i);
  }
  const Budget small{2'000'000, std::uint64_t{256} << 20, nullptr};
  CHECK(valid(check(story, {{"engine", "general"}}, small)));
  story.at(40'000, 40'001, F::dequeue, {}, 5);
  CHECK(invalid(check(story, {{"engine", "general"}})));
}

TEST_CASE("objects: a budget that runs out is unknown, and says how far it got") {
  Story story;
  for (int i = 0; i < 400; ++i) story.at(0, 1000 + i, F::push, i, {});
  for (int i = 0; i < 400; ++i) story.at(2000 + 2 * i, 2001 + 2 * i, F::pop, {}, i % 7);
  const Verdict steps =
      check(story, {{"engine", "general"}}, {50'000, std::uint64_t{1} << 30, nullptr});
  CHECK(steps.validity == Validity::unknown);
  CHECK(steps.reason == "steps");
  std::atomic<bool> stop{true};
  const Verdict stopped = check(story, {{"engine", "general"}}, {1u << 30, 1u << 30, &stop});
  CHECK(stopped.reason == "stopped");
}

TEST_CASE("objects: keys are judged on their own") {
  Script script;
  for (int k = 0; k < 5; ++k) {
    const std::string key = "k" + std::to_string(k);
    script.add({F::enqueue, k, {}, Fate::ok, 10 * k, 10 * k + 1, key});
    script.add({F::dequeue, {}, k == 3 ? 4 : k, Fate::ok, 10 * k + 2, 10 * k + 3, key});
  }
  const Verdict v = check(script);
  is(v, Validity::invalid);
  CHECK(v.keys_invalid == std::vector<std::string>{"k3"});
}

TEST_CASE("objects: revisions rise, and a read tells the last one") {
  const auto with = [](Value value, int revision) {
    return Value(Map{{"value", std::move(value)}, {"revision", revision}});
  };
  const Settings kv{{"model", "key-value"}};
  const Story story = Story().then(F::write, 1, with(1, 5)).then(F::write, 2, with(2, 7));
  CHECK(valid(check(Story(story).then(F::read, {}, with(2, 7)), kv)));
  CHECK(invalid(check(Story(story).then(F::read, {}, with(2, 6)), kv)));
  CHECK(valid(check(Story(story).then(F::read, {}, 2), kv)));
  CHECK(invalid(check(Story(story).then(F::write, 3, with(3, 7)).then(F::read, {}, 3), kv)));
  // No read, and an answer like an echo's: wrong all the same.
  CHECK(check(story, kv).reason == "vacuous");
  CHECK(invalid(check(Story(story).then(F::write, 3, with(3, 7)), kv)));
}

TEST_CASE("objects: every model of the list is made, and says what may be asked") {
  CHECK(linearizable::model_entries().size() >= 19);
  for (const auto& entry : linearizable::model_entries()) {
    CAPTURE(entry.name);
    const auto traits = entry.traits();
    CHECK_FALSE(traits.functions.empty());
    const bool is_made = traits.make != nullptr;
    REQUIRE(is_made);
    CHECK(linearizable::find_model(entry.name) != nullptr);
  }
}

}  // namespace
}  // namespace faultline
