// A bank as requests and outcomes write it: a read asks for accounts with a map from each to the
// balance that it holds until somebody changes it, and is answered with the balances of all of
// them at one moment; a transfer moves an amount from one of them to another, or does nothing.
// Nobody opens accounts: one that a store knows nothing of holds its opening balance.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/core/value.h"

namespace faultline {

/// What a bank can hold or move, either way: sums of these are far from the end of an integer.
inline constexpr std::int64_t amount_max = 1'000'000'000'000;

/// {"from": "a0", "to": "a1", "amount": 3, "opening": 10, "overdraft": true}
struct Transfer {
  std::string from, to;
  std::int64_t amount = 0;
  std::int64_t opening = 0;  ///< Of both accounts; 0 if nothing is said.
  bool overdraft = false;  ///< `from` may become negative; else an amount that it lacks is refused.
};
/// Nothing if it is none: other members, an amount below 0, or one account twice.
std::optional<Transfer> transfer_of(const Value& value);
Value value_of(const Transfer& transfer);

/// The two new balances, from and to. Nothing if the funds are insufficient.
std::optional<std::pair<std::int64_t, std::int64_t>> moved(const Transfer& transfer,
                                                           std::int64_t from, std::int64_t to);

struct Account {
  std::string name;
  std::int64_t opening = 0;
};
/// Of a read's argument. Nothing if it is no map of such, or empty.
std::optional<std::vector<Account>> accounts_of(const Value& value);

/// What is stored under an account: nil is the opening balance. Nothing if it is no balance.
std::optional<std::int64_t> balance_of(const Value& stored, std::int64_t opening);

}  // namespace faultline
