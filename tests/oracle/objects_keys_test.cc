// Keys are objects of their own: histories of two keys, merged in any order of their events, are
// linearizable where both are; and one that is dropped takes nothing with it but itself.
#include <algorithm>
#include <optional>

#include <doctest/doctest.h>

#include "tests/checkers/linearizable_check.h"
#include "tests/oracle/judges.h"
#include "tests/oracle/objects.h"

namespace faultline::oracle {
namespace {

/// Adds a history's events to a builder one after the other, as of one key and processes of its
/// own.
class KeyFeed {
 public:
  KeyFeed(std::vector<Asked> history, std::string key, std::uint32_t first_process)
      : history_(std::move(history)), key_(std::move(key)), first_process_(first_process) {
    for (std::size_t i = 0; i < history_.size(); ++i) {
      events_.emplace_back(history_[i].begin, i);
      if (!history_[i].info) events_.emplace_back(history_[i].end, i);
    }
    std::ranges::sort(events_);
  }
  bool over() const { return at_ == events_.size(); }

  Status next(HistoryBuilder& builder) {
    const auto [position, index] = events_[at_++];
    const Asked& o = history_[index];
    const std::uint32_t process = first_process_ + o.process;
    if (position == o.begin)
      return builder.invoke({process, o.function, builder.key(key_),
                             builder.values().add(o.argument), no_node, no_time});
    return builder.complete({process, o.refused ? Fate::mismatch : Fate::ok,
                             builder.values().add(o.output), no_error, no_time});
  }

 private:
  std::vector<Asked> history_;
  std::string key_;
  std::uint32_t first_process_;
  std::vector<std::pair<Position, std::size_t>> events_;
  std::size_t at_ = 0;
};

/// nullopt: a process overlaps itself, which no client's does.
std::optional<Verdict> judged_by_key(const Spec& spec, std::vector<KeyFeed> feeds, Rng& rng) {
  HistoryBuilder builder;
  while (!feeds.empty()) {
    const std::size_t i = rng.below(feeds.size());
    if (feeds[i].over()) {
      feeds.erase(feeds.begin() + static_cast<std::ptrdiff_t>(i));
    } else if (!feeds[i].next(builder)) {
      return std::nullopt;
    }
  }
  const History history = builder.finish();
  auto checker = try_make({{"model", spec.model}});
  REQUIRE(checker);
  return (*checker)->check(history, {});
}

TEST_CASE(
    "oracle: keys merged are invalid where one of them is, and one dropped leaves the other") {
  ObjectOracle oracle;
  for (const Spec& spec : all_specs()) {
    if (spec.model == "multi-register" || !spec.initial.is_nil()) continue;
    CAPTURE(spec.model);
    Rng rng = Rng(2040).fork(spec.model);
    const long count = iterations(1'000);
    long wrong = 0, tried = 0, invalid = 0;
    for (long i = 0; i < count; ++i) {
      const std::vector<Asked> a = random_object_history(spec, rng, 8);
      const std::vector<Asked> b = random_object_history(spec, rng, 8);
      auto both = judged_by_key(spec, {KeyFeed(a, "a", 0), KeyFeed(b, "b", 1000)}, rng);
      const auto alone = judged_by_key(spec, {KeyFeed(a, "a", 0)}, rng);
      if (!both || !alone) continue;
      ++tried;
      std::ranges::sort(both->keys_invalid);  // in the order of their first events
      std::vector<std::string> expected;
      if (!oracle.linearizable(spec, a)) expected.emplace_back("a");
      const bool a_is_invalid = !expected.empty();
      if (!oracle.linearizable(spec, b)) expected.emplace_back("b");
      invalid += !expected.empty();
      const bool as_both = (both->validity == Validity::invalid) == !expected.empty() &&
                           (expected.empty() || both->keys_invalid == expected);
      const bool as_alone = (alone->validity == Validity::invalid) == a_is_invalid;
      const auto decided = [](const Verdict& v) {
        return v.validity != Validity::unknown || v.reason == "vacuous";
      };
      if (as_both && as_alone && decided(*both) && decided(*alone)) continue;
      if (++wrong == 1)
        FAIL_CHECK("merged: " << both->summary << "\nalone: " << alone->summary << "\na\n"
                              << to_text(a) << "b\n"
                              << to_text(b));
    }
    CHECK(wrong == 0);
    CHECK(tried > count / 4);
    CHECK(invalid > count / 50);
  }
}

}  // namespace
}  // namespace faultline::oracle
