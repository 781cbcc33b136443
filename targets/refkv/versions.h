// What the log of mode transactions comes to: several versions of each key. A moment is a number of
// commands of the log. What is a conflict, by isolation: transactions.cc.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "targets/refkv/state.h"

namespace refkv {

/// Whether it is an integer, and one that matches.
bool matches(const Match& match, std::string_view value);

class VersionsState final : public State {
 public:
  struct Row {
    std::string key, value;
  };

  VersionsState(Isolation isolation, Bug bug) : isolation_(isolation), bug_(bug) {}

  Answer apply(const Call& call, std::uint64_t index) override;
  Answer observe(const Call& call, std::uint64_t applied,
                 std::span<const Call> pending) const override;
  const VersionsState* versions() const override { return this; }

  /// "null" if there is none.
  const std::string& latest(const std::string& key) const;
  /// The last version by then. Nothing if it is not kept any more.
  std::optional<std::string> at(const std::string& key, std::uint64_t moment) const;
  bool is_overwritten(const std::string& key, std::uint64_t since) const;
  /// What there is (was at the moment) under keys with the prefix, by key. Nothing if a version of
  /// one is not kept any more.
  std::vector<Row> latest_rows(const std::string& prefix) const;
  std::optional<std::vector<Row>> rows_at(const std::string& prefix, std::uint64_t moment) const;

  static constexpr std::size_t versions_max = 256;  ///< Of a key.

 private:
  struct Version {
    std::uint64_t since;
    std::string value;
  };
  using Versions = std::deque<Version>;  ///< Oldest first; none is empty.
  using Keys = std::map<std::string, Versions, std::less<>>;

  static std::optional<std::string> at(const Versions& versions, std::uint64_t moment);
  bool has_conflict(const Call& call) const;
  bool is_changed(const Access& find, std::uint64_t since) const;
  std::string with(const std::string& key, std::span<const Call> pending) const;
  /// Calls `each` with every key that begins with `prefix` and its versions, until it says false.
  template <typename Each>
  void for_prefix(const std::string& prefix, Each&& each) const {
    for (auto at = keys_.lower_bound(prefix); at != keys_.end(); ++at)
      if (!at->first.starts_with(prefix) || !each(at->first, at->second)) return;
  }

  const Isolation isolation_;
  const Bug bug_;
  Keys keys_;
};

}  // namespace refkv
