// Anomalies of searches planted in long histories in which nothing else is wrong: each is found, by
// its name, and none in those where nothing was planted.
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "tests/oracle/planted_check.h"

namespace faultline::oracle::planted_predicates {
namespace {

using planted::Kind;
using planted::Objects;
using planted::Plant;

using Micro = planted::Micro;
Micro insert(char table, int row) { return planted::append(table, row); }
Micro find(char table, std::vector<int> rows) { return planted::read(table, std::move(rows)); }
Micro write_first(char table, int value) {
  return planted::append(static_cast<char>(table - 'a' + 'A'), value);
}
Micro first(char table) { return planted::read(static_cast<char>(table - 'a' + 'A'), {}); }
Micro first(char table, int value) {
  return planted::read(static_cast<char>(table - 'a' + 'A'), {value});
}

/// There is no G0: where reads are free, so is the order of versions.
std::vector<Kind> cycles() {
  return {
      {"G1c",
       Plant().together({{insert('a', 1), find('b', {1})}, {insert('b', 1), find('a', {1})}}),
       {{"G1c", 1}}},
      {"G-single",
       Plant().together({{insert('a', 1), insert('b', 1)}, {find('a', {1}), find('b', {})}}),
       {{"G-single", 1}}},
      {"G-single, in one table",
       Plant().together({{insert('a', 1), insert('a', 2)}, {find('a', {2})}}),
       {{"G-single", 1}}},
      {"G-single-item",
       Plant().together({{insert('a', 1), insert('b', 1)}, {find('a', {1}), first('b')}}),
       {{"G-single-item", 1}}},
      {"G-single-process",
       Plant().both(0, {insert('a', 1)}).both(0, {find('a', {})}),
       {{"G-single-process", 1}, {"G-single-realtime", 1}}},
      {"G-single-realtime",
       Plant().both(0, {insert('a', 1)}).both(1, {find('a', {})}),
       {{"G-single-realtime", 1}}},
      {"G-nonadjacent",
       Plant().together({{insert('a', 1)},
                         {insert('b', 1)},
                         {find('a', {1}), find('b', {})},
                         {find('a', {}), find('b', {1})}}),
       {{"G-nonadjacent", 1}}},
      {"G2",
       Plant().together({{find('a', {}), insert('a', 1)}, {find('a', {}), insert('a', 2)}}),
       {{"G2", 1}}},
      {"G2, by a search and a read",
       Plant().together({{find('a', {}), insert('b', 1)}, {first('b'), insert('a', 1)}}),
       {{"G2", 1}}},
      {"G2-item",
       Plant().together({{first('a'), insert('b', 1)}, {first('b'), insert('a', 1)}}),
       {{"G2-item", 1}}},
  };
}

/// With two rw, where the one between them is by `process` 0, as its end is, or by another one.
Plant nonadjacent_by(std::uint32_t process) {
  return Plant()
      .begin(1, {find('a', {}), find('b', {1})})
      .begin(2, {insert('b', 1)})
      .both(0, {insert('a', 1)})
      .both(process, {find('b', {})})
      .end(2, {insert('b', 1)})
      .end(1, {find('a', {}), find('b', {1})});
}
Plant skew_by(std::uint32_t process) {
  return Plant()
      .begin(1, {find('a', {}), insert('b', 1)})
      .both(0, {insert('a', 1)})
      .both(process, {find('b', {})})
      .end(1, {find('a', {}), insert('b', 1)});
}

std::vector<Kind> ordered_cycles() {
  return {
      {"G-nonadjacent-process",
       nonadjacent_by(0),
       {{"G-nonadjacent-process", 1}, {"G-nonadjacent-realtime", 1}}},
      {"G-nonadjacent-realtime", nonadjacent_by(4), {{"G-nonadjacent-realtime", 1}}},
      {"G2-process", skew_by(0), {{"G2-process", 1}, {"G2-realtime", 1}}},
      {"G2-realtime", skew_by(4), {{"G2-realtime", 1}}},
  };
}

std::vector<Kind> offences() {
  return {
      // Who missed what was there from the beginning saw what was before, after it had ended.
      {"predicate-read-miss",
       Plant().both(0, {find('i', {})}),
       {{"G-single-realtime", 1}, {"predicate-read-miss", 1}}},
      {"G1a",
       Plant().both(0, {insert('a', 1)}, Fate::fail).both(1, {find('a', {1})}),
       {{"G1a", 1}}},
      {"G1b",
       Plant().together({{insert('a', 1), write_first('a', 2)}, {find('a', {1})}}),
       {{"G1b", 1}}},
      {"dirty-update",
       Plant().both(0, {insert('a', 1)}, Fate::fail).both(1, {find('a', {1}), write_first('a', 2)}),
       {{"G1a", 1}, {"dirty-update", 1}}},
      {"lost-update",
       Plant()
           .both(2, {insert('a', 1)})
           .together({{first('a', 1), write_first('a', 2)}, {first('a', 1), write_first('a', 3)}}),
       {{"lost-update", 1}}},
      {"internal", Plant().both(0, {insert('a', 1), find('a', {})}), {{"internal", 1}}},
      {"future-read", Plant().both(0, {find('a', {1}), insert('a', 1)}), {{"future-read", 1}}},
      {"garbage-read", Plant().both(0, {find('a', {7})}), {{"garbage-read", 1}}},
  };
}

std::vector<Kind> kinds() {
  std::vector<Kind> all = cycles();
  for (auto more : {ordered_cycles(), offences()})
    for (Kind& kind : more) all.push_back(std::move(kind));
  return all;
}

TEST_CASE("oracle: each anomaly of searches, planted in 100 and 10,000 transactions, is found") {
  for (const Kind& kind : kinds())
    planted::check_found(kind, planted::judge_of(&make_closed_predicate), Rng(84), Objects::rows);
}

TEST_CASE("oracle: all anomalies of searches, planted in a million transactions, are found") {
  // All that missed what was there from the beginning missed the same transaction: one cycle.
  planted::check_million(kinds(), planted::judge_of(&make_closed_predicate), Rng(85), Objects::rows,
                         {{"G-single-realtime", 1}});
}

TEST_CASE("oracle: nothing is found in 10,000 histories of searches with nothing planted") {
  planted::check_clean(planted::judge_of(&make_closed_predicate), Rng(86), Objects::rows);
}

}  // namespace
}  // namespace faultline::oracle::planted_predicates
