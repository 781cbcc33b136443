#include "checkers/linearizable/evidence.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include "checkers/linearizable/search.h"
#include "checkers/linearizable/shrink.h"
#include "checkers/linearizable/story.h"

namespace faultline::linearizable {
namespace {

constexpr std::uint64_t shrink_steps_max = 100'000'000;
constexpr std::size_t rows_max = 40;

std::string seconds(std::int64_t nanoseconds, int decimals) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f s", decimals, static_cast<double>(nanoseconds) * 1e-9);
  return buffer;
}

/// Says things about operations of one history.
class Words {
 public:
  explicit Words(const History& history) : h_(history) {}

  std::string who(OperationId id) const {
    const NodeId node = h_.node()[id];
    return node != no_node ? h_.node_name(node) : "process " + std::to_string(h_.process()[id]);
  }
  ValueHandle observed(OperationId id) const {
    return h_.function()[id] == Function::read ? h_.output()[id] : pair(id)[0];
  }
  ValueHandle written(OperationId id) const {
    return h_.function()[id] == Function::write ? h_.argument()[id] : pair(id)[1];
  }
  std::string text(ValueHandle value) const { return h_.values().to_text(value); }

  /// When it was answered (or, `asked`, invoked), with as many decimals as the sentence needs.
  std::string when(OperationId id, bool asked, int decimals) const {
    const std::int64_t time = asked ? h_.begin_time()[id] : h_.end_time()[id];
    if (time != no_time) return "at " + seconds(time, decimals);
    const Position position = asked ? h_.begin()[id] : h_.end()[id];
    return position == never ? "some time" : "at event " + std::to_string(h_.index_of(position));
  }
  /// Two decimals, or more if the two moments would look alike.
  int decimals(OperationId a, bool a_asked, OperationId b, bool b_asked) const {
    for (int count = 2; count < 9; ++count)
      if (when(a, a_asked, count) != when(b, b_asked, count)) return count;
    return 2;
  }

  /// "n2 read 7 at 3.20 s"
  std::string deed(OperationId id, bool perfect, int decimals) const {
    const std::string by = who(id);
    const std::string had = perfect ? "had " : "";
    switch (h_.function()[id]) {
      case Function::read:
        return by + " " + had + "read " + text(h_.output()[id]) + " " + when(id, false, decimals);
      case Function::write:
        return by + " " + had + (perfect ? "written " : "wrote ") + text(h_.argument()[id]) + " " +
               when(id, false, decimals);
      default:
        break;
    }
    const std::string name =
        by + "'s compare-and-set from " + text(pair(id)[0]) + " to " + text(pair(id)[1]);
    const bool refused = h_.fate()[id] == Fate::mismatch;
    return name + " " + had + (refused ? (perfect ? "been refused" : "was refused") : "succeeded") +
           " " + when(id, false, decimals);
  }

  std::string operation(OperationId id) const {
    std::string out(name_of(h_.function()[id]));
    if (h_.function()[id] != Function::read) out += " " + text(h_.argument()[id]);
    return out;
  }
  std::string answer(OperationId id) const {
    switch (h_.fate()[id]) {
      case Fate::ok:
        return h_.function()[id] == Function::read ? text(h_.output()[id]) : "ok";
      case Fate::mismatch:
        return "refused: mismatch";
      case Fate::fail:
      case Fate::info:
        break;
    }
    const std::string fate(name_of(h_.fate()[id]));
    return h_.error()[id] == no_error ? fate
                                      : fate + ": " + std::string(h_.error_text(h_.error()[id]));
  }
  std::string moment(OperationId id, bool asked) const {
    const std::int64_t time = asked ? h_.begin_time()[id] : h_.end_time()[id];
    if (!asked && h_.end()[id] == never) return "-";
    if (time != no_time) return seconds(time, 6);
    return "event " + std::to_string(h_.index_of(asked ? h_.begin()[id] : h_.end()[id]));
  }

  const History& history() const { return h_; }

 private:
  std::span<const ValueHandle> pair(OperationId id) const {
    return h_.values().items(h_.argument()[id]);
  }
  const History& h_;
};

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

std::string table(const History& history, const std::vector<OperationId>& operations) {
  const Words words(history);
  constexpr std::size_t columns = 7;
  std::vector<std::array<std::string, columns>> rows{
      {"from", "to", "process", "node", "operation", "answer", "index"}};
  for (const OperationId id : operations) {
    if (rows.size() > rows_max) break;
    const NodeId node = history.node()[id];
    rows.push_back({words.moment(id, true), words.moment(id, false),
                    std::to_string(history.process()[id]),
                    node == no_node ? "-" : history.node_name(node), words.operation(id),
                    words.answer(id), std::to_string(history.index_of(history.begin()[id]))});
  }
  std::array<std::size_t, columns> widths{};
  for (const auto& row : rows)
    for (std::size_t c = 0; c < columns; ++c) widths[c] = std::max(widths[c], row[c].size());
  std::string out;
  for (const auto& row : rows) {
    std::string line = " ";
    for (std::size_t c = 0; c < columns; ++c) {
      line += " " + row[c];
      if (c + 1 < columns) line.append(widths[c] - row[c].size() + 1, ' ');
    }
    out += line + "\n";
  }
  if (operations.size() + 1 > rows.size())
    out += "  … and " + std::to_string(operations.size() + 1 - rows.size()) + " more\n";
  return out;
}

}  // namespace faultline::linearizable
