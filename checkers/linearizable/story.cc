#include "checkers/linearizable/story.h"

#include <algorithm>
#include <cstdint>

#include "harness/core/check.h"

namespace faultline::linearizable {
namespace {

constexpr std::size_t calls_shown = 16;
constexpr std::uint32_t nobody = 0xffffffffu;

ValueId observed_value(const Call& call) {
  return call.kind == Kind::read ? call.value : call.expected;
}

/// The calls of an object with unique values, by what they have to do with each other.
class Clusters {
 public:
  Clusters(std::span<const Call> calls, ValueId value_count)
      : calls_(calls),
        writer_(value_count, nobody),
        observed_(value_count, false),
        root_(value_count, no_value) {
    for (std::uint32_t i = 0; i < calls.size(); ++i) {
      if (sets(calls[i]) && writer_[calls[i].value] == nobody) writer_[calls[i].value] = i;
      if (observes(calls[i]) && calls[i].kind != Kind::mismatch)
        observed_[observed_value(calls[i])] = true;
    }
    for (ValueId v = 0; v < value_count; ++v) {  // what an observed info cas expected is observed
      ValueId u = v;
      while (observed_[u] && writer_[u] != nobody && calls[writer_[u]].end == never &&
             calls[writer_[u]].kind == Kind::cas && !observed_[calls[writer_[u]].expected])
        observed_[u = calls[writer_[u]].expected] = true;
    }
  }

  const Call* writer(ValueId v) const {
    return writer_[v] == nobody ? nullptr : &calls_[writer_[v]];
  }
  /// Part of every linearization.
  bool kept(const Call& call) const { return call.end != never || observed_[call.value]; }
  bool linked(const Call& call) const { return call.kind == Kind::cas && kept(call); }

  /// The value that the block of `v` begins with.
  ValueId root(ValueId v) {
    std::vector<ValueId> path;
    ValueId u = v;
    while (root_[u] == no_value) {
      path.push_back(u);
      root_[u] = u;  // also ends circles
      const Call* w = writer(u);
      if (w == nullptr || !linked(*w)) break;
      u = w->expected;
    }
    const ValueId found = root_[u];
    for (const ValueId p : path) root_[p] = found;
    return found;
  }

  std::vector<const Call*> block(ValueId root_value) {
    std::vector<const Call*> members;
    for (const Call& call : calls_)
      if (call.kind != Kind::mismatch && kept(call) && root(call.value) == root_value)
        members.push_back(&call);
    return members;
  }

  std::span<const Call> calls() const { return calls_; }

