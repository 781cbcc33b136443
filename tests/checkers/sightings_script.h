// Small histories of writes of fresh keys and reads of several, for long-fork and causal-reverse:
// written down one by one, and drawn at random.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/rng.h"
#include "tests/checkers/transaction_script.h"

namespace faultline {

template <Result<std::unique_ptr<Checker>> (*make_checker)(Params&)>
struct SightingMicro {
  static constexpr auto make = make_checker;

  int key;
  bool is_write;
  std::optional<int> content;

  Value value(bool answered) const {
    return List{is_write ? "w" : "r", key,
                content && (is_write || answered) ? Value(*content) : Value()};
  }
};

/// "long-fork torn-prefix", or "unknown vacuous".
inline std::string what_of(const Verdict& verdict) {
  std::string text(verdict.validity == Validity::invalid ? "" : name_of(verdict.validity));
  if (!verdict.reason.empty()) text += " " + verdict.reason;
  for (const auto& [name, count] : verdict.anomalies) text += (text.empty() ? "" : " ") + name;
  return text;
}

/// A random history: its operations as a brute-force judge wants them, and itself.
struct RandomSightings {
  struct Item {
    bool is_read = false;
    std::uint32_t process = 0;
    std::size_t key = 0;         ///< Of a write.
    std::array<bool, 3> seen{};  ///< Of a read.
    int begin = 0, end = 0;
  };
  std::vector<Item> items;
  History history;
};

/// Three keys, three processes; reads see what is there at their end, or something else.
inline RandomSightings random_sightings(Rng& rng) {
  RandomSightings made;
  HistoryBuilder builder;
  std::array<int, 3> open{-1, -1, -1};
  std::array<bool, 3> there{};
  std::size_t next_key = 0;
  int time = 0;
  const auto micro = [&](const RandomSightings::Item& item, bool answered) {
    List list;
    if (!item.is_read) list.emplace_back(List{"w", item.key, 1});
    for (std::size_t k = 0; item.is_read && k < 3; ++k)
      list.emplace_back(List{"r", k, answered && item.seen[k] ? Value(1) : Value()});
    return builder.values().add(list);
  };
  const auto finish = [&](std::uint32_t process) {
    RandomSightings::Item& item = made.items[static_cast<std::size_t>(open[process])];
    open[process] = -1;
    item.end = time++;
    if (item.is_read) item.seen = there;
    if (!item.is_read) there[item.key] = true;
    if (item.is_read && rng.below(2) == 0) {
      bool& seen = item.seen[rng.below(3)];
      seen = !seen;
    }
    for (std::size_t k = next_key; k < 3; ++k) item.seen[k] = false;  // nobody has written it yet
    CHECK(builder.complete({process, Fate::ok, micro(item, true), no_error, time}));
  };
  for (int step = 0; step < 16; ++step) {
    const auto process = static_cast<std::uint32_t>(rng.below(3));
    if (open[process] >= 0) {
      finish(process);
      continue;
    }
    RandomSightings::Item item;
    item.is_read = next_key == 3 || rng.below(2) == 0;
    item.process = process;
    if (!item.is_read) item.key = next_key++;
    item.begin = time++;
    open[process] = static_cast<int>(made.items.size());
    CHECK(builder.invoke({process, Function::txn, no_key, micro(item, false), no_node, time}));
    made.items.push_back(item);
  }
  for (std::uint32_t process = 0; process < 3; ++process)
    if (open[process] >= 0) finish(process);
  made.history = builder.finish();
  return made;
}

/// Whether some order of all operations explains every read, in which `before(a, b)` holds.
template <typename Before>
bool has_order(const RandomSightings& made, Before before, std::uint32_t done = 0,
               std::array<bool, 3> state = {}) {
  const std::size_t count = made.items.size();
  if (done == (std::uint32_t{1} << count) - 1) return true;
  for (std::size_t i = 0; i < count; ++i) {
    if ((done >> i & 1) != 0) continue;
    const RandomSightings::Item& item = made.items[i];
    bool may_be_next = !item.is_read || item.seen == state;
    for (std::size_t j = 0; j < count && may_be_next; ++j)
      may_be_next = j == i || (done >> j & 1) != 0 || !before(made.items[j], item);
    if (!may_be_next) continue;
    std::array<bool, 3> after = state;
    if (!item.is_read) after[item.key] = true;
    if (has_order(made, before, done | std::uint32_t{1} << i, after)) return true;
  }
  return false;
}

}  // namespace faultline
