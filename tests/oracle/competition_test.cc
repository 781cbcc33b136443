// Breadth first and depth first at once: whichever decides has the say, and neither the other's
// failure nor its being stopped is ever heard of.
#include <atomic>
#include <memory>
#include <new>
#include <string>

#include <doctest/doctest.h>

#include "tests/oracle/crowds.h"
#include "tests/oracle/objects.h"

namespace faultline::oracle {
namespace {

using linearizable::GeneralOptions;
using linearizable::Meter;
using linearizable::Model;
using linearizable::SearchResult;
using linearizable::States;
using Strategy = GeneralOptions::Strategy;

constexpr std::uint64_t steps_plenty = std::uint64_t{1} << 32;

/// One history to be searched in several ways, each time from the beginning.
class Contest {
 public:
  explicit Contest(const Crowds& crowds)
      : built_(crowds.asked()), all_(built_.all()), model_(make()), plan_(all_, *model_, false) {}

  SearchResult alone(Meter& meter, Strategy strategy) const {
    const auto model = make();
    States states(*model, plan_.classes());
    return search_general(plan_, states, meter, {strategy});
  }
  /// Of the specification, unless another model is given.
  SearchResult both(Meter& meter, Model* breadth = nullptr, Model* depth = nullptr) const {
    const auto first = make(), second = make();
    States states(breadth != nullptr ? *breadth : *first, plan_.classes());
    States for_depth(depth != nullptr ? *depth : *second, plan_.classes());
    return search_in_competition(plan_, states, for_depth, meter);
  }
  std::uint64_t steps_of(Strategy strategy) const {
    Meter meter(steps_plenty, steps_plenty, nullptr);
    CHECK(alone(meter, strategy).validity != Validity::unknown);
    return steps_plenty - meter.steps_left();
  }

 private:
  std::unique_ptr<Model> make() const {
    return linearizable::find_model("cas-register")->traits().make(all_, {Value(0)});
  }

  Built built_;
  linearizable::Operations all_;
  std::unique_ptr<Model> model_;
  linearizable::GeneralPlan plan_;
};

/// Depth first finds this out sooner.
Crowds invalid_crowds() {
  Crowds crowds;
  for (int i = 0; i < 6; ++i) crowds.any(7, 3);
  crowds.just_those(9, 4, 5, false);
  return crowds;
}
Crowds valid_crowds() {
  Crowds crowds;
  for (int i = 0; i < 12; ++i) {
    crowds.any(8, 4);
    crowds.just_those(6, 3, 3, i % 2 == 0);
  }
  return crowds;
}

TEST_CASE("competition: what breadth first has not the steps for, depth first decides") {
  const Contest contest(invalid_crowds());
  Meter unlimited(steps_plenty, steps_plenty, nullptr);
  const SearchResult expected = contest.alone(unlimited, Strategy::beams);
  REQUIRE(expected.validity == Validity::invalid);
  const std::uint64_t half = contest.steps_of(Strategy::depth) + 1;
  Meter too_few(half, steps_plenty, nullptr);
  REQUIRE(contest.alone(too_few, Strategy::beams).validity == Validity::unknown);

  Meter meter(2 * half, steps_plenty, nullptr);
  const SearchResult result = contest.both(meter);
  CHECK(result.validity == Validity::invalid);
  CHECK(result.failed_call == expected.failed_call);
}

struct Failing : Model {
  void begin(linearizable::State&) override {}
  bool step(linearizable::StateView, const linearizable::Operation&,
            linearizable::State&) override {
    throw std::bad_alloc();
  }
  bool observes(const linearizable::Operation&) const override { return false; }
};

TEST_CASE("competition: where depth first fails, breadth first decides; the other way it is told") {
  Failing failing;
  for (const bool valid : {false, true}) {
    const Contest contest(valid ? valid_crowds() : invalid_crowds());
    Meter meter(steps_plenty, steps_plenty, nullptr);
    CHECK(contest.both(meter, nullptr, &failing).validity ==
          (valid ? Validity::valid : Validity::invalid));
    Meter another(steps_plenty, steps_plenty, nullptr);
    CHECK_THROWS_AS(contest.both(another, &failing, nullptr), std::bad_alloc);
  }
}

/// Never in the same state again, and each step costs many.
struct Endless : Model {
  void begin(linearizable::State& state) override { state.resize(16 * 4096); }
  bool step(linearizable::StateView state, const linearizable::Operation&,
            linearizable::State& next) override {
    next.assign(state.begin(), state.end());
    next[0] = ++steps;
    return true;
  }
  bool observes(const linearizable::Operation&) const override { return false; }
  std::uint32_t steps = 0;
};

TEST_CASE("competition: who gives up does not stop the other one") {
  const Contest contest(valid_crowds());
  const std::uint64_t half = contest.steps_of(Strategy::beams) + 1;
  Endless endless;
  Meter meter(2 * half, steps_plenty, nullptr);
  CHECK(contest.both(meter, nullptr, &endless).validity == Validity::valid);
  CHECK(endless.steps > 0);
}

TEST_CASE("competition: that both give up for want of steps is told so, or that the user stopped") {
  Endless endless, endless_too;
  const Contest contest(valid_crowds());
  Meter meter(200'000, steps_plenty, nullptr);
  const SearchResult result = contest.both(meter, &endless, &endless_too);
  CHECK(result.validity == Validity::unknown);
  CHECK(result.reason == std::string("steps"));
  CHECK(meter.exhausted());

  const std::atomic<bool> stop = true;
  Meter stopped(steps_plenty, steps_plenty, &stop);
  const SearchResult interrupted = contest.both(stopped, &endless, &endless_too);
  CHECK(interrupted.validity == Validity::unknown);
  CHECK(interrupted.reason == std::string("stopped"));
}

TEST_CASE("competition: what half of the memory is too little for gets all of it") {
  const Contest contest(invalid_crowds());
  std::uint64_t bytes = 10'000;
  const auto decides = [&](Strategy strategy, std::uint64_t with_bytes) {
    Meter meter(steps_plenty, with_bytes, nullptr);
    return contest.alone(meter, strategy).validity != Validity::unknown;
  };
  while (!decides(Strategy::both, bytes)) {
    REQUIRE(bytes < steps_plenty);
    bytes += bytes / 8;
  }
  REQUIRE_FALSE(decides(Strategy::beams, bytes / 2));
  REQUIRE_FALSE(decides(Strategy::depth, bytes / 2));
  Meter meter(steps_plenty, bytes, nullptr);
  CHECK(contest.both(meter).validity == Validity::invalid);
}

}  // namespace
}  // namespace faultline::oracle