 private:
  std::span<const Call> calls_;
  std::vector<std::uint32_t> writer_;
  std::vector<bool> observed_;
  std::vector<ValueId> root_;
};

void add(std::vector<Call>& calls, const Call& call) {
  for (const Call& known : calls)
    if (known.id == call.id) return;
  calls.push_back(call);
}

/// Adds the writers of what is observed, and of what those observed …; and, for infos, one who saw
/// them. Sorts by begin.
void complete(Story& story, const Clusters& clusters) {
  for (std::size_t i = 0; i < story.calls.size(); ++i) {
    if (story.calls.size() > calls_shown) {
      story.complete = false;
      break;
    }
    const Call call = story.calls[i];
    if (call.kind != Kind::write && observed_value(call) != initial_value)
      if (const Call* writer = clusters.writer(observed_value(call))) add(story.calls, *writer);
    if (call.end != never) continue;
    const Call* observer = nullptr;  // who proves that the info happened
    for (const Call& other : clusters.calls())
      if (other.kind != Kind::write && other.kind != Kind::mismatch && other.id != call.id &&
          clusters.kept(other) && observed_value(other) == call.value &&
          (observer == nullptr || (observer->end == never && other.end != never)))
        observer = &other;
    if (observer != nullptr) add(story.calls, *observer);
  }
  std::sort(story.calls.begin(), story.calls.end(),
            [](const Call& a, const Call& b) { return a.begin < b.begin; });
}

const Call* last_to_begin(const std::vector<const Call*>& calls) {
  return *std::max_element(calls.begin(), calls.end(),
                           [](const Call* a, const Call* b) { return a->begin < b->begin; });
}

/// Of the calls that ended before `limit`: the last one that sets, else the last one.
const Call* evidence_before(const std::vector<const Call*>& calls, Position limit) {
  const Call* best = nullptr;
  for (const Call* call : calls) {
    if (call->end >= limit) continue;
    if (best == nullptr || (sets(*call) && !sets(*best)) ||
        (sets(*call) == sets(*best) && call->end > best->end))
      best = call;
  }
  return best;
}

/// Never observed after its acknowledgement, while two operations observed older values before any
/// further write began.
bool lost(std::span<const Call> calls, const Call& write, Clusters* clusters, ValueId older) {
  Position next_write = never;
  for (const Call& call : calls) {
    if (!precedes(write, call)) continue;
    if (observes(call) && call.kind != Kind::mismatch && observed_value(call) == write.value)
      return false;
    if (sets(call)) next_write = std::min(next_write, call.begin);
  }
  int witnesses = 0;
  for (const Call& call : calls)
    if (call.kind == Kind::read && precedes(write, call) && call.end < next_write &&
        (clusters != nullptr ? clusters->root(call.value) == older : call.value == older))
      ++witnesses;
  return witnesses >= 2;
}

Story tell_unwritten(const Clusters& clusters, ValueId value) {
  Story story;
  story.plot = Story::Plot::unwritten;
  const Call* found = nullptr;
  for (const Call& call : clusters.calls())
    if (call.kind != Kind::write && call.kind != Kind::mismatch && clusters.kept(call) &&
        observed_value(call) == value && (found == nullptr || call.end < found->end))
      found = &call;
  FAULTLINE_CHECK(found != nullptr);  // zones found the value in somebody's answer
  story.bad = *found;
  story.calls = {*found};
  return story;
}

Story tell_future(const Clusters& clusters, ValueId value) {
  Story story;
  story.plot = Story::Plot::future;
  story.evidence = *clusters.writer(value);
  story.bad = story.evidence;
  for (const Call& call : clusters.calls())
    if (call.kind == Kind::read && call.value == value && call.end < story.bad.end &&
        precedes(call, story.evidence))
      story.bad = call;
  story.calls = {story.bad, story.evidence};
  return story;
}

Story tell_two_successors(const Clusters& clusters, ValueId value) {
  Story story;
  story.plot = Story::Plot::two_successors;
  for (const Call& call : clusters.calls())
    if (clusters.linked(call) && call.expected == value) {
      story.evidence = story.bad;
      story.bad = call;
      add(story.calls, call);
      if (story.calls.size() == 2) break;
    }
  return story;
}

Story tell_circle(const Clusters& clusters, ValueId value) {
  Story story;
  story.plot = Story::Plot::circle;
  for (ValueId v = value; story.calls.size() <= calls_shown;) {
    const Call* writer = clusters.writer(v);
    const std::size_t before = story.calls.size();
    if (writer != nullptr) add(story.calls, *writer);
    if (story.calls.size() == before) break;
    v = writer->expected;
  }
  story.bad = story.calls.front();
  return story;
}

/// Phases of a block in the wrong order: an earlier one began after a later one had ended.
Story tell_chain_order(Clusters& clusters, ValueId value) {
  const Call* early = clusters.writer(value);  // ended first, of the later phase
  for (const Call& call : clusters.calls())
    if (call.kind == Kind::read && call.value == value &&
        (early == nullptr || value == initial_value || call.end < early->end))
      early = &call;
  const Call* late = nullptr;  // began last, of the phases before
  const Call* writer = clusters.writer(value);
  for (ValueId v = writer == nullptr ? no_value : writer->expected; v != no_value;) {
    for (const Call& call : clusters.calls())
      if (clusters.kept(call) && call.kind != Kind::mismatch && call.value == v &&
          (late == nullptr || call.begin > late->begin))
        late = &call;
    const Call* before = clusters.writer(v);
    if (late != nullptr && early != nullptr && precedes(*early, *late)) break;
    v = before == nullptr || !clusters.linked(*before) ? no_value : before->expected;
  }
  Story story;
  if (late == nullptr || early == nullptr) return story;
  story.calls = {*late, *early};
  if (late->kind == Kind::read) {
    story.bad = *late;
    story.evidence = *early;
    story.plot = early->kind == Kind::read ? Story::Plot::seen_newer : Story::Plot::overwritten;
  } else {
    story.bad = *early;
    story.evidence = *late;
    story.plot = Story::Plot::future;
  }
  return story;
}

Story tell_conflict(Clusters& clusters, ValueId a, ValueId b) {
  std::vector<const Call*> older = clusters.block(a), newer = clusters.block(b);
  // Who was written first is older. Failing that, the later of the two last begins belongs to who
  // looked too late. Nothing comes before the initial value, so that its observer is to blame.
  const Call* write_a = clusters.writer(a);
  const Call* write_b = clusters.writer(b);
  bool swapped = b == initial_value;
  if (a != initial_value && b != initial_value) {
    if (write_a != nullptr && write_b != nullptr &&
        precedes(*write_a, *write_b) != precedes(*write_b, *write_a)) {
      swapped = precedes(*write_b, *write_a);
    } else {
      swapped = last_to_begin(newer)->begin > last_to_begin(older)->begin;
    }
  }
  if (swapped) {
    std::swap(older, newer);
    std::swap(a, b);
  }
  Story story;
  const Call* bad = last_to_begin(older);
  const Call* evidence = evidence_before(newer, bad->begin);
  story.bad = *bad;
  story.calls.push_back(*bad);
  if (evidence == nullptr) return story;
  story.evidence = *evidence;
  add(story.calls, *evidence);
  story.plot = !sets(*evidence)                                  ? Story::Plot::seen_newer
               : lost(clusters.calls(), *evidence, &clusters, a) ? Story::Plot::lost
                                                                 : Story::Plot::overwritten;
  if (a == initial_value) return story;
  const Call* first = evidence_before(older, evidence->begin);
  const Call* second = evidence;
  if (first == nullptr) {
    second = last_to_begin(newer);
    first = evidence_before(older, second->begin);
  }
  add(story.calls, *second);
  if (first != nullptr) add(story.calls, *first);
  return story;
}

}  // namespace

std::string_view anomaly_of(Story::Plot plot, bool failed) {
  switch (plot) {
    case Story::Plot::unwritten:
      return failed ? "aborted-read" : "phantom-read";
    case Story::Plot::future:
    case Story::Plot::circle:
      return "phantom-read";
    case Story::Plot::overwritten:
      return "stale-read";
    case Story::Plot::lost:
    case Story::Plot::two_successors:
      return "lost-write";
    case Story::Plot::seen_newer:
      return "non-monotonic-read";
    case Story::Plot::none:
      break;
  }
  return "not-linearizable";
}

std::vector<std::string_view> anomaly_names() {
  std::vector<std::string_view> names;
  for (int plot = 0; plot <= UINT8_MAX; ++plot)
    for (const bool failed : {false, true})
      names.push_back(anomaly_of(static_cast<Story::Plot>(plot), failed));
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

Story zone_story(std::span<const Call> calls, ValueId value_count, const ZoneResult& result) {
  Clusters clusters(calls, value_count);
  Story story;
  switch (result.fault) {
    case ZoneFault::none:
      return story;
    case ZoneFault::unwritten:
      story = tell_unwritten(clusters, result.a);
      break;
    case ZoneFault::future:
      story = tell_future(clusters, result.a);
      break;
    case ZoneFault::two_after:
      story = tell_two_successors(clusters, result.a);
      break;
    case ZoneFault::chain_cycle:
      story = tell_circle(clusters, result.a);
      break;
    case ZoneFault::chain_order:
      story = tell_chain_order(clusters, result.a);
      break;
    case ZoneFault::conflict:
      story = tell_conflict(clusters, result.a, result.b);
      break;
  }
  complete(story, clusters);
  return story;
}

bool find_unwritten(std::span<const Call> calls, ValueId value_count, Story& story) {
  std::vector<const Call*> first(value_count, nullptr);
  for (const Call& call : calls)
    if (sets(call) && first[call.value] == nullptr) first[call.value] = &call;
  const Call* bad = nullptr;
  for (const Call& call : calls) {
    if (!observes(call) || call.kind == Kind::mismatch || observed_value(call) == initial_value)
      continue;
    const Call* writer = first[observed_value(call)];
    if (writer != nullptr && !precedes(call, *writer)) continue;
    if (bad == nullptr || call.end < bad->end) bad = &call;
  }
  if (bad == nullptr) return false;
  story.bad = *bad;
  story.calls = {*bad};
  story.plot = Story::Plot::unwritten;
  if (const Call* writer = first[observed_value(*bad)]; writer != nullptr) {
    story.plot = Story::Plot::future;
    story.evidence = *writer;
    add(story.calls, *writer);
  }
  return true;
}

Story search_story(std::span<const Call> calls, const std::vector<Call>& proof, const Call& bad) {
  Story story;
  story.bad = bad;
  story.calls = proof;
  if (!observes(bad) || bad.kind == Kind::mismatch) return story;
  const ValueId value = observed_value(bad);
  const auto overwrites = [&](const Call& write) {
    if (!sets(write) || write.value == value || !precedes(write, bad)) return false;
    return std::all_of(calls.begin(), calls.end(), [&](const Call& call) {
      return !sets(call) || call.value != value || call.id == bad.id || precedes(call, write) ||
             precedes(bad, call);
    });
  };
  for (const Call& call : proof)
    if (overwrites(call)) {
      story.evidence = call;
      story.plot = lost(calls, call, nullptr, value) ? Story::Plot::lost : Story::Plot::overwritten;
    }
  return story;
}

}  // namespace faultline::linearizable
