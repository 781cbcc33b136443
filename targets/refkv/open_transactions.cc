#include "targets/refkv/open_transactions.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace refkv {
namespace {

Answer answer_of(const std::string& value) { return Answer::ok(R"({"answer":)" + value + "}"); }

/// [["k",V],…] of those that match.
template <typename Rows>
std::string matching_text(const Rows& rows, const Match& match) {
  std::string text = "[";
  for (const auto& row : rows) {
    if (!matches(match, row.value)) continue;
    text += (text.size() > 1 ? ",[" : "[") + nlohmann::json(row.key).dump() + "," + row.value + "]";
  }
  return text + "]";
}

}  // namespace

Answer OpenTransactions::open(std::uint64_t number, std::uint64_t moment, Clock::time_point now) {
  if (open_.size() >= open_max) return Answer::refused("too many open transactions");
  open_.emplace(number, Transaction{.moment = moment, .asked = now});
  return Answer::ok(std::to_string(number));
}

Answer OpenTransactions::step(const Call& call, Clock::time_point now) {
  const auto found = open_.find(call.transaction);
  if (found == open_.end()) return Answer::refused("no such open transaction");
  Transaction& t = found->second;
  t.asked = now;
  if (t.index != 0) return Answer::refused("it is being committed");
  if (call.op == Op::abort) {
    undo(call.transaction);
    open_.erase(call.transaction);
    return Answer::ok();
  }
  if (call.op == Op::look) return give(call.transaction);
  if (t.waiting || t.is_over) return Answer::refused("its last access has not been answered");
  if (++t.accesses > accesses_each_max) return Answer::refused("too many accesses");
  return begin_access(call.transaction, t, call.accesses.front());
}

Answer OpenTransactions::begin_access(std::uint64_t number, Transaction& t, const Access& access) {
  t.answer = attempt(number, t, access);
  if (!t.answer) {
    t.waiting = access;
    waiting_.push_back(number);
  } else if (t.answer->kind != Answer::Kind::ok) {
    undo(number);
  }
  return give(number);
}

/// What is known of its last access. Of one that was undone this is the end.
Answer OpenTransactions::give(std::uint64_t number) {
  const Transaction& t = open_.at(number);
  if (t.waiting) return Answer::ok(R"({"waits_for":[)" + std::to_string(t.waits_for) + "]}");
  if (!t.answer) return Answer::refused("it has made no access");
  const Answer answer = *t.answer;
  if (t.is_over) open_.erase(number);
  return answer;
}

OpenTransactions::Attempt OpenTransactions::attempt(std::uint64_t number, Transaction& t,
                                                    const Access& access) {
  switch (access.kind) {
    case Access::Kind::read: {
      const auto value = view(number, t, access.key);
      if (!value) return Answer::refused("the snapshot is too old");
      if (isolation_ == Isolation::serializable) t.reads.push_back(access);
      return answer_of(*value);
    }
    case Access::Kind::write:
      return write(number, t, access);
    case Access::Kind::append:
      return Answer::refused("an open transaction does not append");
    case Access::Kind::find:
      return find(number, t, access);
    case Access::Kind::erase:
      break;
  }
  return erase(number, t, access);
}

OpenTransactions::Attempt OpenTransactions::write(std::uint64_t number, Transaction& t,
                                                  const Access& access) {
  if (Lock held = lock(number, t, access.key); !held.is_mine) return std::move(held.end);
  t.own[access.key] = access.value;
  return answer_of(access.value);
}

Answer OpenTransactions::find(std::uint64_t number, Transaction& t, const Access& access) {
  const auto rows = view_rows(number, t, access.key);
  if (!rows) return Answer::refused("the snapshot is too old");
  if (isolation_ == Isolation::serializable) {
    t.reads.push_back(access);
    t.reads.back().kind = Access::Kind::find;
  }
  return answer_of(matching_text(*rows, access.match));
}

OpenTransactions::Attempt OpenTransactions::erase(std::uint64_t number, Transaction& t,
                                                  const Access& access) {
  if (!t.candidates) {
    if (Answer found = find(number, t, access); found.kind != Answer::Kind::ok) return found;
    t.candidates.emplace();
    const auto seen = view_rows(number, t, access.key);
    for (const auto& row : *seen)
      if (matches(access.match, row.value)) t.candidates->push_back(row.key);
  }
  for (const std::string& key : *t.candidates)
    if (Lock held = lock(number, t, key); !held.is_mine) return std::move(held.end);
  Rows deleted;
  const auto candidates = std::exchange(t.candidates, std::nullopt);
  for (const std::string& key : *candidates) {
    const auto value = view(number, t, key);
    if (!value || !matches(access.match, *value)) continue;
    deleted.push_back({key, *value});
    t.own[key] = "null";
  }
  return answer_of(matching_text(deleted, access.match));
}

