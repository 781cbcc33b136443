// Mode transactions: optimistic transactions over several versions of each key. A moment is a
// number of commands of the log.
//   begin: the moment of what has been applied.
//   read at a moment: the last version of the key by then (read committed: by now).
//   commit: all accesses of the transaction, as one command of the log. When that is
//     applied it takes effect as a whole, or is refused for a conflict, on every node alike.
// A client keeps what its open transaction has changed to itself, and sees it in its own reads.
// What is refused, and why that gives the level:
//   serializable: a key that was read or changed has a version younger than begin. So everything
//     that was read is still true when it commits, which is where it stands in the order; a
//     transaction that changes nothing stands at its begin. Both lie between its request and its
//     answer: strict serializability.
//   snapshot: a key that is changed has. What was only read may have been overwritten since, which
//     two transactions may do to each other (write skew). Begin tells everything that was
//     acknowledged before: strong snapshot isolation.
//   read committed: a key that the transaction read again after it had changed it has, since what
//     it saw there would never have been. Reads of one transaction need not fit together, and what
//     it changes may be based on the past; nothing is seen before it is committed, and no change of
//     a transaction without the others.
// A command may say which rows were searched for as well: what matched at begin, or matches now,
// counts as read. Open transactions become such commands in the end: open_transactions.h.
#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "targets/refkv/versions.h"

namespace refkv {
namespace {

bool is_list(const std::string& value) { return value.front() == '['; }

/// `list` with one element more; "null" is empty.
std::string appended(const std::string& list, const std::string& element) {
  if (!is_list(list)) return "[" + element + "]";
  return list.substr(0, list.size() - 1) + "," + element + "]";
}

/// Why `change` cannot be made to `value`, or nullptr.
const char* objection(const Access& change, const std::string& value) {
  if (change.kind == Access::Kind::write)
    return is_list(value) ? "written to, but it holds a list" : nullptr;
  if (!is_list(value) && value != "null") return "appended to, but it holds no list";
  return value.size() + change.value.size() >= value_bytes_max ? "list too long" : nullptr;
}

bool changes(const Access& access) {
  return access.kind == Access::Kind::write || access.kind == Access::Kind::append;
}

void make(const Access& access, std::string& value) {
  if (access.kind == Access::Kind::write) value = access.value;
  if (access.kind == Access::Kind::append) value = appended(value, access.value);
}

}  // namespace

bool matches(const Match& match, std::string_view value) {
  std::int64_t number = 0;
  const auto parsed = std::from_chars(value.data(), value.data() + value.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != value.data() + value.size()) return false;
  if (match.kind == Match::Kind::equal) return number == match.number;
  return match.kind == Match::Kind::any || number % match.number == 0;
}

Answer VersionsState::apply(const Call& call, std::uint64_t index) {
  if (has_conflict(call)) return Answer::mismatch();
  std::unordered_map<std::string, std::string> after;
  for (const Access& access : call.accesses) {
    if (!changes(access)) continue;
    std::string& value = after.try_emplace(access.key, latest(access.key)).first->second;
    if (const char* why = objection(access, value)) return Answer::refused(why);
    make(access, value);
  }
  for (auto& [key, value] : after) {
    Versions& versions = keys_[key];
    versions.push_back({index, std::move(value)});
    if (versions.size() > versions_max) versions.pop_front();
  }
  return Answer::ok();
}

Answer VersionsState::observe(const Call& call, std::uint64_t applied,
                              std::span<const Call> pending) const {
  if (call.op == Op::begin) return Answer::ok(std::to_string(applied));
  if (bug_ == Bug::dirty_reads) return Answer::ok(with(call.key, pending));
  if (isolation_ == Isolation::read_committed) return Answer::ok(latest(call.key));
  auto value = at(call.key, call.at);
  return value ? Answer::ok(*std::move(value)) : Answer::refused("the snapshot is too old");
}

const std::string& VersionsState::latest(const std::string& key) const {
  static const std::string nil = "null";
  const auto found = keys_.find(key);
  return found == keys_.end() ? nil : found->second.back().value;
}

std::optional<std::string> VersionsState::at(const Versions& versions, std::uint64_t moment) {
  const auto after = std::ranges::upper_bound(versions, moment, {}, &Version::since);
  if (after != versions.begin()) return std::prev(after)->value;
  if (versions.size() == versions_max) return std::nullopt;
  return "null";
}

std::optional<std::string> VersionsState::at(const std::string& key, std::uint64_t moment) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? "null" : at(found->second, moment);
}

bool VersionsState::is_overwritten(const std::string& key, std::uint64_t since) const {
  const auto found = keys_.find(key);
  return found != keys_.end() && found->second.back().since > since;
}

std::vector<VersionsState::Row> VersionsState::latest_rows(const std::string& prefix) const {
  std::vector<Row> rows;
  for_prefix(prefix, [&](const std::string& key, const Versions& versions) {
    rows.push_back({key, versions.back().value});
    return true;
  });
  return rows;
}

std::optional<std::vector<VersionsState::Row>> VersionsState::rows_at(const std::string& prefix,
                                                                      std::uint64_t moment) const {
  std::optional<std::vector<Row>> rows(std::in_place);
  for_prefix(prefix, [&](const std::string& key, const Versions& versions) {
    if (auto value = at(versions, moment))
      rows->push_back({key, *std::move(value)});
    else
      rows.reset();
    return rows.has_value();
  });
  return rows;
}

bool VersionsState::has_conflict(const Call& call) const {
  const bool reads_matter = isolation_ == Isolation::serializable && bug_ != Bug::write_skew;
  std::unordered_set<std::string_view> ignored, changed;
  if (bug_ == Bug::lost_updates)
    for (const Access& access : call.accesses)
      if (changes(access)) ignored.insert(access.key);
  for (const Access& access : call.accesses) {
    if (access.kind == Access::Kind::find) {
      if (reads_matter && is_changed(access, call.at)) return true;
      continue;
    }
    if (ignored.contains(access.key)) continue;
    if (changes(access)) changed.insert(access.key);
    const bool matters = changes(access) ? isolation_ != Isolation::read_committed
                                         : reads_matter || changed.contains(access.key);
    if (matters && is_overwritten(access.key, call.at)) return true;
  }
  return false;
}

/// Whether other rows match than at that moment, or others in their place.
bool VersionsState::is_changed(const Access& find, std::uint64_t since) const {
  bool changed = false;
  for_prefix(find.key, [&](const std::string&, const Versions& versions) {
    if (versions.back().since <= since) return true;
    const auto before = at(versions, since);
    changed = !before || matches(find.match, *before) || matches(find.match, versions.back().value);
    return !changed;
  });
  return changed;
}

/// The bug dirty-reads: with what others are about to commit, as if that were certain.
std::string VersionsState::with(const std::string& key, std::span<const Call> pending) const {
  std::string value = latest(key);
  for (const Call& call : pending)
    for (const Access& access : call.accesses)
      if (access.key == key) make(access, value);
  return value;
}

std::unique_ptr<State> make_versions_state(Isolation isolation, Bug bug) {
  return std::make_unique<VersionsState>(isolation, bug);
}

}  // namespace refkv
