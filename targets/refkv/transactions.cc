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
#include <algorithm>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "targets/refkv/state.h"

namespace refkv {
namespace {

constexpr std::size_t versions_max = 256;

bool is_list(const std::string& value) { return value.front() == '['; }

/// `list` with one element more; "null" is empty.
std::string appended(const std::string& list, const std::string& element) {
  if (!is_list(list)) return "[" + element + "]";
  return list.substr(0, list.size() - 1) + "," + element + "]";
}

class VersionsState final : public State {
 public:
  VersionsState(Isolation isolation, Bug bug) : isolation_(isolation), bug_(bug) {}

  Answer apply(const Call& call, std::uint64_t index) override {
    if (has_conflict(call)) return Answer::mismatch();
    std::unordered_map<std::string, std::string> after;
    for (const Access& access : call.accesses) {
      if (access.kind == Access::Kind::read) continue;
      std::string& value = after.try_emplace(access.key, latest(access.key)).first->second;
      if (const char* why = objection(access, value)) return Answer::refused(why);
      make(access, value);
    }
    for (auto& [key, value] : after) {
      std::deque<Version>& versions = keys_[key];
      versions.push_back({index, std::move(value)});
      if (versions.size() > versions_max) versions.pop_front();
    }
    return Answer::ok();
  }

  Answer observe(const Call& call, std::uint64_t applied,
                 std::span<const Call> pending) const override {
    if (call.op == Op::begin) return Answer::ok(std::to_string(applied));
    if (bug_ == Bug::dirty_reads) return Answer::ok(with(call.key, pending));
    if (isolation_ == Isolation::read_committed) return Answer::ok(latest(call.key));
    const auto found = keys_.find(call.key);
    if (found == keys_.end()) return Answer::ok();
    const std::deque<Version>& versions = found->second;
    const auto after = std::ranges::upper_bound(versions, call.at, {}, &Version::since);
    if (after != versions.begin()) return Answer::ok(std::prev(after)->value);
    if (versions.size() == versions_max) return Answer::refused("the snapshot is too old");
    return Answer::ok();
  }

 private:
  struct Version {
    std::uint64_t since;
    std::string value;
  };

  const std::string& latest(const std::string& key) const {
    static const std::string nil = "null";
    const auto found = keys_.find(key);
    return found == keys_.end() ? nil : found->second.back().value;
  }

  bool is_overwritten(const std::string& key, std::uint64_t since) const {
    const auto found = keys_.find(key);
    return found != keys_.end() && found->second.back().since > since;
  }

  bool has_conflict(const Call& call) const {
    std::unordered_set<std::string_view> changed;
    for (const Access& access : call.accesses) {
      const bool reads = access.kind == Access::Kind::read;
      if (!reads) changed.insert(access.key);
      const bool matters = isolation_ == Isolation::serializable ||
                           (isolation_ == Isolation::snapshot && !reads) ||
                           (reads && changed.contains(access.key));
      if (matters && is_overwritten(access.key, call.at)) return true;
    }
    return false;
  }

  /// Why `change` cannot be made to `value`, or nullptr.
  static const char* objection(const Access& change, const std::string& value) {
    if (change.kind == Access::Kind::write)
      return is_list(value) ? "written to, but it holds a list" : nullptr;
    if (!is_list(value) && value != "null") return "appended to, but it holds no list";
    return value.size() + change.value.size() >= value_bytes_max ? "list too long" : nullptr;
  }

  static void make(const Access& access, std::string& value) {
    if (access.kind == Access::Kind::write) value = access.value;
    if (access.kind == Access::Kind::append) value = appended(value, access.value);
  }

  /// The bug dirty-reads: with what others are about to commit, as if that were certain.
  std::string with(const std::string& key, std::span<const Call> pending) const {
    std::string value = latest(key);
    for (const Call& call : pending)
      for (const Access& access : call.accesses)
        if (access.key == key) make(access, value);
    return value;
  }

  const Isolation isolation_;
  const Bug bug_;
  std::unordered_map<std::string, std::deque<Version>> keys_;  ///< Oldest first; none is empty.
};

}  // namespace

std::unique_ptr<State> make_versions_state(Isolation isolation, Bug bug) {
  return std::make_unique<VersionsState>(isolation, bug);
}

}  // namespace refkv