OpenTransactions::Lock OpenTransactions::lock(std::uint64_t number, Transaction& t,
                                              const std::string& key) {
  const auto [owner, is_new] = owners_.try_emplace(key, number);
  if (!is_new && owner->second != number) {
    if (would_wait_in_circle(number, owner->second))
      return {.is_mine = false, .end = Answer::mismatch("deadlock")};
    t.waits_for = owner->second;
    return {};
  }
  const bool may_change = isolation_ == Isolation::read_committed || bug_ == Bug::lost_updates ||
                          !state_.is_overwritten(key, t.moment);
  if (may_change) return {.is_mine = true, .end = {}};
  return {.is_mine = false, .end = Answer::mismatch("conflict")};
}

bool OpenTransactions::would_wait_in_circle(std::uint64_t number, std::uint64_t other) const {
  for (auto at = open_.find(other); at != open_.end() && at->second.waiting;
       at = open_.find(at->second.waits_for))
    if (at->second.waits_for == number) return true;
  // Or the last one waits for one that is gone: it is about to go on, and will look itself.
  return false;
}

/// The bug dirty-reads: what somebody else has changed and not committed.
std::optional<std::string> OpenTransactions::dirty(std::uint64_t number,
                                                   const std::string& key) const {
  if (bug_ != Bug::dirty_reads) return std::nullopt;
  const auto owner = owners_.find(key);
  if (owner == owners_.end() || owner->second == number) return std::nullopt;
  const auto& own = open_.at(owner->second).own;
  const auto changed = own.find(key);
  return changed == own.end() ? std::nullopt : std::optional(changed->second);
}

std::optional<std::string> OpenTransactions::view(std::uint64_t number, const Transaction& t,
                                                  const std::string& key) const {
  if (const auto own = t.own.find(key); own != t.own.end()) return own->second;
  if (auto others = dirty(number, key)) return others;
  if (isolation_ == Isolation::read_committed) return state_.latest(key);
  return state_.at(key, t.moment);
}

std::optional<OpenTransactions::Rows> OpenTransactions::view_rows(std::uint64_t number,
                                                                  const Transaction& t,
                                                                  const std::string& prefix) const {
  const auto committed = isolation_ == Isolation::read_committed
                             ? std::optional(state_.latest_rows(prefix))
                             : state_.rows_at(prefix, t.moment);
  if (!committed) return std::nullopt;
  std::map<std::string, std::string> rows;
  for (const auto& row : *committed) rows[row.key] = row.value;
  for (const auto& [key, owner] : owners_)
    if (key.starts_with(prefix))
      if (const auto others = dirty(number, key)) rows[key] = *others;
  for (const auto& [key, value] : t.own)
    if (key.starts_with(prefix)) rows[key] = value;
  Rows seen;
  for (auto& [key, value] : rows) seen.push_back({key, std::move(value)});
  return seen;
}

std::variant<Answer, Call> OpenTransactions::finish(std::uint64_t number) {
  const auto found = open_.find(number);
  if (found == open_.end()) return Answer::refused("no such open transaction");
  const Transaction& t = found->second;
  if (t.waiting || t.is_over || t.index != 0)
    return Answer::refused("it waits, is being committed, or is undone");
  if (t.own.empty()) {
    undo(number);  // It may hold rows that it found and did not change.
    open_.erase(number);
    return Answer::ok();
  }
  Call commit{.op = Op::commit, .at = t.moment, .accesses = t.reads};
  for (const auto& [key, value] : t.own)
    commit.accesses.push_back({.kind = Access::Kind::write, .key = key, .value = value});
  if (commit.accesses.size() <= accesses_max) return commit;
  undo(number);
  open_.erase(number);
  return Answer::refused("too many accesses");
}

void OpenTransactions::committing(std::uint64_t number, std::uint64_t index) {
  open_.at(number).index = index;
}

void OpenTransactions::applied(std::uint64_t index) {
  const auto found =
      std::ranges::find(open_, index, [](const auto& each) { return each.second.index; });
  if (found == open_.end()) return;
  release(found->first);
  open_.erase(found);
  retry_waiting();
}

void OpenTransactions::expire(Clock::time_point now) {
  std::vector<std::uint64_t> idle;
  for (const auto& [number, t] : open_)
    if (t.index == 0 && now - t.asked > idle_max) idle.push_back(number);
  for (const std::uint64_t number : idle) {
    undo(number);
    open_.erase(number);
  }
}

void OpenTransactions::release(std::uint64_t number) {
  std::erase_if(owners_, [&](const auto& row) { return row.second == number; });
  std::erase(waiting_, number);
}

void OpenTransactions::undo(std::uint64_t number) {
  Transaction& t = open_.at(number);
  t.is_over = true;
  t.waiting.reset();
  release(number);
  retry_waiting();
}

void OpenTransactions::retry_waiting() {
  for (std::size_t i = 0; i < waiting_.size();) {
    const std::uint64_t number = waiting_[i];
    Transaction& t = open_.at(number);
    // While it is looked at it waits for nobody.
    const Access access = *std::exchange(t.waiting, std::nullopt);
    t.answer = attempt(number, t, access);
    if (!t.answer) {
      t.waiting = access;
      ++i;
      continue;
    }
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
    if (t.answer->kind == Answer::Kind::ok) continue;
    // What it held may be what one before it waits for.
    t.is_over = true;
    release(number);
    i = 0;
  }
}

}  // namespace refkv
