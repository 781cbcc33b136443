// G-cursor, and what it says of cursor stability: lists and registers.
#include "checkers/transactional/cursors.h"

#include <algorithm>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "tests/checkers/told_cases.h"
#include "tests/oracle/txn_oracle.h"

namespace faultline::cursors_test {
namespace {

using oracle::txn::append;
using oracle::txn::Elements;
using oracle::txn::Micro;
using oracle::txn::read;
using oracle::txn::Speller;
using oracle::txn::Transactions;

constexpr int x = 0, y = 1, z = 2;

/// One after the other in the history; all of them concurrent.
Transactions together(std::vector<std::vector<Micro>> all) {
  Transactions history;
  const int n = static_cast<int>(all.size());
  for (int i = 0; i < n; ++i)
    history.push_back({static_cast<std::uint32_t>(i), i, n + i, Fate::ok,
                       std::move(all[static_cast<std::size_t>(i)])});
  return history;
}

Verdict judged(const Transactions& history, bool registers, const std::string& model) {
  ConfigNode config;
  config.members.push_back({"model", {}, ConfigNode::of(model)});
  Params params(config, "check");
  const auto checker = registers ? make_rw_register(params) : make_list_append(params);
  REQUIRE(checker);
  const History spelled = Speller({.registers = registers}).history(history);
  Verdict verdict = (*checker)->check(spelled, {});
  told_cases::check(spelled, verdict);
  return verdict;
}

std::uint64_t cursors_of(const Verdict& verdict) {
  for (const auto& [name, count] : verdict.anomalies)
    if (name == "G-cursor") return count;
  return 0;
}

/// How many G-cursors the check of cursor stability says there are; it is what it says then.
std::uint64_t cursors_in(const Transactions& history, bool registers = false) {
  const Verdict verdict = judged(history, registers, "cursor-stability");
  if (cursors_of(verdict) > 0) CHECK(verdict.validity == Validity::invalid);
  return cursors_of(verdict);
}

TEST_CASE("G-cursor of lists: a read, and an append behind one that it missed") {
  const std::vector<Micro> last = {read(x, {1, 2, 3})};
  // Who wrote 2 had not read: no update of his is lost, and yet the one of 3 lost his cursor.
  const Transactions history =
      together({{append(x, 1)}, {append(x, 2)}, {read(x, {1}), append(x, 3)}, last});
  CHECK(cursors_in(history) == 1);
  const Verdict verdict = judged(history, false, "cursor-stability");
  CHECK(verdict.anomalies.size() == 1);
  CHECK(verdict.refuted == std::vector<std::string>{"cursor-stability", "update-atomic"});
  CHECK(verdict.summary.find("read key 0 as [1] and appended 3 to it, behind what") !=
        std::string::npos);
  CHECK(judged(history, false, "read-committed").validity == Validity::valid);
  // Once of each transaction and key, whatever it reads and appends.
  CHECK(cursors_in(together({{append(x, 1)},
                             {append(x, 2)},
                             {read(x, {1}), append(x, 3), append(x, 4)},
                             {read(x, {1, 2, 3, 4})}})) == 1);
  // Both read: both updates are lost to each other, and one of them comes last.
  const Verdict lost = judged(
      together({{append(x, 1)}, {read(x, {1}), append(x, 2)}, {read(x, {1}), append(x, 3)}, last}),
      false, "cursor-stability");
  CHECK(cursors_of(lost) == 1);
  CHECK(lost.anomalies.size() == 2);
}

TEST_CASE("G-cursor of lists: what is none") {
  const auto is_stable = [](const Transactions& history) {
    const Verdict verdict = judged(history, false, "cursor-stability");
    CHECK_MESSAGE(verdict.validity == Validity::valid, verdict.summary);
  };
  is_stable(together({{append(x, 1)}, {read(x, {1}), append(x, 2)}, {read(x, {1, 2})}}));
  // Its own came first; another key; a read after its append.
  is_stable(together(
      {{append(x, 1)}, {read(x, {1}), append(x, 2)}, {append(x, 3)}, {read(x, {1, 2, 3})}}));
  is_stable(together({{append(x, 1), append(y, 1)},
                      {read(x, {}), append(y, 2)},
                      {read(x, {1}), read(y, {1, 2})}}));
  is_stable(together({{append(x, 1), read(x, {1})}, {append(x, 2)}, {read(x, {1, 2})}}));
  // Two reads: the second one saw what the first had missed, and nothing was appended.
  is_stable(together({{append(x, 1)}, {read(x, {}), read(x, {1})}}));
  // Write skew and long fork are allowed, and decided by this alone.
  is_stable(together(
      {{read(x, {}), append(y, 1)}, {read(y, {}), append(x, 1)}, {read(x, {1}), read(y, {1})}}));
  is_stable(together(
      {{append(x, 1)}, {append(y, 1)}, {read(x, {1}), read(y, {})}, {read(x, {}), read(y, {1})}}));
}

TEST_CASE("G-cursor of lists: what nobody read comes after all others, and is free") {
  CHECK(cursors_in(together(
            {{append(x, 1)}, {append(x, 2)}, {read(x, {1}), append(x, 3)}, {read(x, {1, 2})}})) ==
        1);
  // It is open which of 2 and 3 came first; no cursor is lost if it is 2. Of 3 alone, nobody has
  // one.
  const std::vector<std::vector<Micro>> skew = {{read(y, {}), append(z, 1)},
                                                {read(z, {}), append(y, 1)},
                                                {read(y, {1}), read(z, {1}), append(x, 1)},
                                                {append(x, 3)}};
  auto with = [&](std::vector<Micro> last) {
    auto all = skew;
    all.push_back({read(x, {1})});
    all.push_back(std::move(last));
    return judged(together(std::move(all)), false, "cursor-stability");
  };
  CHECK(with({read(x, {1}), append(x, 2)}).validity == Validity::unknown);
  CHECK(with({read(x, {1}), append(x, 2)}).reason == "incomplete");
  CHECK(with({append(x, 2), read(x, {1})}).validity == Validity::unknown);
  CHECK(with({append(x, 2)}).validity == Validity::valid);
  // And if it is the first in the history.
  Transactions early = together({{read(x, {}), append(x, 2)},
                                 {append(x, 3)},
                                 {read(y, {}), append(z, 1)},
                                 {read(z, {}), append(y, 1)},
                                 {read(y, {1}), read(z, {1})}});
  CHECK(judged(early, false, "cursor-stability").validity == Validity::unknown);
}

TEST_CASE("G-cursor of lists: a read behind one's own append tells nothing") {
  // T1 reads nothing after it appended: its own fault. No cycle without that read is there.
  const Transactions history =
      together({{append(x, 1)}, {append(x, 2), read(x, {})}, {read(x, {1, 2})}});
  const Verdict verdict = judged(history, false, "cursor-stability");
  CHECK(verdict.validity == Validity::unknown);
  const Transactions later =
      together({{append(x, 1)}, {append(x, 2), read(x, {}), append(x, 3)}, {read(x, {2, 1, 3})}});
  CHECK(judged(later, false, "cursor-stability").validity != Validity::valid);
  // It read its own append before it made it, and then missed what came before that.
  CHECK(cursors_in(together({{append(x, 1)},
                             {read(x, {1, 2}), read(x, {}), append(x, 2)},
                             {append(x, 3)},
                             {read(x, {1, 2, 3})}})) == 1);
  // Who reads its own append before it makes it loses nothing by that; it is a future-read, which
  // rules out read committed and what implies it.
  const Transactions early =
      together({{read(x, {1}), append(x, 1)}, {read(x, {1}), append(x, 2)}, {read(x, {1, 2})}});
  CHECK(cursors_in(early) == 0);
  const Verdict of_early = judged(early, false, "cursor-stability");
  CHECK(of_early.validity == Validity::invalid);
  CHECK(of_early.summary.find("future-read") != std::string::npos);
  CHECK(judged(early, false, "read-uncommitted").validity == Validity::valid);
}

TEST_CASE("G-cursor of registers: by that order alone without which there would be a G1c") {
  // It read nil of x, and of T0, which wrote x: it wrote over what it had not seen.
  const Transactions nil =
      together({{append(x, 1), append(y, 1)}, {read(x, {}), read(y, {1}), append(x, 2)}});
  CHECK(cursors_in(nil, true) == 1);
  CHECK(judged(nil, true, "cursor-stability").summary.find("over what") != std::string::npos);
  // T1 read of T0 and wrote x: 1, 2. T2 read 1, and of T1, and wrote x: behind 2.
  CHECK(cursors_in(together({{append(x, 1), append(y, 1)},
                             {read(y, {1}), append(x, 2), append(y, 2)},
                             {read(x, {1}), read(y, {2}), append(x, 3)}}),
                   true) == 1);
  // T1 did not: whether 1 or 2 came first only consistent view would say.
  const Transactions open = together({{append(x, 1), append(y, 1)},
                                      {append(x, 2), append(y, 2)},
                                      {read(x, {1}), read(y, {2}), append(x, 3)}});
  CHECK(cursors_in(open, true) == 0);
  // It saw 2 afterwards; it wrote no x; it had written x before it read.
  CHECK(cursors_in(together({{append(x, 1)}, {read(x, {1}), append(x, 2)}}), true) == 0);
  CHECK(cursors_in(
            together({{append(x, 1), append(y, 1)}, {read(x, {}), read(y, {1}), append(y, 2)}}),
            true) == 0);
  CHECK(cursors_in(
            together({{append(x, 1), append(y, 1)}, {append(x, 2), read(x, {}), read(y, {1})}}),
            true) == 0);
  CHECK(cursors_in(together({{append(x, 1), append(y, 1)},
                             {append(x, 2), read(x, {}), read(z, {}), append(z, 1), read(y, {1})}}),
                   true) == 0);
}

}  // namespace
}  // namespace faultline::cursors_test
