// Every anomaly that the checker list-append looks for where the strictest model is asked for, each
// as small as it can be, and what is found where it was planted.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "tests/oracle/planted.h"

namespace faultline::oracle::planted {

/// Cycles, with one edge of process or of real time at most.
inline std::vector<Kind> list_cycles() {
  return {
      {"G0",
       Plant()
           .together({{append('a', 1), append('b', 2)}, {append('a', 2), append('b', 1)}})
           .both(2, {read('a', {1, 2}), read('b', {1, 2})}),
       {{"G0", 1}}},
      {"G0-process",
       Plant()
           .begin(0, {append('a', 1), append('b', 2)})
           .both(1, {append('a', 2)})
           .both(1, {append('b', 1)})
           .end(0, {append('a', 1), append('b', 2)})
           .both(2, {read('a', {1, 2}), read('b', {1, 2})}),
       {{"G0-process", 1}, {"G0-realtime", 1}}},
      {"G0-realtime",
       Plant()
           .begin(0, {append('a', 1), append('b', 2)})
           .both(1, {append('a', 2)})
           .both(2, {append('b', 1)})
           .end(0, {append('a', 1), append('b', 2)})
           .both(3, {read('a', {1, 2}), read('b', {1, 2})}),
       {{"G0-realtime", 1}}},
      {"G1c",
       Plant().together({{append('a', 1), read('b', {1})}, {append('b', 1), read('a', {1})}}),
       {{"G1c", 1}}},
      {"G1c-realtime",
       Plant().both(0, {read('a', {1})}).both(1, {append('a', 1)}),
       {{"G1c-realtime", 1}}},
      {"G1c-process",
       Plant().both(0, {read('a', {1})}).both(0, {append('a', 1)}),
       {{"G1c-process", 1}, {"G1c-realtime", 1}}},
      {"G-single-item",
       Plant()
           .together({{append('a', 1), append('b', 1)}, {read('a', {1}), read('b', {})}})
           .both(2, {read('b', {1})}),
       {{"G-single-item", 1}}},
      {"G-single-item-realtime",
       Plant().both(0, {append('a', 1)}).both(1, {read('a', {})}).both(2, {read('a', {1})}),
       {{"G-single-item-realtime", 1}}},
      {"G-single-item-process",
       Plant().both(0, {append('a', 1)}).both(0, {read('a', {})}).both(2, {read('a', {1})}),
       {{"G-single-item-process", 1}, {"G-single-item-realtime", 1}}},
      {"G-nonadjacent-item",
       Plant().together({{append('a', 1)},
                         {append('b', 1)},
                         {read('a', {1}), read('b', {})},
                         {read('a', {}), read('b', {1})}}),
       {{"G-nonadjacent-item", 1}}},
      {"G2-item",
       Plant()
           .together({{read('a', {}), append('b', 1)}, {read('b', {}), append('a', 1)}})
           .both(2, {read('a', {1}), read('b', {1})}),
       {{"G2-item", 1}}},
  };
}

/// With two rw, where the one between them is by `process` 0, as its end is, or by another one.
inline Plant nonadjacent_by(std::uint32_t process) {
  return Plant()
      .begin(1, {read('a', {}), read('b', {1})})
      .begin(2, {append('b', 1)})
      .both(0, {append('a', 1)})
      .both(process, {read('b', {})})
      .end(2, {append('b', 1)})
      .end(1, {read('a', {}), read('b', {1})})
      .both(3, {read('a', {1}), read('b', {1})});
}
inline Plant skew_by(std::uint32_t process) {
  return Plant()
      .begin(1, {read('a', {}), append('b', 1)})
      .both(0, {append('a', 1)})
      .both(process, {read('b', {})})
      .end(1, {read('a', {}), append('b', 1)})
      .both(3, {read('a', {1}), read('b', {1})});
}

inline std::vector<Kind> ordered_list_cycles() {
  return {
      {"G-nonadjacent-item-process",
       nonadjacent_by(0),
       {{"G-nonadjacent-item-process", 1}, {"G-nonadjacent-item-realtime", 1}}},
      {"G-nonadjacent-item-realtime", nonadjacent_by(4), {{"G-nonadjacent-item-realtime", 1}}},
      {"G2-item-process", skew_by(0), {{"G2-item-process", 1}, {"G2-item-realtime", 1}}},
      {"G2-item-realtime", skew_by(4), {{"G2-item-realtime", 1}}},
  };
}

inline std::vector<Kind> list_offences() {
  return {
      {"G1a",
       Plant().both(0, {append('a', 1)}, Fate::fail).both(1, {read('a', {1})}),
       {{"G1a", 1}}},
      {"G1b",
       Plant().together({{append('a', 1), append('a', 2)}, {read('a', {1})}, {read('a', {1, 2})}}),
       {{"G1b", 1}, {"G-single-item", 1}}},
      {"lost-update",
       Plant()
           .together({{read('a', {}), append('a', 1)}, {read('a', {}), append('a', 2)}})
           .both(2, {read('a', {1, 2})}),
       {{"G-cursor", 1}, {"G-single-item", 1}, {"lost-update", 1}}},
      {"G-cursor",
       Plant()
           .together({{append('a', 1)}, {read('a', {}), append('a', 2)}})
           .both(2, {read('a', {1, 2})}),
       {{"G-cursor", 1}, {"G-single-item", 1}}},
      {"dirty-update",
       Plant()
           .both(0, {append('a', 1)}, Fate::fail)
           .both(1, {append('a', 2)})
           .both(2, {read('a', {1, 2})}),
       {{"G1a", 1}, {"dirty-update", 1}}},
      {"internal",
       Plant().both(0, {append('a', 1), read('a', {})}).both(1, {read('a', {1})}),
       {{"internal", 1}}},
      {"future-read", Plant().both(0, {read('a', {1}), append('a', 1)}), {{"future-read", 1}}},
      {"duplicate-elements",
       Plant().both(0, {append('a', 1)}).both(1, {read('a', {1, 1})}),
       {{"duplicate-elements", 1}}},
      {"incompatible-order",
       Plant().together(
           {{append('a', 1)}, {append('a', 2)}, {read('a', {1, 2})}, {read('a', {2, 1})}}),
       {{"incompatible-order", 1}}},
      {"garbage-read", Plant().both(0, {read('a', {7})}), {{"garbage-read", 1}}},
  };
}

/// Cycles of writes that are known to have happened, with what may not have happened in between.
inline std::vector<Kind> list_cycles_over_gaps() {
  return {
      {"G0, over what failed",
       Plant()
           .begin(0, {append('a', 1), append('b', 3)})
           .begin(1, {append('a', 3), append('b', 1)})
           .both(2, {append('a', 2), append('b', 2)}, Fate::fail)
           .end(0, {append('a', 1), append('b', 3)})
           .end(1, {append('a', 3), append('b', 1)})
           .both(3, {read('a', {1, 2, 3}), read('b', {1, 2, 3})}),
       {{"G0", 1}, {"G1a", 2}, {"dirty-update", 2}}},
      {"G0, over what may have happened",
       Plant()
           .begin(0, {append('a', 1), append('b', 3)})
           .begin(1, {append('a', 3), append('b', 1)})
           .both(2, {append('a', 2), append('b', 2)}, Fate::info)
           .end(0, {append('a', 1), append('b', 3)})
           .end(1, {append('a', 3), append('b', 1)})
           .both(3, {read('a', {1, 2, 3}), read('b', {1, 2, 3})}),
       {{"G0", 1}, {"G1c", 1}}},
      {"G0, over what nobody appended and what is there twice",
       Plant()
           .together({{append('a', 1), append('b', 2)}, {append('a', 2), append('b', 1)}})
           .both(2, {read('a', {1, 7, 8, 2}), read('b', {1, 1, 2})}),
       {{"G0", 1}, {"duplicate-elements", 1}, {"garbage-read", 1}}},
      {"G0, over a gap to what nobody read",
       Plant().together({{append('a', 1), append('b', 3)},
                         {append('a', 3), append('b', 1)},
                         {read('a', {1, 7}), read('b', {1, 7, 8})}}),
       {{"G0", 1}, {"garbage-read", 2}}},
  };
}

inline std::vector<Kind> list_kinds() {
  std::vector<Kind> all = list_cycles();
  for (Kind& kind : list_cycles_over_gaps()) all.push_back(std::move(kind));
  for (Kind& kind : ordered_list_cycles()) all.push_back(std::move(kind));
  for (Kind& kind : list_offences()) all.push_back(std::move(kind));
  return all;
}

}  // namespace faultline::oracle::planted
