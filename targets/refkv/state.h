// What the commands of the log come to, in modes leader and transactions: the same on every node
// that applies the same log.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "targets/refkv/options.h"
#include "targets/refkv/types.h"

namespace refkv {

class VersionsState;

class State {
 public:
  virtual ~State() = default;
  /// Command number `index` of the log, from 1, one after the other.
  virtual Answer apply(const Call& call, std::uint64_t index) = 0;
  /// A call that changes nothing. `applied` commands have been applied; `pending` are those that
  /// the log has beyond, which may still be refused, or never come to pass.
  virtual Answer observe(const Call& call, std::uint64_t applied,
                         std::span<const Call> pending) const = 0;
  /// Nothing but in mode transactions.
  virtual const VersionsState* versions() const { return nullptr; }
};

/// One value a key: reads, writes and compare-and-sets.
std::unique_ptr<State> make_registers_state();
/// Several versions a key: transactions. See transactions.cc.
std::unique_ptr<State> make_versions_state(Isolation isolation, Bug bug);
/// The one for `options.mode`.
std::unique_ptr<State> make_state(const Options& options);

}  // namespace refkv
