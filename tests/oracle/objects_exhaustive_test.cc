// The general engine against the oracle on every history of three operations: every model, every
// request and answer of a small vocabulary, every way in which three intervals can overlap.
#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/oracle/judges.h"
#include "tests/oracle/objects.h"

namespace faultline::oracle {
namespace {

using linearizable::GeneralOptions;

/// Requests with their answers and fates, as a few random histories of the model have them.
std::vector<Asked> vocabulary(const Spec& spec) {
  constexpr std::size_t words_max = 9;
  std::vector<Asked> words;
  Rng rng = Rng(11).fork(spec.model);
  std::vector<std::string> seen;
  for (int tries = 0; tries < 400 && words.size() < words_max; ++tries)
    for (Asked o : random_object_history(spec, rng, 4)) {
      o.begin = o.end = 0;
      o.process %= 2;
      if (o.info && pick(rng, 4) > 0) continue;
      const std::string text = to_text(std::vector{o});
      if (words.size() >= words_max || std::ranges::find(seen, text) != seen.end()) continue;
      seen.push_back(text);
      words.push_back(o);
    }
  return words;
}

/// Every order of the begins and ends of three intervals, as positions.
std::vector<std::array<Position, 6>> layouts() {
  std::vector<std::array<Position, 6>> all;
  std::array<int, 6> events{0, 0, 1, 1, 2, 2};
  do {
    std::array<Position, 6> at{};
    std::array<bool, 3> begun{};
    std::array<Position, 3> begin{};
    for (Position p = 0; p < 6; ++p) {
      const auto who = static_cast<std::size_t>(events[p]);
      at[2 * who + (begun[who] ? 1 : 0)] = p;
      if (!begun[who]) begin[who] = p;
      begun[who] = true;
    }
    if (begin[0] < begin[1] && begin[1] < begin[2]) all.push_back(at);
  } while (std::ranges::next_permutation(events).found);
  return all;
}

TEST_CASE("oracle: every model on every history of three operations of a small vocabulary") {
  ObjectOracle oracle;
  const auto all_layouts = layouts();
  CHECK(all_layouts.size() == 15);
  long count = 0, wrong = 0, valid = 0;
  for (const Spec& spec : all_specs()) {
    const std::vector<Asked> words = vocabulary(spec);
    CAPTURE(spec.model);
    CHECK(words.size() >= 3);
    for (const Asked& a : words)
      for (const Asked& b : words)
        for (const Asked& c : words)
          for (const auto& at : all_layouts) {
            std::vector<Asked> history{a, b, c};
            for (std::size_t i = 0; i < 3; ++i) {
              history[i].begin = at[2 * i];
              history[i].end = at[2 * i + 1];
            }
            const bool truth = oracle.linearizable(spec, history);
            const Built built(history);
            GeneralOptions options;
            options.strategy = strategy_in_turn(count);
            ++count;
            valid += truth;
            if (judge_general(spec, built.all(), options) == validity(truth)) continue;
            if (++wrong == 1) FAIL_CHECK("oracle says " << truth << "\n" << to_text(history));
          }
  }
  CHECK(wrong == 0);
  CHECK(valid > count / 20);
  CHECK(count - valid > count / 20);
  MESSAGE(count << " histories, " << valid << " linearizable");
}

}  // namespace
}  // namespace faultline::oracle
