// What the engines keep, as they count it themselves, stays within their budget of memory, and a
// small one costs answers, but never makes them wrong.
#include <doctest/doctest.h>

#include "checkers/linearizable/search.h"
#include "tests/oracle/crowded_containers.h"
#include "tests/oracle/generate.h"

namespace faultline::oracle {
namespace {

using linearizable::Meter;
using linearizable::SearchResult;

struct Pressed {
  std::uint64_t decided = 0, undecided = 0, largest = 0, over = 0;

  void note(const SearchResult& result, std::uint64_t bytes_max) {
    ++(result.validity == Validity::unknown ? undecided : decided);
    largest = std::max(largest, result.bytes_peak);
    over += result.bytes_peak > bytes_max + bytes_max / 10;
  }
};

TEST_CASE("memory: the general engine keeps to its budget") {
  for (const std::uint64_t bytes_max : {std::uint64_t{1} << 20, std::uint64_t{4} << 20}) {
    Pressed pressed;
    for (const CrowdedContainer& container : crowded_containers()) {
      Rng rng = Rng(2051).fork(container.spec.model);
      for (int i = 0; i < 12; ++i) {
        const Built built(crowded_history(container, rng, 600));
        linearizable::Container<> model(built.all(), container.discipline);
        const linearizable::GeneralPlan plan(built.all(), model, false);
        linearizable::States states(model, plan.classes());
        Meter meter(1'000'000, bytes_max, nullptr);
        pressed.note(linearizable::search_general(plan, states, meter), bytes_max);
      }
    }
    CAPTURE(bytes_max);
    CAPTURE(pressed.largest);
    CHECK(pressed.over == 0);
    CHECK(pressed.largest > bytes_max / 2);
    CHECK(pressed.decided > 0);
    CHECK(pressed.undecided > 0);
  }
}

TEST_CASE("memory: the search of a register keeps to its budget") {
  for (const std::uint64_t bytes_max : {std::uint64_t{1} << 20, std::uint64_t{4} << 20}) {
    Pressed pressed;
    Rng rng = Rng(2052);
    for (int i = 0; i < 40; ++i) {
      Shape shape;
      shape.calls = 1'000;
      shape.values = 3 + i % 5;
      shape.info_percent = 8 * (i % 4);  // few, and thrift would decide all of them
      shape.spread = 8;
      shape.mutations = i % 2;
      const std::vector<linearizable::Call> calls = random_history(rng, shape);
      Meter meter(1'000'000, bytes_max, nullptr);
      pressed.note(linearizable::search({calls, value_count(shape)}, meter), bytes_max);
    }
    CAPTURE(bytes_max);
    CAPTURE(pressed.largest);
    CHECK(pressed.over == 0);
    CHECK(pressed.largest > bytes_max / 2);
    CHECK(pressed.decided > 0);
    CHECK(pressed.undecided > 0);
  }
}

}  // namespace
}  // namespace faultline::oracle
