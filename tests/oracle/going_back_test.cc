// Going back with a wider beam decides what starting over with one has not the steps for.
#include <string>

#include <doctest/doctest.h>

#include "checkers/linearizable/search.h"
#include "tests/oracle/crowds.h"
#include "tests/oracle/objects.h"

namespace faultline::oracle {
namespace {

using linearizable::GeneralOptions;
using linearizable::GeneralRules;
using linearizable::Meter;
using linearizable::Object;
using linearizable::SearchResult;
using linearizable::SearchRules;

constexpr std::uint64_t plenty = std::uint64_t{1} << 30;

template <typename Rules>
struct OfRegister {
  static SearchResult judge(const Crowds& crowds, Meter& meter, std::size_t beam) {
    const Object object = crowds.object();
    const linearizable::Plan<Rules> plan(object);
    linearizable::SearchOptions options;
    options.beam = beam;
    return linearizable::Search<Rules, 1>().run(plan, meter, options);
  }
};

template <typename Rules>
struct OfAnyModel {
  static SearchResult judge(const Crowds& crowds, Meter& meter, std::size_t beam) {
    const Built built(crowds.asked());
    const linearizable::Operations all = built.all();
    const linearizable::ModelTraits traits = linearizable::find_model("cas-register")->traits();
    const auto model = traits.make(all, {Value(0)});
    const linearizable::GeneralPlan plan(all, *model, traits.by_process, traits.by_time);
    linearizable::States states(*model, plan.classes());
    return linearizable::General<Rules, 1>(plan, states, meter)
        .run({GeneralOptions::Strategy::beams, beam});
  }
};

template <typename Rules>
struct Stays : Rules {
  static constexpr bool goes_back = false;
};
template <typename Rules>
struct Close : Rules {
  static constexpr std::size_t checkpoint_every = 4, goes_back_first = 16;
};

/// With no more steps than going back takes.
template <template <typename> typename Engine, typename Rules>
void only_going_back_decides(Validity expected, const Crowds& crowds, std::size_t beam) {
  CAPTURE(crowds.object().calls.size());
  Meter unlimited(plenty, plenty, nullptr);
  CHECK(Engine<Rules>::judge(crowds, unlimited, beam).validity == expected);
  const std::uint64_t steps = plenty - unlimited.steps_left() + 1;

  Meter enough(steps, plenty, nullptr);
  CHECK(Engine<Rules>::judge(crowds, enough, beam).validity == expected);
  Meter too_few(steps, plenty, nullptr);
  const SearchResult stayed = Engine<Stays<Rules>>::judge(crowds, too_few, beam);
  CHECK(stayed.validity == Validity::unknown);
  CHECK(stayed.reason == std::string("steps"));
}

/// It is wide at one place, and narrow before and after.
Crowds valid_crowds(int around) {
  Crowds crowds;
  for (int i = 0; i < around; ++i) crowds.any(8, 4);
  for (const bool latest : {false, true}) crowds.just_those(5, 2, 2, latest);
  for (int i = 0; i < around; ++i) crowds.any(8, 4);
  return crowds;
}
TEST_CASE("going back: the search of a register finds a linearization in time") {
  only_going_back_decides<OfRegister, Close<SearchRules>>(Validity::valid, valid_crowds(2), 4);
  only_going_back_decides<OfRegister, SearchRules>(Validity::valid, valid_crowds(60), 4);
}
TEST_CASE("going back: the general engine finds a linearization in time") {
  only_going_back_decides<OfAnyModel, Close<GeneralRules>>(Validity::valid, valid_crowds(2), 4);
  only_going_back_decides<OfAnyModel, GeneralRules>(Validity::valid, valid_crowds(60), 4);
}

/// The beam holds all there is until the last crowd; and there, once it is wider.
Crowds invalid_crowds(int before) {
  Crowds crowds;
  for (int i = 0; i < before; ++i) crowds.any(5, 2);
  crowds.just_those(7, 3, 4, false);
  return crowds;
}
TEST_CASE("going back: the search of a register finds that there is no linearization in time") {
  only_going_back_decides<OfRegister, Close<SearchRules>>(Validity::invalid, invalid_crowds(20),
                                                          16);
  only_going_back_decides<OfRegister, SearchRules>(Validity::invalid, invalid_crowds(100), 16);
}
TEST_CASE("going back: the general engine finds that there is no linearization in time") {
  only_going_back_decides<OfAnyModel, Close<GeneralRules>>(Validity::invalid, invalid_crowds(20),
                                                           32);
  only_going_back_decides<OfAnyModel, GeneralRules>(Validity::invalid, invalid_crowds(100), 32);
}

}  // namespace
}  // namespace faultline::oracle
