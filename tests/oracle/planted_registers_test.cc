// Anomalies of registers planted in long histories in which nothing else is wrong: each is found,
// by its name, and none in those where nothing was planted.
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "tests/oracle/planted_check.h"

namespace faultline::oracle::planted_registers {
namespace {

using planted::Kind;
using planted::Objects;
using planted::Plant;

using Micro = planted::Micro;
Micro w(char key, int value) { return planted::append(key, value); }
Micro r(char key) { return planted::read(key, {}); }
Micro r(char key, int value) { return planted::read(key, {value}); }

/// There is no G0: where reads are free, so is the order of versions.
std::vector<Kind> cycles() {
  return {
      {"G1c", Plant().together({{w('a', 1), r('b', 1)}, {w('b', 1), r('a', 1)}}), {{"G1c", 1}}},
      {"G1c-process",
       Plant().both(0, {r('a', 1)}).both(0, {w('a', 1)}),
       {{"G1c-process", 1}, {"G1c-realtime", 1}}},
      {"G1c-realtime", Plant().both(0, {r('a', 1)}).both(1, {w('a', 1)}), {{"G1c-realtime", 1}}},
      {"G-single-item",
       Plant().together({{w('a', 1), w('b', 1)}, {r('a', 1), r('b')}}),
       {{"G-single-item", 1}, {"OTV", 1}, {"WriteCORead", 1}}},
      {"G-single-item-process",
       Plant().both(0, {w('a', 1)}).both(0, {r('a')}),
       {{"G-single-item-process", 1},
        {"G-single-item-realtime", 1},
        {"WriteCORead", 1},
        {"fractured-read-process", 1}}},
      {"G-single-item-realtime",
       Plant().both(0, {w('a', 1)}).both(1, {r('a')}),
       {{"G-single-item-realtime", 1}}},
      {"G-nonadjacent-item",
       Plant().together({{w('a', 1)}, {w('b', 1)}, {r('a', 1), r('b')}, {r('a'), r('b', 1)}}),
       {{"G-nonadjacent-item", 1}}},
      {"G2-item", Plant().together({{r('a'), w('b', 1)}, {r('b'), w('a', 1)}}), {{"G2-item", 1}}},
  };
}

/// With two rw, where the one between them is by `process` 0, as its end is, or by another one.
Plant nonadjacent_by(std::uint32_t process) {
  return Plant()
      .begin(1, {r('a'), r('b', 1)})
      .begin(2, {w('b', 1)})
      .both(0, {w('a', 1)})
      .both(process, {r('b')})
      .end(2, {w('b', 1)})
      .end(1, {r('a'), r('b', 1)});
}
Plant skew_by(std::uint32_t process) {
  return Plant()
      .begin(1, {r('a'), w('b', 1)})
      .both(0, {w('a', 1)})
      .both(process, {r('b')})
      .end(1, {r('a'), w('b', 1)});
}

std::vector<Kind> ordered_cycles() {
  return {
      {"G-nonadjacent-item-process",
       nonadjacent_by(0),
       {{"G-nonadjacent-item-process", 1}, {"G-nonadjacent-item-realtime", 1}}},
      {"G-nonadjacent-item-realtime", nonadjacent_by(4), {{"G-nonadjacent-item-realtime", 1}}},
      {"G2-item-process", skew_by(0), {{"G2-item-process", 1}, {"G2-item-realtime", 1}}},
      {"G2-item-realtime", skew_by(4), {{"G2-item-realtime", 1}}},
  };
}

std::vector<Kind> offences() {
  return {
      {"G1a", Plant().both(0, {w('a', 1)}, Fate::fail).both(1, {r('a', 1)}), {{"G1a", 1}}},
      {"G1b", Plant().together({{w('a', 1), w('a', 2)}, {r('a', 1)}}), {{"G1b", 1}}},
      {"lost-update",
       Plant().together({{r('a'), w('a', 1)}, {r('a'), w('a', 2)}}).both(2, {r('a', 2)}),
       {{"G-single-item-realtime", 1}, {"G2-item", 1}, {"lost-update", 1}}},
      {"G-cursor",
       Plant().together({{w('a', 1), w('b', 1)}, {r('a'), r('b', 1), w('a', 2)}}),
       {{"G-cursor", 1}, {"G-single-item", 1}, {"WriteCORead", 1}, {"fractured-read", 1}}},
      {"internal", Plant().both(0, {w('a', 1), r('a')}), {{"internal", 1}}},
      {"future-read", Plant().both(0, {r('a', 1), w('a', 1)}), {{"future-read", 1}}},
      {"garbage-read", Plant().both(0, {r('a', 7)}), {{"garbage-read", 1}}},
      {"cyclic-versions",
       Plant().together({{r('a', 1), w('a', 2)}, {r('a', 2), w('a', 1)}}),
       {{"G1c", 1}, {"cyclic-versions", 1}}},
      {"cyclic-versions-process",
       Plant()
           .begin(0, {w('a', 1)})
           .begin(1, {w('a', 2)})
           .begin(2, {r('a')})
           .begin(3, {r('a')})
           .end(2, {r('a', 1)})
           .end(3, {r('a', 2)})
           .begin(2, {r('a')})
           .begin(3, {r('a')})
           .end(2, {r('a', 2)})
           .end(3, {r('a', 1)})
           .end(0, {w('a', 1)})
           .end(1, {w('a', 2)}),
       {{"G-single-item-process", 3},
        {"G-single-item-realtime", 5},
        {"causality-violation-process", 1},
        {"cyclic-versions-process", 1}}},
      {"cyclic-versions-realtime",
       Plant().both(0, {w('a', 1)}).both(1, {w('a', 2)}).both(2, {r('a', 1)}),
       {{"G-single-item-realtime", 3}, {"cyclic-versions-realtime", 1}}},
  };
}

/// By what somebody who missed something knew of a blind write.
enum class By { reads, process, time };

/// Two blind writes of a key, and what each order of them contradicts: its reader missed the other
/// one, and of what it wrote itself somebody missed who came after that.
Plant unserial(By by) {
  if (by == By::reads)
    return Plant().together(
        {{w('a', 1), r('x')}, {w('a', 2), r('y')}, {r('a', 1), w('y', 3)}, {r('a', 2), w('x', 4)}});
  const std::uint32_t after_first = by == By::process ? 0 : 4,
                      after_second = by == By::process ? 1 : 5;
  return Plant()
      .begin(2, {r('a', 1), w('y', 3)})
      .begin(3, {r('a', 2), w('x', 4)})
      .begin(0, {w('a', 1)})
      .begin(1, {w('a', 2)})
      .end(0, {w('a', 1)})
      .end(1, {w('a', 2)})
      .begin(after_first, {r('x')})
      .begin(after_second, {r('y')})
      .end(after_first, {r('x')})
      .end(after_second, {r('y')})
      .end(2, {r('a', 1), w('y', 3)})
      .end(3, {r('a', 2), w('x', 4)});
}

/// The same where no two in a row missed something: what was missed is not the reader's own, but
/// somebody's whom it read of.
Plant unsnapped(By by) {
  const bool reads = by == By::reads;
  const std::vector<Micro> first = {w('a', 1), w('p', 1)}, second = {w('a', 2), w('q', 2)};
  const std::vector<Micro> missed_v = reads ? std::vector{r('p', 1), r('v')} : std::vector{r('v')},
                           missed_y = reads ? std::vector{r('q', 2), r('y')} : std::vector{r('y')};
  const std::uint32_t after_first = by == By::process ? 0 : 4,
                      after_second = by == By::process ? 1 : 5;
  return Plant()
      .begin(2, {r('a', 1), r('y', 6)})
      .begin(3, {r('a', 2), r('v', 8)})
      .begin(6, {w('y', 6)})
      .begin(8, {w('v', 8)})
      .begin(0, first)
      .begin(1, second)
      .end(0, first)
      .end(1, second)
      .begin(after_first, missed_v)
      .begin(after_second, missed_y)
      .end(after_first, missed_v)
      .end(after_second, missed_y)
      .end(6, {w('y', 6)})
      .end(8, {w('v', 8)})
      .end(2, {r('a', 1), r('y', 6)})
      .end(3, {r('a', 2), r('v', 8)});
}

std::vector<Kind> unordered() {
  return {
      {"no-serial-order", unserial(By::reads), {{"no-serial-order", 1}}},
      {"no-serial-order-process", unserial(By::process), {{"no-serial-order-process", 1}}},
      {"no-serial-order-realtime", unserial(By::time), {{"no-serial-order-realtime", 1}}},
      {"no-snapshot-order", unsnapped(By::reads), {{"no-snapshot-order", 1}}},
      {"no-snapshot-order-process", unsnapped(By::process), {{"no-snapshot-order-process", 1}}},
      {"no-snapshot-order-realtime", unsnapped(By::time), {{"no-snapshot-order-realtime", 1}}},
  };
}

std::vector<Kind> kinds() {
  std::vector<Kind> all = cycles();
  for (auto more : {ordered_cycles(), offences(), unordered()})
    for (Kind& kind : more) all.push_back(std::move(kind));
  return all;
}

TEST_CASE("oracle: each anomaly of registers, planted in 100 and 10,000 transactions, is found") {
  for (const Kind& kind : kinds())
    planted::check_found(kind, planted::judge_of(&make_rw_register), Rng(82), Objects::registers);
}

TEST_CASE("oracle: each anomaly of registers, planted, is found by being fed") {
  // What only all orders of the versions refute is not inferred.
  std::vector<Kind> inferred = cycles();
  for (auto more : {ordered_cycles(), offences()})
    for (Kind& kind : more) inferred.push_back(std::move(kind));
  for (Kind& kind : inferred) {
    planted::forget_unfed(kind.found);
    for (const bool early : {false, true})
      planted::check_found(kind, planted::judge_fed(&make_rw_register, early), Rng(88),
                           Objects::registers);
  }
}

TEST_CASE("oracle: all cycles of registers, planted in a million transactions, are found") {
  std::vector<Kind> together = cycles();
  for (Kind& kind : ordered_cycles()) together.push_back(std::move(kind));
  // What the levels between forbid is not looked for where a G1c rules all of them out.
  for (Kind& kind : together) planted::forget_unfed(kind.found);
  planted::check_million(together, planted::judge_of(&make_rw_register), Rng(87),
                         Objects::registers);
}

TEST_CASE(
    "oracle: nothing is found in 10,000 histories of registers in which nothing was planted") {
  planted::check_clean(planted::judge_of(&make_rw_register), Rng(83), Objects::registers);
}

}  // namespace
}  // namespace faultline::oracle::planted_registers
