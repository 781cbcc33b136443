// What the answer of one transaction proves by itself, and of which versions it tells the order.
#include <algorithm>
#include <utility>

#include "checkers/transactional/online_registers.h"

namespace faultline::transactional {

OnlineRegisters::Key& OnlineRegisters::key_at(KeyIndex k, Transaction t) {
  if (k >= keys_.size()) keys_.resize(k + 1);
  Key& key = keys_[k];
  if (key.looked_at_by != t) {
    key = {};
    key.looked_at_by = t;
  }
  return key;
}

/// All that it read of are known to have happened or not, as are all of its process before it.
void OnlineRegisters::look_at(Transaction t, std::span<Met> met) {
  look_at_single(t, met);
  for (const Met& m : met) {
    if (m.is_write || m.version == none || OnlineVersions::is_initial(m.version)) continue;
    const Transaction from = versions_.writer(m.version);
    if (facts_[from].state == State::info) commit_info(from);
  }
  note_updates(t, met);
  relate_by_reads(t, met);
  std::vector<OnlineVersion>& all = versions_met_;
  all.clear();
  for (const Met& m : met)
    if (m.version != none && versions_.is_last(m.version)) all.push_back(m.version);
  for (const Met& m : met)
    if (!m.is_write && m.version != none && versions_.is_last(m.version))
      versions_.note_reader(m.version, t);
  std::erase_if(all, OnlineVersions::is_initial);
  for (const OnlineVersion v : all) versions_.meet(v, t);
  versions_.meet_in_process(t, all);
}

/// Leaves of what it read only what is another one's, which happened.
void OnlineRegisters::look_at_single(Transaction t, std::span<Met> met) {
  OnlineVersion next_own = facts_[t].first;
  for (Met& m : met) {
    const bool is_known = m.key < keys_.size() && keys_[m.key].looked_at_by == t;
    Key& here = key_at(m.key, t);
    if (m.is_write) {
      next_own = m.version + 1;
      if (std::exchange(here.failed, nobody) != nobody) note(Anomaly::dirty_update);
    } else {
      if (is_known && here.value != m.value) note(Anomaly::internal);
      look_at_read(t, m, next_own);
    }
    here.value = m.value;
  }
}

void OnlineRegisters::look_at_read(Transaction t, Met& read, OnlineVersion next_own) {
  if (read.version == none) {
    keys_[read.key].has_unborn = true;
    return;
  }
  if (OnlineVersions::is_initial(read.version)) return;
  const Transaction from = versions_.writer(read.version);
  if (from == t) {
    if (read.version >= next_own) note(Anomaly::future_read);
    read.version = none;
  } else if (!facts_.happened(from)) {
    note(Anomaly::G1a);
    keys_[read.key].failed = from;
    read.version = none;
  } else if (!versions_.is_last(read.version)) {
    note(Anomaly::G1b);
  }
}

/// Lost updates, as note_lost_updates has them (lost_updates.h).
void OnlineRegisters::note_updates(Transaction t, std::span<const Met> met) {
  for (const Met& m : met) {
    Key& here = key_at(m.key, t);
    if (here.has_written) continue;
    if (!m.is_write) {
      if (here.read_first == none && m.version != none && versions_.is_last(m.version))
        here.read_first = m.version;
      continue;
    }
    here.has_written = true;
    // What was not written may be, and then that was what it read first.
    if (here.read_first != none && !here.has_unborn &&
        versions_.exchange_updater(here.read_first, t) != nobody)
      note(Anomaly::lost_update);
  }
}

/// As Registers::pairs_by_reads. Nothing is before a version that is behind nil through another.
void OnlineRegisters::relate_by_reads(Transaction t, std::span<const Met> met) {
  for (const Met& m : met) {
    Key& here = key_at(m.key, t);
    if (m.is_write)
      here.written = m.version;  // the last one stays
    else if (m.version != none && here.read == none && !OnlineVersions::is_initial(m.version) &&
             versions_.is_last(m.version))
      here.read = m.version;
  }
  for (const Met& m : met) {
    if (m.is_write || m.version == none || OnlineVersions::is_initial(m.version)) continue;
    const Transaction w = versions_.writer(m.version);
    facts_.tie(w, t, Bond::wr);
    if (std::exchange(looked_at_[w], t) == t) continue;
    versions_.each_last(w, [&](OnlineVersion v) {
      const KeyIndex k = versions_.key_of(v);
      if (k >= keys_.size() || keys_[k].looked_at_by != t) return;
      Key& here = keys_[k];
      if (here.written != none) {
        versions_.relate(v, here.written, OnlineVersions::depends);
        here.has_before = true;
      }
      if (here.read != none && here.read != v)
        versions_.relate(v, here.read, OnlineVersions::inferred);
    });
  }
  versions_.each_last(t, [&](OnlineVersion v) {
    const KeyIndex k = versions_.key_of(v);
    if (!key_at(k, t).has_before)
      versions_.relate(OnlineVersions::initial(k), v, OnlineVersions::depends);
  });
}

}  // namespace faultline::transactional
