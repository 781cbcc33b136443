#include "checkers/transactional/online_registers.h"

#include <algorithm>
#include <utility>

namespace faultline::transactional {

OnlineRegisters::OnlineRegisters(std::optional<std::int64_t> initial)
    : initial_(initial), versions_(facts_) {}

// --- Events --------------------------------------------------------------------------------------

void OnlineRegisters::invoke(std::uint32_t process, std::span<const OnlineMicro> asked) {
  const Transaction t = facts_.begin(process, static_cast<AppendId>(versions_.size()));
  looked_at_.push_back(nobody);
  for (const OnlineMicro& micro : asked)
    if (micro.is_append) add_write(t, micro);
}

void OnlineRegisters::add_write(Transaction t, const OnlineMicro& micro) {
  const auto write = static_cast<OnlineVersion>(versions_.size());
  const ElementOfKey element{micro.element.bits(), micro.key};
  const bool is_initial =
      initial_ && micro.element.is_small_integer() && micro.element.small_integer() == *initial_;
  // A read of what was there at first could be one of it.
  if (is_initial || !writes_.try_emplace(element, write).second) ended_ = "unsupported";
  versions_.add(t, micro.key);
  values_.push_back(micro.element);
  if (unborn_.empty()) return;
  const auto at = unborn_.find(element);
  if (at == unborn_.end()) return;
  early_.emplace(write, std::move(at->second));
  unborn_.erase(at);
}

Transaction OnlineRegisters::completed(std::uint32_t process, State state) {
  const Transaction t = facts_.end(process, state);
  if (t == nobody) ended_ = "unsupported";
  return t;
}

void OnlineRegisters::fail_or_info(std::uint32_t process, Fate fate) {
  const Transaction t = completed(process, fate == Fate::info ? State::info : State::failed);
  if (t != nobody) settle(t);
}

void OnlineRegisters::ok(std::uint32_t process, std::span<const OnlineMicro> answered) {
  const Transaction t = completed(process, State::ok);
  if (t == nobody) return;
  facts_.note_end(t);
  settle(t);
  take_answer(t, answered);
}

/// Looks at it, or has it wait. Writes are known by what was asked for.
void OnlineRegisters::take_answer(Transaction t, std::span<const OnlineMicro> answered) {
  OnlineVersion write = facts_[t].first;
  const auto is_own = [&] { return write < versions_.size() && versions_.writer(write) == t; };
  std::vector<Transaction> awaited;
  met_.clear();
  for (const OnlineMicro& micro : answered) {
    versions_.note_key(micro.key);
    if (!micro.is_append) {
      const OnlineVersion seen = find_read(t, micro);
      const bool is_write = seen != none && !OnlineVersions::is_initial(seen);
      if (is_write && facts_[versions_.writer(seen)].state == State::open)
        awaited.push_back(versions_.writer(seen));
      met_.push_back({micro.key, false, seen, micro.element});
      continue;
    }
    const bool is_as_asked =
        is_own() && versions_.key_of(write) == micro.key && values_[write] == micro.element;
    if (!is_as_asked) ended_ = "unsupported";
    met_.push_back({micro.key, true, write++, micro.element});
  }
  if (is_own()) ended_ = "unsupported";
  if (!ended_.empty()) return;
  const std::uint32_t process = facts_[t].process;
  if (awaited.empty() && !sessions_.contains(process)) return look_at(t, met_);
  for (const Transaction writer : awaited) awaited_[writer].push_back(process);
  sessions_[process].answers.push_back({t, met_, std::move(awaited)});
}

OnlineVersion OnlineRegisters::find_read(Transaction t, const OnlineMicro& micro) {
  const ValueHandle value = micro.element;
  const bool is_initial =
      initial_ ? value.is_small_integer() && value.small_integer() == *initial_ : value.is_nil();
  if (is_initial) return OnlineVersions::initial(micro.key);
  // It is not nil that was there at first.
  if (value.is_nil()) ended_ = "unsupported";
  const ElementOfKey element{value.bits(), micro.key};
  const auto at = writes_.find(element);
  if (at != writes_.end()) return at->second;
  unborn_[element].push_back(t);
  return none;
}

void OnlineRegisters::finish() {
  facts_.end_all([this](Transaction t) { settle(t); });
  for (const auto& [element, readers] : unborn_)
    for (std::size_t i = 0; i < readers.size(); ++i) note(Anomaly::garbage_read);
}

// --- Who waits -----------------------------------------------------------------------------------

/// It has just become known what became of it.
void OnlineRegisters::settle(Transaction t) {
  if (!early_.empty()) settle_early(t);
  const auto at = awaited_.find(t);
  if (at == awaited_.end()) return;
  const std::vector<std::uint32_t> processes = std::move(at->second);
  awaited_.erase(at);
  for (const std::uint32_t process : processes) go_on(process);
}

/// Who read of it before it was asked for.
void OnlineRegisters::settle_early(Transaction t) {
  for (OnlineVersion v = facts_[t].first; v < versions_.size() && versions_.writer(v) == t; ++v) {
    const auto at = early_.find(v);
    if (at == early_.end()) continue;
    for (const Transaction reader : at->second)
      if (facts_.happened(t))
        facts_.tie(t, reader, Bond::wr);
      else
        note(Anomaly::G1a);
    early_.erase(at);
  }
}

void OnlineRegisters::go_on(std::uint32_t process) {
  const auto is_open = [this](Transaction t) { return facts_[t].state == State::open; };
  for (;;) {
    const auto at = sessions_.find(process);
    if (at == sessions_.end()) return;
    Session& session = at->second;
    if (session.answers.empty()) {
      const Transaction info = session.info;
      sessions_.erase(at);
      if (info == nobody) return;
      versions_met_.clear();
      versions_.each_last(info, [this](OnlineVersion v) { versions_met_.push_back(v); });
      return versions_.meet_in_process(info, versions_met_);
    }
    if (std::ranges::any_of(session.answers.front().awaited, is_open)) return;
    Answer answer = std::move(session.answers.front());
    session.answers.pop_front();
    look_at(answer.transaction, answer.met);
  }
}

/// Something of it was read.
void OnlineRegisters::commit_info(Transaction t) {
  if (!committed_infos_.insert(t).second) return;
  versions_met_.clear();
  versions_.each_last(t, [&](OnlineVersion v) {
    versions_.relate(OnlineVersions::initial(versions_.key_of(v)), v, OnlineVersions::depends);
    versions_.meet(v, t);
    versions_met_.push_back(v);
  });
  const auto session = sessions_.find(facts_[t].process);
  if (session != sessions_.end())
    session->second.info = t;
  else
    versions_.meet_in_process(t, versions_met_);
}

std::uint64_t OnlineRegisters::bytes() const {
  return facts_.bytes() + versions_.bytes() + writes_.bucket_count() * 24 +
         values_.capacity() * sizeof(ValueHandle) + keys_.capacity() * sizeof(Key) +
         (unborn_.size() + early_.size() + awaited_.size() + sessions_.size()) * 128 +
         looked_at_.capacity() * sizeof(Transaction);
}

}  // namespace faultline::transactional
