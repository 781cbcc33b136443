#include "checkers/linearizable/evidence.h"

#include <algorithm>

#include "checkers/linearizable/search.h"
#include "checkers/linearizable/shrink.h"
#include "checkers/linearizable/story.h"
#include "checkers/linearizable/words.h"

namespace faultline::linearizable {
namespace {

constexpr std::uint64_t shrink_steps_max = 100'000'000;

/// A failed write of what `bad` observed, or nothing.
const OperationId* find_failed_write(const Words& words, const Call& bad, OperationId& storage) {
  const History& h = words.history();
  const ValueHandle value = words.observed(bad.id);
  for (OperationId i = 0; i < h.size(); ++i) {
    if (h.key()[i] != h.key()[bad.id] || h.function()[i] == Function::read) continue;
    if (h.fate()[i] != Fate::fail && h.fate()[i] != Fate::mismatch) continue;
    if (h.function()[i] == Function::cas) {
      const ValueHandle argument = h.argument()[i];
      if (argument.kind() != ValueHandle::Kind::list || h.values().items(argument).size() != 2)
        continue;
    }
    if (!h.values().equal(words.written(i), value)) continue;
    storage = i;
    return &storage;
  }
  return nullptr;
}

std::string sentence(const Words& words, const Story& story, const OperationId* failed) {
  using Plot = Story::Plot;
  const OperationId bad = story.bad.id, evidence = story.evidence.id;
  switch (story.plot) {
    case Plot::unwritten:
      if (failed != nullptr) {
        const int d = words.decimals(bad, false, *failed, false);
        return words.deed(bad, false, d) + " although the only write of it failed " +
               words.when(*failed, false, d);
      }
      return words.deed(bad, false, 2) + " although nobody ever wrote " +
             words.text(words.observed(bad));
    case Plot::future: {
      const int d = words.decimals(bad, false, evidence, true);
      return words.deed(bad, false, d) + " although " + words.text(words.written(evidence)) +
             " was only asked to be written " + words.when(evidence, true, d);
    }
    case Plot::overwritten:
    case Plot::lost: {
      const int d = words.decimals(bad, false, evidence, false);
      return words.deed(bad, false, d) + " although " + words.text(words.written(evidence)) +
             " had been acknowledged " + words.when(evidence, false, d) +
             (story.plot == Plot::lost ? ", and nobody saw that again" : "");
    }
    case Plot::seen_newer: {
      const int d = words.decimals(bad, false, evidence, false);
      return words.deed(bad, false, d) + " although " + words.deed(evidence, true, d) +
             ", which came after it";
    }
    case Plot::two_successors: {
      const int d = words.decimals(bad, false, evidence, false);
      return words.deed(bad, false, d) + " although " + words.deed(evidence, true, d) +
             ": both replaced the same " + words.text(words.observed(bad));
    }
    case Plot::circle:
      return words.deed(bad, false, 2) + " although " + words.text(words.observed(bad)) +
             " was only ever set by compare-and-sets that begin with it";
    case Plot::none:
      break;
  }
  return words.deed(bad, false, 2) + ", which no order of these operations explains";
}

bool has_evidence(Story::Plot plot) {
  using Plot = Story::Plot;
  return plot != Plot::none && plot != Plot::unwritten && plot != Plot::circle;
}

Finding finding_of(const Problem& problem, const Story& story, bool minimal) {
  const Words words(problem.history());
  OperationId storage = 0;
  const OperationId* failed =
      story.plot == Story::Plot::unwritten ? find_failed_write(words, story.bad, storage) : nullptr;
  Finding finding;
  finding.anomaly = anomaly_of(story.plot, failed != nullptr);
  finding.sentence = sentence(words, story, failed);
  finding.minimal = minimal;
  finding.rules_out_sequential =
      story.plot == Story::Plot::unwritten || story.plot == Story::Plot::circle;
  for (const Call& call : story.calls) finding.witness.push_back(call.id);
  if (failed != nullptr) {
    const std::span<const Position> begin = problem.history().begin();
    const auto later = std::ranges::find_if(
        finding.witness, [&](OperationId id) { return begin[id] > begin[*failed]; });
    finding.witness.insert(later, *failed);
  }
  return finding;
}

}  // namespace

Finding explain_zones(const Problem& problem, const Object& object, const ZoneResult& result) {
  Story story = zone_story(object.calls, object.value_count, result);
  bool minimal = false;
  if (story.complete) {
    Meter meter(shrink_steps_max, std::uint64_t{64} << 20, nullptr);
    std::vector<OperationId> pinned{story.bad.id};
    if (has_evidence(story.plot)) pinned.push_back(story.evidence.id);
    SmallProof proof = minimize(story.calls, pinned, meter);
    story.calls = std::move(proof.calls);
    minimal = proof.minimal;
  }
  return finding_of(problem, story, minimal);
}

Finding explain_search(const Problem& problem, const Object& object, const SearchResult& result,
                       const Meter& meter) {
  Story story;
  if (find_unwritten(object.calls, object.value_count, story))
    return finding_of(problem, story, true);
  Meter share(std::min(meter.steps_left() / 4, shrink_steps_max), meter.bytes_max(), meter.stop());
  const SmallProof proof = shrink(object, result.failed_call, share);
  Meter zones_meter(shrink_steps_max, meter.bytes_max(), nullptr);
  const Object small{proof.calls, object.value_count};
  const ZoneResult zones = Zones<>().check(small, zones_meter);
  if (zones.answer == ZoneResult::Answer::invalid && zones.fault != ZoneFault::unwritten) {
    story = zone_story(proof.calls, object.value_count, zones);
    story.calls = proof.calls;
  } else {
    story = search_story(object.calls, proof.calls, object.calls[result.failed_call]);
  }
  return finding_of(problem, story, proof.minimal);
}

}  // namespace faultline::linearizable
