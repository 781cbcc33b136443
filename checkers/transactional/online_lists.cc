#include "checkers/transactional/online_lists.h"

#include <algorithm>

namespace faultline::transactional {

OnlineLists::OnlineLists() = default;

OnlineLists::Key& OnlineLists::key_at(KeyIndex k) {
  while (k >= keys_.size()) keys_.emplace_back().places.emplace_back();
  return keys_[k];
}

AppendId OnlineLists::find(KeyIndex k, ValueHandle element) const {
  const auto at = appends_.find({element.bits(), k});
  return at == appends_.end() ? no_append : at->second;
}

// --- Events
// ---------------------------------------------------------------------------------------

void OnlineLists::invoke(std::uint32_t process, std::span<const OnlineMicro> asked) {
  const Transaction t = facts_.begin(process, static_cast<AppendId>(added_.size()));
  for (const OnlineMicro& micro : asked)
    if (micro.is_append) add_append(t, micro);
}

void OnlineLists::add_append(Transaction t, const OnlineMicro& micro) {
  const auto append = static_cast<AppendId>(added_.size());
  const ElementOfKey element{micro.element.bits(), micro.key};
  if (!appends_.try_emplace(element, append).second) ended_ = "unsupported";
  Key& key = key_at(micro.key);
  Added added{micro.element, micro.key, t};
  if (const AppendId before = key.last_added; before != no_append && added_[before].by == t) {
    added_[before].is_last = false;
    added.previous = before;
  }
  key.last_added = append;
  if (!unborn_.empty())
    if (const auto at = unborn_.find(element); at != unborn_.end()) {
      added.place = at->second;
      if (added.place != none && !is_contradicted_) key.places[added.place].append = append;
      unborn_.erase(at);
    }
  added_.push_back(added);
}

Transaction OnlineLists::completed(std::uint32_t process, State state) {
  const Transaction t = facts_.end(process, state);
  if (t == nobody) ended_ = "unsupported";
  return t;
}

void OnlineLists::fail_or_info(std::uint32_t process, Fate fate) {
  const Transaction t = completed(process, fate == Fate::info ? State::info : State::failed);
  if (t != nobody) settle_all(t);
}

/// Appends are known by what was asked for.
bool OnlineLists::is_as_asked(Transaction t, std::span<const OnlineMicro> answered) {
  AppendId append = facts_[t].first;
  for (const OnlineMicro& micro : answered) {
    if (!micro.is_append) continue;
    if (append == added_.size()) return false;
    const Added& added = added_[append++];
    if (added.by != t || added.key != micro.key || added.element != micro.element) return false;
  }
  return append == added_.size() || added_[append].by != t;
}

void OnlineLists::ok(std::uint32_t process, std::span<const OnlineMicro> answered) {
  const Transaction t = completed(process, State::ok);
  if (t == nobody) return;
  if (!is_as_asked(t, answered)) {
    ended_ = "unsupported";
    return;
  }
  if (!is_contradicted_) facts_.note_end(t);
  settle_all(t);
  knowledge_.clear();
  AppendId append = facts_[t].first;
  for (const OnlineMicro& micro : answered)
    if (micro.is_append)
      look_at_append(t, micro.key, append++);
    else
      look_at_read(t, micro);
}

void OnlineLists::finish() {
  facts_.end_all([this](Transaction t) { settle_all(t); });
  for (std::size_t i = 0; i < unborn_.size(); ++i) note(Anomaly::garbage_read);
  is_finished_ = true;
  for (KeyIndex k = 0; k < keys_.size() && !is_contradicted_; ++k) advance(k);
}

// --- Who comes before whom
// ------------------------------------------------------------------------

/// It is known whether what stands there happened.
bool OnlineLists::is_settled(const Place& place) const {
  if (place.append == repeated) return true;
  if (place.append == unborn_append || place.append == no_append) return is_finished_;
  return facts_[added_[place.append].by].state != State::open;
}

/// Who appended what stands there, if that is known to have happened.
Transaction OnlineLists::happened(const Place& place) const {
  if (place.append >= repeated) return nobody;
  const Transaction t = added_[place.append].by;
  return facts_.happened(t) ? t : nobody;
}

void OnlineLists::settle_all(Transaction t) {
  if (is_contradicted_) return;
  for (AppendId a = facts_[t].first; a < added_.size() && added_[a].by == t; ++a)
    if (added_[a].place != none) {
      settle(added_[a].key, added_[a].place, true);
      advance(added_[a].key);
    }
}

/// It has just become known what became of who appended what stands there.
void OnlineLists::settle(KeyIndex k, std::uint32_t at, bool was_read) {
  Key& key = keys_[k];
  const Added& added = added_[key.places[at].append];
  const Transaction t = added.by;
  const bool has_failed = facts_[t].state == State::failed;
  release(key.places[at].readers_up_to, [&](Transaction reader) {
    if (has_failed) return;
    facts_.tie(t, reader, Bond::wr);
    note_up_to(reader, added);
  });
  release(key.places[at].readers_before, [&](Transaction reader) {
    if (!has_failed) facts_.tie(reader, t, Bond::rw);
  });
  if (has_failed) {
    key.first_failed = std::min(key.first_failed, at);
    if (was_read) note(Anomaly::G1a);
    return;
  }
  // What is not there yet will come later, if ever.
  if (added.previous != no_append && added_[added.previous].place > at) note(Anomaly::internal);
  tie_versions(key, at);
  tie_versions(key, at + 1);
}

void OnlineLists::tie_versions(const Key& key, std::uint32_t at) {
  if (at == 0 || at >= key.longest.size()) return;
  const Transaction before = happened(key.places[at - 1]), after = happened(key.places[at]);
  if (before == nobody || after == nobody) return;
  const bool certain = facts_[before].state == State::ok && facts_[after].state == State::ok;
  facts_.tie(before, after, certain ? Bond::certain_ww : Bond::ww);
}

/// What needs to know everything before it.
void OnlineLists::advance(KeyIndex k) {
  Key& key = keys_[k];
  for (; key.settled < key.longest.size() && is_settled(key.places[key.settled]); ++key.settled) {
    const Place& place = key.places[key.settled];
    if (place.append >= repeated) continue;
    const Transaction t = added_[place.append].by;
    if (facts_[t].state == State::failed) key.failed_before = true;
    if (facts_[t].state != State::ok) continue;
    if (std::exchange(key.failed_before, false)) note(Anomaly::dirty_update);
    const Transaction before = std::exchange(key.last_certain, t);
    if (key.settled > 0 && happened(key.places[key.settled - 1]) == before) continue;
    facts_.tie(before, t, Bond::skipping);
  }
}

void OnlineLists::wait(std::uint32_t& list, Transaction reader) {
  std::uint32_t cell = free_waiting_;
  if (cell == none) {
    cell = static_cast<std::uint32_t>(waiting_.size());
    waiting_.emplace_back();
  } else {
    free_waiting_ = waiting_[cell].next;
  }
  waiting_[cell] = {reader, list};
  list = cell;
}

void OnlineLists::link_read(Transaction t, Key& key, std::uint32_t version) {
  if (version > 0) {
    Place& last = key.places[version - 1];
    const Transaction writer = happened(last);
    if (writer != nobody) {
      facts_.tie(writer, t, Bond::wr);
      note_up_to(t, added_[last.append]);
    } else if (!is_settled(last)) {
      wait(last.readers_up_to, t);
    }
  }
  Place& next = key.places[version];
  if (const Transaction writer = happened(next); writer != nobody)
    facts_.tie(t, writer, Bond::rw);
  else if (!is_settled(next))
    wait(next.readers_before, t);
}

void OnlineLists::note_up_to(Transaction reader, const Added& last) {
  if (!last.is_last && last.by != reader) note(Anomaly::G1b);
}

std::uint64_t OnlineLists::bytes() const {
  return facts_.bytes() + added_.capacity() * sizeof(Added) + keys_.capacity() * sizeof(Key) +
         place_bytes_ + waiting_.capacity() * sizeof(Waiting) +
         (appends_.bucket_count() + unborn_.bucket_count()) * (sizeof(ElementOfKey) + 8);
}

}  // namespace faultline::transactional
